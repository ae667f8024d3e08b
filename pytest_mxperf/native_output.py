"""What C++ writes to standard error past Python: MXNet reports there that it upgrades an old graph, for example."""

import os
import sys
import tempfile
from contextlib import contextmanager
from typing import Iterator

__all__ = ["native_lines_dropped"]

_STDERR = 2


@contextmanager
def native_lines_dropped() -> Iterator[None]:
    """Drops it meanwhile. What Python itself writes to ``sys.stderr`` still arrives.

    An error of MXNet is an exception with its text, so nothing is lost that a user needs.
    """
    try:
        kept = os.dup(_STDERR)
    except OSError:  # the process that started us has closed it
        yield
        return
    python = sys.stderr
    is_ours = _descriptor(python) == _STDERR
    with tempfile.TemporaryFile() as dropped, open(kept, "w", encoding=getattr(python, "encoding", None)) as direct:
        os.dup2(dropped.fileno(), _STDERR)
        if is_ours:
            direct.reconfigure(errors=python.errors, line_buffering=True)
            sys.stderr = direct
        try:
            yield
        finally:
            sys.stderr = python
            direct.flush()
            os.dup2(kept, _STDERR)


def _descriptor(stream: object) -> int:
    try:
        return int(stream.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):  # a test's, or None
        return -1
