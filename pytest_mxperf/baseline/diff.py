"""Which layers make the difference between two models. They are matched by structure, so all names may differ."""

from enum import Enum
from typing import Collection, Dict, Iterator, List, Literal, Mapping, NamedTuple, Optional, Sequence, Tuple, get_args

import msgspec

from pytest_mxperf.attributes import Normalizer, Operators, nothing_known
from pytest_mxperf.baseline.detail import Detail, Wiring, attribute_details, shape_details
from pytest_mxperf.baseline.match import Matching, match
from pytest_mxperf.baseline.record import Baseline, LayerRecord
from pytest_mxperf.baseline.structure import OUTPUTS, Numbers, Structure
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.errors import BaselineError
from pytest_mxperf.graph import Graph

__all__ = [
    "COST_METRICS",
    "Change",
    "ChangeKind",
    "CostMetric",
    "Costs",
    "Counted",
    "Detail",
    "Difference",
    "Shaped",
    "difference_between",
    "matched",
]

Shaped = Tuple[Graph, Sequence[Tuple[Shape, ...]]]
"""A graph, and the shapes of each node's visible outputs."""


class ChangeKind(Enum):
    """What happened to a layer."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    """Its operator, an attribute, or its number of inputs differs."""
    REWIRED = "rewired"
    """It reads something else, or no longer shares a parameter."""
    RESHAPED = "reshaped"
    """Only the shapes of its inputs differ, because another layer has changed."""
    RECOUNTED = "recounted"
    """Only its costs differ: for example, its parameters no longer train."""


CostMetric = Literal["macs", "flops", "params"]
"""What layers are compared in; ``params`` are the trainable ones."""
COST_METRICS: Tuple[CostMetric, ...] = get_args(CostMetric)


class Costs(msgspec.Struct, frozen=True):
    """What a layer, or a whole model, costs. ``params`` are the trainable ones."""

    macs: int = 0
    flops: int = 0
    params: int = 0

    def __add__(self, other: "Costs") -> "Costs":
        return Costs(self.macs + other.macs, self.flops + other.flops, self.params + other.params)


class Change(msgspec.Struct, frozen=True):
    """One changed layer, with its costs before and now. They are 0 where the layer does not exist."""

    kind: ChangeKind
    name: str
    op: str
    details: Tuple[Detail, ...]
    """What differs; empty if the layer was added or removed."""
    before: Costs
    now: Costs
    old_name: Optional[str] = None
    """Its name in the old model; None if it was added."""

    def growth(self, metric: CostMetric) -> int:
        """The growth of ``macs``, ``flops`` or ``params``."""
        return int(getattr(self.now, metric)) - int(getattr(self.before, metric))

    @property
    def summary(self) -> str:
        """What has changed: ``num_filter 256 -> 384, input channels 256 -> 384``."""
        return ", ".join(map(str, self.details)) or self.kind.value


class Difference(msgspec.Struct, frozen=True):
    """All differences between two models, in the new one's order. Without changes they are equal up to names."""

    changes: Tuple[Change, ...]
    before: Costs
    now: Costs

    def growth(self, metric: CostMetric) -> int:
        """The growth of ``macs``, ``flops`` or ``params`` in the whole model."""
        return int(getattr(self.now, metric)) - int(getattr(self.before, metric))

    def share(self, change: Change, metric: CostMetric) -> Optional[float]:
        """The change's part of the model's growth, as a fraction; None if that is 0. All shares add up to 1."""
        growth = self.growth(metric)
        return change.growth(metric) / growth if growth else None

    def grown(self, metric: CostMetric) -> List[Change]:
        """The changes that have grown in the metric, largest first."""
        grown = [change for change in self.changes if change.growth(metric) > 0]
        return sorted(grown, key=lambda change: -change.growth(metric))

    def explanation(self, metric: CostMetric, *, percent: int, limit: int) -> List[Change]:
        """The fewest changes that make up this percentage of all growth in the metric, at most ``limit``."""
        return _heaviest(self.grown(metric), metric, percent, limit)

    def distinction(self, metric: CostMetric, *, percent: int, limit: int) -> List[Change]:
        """Like ``explanation``, for growth and shrinkage together: the heaviest changes of either kind."""
        differing = [change for change in self.changes if change.growth(metric)]
        ranked = sorted(differing, key=lambda change: -abs(change.growth(metric)))
        return _heaviest(ranked, metric, percent, limit)


