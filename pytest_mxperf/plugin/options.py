"""Command line options and their ini keys. Every run of pytest imports this module, so it imports no other of ours."""

import copy
import os
from typing import Any, List

import pytest

__all__ = ["LATENCY_MODES", "REPORTS", "UPDATES", "VERDICTS", "add_options", "are_given", "check_ini", "with_values"]

LATENCY_MODES = ("auto", "always", "never")
UPDATES = ("all", "new", "prune")

# Copies for the help, because the modules that define them take time to import. A test compares both.
REPORTS = "terminal, github, FILE.csv, FILE.html, FILE.json, FILE.md, FILE.trace.json"
VERDICTS = (
    "missing (fail): a test's baseline does not exist; "
    "incomparable (fail): a baseline has other inputs or another convention, or cannot be read; "
    "other_mxnet (warn): a baseline was recorded under another MXNet, or is timed in another way; "
    "uncounted (fail): a gated model has operators without a counting rule; "
    "unmeasured (fail): a latency budget or gate was set and nothing was measured; "
    "inconclusive (warn): latency is unclear: too much noise, too little time, or weights that are slow on other "
    "processors; "
    "unused (fail): all tests were collected and none uses the baseline; "
    "improved (warn): a model is lighter or faster than its baseline; "
    "unjudged (warn): a gated test was skipped, deselected or expected to fail, or lacks the weights that its baseline "
    "had; "
    "ungated (warn): a marked test has no gate, and does not use its model; "
    "flaky (warn): a gate failed before its test was run again"
)

_INI_DEFAULTS = {
    "mxperf_baselines": "baselines",
    "mxperf_imports": [],
    "mxperf_latency": "auto",
    "mxperf_latency_seconds": "30",
    "mxperf_latency_wait": "600",
    "mxperf_policy": [],
    "mxperf_profile": False,
    "mxperf_report": [],
    "mxperf_strict": False,
}

# Options that may have no value, and the value that they get then. A value comes after "=". After a space comes a path
# to test, as in `pytest --mxperf-report tests/`, which argparse would take for the value.
_WITHOUT_VALUE = {"--mxperf-report": "terminal", "--mxperf-update": "all"}
_VALUES = {"--mxperf-report": tuple(REPORTS.split(", ")), "--mxperf-update": UPDATES}


def with_values(early_config: Any, parser: Any, args: List[str]) -> None:
    """Adds the value to each option that was given without one, in place."""
    end = args.index("--") if "--" in args else len(args)
    for option, path in zip(args[:end], args[1:end]):
        if option in _VALUES and _is_value(option, path) and not os.path.lexists(path):
            raise pytest.UsageError(f"{option} {path}: there is no {path} to test; if it is a value: {option}={path}")
    args[:end] = [f"{arg}={_WITHOUT_VALUE[arg]}" if arg in _WITHOUT_VALUE else arg for arg in args[:end]]
    # pytest looks for conftest.py files at these paths, so they must not contain a value.
    early_config.known_args_namespace.file_or_dir = parser.parse_known_args(
        args, namespace=copy.copy(early_config.option)
    ).file_or_dir


def _is_value(option: str, text: str) -> bool:
    """Whether it is one of the option's values; those like ``FILE.csv`` stand for all files of this kind."""
    endings = tuple(each[4:] for each in _VALUES[option] if each.startswith("FILE"))
    return text in _VALUES[option] or (text.endswith(endings) and not text.startswith("-"))


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("mxperf", "MXNet models: cost, latency, baselines")
    _add_baselines_and_reports(parser, group)
    _add_latency(parser, group)
    _add_policy(parser, group)


