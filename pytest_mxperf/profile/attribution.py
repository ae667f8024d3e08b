"""Which layers have become slower: pairs the timed layers of two graphs, with the growth of each pair.

Operators are paired by structure, as for the cost difference. A timed layer may be several fused operators. Then its
main operator, the one that computes, is paired.
"""

from collections import defaultdict, deque
from typing import Dict, Hashable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from pytest_mxperf.baseline.match import Matching
from pytest_mxperf.cost.result import LayerCost
from pytest_mxperf.graph import Node, operators_by_name
from pytest_mxperf.profile.values import LayerTime, NetworkProfile

__all__ = [
    "LARGEST_UNACCOUNTED",
    "Pairing",
    "Row",
    "Work",
    "attributed",
    "costs_by_node",
    "pairings",
    "rows_of",
    "unaccounted",
    "work_by_node",
]

LARGEST_UNACCOUNTED = 0.05
"""If layers and forward differ by a larger fraction of the forward, no layer is blamed."""
_LEAST_OF_GROWTH = 0.5
"""The fraction of the forward's growth that layers must explain. Copies of new outputs belong to no layer."""
_EACH_ALONE = 2
"""Up to this many new layers at one place are reported each alone, more of them together."""
_NOTICEABLE = 0.1
"""A fraction of the net growth. A layer that shrank by less is noise, and hides no growth."""
_SPLIT = 0.9
"""A layer was split if it does less than this fraction of its work, and new layers of its kind are beside it."""


class Work(NamedTuple):
    """What an operator does in one forward, with the operators of its subgraphs."""

    macs: int = 0
    flops: int = 0
    bytes: int = 0
    """Bytes read and written."""
    param_bytes: int = 0
    """Bytes of its parameters. A shared parameter belongs to its first reader."""
    dtype: str = ""

    def __add__(self, other: object) -> "Work":
        assert isinstance(other, Work)
        return Work(
            self.macs + other.macs,
            self.flops + other.flops,
            self.bytes + other.bytes,
            self.param_bytes + other.param_bytes,
            self.dtype,
        )

    @property
    def amount(self) -> int:
        """The figure by which two operators of one kind are compared."""
        return self.macs or self.flops or self.bytes


def work_by_node(nodes: Sequence[Node], layers: Sequence[LayerCost]) -> Dict[int, Work]:
    """The work of each operator, by node index. ``layers`` are all layers of a cost report."""
    return {index: sum(map(_work, costs[1:]), _work(costs[0])) for index, costs in costs_by_node(nodes, layers).items()}


def costs_by_node(nodes: Sequence[Node], layers: Sequence[LayerCost]) -> Dict[int, List[LayerCost]]:
    """The layers of a cost report, by node index: the operator's, and behind it those of its subgraphs."""
    found: Dict[int, List[LayerCost]] = {}
    position = 0
    for index, node in enumerate(nodes):
        if node.is_variable or position == len(layers):
            continue
        found[index] = [layers[position]]
        position += 1
        while node.subgraphs and position < len(layers) and layers[position].name.startswith(f"{node.name}/"):
            found[index].append(layers[position])
            position += 1
    return found


def _work(layer: LayerCost) -> Work:
    return Work(layer.macs, layer.flops, layer.bytes_read + layer.bytes_written, layer.params.bytes, layer.dtype)


class Row(NamedTuple):
    """A timed layer, with the node index of its main operator (or -1), and those of all operators that run in it."""

    layer: LayerTime
    main: int
    nodes: Tuple[int, ...]


def rows_of(profile: NetworkProfile, nodes: Sequence[Node]) -> List[Row]:
    """The timed layers with their operators, found by name. Operators of the same name are taken in order."""
    waiting = {name: deque(places) for name, places in operators_by_name(nodes).items()}

    def take(name: str) -> int:
        places = waiting.get(name)
        return -1 if not places else places.popleft() if len(places) > 1 else places[0]

    rows: List[Row] = []
    for layer in profile.layers:
        found = {name: take(name) for name in dict.fromkeys((*layer.members, layer.name))}
        rows.append(Row(layer, found[layer.name], tuple(index for index in found.values() if index >= 0)))
    return rows