def _heaviest(ranked: Sequence[Change], metric: CostMetric, percent: int, limit: int) -> List[Change]:
    """The first few that make up so much of all growth and shrinkage together."""
    total = sum(abs(change.growth(metric)) for change in ranked)
    shown: List[Change] = []
    explained = 0
    for change in ranked[:limit]:
        if explained * 100 >= total * percent:
            break
        shown.append(change)
        explained += abs(change.growth(metric))
    return shown


class Counted(NamedTuple):
    """A model to compare: its graph, the shapes of each node's visible outputs, costs by node, and their total."""

    graph: Graph
    shapes: Sequence[Tuple[Shape, ...]]
    costs: Mapping[int, Costs]
    total: Costs

    @classmethod
    def of(cls, graph: Graph, shapes: Sequence[Tuple[Shape, ...]], baseline: Baseline) -> "Counted":
        """Raises ``BaselineError`` if the baseline was not counted from this graph."""
        total = Costs(baseline.macs, baseline.flops, baseline.params.trainable)
        return cls(graph, shapes, _costs_by_node(graph, baseline.layers), total)


def _costs_by_node(graph: Graph, layers: Sequence[LayerRecord]) -> Dict[int, Costs]:
    """The records come in the graph's order; those of layers inside a node follow the node's own, named after it."""
    costs: Dict[int, Costs] = {}
    position = 0
    for index, node in enumerate(graph.nodes):
        if node.is_variable:
            continue
        if position < len(layers) and (layers[position].name, layers[position].op) == (node.name, node.op):
            costs[index] = _costs(layers[position])
            position += 1
        while node.subgraphs and position < len(layers) and layers[position].name.startswith(f"{node.name}/"):
            costs[index] = costs.get(index, _NOTHING) + _costs(layers[position])
            position += 1
    if position < len(layers):
        raise BaselineError(
            f"the baseline's graph has no {layers[position].op} {layers[position].name!r}, whose costs it has"
        )
    return costs


def _costs(layer: LayerRecord) -> Costs:
    return Costs(layer.macs, layer.flops, layer.params)


_NOTHING = Costs()


def difference_between(
    old: Counted, new: Counted, inputs: Collection[str], *, operators: Operators = nothing_known
) -> Difference:
    """What distinguishes ``new`` from ``old``; ``inputs`` are the names of the inputs, which both models share.

    ``operators`` knows the types and defaults of attributes; without it a default that is written out is a change.
    Takes time nearly linear in the number of nodes.
    """
    matching = matched((old.graph, old.shapes), (new.graph, new.shapes), inputs, operators=operators)
    changes = tuple(_Changes(matching, old.costs, new.costs).find())
    return Difference(changes, old.total, new.total)


def matched(old: Shaped, new: Shaped, inputs: Collection[str], *, operators: Operators = nothing_known) -> Matching:
    """Which operator of ``new`` is which of ``old``; both are normalized in it. Arguments as above."""
    numbers, normalizer = Numbers(), Normalizer(operators)
    before, now = [Structure.of(normalizer.graph(graph), shapes, inputs, numbers) for graph, shapes in (old, new)]
    return match(before, now, numbers)


