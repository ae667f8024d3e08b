"""Real inputs of a network, from an ``.npz`` file."""

import zipfile
from pathlib import Path
from typing import IO, Any, Dict, Mapping, Tuple

import numpy as np

from pytest_mxperf.cost.params import Role
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.errors import ModelError, listed
from pytest_mxperf.mx.analysis import Analysis

__all__ = ["read_example"]

_FORMAT: Any = np.lib.format
_SUFFIX = ".npy"


def read_example(path: Path, analysis: Analysis) -> Dict[str, Any]:
    """The arrays, by input name. Nothing is unpickled. An array is read only if its shape and dtype are the input's.

    Raises ``ModelError`` if the file cannot be read, or if an array does not belong to an input, or does not fit it.
    """
    try:
        with zipfile.ZipFile(str(path)) as archive:
            names = {entry[: -len(_SUFFIX)]: entry for entry in archive.namelist() if entry.endswith(_SUFFIX)}
            _check_names(path, names, analysis)
            return {name: _read(path, archive, name, entry, analysis) for name, entry in names.items()}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(f"{path}: cannot read the example inputs: {problem}; write them by numpy.savez") from None


def _check_names(path: Path, names: Mapping[str, str], analysis: Analysis) -> None:
    inputs = sorted(_inputs(analysis))
    unknown = sorted(set(names) - set(inputs))
    if unknown:
        raise ModelError(f"{path}: {analysis.model.name} has no input {listed(unknown)}; it has {listed(inputs)}")
    if not names:
        raise ModelError(f"{path}: holds no arrays; {analysis.model.name} has inputs {listed(inputs)}")


def _inputs(analysis: Analysis) -> Dict[str, Tuple[Shape, str]]:
    """The shape and dtype of each input, label and begin state, by name."""
    graph, inference = analysis.graph, analysis.inference
    return {
        graph.nodes[index].name: (inference.shapes[index][0], inference.dtypes[index][0])
        for index in analysis.variables(Role.INPUT, Role.LABEL, Role.STATE)
    }


def _read(path: Path, archive: zipfile.ZipFile, name: str, entry: str, analysis: Analysis) -> Any:
    shape, dtype = _inputs(analysis)[name]
    with archive.open(entry) as file:
        found_shape, found_dtype = _header(file)
    if (found_shape, found_dtype) != (shape, dtype):
        raise ModelError(
            f"{path}: {name!r} is {found_shape} {found_dtype}, and the input of {analysis.model.name} {shape} {dtype}"
        )
    with archive.open(entry) as file:
        return _FORMAT.read_array(file)  # unpickles nothing unless told to


def _header(file: "IO[bytes]") -> Tuple[Shape, str]:
    """The shape and dtype that the array claims to have, before memory is allocated for it."""
    version = _FORMAT.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of format {version}")
    shape, _, dtype = getattr(_FORMAT, f"read_array_header_{version[0]}_0")(file)
    return shape, str(dtype)