class Pairing(NamedTuple):
    """Counterparts: mostly one old and one new layer. Without old layers the new layer is new.

    ``was_in`` is the old layer in which the new layer ran fused, if any. ``gone`` are the old operators that the new
    layers replace.
    """

    old: Tuple[Row, ...]
    new: Tuple[Row, ...]
    was_in: Optional[Row] = None
    gone: Tuple[int, ...] = ()

    @property
    def before(self) -> float:
        return sum(row.layer.cpu_seconds for row in self.old)

    @property
    def now(self) -> float:
        return sum(row.layer.cpu_seconds for row in self.new)

    @property
    def growth(self) -> float:
        """Seconds per forward. The growths of all pairings add up to the growth of all layers."""
        return self.now - self.before


def unaccounted(old: NetworkProfile, new: NetworkProfile) -> str:
    """Why no layer can be blamed: too much of a forward, or of its growth, is in no layer. Otherwise empty."""
    worst = max((profile.unaccounted_share for profile in (old, new)), key=abs)
    if worst > LARGEST_UNACCOUNTED:
        return f"{worst:.0%} of a forward is in no layer"
    if worst < -LARGEST_UNACCOUNTED:
        return f"the layers add up to {-worst:.0%} more time than a forward"
    growth, of_layers, of_outputs = (
        1e3 * (getattr(new, of) - getattr(old, of))
        for of in ("forward_cpu_seconds", "layers_cpu_seconds", "outputs_cpu_seconds")
    )
    if growth > 0 and of_layers < _LEAST_OF_GROWTH * growth:
        copies = f", the copies of its outputs {of_outputs:+.2f} ms" if of_outputs else ""
        return f"a forward takes {growth:.2f} ms longer, its layers {of_layers:+.2f} ms{copies}"
    return ""


def attributed(found: Sequence[Pairing]) -> List[Tuple[Pairing, float]]:
    """The pairings that have grown, the largest first, each with its part of the growth. None without a net growth.

    Layers that shrank noticeably do not reduce the growth, so that the parts add up to about 1 even then.
    """
    net = sum(each.growth for each in found)
    shrunk = sum(-each.growth for each in found if -each.growth > _NOTICEABLE * max(net, 0.0))
    if net <= 0:
        return []
    grown = sorted((each for each in found if each.growth > 0), key=lambda each: -each.growth)
    total = max(net + shrunk, grown[0].growth)  # no part is more than the whole growth
    return [(each, each.growth / total) for each in grown]


def pairings(
    matching: Matching, old: Sequence[Row], new: Sequence[Row], works: Tuple[Dict[int, Work], Dict[int, Work]]
) -> List[Pairing]:
    """All timed layers of both graphs, each in one pairing."""
    return list(_Pairs(matching, old, new, _kept(matching, *works)).find())


def _kept(matching: Matching, before: Dict[int, Work], now: Dict[int, Work]) -> Set[int]:
    """Operators of the new graph that were in the old graph too, even with other attributes."""
    kept = set()
    added = {matching.new.nodes[new].op for new in matching.rest()[1]}
    for new in matching.new.order:
        old = matching.origin[new]
        if old < 0 or matching.old.nodes[old].op != matching.new.nodes[new].op:
            continue
        less = now.get(new, Work()).amount < _SPLIT * before.get(old, Work()).amount
        if not (less and matching.new.nodes[new].op in added and _is_beside_added(matching, new)):
            kept.add(new)
    return kept


def _is_beside_added(matching: Matching, new: int) -> bool:
    """Whether a new reader of the operator also reads a new operator of the same kind."""
    structure = matching.new
    return any(
        matching.origin[source] < 0 and structure.nodes[source].op == structure.nodes[new].op
        for reader in structure.readers[new]
        if matching.origin[reader.reader] < 0
        for source, _ in structure.nodes[reader.reader].inputs
    )


