"""The report as two tables for spreadsheets and scripts: a row per model, and a row per layer.

Numbers have no unit. Units are in the names of the columns.
"""

import csv
import io
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence

from pytest_mxperf.profile.layers import ModelProfile, TimedLayer
from pytest_mxperf.quantities import format_shape
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.run import ModelResult, RunReport

__all__ = ["layers", "models", "output"]

_PARAMS = ("trainable_params", "frozen_params", "auxiliary_params", "param_bytes")
_MODEL_COLUMNS = (
    "test",
    "model",
    "outcome",
    "verdicts",
    "inputs",
    "macs",
    "flops",
    *_PARAMS,
    "peak_activation_bytes",
    "bytes_read",
    "bytes_written",
    "wall_p50_seconds",
    "wall_p90_seconds",
    "wall_p99_seconds",
    "wall_mean_seconds",
)
_LAYER_COLUMNS = (
    "test",
    "model",
    "layer",
    "operator",
    "output_shape",
    "dtype",
    "executions",
    "macs",
    "flops",
    *_PARAMS,
    "bytes_read",
    "bytes_written",
    "live_bytes",
    "runs_in",
    "cpu_seconds",
    "share_of_forward",
    "flops_per_second",
    "bytes_per_second",
    "attained_share",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def output(run: RunReport, place: Place) -> Output:
    path = place.path or Path("mxperf.csv")
    return Output(written={path: models(run), path.with_name(f"{path.stem}.layers.csv"): layers(run)})


def models(run: RunReport) -> str:
    """A row per model, with a column for each metric that another plugin adds."""
    own = sorted({metric.name for result in run.results for metric in result.own_metrics})
    return _table([*_MODEL_COLUMNS, *own], (_model(result, own) for result in run.results))


def layers(run: RunReport) -> str:
    """A row per layer of each model that was counted, in execution order."""
    return _table(_LAYER_COLUMNS, (row for result in run.results for row in _layers(result)))


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """The value, quoted if a spreadsheet would take it for a formula. Names come from models."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _model(result: ModelResult, own: Sequence[str]) -> List[object]:
    cost, timing = result.cost, result.timing
    verdicts = " ".join(sorted({finding.verdict.value for finding in result.findings}))
    inputs = " ".join(f"{name}={format_shape(spec.shape)}:{spec.dtype}" for name, spec in result.inputs.items())
    counted: List[Optional[int]] = [None] * 9
    if cost is not None:
        params = cost.params
        counted = [cost.macs, cost.flops, params.trainable, params.frozen, params.auxiliary, params.bytes]
        counted += [cost.peak_activation_bytes, cost.bytes_read, cost.bytes_written]
    timed: List[Optional[float]] = [None] * 4
    if timing is not None and timing.is_latency:
        timed = [timing.p50, timing.p90, timing.p99, timing.mean]
    measured = {metric.name: metric.value for metric in result.own_metrics}
    plugged = [measured.get(name) for name in own]
    return [result.test, result.name, result.outcome, verdicts, inputs, *counted, *timed, *plugged]


def _layers(result: ModelResult) -> Iterator[List[object]]:
    layers = () if result.cost is None else result.cost.layers
    profile = result.profile
    timed = [None] * len(layers) if profile is None else profile.of_layers([layer.name for layer in layers])
    for layer, runs_in in zip(layers, timed):
        params = layer.params
        yield [
            result.test,
            result.name,
            layer.name,
            layer.op,
            " ".join(map(format_shape, layer.outputs)),
            layer.dtype,
            layer.executions,
            layer.macs,
            layer.flops,
            params.trainable,
            params.frozen,
            params.auxiliary,
            params.bytes,
            layer.bytes_read,
            layer.bytes_written,
            layer.live_bytes,
            *_timed(profile, layer.name, runs_in),
        ]


def _timed(profile: Optional[ModelProfile], name: str, runs_in: Optional[TimedLayer]) -> List[object]:
    """The timed layer in which the layer of this name runs, and its times if it has the same name."""
    if profile is None or runs_in is None or runs_in.name != name:
        return ["" if runs_in is None else runs_in.name, *[None] * 5]
    rates = runs_in.flops_per_second, runs_in.bytes_per_second
    return [name, runs_in.cpu_seconds, profile.share(runs_in), *rates, profile.attained(runs_in)]
