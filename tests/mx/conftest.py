"""Tests below this folder need MXNet."""

import pytest


@pytest.fixture(autouse=True)
def _needs_mxnet():
    pytest.importorskip("mxnet")
