"""The report as text for a terminal of a given width, in levels.

By default it is a table of all models, and below it the models that need attention, with explanations. ``-v`` adds the
totals, gates and heaviest layers of all models, ``-vv`` every layer. ``-q`` shows one line.
"""

from collections import Counter
from typing import List, Optional, Sequence, Set

from rich.console import Console

from pytest_mxperf.cost.result import CostReport, LayerCost
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.own_metrics import format_value
from pytest_mxperf.quantities import Quantity, format_quantity, format_shape
from pytest_mxperf.report import difference
from pytest_mxperf.report.console import new_console, plain, printed, shortened, wrapped
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.overview import print_overview
from pytest_mxperf.report.profile import print_profile
from pytest_mxperf.report.run import ModelResult, RunReport
from pytest_mxperf.report.tree import Branch, tree_of

__all__ = ["output", "render", "render_cost"]

_HEAVIEST_SHOWN = 5
_CHANGES_SHOWN = 20
_INDENT = " " * 4
_GAP = " " * 2
_HIDDEN_IN_SHORT = (Verdict.PASSED, Verdict.ADVICE)


def output(run: RunReport, place: Place) -> Output:
    """The report; empty if no test has a model."""
    if not run.results:
        return Output()
    return Output(printed=render(run, width=place.width, color=place.color, verbosity=place.verbosity))


def render(run: RunReport, *, width: int, color: bool, verbosity: int = 0) -> str:
    """A table of all models, then details of each, as ``verbosity`` says."""
    console = new_console(width=width, color=color)
    if verbosity < 0:
        wrapped(console, _in_a_line(run))
        return printed(console)
    print_overview(console, run)
    for result in run.results:
        if verbosity > 0 or _needs_attention(result):
            console.print()
            _print_model(console, result, verbosity)
    for section in run.sections:
        console.print()
        wrapped(console, section.title, style="bold")
        for line in section.text.splitlines():
            wrapped(console, line, indent=2)
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


def _in_a_line(run: RunReport) -> str:
    """``32 models: 30 passed, 1 OVER_BUDGET, 1 REGRESSED``."""
    kinds = Counter(kind for result in run.results for kind in _kinds(result))
    counts = [(kinds.pop("passed", 0), "passed"), *((count, kind) for kind, count in sorted(kinds.items()))]
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    return f"{len(run.results)} model{'s' if len(run.results) > 1 else ''}: {told}"


def _kinds(result: ModelResult) -> Set[str]:
    """The model's bad verdicts, or the outcome of its test if it has none."""
    return {each.verdict.value for each in result.findings if not each.verdict.is_good} or {result.outcome}


def _needs_attention(result: ModelResult) -> bool:
    is_well = result.outcome in ("passed", "skipped") and not result.problem
    return (
        not is_well
        or result.profile is not None
        or bool(result.unprofiled_because)
        or any(each.verdict not in _HIDDEN_IN_SHORT for each in result.findings)
    )


def _print_model(console: Console, result: ModelResult, verbosity: int) -> None:
    console.print(plain(result.name, "bold"), plain(result.test), sep="  ", overflow="fold")
    if result.problem:
        wrapped(console, result.problem, indent=2, style="red")
    if verbosity > 0:
        _print_measured(console, result)
    _print_findings(
        console, [each for each in result.findings if verbosity > 0 or each.verdict not in _HIDDEN_IN_SHORT]
    )
    if result.difference is not None and result.difference.changes:  # none if only totals were edited
        wrapped(console, f"changes {result.compared_with}", indent=2)
        difference.print_changes(console, result.difference, limit=_CHANGES_SHOWN)
    if result.profile is not None:
        print_profile(console, result.profile, top=_timed_shown(verbosity))
    elif result.unprofiled_because:
        wrapped(console, f"its layers were not timed: {result.unprofiled_because}", indent=2, style="yellow")
    if result.cost is not None and verbosity > 0:
        _print_layers(console, result.cost, result.cost.heaviest(_HEAVIEST_SHOWN), "heaviest layers")
    if result.cost is not None and verbosity > 1:
        _print_tree(console, result.cost)


def _timed_shown(verbosity: int) -> Optional[int]:
    """How many timed layers are shown. None is all of them, for ``-vv``."""
    return None if verbosity > 1 else (1 + verbosity) * _HEAVIEST_SHOWN


