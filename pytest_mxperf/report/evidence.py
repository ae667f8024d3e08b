"""Draws how the latency gate decided: the samples of both sides, and the growth with its interval.

Positions are percentages of a drawing's width and height (``axes.py``).
"""

import math
from statistics import median, quantiles
from typing import List, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.latency.comparison import Sample
from pytest_mxperf.quantities import Quantity, format_quantity
from pytest_mxperf.report.axes import Scale, Tick, percentage_ticks, quantity_ticks

__all__ = ["Evidence", "evidence_of", "medians"]


class Dot(NamedTuple):
    x: float
    y: float
    told: str


class Side(NamedTuple):
    """One side's samples in order, and their distribution."""

    name: str
    dots: Tuple[Dot, ...]
    middle: float
    told: str
    """The median of the samples."""
    quarters: Tuple[float, float]
    """The positions of the upper and the lower quartile."""
    ends: Tuple[float, float]
    """The positions of the longest and the shortest sample."""


class Level(NamedTuple):
    """A horizontal line and its label."""

    y: float
    told: str


class Row(NamedTuple):
    """One sample as a row of the table beside the drawing."""

    number: int
    process: int
    before: str
    now: str
    growth: str
    bounds: str


class Evidence(NamedTuple):
    """The drawings of one gate, and their numbers."""

    is_of_weights: bool
    """Whether both sides are one graph: with synthetic weights, and with its own."""
    growth: str
    """The growth that the gate has found."""
    sides: Tuple[Side, ...]
    time_ticks: Tuple[Tick, ...]
    ratios: Tuple[Dot, ...]
    ratio_ticks: Tuple[Tick, ...]
    bands: Tuple[str, ...]
    """For each process, the interval of the growth after each of its samples, as points of a polygon."""
    levels: Tuple[Level, ...]
    """The lines for no difference and for the tolerance."""
    borders: Tuple[float, ...]
    """The positions between two processes."""
    rows: Tuple[Row, ...]


def evidence_of(finding: Finding) -> Optional[Evidence]:
    """The drawings for a finding, None if nothing was timed."""
    samples = finding.samples
    if not samples:
        return None
    is_of_weights = finding.metric == "weights"
    names = ("synthetic", "own") if is_of_weights else ("reference", "now")
    places = [100 * (index + 0.5) / len(samples) for index in range(len(samples))]
    times = Scale.over([*(each.reference_seconds for each in samples), *(each.candidate_seconds for each in samples)])
    allowed = finding.allowed_growth or 0.0
    growths = [math.expm1(sample.log_ratio) for sample in samples]
    ratios = _ratio_scale(samples, growths, allowed)
    return Evidence(
        is_of_weights,
        "" if finding.value is None else _percent(float(finding.value)),
        (
            _side(names[0], [each.reference_seconds for each in samples], places, times),
            _side(names[1], [each.candidate_seconds for each in samples], places, times),
        ),
        tuple(quantity_ticks(times, Quantity.SECONDS)),
        tuple(Dot(round(x, 2), ratios.y(growth), _percent(growth)) for x, growth in zip(places, growths)),
        tuple(percentage_ticks(ratios)),
        tuple(_bands(samples, places, ratios)),
        (Level(ratios.y(0.0), "no difference"), Level(ratios.y(allowed), f"allowed {_percent(allowed)}")),
        tuple(
            round((places[index] + places[index - 1]) / 2, 2)
            for index in range(1, len(samples))
            if samples[index].process != samples[index - 1].process
        ),
        tuple(map(_row, range(1, len(samples) + 1), samples, growths)),
    )


def medians(finding: Finding) -> Tuple[str, str]:
    """The median CPU time per forward of each side; empty if nothing was timed."""
    if not finding.samples:
        return "", ""
    sides = [(each.reference_seconds, each.candidate_seconds) for each in finding.samples]
    old, new = (format_quantity(median(seconds), Quantity.SECONDS) for seconds in zip(*sides))
    return old, new


def _ratio_scale(samples: Sequence[Sample], growths: Sequence[float], allowed: float) -> Scale:
    """A scale for all growths and the tolerance. Bounds that are far off, as after few samples, do not count."""
    bounds = [bound for each in samples for bound in (each.low, each.high) if bound is not None]
    spread = 3 * max(abs(growth - allowed) for growth in [*growths, 0.0]) or 0.01
    return Scale.over([*growths, 0.0, allowed, *(each for each in bounds if abs(each - allowed) <= spread)])


def _side(name: str, seconds: Sequence[float], places: Sequence[float], scale: Scale) -> Side:
    dots = tuple(Dot(round(x, 2), scale.y(each), _time(each)) for x, each in zip(places, seconds))
    lower, middle, upper = quantiles(seconds, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 3
    return Side(
        name,
        dots,
        scale.y(middle),
        _time(middle),
        (scale.y(upper), scale.y(lower)),
        (scale.y(max(seconds)), scale.y(min(seconds))),
    )


def _bands(samples: Sequence[Sample], places: Sequence[float], scale: Scale) -> List[str]:
    """A polygon for each process. A bound that is not known yet lies on the edge."""
    half = 50 / len(samples)
    bands = []
    for process in dict.fromkeys(sample.process for sample in samples):
        own = [(x, sample) for x, sample in zip(places, samples) if sample.process == process]
        ends = [(own[0][0] - half, own[0][1]), *own, (own[-1][0] + half, own[-1][1])]
        upper = [(x, scale.high if sample.high is None else sample.high) for x, sample in ends]
        lower = [(x, scale.low if sample.low is None else sample.low) for x, sample in ends]
        bands.append(" ".join(f"{x:.2f},{scale.y(value)}" for x, value in [*upper, *lower[::-1]]))
    return bands


def _row(number: int, sample: Sample, growth: float) -> Row:
    low, high = ("" if bound is None else _percent(bound) for bound in (sample.low, sample.high))
    times = _time(sample.reference_seconds), _time(sample.candidate_seconds)
    return Row(number, sample.process, *times, _percent(growth), f"{low} to {high}" if low or high else "")


def _time(seconds: float) -> str:
    return format_quantity(seconds, Quantity.SECONDS)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:+.1f}%"
