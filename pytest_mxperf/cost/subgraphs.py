"""Operators that contain graphs: which inputs these graphs read, and how often each graph runs.

The k-th variable of a subgraph, in the order of its nodes, is its k-th input. Names inside mean nothing outside.
Sources, in MXNet: ``src/operator/control_flow.cc``, ``src/operator/subgraph/``.
"""

from typing import Dict, List, NamedTuple, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import Call
from pytest_mxperf.errors import GraphError
from pytest_mxperf.graph import VARIABLE, Graph, Node

__all__ = ["FUSED_PREFIX", "OPAQUE", "Feed", "Runs", "feeds", "runs_of", "tensor_count", "variables"]

FUSED_PREFIX = "_sg_"
"""The prefix of operators that a subgraph backend such as MKLDNN has fused from ordinary operators."""

OPAQUE = ("_while_loop", "_cond")
"""Operators for which MXNet infers no shapes."""

_LOCATIONS = {
    "_while_loop": ("cond_input_locs", "func_input_locs"),
    "_cond": ("cond_input_locs", "then_input_locs", "else_input_locs"),
}


class Feed(NamedTuple):
    """The input of the node that a subgraph's variable gets: all of it, or one slice of its first dimension."""

    position: int
    sliced: bool = False


class Runs(NamedTuple):
    """How often each subgraph runs. If the data decide, it is an upper bound, and ``note`` says so."""

    times: Tuple[int, ...]
    note: str = ""


def feeds(node: Node) -> List[List[Feed]]:
    """For each subgraph, the feeds of its variables. Raises ``GraphError`` for an input that the node does not have."""
    found = _feeds(node)
    for feed in (feed for fed in found for feed in fed):
        if not 0 <= feed.position < len(node.inputs):
            raise GraphError(f"{node.op} {node.name!r}: its graph reads input {feed.position} of {len(node.inputs)}")
    return found


def _feeds(node: Node) -> List[List[Feed]]:
    if node.op == "_foreach":
        return [_foreach_feeds(node)]
    if node.op in _LOCATIONS:
        return [[Feed(position) for position in _integers(node, name)] for name in _LOCATIONS[node.op]]
    # A fused operator has the inputs of its graph, and behind them the ranges of its quantized inputs.
    return [[Feed(position) for position in range(len(variables(subgraph)))] for subgraph in node.subgraphs]


def variables(graph: Graph) -> List[int]:
    """Node indices of the graph's variables, in order."""
    return [index for index, node in enumerate(graph.nodes) if node.op == VARIABLE]


def tensor_count(node: Node) -> int:
    """How many inputs the node has before the ranges of its quantized tensors: all, if these have none."""
    if node.op.startswith(FUSED_PREFIX) and node.subgraphs:  # behind what its graph reads
        return len(variables(node.subgraphs[0]))
    if node.op in traits.RANGE_EACH:
        return len(node.inputs) // 3
    return traits.TENSORS_BEFORE_RANGES.get(node.op, len(node.inputs))


def _foreach_feeds(node: Node) -> List[Feed]:
    """The node's inputs are the data, the states and the rest. One attribute for each lists the variables it feeds."""
    sliced, states = _integers(node, "in_data_locs"), _integers(node, "in_state_locs")
    by_variable: Dict[int, Feed] = {}
    for position, variable in enumerate((*sliced, *states, *_integers(node, "remain_locs"))):
        by_variable[variable] = Feed(position, sliced=position < len(sliced))
    if sorted(by_variable) != list(range(len(by_variable))):
        raise GraphError(f"{node.op} {node.name!r}: its locations {sorted(by_variable)} leave out an input")
    return [by_variable[variable] for variable in range(len(by_variable))]


def _integers(node: Node, name: str) -> Tuple[int, ...]:
    return Call(node.op, node.attrs, (), ()).integers(name)


def runs_of(call: Call, flops: List[int]) -> Runs:
    """How often the subgraphs run. ``flops`` are the FLOPs of one run of each."""
    if call.op == "_foreach":
        return Runs((call.inputs[0][0],))
    if call.op == "_while_loop":
        limit = call.integer("max_iterations", 0)
        return Runs((limit, limit), f"counted at its maximum of {limit} iterations")
    if call.op == "_cond":
        _, then_flops, else_flops = flops
        branch = "then" if then_flops >= else_flops else "else"
        return Runs((1, int(branch == "then"), int(branch == "else")), f"counted with its heavier branch, {branch!r}")
    return Runs((1,) * len(flops))
