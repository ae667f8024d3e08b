"""Forward passes that are complete. MXNet's ``forward`` only queues work. Fetching an output waits for it."""

import warnings
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from pytest_mxperf.errors import ModelError, UsageError
from pytest_mxperf.mx.arguments import arguments, filled
from pytest_mxperf.mx.batch import batch_of, check_places, completed, data_of, default_bucket
from pytest_mxperf.mx.call import flat, try_call
from pytest_mxperf.mx.runtime import mx, reason
from pytest_mxperf.spec import InputSpec

__all__ = ["Forwards", "example_batch", "forward_pass", "forwards_of", "queued", "synchronized", "warm_up"]


_NOTHING: Mapping[str, Any] = {}


class Forwards(NamedTuple):
    """What is timed: ``queue`` queues one forward pass, and ``outputs`` gives the arrays to wait for."""

    queue: Callable[[], Any]
    outputs: Callable[[Any], Sequence[Any]]
    """Takes what ``queue`` has returned."""
    batch: Optional[int] = None
    """The first size of all arrays that a pass takes; None if these differ, or if nobody knows them."""


def forwards_of(
    model: Any, batch: Any, inputs: Mapping[str, InputSpec] = _NOTHING, example: Mapping[str, Any] = _NOTHING
) -> Forwards:
    """The forward passes of a bound module, a Gluon block, or a callable that returns NDArrays.

    Without a ``batch``, a module gets arrays of the shapes that it is bound for, a block arrays for the test's
    ``inputs``, and other callables no arguments. Arrays in ``example`` come first. Raises ``UsageError`` for anything
    else.
    """
    __tracebackhide__ = True
    is_class = isinstance(model, type)
    lacking = "" if is_class else _lacking(model)
    if hasattr(model, "get_outputs") and not lacking and not is_class:
        return _of_module(model, _batch(model, batch, example))
    if is_class or not callable(model):
        raise UsageError(
            "mxperf_benchmark: takes a bound mx.mod.Module (the fixture mxperf_module), a Gluon block, or a callable "
            f"that returns NDArrays; got {type(model).__name__}{lacking}"
        )
    if isinstance(getattr(model, "__self__", None), mx.mod.BaseModule):
        raise UsageError("mxperf_benchmark: got a method of a module, which returns no arrays; give the module itself")
    is_block = isinstance(model, mx.gluon.Block)
    if batch is not None:
        arguments = _arguments(batch)
    else:
        arguments = _example_arguments(model, inputs, example) if is_block else ()
    try_call(model, arguments)
    return Forwards(lambda: model(*arguments), _arrays, _first_size(arguments))


def _lacking(module: Any) -> str:
    """What a module lacks before it can run; empty if it is no module of MXNet."""
    if not getattr(module, "binded", True):
        return " that is not bound"
    return "" if getattr(module, "params_initialized", True) else " without parameters: call its set_params first"


def _batch(module: Any, batch: Any, example: Mapping[str, Any]) -> Any:
    """The batch that a module runs. A module that only resembles MXNet's gets the user's as it is."""
    __tracebackhide__ = True
    if batch is not None:
        return batch_of(module, batch) if isinstance(module, mx.mod.BaseModule) else batch
    made = example_batch(module, example)
    check_places(module, made)
    return made


def _of_module(module: Any, batch: Any) -> Forwards:
    size = None if isinstance(batch, list) else _first_size(getattr(batch, "data", None))  # a list: of each device
    return Forwards(lambda: module.forward(batch, is_train=False), lambda nothing: module.get_outputs(), size)


def _first_size(arrays: Any) -> Optional[int]:
    sizes = {shape[0] for shape in (getattr(array, "shape", ()) for array in flat(arrays)) if shape}
    return sizes.pop() if len(sizes) == 1 else None


def _arguments(batch: Any) -> Tuple[Any, ...]:
    """The arguments in a batch, one for each input. A list of states is one argument."""
    data = data_of(batch)
    return tuple(data) if isinstance(data, (tuple, list)) else (data,)


