"""One pass over a graph, which counts every operator, and every parameter once."""

from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

import msgspec

import pytest_mxperf.cost.formulas  # noqa: F401  registers every rule
from pytest_mxperf.cost.memory import Activations
from pytest_mxperf.cost.own import convention_with, own_cost, own_name
from pytest_mxperf.cost.params import Role, count_params
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params, Shape
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX, runs_of
from pytest_mxperf.errors import GraphError, ModelError, ShapeError
from pytest_mxperf.graph import VARIABLE, Graph, Node
from pytest_mxperf.quantities import LARGEST

__all__ = ["Inference", "walk"]


class Inference(msgspec.Struct, frozen=True):
    """The shapes and dtypes of each node's visible outputs, in the graph's order."""

    shapes: Sequence[Tuple[Shape, ...]]
    dtypes: Sequence[Tuple[str, ...]]
    subgraphs: Mapping[int, Sequence["Inference"]] = {}
    """The same for the subgraphs of a node, by its index."""


def walk(
    graph: Graph, inference: Inference, roles: Mapping[int, Role], stored_dtypes: Optional[Mapping[str, str]] = None
) -> CostReport:
    """The cost of one forward pass. ``roles`` are those of the variables (``params.assign_roles``).

    ``stored_dtypes`` are the dtypes of the parameters in their file, by name. They decide the parameters' bytes.

    Raises ``ShapeError`` for totals beyond ``LARGEST``.
    """
    stored_as = inference.dtypes
    if stored_dtypes:
        stored_as = [
            (stored_dtypes.get(node.name, dtypes[0]),) if node.is_variable else dtypes
            for node, dtypes in zip(graph.nodes, stored_as)
        ]
    params = count_params(graph, inference.shapes, stored_as, roles)
    walker = _Walker()
    layers, peak = walker.run(graph, inference, params.by_layer)
    report = CostReport(
        tuple(layers),
        params.total,
        walker.uncounted,
        tuple(walker.notes),
        peak,
        params.bytes_by_dtype,
        convention_with(sorted(walker.own_rules)),
    )
    if max(report.flops, report.bytes_read + report.bytes_written, report.params.bytes) > LARGEST:
        raise ShapeError(f"the model takes more than {LARGEST:.1e} FLOPs or bytes; give the shapes that it runs with")
    return report


class _Walker:
    """Counts layers, and collects uncounted operators, notes and the user's rules."""

    def __init__(self) -> None:
        self.uncounted: Dict[str, int] = {}
        self.notes: List[str] = []
        self.own_rules: Set[str] = set()
        """Names of the user's own rules that were used."""

    def run(self, graph: Graph, inference: Inference, params: Mapping[int, Params]) -> Tuple[List[LayerCost], int]:
        """The layers of a graph, each with its parameters, and the peak of the activations."""
        activations = Activations(graph, inference.shapes, inference.dtypes)
        layers: List[LayerCost] = []
        for index, node in enumerate(graph.nodes):
            if node.op != VARIABLE:
                layers += self._layers(index, node, inference, activations, params.get(index, _NO_PARAMS))
        return layers, activations.peak

    def _layers(
        self, index: int, node: Node, inference: Inference, activations: Activations, params: Params
    ) -> List[LayerCost]:
        """The node as a layer, and behind it the layers of its subgraphs, each times how often it runs."""
        outputs = inference.shapes[index]
        inputs = tuple([inference.shapes[source][output] for source, output in node.inputs])
        dtype = inference.dtypes[node.inputs[0][0]][node.inputs[0][1]] if node.inputs else inference.dtypes[index][0]
        call = Call(node.op, node.attrs, inputs, outputs)
        cost = self._own_cost(index, node, call)
        if not node.subgraphs:
            return [LayerCost(node.name, node.op, outputs, cost, params, dtype, 1, *activations.run(index, node, cost))]
        inner, inside = self._inner_layers(index, node, inference, call)
        if node.op.startswith(FUSED_PREFIX):
            cost, inner, inside = sum((layer.cost for layer in inner), cost), [], 0
        moved = activations.run(index, node, cost, inside)
        if inner:  # the inner layers count its bytes, slice by slice
            moved = 0, 0, moved[-1]
        return [LayerCost(node.name, node.op, outputs, cost, params, dtype, 1, *moved), *inner]

    def _inner_layers(self, index: int, node: Node, inference: Inference, call: Call) -> Tuple[List[LayerCost], int]:
        """The layers of the node's subgraphs, and the peak of the activations in them."""
        runs = [self.run(graph, known, {}) for graph, known in zip(node.subgraphs, inference.subgraphs[index])]
        plan = runs_of(call, [sum(layer.flops for layer in layers) for layers, _ in runs])
        if plan.note:
            self.notes.append(f"{node.op} {node.name!r}: {plan.note}")
        layers = [
            layer.times(times, inside=node.name)
            for times, (layers, _) in zip(plan.times, runs)
            for layer in layers
            if times
        ]
        return layers, max((peak for times, (_, peak) in zip(plan.times, runs) if times), default=0)

    def _own_cost(self, index: int, node: Node, call: Call) -> OpCost:
        if node.subgraphs:
            return OpCost()
        own, rule = own_name(node.op, node.attrs), rule_for(node.op)
        if own is None and rule is None:
            self.uncounted[node.op] = self.uncounted.get(node.op, 0) + 1
            return OpCost()
        try:
            if own is not None:
                self.own_rules.add(own)
                return own_cost(own, call)
            return rule.formula(call)  # type: ignore[union-attr]  # one of the two is there
        except ModelError as error:
            raise type(error)(f"node {index} ({node.name!r}): {error}") from None
        except (ArithmeticError, LookupError, ValueError) as error:
            problem = f"{node.op} cannot be counted for inputs of shapes {list(call.inputs)}"
            raise GraphError(f"node {index} ({node.name!r}): {problem}: {type(error).__name__}: {error}") from error


_NO_PARAMS = Params()
