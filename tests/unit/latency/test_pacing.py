"""How long a unit is."""

import math

import pytest

from pytest_mxperf.latency.pacing import round_sd, unit_seconds


def test_two_forwards_that_take_the_same_time_have_no_noise():
    assert round_sd([(1.0, 1.0)], [(1.1, 1.1)]) == 0.0


def test_the_noise_of_a_round_by_hand():
    """One side's forwards differ by 2%, the other's by nothing: 1% on average, times sqrt(pi) / 2 = 0.8862."""
    assert round_sd([(1.0, math.exp(0.02))], [(1.0, 1.0)]) == pytest.approx(0.008862, abs=1e-6)


def test_a_clock_that_stood_still_is_no_error():
    assert math.isfinite(round_sd([(0.0, 1.0)], [(1.0, 1.0)]))


def test_a_quiet_machine_has_short_units():
    assert unit_seconds([0.001] * 4, seconds_per_round=0.01, overhead_seconds=0.05, available_seconds=15.0) == 0.06


def test_noise_makes_units_longer():
    """A sd of 7% is ten times a binding's own: 10 x sqrt(0.09 / 0.01) = 30 rounds of 0.01 s."""
    assert unit_seconds([0.07], 0.01, 0.09, 60.0) == pytest.approx(0.3)


def test_but_twenty_samples_must_fit():
    """Forty units in 30 s are 0.75 s each, of which 0.45 s are for binding."""
    assert unit_seconds([0.7], 0.01, 0.45, 30.0) == pytest.approx(0.30)


@pytest.mark.parametrize(("round_sds", "seconds_per_round"), [([], 0.01), ([0.1], 0.0)])
def test_nothing_known_is_a_short_unit(round_sds, seconds_per_round):
    assert unit_seconds(round_sds, seconds_per_round, 0.05, 15.0) == 0.06


def test_units_of_different_noise_count_with_their_mean():
    options = {"seconds_per_round": 0.01, "overhead_seconds": 0.2, "available_seconds": 100.0}
    assert unit_seconds([0.02, 0.04], **options) == pytest.approx(unit_seconds([0.03], **options))
    assert unit_seconds([0.02, 0.04], **options) < unit_seconds([0.04], **options)
