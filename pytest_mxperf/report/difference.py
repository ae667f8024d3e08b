"""The difference between two models, as a table."""

from typing import Dict, List, Sequence, Tuple

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from pytest_mxperf.baseline.diff import Change, CostMetric, Difference
from pytest_mxperf.quantities import Quantity, format_growth, format_quantity
from pytest_mxperf.report.console import new_console, plain, printed, shortened

__all__ = ["print_changes", "render"]

Columns = Sequence[Tuple[CostMetric, bool]]
"""Metrics, and whether the table shows the shares of each."""

_LEAST_TEXT = 44
"""The fewest characters for a layer's name and its change."""

_HEADINGS: Dict[CostMetric, str] = {"macs": "MACs", "flops": "FLOPs", "params": "params"}


def render(difference: Difference, *, width: int, color: bool) -> str:
    """The totals of both models, and every change."""
    console = new_console(width=width, color=color)
    for metric, heading in _HEADINGS.items():
        console.print(f"{heading:6}  {_totals(difference, metric)}")
    if difference.changes:
        console.print()
        print_changes(console, difference, limit=len(difference.changes))
    else:
        console.print("no layer differs in more than its name")
    return printed(console)


def _totals(difference: Difference, metric: CostMetric) -> str:
    before, now = getattr(difference.before, metric), getattr(difference.now, metric)
    if before == now:
        return f"{now:,}, unchanged"
    return f"{before:,} -> {now:,} ({format_growth(before, now)})"


def print_changes(console: Console, difference: Difference, *, limit: int) -> None:
    """Prints the changes in the model's order. If there are more than ``limit``, only the largest, and a count."""
    shown = difference.changes
    if len(shown) > limit:
        ranked = sorted(range(len(shown)), key=lambda index: _weight(difference.changes[index]), reverse=True)
        shown = tuple(difference.changes[index] for index in sorted(ranked[:limit]))
    console.print(Padding(_table(difference, shown, console.width - 4), (0, 0, 0, 4)))
    more = len(difference.changes) - len(shown)
    if more:
        console.print(f"    and {more:,} smaller change{'s' if more > 1 else ''}")


def _weight(change: Change) -> Tuple[int, int]:
    return abs(change.growth("flops")), abs(change.growth("params"))


def _table(difference: Difference, changes: Tuple[Change, ...], width: int) -> Table:
    """The growth of each metric that has changed in a layer, and the shares of the growth if they add up.

    To keep names whole, a narrow table leaves out the shares, and then the FLOPs.
    """
    metrics = [metric for metric in _HEADINGS if any(change.growth(metric) for change in difference.changes)]
    full = [(metric, _has_shares(difference, metric)) for metric in metrics]
    plain_ones = [(metric, False) for metric in metrics]
    few = [column for column in plain_ones if column[0] != "flops" or metrics == ["flops"]]
    for columns in (full, plain_ones, few):
        room = width - _figures_width(difference, changes, columns)
        if room >= _LEAST_TEXT:
            break
    return _filled(difference, changes, columns, max(room, _LEAST_TEXT))


def _filled(difference: Difference, changes: Tuple[Change, ...], columns: Columns, room: int) -> Table:
    """The table's rows. ``room`` is the number of characters for the layer and its change."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    names = [f"{change.name} ({change.op})" for change in changes]
    summaries = min(max(len(change.summary) for change in changes), room // 2)
    longest = min(max(map(len, ["layer", *names])), room - max(summaries, len("change")) - 4)
    table.add_column("layer", no_wrap=True)
    table.add_column("change", overflow="fold")
    for metric, has_shares in columns:
        for heading in (_HEADINGS[metric], "")[: 1 + has_shares]:
            table.add_column(heading, justify="right", no_wrap=True)
    for change, name in zip(changes, names):
        # The operator goes first: it is not what tells layers apart.
        name = name if len(name) <= longest else shortened(change.name, longest)
        style = {"added": "red", "removed": "green"}.get(change.kind.value, "")
        figures = _cells(difference, change, columns)
        table.add_row(plain(name, style), plain(change.summary), *figures)
    return table


def _figures_width(difference: Difference, changes: Tuple[Change, ...], columns: Columns) -> int:
    rows = [[_HEADINGS[metric] for metric, has_shares in columns for _ in range(1 + has_shares)]]
    rows += [_cells(difference, change, columns) for change in changes]
    return sum(2 + max(map(len, column)) for column in zip(*rows))


def _cells(difference: Difference, change: Change, columns: Columns) -> List[str]:
    return [cell for metric, shares in columns for cell in _figures(difference, change, metric)[: 1 + shares]]


def _has_shares(difference: Difference, metric: CostMetric) -> bool:
    """False if some layers have grown and others shrunk: shares would be over 100%, or below 0."""
    growths = [change.growth(metric) for change in difference.changes]
    return min(growths) >= 0 or max(growths) <= 0


def _figures(difference: Difference, change: Change, metric: CostMetric) -> List[str]:
    """The growth, and its share of the model's growth."""
    growth, share = change.growth(metric), difference.share(change, metric)
    if not growth:
        return ["", ""]
    sign = "+" if growth > 0 else ""
    return [sign + format_quantity(growth, Quantity.COUNT), "" if share is None else f"{share:.1%}"]
