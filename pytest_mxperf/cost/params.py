"""Which variables are parameters, of which kind, and how many elements and bytes they have."""

from enum import Enum
from typing import Collection, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from pytest_mxperf.cost.registry import size
from pytest_mxperf.cost.result import Params, Shape
from pytest_mxperf.graph import Graph, Node

__all__ = ["Role", "assign_roles", "count_params"]


class Role(Enum):
    """What a variable of the graph is for."""

    INPUT = "input"
    LABEL = "label"
    STATE = "state"
    TRAINABLE = "trainable"
    FROZEN = "frozen"
    AUXILIARY = "auxiliary"


_FED = (Role.INPUT, Role.LABEL, Role.STATE)

# Position of the label among the inputs of each operator that takes one.
_LABEL_POSITION = {
    "CTCLoss": 1,
    "LinearRegressionOutput": 1,
    "LogisticRegressionOutput": 1,
    "MAERegressionOutput": 1,
    "SVMOutput": 1,
    "Softmax": 1,
    "SoftmaxOutput": 1,
    "WarpCTC": 1,
    "_contrib_CTCLoss": 1,
    "softmax_cross_entropy": 1,
}
_STATE_POSITIONS = {"RNN": (2, 3)}
_FIX_GAMMA_DEFAULT = {"BatchNorm": "True", "BatchNorm_v1": "True"}
_GAMMA_POSITION = 1

_ITEM_BYTES = {"float16": 2, "float64": 8, "int8": 1, "uint8": 1, "int64": 8, "bool": 1}


def assign_roles(
    graph: Graph,
    *,
    inputs: Collection[str],
    auxiliary: Collection[str],
    stored: Optional[Collection[str]] = None,
    frozen: Optional[Collection[str]] = None,
) -> Dict[int, Role]:
    """The role of each variable, by node index.

    ``inputs`` are the names that the user gives shapes for, ``auxiliary`` MXNet's auxiliary states, ``stored`` the
    names in the ``.params`` file where there is one. ``frozen`` names the parameters that do not train where something
    knows better than the graph: a Gluon net, which also freezes by ``grad_req``. Otherwise the graph tells by
    structure: ``fix_gamma``, a learning-rate multiplier of 0, Gluon constants. Nothing is told by a parameter's name.
    """
    labels = _labels(graph)
    states, fixed_gammas = _read_at(graph)
    roles = {}
    for index, node in enumerate(graph.nodes):
        if not node.is_variable:
            continue
        is_stored = stored is not None and node.name in stored
        if node.name in inputs:
            role = Role.INPUT
        elif node.name in auxiliary:
            role = Role.AUXILIARY
        elif index in labels and not is_stored:
            role = Role.LABEL
        elif index in states and not is_stored:
            role = Role.STATE
        elif frozen is not None:
            role = Role.FROZEN if node.name in frozen else Role.TRAINABLE
        else:
            role = Role.FROZEN if index in fixed_gammas or _is_constant(node) else Role.TRAINABLE
        roles[index] = role
    return roles


def _labels(graph: Graph) -> Set[int]:
    """Nodes that feed nothing but the label of a loss, directly or through other operators such as a reshape."""
    labels: Set[int] = set()
    consumers = graph.consumers()
    outputs = {source for source, _ in graph.heads}
    for index in range(len(graph.nodes) - 1, -1, -1):
        uses = consumers.get(index, [])
        if uses and index not in outputs and all(_is_label_use(graph, labels, *use) for use in uses):
            labels.add(index)
    return labels


def _is_label_use(graph: Graph, labels: Set[int], consumer: int, position: int) -> bool:
    return consumer in labels or _LABEL_POSITION.get(graph.nodes[consumer].op) == position


def _read_at(graph: Graph) -> Tuple[Set[int], Set[int]]:
    """Variables read as the begin state of a recurrent operator, and as a gamma that is fixed to 1."""
    states: Set[int] = set()
    fixed_gammas: Set[int] = set()
    for node in graph.nodes:
        for position in _STATE_POSITIONS.get(node.op, ()):
            states.update(source for source, _ in node.inputs[position : position + 1])
        default = _FIX_GAMMA_DEFAULT.get(node.op)
        if default and node.attrs.get("fix_gamma", default).lower() in ("true", "1"):
            fixed_gammas.update(source for source, _ in node.inputs[_GAMMA_POSITION : _GAMMA_POSITION + 1])
    return states, fixed_gammas


def _is_constant(variable: Node) -> bool:
    # Gluon's Constant registers an initializer of its own, named so; mx.init.Constant is written ["constant", ...].
    if variable.attrs.get("__init__", "").startswith("Constant_"):
        return True
    multiplier = variable.attrs.get("__lr_mult__", variable.attrs.get("lr_mult", "1"))
    try:
        return float(multiplier) == 0
    except ValueError:
        return False


def count_params(
    graph: Graph,
    shapes: Sequence[Tuple[Shape, ...]],
    dtypes: Sequence[Tuple[str, ...]],
    roles: Mapping[int, Role],
) -> Tuple[Dict[int, Params], Params]:
    """Parameters by the index of the first operator node that reads them, and their total."""
    consumers = graph.consumers()
    by_layer: Dict[int, List[Params]] = {}
    total = Params()
    seen: Set[str] = set()
    for index, role in roles.items():
        name = graph.nodes[index].name
        # MXNet binds variables by name: two of one name are one parameter.
        if role in _FED or name in seen:
            continue
        seen.add(name)
        count = size(shapes[index][0])
        item_bytes = _ITEM_BYTES.get(dtypes[index][0], 4)
        params = Params(**{role.value: count}, bytes=count * item_bytes)
        total += params
        if index in consumers:
            by_layer.setdefault(consumers[index][0][0], []).append(params)
    return {layer: sum(parts, Params()) for layer, parts in by_layer.items()}, total
