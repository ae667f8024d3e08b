"""The mean of correlated samples and its error, by hand."""

import math

import pytest

from pytest_mxperf.latency.moments import Moments


def test_a_single_sample_is_known_by_the_prior_alone():
    """A sd of 0.8%, and at the most what nine tenths of correlation make of it: (1 + 0.9) / (1 - 0.9) is 19."""
    one = Moments.of([0.03])
    assert (one.mean, one.sd) == (0.03, 0.0)
    assert one.correlation == 0.9
    assert one.error == pytest.approx(0.008 * math.sqrt(19))


def test_samples_that_alternate_are_not_correlated():
    """Nor is their mean more precise for it, as an estimated correlation below 0 would have it."""
    moments = Moments.of([0.01, 0.03, 0.01, 0.03, 0.01, 0.03, 0.01, 0.03, 0.01, 0.03])
    assert moments.correlation == 0.0
    # Squares 10 x 0.01^2 = 0.001 and 2 x 0.008^2 = 0.000128 over 2 + 9 degrees; ten samples.
    assert moments.error == pytest.approx(math.sqrt(0.001128 / 11 / 10))


def test_samples_that_drift_are():
    """0 to 9: squares 82.5 and products of neighbours 57.75, so 0.7; (10 x 0.7 + 1 + 1.5) / (10 - 4 + 5) = 0.8636."""
    moments = Moments.of([0.001 * step for step in range(10)])
    assert moments.correlation == pytest.approx(0.8636, abs=0.0001)


def test_equal_samples_scatter_by_rounding_only():
    """No correlation is read from that: (1 + 1.5) / (10 - 4 + 5)."""
    assert Moments.of([math.log(1.1) + 1e-17 * i for i in range(10)]).correlation == pytest.approx(0.2273, abs=0.0001)


def test_two_samples_scatter_about_their_mean():
    """Squares 2 x 0.01^2, over one degree of freedom."""
    assert Moments.of([0.01, 0.03]).sd == pytest.approx(0.0141421, abs=1e-6)


@pytest.mark.parametrize(
    ("log_ratios", "mean"),
    [
        # No deviation but the prior's: 3 sqrt(2 x 0.008^2 / 6) = 0.0138564 is as far as a spike counts.
        ([0.0, 0.0, 0.0, 0.0, 1.0], 0.0138564 / 5),
        # A median deviation of 0.01, a sd of 0.014826: 3 sqrt((0.000128 + 4 x 0.00021981) / 6) = 0.0388698 above 0.03.
        ([0.01, 0.02, 0.03, 0.04, 1.0], (0.1 + 0.0688698) / 5),
        ([0.01, 0.02, 0.03, 0.04, -1.0], (0.1 + 0.02 - 0.0388698) / 5),
    ],
)
def test_a_spike_counts_as_three_robust_sd(log_ratios, mean):
    assert Moments.of(log_ratios).mean == pytest.approx(mean, abs=1e-6)
