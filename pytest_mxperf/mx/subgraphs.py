"""Inference inside subgraphs: the bodies of loops and branches, and fused operators."""

from typing import Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from pytest_mxperf.cost.registry import Call
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX, OPAQUE, Feed, feeds, variables
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.mx.shapes import Known, infer_graphs

__all__ = ["cut", "infer_subgraphs"]


def infer_subgraphs(graph: Graph, known: Inference) -> Inference:
    """The shapes and dtypes of the graph's nodes that are known, and of the nodes in their subgraphs.

    MXNet infers nothing for a ``_while_loop`` or ``_cond``. So variables of the right shapes replace the operator, and
    everything behind it is inferred again. Shapes that stay unknown are None.
    """
    entering = [(index, node) for index, node in enumerate(graph.nodes) if node.subgraphs]
    if not entering:
        return known
    state = _State(graph, known)
    for group in _groups(entering):
        state.infer(group)
    return Inference(state.known.shapes, state.known.dtypes, state.entered)


def _groups(nodes: Sequence[Tuple[int, Node]]) -> List[List[Tuple[int, Node]]]:
    """Each up to an operator of which MXNet infers nothing: only behind it shapes change."""
    groups: List[List[Tuple[int, Node]]] = [[]]
    for index, node in nodes:
        groups[-1].append((index, node))
        if node.op in OPAQUE:
            groups.append([])
    return [group for group in groups if group]


class _Part(NamedTuple):
    """One subgraph of a node."""

    place: int
    """The node's index."""
    node: Node
    graph: Graph
    fed: Sequence[Feed]
    given: Mapping[int, Known]


class _State:
    """The shapes and dtypes so far, and the operators that variables have replaced."""

    def __init__(self, graph: Graph, known: Inference) -> None:
        self.graph = graph
        self.known = known
        self.entered: Dict[int, List[Inference]] = {}
        self._given: Dict[int, Known] = {index: _of_entry(known, (index, 0)) for index in variables(graph)}
        self._replaced: Dict[int, List[Known]] = {}

    def infer(self, group: Sequence[Tuple[int, Node]]) -> None:
        parts = [part for index, node in group for part in self._parts(index, node)]
        for part, known in zip(parts, infer_graphs([(part.graph, part.given) for part in parts])):
            self._learn(part, known)
            self.entered.setdefault(part.place, []).append(infer_subgraphs(part.graph, known))
        index, node = group[-1]
        if node.op in OPAQUE:
            self._replaced[index] = _outputs(node, self.entered[index])
            self._infer_again()

    def _parts(self, index: int, node: Node) -> Iterator[_Part]:
        inputs = [_of_entry(self.known, entry) for entry in node.inputs]
        for subgraph, fed in zip(node.subgraphs, feeds(node)):
            given = {variable: _fed(node, inputs, feed) for variable, feed in zip(variables(subgraph), fed)}
            yield _Part(index, node, subgraph, fed, given)

    def _learn(self, part: _Part, known: Inference) -> None:
        """Takes over the shapes of parameters that only a subgraph reads, because they are inferred there."""
        for variable, feed in zip(variables(part.graph), part.fed):
            source, _ = part.node.inputs[feed.position]
            if self.graph.nodes[source].is_variable and self._given[source][0] is None and not feed.sliced:
                self._given[source] = _of_entry(known, (variable, 0))

    def _infer_again(self) -> None:
        names = {
            index: [f"{self.graph.nodes[index].name}_output{output}" for output in range(len(outputs))]
            for index, outputs in self._replaced.items()
        }
        without, places = cut(self.graph, names)
        given = {places[index, 0]: known for index, known in self._given.items()}
        for index, outputs in self._replaced.items():
            given.update({places[index, output]: known for output, known in enumerate(outputs)})
        (known,) = infer_graphs([(without, given)])
        moved = [places[index, 0] for index in range(len(self.graph.nodes))]
        shapes, dtypes = [known.shapes[place] for place in moved], [known.dtypes[place] for place in moved]
        for index, outputs in self._replaced.items():
            shapes[index], dtypes[index] = zip(*outputs)
        self.known = Inference(shapes, dtypes)


def _of_entry(known: Inference, entry: Entry) -> Known:
    index, output = entry
    return known.shapes[index][output], known.dtypes[index][output]


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
