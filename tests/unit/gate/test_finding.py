"""Verdicts."""

import pytest

from pytest_mxperf.gate.finding import Verdict


@pytest.mark.parametrize(
    ("verdict", "is_good"), [(verdict, verdict.name in ("PASSED", "IMPROVED", "ADVICE")) for verdict in Verdict]
)
def test_what_is_good(verdict, is_good):
    assert verdict.is_good is is_good
