"""Laws from exact counts. Values are worked out by hand."""

from fractions import Fraction

import pytest

from pytest_mxperf.cost.polynomial import Polynomial, fit


@pytest.mark.parametrize(
    ("values", "coefficients", "kind", "text"),
    [
        ({1: 7, 2: 7}, (7,), "constant", "7"),
        ({1: 0, 5: 0, 9: 0}, (0,), "constant", "0"),
        ({1: 3, 2: 6, 4: 12}, (0, 3), "proportional", "3 x"),
        ({1: 5, 2: 8, 4: 14}, (2, 3), "linear", "3 x + 2"),
        ({2: 1, 3: 3, 4: 6, 5: 10}, (0, Fraction(-1, 2), Fraction(1, 2)), "quadratic", "1/2 x^2 - 1/2 x"),
        ({160: 925_798_400, 192: 1_332_924_416, 224: 1_814_073_344, 320: 3_701_657_600}, (512_000, 0, 36_144),
         "quadratic", "36,144 x^2 + 512,000"),
        ({1: 0, 2: 7, 3: 26, 4: 63, 5: 124}, (-1, 0, 0, 1), "cubic", "1 x^3 - 1"),
        ({1: 1, 2: 16, 3: 81, 4: 256, 5: 625, 6: 1296}, (0, 0, 0, 0, 1), "degree 4", "1 x^4"),
    ],
)  # fmt: skip
def test_a_law_is_found_whatever_its_degree(values, coefficients, kind, text):
    law = fit(values)
    assert law == Polynomial(tuple(map(Fraction, coefficients)))
    assert (law.kind, str(law), law.degree) == (kind, text, len(coefficients) - 1)


@pytest.mark.parametrize("values", [{}, {4: 9}, {1: 3, 2: 6}, {1: 1, 2: 4, 3: 9}, {1: 1, 2: 2, 3: 4, 4: 8}])
def test_as_many_sizes_as_coefficients_prove_nothing(values):
    """Some line leads through any two points, and some parabola through any three."""
    assert fit(values) is None


def test_one_count_that_is_off_is_no_law():
    """10^15 and one: as floats they would be alike."""
    values = {size: 10**15 * size for size in (1, 2, 3, 4)}
    assert str(fit(values)) == "1,000,000,000,000,000 x"
    assert fit({**values, 3: 3 * 10**15 + 1}) is None


def test_a_law_tells_the_cost_at_any_size():
    law = fit({2: 1, 3: 3, 4: 6, 5: 10})
    assert [law.at(size) for size in (1, 10, 100)] == [0, 45, 4_950]


def test_the_order_of_the_sizes_does_not_matter():
    assert fit({4: 12, 1: 3, 2: 6}) == fit({1: 3, 2: 6, 4: 12})
