"""The names, shapes, dtypes and byte offsets in an MXNet ``.params`` file, read without its weights.

The format is what ``mx.nd.save`` writes; little-endian, nothing is aligned::

    file    uint64 0x112, uint64 reserved, uint64 n, n arrays, uint64 0 or n, that many names
    name    uint64 length in bytes, UTF-8
    array   legacy (until 0.10)  uint32 ndim, uint32 dimensions[ndim], body
            V1 (0.11)            uint32 0xF993FAC8, shape, body
            V2 (since 0.12)      uint32 0xF993FAC9, int32 storage, [shape of the stored values,] shape, body
            V3 (since 1.5)       uint32 0xF993FACA, then as V2 but never sparse: written under NumPy's shape semantics
    shape   int32 ndim, int64 dimensions[ndim]
    body    int32 device type, int32 device number, int32 dtype, [int32 dtype, shape of each index array,]
            values, [index arrays]

What is in brackets only sparse arrays have. Sources, in MXNet: ``NDArray::Save`` and ``Load`` in
src/ndarray/ndarray.cc, ``Tuple::Save`` in include/mxnet/tuple.h, ``TypeFlag`` in 3rdparty/mshadow/mshadow/base.h.

This reader is stricter than MXNet, which trusts every number: MXNet overruns its stack on an ndim of -1 and dies, lets
the product of the dimensions wrap around, keeps the last of two arrays with one name, and ignores everything after the
names. Not bounded by the file's size are the shapes of arrays without values, and those that sparse arrays stand for.
"""

import math
import os
import stat
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf.errors import ParamsError

__all__ = ["StoredArray", "read_header"]

_MAGIC = struct.pack("<Q", 0x112)
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA

# Flag: name, bytes per number. MXNet 1.x refuses to load 8 to 11, which MXNet 2 saves.
_FLOATS = {2: ("float16", 2), 0: ("float32", 4), 1: ("float64", 8), 12: ("bfloat16", 2)}
_SIGNED = {5: ("int8", 1), 8: ("int16", 2), 4: ("int32", 4), 6: ("int64", 8)}
_UNSIGNED = {7: ("bool", 1), 3: ("uint8", 1), 9: ("uint16", 2), 10: ("uint32", 4), 11: ("uint64", 8)}
_DTYPES = {**_FLOATS, **_SIGNED, **_UNSIGNED}
_STORAGES = {0: ("default", 0), 1: ("row_sparse", 1), 2: ("csr", 2)}  # flag: name, number of index arrays
_MAX_DEVICE_TYPE = 6  # Context::kMaxDevType

# Limits far beyond any real checkpoint, so that a damaged count costs neither time nor memory.
_MAX_ARRAYS = 100_000
_MAX_NDIM = 32  # NumPy 1.x has no more
_MAX_NAME_BYTES = 4096

# One read gets an array's header, and at most that much of the weights around it.
_PAGE_BYTES = 4096

_AGAIN = "The file is incomplete or damaged: copy or download it again, or save the checkpoint again."

_FOREIGN = (  # how such a file begins, what it is, what to do
    (b"version https://git-lfs", "is a Git LFS pointer, not the weights", "Run: git lfs pull."),
    (b"PK", "is a zip archive (such as MXNet 2's .npz), not a .params file", "Save its arrays with MXNet 1.x."),
    (b"\x1f\x8b", "is compressed with gzip", "Decompress it with gunzip."),
    (
        b"\x00\x05\x16\x07",
        "is metadata of macOS (AppleDouble), not the weights",
        "Use the file of the same name without '._'.",
    ),
    (b"<", "is a web page or XML, not the weights", "Download the file itself, not the page that shows it."),
    (b"{", "is JSON, not the weights", "Give the .params file; JSON belongs in PREFIX-symbol.json."),
    (b"", "is not what mx.nd.save writes", "Give a .params file that MXNet 1.x saved."),
)


class StoredArray(NamedTuple):
    """One array of a ``.params`` file; ``offset`` and ``nbytes`` are bytes, in the file."""

    name: str
    """As stored, e.g. ``arg:conv0_weight``; empty if the file has no names."""
    shape: Tuple[int, ...]
    """Of the array that it stands for, also if it is sparse."""
    dtype: str
    """Of the values, e.g. ``float32``."""
    storage: str
    """``default`` (dense), ``row_sparse`` or ``csr``."""
    offset: int
    """Where the values begin."""
    nbytes: int
    """Length of all its data from ``offset`` on: the values, and behind them a sparse array's index arrays."""