def _add_baselines_and_reports(parser: pytest.Parser, group: Any) -> None:
    group.addoption(
        "--mxperf-report",
        nargs="?",
        const="terminal",
        action="append",
        metavar="REPORT",
        help=f"report every model's cost, latency and gates, in the terminal or as =REPORT: {REPORTS}; repeatable",
    )
    group.addoption(
        "--mxperf-update",
        nargs="?",
        const="all",
        metavar="new|prune",
        help="store the baselines of tests that pass; =new only those that do not exist yet; "
        "=prune stores none, and removes those that no test uses; =all is the same as no value",
    )
    group.addoption(
        "--mxperf-profile",
        action="store_true",
        default=None,
        help="time every layer of each model, and add the times to every report (default report: terminal)",
    )
    group.addoption("--mxperf-baselines", metavar="DIR", help="folder of the baselines (default: baselines)")
    _add_ini(parser, "mxperf_report", "reports to write, as with --mxperf-report", "args")
    _add_ini(parser, "mxperf_profile", "time every layer, as with --mxperf-profile", "bool")
    _add_ini(parser, "mxperf_baselines", "folder of the baselines, relative to the root directory")
    _add_ini(
        parser,
        "mxperf_imports",
        "modules that register operators of your own; imported in every process that opens a model",
        "args",
    )


def _add_latency(parser: pytest.Parser, group: Any) -> None:
    group.addoption(
        "--mxperf-latency",
        choices=LATENCY_MODES,
        help="which latency gates to time: those whose graph has changed (auto, the default), all, or none",
    )
    group.addoption(
        "--mxperf-latency-seconds",
        type=float,
        metavar="N",
        help="limit for timing one model, in seconds of CPU time (default: 30)",
    )
    group.addoption(
        "--mxperf-latency-wait",
        type=float,
        metavar="N",
        help="how many seconds another run may measure in one turn, before this run gives up (default: 600)",
    )
    _add_ini(parser, "mxperf_latency", "which models to time: auto, always or never")
    _add_ini(parser, "mxperf_latency_seconds", "limit for timing one model, in seconds of CPU time")
    _add_ini(parser, "mxperf_latency_wait", "how many seconds another run may measure in one turn")


def _add_policy(parser: pytest.Parser, group: Any) -> None:
    group.addoption(
        "--mxperf-policy",
        action="append",
        metavar="VERDICT=ACTION",
        help=f"what a verdict does: fail, warn or ignore; repeatable. Verdicts and their defaults: {VERDICTS}",
    )
    group.addoption(
        "--mxperf-strict",
        action="store_true",
        default=None,
        help="fail on every verdict but PASSED; --mxperf-policy makes exceptions",
    )
    _add_ini(parser, "mxperf_policy", "what verdicts do, as with --mxperf-policy", "args")
    _add_ini(parser, "mxperf_strict", "fail on every verdict but PASSED, as with --mxperf-strict", "bool")


def _add_ini(parser: pytest.Parser, name: str, what: str, kind: Any = None) -> None:
    parser.addini(name, what, type=kind, default=_INI_DEFAULTS[name])


def check_ini(config: pytest.Config) -> None:
    """Refuses a misspelt key of ours. pytest only warns of it, and goes on without what it was to set."""
    typed = [each.partition("=")[0] for each in config.getoption("override_ini") or ()]
    # pytest 9 has no public name for what the file has. Without any, its own warning is left.
    written = getattr(config, "_inicfg", None) or ({} if hasattr(config, "_inicfg") else config.inicfg)
    for key in (*written, *typed):
        if key.strip().lower().startswith("mxperf") and key not in _INI_DEFAULTS and not _is_registered(key, config):
            from pytest_mxperf.errors import did_you_mean

            where = "-o" if key in typed else str(config.inipath)
            hint = did_you_mean(key.strip().lower(), _INI_DEFAULTS, alike=0.8)  # all of them begin alike
            raise pytest.UsageError(f"{where}: unknown key {key!r}; {hint}known: {', '.join(_INI_DEFAULTS)}")


def _is_registered(key: str, config: pytest.Config) -> bool:
    """Whether another plugin has a key of this name."""
    try:
        config.getini(key)
    except ValueError:
        return False
    return True


def are_given(config: pytest.Config) -> bool:
    """Whether the user has set one of our options or ini keys."""
    typed = any(value is not None and name.startswith("mxperf_") for name, value in vars(config.option).items())
    return typed or any(_ini(config, name) != default for name, default in _INI_DEFAULTS.items())


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (ValueError, pytest.UsageError) as error:  # of a truth value, without the key
        raise pytest.UsageError(f"{name} in the ini file: {error}; write true or false") from None
