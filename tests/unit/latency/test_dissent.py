"""How many samples may disagree, held against every sequence that there can be."""

from itertools import product

import pytest

from pytest_mxperf.latency.dissent import most_dissenting

LOOKS = (2, 3, 4, 5, 6, 8, 10, 12)


def share_that_ends(bounds, looks):
    """Of all sequences of heads (dissent) and tails, those with so few heads at one of the looks."""
    ending = 0
    for tosses in product((0, 1), repeat=looks[-1]):
        ending += any(sum(tosses[:look]) <= bounds[look] for look in looks)
    return ending / 2 ** looks[-1]


@pytest.mark.parametrize("alpha", [0.3, 0.1, 0.05, 0.0135, 0.004])
@pytest.mark.parametrize("looks", [LOOKS, (4, 12), (3, 7, 11)])
def test_a_fair_coin_rarely_seems_unfair(alpha, looks):
    assert 0 < share_that_ends(most_dissenting(alpha, looks), looks) <= alpha


def test_what_may_dissent_by_hand():
    """Four tails in a row have a chance of 1/16, three of 1/8: at 10% four may end it, and none of them may dissent."""
    bounds = most_dissenting(0.1, LOOKS)
    assert bounds[:5] == (-1, -1, -1, -1, 0)


def test_between_two_looks_the_last_bound_holds():
    bounds = most_dissenting(0.1, (4, 8, 12))
    assert bounds[4:8] == (0, 0, 0, 0)
    assert len(bounds) == 13


def test_never_more_than_a_third_dissent():
    bounds = most_dissenting(0.9, (3, 6, 9))
    assert all(bound <= samples / 3 for samples, bound in enumerate(bounds))


def test_an_error_that_no_look_can_keep_ends_nothing():
    """Twelve tails in a row have a chance of 1/4096."""
    assert set(most_dissenting(0.0002, LOOKS)) == {-1}
