"""Whether a candidate's growth over its reference is within a tolerance: a sequential test with three outcomes.

With some numbers of samples, its looks, the test knows an interval of the growth. It ends as soon as that lies on one
side of the tolerance, and is INCONCLUSIVE if it does not happen in time. ``docs/latency-statistics.md`` has the reasons
and the simulated error rates.
"""

import math
from enum import Enum
from functools import lru_cache
from statistics import NormalDist
from typing import List, Optional, Tuple

import msgspec

from pytest_mxperf.latency.dissent import most_dissenting
from pytest_mxperf.latency.moments import PRIOR_DEGREES, Moments
from pytest_mxperf.latency.spending import alpha_of

__all__ = [
    "MISS_ALPHA",
    "Decision",
    "Outcome",
    "SequentialTest",
    "confirm",
    "is_undecided",
]

MISS_ALPHA = 0.05
"""How often a model that is just beyond its tolerance may pass. The further beyond, the rarer."""

# Late looks decide best, and each look costs a share of the error. So looks become rare.
_LOOKS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48)
# Few samples can agree by chance, for every kind of noise. If the growth equals the tolerance, this is the chance that
# enough agree to pass, and this times ``alpha`` the chance that enough agree to fail: 5 samples at a first comparison.
_AGREEING_TO_PASS = 0.1
_AGREEING_TO_FAIL = 4
# With fewer samples, their sd says more about chance than about noise.
_FEWEST_FOR_A_SD = 3
_NOTABLE_CORRELATION = 0.5


class Outcome(Enum):
    """INCONCLUSIVE is neither: too much noise, too little time, or a growth too near the tolerance."""

    PASSED = "passed"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"


class Decision(msgspec.Struct, frozen=True):
    """What a test has found of the growth, a fraction of the reference: 0.05 is 5% slower, -0.3 is 30% faster.

    low, high: bounds, each for all looks together. ``low`` is too high with a probability of at most the test's
        ``alpha``, ``high`` too low with at most ``MISS_ALPHA``. They are -1 and infinity while there is no bound yet:
        below five samples or more, and below four.
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
        default that of a session's first comparison.
    looks: the numbers of samples, in order, with which it may end; with the last it is INCONCLUSIVE at the latest.
    """

    def __init__(self, tolerance: float, *, alpha: float = alpha_of(1), looks: Tuple[int, ...] = _LOOKS) -> None:
        self._tolerance = tolerance
        self._log_tolerance = math.log1p(tolerance)
        self._bounds = _bounds(alpha, looks)
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
        """The decision now: INCONCLUSIVE with this reason and how the samples lie, unless the case is clear."""
        samples = len(self._log_ratios)
        if not samples:
            return Decision(Outcome.INCONCLUSIVE, 0.0, -1.0, math.inf, 0, reason)
        moments, bounds = Moments.of(self._log_ratios), self._bounds[samples]
        growth = _fraction(moments.mean)
        low, high = self.interval()
        within = sum(log_ratio <= self._log_tolerance for log_ratio in self._log_ratios)
        if high <= self._tolerance and samples - within <= bounds.most_beyond:
            return Decision(Outcome.PASSED, growth, low, high, samples)
        if low > self._tolerance and within <= bounds.most_within:
            return Decision(Outcome.REGRESSED, growth, low, high, samples)
        return Decision(Outcome.INCONCLUSIVE, growth, low, high, samples, f"{reason}: {_lie(moments, samples, within)}")

    def interval(self) -> Tuple[float, float]:
        """The bounds of the growth by the samples so far: ``low`` and ``high`` of a decision made now."""
        if not self._log_ratios:
            return -1.0, math.inf
        moments, bounds = Moments.of(self._log_ratios), self._bounds[len(self._log_ratios)]
        low, high = moments.mean - bounds.to_low * moments.error, moments.mean + bounds.to_high * moments.error
        return _fraction(low), _fraction(high)

    def samples_to_decide(self) -> Optional[int]:
        """How many samples there would be at the first look that decides, if those to come are like those so far.

        None if not even the last look would decide, and below three samples: two do not show how they scatter.
        """
        samples = len(self._log_ratios)
        if samples < _FEWEST_FOR_A_SD:
            return None
        moments = Moments.of(self._log_ratios)
        beyond = moments.mean - self._log_tolerance
        for look in self._looks:
            bounds, error = self._bounds[look], moments.error * math.sqrt(samples / look)
            if look > samples and (beyond > bounds.to_low * error or -beyond > bounds.to_high * error):
                return look
        return None


def is_undecided(decision: Decision, tolerance: float) -> bool:
    """Whether a second worker has neither confirmed nor contradicted a first one, so that a third has to tell."""
    return decision.outcome is Outcome.INCONCLUSIVE and decision.growth > tolerance


def confirm(first: Decision, second: Decision) -> Decision:
    """The verdict on a model that a first worker called REGRESSED, after the same test on a freshly started one.

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


def _lie(moments: Moments, samples: int, within: int) -> str:
    """How samples lie that do not decide, in words."""
    if samples < _FEWEST_FOR_A_SD:
        return f"{('one sample is', 'two samples are')[samples - 1]} too few to judge"
    found = f"{within} of {samples} samples are within the tolerance, their sd is {moments.sd:.1%}"
    if moments.correlation < _NOTABLE_CORRELATION:
        return found
    return f"{found}, and each is like the one before (correlation {moments.correlation:.1f}), so that they count less"


class _Bounds(msgspec.Struct, frozen=True):
    """With some number of samples: how many standard errors it is from the mean to the lower and the upper bound, and
    how many samples may lie beyond the tolerance if it passes, and within if it fails; -1 where it cannot."""

    to_low: float
    to_high: float
    most_beyond: int
    most_within: int


@lru_cache(maxsize=None)  # a session's comparisons share it, and so do the tests of a simulation
def _bounds(alpha: float, looks: Tuple[int, ...]) -> Tuple[_Bounds, ...]:
    """By the number of samples, from 0."""
    beyond, within = most_dissenting(_AGREEING_TO_PASS, looks), most_dissenting(_AGREEING_TO_FAIL * alpha, looks)
    lower, upper = _spend(alpha, within, looks), _spend(MISS_ALPHA, beyond, looks)
    degrees = (max(1, PRIOR_DEGREES + samples - 1) for samples in range(looks[-1] + 1))
    return tuple(
        _Bounds(_student(low, dof), _student(high, dof), most_beyond, most_within)
        for low, high, dof, most_beyond, most_within in zip(lower, upper, degrees, beyond, within)
    )


def _spend(alpha: float, dissenting: Tuple[int, ...], looks: Tuple[int, ...]) -> List[float]:
    """The part of alpha that may be spent with each number of samples, from 0: the same wherever it may decide.

    The parts of all looks, and of one more where the caller stops the test, add up to alpha: so the chance of ever
    being wrong is at most alpha (Bonferroni).
    """
    part = alpha / (sum(dissenting[look] >= 0 for look in looks) + 1)
    return [part if most >= 0 else 0.0 for most in dissenting]


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
