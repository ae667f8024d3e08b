"""The bytes that each operator reads and writes, and the peak of the activations.

A tensor's bytes are its elements times the bytes of its dtype. Operators share or overwrite a buffer if MXNet 1.9.1
registers ``FInplaceIdentity`` or ``FInplaceOption`` for them, by the rules of its planner
(``src/nnvm/plan_memory.cc``). Parameters and inputs are no activations and are never overwritten. ``docs/memory.md``
says why the planner's total is larger than this peak.
"""

import math
from collections import Counter
from itertools import chain
from typing import Dict, List, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf import traits
from pytest_mxperf.cost.result import ITEM_BYTES, OpCost, Shape
from pytest_mxperf.graph import Entry, Graph, Node

__all__ = ["Activations"]

# At inference these do nothing if the input is not read again. Otherwise they copy it.
_PASSES = {"Dropout", "MakeLoss"}

# These copy their prediction, even onto itself.
_COPIES = {*traits.LABELLED, "IdentityAttachKLSparseReg"}

# The output is the first input under another shape. It shares the buffer, even if other operators read the input too.
# ``squeeze`` and ``transpose`` copy, so they are not here. A cast is a view only if it keeps the dtype.
_VIEWS = {"Flatten", "expand_dims", "reshape_like"} | traits.RESHAPES | traits.CASTS | traits.IDENTITIES
_VIEWS -= _PASSES | _COPIES

# These may overwrite an input that is not read again. Elementwise operators may too ...
_OVERWRITES = {
    *("LayerNorm", "GroupNorm", "SequenceMask", "_np_cumsum", "_shuffle", "add_n", *traits.CASTS, *traits.IDENTITIES),
    *("_linalg_gelqf", "_linalg_gemm", "_linalg_potrf", "_linalg_potri", "_linalg_trmm", "_linalg_trsm"),
    *("_npi_boolean_mask_assign_scalar", "_npi_boolean_mask_assign_tensor", "_npi_cholesky", "_npi_tril"),
    *("_npi_where", "_npi_where_lscalar", "_npi_where_rscalar"),
}

# ... except for these, for which MXNet does not register it.
_KEEPS_INPUTS = {
    *("clip", "_npi_bitwise_not"),
    *(f"_npi_{name}_scalar" for name in ("add", "subtract", "rsubtract", "multiply", "mod", "rmod", "power", "rpower")),
    *(f"_npi_{name}_scalar" for name in ("arctan2", "rarctan2", "copysign", "rcopysign", "ldexp", "rldexp", "lcm")),
    *(f"_npi_bitwise_{name}" for name in ("and_scalar", "or_scalar", "xor_scalar")),
    *traits.DENSITIES,
}

# Position of the tensor of which an operator reads only as much as it writes.
_SELECTS_FROM = {
    **traits.TABLE_AT,
    **dict.fromkeys(("batch_take", "pick", "SequenceLast", "slice", "slice_axis", "slice_like", "Crop"), 0),
}

# Position of an input whose numbers are not read: only its shape is, or only training reads it.
_UNREAD = {
    **dict.fromkeys(traits.SHAPED_AFTER, 0),
    **dict.fromkeys(("reshape_like", "_identity_with_attr_like_rhs", "slice_like", "broadcast_like"), 1),
    **dict.fromkeys(traits.LABELLED, 1),
}


class _Buffer(msgspec.Struct, gc=False):
    bytes: int
    readers: int = 0
    """Reads that are still to come."""


