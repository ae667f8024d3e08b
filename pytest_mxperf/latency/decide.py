"""Whether a candidate's growth over its reference is within a tolerance: a sequential test with three outcomes.

After certain numbers of samples (its looks), the test checks the interval of the growth. It ends as soon as the
interval lies on one side of the tolerance. It is INCONCLUSIVE if that does not happen in time.
``docs/latency-statistics.md`` has the reasons and the simulated error rates.
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
"""How often a model that is just beyond its tolerance may pass. The farther beyond, the rarer."""

# Late looks decide best, and each look costs a share of the error. So later looks are farther apart.
_LOOKS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48)
# A few samples can agree by chance, for every kind of noise. These are chances if the growth equals the tolerance: that
# enough samples agree to pass, and, times ``alpha``, that enough agree to fail (5 samples in a first comparison).
_AGREEING_TO_PASS = 0.1
_AGREEING_TO_FAIL = 4
# With fewer samples, their sd says more about chance than about noise.
_FEWEST_FOR_A_SD = 3
_NOTABLE_CORRELATION = 0.5


class Outcome(Enum):
    """INCONCLUSIVE is too much noise, too little time, or a growth too near the tolerance."""

    PASSED = "passed"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"


class Decision(msgspec.Struct, frozen=True):
    """The result of a test. ``growth`` is a fraction of the reference: 0.05 is 5% slower, -0.3 is 30% faster."""

    outcome: Outcome
    growth: float
    """0 without any sample."""
    low: float
    """A bound for all looks together. It is too high with a probability of at most the test's ``alpha``.

    It is -1 while there is no bound yet: below five samples or more.
    """
    high: float
    """A bound for all looks together. It is too low with a probability of at most ``MISS_ALPHA``.

    It is infinity while there is no bound yet: below four samples.
    """
    samples: int
    """How many there were."""
    reason: str = ""
    """Why it is INCONCLUSIVE; empty otherwise."""


class SequentialTest:
    """Compares one model's growth with a tolerance, which is a fraction of the reference and may be negative.

    alpha: how often the test may say REGRESSED if the growth equals the tolerance. A smaller growth regresses more
        rarely. The default is the alpha of a session's first comparison.
    looks: the numbers of samples, in order, after which the test may end. After the last one it always ends.
    """

    def __init__(self, tolerance: float, *, alpha: float = alpha_of(1), looks: Tuple[int, ...] = _LOOKS) -> None:
        self._tolerance = tolerance
        self._log_tolerance = math.log1p(tolerance)
        self._bounds = _bounds(alpha, looks)
        self._looks = looks
        self._log_ratios: List[float] = []

    def add(self, log_ratio: float) -> Optional[Decision]:
        """Adds one more sample, log(candidate / reference), and decides. None means: go on sampling.

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
        """The decision now. If the case is not clear, INCONCLUSIVE with this reason and a summary of the samples."""
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
        """How many samples the test would need to decide, if later samples are like those so far.

        None if even the last look would not decide, and below three samples, which do not show how they scatter.
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
    """Whether a second worker has neither confirmed nor contradicted the first, so that a third must decide."""
    return decision.outcome is Outcome.INCONCLUSIVE and decision.growth > tolerance


def confirm(first: Decision, second: Decision) -> Decision:
    """The verdict on a model that a first worker called REGRESSED, after the same test on a new worker.

    REGRESSED only if both say so. The figures are the second worker's, which were not selected for being large.
    Anything else is INCONCLUSIVE, not PASSED: two workers that disagree are no proof that the model is as fast as
    before.

    Raises ValueError if the first decision is not REGRESSED.
    """
    if first.outcome is not Outcome.REGRESSED:
        raise ValueError(f"only REGRESSED is to be confirmed, not {first.outcome.name}")
    if second.outcome is Outcome.REGRESSED:
        return second
    found = f"{first.growth:+.1%} on one worker, {second.growth:+.1%} on a second"
    reason = f"{found} ({second.reason})" if second.reason else found
    return Decision(Outcome.INCONCLUSIVE, second.growth, second.low, second.high, second.samples, reason)


def _lie(moments: Moments, samples: int, within: int) -> str:
    """A summary of samples that do not decide, in words."""
    if samples < _FEWEST_FOR_A_SD:
        return f"{('one sample is', 'two samples are')[samples - 1]} too few to judge"
    found = f"{within} of {samples} samples are within the tolerance, they vary by {moments.sd:.1%}"
    if moments.correlation < _NOTABLE_CORRELATION:
        return found
    return f"{found}, and each is like the one before (correlation {moments.correlation:.1f}), so that they count less"


class _Bounds(msgspec.Struct, frozen=True):
    """The criteria for one number of samples.

    ``to_low`` and ``to_high`` are the distances of the bounds from the mean, in standard errors. To pass, at most
    ``most_beyond`` samples may be beyond the tolerance; to fail, at most ``most_within`` within. -1 if it cannot.
    """

    to_low: float
    to_high: float
    most_beyond: int
    most_within: int


@lru_cache(maxsize=None)  # shared by a session's comparisons, and by the tests of a simulation
def _bounds(alpha: float, looks: Tuple[int, ...]) -> Tuple[_Bounds, ...]:
    """The criteria for each number of samples, from 0."""
    beyond, within = most_dissenting(_AGREEING_TO_PASS, looks), most_dissenting(_AGREEING_TO_FAIL * alpha, looks)
    lower, upper = _spend(alpha, within, looks), _spend(MISS_ALPHA, beyond, looks)
    degrees = (max(1, PRIOR_DEGREES + samples - 1) for samples in range(looks[-1] + 1))
    return tuple(
        _Bounds(_student(low, dof), _student(high, dof), most_beyond, most_within)
        for low, high, dof, most_beyond, most_within in zip(lower, upper, degrees, beyond, within)
    )


def _spend(alpha: float, dissenting: Tuple[int, ...], looks: Tuple[int, ...]) -> List[float]:
    """The part of alpha for each number of samples, from 0. It is the same for all numbers that may decide.

    The parts of all looks, and of one more at which the caller stops the test, add up to alpha. So the chance of ever
    being wrong is at most alpha (Bonferroni).
    """
    part = alpha / (sum(dissenting[look] >= 0 for look in looks) + 1)
    return [part if most >= 0 else 0.0 for most in dissenting]


def _student(alpha: float, degrees: int) -> float:
    """The value that Student's t exceeds with probability alpha < 1/2; infinite for alpha = 0.

    Wallace's approximation by a Gaussian (1959), solved for t. It is never too small. For alpha = 0.001 it is 2% too
    large at 5 degrees of freedom, 1% at 6, and less at more; for alpha = 0.00001, 5% at 5.
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
