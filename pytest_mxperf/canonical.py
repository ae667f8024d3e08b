"""The form of a graph that names and the order of independent nodes do not change: what decides how fast it runs."""

import hashlib
from typing import Dict, List, Mapping, Sequence, Tuple

import msgspec

from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.spec import InputSpec

__all__ = ["fingerprint"]

# Of a variable's attributes, these reach the run; the rest speak of training.
_OF_VARIABLES = ("__shape__", "__dtype__", "__storage_type__")


def fingerprint(graph: Graph, inputs: Mapping[str, InputSpec]) -> str:
    """A digest that two graphs share if they are one up to names: operators, attributes, wiring, shapes, dtypes.

    ``inputs`` are the variables whose names mean something. Shapes and dtypes of everything else follow from theirs
    and from what parameters declare. Nodes that no output depends on do not count.
    """
    specs = {name: [list(spec.shape), spec.dtype] for name, spec in inputs.items()}
    form = _form(graph, specs)
    return hashlib.sha256(msgspec.json.encode([form, graph.numpy_shapes])).hexdigest()


def _form(graph: Graph, inputs: Mapping[str, object]) -> List[object]:
    numbers: Dict[int, int] = {}
    variables: Dict[str, int] = {}
    described: List[object] = []
    for index in _in_order_of_use(graph):
        node = graph.nodes[index]
        if node.is_variable:
            # MXNet binds by name: two variables of one name are one.
            numbers[index] = variables.setdefault(node.name, len(described))
            if numbers[index] < len(described):
                continue
        else:
            numbers[index] = len(described)
        described.append(_describe(node, numbers, inputs))
    return [described, [[numbers[index], output] for index, output in graph.heads]]


def _describe(node: Node, numbers: Mapping[int, int], inputs: Mapping[str, object]) -> List[object]:
    if node.is_variable:
        return [inputs[node.name]] if node.name in inputs else _kept(node, _OF_VARIABLES)
    attrs = _kept(node, [name for name in node.attrs if not name.startswith("__")])
    wiring = [[numbers[source], output] for source, output in node.inputs]
    return [node.op, attrs, wiring, node.output_count, [_inner_form(graph) for graph in node.subgraphs]]


def _inner_form(subgraph: Graph) -> List[object]:
    # What a subgraph's variable is fed with goes by its place among them.
    variables = [node.name for node in subgraph.nodes if node.is_variable]
    return _form(subgraph, {name: place for place, name in enumerate(variables)})


def _kept(node: Node, names: Sequence[str]) -> List[object]:
    # (3,3) and (3, 3) are one shape; one with a 0 says nothing.
    texts = {name: "".join(node.attrs[name].split()) for name in sorted(names) if name in node.attrs}
    if "0" in texts.get("__shape__", "").strip("()[]").split(","):
        del texts["__shape__"]
    return list(texts.items())


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
