"""A module bound for inference, with its parameters set."""

from typing import Any, List, Sequence, Tuple

from pytest_mxperf.cost.params import Role
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.cost.subgraphs import OPAQUE
from pytest_mxperf.errors import ModelError
from pytest_mxperf.hazards import divided_integers, overrunning
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.guard import SECONDS_OF_A_TRIAL, memory_limit_bytes, try_in_child
from pytest_mxperf.mx.overruns import has_places, unfit_parameters, wrong_place
from pytest_mxperf.mx.runtime import array_semantics, mx, reason
from pytest_mxperf.mx.sync import example_batch, forward_pass
from pytest_mxperf.spec import LoadedCheckpoint

__all__ = ["bind"]


def bind(analysis: Analysis, weights: LoadedCheckpoint) -> Any:
    """An ``mx.mod.Module`` bound on the current context with ``for_training=False``.

    Begin states that are variables are bound as inputs, behind the given inputs. Labels that are not given stay 0: no
    output depends on them at inference. Raises ``ModelError`` if MXNet cannot bind, or would need more memory than
    there is. A graph that may crash is bound and run in a child process first. A crash there is a ``ModelError`` too.
    """
    model = analysis.model
    opaque = [node.op for node in analysis.graph.nodes if node.op in OPAQUE]
    if opaque:
        raise ModelError(f"{model.name}: a Module cannot bind {opaque[0]}; counting works, running does not")
    broken = overrunning(analysis.graph, analysis.inference.dtypes) + unfit_parameters(analysis)
    if broken:
        raise ModelError(f"{model.name}: MXNet corrupts its memory in {broken[0]}; counting works, running does not")
    wanted_bytes = _check_memory(analysis)
    suspects = model.suspects or divided_integers(analysis.graph, analysis.inference.dtypes)
    if suspects:
        try_in_child(
            lambda: _try(analysis, weights),
            f"{model.name}: MXNet",
            "binding the model and running it once",
            suspects,
            seconds=SECONDS_OF_A_TRIAL + analysis.cost().flops / _LEAST_FLOPS_PER_SECOND,
            expected_bytes=wanted_bytes,
        )
    module = _bind(analysis, weights)
    _check_places(analysis, module)
    return module


_LEAST_FLOPS_PER_SECOND = 5e8
"""Every real network is faster, even on one core that other processes use too."""


def _check_memory(analysis: Analysis) -> int:
    """The bytes that running the model takes at least. Raises ``ModelError`` if this process may not have as many."""
    cost = analysis.cost()
    wanted = cost.peak_activation_bytes + sum(cost.param_bytes_by_dtype.values())
    limit = memory_limit_bytes()
    if wanted > limit:
        raise ModelError(
            f"{analysis.model.name}: running it takes {wanted:,} bytes of memory, this process may have {limit:,}; "
            "counting works, running does not"
        )
    return wanted


def _try(analysis: Analysis, weights: LoadedCheckpoint) -> None:
    with mx.cpu():  # a forked child cannot use its parent's GPU memory
        module = _bind(analysis, weights)
        _check_places(analysis, module)
        forward_pass(module, example_batch(module))()


def _check_places(analysis: Analysis, module: Any) -> None:
    """Raises ``ModelError`` if running the module would write to where no row, sequence or array has a place."""
    problem = wrong_place(module, example_batch(module)) if has_places(analysis.graph) else ""
    if problem:
        raise ModelError(
            f"{analysis.model.name}: {problem}, so MXNet would corrupt its memory; counting works, running does not"
        )


def _bind(analysis: Analysis, weights: LoadedCheckpoint) -> Any:
    model, graph, inference = analysis.model, analysis.graph, analysis.inference
    given = [(name, spec.shape, spec.dtype) for name, spec in model.inputs.items()]
    states = [
        (graph.nodes[index].name, inference.shapes[index][0], inference.dtypes[index][0])
        for index in analysis.variables(Role.STATE)
    ]
    data = _describe([*given, *states])
    try:
        with array_semantics(numpy_shapes=model.numpy_shapes):
            module = mx.mod.Module(
                weights.symbol.as_nd_ndarray(),  # MXNet 1.6 binds no symbol of mx.np
                data_names=[desc.name for desc in data],
                label_names=None,
                context=mx.context.current_context(),
            )
            module.bind(data_shapes=data, for_training=False)
            # Only labels are missing: load_weights has checked that. Parameters that nobody reads are no error.
            module.set_params(weights.arg_params, weights.aux_params, allow_missing=True, allow_extra=True)
    except (mx.MXNetError, RuntimeError, AssertionError, ValueError, TypeError, LookupError) as error:
        raise ModelError(f"{model.name}: MXNet cannot bind the model: {reason(error)}") from None
    return module


def _describe(inputs: Sequence[Tuple[str, Shape, str]]) -> List[Any]:
    """Describes the inputs. If batch sizes differ, only one input has a batch axis in its layout.

    MXNet wants one batch size in all inputs that have such an axis. MXNet 1.6 needs at least one such input.
    """
    has_one_batch = len({shape[:1] for _, shape, _ in inputs}) == 1
    batched = next((name for name, shape, _ in inputs if shape), "")
    layouts = [{} if has_one_batch or name == batched else {"layout": ""} for name, _, _ in inputs]
    return [mx.io.DataDesc(name, shape, dtype, **layout) for (name, shape, dtype), layout in zip(inputs, layouts)]
