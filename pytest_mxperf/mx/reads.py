"""Which operators read a variable: directly, after a reshape or a cast, or inside a loop or a fused operator."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf.cost.registry import Call
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX, feeds, variables
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Graph, Node

__all__ = ["JOINING", "PASSING", "Read", "Readers"]

PASSING = frozenset(
    (
        *("Reshape", "Flatten", "Cast", "expand_dims", "transpose", "squeeze", "slice_axis", "slice", "BlockGrad"),
        *("_copy", "amp_cast", "cast_storage", "SwapAxis", "SliceChannel", "_split_v2", "repeat", "tile", "reverse"),
        *("broadcast_axis", "broadcast_to", "broadcast_like", "slice_like", "reshape_like", "Dropout", "MakeLoss"),
        *("_identity_with_attr_like_rhs", "space_to_depth", "depth_to_space", "_CrossDeviceCopy"),
        *(
            "_np_reshape",
            "_npi_reshape",
            "_np_transpose",
            "_np_squeeze",
            "_npi_expand_dims",
            "_np_broadcast_to",
            "_npi_broadcast_to",
        ),
        *("_npi_swapaxes", "_np_moveaxis", "_npi_split", "_npi_slice", "_np_copy", "_npi_cast", "_np_repeat"),
        *("_npi_tile", "_npi_flip", "_npx_reshape", "_npi_hsplit", "_npi_dsplit"),
    )
)
"""Operators that pass on the numbers of their first input unchanged: an index stays an index, a weight a weight."""

JOINING = frozenset(
    (
        *("Concat", "stack", "_rnn_param_concat", "_npi_rnn_param_concat", "_npi_concatenate", "_npi_stack"),
        *("_npi_vstack", "_npi_hstack", "amp_multicast"),
    )
)
"""Operators that pass on the numbers of all their inputs unchanged."""

_MOST_READS = 64
"""Thousands of equal operators may read one weight of an unrolled network. The first ones are enough."""


class Read(NamedTuple):
    """One operator that reads a node's first output. ``position`` is the output's place among its inputs."""

    op: str
    attrs: Mapping[str, str]
    position: int
    inputs: Tuple[Optional[Shape], ...]
    """The shapes of all inputs of the operator, as it reads them."""
    place: int
    """The node index of the operator, or of the loop or fused operator that contains it."""
    path: Tuple[int, ...] = ()
    """The nodes in between, which pass the numbers on."""
    joined: bool = False
    """Whether a node of ``path`` joins the numbers with those of other nodes."""
    range_position: Optional[int] = None
    """0, 2, ... for the minimum and 1, 3, ... for the maximum of a quantized tensor. None for anything else."""

    @property
    def shape(self) -> Shape:
        """The shape that the operator reads."""
        return self.inputs[self.position] or ()

    @property
    def call(self) -> Call:
        return Call(self.op, self.attrs, tuple([shape or () for shape in self.inputs]), ())


class Readers:
    """The readers of each node of a graph."""

    def __init__(self, graph: Graph, inference: Inference) -> None:
        self._graph = graph
        self._inference = inference
        self._direct: Dict[int, List[Tuple[int, int]]] = {}
        for place, node in enumerate(graph.nodes):
            for position, (source, _) in enumerate(node.inputs):
                self._direct.setdefault(source, []).append((place, position))

    def of(self, index: int) -> List[Read]:
        """The operators that compute with the node's numbers, at most 64, in the order of the graph."""
        found: List[Read] = []
        seen = {index}
        pending: List[Tuple[int, Tuple[int, ...], bool]] = [(index, (), False)]
        while pending and len(found) < _MOST_READS:
            source, path, joined = pending.pop()
            onward = []
            for place, position in self._direct.get(source, ()):
                op = self._graph.nodes[place].op
                if not (op in JOINING or (op in PASSING and position == 0)):
                    found.extend(self._reads(place, position, path, joined))
                elif place not in seen:
                    seen.add(place)
                    onward.append((place, (*path, place), joined or op in JOINING))
            pending.extend(reversed(onward))
        return found

    def _reads(self, place: int, position: int, path: Tuple[int, ...], joined: bool) -> List[Read]:
        node = self._graph.nodes[place]
        inner = self._inside(place, node, position)
        if inner:
            return [read._replace(place=place, path=path, joined=joined) for read in inner]
        inputs = tuple([self._inference.shapes[source][output] for source, output in node.inputs])
        return [Read(node.op, node.attrs, position, inputs, place, path, joined, range_position(node, position))]

    def _inside(self, place: int, node: Node, position: int) -> List[Read]:
        """The reads inside the operator's subgraphs."""
        entered: Sequence[Inference] = self._inference.subgraphs.get(place, ()) if node.subgraphs else ()
        found: List[Read] = []
        for subgraph, inference, fed in zip(node.subgraphs, entered, feeds(node) if entered else ()):
            for variable, feed in zip(variables(subgraph), fed):
                if feed.position == position:
                    found.extend(Readers(subgraph, inference).of(variable))
        return found


# How many tensors a quantized operator reads before their ranges. For others, a third of the inputs are tensors.
_TENSORS = {
    **dict.fromkeys(("_contrib_quantize", "_contrib_dequantize", "_contrib_requantize"), 1),
    **dict.fromkeys(("_contrib_quantized_act", "_contrib_quantized_flatten", "_contrib_quantized_pooling"), 1),
    "_contrib_quantized_embedding": 2,
    "_contrib_quantized_batch_norm": 5,
}


def range_position(node: Node, position: int) -> Optional[int]:
    """Which range a quantized operator reads at this position. None if it reads no range there."""
    if node.op.startswith(FUSED_PREFIX) and node.subgraphs:
        tensors = len(variables(node.subgraphs[0]))
    elif node.op.startswith("_contrib_quantized_") or node.op in _TENSORS:
        tensors = _TENSORS.get(node.op, len(node.inputs) // 3)
    else:
        return None
    return position - tensors if position >= tensors else None
