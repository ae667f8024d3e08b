"""The part of a graph that computes some of its nodes: a network without its loss, or without an unused head."""

import difflib
import re
from typing import Dict, List, Sequence, Set, Tuple

import msgspec

from pytest_mxperf.errors import UsageError, listed
from pytest_mxperf.graph import Entry, Graph, operators_by_name

__all__ = ["choose", "ending_at", "reachable"]

_ONE_OUTPUT = re.compile(r"(.+)_output(\d*)")


def ending_at(graph: Graph, outputs: Sequence[str], *, where: str) -> Graph:
    """The graph that ends at the nodes of these names, without the nodes that they do not depend on.

    A node with several outputs keeps all that are read. ``split_output1`` is one of them, in MXNet's naming. Raises
    ``UsageError`` that begins with ``where`` for a name that no operator has.
    """
    places = operators_by_name(graph.nodes)
    heads: List[Entry] = []
    for name in outputs:
        if name in places:
            heads += [entry for index in places[name] for entry in _read_outputs(graph, index)]
        else:
            heads += _one_output(graph, places, name, where)
    return reachable(Graph(graph.nodes, tuple(dict.fromkeys(heads)), graph.numpy_shapes))


def _read_outputs(graph: Graph, index: int) -> List[Entry]:
    """Nobody reads what MXNet hides, such as the mean of a BatchNorm."""
    entries = {entry for node in graph.nodes for entry in node.inputs} | set(graph.heads)
    return sorted(entry for entry in entries if entry[0] == index) or [(index, 0)]


def _one_output(graph: Graph, places: Dict[str, List[int]], name: str, where: str) -> List[Entry]:
    """That of each node of the name: of a Gluon block that is called twice there are two."""
    match = _ONE_OUTPUT.fullmatch(name)
    entries = [(index, int(match.group(2) or 0)) for index in places.get(match.group(1), ())] if match else []
    found = [entry for entry in entries if _has_output(graph, entry)]
    if not found:
        raise UsageError(_unknown(name, list(places), where))
    return found


def _has_output(graph: Graph, entry: Entry) -> bool:
    index, output = entry
    known = {each for _, each in _read_outputs(graph, index)}
    return output in known or output < max(graph.nodes[index].output_count, *known, 0)


def _unknown(name: str, names: Sequence[str], where: str) -> str:
    close = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {listed(close)}?" if close else f"it ends with {listed(list(names)[-3:])}"
    return f"{where}: output={name!r} is no operator of the graph; {hint}"


def choose(names: Sequence[str], wanted: str, *, where: str) -> List[str]:
    """Of the names that MXNet gives to all outputs, those of one node. Raises ``UsageError`` if there is none."""
    pattern = re.compile(re.escape(wanted) + r"_output\d*")
    found = [name for name in names if pattern.fullmatch(name)] or [name for name in names if name == wanted]
    if found and (found != [wanted] or _ONE_OUTPUT.fullmatch(wanted)):
        return found
    raise UsageError(_unknown(wanted, [match.group(1) for match in map(_ONE_OUTPUT.fullmatch, names) if match], where))


def reachable(graph: Graph) -> Graph:
    """The graph without the nodes that no output depends on. The others keep their order."""
    needed: Set[int] = {index for index, _ in graph.heads}
    for index in range(len(graph.nodes) - 1, -1, -1):  # the readers of a node come behind it
        if index in needed:
            needed.update(source for source, _ in graph.nodes[index].inputs)
    places = {index: place for place, index in enumerate(sorted(needed))}

    def moved(entries: Sequence[Entry]) -> Tuple[Entry, ...]:
        return tuple((places[index], output) for index, output in entries)

    nodes = [graph.nodes[index] for index in sorted(needed)]
    kept = tuple(msgspec.structs.replace(node, inputs=moved(node.inputs)) for node in nodes)
    return Graph(kept, moved(graph.heads), graph.numpy_shapes)
