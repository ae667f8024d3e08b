"""Why a layer takes longer: what it computes, how MXNet runs it, or which layers have replaced it."""

from typing import Dict, List, Literal, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.attributes import ineffective
from pytest_mxperf.baseline.detail import Detail, attribute_details, shape_details
from pytest_mxperf.baseline.match import Matching
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.graph import Node
from pytest_mxperf.profile.attribution import Pairing, Work

__all__ = ["Cause", "Causes", "Kind", "block_of", "is_changed", "nearest_changed"]

Kind = Literal[
    "more work",  # MACs or bytes grew, and so did the time
    "slower kernel",  # the same work, with other attributes
    "left blocked layout",  # a channel count that MXNet's fast kernels do not take
    "no longer fused",  # the layer, or an operator that ran in it, was part of another operator
    "fused with more",  # a new operator runs in it
    "new",
    "replaced",  # by other layers
    "own weights",  # the same graph, other numbers
    "unchanged",  # itself, but layers before it may have changed
]

_BLOCKS = (8, 16)
"""MKLDNN's kernels for convolutions take channels in blocks of 8, or of 16 with AVX-512. On an AVX-512 core, 64 -> 68
channels of a 3 x 3 convolution took 1.69 times the time for 1.06 times the work. 64 -> 72 took 1.1 times the time for
1.13 times the work if only the output is wider, and 1.6 times the time for 1.27 times if the input is wider too."""
_MORE = 1.01
"""A ratio of work. A smaller ratio counts as the same work."""
_EXPLAINED = 2.0
"""If the time grows by more than this many times the growth of the work, the work is not the cause."""
_OUT_OF_PROPORTION = 1.15
"""A kernel for unblocked layouts takes at least this many times the time that the work would take."""
_REACH = 50
"""How many steps before a layer a change is searched."""
_KERNEL_FIRST = ("num_group", "dilate", "kernel", "layout", "axis")
"""Attributes that decide on a kernel, the most important first."""


class Cause(msgspec.Struct, frozen=True):
    """Why a layer takes longer, and its figures before and now."""

    kind: Kind
    details: Tuple[Detail, ...] = ()
    """The differences in the layer or, if it is unchanged, in the layers before it."""
    macs: Tuple[int, int] = (0, 0)
    bytes: Tuple[int, int] = (0, 0)
    """Bytes read and written."""
    param_bytes: Tuple[int, int] = (0, 0)
    layers: Tuple[str, ...] = ()
    """Names of the new layers, of those that the layer was or is fused with, or of changed layers before it."""
    fast_counts: Tuple[int, ...] = ()
    """The nearest channel counts that are fast."""


