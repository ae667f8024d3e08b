"""How long to time one pair of bindings: long enough for this machine's noise, and short enough for many pairs.

A binding has a speed of its own, so a second unit says more than a longer first one. Yet each unit also has to bind and
to warm up, which says nothing. Where neighbours disturb single forwards, longer units are the better use of the time.
"""

import math
from typing import Sequence, Tuple

__all__ = ["LEAST_UNIT_SECONDS", "round_sd", "unit_seconds"]

LEAST_UNIT_SECONDS = 0.06
"""CPU time of the timed forwards of a unit, on a quiet machine."""
_BINDING_SD = 0.007
"""Of a binding's own speed, as a share: what more forwards of the same binding do not average out."""
_LEAST_SAMPLES = 20
"""So many should fit into the time that there is, at two units each: with fewer, one that dissents decides."""

Twins = Sequence[Tuple[float, float]]


def round_sd(reference: Twins, candidate: Twins) -> float:
    """The sd of a round's log ratio that the machine's noise alone brings about, from at least one round.

    Its two forwards of one side would take the same time without noise. If a forward has a sd of s, two of them differ
    by 2 s / sqrt(pi) on average, and the log ratio of two and two has a sd of s.
    """
    least = 1e-9  # the clock's resolution: no time is 0
    differences = [abs(math.log(max(one, least) / max(two, least))) for one, two in (*reference, *candidate)]
    return sum(differences) / len(differences) * math.sqrt(math.pi) / 2


def unit_seconds(
    round_sds: Sequence[float], seconds_per_round: float, overhead_seconds: float, available_seconds: float
) -> float:
    """CPU time to give to the timed forwards of the next unit.

    round_sds: of the units so far (``round_sd``); seconds_per_round: of four forwards; overhead_seconds: of binding and
    warm-up, for each unit; available_seconds: for all units of a test together. All in CPU time.

    A unit of n rounds costs ``overhead + n * round`` and has a variance of ``binding_sd ** 2 + round_sd ** 2 / n``. The
    n for which the product of the two is least gives the most precise mean within a given time.
    """
    if not round_sds or seconds_per_round <= 0:
        return LEAST_UNIT_SECONDS
    noise = sum(round_sds) / len(round_sds)
    rounds = noise / _BINDING_SD * math.sqrt(max(0.0, overhead_seconds) / seconds_per_round)
    most = available_seconds / (2 * _LEAST_SAMPLES) - overhead_seconds
    return max(LEAST_UNIT_SECONDS, min(rounds * seconds_per_round, most))
