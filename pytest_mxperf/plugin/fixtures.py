"""The values of the fixtures. MXNet is imported when the first fixture needs it."""

from contextlib import contextmanager
from typing import Any, Iterator, Optional

import pytest

from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.plugin.case import CASE, Case
from pytest_mxperf.plugin.containment import MEANT_FOR_PYTEST, cause_of, failure, message_of
from pytest_mxperf.plugin.markers import model_of
from pytest_mxperf.plugin.settings import OPTIONS
from pytest_mxperf.spec import LoadedCheckpoint, ModelSpec

__all__ = ["case", "checkpoint", "cost", "model", "module"]


@contextmanager
def _one_clear_error(doing: str, case: Optional[Case] = None) -> Iterator[None]:
    """Turns an error into a failure without a traceback through our code, and keeps its message for the report."""
    try:
        yield
    except MEANT_FOR_PYTEST:
        raise
    except BaseException as error:
        if case is not None:
            case.problem = message_of(error, doing)
        raise failure(error, doing) from cause_of(error)


def model(request: pytest.FixtureRequest) -> ModelSpec:
    with _one_clear_error("reading the markers"):
        return model_of(request.node, getattr(request, "param", None))


def case(request: pytest.FixtureRequest, given: object) -> Case:
    with _one_clear_error("reading the markers"):
        found = Case(request.node, model_of(request.node, given), request.config.stash[OPTIONS])
        request.node.stash[CASE] = found
    return found


def cost(case: Case) -> CostReport:
    with _one_clear_error("counting the model", case):
        return case.model.cost


def checkpoint(case: Case) -> LoadedCheckpoint:
    with _one_clear_error("loading the weights", case):
        return case.model.checkpoint


def module(case: Case) -> Any:
    with _one_clear_error("binding the model", case):
        return case.model.bind()
