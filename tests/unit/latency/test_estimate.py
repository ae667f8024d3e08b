"""The centre of many log ratios."""

import math
import random
from itertools import combinations_with_replacement
from statistics import median

import pytest

from pytest_mxperf.latency.estimate import _medians_of_blocks, centre, log_ratio


@pytest.mark.parametrize(
    ("log_ratios", "expected"),
    [
        ([0.25], 0.25),
        ([1.0, 4.0], 2.5),  # averages 1, 2.5, 4
        ([1.0, 2.0, 6.0], 2.75),  # averages 1, 1.5, 2, 3.5, 4, 6
        ([6.0, 1.0, 2.0], 2.75),
        ([0.0, 0.0, 0.0, 100.0], 0.0),  # averages 0 six times, 50 three times, 100 once
    ],
)
def test_the_median_of_the_averages_of_all_pairs(log_ratios, expected):
    assert centre(log_ratios) == expected


def test_up_to_200_values_it_is_exact():
    chance = random.Random(1)
    values = [chance.gauss(0.0, 1.0) for _ in range(200)]
    averages = [(left + right) / 2 for left, right in combinations_with_replacement(values, 2)]
    assert centre(values) == median(averages)


def test_thousands_of_values_go_into_200_blocks():
    """1 to 4,000: the blocks' medians are 10.5, 30.5, ..., 3,990.5, symmetric about 2,000.5."""
    assert centre([float(value) for value in range(1, 4001)]) == 2000.5


def test_blocks_of_unequal_size_leave_nothing_out():
    """Of 399 values, in blocks of one and two, the last 100 or 150 are 3: 25% or 38% of the blocks, of whose pairs 56%
    or 39% have an average of 0, and a further 38% or 47% one of 1.5."""
    assert centre([0.0] * 299 + [3.0] * 100) == 0.0
    assert centre([0.0] * 249 + [3.0] * 150) == 1.5


def test_a_quarter_of_wild_values_does_not_move_it_far():
    """Blocks of 10 neighbours in which 2 or 3 are wild have a median of the others."""
    chance = random.Random(2)
    values = [chance.gauss(0.05, 0.01) for _ in range(2000)]
    values[::4] = [chance.uniform(1.0, 5.0) for _ in values[::4]]
    assert centre(values) == pytest.approx(0.05, abs=0.01)


def test_of_gaussian_noise_it_is_nearly_as_precise_as_the_mean():
    """Of 4,000 values of sd 1 the mean has a standard error of 0.016, a median of blocks and all pairs one of 0.02."""
    chance = random.Random(3)
    assert centre([chance.gauss(0.0, 1.0) for _ in range(4000)]) == pytest.approx(0.0, abs=0.06)


def test_nothing_has_no_centre():
    with pytest.raises(ValueError, match="no log ratios"):
        centre([])


def test_each_value_is_in_one_block():
    assert _medians_of_blocks([float(value) for value in range(400)]) == [0.5 + 2 * block for block in range(200)]


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ((1.0, 4.0), (2.0, 8.0), math.log(2.0)),  # geometric means of 2 and 4
        ((4.0, 1.0), (2.0, 8.0), math.log(2.0)),
        ((1.0, 4.0), (8.0, 2.0), math.log(2.0)),
        ((0.0, 0.0), (0.001, 0.001), math.log(1e6)),  # a clock that stands still has counted a nanosecond
        ((0.001, 0.001), (0.0, 0.0), -math.log(1e6)),
    ],
)
def test_the_ratio_of_a_round_is_that_of_its_geometric_means(reference, candidate, expected):
    assert log_ratio([reference], [candidate]) == pytest.approx(expected)


def test_the_ratio_of_a_unit_is_the_centre_of_its_rounds():
    """Ratios of 1, 2 and 64 have logarithms 0, 1 and 6 of base 2: the averages of pairs 0, 0.5, 1, 3, 3.5 and 6."""
    rounds = [(1.0, 1.0), (2.0, 2.0), (64.0, 64.0)]
    assert log_ratio([(1.0, 1.0)] * 3, rounds) == pytest.approx(2 * math.log(2.0))
