"""How an operator differs from its partner in another graph."""

import math
from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf import traits
from pytest_mxperf.attributes import ineffective
from pytest_mxperf.baseline.match import Matching
from pytest_mxperf.baseline.structure import Structure
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.graph import Entry, Node
from pytest_mxperf.quantities import format_shape

__all__ = ["Detail", "Wiring", "attribute_details", "shape_details"]

_NOT_SET = "not set"
_LONGEST = 60  # characters of a value: some attributes hold whole documents
_FRONTIER = 8
_MOST_INSIDE = 4


class Detail(NamedTuple):
    """One thing that differs, as text."""

    what: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.what} {self.before} -> {self.now}"


def attribute_details(old: Node, new: Node) -> List[Detail]:
    """What differs in the operators themselves: their type, or else their attributes, inputs and subgraphs."""
    if old.op != new.op:
        return [Detail("operator", old.op, new.op)]
    details = _differing_attributes(old, new)
    if not details and len(old.inputs) != len(new.inputs):
        details.append(Detail("inputs", str(len(old.inputs)), str(len(new.inputs))))
    sizes = [str(sum(len(subgraph.nodes) for subgraph in node.subgraphs)) for node in (old, new)]
    if sizes[0] != sizes[1]:
        details.append(Detail("nodes in its subgraphs", *sizes))
    return details or _inner_details(old, new)


def _differing_attributes(old: Node, new: Node) -> List[Detail]:
    """Those that decide nothing here come last, and say so."""
    idle = {**ineffective(old.op, old.attrs), **ineffective(new.op, new.attrs)}
    names = sorted({*old.attrs, *new.attrs}, key=lambda name: (name in idle, name))
    return [
        Detail(
            name,
            _shortened(old.attrs.get(name)),
            _shortened(new.attrs.get(name)) + (f" ({idle[name]})" if name in idle else ""),
        )
        for name in names
        if old.attrs.get(name) != new.attrs.get(name)
    ]


def _inner_details(old: Node, new: Node) -> List[Detail]:
    """What differs in operators of the subgraphs, each compared with the one in its place, where that is but a few."""
    details = [
        Detail(f"{now.name} {detail.what}", detail.before, detail.now)
        for graphs in zip(old.subgraphs, new.subgraphs)
        for before, now in zip(graphs[0].nodes, graphs[1].nodes)
        if not now.is_variable
        for detail in attribute_details(before, now)
    ]
    return details if len(details) <= _MOST_INSIDE else []


def _shortened(value: Optional[str]) -> str:
    if value is None:
        return _NOT_SET
    return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"


def shape_details(old: Structure, new: Structure, pair: Tuple[int, int], *, parameters: bool) -> List[Detail]:
    """How the shape of an input has changed; of a parameter only if asked for, and if no other has changed."""
    before, now = old.nodes[pair[0]], new.nodes[pair[1]]
    differing = [
        (old.is_parameter(before.inputs[position]), position, shapes)
        for position, shapes in enumerate(zip(old.inputs_of(pair[0]), new.inputs_of(pair[1])))
        if shapes[0] != shapes[1]
    ]
    is_parameter, position, shapes = min(differing, default=(True, -1, ((), ())))
    if not is_parameter:
        return [_input_detail(now, position, *shapes)]
    if not parameters:
        return []
    if position >= 0:
        return [Detail("parameter", *map(format_shape, shapes))]
    outputs = [shapes for shapes in zip(old.shapes[pair[0]], new.shapes[pair[1]]) if shapes[0] != shapes[1]]
    return [Detail("output", *map(format_shape, outputs[0]))] if outputs else []


def _input_detail(node: Node, position: int, before: Shape, now: Shape) -> Detail:
    """In the terms of the operator where only its channels or features have changed; else the whole shape."""
    if position == 0 and len(before) == len(now):
        if "num_hidden" in node.attrs:
            features = [_features(shape, node.attrs) for shape in (before, now)]
            return Detail("input features", *features)
        axis = _channel_axis(node.op, node.attrs)
        if axis is not None and _differ_only_at(axis, before, now):
            return Detail("input channels", str(before[axis]), str(now[axis]))
    what = "input" if len(node.inputs) == 1 or position == 0 else f"input {position + 1}"
    return Detail(what, format_shape(before), format_shape(now))


