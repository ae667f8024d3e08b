"""A model's graph with the shapes and dtypes of everything in it."""

from math import prod
from typing import Any, Dict, Sequence, Tuple

from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.errors import ShapeError, UsageError, did_you_mean, listed
from pytest_mxperf.graph import Graph
from pytest_mxperf.mx.opened import Model
from pytest_mxperf.mx.pointers import put_back
from pytest_mxperf.mx.runtime import array_semantics, json_of, mx
from pytest_mxperf.mx.shapes import Outputs, by_node, infer_symbol, visible_output_counts
from pytest_mxperf.mx.subgraphs import infer_subgraphs
from pytest_mxperf.mx.unknown import check_dtypes, does_not_fit, is_incomplete, not_given
from pytest_mxperf.validate import check_attributes

__all__ = ["infer"]


def infer(model: Model) -> Tuple[str, Graph, Inference]:
    """The symbol's JSON, its graph as MXNet executes it, and the shapes and dtypes of each node's visible outputs.

    If MXNet cannot infer a parameter's shape, it comes from the ``.params`` file, if there is one. Raises
    ``UsageError`` for an input that the graph does not have, ``ShapeError`` if a shape stays unknown.
    """
    with array_semantics(numpy_shapes=model.numpy_shapes):
        _check_sizes(model)
        try:
            # Checked first, because MXNet would follow a reference to an output that a node does not have.
            text, graph = _parse(model)
            internals = model.symbol.get_internals()
            _state_shapes(model, internals)
            outputs = _infer_outputs(model, internals)
            if None in outputs.shapes and _complete_from_stored(model, internals, outputs):
                outputs = _infer_outputs(model, internals)
                text, graph = _parse(model)
            counts, known = visible_output_counts(graph), len(outputs.shapes)
            if sum(counts) != known:
                raise ShapeError(f"{model.name}: MXNet infers {known} outputs, the graph has {sum(counts)}")
            _check_visible(model, graph, counts)
            inference = infer_subgraphs(graph, by_node(outputs, counts))
        except mx.MXNetError as error:
            _check_inputs(model)
            raise does_not_fit(model, error) from None
        problem = is_incomplete(model, graph, inference)
        if problem is not None:
            raise problem
    if model.pointers:
        graph, inference = put_back(graph, inference, model.pointers)
        text = graph.to_json()
    return text, graph, inference


def _parse(model: Model) -> Tuple[str, Graph]:
    """The symbol's JSON and its graph, without any attribute that crashes MXNet."""
    text = json_of(model.symbol)
    if model.parsed is not None:
        source, graph = model.parsed
        if Graph.is_alike(text.encode(), source):  # true for a file that a recent MXNet has saved
            return text, graph
    graph = Graph.parse(text, where=model.name)
    if model.parsed is None:  # those of a file were checked before MXNet loaded it, and it adds none of its own
        check_attributes(graph, where=model.name)
    return text, graph


_MOST_ELEMENTS = 2**48
"""MXNet multiplies sizes in 64 bits, and divides by the product, which may overflow to 0."""


def _check_sizes(model: Model) -> None:
    for name, spec in model.inputs.items():
        if prod(spec.shape) > _MOST_ELEMENTS:
            raise UsageError(f"{model.name}: input {name!r} of {spec.shape} has {prod(spec.shape):,} elements")


def _check_inputs(model: Model) -> None:
    variables = model.symbol.list_inputs()
    for name in model.inputs:
        if name not in variables and model.net is not None:
            raise UsageError(
                f"{model.name}: no output of the net depends on the input {name!r}; leave it out of inputs"
            )
        if name not in variables:
            # Only the .params file says for sure which variables are inputs.
            free = [variable for variable in variables if model.stored is not None and variable not in model.stored]
            hint = did_you_mean(name, variables, "did you mean {!r}?") or f"it has {listed(free or variables)}"
            raise UsageError(f"{model.name}: the graph has no input {name!r}; {hint}")


def _check_visible(model: Model, graph: Graph, counts: Sequence[int]) -> None:
    """Raises ``ShapeError`` if a node reads an output that MXNet hides: MXNet does not tell its shape."""
    for node in graph.nodes:
        for source, output in node.inputs:
            if output and output >= counts[source]:
                hidden = graph.nodes[source]
                raise ShapeError(
                    f"{model.name}: {node.op[:60]} {node.name[:60]!r} reads output {output} of {hidden.op[:60]} "
                    f"{hidden.name[:60]!r}, which MXNet hides; read one of its first {counts[source]}"
                )


def _infer_outputs(model: Model, internals: Any) -> Outputs:
    shapes = {name: spec.shape for name, spec in model.inputs.items()}
    dtypes: Dict[str, str] = {name: spec.dtype for name, spec in model.inputs.items()}
    try:
        outputs = infer_symbol(internals, shapes, dtypes)
    except mx.MXNetError:
        # Some operators must know the dtype of an index. Like a Module, assume float32 for inputs without a dtype.
        usual = {each.name: "float32" for each in not_given(model)}
        if not usual:
            raise
        dtypes = {**usual, **dtypes}
        outputs = infer_symbol(internals, shapes, dtypes)
    check_dtypes(model, dtypes)
    return outputs


def _state_shapes(model: Model, internals: Any) -> None:
    """Writes the shapes that the user states into the variables. MXNet reads them there, and a baseline stores them."""
    if not model.shapes:
        return
    places = {name: index for index, name in enumerate(internals.list_outputs())}
    for name, shape in model.shapes.items():
        if name not in model.symbol.list_inputs():
            hint = did_you_mean(name, model.symbol.list_inputs(), "; did you mean {!r}?")
            raise UsageError(f"{model.name}: shapes: the graph has no variable {name!r}{hint}")
        internals[places[name]]._set_attr(__shape__=str(shape))


def _complete_from_stored(model: Model, internals: Any, outputs: Outputs) -> bool:
    """Writes the shapes of stored parameters into variables of unknown shape. Returns whether there were any.

    MXNet then infers, binds and saves the symbol with these shapes. So a baseline's graph needs no weights.
    """
    found = False
    for index, name in enumerate(internals.list_outputs()):
        if outputs.shapes[index] is None and model.stored is not None and name in model.stored:
            internals[index]._set_attr(__shape__=str(model.stored[name].shape))
            found = True
    return found
