"""Each field of the findings: reports and policies go by them, so one that is swapped or left out is a wrong report."""

import math
from fractions import Fraction

import pytest

from pytest_mxperf.baseline.record import WallTime
from pytest_mxperf.cost.result import CostReport, Params
from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.budget import judge_budget
from pytest_mxperf.gate.bypass import judge_earlier, ungated, unjudged
from pytest_mxperf.gate.explanation import explained
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.latency import (
    judge_latency,
    judge_wall_time,
    judge_weights,
    not_measured,
    same_graph,
    same_weights,
)
from pytest_mxperf.gate.limits import Ceiling, parse_differences
from pytest_mxperf.gate.policy import OCCASIONS, Policy, parse_policies, parse_policy
from pytest_mxperf.gate.session import Claim, Claims, Collected, CollectedTest, judge_deselected
from pytest_mxperf.latency.comparison import Comparison, Sample
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision, Outcome
from pytest_mxperf.latency.timing import Timing
from tests.words import WORDS

ALLOWED = Fraction("0.025")


def compared(outcome, growth=0.0, low=-1.0, high=math.inf, *, samples=4, reason="", conditions=None):
    return Comparison(
        Decision(outcome, growth, low, high, samples, reason), 1.0, conditions, (Sample(0.0),) * samples, 7
    )


# The ways past a gate.


def test_an_earlier_failure_is_flaky_and_the_first_is_told():
    assert judge_earlier([]) == []
    assert judge_earlier(["macs 2", "macs 3"]) == [
        Finding("test", "reruns", Verdict.FLAKY, "a gate failed before the test was run again: macs 2", 2)
    ]


def test_a_test_without_a_gate():
    message = (
        "no gate: the test has neither mxperf_budget nor mxperf_baseline, and does not use its model; "
        "mark it with one of them, or use a fixture like mxperf_cost"
    )
    assert ungated() == Finding("test", "all", Verdict.UNGATED, message)


def test_a_gate_that_was_not_judged():
    assert unjudged("the test was skipped") == Finding(
        "test", "all", Verdict.UNJUDGED, "gates not judged: the test was skipped"
    )


@pytest.mark.parametrize(
    ("tests", "message"),
    [("a", "1 gated test was deselected: a"), ("ab", "2 gated tests were deselected: a, b")],
)
def test_tests_that_were_deselected(tests, message):
    collected = Collected(tuple(CollectedTest(test, "net", True, False) for test in tests))
    assert judge_deselected(collected) == [
        Finding("session", "deselected", Verdict.UNJUDGED, message, value=len(tests))
    ]


def test_each_name_has_its_own_claim():
    claims = Claims()
    assert claims.conflict("one", "a", Claim("x")) == claims.conflict("two", "b", Claim("y")) == ""
    assert claims.conflict("one", "c", Claim("x")) == claims.conflict("two", "d", Claim("y")) == ""


def test_each_name_has_its_own_claim_to_be_timed():
    claims = Claims()
    assert claims.conflict("one", "a", Claim("x", "p")) == claims.conflict("two", "b", Claim("x", "q")) == ""
    assert claims.conflict("one", "c", Claim("x", "p")) == claims.conflict("two", "d", Claim("x", "q")) == ""
    assert claims.conflict("one", "c", Claim("x", "q")) == (
        "a and c use one baseline, 'one', for models that differ in their graph, run_as or example, and are both "
        "timed; give one of the models another name, with name="
    )


# Latency.


def test_a_graph_that_has_not_changed():
    assert same_graph(ALLOWED, "its baseline") == Finding(
        "latency",
        "latency",
        Verdict.PASSED,
        "latency: same graph as its baseline, not timed",
        value=0.0,
        allowed_growth=0.025,
    )


def test_weights_that_have_not_changed():
    assert same_weights(Fraction(1, 4)) == Finding(
        "latency", "weights", Verdict.PASSED, "weights: unchanged since the baseline, not timed", allowed_growth=0.25
    )


@pytest.mark.parametrize(("metric", "verb"), [("latency", "was"), ("weights", "were")])
def test_what_was_not_measured(metric, verb):
    assert not_measured(metric, "it is late") == Finding(
        "latency", metric, Verdict.UNMEASURED, f"{metric} {verb} not measured: it is late"
    )


def test_without_samples_nothing_is_known():
    none = compared(Outcome.INCONCLUSIVE, samples=0, reason="no time")
    assert judge_latency(ALLOWED, none, over="its baseline").message.startswith(
        "latency unknown, allowed +2.5% over its baseline: no time"
    )
    assert judge_weights(Fraction(1, 4), none).message == (
        "weights: time unknown beside that of synthetic ones, unclear: no time"
    )


