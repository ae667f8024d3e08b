"""What was decided about two networks, and how."""

from typing import Optional, Tuple

import msgspec

from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision
from pytest_mxperf.spec import RunAs

__all__ = ["Comparison"]


class Comparison(msgspec.Struct, frozen=True):
    """A decision with the samples that it was made of, and what else went on."""

    decision: Decision
    seconds: float
    """Wall time, from the request to the verdict."""
    conditions: Optional[Conditions]
    log_ratios: Tuple[float, ...]
    """log(candidate / reference) of each sample, those of a confirmation behind the others."""
    seed: int
    """Of the schedule."""
    processes: int = 1
    """How many have measured: a regression is confirmed by a second, and by a third where that cannot tell."""

    run_as: RunAs = RunAs()
    """How both networks were run."""
    notes: Tuple[str, ...] = ()
    """What is not as in a real network, and may make the time less telling (``worker.protocol.Prepared``)."""

    @property
    def effort(self) -> str:
        """What was done, in a few words."""
        processes = ("one process", "two processes", "three processes")[self.processes - 1]
        return f"{len(self.log_ratios)} samples in {processes}, {self.seconds:.1f} s"
