"""Gathers what the tests found, in the one process that reports; stores baselines and writes reports."""

import platform
from importlib import metadata
from typing import Any, Dict, List, Optional, Tuple

import msgspec
import pytest

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.errors import MxperfError
from pytest_mxperf.plugin.options import Options
from pytest_mxperf.report import json as json_report
from pytest_mxperf.report.run import ModelResult, RunReport

__all__ = ["CaseData", "Reporter", "Update"]

_DISTRIBUTIONS = ("pytest-mxperf", "pytest", "pytest-benchmark", "mxnet", "numpy")


class Update(msgspec.Struct, frozen=True):
    """A baseline to store once its test has finished."""

    baseline: Baseline
    symbol_json: str


class CaseData(msgspec.Struct, frozen=True):
    """What one finished test sends, as plain data, to the process that reports."""

    result: ModelResult
    update: Optional[Update] = None


class Reporter:
    """A pytest plugin object: under xdist it lives on the controller only."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._results: Dict[str, ModelResult] = {}
        self._errors: List[str] = []
        self._stored_by: Dict[str, str] = {}
        self._phases: Dict[str, List[pytest.TestReport]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Waits for a test's teardown: only then is it known how it came out, its subtests included."""
        self._phases.setdefault(report.nodeid, []).append(report)
        if report.when == "teardown":
            phases = self._phases.pop(report.nodeid)
            plain = getattr(report, "mxperf", None)
            if plain is not None:
                self._add(msgspec.convert(plain, CaseData), _outcome(phases))

    def _add(self, data: CaseData, outcome: str) -> None:
        result = msgspec.structs.replace(data.result, outcome=outcome)
        if data.update is not None:
            stored = self._store(result, data.update) if outcome == "passed" else "not stored"
            result = msgspec.structs.replace(result, baseline_update=stored)
        self._results[result.test] = result  # a rerun's result is what counts

    def _store(self, result: ModelResult, update: Update) -> str:
        other = self._stored_by.setdefault(result.name, result.test)
        if other != result.test:
            self._errors.append(
                f"{result.test}: its baseline {result.name!r} was not stored, since {other} has one of that name; "
                "give one of them another with mxperf_model(..., name=...)"
            )
            return "not stored"
        try:
            return BaselineStore(self._options.baselines).save(result.name, update.baseline, update.symbol_json)
        except MxperfError as error:
            self._errors.append(str(error))
            return "not stored"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for path in self._options.report_files:
            self._write(path, json_report.render(self._report()))
        # Tests have all been reported by now: what went wrong since can only show in the exit code.
        if self._errors and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _write(self, path: Any, text: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            self._errors.append(f"{path}: cannot write the report: {error.strerror}")

    def _report(self) -> RunReport:
        return RunReport(tuple(self._results.values()), _versions())

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        lines = self._notices()
        if self._options.terminal_report and self._results:
            from pytest_mxperf.report import terminal  # rich takes a while to import

            writer = terminalreporter.config.get_terminal_writer()
            lines += terminal.render(self._report(), width=writer.fullwidth, color=writer.hasmarkup).splitlines()
        if lines or self._errors:
            terminalreporter.write_sep("=", "mxperf")
        for line in lines:
            terminalreporter.write_line(line)
        for error in self._errors:
            terminalreporter.write_line(f"ERROR {error}", red=True)

    def _notices(self) -> List[str]:
        """What must be seen without a report: baselines written, and findings that a policy lets pass."""
        policy = self._options.policy
        notices = [
            f"baseline {result.baseline_update}: {result.name}"
            for result in self._results.values()
            if result.baseline_update in ("recorded", "updated")
        ]
        notices += [
            f"baseline not stored: {result.name} ({result.test} {result.outcome})"
            for result in self._results.values()
            if result.baseline_update == "not stored" and result.outcome != "passed"
        ]
        return notices + [
            f"WARNING {result.test}: {finding.message}"
            for result in self._results.values()
            for finding in result.findings
            if policy.get(finding.verdict.value) == "warn"
        ]


def _outcome(phases: List[pytest.TestReport]) -> str:
    """What became of a test, from the reports of its setup, call, subtests and teardown."""
    bad = [phase for phase in phases if phase.outcome not in ("passed", "skipped")]
    if bad:
        return "failed" if bad[0].when == "call" else "error"
    return "skipped" if any(phase.skipped for phase in phases) else "passed"


def _versions() -> Dict[str, str]:
    versions: Tuple[Tuple[str, Optional[str]], ...] = tuple((name, _version(name)) for name in _DISTRIBUTIONS)
    return {"python": platform.python_version(), **{name: version for name, version in versions if version}}


def _version(distribution: str) -> Optional[str]:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None  # MXNet's GPU builds have names of their own
