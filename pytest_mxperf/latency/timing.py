"""The measured speed of a model."""

from typing import Optional, Sequence

import msgspec

__all__ = ["Timing"]


class Timing(msgspec.Struct, frozen=True):
    """Wall time of forward passes, in seconds per forward.

    With ``queued_forwards`` of 1, each sample is one synchronized pass: a latency. With more, each sample is the time
    of a queue of passes divided by their number: the inverse of a throughput, and no latency.
    """

    samples: int
    """The number of samples."""
    mean: float
    min: float
    p50: float
    p90: float
    p99: float
    queued_forwards: int = 1
    batch: Optional[int] = None
    """The first size of all arrays that the forwards took; None if these differ, or if nobody knows them."""

    @classmethod
    def of(
        cls, seconds_per_sample: Sequence[float], *, queued_forwards: int = 1, batch: Optional[int] = None
    ) -> "Timing":
        """The figures of one or more samples. Percentiles interpolate linearly between samples, like numpy's."""
        ordered = sorted(seconds / queued_forwards for seconds in seconds_per_sample)
        return cls(
            samples=len(ordered),
            mean=sum(ordered) / len(ordered),
            min=ordered[0],
            p50=_percentile(ordered, 0.5),
            p90=_percentile(ordered, 0.9),
            p99=_percentile(ordered, 0.99),
            queued_forwards=queued_forwards,
            batch=batch,
        )

    @property
    def is_latency(self) -> bool:
        return self.queued_forwards == 1


def _percentile(ordered: Sequence[float], fraction: float) -> float:
    position = fraction * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
