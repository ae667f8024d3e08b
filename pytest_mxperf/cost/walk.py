"""One pass over a graph: every operator's cost, every parameter once."""

from typing import Dict, Mapping, NamedTuple, Sequence, Tuple

import pytest_mxperf.cost.formulas  # noqa: F401  registers every rule
from pytest_mxperf.cost.params import Role, count_params
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params, Shape
from pytest_mxperf.errors import ModelError
from pytest_mxperf.graph import Graph

__all__ = ["Inference", "walk"]


class Inference(NamedTuple):
    """What is known of each node's visible outputs, node by node in the graph's order."""

    shapes: Sequence[Tuple[Shape, ...]]
    dtypes: Sequence[Tuple[str, ...]]


def walk(graph: Graph, inference: Inference, roles: Mapping[int, Role]) -> CostReport:
    """The cost of one forward pass. ``roles`` says what each variable is (``params.assign_roles``)."""
    params_by_layer, params = count_params(graph, inference.shapes, inference.dtypes, roles)
    layers = []
    uncounted: Dict[str, int] = {}
    for index, node in enumerate(graph.nodes):
        if node.is_variable:
            continue
        outputs = inference.shapes[index]
        rule = rule_for(node.op)
        cost = OpCost()
        if rule is None:
            uncounted[node.op] = uncounted.get(node.op, 0) + 1
        else:
            inputs = tuple(inference.shapes[source][output] for source, output in node.inputs)
            try:
                cost = rule.formula(Call(node.op, node.attrs, inputs, outputs))
            except ModelError as error:
                raise type(error)(f"node {index} ({node.name!r}): {error}") from None
        layers.append(LayerCost(node.name, node.op, outputs, cost, params_by_layer.get(index, Params())))
    return CostReport(tuple(layers), params, uncounted)
