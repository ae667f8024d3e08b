"""A model's costs at several sizes of an input, as a table, and the law of each metric."""

from typing import Dict, Mapping, Optional

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from pytest_mxperf.cost.polynomial import Polynomial
from pytest_mxperf.cost.scaling import Scaling, ScalingMetric, exponent, values
from pytest_mxperf.report.console import new_console, plain, printed, wrapped

__all__ = ["render"]

_USUALLY_CONSTANT = ("params", "param_bytes")
_HEADINGS: Dict[ScalingMetric, str] = {
    "macs": "MACs",
    "flops": "FLOPs",
    "params": "params",
    "param_bytes": "param bytes",
    "peak_activation_bytes": "peak activation bytes",
}


def render(scaling: Scaling, *, width: int, color: bool) -> str:
    """A row for each size, a law for each metric, and the operators that fix a size."""
    console = new_console(width=width, color=color)
    console.print(Padding(_costs(scaling), (0, 0, 1, 0)))
    for size, problem in scaling.problems.items():
        wrapped(console, f"{scaling.axis}={size} cannot be counted: {' '.join(problem.split())}", hang=4)
    for note in scaling.notes:
        wrapped(console, note, hang=4)
    if len(scaling.reports) > 1:
        _print_laws(console, scaling)
    return printed(console)


def _costs(scaling: Scaling) -> Table:
    """The table of costs. Parameters that do not grow are only among the laws."""
    found = {size: values(report) for size, report in scaling.reports.items()}
    metrics = [metric for metric in _HEADINGS if metric not in _USUALLY_CONSTANT or _grows(found, metric)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in (scaling.axis, *(_HEADINGS[metric] for metric in metrics)):
        table.add_column(plain(heading), justify="right", no_wrap=True)
    for size in sorted({*found, *scaling.problems}):
        table.add_row(str(size), *(f"{found[size][metric]:,}" if size in found else "-" for metric in metrics))
    return table


def _grows(found: Mapping[int, Mapping[ScalingMetric, int]], metric: ScalingMetric) -> bool:
    return len({costs[metric] for costs in found.values()}) > 1


def _print_laws(console: Console, scaling: Scaling) -> None:
    wrapped(console, f"with x = {scaling.axis}, exact at x = {', '.join(map(str, scaling.checked))}:")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    for metric, heading in _HEADINGS.items():
        law = scaling.laws[metric]
        table.add_row(heading, _unlawful(scaling, metric) if law is None else str(law), _kind(law))
    console.print(Padding(table, (0, 0, 0, 2)))


def _kind(law: Optional[Polynomial]) -> str:
    return "no exact law" if law is None else law.kind


def _unlawful(scaling: Scaling, metric: ScalingMetric) -> str:
    """For a metric without an exact law: about how it grows."""
    found = {size: values(report)[metric] for size, report in scaling.reports.items()}
    power = exponent(found)
    return "" if power is None else f"about x^{power:.2f} from {min(found)} to {max(found)}"
