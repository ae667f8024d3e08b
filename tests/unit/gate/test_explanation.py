"""The lines below a finding. They add up to the growth: what they leave out, the last one sums up."""

from fractions import Fraction

import msgspec
import pytest

from pytest_mxperf.baseline.diff import Change, ChangeKind, Costs, Detail, Difference
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport, Params
from pytest_mxperf.gate.baseline import judge_baseline
from pytest_mxperf.gate.explanation import explained
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.limits import parse_differences, parse_tolerances
from tests.unit.gate.models import EXACT, baseline, layer
from tests.words import WORDS


def lines_of(*changes, before, now, metric="macs", **tolerances):
    difference = Difference(changes, Costs(**before), Costs(**now))
    old, new = (baseline(layer("a", **costs)) for costs in (before, now))
    findings = judge_baseline(parse_tolerances(tolerances, where="here"), new, old, words=WORDS)
    messages = {finding.metric: finding.message for finding in explained(findings, difference)}
    return messages[metric].splitlines()[1:]


def a_change(name, growth, *details, metric="macs"):
    kind = ChangeKind.CHANGED if details else ChangeKind.ADDED
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

    assert last(5) == "b (Convolution): added, +5 MACs"  # as long as its sum
    assert last(-5) == "b (Convolution): added, -5 MACs"
    assert last(4, 3) == "and 2 more changes, +7 MACs"


def test_the_layer_that_others_were_reshaped_by_is_named():
    """However little it grows itself: it is the one that somebody has edited."""
    wider = Detail("input channels", "512", "576")
    reshaped = [
        Change(ChangeKind.RESHAPED, name, "Convolution", (wider,), Costs(), Costs(macs=macs))
        for name, macs in {"after": 100, "later": 9, "last": 7}.items()
    ]
    edited = [a_change("edited", 3, Detail("num_filter", "256", "320")), a_change("too", 2, Detail("pad", "0", "1"))]
    assert lines_of(*edited, *reshaped, before={"macs": 0}, now={"macs": 121}) == [
        "after (Convolution): input channels 512 -> 576, +100 MACs",
        "later (Convolution): input channels 512 -> 576, +9 MACs",
        "edited (Convolution): num_filter 256 -> 320, +3 MACs",
        "and 2 more changes, +9 MACs",
    ]


def test_the_layer_that_others_were_reshaped_by_is_named_without_any_growth():
    pool = Change(ChangeKind.CHANGED, "pool", "Pooling", (Detail("stride", "(2, 2)", "(1, 1)"),), Costs(), Costs())
    size = Detail("input size", "(7, 7)", "(14, 14)")
    after = Change(ChangeKind.RESHAPED, "conv", "Convolution", (size,), Costs(macs=1), Costs(macs=4))
    assert lines_of(pool, after, before={"macs": 1}, now={"macs": 4}) == [
        "conv (Convolution): input size (7, 7) -> (14, 14), +3 MACs",
        "pool (Pooling): stride (2, 2) -> (1, 1), +0 MACs",
    ]


def test_no_more_than_ten_lines_are_shown():
    """Of 20 equal changes; the other 10 are 10 MACs."""
    changes = [a_change(f"l{index}", 1) for index in range(20)]
    lines = lines_of(*changes, before={"macs": 0}, now={"macs": 20})
    assert lines == [
        *(f"l{index} (Convolution): added, +1 MACs" for index in range(10)),
        "and 10 more changes, +10 MACs",
    ]


def test_growth_of_no_layer_is_said_to_be_of_none():
    assert lines_of(before={"macs": 0}, now={"macs": 5}) == ["no layer differs in MACs"]


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
    findings = judge_baseline(EXACT, now, before, words=WORDS)
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
            "the same number of params of each kind as before, in wider dtypes",
        ),
    ],
    ids=["frozen", "all kinds", "dtype"],
)
def test_bytes_that_grow_for_something_else_than_trainable_params_say_of_what_kind(before, now, line):
    old, new = (Baseline.of(CostReport((), params, {}), {}) for params in (before, now))
    findings = explained(judge_baseline(EXACT, new, old, words=WORDS), Difference((), Costs(), Costs()))
    assert {each.metric: each.message.splitlines()[1:] for each in findings} == {
        "macs": [],
        "flops": [],
        "params": [],
        "param_bytes": [line],
    }


def test_bytes_that_grow_with_the_trainable_params_are_explained_by_their_layers():
    assert lines_of(before={"params": 1}, now={"params": 2}, metric="param_bytes") == []


def test_what_did_not_regress_is_left_as_it_is():
    findings = judge_baseline(EXACT, baseline(layer("a", macs=5)), baseline(layer("a", macs=5)), words=WORDS)
    assert explained(findings, Difference((a_change("a", 5),), Costs(), Costs(macs=5))) == findings


def test_without_a_difference_the_reason_is_told():
    findings = judge_baseline(EXACT, baseline(layer("a", macs=6)), baseline(layer("a", macs=5)), words=WORDS)
    assert [finding.message.splitlines()[1:] for finding in explained(findings, None, unknown_because="no file")] == [
        ["the changed layers are unknown: no file"],
        [],
        [],
        [],
    ]


