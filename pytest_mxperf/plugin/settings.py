"""The user's options and ini keys, read when the plugin first has work to do."""

import math
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import pytest

from pytest_mxperf.errors import UsageError, either
from pytest_mxperf.gate.policy import Policy, parse_policy
from pytest_mxperf.judge.options import JudgeOptions
from pytest_mxperf.plugin.options import LATENCY_MODES, UPDATES
from pytest_mxperf.report import formats
from pytest_mxperf.words import Words

__all__ = ["OPTIONS", "Options", "as_header"]

_WORDS = Words(
    record="--mxperf-update",
    record_missing="--mxperf-update=new",
    record_this="--mxperf-update",
    prune="--mxperf-update=prune",
    baselines="--mxperf-baselines",
    policy="--mxperf-policy",
    latency="--mxperf-latency",
    latency_seconds="--mxperf-latency-seconds",
    latency_wait="--mxperf-latency-wait",
)


class Options(NamedTuple):
    """The user's settings on the command line and in the ini file. The command line wins."""

    reports: Tuple[Tuple[str, Optional[Path]], ...]
    """Each report as the user wrote it, and the path of its file if it is one."""
    policy: Policy
    profile: bool
    """Whether every model's layers are timed."""
    judging: JudgeOptions

    @classmethod
    def of(cls, config: pytest.Config) -> "Options":
        """The settings of a run. Raises ``UsageError`` for an invalid value."""
        given = config.getoption("mxperf_baselines")
        # A path on the command line is relative to the current folder, a path in the ini file to the project.
        folder = config.invocation_params.dir / given if given else config.rootpath / config.getini("mxperf_baselines")
        profile = bool(config.getoption("mxperf_profile") or config.getini("mxperf_profile"))
        judging = JudgeOptions(
            baselines=folder,
            words=_WORDS,
            update=_update(config),
            latency=_chosen(config, "latency", LATENCY_MODES),
            latency_seconds=_seconds(config, "mxperf_latency_seconds"),
            latency_wait=_seconds(config, "mxperf_latency_wait", least=0),
            imports=tuple(config.getini("mxperf_imports")),
        )
        return cls(_reports(config, shows=profile), _policy(config), profile, judging.at_start())


def _reports(config: pytest.Config, *, shows: bool) -> "Tuple[Tuple[str, Optional[Path]], ...]":
    """The reports of the ini file, relative to the root directory, and of the command line, relative to the current
    folder.

    Without any, a report goes to the terminal if the run ``shows`` something.
    """
    asked = [("mxperf_report", config.rootpath, target) for target in config.getini("mxperf_report")]
    typed = config.getoption("mxperf_report") or []
    asked += [("--mxperf-report", config.invocation_params.dir, target) for target in typed]
    reports: Dict[str, Optional[Path]] = {}
    for where, folder, target in asked:
        formats.check(target, where=where)
        path = folder / target if formats.is_file(target) else None
        reports[target if path is None else str(path)] = path
    return tuple(reports.items()) or (((formats.TERMINAL, None),) if shows else ())


def _policy(config: pytest.Config) -> Policy:
    """The command line wins over the ini file, and a policy for one verdict over ``strict``."""
    policy = Policy.strict() if config.getini("mxperf_strict") else Policy()
    policy = policy.updated(dict(parse_policy(each, where="mxperf_policy") for each in config.getini("mxperf_policy")))
    if config.getoption("mxperf_strict"):
        policy = Policy.strict()
    typed = config.getoption("mxperf_policy") or []
    return policy.updated(dict(parse_policy(each, where="--mxperf-policy") for each in typed))


def _update(config: pytest.Config) -> Optional[str]:
    scope: Optional[str] = config.getoption("mxperf_update")
    if scope is not None and scope not in UPDATES:
        raise UsageError(f"--mxperf-update={scope}: {scope!r} is not a choice; use {either(UPDATES)}")
    return scope


def _chosen(config: pytest.Config, name: str, choices: Tuple[str, ...]) -> str:
    value: Any = config.getoption(f"mxperf_{name}") or config.getini(f"mxperf_{name}")
    if value not in choices:
        raise UsageError(f"mxperf_{name}: {value!r} is not a choice; use {either(choices)}")
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


def as_header(config: pytest.Config) -> List[str]:
    """For pytest's header: the folder of the baselines, and deviations from the default policy."""
    options = config.stash[OPTIONS]
    folder, changed = options.judging.baselines, options.policy.deviations()
    if config.rootpath in folder.parents:
        folder = folder.relative_to(config.rootpath)
    return [f"baselines: {folder}", *([f"policy: {changed}"] if changed else [])]
