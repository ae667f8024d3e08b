"""What a graph would write beyond its memory when it runs. MXNet does not check it.

A trial in a child need not show it: what lies behind the memory decides whether the process dies at once, dies later,
or computes nonsense.
"""

import re
from collections import defaultdict
from math import prod
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np

from pytest_mxperf import traits
from pytest_mxperf.ending import reachable
from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.hazards import norm_parameters, norm_size
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.executors import bind_executor
from pytest_mxperf.mx.runtime import array_semantics, json_of, mx

__all__ = ["has_places", "unfit_parameters", "wrong_place"]

_PLACES_AT = {op: at for op, at in (*traits.LENGTHS_AT.items(), ("scatter_nd", 1)) if op != "RNN"}
"""Where operators read the lengths or indices up to which they write. A CPU refuses those of an RNN."""

_LARGEST_INT = 2**31 - 1
"""SequenceMask takes a length beyond its sequence for all of it, but converts it to 32 bits."""


def unfit_parameters(analysis: Analysis) -> Tuple[str, ...]:
    """The norms with a parameter of another size, each as "BatchNorm 'bn', which gets 6 numbers and needs 4".

    MXNet has overwritten the parameter's shape with the one that the norm needs. The part of the graph which computes
    the parameter has the shape that is written.
    """
    graph, shapes = analysis.graph, analysis.inference.shapes
    known = {node.name: shapes[index][0] for index, node in enumerate(graph.nodes) if node.is_variable}
    return tuple(text for node in graph.nodes for text in _unfit(graph, node, shapes, known))


def _unfit(graph: Graph, node: Node, shapes: Any, known: Mapping[str, Tuple[int, ...]]) -> Iterator[str]:
    entries = norm_parameters(node)
    if not entries:
        return
    source, output = node.inputs[0]
    needed = norm_size(node, shapes[source][output])
    variables = [shapes[index][0] for index, _ in entries if graph.nodes[index].is_variable]
    computed = [entry for entry in entries if not graph.nodes[entry[0]].is_variable]
    written = [*variables, *(_shapes(graph, computed, known) if computed else ())]
    unfit = [prod(shape) for shape in written if _is_known(shape) and prod(shape) != needed]
    if unfit and needed:
        yield f"{_named(node)}, which gets {unfit[0]:,} numbers and needs {needed:,}"


def has_places(graph: Graph) -> bool:
    """Whether an operator reads from an array to where it must write: lengths of rows and sequences, or indices."""
    return any(map(_reads_places, graph.nodes))


def wrong_place(module: Any, batch: Any) -> str:
    """The first length or index of this batch that is none: "softmax 'it' gets a length of 9 for rows of 8".

    Empty if there is none, or if MXNet cannot compute them: it cannot run the module then, and says why.
    """
    text = json_of(module.symbol)
    if not any(f'"{op}"' in text for op in _PLACES_AT):
        return ""
    try:
        return next(_problems(Graph.parse(text, where="the module"), _values(module, batch)), "")
    except (mx.MXNetError, LookupError, ValueError):
        return ""


def _problems(graph: Graph, values: Mapping[str, Any]) -> Iterator[str]:
    readers = [index for index, node in enumerate(graph.nodes) if _reads_places(node)]
    shapes = {name: value.shape for name, value in values.items()}
    data = dict(zip(readers, _shapes(graph, [graph.nodes[index].inputs[0] for index in readers], shapes)))
    for together in _in_order(graph, readers):
        places = _run(graph, [_places(graph.nodes[index]) for index in together], values)
        for index, given in zip(together, places):
            node = graph.nodes[index]
            whole = np.trunc(given.astype("float64"))  # as MXNet converts them
            if node.op == "scatter_nd":
                yield from _wrong_index(node, whole)
            elif _is_known(data[index]):
                yield from _wrong_length(node, whole, data[index])


def _reads_places(node: Node) -> bool:
    return node.op in _PLACES_AT and len(node.inputs) > _PLACES_AT[node.op]


def _places(node: Node) -> Entry:
    return node.inputs[_PLACES_AT[node.op]]


def _wrong_length(node: Node, lengths: Any, data: Sequence[int]) -> Iterator[str]:
    size = data[int(node.attrs.get("axis", "-1" if "soft" in node.op else "0"))]
    most = _LARGEST_INT if node.op == "SequenceMask" else size
    for wrong in lengths[~((lengths >= 0) & (lengths <= most))]:
        yield f"{_named(node)} gets a length of {wrong:,.0f} for rows of {size:,}"


def _wrong_index(node: Node, indices: Any) -> Iterator[str]:
    sizes = [int(size) for size in re.findall(r"\d+", node.attrs["shape"])]
    for size, along in zip(sizes, indices):
        for wrong in along[~((along >= 0) & (along < size))].flat:
            yield f"{_named(node)} gets an index of {wrong:,.0f} for a size of {size:,}"


def _named(node: Node) -> str:
    return f"{node.op} {node.name[:60]!r}"


def _in_order(graph: Graph, readers: Sequence[int]) -> List[List[int]]:
    """The readers in groups. What the readers of a group read depends on none of them, and on no later one."""
    depths: List[int] = []
    groups: Dict[int, List[int]] = defaultdict(list)
    for index, node in enumerate(graph.nodes):
        depth = max((depths[source] for source, _ in node.inputs), default=0)
        if index in readers:
            groups[depths[_places(node)[0]]].append(index)
            depth += 1
        depths.append(depth)
    return [groups[depth] for depth in sorted(groups)]


def _values(module: Any, batch: Any) -> Dict[str, Any]:
    """All variables of a module that is bound, with the arrays of the batch, which has them as they were bound."""
    executor = module._exec_group.execs[0]
    values = {**executor.arg_dict, **executor.aux_dict}
    for (name, *_), array in zip(module.data_shapes, batch.data):
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
