"""Nodes with a pointer into the memory of the process that saved them. MXNet follows the pointer, and crashes.

So MXNet gets a graph with variables as stand-ins for these nodes. After inference the nodes are put back. They compute
in Python or in a graph of their own, so no rule counts them.
"""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.cost.registry import UNCOUNTABLE
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.mx.subgraphs import cut

__all__ = ["Pointer", "put_back", "take_out"]

_OPERATORS = UNCOUNTABLE.keys() - {"Custom"}


class Pointer(NamedTuple):
    """A node that was taken out, and the names of the variables that stand for its outputs."""

    node: Node
    stand_ins: Tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.node.op} {self.node.name!r}"


def take_out(graph: Graph) -> Tuple[Graph, Tuple[Pointer, ...]]:
    """The graph with stand-ins for its pointers. The nodes that pointers read become outputs, so that none is lost.

    They come first, because MXNet orders nodes by depth from the first output on. So they stay before the stand-ins.
    """
    found = {index: node for index, node in enumerate(graph.nodes) if node.op in _OPERATORS}
    if not found:
        return graph, ()
    counts = {index: node.output_count for index, node in found.items()}
    reads = (entry for node in graph.nodes for entry in node.inputs)
    for index, output in (*reads, *graph.heads):
        if index in counts:
            counts[index] = max(counts[index], output + 1)  # files from before 2017 have no count of outputs
    names = {
        index: [f"{node.op} {node.name} output {output}" for output in range(counts[index])]
        for index, node in found.items()
    }
    read = tuple(entry for node in found.values() for entry in node.inputs)
    without, _ = cut(msgspec.structs.replace(graph, heads=(*read, *graph.heads)), names)
    return without, tuple(Pointer(node, tuple(names[index])) for index, node in found.items())


def put_back(graph: Graph, inference: Inference, pointers: Sequence[Pointer]) -> Tuple[Graph, Inference]:
    """The graph with pointers in the places of their stand-ins, and the inference for its nodes.

    An output of a pointer has the shape () if its shape cannot be inferred.
    """
    return _PuttingBack(graph, inference, pointers).run()


class _PuttingBack:
    """Builds the new list of nodes, and keeps where the outputs of the graph's nodes have gone."""

    def __init__(self, graph: Graph, inference: Inference, pointers: Sequence[Pointer]) -> None:
        self._graph, self._inference, self._pointers = graph, inference, pointers
        self._stands_for = {
            name: (number, output)
            for number, pointer in enumerate(pointers)
            for output, name in enumerate(pointer.stand_ins)
        }
        self._shape_of: Mapping[str, Optional[Shape]] = {
            node.name: shapes[0] for node, shapes in zip(graph.nodes, inference.shapes) if node.is_variable
        }
        self._nodes: List[Node] = []
        self._shapes: List[Tuple[Shape, ...]] = []
        self._dtypes: List[Tuple[str, ...]] = []
        self._places: Dict[int, Entry] = {}
        self._made: Dict[int, int] = {}

    def run(self) -> Tuple[Graph, Inference]:
        heads = list(self._graph.heads)
        reads = [[heads.pop(0) for _ in pointer.node.inputs] for pointer in self._pointers]
        for index, node in enumerate(self._graph.nodes):
            if node.is_variable and node.name in self._stands_for:
                number, output = self._stands_for[node.name]
                if number not in self._made:
                    self._made[number] = self._add_pointer(self._pointers[number], reads[number])
                self._places[index] = (self._made[number], output)
            else:
                moved = msgspec.structs.replace(node, inputs=self._moved(node.inputs))
                self._places[index] = (
                    self._add(moved, self._inference.shapes[index], self._inference.dtypes[index]),
                    0,
                )
        subgraphs = {self._places[index][0]: inner for index, inner in self._inference.subgraphs.items()}
        graph = Graph(tuple(self._nodes), self._moved(heads), self._graph.numpy_shapes)
        return graph, Inference(self._shapes, self._dtypes, subgraphs)

    def _add_pointer(self, pointer: Pointer, reads: Sequence[Entry]) -> int:
        shapes = tuple(self._shape_of.get(name) or () for name in pointer.stand_ins)
        node = Node(pointer.node.op, pointer.node.name, {}, self._moved(reads), len(shapes))
        return self._add(node, shapes, ("float32",) * len(shapes))

    def _add(self, node: Node, shapes: Tuple[Shape, ...], dtypes: Tuple[str, ...]) -> int:
        self._nodes.append(node)
        self._shapes.append(shapes)
        self._dtypes.append(dtypes)
        return len(self._nodes) - 1

    def _moved(self, entries: Sequence[Entry]) -> Tuple[Entry, ...]:
        places = [(self._places[index], output) for index, output in entries]
        return tuple((index, first + output) for (index, first), output in places)
