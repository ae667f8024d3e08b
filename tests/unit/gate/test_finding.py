"""Verdicts."""

import pytest

from pytest_mxperf.gate.finding import Finding, Verdict


@pytest.mark.parametrize(
    ("verdict", "is_good"), [(verdict, verdict.name in ("PASSED", "IMPROVED", "ADVICE")) for verdict in Verdict]
)
def test_what_is_good(verdict, is_good):
    assert verdict.is_good is is_good


def test_only_another_plugins_metric_brings_a_unit():
    """Reports show a value in it, and else in the unit of the metric's name."""
    assert Finding("budget", "macs", Verdict.PASSED, "").unit == ""
