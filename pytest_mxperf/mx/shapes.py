"""The shapes and dtypes of all nodes of a graph, by one call of MXNet's own inference."""

import ctypes
from functools import lru_cache
from itertools import accumulate
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar

import msgspec

from pytest_mxperf.cost.result import Shape
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.mx.runtime import mx

__all__ = ["Known", "Outputs", "by_node", "infer_graphs", "infer_symbol", "visible_output_counts"]

Known = Tuple[Optional[Shape], str]
"""The shape, None if it is unknown, and the dtype."""


class Outputs(NamedTuple):
    """All outputs of a symbol, in its order: the shape of each, None if it is unknown, and its dtype."""

    shapes: Sequence[Optional[Shape]]
    dtypes: Sequence[str]


_DTYPE_FLAGS = {
    **{name: flag for flag, name in enumerate(("float32", "float64", "float16", "uint8", "int32", "int8", "int64"))},
    "bool": 7,
    "bfloat16": 12,
}


def infer_symbol(symbol: Any, shapes: Mapping[str, Shape], dtypes: Mapping[str, str]) -> Outputs:
    """The outputs of ``symbol``, inferred from the shapes and dtypes of some of its variables.

    Raises ``MXNetError`` if they do not fit together.
    """
    _, found_shapes, _ = symbol.infer_shape_partial(**shapes)
    try:
        _, found_dtypes, _ = symbol.infer_type_partial(**dtypes)
    except KeyError as error:  # a dtype that MXNet's C++ has read from a file, and its Python does not know
        raise mx.MXNetError(f"there is no dtype {error}") from None
    numpy_shapes = mx.util.is_np_shape()
    unknown = {shape for shape in set(found_shapes) if not _is_known(shape, numpy_shapes)}
    if unknown:
        found_shapes = [None if shape in unknown else shape for shape in found_shapes]
    names = {dtype: _dtype_name(dtype) for dtype in set(found_dtypes)}
    return Outputs(found_shapes, [names[dtype] for dtype in found_dtypes])


def _is_known(shape: Optional[Shape], numpy_shapes: bool) -> bool:
    if shape is None:
        return False
    return min(shape, default=0) >= 0 if numpy_shapes else min(shape, default=0) > 0


def _dtype_name(dtype: Optional[type]) -> str:
    if dtype is None:
        return "float32"
    name = getattr(dtype, "__name__", "bfloat16")  # bfloat16 is a structured dtype of numpy, which has no __name__
    return name.rstrip("_")  # numpy.bool_


def infer_graphs(graphs: Sequence[Tuple[Graph, Mapping[int, Known]]]) -> List[Inference]:
    """What is inferred of each graph from the shapes and dtypes of its variables, by node index.

    Unknown shapes are None. MXNet loads all of them as one graph, because each call takes longer than a few more nodes.
    """
    nodes: List[Node] = []
    for graph, variables in graphs:
        first = len(nodes)
        nodes += [_declared(node, first, variables.get(index)) for index, node in enumerate(graph.nodes)]
    numpy_shapes = any(graph.numpy_shapes for graph, _ in graphs)
    counts = visible_output_counts(Graph(tuple(nodes), (), numpy_shapes))
    entries: List[Entry] = [(index, output) for index, count in enumerate(counts) for output in range(count)]
    # Every output becomes a head of the graph, so that MXNet returns all shapes and dtypes, in this order.
    symbol = mx.sym.load_json(Graph(tuple(nodes), tuple(entries), numpy_shapes).to_json())
    known = by_node(infer_symbol(symbol, {}, {}), counts)
    ends = list(accumulate(len(graph.nodes) for graph, _ in graphs))
    return [Inference(known.shapes[start:end], known.dtypes[start:end]) for start, end in zip((0, *ends), ends)]


def _declared(node: Node, first: int, known: Optional[Known]) -> Node:
    """The node of a graph whose nodes begin at ``first``. A variable has its shape and dtype as attributes."""
    attrs = node.attrs
    if known is not None:  # MXNet's inference reads them there
        shape, dtype = known
        attrs = {**attrs, "__dtype__": str(_DTYPE_FLAGS[dtype])}
        if shape is not None:
            attrs["__shape__"] = str(shape)
    inputs = tuple([(first + source, output) for source, output in node.inputs])
    return msgspec.structs.replace(node, attrs=attrs, inputs=inputs)


def by_node(outputs: Outputs, counts: Sequence[int]) -> Inference:
    """The outputs of a symbol by node. ``counts`` says how many each node has."""
    return Inference(_split(outputs.shapes, counts), _split(outputs.dtypes, counts))  # type: ignore[arg-type]  # or None


_Item = TypeVar("_Item")


def _split(items: Sequence[_Item], counts: Sequence[int]) -> List[Tuple[_Item, ...]]:
    if len(items) == len(counts):  # one output each, as no node has none
        return list(zip(items))
    items = tuple(items)
    return [items[end - count : end] for count, end in zip(counts, accumulate(counts))]


def visible_output_counts(graph: Graph) -> List[int]:
    """Outputs per node without those that MXNet hides, such as BatchNorm's mean. ``get_internals`` lists the same.

    Only MXNet knows how many outputs an operator with its attributes hides. So this function asks MXNet once for each
    kind of operator that has several outputs.
    """
    counts = [node.output_count for node in graph.nodes]
    for index in [index for index, count in enumerate(counts) if count > 1]:
        node = graph.nodes[index]
        # Operators with subgraphs hide nothing, and MXNet cannot make them from attributes alone.
        if node.is_variable:  # for which a file may claim any number
            counts[index] = 1
        elif not node.subgraphs:
            ask = _ask_visible_output_count if node.op == "Custom" else _visible_output_count
            counts[index] = ask(node.op, tuple(node.attrs.items()))
    return counts


def _ask_visible_output_count(op: str, attrs: Tuple[Tuple[str, str], ...]) -> int:
    library = mx.base._LIB
    operator, symbol, count = ctypes.c_void_p(), mx.base.SymbolHandle(), ctypes.c_uint()
    mx.base.check_call(library.NNGetOpHandle(mx.base.c_str(op), ctypes.byref(operator)))
    mx.base.check_call(
        library.MXSymbolCreateAtomicSymbol(
            operator,
            ctypes.c_uint(len(attrs)),
            mx.base.c_str_array([name for name, _ in attrs]),
            mx.base.c_str_array([value for _, value in attrs]),
            ctypes.byref(symbol),
        )
    )
    try:
        mx.base.check_call(library.MXSymbolGetNumOutputs(symbol, ctypes.byref(count)))
    finally:
        mx.base.check_call(library.MXSymbolFree(symbol))
    return count.value


_visible_output_count = lru_cache(maxsize=1024)(_ask_visible_output_count)
"""Not for the user's own operators, whose Python may change in a session."""
