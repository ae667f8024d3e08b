"""Values and their ceilings."""

import msgspec
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
    ("metric", "value", "ceiling"),
    [
        ("macs", 100, 10**9),
        ("flops", 207, 10**9),  # 2 * 100 + 7 biases
        ("params", 30, 10**9),
        ("param_bytes", 120, 10**9),
        ("latency_p50", 0.04, 0.5),
        ("latency_p90", 0.05, 0.5),
        ("latency_p99", 0.06, 0.5),
        ("latency_mean", 0.041, 0.5),
    ],
)
def test_each_metric_is_judged_by_its_own_value(metric, value, ceiling):
    (finding,) = judge(report(layer("a", macs=100, bias=7, params=30)), TIMING, **{metric: ceiling})
    assert (finding.gate, finding.metric, finding.verdict) == ("budget", metric, Verdict.PASSED)
    assert (finding.value, finding.reference) == (value, ceiling)


def test_params_are_those_that_train_and_bytes_are_of_all():
    """2 trainable, 3 frozen and 4 auxiliary numbers of 4 bytes."""
    measured = CostReport((), Params(trainable=2, frozen=3, auxiliary=4, bytes=36), {})
    assert [finding.value for finding in judge(measured, params=99, param_bytes=99)] == [2, 36]


@pytest.mark.parametrize(
    ("ceiling", "told"),
    [
        ("1 G", "macs 1.815 G is over the budget of 1 G (+81.41%)"),
        ("2 G", "macs 1.81 G is within the budget of 2 G"),
        ("1.82 G", "macs 1.81 G is within the budget of 1.82 G"),
        ("1.814 G", "macs 1.8141 G is over the budget of 1.814 G (less than +0.01%)"),  # 1.815 G would be +0.06%
        ("1.814073344 G", "macs 1,814,073,344 is within the budget of 1,814,073,344"),
        ("1.814073343 G", "macs 1.814074 G is over the budget of 1.814073343 G (less than +0.01%)"),
        (2_000_000_000, "macs 1,814,073,344 is within the budget of 2,000,000,000"),
        ("2000000 k", "macs 1814073 k is within the budget of 2000000 k"),
        ("1000 T", "macs 0.00181 T is within the budget of 1000 T"),
    ],
)
def test_the_message_is_in_the_unit_of_the_budget(ceiling, told):
    (finding,) = judge(report(layer("a", macs=1_814_073_344)), macs=ceiling)
    assert finding.message == told


def test_bytes_and_durations_too():
    """46,796,476 bytes are 44.6 MiB; a few bytes have no digit in six decimals of a GiB."""
    measured = CostReport((), Params(bytes=46_796_476), {})
    (megabytes,), (plain,) = judge(measured, param_bytes="50 MiB"), judge(measured, param_bytes=50_000_000)
    assert megabytes.message == "param_bytes 44.6 MiB is within the budget of 50 MiB"
    assert plain.message == "param_bytes 46,796,476 is within the budget of 50,000,000"
    (few,) = judge(CostReport((), Params(bytes=12), {}), param_bytes="1 GiB")
    assert few.message == "param_bytes 12 is within the budget of 1,073,741,824"
    (over,), (seconds,) = judge(report(), TIMING, latency_p99="40 ms"), judge(report(), TIMING, latency_p99=0.1)
    assert over.message == "latency_p99 60.00 ms is over the budget of 40 ms (+50.00%)"
    assert seconds.message == "latency_p99 60.0 ms is within the budget of 100 ms"


@pytest.mark.parametrize(
    ("macs", "ceiling", "shown"),
    [
        (18_137_408, "16 M", "18.14 M"),
        (18_137_408, "18.1 M", "18.14 M"),
        (18_130_001, "16 M", "18.14 M"),  # 18.13 M would not hold
        (18_140_001, "18.14 M", "18.140001 M"),
        (1_814_073_344, "1.814073343 G", "1.814074 G"),
    ],
)
def test_a_budget_of_the_figure_in_the_message_passes(macs, ceiling, shown):
    (finding,) = judge(report(layer("a", macs=macs)), macs=ceiling)
    assert finding.message.startswith(f"macs {shown} is over the budget of {ceiling} (")
    (again,) = judge(report(layer("a", macs=macs)), macs=shown)
    assert again.verdict is Verdict.PASSED