class Causes:
    """Finds the causes for layers of two graphs whose operators are matched."""

    def __init__(
        self, matching: Matching, works: Tuple[Dict[int, Work], Dict[int, Work]], *, own_weights: bool = False
    ) -> None:
        self._matching = matching
        self._works = works
        self._own_weights = own_weights

    def of(self, pairing: Pairing) -> Cause:
        if pairing.was_in is not None:
            new = pairing.new[0].main
            attributes = self._attributes(self._matching.origin[new], new)
            return Cause("no longer fused", tuple(attributes), layers=(pairing.was_in.layer.name,))
        if not (pairing.old or pairing.gone):
            return Cause("new", layers=tuple(row.layer.name for row in pairing.new))
        if not self._is_kept(pairing):
            return Cause("replaced", layers=tuple(row.layer.name for row in pairing.new))
        if self._own_weights:
            return Cause("own weights")
        return self._of_kept(pairing)

    def _is_kept(self, pairing: Pairing) -> bool:
        if not pairing.old or len(pairing.new) > 1:
            return False
        old, new = pairing.old[0].main, pairing.new[0].main
        if old < 0 or self._matching.partner[old] != new:
            return False
        return self._matching.old.nodes[old].op == self._matching.new.nodes[new].op

    def _of_kept(self, pairing: Pairing) -> Cause:
        before, now = self._works_of(pairing)
        more, longer = _ratio(before, now), pairing.now / pairing.before if pairing.before else 1.0
        cause = self._by_work(pairing, more, longer) or self._by_fusion(pairing) or self._by_inputs(pairing, more)
        if before.dtype != now.dtype:
            details = (Detail("dtype", before.dtype, now.dtype), *self._own_details(pairing))
            cause = Cause("slower kernel", details)
        return msgspec.structs.replace(
            cause,
            macs=(before.macs, now.macs),
            bytes=(before.bytes, now.bytes),
            param_bytes=(before.param_bytes, now.param_bytes),
        )

    def _works_of(self, pairing: Pairing) -> Tuple[Work, Work]:
        old, new = pairing.old[0].main, pairing.new[0].main
        return self._works[0].get(old, Work()), self._works[1].get(new, Work())

    def _by_work(self, pairing: Pairing, more: float, longer: float) -> Optional[Cause]:
        """The cause, if the layer's own attributes explain it. ``more`` and ``longer`` are ratios of work and time."""
        old, new = pairing.old[0].main, pairing.new[0].main
        counts = self._left_blocks(old, new)
        if counts is not None and longer > _OUT_OF_PROPORTION * more:
            return Cause("left blocked layout", (counts,), fast_counts=_fast_counts(int(counts.now)))
        own = self._own_details(pairing)
        if more >= _MORE and longer - 1 <= _EXPLAINED * (more - 1):
            return Cause("more work", (*own, *self._shape_details(old, new)))
        return Cause("slower kernel", own) if own else None

    def _by_inputs(self, pairing: Pairing, more: float) -> Cause:
        shapes = self._shape_details(pairing.old[0].main, pairing.new[0].main)
        if more >= _MORE:
            return Cause("more work", shapes)
        return Cause("slower kernel", shapes) if shapes else self._of_unchanged(pairing)

    def _by_fusion(self, pairing: Pairing) -> Optional[Cause]:
        """The cause, if operators no longer run in the layer, or new ones do."""
        lost = self._lost(pairing)
        if lost:
            return Cause("no longer fused", layers=lost)
        gained = tuple(self._matching.new.nodes[each].name for each in pairing.new[0].nodes if self._is_added(each))
        return Cause("fused with more", layers=gained) if gained else None

    def _lost(self, pairing: Pairing) -> Tuple[str, ...]:
        """Names of operators that ran in the old layer, and now run outside of the new one."""
        partners = (self._matching.partner[each] for each in pairing.old[0].nodes)
        nodes = self._matching.new.nodes
        return tuple(nodes[each].name for each in partners if each >= 0 and each not in pairing.new[0].nodes)

    def _is_added(self, new: int) -> bool:
        return self._matching.origin[new] < 0

    def _own_details(self, pairing: Pairing) -> Tuple[Detail, ...]:
        """The layer's attributes that differ, or else those of an operator that is fused with it."""
        old, new = pairing.old[0].main, pairing.new[0].main
        details = self._attributes(old, new)
        for other in (each for each in pairing.old[0].nodes if each != old and not details):
            partner = self._matching.partner[other]
            if partner in pairing.new[0].nodes:
                name = self._matching.new.nodes[partner].name
                details = [each._replace(what=f"{name} {each.what}") for each in self._attributes(other, partner)]
        return tuple(details)

    def _attributes(self, old: int, new: int) -> List[Detail]:
        before, now = self._matching.old.nodes[old], self._matching.new.nodes[new]
        if self._matching.old.labels[old] == self._matching.new.labels[new]:
            return []
        idle = {**ineffective(before.op, before.attrs), **ineffective(now.op, now.attrs)}
        details = [detail for detail in attribute_details(before, now) if detail.what not in idle]
        return sorted(details, key=_rank)

    def _shape_details(self, old: int, new: int) -> Tuple[Detail, ...]:
        return tuple(shape_details(self._matching.old, self._matching.new, (old, new), parameters=False))

    def _left_blocks(self, old: int, new: int) -> Optional[Detail]:
        """A channel count that was a multiple of a fast kernel's block and no longer is, or None."""
        nodes = self._matching.old.nodes[old], self._matching.new.nodes[new]
        inputs = self._matching.old.inputs_of(old), self._matching.new.inputs_of(new)
        for what, before, now in (
            ("num_filter", _filters(nodes[0]), _filters(nodes[1])),
            ("input channels", _channels(inputs[0]), _channels(inputs[1])),
        ):
            if before and now and before % block_of(now) == 0:
                return Detail(what, str(before), str(now))
        return None

    def _of_unchanged(self, pairing: Pairing) -> Cause:
        """The cause with the nearest layers before it that are new or have other attributes."""
        nodes = nearest_changed(self._matching, pairing.new[0].nodes)
        origins = [(self._matching.origin[node], node) for node in nodes]
        details = [detail for old, new in origins if old >= 0 for detail in self._attributes(old, new)]
        names = dict.fromkeys(self._matching.new.nodes[node].name for node in nodes)
        return Cause("unchanged", tuple(details), layers=tuple(names))


def is_changed(matching: Matching, new: int) -> bool:
    """Whether an operator is new, or has other attributes than its partner had."""
    old = matching.origin[new]
    return old < 0 or matching.old.labels[old] != matching.new.labels[new]


def nearest_changed(matching: Matching, nodes: Sequence[int]) -> List[int]:
    """The nearest changed operators before these."""
    seen, front = set(nodes), list(nodes)
    found: List[int] = []
    for _ in range(_REACH):
        front = sorted({source.node for node in front for source in matching.new.sources(node)} - seen)
        seen.update(front)
        found = [node for node in front if is_changed(matching, node)]
        if found or not front:
            break
    return found


def _rank(detail: Detail) -> int:
    return _KERNEL_FIRST.index(detail.what) if detail.what in _KERNEL_FIRST else len(_KERNEL_FIRST)


def _ratio(before: Work, now: Work) -> float:
    """The ratio of MACs or of bytes, the larger one. For a layer without MACs also that of parameter bytes."""
    pairs = [(before.macs, now.macs), (before.bytes, now.bytes)]
    if not before.macs:
        pairs.append((before.param_bytes, now.param_bytes))
    return max((new / old for old, new in pairs if old), default=1.0)


def _filters(node: Node) -> int:
    """A convolution's output channels, or 0 unless each reads all input channels or one."""
    filters, groups = (node.attrs.get(name, "1") for name in ("num_filter", "num_group"))
    return int(filters) if filters.isdigit() and groups in ("1", filters) else 0


def _channels(inputs: List[Shape]) -> int:
    """The channels of feature maps with channels first, else 0."""
    return inputs[0][1] if inputs and len(inputs[0]) in (4, 5) else 0


def block_of(count: int) -> int:
    """The smallest block that does not divide the count. If all do, a number larger than any count."""
    return next((block for block in _BLOCKS if count % block), 1 << 30)


def _fast_counts(count: int) -> Tuple[int, ...]:
    """The nearest multiples of this block, below and above."""
    block = block_of(count)
    below = count // block * block
    return (below, below + block) if below else (block,)
