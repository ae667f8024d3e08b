"""Forward passes that have really happened: MXNet's ``forward`` only queues work, fetching an output waits for it."""

from typing import Any, Callable

import numpy as np

from pytest_mxperf.errors import ModelError
from pytest_mxperf.mx.runtime import mx, reason

__all__ = ["example_batch", "forward_pass", "forward_queue"]


def example_batch(module: Any) -> Any:
    """A batch for the shapes and dtypes that the module is bound for.

    Numbers are uniform in [0, 1) from a fixed seed, so that none is subnormal; integers are 0, an index that every
    embedding has.
    """
    generator = np.random.RandomState(0)
    arrays = []
    for desc in module.data_shapes:
        values = generator.uniform(size=desc.shape).astype(desc.dtype)
        arrays.append(mx.nd.array(values, dtype=desc.dtype))
    return mx.io.DataBatch(data=arrays, label=None)


def forward_pass(module: Any, batch: Any) -> Callable[[], None]:
    """A function that runs one forward pass and fetches every output. It raises ``ModelError`` if MXNet cannot."""

    def run() -> None:
        try:
            module.forward(batch, is_train=False)
            for output in module.get_outputs():
                output.asnumpy()
        except mx.MXNetError as error:
            raise ModelError(f"{module.symbol.name or 'the model'}: MXNet cannot run it: {reason(error)}") from None

    return run


def forward_queue(module: Any, batch: Any, forwards: int) -> Callable[[], None]:
    """A function that queues ``forwards`` passes and then fetches the outputs of the last: throughput, not latency."""
    fetch = forward_pass(module, batch)

    def run() -> None:
        for _ in range(forwards - 1):
            module.forward(batch, is_train=False)
        fetch()

    return run
