"""Tests below this folder need MXNet."""

import importlib.util

import pytest


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("mxnet") is None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="MXNet is not installed"))
