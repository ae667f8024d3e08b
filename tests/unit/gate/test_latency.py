"""What a comparison is told as."""

import math
from fractions import Fraction

import pytest

from pytest_mxperf.baseline.record import WallTime
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.latency import (
    can_be_timed,
    cannot_be_timed,
    judge_latency,
    judge_wall_time,
    judge_weights,
)
from pytest_mxperf.latency.comparison import Comparison, Sample
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision, Outcome
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.spec import RunAs
from tests.words import WORDS

QUIET = Conditions(wall_seconds=1.0, cpu_seconds=1.0)
BUSY = Conditions(wall_seconds=1.0, cpu_seconds=0.5)
ALLOWED = Fraction("0.025")


def compared(outcome, growth, low, high, *, samples=4, reason="", conditions=QUIET, processes=1, **more):
    decision = Decision(outcome, growth, low, high, samples, reason)
    return Comparison(decision, 3.24, conditions, (Sample(0.0),) * samples, 7, processes, **more)


def test_a_pass_says_how_much_it_can_be_at_most():
    finding = judge_latency(ALLOWED, compared(Outcome.PASSED, 0.004, -0.01, 0.019), over="its baseline")
    assert (finding.gate, finding.metric, finding.verdict) == ("latency", "latency", Verdict.PASSED)
    assert finding.message == (
        "latency +0.4% (at most +1.9%), allowed +2.5% over its baseline; 4 samples in one process, 3.2 s; "
        "timed as a Module"
    )
    assert (finding.value, finding.allowed_growth) == (0.004, 0.025)


def test_a_regression_says_how_much_it_is_at_least_and_what_went_on():
    slower = compared(Outcome.REGRESSED, 0.052, 0.041, 0.064, samples=8, conditions=BUSY, processes=2)
    finding = judge_latency(ALLOWED, slower, over="its baseline")
    assert finding.verdict is Verdict.REGRESSED
    assert finding.message == (
        "latency +5.2% (at least +4.1%), allowed +2.5% over its baseline; 8 samples in two processes, 3.2 s; "
        "timed as a Module\n"
        "meanwhile: the measuring process had a core 50% of the time"
    )


@pytest.mark.parametrize(
    ("low", "allowed", "shown"),
    [
        (0.05031, "0.05", "(at least +5.03%), allowed +5.0% over"),
        (0.050004, "0.05", "(at least +5.000%), allowed +5.0% over"),  # not for ever
        (0.06, "0.0225", "(at least +6.0%), allowed +2.25% over"),
    ],
)
def test_a_growth_that_is_hardly_too_much_does_not_look_equal_to_what_is_allowed(low, allowed, shown):
    slower = compared(Outcome.REGRESSED, 0.07, low, 0.09)
    assert shown in judge_latency(Fraction(allowed), slower, over="its baseline").message


def test_what_is_unclear_says_why():
    unclear = compared(Outcome.INCONCLUSIVE, 0.024, -0.01, 0.06, reason="not clear after 12 samples", conditions=BUSY)
    finding = judge_latency(ALLOWED, unclear, over="its baseline")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.message == (
        "latency +2.4% (between -1.0% and +6.0%), allowed +2.5% over its baseline: not clear after 12 samples; "
        "timed as a Module\n"
        "meanwhile: the measuring process had a core 50% of the time"
    )


def test_bounds_that_are_none_are_not_shown():
    unclear = compared(Outcome.INCONCLUSIVE, 0.4, -1.0, math.inf, samples=1, reason="1 s are too short")
    message = judge_latency(ALLOWED, unclear, over="its baseline").message
    assert message == "latency +40.0%, allowed +2.5% over its baseline: 1 s are too short; timed as a Module"


STATIC = RunAs("gluon", static_alloc=True)
NOTES = ("the activations of conv3 are constant", "conv7 was scaled by 2")


def test_it_says_how_both_were_run_and_what_is_not_as_in_a_real_network():
    passed = compared(Outcome.PASSED, 0.004, -0.01, 0.019, run_as=STATIC, notes=NOTES)
    assert judge_latency(ALLOWED, passed, over="its baseline").message == (
        "latency +0.4% (at most +1.9%), allowed +2.5% over its baseline; 4 samples in one process, 3.2 s; "
        "timed as a hybridized block (static_alloc)\n"
        "note: the activations of conv3 are constant\n"
        "note: conv7 was scaled by 2"
    )
    assert judge_weights(Fraction(1, 4), passed).message.splitlines()[1:] == [f"note: {note}" for note in NOTES]


def test_on_the_day_of_its_recording_a_model_can_be_timed():
    finding = can_be_timed(STATIC, "", NOTES[:1])
    assert (finding.metric, finding.verdict) == ("latency", Verdict.PASSED)
    assert finding.message == (
        "latency: can be timed, as a hybridized block (static_alloc)\nnote: the activations of conv3 are constant"
    )


def test_or_would_take_too_long():
    finding = can_be_timed(STATIC, "15 s are too short at 6.8 s a sample; try --mxperf-latency-seconds=55", ())
    assert (finding.verdict, finding.message) == (
        Verdict.INCONCLUSIVE,
        "latency: a change of this model could not be judged, timed as a hybridized block (static_alloc): 15 s are too "
        "short at 6.8 s a sample; try --mxperf-latency-seconds=55",
    )


def test_or_cannot_be_timed_and_what_to_do():
    finding = cannot_be_timed(RunAs(), "MXNet cannot run it: FP16 gemm on cpu not implemented!", words=WORDS)
    assert (finding.metric, finding.verdict, finding.message) == (
        "latency",
        Verdict.UNMEASURED,
        "latency: this model cannot be timed as a Module: MXNet cannot run it: FP16 gemm on cpu not implemented!; "
        "leave out latency, give the model run_as if it is run in another way, or store it as it is with "
        "--policy=unmeasured=warn",
    )


