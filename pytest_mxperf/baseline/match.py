"""Which operator of one graph is which of another, by structure; names only decide between equals.

First what is certain: operators computed from the same, or into the same. Then, between those, the alignment that
changes least. Then what reads the same, or is read by the same.
"""

import math
from collections import Counter, defaultdict, deque
from typing import Deque, Dict, Hashable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf.baseline.align import SKIP, align, longest_rising
from pytest_mxperf.baseline.structure import Numbers, Source, Structure, effective_attributes

__all__ = ["Matching", "match"]

_STEPS = 250_000  # of alignment: a quarter of a second or so
_LEAST_REACH = 32
_MOST_TO_ALIGN = int((_STEPS / 2) ** 0.5)  # operators; any may be the partner of any

# Costs of taking two operators of one type for one another, in hundredths of leaving one out.
_ATTRIBUTE, _ALL_ATTRIBUTES = SKIP // 4, SKIP * 3 // 2
_SHAPES, _NEIGHBOURS, _NAME = 10, 3, 1


class Matching(NamedTuple):
    """``partner`` gives the new node of an old one and ``origin`` the old node of a new one; -1 if there is none."""

    old: Structure
    new: Structure
    partner: List[int]
    origin: List[int]

    def pair(self, old: int, new: int) -> None:
        self.partner[old], self.origin[new] = new, old

    def part(self, old: int) -> int:
        """Takes an old node from its partner, which is returned."""
        new = self.partner[old]
        self.partner[old] = self.origin[new] = -1
        return new

    def flipped(self) -> "Matching":
        """The same matching seen from the new graph."""
        return Matching(self.new, self.old, self.origin, self.partner)

    def rest(self) -> Tuple[List[int], List[int]]:
        """Operators without a partner, in order."""
        removed = [old for old in self.old.order if self.partner[old] < 0]
        return removed, [new for new in self.new.order if self.origin[new] < 0]

    def expected(self, old: int) -> List[Source]:
        """What the partner of an old node would read if nothing before it had changed."""
        return [Source(position, self.partner[node], output) for position, node, output in self.old.sources(old)]

    def reads_the_same(self, old: int, new: int) -> bool:
        return sorted(self.expected(old)) == sorted(self.new.sources(new))

    def is_read_by_the_same(self, old: int, new: int) -> bool:
        """Whether the two have a reader in common."""
        mine = {(self.partner[reader], position) for reader, position, _ in self.old.readers[old]}
        return any((reader, position) in mine for reader, position, _ in self.new.readers[new])


def match(old: Structure, new: Structure, numbers: Numbers) -> Matching:
    """The operators of both graphs in pairs, each in one pair at most; in time nearly linear in their number."""
    matching = Matching(old, new, [-1] * len(old.nodes), [-1] * len(new.nodes))
    matching.pair(len(old.nodes) - 1, len(new.nodes) - 1)  # the outputs
    _pair_equals(matching, old.places, new.places)
    _pair_equals(matching, list(zip(old.below, old.above)), list(zip(new.below, new.above)))
    for evenly in (True, False):  # of branches that begin, or end, alike one may have been cut off
        _pair_equals(matching, old.below, new.below, evenly=evenly)
        _pair_equals(matching, old.above, new.above, evenly=evenly)
    if all(matching.rest()):
        surroundings = [list(zip(each.surroundings(numbers), each.shapes)) for each in (old, new)]
        if max(map(len, matching.rest())) > _MOST_TO_ALIGN:
            _pair_unique(matching, *surroundings)
        _align_rest(matching, _Cost(matching, numbers))
        _pair_unique(matching, *surroundings)
    _settle(matching)
    _settle(matching.flipped())
    _pair_replaced(matching)
    _pair_equals(matching, list(zip(old.labels, old.shapes)), list(zip(new.labels, new.shapes)))  # moved
    return matching


