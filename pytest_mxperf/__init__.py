"""pytest-mxperf keeps Apache MXNet 1.x models from getting heavier or slower.

Importing this package imports neither pytest nor numpy nor mxnet. Each name that it exports is imported on first use.
It also makes a later ``import mxnet`` work where a plain ``pip install mxnet`` leaves it broken (see
``pytest_mxperf.mx.compat``).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

from pytest_mxperf.mx import compat

if TYPE_CHECKING:
    from pytest_mxperf.api import compare_latency, count, diff, profile_layers, vary
    from pytest_mxperf.baseline.diff import Change, Difference
    from pytest_mxperf.cost.own import formula
    from pytest_mxperf.cost.polynomial import Polynomial
    from pytest_mxperf.cost.registry import Call
    from pytest_mxperf.cost.result import ConventionName, CostReport, LayerCost, OpCost, Params
    from pytest_mxperf.cost.scaling import Scaling
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
    from pytest_mxperf.gate.own_metrics import MeasuredModel, Metric
    from pytest_mxperf.latency.comparison import Comparison, Sample
    from pytest_mxperf.latency.timing import Timing
    from pytest_mxperf.plugin.benchmark import Benchmark
    from pytest_mxperf.profile.layers import ModelProfile, TimedLayer
    from pytest_mxperf.profile.values import Peaks
    from pytest_mxperf.report.run import RunReport, Section
    from pytest_mxperf.spec import InputSpec, ModelSpec, RunAs

__all__ = [
    "BaselineError",
    "Benchmark",
    "Call",
    "Change",
    "Comparison",
    "ConventionName",
    "CostReport",
    "Difference",
    "GraphError",
    "InputSpec",
    "LayerCost",
    "MeasuredModel",
    "Metric",
    "ModelError",
    "ModelProfile",
    "ModelSpec",
    "MxnetMissingError",
    "MxperfError",
    "MxperfWarning",
    "OpCost",
    "Params",
    "ParamsError",
    "Peaks",
    "Polynomial",
    "RunAs",
    "RunReport",
    "Sample",
    "Scaling",
    "Section",
    "ShapeError",
    "TimedLayer",
    "Timing",
    "UsageError",
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
    "pytest_mxperf.baseline.diff": ("Change", "Difference"),
    "pytest_mxperf.cost.own": ("formula",),
    "pytest_mxperf.cost.polynomial": ("Polynomial",),
    "pytest_mxperf.cost.registry": ("Call",),
    "pytest_mxperf.cost.result": ("ConventionName", "CostReport", "LayerCost", "OpCost", "Params"),
    "pytest_mxperf.cost.scaling": ("Scaling",),
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
    "pytest_mxperf.gate.own_metrics": ("MeasuredModel", "Metric"),
    "pytest_mxperf.latency.comparison": ("Comparison", "Sample"),
    "pytest_mxperf.latency.timing": ("Timing",),
    "pytest_mxperf.plugin.benchmark": ("Benchmark",),
    "pytest_mxperf.profile.layers": ("ModelProfile", "TimedLayer"),
    "pytest_mxperf.profile.values": ("Peaks",),
    "pytest_mxperf.report.run": ("RunReport", "Section"),
    "pytest_mxperf.spec": ("InputSpec", "ModelSpec", "RunAs"),
}
"""What each module has of that."""
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})


compat.install()
