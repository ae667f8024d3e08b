"""Shapes and dtypes of everything in a graph, by one call of MXNet's own inference."""

import ctypes
import difflib
from typing import Any, Dict, List, Optional, Tuple

from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.errors import ShapeError, UsageError, listed
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.mx.model import Model
from pytest_mxperf.mx.runtime import mx, reason

__all__ = ["infer"]

Shape = Tuple[int, ...]


def infer(model: Model) -> Tuple[str, Graph, Inference]:
    """The symbol's JSON, its graph as MXNet executes it, and what is inferred for each node's visible outputs.

    Parameters that inference leaves open take their shape from the ``.params`` file where there is one.
    Raises ``UsageError`` for an input that the graph does not have, ``ShapeError`` if a shape stays unknown.
    """
    with mx.util.np_shape(model.numpy_shapes):
        internals = model.symbol.get_internals()
        _check_inputs(model, internals)
        flat = _infer_shapes(model, internals)
        if None in flat and _complete_from_stored(model, internals, flat):
            flat = _infer_shapes(model, internals)
        types = _infer_types(model, internals)
        text = model.symbol.tojson()
    graph = Graph.parse(text, where=model.name)
    counts = _visible_output_counts(graph)
    if sum(counts) != len(flat):
        raise ShapeError(f"{model.name}: MXNet lists {len(flat)} outputs where the graph has {sum(counts)}")
    shapes = _by_node(flat, counts)
    _check_complete(model, graph, shapes)
    return text, graph, Inference(shapes, _by_node(types, counts))


def _check_inputs(model: Model, internals: Any) -> None:
    variables = [*internals.list_arguments(), *internals.list_auxiliary_states()]
    for name in model.inputs:
        if name not in variables:
            close = difflib.get_close_matches(name, variables, n=1)
            # Which variables are inputs only the .params file tells for sure.
            free = [variable for variable in variables if model.stored is not None and variable not in model.stored]
            hint = f"did you mean {close[0]!r}?" if close else f"it has {listed(free or variables)}"
            raise UsageError(f"{model.name}: the graph has no input {name!r}; {hint}")


def _complete_from_stored(model: Model, internals: Any, shapes: "List[Optional[Shape]]") -> bool:
    """Writes the shapes of stored parameters into the variables whose shape is open; whether there were any.

    MXNet then infers, binds and saves the symbol with them, so a baseline's graph is complete without its weights.
    """
    found = False
    for index, name in enumerate(internals.list_outputs()):
        if shapes[index] is None and model.stored is not None and name in model.stored:
            internals[index]._set_attr(__shape__=str(model.stored[name].shape))
            found = True
    return found


def _infer_shapes(model: Model, internals: Any) -> "List[Optional[Shape]]":
    try:
        _, shapes, _ = internals.infer_shape_partial(**{name: spec.shape for name, spec in model.inputs.items()})
    except mx.MXNetError as error:
        given = ", ".join(f"{name}={spec.shape}" for name, spec in model.inputs.items())
        raise ShapeError(f"{model.name}: the shapes do not fit together for {given}: {reason(error)}") from None
    return [shape if _is_known(shape, model.numpy_shapes) else None for shape in shapes]


def _is_known(shape: Optional[Shape], numpy_shapes: bool) -> bool:
    if shape is None:
        return False
    return all(size >= 0 for size in shape) if numpy_shapes else bool(shape) and all(size > 0 for size in shape)


def _infer_types(model: Model, internals: Any) -> List[str]:
    try:
        _, types, _ = internals.infer_type_partial(**{name: spec.dtype for name, spec in model.inputs.items()})
    except mx.MXNetError as error:
        raise ShapeError(f"{model.name}: the dtypes do not fit together: {reason(error)}") from None
    return [dtype.__name__.rstrip("_") if dtype is not None else "float32" for dtype in types]


def _by_node(flat: "List[Any]", counts: List[int]) -> "List[Tuple[Any, ...]]":
    entries = iter(flat)
    return [tuple(next(entries) for _ in range(count)) for count in counts]


def _check_complete(model: Model, graph: Graph, shapes: "List[Tuple[Any, ...]]") -> None:
    for node, outputs in zip(graph.nodes, shapes):
        if None in outputs:
            what = f"variable {node.name!r}" if node.is_variable else f"{node.op} {node.name!r}"
            remedy = "give its shape in inputs" if node.is_variable else "give the shapes of all inputs and labels"
            raise ShapeError(f"{model.name}: the shape of {what} cannot be inferred; {remedy}")


def _visible_output_counts(graph: Graph) -> List[int]:
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
