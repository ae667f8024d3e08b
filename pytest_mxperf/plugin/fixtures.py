"""The fixtures. MXNet is imported when the first of them needs it."""

from contextlib import contextmanager
from typing import Any, Iterator, Optional

import pytest

from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.plugin.case import CASE, Case
from pytest_mxperf.plugin.containment import MEANT_FOR_PYTEST, failure, message_of
from pytest_mxperf.plugin.markers import is_marked, model_of
from pytest_mxperf.plugin.options import OPTIONS
from pytest_mxperf.spec import ModelSpec

__all__ = ["mxperf_checkpoint", "mxperf_cost", "mxperf_model", "mxperf_module"]


@contextmanager
def _one_clear_error(doing: str, case: Optional[Case] = None) -> Iterator[None]:
    """Our own errors about the user's model need no traceback through our code; the report has them too."""
    try:
        yield
    except MEANT_FOR_PYTEST:
        raise
    except BaseException as error:
        if case is not None:
            case.problem = message_of(error, doing)
        raise failure(error, doing) from error.__cause__


@pytest.fixture
def mxperf_model(request: pytest.FixtureRequest) -> ModelSpec:
    """The model of the test, from its ``mxperf_model`` marker; override or parametrize it like any fixture."""
    with _one_clear_error("reading the markers"):
        return model_of(request.node, getattr(request, "param", None))


@pytest.fixture
def _mxperf_case(request: pytest.FixtureRequest, mxperf_model: object) -> Case:
    with _one_clear_error("reading the markers"):
        case = Case(request.node, model_of(request.node, mxperf_model), request.config.stash[OPTIONS])
        request.node.stash[CASE] = case
    return case


@pytest.fixture(autouse=True)
def _mxperf_gates(request: pytest.FixtureRequest) -> None:
    """Makes a case of every marked test, also when the test asks for no fixture."""
    if is_marked(request.node) or "mxperf_model" in request.fixturenames:
        request.getfixturevalue("_mxperf_case")


@pytest.fixture
def mxperf_cost(_mxperf_case: Case) -> CostReport:
    """The ``CostReport`` of one forward pass: totals, layers, parameters, uncounted operators."""
    with _one_clear_error("counting the model", _mxperf_case):
        return _mxperf_case.cost


@pytest.fixture
def mxperf_checkpoint(_mxperf_case: Case) -> Any:
    """``(symbol, arg_params, aux_params)``, as ``mx.model.load_checkpoint`` returns them, held against each other."""
    with _one_clear_error("loading the weights", _mxperf_case):
        return _mxperf_case.checkpoint


@pytest.fixture
def mxperf_module(_mxperf_case: Case) -> Any:
    """An ``mx.mod.Module`` with its parameters set, bound with ``for_training=False``."""
    with _one_clear_error("binding the model", _mxperf_case):
        return _mxperf_case.bind()
