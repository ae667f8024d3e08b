"""Collects the tests' results in the process that reports, stores baselines and writes reports."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Dict, Generator, List, Optional, Tuple

import msgspec
import pytest
from _pytest.junitxml import xml_key

from pytest_mxperf.errors import MxperfError
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.gate.session import Collected, judge_deselected, judge_unused
from pytest_mxperf.judge.keeper import Keeper
from pytest_mxperf.plugin.case_data import CaseData, unpacked
from pytest_mxperf.plugin.collection import Collection
from pytest_mxperf.plugin.containment import contained
from pytest_mxperf.plugin.own_sections import sections_of
from pytest_mxperf.plugin.settings import Options
from pytest_mxperf.report import formats
from pytest_mxperf.report.notices import notices
from pytest_mxperf.report.output import Place, save
from pytest_mxperf.report.run import ModelResult, RunReport, Section, TestOutcome
from pytest_mxperf.versions import versions

__all__ = ["Reporter"]

_FINISHED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class Reporter:
    """A plugin object. Under xdist there is one only on the controller."""

    def __init__(self, options: Options, collection: Collection) -> None:
        self._options = options
        self._collection = collection
        self._store = options.judging.store
        self._marks_at_start = self._store.marks() if options.judging.update == "prune" else {}
        self._results: Dict[str, ModelResult] = {}
        self._kept_of: Dict[str, object] = {}
        """By test, the worker that its result is from."""
        self._baselines: Dict[str, Optional[str]] = {}
        self._keeper = Keeper(options.judging)
        self._findings: List[Finding] = self._keeper.findings  # the run adds its own
        self._errors: List[str] = self._keeper.errors
        self._sections: Tuple[Section, ...] = ()
        self._lines: List[str] = []
        self._printed: List[str] = []
        """Lines of reports for the terminal."""
        self._unused_unknown_because = ""
        self._phases: Dict[Tuple[str, object], List[pytest.TestReport]] = {}
        """The reports of running tests, by node id and worker: with xdist's ``--dist=each`` all workers run a test."""
        self._session: Optional[pytest.Session] = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collects a test's reports until its teardown, because only then its outcome is known, with subtests."""
        with contained(self._errors.append, f"taking note of {report.nodeid}"):
            self._note(report)

    def _note(self, report: pytest.TestReport) -> None:
        worker = getattr(report, "node", None)
        run = report.nodeid, worker
        self._phases.setdefault(run, []).append(report)
        if report.when == "teardown":
            phases = self._phases.pop(run)
            text = vars(report).pop("mxperf", None)  # removed, because pytest keeps the reports in memory until the end
            if text is not None:
                self._add(unpacked(text), _outcome(phases), worker)

    def _add(self, data: CaseData, outcome: TestOutcome, worker: object) -> None:
        result = msgspec.structs.replace(data.result, outcome=outcome)
        stored = self._keeper.keep(result.name, result.test, data.claim, data.update, is_passed=outcome == "passed")
        result = msgspec.structs.replace(result, baseline_update=stored)
        if data.has_model:
            self._baselines[result.test] = result.name if data.uses_baseline else None
        self._keep(result, worker)

    def _keep(self, result: ModelResult, worker: object) -> None:
        """A rerun's result replaces the one before. Of several workers, one where the test failed counts."""
        first = self._kept_of.setdefault(result.test, worker)
        if worker is first or result.outcome not in ("passed", "skipped"):
            self._results[result.test] = result
            self._kept_of[result.test] = worker

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._session = session
        for step, doing in (
            (self._judge_the_run, "judging the run"),
            (self._tell_junit, "writing the JUnit XML"),
            (self._ask_for_sections, "asking other plugins for sections of the report"),
            (self._make_reports, "making the reports"),
        ):
            with contained(self._errors.append, doing):
                step(session)
        if self._all_errors():
            self._fail_the_run()

    def _fail_the_run(self) -> None:
        """All tests have been reported by now, so a later error can only show in the exit code."""
        session = self._session
        if session is not None and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge_the_run(self, session: pytest.Session) -> None:
        collected = self._collection.collected(session)
        self._results = {test: self._results[test] for test in collected.in_order(self._results)}
        self._findings += judge_deselected(collected)
        self._judge_unused(session, collected)

    def _judge_unused(self, session: pytest.Session, collected: Collected) -> None:
        stored = self._store.names()
        used, doubt = collected.users(self._baselines)
        if session.exitstatus not in _FINISHED or session.config.option.collectonly:
            doubt = "the run did not finish"
        self._unused_unknown_because = doubt
        unused = [] if doubt else judge_unused(stored, used, words=self._options.judging.words)
        if self._options.judging.update == "prune":
            if doubt and set(stored) - used:
                self._errors.append(f"no baseline was removed, because other tests may use them: {doubt}")
            unused = [finding for finding in unused if not self._prune(finding.metric)]
        self._findings += unused

    def _prune(self, name: str) -> bool:
        try:
            removed = self._store.remove(name, mark=self._marks_at_start.get(name))
        except MxperfError as error:
            self._errors.append(str(error))
            return False
        self._lines.append(f"baseline {'removed' if removed else 'kept, because it has just been written'}: {name}")
        return True

    def _tell_junit(self, session: pytest.Session) -> None:
        xml = session.config.stash.get(xml_key, None)
        if xml is not None:
            for finding in self._findings:
                xml.add_global_property(f"mxperf {finding.gate} {finding.metric}", finding.verdict.value)

    def _ask_for_sections(self, session: pytest.Session) -> None:
        if self._options.reports:
            self._sections = sections_of(session.config, self._report())

    def _make_reports(self, session: pytest.Session) -> None:
        if session.config.option.collectonly:  # an editor that looks for tests must not empty the last report
            return
        for target, path in self._options.reports:
            with contained(self._errors.append, f"making the report {target}"):
                self._make_report(target, path, session.config)

    def _make_report(self, target: str, path: Optional[Path], config: pytest.Config) -> None:
        writer = config.get_terminal_writer()
        place = Place(
            path,
            writer.fullwidth,
            writer.hasmarkup,
            config.option.verbose,
            config.rootpath,
            os.environ,
            profile="--mxperf-profile",
        )
        made = formats.output(target, self._report(), place)
        self._printed += made.printed.splitlines()
        for file, content, adds in made.files():
            self._write(file, content, adds)

    def _write(self, path: Path, content: bytes, adds: bool) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path, content, adds=adds)
        except OSError as error:
            self._errors.append(f"{path}: cannot write the report: {error.strerror}")
        else:
            self._lines.append(f"report written: {os.path.relpath(path)}")

    def _report(self) -> RunReport:
        results, findings = tuple(self._results.values()), tuple(self._findings)
        return RunReport(results, versions(), findings, self._unused_unknown_because, self._sections)

    def _all_errors(self) -> List[str]:
        failing = (each.message for each in self._findings if self._options.policy.action(each.verdict) == "fail")
        return [*self._errors, *failing]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        with contained(partial(self._fail_the_summary, terminalreporter), "showing what was found"):
            self._show(terminalreporter)

    @pytest.hookimpl(wrapper=True, tryfirst=True, specname="pytest_terminal_summary")
    def _last_word(self, terminalreporter: Any) -> "Generator[None, object, object]":
        """Errors outside a test are shown after the list of failed tests."""
        result = yield
        if any(terminalreporter.stats.get(outcome) for outcome in ("failed", "error")):
            with suppress(Exception):  # the terminal itself may fail
                for error in self._all_errors():
                    terminalreporter.write_line(f"ERROR {error}", red=True)
        return result

    def _fail_the_summary(self, terminalreporter: Any, message: str) -> None:
        self._fail_the_run()
        with suppress(Exception):  # the terminal itself may fail
            terminalreporter.write_line(f"ERROR {message}", red=True)

    def _show(self, terminalreporter: Any) -> None:
        errors = self._all_errors()
        judging, results = self._options.judging, list(self._results.values())
        lines = notices(results, self._findings, self._options.policy, words=judging.words, update=judging.update)
        lines += self._lines + self._printed
        if lines or errors:
            terminalreporter.write_sep("=", "mxperf")
        for line in lines:
            terminalreporter.write_line(line)
        for error in errors:
            terminalreporter.write_line(f"ERROR {error}", red=True)


def _outcome(phases: List[pytest.TestReport]) -> TestOutcome:
    """The outcome of a test, from the reports of its setup, call, subtests and teardown."""
    bad = [phase for phase in phases if phase.outcome not in ("passed", "skipped")]
    if bad:
        return "failed" if bad[0].when == "call" else "error"
    return "skipped" if any(phase.skipped for phase in phases) else "passed"
