"""Command line options and their ini twins. Imported in every run of pytest, so it imports nothing else of ours."""

import copy
from typing import Any, List

import pytest

__all__ = ["LATENCY_MODES", "REPORTS", "VERDICTS", "add_options", "are_given", "with_values"]

LATENCY_MODES = ("auto", "always", "never")

# Written out for the help, since what knows them takes time to import; a test holds them against that.
REPORTS = "terminal, github, FILE.csv, FILE.html, FILE.json, FILE.md, FILE.trace.json"
VERDICTS = (
    "missing (fail): a test's baseline does not exist; "
    "incomparable (fail): a baseline is of other inputs or another convention, or cannot be read; "
    "other_mxnet (warn): a baseline was recorded under another MXNet, or is timed in another way; "
    "uncounted (fail): a gated model has operators that no rule counts; "
    "unmeasured (fail): a latency budget or gate was set and nothing was measured; "
    "inconclusive (warn): latency is unclear: too much noise, too little time, or weights that other processors are "
    "slow with; "
    "unused (fail): all tests were collected and none uses a baseline; "
    "improved (warn): a model is lighter or faster than its baseline; "
    "unjudged (warn): a gated test was skipped, deselected or expected to fail; "
    "ungated (warn): a marked test has no gate and asks its model nothing; "
    "flaky (warn): a gate failed before its test was run again"
)

_INI_DEFAULTS = {
    "mxperf_baselines": "baselines",
    "mxperf_imports": [],
    "mxperf_latency": "auto",
    "mxperf_latency_seconds": "15",
    "mxperf_latency_wait": "600",
    "mxperf_policy": [],
    "mxperf_profile": False,
    "mxperf_report": [],
    "mxperf_strict": False,
}

# Options whose value may be left out, and what they mean then. A value comes with "=": what follows behind a space is a
# path to test, as in `pytest --mxperf-report tests/`. argparse would take it for the value.
_WITHOUT_VALUE = {"--mxperf-report": "terminal", "--mxperf-update": "all"}


def with_values(early_config: Any, parser: Any, args: List[str]) -> None:
    """Gives each of those its value, in place."""
    end = args.index("--") if "--" in args else len(args)
    args[:end] = [f"{arg}={_WITHOUT_VALUE[arg]}" if arg in _WITHOUT_VALUE else arg for arg in args[:end]]
    # Conftest files are looked for where the paths point.
    early_config.known_args_namespace.file_or_dir = parser.parse_known_args(
        args, namespace=copy.copy(early_config.option)
    ).file_or_dir


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
        help="show every model's cost, latency and gates in the terminal, or give them to another report with "
        f"--mxperf-report=REPORT: {REPORTS}; repeatable",
    )
    group.addoption(
        "--mxperf-update",
        nargs="?",
        const="all",
        metavar="new|prune",
        help="write the baselines of passing tests; =new only those that do not exist yet; "
        "=prune removes those that no test uses, and writes none",
    )
    group.addoption(
        "--mxperf-profile",
        action="store_true",
        default=None,
        help="time every layer of each model, for the reports; by itself shown in the terminal",
    )
    group.addoption("--mxperf-baselines", metavar="DIR", help="folder of the baselines (default: baselines)")
    _add_ini(parser, "mxperf_report", "reports, as for --mxperf-report", "args")
    _add_ini(parser, "mxperf_profile", "as --mxperf-profile", "bool")
    _add_ini(parser, "mxperf_baselines", "folder of the baselines, relative to the root directory")
    _add_ini(parser, "mxperf_imports", "modules that register operators, imported wherever a model is opened", "args")


def _add_latency(parser: pytest.Parser, group: Any) -> None:
    group.addoption(
        "--mxperf-latency",
        choices=LATENCY_MODES,
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
    _add_ini(parser, "mxperf_latency", "which models to time: auto, always, never")
    _add_ini(parser, "mxperf_latency_seconds", "what timing one model may take, in seconds of CPU time")
    _add_ini(parser, "mxperf_latency_wait", "seconds to wait for each turn of another run")


def _add_policy(parser: pytest.Parser, group: Any) -> None:
    group.addoption(
        "--mxperf-policy",
        action="append",
        metavar="VERDICT=ACTION",
        help=f"what comes of a verdict: fail, warn or ignore; repeatable. Verdicts, with their defaults: {VERDICTS}",
    )
    group.addoption(
        "--mxperf-strict",
        action="store_true",
        default=None,
        help="fail on every verdict that is not PASSED; --mxperf-policy makes exceptions",
    )
    _add_ini(parser, "mxperf_policy", "what comes of verdicts, as for --mxperf-policy", "args")
    _add_ini(parser, "mxperf_strict", "as --mxperf-strict", "bool")


def _add_ini(parser: pytest.Parser, name: str, what: str, kind: Any = None) -> None:
    parser.addini(name, what, type=kind, default=_INI_DEFAULTS[name])


def are_given(config: pytest.Config) -> bool:
    """Whether the user has set any of our options, or of our keys in the ini file."""
    typed = any(value is not None and name.startswith("mxperf_") for name, value in vars(config.option).items())
    return typed or any(config.getini(name) != default for name, default in _INI_DEFAULTS.items())
