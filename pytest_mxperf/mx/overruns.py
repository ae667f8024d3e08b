"""What a graph would write beyond its memory when it runs. MXNet does not check it.

A trial in a child need not show it: what lies behind the memory decides whether the process dies at once, dies later,
or computes nonsense.
"""

from collections import defaultdict
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from pytest_mxperf import traits
from pytest_mxperf.ending import reachable
from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.executors import bind_executor
from pytest_mxperf.mx.runtime import array_semantics, json_of, mx
from pytest_mxperf.validate import computed_parameters

__all__ = ["has_lengths", "outgrown_parameters", "wrong_length"]

_READS_LENGTHS = {op: place for op, place in traits.LENGTHS_AT.items() if op != "RNN"}  # which a CPU refuses
_MAY_BE_LONGER = ("SequenceMask",)


def outgrown_parameters(analysis: Analysis) -> Tuple[str, ...]:
    """The nodes of which a parameter is computed and has other shapes than they need, each as ``BatchNorm 'bn'``.

    The shape that MXNet infers for the whole graph is the one that they need. That of the part which computes the
    parameter is the one that is written.
    """
    graph, shapes = analysis.graph, analysis.inference.shapes
    known = {node.name: shapes[index][0] for index, node in enumerate(graph.nodes) if node.is_variable}
    found = []
    for node, entries in computed_parameters(graph):
        written = _shapes(_part(graph, entries), known, graph.numpy_shapes)
        if any(shape != shapes[index][output] for (index, output), shape in zip(entries, written)):
            found.append(_named(node))
    return tuple(found)


def has_lengths(graph: Graph) -> bool:
    """Whether an operator reads the lengths of rows or sequences."""
    return any(map(_reads_lengths, graph.nodes))


def wrong_length(module: Any, batch: Any) -> str:
    """The first length of this batch that is no length, such as "softmax 'it' gets a length of 9 for rows of 8".

    Empty if there is none, or if MXNet cannot compute the lengths: it cannot run the module then, and says why.
    """
    graph = Graph.parse(json_of(module.symbol), where="the module")
    if not has_lengths(graph):
        return ""
    values = _values(module, batch)
    readers = [index for index, node in enumerate(graph.nodes) if _reads_lengths(node)]
    try:
        rows = _shapes(
            _part(graph, [graph.nodes[index].inputs[0] for index in readers]),
            {name: value.shape for name, value in values.items()},
            graph.numpy_shapes,
        )
        sizes = {index: shape[_axis(graph.nodes[index])] for index, shape in zip(readers, rows)}
        for together in _in_order(graph, readers):
            lengths = _run(graph, [_lengths(graph.nodes[index]) for index in together], values)
            for index, given in zip(together, lengths):
                problem = _problem(graph.nodes[index], given, sizes[index])
                if problem:
                    return problem
    except (mx.MXNetError, LookupError, ValueError):
        pass
    return ""


def _reads_lengths(node: Node) -> bool:
    return node.op in _READS_LENGTHS and len(node.inputs) > _READS_LENGTHS[node.op]


def _lengths(node: Node) -> Entry:
    return node.inputs[_READS_LENGTHS[node.op]]


def _axis(node: Node) -> int:
    return int(node.attrs.get("axis", "-1" if "soft" in node.op else "0"))


def _problem(node: Node, lengths: Any, size: int) -> str:
    whole = np.trunc(lengths.astype("float64"))  # as MXNet converts them
    most = np.inf if node.op in _MAY_BE_LONGER else size
    wrong = whole[~((whole >= 0) & (whole <= most))]
    return f"{_named(node)} gets a length of {wrong[0]:,.0f} for rows of {size:,}" if wrong.size else ""


def _named(node: Node) -> str:
    return f"{node.op} {node.name[:60]!r}"


def _in_order(graph: Graph, readers: Sequence[int]) -> List[List[int]]:
    """The readers of lengths in groups. The lengths of each group depend on none of its own and of later readers."""
    depths: List[int] = []
    groups: Dict[int, List[int]] = defaultdict(list)
    for index, node in enumerate(graph.nodes):
        depth = max((depths[source] for source, _ in node.inputs), default=0)
        if index in readers:
            groups[depths[_lengths(node)[0]]].append(index)
            depth += 1
        depths.append(depth)
    return [groups[depth] for depth in sorted(groups)]


def _values(module: Any, batch: Any) -> Dict[str, Any]:
    """All variables of a module that is bound, with the arrays of the batch."""
    executor = module._exec_group.execs[0]
    values = {**executor.arg_dict, **executor.aux_dict}
    for name, array in zip(module.data_names, batch.data):
        values[name] = array.astype(values[name].dtype) if name in values else array
    return values


def _part(graph: Graph, entries: Sequence[Entry]) -> Any:
    """The symbol whose outputs are these, in this order."""
    part = reachable(Graph(graph.nodes, tuple(entries), graph.numpy_shapes))
    with array_semantics(numpy_shapes=graph.numpy_shapes):
        return mx.sym.load_json(part.to_json())


def _shapes(part: Any, known: Mapping[str, Tuple[int, ...]], numpy_shapes: bool) -> List[Tuple[int, ...]]:
    names = part.list_inputs()
    with array_semantics(numpy_shapes=numpy_shapes):
        _, shapes, _ = part.infer_shape(**{name: known[name] for name in names if name in known})
    return list(shapes)


def _run(graph: Graph, entries: Sequence[Entry], values: Mapping[str, Any]) -> List[Any]:
    part = _part(graph, entries)
    with array_semantics(numpy_shapes=graph.numpy_shapes):
        on_cpu = {name: values[name].as_in_context(mx.cpu()) for name in part.list_inputs()}
        return bind_executor(part, on_cpu).forward()
