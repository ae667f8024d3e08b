"""Budgets and baselines, judged."""

from fractions import Fraction
from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mxperf.baseline.diff import Change, Costs, Detail, Difference, Kind
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate import (
    Verdict,
    explained,
    judge_baseline,
    judge_budget,
    judge_uncounted,
    parse_budget,
    parse_tolerances,
)
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.spec import InputSpec

EXACT = {"macs": 0, "flops": 0, "params": 0, "param_bytes": 0}
TIMING = Timing(samples=100, mean=0.041, min=0.03, p50=0.04, p90=0.05, p99=0.06)


def layer(name, *, macs=0, bias=0, params=0, op="Convolution"):
    return LayerCost(name, op, ((1,),), OpCost(macs=macs, bias=bias), Params(trainable=params, bytes=4 * params))


def report(*layers, uncounted=None, convention="mxperf-1"):
    params = sum((each.params for each in layers), Params())
    return CostReport(layers, params, uncounted or {}, convention=convention)


def baseline(*layers, inputs=None, **options):
    return Baseline.of(report(*layers, **options), inputs or {"data": InputSpec((1, 3))})


def judge(before, now, **tolerances):
    """The findings by metric."""
    parsed = parse_tolerances(tolerances, where="here")
    return {finding.metric: finding for finding in judge_baseline(parsed, now, before, missing="no baseline")}


