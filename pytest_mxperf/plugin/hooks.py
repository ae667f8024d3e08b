"""The hooks: each translates between pytest and what decides elsewhere."""

from typing import Any, Generator, Optional

import msgspec
import pytest

from pytest_mxperf.errors import MxperfError
from pytest_mxperf.gate import Verdict
from pytest_mxperf.plugin import markers
from pytest_mxperf.plugin.case import CASE, Case
from pytest_mxperf.plugin.options import OPTIONS, Options
from pytest_mxperf.plugin.reporter import Reporter

__all__ = [
    "pytest_configure",
    "pytest_pycollect_makeitem",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
]

_IN_BODY: "pytest.StashKey[bool]" = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    markers.register(config)
    try:
        options = Options.of(config)
    except MxperfError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[OPTIONS] = options
    config.pluginmanager.register(ResultSender(), "mxperf-result-sender")
    is_xdist_worker = hasattr(config, "workerinput")
    if not is_xdist_worker:
        config.pluginmanager.register(Reporter(options), "mxperf-reporter")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> None:
    """Lets a marked test be parametrized over ``mxperf_model`` without taking it as an argument."""
    uses_model = pytest.mark.usefixtures("mxperf_model")
    if not collector.istestfunction(obj, name):
        return
    if markers.is_marked(collector):
        # Not the function: an unmarked class may inherit it too.
        if uses_model.mark not in collector.iter_markers("usefixtures"):
            collector.add_marker(uses_model)
    elif markers.marks_function(obj):
        uses_model(getattr(obj, "__func__", obj))  # a bound method takes no marks


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> "Generator[None, object, object]":
    """Marks the time in which whatever is reported is only a subtest."""
    __tracebackhide__ = True
    item.stash[_IN_BODY] = True
    try:
        return (yield)
    finally:
        item.stash[_IN_BODY] = False


def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> None:
    """Judges the gates once the test's own body has passed; a broken gate fails the test.

    Here, and not around the call, since only here is it known of every kind of test whether its body has passed; and
    before the report is made, so that an ``xfail`` covers gates too.
    """
    if call.when != "call" or call.excinfo is not None or item.stash[_IN_BODY]:
        return
    failure = _judge(item)
    if failure:
        call.excinfo = pytest.CallInfo.from_call(lambda: pytest.fail(failure, pytrace=False), "call").excinfo


def _judge(item: pytest.Item) -> str:
    """What is wrong with the model, for the test's failure; empty if nothing is."""
    try:
        case = item.stash.get(CASE, None) or _late_case(item)
        if case is None:
            return ""
        failures = case.judge()
    except MxperfError as error:
        return str(error)
    item.user_properties += [(f"mxperf {f.gate} {f.metric}", f.verdict.value) for f in case.findings]
    lines = [f"{case.spec.name}: {f.message}".replace("\n", "\n    ") for f in failures]
    if any(f.verdict is Verdict.REGRESSED for f in failures):
        lines.append("if that is meant, store the new baseline with --mxperf-update")
    return "\n".join(lines)


def _late_case(item: pytest.Item) -> Optional[Case]:
    """The case of a test that another fixture or its own body has marked, when our fixtures had had their turn."""
    if markers.is_marked(item):
        item.stash[CASE] = Case(item, markers.model_of(item), item.config.stash[OPTIONS])
    return item.stash.get(CASE, None)


class ResultSender:
    """Sends what a finished test found along with its last report; xdist carries it to the controller.

    A plugin object, since one module has room for one hook of a name, and this one is to surround the others.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> "Generator[None, pytest.TestReport, pytest.TestReport]":
        report = yield
        case: Optional[Case] = item.stash.get(CASE, None)
        if report.when == "teardown" and case is not None:
            report.mxperf = msgspec.to_builtins(case.data(item.nodeid))  # type: ignore[attr-defined]
        return report
