"""The report in the terminal."""

import os
import re
from pathlib import Path

import msgspec
import pytest

from pytest_mxperf.baseline.diff import Change, ChangeKind, Costs, Detail, Difference
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.report import terminal
from pytest_mxperf.report.console import whole_words
from pytest_mxperf.report.overview import _verdict
from pytest_mxperf.report.run import ModelResult, RunReport
from pytest_mxperf.spec import InputSpec
from tests.unit.report.runs import PROFILE

ESCAPE = "\x1b"

# ResNet-18's totals, as two layers.
STEM = LayerCost("conv0", "Convolution", ((1, 64, 112, 112),), OpCost(macs=118_013_952), Params(trainable=9_408))
REST = LayerCost("stage1_conv1", "Convolution", ((1, 64, 56, 56),), OpCost(macs=1_696_059_392), Params())
COST = CostReport((STEM, REST), Params(trainable=11_689_512, frozen=7, auxiliary=9_600, bytes=46_796_476), {})
PASSED = Finding("budget", "macs", Verdict.PASSED, "macs is within the budget")
REGRESSED = Finding("baseline", "macs", Verdict.REGRESSED, "macs 1 -> 2 (+100.00%, allowed +0%)\nconv0: 1 -> 2 (+1)")


def result(**changes):
    fields = {
        "test": "tests/test_models.py::test_resnet18",
        "name": "resnet18",
        "inputs": {"data": InputSpec((1, 3, 224, 224))},
        "outcome": "passed",
        "cost": COST,
    }
    return ModelResult(**{**fields, **changes})


def render(*results, width=80, color=False, verbosity=0):
    return terminal.render(RunReport(results, {}), width=width, color=color, verbosity=verbosity)


def row(text, name="resnet18"):
    return next(line for line in text.splitlines()[1:] if line.startswith(name)).split()


# Whole reports, as they are to look. To write them anew: MXPERF_SNAPSHOTS=write pytest tests/unit/report


SNAPSHOTS = Path(__file__).parent / "snapshots"
SLOWER = Finding(
    "latency",
    "latency",
    Verdict.REGRESSED,
    "latency +5.6% (at least +3.9%), allowed +2.5% over its baseline; 8 samples in two processes, 6.1 s\n"
    "stage3_conv2_fwd (Convolution): 1.21 ms -> 2.35 ms, 91% of the growth: the same MACs, slower: num_group 1 -> 64",
    0.056,
    None,
    0.025,
)
WIDENED = Change(
    ChangeKind.CHANGED,
    "stage1_conv1",
    "Convolution",
    "num_filter 64 -> 72",
    Costs(0, 0, 0),
    Costs(1_000_000, 2_000_000, 0),
)
RUNS = {
    "passed": [result(findings=(PASSED,), timing=Timing.of([0.04, 0.05]))],
    "regressed": [
        result(outcome="failed", findings=(PASSED, REGRESSED, SLOWER)),
        result(name="resnet34", findings=(PASSED,)),
    ],
    "improved": [
        result(
            findings=(Finding("baseline", "macs", Verdict.IMPROVED, "macs 2 -> 1 (-50.00%, allowed +0%)", 1, 2, 0.0),)
        )
    ],
    "profiled": [
        result(findings=(PASSED,), profile=PROFILE),
        result(name="slow", findings=(PASSED,), unprofiled_because="its layers would take 99 s to time"),
    ],
    "missing": [
        result(outcome="failed", findings=(Finding("baseline", "all", Verdict.MISSING, "no baseline for 'resnet18'"),))
    ],
    "inconclusive": [
        result(
            findings=(
                Finding(
                    "latency",
                    "latency",
                    Verdict.INCONCLUSIVE,
                    "latency +2.6% (between -0.4% and +5.8%), allowed +2.5% over its baseline: 15 s are too short at "
                    "1.7 s a sample; try --mxperf-latency-seconds=41",
                    0.026,
                    None,
                    0.025,
                ),
            )
        )
    ],
    "broken": [result(outcome="failed", cost=None, problem="models/resnet18-symbol.json: is empty")],
}


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", RUNS)
def test_it_looks_as_it_did(name, width):
    path = SNAPSHOTS / f"{name}-{width}.txt"
    levels = {"-q": -1, "": 0, "-v": 1}
    shown = (
        "\n\n".join(
            f"$ pytest --mxperf-report {option}\n{render(*RUNS[name], width=width, verbosity=level)}"
            for option, level in levels.items()
        )
        + "\n"
    )
    if os.environ.get("MXPERF_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


# The table of all models


def test_the_verdict_on_weights_does_not_look_like_that_on_latency():
    slow = Finding("latency", "weights", Verdict.INCONCLUSIVE, "weights: 1.0x the time ...", 0.0318, None, 0.25)
    assert row(render(result(findings=(PASSED, slow))))[-3:] == ["INCONCLUSIVE", "weights", "+3.18%"]


def test_each_model_is_a_row():
    """1,814,073,344 MACs; 11,689,512 trainable parameters."""
    text = render(result(timing=Timing.of([0.04, 0.04])), result(name="other", cost=None))
    assert text.splitlines()[0].split() == ["model", "inputs", "MACs", "params", "peak", "p50", "verdict"]
    assert row(text) == ["resnet18", "1x3x224x224", *["1.81", "G", "11.7", "M", "0", "B", "40.0", "ms"], "no", "gate"]
    assert row(text, "other") == ["other", "1x3x224x224", "-", "-", "-", "-", "no", "gate"]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "no gate"),
        ({"findings": (PASSED,)}, "1 gate passed"),
        ({"findings": (PASSED, PASSED)}, "2 gates passed"),
        ({"findings": (PASSED, REGRESSED), "outcome": "failed"}, "REGRESSED"),
        ({"findings": (REGRESSED,)}, "REGRESSED"),  # a policy may let the test pass: it is shown all the same
        ({"findings": (SLOWER,)}, "REGRESSED +5.60%"),
        ({"findings": (PASSED,), "outcome": "failed"}, "failed"),
        ({"outcome": "error"}, "error"),
        ({"outcome": "skipped"}, "skipped"),
        ({"baseline_update": "recorded"}, "recorded"),
    ],
    ids=str,
)
def test_the_last_column_says_how_the_gates_came_out(changes, verdict):
    assert " ".join(row(render(result(**changes)))).endswith(verdict)