@pytest.mark.parametrize(
    ("allowed", "high", "verdict"),
    [("0.025", -0.001, Verdict.IMPROVED), ("0.025", 0.0, Verdict.PASSED), ("-0.3", -0.35, Verdict.PASSED)],
)
def test_surely_faster_is_improved_unless_that_was_asked_for(allowed, high, verdict):
    faster = compared(Outcome.PASSED, -0.4, -0.5, high)
    assert judge_latency(Fraction(allowed), faster, over="fp32").verdict is verdict


def test_how_much_less_time_it_takes():
    faster = compared(Outcome.PASSED, -0.391, -0.4, -0.382)
    assert judge_latency(ALLOWED, faster, over="its baseline").message == (
        "latency -39.1% (at least 38.2% less than its baseline); 4 samples in one process, 3.2 s; timed as a Module"
    )
    assert judge_latency(Fraction("-0.3"), faster, over="fp32").message == (
        "latency -39.1% (at least 38.2% less), allowed -30.0% over fp32; 4 samples in one process, 3.2 s; "
        "timed as a Module"
    )


def test_slow_weights_name_the_layer_where_it_begins():
    slow = compared(Outcome.REGRESSED, 2.1, 1.9, 2.3)
    assert judge_weights(Fraction(1, 4), slow, "conv2").message == (
        "weights: 3.1x the time that the graph needs with synthetic ones; subnormal activations from conv2"
    )
    assert judge_weights(Fraction(1, 4), slow, "conv2", 1e-30).message == (
        "weights: 3.1x the time that the graph needs with synthetic ones; subnormal activations from conv2: set all "
        "weights of magnitude below 1e-30, of all layers, to 0"
    )
    assert (
        judge_weights(Fraction(1, 4), slow).message == "weights: 3.1x the time that the graph needs with synthetic ones"
    )
    assert judge_weights(Fraction(1, 4), slow).verdict is Verdict.REGRESSED


def test_subnormal_numbers_that_cost_nothing_here_may_elsewhere():
    fast = compared(Outcome.PASSED, -0.02, -0.03, 0.01)
    finding = judge_weights(Fraction(1, 4), fast, "conv2", 1e-15)
    assert (finding.verdict, finding.message) == (
        Verdict.INCONCLUSIVE,
        "weights: 1.0x the time of synthetic ones on this processor, but some weights are so small that conv2 computes "
        "subnormal numbers, which make other processors several times slower; set all weights of magnitude below "
        "1e-15, of all layers, to 0, or silence this with weights=False",
    )
    finding = judge_weights(Fraction(1, 4), fast, "conv2")
    assert (finding.verdict, finding.message) == (
        Verdict.INCONCLUSIVE,
        "weights: 1.0x the time of synthetic ones on this processor, but conv2 computes subnormal numbers, which make "
        "other processors several times slower; silence this with weights=False",
    )


def test_weights_as_fast_as_others_pass():
    finding = judge_weights(Fraction(1, 4), compared(Outcome.PASSED, -0.02, -0.03, 0.01))
    assert (finding.metric, finding.verdict, finding.message) == (
        "weights",
        Verdict.PASSED,
        "weights: 1.0x the time of synthetic ones",
    )


TIMING = Timing.of([0.011])
RECORDED = {"here": WallTime(0.010, 0.012, 0.02, 0.011, {})}


def judge(allowed, timing, recorded, environment="here"):
    tolerances = {name: Fraction(value) for name, value in allowed.items()}
    return judge_wall_time(tolerances, timing, recorded, environment, unmeasured_because="no benchmark", words=WORDS)


def test_wall_time_is_advice_by_itself():
    (advice,) = judge({}, TIMING, RECORDED)
    assert (advice.gate, advice.verdict) == ("advice", Verdict.ADVICE)
    assert advice.message == "wall_p50 10.0 ms -> 11.0 ms (+10.0%), on hardware of the same kind"


@pytest.mark.parametrize(
    ("timing", "recorded", "environment"),
    [
        (None, RECORDED, "here"),
        (TIMING, {}, "here"),
        (TIMING, RECORDED, "there"),
        (Timing.of([1.0], queued_forwards=2), RECORDED, "here"),
    ],
)
def test_and_none_where_there_is_nothing_to_compare(timing, recorded, environment):
    assert judge({}, timing, recorded, environment) == []


@pytest.mark.parametrize(
    ("allowed", "verdict"), [("0.1", Verdict.PASSED), ("0.09", Verdict.REGRESSED), ("0.5", Verdict.PASSED)]
)
def test_it_is_a_gate_where_growth_is_allowed_for_it(allowed, verdict):
    (finding,) = judge({"wall_p50": allowed}, TIMING, RECORDED)
    assert (finding.gate, finding.metric, finding.verdict) == ("baseline", "wall_p50", verdict)
    assert finding.message.startswith("wall_p50 10.0 ms -> 11.0 ms (+10.0%), allowed +")


def test_other_hardware_is_incomparable():
    (finding,) = judge({"wall_p99": "0.1"}, TIMING, RECORDED, "there")
    assert finding.verdict is Verdict.INCOMPARABLE
    assert finding.message == (
        "wall_p99 cannot be compared: recorded on here; this is there; record it here with --update"
    )
    (finding,) = judge({"wall_p99": "0.1"}, TIMING, {}, "there")
    assert "cannot be compared: never recorded; this is there" in finding.message


def test_without_a_latency_it_is_not_measured():
    (finding,) = judge({"wall_p90": "0.1"}, None, RECORDED)
    assert (finding.verdict, finding.message) == (
        Verdict.UNMEASURED,
        "wall_p90 was not measured: no benchmark",
    )
