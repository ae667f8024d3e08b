"""The scale of a drawing: where its lines lie, and the texts beside them.

Positions are percentages of a drawing's width and height, from its top left corner.
"""

import math
from typing import List, NamedTuple, Sequence

from pytest_mxperf.quantities import Quantity, format_quantity

__all__ = ["Scale", "Tick", "percentage_ticks", "quantity_ticks"]

_MARGIN = 0.08
"""The fraction of the height that stays free above and below."""
_MOST_TICKS = 5
_STEPS = (1, 2, 5, 10)


class Tick(NamedTuple):
    """A value of the scale, and its text."""

    at: float
    text: str


class Scale(NamedTuple):
    """The values at the bottom and at the top."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Sequence[float]) -> "Scale":
        """A scale with room for all values, and a margin."""
        low, high = min(values), max(values)
        margin = _MARGIN * (high - low) or abs(high) or 1.0
        return cls(low - margin, high + margin)

    def y(self, value: float) -> float:
        """The position, from 0 at the top to 100 at the bottom. Values outside of the scale lie on the edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * (1 - min(max(share, 0.0), 1.0)), 2)

    def values(self) -> List[float]:
        """At most six round values."""
        step = self.step
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [number * step for number in range(first, last + 1)]

    @property
    def step(self) -> float:
        rough = (self.high - self.low) / _MOST_TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def percentage_ticks(scale: Scale) -> List[Tick]:
    """Ticks such as ``+2%``, with as many decimals as the step needs."""
    decimals = _decimals(100 * scale.step)
    return [Tick(scale.y(value), f"{100 * value:+.{decimals}f}%".replace("+0%", "0%")) for value in scale.values()]


def quantity_ticks(scale: Scale, quantity: Quantity) -> List[Tick]:
    """Ticks such as ``9.4 ms``: all in the unit of the largest, with as many decimals as the step needs."""
    values = [value for value in scale.values() if value >= 0]
    unit = format_quantity(max(values, default=0), quantity).partition(" ")[2]
    factor = quantity.factor(unit)
    decimals = _decimals(scale.step / factor)
    return [Tick(scale.y(each), f"{each / factor:.{decimals}f} {unit}".strip() if each else "0") for each in values]


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))