def _pair_equals(
    matching: Matching, old_keys: Sequence[Hashable], new_keys: Sequence[Hashable], *, evenly: bool = False
) -> None:
    """Pairs what has equal keys; of several those that read the same, then those of one name, then in order.

    With ``evenly`` only where as many have a key in one graph as in the other.
    """
    uneven = _uneven(matching, old_keys, new_keys) if evenly else {}
    for by_wiring, by_name in ((True, True), (True, False), (False, True), (False, False)):
        removed, added = matching.rest()
        waiting: Dict[Hashable, Deque[int]] = defaultdict(deque)
        for new in added:
            wiring = by_wiring and tuple(sorted(matching.new.sources(new)))
            waiting[new_keys[new], wiring, by_name and matching.new.nodes[new].name].append(new)
        for old in removed:
            if old_keys[old] in uneven:
                continue
            wiring = by_wiring and tuple(sorted(matching.expected(old)))
            candidates = waiting.get((old_keys[old], wiring, by_name and matching.old.nodes[old].name))
            if candidates:
                matching.pair(old, candidates.popleft())


def _uneven(matching: Matching, old_keys: Sequence[Hashable], new_keys: Sequence[Hashable]) -> Dict[Hashable, int]:
    """Keys that more operators without a partner have in one graph than in the other, and how many more."""
    removed, added = matching.rest()
    excess = Counter([old_keys[old] for old in removed])
    excess.subtract(new_keys[new] for new in added)
    return {key: count for key, count in excess.items() if count}


def _pair_unique(matching: Matching, old_keys: Sequence[Hashable], new_keys: Sequence[Hashable]) -> None:
    """Pairs what has the same key and is the only one that has it, in both graphs."""
    removed, added = matching.rest()
    old_by_key, new_by_key = _only(removed, old_keys), _only(added, new_keys)
    for key, old in old_by_key.items():
        if old >= 0 and new_by_key.get(key, -1) >= 0:
            matching.pair(old, new_by_key[key])


def _only(indices: Sequence[int], keys: Sequence[Hashable]) -> Dict[Hashable, int]:
    """The index of each key; -1 where there are several."""
    found: Dict[Hashable, int] = {}
    for index in indices:
        found[keys[index]] = -1 if keys[index] in found else index
    return found


