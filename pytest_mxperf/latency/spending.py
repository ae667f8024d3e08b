"""Divides a session's error among its comparisons, whose number is not known beforehand."""

import math

__all__ = ["SESSION_ALPHA", "alpha_of"]

SESSION_ALPHA = 0.002
"""How often a whole session may fail for models that are within their tolerance."""

# The n-th comparison gets a share of n ** -1.2. The shares of infinitely many comparisons add up to zeta(1.2). A faster
# decay would leave the 100th too little, a slower one the first: docs/latency-statistics.md compares some.
_DECAY = 1.2
_ALL_SHARES = 5.591582441177751


def alpha_of(comparison: int, error_share: float = 1.0) -> float:
    """The ``alpha`` of each test in comparison number ``comparison`` of a session, from 1.

    A comparison fails falsely only if the first worker says REGRESSED, and the second or a third does too (see
    ``decide.confirm``). This happens with at most twice the square of a test's rate. The rates of all comparisons add
    up at most (Bonferroni). ``error_share`` is this process's part of the session's error, between 0 and 1.

    Raises ValueError for a comparison below 1, and for a share that is not above 0 and at most 1.
    """
    if comparison < 1:
        raise ValueError(f"comparisons are numbered from 1, not from {comparison}")
    if not 0 < error_share <= 1:
        raise ValueError(f"a share of the session's error is above 0 and at most 1, not {error_share}")
    return math.sqrt(error_share * SESSION_ALPHA * comparison**-_DECAY / _ALL_SHARES / 2)
