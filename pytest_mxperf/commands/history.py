"""``mxperf history``: how the costs of a model have changed over the commits of its baseline."""

import argparse
import sys
from pathlib import Path
from typing import Any, Tuple

import msgspec

from pytest_mxperf.baseline.past import is_shallow, past
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.commands.shared import SAME, WORDS, add, color, width

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    command = add(
        commands, "history", _history, "how a model's baseline has changed over the commits of its repository"
    )
    command.add_argument("name", metavar="NAME", help="name of the baseline")
    command.add_argument(
        "--baselines", default="baselines", metavar="DIR", help="folder of the baselines (default: baselines)"
    )
    command.add_argument("--since", metavar="DATE", help="the first date, as for git log: 2024-01-31, '3 months ago'")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--html", metavar="FILE", help="write a page with a drawing of each metric")


def _history(options: argparse.Namespace) -> Tuple[str, int]:
    folder = Path(options.baselines)
    commits = past(BaselineStore(folder, WORDS), options.name, since=options.since)
    if is_shallow(folder):
        print("mxperf: warning: this clone lacks older commits; run: git fetch --unshallow", file=sys.stderr)
    from pytest_mxperf.report import history

    if options.html:
        Path(options.html).write_text(history.page(options.name, commits), encoding="utf-8")
        return f"history written: {options.html}", SAME
    if options.json:
        return msgspec.json.format(msgspec.json.encode(commits), indent=2).decode(), SAME
    return history.render(options.name, commits, width=width(), color=color()), SAME
