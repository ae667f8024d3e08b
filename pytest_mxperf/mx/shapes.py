"""Shapes and dtypes of everything in a graph, by MXNet's own inference: one call for a whole graph."""

import ctypes
from functools import lru_cache
from itertools import accumulate
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.cost.result import Shape
from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.mx.runtime import mx

__all__ = ["Known", "by_node", "infer_graph", "infer_symbol", "visible_output_counts"]

Known = Tuple[Optional[Shape], str]
"""Shape, None if that is unknown, and dtype."""

_DTYPE_FLAGS = {
    **{name: flag for flag, name in enumerate(("float32", "float64", "float16", "uint8", "int32", "int8", "int64"))},
    "bool": 7,
    "bfloat16": 12,
}


def infer_symbol(symbol: Any, shapes: Mapping[str, Shape], dtypes: Mapping[str, str]) -> List[Known]:
    """What is known of each output of ``symbol``, given the shapes and dtypes of some of its variables.

    Raises ``MXNetError`` if they do not fit together.
    """
    _, found_shapes, _ = symbol.infer_shape_partial(**shapes)
    try:
        _, found_dtypes, _ = symbol.infer_type_partial(**dtypes)
    except KeyError as error:  # MXNet's Python does not know what its C++ has read from a file
        raise mx.MXNetError(f"there is no dtype {error}") from None
    numpy_shapes = mx.util.is_np_shape()
    return [
        (shape if _is_known(shape, numpy_shapes) else None, _dtype_name(dtype))
        for shape, dtype in zip(found_shapes, found_dtypes)
    ]


def _is_known(shape: Optional[Shape], numpy_shapes: bool) -> bool:
    if shape is None:
        return False
    return min(shape, default=0) >= 0 if numpy_shapes else min(shape, default=0) > 0


@lru_cache(maxsize=None)
def _dtype_name(dtype: Optional[type]) -> str:
    if dtype is None:
        return "float32"
    name = getattr(dtype, "__name__", "bfloat16")  # which MXNet writes as a structure of numpy's
    return name.rstrip("_")  # numpy.bool_


def infer_graph(graph: Graph, variables: Mapping[int, Known]) -> List[Sequence[Known]]:
    """What is known of each node's visible outputs, given ``variables`` by their index."""
    nodes = tuple(_declared(node, variables.get(index)) for index, node in enumerate(graph.nodes))
    counts = visible_output_counts(graph)
    entries: List[Entry] = [(index, output) for index, count in enumerate(counts) for output in range(count)]
    # With every output a head of the graph, MXNet returns what it knows of all of them, in this order.
    symbol = mx.sym.load_json(Graph(nodes, tuple(entries), graph.numpy_shapes).to_json())
    return by_node(infer_symbol(symbol, {}, {}), counts)


def _declared(node: Node, known: Optional[Known]) -> Node:
    """The variable with its shape and dtype written to it, where MXNet's inference looks for them."""
    if known is None:
        return node
    shape, dtype = known
    attrs = {**node.attrs, "__dtype__": str(_DTYPE_FLAGS[dtype])}
    if shape is not None:
        attrs["__shape__"] = str(shape)
    return msgspec.structs.replace(node, attrs=attrs)


def by_node(flat: Sequence[Known], counts: Sequence[int]) -> List[Sequence[Known]]:
    """Splits what is known of a graph's visible outputs into the parts of each node."""
    return [flat[end - count : end] for count, end in zip(counts, accumulate(counts))]


def visible_output_counts(graph: Graph) -> List[int]:
    """Outputs per node without those that MXNet hides, such as BatchNorm's mean: what ``get_internals`` lists.

    Only MXNet knows how many an operator hides, and only for the whole operator with its attributes, so it is asked
    once for each kind that has more than one.
    """
    cache: Dict[Tuple[str, Tuple[Tuple[str, str], ...]], int] = {}
    counts = []
    for node in graph.nodes:
        count = node.output_count
        # Operators with subgraphs hide nothing, and cannot be made without them.
        if count > 1 and not node.subgraphs:
            key = (node.op, tuple(sorted(node.attrs.items())))
            if key not in cache:
                cache[key] = _ask_visible_output_count(node)
            count = cache[key]
        counts.append(count)
    return counts


def _ask_visible_output_count(node: Node) -> int:
    library = mx.base._LIB
    operator, symbol, count = ctypes.c_void_p(), mx.base.SymbolHandle(), ctypes.c_uint()
    mx.base.check_call(library.NNGetOpHandle(mx.base.c_str(node.op), ctypes.byref(operator)))
    mx.base.check_call(
        library.MXSymbolCreateAtomicSymbol(
            operator,
            ctypes.c_uint(len(node.attrs)),
            mx.base.c_str_array(list(node.attrs)),
            mx.base.c_str_array(list(node.attrs.values())),
            ctypes.byref(symbol),
        )
    )
    try:
        mx.base.check_call(library.MXSymbolGetNumOutputs(symbol, ctypes.byref(count)))
    finally:
        mx.base.check_call(library.MXSymbolFree(symbol))
    return count.value
