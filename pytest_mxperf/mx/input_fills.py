"""Which numbers an input gets, depending on the operators that read it.

Indices exist in their table, lengths are full, boxes lie in the image, and masks hide nothing. Every other input gets
numbers from 0 to 1, like an image.
"""

import math
from typing import List, Optional, Set, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Graph
from pytest_mxperf.mx.fills import Fill
from pytest_mxperf.mx.reads import Read, Readers

__all__ = ["Inputs", "index_limit"]

_SELECTED_BY = {
    **dict.fromkeys(("where", "_npi_where", "_npi_where_lscalar", "_npi_where_rscalar", "_npi_where_scalar2"), 0),
    **dict.fromkeys(("_contrib_boolean_mask", "_npi_boolean_mask_assign_scalar", "_npi_boolean_mask_assign_tensor"), 1),
}
"""Operators that select, and the position of the condition among their inputs."""

_LOGICAL = frozenset(
    (
        *(f"{prefix}logical_{name}" for prefix in ("broadcast_", "_") for name in ("and", "or", "xor")),
        *("logical_not", "_npi_logical_not", "_logical_and_scalar", "_logical_or_scalar", "_logical_xor_scalar"),
    )
)
_COMPARED_SCALAR = frozenset(f"{op}_scalar" for op in traits.COMPARING if not op.startswith("broadcast_"))
_SUBTRACTED = ("_rminus_scalar", "_npi_rsubtract_scalar", "_minus_scalar", "_npi_subtract_scalar")
_SCALED = ("_mul_scalar", "_npi_multiply_scalar")
_MASKING = traits.MULTIPLYING | traits.ADDING | traits.SUMMING | traits.COMPARING
_MASKING |= _LOGICAL | _COMPARED_SCALAR | {*_SUBTRACTED, *_SCALED}
"""The operators that may read a mask, besides those that select."""
_MASKED_OUT = 1000.0
"""A score from which this much is subtracted no longer counts."""


class Inputs:
    """The inputs of one graph."""

    def __init__(self, graph: Graph, inference: Inference, readers: Readers) -> None:
        self._graph = graph
        self._shapes = inference.shapes
        self._readers = readers
        self._fixed = _fixed(graph)

    def fill(self, index: int, shape: Shape, dtype: str) -> Fill:
        """The numbers of the variable with this node index."""
        reads = self._readers.of(index)
        found = next((fill for fill in map(self._fill, reads) if fill is not None), None)
        if found is not None:
            return found
        mask = self._mask_value(reads)
        if mask is not None:
            return Fill("constant", mask)
        return _image(reads, dtype, len(shape))

    def _fill(self, read: Read) -> Optional[Fill]:
        if read.position == traits.LENGTHS_AT.get(read.op):
            return Fill("constant", _length(read))
        if read.op in traits.POOLING_REGIONS and read.position == 1:
            return Fill("regions", *self._pixels(read, float(read.attrs.get("spatial_scale", "1"))))
        if read.op in traits.PROPOSING and read.position == 2:
            return Fill("image", *self._pixels(read, 1 / float(read.attrs.get("feature_stride", "16"))))
        if read.op in traits.COMPARING:
            return self._compared(read)
        return None

    def _pixels(self, read: Read, features_per_pixel: float) -> Tuple[float, float]:
        """Height and width of the image from which the operator's first input was computed."""
        height, width = (read.inputs[0] or (1, 1))[-2:]
        return height / features_per_pixel, width / features_per_pixel

    def _compared(self, read: Read) -> Optional[Fill]:
        """The full length, if the input is a length: it is compared with a fixed row 0, 1, 2, ... Otherwise None."""
        others = [place for place, _ in self._graph.nodes[read.place].inputs]
        other = others[1 - read.position] if len(others) == 2 else None
        shape = read.inputs[1 - read.position] if len(read.inputs) == 2 else None
        if other is None or other not in self._fixed or not shape or math.prod(shape) == 1:
            return None
        return Fill("constant", max(shape))

    def _mask_value(self, reads: List[Read]) -> Optional[float]:
        """The value that hides nothing, if the input is surely a mask. None if it is not."""
        if any(_SELECTED_BY.get(read.op) == read.position for read in reads):
            return 1.0
        hiding = next((value for value in map(self._hidden_by, reads) if value is not None), None)
        if hiding is not None:
            return hiding
        if not reads or not all(read.op in _MASKING for read in reads):
            return None
        ops = {read.op for read in reads}
        is_multiplied = not ops.isdisjoint(traits.MULTIPLYING)
        is_counted = not ops.isdisjoint(traits.SUMMING) or any(read.op in _SUBTRACTED for read in reads)
        is_logical = not ops.isdisjoint(_LOGICAL) or not ops.isdisjoint(_COMPARED_SCALAR)
        return 1.0 if is_logical or (is_multiplied and is_counted) else None

    def _hidden_by(self, read: Read) -> Optional[float]:
        """``mask * -1e9`` hides where the mask is 1, ``(1 - mask) * -1e9`` and ``(mask - 1) * 1e9`` where it is 0."""
        if read.op in _SCALED:
            return 0.0 if self._hides(read) else None
        if read.op in _SUBTRACTED and _scalar(read) == 1:
            return 1.0 if any(map(self._hides, self._readers.of(read.place))) else None
        return None

    def _hides(self, read: Read) -> bool:
        """Whether the operator makes large numbers that are then added to something."""
        is_large = read.op in _SCALED and abs(_scalar(read)) >= _MASKED_OUT
        return is_large and any(each.op in traits.ADDING for each in self._readers.of(read.place))


