"""Finds the checkpoints that a pattern or a folder stands for."""

import glob
import os
from pathlib import Path
from typing import Iterator, List, Set

from pytest_mxperf.errors import UsageError

__all__ = ["are_many", "below", "matching", "named"]

_SYMBOL = "-symbol.json"


def are_many(source: str) -> bool:
    """Whether it is a pattern or a folder: more than one model, perhaps."""
    return _is_pattern(source) or _is_folder(source)


def named(source: str) -> List[str]:
    """The prefixes that a prefix, a pattern or a folder names.

    Raises ``UsageError`` for a pattern or a folder without a checkpoint.
    """
    if not are_many(source):
        return [source]
    found = below(Path(source)) if _is_folder(source) else matching(source)
    if found:
        return found
    stored = _prefixes(os.path.join(glob.escape(source), "*")) if _is_folder(source) else []
    raise UsageError(
        f"{source}: only graphs of baselines there; give one of them, as in {stored[0]}"
        if stored
        else f"{source}: no {_SYMBOL} file there"
    )


def _is_folder(source: str) -> bool:
    return bool(source) and Path(source).is_dir()


def _is_pattern(source: str) -> bool:
    return any(char in source for char in "*?[") and not _is_checkpoint(source)


def _is_checkpoint(source: str) -> bool:
    return any(Path(source + ending).exists() for ending in ("", _SYMBOL))


def matching(pattern: str, folder: Path = Path()) -> List[str]:
    """The prefixes that a pattern finds, in order; ``folder``, which a relative pattern starts at, is no pattern."""
    return _prefixes(os.path.join(glob.escape(str(folder)), pattern) if folder != Path() else pattern)


def below(folder: Path) -> List[str]:
    """All prefixes in a folder and below it, except the graphs of stored baselines."""
    prefixes = [prefix for path in _folders(folder) for prefix in _prefixes(os.path.join(glob.escape(path), "*"))]
    return sorted(prefix for prefix in prefixes if not _is_of_baseline(Path(prefix)))


def _folders(folder: Path) -> Iterator[str]:
    """The folder and all below it but hidden ones. A link may lead to one of them, so each is visited once."""
    visited: Set[str] = set()
    for path, names, _ in os.walk(folder, followlinks=True):
        names[:] = sorted(name for name in names if not name.startswith("."))
        if os.path.realpath(path) in visited:
            names.clear()
        else:
            visited.add(os.path.realpath(path))
            yield path


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
