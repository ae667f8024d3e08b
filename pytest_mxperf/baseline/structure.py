"""What a graph is up to its names: a number for each operator, each place that it has, and each of its surroundings.

Numbers come from one table for both graphs that are compared, so equal numbers mean equal structure, and nothing is
ever compared twice. All of it takes time linear in the size of the graph.
"""

from typing import Collection, Dict, Hashable, List, NamedTuple, Sequence, Tuple

from pytest_mxperf import traits
from pytest_mxperf.attributes import ineffective
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.graph import Entry, Graph, Node

__all__ = ["OUTPUTS", "Numbers", "Read", "Source", "Structure", "effective_attributes"]

OUTPUTS = "outputs"
"""Name and operator of the node that stands for the graph's outputs, behind all others: it reads them."""

_ROUNDS = 4  # of Weisfeiler and Lehman's refinement: how far, in steps, the surroundings of an operator reach


class Numbers(Dict[Hashable, int]):
    """The table: the number of each value that it is asked for."""

    def __missing__(self, key: Hashable) -> int:
        self[key] = number = len(self)
        return number


class Read(NamedTuple):
    """Who reads a node: the reader, which of its inputs (0 if their order means nothing), and which of its outputs."""

    reader: int
    position: int
    output: int


class Source(NamedTuple):
    """What a node reads: which of its inputs (0 if their order means nothing), the node there, and its output."""

    position: int
    node: int
    output: int


class Structure(NamedTuple):
    """A graph with its outputs as a last node, and by node index what can be said without names.

    ``labels`` tell operator and attributes; ``below`` everything that the node is computed from, and itself; ``above``
    everything that is computed from it, and itself; ``places`` both, and what else that is computed from.
    ``order`` lists the operators, each behind what it reads, in an order that the structure alone decides.
    """

    nodes: Sequence[Node]
    shapes: Sequence[Tuple[Shape, ...]]
    readers: Sequence[Sequence[Read]]
    order: Sequence[int]
    labels: Sequence[int]
    below: Sequence[int]
    above: Sequence[int]
    places: Sequence[int]
    parameter: int
    """The label of every variable that is no input."""

    @classmethod
    def of(
        cls, graph: Graph, shapes: Sequence[Tuple[Shape, ...]], inputs: Collection[str], numbers: Numbers
    ) -> "Structure":
        """``graph`` is normalized; ``inputs`` are the names that the user gives shapes for, the same in every graph."""
        nodes = (*graph.nodes, Node(OUTPUTS, OUTPUTS, {}, graph.heads))
        readers = _readers(nodes)
        labels = [_label(node, inputs, numbers) for node in nodes]
        below = _below(nodes, labels, numbers)
        return cls(
            nodes,
            (*shapes, ()),
            readers,
            _order(nodes),
            labels,
            below,
            _above(readers, labels, numbers),
            _above(readers, below, numbers),
            numbers["variable", None],
        )

    def surroundings(self, numbers: Numbers) -> Sequence[int]:
        """By node what is near it, in both directions."""
        return _surroundings(self, self.labels, numbers)[-1]

    def types_around(self, numbers: Numbers) -> Sequence[Sequence[int]]:
        """For each distance the same by the types of the operators alone; at distance 0 the node's own type."""
        return _surroundings(self, [numbers["type", node.op] for node in self.nodes], numbers)

    def is_parameter(self, entry: Entry) -> bool:
        """Whether a variable is read that the user gives no shape for."""
        return self.nodes[entry[0]].is_variable and self.labels[entry[0]] == self.parameter

    def inputs_of(self, index: int) -> List[Shape]:
        """The shapes of what the node reads."""
        return [self.shapes[source][output] for source, output in self.nodes[index].inputs]

    def sources(self, index: int) -> List[Source]:
        """What the node reads of other operators."""
        node = self.nodes[index]
        fixed = node.op not in traits.COMMUTATIVE
        return [
            Source(position * fixed, source, output)
            for position, (source, output) in enumerate(node.inputs)
            if not self.nodes[source].is_variable
        ]


def effective_attributes(node: Node) -> Dict[str, str]:
    """Of a normalized node, the attributes that decide what it computes, and how fast."""
    idle = ineffective(node.op, node.attrs)
    return {name: value for name, value in node.attrs.items() if name not in idle} if idle else dict(node.attrs)


def _label(node: Node, inputs: Collection[str], numbers: Numbers) -> int:
    if node.is_variable:
        return numbers["variable", node.name if node.name in inputs else None]
    bodies = tuple([_body(subgraph, numbers) for subgraph in node.subgraphs])
    return numbers["operator", node.op, tuple(effective_attributes(node).items()), bodies]


def _body(graph: Graph, numbers: Numbers) -> int:
    """A subgraph as one number: its variables differ by their place, which is what feeds them."""
    labels = [_label(node, (), numbers) for node in graph.nodes]
    wiring = tuple([(label, node.inputs) for label, node in zip(labels, graph.nodes)])
    return numbers["body", wiring, graph.heads]


def _readers(nodes: Sequence[Node]) -> List[List[Read]]:
    readers: List[List[Read]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        fixed = node.op not in traits.COMMUTATIVE
        for position, (source, output) in enumerate(node.inputs):
            readers[source].append(Read(index, position * fixed, output))
    return readers


def _order(nodes: Sequence[Node]) -> List[int]:
    """Depth first from the outputs, and behind that what no output needs."""
    order: List[int] = []
    entered = [node.is_variable for node in nodes]
    for start in range(len(nodes) - 1, -1, -1):
        if entered[start]:
            continue
        entered[start] = True
        branch: List[int] = []
        stack = [(start, iter(nodes[start].inputs))]
        while stack:
            index, sources = stack[-1]
            following = next((source for source, _ in sources if not entered[source]), None)
            if following is None:
                branch.append(index)
                stack.pop()
            else:
                entered[following] = True
                stack.append((following, iter(nodes[following].inputs)))
        order += branch
    return order


def _below(nodes: Sequence[Node], labels: Sequence[int], numbers: Numbers) -> List[int]:
    below: List[int] = []
    for node, label in zip(nodes, labels):
        below.append(numbers["below", label, _read_by(node, below)])
    return below


def _read_by(node: Node, numbered: Sequence[int]) -> Tuple[Tuple[int, int], ...]:
    """What the node reads, as numbers: in order, unless that means nothing."""
    read = [(numbered[source], output) for source, output in node.inputs]
    return tuple(sorted(read) if node.op in traits.COMMUTATIVE else read)


def _above(readers: Sequence[Sequence[Read]], itself: Sequence[int], numbers: Numbers) -> List[int]:
    above = [0] * len(itself)
    for index in range(len(itself) - 1, -1, -1):  # the readers of a node come behind it
        read = tuple(sorted([(above[reader], position, output) for reader, position, output in readers[index]]))
        above[index] = numbers["above", itself[index], read]
    return above


def _surroundings(structure: Structure, kinds: Sequence[int], numbers: Numbers) -> List[Sequence[int]]:
    rounds = [kinds]
    for _ in range(_ROUNDS):
        last = rounds[-1]
        rounds.append([numbers["near", near, _neighbours(structure, index, last)] for index, near in enumerate(last)])
    return rounds


def _neighbours(structure: Structure, index: int, numbered: Sequence[int]) -> Tuple[Hashable, Hashable]:
    readers = [(numbered[reader], position, output) for reader, position, output in structure.readers[index]]
    return _read_by(structure.nodes[index], numbered), tuple(sorted(readers))
