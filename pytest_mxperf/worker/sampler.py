"""Samples of one pair of networks, taken in one measuring process."""

import math
from itertools import chain
from statistics import median
from typing import Iterator, List, Tuple

import msgspec

from pytest_mxperf.latency.allowance import PATIENCE
from pytest_mxperf.latency.comparison import Sample
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.estimate import log_ratio
from pytest_mxperf.latency.pacing import LEAST_UNIT_SECONDS, round_sd, unit_seconds
from pytest_mxperf.latency.schedule import Unit
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.protocol import Measure, Measured, Network, Prepare, Prepared

__all__ = ["ANSWER_SECONDS", "SAMPLE_CPU_SECONDS", "PairSampler", "least_seconds_per_sample"]

ANSWER_SECONDS = 600.0
SAMPLE_CPU_SECONDS = 0.2
"""A sample is as many pairs of units as begin within this CPU time. Their warm-up counts."""
_SLOW_FORWARDS = 6
"""Forwards of both sides in a sample of a slow network: two units, each of a warm-up and a round."""
_RECENT_UNITS = 20
"""Only these count for the noise, because other work on the machine comes and goes."""


class PairSampler:
    """Samples a reference and a candidate. ``seconds`` is the CPU time for all samples together."""

    def __init__(self, worker: Worker, reference: Network, candidate: Network, seconds: float = math.inf) -> None:
        self.conditions: List[Conditions] = []
        """The conditions of each unit."""
        self.samples: List[Sample] = []
        self.name = candidate.name
        self._worker = worker
        self._seconds = seconds
        self._unit_seconds = LEAST_UNIT_SECONDS
        self._round_sds: List[float] = []
        worker.start()
        prepare, doing = Prepare(reference, candidate), f"it prepared {self.name}"
        prepared = worker.request(prepare, Prepared, doing=doing, seconds=ANSWER_SECONDS)
        self.notes = prepared.notes
        self.least_seconds_per_sample = least_seconds_per_sample(prepared)

    @property
    def cpu_seconds(self) -> float:
        return sum(unit.cpu_seconds for unit in self.conditions)

    def sample(self, schedule: Iterator[Tuple[Unit, Unit]]) -> float:
        """Takes one sample: log(candidate / reference), the mean over pairs of units."""
        units: List[Measured] = []
        before = len(self.conditions)
        while sum(unit.cpu_seconds for unit in self.conditions[before:]) < SAMPLE_CPU_SECONDS:
            units += map(self._measure, next(schedule))
        log_ratios = [log_ratio(unit.reference, unit.candidate) for unit in units]
        reference, candidate = (
            median(chain.from_iterable(chain.from_iterable(getattr(unit, side) for unit in units)))
            for side in ("reference", "candidate")
        )
        self.samples.append(Sample(sum(log_ratios) / len(log_ratios), reference, candidate))
        return self.samples[-1].log_ratio

    def keep(self, interval: Tuple[float, float]) -> None:
        """Stores the bounds of the growth with the last sample."""
        low, high = interval
        self.samples[-1] = msgspec.structs.replace(
            self.samples[-1], low=low if low > -1 else None, high=high if high < math.inf else None
        )

    def _measure(self, unit: Unit) -> Measured:
        doing = f"it timed {self.name}"
        request = Measure(unit, self._unit_seconds)
        measured = self._worker.request(request, Measured, doing=doing, seconds=ANSWER_SECONDS)
        self.conditions.append(measured.conditions)
        self._pace(measured)
        return measured

    def _pace(self, measured: Measured) -> None:
        """Sets the length of the next unit from the noise of this and earlier units."""
        self._round_sds.append(round_sd(measured.reference, measured.candidate))
        timed = sum(map(sum, measured.reference)) + sum(map(sum, measured.candidate))
        so_far = Conditions.over(self.conditions)
        self._unit_seconds = unit_seconds(
            self._round_sds[-_RECENT_UNITS:],
            seconds_per_round=timed / len(measured.reference),
            overhead_seconds=measured.conditions.cpu_seconds - timed,
            available_seconds=self._seconds * min(1.0, PATIENCE * so_far.cpu_share),
        )


def least_seconds_per_sample(prepared: Prepared) -> float:
    """CPU time of a sample of a slow network. A fast one gets more rounds in this time."""
    return max(SAMPLE_CPU_SECONDS, _SLOW_FORWARDS * prepared.cpu_seconds)