def read_header(path: Path) -> Tuple[StoredArray, ...]:
    """The arrays of the ``.params`` file at ``path``, in its order; none of the weights is read.

    A file saved from a list has no names: all names are empty then, and it is up to the caller whether that will do.
    Raises ``ParamsError`` for every fault of the file.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise _failure(path, f"is {kind}", "Give the .params file itself.")
        # Not mmap: there, a file that another process truncates meanwhile kills this one with SIGBUS.
        with path.open("rb", buffering=0) as file:
            _check_kind(path, file.read(64))
            return _read_file(_Cursor(file.fileno(), path, status.st_size))
    except FileNotFoundError:
        raise _failure(path, "no such file", "Check the checkpoint's prefix and epoch.") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _failure(path, f"cannot be read: {reason}", "Check the path and the file's permissions.") from None


def _failure(path: Path, problem: str, advice: str) -> ParamsError:
    return ParamsError(f"{path}: {problem}.\n{advice}")


def _check_kind(path: Path, head: bytes) -> None:
    if not head:
        raise _failure(path, "is empty", _AGAIN)
    if not head.startswith(_MAGIC[: len(head)]):
        raise next(_failure(path, what, advice) for prefix, what, advice in _FOREIGN if head.startswith(prefix))


@lru_cache(maxsize=256)
def _compiled(layout: str) -> struct.Struct:
    return struct.Struct(f"<{layout}")


class _Cursor:
    """Reads a file forward, and never asks for a byte beyond its end. Its errors say where it is."""

    def __init__(self, descriptor: int, path: Path, size: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self._size = size
        self._part: Tuple[str, int, int] = ("head", 0, 0)
        self._field = 0  # where the field that was read last begins
        self._offset = 0
        self._page = b""
        self._page_offset = 0

    @property
    def left(self) -> int:
        """How many bytes follow."""
        return self._size - self._offset

    def enter(self, part: str, number: int = 0, count: int = 0) -> None:
        """Errors in what follows name this part of the file, or the ``number``-th of so many."""
        self._part = part, number, count
        self._field = self._offset

    def unpack(self, layout: str) -> Tuple[Any, ...]:
        """The next numbers, whose types ``layout`` gives in the letters of ``struct``."""
        compiled = _compiled(layout)
        return compiled.unpack(self.take(compiled.size))

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        self._advance(count)
        data = self._read(self._field, count)
        if len(data) < count:
            raise self.error("became shorter while it was read")
        return data

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, which will be read again; fewer at the end of the file."""
        return self._read(self._offset, count)

    def skip(self, count: int) -> int:
        """Pass over ``count`` bytes; returns where they begin."""
        self._advance(count)
        return self._field

    def _read(self, offset: int, count: int) -> bytes:
        start = offset - self._page_offset
        if not 0 <= start <= len(self._page) - count:
            self._page = os.pread(self._descriptor, max(count, _PAGE_BYTES), offset)
            self._page_offset, start = offset, 0
        return self._page[start : start + count]

    def error(self, problem: str, advice: str = _AGAIN) -> ParamsError:
        """That the field which was read last is wrong; to be raised by the caller."""
        part, number, count = self._part
        where = f"{part} {number} of {count}" if number else part
        return _failure(self._path, f"{problem} (at byte {self._field:,}, {where})", advice)

    def _advance(self, count: int) -> None:
        self._field = self._offset
        if count > self.left:
            wanted = f"{count:,}" if count < 2**63 else "over 2**63"  # a hostile product has hundreds of digits
            raise self.error(f"ends at byte {self._size:,}, too early for {wanted} bytes that should begin here")
        self._offset += count


