"""What all commands of ``mxperf`` share: their exit codes, and the terminal."""

import argparse
import os
import shutil
import sys
from typing import Any

__all__ = ["DIFFERENT", "SAME", "TROUBLE", "add", "color", "width"]

SAME, DIFFERENT, TROUBLE = 0, 1, 2  # as diff(1) has it


def add(commands: Any, name: str, run: object, summary: str) -> argparse.ArgumentParser:
    """A command with its summary; ``run(options)`` returns what to print, and the exit code."""
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + "."
    )
    command.set_defaults(run=run)
    return command


def width() -> int:
    return shutil.get_terminal_size().columns


def color() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
