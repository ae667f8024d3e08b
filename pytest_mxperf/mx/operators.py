"""What MXNet's registry says about an operator: its own name, and the types and defaults of its arguments."""

import ctypes
from typing import Dict, Optional

from pytest_mxperf.attributes import Operator
from pytest_mxperf.mx.runtime import mx

__all__ = ["operator"]

_KNOWN: Dict[str, Operator] = {}


def operator(name: str) -> Optional[Operator]:
    """The operator with this name or alias. None if MXNet has none, or has not loaded its library yet."""
    if name not in _KNOWN:
        found = _look_up(name)
        if found is None:
            return None
        _KNOWN[name] = found
    return _KNOWN[name]


def _look_up(name: str) -> Optional[Operator]:
    handle = ctypes.c_void_p()
    if mx.base._LIB.NNGetOpHandle(mx.base.c_str(name), ctypes.byref(handle)) != 0:
        return None
    texts = [ctypes.c_char_p() for _ in range(4)]
    own_name, description, counter, returned = texts
    lists = [ctypes.POINTER(ctypes.c_char_p)() for _ in range(3)]
    names, types, _ = lists
    count = ctypes.c_uint()
    mx.base.check_call(
        mx.base._LIB.MXSymbolGetAtomicSymbolInfo(
            handle,
            *map(ctypes.byref, (own_name, description, count, *lists, counter, returned)),
        )
    )
    arguments = [(_text(names[index]), _text(types[index])) for index in range(count.value)]
    return Operator.documented(_text(own_name.value), arguments, _text(counter.value))


def _text(value: Optional[bytes]) -> str:
    return (value or b"").decode("utf-8", "replace")
