"""Which variables are parameters, their kind, and how many elements and bytes they have."""

from enum import Enum
from functools import lru_cache
from typing import Collection, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import size
from pytest_mxperf.cost.result import ITEM_BYTES, Params, Shape
from pytest_mxperf.cost.subgraphs import feeds, tensor_count, variables
from pytest_mxperf.graph import Graph, Node

__all__ = ["INPUT_ROLES", "CountedParams", "Role", "assign_roles", "count_params", "parameters"]


class Role(Enum):
    """What a variable of the graph is for."""

    INPUT = "input"
    LABEL = "label"
    STATE = "state"
    TRAINABLE = "trainable"
    FROZEN = "frozen"
    AUXILIARY = "auxiliary"


INPUT_ROLES = (Role.INPUT, Role.LABEL, Role.STATE)
"""The roles of variables that are not parameters."""

# Inputs that are never parameters: for each operator, their positions and roles.
_FED_AT: Dict[str, Tuple[Tuple[int, Role], ...]] = {
    **dict.fromkeys((*traits.LABELLED, "softmax_cross_entropy", "WarpCTC"), ((1, Role.LABEL),)),
    "_contrib_MultiBoxTarget": ((1, Role.LABEL),),
    "CTCLoss": ((1, Role.LABEL), (2, Role.LABEL), (3, Role.LABEL)),
    **{op: ((position, Role.INPUT),) for op, position in {**traits.INDICES_AT, **traits.LENGTHS_AT}.items()},
    **dict.fromkeys(traits.POOLING_REGIONS, ((1, Role.INPUT),)),
    **dict.fromkeys(traits.PROPOSING, ((2, Role.INPUT),)),
    "RNN": ((2, Role.STATE), (3, Role.STATE), (4, Role.INPUT)),
    "_contrib_quantized_rnn": ((2, Role.STATE), (3, Role.STATE)),
}

_GAMMA = slice(1, 2)
_STATISTICS = slice(3, 5)

# Positions of inputs that are always parameters, even when the weights lack them.
_WEIGHTS_AT = {
    **{op: slice(position, position + 2) for op, position in traits.WEIGHT_AT.items()},
    **dict.fromkeys(traits.NORMS, slice(1, 3)),
    **dict.fromkeys((*traits.EMBEDDINGS, *traits.RECURRENT, "LeakyReLU"), slice(1, 2)),
}

