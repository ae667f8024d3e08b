"""pytest-mxperf keeps Apache MXNet 1.x models from getting heavier or slower.

Importing this package imports neither pytest nor numpy nor mxnet. Each name that it exports is imported on first use.
It also makes a later ``import mxnet`` work where a plain ``pip install mxnet`` leaves it broken (see
``pytest_mxperf.mx.compat``).
"""

from importlib import import_module
from typing import TYPE_CHECKING, List

from pytest_mxperf.mx import compat

if TYPE_CHECKING:
    from pytest_mxperf.api import compare_latency, count, diff, profile_layers, vary
    from pytest_mxperf.baseline.detail import Detail
    from pytest_mxperf.baseline.diff import Change, ChangeKind, CostMetric, Costs, Difference
    from pytest_mxperf.cost.own import formula
    from pytest_mxperf.cost.polynomial import Polynomial
    from pytest_mxperf.cost.registry import Call, Formula
    from pytest_mxperf.cost.result import ConventionName, CostReport, LayerCost, OpCost, Params, Shape
    from pytest_mxperf.cost.scaling import Scaling, ScalingMetric
    from pytest_mxperf.errors import (
        BaselineError,
        GraphError,
        ModelError,
        MxnetMissingError,
        MxperfError,
        MxperfWarning,
        ParamsError,
        ShapeError,
        UsageError,
        WorkerError,
    )
    from pytest_mxperf.gate.finding import Finding, GateName, MetricUnit, Verdict
    from pytest_mxperf.gate.own_metrics import MeasuredModel, Metric, MetricValue
    from pytest_mxperf.gate.policy import PolicyAction
    from pytest_mxperf.latency.comparison import Comparison, Sample
    from pytest_mxperf.latency.conditions import Conditions
    from pytest_mxperf.latency.decide import Decision, Outcome
    from pytest_mxperf.latency.timing import Timing
    from pytest_mxperf.plugin.benchmark import Benchmark, BoundModule
    from pytest_mxperf.profile.layers import ModelProfile, TimedLayer
    from pytest_mxperf.profile.values import Peaks
    from pytest_mxperf.report.run import BaselineUpdate, ModelResult, RunReport, Section, TestOutcome
    from pytest_mxperf.spec import (
        Checkpoint,
        DtypeName,
        Epoch,
        ExampleLike,
        InputLike,
        Inputs,
        InputSpec,
        LoadedCheckpoint,
        ModelLike,
        ModelSource,
        ModelSpec,
        RunAs,
        RunAsName,
        ShapeLike,
    )

__all__ = [
    "BaselineError",
    "BaselineUpdate",
    "Benchmark",
    "BoundModule",
    "Call",
    "Change",
    "ChangeKind",
    "Checkpoint",
    "Comparison",
    "Conditions",
    "ConventionName",
    "CostMetric",
    "CostReport",
    "Costs",
    "Decision",
    "Detail",
    "Difference",
    "DtypeName",
    "Epoch",
    "ExampleLike",
    "Finding",
    "Formula",
    "GateName",
    "GraphError",
    "InputLike",
    "InputSpec",
    "Inputs",
    "LayerCost",
    "LoadedCheckpoint",
    "MeasuredModel",
    "Metric",
    "MetricUnit",
    "MetricValue",
    "ModelError",
    "ModelLike",
    "ModelProfile",
    "ModelResult",
    "ModelSource",
    "ModelSpec",
    "MxnetMissingError",
    "MxperfError",
    "MxperfWarning",
    "OpCost",
    "Outcome",
    "Params",
    "ParamsError",
    "Peaks",
    "PolicyAction",
    "Polynomial",
    "RunAs",
    "RunAsName",
    "RunReport",
    "Sample",
    "Scaling",
    "ScalingMetric",
    "Section",
    "Shape",
    "ShapeError",
    "ShapeLike",
    "TestOutcome",
    "TimedLayer",
    "Timing",
    "UsageError",
    "Verdict",
    "WorkerError",
    "compare_latency",
    "count",
    "diff",
    "formula",
    "profile_layers",
    "vary",
]

_NAMES = {
    "pytest_mxperf.api": ("compare_latency", "count", "diff", "profile_layers", "vary"),
    "pytest_mxperf.baseline.detail": ("Detail",),
    "pytest_mxperf.baseline.diff": ("Change", "ChangeKind", "CostMetric", "Costs", "Difference"),
    "pytest_mxperf.cost.own": ("formula",),
    "pytest_mxperf.cost.polynomial": ("Polynomial",),
    "pytest_mxperf.cost.registry": ("Call", "Formula"),
    "pytest_mxperf.cost.result": ("ConventionName", "CostReport", "LayerCost", "OpCost", "Params", "Shape"),
    "pytest_mxperf.cost.scaling": ("Scaling", "ScalingMetric"),
    "pytest_mxperf.errors": (
        "BaselineError",
        "GraphError",
        "ModelError",
        "MxnetMissingError",
        "MxperfError",
        "MxperfWarning",
        "ParamsError",
        "ShapeError",
        "UsageError",
        "WorkerError",
    ),
    "pytest_mxperf.gate.finding": ("Finding", "GateName", "MetricUnit", "Verdict"),
    "pytest_mxperf.gate.own_metrics": ("MeasuredModel", "Metric", "MetricValue"),
    "pytest_mxperf.gate.policy": ("PolicyAction",),
    "pytest_mxperf.latency.comparison": ("Comparison", "Sample"),
    "pytest_mxperf.latency.conditions": ("Conditions",),
    "pytest_mxperf.latency.decide": ("Decision", "Outcome"),
    "pytest_mxperf.latency.timing": ("Timing",),
    "pytest_mxperf.plugin.benchmark": ("Benchmark", "BoundModule"),
    "pytest_mxperf.profile.layers": ("ModelProfile", "TimedLayer"),
    "pytest_mxperf.profile.values": ("Peaks",),
    "pytest_mxperf.report.run": ("BaselineUpdate", "ModelResult", "RunReport", "Section", "TestOutcome"),
    "pytest_mxperf.spec": (
        "Checkpoint",
        "DtypeName",
        "Epoch",
        "ExampleLike",
        "InputLike",
        "InputSpec",
        "Inputs",
        "LoadedCheckpoint",
        "ModelLike",
        "ModelSource",
        "ModelSpec",
        "RunAs",
        "RunAsName",
        "ShapeLike",
    ),
}
"""What each module has of that."""
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


if not TYPE_CHECKING:  # it would take any name for one of ours

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return value


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})


compat.install()