def _example_arguments(net: Any, inputs: Mapping[str, InputSpec], example: Mapping[str, Any]) -> Tuple[Any, ...]:
    """Arrays in the order in which the net takes them."""
    __tracebackhide__ = True
    if not inputs:
        raise UsageError(f"mxperf_benchmark: give the inputs of {type(net).__name__}: mxperf_benchmark(net, batch=x)")
    arrays = _example_arrays(inputs, example)
    places = arguments(net, list(inputs), "mxperf_benchmark")
    return tuple(filled(place, lambda name: _native(arrays[name])) for place in places)


def _native(array: Any) -> Any:
    return array.as_np_ndarray() if mx.util.is_np_array() else array


def _arrays(returned: Any) -> List[Any]:
    """All arrays that a call returned. Raises ``UsageError`` if it returned none, or anything else."""
    __tracebackhide__ = True
    arrays = list(flat(returned))
    strange = [each for each in arrays if not isinstance(each, mx.nd.NDArray)]
    if strange or not arrays:
        what = type(strange[0]).__name__ if strange else "nothing"
        raise UsageError(
            f"mxperf_benchmark: the callable returns {what}; return its NDArrays, so that they can be waited for"
        )
    return arrays


def example_batch(module: Any, example: Mapping[str, Any] = _NOTHING) -> Any:
    """A batch for the shapes and dtypes that the module is bound for, with the example's arrays if it has any.

    Raises ``UsageError`` for an array of another shape.
    """
    wanted = {desc.name: desc for desc in default_bucket(module).data_shapes}
    return completed(module, list(_example_arrays(wanted, example).values()))


def _example_arrays(wanted: Mapping[str, Any], example: Mapping[str, Any]) -> Dict[str, Any]:
    """An array for each name: the example's, or one of the wanted shape and dtype.

    Its numbers are uniform in [0, 1) from a fixed seed, so that none is subnormal. Integers are 0, an index that every
    embedding has.
    """
    generator = np.random.RandomState(0)
    arrays = {}
    for name, desc in wanted.items():
        values = generator.uniform(size=desc.shape).astype(desc.dtype)
        if name in example:
            values = _of_shape(name, example[name], desc)
        with warnings.catch_warnings():
            # nd.array uses a deprecated part of scipy, if scipy is there. Users cannot fix that.
            warnings.simplefilter("ignore", DeprecationWarning)
            arrays[name] = mx.nd.array(values, dtype=desc.dtype)
    return arrays


def _of_shape(name: str, array: Any, desc: Any) -> Any:
    if array.shape != tuple(desc.shape):
        raise UsageError(
            f"mxperf_benchmark: the module is bound for {name} {tuple(desc.shape)}, the example has "
            f"{array.shape}; give the batch: mxperf_benchmark(module, batch=...)"
        )
    return array


def forward_pass(module: Any, batch: Any) -> Callable[[], None]:
    """A function that runs one forward pass of a module and fetches every output."""
    return synchronized(_of_module(module, batch))


def synchronized(forwards: Forwards) -> Callable[[], None]:
    """A function that runs one forward pass and fetches every output."""

    def run() -> None:
        __tracebackhide__ = True
        for output in forwards.outputs(forwards.queue()):
            output.asnumpy()

    return run


def queued(forwards: Forwards, count: int) -> Callable[[], None]:
    """A function that queues ``count`` passes and then fetches the outputs of the last: throughput, not latency."""
    fetch = synchronized(forwards)

    def run() -> None:
        __tracebackhide__ = True
        for _ in range(count - 1):
            forwards.queue()
        fetch()

    return run


def warm_up(run: Callable[[], None], *, times: int) -> None:
    """Calls ``run``. Raises ``ModelError`` if MXNet cannot run the model, which fetching the outputs shows."""
    __tracebackhide__ = True
    try:
        for _ in range(times):
            run()
    except mx.MXNetError as error:
        raise ModelError(f"MXNet cannot run the model: {reason(error)}") from None
