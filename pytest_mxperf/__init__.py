"""pytest-mxperf keeps Apache MXNet 1.x models from getting heavier or slower.

Importing this package imports neither pytest nor numpy nor mxnet. It does make a later ``import mxnet`` work where a
plain ``pip install mxnet`` leaves it broken (see ``pytest_mxperf.mx.compat``).
"""

from pytest_mxperf.api import count, diff
from pytest_mxperf.baseline.diff import Change, Difference
from pytest_mxperf.cost.result import ConventionName, CostReport, LayerCost, OpCost, Params
from pytest_mxperf.errors import MxperfError
from pytest_mxperf.mx import compat
from pytest_mxperf.spec import InputSpec, ModelSpec

__all__ = [
    "Change",
    "ConventionName",
    "CostReport",
    "Difference",
    "InputSpec",
    "LayerCost",
    "ModelSpec",
    "MxperfError",
    "OpCost",
    "Params",
    "count",
    "diff",
]

compat.install()
