"""An error in this plugin fails one test, or is one line of the run. It never ends a session."""

import bdb
import os
import traceback
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

import pytest

from pytest_mxperf.encoding import printable
from pytest_mxperf.errors import MxperfError, told

__all__ = ["MEANT_FOR_PYTEST", "cause_of", "contained", "failure", "message_of"]

MEANT_FOR_PYTEST = (
    KeyboardInterrupt,
    pytest.exit.Exception,
    pytest.fail.Exception,  # also an xfail, and what pytest-timeout raises from its signal
    pytest.skip.Exception,
    bdb.BdbQuit,
)
"""Exceptions that a test, or user code that we call, raises for pytest. They pass through."""

_FRAMES = 5
_ENDS_THE_SESSION = (KeyboardInterrupt, pytest.exit.Exception)


def message_of(error: BaseException, doing: str) -> str:
    """The message for the user. An exception that is no ``MxperfError`` is reported as a bug of ours."""
    if isinstance(error, MxperfError):
        return printable(str(error))
    return (
        f"{printable(told(error))}\nwhile {doing}: "
        "this is a bug of pytest-mxperf, or a version of MXNet or msgspec that it does not support; please report it "
        "to the issue tracker of pytest-mxperf, with the traceback and these versions"
    )


def failure(error: BaseException, doing: str) -> BaseException:
    """The failure to raise instead: an ``MxperfError`` becomes its message, others keep their traceback."""
    if isinstance(error, MxperfError):
        return pytest.fail.Exception(printable(f"{error}{_origin(error)}"), pytrace=False)
    failed = pytest.fail.Exception(message_of(error, doing), pytrace=True)
    failed.__cause__ = cause_of(error)
    return failed.with_traceback(error.__traceback__)  # --pdb opens where it happened


def _origin(error: MxperfError) -> str:
    """The line of the user's own code that raised, if that is why. Not for what Python itself could not import."""
    frames = [] if error.__cause__ is None else traceback.extract_tb(error.__cause__.__traceback__)
    if not frames or frames[-1].filename.startswith("<"):
        return ""
    return f"\n    raised in {frames[-1].name}, {os.path.relpath(frames[-1].filename)}:{frames[-1].lineno}"


def cause_of(error: BaseException) -> Optional[BaseException]:
    """The cause of an error, which pytest shows too. None if it cannot be printed, which would end the session.

    None of an ``MxperfError``: without tracebacks pytest would show its bare text, and the message has it already.
    """
    if isinstance(error, MxperfError):
        return None
    try:
        str(error.__cause__)
    except Exception:
        return None
    return error.__cause__


@contextmanager
def contained(tell: Callable[[str], object], doing: str) -> Iterator[None]:
    """For a hook that cannot fail a test: reports every exception by ``tell``, except those that end the session."""
    try:
        yield
    except _ENDS_THE_SESSION:
        raise
    except BaseException as error:
        tell(message_of(error, doing) + _way_to(error))


def _way_to(error: BaseException) -> str:
    """The last lines of the traceback, because no test's failure shows it."""
    if isinstance(error, MxperfError):
        return ""
    return "\n" + "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:]).rstrip()