# These combine tensors of one shape, so MXNet infers an operand's shape from the others.
_PAIRS = {
    *(f"elemwise_{name}" for name in ("add", "sub", "mul", "div")),
    *(
        f"_{name}"
        for name in ("mod", "power", "maximum", "minimum", "hypot", "logical_and", "logical_or", "logical_xor")
    ),
    *(f"_{name}" for name in ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")),
    "add_n",
}

_TELLING = {*_FED_AT, *_WEIGHTS_AT, *_PAIRS, *traits.TENSORS_BEFORE_RANGES, *traits.RANGE_EACH}


def assign_roles(
    graph: Graph,
    *,
    inputs: Collection[str],
    auxiliary: Collection[str],
    stored: Optional[Collection[str]] = None,
    frozen: Optional[Collection[str]] = None,
) -> Dict[int, Role]:
    """The role of each variable, by node index.

    ``inputs`` are the names of the inputs that the user gives, ``auxiliary`` those of MXNet's auxiliary states.
    ``stored`` are the names in the ``.params`` file, or of the Gluon net's parameters, if there is either. ``frozen``
    are the parameters that do not train, if a Gluon net knows them. Otherwise the graph's structure decides:
    ``fix_gamma``, the ranges of quantized tensors, a learning-rate multiplier of 0, a ``grad_req`` of null, Gluon
    constants.

    A variable is an input too if its shape follows only from activations that it is added to or multiplied with, such
    as a mask, a target, or an LSTM's first cell state. A parameter's name decides nothing.
    """
    found = [(index, graph.nodes[index]) for index in variables(graph)]
    reads = _reads(graph, {index for index, node in found if node.name in inputs})
    roles = {}
    for index, node in found:
        if node.name in inputs:
            role: Optional[Role] = Role.INPUT
        elif node.name in auxiliary or index in reads.statistics:
            role = Role.AUXILIARY
        elif stored is not None and node.name in stored:
            role = None
        else:
            role = _fed_role(index, node, reads, is_missing=stored is not None)
        if role is None:
            is_frozen = node.name in frozen if frozen is not None else index in reads.fixed or _is_constant(node)
            role = Role.FROZEN if is_frozen else Role.TRAINABLE
        roles[index] = role
    return roles


class _Reads(NamedTuple):
    """How the operators of a graph read its nodes, by node index.

    ``fixed`` are gammas that ``fix_gamma`` holds at 1, and ranges from calibration. ``statistics`` are running
    statistics, also those inside loops, which MXNet does not list as auxiliary states. ``matched`` do not depend on the
    inputs, but are combined with a node of the same shape that does.
    """

    fed: Dict[int, Role]
    weights: Set[int]
    fixed: Set[int]
    statistics: Set[int]
    matched: Set[int]


def _fed_role(index: int, node: Node, reads: _Reads, *, is_missing: bool) -> Optional[Role]:
    """The role of an input, None if it looks like a parameter. ``is_missing``: there are weights, and they lack it."""
    if index in reads.weights:
        return Role.STATE if _has_batch(node) else None
    if index in reads.fed and not _is_gluon_constant(node):
        return reads.fed[index]
    if _has_batch(node):
        return Role.STATE
    is_matched = index in reads.matched and not _is_declared(node)
    return Role.INPUT if is_missing or is_matched else None  # one that the user has not given


def _reads(graph: Graph, given: Set[int]) -> _Reads:
    """``given`` are the node indices of the inputs that the user gives."""
    reads = _Reads({}, set(), set(), set(), set())
    computed = _computed_from(graph, given)
    for index, node in reversed(list(enumerate(graph.nodes))):  # a node's readers come behind it
        if not node.inputs:
            continue
        if len(node.inputs) == 1:
            _pass_back(reads, index, node.inputs[0][0])
        if node.op in _TELLING or node.subgraphs:
            _read(reads, index, node, computed)
    return reads


def _read(reads: _Reads, index: int, node: Node, computed: Set[int]) -> None:
    """Records how the node reads its inputs."""
    sources = [source for source, _ in node.inputs]
    tensors = sources[: tensor_count(node)]
    if len(tensors) < len(sources):
        reads.fixed.update(sources[len(tensors) :])
    if node.op in _WEIGHTS_AT:
        reads.weights.update(tensors[_WEIGHTS_AT[node.op]])
    if node.op in traits.BATCH_NORMS:
        reads.statistics.update(sources[_STATISTICS])
        if node.attrs.get("fix_gamma", "True").lower() in ("true", "1"):
            reads.fixed.update(sources[_GAMMA])
    if node.op in _PAIRS and (index in computed or index in reads.matched):
        reads.matched.update(source for source in sources if source not in computed)
    for position, role in _FED_AT.get(node.op, ()):
        reads.fed.update((source, role) for source in sources[position : position + 1])
    for subgraph, fed in zip(node.subgraphs, feeds(node) if node.subgraphs else ()):
        outside = {variable: sources[feed.position] for variable, feed in zip(variables(subgraph), fed)}
        inner = {variable for variable, source in outside.items() if source in computed}
        _merge(reads, _reads(subgraph, inner), outside)


def _pass_back(reads: _Reads, index: int, source: int) -> None:
    """Passes a node's role on to its only input: a label is a label before a reshape too."""
    if index in reads.fed:
        reads.fed[source] = reads.fed[index]
    for group in (reads.fixed, reads.statistics, reads.matched):
        if index in group:
            group.add(source)


def _computed_from(graph: Graph, given: Set[int]) -> Set[int]:
    """The given variables, and the nodes that depend on any of them."""
    computed = set(given)
    for index, node in enumerate(graph.nodes):
        for source, _ in node.inputs:
            if source in computed:
                computed.add(index)
                break
    return computed


def _merge(reads: _Reads, inner: _Reads, outside: Mapping[int, int]) -> None:
    """Records how a subgraph reads its variables for the inputs of its node. ``outside`` maps one to the other."""
    reads.fed.update((outside[variable], role) for variable, role in inner.fed.items() if variable in outside)
    for mine, theirs in zip(reads[1:], inner[1:]):
        mine.update(outside[variable] for variable in theirs if variable in outside)


def _has_batch(variable: Node) -> bool:
    # The cells of mx.rnn declare the layout of their begin states, where N is the batch. Parameters have no layout.
    return "N" in variable.attrs.get("__layout__", "")


def _is_declared(variable: Node) -> bool:
    # All parameters of Gluon have a shape, an initializer or a learning-rate multiplier of their own.
    return not variable.attrs.keys().isdisjoint(("__shape__", "__init__", "__lr_mult__", "__wd_mult__"))


def _is_gluon_constant(variable: Node) -> bool:
    # It registers an initializer of its own, named so; mx.init.Constant is written ["constant", ...].
    return variable.attrs.get("__init__", "").startswith("Constant_")


def _is_constant(variable: Node) -> bool:
    attrs = variable.attrs
    return (
        _is_gluon_constant(variable)
        or (attrs.get("__grad_req__") or attrs.get("grad_req")) == "null"
        or _is_zero(attrs.get("__lr_mult__") or attrs.get("lr_mult") or "1")
    )


@lru_cache(maxsize=1024)
def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False


def parameters(graph: Graph, roles: Mapping[int, Role]) -> Iterator[Tuple[int, Role]]:
    """The node index and role of each parameter. MXNet binds by name, so variables of one name are one parameter."""
    seen: Set[str] = set()
    for index, role in roles.items():
        name = graph.nodes[index].name
        if role not in INPUT_ROLES and name not in seen:
            seen.add(name)
            yield index, role


class CountedParams(NamedTuple):
    """The parameters of a graph."""

    by_layer: Dict[int, Params]
    """By the node index of the first operator that reads them."""
    total: Params
    bytes_by_dtype: Dict[str, int]
    """What a ``.params`` file stores."""


def count_params(
    graph: Graph,
    shapes: Sequence[Tuple[Shape, ...]],
    dtypes: Sequence[Tuple[str, ...]],
    roles: Mapping[int, Role],
) -> CountedParams:
    first_reader = _first_readers(graph)
    total = [0, 0, 0, 0]  # as the fields of Params: adding up numbers takes a third of the time
    by_layer: Dict[int, List[int]] = {}
    bytes_by_dtype: Dict[str, int] = {}
    for index, role in parameters(graph, roles):
        count, dtype = size(shapes[index][0]), dtypes[index][0]
        field = 0 if role is Role.TRAINABLE else 1 if role is Role.FROZEN else 2
        stored = count * ITEM_BYTES[dtype]
        total[field] += count
        total[3] += stored
        bytes_by_dtype[dtype] = bytes_by_dtype.get(dtype, 0) + stored
        reader = first_reader.get(index)
        if reader is not None:
            layer = by_layer.setdefault(reader, [0, 0, 0, 0])
            layer[field] += count
            layer[3] += stored
    return CountedParams({index: Params(*sums) for index, sums in by_layer.items()}, Params(*total), bytes_by_dtype)


def _first_readers(graph: Graph) -> Dict[int, int]:
    """For each node index, the first node that reads it."""
    found: Dict[int, int] = {}
    for index, node in reversed(list(enumerate(graph.nodes))):
        for source, _ in node.inputs:
            found[source] = index
    return found
