"""The result of a comparison of two networks, and its samples."""

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
    """The process that measured it, counted from 1. Another process confirms a regression."""
    low: Optional[float] = None
    """Bounds of the growth by this sample and the earlier ones of its process; None if there is no bound yet."""
    high: Optional[float] = None


class Comparison(msgspec.Struct, frozen=True):
    """A decision, the samples that it is based on, and the state of the machine meanwhile."""

    decision: Decision
    seconds: float
    """Wall time, from the request to the verdict."""
    conditions: Optional[Conditions]
    samples: Tuple[Sample, ...]
    """In the order of measurement. The samples of a confirmation come last."""
    seed: int
    """The seed for the order in which both networks took turns."""
    processes: int = 1
    """How many processes have measured. A second one confirms a regression, or a third if the second cannot tell."""

    run_as: RunAs = RunAs()
    """How both networks were run."""
    notes: Tuple[str, ...] = ()
    """What differs from a real network, and may make the time less reliable (``worker.protocol.Prepared``)."""

    @property
    def log_ratios(self) -> Tuple[float, ...]:
        return tuple(sample.log_ratio for sample in self.samples)

    @property
    def effort(self) -> str:
        """The number of samples and processes, and the time, in a few words."""
        processes = ("one process", "two processes", "three processes")[self.processes - 1]
        return f"{len(self.samples)} samples in {processes}, {self.seconds:.1f} s"