def index_limit(reads: List[Read]) -> Optional[int]:
    """How many rows the smallest table has in which the numbers are indices. None if they are not indices."""
    limits = [limit for limit in map(_rows, reads) if limit is not None]
    return max(1, min(limits)) if limits else None


def _rows(read: Read) -> Optional[int]:
    if read.position != traits.INDICES_AT.get(read.op):
        return None
    if read.op == "one_hot":
        return read.call.integer("depth", 1)
    table = read.inputs[1 - read.position]
    if not table:
        return None
    if read.op == "scatter_nd":
        return min(read.call.integers("shape")[: read.shape[0]], default=1)
    if read.op == "gather_nd":
        return min(table[: read.shape[0]], default=1)
    return table[0 if read.position == 0 else _axis(read, 0 if read.op == "take" else -1)]


def _axis(read: Read, usual: int) -> int:
    text = read.attrs.get("axis", "None")
    axis = usual if text == "None" else int(text)
    return axis if -len(read.inputs[0] or ()) <= axis < len(read.inputs[0] or ()) else usual


def _length(read: Read) -> int:
    """The full length of a sequence: the size of the data's time axis."""
    return (read.inputs[0] or (1,))[_axis(read, -1 if "soft" in read.op else 0)]


def _scalar(read: Read) -> float:
    try:
        return float(read.attrs.get("scalar", "0"))
    except ValueError:
        return 0.0


def _image(reads: List[Read], dtype: str, rank: int) -> Fill:
    if rank > 1 and any(read.op in traits.NEEDS_POSITIVE_DEFINITE and read.position == 0 for read in reads):
        return Fill("identity")
    if dtype in ("int8", "uint8"):
        return Fill("integers", 0, 128 if dtype == "int8" else 256)
    if "int" in dtype or dtype == "bool":
        return Fill("constant", 1)  # it may be a mask, and 0 would hide something
    if any(_must_be_above_0(read) for read in reads):
        return Fill("uniform", 0.5, 1.5)
    return Fill("uniform", 0, 1)


def _must_be_above_0(read: Read) -> bool:
    return (
        read.op in traits.ABOVE_0
        or (read.op in traits.DIVIDING and read.position == 1)
        or (read.op in traits.POWERS and read.position == 0)
        or read.op in traits.DENSITIES
        or read.op.startswith("_sample_")
    )


def _fixed(graph: Graph) -> Set[int]:
    """The nodes whose outputs do not depend on the numbers of any variable."""
    fixed: Set[int] = set()
    for index, node in enumerate(graph.nodes):
        is_free = node.op in traits.SHAPED_AFTER or all(source in fixed for source, _ in node.inputs)
        if is_free and not node.is_variable:
            fixed.add(index)
    return fixed
