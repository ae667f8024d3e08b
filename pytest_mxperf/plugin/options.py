"""Command line options and their ini twins."""

import argparse
import math
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import pytest

from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.finding import Verdict

__all__ = ["OPTIONS", "Options", "deviations", "pytest_addoption"]

_REPORT_SUFFIXES = (".json",)
_TERMINAL = "terminal"
_UPDATE_SCOPES = ("all", "new", "prune")

# By option: the verdict that it is about, what is done unless the user says otherwise, and when that is.
_POLICIES = {
    "missing": (Verdict.MISSING, "fail", "a test's baseline does not exist"),
    "incomparable": (
        Verdict.INCOMPARABLE,
        "fail",
        "a baseline is of other inputs or another convention, or cannot be read",
    ),
    "uncounted": (Verdict.UNCOUNTED, "fail", "a gated model has operators that no rule counts"),
    "unmeasured": (Verdict.NOT_MEASURED, "fail", "a latency budget or gate was set and nothing was measured"),
    "inconclusive": (
        Verdict.INCONCLUSIVE,
        "warn",
        "latency is unclear: too much noise, too little time, or weights that other processors are slow with",
    ),
    "unused": (Verdict.UNUSED, "fail", "all tests were collected and none uses a baseline"),
    "improved": (Verdict.IMPROVED, "warn", "a model is lighter or faster than its baseline"),
    "unjudged": (Verdict.NOT_JUDGED, "warn", "a gated test was skipped, deselected or expected to fail"),
    "ungated": (Verdict.NO_GATE, "warn", "a marked test has no gate and asks its model nothing"),
    "flaky": (Verdict.FLAKY, "warn", "a gate failed before its test was run again"),
}
_ACTIONS = ("fail", "warn", "ignore")
_LATENCY_MODES = ("auto", "always", "never")


def _report_target(value: str) -> str:
    if value == _TERMINAL or value.endswith(_REPORT_SUFFIXES):
        return value
    raise argparse.ArgumentTypeError(
        f"{value!r} is not a report file ({', '.join(_REPORT_SUFFIXES)}); {_put_it_first(value, '--mxperf-report')}"
    )


def _update_scope(value: str) -> str:
    if value in _UPDATE_SCOPES:
        return value
    hint = _put_it_first(value, "--mxperf-update")
    raise argparse.ArgumentTypeError(f"{value!r} is none of {', '.join(_UPDATE_SCOPES)}; {hint}")


def _put_it_first(value: str, option: str) -> str:
    # The option takes whatever follows it: in `pytest --mxperf-report tests/` the folder.
    return f"if it is what to test, put it first: pytest {value} {option}"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mxperf", "MXNet models: cost, latency, baselines")
    group.addoption(
        "--mxperf-report",
        nargs="?",
        const=_TERMINAL,
        action="append",
        type=_report_target,
        metavar="FILE",
        help="show every model's cost, latency and gates in the terminal, or write them to FILE.json; repeatable",
    )
    group.addoption(
        "--mxperf-update",
        nargs="?",
        const="all",
        type=_update_scope,
        metavar="new|prune",
        help="write the baselines of passing tests; =new only those that do not exist yet; "
        "=prune removes those that no test uses, and writes none",
    )
    group.addoption(
        "--mxperf-latency",
        choices=_LATENCY_MODES,
        help="time models whose graph has changed (auto, the default), all that have a latency gate, or none",
    )
    group.addoption(
        "--mxperf-latency-seconds",
        type=float,
        metavar="N",
        help="what timing one model may take, of CPU time (default: 15)",
    )
    group.addoption("--mxperf-baselines", metavar="DIR", help="folder of the baselines (default: baselines)")
    parser.addini("mxperf_report", "reports, as for --mxperf-report", type="args")
    parser.addini("mxperf_latency", "which models to time: auto, always, never", default="auto")
    parser.addini("mxperf_latency_seconds", "what timing one model may take, in seconds of CPU time", default="15")
    parser.addini("mxperf_baselines", "folder of the baselines, relative to the root directory", default="baselines")
    for name, (_, default, occasion) in _POLICIES.items():
        group.addoption(f"--mxperf-{name}", choices=_ACTIONS, help=f"what to do when {occasion} (default: {default})")
        parser.addini(f"mxperf_{name}", f"what to do when {occasion}: {', '.join(_ACTIONS)}", default=default)


class Options(NamedTuple):
    """What the user asked for on the command line and in the ini file; the command line wins."""

    terminal_report: bool
    report_files: Tuple[Path, ...]
    update: Optional[str]
    """``all``, ``new``, ``prune`` or None."""
    baselines: Path
    policy: Dict[Verdict, str]
    """What to do about a verdict: ``fail``, ``warn`` or ``ignore``."""
    latency: str
    """``auto``, ``always`` or ``never``."""
    latency_seconds: float
    """For one model."""

    @classmethod
    def of(cls, config: pytest.Config) -> "Options":
        """Raises ``UsageError`` for an ini value that cannot be understood."""
        targets = [*config.getini("mxperf_report"), *(config.getoption("mxperf_report") or [])]
        try:
            targets = [_report_target(target) for target in targets]
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"mxperf_report: {error}") from None
        given = config.getoption("mxperf_baselines")
        # What is typed is relative to where it is typed; what a project says is relative to the project.
        folder = config.invocation_params.dir / given if given else config.rootpath / config.getini("mxperf_baselines")
        return cls(
            terminal_report=_TERMINAL in targets,
            report_files=tuple(config.invocation_params.dir / target for target in targets if target != _TERMINAL),
            update=config.getoption("mxperf_update"),
            baselines=folder,
            policy={verdict: _chosen(config, name, _ACTIONS) for name, (verdict, _, _) in _POLICIES.items()},
            latency=_chosen(config, "latency", _LATENCY_MODES),
            latency_seconds=_seconds(config),
        )

    @property
    def writes_baselines(self) -> bool:
        return self.update in ("all", "new")

    def action(self, verdict: Verdict) -> str:
        """``fail``, ``warn`` or ``ignore``."""
        return "ignore" if verdict in (Verdict.PASSED, Verdict.ADVICE) else self.policy.get(verdict, "fail")


def deviations(options: Options) -> List[str]:
    """What the user wants done otherwise than by default, as in ``missing=warn``."""
    return [
        f"{name}={options.policy[verdict]}"
        for name, (verdict, default, _) in _POLICIES.items()
        if options.policy[verdict] != default
    ]


def _chosen(config: pytest.Config, name: str, choices: Tuple[str, ...]) -> str:
    value: Any = config.getoption(f"mxperf_{name}") or config.getini(f"mxperf_{name}")
    if value not in choices:
        raise UsageError(f"mxperf_{name}: {value!r} is none of {', '.join(choices)}")
    return str(value)


def _seconds(config: pytest.Config) -> float:
    given = config.getoption("mxperf_latency_seconds")
    value = config.getini("mxperf_latency_seconds") if given is None else given
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"mxperf_latency_seconds: {value!r} is not a number of seconds")
    return seconds


OPTIONS: "pytest.StashKey[Options]" = pytest.StashKey()
