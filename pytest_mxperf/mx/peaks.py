"""The peak rates of one core of this processor through MXNet: FLOPs by dtype, and bytes of memory moved.

They are measured in the measuring process, which has one thread and the synchronous engine. Each figure is the best of
several runs, because other work on the machine can only slow a run down.
"""

import time
from contextlib import suppress
from typing import Any, Callable, Dict, NamedTuple

from pytest_mxperf.cost.result import Shape
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.profile.values import Peaks

__all__ = ["peaks"]

_SIZE = 1024
"""Rows and columns of the matrices. Each has 4 MiB in float32, and multiplying two takes 2.1 GFLOP."""
_CHANNELS, _SIDE = 256, 14
_COPIED_BYTES = 128 << 20
_RUNS = 6


def peaks() -> Peaks:
    """Measures the peaks, which takes about a second and 256 MiB."""
    flops: Dict[str, float] = {"float32": max(map(_per_second, (_dense(), _convolution())))}
    with suppress(mx.MXNetError):  # a build without oneDNN has no such kernels
        flops["int8"] = _per_second(_int8())
    source, target = (mx.nd.ones((_COPIED_BYTES // 4,)) for _ in range(2))
    seconds = _least_seconds(lambda: source.copyto(target).wait_to_read())
    return Peaks(flops, 2 * _COPIED_BYTES / seconds)


class _Work(NamedTuple):
    flops: int
    run: Callable[[], object]


def _per_second(work: _Work) -> float:
    return work.flops / _least_seconds(work.run)


def _least_seconds(run: Callable[[], object]) -> float:
    run()  # the first run chooses a kernel, and touches the memory
    found = []
    for _ in range(_RUNS):
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return min(found)


def _dense() -> _Work:
    """A dense layer: one multiplication and one addition for each row, column and number in a row."""
    symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=_SIZE, no_bias=True, flatten=False, name="dense")
    return _Work(2 * _SIZE**3, _bound(symbol, (_SIZE, _SIZE), (_SIZE, _SIZE)))


def _convolution() -> _Work:
    """A convolution: on some processors its kernel is a little faster, and no layer may seem faster than the peak."""
    window = {"kernel": (3, 3), "pad": (1, 1), "no_bias": True, "name": "conv"}
    symbol = mx.sym.Convolution(mx.sym.var("data"), num_filter=_CHANNELS, **window)
    shapes = (1, _CHANNELS, _SIDE, _SIDE), (_CHANNELS, _CHANNELS, 3, 3)
    return _Work(2 * _SIDE**2 * _CHANNELS**2 * 9, _bound(symbol, *shapes))


def _bound(symbol: Any, *shapes: Shape) -> Callable[[], object]:
    """Runs the symbol bound, so that oneDNN keeps the weights in the layout that is fastest for it."""
    values = {name: mx.nd.random.normal(shape=shape) for name, shape in zip(symbol.list_arguments(), shapes)}
    executor = symbol.bind(mx.cpu(), values, grad_req="null")
    return lambda: executor.forward(is_train=False)[0].wait_to_read()


def _int8() -> _Work:
    data = mx.nd.ones((_SIZE, _SIZE), dtype="int8")
    least, most = mx.nd.array([-1.0]), mx.nd.array([1.0])
    ranges = {f"{end}_{of}": value for of in ("data", "weight") for end, value in (("min", least), ("max", most))}
    arguments = dict(data=data, weight=data, num_hidden=_SIZE, no_bias=True, flatten=False, **ranges)
    return _Work(2 * _SIZE**3, lambda: mx.nd.contrib.quantized_fully_connected(**arguments)[0].wait_to_read())
