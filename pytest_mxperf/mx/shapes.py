"""The shapes and dtypes of all nodes of a graph, by one call of MXNet's own inference."""

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
"""The shape, None if it is unknown, and the dtype."""

_DTYPE_FLAGS = {
    **{name: flag for flag, name in enumerate(("float32", "float64", "float16", "uint8", "int32", "int8", "int64"))},
    "bool": 7,
    "bfloat16": 12,
}


def infer_symbol(symbol: Any, shapes: Mapping[str, Shape], dtypes: Mapping[str, str]) -> List[Known]:
    """The shape and dtype of each output of ``symbol``, inferred from those of some of its variables.

    Raises ``MXNetError`` if they do not fit together.
    """
    _, found_shapes, _ = symbol.infer_shape_partial(**shapes)
    try:
        _, found_dtypes, _ = symbol.infer_type_partial(**dtypes)
    except KeyError as error:  # a dtype that MXNet's C++ has read from a file, and its Python does not know
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
    name = getattr(dtype, "__name__", "bfloat16")  # bfloat16 is a structured dtype of numpy, which has no __name__
    return name.rstrip("_")  # numpy.bool_


def infer_graph(graph: Graph, variables: Mapping[int, Known]) -> List[Sequence[Known]]:
    """The shapes and dtypes of each node's visible outputs, inferred from those of ``variables``, by node index."""
    nodes = tuple(_declared(node, variables.get(index)) for index, node in enumerate(graph.nodes))
    counts = visible_output_counts(graph)
    entries: List[Entry] = [(index, output) for index, count in enumerate(counts) for output in range(count)]
    # Every output becomes a head of the graph, so that MXNet returns all shapes and dtypes, in this order.
    symbol = mx.sym.load_json(Graph(nodes, tuple(entries), graph.numpy_shapes).to_json())
    return by_node(infer_symbol(symbol, {}, {}), counts)


def _declared(node: Node, known: Optional[Known]) -> Node:
    """The variable with its shape and dtype as attributes, which MXNet's inference reads."""
    if known is None:
        return node
    shape, dtype = known
    attrs = {**node.attrs, "__dtype__": str(_DTYPE_FLAGS[dtype])}
    if shape is not None:
        attrs["__shape__"] = str(shape)
    return msgspec.structs.replace(node, attrs=attrs)


def by_node(flat: Sequence[Known], counts: Sequence[int]) -> List[Sequence[Known]]:
    """Splits a list for all visible outputs of a graph into one list per node."""
    return [flat[end - count : end] for count, end in zip(counts, accumulate(counts))]


def visible_output_counts(graph: Graph) -> List[int]:
    """Outputs per node without those that MXNet hides, such as BatchNorm's mean. ``get_internals`` lists the same.

    Only MXNet knows how many outputs an operator with its attributes hides. So this function asks MXNet once for each
    kind of operator that has several outputs.
    """
    cache: Dict[Tuple[str, Tuple[Tuple[str, str], ...]], int] = {}
    counts = []
    for node in graph.nodes:
        count = node.output_count
        # Operators with subgraphs hide nothing, and MXNet cannot make them from attributes alone.
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
