"""How much of its time a comparison has used, how much is left, and how much it would need."""

import math
from typing import Optional

import msgspec

__all__ = ["DEFAULT_SECONDS", "PATIENCE", "Allowance", "too_short"]

DEFAULT_SECONDS = 30.0
"""CPU time for one comparison. Most need a fraction of it; a large network beside other work needs it."""
PATIENCE = 4
"""The most wall seconds for each second of CPU time."""
_BUSY_CORE_SHARE = 0.85
_USUAL_SAMPLES = 8
"""Enough for a verdict that is not too near the tolerance."""
_FEWEST_FOR_A_FORECAST = 3
_RESERVE = 1.5
"""A factor on the samples of a forecast, because later samples may scatter more."""


class Allowance(msgspec.Struct, frozen=True):
    """The time that one process may spend on a comparison, and has spent on its samples."""

    seconds: float
    """Allowed CPU time. Wall time may be up to ``PATIENCE`` times as long."""
    cpu_seconds: float
    wall_seconds: float
    samples: int

    @property
    def seconds_per_sample(self) -> float:
        """The allowed seconds that one sample costs. If the process gets too little of a core, wall time decides."""
        return max(self.cpu_seconds, self.wall_seconds / PATIENCE) / self.samples

    @property
    def is_used_up(self) -> bool:
        """Whether there is no time for one more sample."""
        return self.seconds_per_sample * (self.samples + 1) > self.seconds

    @property
    def core_share(self) -> float:
        return min(1.0, self.cpu_seconds / self.wall_seconds) if self.wall_seconds > 0 else 1.0

    @property
    def wall_seconds_left(self) -> float:
        """The most wall time that is left, if the process gets as much of a core as before."""
        until_cpu = (self.seconds - self.cpu_seconds) / self.core_share if self.core_share > 0 else math.inf
        return max(0.0, min(PATIENCE * self.seconds - self.wall_seconds, until_cpu))

    def progress(self) -> str:
        """The progress of the measurement, in a few words."""
        text = f"sample {self.samples}, {self.wall_seconds:.0f} s; at most {self.wall_seconds_left:.0f} s more"
        if self.core_share >= _BUSY_CORE_SHARE:
            return text
        return f"{text}: the machine gives the measuring process {self.core_share:.0%} of a core"

    def too_short(self, option: str, samples_to_decide: Optional[int]) -> str:
        """Says that the time was too short, and how much to give. ``samples_to_decide`` is a forecast, or None."""
        if samples_to_decide is not None:
            return too_short(self.seconds, self.seconds_per_sample, option, math.ceil(_RESERVE * samples_to_decide))
        if self.samples < _FEWEST_FOR_A_FORECAST:
            return too_short(self.seconds, self.seconds_per_sample, option)
        return (
            f"not clear after {self.seconds:g} s, and the growth is so near the tolerance that more time is "
            "unlikely to help"
        )


def too_short(seconds: float, seconds_per_sample: float, option: str, samples: int = _USUAL_SAMPLES) -> str:
    """Says that ``seconds`` are not enough, and how many are. ``option`` is the user's option for them."""
    enough = math.ceil(samples * seconds_per_sample)
    return f"{seconds:g} s are too short at {seconds_per_sample:.1f} s a sample; try {option}={enough}"
