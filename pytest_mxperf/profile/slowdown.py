"""Why a network has become slower: the layers that make up nearly all of the growth, each with its cause."""

from functools import partial
from typing import Collection, Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

import msgspec

from pytest_mxperf.attributes import Operators, nothing_known
from pytest_mxperf.baseline.diff import matched
from pytest_mxperf.baseline.match import Matching
from pytest_mxperf.cost.result import LayerCost
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.profile.attribution import Pairing, Work, attributed, pairings, rows_of, unaccounted, work_by_node
from pytest_mxperf.profile.blame import Blamed, in_order
from pytest_mxperf.profile.causes import Cause, Causes, is_changed, nearest_changed
from pytest_mxperf.profile.values import NetworkProfile

__all__ = ["SlowLayer", "Slowdown", "Timed", "paired", "slowdown"]

_NAMED = 0.9
"""The fraction of the growth that is reported layer by layer."""
_NEGLIGIBLE = 0.02
"""A layer with a smaller fraction of the growth is not named if the others have 90%."""
_MOST_NAMED = 10
_CHANGED = ("new", "replaced", "no longer fused")
"""Causes that are in the layer itself."""
_EVENLY = 0.2
"""The growth is spread if 90% of it takes more than 10 layers, and each has a smaller fraction than this."""


class Timed(NamedTuple):
    """A model's graph, the shapes and dtypes of its outputs, its costs, and the times of its layers."""

    graph: Graph
    inference: Inference
    costs: Sequence[LayerCost]
    profile: NetworkProfile


class SlowLayer(msgspec.Struct, frozen=True):
    """A layer that has become slower. Layers that replace another go by the old layer's name."""

    name: str
    operator: str
    before_seconds: float
    """CPU seconds per forward; 0 if the layer is new, or ran in another layer."""
    now_seconds: float
    part: float
    """The layer's fraction of the network's growth."""
    cause: Cause
    is_behind: bool = False
    """Whether its own attributes are unchanged, and it reads a changed layer that is listed before it."""


class Slowdown(msgspec.Struct, frozen=True):
    """The layers that make up at least 90% of the growth. If the growth is spread, only the largest.

    A changed layer comes before layers that are slower only because they read it. Of such groups the one with the most
    growth comes first.
    """

    layers: Tuple[SlowLayer, ...] = ()
    more: int = 0
    """How many other layers have grown."""
    is_spread: bool = False
    """Whether it is spread evenly: the one layer and ``more`` others make up 90%."""
    unknown_because: str = ""
    """Why no layer is named."""


def slowdown(
    old: Timed,
    new: Timed,
    inputs: Collection[str],
    *,
    operators: Operators = nothing_known,
    own_weights: bool = False,
) -> Slowdown:
    """Which layers of ``new`` are slower than in ``old``, and why. With ``own_weights`` both have the same graph.

    ``inputs`` and ``operators`` are as in ``baseline.diff.compare``.
    """
    because = unaccounted(old.profile, new.profile)
    if because:
        return Slowdown(unknown_because=f"their times do not add up ({because})")
    matching, works, found = _paired(old, new, inputs, operators)
    causes = Causes(matching, works, own_weights=own_weights)
    blamed = [Blamed(pairing, part, causes.of(pairing)) for pairing, part in attributed(found)]
    return _named(in_order(matching, blamed), matching) if blamed else Slowdown(unknown_because=_no_slower(found))


def paired(old: Timed, new: Timed, inputs: Collection[str], *, operators: Operators = nothing_known) -> List[Pairing]:
    """All timed layers of both models, each with its counterpart if it has one."""
    return _paired(old, new, inputs, operators)[2]


def _paired(
    old: Timed, new: Timed, inputs: Collection[str], operators: Operators
) -> Tuple[Matching, Tuple[Dict[int, Work], Dict[int, Work]], List[Pairing]]:
    matching = matched(
        (old.graph, old.inference.shapes), (new.graph, new.inference.shapes), inputs, operators=operators
    )
    works = work_by_node(old.graph.nodes, old.costs), work_by_node(new.graph.nodes, new.costs)
    rows = rows_of(old.profile, old.graph.nodes), rows_of(new.profile, new.graph.nodes)
    return matching, works, pairings(matching, *rows, works)


def _named(blamed: Sequence[Blamed], matching: Matching) -> Slowdown:
    large = [each for each in blamed if each.part >= _NEGLIGIBLE]
    if sum(each.part for each in large) >= _NAMED:
        blamed = large
    needed = _needed([each.part for each in blamed])
    is_spread = needed > _MOST_NAMED and max(each.part for each in blamed) < _EVENLY
    named = [max(blamed, key=lambda each: each.part)] if is_spread else blamed[: min(needed, _MOST_NAMED)]
    layers = tuple(map(partial(_slow_layer, matching), named, _behind(matching, named)))
    return Slowdown(layers, (needed if is_spread else len(blamed)) - len(named), is_spread)


def _needed(parts: Sequence[float]) -> int:
    """How many of the parts, from the first on, add up to 90%."""
    reached = 0.0
    for count, part in enumerate(parts, 1):
        reached += part
        if reached >= _NAMED:
            return count
    return len(parts)


def _behind(matching: Matching, named: Sequence[Blamed]) -> Iterator[bool]:
    """For each layer, whether it only reads a changed layer that comes before it in ``named``."""
    seen: Set[int] = set()
    for each in named:
        nodes = list(each.nodes())
        is_other = each.cause.kind in _CHANGED or any(is_changed(matching, node) for node in nodes)
        yield not is_other and not seen.isdisjoint(nearest_changed(matching, nodes))
        seen.update(nodes)


def _slow_layer(matching: Matching, blamed: Blamed, is_behind: bool) -> SlowLayer:
    pairing = blamed.pairing
    name = _name(blamed, matching.old.nodes)
    return SlowLayer(*name, pairing.before, pairing.now, blamed.part, blamed.cause, is_behind)


def _name(blamed: Blamed, old_nodes: Sequence[Node]) -> Tuple[str, str]:
    """The name and operator of the layer: the new ones, or the old ones if it was replaced."""
    pairing = blamed.pairing
    if blamed.cause.kind == "replaced" and not pairing.old:
        node = old_nodes[pairing.gone[0]]
        return node.name, node.op
    if blamed.cause.kind in ("new", "replaced"):
        longest = max((row.layer for row in pairing.old or pairing.new), key=lambda layer: layer.cpu_seconds)
        return longest.name, longest.operator
    return pairing.new[0].layer.name, pairing.new[0].layer.operator


def _no_slower(found: Sequence[Pairing]) -> str:
    before, now = (1e3 * sum(getattr(each, side) for each in found) for side in ("before", "now"))
    return f"all layers together took {before:.2f} ms before and {now:.2f} ms now"
