"""A model's graph with the shapes and dtypes of everything in it."""

import difflib
from math import prod
from typing import Any, List, Sequence, Tuple

from pytest_mxperf.cost.params import FED, assign_roles
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.errors import ShapeError, UsageError, listed
from pytest_mxperf.graph import Graph
from pytest_mxperf.mx.opened import Model
from pytest_mxperf.mx.pointers import put_back
from pytest_mxperf.mx.runtime import array_semantics, mx, reason
from pytest_mxperf.mx.shapes import Known, by_node, infer_symbol, visible_output_counts
from pytest_mxperf.mx.subgraphs import enter
from pytest_mxperf.validate import check_attributes

__all__ = ["infer"]


def infer(model: Model) -> Tuple[str, Graph, Inference]:
    """The symbol's JSON, its graph as MXNet executes it, and what is inferred for each node's visible outputs.

    Parameters that inference leaves open take their shape from the ``.params`` file where there is one.
    Raises ``UsageError`` for an input that the graph does not have, ``ShapeError`` if a shape stays unknown.
    """
    with array_semantics(numpy_shapes=model.numpy_shapes):
        _check_sizes(model)
        try:
            # Before anything else: MXNet would follow a reference to an output that a node does not have.
            text, graph = _parse(model)
            internals = model.symbol.get_internals()
            known = _infer_outputs(model, internals)
            if None in (shape for shape, _ in known) and _complete_from_stored(model, internals, known):
                known = _infer_outputs(model, internals)
                text, graph = _parse(model)
            counts = visible_output_counts(graph)
            if sum(counts) != len(known):
                raise ShapeError(f"{model.name}: MXNet infers {len(known)} outputs, the graph has {sum(counts)}")
            _check_visible(model, graph, counts)
            inference = enter(graph, by_node(known, counts))
        except mx.MXNetError as error:
            _check_inputs(model)
            given = ", ".join(f"{name}={spec.shape} {spec.dtype}" for name, spec in model.inputs.items())
            raise ShapeError(
                f"{model.name}: shapes or dtypes do not fit together for {given}: {reason(error)}{_not_given(model)}"
            ) from None
    _check_complete(model, graph, inference)
    if model.pointers:
        graph, inference = put_back(graph, inference, model.pointers)
        text = graph.to_json()
    return text, graph, inference


def _parse(model: Model) -> Tuple[str, Graph]:
    """The symbol's JSON and its graph, which has no attribute that MXNet dies of."""
    # With its casts to half precision, which MXNet leaves out of what it saves unless told otherwise.
    text = model.symbol.tojson(remove_amp_cast=False)
    if model.parsed is not None:
        source, graph = model.parsed
        if Graph.is_alike(text.encode(), source):  # as of all files that an MXNet of these years has saved
            return text, graph
    graph = Graph.parse(text, where=model.name)
    check_attributes(graph, where=model.name)
    return text, graph


_MOST_ELEMENTS = 2**48
"""MXNet multiplies sizes in 64 bits, and divides by what comes out."""


def _check_sizes(model: Model) -> None:
    for name, spec in model.inputs.items():
        if prod(spec.shape) > _MOST_ELEMENTS:
            raise UsageError(f"{model.name}: input {name!r} of {spec.shape} has {prod(spec.shape):,} elements")


def _check_inputs(model: Model) -> None:
    variables = model.symbol.list_inputs()
    for name in model.inputs:
        if name not in variables:
            close = difflib.get_close_matches(name, variables, n=1)
            # Which variables are inputs only the .params file tells for sure.
            free = [variable for variable in variables if model.stored is not None and variable not in model.stored]
            hint = f"did you mean {close[0]!r}?" if close else f"it has {listed(free or variables)}"
            raise UsageError(f"{model.name}: the graph has no input {name!r}; {hint}")


def _not_given(model: Model) -> str:
    """The inputs, labels and states that the user has not given, of which one may be what MXNet lacks."""
    graph = Graph.parse(model.symbol.tojson(remove_amp_cast=False), where=model.name)
    auxiliary = model.symbol.list_auxiliary_states()
    roles = assign_roles(graph, inputs=model.inputs, auxiliary=auxiliary, stored=model.parameter_names)
    names = {graph.nodes[index].name for index, role in roles.items() if role in FED} - set(model.inputs)
    return f"; not given: {listed(sorted(names))}" if names else ""


def _check_visible(model: Model, graph: Graph, counts: Sequence[int]) -> None:
    """Raises ``ShapeError`` for a reader of an output that MXNet hides, of which it does not say what it infers."""
    for node in graph.nodes:
        for source, output in node.inputs:
            if output and output >= counts[source]:
                hidden = graph.nodes[source]
                raise ShapeError(
                    f"{model.name}: {node.op[:60]} {node.name[:60]!r} reads output {output} of {hidden.op[:60]} "
                    f"{hidden.name[:60]!r}, which MXNet keeps to itself; read one of its first {counts[source]}"
                )


def _infer_outputs(model: Model, internals: Any) -> List[Known]:
    shapes = {name: spec.shape for name, spec in model.inputs.items()}
    dtypes = {name: spec.dtype for name, spec in model.inputs.items()}
    return infer_symbol(internals, shapes, dtypes)


def _complete_from_stored(model: Model, internals: Any, known: List[Known]) -> bool:
    """Writes the shapes of stored parameters into the variables whose shape is open; whether there were any.

    MXNet then infers, binds and saves the symbol with them, so a baseline's graph is complete without its weights.
    """
    found = False
    for index, name in enumerate(internals.list_outputs()):
        if known[index][0] is None and model.stored is not None and name in model.stored:
            internals[index]._set_attr(__shape__=str(model.stored[name].shape))
            found = True
    return found


def _check_complete(model: Model, graph: Graph, inference: Inference) -> None:
    stand_ins = {name for pointer in model.pointers for name in pointer.stand_ins}
    for node, outputs in zip(graph.nodes, inference.shapes):
        if None in outputs and not (node.is_variable and node.name in stand_ins):
            what = f"variable {node.name!r}" if node.is_variable else f"{node.op} {node.name!r}"
            remedy = "give its shape in inputs" if node.is_variable else "give the shapes of all inputs and labels"
            if model.pointers and not node.is_variable:
                hidden = listed([str(pointer) for pointer in model.pointers], 3)
                remedy = f"only the process that saved it knew the shapes that {hidden} puts out"
            raise ShapeError(f"{model.name}: the shape of {what} cannot be inferred; {remedy}")
