"""Values for every variable of a graph, made from shapes alone, to time a network whose weights must not matter.

Weights keep the variance of what flows through them (He et al., 2015), and normalization layers are at identity, so
that no activation leaves the range of ordinary numbers: subnormal ones are several times slower. What a variable is
for follows from the operator that reads it, never from its name.
"""

import math
from typing import Any, Dict, Iterator, Optional, Tuple

import numpy as np

from pytest_mxperf.cost.params import Role
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.graph import Consumer, consumers
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.arrays import filled

__all__ = ["Key", "SyntheticValues"]

Key = Tuple[object, ...]
"""What makes two variables interchangeable: read by the same operator, with the same attributes and shapes."""

_NORMS = ("BatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU", "_contrib_SyncBatchNorm")
_SCALED = (*_NORMS, "InstanceNorm", "LayerNorm", "GroupNorm")
_GAMMA, _BETA, _MEAN, _VAR = 1, 2, 3, 4
_BIASED = ("Convolution", "Convolution_v1", "Deconvolution", "FullyConnected")
_QUANTIZED_LAYERS = ("_contrib_quantized_conv", "_contrib_quantized_fully_connected")

_DEFINED_ABOVE_0 = ("sqrt", "rsqrt", "log", "log2", "log10", "cbrt", "rcbrt", "reciprocal", "gamma", "gammaln")
_POOLS_REGIONS = ("ROIPooling", "_contrib_ROIAlign", "_contrib_PSROIPooling", "_contrib_DeformablePSROIPooling")
_PROPOSES = ("_contrib_Proposal", "_contrib_MultiProposal")
_TAKES_LENGTHS = ("SequenceMask", "SequenceLast", "SequenceReverse", "softmax", "log_softmax", "softmin")

# Operators that hand their first input on as it is, so that an index stays one.
_PASSING = (
    "Reshape",
    "Flatten",
    "Cast",
    "expand_dims",
    "transpose",
    "squeeze",
    "slice_axis",
    "slice",
    "BlockGrad",
    "_copy",
)


