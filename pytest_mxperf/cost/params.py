"""Which variables are parameters, of which kind, and how many elements and bytes they have."""

from enum import Enum
from typing import Collection, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from pytest_mxperf.cost.registry import size
from pytest_mxperf.cost.result import Params, Shape
from pytest_mxperf.cost.subgraphs import feeds, variables
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
_BATCH_NORMS = ("BatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU", "_contrib_SyncBatchNorm")
_GAMMA = 1
_STATISTICS = slice(3, 5)

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
    special = _special(graph)
    roles = {}
    for index, node in enumerate(graph.nodes):
        if not node.is_variable:
            continue
        is_stored = stored is not None and node.name in stored
        if node.name in inputs:
            role = Role.INPUT
        elif node.name in auxiliary or index in special.statistics:
            role = Role.AUXILIARY
        elif index in labels and not is_stored:
            role = Role.LABEL
        elif index in special.states and not is_stored:
            role = Role.STATE
        elif frozen is not None:
            role = Role.FROZEN if node.name in frozen else Role.TRAINABLE
        else:
            role = Role.FROZEN if index in special.fixed_gammas or _is_constant(node) else Role.TRAINABLE
        roles[index] = role
    return roles


def _labels(graph: Graph) -> Set[int]:
    """Nodes that feed nothing but the label of a loss, directly or through other operators such as a reshape."""
    as_label: Set[int] = set()
    as_more = {source for source, _ in graph.heads}
    for index in range(len(graph.nodes) - 1, -1, -1):  # whoever reads a node comes behind it
        node = graph.nodes[index]
        is_label = index in as_label and index not in as_more
        label_position = _LABEL_POSITION.get(node.op)
        for position, (source, _) in enumerate(node.inputs):
            (as_label if is_label or position == label_position else as_more).add(source)
    return as_label - as_more


class _Special(NamedTuple):
    """Nodes that are read as a begin state, as a gamma that is fixed to 1, and as a running statistic.

    MXNet itself knows the statistics as auxiliary states, but not those that are read inside a loop.
    """

    states: Set[int]
    fixed_gammas: Set[int]
    statistics: Set[int]


def _special(graph: Graph) -> _Special:
    special = _Special(set(), set(), set())
    for node in graph.nodes:
        sources = [source for source, _ in node.inputs]
        if node.op in _STATE_POSITIONS:
            special.states.update(
                sources[position] for position in _STATE_POSITIONS[node.op] if position < len(sources)
            )
        elif node.op in _BATCH_NORMS:
            special.statistics.update(sources[_STATISTICS])
            if node.attrs.get("fix_gamma", "True").lower() in ("true", "1"):
                special.fixed_gammas.add(sources[_GAMMA])
        for subgraph, fed in zip(node.subgraphs, feeds(node)):
            outside = {variable: sources[feed.position] for variable, feed in zip(variables(subgraph), fed)}
            for mine, inner in zip(special, _special(subgraph)):
                mine.update(outside[variable] for variable in inner if variable in outside)
    return special


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
    first_reader = _first_readers(graph)
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
        if index in first_reader:
            by_layer.setdefault(first_reader[index], []).append(params)
    return {layer: sum(parts, Params()) for layer, parts in by_layer.items()}, total


def _first_readers(graph: Graph) -> Dict[int, int]:
    """For each node that is read, the first that reads it."""
    readers: Dict[int, int] = {}
    for index, node in enumerate(graph.nodes):
        for source, _ in node.inputs:
            readers.setdefault(source, index)
    return readers