def _align_rest(matching: Matching, cost: "_Cost") -> None:
    gaps = list(_gaps(matching))
    longest = sum(len(removed) for removed, _ in gaps)
    reach = max(_LEAST_REACH, _STEPS // max(1, longest) // 2)
    for removed, added in gaps:
        removed, added = _trimmed(matching, removed, added)
        if removed and added:
            for old, new in align(removed, added, cost, reach=reach):
                matching.pair(old, new)


def _gaps(matching: Matching) -> Iterator[Tuple[List[int], List[int]]]:
    """What has no partner yet, old and new, between one pair and the next that come in the same order in both."""
    order = matching.new.order
    place = {new: position for position, new in enumerate(order)}
    paired = [old for old in matching.old.order if matching.partner[old] >= 0]
    places = [place[matching.partner[old]] for old in paired]
    anchors = {paired[position]: places[position] for position in longest_rising(places)}
    removed: List[int] = []
    start = 0
    for old in matching.old.order:
        if old in anchors:
            yield removed, _unpaired(matching, order[start : anchors[old]])
            removed, start = [], anchors[old] + 1
        elif matching.partner[old] < 0:
            removed.append(old)
    yield removed, _unpaired(matching, order[start:])


def _unpaired(matching: Matching, indices: Sequence[int]) -> List[int]:
    return [index for index in indices if matching.origin[index] < 0]


def _trimmed(matching: Matching, removed: List[int], added: List[int]) -> Tuple[List[int], List[int]]:
    """Pairs what is equal at the front and at the back, and returns what is left."""
    labels, new_labels = matching.old.labels, matching.new.labels
    front, limit = 0, min(len(removed), len(added))
    while front < limit and labels[removed[front]] == new_labels[added[front]]:
        matching.pair(removed[front], added[front])
        front += 1
    back = 0
    while back < limit - front and labels[removed[-1 - back]] == new_labels[added[-1 - back]]:
        matching.pair(removed[-1 - back], added[-1 - back])
        back += 1
    return removed[front : len(removed) - back], added[front : len(added) - back]


class _Cost:
    """What it costs to take an old operator for a new one; None if it is of another type."""

    def __init__(self, matching: Matching, numbers: Numbers) -> None:
        self._old, self._new = matching.old, matching.new
        self._around = list(zip(matching.old.types_around(numbers), matching.new.types_around(numbers)))
        self._distances: Dict[Tuple[int, int], Optional[int]] = {}

    def __call__(self, old: int, new: int) -> Optional[int]:
        labels = self._old.labels[old], self._new.labels[new]
        if labels not in self._distances:
            self._distances[labels] = self._distance(old, new)
        cost = self._distances[labels]
        if cost is None:
            return None
        if self._old.shapes[old] != self._new.shapes[new]:
            cost += _SHAPES
        cost += _NEIGHBOURS * self._strangeness(old, new)
        if self._old.nodes[old].name != self._new.nodes[new].name:
            cost += _NAME
        return cost

    def _distance(self, old: int, new: int) -> Optional[int]:
        mine, theirs = self._old.nodes[old], self._new.nodes[new]
        if mine.op != theirs.op:
            return None
        attributes, others = effective_attributes(mine), effective_attributes(theirs)
        names = {*attributes, *others}
        return min(sum(_attribute_cost(attributes.get(name), others.get(name)) for name in names), _ALL_ATTRIBUTES)

    def _strangeness(self, old: int, new: int) -> int:
        """The distances up to which the types of the operators around the two differ."""
        return sum([mine[old] != theirs[new] for mine, theirs in self._around])


def _attribute_cost(mine: Optional[str], theirs: Optional[str]) -> int:
    """Sizes are the further from each other the larger their ratio: what is widened grows a little."""
    if mine == theirs:
        return 0
    sizes = [int(value) if value is not None and value.isdigit() else 0 for value in (mine, theirs)]
    if not all(sizes):
        return _ATTRIBUTE
    return _ATTRIBUTE * 3 // 5 + min(_ATTRIBUTE * 3 // 5, int(abs(math.log2(sizes[0] / sizes[1])) * 10))


def _settle(matching: Matching) -> None:
    """Gives each old operator the new one that is equal and reads the same, if that has been left out.

    Of blocks that are equal the first are so taken for the old ones, and what is added begins where a block does.
    """
    waiting: Dict[Hashable, List[int]] = defaultdict(list)
    for new in matching.rest()[1]:
        waiting[_place(matching.new, new)].append(new)
    for old in matching.old.order:
        reads = matching.expected(old)
        candidates = waiting.get((matching.old.labels[old], min(reads))) if reads else None
        if candidates and matching.reads_the_same(old, candidates[-1]):
            partner = matching.partner[old]
            if partner >= 0:  # which is waiting now, and is taken again if it is equal and reads the same
                matching.part(old)
                waiting[_place(matching.new, partner)].append(partner)
            matching.pair(old, candidates.pop())


def _place(structure: Structure, index: int) -> Hashable:
    return structure.labels[index], min(structure.sources(index), default=None)


def _pair_replaced(matching: Matching) -> None:
    """Pairs an operator that was left out with one that reads the same, and is of its type or read by the same."""
    removed, added = matching.rest()
    waiting: Dict[Hashable, List[int]] = defaultdict(list)
    for old in removed:
        waiting[_read(matching.expected(old))].append(old)
    for new in added:
        candidates = waiting.get(_read(matching.new.sources(new)))
        # Only where there is no choice.
        if candidates and len(candidates) == 1 and _is_replaced(matching, candidates[0], new):
            old = candidates.pop()
            matching.pair(old, new)
            for reader in {read.reader for read in matching.old.readers[old]}:
                if matching.partner[reader] < 0:
                    waiting[_read(matching.expected(reader))].append(reader)


def _read(sources: Sequence[Source]) -> Hashable:
    """In no order: to another operator it may mean nothing."""
    return tuple(sorted([(node, output) for _, node, output in sources]))


def _is_replaced(matching: Matching, old: int, new: int) -> bool:
    same_type = matching.old.nodes[old].op == matching.new.nodes[new].op
    return same_type or matching.is_read_by_the_same(old, new)
