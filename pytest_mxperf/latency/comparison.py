"""What was decided about two networks, and how."""

from typing import Optional, Tuple

import msgspec

from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision
from pytest_mxperf.spec import RunAs

__all__ = ["Comparison", "Sample"]


class Sample(msgspec.Struct, frozen=True):
    """One sample of a comparison: some pairs of fresh bindings, timed in turns."""

    log_ratio: float
    """log(candidate / reference)."""
    reference_seconds: float = 0.0
    """CPU time per forward: the median over the sample."""
    candidate_seconds: float = 0.0
    process: int = 1
    """The one that has measured it, from 1: a regression is confirmed by another."""
    low: Optional[float] = None
    """Bounds of the growth, by this sample and those before it of its process; None where nothing can be said yet."""
    high: Optional[float] = None


class Comparison(msgspec.Struct, frozen=True):
    """A decision with the samples that it was made of, and what else went on."""

    decision: Decision
    seconds: float
    """Wall time, from the request to the verdict."""
    conditions: Optional[Conditions]
    samples: Tuple[Sample, ...]
    """In their order, those of a confirmation behind the others."""
    seed: int
    """Of the schedule."""
    processes: int = 1
    """How many have measured: a regression is confirmed by a second, and by a third where that cannot tell."""

    run_as: RunAs = RunAs()
    """How both networks were run."""
    notes: Tuple[str, ...] = ()
    """What is not as in a real network, and may make the time less telling (``worker.protocol.Prepared``)."""

    @property
    def log_ratios(self) -> Tuple[float, ...]:
        return tuple(sample.log_ratio for sample in self.samples)

    @property
    def effort(self) -> str:
        """What was done, in a few words."""
        processes = ("one process", "two processes", "three processes")[self.processes - 1]
        return f"{len(self.samples)} samples in {processes}, {self.seconds:.1f} s"