class TestArguments:
    def test_ceilings_are_read_in_the_unit_of_their_metric(self):
        """1.82 * 10**9; 64 * 2**20; 40 / 1000."""
        assert parse_budget({"macs": "1.82 G", "param_bytes": "64 MiB", "latency_p50": "40 ms"}, where="here") == {
            "macs": 1_820_000_000,
            "param_bytes": 67_108_864,
            "latency_p50": Fraction(1, 25),
        }

    def test_a_bad_ceiling_names_its_argument(self):
        with pytest.raises(UsageError, match=r"^mxperf_budget of test_a: latency_p50: unknown unit 'MiB'"):
            parse_budget({"latency_p50": "64 MiB"}, where="mxperf_budget of test_a")

    def test_a_misspelt_ceiling_is_answered_with_the_nearest_and_with_all(self):
        with pytest.raises(UsageError) as caught:
            parse_budget({"latency_p5": "40 ms"}, where="mxperf_budget of test_a")
        assert str(caught.value) == (
            "mxperf_budget of test_a: unknown argument 'latency_p5'; did you mean 'latency_p50'? known: macs, flops, "
            "params, param_bytes, peak_activation_bytes, latency_p50, latency_p90, latency_p99, latency_mean"
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
    def test_costs_are_exact_and_followers_take_their_leaders_tolerance(self, given, tolerances):
        assert parse_tolerances(given, where="here") == tolerances

    def test_a_negative_tolerance_is_refused(self):
        with pytest.raises(UsageError) as caught:
            parse_tolerances({"macs": "-1%"}, where="mxperf_baseline of test_a")
        assert str(caught.value) == (
            "mxperf_baseline of test_a: macs: '-1%' is negative; a baseline allows growth from 0% up"
        )

    @pytest.mark.parametrize(
        ("name", "hint"),
        [("mac", "did you mean 'macs'? known: macs,"), ("zzz", "known: macs, flops, params, param_bytes")],
    )
    def test_an_unknown_tolerance_is_answered_with_those_that_exist(self, name, hint):
        with pytest.raises(UsageError) as caught:
            parse_tolerances({name: "5%"}, where="here")
        assert str(caught.value).startswith(f"here: unknown argument {name!r}; {hint}")


@pytest.mark.parametrize(
    ("verdict", "is_good"), [(verdict, verdict.name in ("PASSED", "IMPROVED", "ADVICE")) for verdict in Verdict]
)
def test_what_is_good(verdict, is_good):
    assert verdict.is_good is is_good


class TestUncounted:
    def test_a_model_that_is_counted_whole_has_no_finding(self):
        assert judge_uncounted(report(layer("a", macs=1))) == []

    def test_operators_without_a_rule_are_named_with_their_number(self):
        (finding,) = judge_uncounted(report(uncounted={"_b": 1, "_a": 3}))
        assert (finding.gate, finding.metric, finding.verdict, finding.value) == (
            "count",
            "operators",
            Verdict.UNCOUNTED,
            4,
        )
        assert finding.message == (
            "operators that no rule counts: _a (3), _b (1); their cost is missing from every total"
        )


class TestBudget:
    def judge(self, measured, timing=None, because="the test did not call mxperf_benchmark", **ceilings):
        return judge_budget(parse_budget(ceilings, where="here"), measured, timing, unmeasured_because=because)

    @pytest.mark.parametrize(
        ("ceiling", "verdict"),
        [(1_814_073_344, Verdict.PASSED), ("1.814073344 G", Verdict.PASSED), (1_814_073_343, Verdict.OVER_BUDGET)],
    )
    def test_the_ceiling_itself_is_allowed_and_one_more_is_not(self, ceiling, verdict):
        (finding,) = self.judge(report(layer("a", macs=1_814_073_344)), macs=ceiling)
        assert finding.verdict is verdict
        assert finding.value == 1_814_073_344

    @pytest.mark.parametrize(("ceiling", "verdict"), [(10**17 + 1, Verdict.PASSED), (10**17, Verdict.OVER_BUDGET)])
    def test_numbers_that_no_float_holds_are_told_apart(self, ceiling, verdict):
        """As floats, 10**17 + 1 and 10**17 are equal."""
        (finding,) = self.judge(report(layer("a", macs=10**17 + 1)), macs=ceiling)
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
    def test_each_metric_is_judged_by_its_own_value(self, metric, value):
        (finding,) = self.judge(report(layer("a", macs=100, bias=7, params=30)), TIMING, **{metric: 10**9})
        assert (finding.gate, finding.metric, finding.verdict) == ("budget", metric, Verdict.PASSED)
        assert (finding.value, finding.reference) == (value, 10**9)

    def test_params_are_those_that_train_and_bytes_are_of_all(self):
        """2 trainable, 3 frozen and 4 auxiliary numbers of 4 bytes."""
        measured = CostReport((), Params(trainable=2, frozen=3, auxiliary=4, bytes=36), {})
        assert [finding.value for finding in self.judge(measured, params=99, param_bytes=99)] == [2, 36]

    def test_the_message_shows_counts_to_the_last_digit(self):
        """1,814,073,344 / 10**9 is 1.81407: 81.41% over."""
        measured = report(layer("a", macs=1_814_073_344))
        (over,) = self.judge(measured, macs="1 G")
        assert over.message == "macs 1,814,073,344 is over the budget of 1,000,000,000 (+81.41%)"
        (within,) = self.judge(measured, macs="2 G")
        assert within.message == "macs 1,814,073,344 is within the budget of 2,000,000,000"

    def test_the_message_shows_durations_in_human_units(self):
        (finding,) = self.judge(report(), TIMING, latency_p99="40 ms")
        assert finding.verdict is Verdict.OVER_BUDGET
        assert finding.message == "latency_p99 60.0 ms is over the budget of 40.0 ms (+50.00%)"

    @pytest.mark.parametrize("ceiling", [0, "0 G"])
    def test_a_ceiling_of_0_allows_nothing(self, ceiling):
        (nothing,) = self.judge(report(), macs=ceiling)
        assert nothing.verdict is Verdict.PASSED
        (finding,) = self.judge(report(layer("a", macs=1)), macs=ceiling)
        assert finding.message == "macs 1 is over the budget of 0 (from 0)"

    def test_a_latency_that_was_not_measured_is_no_pass(self):
        (finding,) = self.judge(report(), None, latency_p50="40 ms")
        assert (finding.verdict, finding.value, finding.reference) == (Verdict.NOT_MEASURED, None, 0.04)
        assert finding.message == "latency_p50 was not measured: the test did not call mxperf_benchmark"

    def test_a_throughput_is_no_latency(self):
        queued = Timing.of([0.001], queued_forwards=32)
        (finding,) = self.judge(report(), queued, because="a throughput", latency_p50="40 ms")
        assert finding.verdict is Verdict.NOT_MEASURED
        assert finding.message == "latency_p50 was not measured: a throughput"

    def test_costs_are_judged_without_a_timing(self):
        findings = self.judge(report(layer("a", macs=3)), None, macs=2, latency_p50="40 ms", params=1)
        assert [finding.verdict for finding in findings] == [
            Verdict.OVER_BUDGET,
            Verdict.NOT_MEASURED,
            Verdict.PASSED,
        ]

    def test_no_budget_has_no_findings(self):
        assert self.judge(report(layer("a", macs=3))) == []


class TestBaseline:
    def test_an_unchanged_model_passes_every_metric(self):
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
    def test_growth_up_to_the_tolerance_passes_and_one_more_does_not(self, now, tolerance, verdict):
        findings = judge(baseline(layer("a", macs=1000)), baseline(layer("a", macs=now)), macs=tolerance)
        assert findings["macs"].verdict is verdict

    @given(st.integers(min_value=1, max_value=10**30))
    def test_a_tolerance_is_exact_for_numbers_of_any_size(self, twentieth):
        """5% of 20n is n."""
        before = baseline(layer("a", macs=20 * twentieth))
        limit, over = baseline(layer("a", macs=21 * twentieth)), baseline(layer("a", macs=21 * twentieth + 1))
        assert judge(before, limit, macs="5%")["macs"].verdict is Verdict.PASSED
        assert judge(before, over, macs="5%")["macs"].verdict is Verdict.REGRESSED

    def test_the_message_says_both_values_the_growth_and_what_is_allowed(self):
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
    def test_a_growth_too_small_for_two_decimals_is_not_called_none(self, now, growth):
        reference = 10 ** round(log10(now))
        finding = judge(baseline(layer("a", macs=reference)), baseline(layer("a", macs=now)))["macs"]
        assert finding.message == f"macs {reference:,} -> {now:,} ({growth}, allowed +0%)"

    def test_an_improvement_says_by_how_much(self):
        finding = judge(baseline(layer("a", macs=1000)), baseline(layer("a", macs=750)))["macs"]
        assert finding.message == "macs 1,000 -> 750 (-25.00%, allowed +0%)"

    def test_growth_from_nothing_is_a_regression_at_any_tolerance(self):
        finding = judge(baseline(layer("a", bias=1)), baseline(layer("a", bias=1, macs=5)), macs="100%")["macs"]
        assert finding.verdict is Verdict.REGRESSED
        assert finding.message.splitlines()[0] == "macs 0 -> 5 (from 0, allowed +100%)"

    def test_flops_take_the_tolerance_of_macs(self):
        """+10% MACs are +10% FLOPs here."""
        findings = judge(baseline(layer("a", macs=1000)), baseline(layer("a", macs=1100)), macs="10%")
        assert findings["flops"].verdict is Verdict.PASSED
        assert findings["flops"].allowed_growth == 0.1

    def test_a_missing_baseline_is_one_finding_that_says_what_to_do(self):
        (finding,) = judge_baseline(EXACT, baseline(), None, missing="no baseline; record it with --mxperf-update")
        assert (finding.gate, finding.metric, finding.verdict) == ("baseline", "all", Verdict.MISSING)
        assert finding.message == "no baseline; record it with --mxperf-update"

    @pytest.mark.parametrize(
        ("before", "reason"),
        [
            (
                baseline(inputs={"data": InputSpec((8, 3))}),
                "recorded with input data (8, 3) float32, the test gives (1, 3) float32",
            ),
            (
                baseline(convention="mxperf-0"),
                "counted under convention mxperf-0, this version counts under mxperf-1",
            ),
        ],
        ids=["inputs", "convention"],
    )
    def test_what_was_counted_differently_is_incomparable_and_never_a_regression(self, before, reason):
        (finding,) = judge_baseline(EXACT, baseline(layer("a", macs=5)), before, missing="")
        assert (finding.gate, finding.metric, finding.verdict) == ("baseline", "all", Verdict.INCOMPARABLE)
        remedy = "record it again with --mxperf-update, or give this test's model another name"
        assert finding.message == f"cannot be compared: {reason}; {remedy}"


class TestExplained:
    """The lines below a finding. They add up to the growth: what they leave out, the last one sums up."""

    def lines(self, *changes, before, now, metric="macs", **tolerances):
        difference = Difference(changes, Costs(**before), Costs(**now))
        old, new = (baseline(layer("a", **costs)) for costs in (before, now))
        findings = judge_baseline(parse_tolerances(tolerances, where="here"), new, old, missing="")
        messages = {finding.metric: finding.message for finding in explained(findings, difference)}
        return messages[metric].splitlines()[1:]

    def change(self, name, growth, *details, metric="macs"):
        kind = Kind.CHANGED if details else Kind.ADDED
        return Change(kind, name, "Convolution", details, Costs(), Costs(**{metric: growth}))

    def test_a_change_says_what_was_done_to_the_layer_and_what_that_adds(self):
        widened = self.change(
            "a", 115_605_504, Detail("num_filter", "256", "384"), Detail("kernel", "(1, 1)", "(3, 3)")
        )
        assert self.lines(widened, before={"macs": 0}, now={"macs": 115_605_504}) == [
            "a (Convolution): num_filter 256 -> 384, kernel (1, 1) -> (3, 3), +115,605,504 MACs"
        ]

    def test_nine_tenths_are_explained_and_the_rest_is_summed_up(self):
        """60 + 30 of 100 are enough; 6 + 4 - 5 = 5 are the rest of 95."""
        changes = [self.change(name, growth) for name, growth in zip("abcdef", (6, 60, 4, 30, -5, 0))]
        assert self.lines(*changes, before={"macs": 5}, now={"macs": 100}) == [
            "b (Convolution): added, +60 MACs",
            "d (Convolution): added, +30 MACs",
            "and 3 more changes, +5 MACs",
        ]

    def test_no_more_than_ten_lines_are_shown(self):
        """Of 20 equal changes; the other 10 are 10 MACs."""
        changes = [self.change(f"l{index}", 1) for index in range(20)]
        lines = self.lines(*changes, before={"macs": 0}, now={"macs": 20})
        assert lines == [
            *(f"l{index} (Convolution): added, +1 MACs" for index in range(10)),
            "and 10 more changes, +10 MACs",
        ]

    def test_metrics_that_follow_another_do_not_repeat_its_changes(self):
        change = self.change("a", 10)
        before, now = {"macs": 0, "params": 1}, {"macs": 10, "params": 1}
        assert len(self.lines(change, before=before, now=now)) == 1
        assert self.lines(change, before=before, now=now, metric="flops") == []

    @pytest.mark.parametrize(("metric", "label"), [("flops", "FLOPs"), ("params", "params")])
    def test_each_metric_has_its_own_changes(self, metric, label):
        change = self.change("a", 20, metric=metric)
        difference = Difference((change,), Costs(), Costs(flops=20, params=20))
        before, now = baseline(layer("a")), baseline(layer("a", bias=20, params=20))
        findings = judge_baseline(EXACT, now, before, missing="")
        (finding,) = [finding for finding in explained(findings, difference) if finding.metric == metric]
        assert finding.message.splitlines()[1:] == [f"a (Convolution): added, +20 {label}"]

    @pytest.mark.parametrize(
        ("before", "now", "line"),
        [
            (Params(100, bytes=400), Params(100, 20, bytes=480), "frozen params 0 -> 20"),
            (
                Params(100, 1, 2, bytes=412),
                Params(90, 10, 20, bytes=480),
                "trainable params 100 -> 90, frozen params 1 -> 10, auxiliary params 2 -> 20",
            ),
            (
                Params(100, bytes=200),
                Params(100, bytes=400),
                "as many params of each kind as before, in wider dtypes",
            ),
        ],
        ids=["frozen", "all kinds", "dtype"],
    )
    def test_bytes_that_grow_for_something_else_than_trainable_params_say_of_what_kind(self, before, now, line):
        old, new = (Baseline.of(CostReport((), params, {}), {}) for params in (before, now))
        findings = explained(judge_baseline(EXACT, new, old, missing=""), Difference((), Costs(), Costs()))
        assert {each.metric: each.message.splitlines()[1:] for each in findings} == {
            "macs": [],
            "flops": [],
            "params": [],
            "param_bytes": [line],
        }

    def test_bytes_that_grow_with_the_trainable_params_are_explained_by_their_layers(self):
        assert self.lines(before={"params": 1}, now={"params": 2}, metric="param_bytes") == []

    def test_what_did_not_regress_is_left_as_it_is(self):
        findings = judge_baseline(EXACT, baseline(layer("a", macs=5)), baseline(layer("a", macs=5)), missing="")
        assert explained(findings, Difference((self.change("a", 5),), Costs(), Costs(macs=5))) == findings

    def test_without_a_difference_the_reason_is_told(self):
        findings = judge_baseline(EXACT, baseline(layer("a", macs=6)), baseline(layer("a", macs=5)), missing="")
        assert [
            finding.message.splitlines()[1:] for finding in explained(findings, None, unknown_because="no file")
        ] == [
            ["by which layers cannot be told: no file"],
            [],
            [],
            [],
        ]
