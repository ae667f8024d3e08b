"""Gluon nets: traced to a symbol without running or changing them, initialized or not."""

import inspect
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from pytest_mxperf.errors import ModelError, UsageError
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.spec import InputSpec

__all__ = ["frozen_parameters", "parameter_values", "trace"]


def trace(net: Any, inputs: Mapping[str, InputSpec], *, where: str) -> Any:
    """The net's symbol, its variables named as in ``inputs``. Raises ``UsageError`` for names that it does not take."""
    arguments = [None if name is None else _variable(name) for name in _positions(net, list(inputs), where)]
    try:
        outputs = net(*arguments)
    except Exception as error:
        raise ModelError(f"{where}: {type(net).__name__} cannot be traced to a symbol: {error}") from error
    flat = list(_flatten(outputs))
    return flat[0] if len(flat) == 1 else mx.sym.Group(flat)


def _variable(name: str) -> Any:
    variable = mx.sym.var(name)
    return variable.as_np_ndarray() if mx.util.is_np_array() else variable


def _flatten(outputs: Any) -> "List[Any]":
    if isinstance(outputs, (tuple, list)):
        return [symbol for output in outputs for symbol in _flatten(output)]
    return [outputs]


def _positions(net: Any, names: List[str], where: str) -> "List[Optional[str]]":
    """The given names in the order of the net's arguments; None for an argument in between that is not given."""
    exported = ["data"] if len(names) == 1 else [f"data{index}" for index in range(len(names))]
    if set(names) == set(exported):
        return list(exported)
    own = _argument_names(net)
    unknown = [name for name in names if name not in own]
    if unknown:
        raise UsageError(
            f"{where}: {type(net).__name__} has no input {unknown[0]!r}; name its inputs {', '.join(own)} or "
            f"{', '.join(exported)}"
        )
    last = max(own.index(name) for name in names)
    return [name if name in names else None for name in own[: last + 1]]


def _argument_names(net: Any) -> "List[str]":
    if isinstance(net, mx.gluon.SymbolBlock):
        return [symbol.name for symbol in net._cached_graph[0]]
    hybrid = type(net).hybrid_forward is not mx.gluon.HybridBlock.hybrid_forward
    parameters = inspect.signature(net.hybrid_forward if hybrid else net.forward).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    # hybrid_forward takes F first, and the block's own parameters by keyword.
    return [name for name in names[1 if hybrid else 0 :] if name not in net._reg_params]


def frozen_parameters(net: Any) -> "FrozenSet[str]":
    """Parameters that training would leave alone: not differentiable, or frozen by ``grad_req``."""
    return frozenset(name for name, parameter in net.collect_params().items() if parameter.grad_req == "null")


def parameter_values(net: Any, shapes: Mapping[str, Tuple[int, ...]]) -> Dict[str, Any]:
    """A value for each parameter of the graph: the net's own, or a fresh one where it has none yet."""
    parameters = net.collect_params()
    return {name: _value(parameters[name], shape) for name, shape in shapes.items() if name in parameters}


def _value(parameter: Any, shape: Tuple[int, ...]) -> Any:
    try:
        return parameter.data(parameter.list_ctx()[0])
    except (RuntimeError, mx.gluon.parameter.DeferredInitializationError):
        value = mx.nd.zeros(shape, dtype=parameter.dtype)
        initializer = mx.init.create(parameter.init or mx.init.Uniform())
        initializer(mx.init.InitDesc(parameter.name, {"__init__": initializer.dumps()}), value)
        return value
