"""All that is known about a model before it runs: its graph, shapes, dtypes, and the role of each variable."""

from typing import Dict, List, Mapping, NamedTuple

import msgspec

from pytest_mxperf.cost.params import Role, assign_roles
from pytest_mxperf.cost.result import CostReport, Shape
from pytest_mxperf.cost.walk import Inference, walk
from pytest_mxperf.errors import ParamsError, listed
from pytest_mxperf.graph import Graph, without_garbage_collection
from pytest_mxperf.hazards import check_shapes
from pytest_mxperf.mx.infer import infer
from pytest_mxperf.mx.lacking import unread
from pytest_mxperf.mx.opened import Model
from pytest_mxperf.mx.runtime import array_semantics, json_of
from pytest_mxperf.mx.unknown import held_batch, misfits
from pytest_mxperf.stored import warn_of

__all__ = ["Analysis", "analyse"]


class Analysis(NamedTuple):
    """``graph`` is that which MXNet executes. ``roles`` are those of the variables, by node index."""

    model: Model
    written: str
    """The JSON of the graph, if it was needed to know it."""
    graph: Graph
    inference: Inference
    roles: Mapping[int, Role]

    @property
    def symbol_json(self) -> str:
        """The JSON of the graph."""
        if self.written:
            return self.written
        with array_semantics(numpy_shapes=self.model.numpy_shapes):
            return json_of(self.model.symbol)

    def cost(self) -> CostReport:
        """The cost of one forward pass."""
        with without_garbage_collection():
            stored = self.model.stored or {}
            stored_dtypes = {name: array.dtype for name, array in stored.items()}
            cost = walk(self.graph, self.inference, self.roles, stored_dtypes)
        if self.model.stored is None:
            return cost
        return msgspec.structs.replace(cost, checkpoint_bytes=sum(array.nbytes for array in stored.values()))

    def variables(self, *roles: Role) -> List[int]:
        """Node indices of the variables that have one of these roles."""
        return [index for index, role in self.roles.items() if role in roles]

    def inputs_not_given(self) -> List[str]:
        """Variables that are neither parameters nor given by the user."""
        names = (self.graph.nodes[index].name for index in self.variables(Role.INPUT))
        return [name for name in names if name not in self.model.inputs]

    def parameter_shapes(self) -> Dict[str, Shape]:
        """The shape of each parameter and auxiliary state, by name."""
        indices = self.variables(Role.TRAINABLE, Role.FROZEN, Role.AUXILIARY)
        return {self.graph.nodes[index].name: self.inference.shapes[index][0] for index in indices}

    def unread_parameters(self) -> List[str]:
        """Names in the ``.params`` file that the graph does not have, not even behind the ``output`` that ends it."""
        return unread(self.model, self.graph)


def analyse(model: Model) -> Analysis:
    """Infers shapes and dtypes, and gives each variable its role.

    Raises ``UsageError``, ``ShapeError``, and ``ParamsError`` if the weights do not fit the graph.
    """
    with without_garbage_collection():
        written, graph, inference = infer(model)
        if model.checkpoint is not None and model.warning:
            warn_of(model.checkpoint, model.warning)
        check_shapes(graph, inference.shapes, where=model.name)
        roles = assign_roles(
            graph,
            inputs=model.inputs,
            auxiliary=set(model.symbol.list_auxiliary_states()),
            stored=model.parameter_names,
            frozen=model.frozen,
        )
    analysis = Analysis(model, written, graph, inference, roles)
    if model.stored is not None:
        _check_fit(analysis, {name: array.shape for name, array in model.stored.items()})
        _tell_unread(analysis)
    return analysis


def _tell_unread(analysis: Analysis) -> None:
    """Warns of stored parameters that the graph does not read, for example the head of a training run."""
    strange, model = analysis.unread_parameters(), analysis.model
    if strange and model.checkpoint is not None:
        nbytes = sum(array.nbytes for name, array in (model.stored or {}).items() if name in set(strange))
        text = f"{model.name}: the graph does not read {listed(strange)} of {model.checkpoint.params_path.name}"
        missing = sorted(set(analysis.parameter_shapes()) - set(model.stored or ()))
        warn_of(
            model.checkpoint,
            f"{text}, {nbytes:,} bytes; params and param_bytes leave that out, checkpoint_bytes counts it"
            f"{f'; the weights lack {listed(missing)}: they may be of another model' if missing else ''}",
        )


def _check_fit(analysis: Analysis, stored: Mapping[str, Shape]) -> None:
    """Raises ``ParamsError`` if a stored parameter has another shape than the graph gives it for these inputs."""
    model, shapes = analysis.model, analysis.parameter_shapes()
    unfit = [
        f"{name} (graph {shape}, weights {stored[name]})"
        for name, shape in shapes.items()
        if name in stored and stored[name] != shape
    ]
    if not unfit:
        return
    given = ", ".join(f"{name}={spec.shape}" for name, spec in model.inputs.items())
    contradiction = misfits(model)
    hint = "" if contradiction else held_batch(model)
    several = not contradiction and not hint and len(unfit) > 1
    lines = [
        f"{model.name}: {contradiction}with {given} the graph does not fit its weights: {listed(unfit)}{hint}"
        f"{'; graph and weights may be of two different exports' if several else ''}"
    ]
    missing, strange = sorted(set(shapes) - set(stored)), analysis.unread_parameters()
    if missing:
        lines.append(f"the weights lack {listed(missing)}")
    if strange:
        lines.append(f"the graph has no {listed(strange)}, which the weights have")
    raise ParamsError("\n".join(lines))
