"""The arguments of budgets and baselines."""

from fractions import Fraction

import pytest

from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.limits import parse_budget, parse_differences, parse_growth, parse_tolerances
from tests.unit.gate.models import EXACT


def test_ceilings_are_read_in_the_unit_of_their_metric():
    """1.82 * 10**9; 64 * 2**20; 40 / 1000."""
    assert parse_budget({"macs": "1.82 G", "param_bytes": "64 MiB", "latency_p50": "40 ms"}, where="here") == {
        "macs": (1_820_000_000, "G"),
        "param_bytes": (67_108_864, "MiB"),
        "latency_p50": (Fraction(1, 25), "ms"),
    }


def test_a_bad_ceiling_names_its_argument():
    with pytest.raises(UsageError, match=r"^mxperf_budget of test_a: latency_p50: unknown unit 'MiB'"):
        parse_budget({"latency_p50": "64 MiB"}, where="mxperf_budget of test_a")


@pytest.mark.parametrize(
    ("metric", "value", "complaint"),
    [
        ("params", "11 MB", "'11 MB' is in bytes, but params is a count; for bytes give param_bytes"),
        ("macs", "40 MiB", "'40 MiB' is in bytes, but macs is a count; write it like '1.82 G'"),
        ("params", "7 B", "unknown unit 'B' in '7 B'; known units: k, K, M, G, T"),  # billions
    ],
)
def test_a_count_is_not_given_in_bytes(metric, value, complaint):
    with pytest.raises(UsageError) as caught:
        parse_budget({metric: value}, where="mxperf_budget of test_a")
    assert str(caught.value) == f"mxperf_budget of test_a: {metric}: {complaint}"


def test_the_largest_ceiling_is_the_largest_number_that_reports_hold():
    """2 ** 63 - 1."""
    assert parse_budget({"macs": 9_223_372_036_854_775_807}, where="here") == {"macs": (9_223_372_036_854_775_807, "")}
    with pytest.raises(UsageError, match=r"^here: macs: 9223372036854775808 limits nothing; write at most 9\.2e"):
        parse_budget({"macs": 9_223_372_036_854_775_808}, where="here")


def test_a_misspelt_ceiling_is_answered_with_the_nearest_and_with_all():
    with pytest.raises(UsageError) as caught:
        parse_budget({"latency_p5": "40 ms"}, where="mxperf_budget of test_a")
    assert str(caught.value) == (
        "mxperf_budget of test_a: unknown argument 'latency_p5'; did you mean 'latency_p50'? known: macs, flops, "
        "params, param_bytes, checkpoint_bytes, rss, peak_activation_bytes, latency_p50, latency_p90, latency_p99, "
        "latency_mean, macs_per_item, flops_per_item, peak_activation_bytes_per_item, latency_p50_per_item, "
        "latency_p90_per_item, latency_p99_per_item, latency_mean_per_item"
    )


@pytest.mark.parametrize(
    ("given", "tolerances"),
    [
        ({}, EXACT),
        ({"macs": "5%"}, {**EXACT, "macs": Fraction(1, 20), "flops": Fraction(1, 20)}),
        ({"macs": "5%", "flops": "1%"}, {**EXACT, "macs": Fraction(1, 20), "flops": Fraction(1, 100)}),
        ({"flops": "1%"}, {**EXACT, "flops": Fraction(1, 100)}),
        ({"params": 0.1}, {**EXACT, "params": Fraction(1, 10), "param_bytes": Fraction(1, 10)}),
        ({"params": "10%", "param_bytes": 0}, {**EXACT, "params": Fraction(1, 10)}),
    ],
    ids=str,
)
def test_costs_are_exact_and_followers_take_their_leaders_tolerance(given, tolerances):
    assert parse_tolerances(given, where="here") == tolerances


@pytest.mark.parametrize("name", ["checkpoint_bytes", "rss", "latency", "wall_p90"])
def test_what_has_to_be_measured_is_compared_only_if_it_is_given(name):
    assert name not in parse_tolerances({}, where="here")
    assert parse_tolerances({name: "5%"}, where="here")[name] == Fraction(1, 20)


def test_growth_is_over_the_baseline_or_over_another_model():
    """Over a baseline all costs count, over another model only those that are given: 30% less is -0.3."""
    assert parse_growth({"macs": "5%"}, where="here") == (
        *({**EXACT, "macs": Fraction(1, 20), "flops": Fraction(1, 20)}, None),
    )
    assert parse_growth({"macs": "-30%", "against": "fp32"}, where="here") == ({"macs": Fraction(-3, 10)}, "fp32")


