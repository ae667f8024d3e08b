"""Filling an ``NDArray`` with numbers: in place, in its own dtype, and at the speed of copying.

Each unit of the latency gate binds new arrays, which must be filled. Drawing that many normal numbers would take longer
than running the network. So numbers are copied from a pool, over and over, and scaled. The pool's length is a prime, so
no two rows of a matrix are equal. An array's seed decides where in the pool it begins.
"""

import ctypes
import functools
import zlib
from typing import Any, Callable, Optional, Sequence, Tuple, Union

import numpy as np

from pytest_mxperf.cost.result import Shape
from pytest_mxperf.mx.runtime import mx

__all__ = ["Numbers", "filled", "memory_of"]

_POOL_LENGTH = 262_139
"""The largest prime below 2 ** 18: 1 MiB of float32, which stays in the cache while it is copied from."""

_NEXT = 104_729
"""How much farther in the pool each draw begins than the draw before."""

Size = Union[None, int, Sequence[int]]


def filled(shape: Shape, dtype: str, seed: str, values: "Callable[[Numbers], Any]") -> Any:
    """A new ``NDArray`` with the numbers that ``values`` draws. The same seed gives the same numbers."""
    array = mx.nd.empty(shape, dtype=dtype)
    memory = memory_of(array)
    drawn = values(Numbers(zlib.crc32(seed.encode()), memory))
    if drawn is not memory:
        np.copyto(memory, drawn, casting="unsafe")
    return array


def memory_of(array: Any) -> Any:
    """The array's memory as a numpy array of its shape. Write to it only before MXNet reads the array."""
    pointer, dtype = ctypes.c_void_p(), np.dtype(array.dtype)
    mx.base.check_call(mx.base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))
    size = array.size * dtype.itemsize
    if not size:
        return np.empty(array.shape, dtype)
    buffer = (ctypes.c_char * size).from_address(pointer.value or 0)
    return np.frombuffer(buffer, dtype).reshape(array.shape)


class Numbers:
    """Random numbers, drawn as from a ``numpy.random.RandomState``.

    The first draw that has the shape of ``memory`` is written into ``memory`` and returns it, to save a copy.
    """

    def __init__(self, seed: int, memory: Optional[Any] = None) -> None:
        self._seed = seed
        self._memory = memory

    @functools.cached_property
    def _state(self) -> Any:
        return np.random.RandomState(self._seed)  # made late: it takes longer than filling a small array

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: Size = None) -> Any:
        """Normal numbers, which repeat after the pool's length."""
        return self._from_pool(_pool("standard_normal"), float(scale), float(loc), size)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Size = None) -> Any:
        """Uniform numbers from ``low`` to below ``high``, which repeat after the pool's length."""
        return self._from_pool(_pool("random_sample"), float(high - low), float(low), size)

    def randint(self, low: int, high: Optional[int] = None, size: Size = None) -> Any:
        """Whole numbers from ``low`` to below ``high``, which repeat after the pool's length."""
        shape = _shape(size)
        count = int(np.prod(shape, dtype=np.int64))
        drawn = self._state.randint(low, high, size=min(count, _POOL_LENGTH))
        if size is None or count <= _POOL_LENGTH:
            return drawn.reshape(shape) if shape else drawn[0]
        out = self._target(shape, "iu", drawn.dtype)
        _tile(out.reshape(-1), drawn, 0, lambda source, target: np.copyto(target, source, casting="unsafe"))
        return out

    def _from_pool(self, pool: Any, scale: float, shift: float, size: Size) -> Any:
        def write(source: Any, target: Any) -> None:
            np.multiply(source, scale, out=target, casting="same_kind")
            if shift:
                target += target.dtype.type(shift)

        self._seed += _NEXT
        shape, start = _shape(size), self._seed % len(pool)
        if size is None:
            return float(pool[start]) * scale + shift
        out = self._target(shape, "f", pool.dtype)
        _tile(out.reshape(-1), pool, start, write)
        return out

    def _target(self, shape: Tuple[int, ...], kinds: str, dtype: Any) -> Any:
        memory = self._memory
        if memory is None or memory.shape != shape or memory.dtype.kind not in kinds:
            return np.empty(shape, dtype)
        self._memory = None
        return memory


def _shape(size: Size) -> Tuple[int, ...]:
    if size is None:
        return ()
    return (int(size),) if isinstance(size, (int, np.integer)) else tuple(int(length) for length in size)


@functools.lru_cache(maxsize=None)
def _pool(distribution: str) -> Any:
    """Numbers in single precision, none of them subnormal. Normal numbers have a mean of 0 and a variance of 1."""
    drawn = getattr(np.random.RandomState(0), distribution)(_POOL_LENGTH)
    if distribution == "standard_normal":
        drawn = (drawn - drawn.mean()) / drawn.std()
    return drawn.astype(np.float32)


def _tile(target: Any, source: Any, start: int, write: Callable[[Any, Any], None]) -> None:
    """Writes the source into the flat target, over and over, beginning at ``start``."""
    place = 0
    while place < len(target):
        count = min(len(source) - start, len(target) - place)
        write(source[start : start + count], target[place : place + count])
        place, start = place + count, 0
