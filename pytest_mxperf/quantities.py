"""Numbers to text and back: counts ("1.82 G"), bytes ("64 MiB"), durations ("40 ms"), fractions ("5%").

Parsing is exact: decimal text becomes an exact ``Fraction``, never a float, so that ``"1.814073344 G"`` is
1814073344 and a budget met to the last multiply-accumulate passes.
"""

import math
import re
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Dict, Tuple, Union

from pytest_mxperf.errors import UsageError, shown

__all__ = [
    "LARGEST",
    "Quantity",
    "format_growth",
    "format_limited",
    "format_pair",
    "format_quantity",
    "format_shape",
    "is_in_bytes",
    "parse_fraction",
    "parse_quantity",
    "unit_of",
]

Number = Union[int, float, Fraction]

LARGEST = 2**63 - 1
"""The largest number that reports and baselines hold, and that other programs read from them."""

_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([^\s\d]*)\s*\Z")
_COUNTED = re.compile(r"([kKMGT]?)(?i:(?:FLOP|MAC|OP|param|parameter)s?)\Z")
"""The unit of a count, with the name of what is counted."""
_THOUSANDS = re.compile(r"\s*[+-]?\d{1,3}(?:,\d{3})+(?![\d,])")
_MOST_DECIMALS = 6
_MOST_PAIRED = 15
_BROKEN_DIGITS, _PLAIN_DIGITS = 4, 6
"""Significant digits of a value that breaks its limit, and of one without a unit that is not whole."""
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
        counted = _COUNTED.match(suffix) if unit is Quantity.COUNT else None
        known = ", ".join(name for name in factors if name)
        hint = f"write {_number_in(value, counted.group(1))!r}" if counted else f"known units: {known}"
        raise UsageError(f"{where}: unknown unit {suffix!r} in {shown(value)}; {hint}")
    if number < 0:
        raise UsageError(f"{where}: {shown(value)} is negative")
    if unit is Quantity.SECONDS and not suffix and isinstance(value, str):
        written = value.strip()
        raise UsageError(f"{where}: {shown(value)} is ambiguous; write '{written} ms' or '{written} s'")
    if unit is Quantity.SECONDS and not suffix and number >= 1:
        raise UsageError(
            f"{where}: {shown(value)} is ambiguous; write it like '40 ms' or as the number 0.04, in seconds"
        )
    return number * factors[suffix]


def unit_of(value: object) -> str:
    """The unit of what ``parse_quantity`` takes, as it is written: ``MiB``; empty for a plain number."""
    match = _NUMBER.match(value) if isinstance(value, str) else None
    return match.group(2) if match else ""


def is_in_bytes(value: object) -> bool:
    """Whether the unit of what ``parse_quantity`` takes is one of bytes, such as ``MB``."""
    unit = unit_of(value)
    return bool(unit) and unit in _FACTORS[Quantity.BYTES]


def _number_in(value: object, unit: str) -> str:
    """``20 M``: the number in the text, with another unit."""
    match = _NUMBER.match(str(value))
    return f"{match.group(1) if match else value} {unit}".rstrip()


def parse_fraction(value: object, *, where: str) -> Fraction:
    """``"5%"`` or ``0.05`` as the exact fraction 1/20. Raises ``UsageError`` that begins with ``where``."""
    number, suffix = _split(value, where=where, example="5%")
    if suffix not in ("", "%"):
        raise UsageError(f"{where}: {shown(value)} is not a fraction; write it like '5%' or 0.05")
    if isinstance(value, str) and not suffix and number != 0:
        as_fraction = f"'{_plain(number * 100)}%' or " if abs(number) < 1 else ""
        raise UsageError(f"{where}: {shown(value)} is ambiguous; write {as_fraction}'{_plain(number)}%'")
    if not suffix and abs(number) >= 1:
        meant = f"'{_plain(number)}%' or {_plain(number / 100)}"
        raise UsageError(f"{where}: {shown(value)} would be {_plain(number * 100)}%; write {meant}")
    return number / 100 if suffix else number


def _plain(number: Fraction) -> str:
    value = Decimal(number.numerator) / number.denominator  # no float is as large as some
    return f"{value:f}" if abs(value) < _COUNTLESS_TIMES else f"{value.normalize():g}"


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
        hint = _without_comma(text) if len(text) <= _LONGEST else ""
        raise UsageError(f"{where}: expected a number or text like {example!r}, got {shown(value)}{hint}")
    return Fraction(match.group(1).replace("_", "")), match.group(2)


def _without_comma(text: str) -> str:
    """What to write instead of a number with a comma; empty if that is not what is wrong."""
    if _THOUSANDS.match(text):  # or three decimals
        return "; write the number without a comma"
    match = _NUMBER.match(text.replace(",", ".")) if text.count(",") == 1 else None
    if match is None:
        return ""
    number, unit = match.groups()
    written = f"{number}{unit}" if unit == "%" else f"{number} {unit}".rstrip()
    return f"; use a point: {written!r}"


