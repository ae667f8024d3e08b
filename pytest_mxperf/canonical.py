"""The form of a graph that names, spelling and the order of independent nodes do not change: what decides its speed."""

import hashlib
from typing import Dict, FrozenSet, Hashable, List, Mapping, Optional, Tuple

import msgspec

from pytest_mxperf.attributes import Normalizer, Operators, nothing_known, shape
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.spec import InputSpec

__all__ = ["Declared", "fingerprint"]

Declared = Mapping[int, object]
"""By node index what is known of a variable, in place of what the graph declares."""


def fingerprint(
    graph: Graph,
    inputs: Mapping[str, InputSpec],
    *,
    operators: Operators = nothing_known,
    declared: Optional[Declared] = None,
) -> str:
    """A digest that two graphs share if they run alike: operators, attributes, wiring, shapes, dtypes, storage types.

    ``inputs`` are the variables whose names mean something. Shapes and dtypes of everything else follow from theirs
    and from what parameters declare, or from ``declared`` where that is given. ``operators`` knows the attributes'
    types and defaults; without it a default that is written out is another graph. Nodes that no output depends on do
    not count, and neither do attributes that reach no inference on a CPU.
    """
    specs = {name: [list(spec.shape), spec.dtype] for name, spec in inputs.items()}
    form = _Form(Normalizer(operators), graph.numpy_shapes).of(graph, specs, declared)
    return hashlib.sha256(msgspec.json.encode([form, graph.numpy_shapes])).hexdigest()


class _Form:
    """Describes graphs by numbers and texts alone."""

    def __init__(self, normalizer: Normalizer, numpy_shapes: bool) -> None:
        self._normalizer = normalizer
        self._numpy_shapes = numpy_shapes

    def of(self, graph: Graph, inputs: Mapping[str, object], declared: Optional[Declared] = None) -> List[object]:
        """Each node that counts, with its sources and the heads as places in this list."""
        numbers: Dict[int, int] = {}
        variables: Dict[str, int] = {}
        twins = _Twins()
        described: List[object] = []
        for index in _in_order_of_use(graph):
            node = graph.nodes[index]
            if not node.is_variable:
                numbers[index] = len(described)
                described.append(self._operator(node, index, numbers, twins))
            elif node.name in variables:
                # MXNet binds by name: two variables of one name are one.
                numbers[index] = variables[node.name]
                twins.add_variable(index, numbers[index])
            else:
                numbers[index] = variables[node.name] = len(described)
                twins.add_variable(index, numbers[index])
                described.append(self._variable(node, index, inputs, declared))
        return [described, [[numbers[index], output] for index, output in graph.heads]]

    def _variable(
        self, node: Node, index: int, inputs: Mapping[str, object], declared: Optional[Declared]
    ) -> List[object]:
        storage = node.attrs.get("__storage_type__", "").strip()
        stored = [] if storage in _DENSE else [f"storage {storage}"]
        if node.name in inputs:
            return [inputs[node.name], *stored]
        if declared is not None:
            return [declared.get(index), *stored]
        sizes = shape(node.attrs.get("__shape__", ""), numpy_shapes=self._numpy_shapes)
        return [sizes, node.attrs.get("__dtype__", _NO_DTYPE), *stored]

    def _operator(self, node: Node, index: int, numbers: Mapping[int, int], twins: "_Twins") -> List[object]:
        effect = self._normalizer.spelled(node).effect
        wiring = [[numbers[source], output] for source, output in node.inputs]
        bodies = [self._body(graph) for graph in node.subgraphs]
        twin = twins.add(index, node, effect)
        return [effect, wiring, bodies, twin]  # how many outputs it hides depends on the MXNet

    def _body(self, subgraph: Graph) -> List[object]:
        # What a subgraph's variable is fed with goes by its place among them.
        variables = [node.name for node in subgraph.nodes if node.is_variable]
        return self.of(subgraph, {name: place for place, name in enumerate(variables)})


_DENSE = ("", "0", "-1")  # stored as such, or not said
_NO_DTYPE = "-1"


class _Twins:
    """Operators that do the same with the same. MXNet runs one of them for all, but only of those spelled alike."""

    def __init__(self) -> None:
        self._spellings: Dict[Hashable, Dict[FrozenSet[Tuple[str, str]], int]] = {}
        self._numbers: Dict[Hashable, int] = {}
        self._merged: Dict[int, int] = {}

    def add(self, index: int, node: Node, effect: str) -> int:
        """Which of the spellings the node has that its twins so far have: 0 for the first, and for most nodes."""
        key = (effect, tuple([(self._merged[source], output) for source, output in node.inputs]))
        spellings = self._spellings.setdefault(key, {})
        spelling = spellings.setdefault(frozenset(node.attrs.items()), len(spellings))
        self._number(index, (key, spelling))
        return spelling

    def add_variable(self, index: int, number: int) -> None:
        self._number(index, number)

    def _number(self, index: int, what: Hashable) -> None:
        self._merged[index] = self._numbers.setdefault(what, len(self._numbers))


def _in_order_of_use(graph: Graph) -> List[int]:
    """The nodes that the outputs depend on, each behind its inputs, in an order that follows from the wiring alone."""
    order: List[int] = []
    done = set()
    pending: List[Tuple[int, bool]] = [(index, False) for index, _ in reversed(graph.heads)]
    while pending:
        index, inputs_done = pending.pop()
        if index in done:
            continue
        if inputs_done:
            done.add(index)
            order.append(index)
            continue
        pending.append((index, True))
        pending += [(source, False) for source, _ in reversed(graph.nodes[index].inputs) if source not in done]
    return order
