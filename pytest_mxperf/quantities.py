"""Numbers to text and back: counts ("1.82 G"), bytes ("64 MiB"), durations ("40 ms"), fractions ("5%").

Parsing is exact: decimal text becomes an exact ``Fraction``, never a float, so that ``"1.814073344 G"`` is
1814073344 and a budget met to the last multiply-accumulate passes.
"""

import math
import re
from enum import Enum
from fractions import Fraction
from typing import Dict, Tuple, Union

from pytest_mxperf.errors import UsageError, shown

__all__ = [
    "LARGEST",
    "Quantity",
    "format_growth",
    "format_limited",
    "format_quantity",
    "format_shape",
    "parse_fraction",
    "parse_quantity",
    "unit_of",
]

Number = Union[int, float, Fraction]

LARGEST = 2**63 - 1
"""The largest number that reports and baselines hold, and that other programs read from them."""

_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([^\s\d]*)\s*\Z")
_MOST_DECIMALS = 6
_MANY_TIMES, _COUNTLESS_TIMES = 100, 10**9
_LONGEST = 100  # characters; a longer number, or exponent, takes minutes to become an exact fraction
_DECIMAL = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Quantity(Enum):
    """What a number measures: the value is an example of how it is written."""

    COUNT = "1.82 G"
    BYTES = "64 MiB"
    SECONDS = "40 ms"

    def factor(self, unit: str) -> float:
        """How many of it one ``unit`` is, such as 0.001 seconds for ``ms``; a plain number is one."""
        return float(_FACTORS[self][unit])


_FACTORS: Dict[Quantity, Dict[str, Union[int, Fraction]]] = {
    Quantity.COUNT: dict(_DECIMAL),
    Quantity.BYTES: {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, **_BINARY},
    Quantity.SECONDS: {
        "": 1,
        "s": 1,
        "ms": Fraction(1, 10**3),
        "us": Fraction(1, 10**6),
        "µs": Fraction(1, 10**6),
        "μs": Fraction(1, 10**6),
        "ns": Fraction(1, 10**9),
    },
}

_SHOWN: Dict[Quantity, Dict[str, Union[int, Fraction]]] = {
    Quantity.COUNT: {"T": 10**12, "G": 10**9, "M": 10**6, "k": 10**3},
    Quantity.BYTES: {"TiB": 2**40, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10},
    Quantity.SECONDS: {"s": 1, "ms": Fraction(1, 10**3), "µs": Fraction(1, 10**6), "ns": Fraction(1, 10**9)},
}
_BASE = {Quantity.COUNT: "", Quantity.BYTES: "B", Quantity.SECONDS: "s"}


def parse_quantity(value: object, unit: Quantity, *, where: str) -> Fraction:
    """``"1.82 G"``, ``"64 MiB"``, ``"40 ms"`` or a plain number as an exact count, bytes or seconds.

    Raises ``UsageError`` that begins with ``where`` for anything else, negative and non-finite numbers included; also
    for 40 and ``"40"`` seconds, by which people mean 40 ms.
    """
    number, suffix = _split(value, where=where, example=unit.value)
    factors = _FACTORS[unit]
    if suffix not in factors:
        known = ", ".join(name for name in factors if name)
        raise UsageError(f"{where}: unknown unit {suffix!r} in {shown(value)}; known units: {known}")
    if number < 0:
        raise UsageError(f"{where}: {shown(value)} is negative")
    if unit is Quantity.SECONDS and not suffix and (number >= 1 or isinstance(value, str)):
        raise UsageError(
            f"{where}: {shown(value)} is ambiguous; write it like '40 ms' or as the number 0.04, in seconds"
        )
    return number * factors[suffix]


def unit_of(value: object) -> str:
    """The unit of what ``parse_quantity`` takes, as it is written: ``MiB``; empty for a plain number."""
    match = _NUMBER.match(value) if isinstance(value, str) else None
    return match.group(2) if match else ""


