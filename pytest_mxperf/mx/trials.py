"""One child process tries for a whole session whether MXNet survives a file's graph. A fork per graph would be slower.

Earlier work may have harmed the child, and it does not know what the session has registered since. So only its
successes count. Work that crashes it or raises is tried once more in a new child, which then stays.
"""

import atexit
import os
import threading
from typing import Callable, Optional, Sequence, Tuple

from pytest_mxperf.mx.guard import SECONDS_OF_A_TRIAL, SPARE_BYTES, Child, TakesTooLongError, data_bytes, refuse

__all__ = ["close", "try_in_session_child"]

_LARGEST_KEPT_BYTES = 1024**3
"""In a larger session no child stays, because it would keep memory that the session has freed."""

_lock = threading.Lock()
_child: Optional[Child] = None


def try_in_session_child(
    work: Callable[[], object], who: str, doing: str, suspects: Sequence[str], *, in_new_child: bool = False
) -> bool:
    """Like ``guard.try_in_child``, with one child for all work. Returns whether it was done without an exception.

    The work must be picklable. ``in_new_child`` is for work that calls Python functions of the session, because they
    may have changed.
    """
    if not hasattr(os, "fork"):
        return True
    is_done, death = True, None
    with _lock:
        try:
            if in_new_child or not _is_done_again(work):
                is_done, death = _in_a_new_child(work)
        except TakesTooLongError as error:
            death = str(error)
            close()
        except BaseException:  # an interrupt: nobody will read the child's report
            close()
            raise
    refuse(death, who, doing, suspects)
    return is_done


def _is_done_again(work: Callable[[], object]) -> bool:
    """Whether there is a child, and it does the work without an exception. Raises ``TakesTooLongError``."""
    if _child is None or _child.owner != os.getpid():
        return False
    return _child.ask(work, SPARE_BYTES, SECONDS_OF_A_TRIAL)


def _in_a_new_child(work: Callable[[], object]) -> Tuple[bool, Optional[str]]:
    """Whether a new child does the work, or else how it crashes, if it does. It replaces the old one."""
    global _child
    close()
    _child = Child(work, SPARE_BYTES)
    is_done, death = _child.wait(SECONDS_OF_A_TRIAL), _child.death
    if death is not None or data_bytes() > _LARGEST_KEPT_BYTES:
        close()
    return is_done, death


@atexit.register
def close() -> None:
    """Ends the child, if there is one."""
    global _child
    child, _child = _child, None
    if child is not None:
        child.end()
