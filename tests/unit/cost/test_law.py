"""The law of a cost: polynomials by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mxperf.cost.law import law_of


@pytest.mark.parametrize(
    ("sizes", "counts", "shown"),
    [
        ([1, 2, 4], [7, 7, 7], "constant: 7"),
        ([1, 2, 4], [0, 0, 0], "constant: 0"),
        ([1, 2, 4, 8], [10, 20, 40, 80], "linear: 10 n"),
        ([2, 3, 5], [7, 10, 16], "linear: 3 n + 1"),
        ([2, 3, 5], [5, 8, 14], "linear: 3 n - 1"),
        ([1, 2, 3, 4], [3, 8, 15, 24], "quadratic: 1 n^2 + 2 n"),  # n (n + 2)
        ([32, 64, 96, 128], [1024 * 12 + 5, 4096 * 12 + 5, 9216 * 12 + 5, 16384 * 12 + 5], "quadratic: 12 n^2 + 5"),
        ([1, 2, 3, 4, 5], [1, 8, 27, 64, 125], "cubic: 1 n^3"),
        ([2, 4, 6], [1, 2, 3], "linear: 0.5 n"),
        ([1, 2, 4], [1, 4, 17], "about n^2.04, in steps"),
        ([1, 2, 4], [0, 4, 17], "irregular"),
    ],
)
def test_laws_by_hand(sizes, counts, shown):
    assert str(law_of(sizes, counts)) == shown


def test_two_sizes_confirm_nothing_but_a_constant():
    assert not law_of([1, 2], [1, 2]).is_exact
    assert law_of([1, 2], [3, 3]).coefficients == (3,)


def test_sizes_come_in_any_order():
    assert str(law_of([8, 1, 4], [80, 10, 40])) == "linear: 10 n"


@pytest.mark.parametrize("sizes", [[1], [1, 1], []])
def test_too_few_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="at least two different sizes"):
        law_of(sizes, [1] * len(sizes))


def test_what_is_not_exact_says_nothing_of_other_sizes():
    with pytest.raises(ValueError, match="no polynomial"):
        law_of([1, 2], [1, 2]).at(3)


@given(
    coefficients=st.lists(st.integers(0, 10**12), min_size=1, max_size=4),
    sizes=st.lists(st.integers(1, 4096), min_size=6, max_size=8, unique=True),
)
def test_a_polynomial_is_found_again(coefficients, sizes):
    """Evaluated here by hand, as the sum of its terms."""
    counts = [sum(factor * size**power for power, factor in enumerate(coefficients)) for size in sizes]
    law = law_of(sizes, counts)
    assert law.at(5000) == sum(Fraction(factor) * 5000**power for power, factor in enumerate(coefficients))
