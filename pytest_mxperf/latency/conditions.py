"""The state of the machine during a measurement."""

from typing import List, Sequence

import msgspec

__all__ = ["Conditions"]

_BUSY_CPU_SHARE = 0.85
_NOTABLE_STEAL = 0.02
_LITTLE_MEMORY = 0.05
_NOTABLE_FREQUENCY_CHANGE = 0.05


class Conditions(msgspec.Struct, frozen=True):
    """The conditions of one unit, or of several in sequence. Shares are between 0 and 1."""

    wall_seconds: float
    cpu_seconds: float
    """CPU seconds of the measuring process; less than the wall seconds if others took its core."""
    steal_share: float = 0.0
    """The share of all cores' time that the hypervisor gave to other machines."""
    load_average: float = 0.0
    """Runnable processes, over the last minute."""
    cores: int = 1
    major_faults: int = 0
    """Pages that had to be read from disk: memory is short."""
    memory_available_share: float = 1.0
    megahertz_low: float = 0.0
    megahertz_high: float = 0.0
    """The lowest and the highest frequency of the core; 0 if unknown."""

    @classmethod
    def over(cls, units: "Sequence[Conditions]") -> "Conditions":
        """The conditions of one or more units as one."""
        wall = sum(unit.wall_seconds for unit in units)
        return cls(
            wall_seconds=wall,
            cpu_seconds=sum(unit.cpu_seconds for unit in units),
            steal_share=sum(unit.steal_share * unit.wall_seconds for unit in units) / wall if wall else 0.0,
            load_average=max(unit.load_average for unit in units),
            cores=units[0].cores,
            major_faults=sum(unit.major_faults for unit in units),
            memory_available_share=min(unit.memory_available_share for unit in units),
            megahertz_low=min(unit.megahertz_low for unit in units),
            megahertz_high=max(unit.megahertz_high for unit in units),
        )

    @property
    def cpu_share(self) -> float:
        """The share of the wall time in which the process had a core: 1 on a quiet machine."""
        return self.cpu_seconds / self.wall_seconds if self.wall_seconds else 1.0

    def disturbances(self) -> List[str]:
        """The differences from a quiet machine, each in a few words."""
        found = []
        if self.cpu_share < _BUSY_CPU_SHARE:
            found.append(f"the measuring process had a core {self.cpu_share:.0%} of the time")
        if self.load_average > self.cores:
            found.append(f"the load was {self.load_average:.1f} on {self.cores} cores")
        if self.steal_share > _NOTABLE_STEAL:
            found.append(f"the hypervisor took {self.steal_share:.0%} of the time")
        if self.megahertz_low < (1 - _NOTABLE_FREQUENCY_CHANGE) * self.megahertz_high:
            found.append(f"the core ran at {self.megahertz_low:.0f} to {self.megahertz_high:.0f} MHz")
        if self.major_faults or self.memory_available_share < _LITTLE_MEMORY:
            free = f"{self.memory_available_share:.0%} of memory was free"
            found.append(f"{free}, {self.major_faults} pages were read from disk")
        return found
