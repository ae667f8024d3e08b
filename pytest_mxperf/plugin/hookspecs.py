"""The hooks that another plugin or a conftest.py can implement. docs/extending.md shows each at work."""

from typing import TYPE_CHECKING, Iterable, Optional

import pytest

if TYPE_CHECKING:
    from pytest_mxperf.gate.own_metrics import Metric
    from pytest_mxperf.report.run import RunReport, Section


def pytest_mxperf_metrics(config: pytest.Config) -> "Iterable[Metric]":  # type: ignore[empty-body]
    """Returns the ``pytest_mxperf.Metric``s that budgets and baselines may name beside those of pytest-mxperf.

    Called for each test with a model; a conftest.py adds metrics to the tests of its own folder.
    """


def pytest_mxperf_report_section(config: pytest.Config, run: "RunReport") -> "Optional[Section]":
    """Returns a ``pytest_mxperf.Section`` that is added to each report, or None.

    Called once, when all tests have finished, in the process that reports, if a report is asked for. ``run`` has the
    results of all tests.
    """
    return None