def _print_measured(console: Console, result: ModelResult) -> None:
    if result.cost is not None:
        _print_totals(console, result.cost)
    timing = result.timing
    if timing is not None:
        kind = "latency" if timing.is_latency else f"throughput, {timing.queued_forwards} forwards queued at a time"
        figures = (("p50", timing.p50), ("p90", timing.p90), ("p99", timing.p99), ("mean", timing.mean))
        told = ", ".join(f"{name} {format_quantity(value, Quantity.SECONDS)}" for name, value in figures)
        each = "per forward" if timing.batch is None else f"per forward of a batch of {timing.batch}"
        wrapped(console, f"{kind}: {told} {each}; {timing.samples} samples", indent=2)
    for metric in result.own_metrics:
        wrapped(console, f"{metric.name} {format_value(metric.value, metric.unit)}", indent=2)
    if result.baseline_update is not None:
        console.print(f"  baseline {result.baseline_update}")


def _print_totals(console: Console, cost: CostReport) -> None:
    params, file = cost.params, cost.checkpoint_bytes
    lines = [
        f"{cost.macs:,} MACs, {cost.flops:,} FLOPs",
        f"{params.trainable:,} trainable, {params.frozen:,} frozen, {params.auxiliary:,} auxiliary params, "
        f"{format_quantity(params.bytes, Quantity.BYTES)}",
        f"{format_quantity(cost.peak_activation_bytes, Quantity.BYTES)} of activations at the peak, "
        f"{format_quantity(cost.bytes_read + cost.bytes_written, Quantity.BYTES)} moved",
        *([] if file is None else [f"{format_quantity(file, Quantity.BYTES)} in the .params file"]),
    ]
    for line in lines:
        wrapped(console, line, indent=2)
    for operator, count in sorted(cost.uncounted.items()):
        wrapped(console, f"uncounted: {operator} ({count})", indent=2, style="red")
    for note in cost.notes:
        wrapped(console, note, indent=2, style="yellow")


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Prints ``budget    OVER_BUDGET  macs ...``. Further lines of a message are indented."""
    gates = max((len(finding.gate) for finding in findings), default=0)
    verdicts = max((len(finding.verdict.value) for finding in findings), default=0)
    for finding in findings:
        head = f"  {finding.gate:{gates}}  {finding.verdict.value:{verdicts}}  "
        first, *rest = _told(finding).split("\n")
        style = "" if finding.verdict.is_good else "red"
        wrapped(console, head + first, hang=len(head), style=style)
        for line in rest:
            leading = len(line) - len(line.lstrip())
            wrapped(console, line, indent=len(_INDENT), hang=2 * len(_INDENT) + leading)


def _told(finding: Finding) -> str:
    """The message. A budget that is met also shows how much is left."""
    value, limit = finding.value, finding.reference
    if finding.gate != "budget" or finding.verdict is not Verdict.PASSED or value is None or not limit:
        return finding.message
    return f"{finding.message}, {abs(1 - value / limit):.2%} left"


def _print_layers(console: Console, cost: CostReport, layers: Sequence[LayerCost], heading: str) -> None:
    if layers:
        console.print(f"  {heading}")
        _print_rows(console, [(layer.name, _layer_cells(layer, cost)) for layer in layers])


def _layer_cells(layer: LayerCost, cost: CostReport) -> "tuple[str, ...]":
    return layer.op, format_shape(layer.outputs[0]), *_share(layer.flops, cost)


def _share(flops: int, cost: CostReport) -> "tuple[str, str]":
    return f"{format_quantity(flops, Quantity.COUNT)} FLOPs", f"{100 * flops / cost.flops:.1f}%" if cost.flops else ""


def _print_tree(console: Console, cost: CostReport) -> None:
    """Prints the layers as a tree of the parts of their names, with the FLOPs of each branch."""
    console.print("  layers")
    rows: List[tuple[str, tuple[str, ...]]] = []

    def add(branch: Branch, depth: int) -> None:
        for child in branch.children:
            op = child.layer.op if child.layer else ""
            shape = format_shape(child.layer.outputs[0]) if child.layer else ""
            rows.append((_GAP * depth + child.name, (op, shape, *_share(child.flops, cost))))
            add(child, depth + 1)

    add(tree_of(cost.layers), 0)
    _print_rows(console, rows)


def _print_rows(console: Console, rows: "Sequence[tuple[str, tuple[str, ...]]]") -> None:
    """Prints text on the left and figures on the right. A name that is too long loses its middle."""
    widths = [max(map(len, column)) for column in zip(*(cells for _, cells in rows))]
    room = max(1, console.width - len(_INDENT) - sum(width + len(_GAP) for width in widths))
    names = [shortened(name, room) for name, _ in rows]
    longest = max(map(len, names))
    for name, (_, cells) in zip(names, rows):
        op, shape, *figures = cells
        texts = [op.ljust(widths[0]), shape.ljust(widths[1])]
        texts += [cell.rjust(width) for cell, width in zip(figures, widths[2:])]
        console.print(plain(_INDENT + _GAP.join([name.ljust(longest), *texts])), no_wrap=True, overflow="crop")
