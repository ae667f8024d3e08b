"""``mxperf check``: judges the models of an ``mxperf.toml`` as pytest does, without pytest."""

import argparse
import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, List, Optional, Sequence, Set, Tuple

from pytest_mxperf.commands.kept import made
from pytest_mxperf.commands.shared import DIFFERENT, SAME, TROUBLE, WORDS, add
from pytest_mxperf.errors import MxperfError, UsageError, told
from pytest_mxperf.gate.bypass import ungated
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.limits import parse_budget, parse_growth
from pytest_mxperf.gate.policy import Policy, parse_policies, parse_policy
from pytest_mxperf.gate.session import judge_unused
from pytest_mxperf.judge.entry import problem_of
from pytest_mxperf.judge.growth import JudgedGrowth
from pytest_mxperf.judge.keeper import Keeper
from pytest_mxperf.judge.latency_gate import LatencyGate, Session
from pytest_mxperf.judge.model import Gates, ModelJudge
from pytest_mxperf.judge.options import JudgeOptions
from pytest_mxperf.latency.allowance import DEFAULT_SECONDS
from pytest_mxperf.report import formats
from pytest_mxperf.report.notices import notices
from pytest_mxperf.report.remedy import remedy
from pytest_mxperf.report.run import ModelResult, RunReport
from pytest_mxperf.suite.read import FILE_NAME, Entry, read_suite
from pytest_mxperf.versions import versions
from pytest_mxperf.worker.host_lock import Holder

__all__ = ["add_commands"]

_UNTIMED = "mxperf check measures no wall times; pytest does"


def add_commands(commands: Any) -> None:
    check = add(
        commands,
        "check",
        _check,
        "judge the models of an mxperf.toml by their budgets and baselines; exit code 0 if all pass, 1 if some fail, "
        "2 on error; it reads nothing of pytest's ini file: give --policy, --strict and --baselines",
    )
    check.add_argument("file", nargs="?", default=FILE_NAME, metavar="FILE", help=f"(default: {FILE_NAME})")
    check.add_argument(
        "-k", dest="only", default="", metavar="NAME", help="only the model NAME, or all whose name contains it"
    )
    check.add_argument(
        "--update",
        nargs="?",
        const="all",
        choices=("all", "new"),
        help="store the baselines of models that pass; =new only those that do not exist yet",
    )
    check.add_argument("--baselines", metavar="DIR", help="folder of the baselines (default: baselines beside FILE)")
    check.add_argument(
        "--latency",
        choices=("auto", "always", "never"),
        default="auto",
        help="which models to time, as with pytest --mxperf-latency",
    )
    check.add_argument(
        "--latency-seconds",
        type=float,
        default=DEFAULT_SECONDS,
        metavar="N",
        help="limit for timing one model, in seconds of CPU time (default: 30)",
    )
    check.add_argument(
        "--latency-wait",
        type=float,
        default=600.0,
        metavar="N",
        help="how many seconds another run may measure in one turn, before this run gives up (default: 600)",
    )
    check.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="VERDICT=ACTION",
        help="what a verdict does, as with pytest --mxperf-policy",
    )
    check.add_argument("--strict", action="store_true", help="fail on every verdict but PASSED")
    check.add_argument(
        "--import",
        action="append",
        default=[],
        dest="imports",
        metavar="NAME",
        help="a module to import first, which registers operators of your own; repeatable",
    )
    check.add_argument(
        "-o", "--output", action="append", default=[], metavar="REPORT", help=f"{formats.KNOWN}; repeatable"
    )
    check.add_argument("-v", "--verbose", action="count", default=0, help="say more, as pytest -v does")


def _check(options: argparse.Namespace) -> Tuple[str, int]:
    for target in options.output:
        formats.check(target, where="--output")
    path = Path(options.file)
    if path.is_dir():
        raise UsageError(f"{path}: a folder; {_instead_of(path)}")
    entries = _selected(read_suite(path), options.only)
    if not entries:
        raise UsageError(f"{path}: no model has {options.only!r} in its name")
    baselines = Path(options.baselines) if options.baselines else path.parent / "baselines"
    judging = JudgeOptions(
        baselines,
        WORDS,
        options.update,
        options.latency,
        options.latency_seconds,
        options.latency_wait,
        imports=tuple(options.imports),
    ).at_start()
    policy = _policy(options)
    session = Session(_Progress(), shlex.join(["mxperf", *sys.argv[1:]]))
    with closing(LatencyGate(judging, session)) as gate:
        keeper = Keeper(judging)
        checks = [_Check(entry, judging, gate, policy, path, keeper) for entry in entries if not entry.problem]
        results = [check.result() for check in checks]
    findings = keeper.findings
    if len(checks) == len(entries) and not options.only:
        findings += judge_unused(judging.store.names(), _used(checks), words=WORDS, of=path.name)
    run = RunReport(tuple(results), versions(), tuple(findings))
    failing = [finding for finding in findings if policy.action(finding.verdict) == "fail"]
    blank = [problem for problem in map(problem_of, entries) if problem]
    errors = [*blank, *keeper.errors, *(finding.message for finding in failing)]
    is_bad = bool(errors) or any(result.outcome != "passed" for result in results)
    lines = notices(results, findings, policy, words=WORDS, update=options.update)
    for target in options.output or [formats.TERMINAL]:
        lines += made(target, run, options.verbose, root=path.parent)
    lines += [f"{result.name}: {remedy(result)}" for result in results if result.outcome == "failed" and remedy(result)]
    code = TROUBLE if blank or any(check.bug for check in checks) else DIFFERENT if is_bad else SAME
    return "\n".join([*lines, *(f"ERROR {error}" for error in errors)]), code


