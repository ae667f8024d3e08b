"""Metrics that other plugins add: what is one, and how a budget and a baseline judge it."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.limits import parse_budget, parse_growth
from pytest_mxperf.gate.own_metrics import (
    Metric,
    by_name,
    checked,
    format_value,
    judge_own_budget,
    judge_own_growth,
    quantities,
)
from tests.words import WORDS

ACCURACY = Metric("accuracy", len, more_is_better=True)
ENERGY = Metric("energy_joules", len)
SIZE = Metric("artifact_bytes", len, unit="bytes")
METRICS = by_name([ACCURACY, ENERGY, SIZE])
QUANTITIES = quantities(METRICS)


def budget(now, **limits):
    ceilings = parse_budget(limits, where="here", own=QUANTITIES)
    (finding,) = judge_own_budget(METRICS, ceilings, now)
    return finding


def growth(now, before, over="", **tolerances):
    allowed = parse_growth(tolerances, where="here", own=METRICS).allowed
    (finding,) = judge_own_growth(METRICS, allowed, now, before, words=WORDS, over=over)
    return finding


@pytest.mark.parametrize(
    ("value", "limit", "verdict", "message"),
    [
        (0.97, 0.97, "PASSED", "accuracy 0.97 meets the minimum of 0.97"),
        (0.98, 0.97, "PASSED", "accuracy 0.98 meets the minimum of 0.97"),
        (0.96, 0.97, "OVER_BUDGET", "accuracy 0.96 is below the minimum of 0.97 (-1.03%)"),  # 0.96 / 0.97 = 0.98969
        (1, "1", "PASSED", "accuracy 1 meets the minimum of 1"),
        (0.969999999, 0.97, "OVER_BUDGET", "accuracy 0.969999 is below the minimum of 0.97 (less than -0.01%)"),
        (0.123456789, 0.5, "OVER_BUDGET", "accuracy 0.123456 is below the minimum of 0.5 (-75.31%)"),
        (0, 0.5, "OVER_BUDGET", "accuracy 0 is below the minimum of 0.5 (-100.00%)"),
    ],
)
def test_a_budget_of_what_is_better_for_being_more_is_a_floor(value, limit, verdict, message):
    finding = budget({"accuracy": value}, accuracy=limit)
    assert (finding.verdict.value, finding.message) == (verdict, message)


@pytest.mark.parametrize(
    ("value", "verdict", "message"),
    [
        (2**16, "PASSED", "artifact_bytes 64.0 KiB is within the budget of 64 KiB"),
        (2**17, "OVER_BUDGET", "artifact_bytes 128.0 KiB is over the budget of 64 KiB (+100.00%)"),
        (2**16 + 1, "OVER_BUDGET", "artifact_bytes 64.001 KiB is over the budget of 64 KiB (less than +0.01%)"),
        (None, "UNMEASURED", "artifact_bytes was not measured: the plugin that adds it has no value for this model"),
    ],
)
def test_a_budget_is_a_ceiling_otherwise(value, verdict, message):
    finding = budget({"artifact_bytes": value}, artifact_bytes="64 KiB")
    assert (finding.verdict.value, finding.message, finding.reference) == (verdict, message, 2**16)


@pytest.mark.parametrize(
    ("old", "new", "tolerance", "verdict", "message"),
    [
        (200, 220, "10%", "PASSED", "energy_joules 200 -> 220 (+10.00%, allowed +10%)"),
        (200, 221, "10%", "REGRESSED", "energy_joules 200 -> 221 (+10.50%, allowed +10%)"),
        (200, 199, "10%", "IMPROVED", "energy_joules 200 -> 199 (-0.50%, allowed +10%)"),
        (1.5, 1.5, "0%", "PASSED", "energy_joules 1.5, unchanged"),
        (
            *(1.5, 1.5000001, "0%", "REGRESSED"),
            "energy_joules 1.5 -> 1.5000001 (less than +0.01%, allowed +0%)",
        ),
        (0, 1, "10%", "REGRESSED", "energy_joules 0 -> 1 (from 0, allowed +10%)"),
    ],
)
def test_growth_of_what_is_better_for_being_less(old, new, tolerance, verdict, message):
    finding = growth({"energy_joules": new}, {"energy_joules": old}, energy_joules=tolerance)
    assert (finding.verdict.value, finding.message) == (verdict, message)
    assert (finding.value, finding.reference, finding.unit) == (new, old, "number")


def test_what_is_lost_may_be_just_the_tolerance():
    """Half of 0.5 is 0.25, as floats too."""
    assert growth({"accuracy": 0.25}, {"accuracy": 0.5}, accuracy="50%").verdict is Verdict.PASSED


def test_growth_is_over_a_baseline_if_no_other_model_is_named():
    allowed, now, before = {"accuracy": Fraction(0)}, {"accuracy": 0.9}, {"accuracy": 0.8}
    (finding,) = judge_own_growth(METRICS, allowed, now, before, words=WORDS)
    assert finding.verdict is Verdict.IMPROVED


def test_a_whole_limit_is_written_out():
    assert budget({"energy_joules": 1}, energy_joules=1_234_567).message == (
        "energy_joules 1 is within the budget of 1,234,567"
    )


@pytest.mark.parametrize(
    ("new", "verdict"), [(0.5, "PASSED"), (0.45, "PASSED"), (0.44, "REGRESSED"), (0.51, "IMPROVED")]
)
def test_of_what_is_better_for_being_more_a_tolerance_is_what_may_be_lost(new, verdict):
    finding = growth({"accuracy": new}, {"accuracy": 0.5}, accuracy="10%")  # down to 0.45
    assert (finding.verdict.value, finding.allowed_growth) == (verdict, -0.1)


def test_another_model_is_named_and_nothing_improves_on_it():
    finding = growth({"accuracy": 0.9}, {"accuracy": 0.8}, over="teacher", accuracy="0%")
    assert (finding.verdict, finding.message) == (
        Verdict.PASSED,
        "accuracy 0.9, against 0.8 of teacher (+12.50%, allowed +0%)",  # 0.9 / 0.8 = 1.125
    )
    same = growth({"accuracy": 0.8}, {"accuracy": 0.8}, over="teacher", accuracy="0%")
    assert same.message == "accuracy 0.8, the same as teacher"


@pytest.mark.parametrize(
    ("now", "before", "over", "verdict", "message"),
    [
        (1, None, "", "INCOMPARABLE", "the baseline has none; record it again with --update net"),
        (1, None, "teacher", "INCOMPARABLE", "teacher has none"),
        (None, 1, "", "UNMEASURED", "the plugin that adds it has no value for this model"),
    ],
)
def test_what_is_known_of_one_side_only_is_not_compared(now, before, over, verdict, message):
    before = {} if before is None else {"accuracy": before}
    finding = growth({"accuracy": now}, before, over=over, accuracy="0%")
    assert finding.verdict.value == verdict
    assert finding.message in (f"accuracy cannot be compared: {message}", f"accuracy was not measured: {message}")


def test_each_finding_has_its_gate_its_metric_and_its_unit():
    budgets = [budget({"artifact_bytes": value}, artifact_bytes=8) for value in (7, 9, None)]
    growths = [growth({"artifact_bytes": now}, {"artifact_bytes": 8}, artifact_bytes="0%") for now in (7, 9, None)]
    growths.append(growth({"artifact_bytes": 7}, {}, artifact_bytes="0%"))
    for gate, findings in (("budget", budgets), ("baseline", growths)):
        assert {(each.gate, each.metric, each.unit) for each in findings} == {(gate, "artifact_bytes", "bytes")}
    assert [(each.value, each.reference) for each in budgets] == [(7, 8), (9, 8), (None, 8)]
    assert [(each.value, each.reference) for each in growths] == [(7, 8), (9, 8), (None, 8), (7, None)]


def test_what_no_gate_names_is_not_judged():
    assert judge_own_budget(METRICS, {}, {}) == []
    assert judge_own_growth(METRICS, {"macs": Fraction(0)}, {}, {}, words=WORDS) == []


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([ACCURACY, ACCURACY], "'accuracy' is the name of another metric"),
        ([Metric("macs", len)], "'macs' is the name of another metric"),
        ([Metric("latency", len)], "'latency' is the name of another metric"),
        ([Metric("against", len)], "'against' is the name of another metric"),
        ([Metric("weights", len)], "'weights' is the name of another metric"),
        ([Metric("latency_p50_per_item", len)], "'latency_p50_per_item' is the name of another metric"),
        ([Metric("wall_p50", len)], "'wall_p50' is the name of another metric"),
        ([Metric("top-1", len)], "'top-1' is not a name that a marker can take"),
        ([Metric(None, len)], "None is not a name that a marker can take"),
        ([Metric("energy", len, unit="J")], "'energy': unknown unit 'J'; it can be number, bytes, seconds"),
        (["accuracy"], "'accuracy' is not a pytest_mxperf.Metric; return a list of these"),
    ],
)
def test_what_is_no_metric_of_its_own_is_an_error(metrics, message):
    with pytest.raises(UsageError) as caught:
        by_name(metrics)
    assert str(caught.value).startswith(f"pytest_mxperf_metrics: {message}")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        *((3, 3), (0.5, 0.5), (np.float32(0.5), 0.5), (np.int64(3), 3), (Fraction(1, 2), 0.5), (0, 0), (None, None)),
        (9_223_372_036_854_775_807, 9_223_372_036_854_775_807),  # 2 ** 63 - 1
    ],
)
def test_any_number_is_kept_as_a_plain_one(given, kept):
    value = checked(ACCURACY, given)
    assert (value, type(value)) == (kept, type(kept))


@pytest.mark.parametrize(
    "value", [-1, float("nan"), float("inf"), "0.5", True, [0.5], Decimal("0.5"), 2**63, Fraction(10**400)]
)
def test_what_is_no_number_from_0_up_is_an_error(value):
    with pytest.raises(
        UsageError, match=r"the metric accuracy returned .*(not a number from 0 to|return an int or a float)"
    ):
        checked(ACCURACY, value)


def test_an_unknown_metric_is_answered_with_those_of_plugins_too():
    with pytest.raises(UsageError, match=r"unknown argument 'acuracy'; did you mean 'accuracy'\?"):
        parse_budget({"acuracy": 1}, where="here", own=QUANTITIES)
    with pytest.raises(UsageError, match="unknown argument 'accuracy'"):
        parse_growth({"accuracy": "1%"}, where="here")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234567, "number", "1,234,567"),
        (0.123456789, "number", "0.123457"),
        (2**20, "bytes", "1.00 MiB"),
        (0.002, "seconds", "2.00 ms"),
    ],
)
def test_values_are_shown_in_their_unit(value, unit, text):
    assert format_value(value, unit) == text
