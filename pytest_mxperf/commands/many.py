"""``mxperf cost`` for many models, in a table with a row each: from prefixes, patterns, folders and ``mxperf.toml``."""

import argparse
import csv
import io
import shlex
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.api import count, inputs_of
from pytest_mxperf.arguments import in_keys, in_options
from pytest_mxperf.checkpoints import are_many, named
from pytest_mxperf.commands.shared import Troubles, model_with_inputs, width
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.encoding import encoded
from pytest_mxperf.errors import UsageError, listed
from pytest_mxperf.judge.entry import problem_of
from pytest_mxperf.quantities import Quantity, format_quantity
from pytest_mxperf.spec import ModelSpec
from pytest_mxperf.suite.read import FILE_NAME, Entry, is_suite, read_suite

__all__ = ["FORMATS", "SORTS", "costs", "is_table"]

_NAME = "model"


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
"""The columns, by their names for ``--sort``."""
SORTS = (_NAME, *COLUMNS)


class _Row(NamedTuple):
    name: str
    cost: CostReport

    def values(self) -> List[Optional[int]]:
        return [column.value(self.cost) for column in COLUMNS.values()]


def is_table(options: argparse.Namespace) -> bool:
    """Whether the arguments name several models, or may, or have an option that only tables have."""
    return bool(options.format or options.sort) or _may_be_many(options.model)


def _may_be_many(sources: Sequence[str]) -> bool:
    return len(sources) > 1 or are_many(sources[0]) or is_suite(Path(sources[0]))


def costs(options: argparse.Namespace) -> Tuple[str, int]:
    """The table, and the exit code. A model that cannot be counted is a line on stderr."""
    _refuse(options)
    rows: List[_Row] = []
    without_inputs: List[str] = []
    troubles = Troubles()
    for source in options.model:
        before = len(without_inputs)
        with troubles.told():
            for name, make in _specs(options, source):
                with troubles.told(name, words=in_keys if is_suite(Path(source)) else in_options):
                    spec = make()
                    if spec.inputs:
                        rows.append(_Row(name, count(spec)))
                    elif inputs_of(spec):  # raises an error for a model that cannot be read
                        without_inputs.append(name)
                    else:
                        raise UsageError("its graph names no input")
        with troubles.told():
            _refuse_without_inputs(without_inputs[before:], source)
    if options.sort == _NAME:
        rows.sort(key=lambda row: row.name)
    elif options.sort:
        rows.sort(key=lambda row: COLUMNS[options.sort].value(row.cost) or 0, reverse=True)
    form = options.format or ("json" if options.json else "table")
    return FORMATS[form](rows) if rows else "", troubles.code


def _refuse(options: argparse.Namespace) -> None:
    """Raises ``UsageError`` for options that a table would ignore."""
    shows_layers = options.layers or options.top is not None
    if shows_layers and not _may_be_many(options.model):
        table = " and ".join(f"--{name}" for name in ("sort", "format") if getattr(options, name))
        shown = "--layers" if options.layers else "--top"
        raise UsageError(f"a table of models has no layers; leave out {table} to see them with {shown}")
    if shows_layers:
        raise UsageError("--layers and --top show the layers of one model, not of many; give a single prefix")
    if options.json and options.format not in (None, "json"):
        raise UsageError(f"--json and --format {options.format}: give one of them")
    suites = [source for source in options.model if is_suite(Path(source))]
    if suites and len(suites) == len(options.model):
        given = [name for name in ("input", "epoch", "params", "shape", "output") if getattr(options, name)]
        if given:
            raise UsageError(f"--{given[0]}: {suites[0]} sets this for each of its models; leave the option out")


def _specs(options: argparse.Namespace, source: str) -> Iterator[Tuple[str, Callable[[], ModelSpec]]]:
    """Each model's name, and a function that makes its ``ModelSpec``."""
    if is_suite(Path(source)):
        yield from ((entry.name, partial(_filled_in, entry)) for entry in read_suite(Path(source)))
    else:
        yield from ((prefix, partial(model_with_inputs, options, prefix)) for prefix in named(source))


def _filled_in(entry: Entry) -> ModelSpec:
    problem = problem_of(entry)
    if problem:
        raise UsageError(problem)
    return entry.spec()


def _refuse_without_inputs(names: Sequence[str], source: str) -> None:
    """Raises ``UsageError`` that says how to give inputs to models without any."""
    if not names:
        return
    typed = shlex.quote(source)
    advice = f"mxperf inputs {typed} shows them"
    if Path(source).is_dir():
        advice = f"mxperf init {typed} writes an {FILE_NAME} with what is known; then: mxperf cost {FILE_NAME}"
    raise UsageError(f"give the inputs of {listed(names)}: {advice}")


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
    return msgspec.json.format(encoded(document, msgspec.json.encode), indent=2).decode()


FORMATS: Dict[str, Callable[[Sequence[_Row]], str]] = {
    "table": _as_table,
    "csv": _as_csv,
    "md": _as_markdown,
    "json": _as_json,
}
