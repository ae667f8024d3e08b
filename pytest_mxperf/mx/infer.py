"""A model's graph with the shapes and dtypes of everything in it."""

from math import prod
from typing import Any, Dict, List, Optional, Sequence, Tuple

from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.errors import ShapeError, UsageError, did_you_mean, listed
from pytest_mxperf.graph import VARIABLE, Entry, Graph, Node
from pytest_mxperf.mx.opened import Model
from pytest_mxperf.mx.operators import operator
from pytest_mxperf.mx.pointers import put_back
from pytest_mxperf.mx.runtime import array_semantics, json_of, mx
from pytest_mxperf.mx.shapes import Outputs, by_node, infer_symbol, visible_output_counts
from pytest_mxperf.mx.subgraphs import infer_subgraphs
from pytest_mxperf.mx.unknown import check_dtypes, does_not_fit, is_incomplete, not_given
from pytest_mxperf.validate import check_attributes

__all__ = ["infer"]


def infer(model: Model) -> Tuple[str, Graph, Inference]:
    """The graph as MXNet executes it, and the shapes and dtypes of each node's visible outputs.

    Before them its JSON, if that had to be written; empty if not.

    If MXNet cannot infer a parameter's shape, it comes from the ``.params`` file, if there is one. Raises
    ``UsageError`` for an input that the graph does not have, ``ShapeError`` if a shape stays unknown, and
    ``ParamsError`` if the weights should have it, and are not those of the graph.
    """
    completed: List[str] = []
    with array_semantics(numpy_shapes=model.numpy_shapes):
        _check_sizes(model)
        try:
            internals = model.symbol.get_internals()
            # Checked first, because MXNet would follow a reference to an output that a node does not have.
            text, graph, counts = _kept(model, internals) or _written(model)
            if _state_shapes(model, internals):
                text, graph, counts = _written(model)
            outputs = _infer_outputs(model, internals)
            completed = _complete_from_stored(model, internals, outputs)
            if completed:
                outputs = _infer_outputs(model, internals)
                text, graph, counts = _written(model)
            if sum(counts) != len(outputs.shapes):
                known = len(outputs.shapes)
                raise ShapeError(f"{model.name}: MXNet infers {known} outputs, the graph has {sum(counts)}")
            inference = infer_subgraphs(graph, by_node(outputs, counts))
        except mx.MXNetError as error:
            _check_inputs(model)
            raise does_not_fit(model, error, completed) from None
        problem = is_incomplete(model, graph, inference)
        if problem is not None:
            raise problem
    if model.pointers:
        graph, inference = put_back(graph, inference, model.pointers)
        text = graph.to_json()
    return text, graph, inference


def _kept(model: Model, internals: Any) -> Optional[Tuple[str, Graph, List[int]]]:
    """The graph of a file, if MXNet lists just its outputs: to write and parse it again would give the same.

    No two outputs have one name, so each stands for a node of the file.
    """
    if model.parsed is None or not model.is_kept:
        return None
    graph, names = model.parsed, internals.list_outputs()
    if any(map(_is_rewritten, {node.op for node in graph.nodes} - {VARIABLE})):
        return None
    counts = visible_output_counts(graph)
    is_listed = names == _output_names(graph, counts) and len(set(names)) == len(names)
    # The file may claim more outputs than there are.
    is_readable = _hidden_read(graph, counts) is None and all(output < counts[node] for node, output in graph.heads)
    return ("", graph, counts) if is_listed and is_readable else None


def _is_rewritten(op: str) -> bool:
    """Whether MXNet gives it its own name, by which it is counted, or adds an attribute."""
    known = operator(op)
    return known is None or known.name != op or op == "_contrib_quantized_rnn"


def _output_names(graph: Graph, counts: Sequence[int]) -> List[str]:
    """As MXNet calls most outputs. Some operators have names of their own."""
    names: List[str] = []
    for node, count in zip(graph.nodes, counts):
        if count > 1:
            names += [f"{node.name}_output{output}" for output in range(count)]
        else:
            names.append(node.name if node.op == VARIABLE else f"{node.name}_output")
    return names


def _written(model: Model) -> Tuple[str, Graph, List[int]]:
    """The symbol's JSON, its graph without any attribute that crashes MXNet, and how many outputs each node shows."""
    text = json_of(model.symbol)
    graph = Graph.parse(text, where=model.name)
    if model.parsed is None:  # those of a file were checked before MXNet loaded it, and it adds none of its own
        check_attributes(graph, where=model.name)
    counts = visible_output_counts(graph)
    _check_visible(model, graph, counts)
    return text, graph, counts


_MOST_ELEMENTS = 2**31 - 1
"""MXNet has no larger arrays. It multiplies sizes in 32 bits, and divides by the product, which may overflow to 0."""


def _check_sizes(model: Model) -> None:
    for name, spec in model.inputs.items():
        if prod(spec.shape) > _MOST_ELEMENTS:
            raise UsageError(
                f"{model.name}: input {name!r} of {spec.shape} has {prod(spec.shape):,} elements; an array of MXNet "
                f"has at most {_MOST_ELEMENTS:,}"
            )


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
    found = _hidden_read(graph, counts)
    if found is not None:
        node, (source, output) = found
        hidden = graph.nodes[source]
        raise ShapeError(
            f"{model.name}: {node.op[:60]} {node.name[:60]!r} reads output {output} of {hidden.op[:60]} "
            f"{hidden.name[:60]!r}, which MXNet hides; read one of its first {counts[source]}"
        )


def _hidden_read(graph: Graph, counts: Sequence[int]) -> Optional[Tuple[Node, Entry]]:
    """The first node that reads an output that is none of so many, and which."""
    for node in graph.nodes:
        for source, output in node.inputs:
            if output and output >= counts[source]:
                return node, (source, output)
    return None


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


def _state_shapes(model: Model, internals: Any) -> bool:
    """Writes the shapes that the user states into the variables. Returns whether there are any.

    MXNet reads them there, and a baseline stores them.
    """
    places = {name: index for index, name in enumerate(internals.list_outputs())} if model.shapes else {}
    for name, shape in model.shapes.items():
        if name not in model.symbol.list_inputs():
            hint = did_you_mean(name, model.symbol.list_inputs(), "; did you mean {!r}?")
            raise UsageError(f"{model.name}: shapes: the graph has no variable {name!r}{hint}")
        internals[places[name]]._set_attr(__shape__=str(shape))
    return bool(model.shapes)


def _complete_from_stored(model: Model, internals: Any, outputs: Outputs) -> List[str]:
    """Writes the shapes of stored parameters into variables of unknown shape. Returns the names of these.

    MXNet then infers, binds and saves the symbol with these shapes. So a baseline's graph needs no weights.
    """
    found: List[str] = []
    stored = model.stored or {}
    if None not in outputs.shapes or not stored:
        return found
    for index, name in enumerate(internals.list_outputs()):
        if outputs.shapes[index] is None and name in stored:
            internals[index]._set_attr(__shape__=str(stored[name].shape))
            found.append(name)
    return found
