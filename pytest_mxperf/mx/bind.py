"""A module bound for inference, with its parameters set."""

from typing import Any, List

from pytest_mxperf.cost.params import Role
from pytest_mxperf.errors import ModelError
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.runtime import mx, reason
from pytest_mxperf.mx.weights import LoadedCheckpoint

__all__ = ["bind"]


def bind(analysis: Analysis, weights: LoadedCheckpoint) -> Any:
    """An ``mx.mod.Module`` bound on the current context with ``for_training=False``.

    Begin states that are variables are bound as inputs behind the given ones. Labels are bound with their inferred
    shapes, and a batch may leave them out. Raises ``ModelError`` if MXNet cannot bind.
    """
    inputs = analysis.model.inputs
    data = [mx.io.DataDesc(name, spec.shape, spec.dtype) for name, spec in inputs.items()]
    data += _inferred(analysis, Role.STATE)
    labels = _inferred(analysis, Role.LABEL)
    module = mx.mod.Module(
        weights.symbol,
        data_names=[desc.name for desc in data],
        label_names=[desc.name for desc in labels],
        context=mx.context.current_context(),
    )
    try:
        module.bind(data_shapes=data, label_shapes=labels or None, for_training=False)
        # Weights that the graph does not read are no error: MXNet's own loader ignores them too.
        module.set_params(weights.arg_params, weights.aux_params, allow_extra=True)
    except (mx.MXNetError, RuntimeError) as error:
        raise ModelError(f"{analysis.model.name}: MXNet cannot bind the model: {reason(error)}") from None
    return module


def _inferred(analysis: Analysis, role: Role) -> List[Any]:
    inference = analysis.inference
    return [
        mx.io.DataDesc(analysis.graph.nodes[index].name, inference.shapes[index][0], inference.dtypes[index][0])
        for index in analysis.variables(role)
    ]