class SyntheticValues:
    """Arrays for one graph's variables. Two graphs' equal layers get equal numbers, whatever else differs."""

    def __init__(self, analysis: Analysis) -> None:
        self._graph = analysis.graph
        self._shapes = analysis.inference.shapes
        self._dtypes = analysis.inference.dtypes
        self._roles = analysis.roles
        self._consumers = consumers(analysis.graph)
        self._indices = {analysis.graph.nodes[index].name: index for index in reversed(list(analysis.roles))}

    def variables(self) -> "Iterator[Tuple[str, Key]]":
        """The name of each variable, and what it is interchangeable with: the k-th of its kind."""
        seen: Dict[Key, int] = {}
        for name, index in self._indices.items():
            kind = self._kind(index, self._roles[index])
            seen[kind] = turn = seen.get(kind, -1) + 1
            yield name, (*kind, turn)

    def _kind(self, index: int, role: Role) -> Key:
        shape, dtype = self._shapes[index][0], self._dtypes[index][0]
        consumer = self._consumers.get(index)
        if role is Role.INPUT or consumer is None:
            # Two graphs may look up the same tokens in tables of different lengths.
            return (self._graph.nodes[index].name, shape, dtype, self._index_limit(index))
        node = consumer.node
        # The data's shape too: MKLDNN stores a weight in a layout that it chooses for both.
        data = self._shapes[node.inputs[0][0]][node.inputs[0][1]]
        return (node.op, tuple(sorted(node.attrs.items())), consumer.position, data, shape, dtype, role.value)

    def make(self, name: str, key: Key, *, more_rows: int = 0) -> Any:
        """A new ``NDArray`` for a variable, with the same numbers for the same key; with more rows than it has."""
        index = self._indices[name]
        shape, dtype = self._shapes[index][0], self._dtypes[index][0]
        if more_rows:
            shape = (shape[0] + more_rows, *shape[1:])
        return filled(shape, dtype, repr(key), lambda numbers: self._values(index, shape, dtype, numbers))

    def _values(self, index: int, shape: Shape, dtype: str, generator: Any) -> Any:
        role, consumer = self._roles[index], self._consumers.get(index)
        if role in (Role.LABEL, Role.STATE):
            return np.zeros(shape)
        if role is Role.INPUT or consumer is None:
            return self._input(index, shape, dtype, generator)
        if dtype in ("int8", "uint8"):
            return generator.randint(-127 if dtype == "int8" else 0, 128, size=shape)
        if "int" in dtype or dtype == "bool":
            return np.zeros(shape)
        return _parameter(consumer, shape, generator)

    def _input(self, index: int, shape: Shape, dtype: str, generator: Any) -> Any:
        limit = self._index_limit(index)
        if limit is not None:
            return generator.randint(0, limit, size=shape)
        if self._is_length(index):
            return np.full(shape, self._length(index))
        consumer = self._consumers.get(index)
        if consumer is not None and consumer.node.op in _POOLS_REGIONS and consumer.position == 1:
            return _regions(shape, *self._image(consumer, float(consumer.node.attrs["spatial_scale"])), generator)
        if consumer is not None and consumer.node.op in _PROPOSES and consumer.position == 2:
            height, width = self._image(consumer, 1 / float(consumer.node.attrs.get("feature_stride", "16")))
            return np.broadcast_to([height, width, 1.0], shape)
        if "int" in dtype or dtype == "bool":
            return np.zeros(shape)
        return generator.uniform(size=shape)

    def _image(self, consumer: Consumer, features_per_pixel: float) -> Tuple[float, float]:
        """Height and width, in pixels, of what the consumer's first input was computed from."""
        source, output = consumer.node.inputs[0]
        height, width = self._shapes[source][output][-2:]
        return height / features_per_pixel, width / features_per_pixel

    def _followed(self, index: int) -> "Iterator[Consumer]":
        """Whoever reads the node, and whoever reads what is that node handed on."""
        consumer = self._consumers.get(index)
        while consumer is not None:
            yield consumer
            consumer = self._consumers.get(consumer.place) if consumer.node.op in _PASSING else None

    def _index_limit(self, index: int) -> Optional[int]:
        """How many rows the table has that the input looks up, if it does."""
        for consumer in self._followed(index):
            op, position, inputs = consumer.node.op, consumer.position, consumer.node.inputs
            if op in ("Embedding", "_contrib_SparseEmbedding") and position == 0:
                return self._shapes[inputs[1][0]][inputs[1][1]][0]
            if op == "take" and position == 1:
                return self._shapes[inputs[0][0]][inputs[0][1]][0]
        return None

    def _is_length(self, index: int) -> bool:
        return any(
            (consumer.node.op in _TAKES_LENGTHS and consumer.position == 1)
            or (consumer.node.op == "RNN" and consumer.position == 4)
            for consumer in self._followed(index)
        )

    def _length(self, index: int) -> int:
        """Sequences of full length: the data's time axis."""
        *_, consumer = self._followed(index)
        source, output = consumer.node.inputs[0]
        usual_axis = "-1" if "soft" in consumer.node.op else "0"
        return self._shapes[source][output][int(consumer.node.attrs.get("axis", usual_axis))]


def _regions(shape: Shape, height: float, width: float, generator: Any) -> Any:
    """Boxes [batch index, left, top, right, bottom] in pixels: of the first image, around its middle."""
    corners = generator.uniform(size=(*shape[:-1], 4)) / 2 + [0, 0, 0.5, 0.5]
    boxes = np.concatenate([np.zeros((*shape[:-1], 1)), corners * [width, height, width, height]], axis=-1)
    return boxes if shape[-1] == 5 else corners


def _parameter(consumer: Consumer, shape: Shape, generator: Any) -> Any:
    op, position = consumer.node.op, consumer.position
    if op in _SCALED and position in (_GAMMA, _VAR):
        return np.ones(shape)
    if (op in _SCALED and position in (_BETA, _MEAN)) or (op in _BIASED and position == 2):
        return np.zeros(shape)
    if op in _QUANTIZED_LAYERS and shape == (1,):
        return np.full(shape, _range(consumer))
    if op == "RNN":
        return generator.normal(scale=0.05, size=shape)
    if op == "LeakyReLU":
        return np.full(shape, 0.25)
    if len(shape) < 2 or op in _DEFINED_ABOVE_0 or op.startswith(("broadcast_", "elemwise_", "_")):
        return np.ones(shape)  # a scale, an offset, a divisor: nothing can be wrong with 1
    return generator.normal(scale=math.sqrt(2 / max(1, _fan_in(op, shape))), size=shape)


def _range(consumer: Consumer) -> float:
    """Behind its tensors a quantized layer reads the minimum and the maximum of each."""
    tensors = len(consumer.node.inputs) // 3
    return -1.0 if (consumer.position - tensors) % 2 == 0 else 1.0


def _fan_in(op: str, shape: Shape) -> int:
    """Numbers that are summed up for each output."""
    if op == "Embedding":
        return 2
    return shape[0] if op == "Deconvolution" else math.prod(shape[1:])
