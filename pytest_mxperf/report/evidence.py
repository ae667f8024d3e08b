"""Draws how a latency was judged: both sides' samples, and how their ratio became clear.

Positions are in the units of an SVG's view box, ``WIDTH`` by ``HEIGHT``.
"""

import math
from statistics import median
from typing import List, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.latency.comparison import Sample
from pytest_mxperf.units import Quantity, format_quantity

__all__ = ["HEIGHT", "WIDTH", "Evidence", "evidence_of", "medians"]

WIDTH, HEIGHT = 560.0, 150.0
_MARGIN = 0.08
"""Of the height, free above and below."""
_LINE = 14.0
"""Of text."""


class Dot(NamedTuple):
    x: float
    y: float
    told: str


class Side(NamedTuple):
    """One side's samples in order, and their median."""

    name: str
    dots: Tuple[Dot, ...]
    middle: float
    told: str


class Level(NamedTuple):
    """A horizontal line, and what it stands for."""

    y: float
    told: str
    label_y: float
    """Where the words stand: two levels may be close together."""


class Row(NamedTuple):
    """A sample, for those who read a table."""

    number: int
    process: int
    before: str
    now: str
    growth: str
    bounds: str


class Evidence(NamedTuple):
    """The drawings of one gate, and their numbers."""

    metric: str
    sides: Tuple[Side, ...]
    ratios: Tuple[Dot, ...]
    bands: Tuple[str, ...]
    """Of each process that has bounds: the interval of the growth over its samples, as points of a polygon."""
    levels: Tuple[Level, ...]
    """No change, and the tolerance."""
    borders: Tuple[float, ...]
    """Between two processes."""
    rows: Tuple[Row, ...]


def evidence_of(finding: Finding) -> Optional[Evidence]:
    """None where nothing was timed."""
    samples = finding.samples
    if not samples:
        return None
    places = [WIDTH * (index + 0.5) / len(samples) for index in range(len(samples))]
    times = _Scale.over([*(each.reference_seconds for each in samples), *(each.candidate_seconds for each in samples)])
    allowed = finding.allowed_growth or 0.0
    growths = [math.expm1(sample.log_ratio) for sample in samples]
    bounds = [bound for each in samples for bound in (each.low, each.high) if bound is not None]
    # Early bounds may be far out; what counts is what the drawing is about.
    spread = 3 * max(abs(growth - allowed) for growth in [*growths, 0.0]) or 0.01
    ratios = _Scale.over([*growths, 0.0, allowed, *(each for each in bounds if abs(each - allowed) <= spread)])
    return Evidence(
        finding.metric,
        (
            _side("before", [each.reference_seconds for each in samples], places, times),
            _side("now", [each.candidate_seconds for each in samples], places, times),
        ),
        tuple(Dot(x, ratios.y(growth), _percent(growth)) for x, growth in zip(places, growths)),
        tuple(_bands(samples, places, ratios)),
        _levels(ratios, allowed),
        tuple(
            (places[index] + places[index - 1]) / 2
            for index in range(1, len(samples))
            if samples[index].process != samples[index - 1].process
        ),
        tuple(map(_row, range(1, len(samples) + 1), samples, growths)),
    )


def medians(finding: Finding) -> Tuple[str, str]:
    """CPU time per forward of both sides; empty where nothing was timed."""
    if not finding.samples:
        return "", ""
    sides = [(each.reference_seconds, each.candidate_seconds) for each in finding.samples]
    old, new = (format_quantity(median(seconds), Quantity.SECONDS) for seconds in zip(*sides))
    return old, new


class _Scale(NamedTuple):
    low: float
    high: float

    @classmethod
    def over(cls, values: Sequence[float]) -> "_Scale":
        low, high = min(values), max(values)
        margin = _MARGIN * (high - low) or abs(high) or 1.0
        return cls(low - margin, high + margin)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT * (1 - min(max(share, 0.0), 1.0)), 1)


def _levels(scale: _Scale, allowed: float) -> Tuple[Level, Level]:
    none, most = scale.y(0.0), scale.y(allowed)
    apart = max(0.0, _LINE - abs(none - most)) / 2 * (1 if none >= most else -1)
    return Level(none, "no change", none + apart), Level(most, f"allowed {_percent(allowed)}", most - apart)


def _side(name: str, seconds: Sequence[float], places: Sequence[float], scale: _Scale) -> Side:
    dots = tuple(Dot(round(x, 1), scale.y(each), _time(each)) for x, each in zip(places, seconds))
    return Side(name, dots, scale.y(median(seconds)), _time(median(seconds)))


def _bands(samples: Sequence[Sample], places: Sequence[float], scale: _Scale) -> List[str]:
    bands = []
    for process in dict.fromkeys(sample.process for sample in samples):
        known = [
            (x, sample.low, sample.high)
            for x, sample in zip(places, samples)
            if sample.process == process and (sample.low is not None or sample.high is not None)
        ]
        upper = [(x, scale.high if high is None else high) for x, _, high in known]
        lower = [(x, scale.low if low is None else low) for x, low, _ in known]
        if len(known) > 1:
            bands.append(" ".join(f"{x:.1f},{scale.y(value)}" for x, value in [*upper, *lower[::-1]]))
    return bands


def _row(number: int, sample: Sample, growth: float) -> Row:
    low, high = ("" if bound is None else _percent(bound) for bound in (sample.low, sample.high))
    times = _time(sample.reference_seconds), _time(sample.candidate_seconds)
    return Row(number, sample.process, *times, _percent(growth), f"{low} to {high}" if low or high else "")


def _time(seconds: float) -> str:
    return format_quantity(seconds, Quantity.SECONDS)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:+.1f}%"
