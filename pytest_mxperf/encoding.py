"""Values as bytes for other processes and programs, whatever text is in them."""

from typing import Any, Callable

import msgspec

__all__ = ["encoded", "printable"]


def encoded(value: object, encode: Callable[[Any], bytes]) -> bytes:
    """What ``encode`` makes of it. Where UTF-8 cannot hold the name of a file, it gets ``\\udcff`` instead."""
    try:
        return encode(value)
    except UnicodeEncodeError:
        return encode(_escaped(msgspec.to_builtins(value, builtin_types=(bytes,))))


def printable(text: str) -> str:
    """With ``\\udcff`` for what UTF-8 cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_escaped(key): _escaped(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(each) for each in value]
    return value
