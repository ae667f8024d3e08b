"""The two ways in which MXNet runs a graph for inference, behind one interface.

A ``Module`` binds an executor, for which MXNet fuses convolutions and dense layers with the operators that follow. A
hybridized Gluon block runs the same graph through a ``CachedOp``, which fuses nothing. So an operator can be free in
one and cost time in the other.
"""

from typing import Any, Callable, Collection, List, Mapping, NamedTuple

from pytest_mxperf.mx.monitor import Notes
from pytest_mxperf.mx.runtime import array_semantics, mx
from pytest_mxperf.spec import RunAs

__all__ = ["Binding", "Forward", "bind", "bind_cached_op", "bind_executor"]

Forward = Callable[[], List[Any]]
"""Runs one forward pass, waits for it, and returns every output as a numpy array. Raises ``MXNetError``."""


class Binding(NamedTuple):
    """A network that is bound to its values."""

    forward: Forward
    watch: Callable[[Notes], None]
    """Records every operator that runs from now on."""


def bind(
    symbol: Any, values: Mapping[str, Any], run_as: RunAs, *, inputs: Collection[str], numpy_shapes: bool = False
) -> Binding:
    """A fresh binding of the symbol to ``values``, which has an ``NDArray`` for each variable.

    ``inputs`` are the variables that each batch sets. The others are parameters. Raises ``MXNetError``.
    """
    with array_semantics(numpy_shapes=numpy_shapes):
        if run_as.kind == "gluon":
            return bind_cached_op(symbol, values, run_as, inputs, numpy_shapes)
        return bind_executor(symbol, values)


def bind_executor(symbol: Any, values: Mapping[str, Any]) -> Binding:
    """Binds as ``Module.bind`` does. The current ``MXNET_SUBGRAPH_BACKEND`` decides what MXNet fuses."""
    executor = symbol.bind(
        mx.cpu(),
        {name: values[name] for name in symbol.list_arguments()},
        grad_req="null",
        aux_states={name: values[name] for name in symbol.list_auxiliary_states()},
    )

    def forward() -> List[Any]:
        return [output.asnumpy() for output in executor.forward(is_train=False)]

    return Binding(forward, lambda notes: notes.of_executor(executor))


def bind_cached_op(
    symbol: Any, values: Mapping[str, Any], run_as: RunAs, inputs: Collection[str], numpy_shapes: bool
) -> Binding:
    """Binds as ``_build_cache`` and ``_call_cached_op`` of ``HybridBlock`` and ``SymbolBlock`` do."""
    names = symbol.list_inputs()
    flags = [
        ("data_indices", [place for place, name in enumerate(names) if name in inputs]),
        ("param_indices", [place for place, name in enumerate(names) if name not in inputs]),
        ("static_alloc", run_as.static_alloc),
        ("static_shape", run_as.static_shape),
        ("inline_limit", 2),  # the default of hybridize()
    ]
    cached_op, arguments = mx.nd.CachedOp(symbol, flags), [values[name] for name in names]

    def forward() -> List[Any]:
        outputs = cached_op(*arguments)
        return [output.asnumpy() for output in (outputs if isinstance(outputs, list) else [outputs])]

    def forward_with_numpy_shapes() -> List[Any]:
        with mx.util.np_shape(True):  # a CachedOp infers shapes when it is called
            return forward()

    return Binding(forward_with_numpy_shapes if numpy_shapes else forward, lambda notes: notes.of_cached_op(cached_op))
