"""Measures the resident memory of networks, each time in a new process: an old one would reuse freed memory."""

from fractions import Fraction
from typing import Callable

from pytest_mxperf.gate.resident import ResidentPair, is_over
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.protocol import MeasuredResident, MeasureResident, Network
from pytest_mxperf.worker.sampler import ANSWER_SECONDS

__all__ = ["compare_resident", "resident_of"]

_MOST_MEASUREMENTS = 2
"""How often each side is measured before a build fails."""


def resident_of(network: Network) -> MeasuredResident:
    """Raises ``WorkerError`` if it cannot be measured."""
    doing = f"it measured the memory of {network.name}"
    with Worker() as worker:
        return worker.request(MeasureResident(network), MeasuredResident, doing=doing, seconds=ANSWER_SECONDS)


def compare_resident(
    reference: Network,
    candidate: Network,
    tolerance: Fraction,
    measure: Callable[[Network], MeasuredResident] = resident_of,
) -> ResidentPair:
    """Measures both networks, and again if the growth is over the tolerance. Raises ``WorkerError``."""
    pair = ResidentPair(measure(reference).peak_bytes, measure(candidate).peak_bytes, 1)
    while is_over(pair, tolerance) and pair.measurements < _MOST_MEASUREMENTS:
        before, now = measure(reference).peak_bytes, measure(candidate).peak_bytes
        pair = ResidentPair(min(pair.before, before), min(pair.now, now), pair.measurements + 1)
    return pair
