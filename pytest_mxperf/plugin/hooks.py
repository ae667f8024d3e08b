"""The hooks: each translates between pytest and what decides elsewhere."""

from contextlib import nullcontext
from typing import Any, ContextManager, Generator, Iterable, List, Optional, Sequence

import msgspec
import pytest

from pytest_mxperf.errors import MxperfError
from pytest_mxperf.gate.bypass import not_judged
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.plugin import benchmark, markers
from pytest_mxperf.plugin.case import CASE, FAILED_BEFORE, Case
from pytest_mxperf.plugin.collection import Collection, model_before_running
from pytest_mxperf.plugin.latency import LATENCY, LatencyGate
from pytest_mxperf.plugin.options import OPTIONS, Options
from pytest_mxperf.plugin.reporter import CaseData, Reporter
from pytest_mxperf.report.run import ModelResult

__all__ = [
    "pytest_configure",
    "pytest_pycollect_makeitem",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
]

_PROPERTY = "mxperf "
_IN_BODY: "pytest.StashKey[bool]" = pytest.StashKey()
_NOT_JUDGED: "pytest.StashKey[Optional[Finding]]" = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    markers.register(config)
    try:
        options = Options.of(config)
    except MxperfError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[OPTIONS] = options
    collection = Collection()
    config.pluginmanager.register(benchmark.fixture_for(config), "mxperf-benchmark")
    config.pluginmanager.register(collection, "mxperf-collection")
    config.pluginmanager.register(ResultSender(options), "mxperf-result-sender")
    config.stash[LATENCY] = LatencyGate(config, options)
    config.pluginmanager.register(config.stash[LATENCY], "mxperf-latency")
    is_xdist_worker = hasattr(config, "workerinput")
    if not is_xdist_worker:
        config.pluginmanager.register(Reporter(options, collection), "mxperf-reporter")


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
    with _captured(item):
        failure = _judge(item)
    if failure:
        call.excinfo = pytest.CallInfo.from_call(lambda: pytest.fail(failure, pytrace=False), "call").excinfo


def _captured(item: pytest.Item) -> "ContextManager[None]":
    """As the test's own body was: MXNet writes a line or two about every old symbol that it loads."""
    manager: Any = item.config.pluginmanager.get_plugin("capturemanager")
    capture: ContextManager[None] = nullcontext() if manager is None else manager.item_capture("call", item)
    return capture


def _judge(item: pytest.Item) -> str:
    """What is wrong with the model, for the test's failure; empty if nothing is."""
    case = item.stash.get(CASE, None)
    try:
        case = case or _late_case(item)
        if case is None:
            return ""
        failures = case.judge()
    except MxperfError as error:
        if case is not None:
            case.problem = str(error)
        return str(error)
    _tell(item, case.findings)
    broken = [f.message.splitlines()[0] for f in failures if f.verdict is not Verdict.FLAKY]
    item.stash[FAILED_BEFORE] = (*item.stash.get(FAILED_BEFORE, ()), *broken)
    lines = [f"{case.spec.name}: {f.message}".replace("\n", "\n    ") for f in failures]
    return "\n".join(lines + _remedy(failures if case.uses_baseline else []))


def _remedy(failures: Sequence[Finding]) -> List[str]:
    """How to accept what a model has become. Weights that slow it down are never accepted."""
    changed = (Verdict.REGRESSED, Verdict.IMPROVED)
    if not any(f.verdict in changed and f.metric != "weights" for f in failures):
        return []
    is_over = any(f.verdict is Verdict.OVER_BUDGET for f in failures)
    first = "raise the budget, then " if is_over else ""  # only a test that passes stores its baseline
    return [f"if that is meant, {first}store the new baseline with --mxperf-update"]


def _late_case(item: pytest.Item) -> Optional[Case]:
    """The case of a test that another fixture or its own body has marked, when our fixtures had had their turn."""
    if markers.is_marked(item):
        item.stash[CASE] = Case(item, markers.model_of(item), item.config.stash[OPTIONS])
    return item.stash.get(CASE, None)


def _tell(item: pytest.Item, findings: Iterable[Finding]) -> None:
    """Where JUnit XML finds it."""
    item.user_properties += [(f"{_PROPERTY}{f.gate} {f.metric}", f.verdict.value) for f in findings]


def _forget(item: pytest.Item) -> None:
    """Makes the test new: it may have run before."""
    item.stash[_NOT_JUDGED] = None
    item.user_properties[:] = [each for each in item.user_properties if not each[0].startswith(_PROPERTY)]


class ResultSender:
    """Sends what a finished test found along with its last report; xdist carries it to the controller.

    A plugin object, since one module has room for one hook of a name, and this one is to surround the others.
    """

    def __init__(self, options: Options) -> None:
        self._options = options

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> "Generator[None, pytest.TestReport, pytest.TestReport]":
        report = yield
        if report.when == "setup":
            _forget(item)
        if report.when == "teardown":
            self._send(item, report)
        elif report.skipped and not item.stash.get(_IN_BODY, False) and markers.is_gated(item):
            self._excuse(item, report)
        return report

    def _excuse(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Takes note that a skip or xfail keeps the gates from being judged or from counting."""
        finding = not_judged(_excuse_of(report))
        item.stash[_NOT_JUDGED] = finding
        _tell(item, [finding])
        if self._options.action(finding.verdict) == "fail":
            report.outcome = "failed"
            report.longrepr = finding.message
            vars(report).pop("wasxfail", None)

    def _send(self, item: pytest.Item, report: pytest.TestReport) -> None:
        data = _data(item)
        if data is not None:
            report.mxperf = msgspec.to_builtins(data)  # type: ignore[attr-defined]


def _excuse_of(report: pytest.TestReport) -> str:
    reason = getattr(report, "wasxfail", None)
    if reason is None:
        return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else "skipped"
    return f"expected to fail (xfail){': ' if reason else ''}{reason}"


def _data(item: pytest.Item) -> Optional[CaseData]:
    """What the test found; None if it is none of ours."""
    case = item.stash.get(CASE, None)
    skipped = item.stash.get(_NOT_JUDGED, None)
    findings: List[Finding] = [] if skipped is None else [skipped]
    if case is not None:
        del item.stash[CASE]  # the test may run again, and not get as far as that
        data = case.data(item.nodeid)
        file, line, _ = item.location
        found = (*data.result.findings, *findings)
        result = msgspec.structs.replace(data.result, findings=found, file=file, line=(line or 0) + 1)
        return msgspec.structs.replace(data, result=result)
    if skipped is None:
        return None
    spec = model_before_running(item)
    name, inputs = (item.name, {}) if spec is None else (spec.name, dict(spec.inputs))
    return CaseData(ModelResult(item.nodeid, name, inputs, findings=tuple(findings)), has_model=False)
