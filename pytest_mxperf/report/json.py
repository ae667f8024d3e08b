"""The report as JSON, for other programs. ``docs/report-json.md`` documents every field.

The schema number changes when a field changes its meaning or goes away; new fields do not change it.
"""

from pathlib import Path
from typing import Any, Dict

import msgspec

from pytest_mxperf.baseline.diff import Change, Difference
from pytest_mxperf.cost.result import CostReport, LayerCost
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.run import ModelResult, RunReport

__all__ = ["SCHEMA", "output", "render", "render_comparison", "render_cost", "render_difference"]

SCHEMA = 1


def output(run: RunReport, place: Place) -> Output:
    return Output(written={place.path or Path("mxperf.json"): render(run)})


def render(run: RunReport) -> str:
    document = {
        "schema": SCHEMA,
        "versions": run.versions,
        "findings": run.findings,
        "unused_unknown_because": run.unused_unknown_because or None,
        "models": [_model(result) for result in run.results],
    }
    return _text(document)


def render_cost(cost: CostReport) -> str:
    """One model's costs, as in the report."""
    return _text(_cost(cost))


def render_difference(difference: Difference) -> str:
    """What distinguishes two models, as in the report."""
    return _text(_difference(difference))


def render_comparison(compared: Comparison) -> str:
    """What was decided about two models' latency."""
    return _text(compared)


def _text(document: object) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _model(result: ModelResult) -> Dict[str, Any]:
    document: Dict[str, Any] = {
        "test": result.test,
        "name": result.name,
        "outcome": result.outcome,
        "problem": result.problem or None,
        "inputs": result.inputs,
        "findings": result.findings,
        "difference": None if result.difference is None else _difference(result.difference),
        "baseline_update": result.baseline_update,
        "timing": result.timing,
        "cost": None if result.cost is None else _cost(result.cost),
    }
    return document


def _difference(difference: Difference) -> Dict[str, Any]:
    return {
        "before": difference.before,
        "now": difference.now,
        "changes": [_change(change, difference) for change in difference.changes],
    }


def _change(change: Change, difference: Difference) -> Dict[str, Any]:
    metrics = change.now.__struct_fields__
    return {
        "kind": change.kind,
        "name": change.name,
        "old_name": change.old_name,
        "op": change.op,
        "details": [detail._asdict() for detail in change.details],
        "before": change.before,
        "now": change.now,
        "growth": {metric: change.growth(metric) for metric in metrics},
        "share_of_growth": {metric: difference.share(change, metric) for metric in metrics},
    }


def _cost(cost: CostReport) -> Dict[str, Any]:
    return {
        "convention": cost.convention,
        "macs": cost.macs,
        "flops": cost.flops,
        "flops_by_category": cost.cost.flops_by_category(),
        "params": {**msgspec.to_builtins(cost.params), "total": cost.params.total},
        "param_bytes_by_dtype": cost.param_bytes_by_dtype,
        "bytes_read": cost.bytes_read,
        "bytes_written": cost.bytes_written,
        "peak_activation_bytes": cost.peak_activation_bytes,
        "checkpoint_bytes": cost.checkpoint_bytes,
        "uncounted": cost.uncounted,
        "notes": cost.notes,
        "layers": [_layer(layer) for layer in cost.layers],
    }


def _layer(layer: LayerCost) -> Dict[str, Any]:
    return {
        "name": layer.name,
        "op": layer.op,
        "outputs": layer.outputs,
        "dtype": layer.dtype,
        "executions": layer.executions,
        "bytes_read": layer.bytes_read,
        "bytes_written": layer.bytes_written,
        "arithmetic_intensity": layer.arithmetic_intensity,
        "macs": layer.macs,
        "flops": layer.flops,
        "flops_by_category": layer.cost.flops_by_category(),
        "params": layer.params,
    }