# Against another model


def against(*changes, before, now, metric="macs", allowed="0%"):
    """The message on a metric, whose totals are given, of a model that is held against ``fp32``."""
    old, new = (baseline(layer("a", **{metric: total})) for total in (before, now))
    tolerances = parse_differences({metric: allowed}, where="here")
    findings = judge_baseline(tolerances, new, old, words=WORDS, over="fp32")
    difference = Difference(changes, Costs(**{metric: before}), Costs(**{metric: now}))
    (finding,) = explained(findings, difference, over="fp32")
    return finding


def test_another_model_is_named():
    assert against(before=100, now=90).message == "macs 90, against 100 of fp32 (-10.00%, allowed +0%)"


def test_what_is_lighter_than_another_model_has_not_improved():
    """An update would not make it the baseline: there is none."""
    assert against(before=100, now=90).verdict is Verdict.PASSED


def test_a_model_that_is_not_light_enough_shows_what_distinguishes_the_two_heaviest_first():
    """20 added, 50 and 10 removed of 100 leave 60; 50 + 20 are 87.5% of 80 that differ, so all three are shown."""
    removed = Change(ChangeKind.REMOVED, "big", "Convolution", (), Costs(macs=50), Costs(), "big")
    narrowed = Change(
        ChangeKind.CHANGED, "small", "Convolution", (Detail("num_filter", "8", "4"),), Costs(macs=20), Costs(10)
    )
    finding = against(a_change("new", 20), narrowed, removed, before=100, now=60, allowed="-50%")
    assert finding.verdict is Verdict.REGRESSED
    assert finding.message.splitlines() == [
        "macs 60, against 100 of fp32 (-40.00%, allowed -50%)",
        "big (Convolution): removed, -50 MACs",
        "new (Convolution): added, +20 MACs",
        "small (Convolution): num_filter 8 -> 4, -10 MACs",
    ]


def test_what_little_is_left_is_summed_up_with_its_sign():
    """90 of 96 are enough."""
    weights = {"a": 2, "b": 90, "c": 4}
    changes = [
        Change(ChangeKind.REMOVED, name, "Convolution", (), Costs(macs), Costs(), name)
        for name, macs in weights.items()
    ]
    assert against(*changes, before=200, now=104, allowed="-50%").message.splitlines()[1:] == [
        "b (Convolution): removed, -90 MACs",
        "and 2 more changes, -6 MACs",
    ]


def test_two_models_that_cost_the_same_are_said_to():
    unlike = Change(
        ChangeKind.CHANGED, "a", "Convolution", (Detail("pad", "(1, 1)", "(2, 2)"),), Costs(macs=5), Costs(macs=5)
    )
    assert against(unlike, before=5, now=5, allowed="-10%").message.splitlines() == [
        "macs 5, the same as fp32 (allowed -10%)",
        "no layer differs in MACs from fp32",
    ]


@pytest.mark.parametrize(
    ("before", "now", "line"),
    [
        (
            Params(100, bytes=400),
            Params(100, bytes=400),
            "the same number of params of each kind as fp32, in dtypes of the same width",
        ),
        (
            Params(100, bytes=400),
            Params(100, bytes=300),
            "the same number of params of each kind as fp32, in narrower dtypes",
        ),
        (
            Params(100, bytes=400),
            Params(100, bytes=800),
            "the same number of params of each kind as fp32, in wider dtypes",
        ),
        (Params(100, bytes=400), Params(90, bytes=360), "trainable params 100 -> 90"),
    ],
)
def test_bytes_against_another_model_say_what_they_are_made_of(before, now, line):
    old, new = (Baseline.of(CostReport((), params, {}), {}) for params in (before, now))
    (finding,) = judge_baseline({"param_bytes": Fraction(-1, 2)}, new, old, words=WORDS, over="fp32")
    assert finding.message.splitlines()[1:] == [line]


def test_a_model_that_another_has_no_file_beside_is_not_told_to_update_it():
    old = baseline(layer("a"))
    new = msgspec.structs.replace(old, checkpoint_bytes=8)
    (finding,) = judge_baseline({"checkpoint_bytes": Fraction(0)}, new, old, words=WORDS, over="fp32")
    assert finding.verdict is Verdict.UNMEASURED
    assert (
        finding.message == "checkpoint_bytes was not measured for fp32: the model has no .params file that can be read"
    )


def test_why_another_model_cannot_be_compared_names_it():
    findings = judge_baseline(
        {"macs": Fraction(-1, 2)}, baseline(layer("a")), baseline(layer("a")), words=WORDS, over="x"
    )
    findings += judge_baseline({"macs": Fraction(0)}, baseline(layer("a", macs=2)), baseline(layer("a")), words=WORDS)
    told = [each.message.splitlines()[1:] for each in explained(findings[1:], None, over="x", unknown_because="why")]
    assert told == [["the layers that differ from x are unknown: why"]]
