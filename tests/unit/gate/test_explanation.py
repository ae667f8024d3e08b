"""The lines below a finding. They add up to the growth: what they leave out, the last one sums up."""

import pytest

from pytest_mxperf.baseline.diff import Change, Costs, Detail, Difference, Kind
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport, Params
from pytest_mxperf.gate.baseline import judge_baseline
from pytest_mxperf.gate.explanation import explained
from pytest_mxperf.gate.limits import parse_tolerances
from tests.unit.gate.models import EXACT, baseline, layer


def lines_of(*changes, before, now, metric="macs", **tolerances):
    difference = Difference(changes, Costs(**before), Costs(**now))
    old, new = (baseline(layer("a", **costs)) for costs in (before, now))
    findings = judge_baseline(parse_tolerances(tolerances, where="here"), new, old, missing="")
    messages = {finding.metric: finding.message for finding in explained(findings, difference)}
    return messages[metric].splitlines()[1:]


def a_change(name, growth, *details, metric="macs"):
    kind = Kind.CHANGED if details else Kind.ADDED
    return Change(kind, name, "Convolution", details, Costs(), Costs(**{metric: growth}))


def test_a_change_says_what_was_done_to_the_layer_and_what_that_adds():
    widened = a_change("a", 115_605_504, Detail("num_filter", "256", "384"), Detail("kernel", "(1, 1)", "(3, 3)"))
    assert lines_of(widened, before={"macs": 0}, now={"macs": 115_605_504}) == [
        "a (Convolution): num_filter 256 -> 384, kernel (1, 1) -> (3, 3), +115,605,504 MACs"
    ]


def test_nine_tenths_are_explained_and_the_rest_is_summed_up():
    """60 + 30 of 100 are enough; 6 + 4 - 5 = 5 are the rest of 95."""
    changes = [a_change(name, growth) for name, growth in zip("abcdef", (6, 60, 4, 30, -5, 0))]
    assert lines_of(*changes, before={"macs": 5}, now={"macs": 100}) == [
        "b (Convolution): added, +60 MACs",
        "d (Convolution): added, +30 MACs",
        "and 3 more changes, +5 MACs",
    ]


def test_one_change_more_and_two():
    def last(*more):
        growth = 90 + sum(more)
        changes = [a_change("a", 90), *(a_change("b", each) for each in more)]
        return lines_of(*changes, before={"macs": 0}, now={"macs": growth})[-1]

    assert last(5) == "and 1 more change, +5 MACs"
    assert last(4, 3) == "and 2 more changes, +7 MACs"


def test_no_more_than_ten_lines_are_shown():
    """Of 20 equal changes; the other 10 are 10 MACs."""
    changes = [a_change(f"l{index}", 1) for index in range(20)]
    lines = lines_of(*changes, before={"macs": 0}, now={"macs": 20})
    assert lines == [
        *(f"l{index} (Convolution): added, +1 MACs" for index in range(10)),
        "and 10 more changes, +10 MACs",
    ]


def test_metrics_that_follow_another_do_not_repeat_its_changes():
    change = a_change("a", 10)
    before, now = {"macs": 0, "params": 1}, {"macs": 10, "params": 1}
    assert len(lines_of(change, before=before, now=now)) == 1
    assert lines_of(change, before=before, now=now, metric="flops") == []


@pytest.mark.parametrize(("metric", "label"), [("flops", "FLOPs"), ("params", "params")])
def test_each_metric_has_its_own_changes(metric, label):
    change = a_change("a", 20, metric=metric)
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
def test_bytes_that_grow_for_something_else_than_trainable_params_say_of_what_kind(before, now, line):
    old, new = (Baseline.of(CostReport((), params, {}), {}) for params in (before, now))
    findings = explained(judge_baseline(EXACT, new, old, missing=""), Difference((), Costs(), Costs()))
    assert {each.metric: each.message.splitlines()[1:] for each in findings} == {
        "macs": [],
        "flops": [],
        "params": [],
        "param_bytes": [line],
    }


def test_bytes_that_grow_with_the_trainable_params_are_explained_by_their_layers():
    assert lines_of(before={"params": 1}, now={"params": 2}, metric="param_bytes") == []


def test_what_did_not_regress_is_left_as_it_is():
    findings = judge_baseline(EXACT, baseline(layer("a", macs=5)), baseline(layer("a", macs=5)), missing="")
    assert explained(findings, Difference((a_change("a", 5),), Costs(), Costs(macs=5))) == findings


def test_without_a_difference_the_reason_is_told():
    findings = judge_baseline(EXACT, baseline(layer("a", macs=6)), baseline(layer("a", macs=5)), missing="")
    assert [finding.message.splitlines()[1:] for finding in explained(findings, None, unknown_because="no file")] == [
        ["by which layers cannot be told: no file"],
        [],
        [],
        [],
    ]
