"""One child tries for a whole session whether MXNet survives what a file says: a fork for each would cost more.

Earlier work may have harmed the child, and it does not know what the session has registered since. So it is believed
only when all goes well. What kills it, or raises, is tried once more by a new child, which then stays.
"""

import atexit
import os
import threading
from typing import Callable, Optional, Sequence

from pytest_mxperf.mx.guard import SECONDS_OF_A_TRIAL, SPARE_BYTES, Child, TakesTooLongError, data_bytes, refuse

__all__ = ["close", "try_in_session_child"]

_LARGEST_KEPT_BYTES = 1024**3
"""A child keeps what its session had in memory, also when the session has let go of it."""

_lock = threading.Lock()
_child: Optional[Child] = None


def try_in_session_child(
    work: Callable[[], object], who: str, doing: str, suspects: Sequence[str], *, in_new_child: bool = False
) -> None:
    """As ``guard.try_in_child``, for work that can be pickled, and with one child for all.

    ``in_new_child`` is for work that Python functions of the session take part in, which may have changed.
    """
    if not hasattr(os, "fork"):
        return
    with _lock:
        try:
            death = None if not in_new_child and _is_done_again(work) else _death_of(work)
        except TakesTooLongError as error:
            death = str(error)
            close()
        except BaseException:  # an interrupt: nobody hears what it has to say
            close()
            raise
    refuse(death, who, doing, suspects)


def _is_done_again(work: Callable[[], object]) -> bool:
    """Whether the child that is there does it without an exception. Raises ``TakesTooLongError``."""
    if _child is None or _child.owner != os.getpid():
        return False
    return _child.ask(work, SPARE_BYTES, SECONDS_OF_A_TRIAL)


def _death_of(work: Callable[[], object]) -> Optional[str]:
    """How a new child that does it comes to its end, unless well or by an exception. It takes the other's place."""
    global _child
    close()
    _child = Child(work, SPARE_BYTES)
    _child.wait(SECONDS_OF_A_TRIAL)
    death = _child.death
    if death is not None or data_bytes() > _LARGEST_KEPT_BYTES:
        close()
    return death


@atexit.register
def close() -> None:
    """Ends the child, if there is one."""
    global _child
    child, _child = _child, None
    if child is not None:
        child.end()
