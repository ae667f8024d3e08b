"""Parameter values: read from a checkpoint or taken from a Gluon net, and compared with the graph."""

import os
import warnings
from pathlib import Path
from typing import Any, Dict, Mapping

import numpy as np

from pytest_mxperf.errors import ModelError, MxperfWarning, ParamsError, listed
from pytest_mxperf.mx import gluon
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.runtime import array_semantics, mx, reason
from pytest_mxperf.params_file import read_header
from pytest_mxperf.spec import Checkpoint, LoadedCheckpoint
from pytest_mxperf.stored import read_stored

__all__ = ["as_module_sets", "load_weights", "read_values"]


def load_weights(analysis: Analysis) -> LoadedCheckpoint:
    """The model with its parameter values.

    A Gluon net that is not initialized gets values from its own initializers, and stays as it was.
    Raises ``ParamsError`` if there are no weights, or if they do not fit the graph; ``ModelError`` for a graph with
    nodes that MXNet cannot load. Warns of weights that are not finite.
    """
    model, shapes = analysis.model, analysis.parameter_shapes()
    if model.pointers:
        names = listed([str(pointer) for pointer in model.pointers], 3)
        raise ModelError(
            f"{model.name}: MXNet cannot load {names}, which points into the process that saved it; "
            "counting works, running does not"
        )
    if model.net is not None:
        with array_semantics(numpy_shapes=model.numpy_shapes):
            values = gluon.parameter_values(model.net, shapes)
    elif model.checkpoint is not None:
        values = _read_checkpoint(model.checkpoint)
    else:
        raise ParamsError(f"{model.name}: a Symbol has no weights and cannot run; give a checkpoint or a Gluon net")
    missing = sorted({*shapes, *analysis.inputs_not_given()} - set(values))
    if missing:
        unread = analysis.unread_parameters()
        strange = f"; the graph has no {listed(unread)}, which the weights have" if unread else ""
        raise ParamsError(
            f"{model.name}: the weights lack {listed(missing)}; if one is an input, add it to inputs{strange}"
        )
    _warn_of_nonfinite(model.name, values)
    auxiliary = set(model.symbol.list_auxiliary_states())
    return LoadedCheckpoint(
        model.symbol,
        {name: value for name, value in values.items() if name not in auxiliary},
        {name: value for name, value in values.items() if name in auxiliary},
    )


def _read_checkpoint(checkpoint: Checkpoint) -> Dict[str, Any]:
    path = checkpoint.params_path
    if not os.path.lexists(path):  # no epoch at all: a missing one among others is an error earlier
        beside = read_stored(checkpoint).beside
        raise ParamsError(f"{path}: the weights are missing; counting works without weights, running does not{beside}")
    return read_values(path)


def read_values(path: Path) -> Dict[str, Any]:
    """The arrays of a ``.params`` file by name. Raises ``ParamsError`` if MXNet cannot load it."""
    read_header(path)  # raises for a file that would crash MXNet
    problem = ""
    # MXNet loads files of mx.npx.save only with numpy's shape semantics, and other files only without.
    for numpy_shapes in (False, True):
        try:
            with array_semantics(numpy_shapes=numpy_shapes):
                arrays = mx.nd.load(str(path)) or {}  # a model without parameters
                if not isinstance(arrays, dict):
                    raise ParamsError(f"{path}: the weights have no names; save them with mx.model.save_checkpoint")
                for value in arrays.values():
                    if value.stype != "default":
                        value.check_format(full_check=True)  # MXNet would use any index in the file unchecked
            return {name.split(":", 1)[-1]: value for name, value in arrays.items()}
        except mx.MXNetError as error:
            problem = problem or reason(error)
    raise ParamsError(f"{path}: MXNet cannot load the weights: {problem}")


def as_module_sets(values: Mapping[str, Any], analysis: Analysis) -> Dict[str, Any]:
    """The values of the graph's variables as ``Module.set_params`` sets them: dense, in the dtype of the graph.

    Leaves out values without a variable, and inputs that the user gives. Does not copy arrays that need no change.
    Raises ``ParamsError`` for a value of another shape.
    """
    found: Dict[str, Any] = {}
    for index in analysis.roles:
        name = analysis.graph.nodes[index].name
        if name not in values or name in analysis.model.inputs:
            continue
        shape, dtype = analysis.inference.shapes[index][0], analysis.inference.dtypes[index][0]
        value = values[name]
        if value.shape != shape:
            raise ParamsError(f"{analysis.model.name}: {name} is {value.shape} in the weights, {shape} in the graph")
        dense = value if value.stype == "default" else value.tostype("default")
        found[name] = dense if np.dtype(dense.dtype) == np.dtype(dtype) else dense.astype(dtype)
    return found


def _warn_of_nonfinite(name: str, values: Mapping[str, Any]) -> None:
    """Warns only, because the costs of such a model are right."""
    broken = [key for key, value in values.items() if not _is_finite(value)]
    if broken:
        warnings.warn(f"{name}: NaN or infinity in the weights {listed(broken)}", MxperfWarning, stacklevel=2)


def _is_finite(value: Any) -> bool:
    numbers = (value if value.stype == "default" else value.data).asnumpy()
    return numbers.dtype.kind != "f" or bool(np.isfinite(numbers).all())
