"""What judging a model depends on, in pytest and in the command."""

from pathlib import Path
from typing import FrozenSet, NamedTuple, Optional, Tuple

from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.latency.allowance import DEFAULT_SECONDS
from pytest_mxperf.words import Words

__all__ = ["JudgeOptions"]


class JudgeOptions(NamedTuple):
    """Of a whole session."""

    baselines: Path
    """Their folder."""
    words: Words
    """What the user types for what messages advise."""
    update: Optional[str] = None
    """``all``, ``new``, ``prune`` or None."""
    latency: str = "auto"
    """``auto``, ``always`` or ``never``."""
    latency_seconds: float = DEFAULT_SECONDS
    """For one model, of CPU time."""
    latency_wait: float = 600.0
    """Seconds; for each turn of another process that measures on this host."""
    imports: Tuple[str, ...] = ()
    """Modules that register operators, by their full names."""
    known: FrozenSet[str] = frozenset()
    """The baselines that there were when the run began."""
    nearby: Tuple[Path, ...] = ()
    """Where else a user may have put baselines: a message names the folder if it has the one that is missing."""

    def at_start(self) -> "JudgeOptions":
        """Those of a run that begins now: ``new`` has to know which baselines there are."""
        return self._replace(known=frozenset(self.store.marks())) if self.update == "new" else self

    def for_model(self, record_this: str, nearby: Tuple[Path, ...] = ()) -> "JudgeOptions":
        """For one model, whose baseline is stored by typing ``record_this``."""
        return self._replace(words=self.words._replace(record_this=record_this), nearby=nearby)

    @property
    def store(self) -> BaselineStore:
        return BaselineStore(self.baselines, self.words)

    def records(self, name: str, *, exists: bool) -> bool:
        """Whether the model's baseline is stored. ``new`` stores one that an earlier test of this run has made, too."""
        return self.update == "all" or (self.update == "new" and not (exists and name in self.known))

    @property
    def writes_baselines(self) -> bool:
        return self.update in ("all", "new")
