"""Forward passes that have really happened: MXNet's ``forward`` only queues work, fetching an output waits for it."""

import warnings
from typing import Any, Callable, Mapping

import numpy as np

from pytest_mxperf.errors import ModelError, UsageError
from pytest_mxperf.mx.runtime import mx, reason

__all__ = ["batch_for", "example_batch", "forward_pass", "forward_queue", "warm_up"]


_NOTHING: Mapping[str, Any] = {}


def example_batch(module: Any, example: Mapping[str, Any] = _NOTHING) -> Any:
    """A batch for the shapes and dtypes that the module is bound for, of the example's arrays where it has them.

    Other numbers are uniform in [0, 1) from a fixed seed, so that none is subnormal; integers are 0, an index that
    every embedding has. Raises ``UsageError`` for an array of another shape.
    """
    generator = np.random.RandomState(0)
    arrays = []
    for desc in module.data_shapes:
        values = generator.uniform(size=desc.shape).astype(desc.dtype)
        if desc.name in example:
            values = _of_shape(example[desc.name], desc)
        with warnings.catch_warnings():
            # nd.array looks at a deprecated part of scipy, where there is one: not the user's to mend.
            warnings.simplefilter("ignore", DeprecationWarning)
            arrays.append(mx.nd.array(values, dtype=desc.dtype))
    if isinstance(module, mx.mod.BucketingModule):  # which looks up a module by the batch's key
        return mx.io.DataBatch(arrays, None, bucket_key=module._default_bucket_key, provide_data=module.data_shapes)
    return mx.io.DataBatch(data=arrays, label=None)


def _of_shape(array: Any, desc: Any) -> Any:
    if array.shape != tuple(desc.shape):
        raise UsageError(
            f"mxperf_benchmark: the module is bound for {desc.name} {tuple(desc.shape)}, the test's example has "
            f"{array.shape}; give the batch: mxperf_benchmark(module, batch=...)"
        )
    return array


def batch_for(module: Any, batch: Any, example: Mapping[str, Any] = _NOTHING) -> Any:
    """The batch, or an example where there is none. Raises ``UsageError`` for anything but a bound module."""
    __tracebackhide__ = True
    # Whatever forwards like a module will do: a Gluon net does not, and a Module only once it is bound.
    if not (hasattr(module, "get_outputs") and getattr(module, "binded", True)):
        raise UsageError(
            "mxperf_benchmark: takes a bound mx.mod.Module, as the fixture mxperf_module gives it; "
            f"got {type(module).__name__}"
        )
    return example_batch(module, example) if batch is None else batch


def forward_pass(module: Any, batch: Any) -> Callable[[], None]:
    """A function that runs one forward pass and fetches every output."""

    def run() -> None:
        module.forward(batch, is_train=False)
        for output in module.get_outputs():
            output.asnumpy()

    return run


def forward_queue(module: Any, batch: Any, forwards: int) -> Callable[[], None]:
    """A function that queues ``forwards`` passes and then fetches the outputs of the last: throughput, not latency."""
    fetch = forward_pass(module, batch)

    def run() -> None:
        for _ in range(forwards - 1):
            module.forward(batch, is_train=False)
        fetch()

    return run


def warm_up(run: Callable[[], None], *, times: int) -> None:
    """Runs it, and raises ``ModelError`` if MXNet cannot: that shows only when the outputs are fetched."""
    __tracebackhide__ = True
    try:
        for _ in range(times):
            run()
    except mx.MXNetError as error:
        raise ModelError(f"MXNet cannot run the model: {reason(error)}") from None
