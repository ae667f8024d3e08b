"""How a count grows with a size: the polynomial that counts at several sizes lie on, found exactly."""

import math
from fractions import Fraction
from typing import List, Optional, Sequence, Tuple

import msgspec

__all__ = ["Law", "law_of"]

_DEGREES = ("constant", "linear", "quadratic", "cubic")


class Law(msgspec.Struct, frozen=True):
    """``coefficients`` from the constant up, if all counts lie on one polynomial with sizes to spare; else none.

    ``exponent`` is the power that the count grows with between the first and the last size; None where it is 0.
    """

    coefficients: Tuple[Fraction, ...] = ()
    exponent: Optional[float] = None

    @property
    def is_exact(self) -> bool:
        return bool(self.coefficients)

    @property
    def degree(self) -> int:
        return len(self.coefficients) - 1

    def at(self, size: int) -> Fraction:
        """What it says for a size. Raises ``ValueError`` if it is not exact."""
        if not self.is_exact:
            raise ValueError("no polynomial was found")
        return sum((factor * size**power for power, factor in enumerate(self.coefficients)), Fraction(0))

    def __str__(self) -> str:
        """``linear: 1,814,073,344 n``; ``about n^1.98, in steps`` if no polynomial fits."""
        if not self.is_exact:
            return "irregular" if self.exponent is None else f"about n^{self.exponent:.2f}, in steps"
        terms = [
            _term(factor, power)
            for power, factor in reversed(list(enumerate(self.coefficients)))
            if factor or not power
        ]
        shown = " + ".join(term for term in terms if term) or "0"
        return f"{_DEGREES[self.degree]}: {shown.replace('+ -', '- ')}"


def law_of(sizes: Sequence[int], counts: Sequence[int]) -> Law:
    """The polynomial of the lowest degree, up to 3, on which all lie; one size more than it takes has to confirm it.

    Raises ``ValueError`` for sizes that are not all different, or fewer than two.
    """
    if len(set(sizes)) != len(sizes) or len(sizes) < 2:
        raise ValueError(f"at least two different sizes, not {list(sizes)}")
    differences = _divided(sizes, counts)
    degree = max((power for power, value in enumerate(differences) if value), default=0)
    if degree <= min(len(_DEGREES) - 1, len(sizes) - 2):
        return Law(tuple(_expanded(sizes, differences[: degree + 1])), _exponent(sizes, counts))
    return Law((), _exponent(sizes, counts))


def _divided(sizes: Sequence[int], counts: Sequence[int]) -> List[Fraction]:
    """Newton's divided differences: the coefficients of his form of the polynomial."""
    column = [Fraction(count) for count in counts]
    found = [column[0]]
    for order in range(1, len(sizes)):
        column = [
            (after - before) / (sizes[place + order] - sizes[place])
            for place, (before, after) in enumerate(zip(column, column[1:]))
        ]
        found.append(column[0])
    return found


def _expanded(sizes: Sequence[int], differences: Sequence[Fraction]) -> List[Fraction]:
    """Newton's form as coefficients, from the constant up."""
    found = [Fraction(0)] * len(differences)
    for place in reversed(range(len(differences))):
        # found = found * (n - size) + difference
        shifted = [Fraction(0), *found[:-1]]
        found = [up - sizes[place] * same for up, same in zip(shifted, found)]
        found[0] += differences[place]
    return found


def _exponent(sizes: Sequence[int], counts: Sequence[int]) -> Optional[float]:
    (first, begin), (last, end) = min(zip(sizes, counts)), max(zip(sizes, counts))
    if not (begin > 0 and end > 0 and first > 0):
        return None
    return math.log(end / begin) / math.log(last / first)


def _term(factor: Fraction, power: int) -> str:
    number = f"{factor.numerator:,}" if factor.denominator == 1 else f"{float(factor):,.6g}"
    if not power:
        return number if factor else ""
    return f"{number} n" if power == 1 else f"{number} n^{power}"
