"""The cheapest alignment of two sequences."""

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mxperf.baseline.align import SKIP, align, longest_rising


def by_distance(left, right):
    """Equal numbers are free, others the dearer the further apart; odd and even must not be paired."""
    return None if (left - right) % 2 else 10 * abs(left - right)


def paired(left, right, reach=100):
    return align(left, right, by_distance, reach=reach)


@pytest.mark.parametrize(
    ("left", "right", "pairs"),
    [
        ([1, 2, 3], [1, 2, 3], [(1, 1), (2, 2), (3, 3)]),
        ([1, 3], [1, 2, 3], [(1, 1), (3, 3)]),
        ([1, 2, 3], [3], [(3, 3)]),
        ([2], [5], []),
        ([2, 4, 8], [2, 6, 8], [(2, 2), (4, 6), (8, 8)]),
        # 22 steps apart are dearer than leaving both out.
        ([2], [24], []),
        ([2], [20], [(2, 20)]),
    ],
    ids=str,
)
def test_the_cheapest_pairs_are_found(left, right, pairs):
    assert paired(left, right) == pairs


def test_of_equals_the_first_are_paired():
    assert align([0], [1, 2, 3], lambda left, right: 0, reach=9) == [(0, 1)]
    assert align([1, 2, 3], [0], lambda left, right: 0, reach=9) == [(1, 0)]


def test_what_is_left_out_hangs_together():
    """8 could be paired with either; the two that are left out are neighbours."""
    assert align([1, 2], [1, 2, 3, 4], lambda left, right: 0, reach=9) == [(1, 1), (2, 2)]


def brute_force(left, right):
    """The lowest cost without the discount for neighbours left out."""

    @lru_cache(maxsize=None)
    def lowest(i, j):
        if i == len(left) or j == len(right):
            return SKIP * (len(left) - i + len(right) - j)
        pair = by_distance(left[i], right[j])
        options = [SKIP + lowest(i + 1, j), SKIP + lowest(i, j + 1)]
        return min(options if pair is None else [*options, pair + lowest(i + 1, j + 1)])

    return lowest(0, 0)


NUMBERS = st.lists(st.integers(0, 8), min_size=1, max_size=8)


@given(NUMBERS, NUMBERS)
def test_no_other_pairs_are_much_cheaper(left, right):
    """Leaving out is up to a tenth cheaper than the brute force has it."""
    pairs = paired(left, right)
    cost = sum(by_distance(*pair) for pair in pairs) + SKIP * (len(left) + len(right) - 2 * len(pairs))
    assert cost <= brute_force(left, right) + SKIP * (len(left) + len(right)) // 10


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_pairs_are_in_order_however_short_the_reach(left, right):
    places = align(range(len(left)), range(len(right)), lambda i, j: by_distance(left[i], right[j]), reach=1)
    assert places == sorted(places)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in zip(places, places[1:]))


def test_the_work_is_bounded_by_the_reach():
    """Of 300 x 300 pairs only those within 5 of the diagonal are looked at, 11 for each; and a few for rounding."""
    seen = []

    def cost(left, right):
        seen.append((left, right))
        return 0

    assert align(range(300), range(300), cost, reach=5) == [(index, index) for index in range(300)]
    assert len(seen) <= 300 * 13
    assert max(abs(left - right) for left, right in seen) <= 6


@pytest.mark.parametrize(
    ("numbers", "positions"),
    [([], []), ([5], [0]), ([1, 2, 3], [0, 1, 2]), ([3, 1, 2], [1, 2]), ([2, 2], [1]), ([9, 1, 8, 2, 7, 3], [1, 3, 5])],
    ids=str,
)
def test_the_longest_rising_subsequence(numbers, positions):
    assert longest_rising(numbers) == positions
