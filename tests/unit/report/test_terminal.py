"""The report in the terminal."""

import re

import pytest

from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.report import terminal
from pytest_mxperf.report.run import ModelResult, RunReport
from pytest_mxperf.spec import InputSpec

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


def render(*results, width=80, color=False):
    return terminal.render(RunReport(results, {}), width=width, color=color)


def cells(text, name):
    """The overview's row of a model, cell by cell."""
    row = next(line for line in text.splitlines()[1:] if line.startswith(name))
    return [cell.strip() for cell in row.split("  ") if cell.strip()]


def test_the_overview_shows_each_models_figures_in_a_row():
    """1,814,073,344 MACs; twice as many FLOPs, 3,628,146,688; 11,689,512 trainable parameters."""
    text = render(result(timing=Timing.of([0.04, 0.04])), result(name="other", cost=None))
    assert text.splitlines()[0].split() == ["model", "inputs", "MACs", "FLOPs", "params", "p50", "p99", "gates"]
    assert cells(text, "resnet18") == [
        *("resnet18", "1x3x224x224", "1.81 G", "3.63 G", "11.7 M", "40.0 ms", "40.0 ms", "no gate"),
    ]
    assert cells(text, "other") == ["other", "1x3x224x224", "-", "-", "-", "-", "-", "no gate"]


@pytest.mark.parametrize(
    ("changes", "gates"),
    [
        ({}, "no gate"),
        ({"findings": (PASSED,)}, "1 passed"),
        ({"findings": (PASSED, PASSED)}, "2 passed"),
        ({"findings": (PASSED, REGRESSED), "outcome": "failed"}, "REGRESSED"),
        ({"findings": (REGRESSED,)}, "REGRESSED"),  # a policy may let the test pass: it is shown all the same
        ({"findings": (PASSED,), "outcome": "failed"}, "test failed"),
        ({"outcome": "error"}, "test error"),
        ({"outcome": "skipped"}, "test skipped"),
        ({"baseline_update": "recorded"}, "recorded"),
    ],
    ids=str,
)
def test_the_last_column_says_how_the_gates_came_out(changes, gates):
    assert cells(render(result(**changes)), "resnet18")[-1] == gates


def test_a_model_that_cannot_be_opened_says_why():
    text = render(result(outcome="failed", cost=None, problem="resnet18-symbol.json: is empty"))
    assert cells(text, "resnet18")[-1] == "test failed"
    assert "resnet18  tests/test_models.py::test_resnet18\n  resnet18-symbol.json: is empty" in text


def test_each_model_is_shown_with_its_exact_totals():
    """46,796,476 / 1,048,576 is 44.6."""
    text = render(result())
    assert "resnet18  tests/test_models.py::test_resnet18\n" in text
    assert "  1,814,073,344 MACs, 3,628,146,688 FLOPs\n" in text
    assert "  11,689,512 trainable, 7 frozen, 9,600 auxiliary params, 44.6 MiB\n" in text


def test_the_heaviest_layers_are_shown_with_their_share():
    """1,696,059,392 / 1,814,073,344 is 93.5%; the rest 6.5%."""
    lines = render(result()).splitlines()
    start = lines.index("  heaviest layers")
    assert [line.split() for line in lines[start + 1 :]] == [
        ["stage1_conv1", "Convolution", "1x64x56x56", "3.39", "G", "FLOPs", "93.5%"],
        ["conv0", "Convolution", "1x64x112x112", "236", "M", "FLOPs", "6.5%"],
    ]


def test_no_more_than_five_heaviest_layers_are_shown():
    layers = tuple(LayerCost(f"l{index}", "Convolution", ((1,),), OpCost(macs=index), Params()) for index in range(9))
    text = render(result(cost=CostReport(layers, Params(), {})))
    assert [line.split()[0] for line in text.splitlines() if line.startswith("    l")] == ["l8", "l7", "l6", "l5", "l4"]


def test_a_model_that_computes_nothing_has_no_heaviest_layers():
    assert "heaviest" not in render(result(cost=CostReport((), Params(), {})))


def test_findings_are_shown_with_their_whole_message():
    lines = [" ".join(line.split()) for line in render(result(findings=(PASSED, REGRESSED))).splitlines()]
    assert "budget PASSED macs is within the budget" in lines
    start = lines.index("baseline REGRESSED macs 1 -> 2 (+100.00%, allowed +0%)")
    assert lines[start + 1] == "conv0: 1 -> 2 (+1)"


def test_uncounted_operators_are_named():
    text = render(result(cost=CostReport((STEM,), Params(), {"_b": 1, "_a": 3})))
    assert text.index("  uncounted: _a (3)\n") < text.index("  uncounted: _b (1)\n")


def test_a_throughput_is_never_shown_as_a_latency():
    text = render(result(timing=Timing.of([0.32], queued_forwards=32)))
    assert cells(text, "resnet18")[5:7] == ["-", "-"]
    assert "  throughput: 10.0 ms per forward (p50), 32 queued at a time\n" in text


def test_a_baseline_that_was_written_is_mentioned():
    assert "\n  baseline updated\n" in render(result(baseline_update="updated"))


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
    assert max(map(len, render(CROWDED, result(), width=width).splitlines())) <= width


def test_long_names_are_folded_in_the_overview_and_lose_no_letter():
    """The name fills its column over several lines, whose other columns hold inputs."""
    overview = render(CROWDED).split("\n\n")[0].splitlines()[1:]
    assert "".join(line.split("  ")[0].strip() for line in overview if line[0] != " ") == LONG


def test_long_names_do_not_push_out_the_figures_of_the_heaviest_layers():
    lines = render(CROWDED).splitlines()
    start = lines.index("  heaviest layers")
    assert lines[start + 1].endswith("100.0%")
    assert "20.0 T FLOPs" in lines[start + 1]


def test_lines_end_without_blanks():
    assert [line for line in render(CROWDED, result()).splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", "[bold", "a[0]", "\\[x]", "x\\"])
def test_markup_in_names_is_printed_as_it_is(name):
    layer = LayerCost(f"layer{name}", f"op{name}", ((1,),), OpCost(macs=1), Params())
    text = render(
        result(
            name=f"model{name}",
            test=f"test{name}",
            cost=CostReport((layer,), Params(), {f"unknown{name}": 1}),
            findings=(Finding("budget", "macs", Verdict.OVER_BUDGET, f"message{name}"),),
        )
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
