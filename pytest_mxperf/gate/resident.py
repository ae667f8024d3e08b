"""Compares the measured resident memory of one inference with what is allowed."""

from fractions import Fraction
from typing import NamedTuple

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.quantities import Quantity, format_growth, format_pair, format_quantity

__all__ = [
    "NOISE_BYTES",
    "ResidentPair",
    "is_over",
    "judge_resident",
    "resident_measured",
    "resident_of_same_graph",
    "resident_unmeasured",
]

NOISE_BYTES = 1 << 20
"""More than twice of what measurements of one network have differed by (docs/memory.md)."""


class ResidentPair(NamedTuple):
    """Bytes that each of two networks adds to a process: the least of all measurements, which only add to it."""

    before: int
    now: int
    measurements: int
    """Of each."""


def is_over(pair: ResidentPair, tolerance: Fraction) -> bool:
    return pair.now > pair.before * (1 + tolerance) + NOISE_BYTES


def judge_resident(tolerance: Fraction, pair: ResidentPair, *, over: str, is_baseline: bool) -> Finding:
    """Growth over a reference that was measured beside it: ``over`` says which. Only over a baseline it can improve."""
    is_less = pair.now < pair.before - NOISE_BYTES
    verdict = Verdict.PASSED
    if is_over(pair, tolerance):
        verdict = Verdict.REGRESSED
    elif is_less and is_baseline:
        verdict = Verdict.IMPROVED
    before, now = format_pair(pair.before, pair.now, Quantity.BYTES)
    allowed = f"allowed {float(tolerance * 100):+g}% over {over}"
    message = f"rss {before} -> {now} ({format_growth(pair.before, pair.now)}, {allowed})"
    return Finding("baseline", "rss", verdict, message, pair.now, pair.before, float(tolerance))


def resident_of_same_graph(tolerance: Fraction, over: str) -> Finding:
    return Finding(
        "baseline",
        "rss",
        Verdict.PASSED,
        f"rss: same graph as {over}, not measured",
        allowed_growth=float(tolerance),
    )


def resident_measured(value: int) -> Finding:
    """For the day that a baseline is recorded. The value is not stored: a later run measures the graph again."""
    message = f"rss {format_quantity(value, Quantity.BYTES)}"
    return Finding("baseline", "rss", Verdict.PASSED, message, value)


def resident_unmeasured(because: str) -> Finding:
    return Finding("baseline", "rss", Verdict.UNMEASURED, f"rss was not measured: {because}")
