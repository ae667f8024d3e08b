"""Finds the line of a table or a key in a TOML file, because the TOML parser does not tell it."""

import re
from typing import Any, Callable, Dict, Optional, Tuple

__all__ = ["Lines"]

Path = Tuple[str, ...]
_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'[^']*'"
_HEADER = re.compile(rf"\s*\[((?:{_QUOTED}|[^\[\]\"'])+)\]\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*((?:[\w-]+|{_QUOTED})(?:\s*\.\s*(?:[\w-]+|{_QUOTED}))*)\s*=")
_LONG = re.compile(rf"(\"\"\"(?:\\.|.)*?\"\"\"|'{{3}}.*?'{{3}})|#[^\n]*|{_QUOTED}", re.DOTALL)
"""A string over several lines; or a comment or short string, which may seem to begin one."""


def _without_long_strings(text: str) -> str:
    """The text without strings over several lines, which may look like tables. Lines keep their numbers."""
    return _LONG.sub(lambda found: "\n" * found.group().count("\n") if found.group(1) else found.group(), text)


class Lines:
    """The lines of the tables and keys of one file. ``loads`` is the TOML parser's."""

    def __init__(self, text: str, loads: Callable[[str], Dict[str, Any]]) -> None:
        self._lines: Dict[Path, int] = {}
        table: Path = ()
        for number, line in enumerate(_without_long_strings(text).split("\n"), 1):
            header, key = _HEADER.match(line.rstrip()), _KEY.match(line)
            if header:
                table = _keys(f"[{header.group(1)}]", loads) or table
                self._add(table, number)
            elif key:
                self._add((*table, *(_keys(f"{key.group(1)} = 0", loads) or ())), number)

    def _add(self, path: Path, number: int) -> None:
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], number)

    def of(self, *path: str) -> int:
        """The line of the key, or else of its nearest table that is in the file; 1 if there is none."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def _keys(line: str, loads: Callable[[str], Dict[str, Any]]) -> Optional[Path]:
    """The parts of a dotted key. None if the line is no key, but a part of a longer string."""
    try:
        found: Any = loads(line)
    except ValueError:
        return None
    parts = []
    while isinstance(found, dict) and found:
        ((key, found),) = found.items()
        parts.append(key)
    return tuple(parts)
