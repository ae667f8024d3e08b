"""The hooks that another plugin or a conftest.py can implement. docs/extending.md shows each at work."""

from typing import TYPE_CHECKING, Iterable

import pytest

if TYPE_CHECKING:
    from pytest_mxperf.gate.own_metrics import Metric


def pytest_mxperf_metrics(config: pytest.Config) -> "Iterable[Metric]":  # type: ignore[empty-body]
    """Returns the ``pytest_mxperf.Metric``s that budgets and baselines may name beside those of pytest-mxperf.

    Called for each test with a model; a conftest.py adds metrics to the tests of its own folder.
    """
