"""Calls a block or a function once, so that a call that cannot work is an error before it is timed."""

from typing import Any, Iterator, List, Sequence

from pytest_mxperf.errors import ModelError, UsageError
from pytest_mxperf.mx.arguments import miscounted
from pytest_mxperf.mx.runtime import mx, reason

__all__ = ["flat", "try_call", "type_of"]


def try_call(model: Any, arguments: Sequence[Any]) -> None:
    """Calls a block once. A function is only asked how many arguments it takes.

    Raises ``UsageError`` for arguments that it cannot take and for a block that is not initialized, ``ModelError`` if
    MXNet cannot run it. What else the user's own code raises is not changed.
    """
    __tracebackhide__ = True
    name = getattr(model, "__name__", type(model).__name__)
    if not isinstance(model, mx.gluon.Block):
        _check_count(model, arguments, name)
        return
    values = list(flat(arguments))
    if values and not any(isinstance(each, mx.nd.NDArray) for each in values):
        has = f"batch has a value of type {type_of(values[0])}"
        raise UsageError(f"mxperf_benchmark: {has}; {name} takes NDArrays: give an mx.nd.array for each")
    _check_count(model, arguments, name)
    try:
        model(*arguments)
    except Exception as error:
        if _is_uninitialized(model):
            raise UsageError(f"mxperf_benchmark: {name} is not initialized; call its initialize() first") from None
        if isinstance(error, mx.MXNetError) or "MXNetError: " in str(error):
            raise ModelError(f"MXNet cannot run the model: {reason(error)}") from None
        raise


def flat(values: Any) -> Iterator[Any]:
    """The values in nested lists and dictionaries. None in one of them stands for one that is left out."""
    if isinstance(values, dict):
        values = list(values.values())
    if not isinstance(values, (tuple, list)):
        yield values
        return
    for each in values:
        if each is not None:
            yield from flat(each)


def type_of(value: Any) -> str:
    """The name of the value's type, which tells ``numpy.ndarray`` from MXNet's arrays."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _check_count(model: Any, arguments: Sequence[Any], name: str) -> None:
    """Raises ``UsageError`` if there are too few arguments, or too many."""
    __tracebackhide__ = True
    names = miscounted(model, len(arguments))
    if names is None:
        return
    has = f"{len(arguments) or 'no'} argument{'s' * (len(arguments) != 1)}"
    wanted = f"give them as batch=({', '.join(names)}{',' * (len(names) == 1)})" if names else "leave out batch="
    raise UsageError(f"mxperf_benchmark: {name} takes ({', '.join(names)}), got {has}; {wanted}")


def _is_uninitialized(block: Any) -> bool:
    found: List[Any] = []
    block.apply(lambda each: found.extend(each.params.values()))
    return any(parameter._data is None and not parameter._deferred_init for parameter in found)
