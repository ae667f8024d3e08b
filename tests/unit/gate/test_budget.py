"""Values and their ceilings."""

import pytest

from pytest_mxperf.cost.result import CostReport, Params
from pytest_mxperf.gate.budget import judge_budget
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.limits import parse_budget
from pytest_mxperf.latency.timing import Timing
from tests.unit.gate.models import layer, report

TIMING = Timing(samples=100, mean=0.041, min=0.03, p50=0.04, p90=0.05, p99=0.06)


def judge(measured, timing=None, because="the test did not call mxperf_benchmark", **ceilings):
    return judge_budget(parse_budget(ceilings, where="here"), measured, timing, unmeasured_because=because)


@pytest.mark.parametrize(
    ("ceiling", "verdict"),
    [(1_814_073_344, Verdict.PASSED), ("1.814073344 G", Verdict.PASSED), (1_814_073_343, Verdict.OVER_BUDGET)],
)
def test_the_ceiling_itself_is_allowed_and_one_more_is_not(ceiling, verdict):
    (finding,) = judge(report(layer("a", macs=1_814_073_344)), macs=ceiling)
    assert finding.verdict is verdict
    assert finding.value == 1_814_073_344


@pytest.mark.parametrize(("ceiling", "verdict"), [(10**17 + 1, Verdict.PASSED), (10**17, Verdict.OVER_BUDGET)])
def test_numbers_that_no_float_holds_are_told_apart(ceiling, verdict):
    """As floats, 10**17 + 1 and 10**17 are equal."""
    (finding,) = judge(report(layer("a", macs=10**17 + 1)), macs=ceiling)
    assert finding.verdict is verdict


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("macs", 100),
        ("flops", 207),  # 2 * 100 + 7 biases
        ("params", 30),
        ("param_bytes", 120),
        ("latency_p50", 0.04),
        ("latency_p90", 0.05),
        ("latency_p99", 0.06),
        ("latency_mean", 0.041),
    ],
)
def test_each_metric_is_judged_by_its_own_value(metric, value):
    (finding,) = judge(report(layer("a", macs=100, bias=7, params=30)), TIMING, **{metric: 10**9})
    assert (finding.gate, finding.metric, finding.verdict) == ("budget", metric, Verdict.PASSED)
    assert (finding.value, finding.reference) == (value, 10**9)


def test_params_are_those_that_train_and_bytes_are_of_all():
    """2 trainable, 3 frozen and 4 auxiliary numbers of 4 bytes."""
    measured = CostReport((), Params(trainable=2, frozen=3, auxiliary=4, bytes=36), {})
    assert [finding.value for finding in judge(measured, params=99, param_bytes=99)] == [2, 36]


def test_the_message_shows_counts_to_the_last_digit():
    """1,814,073,344 / 10**9 is 1.81407: 81.41% over."""
    measured = report(layer("a", macs=1_814_073_344))
    (over,) = judge(measured, macs="1 G")
    assert over.message == "macs 1,814,073,344 is over the budget of 1,000,000,000 (+81.41%)"
    (within,) = judge(measured, macs="2 G")
    assert within.message == "macs 1,814,073,344 is within the budget of 2,000,000,000"


def test_the_message_shows_durations_in_human_units():
    (finding,) = judge(report(), TIMING, latency_p99="40 ms")
    assert finding.verdict is Verdict.OVER_BUDGET
    assert finding.message == "latency_p99 60.0 ms is over the budget of 40.0 ms (+50.00%)"


@pytest.mark.parametrize("ceiling", [0, "0 G"])
def test_a_ceiling_of_0_allows_nothing(ceiling):
    (nothing,) = judge(report(), macs=ceiling)
    assert nothing.verdict is Verdict.PASSED
    (finding,) = judge(report(layer("a", macs=1)), macs=ceiling)
    assert finding.message == "macs 1 is over the budget of 0 (from 0)"


def test_a_latency_that_was_not_measured_is_no_pass():
    (finding,) = judge(report(), None, latency_p50="40 ms")
    assert (finding.verdict, finding.value, finding.reference) == (Verdict.UNMEASURED, None, 0.04)
    assert finding.message == "latency_p50 was not measured: the test did not call mxperf_benchmark"


def test_a_throughput_is_no_latency():
    queued = Timing.of([0.001], queued_forwards=32)
    (finding,) = judge(report(), queued, because="a throughput", latency_p50="40 ms")
    assert finding.verdict is Verdict.UNMEASURED
    assert finding.message == "latency_p50 was not measured: a throughput"


def test_costs_are_judged_without_a_timing():
    findings = judge(report(layer("a", macs=3)), None, macs=2, latency_p50="40 ms", params=1)
    assert [finding.verdict for finding in findings] == [
        Verdict.OVER_BUDGET,
        Verdict.UNMEASURED,
        Verdict.PASSED,
    ]


def test_no_budget_has_no_findings():
    assert judge(report(layer("a", macs=3))) == []