@pytest.mark.parametrize(
    ("low", "high"), [(-1.0, 0.5), (-0.5, math.inf), (-1.0, math.inf)], ids=["above", "below", "neither"]
)
def test_one_bound_alone_is_not_shown(low, high):
    unclear = compared(Outcome.INCONCLUSIVE, 0.1, low, high, reason="no time")
    assert judge_latency(ALLOWED, unclear, over="it").message.startswith("latency +10.0%, allowed")


def test_a_bound_may_be_below_nothing_and_is_shown_then():
    unclear = compared(Outcome.INCONCLUSIVE, 0.1, -0.999, 99.0, reason="no time")
    message = judge_latency(ALLOWED, unclear, over="it").message
    assert message.startswith("latency +10.0% (between -99.9% and +9900.0%), allowed")


@pytest.mark.parametrize(
    ("allowed", "high", "verdict"),
    [
        ("0", -0.001, Verdict.IMPROVED),
        ("0.025", -0.001, Verdict.IMPROVED),
        ("0.025", 0.0, Verdict.PASSED),
        ("-0.1", -0.2, Verdict.PASSED),  # it was asked for
    ],
)
def test_what_is_clearly_faster_is_an_improvement_where_that_was_not_asked_for(allowed, high, verdict):
    finding = judge_latency(Fraction(allowed), compared(Outcome.PASSED, -0.1, -0.2, high), over="it")
    assert (finding.verdict, finding.value, finding.allowed_growth) == (verdict, -0.1, float(Fraction(allowed)))


def test_all_that_disturbed_is_told():
    busy = Conditions(wall_seconds=1.0, cpu_seconds=0.5, load_average=3.0, cores=2)
    slower = compared(Outcome.REGRESSED, 0.1, 0.05, 0.2, conditions=busy)
    last = judge_latency(ALLOWED, slower, over="it").message.splitlines()[-1]
    assert last == "meanwhile: the measuring process had a core 50% of the time, the load was 3.0 on 2 cores"


def test_weights_of_which_nothing_is_clear():
    finding = judge_weights(Fraction(1, 4), compared(Outcome.INCONCLUSIVE, 0.3, reason="no time"))
    assert (finding.metric, finding.verdict) == ("weights", Verdict.INCONCLUSIVE)
    assert finding.message == "weights: 1.3x the time of synthetic ones, unclear: no time"


def test_how_much_slower_weights_may_be_is_in_the_finding():
    finding = judge_weights(Fraction(1, 2), compared(Outcome.REGRESSED, 1.0, 0.6, 2.0))
    assert (finding.gate, finding.metric, finding.value, finding.allowed_growth) == ("latency", "weights", 1.0, 0.5)


# Wall times.

TIMING = Timing(samples=3, mean=0.013, min=0.01, p50=0.011, p90=0.014, p99=0.015)
RECORDED = {"here": WallTime(0.010, 0.012, 0.02, 0.0125, {}), "there": WallTime(1.0, 1.0, 1.0, 1.0, {})}


def judge_wall(allowed, timing=TIMING, environment="here", because=""):
    tolerances = {name: Fraction(value) for name, value in allowed.items()}
    return judge_wall_time(tolerances, timing, RECORDED, environment, unmeasured_because=because, words=WORDS)


def test_advice():
    (advice,) = judge_wall({})
    assert (advice.gate, advice.metric, advice.verdict) == ("advice", "wall_p50", Verdict.ADVICE)
    assert (advice.value, advice.reference, advice.allowed_growth) == (0.011, 0.010, None)


@pytest.mark.parametrize(("metric", "now", "old"), [("wall_p50", 0.011, 0.01), ("wall_mean", 0.013, 0.0125)])
def test_a_wall_time_with_its_reference_and_what_it_may_grow(metric, now, old):
    (finding,) = judge_wall({metric: "0.5"})
    assert (finding.gate, finding.metric, finding.verdict) == ("baseline", metric, Verdict.PASSED)
    assert (finding.value, finding.reference, finding.allowed_growth) == (now, old, 0.5)


def test_a_wall_time_may_grow_by_just_what_is_allowed():
    exact = Timing(samples=3, mean=0.013, min=0.01, p50=0.015, p90=0.014, p99=0.015)
    (finding,) = judge_wall({"wall_p50": "0.5"}, exact)
    assert finding.verdict is Verdict.PASSED