class _Pairs:
    """Pairs the timed layers of both graphs."""

    def __init__(self, matching: Matching, old: Sequence[Row], new: Sequence[Row], kept: Set[int]) -> None:
        self._matching = matching
        self._old, self._new = old, new
        self._kept = kept
        self._old_row = {node: place for place, row in enumerate(old) for node in row.nodes}
        self._new_row = {node: place for place, row in enumerate(new) for node in row.nodes}

    def find(self) -> Iterator[Pairing]:
        counterparts: Dict[int, List[int]] = {}  # old rows by new row: the counterpart, and rows absorbed into it
        left: List[int] = []
        for place, row in enumerate(self._new):
            origin = self._place_before(row)
            if origin is not None and self._goes_by(origin, row):
                counterparts[place] = [origin]
            else:
                left.append(place)
        taken = {origins[0] for origins in counterparts.values()}
        gone = [place for place in range(len(self._old)) if place not in taken]
        gone = [place for place in gone if not self._is_absorbed(place, counterparts)]
        for place, origins in counterparts.items():
            yield Pairing(tuple(self._old[origin] for origin in origins), (self._new[place],))
        yield from self._pair_places(gone, left)

    def _place_before(self, row: Row) -> Optional[int]:
        """The old row in which the row's main operator ran, if the operator was kept."""
        return self._old_row.get(self._matching.origin[row.main]) if row.main in self._kept else None

    def _goes_by(self, origin: int, row: Row) -> bool:
        return self._old[origin].main == self._matching.origin[row.main]

    def _is_absorbed(self, place: int, counterparts: Dict[int, List[int]]) -> bool:
        """Whether the old row's operator now runs in another layer. Then the row is its counterpart too."""
        main = self._old[place].main
        partner = self._matching.partner[main] if main >= 0 else -1
        absorbing = self._new_row.get(partner) if partner in self._kept else None
        if absorbing not in counterparts:
            return False
        counterparts[absorbing].append(place)
        return True

    def _pair_places(self, gone: Sequence[int], left: Sequence[int]) -> Iterator[Pairing]:
        """Pairs new layers with the layers that they replace. Layers that only came or only went stay alone."""
        sites = _Sites(self._matching, self._kept)
        together: Dict[Hashable, Tuple[List[Row], List[Row]]] = defaultdict(lambda: ([], []))
        for place in gone:
            row = self._old[place]
            together[sites.of_old(row.main) or ("old", place)][0].append(row)
        for place in left:
            row = self._new[place]
            origin = self._place_before(row)
            if origin is not None:
                yield Pairing((), (row,), self._old[origin])
            else:
                together[sites.of_new(row.main) or ("new", place)][1].append(row)
        operators_gone = sites.gone()
        for site, (before, now) in together.items():
            operators = tuple(operators_gone.get(site, ()))
            if now and (before or operators or len(now) > _EACH_ALONE):
                yield Pairing(tuple(before), tuple(now), gone=operators)
            else:
                yield from (Pairing((row,), ()) for row in before)
                yield from (Pairing((), (row,)) for row in now)


class _Sites:
    """Where operators have come and gone. Two share a site if one reads the other, or if an operator reads both at the
    same input."""

    def __init__(self, matching: Matching, kept: Set[int]) -> None:
        self._matching = matching
        self._parents: Dict[Hashable, Hashable] = {}
        self._new = {new for new in matching.new.order if new not in kept}
        self._old = {old for old in matching.old.order if matching.partner[old] not in kept}
        for old in self._old:
            self._unite_old(old)
        for new in self._new:
            self._unite_new(new)

    def of_old(self, node: int) -> Optional[Hashable]:
        """The site of an old operator, None if it was kept."""
        return self._root(("old", node)) if node in self._old else None

    def of_new(self, node: int) -> Optional[Hashable]:
        return self._root(("new", node)) if node in self._new else None

    def gone(self) -> Dict[Optional[Hashable], List[int]]:
        """The old operators of each site, in order, also those that were fused into other layers."""
        found: Dict[Optional[Hashable], List[int]] = defaultdict(list)
        for old in self._matching.old.order:
            found[self.of_old(old)].append(old)
        found.pop(None, None)
        return found

    def _unite_old(self, old: int) -> None:
        for reader, position, _ in self._matching.old.readers[old]:
            by = ("old", reader) if reader in self._old else ("read", self._matching.partner[reader], position)
            self._unite(("old", old), by)

    def _unite_new(self, new: int) -> None:
        for reader, position, _ in self._matching.new.readers[new]:
            by = ("new", reader) if reader in self._new else ("read", reader, position)
            self._unite(("new", new), by)

    def _unite(self, one: Hashable, other: Hashable) -> None:
        self._parents[self._root(one)] = self._root(other)

    def _root(self, key: Hashable) -> Hashable:
        while self._parents.setdefault(key, key) != key:
            self._parents[key] = key = self._parents[self._parents[key]]  # halves the path for the next time
        return key
