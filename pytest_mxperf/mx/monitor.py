"""MXNet's callback after every operator that it runs, and what it records."""

import ctypes
import time
from typing import Any, List, NamedTuple

from pytest_mxperf.mx.runtime import mx

__all__ = ["Note", "Notes"]

_EXECUTOR_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p)
_CACHED_OP_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)


class Note(NamedTuple):
    """One output of an operator: its name, and the process's CPU seconds when MXNet called and when the call ended."""

    output: str
    called: float
    ended: float


class Notes:
    """The notes of one binding. Keep them as long as the binding runs, because MXNet has a pointer to the callback.

    MXNet's own callbacks in Python make an ``NDArray`` of each output, which takes several times as long.
    """

    def __init__(self) -> None:
        self._notes: List[Any] = []
        self._callback: Any = None

    def of_executor(self, executor: Any) -> None:
        """Starts the callbacks. MXNet cannot stop them."""
        self._callback = _EXECUTOR_CALLBACK(lambda name, array, _: self._note(name, array))
        mx.base.check_call(mx.base._LIB.MXExecutorSetMonitorCallbackEX(executor.handle, self._callback, None, 0))

    def of_cached_op(self, cached_op: Any) -> None:
        self._callback = _CACHED_OP_CALLBACK(lambda name, _, array: self._note(name, array))
        mx.base.check_call(mx.base._LIB.MXCachedOpRegisterOpHook(cached_op.handle, self._callback, False))

    def taken(self) -> List[Note]:
        """The notes since the last call."""
        notes, self._notes[:] = [Note(name.decode(), called, ended) for name, called, ended in self._notes], []
        return notes

    def _note(self, name: bytes, array: int) -> None:
        called = time.process_time()
        mx.base._LIB.MXNDArrayFree(ctypes.c_void_p(array))
        self._notes.append((name, called, time.process_time()))
