"""Finds the checkpoints that a pattern or a folder stands for."""

import glob
import os
from pathlib import Path
from typing import Iterator, List, Set

from pytest_mxperf.errors import UsageError, listed

__all__ = ["are_many", "below", "is_any", "matching", "named"]

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
    if stored:
        raise UsageError(f"{source}: only graphs of baselines there; give one of them, as in {stored[0]}")
    others = _named_otherwise(source)
    advice = f"; give the path of a graph that is called otherwise: {listed(others, 3)}" if others else ""
    raise UsageError(f"{source}: no {_SYMBOL} file there{advice}")


def _named_otherwise(source: str) -> List[str]:
    """The graphs that a pattern finds or a folder has, if they are called ``X.json``."""
    folders = _folders(Path(source)) if _is_folder(source) else ()
    patterns = [os.path.join(glob.escape(path), "*.json") for path in folders] or [source, f"{source}.json"]
    found = {path for pattern in patterns for path in glob.glob(pattern, recursive=True) if path.endswith(".json")}
    return sorted(path for path in found if _begins_with(Path(path), b'"nodes"'))


def is_any(source: str) -> bool:
    """Whether there is a folder or a graph of this name; a pattern always may be one."""
    return are_many(source) or Path(source if source.endswith(".json") else source + _SYMBOL).exists()


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
    return _begins_with(prefix.with_name(prefix.name + ".json"), b'"convention": "mxperf-')


def _begins_with(path: Path, text: bytes) -> bool:
    """Whether the file has the text in its first lines."""
    try:
        with path.open("rb") as stream:
            return text in stream.read(200)
    except OSError:
        return False
