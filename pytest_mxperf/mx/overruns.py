"""What a graph would write beyond its memory when it runs. MXNet does not check it.

A trial in a child need not show it: what lies behind the memory decides whether the process dies at once, dies later,
or computes nonsense.
"""

from collections import defaultdict
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np

from pytest_mxperf import traits
from pytest_mxperf.ending import reachable
from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.hazards import computed_parameters
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.executors import bind_executor
from pytest_mxperf.mx.runtime import array_semantics, json_of, mx

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

    def is_outgrown(node: Node) -> bool:
        entries = computed_parameters(graph, node)
        written = _shapes(graph, entries, known) if entries else []
        needed = [shapes[index][output] for index, output in entries]
        return any(_is_known(shape) and shape != other for shape, other in zip(written, needed))

    return tuple(_named(node) for node in graph.nodes if is_outgrown(node))


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
    try:
        return next(_problems(graph, _values(module, batch)), "")
    except (mx.MXNetError, LookupError, ValueError):
        return ""


def _problems(graph: Graph, values: Mapping[str, Any]) -> Iterator[str]:
    readers = [index for index, node in enumerate(graph.nodes) if _reads_lengths(node)]
    shapes = {name: value.shape for name, value in values.items()}
    rows = dict(zip(readers, _shapes(graph, [graph.nodes[index].inputs[0] for index in readers], shapes)))
    for together in _in_order(graph, readers):
        lengths = _run(graph, [_lengths(graph.nodes[index]) for index in together], values)
        for index, given in zip(together, lengths):
            if _is_known(rows[index]):
                yield from _problem(graph.nodes[index], given, rows[index])


def _reads_lengths(node: Node) -> bool:
    return node.op in _READS_LENGTHS and len(node.inputs) > _READS_LENGTHS[node.op]


def _lengths(node: Node) -> Entry:
    return node.inputs[_READS_LENGTHS[node.op]]


def _axis(node: Node) -> int:
    return int(node.attrs.get("axis", "-1" if "soft" in node.op else "0"))


def _problem(node: Node, lengths: Any, rows: Sequence[int]) -> Iterator[str]:
    size = rows[_axis(node)]
    most = np.inf if node.op in _MAY_BE_LONGER else size
    whole = np.trunc(lengths.astype("float64"))  # as MXNet converts them
    wrong = whole[~((whole >= 0) & (whole <= most))]
    if wrong.size:
        yield f"{_named(node)} gets a length of {wrong[0]:,.0f} for rows of {size:,}"


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


def _shapes(graph: Graph, entries: Sequence[Entry], known: Mapping[str, Tuple[int, ...]]) -> List[Tuple[int, ...]]:
    """The shapes that follow from those of the variables alone, and not from what reads them."""
    part = _part(graph, entries)
    names = part.list_inputs()
    with array_semantics(numpy_shapes=graph.numpy_shapes):
        _, shapes, _ = part.infer_shape_partial(**{name: known[name] for name in names if name in known})
    return list(shapes)


def _is_known(shape: Sequence[int]) -> bool:
    return bool(shape) and min(shape) > 0


def _run(graph: Graph, entries: Sequence[Entry], values: Mapping[str, Any]) -> List[Any]:
    part = _part(graph, entries)
    with array_semantics(numpy_shapes=graph.numpy_shapes):
        on_cpu = {name: values[name].as_in_context(mx.cpu()) for name in part.list_inputs()}
        return bind_executor(part, on_cpu).forward()
