"""Whether a candidate's growth over its reference is within a tolerance: a sequential test with three outcomes."""

import math
from enum import Enum
from statistics import NormalDist, fmean
from typing import List, Optional, Tuple

import msgspec


class Outcome(Enum):
    PASSED = "passed"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"


class Decision(msgspec.Struct, frozen=True):
    """Growth as a fraction of the reference: 0.05 is 5% slower; ``low`` and ``high`` bound it.

    REGRESSED is ``low`` above the tolerance, PASSED is ``high`` not above it. ``reason`` says why it is INCONCLUSIVE.
    Without a sample nothing is known: 0 between -1 and infinity.
    """

    outcome: Outcome
    growth: float
    low: float
    high: float
    samples: int
    reason: str = ""


class SequentialTest:
    """Of one model's growth against a tolerance, which is a fraction of the reference and may be negative."""

    def __init__(self, tolerance: float, *, alpha: float = 0.01, max_samples: int = 12) -> None:
        self._tolerance = tolerance
        self._alpha = alpha
        self._max_samples = max_samples
        self._log_ratios: List[float] = []

    def add(self, log_ratio: float) -> Optional[Decision]:
        """Take one sample, log(candidate / reference); None means: go on sampling."""
        if not math.isfinite(log_ratio):
            raise ValueError(f"a log ratio of {log_ratio}")
        self._log_ratios.append(log_ratio)
        decision = self._decide("")
        if len(self._log_ratios) < MIN_SAMPLES:
            return None
        if decision.outcome is not Outcome.INCONCLUSIVE:
            return decision
        if len(self._log_ratios) < self._max_samples:
            return None
        return self._decide(f"not clear after {self._max_samples} samples")

    def stop(self, reason: str) -> Decision:
        """What can be said now; INCONCLUSIVE for this reason unless it is clear."""
        return self._decide(reason)

    def _decide(self, reason: str) -> Decision:
        if not self._log_ratios:
            return Decision(Outcome.INCONCLUSIVE, 0.0, -1.0, math.inf, 0, reason)
        centre = fmean(self._log_ratios)
        below, above = self._margins(centre)
        growth, low, high = (math.expm1(value) for value in (centre, centre - below, centre + above))
        outcome = Outcome.INCONCLUSIVE
        if len(self._log_ratios) >= MIN_SAMPLES:
            if low > self._tolerance:
                outcome = Outcome.REGRESSED
            elif high <= self._tolerance:
                outcome = Outcome.PASSED
        told = reason if outcome is Outcome.INCONCLUSIVE else ""
        return Decision(outcome, growth, low, high, len(self._log_ratios), told)

    def _margins(self, centre: float) -> Tuple[float, float]:
        count = len(self._log_ratios)
        squares = sum((value - centre) ** 2 for value in self._log_ratios)
        degrees = PRIOR_DEGREES + count - 1
        error = math.sqrt((PRIOR_DEGREES * PRIOR_SD**2 + squares) / degrees / count)
        share = 2 * count / (self._max_samples * (self._max_samples + 1))
        return student(self._alpha * share, degrees) * error, student(ALPHA_PASSED * share, degrees) * error


MIN_SAMPLES = 2
PRIOR_SD = 0.012
PRIOR_DEGREES = 4
ALPHA_PASSED = 0.05


def student(alpha: float, degrees: int) -> float:
    """Upper quantile of Student's t, by Wallace's approximation (1959), the inverse in closed form."""
    z = NormalDist().inv_cdf(1 - alpha) * (8 * degrees + 3) / (8 * degrees + 1)
    return math.sqrt(degrees * math.expm1(z * z / degrees))


def split_alpha(alpha: float, models: int) -> float:
    """The share of one of the models, so that the error rate holds for the whole session."""
    return alpha / models


def confirm(first: Decision, second: Decision) -> Decision:
    """A REGRESSED of the first worker stands only if a freshly started one says the same."""
    if second.outcome is Outcome.REGRESSED:
        return second
    reason = f"a second worker measured {second.growth:+.1%}, the first {first.growth:+.1%}"
    return Decision(Outcome.INCONCLUSIVE, second.growth, second.low, second.high, second.samples, reason)