def test_fifty_models_take_a_line_each_in_80_columns():
    """Families of names that begin alike, with inputs that do not fit: each stays told apart."""
    names = [f"mobilenetv2_multiplier_{place / 100:.2f}_int8" for place in range(50)]
    models = [result(name=name, inputs={"data": InputSpec((16, 3, 1024, 2048))}, findings=(PASSED,)) for name in names]
    lines = render(*models).splitlines()
    assert len(lines) == 51
    assert max(map(len, lines)) <= 80
    assert len({line.split()[0] for line in lines[1:]}) == 50


def test_more_inputs_than_one_are_counted():
    inputs = {name: InputSpec((1, 16)) for name in ("tokens", "mask", "state")}
    assert row(render(result(inputs=inputs)))[1:3] == ["1x16", "+2"]


# What is shown of each model


def test_only_models_that_need_attention_are_shown_in_full():
    text = render(result(findings=(PASSED,)), result(name="other", outcome="failed", findings=(PASSED, REGRESSED)))
    assert "resnet18  tests/" not in text
    assert "other  tests/test_models.py::test_resnet18\n  baseline  REGRESSED  macs 1 -> 2" in text
    assert "within the budget" not in text


def test_with_v_all_models_are_shown_with_their_exact_totals():
    """46,796,476 / 1,048,576 is 44.6, and 93,592,952 twice as much."""
    cost = msgspec.structs.replace(COST, checkpoint_bytes=93_592_952)
    text = render(result(cost=cost, findings=(PASSED,)), verbosity=1)
    assert "resnet18  tests/test_models.py::test_resnet18\n" in text
    assert "  1,814,073,344 MACs, 3,628,146,688 FLOPs\n" in text
    assert "  11,689,512 trainable, 7 frozen, 9,600 auxiliary params, 44.6 MiB\n" in text
    assert "  89.3 MiB in the .params file\n" in text


def test_a_budget_that_is_met_shows_its_headroom():
    finding = Finding("budget", "macs", Verdict.PASSED, "macs 1,820 is within the budget of 2,000", 1820, 2000)
    assert "within the budget of 2,000, 9.00% left" in render(result(findings=(finding,)), verbosity=1)


