"""The past of a baseline, as a table with sparklines, and as a page with a drawing of each metric."""

from functools import partial
from typing import Callable, List, NamedTuple, Optional, Sequence

from pytest_mxperf.baseline.past import Commit
from pytest_mxperf.quantities import Quantity, format_growth, format_quantity
from pytest_mxperf.report.axes import Scale, Tick, quantity_ticks
from pytest_mxperf.report.console import new_console, plain, printed, shortened
from pytest_mxperf.report.page import environment

__all__ = ["page", "render"]

_BARS = "▁▂▃▄▅▆▇█"
_GAP = "  "
_SHA_DIGITS = 8
_LEAST_SUBJECT = 12
_LEAST_SPAN = 0.1


class _Metric(NamedTuple):
    heading: str
    quantity: Quantity
    value: Callable[[Commit], Optional[float]]


def render(name: str, commits: Sequence[Commit], *, width: int, color: bool) -> str:
    """A sparkline for each metric, and a row for each commit, oldest first."""
    console = new_console(width=width, color=color)
    metrics = _metrics(commits)
    console.print(plain(name, "bold"))
    longest = max(len(metric.heading) for metric in metrics)
    for metric in metrics:
        values = [metric.value(commit) for commit in commits]
        line = f"  {metric.heading:{longest}}  {_sparkline(values, width - longest - 24)}  {_change(values)}"
        console.print(plain(line.rstrip()), no_wrap=True, overflow="crop")
    console.print()
    for row in _rows(commits, metrics, width):
        console.print(plain(row), no_wrap=True, overflow="crop")
    return printed(console)


def _metrics(commits: Sequence[Commit]) -> List[_Metric]:
    """The metrics that any commit has. Wall times are one metric per environment."""
    found = [
        _Metric("MACs", Quantity.COUNT, lambda commit: commit.macs),
        _Metric("params", Quantity.COUNT, lambda commit: commit.params),
        _Metric("peak", Quantity.BYTES, lambda commit: commit.peak_activation_bytes),
    ]
    environments = dict.fromkeys(where for commit in commits for where in commit.wall_p50)
    for number, where in enumerate(environments, 1):
        found.append(_Metric("p50" if number == 1 else f"p50 ({number})", Quantity.SECONDS, partial(_wall_p50, where)))
    return found


def _wall_p50(where: str, commit: Commit) -> Optional[float]:
    return commit.wall_p50.get(where)


def _sparkline(values: Sequence[Optional[float]], most: int) -> str:
    """The last ``most`` values, with bars from the smallest up. A gap is a blank.

    The full height is at least a tenth of the value, so that a small change looks small. It is at least one step.
    """
    values = values[-max(8, most) :]
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    span = max(high - low, _LEAST_SPAN * high) or 1
    top = len(_BARS) - 1
    steps = [None if value is None else max(int(value > low), round((value - low) / span * top)) for value in values]
    return "".join(" " if step is None else _BARS[step] for step in steps)


def _change(values: Sequence[Optional[float]]) -> str:
    known = [value for value in values if value is not None]
    return format_growth(known[0], known[-1]) if len(known) > 1 else ""


def _rows(commits: Sequence[Commit], metrics: Sequence[_Metric], width: int) -> List[str]:
    cells = [[metric.heading for metric in metrics]]
    cells += [[_shown(metric, commit) for metric in metrics] for commit in commits]
    widths = [max(map(len, column)) for column in zip(*cells)]
    fixed = len("2024-01-31") + _SHA_DIGITS + sum(widths) + len(_GAP) * (len(widths) + 2)
    room = max(_LEAST_SUBJECT, width - fixed)
    rows = []
    for commit, figures in zip([None, *commits], cells):
        date, sha = ("date", "commit") if commit is None else (commit.date[:10], commit.sha[:_SHA_DIGITS])
        told = "subject" if commit is None else commit.gap or commit.subject
        aligned = [cell.rjust(columns) for cell, columns in zip(figures, widths)]
        rows.append(_GAP.join([date.ljust(10), sha.ljust(_SHA_DIGITS), *aligned, shortened(told, room)]).rstrip())
    return rows


def _shown(metric: _Metric, commit: Commit) -> str:
    value = metric.value(commit)
    return "-" if value is None else format_quantity(value, metric.quantity)


# The page


class _Point(NamedTuple):
    x: float
    y: float
    commit: Commit
    shown: str


class _Drawing(NamedTuple):
    """One metric over the commits. Positions are percentages (``axes.py``)."""

    heading: str
    points: List[_Point]
    lines: List[str]
    ticks: List[Tick]
    change: str


def page(name: str, commits: Sequence[Commit]) -> str:
    """The page as one HTML file that needs no other files."""
    metrics = _metrics(commits)
    drawings = [_drawing(metric, commits) for metric in metrics]
    rows = [(commit, [_shown(metric, commit) for metric in metrics]) for commit in reversed(commits)]
    return environment().get_template("history.html").render(name=name, metrics=drawings, rows=rows)


def _drawing(metric: _Metric, commits: Sequence[Commit]) -> _Drawing:
    """Draws a metric on a scale from 0, so that a small change looks small."""
    values = [metric.value(commit) for commit in commits]
    scale = Scale(0.0, 1.1 * (max((value for value in values if value is not None), default=0) or 1))
    step = 100 / len(commits) if commits else 0.0
    points = [
        _Point(round((index + 0.5) * step, 2), scale.y(value), commit, _shown(metric, commit))
        for index, (commit, value) in enumerate(zip(commits, values))
        if value is not None
    ]
    ticks = quantity_ticks(scale, metric.quantity)
    return _Drawing(metric.heading, points, _lines(points, commits), ticks, _change(values))


def _lines(points: Sequence[_Point], commits: Sequence[Commit]) -> List[str]:
    """A line for each run of commits without a gap."""
    known = {id(point.commit): point for point in points}
    lines: List[List[str]] = [[]]
    for commit in commits:
        point = known.get(id(commit))
        if point is None:
            lines.append([])
        else:
            lines[-1].append(f"{point.x},{point.y}")
    return [" ".join(line) for line in lines if line]
