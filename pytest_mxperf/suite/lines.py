"""Where in a TOML file a table or a key stands: its reader does not say."""

import re
from typing import Any, Callable, Dict, Optional, Tuple

__all__ = ["Lines"]

Path = Tuple[str, ...]
_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'[^']*'"
_HEADER = re.compile(rf"\s*\[((?:{_QUOTED}|[^\[\]\"'])+)\]\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*((?:[\w-]+|{_QUOTED})(?:\s*\.\s*(?:[\w-]+|{_QUOTED}))*)\s*=")
_LONG = re.compile(rf"(\"\"\"(?:\\.|.)*?\"\"\"|'{{3}}.*?'{{3}})|#[^\n]*|{_QUOTED}", re.DOTALL)
"""A string over several lines; or what might be taken for the beginning of one."""


def _without_long_strings(text: str) -> str:
    """What looks like a table in one is none. Lines keep their numbers."""
    return _LONG.sub(lambda found: "\n" * found.group().count("\n") if found.group(1) else found.group(), text)


class Lines:
    """Of one file, whose ``loads`` is that of its reader."""

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
        """Of the key, or of the nearest of its tables that is in the file; 1 if none is."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def _keys(line: str, loads: Callable[[str], Dict[str, Any]]) -> Optional[Path]:
    """The parts of a dotted key, as the reader reads them; None for a line that is none, inside of a longer string."""
    try:
        found: Any = loads(line)
    except ValueError:
        return None
    parts = []
    while isinstance(found, dict) and found:
        ((key, found),) = found.items()
        parts.append(key)
    return tuple(parts)
