"""The figures of a sample of times."""

import pytest

from pytest_mxperf.latency.timing import Timing


def test_percentiles_that_fall_on_a_sample():
    """0, 1, ..., 100 s: the sample at position 50, 90 and 99 of 0 to 100."""
    timing = Timing.of([float(second) for second in range(101)])
    assert timing == Timing(samples=101, mean=50.0, min=0.0, p50=50.0, p90=90.0, p99=99.0)


def test_percentiles_between_samples_are_interpolated():
    """1, 2, 3, 4: positions 1.5, 2.7 and 2.97 of 0 to 3 give 2.5, 3.7 and 3.97."""
    timing = Timing.of([1.0, 2.0, 3.0, 4.0])
    assert timing.p50 == pytest.approx(2.5)
    assert timing.p90 == pytest.approx(3.7)
    assert timing.p99 == pytest.approx(3.97)
    assert timing.mean == 2.5


def test_uneven_steps_are_interpolated_within_their_own_step():
    """0, 10, 110: position 1.8 is 80% of the way from 10 to 110, which is 90; 1.98 is 98% of it, 108."""
    timing = Timing.of([0.0, 10.0, 110.0])
    assert (timing.p50, timing.mean, timing.min) == (10.0, 40.0, 0.0)
    assert timing.p90 == pytest.approx(90.0)
    assert timing.p99 == pytest.approx(108.0)


def test_the_order_of_samples_does_not_matter():
    assert Timing.of([3.0, 1.0, 4.0, 2.0]) == Timing.of([1.0, 2.0, 3.0, 4.0])


def test_one_sample_is_every_percentile():
    assert Timing.of([0.25]) == Timing(samples=1, mean=0.25, min=0.25, p50=0.25, p90=0.25, p99=0.25)


def test_the_samples_are_left_as_they_are():
    samples = [3.0, 1.0, 2.0]
    Timing.of(samples)
    assert samples == [3.0, 1.0, 2.0]


def test_a_queue_is_divided_by_its_forwards():
    """Three queues of 8 forwards that took 8, 16 and 24 s: 1, 2 and 3 s per forward."""
    timing = Timing.of([8.0, 16.0, 24.0], queued_forwards=8)
    assert (timing.samples, timing.min, timing.p50, timing.mean, timing.queued_forwards) == (3, 1.0, 2.0, 2.0, 8)


@pytest.mark.parametrize(("forwards", "is_latency"), [(1, True), (2, False), (32, False)])
def test_only_single_forwards_are_a_latency(forwards, is_latency):
    assert Timing.of([1.0], queued_forwards=forwards).is_latency is is_latency
