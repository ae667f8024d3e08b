"""Inference inside subgraphs: the bodies of loops and branches, and fused operators."""

from typing import Dict, List, Mapping, Sequence, Tuple

from pytest_mxperf.cost.registry import Call
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX, OPAQUE, Feed, feeds, variables
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.mx.shapes import Known, infer_graph

__all__ = ["cut", "infer_subgraphs"]


def infer_subgraphs(graph: Graph, known: Sequence[Sequence[Known]]) -> Inference:
    """The shapes and dtypes of the graph's nodes, and of the nodes in their subgraphs.

    MXNet infers nothing for a ``_while_loop`` or ``_cond``. So variables of the right shapes replace the operator, and
    everything behind it is inferred again. Shapes that stay unknown are None.
    """
    entered: Dict[int, List[Inference]] = {}
    if any(node.subgraphs for node in graph.nodes):
        state = _State(graph, known)
        for index, node in enumerate(graph.nodes):
            if node.subgraphs:
                state.infer(index, node)
        known, entered = state.known, state.entered
    shapes = [tuple([shape for shape, _ in outputs]) for outputs in known]
    dtypes = [tuple([dtype for _, dtype in outputs]) for outputs in known]
    return Inference(shapes, dtypes, entered)  # type: ignore[arg-type]  # the caller checks for None


class _State:
    """The shapes and dtypes so far, and the operators that variables have replaced."""

    def __init__(self, graph: Graph, known: Sequence[Sequence[Known]]) -> None:
        self.graph = graph
        self.known = known
        self.entered: Dict[int, List[Inference]] = {}
        self._given = {index: known[index][0] for index in variables(graph)}
        self._replaced: Dict[int, List[Known]] = {}

    def infer(self, index: int, node: Node) -> None:
        inputs = [self.known[source][output] for source, output in node.inputs]
        found = []
        for subgraph, fed in zip(node.subgraphs, feeds(node)):
            given = {variable: _fed(node, inputs, feed) for variable, feed in zip(variables(subgraph), fed)}
            known = infer_graph(subgraph, given)
            found.append(known)
            self._learn(node, subgraph, fed, known)
        self.entered[index] = [infer_subgraphs(subgraph, inner) for subgraph, inner in zip(node.subgraphs, found)]
        if node.op in OPAQUE:
            self._replaced[index] = _outputs(node, self.entered[index])
            self._infer_again()

    def _learn(self, node: Node, subgraph: Graph, fed: Sequence[Feed], known: Sequence[Sequence[Known]]) -> None:
        """Takes over the shapes of parameters that only a subgraph reads, because they are inferred there."""
        for variable, feed in zip(variables(subgraph), fed):
            source, _ = node.inputs[feed.position]
            if self.graph.nodes[source].is_variable and self._given[source][0] is None and not feed.sliced:
                self._given[source] = known[variable][0]

    def _infer_again(self) -> None:
        names = {
            index: [f"{self.graph.nodes[index].name}_output{output}" for output in range(len(outputs))]
            for index, outputs in self._replaced.items()
        }
        without, places = cut(self.graph, names)
        given = {places[index, 0]: known for index, known in self._given.items()}
        for index, outputs in self._replaced.items():
            given.update({places[index, output]: known for output, known in enumerate(outputs)})
        known = infer_graph(without, given)
        self.known = [
            self._replaced[index] if index in self._replaced else known[places[index, 0]]
            for index in range(len(self.graph.nodes))
        ]


def _fed(node: Node, inputs: Sequence[Known], feed: Feed) -> Known:
    shape, dtype = inputs[feed.position]
    if shape is not None and feed.sliced:
        shape = shape[1:] or (1,)
    # The subgraph of a fused operator is the original graph, in which nothing is quantized.
    return shape, "float32" if node.op.startswith(FUSED_PREFIX) else dtype


def _outputs(node: Node, entered: Sequence[Inference]) -> List[Known]:
    """The outputs of a loop or a branch. A loop stacks some outputs of its body, one row for each possible step."""
    body, known = node.subgraphs[1], entered[1]
    outputs: List[Known] = [(known.shapes[index][output], known.dtypes[index][output]) for index, output in body.heads]
    if node.op == "_while_loop":
        call = Call(node.op, node.attrs, (), ())
        steps, stacked = call.integer("max_iterations", 0), call.integer("num_out_data", 0)
        outputs[:stacked] = [(shape and (steps, *shape), dtype) for shape, dtype in outputs[:stacked]]
    return outputs


def cut(graph: Graph, replaced: Mapping[int, Sequence[str]]) -> Tuple[Graph, Dict[Entry, int]]:
    """The graph with variables of these names in place of some nodes' outputs, and the new node index of each output.

    For a node that stays, only output 0 is in the second result.
    """
    nodes: List[Node] = []
    places: Dict[Entry, int] = {}

    def moved(entry: Entry) -> Entry:
        index, output = entry
        return (places[entry], 0) if index in replaced else (places[index, 0], output)

    for index, node in enumerate(graph.nodes):
        if index in replaced:
            for output, name in enumerate(replaced[index]):
                places[index, output] = len(nodes)
                nodes.append(Node("null", name, {}, ()))
        else:
            places[index, 0] = len(nodes)
            nodes.append(
                Node(node.op, node.name, node.attrs, tuple(map(moved, node.inputs)), node.output_count, node.subgraphs)
            )
    return Graph(tuple(nodes), tuple(map(moved, graph.heads)), graph.numpy_shapes), places
