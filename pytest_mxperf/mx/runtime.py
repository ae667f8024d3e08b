"""MXNet itself, or the one message that says how to get it."""

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator

from pytest_mxperf.errors import MxnetMissingError
from pytest_mxperf.mx import compat

if TYPE_CHECKING:
    import mxnet as mx
else:
    compat.install()
    try:
        import mxnet as mx
    except ModuleNotFoundError as error:
        if error.name != "mxnet":
            raise
        raise MxnetMissingError(
            "MXNet is not installed; run: pip install 'pytest-mxperf[cpu]' (or the mxnet-cu* build for your GPU)"
        ) from None

__all__ = ["array_semantics", "mx", "reason"]


@contextmanager
def array_semantics(*, numpy_shapes: bool) -> Iterator[None]:
    """Makes MXNet take 0 and () in shapes as the model does, whatever ``mx.npx.set_np()`` has set in this session."""
    with mx.util.np_array(False), mx.util.np_shape(numpy_shapes):
        yield


def reason(error: Exception) -> str:
    """What an ``MXNetError`` says, in one line and without its C++ stack trace.

    >>> reason(Exception("Traceback (most recent call last):\\n  File \\"op.cc\\", line 73\\nMXNetError: Check failed: "
    ...                  "op != nullptr: Operator WarpCTC is not registered"))
    'Operator WarpCTC is not registered'
    """
    text = re.sub(r"\x1b\[\d+m", "", str(error)).split("Stack trace:")[0]  # Module's messages are red
    text = text.rpartition("MXNetError: ")[2]
    text = re.sub(r'Traceback \(most recent call last\):|File "[^"]*", line \d+', "", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    message = " ".join(lines[:3]) if lines else type(error).__name__
    message = re.sub(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ", "", message)
    # What stands behind the condition that failed is meant for people; without that the condition has to do.
    message = re.sub(r"\bCheck failed: .*?: (?=[^\s:])", "", message)
    return re.sub(r"\bCheck failed: (.*?) ?:?$", r"MXNet demands \1", message)