def _read_file(cursor: _Cursor) -> Tuple[StoredArray, ...]:
    _, _, count = cursor.unpack("8sQQ")
    if count > min(cursor.left // 4, _MAX_ARRAYS):  # no array takes less than its first four bytes
        raise cursor.error(f"claims to hold {count:,} arrays")
    arrays: List[StoredArray] = []
    for number in range(1, count + 1):
        cursor.enter("array", number, count)
        arrays.append(_read_dense(cursor) or _read_array(cursor))
    names = _read_names(cursor, count)
    cursor.enter("after the last name")
    if cursor.left:
        raise cursor.error(f"goes on for {cursor.left:,} bytes where it should end")
    return tuple([StoredArray(name, *array[1:]) for array, name in zip(arrays, names)])


def _read_dense(cursor: _Cursor) -> Optional[StoredArray]:
    """An array as nearly all are: dense, and saved by an MXNet since 0.12. None of others, and of one with a fault."""
    head = cursor.peek(_LONGEST_DENSE_BYTES)
    if len(head) < _DENSE.size:
        return None
    mark, storage, ndim = _DENSE.unpack_from(head)
    if mark not in (_V2, _V3) or storage != 0 or not 1 <= ndim <= _MOST_DENSE_NDIM:
        return None
    rest = _compiled(f"{ndim}qiii")
    header_bytes = _DENSE.size + rest.size
    if len(head) < header_bytes:
        return None
    *shape, device, device_number, flag = rest.unpack_from(head, _DENSE.size)
    if min(shape) < 0 or not _is_device(device, device_number) or flag not in _DTYPES:
        return None
    dtype, itemsize = _DTYPES[flag]
    nbytes = itemsize * math.prod(shape)
    if header_bytes + nbytes > cursor.left:
        return None
    cursor.skip(header_bytes)
    return StoredArray("", tuple(shape), dtype, "default", cursor.skip(nbytes), nbytes)


_DENSE = struct.Struct("<Iii")
"""Mark, storage and number of dimensions."""
_MOST_DENSE_NDIM = 8
_LONGEST_DENSE_BYTES = _DENSE.size + 8 * _MOST_DENSE_NDIM + 12


def _is_device(kind: int, number: int) -> bool:
    return 1 <= kind <= _MAX_DEVICE_TYPE and number >= 0


def _read_array(cursor: _Cursor) -> StoredArray:
    (mark,) = cursor.unpack("I")
    storage, index_count = _read_storage(cursor, mark) if mark in (_V2, _V3) else _STORAGES[0]
    claimed = _read_shape(cursor) if index_count else ()
    shape = _read_shape(cursor) if mark in (_V1, _V2, _V3) else _read_dimensions(cursor, mark, "I")
    if not shape and mark != _V3:
        # How an array that was never allocated was saved before NumPy's semantics. MXNet since 1.5 cannot load it.
        raise cursor.error("has an array without shape and values", "Save the checkpoint again, without that array.")
    device, device_number = cursor.unpack("ii")
    if not _is_device(device, device_number):
        raise cursor.error(f"has the unknown device type {device} with number {device_number}")
    dtype, itemsize = _read_dtype(cursor)
    indices = [(_read_dtype(cursor)[1], _read_shape(cursor)) for _ in range(index_count)]
    values = _sparse_values(cursor, shape, claimed, [index for _, index in indices]) if index_count else shape
    nbytes = sum(size * math.prod(dimensions) for size, dimensions in [(itemsize, values), *indices])
    return StoredArray("", shape, dtype, storage, cursor.skip(nbytes), nbytes)


def _read_storage(cursor: _Cursor, mark: int) -> Tuple[str, int]:
    (flag,) = cursor.unpack("i")
    if flag not in _STORAGES:
        raise cursor.error(f"has the unknown storage type {flag}")
    if flag and mark == _V3:
        raise cursor.error("has a sparse array under NumPy's shape semantics, which MXNet never saves")
    return _STORAGES[flag]


def _read_shape(cursor: _Cursor) -> Tuple[int, ...]:
    return _read_dimensions(cursor, cursor.unpack("i")[0], "q")


def _read_dimensions(cursor: _Cursor, ndim: int, number: str) -> Tuple[int, ...]:
    if not 0 <= ndim <= _MAX_NDIM:
        raise cursor.error(f"has an array of {ndim} dimensions")
    shape = cursor.unpack(f"{ndim}{number}")
    if min(shape, default=0) < 0:
        raise cursor.error(f"has an array with a negative dimension, {shape}")
    return shape


def _read_dtype(cursor: _Cursor) -> Tuple[str, int]:
    (flag,) = cursor.unpack("i")
    if flag not in _DTYPES:
        raise cursor.error(f"has the unknown dtype {flag}")
    return _DTYPES[flag]


def _sparse_values(
    cursor: _Cursor, shape: Tuple[int, ...], claimed: Tuple[int, ...], indices: Sequence[Tuple[int, ...]]
) -> Tuple[int, ...]:
    """The shape of a sparse array's stored values: whole rows (row_sparse), or single numbers (csr).

    How many there are, the last index array says. The ``claimed`` shape cannot: MXNet saves it before it waits for the
    values, so it may be out of date, and ignores its first dimension when it loads.
    """
    count = indices[-1][0] if len(indices[-1]) == 1 else -1
    if len(indices) == 1:
        values = (count, *shape[1:])
        fits = count <= shape[0]
    else:  # csr has two index arrays: where each row starts (may be missing if there are no values), and the columns
        values = (count,)
        fits = len(shape) == 2 and (indices[0] == (shape[0] + 1,) or (indices[0] == (0,) and count == 0))
    if count < 0 or not fits or not claimed or (count, *claimed[1:]) != values:
        raise cursor.error(f"has a sparse array of {shape} with values {claimed} and indices {[*indices]}")
    return values


def _read_names(cursor: _Cursor, count: int) -> Sequence[str]:
    cursor.enter("number of names")
    (name_count,) = cursor.unpack("Q")
    if name_count not in (0, count):
        raise cursor.error(f"has {name_count:,} names for {count:,} arrays")
    names: Dict[str, None] = {}
    for number in range(1, name_count + 1):
        cursor.enter("name", number, count)
        name = _read_name(cursor)
        if name in names:
            raise cursor.error(f"has a second array {name[:60]!r}")
        names[name] = None
    return list(names) or [""] * count


def _read_name(cursor: _Cursor) -> str:
    (length,) = cursor.unpack("Q")
    if length > _MAX_NAME_BYTES:
        raise cursor.error(f"has a name of {length:,} bytes")
    raw = cursor.take(length)
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise cursor.error(f"has a name that is not UTF-8, {raw[:60]!r}") from None
    if "\0" in name:  # MXNet's names would end there
        raise cursor.error(f"has a name with a null character, {name[:60]!r}")
    return name