def test_another_model_alone_is_no_gate():
    with pytest.raises(UsageError, match=r"^here: names the other model, but no limit; add "):
        parse_growth({"against": "fp32"}, where="here")


def test_a_negative_tolerance_is_refused():
    with pytest.raises(UsageError) as caught:
        parse_tolerances({"macs": "-1%"}, where="mxperf_baseline of test_a")
    assert str(caught.value) == (
        "mxperf_baseline of test_a: macs: '-1%' is negative; a baseline allows growth from 0% up"
    )


@pytest.mark.parametrize("parse", [parse_tolerances, parse_differences])
@pytest.mark.parametrize("metric", ["macs", "flops", "params", "param_bytes", "latency", "wall_p50", "wall_mean"])
@pytest.mark.parametrize("value", ["-100%", "-100.0 %", "-150%", "-1e30%"])
def test_nothing_can_be_asked_to_vanish(parse, metric, value):
    """The logarithm of 1 - 100% is none."""
    with pytest.raises(UsageError) as caught:
        parse({metric: value}, where="mxperf_baseline of test_a")
    assert str(caught.value) == (
        f"mxperf_baseline of test_a: {metric}: {value!r} would leave nothing; write a difference above -100%"
    )


def test_nearly_everything_can():
    assert parse_differences({"latency": "-99.9%"}, where="here") == {"latency": Fraction(-999, 1000)}


@pytest.mark.parametrize("value", ["1e20%", "1e400%"])
def test_what_no_float_holds_is_no_limit(value):
    with pytest.raises(UsageError, match=f"^here: latency: '{value}' limits nothing; write a difference up to 1e"):
        parse_differences({"latency": value}, where="here")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mac", "did you mean 'macs'? known: macs,"),
        ("weight", "did you mean 'weights'? known: macs,"),
        ("agains", "did you mean 'against'? known: macs,"),
        ("latency_p50", "did you mean 'wall_p50'? known: macs,"),  # latency is timed side by side
        ("zzz", "known: macs, flops, params, param_bytes"),
    ],
)
def test_an_unknown_tolerance_is_answered_with_those_that_exist(name, hint):
    with pytest.raises(UsageError) as caught:
        parse_tolerances({name: "5%"}, where="here")
    assert str(caught.value).startswith(f"here: unknown argument {name!r}; {hint}")


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        ({}, None),
        ({"latency": "5%"}, Fraction(1, 4)),
        ({"latency": "5%", "weights": False}, None),
        ({"latency": "5%", "weights": "50%"}, Fraction(1, 2)),
        ({"weights": True}, Fraction(1, 4)),
        ({"weights": 0.1}, Fraction(1, 10)),
    ],
    ids=str,
)
def test_weights_are_checked_with_latency_or_as_the_user_says(given, weights):
    assert parse_tolerances(given, where="here").get("weights") == weights


@pytest.mark.parametrize("value", ["yes", None, "-5%", "-100%"])
def test_weights_are_a_tolerance_or_off_or_on(value):
    with pytest.raises(UsageError, match=r"^here: weights: "):
        parse_tolerances({"weights": value}, where="here")


def test_another_model_has_other_weights():
    with pytest.raises(UsageError, match=r"^here: weights= is for a stored baseline"):
        parse_differences({"weights": True}, where="here")


@pytest.mark.parametrize("name", ["wall_p50", "wall_p90", "wall_p99", "wall_mean"])
def test_stored_wall_times_are_of_a_baseline_only(name):
    with pytest.raises(UsageError, match=rf"^here: {name}= is for a stored baseline; with against=, give lat"):
        parse_differences({name: "5%", "macs": "0%"}, where="here")
    assert name in parse_tolerances({name: "5%"}, where="here")


def test_another_model_and_no_limit_is_an_error():
    with pytest.raises(UsageError, match=r"^here: names the other model, but no limit; add "):
        parse_growth({"against": "fp32"}, where="here")


def test_a_budget_beyond_64_bits_limits_nothing():
    with pytest.raises(UsageError, match=r"^here: macs: '1e30' limits nothing; write at most 9\.2e\+18$"):
        parse_budget({"macs": "1e30"}, where="here")
