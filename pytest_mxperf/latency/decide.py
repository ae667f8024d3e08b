"""Whether a candidate's growth over its reference is within a tolerance: a sequential test with three outcomes.

With some numbers of samples, its looks, the test knows an interval of the growth. It ends as soon as that lies on one
side of the tolerance, and is INCONCLUSIVE if it does not happen in time. ``docs/latency-statistics.md`` has the reasons
and the simulated error rates.
"""

import math
from enum import Enum
from functools import lru_cache
from statistics import NormalDist, median
from typing import List, Optional, Sequence, Tuple

import msgspec

__all__ = [
    "MISS_ALPHA",
    "Decision",
    "Outcome",
    "SequentialTest",
    "confirm",
    "is_undecided",
]

MISS_ALPHA = 0.05
"""How often a model may pass that is just beyond its tolerance. The further beyond, the rarer it is."""

_SIMULATED_ALPHA = 0.022

# What is known of a sample's noise beforehand: a sd of 0.8%, worth as much as two samples' deviations.
_PRIOR_SD = 0.008
_PRIOR_DEGREES = 2
# The sharp looks are the late ones, and each costs a share of the error: the further on, the fewer.
_LOOKS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48)
# Two samples can agree by chance, and so can three, if noise is large. To fail a build takes more of them.
_FEWEST_TO_PASS = 2
_FEWEST_TO_FAIL = 4
# Of the samples that fail a build, one in so many at most may lie within the tolerance.
_DISSENT = 4
# Of fewer samples the sd says more about what was known beforehand than about them.
_FEWEST_FOR_A_SD = 3
# From so many samples on, those further from their median than so many sd are pulled in to there.
_FEWEST_TO_CLIP = 5
_CLIP = 3.0


class Outcome(Enum):
    """INCONCLUSIVE is neither: too much noise, too little time, or a growth too near the tolerance."""

    PASSED = "passed"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"


class Decision(msgspec.Struct, frozen=True):
    """What a test has found of the growth, a fraction of the reference: 0.05 is 5% slower, -0.3 is 30% faster.

    low, high: a bound from below that is wrong with a probability of at most the test's ``alpha``, and one from above
        that is wrong with at most ``MISS_ALPHA``, each for all looks together. -1 and infinity where nothing can be
        said yet: below four samples and below two.
    samples: how many there were; without any, ``growth`` is 0.
    reason: of an INCONCLUSIVE outcome; otherwise empty.
    """

    outcome: Outcome
    growth: float
    low: float
    high: float
    samples: int
    reason: str = ""


class SequentialTest:
    """Of one model's growth against a tolerance, which is a fraction of the reference and may be negative.

    alpha: how often it may say REGRESSED of a growth equal to the tolerance; the more a growth is below, the rarer. By
        default that of the simulations; a session's comparisons have theirs from ``spending``.
    looks: the numbers of samples, in order, with which it may end; with the last it is INCONCLUSIVE at the latest.
    """

    def __init__(
        self,
        tolerance: float,
        *,
        alpha: float = _SIMULATED_ALPHA,
        looks: Tuple[int, ...] = _LOOKS,
    ) -> None:
        self._tolerance = tolerance
        self._log_tolerance = math.log1p(tolerance)
        self._multiples = _multiples(alpha, looks)
        self._looks = looks
        self._log_ratios: List[float] = []

    def add(self, log_ratio: float) -> Optional[Decision]:
        """Take one more sample, log(candidate / reference), and decide; None means: go on sampling.

        Raises ValueError for a sample that is not finite, and after the last look.
        """
        if not math.isfinite(log_ratio):
            raise ValueError(f"a sample must be finite, not {log_ratio}")
        last = self._looks[-1]
        if len(self._log_ratios) == last:
            raise ValueError(f"the test has had its {last} samples")
        self._log_ratios.append(log_ratio)
        if len(self._log_ratios) not in self._looks:
            return None
        decision = self.stop(f"not clear after {last} samples")
        is_open = decision.outcome is Outcome.INCONCLUSIVE and decision.samples < last
        return None if is_open else decision

    def stop(self, reason: str) -> Decision:
        """What can be said now; INCONCLUSIVE, for this reason and how the samples lie, unless it is clear."""
        samples = len(self._log_ratios)
        if not samples:
            return Decision(Outcome.INCONCLUSIVE, 0.0, -1.0, math.inf, 0, reason)
        mean, error, sd = _estimate(self._log_ratios)
        to_low, to_high = self._multiples[samples - 1]
        growth, low, high = _fraction(mean), _fraction(mean - to_low * error), _fraction(mean + to_high * error)
        if high <= self._tolerance:
            return Decision(Outcome.PASSED, growth, low, high, samples)
        within = sum(log_ratio <= self._log_tolerance for log_ratio in self._log_ratios)
        if low > self._tolerance and within <= samples // _DISSENT:
            return Decision(Outcome.REGRESSED, growth, low, high, samples)
        found = f"{within} of {samples} samples {'is' if samples == 1 else 'are'} within the tolerance"
        if samples >= _FEWEST_FOR_A_SD:
            found += f", their sd is {sd:.1%}"
        return Decision(Outcome.INCONCLUSIVE, growth, low, high, samples, f"{reason}: {found}")


