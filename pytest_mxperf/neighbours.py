"""What lies beside a file that is missing: which of it may be meant, and how to ask for that."""

import difflib
import os
import re
from pathlib import Path
from typing import List

from pytest_mxperf.errors import listed

__all__ = ["about_folder", "is_file", "parameter_files", "what_else"]

_SYMBOL = "-symbol.json"
_PARAMETERS = re.compile(r"(?:.*\.)?params?", re.IGNORECASE)
"""``net-0001.params``, ``net.params``, ``params``, ``net.param``: only the first is found without help."""
_SHOWN = 3


def what_else(symbol_path: Path) -> str:
    """The advice behind "cannot read the symbol", beginning with "; ": empty if there is nothing to say."""
    typed = symbol_path.with_name(symbol_path.name[: -len(_SYMBOL)]) if _has_suffix(symbol_path) else symbol_path
    advice = _advice(typed) or _without_folder(typed) or _nearest(typed) or _in_folder_of_its_own(typed)
    if not advice and _is_missing(symbol_path) and _has_suffix(symbol_path):
        advice = f"a model is given by the prefix PREFIX of PREFIX{_SYMBOL}"
    return f"; {advice}" if advice else ""


def _has_suffix(path: Path) -> bool:
    return path.name.endswith(_SYMBOL) and path.name != _SYMBOL


def about_folder(folder: Path) -> str:
    """What to give instead of a folder."""
    prefixes = _prefixes(folder)
    if not prefixes:
        return f"{str(folder)!r} is a folder without a {_SYMBOL} file"
    shown = listed([repr(str(folder / name)) for name in prefixes], _SHOWN)
    return f"{str(folder)!r} is a folder; give a prefix in it: {shown}"


def _advice(typed: Path) -> str:
    """Where the path that the user gave is that of a file or of a folder, and no prefix."""
    if _is_folder(typed):
        return about_folder(typed)
    if typed.name.endswith("-symbol") and is_file(typed.with_name(typed.name + ".json")):
        return f"give the prefix {str(typed)[: -len('-symbol')]!r}"
    return _about_weights(typed) if _PARAMETERS.fullmatch(typed.name) and is_file(typed) else ""


def _without_folder(typed: Path) -> str:
    """What exists instead, if the folder of the path does not: the same path in a folder of a similar name, if any."""
    if not _is_missing(typed.parent):
        return ""
    missing = next(each for each in typed.parents if not _is_missing(each.parent))
    meant = _in_similar_folder(missing, typed.relative_to(missing))
    if meant or not missing.parent.name:
        return f"the folder {str(missing)!r} does not exist{meant and f'; {meant}'}"
    return f"the folder {str(missing.parent)!r} has no folder {missing.name!r}"


def _in_similar_folder(path: Path, rest: Path) -> str:
    folders = [name for name in _files(path.parent) if _is_folder(path.with_name(name))]
    close = difflib.get_close_matches(path.name, folders, n=1)
    return f"did you mean {_meant(path.with_name(close[0]), rest)!r}?" if close else ""


def _in_folder_of_its_own(typed: Path) -> str:
    """Each checkpoint may be in a folder of its name: ``models/net/net``."""
    return _in_similar_folder(typed, Path(typed.name)) if typed.name else ""


def _meant(folder: Path, rest: Path) -> str:
    """The prefix in the folder that is most like the rest of a path; the folder if it has no such prefix."""
    typed = folder / rest
    close = difflib.get_close_matches(typed.name, [*_prefixes(typed.parent), *_files(typed.parent)], n=1)
    return str(typed.with_name(close[0]) if close else folder)


def _about_weights(path: Path) -> str:
    """What to give instead of a file of weights."""
    stem = re.sub(r"-\d+\Z", "", path.stem) if path.suffix else ""
    prefix = next((path.with_name(stem + end) for end in ("", ".json") if is_file(_graph_of(path, stem + end))), None)
    if prefix is None:
        nearest = _nearest_of(path, stem)
        return f"that is a file of weights; give the prefix of the checkpoint{f', {nearest}' if nearest else ''}"
    epoch = re.fullmatch(r".*-(\d{4,})\.params", path.name)
    how = f"epoch={int(epoch.group(1))}" if epoch else f"params={str(path)!r}"
    return f"that is a file of weights; give the prefix {str(prefix)!r}, with {how}"


def _graph_of(path: Path, name: str) -> Path:
    return path.with_name(name if name.endswith(".json") else name + _SYMBOL)


def _nearest(typed: Path) -> str:
    return _nearest_of(typed, typed.stem if typed.suffix in (".json", ".params") else typed.name)


def _nearest_of(path: Path, name: str) -> str:
    names = _prefixes(path.parent)
    if not names:
        weights = [each for each in _files(path.parent) if _PARAMETERS.fullmatch(each)]
        return f"the folder has {listed(weights, _SHOWN)}, and no graph" if weights else ""
    close = difflib.get_close_matches(name, names, n=_SHOWN)
    ranked = close or names[:_SHOWN]
    meant = f"; did you mean {str(path.with_name(close[0]))!r}?" if close else ""
    files = [found + _SYMBOL if (path.parent / (found + _SYMBOL)).exists() else found for found in ranked]
    more = len(names) - len(ranked)
    return f"the folder has {listed(files)}" + (f" and {more:,} more" if more else "") + meant


def _prefixes(folder: Path) -> List[str]:
    """The checkpoints in a folder, by name: graphs called X-symbol.json as X, others as they are."""
    names = [name for name in _files(folder) if name.endswith(".json")]
    symbols = [name[: -len(_SYMBOL)] for name in names if name.endswith(_SYMBOL) and name != _SYMBOL]
    return symbols or [name for name in names if not name.startswith(".")]


def parameter_files(symbol_path: Path) -> List[str]:
    """Files of weights beside a graph that may be its own, though they are not called ``PREFIX-0000.params``."""
    prefix = re.sub(r"(-symbol)?\.json\Z", "", symbol_path.name)
    names = _files(symbol_path.parent)
    weights = [name for name in names if _PARAMETERS.fullmatch(name)]
    graphs = [re.sub(r"\.json\Z", "", name) for name in _prefixes(symbol_path.parent)]
    others = [graph for graph in graphs if graph != prefix]
    own = [name for name in weights if _belongs(name, prefix)]
    return own or [name for name in weights if not any(_belongs(name, other) for other in others)]


def _belongs(name: str, prefix: str) -> bool:
    rest = name[len(prefix) :] if name.startswith(prefix) else ""
    return bool(re.match(r"[-_.]\d*\.?params?", rest)) or name.lstrip(".").lower() in ("params", "param")


def _files(folder: Path) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except (OSError, ValueError):  # ValueError: a path with a null character
        return []


def _is_missing(path: Path) -> bool:
    """Not for a path that cannot be looked at, because nobody knows."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Also for a path that no file can have, with a null character for example."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