def format_quantity(value: Number, unit: Quantity) -> str:
    """Three significant digits with the largest fitting prefix: ``1.81 G``, ``44.6 MiB``, ``12.3 ms``."""
    magnitude = abs(Fraction(value))
    for suffix, factor in _SHOWN[unit].items():
        # 999,500 would print as 1000 k: it is 1.00 M.
        if magnitude >= factor * Fraction(9995, 10000):
            return f"{_three_digits(float(value / factor))} {suffix}"
    return f"{value} {_BASE[unit]}".rstrip()


def format_pair(before: Number, now: Number, unit: Quantity) -> Tuple[str, str]:
    """Both as ``format_quantity``, in more digits if they would look equal and are not."""
    shown = format_quantity(before, unit), format_quantity(now, unit)
    if before == now or shown[0] != shown[1]:
        return shown
    suffix = shown[0].rpartition(" ")[2]
    factor = _SHOWN[unit][suffix]
    for places in range(1, _MOST_PAIRED + 1):
        texts = [f"{float(value / factor):.{places}f}" for value in (before, now)]
        if texts[0] != texts[1]:
            break
    return f"{texts[0]} {suffix}", f"{texts[1]} {suffix}"


def format_limited(
    value: Number, limit: Number, unit: Quantity, written: str, *, is_broken: bool = False
) -> Tuple[str, str]:
    """A value and its limit in the unit that the limit is ``written`` in: ``44.6 MiB`` and ``50 MiB``.

    A value that meets its limit has three significant digits, or as many as it takes to be on the right side. If the
    limit ``is_broken``, the value has four or more and is rounded away from it: as a limit, this figure would hold.
    Without a unit, whole counts and bytes are exact, and so are those that would have no digit within six decimals.
    """
    number, bound = _exact(value), _exact(limit)
    name = written
    if not written or _decimals(number / _FACTORS[unit][written]) > _MOST_DECIMALS:
        smaller = min(number, bound) if is_broken else bound
        name = _fitting(smaller or number or bound) if unit is Quantity.SECONDS else ""
    factor = _FACTORS[unit][name]
    if name and _decimals(number / factor) > _MOST_DECIMALS:
        return format_quantity(value, unit), format_quantity(limit, unit)
    side_by_side = _away if is_broken else _beside
    shown = side_by_side(number / factor, bound / factor, is_plain=not name)
    if name and shown:
        return f"{shown} {name}", f"{float(bound / factor):.15g} {name}"
    ending = " s" if unit is Quantity.SECONDS else ""
    if number and _decimals(number) > _MOST_PAIRED:  # nobody counts so many zeros
        return f"{float(number):g}{ending}", f"{float(bound):g}{ending}"
    return f"{shown or _in_full(number)}{ending}", f"{_in_full(bound)}{ending}"


def _exact(value: Number) -> Fraction:
    """By its text: the float 0.04 means 40 ms, not the binary number nearest to it."""
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def _fitting(seconds: Fraction) -> str:
    """The largest unit that fits."""
    units = _SHOWN[Quantity.SECONDS]
    return next((name for name, factor in units.items() if seconds >= factor), "ns" if seconds else "s")


def _away(number: Fraction, limit: Fraction, *, is_plain: bool) -> str:
    """A number that breaks its limit, rounded away from it, in digits that do not overstate how far it is off."""
    if is_plain and number.denominator == 1:
        return _in_full(number)
    round_away = math.ceil if number > limit else math.floor
    places = _decimals(number, _PLAIN_DIGITS if is_plain else _BROKEN_DIGITS)
    while True:
        shown = Fraction(round_away(number * 10**places), 10**places)
        if places >= _MOST_DECIMALS or abs(shown - limit) <= 2 * abs(number - limit):
            return _written(shown, places, is_plain)
        places += 1


def _beside(number: Fraction, limit: Fraction, *, is_plain: bool) -> str:
    """A number that meets its limit, in digits that show it; empty if that takes too many."""
    if is_plain and number.denominator == 1:
        return _in_full(number)
    fewest = _decimals(number, _PLAIN_DIGITS) if is_plain else _decimals(number)
    for places in range(fewest, max(fewest, _MOST_DECIMALS) + 1):
        shown = Fraction(round(number * 10**places), 10**places)
        if _sign(shown - limit) == _sign(number - limit):
            return _written(shown, places, is_plain)
    return ""


def _written(number: Fraction, places: int, is_plain: bool) -> str:
    """``1.250``, or plain ``1.25``."""
    whole, rest = divmod(number.numerator * 10**places // number.denominator, 10**places)
    text = f"{whole:,}" if is_plain else f"{whole}"
    decimals = f"{rest:0{places}d}" if places else ""
    if is_plain:
        decimals = decimals.rstrip("0")
    return f"{text}.{decimals}" if decimals else text


def _in_full(number: Fraction) -> str:
    return f"{int(number):,}" if number.denominator == 1 else f"{float(number):,}"


def _decimals(number: Fraction, digits: int = 3) -> int:
    """How many decimals it takes to have this many significant digits."""
    if not number:
        return 0
    exponent = len(str(number.numerator)) - len(str(number.denominator))  # no float is as small as some fractions
    if number < Fraction(10) ** exponent:
        exponent -= 1
    return max(0, digits - 1 - exponent)


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


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
