"""Growth over a baseline, and what allows it."""

from math import log10

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mxperf.baseline.record import Recorded
from pytest_mxperf.gate.baseline import judge_baseline, judge_recorded
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.limits import parse_tolerances
from pytest_mxperf.spec import InputSpec
from tests.unit.gate.models import EXACT, baseline, layer
from tests.words import WORDS


def judge(before, now, **tolerances):
    """The findings by metric."""
    parsed = parse_tolerances(tolerances, where="here")
    return {finding.metric: finding for finding in judge_baseline(parsed, now, before, words=WORDS)}


def test_an_unchanged_model_passes_every_metric():
    """1234 MACs and 6 biases are 2474 FLOPs."""
    same = baseline(layer("a", macs=1234, bias=6, params=50))
    findings = judge(same, same)
    assert {metric: (finding.verdict, finding.value) for metric, finding in findings.items()} == {
        "macs": (Verdict.PASSED, 1234),
        "flops": (Verdict.PASSED, 2474),
        "params": (Verdict.PASSED, 50),
        "param_bytes": (Verdict.PASSED, 200),
    }
    assert findings["macs"].message == "macs 1,234, unchanged"


@pytest.mark.parametrize(
    ("now", "tolerance", "verdict"),
    [
        (1000, "0%", Verdict.PASSED),
        (1001, "0%", Verdict.REGRESSED),
        (999, "0%", Verdict.IMPROVED),
        (1050, "5%", Verdict.PASSED),
        (1051, "5%", Verdict.REGRESSED),
        (1050, 0.05, Verdict.PASSED),
        (1001, "0.1%", Verdict.PASSED),
        (1002, "0.1%", Verdict.REGRESSED),
        (999, "5%", Verdict.IMPROVED),
    ],
)
def test_growth_up_to_the_tolerance_passes_and_one_more_does_not(now, tolerance, verdict):
    findings = judge(baseline(layer("a", macs=1000)), baseline(layer("a", macs=now)), macs=tolerance)
    assert findings["macs"].verdict is verdict


@given(st.integers(min_value=1, max_value=10**30))
def test_a_tolerance_is_exact_for_numbers_of_any_size(twentieth):
    """5% of 20n is n."""
    before = baseline(layer("a", macs=20 * twentieth))
    limit, over = baseline(layer("a", macs=21 * twentieth)), baseline(layer("a", macs=21 * twentieth + 1))
    assert judge(before, limit, macs="5%")["macs"].verdict is Verdict.PASSED
    assert judge(before, over, macs="5%")["macs"].verdict is Verdict.REGRESSED


def test_the_message_says_both_values_the_growth_and_what_is_allowed():
    findings = judge(baseline(layer("a", macs=1000)), baseline(layer("a", macs=1200)), macs="5%")
    finding = findings["macs"]
    assert finding.message.splitlines()[0] == "macs 1,000 -> 1,200 (+20.00%, allowed +5%)"
    assert (finding.gate, finding.value, finding.reference, finding.allowed_growth) == (
        "baseline",
        1200,
        1000,
        0.05,
    )


@pytest.mark.parametrize(
    ("now", "growth"),
    [
        (10_001, "+0.01%"),
        (9_999, "-0.01%"),
        (10_000_001, "less than +0.01%"),
        (9_999_999, "less than -0.01%"),
        (10**17 + 1, "less than +0.01%"),  # as floats, it is equal to 10**17
    ],
)
def test_a_growth_too_small_for_two_decimals_is_not_called_none(now, growth):
    reference = 10 ** round(log10(now))
    finding = judge(baseline(layer("a", macs=reference)), baseline(layer("a", macs=now)))["macs"]
    assert finding.message == f"macs {reference:,} -> {now:,} ({growth}, allowed +0%)"


def test_an_improvement_says_by_how_much():
    finding = judge(baseline(layer("a", macs=1000)), baseline(layer("a", macs=750)))["macs"]
    assert finding.message == "macs 1,000 -> 750 (-25.00%, allowed +0%)"


def test_growth_from_nothing_is_a_regression_at_any_tolerance():
    finding = judge(baseline(layer("a", bias=1)), baseline(layer("a", bias=1, macs=5)), macs="100%")["macs"]
    assert finding.verdict is Verdict.REGRESSED
    assert finding.message.splitlines()[0] == "macs 0 -> 5 (from 0, allowed +100%)"


def test_flops_take_the_tolerance_of_macs():
    """+10% MACs are +10% FLOPs here."""
    findings = judge(baseline(layer("a", macs=1000)), baseline(layer("a", macs=1100)), macs="10%")
    assert findings["flops"].verdict is Verdict.PASSED
    assert findings["flops"].allowed_growth == 0.1


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (
            baseline(inputs={"data": InputSpec((8, 3))}),
            "recorded with input data (8, 3) float32, now (1, 3) float32",
        ),
        (
            baseline(convention="mxperf-0"),
            "counted under convention mxperf-0, this version counts under mxperf-1",
        ),
    ],
    ids=["inputs", "convention"],
)
def test_what_was_counted_differently_is_incomparable_and_never_a_regression(before, reason):
    (finding,) = judge_baseline(EXACT, baseline(layer("a", macs=5)), before, words=WORDS)
    assert (finding.gate, finding.metric, finding.verdict) == ("baseline", "all", Verdict.INCOMPARABLE)
    is_shared = "if another model uses this baseline, give this one another name; otherwise "
    remedy = (is_shared if reason.startswith("recorded with") else "") + "record it again with --update net"
    assert finding.message == f"cannot be compared: {reason}; {remedy}"


RECORDED = Recorded("1.9.1", "OPEN", ("OPENMP",), "MKLDNN", "Module", "none")


def test_another_mxnet_is_a_finding_that_names_it():
    before = msgspec.structs.replace(RECORDED, mxnet="1.8.0", blas="MKL")
    (finding,) = judge_recorded(before, RECORDED, words=WORDS)
    assert (finding.gate, finding.metric, finding.verdict) == ("baseline", "mxnet", Verdict.OTHER_MXNET)
    assert finding.message == (
        "recorded under MXNet 1.8.0, this is 1.9.1; with BLAS MKL, this is OPEN; record it again with --update net"
    )


def test_the_same_one_and_an_unknown_one_are_none():
    assert judge_recorded(RECORDED, RECORDED, words=WORDS) == []
    assert judge_recorded(None, RECORDED, words=WORDS) == []