def is_undecided(decision: Decision, tolerance: float) -> bool:
    """Whether a second worker has neither confirmed nor contradicted a first one, so that a third has to tell."""
    return decision.outcome is Outcome.INCONCLUSIVE and decision.growth > tolerance


def confirm(first: Decision, second: Decision) -> Decision:
    """The verdict on a model of which a first worker said REGRESSED, after the same test on a freshly started one.

    REGRESSED only if both say so; the figures are the second's, which were not selected for being large. Anything else
    is INCONCLUSIVE, not PASSED: two workers that disagree are no proof that the model is as fast as before.

    Raises ValueError if there is nothing to confirm.
    """
    if first.outcome is not Outcome.REGRESSED:
        raise ValueError(f"only REGRESSED is to be confirmed, not {first.outcome.name}")
    if second.outcome is Outcome.REGRESSED:
        return second
    found = f"{first.growth:+.1%} on one worker, {second.growth:+.1%} on a second"
    reason = f"{found} ({second.reason})" if second.reason else found
    return Decision(Outcome.INCONCLUSIVE, second.growth, second.low, second.high, second.samples, reason)


def _estimate(log_ratios: Sequence[float]) -> Tuple[float, float, float]:
    """The mean, its standard error, and the sd of a sample: of clipped samples, and with the prior's share."""
    values = _clip(log_ratios) if len(log_ratios) >= _FEWEST_TO_CLIP else log_ratios
    mean = sum(values) / len(values)
    sd = _posterior_sd(sum((value - mean) ** 2 for value in values), len(values))
    return mean, sd / math.sqrt(len(values)), sd


def _clip(log_ratios: Sequence[float]) -> List[float]:
    centre = median(log_ratios)
    sd = 1.4826 * median([abs(log_ratio - centre) for log_ratio in log_ratios])  # the sd, if noise is Gaussian
    reach = _CLIP * _posterior_sd((len(log_ratios) - 1) * sd**2, len(log_ratios))
    return [min(max(log_ratio, centre - reach), centre + reach) for log_ratio in log_ratios]


def _posterior_sd(sum_of_squares: float, samples: int) -> float:
    """From deviations squared and added up, and those of the prior.

    Smyth, Linear models and empirical Bayes methods (2004): with a scaled inverse chi-squared prior of the variance,
    the mean divided by this has a t distribution with the degrees of both together.
    """
    return math.sqrt((_PRIOR_DEGREES * _PRIOR_SD**2 + sum_of_squares) / (_PRIOR_DEGREES + samples - 1))


@lru_cache(maxsize=None)  # for simulations, which make 100,000 tests alike
def _multiples(alpha: float, looks: Tuple[int, ...]) -> Tuple[Tuple[float, float], ...]:
    """For each number of samples, how many standard errors it is from the mean to the lower and the upper bound."""
    lower, upper = _spend(alpha, _FEWEST_TO_FAIL, looks), _spend(MISS_ALPHA, _FEWEST_TO_PASS, looks)
    degrees = range(_PRIOR_DEGREES, _PRIOR_DEGREES + looks[-1])
    return tuple((_student(low, dof), _student(high, dof)) for low, high, dof in zip(lower, upper, degrees))


def _spend(alpha: float, fewest: int, looks: Tuple[int, ...]) -> List[float]:
    """The part of alpha that may be spent with each number of samples, from 1: the same from the fewest on.

    The parts of all looks, and of one more where the caller stops the test, add up to alpha: so the chance of ever
    being wrong is at most alpha (Bonferroni).
    """
    part = alpha / (sum(look >= fewest for look in looks) + 1)
    return [part if samples >= fewest else 0.0 for samples in range(1, looks[-1] + 1)]


def _student(alpha: float, degrees: int) -> float:
    """What Student's t exceeds with probability alpha < 1/2; infinite for 0.

    Wallace's approximation by a Gaussian (1959), solved for t. It is never too small; too large by 2% at alpha = 0.001
    and 5 degrees, by 1% at 6, and by less from there on; by 5% at alpha = 0.00001 and 5 degrees.
    """
    if alpha == 0:
        return math.inf
    gaussian = -NormalDist().inv_cdf(alpha) * (8 * degrees + 3) / (8 * degrees + 1)
    return math.sqrt(degrees * math.expm1(gaussian**2 / degrees))


def _fraction(log_ratio: float) -> float:
    try:
        return math.expm1(log_ratio)
    except OverflowError:
        return math.inf
