"""What distinguishes two models, as a table."""

from typing import List, Tuple

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from pytest_mxperf.baseline.diff import Change, Difference
from pytest_mxperf.report.console import new_console, plain, printed
from pytest_mxperf.units import Quantity, format_growth, format_quantity

__all__ = ["print_changes", "render"]

_HEADINGS = {"macs": "MACs", "flops": "FLOPs", "params": "params"}


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


def _totals(difference: Difference, metric: str) -> str:
    before, now = getattr(difference.before, metric), getattr(difference.now, metric)
    if before == now:
        return f"{now:,}, unchanged"
    return f"{before:,} -> {now:,} ({format_growth(before, now)})"


def print_changes(console: Console, difference: Difference, *, limit: int) -> None:
    """The changes in the model's order; if they are more than ``limit`` those that weigh most, and how many more."""
    shown = difference.changes
    if len(shown) > limit:
        ranked = sorted(range(len(shown)), key=lambda index: _weight(difference.changes[index]), reverse=True)
        shown = tuple(difference.changes[index] for index in sorted(ranked[:limit]))
    console.print(Padding(_table(difference, shown), (0, 0, 0, 4)))
    more = len(difference.changes) - len(shown)
    if more:
        console.print(f"    and {more:,} smaller change{'s' if more > 1 else ''}")


def _weight(change: Change) -> Tuple[int, int]:
    return abs(change.growth("flops")), abs(change.growth("params"))


def _table(difference: Difference, changes: Tuple[Change, ...]) -> Table:
    """Growth in each metric in which some layer has changed, and behind it the shares where they add up."""
    metrics = [metric for metric in _HEADINGS if any(change.growth(metric) for change in difference.changes)]
    columns = [(metric, _has_shares(difference, metric)) for metric in metrics]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("layer", "change"):
        table.add_column(heading, overflow="fold")
    for metric, has_shares in columns:
        for heading in (_HEADINGS[metric], "")[: 1 + has_shares]:
            table.add_column(heading, justify="right", no_wrap=True)
    for change in changes:
        figures = [cell for metric, shares in columns for cell in _figures(difference, change, metric)[: 1 + shares]]
        style = {"added": "red", "removed": "green"}.get(change.kind.value, "")
        table.add_row(plain(f"{change.name} ({change.op})", style), plain(change.summary), *figures)
    return table


def _has_shares(difference: Difference, metric: str) -> bool:
    """Not where some layers have grown and others shrunk: parts of what is left would be over 100%, or below 0."""
    growths = [change.growth(metric) for change in difference.changes]
    return min(growths) >= 0 or max(growths) <= 0


def _figures(difference: Difference, change: Change, metric: str) -> List[str]:
    """Growth, and its share of the model's growth."""
    growth, share = change.growth(metric), difference.share(change, metric)
    if not growth:
        return ["", ""]
    sign = "+" if growth > 0 else ""
    return [sign + format_quantity(growth, Quantity.COUNT), "" if share is None else f"{share:.1%}"]
