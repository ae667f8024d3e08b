"""Graphs that MXNet's subgraph backend has fused: which weights fused layers copy, and how to undo a fusion.

From its first forward on, a fused convolution or dense layer keeps a copy of its weights in its own order, and never
reads the original again (``ConvertWeightBias2MKLDNN`` in ``src/operator/subgraph/mkldnn/mkldnn_common.h``).
If many dense layers read one weight, as in an unrolled recurrent network, each makes a copy. A dense layer that is
fused with no other operator runs the same kernel as a plain dense layer, which reads the original and copies nothing.
"""

from collections import Counter
from typing import Callable, Dict, List, Set, Tuple

import msgspec

from pytest_mxperf.graph import Entry, Graph, Node

__all__ = ["COPYING", "DENSE", "inlined", "only_copied", "weights_read"]

DENSE = "_sg_mkldnn_fully_connected"
COPYING = ("_sg_mkldnn_conv", DENSE)
"""Fused operators that copy the weights that they read."""
_WEIGHT = 1
"""The position of the weight among their inputs."""


def weights_read(graph: Graph, op: str) -> "Counter[int]":
    """How many operators ``op`` read a variable as their weight, by its node index."""
    sources = (node.inputs[_WEIGHT][0] for node in graph.nodes if node.op == op)
    return Counter(source for source in sources if graph.nodes[source].is_variable)


def only_copied(graph: Graph) -> List[int]:
    """Node indices of variables that only fused operators read, as their weight, and only in their first forward.

    Not those of quantized layers, some of which rescale their weights in place.
    """
    others = {source for source, _ in graph.heads}
    copied: Set[int] = set()
    for node in graph.nodes:
        is_copying = node.op in COPYING and node.attrs.get("quantized", "false").lower() not in ("true", "1")
        for position, (source, _) in enumerate(node.inputs):
            (copied if is_copying and position == _WEIGHT else others).add(source)
    return sorted(index for index in copied - others if graph.nodes[index].is_variable)


def inlined(graph: Graph, chosen: Callable[[Node], bool]) -> Graph:
    """The graph with each chosen fused node replaced by the operators in it. A fused node must have one output."""
    nodes: List[Node] = []
    places: Dict[int, int] = {}  # for each old node, the index of the new node that has its output
    outputs: Dict[int, int] = {}  # for a fused node, which output of the new node
    for index, node in enumerate(graph.nodes):
        inputs = tuple(_moved(entry, places, outputs) for entry in node.inputs)
        if node.subgraphs and chosen(node):
            places[index], outputs[index] = _add(nodes, node, inputs)
        else:
            places[index] = len(nodes)
            nodes.append(msgspec.structs.replace(node, inputs=inputs))
    heads = tuple(_moved(entry, places, outputs) for entry in graph.heads)
    return Graph(tuple(nodes), heads, graph.numpy_shapes)


def _moved(entry: Entry, places: Dict[int, int], outputs: Dict[int, int]) -> Entry:
    source, output = entry
    return places[source], outputs.get(source, output)


def _add(nodes: List[Node], fused: Node, inputs: Tuple[Entry, ...]) -> Entry:
    """Appends the operators in a fused node, and returns where their output is. Their k-th variable is input k."""
    (inner,) = fused.subgraphs
    feeds = iter(inputs)
    places: Dict[int, int] = {}
    outputs: Dict[int, int] = {}
    for index, node in enumerate(inner.nodes):
        if node.is_variable:
            places[index], outputs[index] = next(feeds)
        else:
            own = tuple(_moved(entry, places, outputs) for entry in node.inputs)
            places[index] = len(nodes)
            nodes.append(msgspec.structs.replace(node, inputs=own))
    return _moved(inner.heads[0], places, outputs)
