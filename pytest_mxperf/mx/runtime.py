"""Imports MXNet as ``mx``, or raises an error that says how to install it."""

import re
import sys
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Iterator

from pytest_mxperf.errors import MxnetMissingError
from pytest_mxperf.mx import compat
from pytest_mxperf.versions import command_to_install


def refuse_other_versions(version: str) -> None:
    """Raises ``MxnetMissingError`` for an MXNet that is not supported. Versions are like 1.9.1 and 2.0.0b1."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or not (1, 6) <= (int(found[1]), int(found[2])) < (2, 0):
        raise MxnetMissingError(
            f"MXNet {version} is not supported, this plugin works with 1.6 to 1.9; run: pip install 'mxnet>=1.6,<2'"
        )


if TYPE_CHECKING:
    import mxnet as mx
else:
    compat.install()
    try:
        import mxnet as mx
    except Exception as error:  # an ImportError, an OSError for a library of CUDA, or anything else
        if isinstance(error, ModuleNotFoundError) and error.name == "mxnet":
            command = f"{command_to_install(sys.version_info[:3])} (or the mxnet-cu* build for your GPU)"
            raise MxnetMissingError(f"MXNet is not installed; run: {command}") from None
        raise MxnetMissingError(
            f"MXNet is installed and cannot be imported: {type(error).__name__}: {error}; this plugin works with MXNet "
            "1.6 to 1.9; see: python -c 'import pytest_mxperf, mxnet'"
        ) from error
    refuse_other_versions(getattr(mx, "__version__", "of an unknown version"))

__all__ = ["array_semantics", "json_of", "mx", "reason", "refuse_other_versions"]


_KEEP_CASTS = {"remove_amp_cast": False} if "remove_amp_cast" in signature(mx.sym.Symbol.tojson).parameters else {}


@contextmanager
def array_semantics(*, numpy_shapes: bool) -> Iterator[None]:
    """Makes MXNet read 0 and () in shapes as the model does, whatever ``mx.npx.set_np()`` has set."""
    with mx.util.np_array(False), mx.util.np_shape(numpy_shapes):
        yield


def json_of(symbol: "mx.sym.Symbol") -> str:
    """The symbol's JSON, with its casts to half precision, which MXNet 1.7 and newer would leave out."""
    return str(symbol.tojson(**_KEEP_CASTS))


def reason(error: Exception) -> str:
    """The message of an ``MXNetError``, in one line and without its C++ stack trace.

    >>> reason(Exception("Traceback (most recent call last):\\n  File \\"op.cc\\", line 73\\nMXNetError: Check failed: "
    ...                  "op != nullptr: Operator WarpCTC is not registered"))
    'Operator WarpCTC is not registered'
    """
    text = re.sub(r"\x1b\[\d+m", "", str(error)).split("Stack trace:")[0]  # Module's messages are red
    text = text.rpartition("MXNetError: ")[2]
    text = re.sub(r'Traceback \(most recent call last\):|File "[^"]*", line \d+', "", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    message = " ".join(lines[:3]) if lines else type(error).__name__
    message = message.partition(", Possible Arguments:")[0]  # a list that goes on for pages
    message = re.sub(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ", "", message)
    # MXNet writes the failed condition and then a text for people. The condition is shown only if there is no text.
    message = re.sub(r"\bCheck failed: .*?: (?=[^\s:])", "", message)
    return re.sub(r"\bCheck failed: (.*?) ?:?$", r"MXNet requires \1", message)
