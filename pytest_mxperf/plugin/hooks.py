"""The hooks of a run that has tests with models, and how a finished test's result reaches the reporter."""

import sys
from functools import partial
from typing import Generator, List, Optional

import msgspec
import pytest

from pytest_mxperf.encoding import printable
from pytest_mxperf.errors import MxperfError
from pytest_mxperf.gate.bypass import unjudged
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.gate.session import Claims
from pytest_mxperf.judge.latency_gate import LatencyGate, Session
from pytest_mxperf.plugin import Watch, markers
from pytest_mxperf.plugin.case import CASE, CLAIMS, LATENCY
from pytest_mxperf.plugin.case_data import CaseData, packed, without_costs
from pytest_mxperf.plugin.collection import Collection, model_before_running
from pytest_mxperf.plugin.containment import contained
from pytest_mxperf.plugin.judging import PROPERTY, tell
from pytest_mxperf.plugin.node_ids import id_of
from pytest_mxperf.plugin.progress import Progress, run_of
from pytest_mxperf.plugin.reporter import Reporter
from pytest_mxperf.plugin.settings import OPTIONS, Options
from pytest_mxperf.report.run import ModelResult

__all__ = ["start"]

_UNJUDGED: "pytest.StashKey[Optional[Finding]]" = pytest.StashKey()


def start(config: pytest.Config, watch: Watch) -> Optional[Reporter]:
    """Registers the hooks for tests with models. Returns the reporter, if this process reports.

    Raises ``pytest.UsageError`` for an invalid option.
    """
    try:
        options = Options.of(config)
    except MxperfError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[OPTIONS] = options
    config.stash[CLAIMS] = Claims()
    config.stash[LATENCY] = LatencyGate(options.judging, _session(config, options))
    collection = Collection(watch)
    for part, name in (
        (collection, "mxperf-collection"),
        (ResultSender(options, watch), "mxperf-result-sender"),
        (Closer(config.stash[LATENCY]), "mxperf-latency"),
    ):
        config.pluginmanager.register(part, name)
    if hasattr(config, "workerinput"):
        return None
    reporter = Reporter(options, collection)
    config.pluginmanager.register(reporter, "mxperf-reporter")
    return reporter


def _session(config: pytest.Config, options: Options) -> Session:
    """The session of the latency gate. Each worker of xdist gets its share of the session's error rate."""
    worker = getattr(config, "workerinput", {})
    progress = Progress(config, options.judging.latency_wait)
    return Session(progress, _command(config), run_of(config), int(worker.get("workercount", 1)))


def _command(config: pytest.Config) -> str:
    """The command as the user typed it, without the path of pytest."""
    given = getattr(config, "workerinput", {}).get("mainargv")
    return " ".join(["pytest", *(given[1:] if given else map(str, config.invocation_params.args))])


class Closer:
    """Ends the measuring process at the end of the session."""

    def __init__(self, gate: LatencyGate) -> None:
        self._gate = gate

    def pytest_unconfigure(self) -> None:
        with contained(partial(print, file=sys.stderr), "ending the measuring process"):
            self._gate.close()


def _forget(item: pytest.Item) -> None:
    """Resets the test, which may have run before."""
    item.stash[_UNJUDGED] = None
    item.user_properties[:] = [each for each in item.user_properties if not each[0].startswith(PROPERTY)]


class ResultSender:
    """Adds the result of a finished test to its last report. xdist sends the report to the controller.

    It is a plugin object, because a module can have only one hook of a name, and this hook must wrap the others.
    """

    def __init__(self, options: Options, watch: Watch) -> None:
        self._options = options
        self._watch = watch

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> "Generator[None, pytest.TestReport, pytest.TestReport]":
        report = yield
        with contained(partial(_fail, report), "reporting what the test found"):
            self._complete(item, report)
        return report

    def _complete(self, item: pytest.Item, report: pytest.TestReport) -> None:
        if report.when == "setup":
            _forget(item)
        if report.when == "teardown":
            self._send(item, report)
        elif report.skipped and self._watch.body_of is not item and markers.is_gated(item):
            self._excuse(item, report)

    def _excuse(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Records that a skip or xfail keeps the gates from being judged or from counting."""
        finding = unjudged(_excuse_of(report))
        item.stash[_UNJUDGED] = finding
        tell(item, [finding])
        policy = self._options.policy.updated(markers.policy_of(item))
        if policy.action(finding.verdict) == "fail":
            _fail(report, finding.message)

    def _send(self, item: pytest.Item, report: pytest.TestReport) -> None:
        data = _data(item)
        if data is not None:
            report.mxperf = packed(data if self._options.reports else without_costs(data))  # type: ignore[attr-defined]


def _fail(report: pytest.TestReport, message: str) -> None:
    message = printable(message)
    if report.failed:  # the user looks first for the test's own failure
        report.sections.append(("mxperf", message))
        return
    report.outcome = "failed"
    report.longrepr = message
    vars(report).pop("wasxfail", None)


def _excuse_of(report: pytest.TestReport) -> str:
    reason = getattr(report, "wasxfail", None)
    if reason is None:
        return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else "skipped"
    return f"expected to fail (xfail){': ' if reason else ''}{reason}"


def _data(item: pytest.Item) -> Optional[CaseData]:
    """The result of the test; None if the test has no model."""
    case = item.stash.get(CASE, None)
    skipped = item.stash.get(_UNJUDGED, None)
    findings: List[Finding] = [] if skipped is None else [skipped]
    if case is not None:
        del item.stash[CASE]  # if the test runs again, it may end before it has a case
        data = case.data(id_of(item))
        file, line, _ = item.location
        found = (*data.result.findings, *findings)
        result = msgspec.structs.replace(data.result, findings=found, file=file, line=(line or 0) + 1)
        return msgspec.structs.replace(data, result=result)
    if skipped is None:
        return None
    spec = model_before_running(item)
    name, inputs = (item.name, {}) if spec is None else (spec.name, dict(spec.inputs))
    policy = markers.policy_of(item)
    return CaseData(ModelResult(id_of(item), name, inputs, findings=tuple(findings), policy=policy), has_model=False)
