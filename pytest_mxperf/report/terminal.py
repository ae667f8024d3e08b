"""The report as text for a terminal of a given width."""

from typing import List, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pytest_mxperf.cost.result import CostReport, LayerCost
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.report import difference
from pytest_mxperf.report.console import new_console, plain, printed
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.run import ModelResult, RunReport
from pytest_mxperf.units import Quantity, format_quantity, format_shape

__all__ = ["output", "render", "render_cost"]

_HEAVIEST_SHOWN = 5
_CHANGES_SHOWN = 20
_INDENT = " " * 4
_GAP = " " * 2


def output(run: RunReport, place: Place) -> Output:
    """Nothing where no test has a model."""
    return Output(printed=render(run, width=place.width, color=place.color) if run.results else "")


def render(run: RunReport, *, width: int, color: bool) -> str:
    """A table of all models, then each model's gates and heaviest layers."""
    console = new_console(width=width, color=color)
    console.print(_overview(run))
    for result in run.results:
        console.print()
        _print_model(console, result)
    return printed(console)


def render_cost(
    name: str, cost: CostReport, *, width: int, color: bool, heaviest: int = _HEAVIEST_SHOWN, layers: bool = False
) -> str:
    """The totals and the heaviest layers of one model, or all ``layers`` in the graph's order."""
    console = new_console(width=width, color=color)
    console.print(plain(name, "bold"))
    _print_totals(console, cost)
    if layers:
        _print_layers(console, cost, cost.layers, "layers")
    else:
        _print_layers(console, cost, cost.heaviest(heaviest), "heaviest layers")
    return printed(console)


def _overview(run: RunReport) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("model", overflow="fold")
    table.add_column("inputs", overflow="fold")
    for heading in ("MACs", "FLOPs", "params", "p50", "p99"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("gates", no_wrap=True)
    for result in run.results:
        table.add_row(plain(result.name), plain(_inputs(result)), *_figures(result), _gates(result))
    return table


def _inputs(result: ModelResult) -> str:
    shapes = (format_shape(spec.shape) for spec in result.inputs.values())
    return ", ".join(shapes)


def _figures(result: ModelResult) -> List[str]:
    cost, timing = result.cost, result.timing
    figures = ["-"] * 5
    if cost is not None:
        figures[:3] = [
            format_quantity(value, Quantity.COUNT) for value in (cost.macs, cost.flops, cost.params.trainable)
        ]
    if timing is not None and timing.is_latency:
        figures[3:] = [format_quantity(value, Quantity.SECONDS) for value in (timing.p50, timing.p99)]
    return figures


def _gates(result: ModelResult) -> Text:
    """How the model's gates came out: the bad verdicts by name, or how many passed."""
    bad = sorted({finding.verdict.value for finding in result.findings if not finding.verdict.is_good})
    if bad:
        return plain("\n".join(bad), "red")
    if result.outcome != "passed":
        return plain(f"test {result.outcome}", "yellow" if result.outcome == "skipped" else "red")
    if not result.findings:
        return plain("no gate" if result.baseline_update is None else result.baseline_update, "yellow")
    return plain(f"{len(result.findings)} passed", "green")


def _print_model(console: Console, result: ModelResult) -> None:
    console.print(plain(result.name, "bold"), plain(result.test), sep="  ")
    if result.problem:
        console.print(plain(f"  {result.problem}", "red"))
    if result.cost is not None:
        _print_totals(console, result.cost)
    if result.timing is not None and not result.timing.is_latency:
        _print_queue(console, result)
    if result.baseline_update is not None:
        console.print(f"  baseline {result.baseline_update}")
    if result.findings:
        console.print(_findings(result.findings))
    if result.difference is not None:
        console.print("  changes since the baseline")
        difference.print_changes(console, result.difference, limit=_CHANGES_SHOWN)
    if result.cost is not None:
        _print_layers(console, result.cost, result.cost.heaviest(_HEAVIEST_SHOWN), "heaviest layers")


def _print_totals(console: Console, cost: CostReport) -> None:
    params = cost.params
    console.print(
        f"  {cost.macs:,} MACs, {cost.flops:,} FLOPs\n"
        f"  {params.trainable:,} trainable, {params.frozen:,} frozen, {params.auxiliary:,} auxiliary params, "
        f"{format_quantity(params.bytes, Quantity.BYTES)}\n"
        f"  {format_quantity(cost.peak_activation_bytes, Quantity.BYTES)} of activations at the peak, "
        f"{format_quantity(cost.bytes_read + cost.bytes_written, Quantity.BYTES)} moved"
    )
    for operator, count in sorted(cost.uncounted.items()):
        console.print(plain(f"  uncounted: {operator} ({count})", "red"))
    for note in cost.notes:
        console.print(plain(f"  {note}", "yellow"))


def _print_queue(console: Console, result: ModelResult) -> None:
    timing = result.timing
    assert timing is not None
    each = format_quantity(timing.p50, Quantity.SECONDS)
    console.print(f"  throughput: {each} per forward (p50), {timing.queued_forwards} queued at a time")


def _findings(findings: "tuple[Finding, ...]") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        style = "green" if finding.verdict.is_good else "red"
        table.add_row(f"  {finding.gate}", plain(finding.verdict.value, style), plain(finding.message))
    return table


def _print_layers(console: Console, cost: CostReport, layers: Sequence[LayerCost], heading: str) -> None:
    if not layers:
        return
    rows = [_layer_cells(layer, cost) for layer in layers]
    widths = [max(map(len, column)) for column in zip(*rows)]
    names_width = console.width - len(_INDENT) - sum(width + len(_GAP) for width in widths)
    console.print(f"  {heading}")
    for layer, cells in zip(layers, rows):
        name = _shortened(layer.name, names_width).ljust(min(names_width, max(len(each.name) for each in layers)))
        figures = _GAP.join(cell.rjust(width) for cell, width in zip(cells, widths))
        console.print(plain(f"{_INDENT}{name}{_GAP}{figures}"), no_wrap=True, overflow="crop")


def _layer_cells(layer: LayerCost, cost: CostReport) -> "tuple[str, ...]":
    share = f"{100 * layer.flops / cost.flops:.1f}%" if cost.flops else ""
    return layer.op, format_shape(layer.outputs[0]), f"{format_quantity(layer.flops, Quantity.COUNT)} FLOPs", share


def _shortened(name: str, width: int) -> str:
    """The end of a name that is too long: layers of one network begin alike."""
    return name if len(name) <= width else "…" + name[len(name) - max(width, 1) + 1 :]
