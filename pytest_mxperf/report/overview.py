"""One row for each model of a run, in as many columns as the terminal has."""

from typing import List, Sequence, Tuple

from rich.console import Console
from rich.text import Text

from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.quantities import Quantity, format_growth, format_quantity, format_shape
from pytest_mxperf.report.console import plain, shortened, whole_words
from pytest_mxperf.report.run import ModelResult, RunReport

__all__ = ["print_overview"]

_GAP = "  "
_FIGURES = ("MACs", "params", "peak", "p50")
_LEAST_NAME = 16
"""Columns for a model's name. If fewer remain, the inputs are left out."""


def print_overview(console: Console, run: RunReport) -> None:
    """Prints model, inputs if there is room, MACs, trainable params, peak of activations, p50, verdict."""
    figures = [_FIGURES, *map(_figures, run.results)]
    widths = [max(map(len, column)) for column in zip(*figures)]
    verdicts = [("verdict", "bold"), *map(_verdict, run.results)]
    used = sum(width + len(_GAP) for width in widths) + len(_GAP) + _width_of(verdicts, console.width)
    names = ["model", *(result.name for result in run.results)]
    inputs = ["inputs", *map(_inputs, run.results)]
    room = max(_LEAST_NAME, console.width - used)
    needed = min(max(map(len, names)), max(_LEAST_NAME, room // 2))
    shows_inputs = needed + len(_GAP) + max(map(len, inputs)) <= room
    for name, given, cells, (verdict, style) in zip(names, inputs, figures, verdicts):
        left = _left(names, name, inputs, given, room) if shows_inputs else _padded(names, name, room)
        row = _GAP.join([left, *(cell.rjust(width) for cell, width in zip(cells, widths))])
        shown = whole_words(verdict, console.width - len(row) - len(_GAP))
        line = Text.assemble(plain(f"{row}{_GAP}", "bold" if cells is _FIGURES else ""), plain(shown, style))
        console.print(line, no_wrap=True, overflow="ellipsis")


def _width_of(verdicts: Sequence[Tuple[str, str]], width: int) -> int:
    """The width of the verdicts, but at most a third of the line."""
    return min(max(len(text) for text, _ in verdicts), width // 3)


def _padded(names: Sequence[str], name: str, room: int) -> str:
    width = min(room, max(map(len, names)))
    return shortened(name, width).ljust(width)


def _left(names: Sequence[str], name: str, inputs: Sequence[str], given: str, room: int) -> str:
    width = max(map(len, inputs))
    return f"{_padded(names, name, room - len(_GAP) - width)}{_GAP}{given.ljust(width)}"


def _inputs(result: ModelResult) -> str:
    """The first input's shape, and how many more there are."""
    shapes = [format_shape(spec.shape) for spec in result.inputs.values()]
    return shapes[0] + (f" +{len(shapes) - 1}" if len(shapes) > 1 else "") if shapes else "-"


def _figures(result: ModelResult) -> Tuple[str, ...]:
    figures = ["-"] * len(_FIGURES)
    cost, timing = result.cost, result.timing
    if cost is not None:
        figures[0] = format_quantity(cost.macs, Quantity.COUNT)
        figures[1] = format_quantity(cost.params.trainable, Quantity.COUNT)
        figures[2] = format_quantity(cost.peak_activation_bytes, Quantity.BYTES)
    if timing is not None and timing.is_latency:
        figures[3] = format_quantity(timing.p50, Quantity.SECONDS)
    return tuple(figures)


def _verdict(result: ModelResult) -> Tuple[str, str]:
    """The bad verdicts with their changes, or how many gates passed; and the style of this text."""
    bad = [finding for finding in result.findings if not finding.verdict.is_good]
    if bad:
        return _bad(bad), "red"
    better = [finding for finding in result.findings if finding.verdict.value == "IMPROVED"]
    if better:
        return _bad(better), "green" if result.outcome == "passed" else "red"
    if result.outcome != "passed":
        return result.outcome, "yellow" if result.outcome == "skipped" else "red"
    if not result.findings:
        return "no gate" if result.baseline_update is None else result.baseline_update, "yellow"
    count = len(result.findings)
    return f"{count} gate{'s' if count > 1 else ''} passed", "green"


def _bad(findings: Sequence[Finding]) -> str:
    told: List[str] = []
    for finding in sorted(findings, key=lambda each: abs(_growth(each)), reverse=True):
        if finding.verdict.value not in " ".join(told):
            metric = "weights " if finding.metric == "weights" else ""  # else it would look like the latency
            told.append(f"{finding.verdict.value} {metric}{_change(finding)}".rstrip())
    return ", ".join(told)


def _growth(finding: Finding) -> float:
    """The growth as a fraction. For a latency it is the finding's value."""
    value, reference = finding.value, finding.reference
    if value is None:
        return 0.0
    if finding.gate == "latency":
        return float(value)
    return value / reference - 1 if reference else 0.0


def _change(finding: Finding) -> str:
    growth = _growth(finding)
    return format_growth(1.0, 1.0 + growth) if growth else ""
