"""In which order the two sides take turns."""

from itertools import islice

import pytest

from pytest_mxperf.latency.schedule import Unit, round_orders, units


def test_a_sample_is_two_units_of_opposite_order():
    for first, second in islice(units(seed=1), 100):
        assert first.reference_first is not second.reference_first


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_either_side_is_first_in_about_half_of_the_samples(seed):
    """Of 1,000 tosses of a coin, 420 to 580 heads: five standard deviations of 15.8 to either side."""
    assert 420 < sum(first.reference_first for first, _ in islice(units(seed), 1000)) < 580


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rounds_of_either_order_are_about_as_many(seed):
    assert 420 < sum(islice(round_orders(seed), 1000)) < 580


def test_rounds_do_not_take_turns():
    """About half of 1,000 rounds have the order of the round before: neither all nor none."""
    orders = list(islice(round_orders(seed=3), 1001))
    assert 420 < sum(before is after for before, after in zip(orders, orders[1:])) < 580


def test_each_unit_has_rounds_of_its_own():
    seeds = [unit.seed for pair in islice(units(seed=4), 100) for unit in pair]
    assert len(set(seeds)) == 200
    assert 2**31 < min(max(seeds[::2]), max(seeds[1::2])) < max(seeds) < 2**32  # of 32 bits each
    assert list(islice(round_orders(seeds[0]), 64)) != list(islice(round_orders(seeds[1]), 64))


def test_the_same_seed_gives_the_same_schedule():
    assert list(islice(units(seed=5), 10)) == list(islice(units(seed=5), 10))
    assert list(islice(units(seed=5), 10)) != list(islice(units(seed=6), 10))
    assert list(islice(round_orders(seed=5), 64)) == list(islice(round_orders(seed=5), 64))


def test_a_unit_is_plain_data():
    assert Unit(reference_first=True, seed=7) == Unit(reference_first=True, seed=7)
