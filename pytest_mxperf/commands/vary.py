"""``mxperf cost --vary``: how a model's cost grows with the sizes of its inputs."""

import argparse
from typing import List, Tuple

import msgspec

from pytest_mxperf.api import Variation, vary
from pytest_mxperf.arguments import in_options
from pytest_mxperf.commands.many import COLUMNS
from pytest_mxperf.commands.shared import SAME, TROUBLE
from pytest_mxperf.errors import UsageError
from pytest_mxperf.spec import ModelSpec
from pytest_mxperf.units import format_quantity

__all__ = ["varied"]

_SHOWN = ("macs", "flops", "params", "peak_activation_bytes")


def varied(options: argparse.Namespace, spec: ModelSpec) -> Tuple[str, int]:
    """A table for each axis, and the law of each cost."""
    found = [vary(spec, *_axis(text)) for text in options.vary]
    code = TROUBLE if any(problem for each in found for problem in each.problems if problem) else SAME
    if options.json:
        return msgspec.json.format(msgspec.json.encode([_document(each) for each in found]), indent=2).decode(), code
    return "\n\n".join("\n".join(_table(each)) for each in found), code


def _axis(text: str) -> Tuple[str, Tuple[int, ...], List[int]]:
    """``data:2,3=160,224,320``: the input, its axes, the sizes."""
    name, _, rest = text.rpartition(":")
    axes, _, sizes = rest.partition("=")
    try:
        return name, tuple(map(int, axes.split(","))), list(map(int, sizes.split(",")))
    except ValueError:
        raise UsageError(f"--vary {text}: write it like data:0=1,2,4,8 or data:2,3=160,224,320") from None


def _table(found: Variation) -> List[str]:
    rows = [[found.axis, *(COLUMNS[name].heading for name in _SHOWN)]]
    for size, cost in zip(found.sizes, found.costs):
        values = ["-"] * len(_SHOWN)
        if cost is not None:
            values = [format_quantity(COLUMNS[name].value(cost) or 0, COLUMNS[name].quantity) for name in _SHOWN]
        rows.append([str(size), *values])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
    lines += [f"{COLUMNS[name].heading}: {found.laws[name]}" for name in _SHOWN if name in found.laws]
    problems = dict.fromkeys(problem for problem in found.problems if problem)
    return [*lines, *(in_options(" ".join(problem.split())) for problem in problems)]


def _document(found: Variation) -> object:
    return {
        "axis": found.axis,
        "sizes": found.sizes,
        "costs": [
            None if cost is None else {name: column.value(cost) for name, column in COLUMNS.items()}
            for cost in found.costs
        ],
        "problems": found.problems,
        "laws": {
            name: {"coefficients": [float(each) for each in law.coefficients], "exponent": law.exponent}
            for name, law in found.laws.items()
        },
    }