class Activations:
    """The activations of one graph, while its nodes run in their order.

    ``peak`` is the most bytes that are alive at one time: a running node's inputs and outputs, and all outputs that a
    later node or the graph's heads read.
    """

    def __init__(self, graph: Graph, shapes: Sequence[Tuple[Shape, ...]], dtypes: Sequence[Tuple[str, ...]]) -> None:
        self.peak = 0
        self._live = 0
        self._dtypes = dtypes
        self._bytes: List[Tuple[int, ...]] = [
            (math.prod(of_node[0]) * ITEM_BYTES[dtypes_of_node[0]],)
            if len(of_node) == 1  # most of them: a comprehension in a comprehension takes twice as long
            else tuple([math.prod(shape) * ITEM_BYTES[dtype] for shape, dtype in zip(of_node, dtypes_of_node)])
            for of_node, dtypes_of_node in zip(shapes, dtypes)
        ]
        self._reads = Counter(chain(chain.from_iterable(map(_read, graph.nodes)), graph.heads))
        self._buffers: Dict[Entry, _Buffer] = {}

    def run(self, index: int, node: Node, cost: OpCost, inside: int = 0) -> Tuple[int, int, int]:
        """Runs the node. Returns the bytes that it reads, that it writes, and that are alive while it runs.

        ``inside`` is the peak of the activations in its subgraphs.
        """
        read = _read(node)
        shared = self._shared(index, node, cost, read)
        unread = self._place_outputs(index, shared)
        live = self._live + inside
        if live > self.peak:
            self.peak = live
        self._live -= unread
        for entry in read:
            buffer = self._buffers.get(entry)
            if buffer is not None:
                buffer.readers -= 1
                if not buffer.readers:
                    self._live -= buffer.bytes
        if shared is not None and self._passes_through(index, node, cost):
            return 0, 0, live
        return (*self._traffic(index, node, read), live)

    def _place_outputs(self, index: int, buffer: Optional[_Buffer]) -> int:
        """Gives each output a buffer, the first one ``buffer`` if there is one. Returns the bytes of buffers that
        nobody reads."""
        unread = 0
        for output, size in enumerate(self._bytes[index]):
            entry = (index, output)
            readers = self._reads.get(entry, 0)
            if buffer is None:
                buffer = _Buffer(size)
                self._live += size
                if not readers:
                    unread += size
            buffer.readers += readers
            self._buffers[entry] = buffer
            buffer = None
        return unread

    def _shared(self, index: int, node: Node, cost: OpCost, read: Tuple[Entry, ...]) -> Optional[_Buffer]:
        """The buffer of an input that the first output shares or overwrites. None if it needs a new one."""
        size = self._bytes[index][0]
        is_view = node.op in _VIEWS and self._keeps_dtype(index, node)
        for entry in read[:1] if is_view else read:
            buffer = self._buffers.get(entry)
            if buffer is None or buffer.bytes != size:
                continue
            if is_view or (buffer.readers == 1 and _overwrites(node, cost)):
                return buffer
        return None

    def _passes_through(self, index: int, node: Node, cost: OpCost) -> bool:
        """Whether the node leaves the shared buffer unchanged."""
        return (node.op in _VIEWS or node.op in _PASSES) and cost == _NOTHING and self._keeps_dtype(index, node)

    def _keeps_dtype(self, index: int, node: Node) -> bool:
        source, output = node.inputs[0]
        return self._dtypes[source][output] == self._dtypes[index][0]

    def _traffic(self, index: int, node: Node, read: Tuple[Entry, ...]) -> Tuple[int, int]:
        written = sum(self._bytes[index])
        total = 0
        for source, output in set(read):
            total += self._bytes[source][output]
        if node.op in _SELECTS_FROM:
            source, output = node.inputs[_SELECTS_FROM[node.op]]
            total -= max(self._bytes[source][output] - written, 0)
        return total, written


_NOTHING = OpCost()


def _read(node: Node) -> Tuple[Entry, ...]:
    """The inputs whose data the node reads."""
    if node.op not in _UNREAD:
        return node.inputs
    unread = _UNREAD[node.op]
    return node.inputs[:unread] + node.inputs[unread + 1 :]


def _overwrites(node: Node, cost: OpCost) -> bool:
    """Whether the node may overwrite an input: by its name, or because it only computes element by element.

    Softmax operators may too, and so may a fused convolution that adds its result to another tensor.
    """
    if node.op in _OVERWRITES:
        return True
    if cost.macs or node.op in _KEEPS_INPUTS:
        return node.attrs.get("with_sum") == "true"
    return 0 < cost.flops == cost.elementwise + cost.activation + cost.softmax