def parse_fraction(value: object, *, where: str) -> Fraction:
    """``"5%"`` or ``0.05`` as the exact fraction 1/20. Raises ``UsageError`` that begins with ``where``."""
    number, suffix = _split(value, where=where, example="5%")
    if suffix not in ("", "%"):
        raise UsageError(f"{where}: {shown(value)} is not a fraction; write it like '5%' or 0.05")
    if isinstance(value, str) and not suffix and number != 0:
        raise UsageError(f"{where}: {shown(value)} is ambiguous; write it like '5%' or as the number 0.05")
    if not suffix and abs(number) >= 1:
        raise UsageError(f"{where}: {shown(value)} would be {float(number * 100):g}%; write it like '5%' or as 0.05")
    return number / 100 if suffix else number


def _split(value: object, *, where: str, example: str) -> Tuple[Fraction, str]:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_LONGEST:
        return Fraction(value), ""
    if isinstance(value, float):
        # By its text: the float 0.05 means 5%, not the binary number nearest to it.
        text = str(value)
    elif isinstance(value, str):
        text = value
    else:
        raise UsageError(f"{where}: expected a number or text like {example!r}, got {shown(value)}")
    match = _NUMBER.match(text) if len(text) <= _LONGEST else None
    if match is None:
        raise UsageError(f"{where}: expected a number or text like {example!r}, got {shown(value)}")
    return Fraction(match.group(1).replace("_", "")), match.group(2)


def format_quantity(value: Number, unit: Quantity) -> str:
    """Three significant digits with the largest fitting prefix: ``1.81 G``, ``44.6 MiB``, ``12.3 ms``."""
    magnitude = abs(Fraction(value))
    for suffix, factor in _SHOWN[unit].items():
        # 999,500 would print as 1000 k: it is 1.00 M.
        if magnitude >= factor * Fraction(9995, 10000):
            return f"{_three_digits(float(value / factor))} {suffix}"
    return f"{value} {_BASE[unit]}".rstrip()


def format_limited(value: Number, limit: Number, unit: Quantity, written: str) -> Tuple[str, str]:
    """A value and its limit in the unit that the limit is ``written`` in: ``44.6 MiB`` and ``50 MiB``.

    The value has three significant digits, or as many as it takes to be on the right side of the limit. Without a unit
    counts and bytes are exact, and so are those that would have no digit within six decimals.
    """
    factor = _FACTORS[unit][written]
    scaled = Fraction(value) / factor
    decimals = max(0, 2 - _exponent(scaled)) if scaled else 0
    if not written or decimals > _MOST_DECIMALS:
        exact = unit is not Quantity.SECONDS
        return (f"{value:,}", f"{limit:,}") if exact else (format_quantity(value, unit), format_quantity(limit, unit))
    shown_limit = f"{float(Fraction(limit) / factor):.15g}"
    for places in range(decimals, _MOST_DECIMALS + 1):
        shown = f"{float(scaled):.{places}f}"
        if _sign(Fraction(shown) - Fraction(limit) / factor) == _sign(Fraction(value) - Fraction(limit)):
            return f"{shown} {written}", f"{shown_limit} {written}"
    return f"{value:,}", f"{limit:,}"


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _exponent(value: Fraction) -> int:
    return math.floor(math.log10(value))


def _three_digits(value: float) -> str:
    magnitude = abs(value)
    decimals = 2 if magnitude < 9.995 else 1 if magnitude < 99.95 else 0
    return f"{value:.{decimals}f}"


def format_growth(before: float, now: float) -> str:
    """``+5.18%``; of 0 nothing is a percentage, and what is less than two decimals show is not called none.

    From a hundred times on it is ``120 times as much``.
    """
    if not before:
        return "from 0"
    times = now / before
    if times >= _MANY_TIMES:
        return f"{times:{',.0f' if times < _COUNTLESS_TIMES else '.3g'}} times as much"
    percent = (times - 1) * 100
    if round(percent, 2) or now == before:
        return f"{percent:+.2f}%"
    return f"less than {'+' if now > before else '-'}0.01%"


def format_shape(shape: Tuple[int, ...]) -> str:
    """``(1, 3, 224, 224)`` as ``1x3x224x224``; a scalar is ``()``."""
    return "x".join(map(str, shape)) or "()"
