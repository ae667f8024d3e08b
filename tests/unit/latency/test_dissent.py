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


@pytest.mark.parametrize("earlier", [(), (1,), (1, 2)])
@pytest.mark.parametrize(
    ("alpha", "bounds"),
    [
        (0.2187, (0, 0, 2)),
        (0.2188, (0, 1, 2)),
        (0.3, (0, 1, 2)),
        (0.303, (0, 1, 3)),
    ],
)
def test_what_is_left_is_shared_by_the_later_looks(alpha, bounds, earlier):
    """Three tails, 1/8 of all, end it at the first look; at the second half of the rest may be spent, at the third all.

    At six, 3 of 64 sequences have one head and have not ended: they fit into half of the rest from 1/8 + 2 x 3/64 =
    0.21875 on. At nine, of 512 sequences 64 + 24 have ended then, 12 others have two heads, and 55 have three. These
    fit in from 155/512 = 0.3027 on. Looks that are too early to end it change nothing.
    """
    found = most_dissenting(alpha, (*(look for look in earlier if 0.5**look > alpha), 3, 6, 9))
    assert found == (-1, -1, -1, *[bounds[0]] * 3, *[bounds[1]] * 3, bounds[2])


@pytest.mark.parametrize(("alpha", "bound"), [(0.1718, 1), (0.1719, 2)])
def test_the_last_look_may_spend_all_that_is_left(alpha, bound):
    """Of 512 sequences of nine 64 have ended with three tails, 3 others have one head, 21 two: 88/512 = 0.171875."""
    assert most_dissenting(alpha, (3, 9))[9] == bound


def test_a_chance_of_just_the_error_is_rare_enough():
    """Four tails in a row have a chance of 1/16."""
    assert most_dissenting(0.0625, LOOKS)[:5] == (-1, -1, -1, -1, 0)


def test_a_third_may_dissent_however_likely_errors_may_be():
    """Six of twelve or fewer have a chance of 61%."""
    assert most_dissenting(0.9, (4, 12))[12] == 4


def test_an_error_that_no_look_can_keep_ends_nothing():
    """Twelve tails in a row have a chance of 1/4096."""
    assert most_dissenting(0.0002, LOOKS) == (-1,) * 13