def test_the_heaviest_layers_are_shown_with_their_share():
    """1,696,059,392 / 1,814,073,344 is 93.5%; the rest 6.5%."""
    lines = render(result(), verbosity=1).splitlines()
    start = lines.index("  heaviest layers")
    assert [line.split() for line in lines[start + 1 :]] == [
        ["stage1_conv1", "Convolution", "1x64x56x56", "3.39", "G", "FLOPs", "93.5%"],
        ["conv0", "Convolution", "1x64x112x112", "236", "M", "FLOPs", "6.5%"],
    ]


def test_no_more_than_five_heaviest_layers_are_shown():
    layers = tuple(LayerCost(f"l{index}", "Convolution", ((1,),), OpCost(macs=index), Params()) for index in range(9))
    text = render(result(cost=CostReport(layers, Params(), {})), verbosity=1)
    assert [line.split()[0] for line in text.splitlines() if line.startswith("    l")] == ["l8", "l7", "l6", "l5", "l4"]


def test_with_vv_every_layer_is_below_what_its_name_begins_with():
    """10 + 30 MACs in the first unit, 60 in the second: 100 MACs, 200 FLOPs."""
    names = {"stage1_unit1_conv1": 10, "stage1_unit1_conv2": 30, "stage1_unit2_conv1": 60, "head": 0}
    layers = tuple(LayerCost(name, "Convolution", ((1,),), OpCost(macs=macs), Params()) for name, macs in names.items())
    lines = render(result(cost=CostReport(layers, Params(), {})), verbosity=2).splitlines()
    assert [line.rstrip() for line in lines[lines.index("  layers") + 1 :]] == [
        "    stage1                         200 FLOPs  100.0%",
        "      unit1                         80 FLOPs   40.0%",
        "        conv1      Convolution  1   20 FLOPs   10.0%",
        "        conv2      Convolution  1   60 FLOPs   30.0%",
        "      unit2_conv1  Convolution  1  120 FLOPs   60.0%",
        "    head           Convolution  1    0 FLOPs    0.0%",
    ]


def test_a_model_that_computes_nothing_has_no_heaviest_layers():
    assert "heaviest" not in render(result(cost=CostReport((), Params(), {})), verbosity=1)


def test_uncounted_operators_are_named():
    text = render(result(cost=CostReport((STEM,), Params(), {"_b": 1, "_a": 3})), verbosity=1)
    assert text.index("  uncounted: _a (3)\n") < text.index("  uncounted: _b (1)\n")


def test_a_throughput_is_never_shown_as_a_latency():
    text = render(result(timing=Timing.of([0.32], queued_forwards=32)), verbosity=1)
    assert row(text)[-3:] == ["-", "no", "gate"]
    assert "  throughput, 32 forwards queued at a time: p50 10.0 ms," in text


def test_a_baseline_that_was_written_is_mentioned():
    assert "\n  baseline updated\n" in render(result(baseline_update="updated"), verbosity=1)


def test_with_q_it_is_one_line():
    models = [
        result(findings=(PASSED,)),
        result(outcome="failed", findings=(PASSED, REGRESSED)),
        result(outcome="error"),
    ]
    assert render(*models, verbosity=-1) == "3 models: 1 passed, 1 REGRESSED, 1 error"


def test_what_goes_on_below_a_line_keeps_its_indent():
    long = "it was not measured: " + "why " * 40
    lines = render(result(findings=(Finding("budget", "macs", Verdict.UNMEASURED, long),))).splitlines()
    start = next(place for place, line in enumerate(lines) if "it was not measured" in line)
    column = lines[start].index("it was")
    assert all(line.startswith(" " * column + "why") for line in lines[start + 1 :])


