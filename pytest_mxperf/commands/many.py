"""``mxperf cost`` of many models: a row each, from prefixes, patterns, folders and files of models."""

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.api import count
from pytest_mxperf.arguments import in_options, model_of
from pytest_mxperf.checkpoints import below, matching
from pytest_mxperf.commands.shared import SAME, TROUBLE, width
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import MxperfError, UsageError
from pytest_mxperf.spec import ModelSpec
from pytest_mxperf.suite.read import is_suite, read_suite
from pytest_mxperf.units import Quantity, format_quantity

__all__ = ["COLUMNS", "FORMATS", "are_many", "costs"]

_SYMBOL = "-symbol.json"


class _Column(NamedTuple):
    value: Callable[[CostReport], Optional[int]]
    quantity: Quantity
    heading: str


COLUMNS: Dict[str, _Column] = {
    "macs": _Column(lambda cost: cost.macs, Quantity.COUNT, "MACs"),
    "flops": _Column(lambda cost: cost.flops, Quantity.COUNT, "FLOPs"),
    "params": _Column(lambda cost: cost.params.trainable, Quantity.COUNT, "params"),
    "param_bytes": _Column(lambda cost: cost.params.bytes, Quantity.BYTES, "param bytes"),
    "peak_activation_bytes": _Column(lambda cost: cost.peak_activation_bytes, Quantity.BYTES, "peak"),
    "checkpoint_bytes": _Column(lambda cost: cost.checkpoint_bytes, Quantity.BYTES, "file"),
    "layers": _Column(lambda cost: len(cost.layers), Quantity.COUNT, "layers"),
}
"""By the name that ``--sort`` takes."""


class _Row(NamedTuple):
    name: str
    cost: CostReport

    def values(self) -> List[Optional[int]]:
        return [column.value(self.cost) for column in COLUMNS.values()]


def are_many(sources: Sequence[str]) -> bool:
    """Whether these name more than one model, or may."""
    return len(sources) > 1 or any(_is_pattern(each) or _is_folder(each) or is_suite(Path(each)) for each in sources)


def costs(options: argparse.Namespace) -> Tuple[str, int]:
    """The table, and whether all of them could be counted; what could not is a line on stderr each."""
    rows, code = [], SAME
    for name, spec in _specs(options):
        try:
            rows.append(_Row(name, count(spec() if callable(spec) else spec)))
        except MxperfError as error:
            print(f"mxperf: {name}: {' '.join(in_options(str(error)).split())}", file=sys.stderr)
            code = TROUBLE
    if options.sort:
        rows.sort(key=lambda row: COLUMNS[options.sort].value(row.cost) or 0, reverse=True)
    return FORMATS[options.format](rows) if rows else "", code


def _specs(options: argparse.Namespace) -> Iterator[Tuple[str, object]]:
    """Each model's name, and its ``ModelSpec`` or what makes it."""
    for source in options.model:
        path = Path(source)
        if is_suite(path):
            yield from ((entry.name, entry.spec()) for entry in read_suite(path))
            continue
        for prefix in _prefixes(source):
            yield prefix, (lambda prefix=prefix: _with_inputs(options, prefix))


def _with_inputs(options: argparse.Namespace, prefix: str) -> ModelSpec:
    spec = model_of(options, prefix)
    if not spec.inputs:
        raise UsageError(f"give its inputs: mxperf inputs {prefix} shows them")
    return spec


def _prefixes(source: str) -> List[str]:
    """Raises ``UsageError`` for a pattern or a folder without a checkpoint."""
    if not _is_pattern(source) and not _is_folder(source):
        return [source]
    found = below(Path(source)) if _is_folder(source) else matching(source)
    if not found:
        raise UsageError(f"{source}: no {_SYMBOL} file there")
    return found


def _is_folder(source: str) -> bool:
    return bool(source) and Path(source).is_dir()


def _is_pattern(source: str) -> bool:
    return any(char in source for char in "*?[") and not Path(source).exists()


def _as_table(rows: Sequence[_Row]) -> str:
    headings = ["model", *(column.heading for column in COLUMNS.values())]
    cells = [headings, *([row.name, *_shown(row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    room = max(16, width() - sum(widths[1:]) - 2 * len(widths[1:]))
    widths[0] = min(widths[0], room)
    return "\n".join(
        "  ".join([_fitted(line[0], widths[0]), *(cell.rjust(size) for cell, size in zip(line[1:], widths[1:]))])
        for line in cells
    )


def _fitted(name: str, size: int) -> str:
    from pytest_mxperf.report.console import shortened

    return shortened(name, size).ljust(size)


def _shown(row: _Row) -> List[str]:
    values = zip(row.values(), COLUMNS.values())
    return ["-" if value is None else format_quantity(value, column.quantity) for value, column in values]


def _as_csv(rows: Sequence[_Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", *COLUMNS])
    writer.writerows([row.name, *row.values()] for row in rows)
    return text.getvalue()


def _as_markdown(rows: Sequence[_Row]) -> str:
    from pytest_mxperf.report.markdown import escaped

    head = f"| model | {' | '.join(column.heading for column in COLUMNS.values())} |\n|---|{'--:|' * len(COLUMNS)}"
    return "\n".join([head, *(f"| {escaped(row.name)} | {' | '.join(_shown(row))} |" for row in rows)])


def _as_json(rows: Sequence[_Row]) -> str:
    document = [{"model": row.name, **dict(zip(COLUMNS, row.values()))} for row in rows]
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


FORMATS: Dict[str, Callable[[Sequence[_Row]], str]] = {
    "table": _as_table,
    "csv": _as_csv,
    "md": _as_markdown,
    "json": _as_json,
}
