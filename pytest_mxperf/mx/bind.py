"""A module bound for inference, with its parameters set."""

from typing import Any

from pytest_mxperf.cost.params import Role
from pytest_mxperf.errors import ModelError
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.runtime import mx, reason
from pytest_mxperf.mx.weights import LoadedCheckpoint

__all__ = ["bind"]


def bind(analysis: Analysis, weights: LoadedCheckpoint) -> Any:
    """An ``mx.mod.Module`` bound on the current context with ``for_training=False``.

    Begin states that are variables are bound as inputs beside the given ones; labels are left to MXNet's inference.
    Raises ``ModelError`` if MXNet cannot bind.
    """
    inputs = analysis.model.inputs
    data = [mx.io.DataDesc(name, spec.shape, spec.dtype) for name, spec in inputs.items()]
    for index in analysis.variables(Role.STATE):
        name, inference = analysis.graph.nodes[index].name, analysis.inference
        data.append(mx.io.DataDesc(name, inference.shapes[index][0], inference.dtypes[index][0]))
    module = mx.mod.Module(
        weights.symbol,
        data_names=[desc.name for desc in data],
        label_names=[analysis.graph.nodes[index].name for index in analysis.variables(Role.LABEL)],
        context=mx.context.current_context(),
    )
    try:
        module.bind(data_shapes=data, for_training=False)
        # Weights that the graph does not read are no error: MXNet's own loader ignores them too.
        module.set_params(weights.arg_params, weights.aux_params, allow_extra=True)
    except (mx.MXNetError, RuntimeError) as error:
        raise ModelError(f"{analysis.model.name}: MXNet cannot bind the model: {reason(error)}") from None
    return module
