"""What is wrong with a checkpoint's weights, for an error about a shape or dtype that they may have."""

import re
from typing import Collection, List, Sequence

from pytest_mxperf.cost.params import INPUT_ROLES, assign_roles
from pytest_mxperf.errors import listed
from pytest_mxperf.graph import Graph
from pytest_mxperf.mx.opened import Model
from pytest_mxperf.stored import read_stored

__all__ = ["of_another_model", "of_the_weights", "unread", "without_weights"]


def without_weights(model: Model, what: str) -> str:
    """What cannot be known; before it that the weights are missing or cannot be read, and the remedy."""
    if model.weights_problem:
        return f"{model.weights_problem} Without the weights, {what}"
    if model.checkpoint is None or model.stored is not None:
        return what
    path = model.checkpoint.params_path.with_name(model.checkpoint.wanted_params)
    remedy = read_stored(model.checkpoint).beside or ": restore it"
    return f"{path} is missing, which would have the shapes of parameters{remedy}. Without the weights, {what}"


def of_another_model(model: Model, graph: Graph, unknown: Sequence[str] = ()) -> str:
    """That the weights do not seem to be those of the graph, as the beginning of a message; empty if they may be.

    ``unknown`` are variables of unknown shape that may be parameters.
    """
    strange = unread(model, graph)
    lacking = _lacking(model, graph) if strange else []
    if not lacking or model.checkpoint is None:
        return ""
    return (
        f"{model.checkpoint.params_path} seems to be of another model: it lacks "
        f"{listed(sorted({*lacking, *unknown}))}, and has {listed(strange)}, which the graph does not read. "
    )


def of_the_weights(model: Model, graph: Graph, problem: str, completed: Sequence[str]) -> str:
    """The shapes that are from the weights, as the end of a message: those that the operator of the problem reads.

    ``problem`` is what MXNet says. ``completed`` are all variables whose shapes are from the weights.
    """
    named = re.search(r"Error in operator ([^\s:]+):", problem)
    readers = [node for node in graph.nodes if named and node.name == named[1]]
    read = {graph.nodes[source].name for node in readers for source, _ in node.inputs}
    names = [name for name in completed if name in read] or completed
    shapes = [f"{name} {(model.stored or {})[name].shape}" for name in names]
    return f"; the weights have {listed(shapes)}" if shapes else ""


def unread(model: Model, graph: Graph) -> List[str]:
    """Names in the ``.params`` file that the graph does not have, not even behind the ``output`` that ends it."""
    names = {node.name for node in graph.nodes if node.is_variable} | set(model.beyond)
    return sorted(set(model.stored or ()) - names)


def _lacking(model: Model, graph: Graph) -> List[str]:
    """Names of the variables that operators read as weights, and that the ``.params`` file does not have."""
    known: Collection[str] = {*(model.stored or ()), *model.shapes}
    auxiliary = model.symbol.list_auxiliary_states()
    roles = assign_roles(graph, inputs=model.inputs, auxiliary=auxiliary, stored=())
    names = [graph.nodes[index].name for index, role in roles.items() if role not in INPUT_ROLES]
    return [name for name in names if name not in known]