def _features(shape: Shape, attributes: Mapping[str, str]) -> str:
    """Numbers per row of what a FullyConnected reads."""
    return str(shape[-1] if attributes.get("flatten") in ("False", "0") else math.prod(shape[1:]))


def _channel_axis(op: str, attributes: Mapping[str, str]) -> Optional[int]:
    if "num_filter" in attributes:
        layout = attributes.get("layout", "None")
        return layout.index("C") if "C" in layout else 1
    return int(attributes.get("axis", "1")) if op in traits.BATCH_NORMS else None


def _differ_only_at(axis: int, before: Shape, now: Shape) -> bool:
    differing = [place for place, sizes in enumerate(zip(before, now)) if sizes[0] != sizes[1]]
    return differing == [axis % len(before)]


class Wiring:
    """Tells whether partners read the same, apart from what has been put in between or taken out."""

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        self._before = _frontiers(matching.old, matching.partner, named=False)
        self._now = _frontiers(matching.new, matching.origin, named=True)
        self._variables: Dict[int, int] = {}
        self._origins: Dict[int, int] = {}

    def details(self, old: int, new: int) -> List[Detail]:
        """Of one pair; pairs are to be asked about in order, since of shared parameters the first reader decides."""
        before, now = self._matching.old.nodes[old], self._matching.new.nodes[new]
        inputs, new_inputs = list(before.inputs), list(now.inputs)
        may_swap = before.op in traits.COMMUTATIVE and len(inputs) == 2 == len(new_inputs)
        if may_swap and not self._agree(inputs, new_inputs):
            inputs.reverse()
        return [
            Detail(f"input {position + 1}", self._name(False, mine), self._name(True, theirs))
            for position, (mine, theirs) in enumerate(zip(inputs, new_inputs))
            if not self._is_same(mine, theirs)
        ]

    def _agree(self, inputs: Sequence[Entry], new_inputs: Sequence[Entry]) -> bool:
        return all(self._is_same(*entries) for entries in zip(inputs, new_inputs))

    def _is_same(self, mine: Entry, theirs: Entry) -> bool:
        old, new = self._matching.old, self._matching.new
        if old.is_parameter(mine) and new.is_parameter(theirs):
            return self._is_same_parameter(mine[0], theirs[0])
        if self._matching.partner[mine[0]] == theirs[0]:
            return mine[1] == theirs[1]
        before, now = self._before[mine[0]], self._now[theirs[0]]
        return bool(before & now) or before == now

    def _is_same_parameter(self, mine: int, theirs: int) -> bool:
        return self._variables.setdefault(mine, theirs) == theirs and self._origins.setdefault(theirs, mine) == mine

    def _name(self, is_new: bool, entry: Entry) -> str:
        nodes = (self._matching.new if is_new else self._matching.old).nodes
        return f"{nodes[entry[0]].name}[{entry[1]}]" if entry[1] else nodes[entry[0]].name


def _frontiers(structure: Structure, partners: Sequence[int], *, named: bool) -> List[FrozenSet[int]]:
    """For each node the nearest that have a partner, itself or behind it, named as in the old graph.

    Inputs stand for themselves, by the negative of their label. Only a few are kept of many.
    """
    frontiers: List[FrozenSet[int]] = []
    for index, node in enumerate(structure.nodes):
        if node.is_variable:
            is_parameter = structure.is_parameter((index, 0))
            frontiers.append(frozenset() if is_parameter else frozenset([-1 - structure.labels[index]]))
        elif partners[index] >= 0:
            frontiers.append(frozenset([partners[index] if named else index]))
        else:
            behind = frozenset().union(*(frontiers[source] for source, _ in node.inputs))
            frontiers.append(behind if len(behind) <= _FRONTIER else frozenset(sorted(behind)[-_FRONTIER:]))
    return frontiers