class _Changes:
    """Goes through the operators of both graphs."""

    def __init__(self, matching: Matching, old_costs: Mapping[int, Costs], new_costs: Mapping[int, Costs]) -> None:
        self._matching = matching
        self._old_costs, self._new_costs = old_costs, new_costs
        self._wiring = Wiring(matching)

    def find(self) -> Iterator[Change]:
        """The changes in the new graph's order. A removed layer comes before the layer that followed it."""
        removed = self._removed_before()
        for new in self._matching.new.order:
            old = self._matching.origin[new]
            if old < 0:
                node = self._matching.new.nodes[new]
                yield Change(ChangeKind.ADDED, node.name, node.op, (), _NOTHING, self._new_costs.get(new, _NOTHING))
                continue
            for gone in removed.get(old, ()):
                yield self._removed(gone)
            change = self._change(old, new)
            if change is not None:
                yield change
        for gone in removed.get(-1, ()):
            yield self._removed(gone)

    def _removed_before(self) -> Dict[int, List[int]]:
        """What was removed, by the operator behind it that has stayed; -1 if there is none."""
        removed: Dict[int, List[int]] = {}
        following = -1
        for old in reversed(self._matching.old.order):
            if self._matching.partner[old] >= 0:
                following = old
            else:
                removed.setdefault(following, []).append(old)
        return {following: gone[::-1] for following, gone in removed.items()}

    def _removed(self, old: int) -> Change:
        node = self._matching.old.nodes[old]
        costs = self._old_costs.get(old, _NOTHING)
        return Change(ChangeKind.REMOVED, node.name, node.op, (), costs, _NOTHING, node.name)

    def _change(self, old: int, new: int) -> Optional[Change]:
        before, now = self._matching.old.nodes[old], self._matching.new.nodes[new]
        costs = self._old_costs.get(old, _NOTHING), self._new_costs.get(new, _NOTHING)
        kind, details = self._details(old, new, *costs)
        return Change(kind, now.name, now.op, tuple(details), *costs, before.name) if details else None

    def _details(self, old: int, new: int, before: Costs, now: Costs) -> Tuple[ChangeKind, List[Detail]]:
        idle = self._idle_details(old, new)
        kind, details = self._effective_details(old, new, before, now)
        return (kind if details else ChangeKind.CHANGED), [*details, *idle]

    def _effective_details(self, old: int, new: int, before: Costs, now: Costs) -> Tuple[ChangeKind, List[Detail]]:
        own = self._own_details(old, new)
        rewired = self._wiring.details(old, new)
        reshaped: List[Detail] = []
        if self._matching.new.nodes[new].op != OUTPUTS:
            structures = self._matching.old, self._matching.new
            reshaped = shape_details(*structures, (old, new), parameters=not own)
        if own or rewired:
            return ChangeKind.CHANGED if own else ChangeKind.REWIRED, [*own, *rewired, *reshaped]
        if reshaped or before == now:
            return ChangeKind.RESHAPED, reshaped
        # A parameter that several layers read belongs to the first. Which one comes first is no difference.
        shared = self._shares(self._matching.old, old) and self._shares(self._matching.new, new)
        return ChangeKind.RECOUNTED, [] if shared else _recounted(before, now)

    def _own_details(self, old: int, new: int) -> List[Detail]:
        if self._are_alike(old, new):
            return []
        details = attribute_details(self._matching.old.nodes[old], self._matching.new.nodes[new])
        return details or [Detail("its subgraphs", "as they were", "others")]

    def _idle_details(self, old: int, new: int) -> List[Detail]:
        """What differs in attributes of no effect here, where nothing else differs in the operators themselves."""
        before, now = self._matching.old.nodes[old], self._matching.new.nodes[new]
        may_differ = before.attrs != now.attrs or before.subgraphs
        return attribute_details(before, now) if may_differ and self._are_alike(old, new) else []

    def _are_alike(self, old: int, new: int) -> bool:
        same_label = self._matching.old.labels[old] == self._matching.new.labels[new]
        return same_label and len(self._matching.old.nodes[old].inputs) == len(self._matching.new.nodes[new].inputs)

    def _shares(self, structure: Structure, index: int) -> bool:
        """Whether the node reads a parameter that another reads too."""
        return any(
            structure.is_parameter(entry) and len(structure.readers[entry[0]]) > 1
            for entry in structure.nodes[index].inputs
        )


def _recounted(before: Costs, now: Costs) -> List[Detail]:
    return [
        Detail(metric, f"{getattr(before, metric):,}", f"{getattr(now, metric):,}")
        for metric in COST_METRICS
        if getattr(before, metric) != getattr(now, metric)
    ]
