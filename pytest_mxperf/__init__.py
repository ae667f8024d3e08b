"""pytest-mxperf keeps Apache MXNet 1.x models from getting heavier or slower.

Importing this package imports neither pytest nor numpy nor mxnet. It does make a later ``import mxnet`` work where a
plain ``pip install mxnet`` leaves it broken (see ``pytest_mxperf.mx.compat``).
"""

from pytest_mxperf.api import count
from pytest_mxperf.cost.conventions import total
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.errors import MxperfError
from pytest_mxperf.mx import compat
from pytest_mxperf.spec import InputSpec, ModelSpec

__all__ = ["CostReport", "InputSpec", "LayerCost", "ModelSpec", "MxperfError", "OpCost", "Params", "count", "total"]

compat.install()
