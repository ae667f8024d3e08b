"""How a session's error is shared out among comparisons of which nobody knows the number."""

import math

import pytest

from pytest_mxperf.latency.spending import alpha_of


def test_the_first_comparisons_get_most():
    """sqrt(0.002 / 2 / zeta(1.2)), and times 10 ** -0.6 and 100 ** -0.6."""
    assert alpha_of(1) == pytest.approx(0.013373, rel=1e-3)
    assert alpha_of(10) == pytest.approx(0.003359, rel=1e-3)
    assert alpha_of(100) == pytest.approx(0.000844, rel=1e-3)


def test_all_comparisons_that_there_can_be_fail_a_session_with_a_fifth_of_a_percent():
    """A comparison fails falsely with at most twice the square of its alpha; the tail of the sum is an integral."""
    head = sum(2 * alpha_of(number) ** 2 for number in range(1, 100_001))
    tail = 2 * alpha_of(1) ** 2 * 100_000**-0.2 / 0.2
    assert head < 0.002
    assert head + tail == pytest.approx(0.002, rel=1e-4)


def test_two_halves_of_a_session_spend_what_the_whole_may():
    for number in (1, 7, 100):
        assert 2 * alpha_of(number, 0.5) ** 2 == pytest.approx(alpha_of(number) ** 2)


@pytest.mark.parametrize(("number", "share"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, 1.1), (1, -0.5), (1, math.nan)])
def test_what_is_no_comparison_or_share_is_refused(number, share):
    with pytest.raises(ValueError, match=r"from 1|share"):
        alpha_of(number, share)
