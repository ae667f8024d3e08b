"""The pytest plugin, and the only part that imports pytest. Loading it imports neither mxnet nor numpy."""

from pytest_mxperf.plugin.fixtures import (
    _mxperf_case,
    _mxperf_gates,
    mxperf_checkpoint,
    mxperf_cost,
    mxperf_model,
    mxperf_module,
)
from pytest_mxperf.plugin.header import pytest_report_header
from pytest_mxperf.plugin.hooks import (
    pytest_configure,
    pytest_pycollect_makeitem,
    pytest_runtest_call,
)
from pytest_mxperf.plugin.options import pytest_addoption, pytest_load_initial_conftests

__all__ = [
    "_mxperf_case",
    "_mxperf_gates",
    "mxperf_checkpoint",
    "mxperf_cost",
    "mxperf_model",
    "mxperf_module",
    "pytest_addoption",
    "pytest_configure",
    "pytest_load_initial_conftests",
    "pytest_pycollect_makeitem",
    "pytest_report_header",
    "pytest_runtest_call",
]