def test_an_item_s_share_is_rounded_up_too():
    """300,001 MACs of 3 items are 100,000.33 each. 31 of 3 are 10.33."""
    for macs, ceiling, shown in ((300_001, "99 k", "100.1 k"), (300_001, 99_999, "100,001"), (31, 10, "10.3334")):
        budget = parse_budget({"macs_per_item": ceiling}, where="here")
        (finding,) = judge_budget(budget, report(layer("a", macs=macs)), None, unmeasured_because="", batch=3)
        assert finding.message.startswith(f"macs_per_item {shown} is over the budget of ")


def test_a_duration_without_a_unit_never_looks_like_its_ceiling():
    timing = Timing.of([0.040001])
    (over,), (within,) = judge(report(), timing, latency_p50=0.04), judge(report(), timing, latency_p50=0.0400011)
    assert over.message == "latency_p50 40.001 ms is over the budget of 40 ms (less than +0.01%)"
    assert within.message == "latency_p50 40.0 ms is within the budget of 40.0011 ms"


@pytest.mark.parametrize("ceiling", [0, "0 G"])
def test_a_ceiling_of_0_allows_nothing(ceiling):
    (nothing,) = judge(report(), macs=ceiling)
    assert nothing.verdict is Verdict.PASSED
    (finding,) = judge(report(layer("a", macs=1)), macs=ceiling)
    assert finding.message.startswith("macs 1 is over the budget of 0 (from 0)")


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


def test_a_budget_for_one_item_of_the_batch():
    """300 MACs of a batch of 4 are 75 each; 40 ms are 10."""
    budget = parse_budget({"macs_per_item": 74, "latency_p50_per_item": "10 ms"}, where="here")
    macs, latency = judge_budget(budget, report(layer("a", macs=300)), TIMING, unmeasured_because="", batch=4)
    assert (macs.verdict, macs.value, macs.message) == (
        *(Verdict.OVER_BUDGET, 75, "macs_per_item 75 is over the budget of 74 (+1.35%)"),
    )
    assert (latency.verdict, latency.value) == (Verdict.PASSED, 0.01)
    (third,) = judge_budget(
        parse_budget({"macs_per_item": 100}, where=""),
        report(layer("a", macs=299)),
        None,
        unmeasured_because="",
        batch=3,
    )
    assert third.value == pytest.approx(99.667, abs=1e-3)


def test_the_latency_of_one_item_is_that_of_the_batch_that_was_timed():
    """A batch of 8 was counted, and one of 1 was timed, which took 40 ms."""
    budget = parse_budget({"macs_per_item": 100, "latency_p50_per_item": "10 ms"}, where="here")
    timed = msgspec.structs.replace(TIMING, batch=1)
    macs, latency = judge_budget(budget, report(layer("a", macs=800)), timed, unmeasured_because="", batch=8)
    assert (macs.verdict, macs.value) == (Verdict.PASSED, 100)
    assert (latency.verdict, latency.value) == (Verdict.OVER_BUDGET, 0.04)


def test_a_batch_has_one_item_if_nobody_says_more():
    (finding,) = judge(report(layer("a", macs=300)), macs_per_item=300)
    assert (finding.verdict, finding.value) == (Verdict.PASSED, 300)


@pytest.mark.parametrize(("macs", "verdict"), [(4, Verdict.PASSED), (5, Verdict.OVER_BUDGET)])
def test_the_share_of_an_item_is_exact(macs, verdict):
    """4 x (10^17 + 1) of 4 items meet 10^17 + 1; a fourth more is over. As floats the two are equal."""
    budget = parse_budget({"macs_per_item": 10**17 + 1}, where="here")
    measured = report(layer("a", macs=4 * 10**17 + macs))
    (finding,) = judge_budget(budget, measured, None, unmeasured_because="", batch=4)
    assert finding.verdict is verdict
