"""Which layer is named first: a changed layer comes before layers that are slower because they read it.

A layer that reads a transposed or an unblocked output may lose more time than the layer that changed. Both are reported
together.
"""

from typing import Dict, Hashable, Iterator, List, NamedTuple, Sequence

from pytest_mxperf.baseline.match import Matching
from pytest_mxperf.profile.attribution import Pairing
from pytest_mxperf.profile.causes import Cause, is_changed, nearest_changed

__all__ = ["Blamed", "in_order"]


class Blamed(NamedTuple):
    """Layers that have grown, their part of the network's growth, and why."""

    pairing: Pairing
    part: float
    cause: Cause

    @property
    def has_come(self) -> bool:
        return self.cause.kind in ("new", "replaced")

    def nodes(self) -> Iterator[int]:
        """Node indices of the operators that run in the new layers."""
        return (node for row in self.pairing.new for node in row.nodes)


def in_order(matching: Matching, blamed: Sequence[Blamed]) -> List[Blamed]:
    """Groups layers that belong together. The group with the most growth comes first. In a group, changed layers come
    first, and then layers that are no longer fused because of them."""
    groups = _Groups(matching, blamed)
    parts: Dict[int, float] = {}
    for place, each in enumerate(blamed):
        group = groups.of(place)
        parts[group] = parts.get(group, 0.0) + each.part
    places = sorted(
        range(len(blamed)),
        key=lambda place: (
            -parts[groups.of(place)],
            groups.of(place),
            groups.rank(place),
            -blamed[place].part,
        ),
    )
    return [blamed[place] for place in places]


class _Groups:
    """Layers that belong together: new layers, layers that ran in the same old layer, and unchanged layers behind."""

    def __init__(self, matching: Matching, blamed: Sequence[Blamed]) -> None:
        self._matching = matching
        self._blamed = blamed
        self._parents = list(range(len(blamed)))
        self._ranks = [self._rank(each) for each in blamed]
        self._owners = {node: place for place, each in enumerate(blamed) for node in each.nodes()}
        for place in range(len(blamed)):
            for source in self._culprits(place) if self._ranks[place] == 2 else self._sources(place):
                self._unite(place, source)
        self._unite_what_was_fused()

    def of(self, place: int) -> int:
        while self._parents[place] != place:
            place = self._parents[place]
        return place

    def rank(self, place: int) -> int:
        """0 if the layer itself has changed, 1 if it is no longer fused, 2 if it only reads a changed layer."""
        return self._ranks[place]

    def _rank(self, each: Blamed) -> int:
        is_other = any(is_changed(self._matching, node) for node in each.nodes())
        computes_otherwise = any(detail.what == "dtype" for detail in each.cause.details)
        if is_other or computes_otherwise or each.has_come:
            return 0
        return 1 if each.cause.kind == "no longer fused" else 2

    def _sources(self, place: int) -> Iterator[int]:
        """For a new layer, the other new layers that it reads."""
        for node in self._blamed[place].nodes():
            for source in self._matching.new.sources(node):
                owner = self._owners.get(source.node, place)
                if self._blamed[place].has_come and self._blamed[owner].has_come:
                    yield owner

    def _culprits(self, place: int) -> Iterator[int]:
        """For an unchanged layer, the nearest changed layers before it."""
        for node in nearest_changed(self._matching, list(self._blamed[place].nodes())):
            if node in self._owners:
                yield self._owners[node]

    def _unite_what_was_fused(self) -> None:
        """Unites layers that ran in the same old layer."""
        hosts: Dict[Hashable, int] = {}
        for place, each in enumerate(self._blamed):
            for row in (*each.pairing.old, *([each.pairing.was_in] if each.pairing.was_in else [])):
                self._unite(place, hosts.setdefault(row.layer.name if row.main < 0 else row.main, place))

    def _unite(self, one: int, other: int) -> None:
        self._parents[self.of(one)] = self.of(other)
