"""The memory of a pair: checks beforehand that it fits, and decides which copies are not made."""

from typing import Dict, FrozenSet, Sequence, Tuple

from pytest_mxperf.errors import ModelError, listed
from pytest_mxperf.mx.headroom import free_bytes, gibibytes, limit_to
from pytest_mxperf.mx.plan import Plan, variable_bytes
from pytest_mxperf.mx.side import Side
from pytest_mxperf.mx.synthetic import Key

__all__ = ["make_room", "needed_bytes", "plan_both", "refuse_what_cannot_fit"]

_MANY_REPEATED_BYTES = 128 << 20
"""From this many bytes of repeated copies on a side, dense layers that share a weight are not fused."""
_LARGE_BYTES, _LARGEST_BYTES = 8 << 20, 64 << 20
"""If one weight has the second size, no weight of at least the first size is copied, on both sides."""


def plan_both(sides: Sequence[Side]) -> Tuple[str, ...]:
    """Decides which layers of each side are fused. Returns notes about layers that run differently in production."""
    plans = [side.plan() for side in sides]
    notes, shared = [], _shared(plans)
    if shared:
        saved = max(plan.repeated_bytes for plan in plans)
        notes.append(
            f"dense layers that read {listed(sorted(shared), 2)} are timed without fusion: each would keep its own "
            f"copy of the weight, {gibibytes(saved)} in all"
        )
    lonely = _lonely(plans)
    if lonely:
        notes.append(
            f"{listed(sorted(lonely), 2)} is timed without the copy that MXNet keeps of a dense layer's weight"
        )
    for side, plan in zip(sides, plans):
        side.follow(plan.without_fused(shared | lonely) if shared | lonely else plan)
    return tuple(notes)


def make_room(sides: Sequence[Side]) -> int:
    """Limits this process to the free memory, and returns how many bytes the sides need.

    Raises ``ModelError`` with both figures if the sides need more.
    """
    free, needed = free_bytes(), needed_bytes(sides)
    _refuse_beyond(free, needed, sides)
    limit_to(free)
    return needed


def refuse_what_cannot_fit(sides: Sequence[Side]) -> None:
    """Removes the limit of the pair before. Raises ``ModelError`` if the least that both sides need does not fit."""
    limit_to(0)
    _refuse_beyond(free_bytes(), least_bytes(sides), sides)


def _refuse_beyond(free: int, needed: int, sides: Sequence[Side]) -> None:
    if needed > free:
        raise ModelError(
            f"{sides[-1].name}: timing it needs about {gibibytes(needed)}, this machine has {gibibytes(free)} free; "
            "give a smaller batch in inputs, or end other processes"
        )


def least_bytes(sides: Sequence[Side]) -> int:
    """The least that both sides need, by their graphs: shared variables once, and the activations of each."""
    buffers: Dict[Key, int] = {}
    for side in sides:
        sizes = variable_bytes(side.analysis)
        buffers.update((key, sizes[name]) for name, key in side.synthetic.variables())
    return sum(buffers.values()) + sum(side.analysis.cost().peak_activation_bytes for side in sides)


def needed_bytes(sides: Sequence[Side]) -> int:
    """The bytes that both sides need after their first forward, by their plans."""
    buffers: Dict[Key, int] = {}
    in_use = 0
    for side in sides:
        plan = side.plan()
        buffers.update(side.buffer_bytes())
        in_use += plan.copies_bytes + plan.activation_bytes
    return sum(buffers.values()) + in_use


def _shared(plans: Sequence[Plan]) -> FrozenSet[str]:
    """Weights that several dense layers of a side read, if their copies would be too large. Holds for both sides."""
    if any(plan.repeated_bytes >= _MANY_REPEATED_BYTES for plan in plans):
        return frozenset(name for plan in plans for name in plan.repeated)
    return frozenset()


def _lonely(plans: Sequence[Plan]) -> FrozenSet[str]:
    if any(plan.lonely(_LARGEST_BYTES) for plan in plans):
        return frozenset(name for plan in plans for name in plan.lonely(_LARGE_BYTES))
    return frozenset()
