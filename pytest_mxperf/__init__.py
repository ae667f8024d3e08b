"""pytest-mxperf keeps Apache MXNet 1.x models from getting heavier or slower.

Importing this package imports neither pytest nor numpy nor mxnet. It does make a later ``import mxnet`` work where a
plain ``pip install mxnet`` leaves it broken (see ``pytest_mxperf.mx.compat``).
"""

from pytest_mxperf.api import compare_latency, count, diff
from pytest_mxperf.baseline.diff import Change, Difference
from pytest_mxperf.cost.result import ConventionName, CostReport, LayerCost, OpCost, Params
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
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.mx import compat
from pytest_mxperf.spec import InputSpec, ModelSpec, RunAs

__all__ = [
    "BaselineError",
    "Change",
    "Comparison",
    "ConventionName",
    "CostReport",
    "Difference",
    "GraphError",
    "InputSpec",
    "LayerCost",
    "ModelError",
    "ModelSpec",
    "MxnetMissingError",
    "MxperfError",
    "MxperfWarning",
    "OpCost",
    "Params",
    "ParamsError",
    "RunAs",
    "ShapeError",
    "Timing",
    "UsageError",
    "WorkerError",
    "compare_latency",
    "count",
    "diff",
]

compat.install()
