"""Traces a Gluon net to a symbol, without running or changing it. The net need not be initialized."""

from contextlib import contextmanager
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from pytest_mxperf.errors import ModelError, UsageError, listed, told
from pytest_mxperf.mx.arguments import Argument, arguments, continued, filled, left_out, surplus
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.spec import InputSpec, RunAs

__all__ = ["frozen_parameters", "has_namesakes", "parameter_names", "parameter_values", "run_as", "trace"]


class Traced(NamedTuple):
    symbol: Any
    numpy_shapes: bool
    """Whether shapes have numpy's meaning: a 0 is a size, not "unknown", and an array may have no dimensions."""


def trace(net: Any, inputs: Mapping[str, InputSpec], *, where: str) -> Traced:
    """The net's symbol, whose variables have the names of ``inputs``.

    Raises ``UsageError`` for unknown names, ``ModelError`` if the net cannot be traced.
    """
    given = arguments(net, list(inputs), where)
    try:
        outputs = _call(net, given)
        return Traced(_grouped(net, outputs, where), bool(mx.util.is_np_shape()))
    except (UsageError, ModelError):
        raise
    except Exception as error:
        outputs = _as_numpy(net, given)
        if outputs is not None:
            return Traced(_grouped(net, outputs, where), True)
        raise ModelError(_untraceable(net, given, error, where)) from error


def _call(net: Any, given: Sequence[Argument]) -> Any:
    net.apply(_restart)
    with _new_variables(net):
        return net(*(filled(argument, _variable) for argument in given))


@contextmanager
def _new_variables(net: Any) -> Iterator[None]:
    """The parameters make new variables. Those of an earlier run have the dtypes and shapes of that time."""
    found: Dict[int, Any] = {}
    net.apply(lambda block: found.update((id(each), each) for each in block.params.values()))
    before = [(parameter, parameter._var) for parameter in found.values()]
    for parameter, _ in before:
        parameter._var = None
    try:
        yield
    finally:
        for parameter, variable in before:
            parameter._var = variable


def _as_numpy(net: Any, given: Sequence[Argument]) -> Any:
    """What the net returns for ``mx.np`` arrays, or None. A class with ``use_np`` takes them even in the other mode."""
    if mx.util.is_np_array():
        return None
    try:
        with mx.util.np_shape(True), mx.util.np_array(True):
            return _call(net, given)
    except Exception:
        return None  # the caller reports the error of the user's own mode


def _grouped(net: Any, outputs: Any, where: str) -> Any:
    flat = list(_flatten(outputs))
    strange = [output for output in flat if not isinstance(output, mx.sym.Symbol)]
    if strange or not flat:
        what = type(strange[0]).__name__ if strange else "nothing"
        raise ModelError(f"{where}: {type(net).__name__} returns {what} where a model returns outputs")
    return flat[0] if len(flat) == 1 else mx.sym.Group(flat)


def _untraceable(net: Any, given: Sequence[Argument], error: Exception, where: str) -> str:
    too_many = surplus(net, given) if "must be Symbol instances" in str(error) else ""
    if too_many:
        return f"{where}: {type(net).__name__} {too_many}"
    missing = left_out(net, given)
    hint = f"; it got None for {listed(missing)}: give its shape" if missing else ""
    next_in_lists = listed(list(continued(given))) if _lacks_an_item(error) else ""
    if next_in_lists:
        hint += f"; if it reads more arrays of a list than it is given, add {next_in_lists}"
    elif _reads_arrays(net, error):
        hint += (
            "; its forward reads arrays (their shapes, their values, mx.nd), which a graph does not have. Use F for "
            "all operators in hybrid_forward, and check that with net.hybridize() and net(x). Or give the HybridBlocks "
            "in it a test each"
        )
    elif isinstance(error, (IndexError, TypeError, ValueError)) and not any(isinstance(each, list) for each in given):
        hint += "; if an argument is a list of arrays, name them after it: states[0], states[1]"
    return f"{where}: {type(net).__name__} cannot be traced to a symbol: {told(error)}{hint}"


def _lacks_an_item(error: Exception) -> bool:
    return isinstance(error, IndexError) or (isinstance(error, ValueError) and "not enough values" in str(error))


def _reads_arrays(net: Any, error: Exception) -> bool:
    about_symbols = isinstance(error, (AttributeError, NotImplementedError)) and "Symbol" in f"{type(error)}{error}"
    return about_symbols or "NDArray" in str(error) or not isinstance(net, mx.gluon.HybridBlock)


def _restart(block: Any) -> None:
    """Resets a recurrent cell. Otherwise the numbers of its steps go on from the graph before."""
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


def run_as(net: Any) -> RunAs:
    """How the net would run now: as it was hybridized, or else as after ``hybridize()`` without arguments."""
    hybrid = _first_hybrid(net)
    if getattr(hybrid, "_backend", None) in _FUSING_BACKENDS:
        return RunAs()
    flags = dict(hybrid._flags) if hybrid is not None and hybrid._active else {}
    return RunAs("gluon", bool(flags.get("static_alloc")), bool(flags.get("static_shape")))


def _first_hybrid(net: Any) -> Any:
    """The net, or the first part of a plain ``Sequential`` that can be hybridized. ``hybridize`` reaches all parts."""
    if isinstance(net, mx.gluon.HybridBlock):
        return net
    parts = (_first_hybrid(child) for child in net._children.values())
    return next((part for part in parts if part is not None), None)


# hybridize(backend=...) with one of these fuses what a Module fuses.
_FUSING_BACKENDS = ("MKLDNN", "ONEDNN")


def has_namesakes(net: Any) -> bool:
    """Whether two parameters of the net have the same name, for which Gluon raises when it collects them."""
    try:
        net.collect_params()
    except AssertionError:
        return True
    return False


def _parameters(net: Any) -> Any:
    """By name. Raises ``ModelError`` for two of one name, which a graph could not tell apart."""
    try:
        return net.collect_params()
    except AssertionError as error:
        raise ModelError(f"{type(net).__name__}: {error}; give its blocks prefixes of their own") from None


def parameter_names(net: Any) -> "FrozenSet[str]":
    return frozenset(_parameters(net))


def frozen_parameters(net: Any) -> "FrozenSet[str]":
    """Parameters that training would not change: not differentiable, or frozen by ``grad_req``."""
    return frozenset(name for name, parameter in _parameters(net).items() if parameter.grad_req == "null")


def parameter_values(net: Any, shapes: Mapping[str, Tuple[int, ...]]) -> Dict[str, Any]:
    """A value for each parameter in ``shapes``: the net's own, or a newly initialized one if it has none yet."""
    parameters = _parameters(net)
    return {name: _value(parameters[name], shape) for name, shape in shapes.items() if name in parameters}


def _value(parameter: Any, shape: Tuple[int, ...]) -> Any:
    if parameter._data is not None:
        value = parameter._data[0]
        return (value if value.stype == "default" else value.tostype("default")).as_nd_ndarray()
    # As Parameter._finish_deferred_init does it, with the initializer of net.initialize() if that was called.
    asked, _, default, value = parameter._deferred_init or (None, None, mx.init.Uniform(), None)
    if value is None:
        value = mx.nd.zeros(shape, dtype=parameter.dtype)
        initializer = asked or parameter.init or default
        mx.init.create(default)(mx.init.InitDesc(parameter.name, {"__init__": initializer}), value)
    return value.as_nd_ndarray()
