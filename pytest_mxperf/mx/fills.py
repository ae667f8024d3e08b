"""Which numbers a parameter gets, depending on the operators that read it.

Weights keep the variance of activations (He et al., 2015), and normalization layers compute the identity. So no
activation leaves the range of ordinary numbers.
"""

import math
from typing import Any, NamedTuple, Optional, Sequence

import numpy as np

from pytest_mxperf import traits
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.mx.fan_in import fan_in
from pytest_mxperf.mx.reads import Read

__all__ = ["Fill", "drawn", "parameter_fill"]

_GAMMA, _BETA, _MEAN, _VAR = 1, 2, 3, 4
_OFFSET = 0.1
"""For a parameter that is added: small, and above 0 because a root may follow."""
_LARGEST_OF = {"int8": 128, "uint8": 256}


class Fill(NamedTuple):
    """A kind of numbers, and two figures that it depends on."""

    kind: str
    """``constant`` (``first``), ``normal`` (mean 0, sd ``first``), ``uniform`` and ``integers`` (from ``first`` to
    below ``second``), ``identity`` (matrices), ``boxes`` and ``regions`` (in an image of ``first`` by ``second``
    pixels), ``image`` (the row ``first``, ``second``, 1)."""
    first: float = 0.0
    second: float = 0.0

    @property
    def is_random(self) -> bool:
        return self.kind != "constant"


def drawn(fill: Fill, shape: Shape, generator: Any) -> Any:
    """The numbers as an array of this shape. The caller converts it to the right dtype."""
    if fill.kind == "constant":
        return np.full(shape, fill.first)
    if fill.kind == "normal":
        return generator.normal(scale=fill.first, size=shape)
    if fill.kind == "uniform":
        return generator.uniform(fill.first, fill.second, size=shape)
    if fill.kind == "integers":
        return generator.randint(int(fill.first), int(fill.second), size=shape)
    if fill.kind == "identity":
        return np.broadcast_to(np.eye(shape[-2], shape[-1]), shape)
    if fill.kind == "image":
        return np.broadcast_to([fill.first, fill.second, 1.0], shape)
    return _regions(shape, fill.first, fill.second, generator)


def _regions(shape: Shape, height: float, width: float, generator: Any) -> Any:
    """Boxes around the middle of the image: rows of batch index 0, left, top, right, bottom, in pixels.

    If the last axis is not 5 long: left, top, right, bottom from 0 to 1.
    """
    corners = generator.uniform(size=(*shape[:-1], 4)) / 2 + [0, 0, 0.5, 0.5]
    boxes = np.concatenate([np.zeros((*shape[:-1], 1)), corners * [width, height, width, height]], axis=-1)
    return boxes if shape[-1] == 5 else corners


def parameter_fill(reads: Sequence[Read], shape: Shape, dtype: str) -> Fill:
    """The numbers of the parameter that ``reads`` read. The first read by a known operator decides."""
    if dtype in _LARGEST_OF:
        return Fill("integers", -127 if dtype == "int8" else 0, _LARGEST_OF[dtype])
    if "int" in dtype or dtype == "bool":
        return Fill("constant", 0)
    for read in reads:
        fill = _fill(read, shape)
        if fill is not None:
            return fill
    return _he(math.prod(shape[1:])) if len(shape) > 1 else Fill("constant", 1)


def _fill(read: Read, shape: Shape) -> Optional[Fill]:
    """None for an unknown operator."""
    op, position = read.op, read.position
    if op in traits.NORMS and position:
        at_identity = position == _GAMMA or (op in traits.BATCH_NORMS and position == _VAR)
        return Fill("constant", 1 if at_identity else 0) if position <= _VAR else _range(read)
    if read.range_position is not None and math.prod(shape) == 1:
        return _range(read)
    if op in traits.WEIGHT_AT:
        return _of_layer(read, shape)
    if op in traits.RECURRENT and position:
        return _of_recurrence(read, shape)
    if op in traits.PRODUCTS:
        return _he(fan_in(read))
    return _of_operand(read, shape)


def _range(read: Read) -> Fill:
    """A quantized layer reads its tensors, and behind them the minimum and the maximum of each."""
    return Fill("constant", 1.0 if (read.range_position or 0) % 2 else -1.0)


def _of_layer(read: Read, shape: Shape) -> Fill:
    weight = traits.WEIGHT_AT[read.op]
    if read.position == weight + 1:
        return Fill("constant", 0)
    return _he(fan_in(read)) if read.position == weight or len(shape) > 1 else Fill("constant", 1)


def _of_recurrence(read: Read, shape: Shape) -> Fill:
    """For the vector of all weights and biases, or a parameter that is joined into it."""
    if read.joined and len(shape) < 2:
        return Fill("constant", 0)
    cells = shape[-1] if len(shape) > 1 else read.call.integer("state_size", 400)
    return Fill("normal", math.sqrt(1 / max(1, cells)))


def _of_operand(read: Read, shape: Shape) -> Optional[Fill]:
    """For elementwise operators and the like. None for an unknown operator."""
    op, is_table = read.op, sum(size > 1 for size in shape) > 1
    if read.position == traits.TABLE_AT.get(op):
        return Fill("normal", 1)
    if op == "LeakyReLU":
        return Fill("constant", 0.25)
    if op in traits.NEEDS_POSITIVE_DEFINITE and len(shape) > 1:
        return Fill("identity") if read.position == 0 else Fill("normal", 1)
    if op in traits.ABOVE_0 or op in traits.DIVIDING or op in traits.POWERS or op in ("where", "_npi_where"):
        return Fill("constant", 1)
    if op in traits.MULTIPLYING:
        return Fill("normal", 1) if is_table else Fill("constant", 1)
    if op in traits.ADDING or op in traits.COMPARING or op in ("exp", "_npi_exp"):
        return Fill("normal", 0.5) if is_table else Fill("constant", _OFFSET)
    return None


def _he(numbers: int) -> Fill:
    return Fill("normal", math.sqrt(2 / max(1, numbers)))
