"""Bytes: what each operator reads and writes, how much the activations take at their peak, how large a checkpoint is.

A tensor's bytes are its elements times the bytes of its dtype. Which operators share or overwrite a buffer is what
MXNet 1.9.1 registers for them as ``FInplaceIdentity`` and ``FInplaceOption``, used as its planner does
(``src/nnvm/plan_memory.cc``): the tensors that are bound, parameters and inputs, are no activations and are never
overwritten. The planner's total is larger than this peak for reasons that ``docs/memory.md`` states.
"""

import math
from collections import Counter
from itertools import chain
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.cost.params import Role, parameters
from pytest_mxperf.cost.result import ITEM_BYTES, OpCost, Shape
from pytest_mxperf.graph import Entry, Graph, Node

__all__ = ["Activations", "checkpoint_bytes"]

# Their output is their first input under another shape: it shares the buffer, even if others read that too.
# ``squeeze`` and ``transpose`` are not among them; they copy. The casts are for those that change nothing.
_VIEWS = {
    *("Reshape", "Flatten", "expand_dims", "reshape_like", "_np_reshape", "_npx_reshape"),
    *("_copy", "_np_copy", "BlockGrad", "make_loss", "_identity_with_attr_like_rhs", "_contrib_gradientmultiplier"),
    *("Cast", "amp_cast"),
}

# At inference they do nothing if the input is not read again; otherwise they copy it.
_PASSES = {"Dropout", "MakeLoss"}

# They may write over an input that is not read again, as what works element by element may ...
_OVERWRITES = {
    *("LayerNorm", "GroupNorm", "SequenceMask", "_np_cumsum", "_shuffle", "Cast", "amp_cast", "add_n"),
    *("LinearRegressionOutput", "MAERegressionOutput", "SVMOutput", "IdentityAttachKLSparseReg"),
    *("_linalg_gelqf", "_linalg_gemm", "_linalg_potrf", "_linalg_potri", "_linalg_trmm", "_linalg_trsm"),
    *("_npi_boolean_mask_assign_scalar", "_npi_boolean_mask_assign_tensor", "_npi_cholesky", "_npi_tril"),
    *("_npi_where", "_npi_where_lscalar", "_npi_where_rscalar"),
    *_PASSES,
}

# ... except for these, which MXNet did not register so.
_KEEPS_INPUTS = {
    *("clip", "_npi_bitwise_not"),
    *(f"_npi_{name}_scalar" for name in ("add", "subtract", "rsubtract", "multiply", "mod", "rmod", "power", "rpower")),
    *(f"_npi_{name}_scalar" for name in ("arctan2", "rarctan2", "copysign", "rcopysign", "ldexp", "rldexp", "lcm")),
    *(f"_npi_bitwise_{name}" for name in ("and_scalar", "or_scalar", "xor_scalar")),
    *(f"_random_pdf_{name}" for name in ("uniform", "normal", "gamma", "exponential", "poisson")),
    *("_random_pdf_negative_binomial", "_random_pdf_generalized_negative_binomial"),
}

# Position of the tensor that they read only a part of: as much as they write.
_SELECTS_FROM = {
    **dict.fromkeys(("Embedding", "_contrib_SparseEmbedding"), 1),
    **dict.fromkeys(("take", "batch_take", "pick", "gather_nd", "SequenceLast"), 0),
    **dict.fromkeys(("slice", "slice_axis", "slice_like", "Crop"), 0),
}

# Position of the input that they look at the shape of, or that only training reads.
_UNREAD = {
    **dict.fromkeys(
        ("zeros_like", "ones_like", "_np_zeros_like", "_np_ones_like", "_npi_full_like", "shape_array", "size_array"), 0
    ),
    **dict.fromkeys(("_contrib_arange_like", "_random_uniform_like", "_random_normal_like", "_random_gamma_like"), 0),
    **dict.fromkeys(("_random_exponential_like", "_random_poisson_like", "_random_negative_binomial_like"), 0),
    "_random_generalized_negative_binomial_like": 0,
    **dict.fromkeys(("reshape_like", "_identity_with_attr_like_rhs", "slice_like", "broadcast_like"), 1),
    **dict.fromkeys(("SoftmaxOutput", "SVMOutput"), 1),
    **dict.fromkeys(("LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput"), 1),
}


class _Buffer(msgspec.Struct, gc=False):
    bytes: int
    readers: int = 0
    """Reads that are still to come."""


class Activations:
    """The activations of one graph, while its nodes run in their order.

    ``peak`` is the most bytes that are alive at one time: while a node runs, its outputs and whatever it, a later node
    or the graph's heads still read.
    """

    def __init__(self, graph: Graph, shapes: Sequence[Tuple[Shape, ...]], dtypes: Sequence[Tuple[str, ...]]) -> None:
        self.peak = 0
        self._live = 0
        self._dtypes = dtypes
        self._bytes: List[Tuple[int, ...]] = [
            tuple([math.prod(shape) * ITEM_BYTES[dtype] for shape, dtype in zip(*outputs)])
            for outputs in zip(shapes, dtypes)
        ]
        self._reads = Counter(chain(chain.from_iterable(map(_read, graph.nodes)), graph.heads))
        self._buffers: Dict[Entry, _Buffer] = {}

    def run(self, index: int, node: Node, cost: OpCost, inside: int = 0) -> Tuple[int, int, int]:
        """Runs the node: the bytes that it reads, that it writes, and that are alive meanwhile.

        ``inside`` is the peak of a graph within it.
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
        """Gives each output a buffer, the first that which it shares. Returns the bytes of those that nobody reads."""
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
        """The buffer of an input that the first output shares or takes over; None if it gets one of its own."""
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
        """Whether the node leaves the buffer that it shares as it is."""
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
    """Whether the node may write over an input: by its name, or since all it computes is element by element.

    The softmax operators may as well, and so may a convolution of MKLDNN that adds to another tensor.
    """
    if node.op in _OVERWRITES:
        return True
    if cost.macs or node.op in _KEEPS_INPUTS:
        return node.attrs.get("with_sum") == "true"
    return cost == OpCost(elementwise=cost.elementwise, activation=cost.activation, softmax=cost.softmax) != _NOTHING


def checkpoint_bytes(
    graph: Graph,
    shapes: Sequence[Tuple[Shape, ...]],
    dtypes: Sequence[Tuple[str, ...]],
    roles: Mapping[int, Role],
) -> Dict[str, int]:
    """Bytes of all parameters by dtype, auxiliary states included: what a ``.params`` file stores."""
    found: Dict[str, int] = {}
    for index, _ in parameters(graph, roles):
        dtype = dtypes[index][0]
        found[dtype] = found.get(dtype, 0) + math.prod(shapes[index][0]) * ITEM_BYTES[dtype]
    return found
