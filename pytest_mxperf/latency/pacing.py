"""How long to time one pair of bindings: long enough for this machine's noise, and short enough for many pairs.

A binding has a speed of its own, so a second unit says more than a longer first one. But each unit also takes time to
bind and to warm up. If other processes disturb single forwards, longer units use the time better.
"""

import math
from typing import Sequence, Tuple

__all__ = ["LEAST_UNIT_SECONDS", "round_sd", "unit_seconds"]

LEAST_UNIT_SECONDS = 0.06
"""CPU time of the timed forwards of a unit, on a quiet machine."""
_BINDING_SD = 0.007
"""The sd of the speed from binding to binding, as a fraction. More forwards of one binding do not average it out."""
_LEAST_SAMPLES = 20
"""At least this many samples, of two units each, should fit into the time. With fewer, one that dissents decides."""

Twins = Sequence[Tuple[float, float]]


def round_sd(reference: Twins, candidate: Twins) -> float:
    """The sd of a round's log ratio that comes from the machine's noise alone. Takes one or more rounds.

    Without noise, the two forwards of one side in a round would take the same time. If a forward has a sd of s, the two
    differ by 2 s / sqrt(pi) on average, and the log ratio of two and two forwards has a sd of s.
    """
    least = 1e-9  # the clock's resolution: no time is 0
    differences = [abs(math.log(max(one, least) / max(two, least))) for one, two in (*reference, *candidate)]
    return sum(differences) / len(differences) * math.sqrt(math.pi) / 2


def unit_seconds(
    round_sds: Sequence[float], seconds_per_round: float, overhead_seconds: float, available_seconds: float
) -> float:
    """CPU seconds for the timed forwards of the next unit.

    round_sds: the ``round_sd`` of the units so far. seconds_per_round: CPU seconds of four forwards. overhead_seconds:
    CPU seconds to bind and warm up one unit. available_seconds: CPU seconds for all units of a test.

    A unit of n rounds costs ``overhead + n * round`` and has a variance of ``binding_sd ** 2 + round_sd ** 2 / n``. The
    n for which the product of both is smallest gives the most precise mean in a given time.
    """
    if not round_sds or seconds_per_round <= 0:
        return LEAST_UNIT_SECONDS
    noise = sum(round_sds) / len(round_sds)
    rounds = noise / _BINDING_SD * math.sqrt(max(0.0, overhead_seconds) / seconds_per_round)
    most = available_seconds / (2 * _LEAST_SAMPLES) - overhead_seconds
    return max(LEAST_UNIT_SECONDS, min(rounds * seconds_per_round, most))