def test_a_wall_time_of_other_hardware():
    (finding,) = judge_wall({"wall_p90": "0.5"}, environment="elsewhere")
    assert (finding.gate, finding.metric, finding.verdict) == ("baseline", "wall_p90", Verdict.INCOMPARABLE)
    assert (finding.value, finding.reference, finding.allowed_growth) == (0.014, None, None)
    assert "recorded on here; there; this is elsewhere" in finding.message


@pytest.mark.parametrize(
    ("timing", "because", "told"),
    [
        (None, "no benchmark", "no benchmark"),
        (Timing.of([1.0], queued_forwards=2), "", "the test measured a throughput, not a latency"),
    ],
)
def test_a_wall_time_that_was_not_measured(timing, because, told):
    (finding,) = judge_wall({"wall_p50": "0.5"}, timing, because=because)
    assert finding == Finding("baseline", "wall_p50", Verdict.UNMEASURED, f"wall_p50 was not measured: {told}")


# Budgets and limits.


def test_a_value_over_its_budget():
    (finding,) = judge_budget({"macs": Ceiling(Fraction(1))}, CostReport((), Params(), {}), None, unmeasured_because="")
    assert finding.verdict is Verdict.PASSED
    report = CostReport((), Params(trainable=3, bytes=12), {}, peak_activation_bytes=7)
    budget = {"params": Ceiling(Fraction(2)), "peak_activation_bytes": Ceiling(Fraction(6))}
    findings = judge_budget(budget, report, None, unmeasured_because="")
    assert [(each.gate, each.metric, each.verdict, each.value, each.reference) for each in findings] == [
        ("budget", "params", Verdict.OVER_BUDGET, 3, 2),
        ("budget", "peak_activation_bytes", Verdict.OVER_BUDGET, 7, 6),
    ]


def test_a_budget_of_what_was_not_measured():
    (finding,) = judge_budget(
        {"latency_p50": Ceiling(Fraction(1))}, CostReport((), Params(), {}), None, unmeasured_because="no benchmark"
    )
    assert finding == Finding(
        "budget", "latency_p50", Verdict.UNMEASURED, "latency_p50 was not measured: no benchmark", reference=1
    )


def test_a_bad_difference_names_its_argument():
    with pytest.raises(UsageError, match=r"^against of test_a: macs: "):
        parse_differences({"macs": "much"}, where="against of test_a")


def test_only_what_has_regressed_is_explained_and_a_reason_is_given_where_it_cannot_be():
    findings = [Finding("baseline", metric, Verdict.REGRESSED, metric) for metric in ("macs", "param_bytes")]
    findings.append(Finding("baseline", "params", Verdict.PASSED, "params"))
    assert [each.message for each in explained(findings, None, unknown_because="no graph")] == [
        "macs\nthe changed layers are unknown: no graph",
        "param_bytes\nthe changed layers are unknown: no graph",
        "params",
    ]


def test_the_largest_difference_is_one_that_floats_have_room_for():
    assert parse_differences({"macs": f"{10**14}%"}, where="here") == {"macs": 10**12}
    with pytest.raises(UsageError, match="limits nothing"):
        parse_differences({"macs": f"{10**14 + 1}%"}, where="here")


# Policies.

KNOWN = (
    "missing, incomparable, other_mxnet, uncounted, unmeasured, inconclusive, unused, improved, unjudged, "
    "ungated, flaky"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regressed=warn", f"'regressed' always fails; a policy can set: {KNOWN}"),
        ("passed=warn", f"'passed' never fails; a policy can set: {KNOWN}"),
        ("lost=warn", f"'lost' is not a verdict; a policy can set: {KNOWN}"),
        ("missing=pass=warn", "missing='pass=warn' is not an action; use fail, warn or ignore"),
        ("missing=warn,", "missing='warn,' ends with a comma; policies are separated by spaces or lines"),
        ("missing=warn,lost=fail", "'missing=warn,lost=fail' has a comma; policies are separated by spaces or lines"),
        ("missing=pass", "missing='pass' is not an action; use fail, warn or ignore"),
    ],
)
def test_a_policy_that_is_none_is_answered_with_those_that_are(text, message):
    with pytest.raises(UsageError) as caught:
        parse_policy(text, where="here")
    assert str(caught.value) == f"here: {message}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lost": "warn"}, f"'lost' is not a verdict; a policy can set: {KNOWN}"),
        ({"missing": 1}, "missing=1 is not an action; use fail, warn or ignore"),
    ],
)
def test_so_is_one_of_a_marker(arguments, message):
    with pytest.raises(UsageError) as caught:
        parse_policies(arguments, where="here")
    assert str(caught.value) == f"here: {message}"


def test_strict_leaves_no_choice_at_all():
    assert Policy.strict().actions == dict.fromkeys(OCCASIONS, "fail")
