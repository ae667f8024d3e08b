"""Records the collected tests, in the processes that collect, for the process that reports."""

import glob
from pathlib import Path
from typing import Any, List, Optional

import msgspec
import pytest

from pytest_mxperf.gate.session import Collected, CollectedTest
from pytest_mxperf.plugin import Watch, is_marked
from pytest_mxperf.plugin.containment import contained
from pytest_mxperf.plugin.markers import is_gated, model_of
from pytest_mxperf.plugin.node_ids import id_of
from pytest_mxperf.spec import ModelSpec

__all__ = ["Collection", "model_before_running"]

_KEY = "mxperf_collected"


class Collection:
    """A plugin object in every process. Under xdist the workers collect, and send the tests to the controller."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._told: Optional[Collected] = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            with contained(self._doubts, "reporting what was collected"):
                session.config.workeroutput[_KEY] = msgspec.to_builtins(self._own(session))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {}).get(_KEY)
        if told is not None:  # all workers collect the same tests
            with contained(self._doubts, "reading what was collected"):
                self._told = msgspec.convert(told, Collected)

    def _doubts(self, because: str) -> None:
        self._watch.doubt = self._watch.doubt or because

    def collected(self, session: pytest.Session) -> Collected:
        """All tests that the run has collected, and the doubt if the command line left some out."""
        collected = self._told or self._own(session)
        return msgspec.structs.replace(collected, doubt=_left_out(session.config) or collected.doubt)

    def _own(self, session: pytest.Session) -> Collected:
        if self._watch.items is None:  # xdist's controller, whose workers have all crashed or were stopped
            return Collected(doubt=self._watch.doubt or "no process has reported what it collected")
        selected = set(getattr(session, "items", ()))
        tests = [_test(item, item in selected) for item in self._watch.items if _is_ours(item)]
        return Collected(tuple(tests), self._watch.doubt)


def _is_ours(item: pytest.Item) -> bool:
    return "mxperf_model" in getattr(item, "fixturenames", ()) or is_marked(item)


def _test(item: pytest.Item, is_selected: bool) -> CollectedTest:
    spec = model_before_running(item)
    return CollectedTest(id_of(item), None if spec is None else spec.name, is_gated(item), is_selected)


def model_before_running(item: pytest.Item) -> Optional[ModelSpec]:
    """The test's model. None if a fixture of the user's own makes it, or the marker is invalid."""
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).get("mxperf_model")
    # pytest has a fixture definition of its own for a test that is parametrized over mxperf_model.
    if definitions and not definitions[-1].func.__module__.startswith(("pytest_mxperf.", "_pytest.")):
        return None
    try:
        return model_of(item, getattr(getattr(item, "callspec", None), "params", {}).get("mxperf_model"))
    except Exception:  # the test itself reports it
        return None


def _left_out(config: pytest.Config) -> str:
    """Why pytest may not have collected all tests of the project; empty if it has."""
    if getattr(config.option, "lf", False):
        return "--last-failed looks at some files only"
    if config.option.ignore or config.option.ignore_glob:
        return "--ignore leaves files out"
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        return ""
    given = [config.invocation_params.dir / argument for argument in config.args]
    for root in _roots(config):
        if not any(folder == root or folder in root.parents for folder in (path.resolve() for path in given)):
            return f"the command names only a part of {root}"
    return ""


def _roots(config: pytest.Config) -> List[Path]:
    """The folders and files of the project's tests."""
    patterns = config.getini("testpaths")
    found = [Path(path) for pattern in patterns for path in glob.glob(str(config.rootpath / pattern), recursive=True)]
    return [path.resolve() for path in found or [config.rootpath]]
