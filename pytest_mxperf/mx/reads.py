"""Which operators read a variable: directly, after a reshape or a cast, or inside a loop or a fused operator."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import Call
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.cost.subgraphs import feeds, tensor_count, variables
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Graph, Node

__all__ = ["Read", "Readers"]

_PASSING = traits.IDENTITIES | traits.CASTS | traits.MOVING | {"cast_storage"}
"""Operators that pass on the numbers of their first input unchanged: an index stays an index, a weight a weight."""

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
                if not (op in traits.JOINING or (op in _PASSING and position == 0)):
                    found.extend(self._reads(place, position, path, joined))
                elif place not in seen:
                    seen.add(place)
                    onward.append((place, (*path, place), joined or op in traits.JOINING))
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


def range_position(node: Node, position: int) -> Optional[int]:
    """Which range a quantized operator reads at this position. None if it reads no range there."""
    tensors = tensor_count(node)
    return position - tensors if position >= tensors else None
