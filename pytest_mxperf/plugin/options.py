"""Command line options and their ini twins."""

import copy
import math
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import pytest

from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.policy import ACTIONS, OCCASIONS, Policy, parse_policy
from pytest_mxperf.report import formats

__all__ = ["OPTIONS", "Options", "pytest_addoption", "pytest_load_initial_conftests"]

_UPDATE_SCOPES = ("all", "new", "prune")

_LATENCY_MODES = ("auto", "always", "never")


# Options whose value may be left out, and what they mean then. A value comes with "=": what follows behind a space is a
# path to test, as in `pytest --mxperf-report tests/`. argparse would take it for the value.
_WITHOUT_VALUE = {"--mxperf-report": formats.TERMINAL, "--mxperf-update": "all"}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: Any, parser: Any, args: List[str]) -> None:
    end = args.index("--") if "--" in args else len(args)
    args[:end] = [f"{arg}={_WITHOUT_VALUE[arg]}" if arg in _WITHOUT_VALUE else arg for arg in args[:end]]
    # Conftest files are looked for where the paths point.
    early_config.known_args_namespace.file_or_dir = parser.parse_known_args(
        args, namespace=copy.copy(early_config.option)
    ).file_or_dir


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mxperf", "MXNet models: cost, latency, baselines")
    _add_baselines_and_reports(parser, group)
    _add_latency(parser, group)
    _add_policy(parser, group)


def _add_baselines_and_reports(parser: pytest.Parser, group: Any) -> None:
    group.addoption(
        "--mxperf-report",
        nargs="?",
        const=formats.TERMINAL,
        action="append",
        metavar="REPORT",
        help="show every model's cost, latency and gates in the terminal, or give them to another report with "
        f"--mxperf-report=REPORT: {formats.KNOWN}; repeatable",
    )
    group.addoption(
        "--mxperf-update",
        nargs="?",
        const="all",
        metavar="new|prune",
        help="write the baselines of passing tests; =new only those that do not exist yet; "
        "=prune removes those that no test uses, and writes none",
    )
    group.addoption("--mxperf-baselines", metavar="DIR", help="folder of the baselines (default: baselines)")
    parser.addini("mxperf_report", "reports, as for --mxperf-report", type="args")
    parser.addini("mxperf_baselines", "folder of the baselines, relative to the root directory", default="baselines")


def _add_latency(parser: pytest.Parser, group: Any) -> None:
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
    group.addoption(
        "--mxperf-latency-wait",
        type=float,
        metavar="N",
        help="seconds to wait for each turn of another run that measures on this host (default: 600)",
    )
    parser.addini("mxperf_latency", "which models to time: auto, always, never", default="auto")
    parser.addini("mxperf_latency_seconds", "what timing one model may take, in seconds of CPU time", default="15")
    parser.addini("mxperf_latency_wait", "seconds to wait for each turn of another run", default="600")


def _add_policy(parser: pytest.Parser, group: Any) -> None:
    group.addoption(
        "--mxperf-policy",
        action="append",
        metavar="VERDICT=ACTION",
        help=f"what comes of a verdict: {', '.join(ACTIONS)}; repeatable. {_policies()}",
    )
    group.addoption(
        "--mxperf-strict",
        action="store_true",
        default=None,
        help="fail on every verdict that is not PASSED; --mxperf-policy makes exceptions",
    )
    parser.addini("mxperf_policy", "what comes of verdicts, as for --mxperf-policy", type="args")
    parser.addini("mxperf_strict", "as --mxperf-strict", type="bool", default=False)


def _policies() -> str:
    """Each verdict, what is done about it unless the user says otherwise, and when it is given."""
    usual = Policy()
    told = (f"{verdict.value.lower()} ({usual.action(verdict)}): {when}" for verdict, when in OCCASIONS.items())
    return "Verdicts, with their defaults: " + "; ".join(told)


class Options(NamedTuple):
    """What the user asked for on the command line and in the ini file; the command line wins."""

    reports: Tuple[Tuple[str, Optional[Path]], ...]
    """Each as the user wrote it, and where its file is if it is one."""
    update: Optional[str]
    """``all``, ``new``, ``prune`` or None."""
    baselines: Path
    policy: Policy
    latency: str
    """``auto``, ``always`` or ``never``."""
    latency_seconds: float
    """For one model."""
    latency_wait: float
    """Seconds; for each turn of another process that measures on this host."""

    @classmethod
    def of(cls, config: pytest.Config) -> "Options":
        """Raises ``UsageError`` for an ini value that cannot be understood."""
        given = config.getoption("mxperf_baselines")
        # What is typed is relative to where it is typed; what a project says is relative to the project.
        folder = config.invocation_params.dir / given if given else config.rootpath / config.getini("mxperf_baselines")
        return cls(
            reports=_reports(config),
            update=_update(config),
            baselines=folder,
            policy=_policy(config),
            latency=_chosen(config, "latency", _LATENCY_MODES),
            latency_seconds=_seconds(config, "mxperf_latency_seconds"),
            latency_wait=_seconds(config, "mxperf_latency_wait", least=0),
        )

    @property
    def writes_baselines(self) -> bool:
        return self.update in ("all", "new")


def _reports(config: pytest.Config) -> "Tuple[Tuple[str, Optional[Path]], ...]":
    """Those of the ini file, relative to the root directory, and those of the command line, relative to where it is."""
    asked = [("mxperf_report", config.rootpath, target) for target in config.getini("mxperf_report")]
    typed = config.getoption("mxperf_report") or []
    asked += [("--mxperf-report", config.invocation_params.dir, target) for target in typed]
    reports: Dict[str, Optional[Path]] = {}
    for where, folder, target in asked:
        if not formats.is_report(target):
            raise UsageError(f"{where}={target}: not a report; it can be {formats.KNOWN}")
        path = folder / target if formats.is_file(target) else None
        reports[target if path is None else str(path)] = path
    return tuple(reports.items())


def _policy(config: pytest.Config) -> Policy:
    """The command line wins over the ini file, and what is said of one verdict over ``strict``."""
    policy = Policy.strict() if config.getini("mxperf_strict") else Policy()
    policy = policy.updated(dict(parse_policy(each, where="mxperf_policy") for each in config.getini("mxperf_policy")))
    if config.getoption("mxperf_strict"):
        policy = Policy.strict()
    typed = config.getoption("mxperf_policy") or []
    return policy.updated(dict(parse_policy(each, where="--mxperf-policy") for each in typed))


def _update(config: pytest.Config) -> Optional[str]:
    scope: Optional[str] = config.getoption("mxperf_update")
    if scope is not None and scope not in _UPDATE_SCOPES:
        raise UsageError(f"--mxperf-update={scope}: not one of {', '.join(_UPDATE_SCOPES)}")
    return scope


def _chosen(config: pytest.Config, name: str, choices: Tuple[str, ...]) -> str:
    value: Any = config.getoption(f"mxperf_{name}") or config.getini(f"mxperf_{name}")
    if value not in choices:
        raise UsageError(f"mxperf_{name}: {value!r} is none of {', '.join(choices)}")
    return str(value)


def _seconds(config: pytest.Config, name: str, *, least: float = sys.float_info.min) -> float:
    given = config.getoption(name)
    value = config.getini(name) if given is None else given
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not least <= seconds < math.inf:
        raise UsageError(f"{name}: {value!r} is not a number of seconds")
    return seconds


OPTIONS: "pytest.StashKey[Options]" = pytest.StashKey()
