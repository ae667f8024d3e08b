"""Gluon nets: traced to a symbol without running or changing them, initialized or not."""

import inspect
import re
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Sequence, Tuple, Union

from pytest_mxperf.errors import ModelError, UsageError
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.spec import InputSpec, RunAs

__all__ = [
    "filled",
    "frozen_parameters",
    "has_namesakes",
    "parameter_names",
    "parameter_values",
    "positions",
    "run_as",
    "trace",
]


Place = Union[None, str, List[str]]
"""What a net is called with at one place: an input, a list of inputs, or nothing."""


def trace(net: Any, inputs: Mapping[str, InputSpec], *, where: str) -> Any:
    """The net's symbol, its variables named as in ``inputs``. Raises ``UsageError`` for names that it does not take."""
    arguments = filled(positions(net, list(inputs), where), _variable)
    net.apply(_restart)
    try:
        outputs = net(*arguments)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        hint = "" if isinstance(net, mx.gluon.HybridBlock) else "; make it a HybridBlock, whose forward takes symbols"
        raise ModelError(f"{where}: {type(net).__name__} cannot be traced to a symbol: {problem}{hint}") from error
    flat = list(_flatten(outputs))
    strange = [output for output in flat if not isinstance(output, mx.sym.Symbol)]
    if strange or not flat:
        what = type(strange[0]).__name__ if strange else "nothing"
        raise ModelError(f"{where}: {type(net).__name__} returns {what} where a model returns outputs")
    return flat[0] if len(flat) == 1 else mx.sym.Group(flat)


def filled(places: Sequence[Place], value: Callable[[str], Any]) -> List[Any]:
    """The arguments of a call: a value for each name."""
    return [
        None if place is None else value(place) if isinstance(place, str) else [value(name) for name in place]
        for place in places
    ]


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


def positions(net: Any, names: List[str], where: str) -> List[Place]:
    """The given names in the order of the net's arguments; None for an argument in between that is not given.

    ``states[0]`` and ``states[1]`` are a list in the place of ``states``. A recurrent net takes its states by any
    names, behind its first input.
    """
    exported = ["data"] if len(names) == 1 else [f"data{index}" for index in range(len(names))]
    states = _count_of_states(net)
    if states and len(names) == 1 + states:
        first, *rest = exported if set(names) == set(exported) else names
        return [first, rest]
    own = _argument_names(net)
    lists = {name: found.group(1) for name in names for found in [_IN_LIST.match(name)] if found and name not in own}
    unknown = [name for name in names if lists.get(name, name) not in own]
    if unknown and set(names) == set(exported):
        return list(exported)
    if unknown:
        besides = f"; its {states} states follow, by any names" if states else ""
        raise UsageError(
            f"{where}: {type(net).__name__} has no input {unknown[0]!r}; name its inputs {', '.join(own)} or "
            f"{', '.join(exported)}{besides}"
        )
    last = max(own.index(lists.get(name, name)) for name in names)
    return [_place(argument, names, lists) for argument in own[: last + 1]]


_IN_LIST = re.compile(r"(\w+)\[\d+\]\Z")


def _place(argument: str, names: List[str], lists: Mapping[str, str]) -> Place:
    parts = [name for name in names if lists.get(name) == argument]
    return parts or (argument if argument in names else None)


def _count_of_states(net: Any) -> int:
    """Of a recurrent layer or cell; 0 for other nets, and where it cannot say."""
    if not isinstance(net, (mx.gluon.rnn.RecurrentCell, mx.gluon.rnn.rnn_layer._RNNLayer)):
        return 0
    try:
        return len(net.state_info(1))
    except Exception:  # a cell of the user's own, or one without children yet
        return 0


def _argument_names(net: Any) -> "List[str]":
    if isinstance(net, mx.gluon.SymbolBlock):
        return [symbol.name for symbol in net._cached_graph[0]]
    own = getattr(type(net), "hybrid_forward", None)
    hybrid = own is not None and own is not mx.gluon.HybridBlock.hybrid_forward
    parameters = inspect.signature(net.hybrid_forward if hybrid else net.forward).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    # hybrid_forward takes F first, and the block's own parameters by keyword.
    return [name for name in names[1 if hybrid else 0 :] if name not in net._reg_params]


def run_as(net: Any) -> RunAs:
    """How the net would run if it was called now: as it was hybridized, or as if it were, with nothing static."""
    if getattr(net, "_backend", None) in _FUSING_BACKENDS:
        return RunAs()
    flags = dict(net._flags) if getattr(net, "_active", False) else {}
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
