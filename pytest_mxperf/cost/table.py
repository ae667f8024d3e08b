"""A cost report as plain text: its totals and its heaviest layers."""

from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.quantities import Quantity, format_quantity, format_shape

__all__ = ["short_table"]

_LAYERS = 10


def short_table(report: CostReport) -> str:
    """Rows of name, operator, output, MACs, FLOPs and trainable parameters. The last row has the totals."""
    heaviest = report.heaviest(_LAYERS)
    rows = [("layer", "operator", "output", "MACs", "FLOPs", "params")]
    for layer in heaviest:
        shape = format_shape(layer.outputs[0])
        rows.append((layer.name, layer.op, shape, *_figures(layer.macs, layer.flops, layer.params.trainable)))
    more = len(report.layers) - len(heaviest)
    if more:
        rows.append((f"and {more:,} more", "", "", "", "", ""))
    rows.append(("total", "", "", *_figures(report.macs, report.flops, report.params.trainable)))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    lines += [f"uncounted: {operator} ({count})" for operator, count in sorted(report.uncounted.items())]
    return "\n".join([*lines, *report.notes])


def _figures(*counts: int) -> "tuple[str, str, str]":
    macs, flops, params = [format_quantity(count, Quantity.COUNT) for count in counts]
    return macs, flops, params


def _aligned(row: "tuple[str, ...]", widths: "list[int]") -> "list[str]":
    return [
        cell.ljust(width) if number < 3 else cell.rjust(width) for number, (cell, width) in enumerate(zip(row, widths))
    ]
