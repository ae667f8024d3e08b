"""Polynomials with exact coefficients, found from exact counts."""

from fractions import Fraction
from typing import List, Mapping, NamedTuple, Optional, Sequence, Tuple

__all__ = ["Polynomial", "fit"]

_KINDS = ("constant", "linear", "quadratic", "cubic")


class Polynomial(NamedTuple):
    """A polynomial. ``coefficients`` begin with the constant. The last one is not 0, unless there is only one."""

    coefficients: Tuple[Fraction, ...]

    @property
    def degree(self) -> int:
        return len(self.coefficients) - 1

    @property
    def kind(self) -> str:
        """``constant``, ``proportional`` (linear, without a constant), ``linear``, ``quadratic``, ..."""
        if self.degree == 1 and not self.coefficients[0]:
            return "proportional"
        return _KINDS[self.degree] if self.degree < len(_KINDS) else f"degree {self.degree}"

    def at(self, size: int) -> Fraction:
        value = Fraction(0)
        for coefficient in reversed(self.coefficients):
            value = value * size + coefficient
        return value

    def __str__(self) -> str:
        """``36,155 x^2 + 512,000``."""
        terms = [_term(value, power) for power, value in enumerate(self.coefficients) if value]
        return " + ".join(reversed(terms)).replace("+ -", "- ") or "0"


def _term(coefficient: Fraction, power: int) -> str:
    number = f"{coefficient.numerator:,}"
    if coefficient.denominator != 1:
        number += f"/{coefficient.denominator:,}"
    return f"{number} {('', 'x')[power > 0]}{f'^{power}' if power > 1 else ''}".strip()


def fit(values: Mapping[int, int]) -> Optional[Polynomial]:
    """The polynomial of the lowest degree that has exactly these values at these sizes.

    None if it needs all values, because any values have such a polynomial. So at least one value confirms the result.
    """
    sizes = sorted(values)
    if len(sizes) < 2:
        return None
    differences = _divided_differences(sizes, [Fraction(values[size]) for size in sizes])
    while len(differences) > 1 and not differences[-1]:
        differences.pop()
    if len(differences) == len(sizes):
        return None
    return Polynomial(_expanded(differences, sizes))


def _divided_differences(sizes: Sequence[int], values: List[Fraction]) -> List[Fraction]:
    """Newton's coefficients: number k belongs to the product of (x - size) over the first k sizes."""
    found = []
    for order in range(1, len(sizes) + 1):
        found.append(values[0])
        gaps = (high - low for low, high in zip(sizes, sizes[order:]))
        values = [(after - before) / gap for before, after, gap in zip(values, values[1:], gaps)]
    return found


def _expanded(differences: Sequence[Fraction], sizes: Sequence[int]) -> Tuple[Fraction, ...]:
    """The coefficients of the same polynomial in powers of x."""
    powers: List[Fraction] = []
    for difference, size in zip(reversed(differences), reversed(sizes[: len(differences)])):
        raised = [Fraction(0), *powers]
        powers = [each - size * lower for each, lower in zip(raised, [*powers, Fraction(0)])]
        powers[0] += difference
    while len(powers) > 1 and not powers[-1]:
        powers.pop()
    return tuple(powers)
