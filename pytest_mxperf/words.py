"""What users type to do what a message advises: options of pytest, or of a command."""

from typing import NamedTuple

__all__ = ["Words"]


class Words(NamedTuple):
    """Options as they are typed. Whoever asks for a judgement knows them; messages hold them as they are."""

    record: str
    """Stores the baselines of the run."""
    prune: str
    """Removes the baselines that no model uses."""
    baselines: str
    """Names the folder of the baselines."""
    policy: str
    """Takes ``VERDICT=ACTION``."""
    latency: str
    """Takes ``auto``, ``always`` or ``never``."""
    latency_seconds: str
    """Limits the time of one comparison."""
    latency_wait: str
    """Limits how long to wait for another process that measures."""