LONG = "stage4_unit3_bottleneck_convolution_" * 6
CROWDED = result(
    name=LONG,
    test=f"tests/test_models.py::test_everything[{LONG}]",
    inputs={f"data{index}": InputSpec((16, 3, 1024, 2048)) for index in range(8)},
    outcome="failed",
    timing=Timing.of([0.123]),
    findings=(
        Finding("baseline", "all", Verdict.INCOMPARABLE, f"cannot be compared: {LONG}"),
        Finding("budget", "latency_p50", Verdict.UNMEASURED, "latency_p50 was not measured: " + "why " * 50),
    ),
    cost=CostReport(
        (
            LayerCost(LONG, "_contrib_MultiBoxDetection", ((16, 2048, 1024, 2048),), OpCost(macs=10**13), Params()),
            LayerCost("a", "_sg_mkldnn_fully_connected", ((1,),), OpCost(macs=1), Params()),
        ),
        Params(trainable=10**12, frozen=10**12, auxiliary=10**12, bytes=10**13),
        {LONG: 3},
    ),
)


@pytest.mark.parametrize("width", [80, 60, 120])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(map(len, render(CROWDED, result(), width=width, verbosity=2).splitlines())) <= width


def test_long_names_do_not_push_out_the_figures_of_the_heaviest_layers():
    lines = render(CROWDED, verbosity=1).splitlines()
    start = lines.index("  heaviest layers")
    assert lines[start + 1].endswith("100.0%")
    assert "20.0 T FLOPs" in lines[start + 1]


def test_lines_end_without_blanks():
    assert [line for line in render(CROWDED, result(), verbosity=1).splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", "[bold", "a[0]", "\\[x]", "x\\"])
def test_markup_in_names_is_printed_as_it_is(name):
    layer = LayerCost(f"layer{name}", f"op{name}", ((1,),), OpCost(macs=1), Params())
    text = render(
        result(
            name=f"model{name}",
            test=f"test{name}",
            cost=CostReport((layer,), Params(), {f"unknown{name}": 1}),
            findings=(Finding("budget", "macs", Verdict.OVER_BUDGET, f"message{name}"),),
        ),
        verbosity=2,
    )
    for part in ("model", "test", "layer", "op", "unknown", "message"):
        assert part + name in text
    assert text.count(f"model{name}") == 2  # in the overview, and above the details


@pytest.mark.parametrize("findings", [(), (PASSED,), (REGRESSED,)], ids=["no gate", "passed", "regressed"])
def test_colour_is_there_only_when_asked_for(findings):
    assert ESCAPE not in render(result(findings=findings), CROWDED, color=False)
    assert ESCAPE in render(result(findings=findings), color=True)


def test_colour_changes_nothing_but_the_colour():
    colored = render(result(findings=(PASSED, REGRESSED)), color=True)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in plain.splitlines()] == render(result(findings=(PASSED, REGRESSED))).splitlines()


@pytest.mark.parametrize(
    ("overs", "title"),
    [
        ([""], "  changes since the baseline"),
        (["small"], "  changes from small"),
        (["", "small"], "  changes since the baseline"),
    ],
)
def test_the_changes_are_said_to_be_of_what_they_are_of(overs, title):
    broken = [Finding("baseline", "macs", Verdict.REGRESSED, "macs ...", 2, 1, 0.0, over=over) for over in overs]
    change = Change(ChangeKind.CHANGED, "fc", "dot", (Detail("size", "1", "2"),), Costs(), Costs(1, 2, 0))
    model = result(outcome="failed", findings=tuple(broken), difference=Difference((change,), Costs(), Costs(1, 2, 0)))
    assert title in render(model).splitlines()


@pytest.mark.parametrize(("outcome", "style"), [("passed", "green"), ("failed", "red")])
def test_a_model_that_fails_because_it_has_improved_says_so(outcome, style):
    (improved,) = RUNS["improved"][0].findings
    assert _verdict(result(outcome=outcome, findings=(improved,))) == ("IMPROVED -50.00%", style)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (28, "INCONCLUSIVE weights +2.13%"),
        (26, "INCONCLUSIVE weights…"),
        (20, "INCONCLUSIVE…"),
        (8, "INCONCL…"),
    ],
)
def test_half_a_number_is_no_number(width, shown):
    assert whole_words("INCONCLUSIVE weights +2.13%", width) == shown


def test_a_narrow_overview_shows_whole_changes():
    weights = Finding("latency", "weights", Verdict.INCONCLUSIVE, "weights: 1.0x the time", value=0.02134)
    row = render(result(findings=(weights,)), width=60).splitlines()[1]
    assert row.endswith("INCONCLUSIVE weights…")
