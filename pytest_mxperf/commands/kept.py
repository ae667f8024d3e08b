"""``mxperf report`` and ``mxperf merge``: show JSON reports in any format."""

import argparse
import os
from pathlib import Path
from typing import Any, List, Tuple

from pytest_mxperf.commands.shared import SAME, add, color, width
from pytest_mxperf.report import formats
from pytest_mxperf.report.json import merged, read
from pytest_mxperf.report.output import Place, save
from pytest_mxperf.report.run import RunReport

__all__ = ["add_commands", "made"]


def add_commands(commands: Any) -> None:
    report = add(commands, "report", _report, "show a report that was kept as JSON in another format")
    report.add_argument("reports", nargs=1, metavar="REPORT.json", help="from pytest --mxperf-report=FILE.json")
    merge = add(
        commands, "merge", _report, "join the reports of one suite's parts; a test in several reports counts once"
    )
    merge.add_argument(
        "reports", nargs="+", metavar="REPORT.json", help="in order: for a test in several reports, the last one counts"
    )
    for command in (report, merge):
        command.add_argument(
            *("-o", "--output"),
            action="append",
            default=[],
            metavar="REPORT",
            help=f"{formats.KNOWN}; repeatable (default: terminal)",
        )
        command.add_argument("-v", "--verbose", action="count", default=0, help="say more, as pytest -v does")


def _report(options: argparse.Namespace) -> Tuple[str, int]:
    for target in options.output:
        formats.check(target, where="--output")
    runs = [read(Path(name)) for name in options.reports]
    run = merged(runs) if len(runs) > 1 else runs[0]
    lines: List[str] = []
    for target in options.output or [formats.TERMINAL]:
        lines += made(target, run, options.verbose)
    return "\n".join(lines), SAME


def made(target: str, run: RunReport, verbosity: int, *, root: Path = Path()) -> List[str]:
    """Writes a report, and returns what to print. Raises ``OSError`` for a file that cannot be written."""
    path = Path(target) if formats.is_file(target) else None
    made = formats.output(target, run, Place(path, width(), color(), verbosity, root, os.environ))
    for file, content, adds in made.files():
        save(file, content, adds=adds)
    return [*made.printed.splitlines(), *(f"report written: {file}" for file in made.written)]
