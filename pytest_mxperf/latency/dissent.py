"""How many samples may disagree with an outcome: a sign test with several looks, valid for every kind of noise.

If the true growth equals the tolerance, a sample lies on either side of it with probability 1/2. This only needs
independent samples whose median is the growth. It needs neither a small sd nor a single peak.
"""

import math
from functools import lru_cache
from typing import List, Tuple

__all__ = ["most_dissenting"]

_MOST_SHARE = 1 / 3
"""No decision is convincing if more than this share of the samples contradict it."""


@lru_cache(maxsize=None)  # shared by a session's comparisons, and by the tests of a simulation
def most_dissenting(alpha: float, looks: Tuple[int, ...]) -> Tuple[int, ...]:
    """For each number of samples, from 0: how many may dissent at most. -1 if the test may not decide yet.

    The chance that so few dissent at any of the looks is at most ``alpha``. The first look at which all samples agree
    by chance rarely enough may decide. It takes this part of alpha, and later looks share the rest. Between two looks
    the earlier bound holds, because dissenting samples become no fewer.
    """
    first = next((index for index, look in enumerate(looks) if 0.5**look <= alpha), len(looks))
    bounds, counts, spent = [-1] * (looks[-1] + 1), [1.0], 0.0
    for index, look in enumerate(looks):
        counts = _after(counts, look - (looks[index - 1] if index else 0))
        if index < first:
            continue
        later = (index - first) / max(1, len(looks) - first - 1)
        allowed = 0.5 ** looks[first] + (alpha - 0.5 ** looks[first]) * later
        bound = _bound(counts, look, allowed - spent)
        spent += sum(counts[: bound + 1])
        counts[: bound + 1] = [0.0] * (bound + 1)
        bounds[look:] = [bound] * (looks[-1] + 1 - look)
    return tuple(bounds)


def _after(counts: List[float], samples: int) -> List[float]:
    """The probabilities of 0, 1, ... dissenting samples after ``samples`` more, if the test has not ended."""
    after = [0.0] * (len(counts) + samples)
    for dissenting, probability in enumerate(counts):
        for more in range(samples + 1):
            after[dissenting + more] += probability * math.comb(samples, more) * 0.5**samples
    return after


def _bound(counts: List[float], look: int, allowed: float) -> int:
    bound = -1
    while bound + 1 <= look * _MOST_SHARE and sum(counts[: bound + 2]) <= allowed + 1e-12:
        bound += 1
    return bound
