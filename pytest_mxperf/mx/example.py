"""Real inputs of a model: read from an ``.npz`` file without pickle, or given as arrays, and checked.

An ``.npz`` is a zip archive of ``.npy`` files. Each array's name, shape and dtype is compared with the model's inputs
before its numbers are read, so that a hostile file can ask for no more memory than the model's own inputs take.
"""

import hashlib
import io
import math
import stat
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from pytest_mxperf.errors import ModelError, MxperfError, UsageError, told
from pytest_mxperf.spec import InputSpec, ModelSpec

__all__ = ["Example", "example_of", "stored"]

_SUFFIX = ".npy"
_SPARE_BYTES = 16 * 1024**2
"""By how many bytes a file may be larger than its arrays. Headers and names take a few hundred bytes each."""
_START_BYTES, _LONGEST_HEADER_BYTES = 10, 1024
_npy: Any = np.lib.format


class Example(NamedTuple):
    """Arrays by input, each with the shape and dtype of its input. A missing input gets synthetic numbers."""

    arrays: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """The digest of names, dtypes, shapes and numbers. It does not depend on how a file is packed."""
        digest = hashlib.sha256()
        for name, array in sorted(self.arrays.items()):
            digest.update(repr((name, array.dtype.name, array.shape)).encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def of_inputs(self, inputs: Mapping[str, InputSpec], *, where: str) -> "Example":
        """The same numbers, in the dtypes of another model's inputs. Raises ``UsageError`` if shapes differ."""
        for name, array in self.arrays.items():
            if name not in inputs or inputs[name].shape != array.shape:
                theirs = f"takes {name} {inputs[name].shape}" if name in inputs else f"has no input {name!r}"
                raise UsageError(
                    f"{where}: {theirs}, the example has {name} {array.shape}; give it one of its own: "
                    "against=ModelSpec.parse(..., example=...)"
                )
        return Example({name: _in_order(array, inputs[name].dtype) for name, array in self.arrays.items()})


def example_of(spec: ModelSpec) -> Optional[Example]:
    """The model's example, or None. ``UsageError`` and ``ModelError`` begin with the model's name."""
    example, where = spec.example, f"{spec.name}: example"
    if example is None:
        return None
    if isinstance(example, Path):
        arrays = _read(example, spec.inputs, f"{where} {example}")
    else:
        arrays = _taken(_called(example, where), spec.inputs, where)
    if not arrays:
        raise UsageError(f"{where}: has no arrays; the model's inputs are {', '.join(spec.inputs)}")
    return Example(arrays)


@contextmanager
def stored(example: Optional[Example]) -> Iterator[Optional[str]]:
    """The path of a temporary ``.npz`` with the example, for another process. None without an example.

    The file is a copy, because the user's file may have changed since its check. Raises ``ModelError`` if the copy
    cannot be written.
    """
    if example is None:
        yield None
        return
    try:
        folder = tempfile.TemporaryDirectory(prefix="pytest-mxperf-")
    except OSError as error:
        hint = "set TMPDIR to a folder of your own"
        raise ModelError(f"the example cannot be stored: {error.strerror}; {hint}") from None
    with folder:
        path = Path(folder.name) / "example.npz"
        try:
            _write(path, example)
        except OSError as error:
            raise ModelError(f"the example cannot be stored in {folder.name}: {error.strerror}") from None
        yield str(path)


def _write(path: Path, example: Example) -> None:
    with zipfile.ZipFile(path, "w") as archive:  # np.savez cannot store an input that is named "file"
        for name, array in example.arrays.items():
            with archive.open(name + _SUFFIX, "w", force_zip64=True) as stream:
                _npy.write_array(stream, array)


def _called(example: object, where: str) -> object:
    if isinstance(example, Mapping) or not callable(example):
        return example
    try:
        return example()
    except (Exception, SystemExit) as error:
        raise ModelError(f"{where}: the callable fails: {told(error)}") from error


def _taken(example: object, inputs: Mapping[str, InputSpec], where: str) -> Dict[str, Any]:
    if not isinstance(example, Mapping):
        raise UsageError(f"{where}: is a {type(example).__name__} where a mapping from inputs to arrays is needed")
    arrays = {}
    for name, value in example.items():
        value = value.asnumpy() if hasattr(value, "asnumpy") else value
        if not isinstance(value, (np.ndarray, np.generic)):
            raise UsageError(f"{where}: {name} is a {type(value).__name__} where an array is needed")
        _check(str(name), value.shape, value.dtype, inputs, where)
        arrays[str(name)] = _in_order(value, inputs[name].dtype, copy=True)
    return arrays


def _check(name: str, shape: Tuple[int, ...], dtype: Any, inputs: Mapping[str, InputSpec], where: str) -> None:
    """Raises ``UsageError`` if the model has no input ``name``, or takes another shape or dtype."""
    if name not in inputs:
        raise UsageError(f"{where}: has {name[:60]!r}, which is not an input of the model; it has {', '.join(inputs)}")
    spec = inputs[name]
    if (tuple(shape), dtype.name) != (spec.shape, spec.dtype):
        raise UsageError(
            f"{where}: has {name} {tuple(shape)} {dtype.name}, inputs says {spec.shape} {spec.dtype}; make them alike"
        )


def _in_order(array: Any, dtype: str, *, copy: bool = False) -> Any:
    """The array in this machine's byte order and C's order of dimensions, as the hash and MXNet need it."""
    return np.array(array, dtype=dtype, order="C") if copy else np.asarray(array, dtype=dtype, order="C")


def _read(path: Path, inputs: Mapping[str, InputSpec], where: str) -> Dict[str, Any]:
    """The arrays of an ``.npz`` file."""
    try:
        _check_size(path, inputs, where)
        with zipfile.ZipFile(path) as archive:
            return _read_members(archive, inputs, where)
    except MxperfError:
        raise
    except OSError as error:
        raise ModelError(f"{where}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds for broken files
        problem = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(f"{where}: cannot be read as .npz: {problem}; save it with numpy.savez") from None


def _check_size(path: Path, inputs: Mapping[str, InputSpec], where: str) -> None:
    """Raises ``ModelError`` for a file that is too large: already its list of names could take gigabytes."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer
        raise ModelError(f"{where}: is not a regular file")
    most = sum(math.prod(spec.shape) * np.dtype(spec.dtype).itemsize for spec in inputs.values()) + _SPARE_BYTES
    if status.st_size > most:
        raise ModelError(f"{where}: has {status.st_size:,} bytes; with all inputs it would have at most {most:,}")


def _read_members(archive: zipfile.ZipFile, inputs: Mapping[str, InputSpec], where: str) -> Dict[str, Any]:
    arrays: Dict[str, Any] = {}
    for member in archive.infolist():
        name = member.filename[: -len(_SUFFIX)] if member.filename.endswith(_SUFFIX) else member.filename
        with archive.open(member) as stream:
            shape, dtype = _header(stream)
        if dtype.hasobject:
            raise ModelError(f"{where}: {name[:60]} holds Python objects (pickle), which are not loaded; save numbers")
        _check(name, shape, dtype, inputs, where)
        if name in arrays:
            raise ModelError(f"{where}: has {name[:60]!r} twice")
        with archive.open(member) as stream:
            arrays[name] = _in_order(_npy.read_array(stream), dtype.name)
            if stream.read(1):
                raise ModelError(f"{where}: {name[:60]} goes on where it should end; save it again")
    return arrays


def _header(stream: Any) -> Tuple[Tuple[int, ...], Any]:
    """The shape and dtype of a ``.npy`` file. An array of plain numbers has a short header of version 1.0."""
    start = stream.read(_START_BYTES)
    version = _npy.read_magic(io.BytesIO(start))
    length = int.from_bytes(start[-2:], "little")
    if version != (1, 0) or length > _LONGEST_HEADER_BYTES:
        raise ValueError(f"an array of format {version} with a header of {length:,} bytes has no plain numbers")
    header = io.BytesIO(start + stream.read(length))
    _npy.read_magic(header)
    shape, _, dtype = _npy.read_array_header_1_0(header)
    return shape, dtype
