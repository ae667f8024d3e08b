"""The formats of a report. A format is one module beside this one, and a line in ``_MODULES``.

The module's ``output(run, place)`` returns an ``Output``. It is imported only when a user asks for its format.
"""

from importlib import import_module
from typing import Optional

from pytest_mxperf.errors import UsageError
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.run import RunReport

__all__ = ["KNOWN", "TERMINAL", "check", "is_file", "is_report", "output"]

TERMINAL = "terminal"
"""The default report."""

_MODULES = {
    TERMINAL: "terminal",
    "github": "github",
    ".csv": "csv",
    ".html": "html",
    ".json": "json",
    ".md": "markdown",
    ".trace.json": "trace",
}
"""Modules by the format's word, or by the suffix of its file."""

KNOWN = ", ".join(f"FILE{name}" if name.startswith(".") else name for name in _MODULES)
"""The formats, for messages."""


def is_report(target: str) -> bool:
    """Whether the target names a report: ``terminal``, ``report.json``."""
    return _format_of(target) is not None


def check(target: str, *, where: str) -> None:
    """Raises ``UsageError`` for a target that names no report."""
    if not is_report(target):
        raise UsageError(f"{where}={target}: not a report; it can be {KNOWN}")


def is_file(target: str) -> bool:
    """Whether the report is a file of this name."""
    return (_format_of(target) or "").startswith(".")


def output(target: str, run: RunReport, place: Place) -> Output:
    """The report for a target that ``is_report``."""
    module = import_module(f"pytest_mxperf.report.{_MODULES[str(_format_of(target))]}")
    made: Output = module.output(run, place)
    return made


def _format_of(target: str) -> Optional[str]:
    if target in _MODULES:
        return None if target.startswith(".") else target
    endings = [name for name in _MODULES if name.startswith(".") and target.endswith(name)]
    return max(endings, key=len, default=None)