def _selected(entries: Sequence[Entry], only: str) -> List[Entry]:
    """The one of this name; without one, all whose name contains it."""
    named = [entry for entry in entries if entry.name == only]
    return named or [entry for entry in entries if only in entry.name]


def _instead_of(folder: Path) -> str:
    file = folder / FILE_NAME
    if file.is_file():
        return f"give the file in it: {file}"
    return f"give an {FILE_NAME}, mxperf init {shlex.quote(str(folder))} writes one"


def _policy(options: argparse.Namespace) -> Policy:
    # Other files and tests, which it does not see, may use the baselines that this file does not.
    policy = Policy.strict() if options.strict else Policy().updated({Verdict.UNUSED: "warn"})
    return policy.updated(dict(parse_policy(each, where="--policy") for each in options.policy))


def _used(checks: "Sequence[_Check]") -> Set[str]:
    return {check.spec.name for check in checks if check.gates.uses_baseline}


class _Check:
    """Judges one model."""

    def __init__(
        self, entry: Entry, options: JudgeOptions, gate: LatencyGate, policy: Policy, path: Path, keeper: Keeper
    ) -> None:
        self.spec = entry.spec()
        self.gates = Gates(
            parse_budget(entry.budget, where=entry.where),
            tuple(parse_growth(baseline, where=entry.where) for baseline in entry.baselines),
            parse_policies(entry.policy, where=entry.where),
        )
        self.bug = ""
        """The unexpected exception that ended the judgement."""
        self._entry = entry
        self._keeper = keeper
        self._path = path
        self._baselines = options.baselines
        self._policy = policy.updated(self.gates.policy)
        options = options.for_model(f"{options.words.record} -k {shlex.quote(entry.name)}")
        self._model = ModelJudge(self.spec, options, gate, root=path.parent.absolute())

    def result(self) -> ModelResult:
        findings: List[Finding] = []
        growth, problem = JudgedGrowth([]), ""
        try:
            findings, growth = self._judged()
        except MxperfError as error:
            problem = str(error)
        except Exception as error:
            problem = self.bug = f"{told(error)}; this is a bug of pytest-mxperf: please report it to its issue tracker"
        is_failed = bool(problem) or any(self._policy.action(each.verdict) == "fail" for each in findings)
        test = f"{self._path.name}::{self._entry.name}"
        return ModelResult(
            test=test,
            name=self.spec.name,
            inputs=dict(self.spec.inputs),
            outcome="failed" if is_failed else "passed",
            problem=problem,
            cost=self._model.counted,
            findings=tuple(findings),
            difference=growth.difference,
            baseline_update=self._keeper.keep(
                self.spec.name, test, growth.claim, growth.update, is_passed=not is_failed
            ),
            policy=dict(self.gates.policy),
            file=self._path.name,
            line=self._entry.line,
            symbol_path=self.spec.symbol_path(self._path.parent.absolute()),
            update_command=self._update_command() if self.gates.uses_baseline else "",
        )

    def _update_command(self) -> str:
        folder = self._baselines
        elsewhere = [] if folder == self._path.parent / "baselines" else [f"--baselines={folder}"]
        arguments = ["mxperf", "check", str(self._path), "--update", *elsewhere, "-k", self._entry.name]
        return " ".join(map(shlex.quote, arguments))

    def _judged(self) -> Tuple[List[Finding], JudgedGrowth]:
        """Raises ``MxperfError`` for a broken model, even when it has no gates."""
        _ = self._model.cost, self._model.example
        findings = [] if self.gates or self._entry.is_timed else [ungated(is_test=False)]
        judged = self._model.judge(self.gates, None, unmeasured_because=_UNTIMED, where=self._entry.where)
        return findings + judged.findings, judged.growth


class _Progress:
    """Shows progress in one line of stderr, if that is a terminal."""

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *error: Any) -> Optional[bool]:
        self.tell("")
        return None

    def tell(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def waiting(self, holder: Optional[Holder], waited: float) -> None:
        self.tell(f"waits for {holder or 'another process'} to measure on this host: {waited:.0f} s so far")
