"""The order in which reference and candidate are bound and run. It has a seed, so that a run can be repeated.

The side that is bound and run first is slower by up to a few percent. So each sample has two units of opposite order,
and the difference cancels. Which order comes first is random, so that changes during a sample favour neither side.
"""

import random
from typing import Iterator, Tuple

import msgspec

__all__ = ["Unit", "round_orders", "units"]


class Unit(msgspec.Struct, frozen=True):
    """One fresh binding of each side, and rounds of forwards that time them.

    reference_first: whether the reference is bound first, and runs first in the warm-up. Otherwise the candidate is.
    seed: the seed of this unit's ``round_orders``.
    """

    reference_first: bool
    seed: int


def units(seed: int) -> Iterator[Tuple[Unit, Unit]]:
    """Endless pairs of units of opposite order, in the order in which to run them.

    A sample is the mean of the log ratios of two units.
    """
    chance = random.Random(seed)
    while True:
        reference_first = chance.random() < 0.5
        yield (
            Unit(reference_first=reference_first, seed=chance.getrandbits(32)),
            Unit(reference_first=not reference_first, seed=chance.getrandbits(32)),
        )


def round_orders(seed: int) -> Iterator[bool]:
    """Endless orders of rounds of four forwards: True is reference, candidate, candidate, reference (ABBA).

    False is candidate, reference, reference, candidate (BAAB). Both cancel a linear drift within the round. The order
    is random, so that a disturbance with the same period as the rounds favours neither side.
    """
    chance = random.Random(seed)
    while True:
        yield chance.random() < 0.5
