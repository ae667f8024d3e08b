"""Finds the checkpoints that a pattern or a folder stands for."""

import glob
import os
from pathlib import Path
from typing import List

__all__ = ["below", "matching"]

_SYMBOL = "-symbol.json"


def matching(pattern: str, folder: Path = Path()) -> List[str]:
    """The prefixes that a pattern finds, in order; ``folder``, which a relative pattern starts at, is no pattern."""
    return _prefixes(os.path.join(glob.escape(str(folder)), pattern) if folder != Path() else pattern)


def below(folder: Path) -> List[str]:
    """All prefixes in a folder and in those below it, but for the graphs of stored baselines."""
    found = _prefixes(os.path.join(glob.escape(str(folder)), "**", "*"))
    return [prefix for prefix in found if not _is_of_baseline(Path(prefix))]


def _prefixes(pattern: str) -> List[str]:
    found = glob.glob(pattern + _SYMBOL, recursive=True)
    return sorted(path[: -len(_SYMBOL)] for path in found if os.path.basename(path) != _SYMBOL)


def _is_of_baseline(prefix: Path) -> bool:
    """A baseline stands beside its graph, and says in its first lines by which convention it was counted."""
    try:
        with prefix.with_name(prefix.name + ".json").open("rb") as stream:
            return b'"convention": "mxperf-' in stream.read(200)
    except OSError:
        return False
