"""One pass over a graph: every operator's cost, every parameter once."""

from typing import Dict, List, Mapping, Sequence, Tuple

import msgspec

import pytest_mxperf.cost.formulas  # noqa: F401  registers every rule
from pytest_mxperf.cost.params import Role, count_params
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params, Shape
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX, runs_of
from pytest_mxperf.errors import ModelError
from pytest_mxperf.graph import Graph, Node

__all__ = ["Inference", "walk"]


class Inference(msgspec.Struct, frozen=True):
    """What is known of each node's visible outputs, node by node in the graph's order."""

    shapes: Sequence[Tuple[Shape, ...]]
    dtypes: Sequence[Tuple[str, ...]]
    subgraphs: Mapping[int, Sequence["Inference"]] = {}
    """The same for the subgraphs of a node, by its index."""


def walk(graph: Graph, inference: Inference, roles: Mapping[int, Role]) -> CostReport:
    """The cost of one forward pass. ``roles`` says what each variable is (``params.assign_roles``)."""
    params_by_layer, params = count_params(graph, inference.shapes, inference.dtypes, roles)
    walker = _Walker()
    layers: List[LayerCost] = []
    for index, node in enumerate(graph.nodes):
        if not node.is_variable:
            first, *inner = walker.layers(index, node, inference)
            layers += [msgspec.structs.replace(first, params=params_by_layer.get(index, Params())), *inner]
    return CostReport(tuple(layers), params, walker.uncounted, tuple(walker.notes))


class _Walker:
    """What is found on the way, beside the layers."""

    def __init__(self) -> None:
        self.uncounted: Dict[str, int] = {}
        self.notes: List[str] = []

    def layers(self, index: int, node: Node, inference: Inference) -> List[LayerCost]:
        """The node as a layer, and behind it the layers of its subgraphs as often as they run."""
        outputs = inference.shapes[index]
        inputs = tuple(inference.shapes[source][output] for source, output in node.inputs)
        dtype = inference.dtypes[node.inputs[0][0]][node.inputs[0][1]] if node.inputs else inference.dtypes[index][0]
        call = Call(node.op, node.attrs, inputs, outputs)
        inner = self._inner_layers(index, node, inference, call) if node.subgraphs else []
        cost = self._own_cost(index, node, call)
        if node.op.startswith(FUSED_PREFIX):
            cost, inner = sum((layer.cost for layer in inner), cost), []
        return [LayerCost(node.name, node.op, outputs, cost, Params(), dtype), *inner]

    def _inner_layers(self, index: int, node: Node, inference: Inference, call: Call) -> List[LayerCost]:
        runs: List[List[LayerCost]] = [
            [
                layer
                for inner, each in enumerate(graph.nodes)
                if not each.is_variable
                for layer in self.layers(inner, each, known)
            ]
            for graph, known in zip(node.subgraphs, inference.subgraphs[index])
        ]
        plan = runs_of(call, [sum(layer.flops for layer in layers) for layers in runs])
        if plan.note:
            self.notes.append(f"{node.op} {node.name!r}: {plan.note}")
        return [
            layer.times(times, inside=node.name) for times, layers in zip(plan.times, runs) for layer in layers if times
        ]

    def _own_cost(self, index: int, node: Node, call: Call) -> OpCost:
        if node.subgraphs:
            return OpCost()
        rule = rule_for(node.op)
        if rule is None:
            self.uncounted[node.op] = self.uncounted.get(node.op, 0) + 1
            return OpCost()
        try:
            return rule.formula(call)
        except ModelError as error:
            raise type(error)(f"node {index} ({node.name!r}): {error}") from None
