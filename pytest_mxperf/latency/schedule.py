"""In which order reference and candidate are bound and run: seeded, so that a run can be repeated.

What is bound first, and runs first, is slower by up to a few percent. So each sample is made of two units of opposite
order, in which that cancels; and which order comes first is random, so that whatever changes during a sample favours
neither side.
"""

import random
from typing import Iterator, Tuple

import msgspec

__all__ = ["Unit", "round_orders", "units"]


class Unit(msgspec.Struct, frozen=True):
    """One fresh pair of bindings of both sides, and the rounds of forwards that they are timed in.

    reference_first: whether the reference is bound first, and runs first in the warm-up; otherwise the candidate.
    seed: of this unit's ``round_orders``.
    """

    reference_first: bool
    seed: int


def units(seed: int) -> Iterator[Tuple[Unit, Unit]]:
    """Without end, the two units of each sample, in the order in which to run them; their orders are opposite.

    The sample is the mean of the two units' log ratios.
    """
    chance = random.Random(seed)
    while True:
        reference_first = chance.random() < 0.5
        yield (
            Unit(reference_first=reference_first, seed=chance.getrandbits(32)),
            Unit(reference_first=not reference_first, seed=chance.getrandbits(32)),
        )


def round_orders(seed: int) -> Iterator[bool]:
    """Without end, for each round of four forwards: True for reference, candidate, candidate, reference (ABBA).

    False is for candidate, reference, reference, candidate (BAAB). Either cancels a linear drift within the round; the
    toss of a coin between them also keeps what recurs with the rounds' own period from favouring a side.
    """
    chance = random.Random(seed)
    while True:
        yield chance.random() < 0.5
