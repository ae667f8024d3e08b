"""Gluon nets: traced to a symbol without running or changing them, initialized or not."""

import inspect
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from pytest_mxperf.errors import ModelError, UsageError
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.spec import InputSpec, RunAs

__all__ = ["frozen_parameters", "has_namesakes", "parameter_names", "parameter_values", "positions", "run_as", "trace"]


def trace(net: Any, inputs: Mapping[str, InputSpec], *, where: str) -> Any:
    """The net's symbol, its variables named as in ``inputs``. Raises ``UsageError`` for names that it does not take."""
    arguments = [None if name is None else _variable(name) for name in positions(net, list(inputs), where)]
    net.apply(_restart)
    try:
        outputs = net(*arguments)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise ModelError(f"{where}: {type(net).__name__} cannot be traced to a symbol: {problem}") from error
    flat = list(_flatten(outputs))
    strange = [output for output in flat if not isinstance(output, mx.sym.Symbol)]
    if strange or not flat:
        what = type(strange[0]).__name__ if strange else "nothing"
        raise ModelError(f"{where}: {type(net).__name__} returns {what} where a model returns outputs")
    return flat[0] if len(flat) == 1 else mx.sym.Group(flat)


def _restart(block: Any) -> None:
    """A recurrent cell numbers its steps over all graphs that it is built into, unless it is reset before each."""
    if isinstance(block, mx.gluon.rnn.RecurrentCell):
        block.reset()


def _variable(name: str) -> Any:
    variable = mx.sym.var(name)
    return variable.as_np_ndarray() if mx.util.is_np_array() else variable


def _flatten(outputs: Any) -> "List[Any]":
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    if isinstance(outputs, (tuple, list)):
        return [symbol for output in outputs if output is not None for symbol in _flatten(output)]
    return [outputs]


def positions(net: Any, names: List[str], where: str) -> "List[Optional[str]]":
    """The given names in the order of the net's arguments; None for an argument in between that is not given."""
    exported = ["data"] if len(names) == 1 else [f"data{index}" for index in range(len(names))]
    own = _argument_names(net)
    unknown = [name for name in names if name not in own]
    if unknown and set(names) == set(exported):
        return list(exported)
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


def run_as(net: Any) -> RunAs:
    """How the net would run if it was called now: as it was hybridized, or as if it were, with nothing static."""
    if getattr(net, "_backend", None) in _FUSING_BACKENDS:
        return RunAs()
    flags = dict(net._flags) if net._active else {}
    return RunAs("gluon", bool(flags.get("static_alloc")), bool(flags.get("static_shape")))


# hybridize(backend=...) with one of these fuses what a Module fuses.
_FUSING_BACKENDS = ("MKLDNN", "ONEDNN")


def has_namesakes(net: Any) -> bool:
    """Whether two parameters of the net have one name, which Gluon finds out when it collects them."""
    try:
        net.collect_params()
    except AssertionError:
        return True
    return False


def parameter_names(net: Any) -> "FrozenSet[str]":
    return frozenset(net.collect_params())


def frozen_parameters(net: Any) -> "FrozenSet[str]":
    """Parameters that training would leave alone: not differentiable, or frozen by ``grad_req``."""
    return frozenset(name for name, parameter in net.collect_params().items() if parameter.grad_req == "null")


def parameter_values(net: Any, shapes: Mapping[str, Tuple[int, ...]]) -> Dict[str, Any]:
    """A value for each parameter of the graph: the net's own, or a fresh one where it has none yet."""
    parameters = net.collect_params()
    return {name: _value(parameters[name], shape) for name, shape in shapes.items() if name in parameters}


def _value(parameter: Any, shape: Tuple[int, ...]) -> Any:
    if parameter._data is not None:
        value = parameter._data[0]
        return (value if value.stype == "default" else value.tostype("default")).as_nd_ndarray()
    # As Parameter._finish_deferred_init does it, with what net.initialize() has asked for if it was called.
    asked, _, default, value = parameter._deferred_init or (None, None, mx.init.Uniform(), None)
    if value is None:
        value = mx.nd.zeros(shape, dtype=parameter.dtype)
        initializer = asked or parameter.init or default
        mx.init.create(default)(mx.init.InitDesc(parameter.name, {"__init__": initializer}), value)
    return value.as_nd_ndarray()
