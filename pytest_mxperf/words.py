"""What users type to do what a message advises: options of pytest, or of a command."""

from typing import NamedTuple

__all__ = ["Words"]


class Words(NamedTuple):
    """Options as they are typed. The caller of the judgement gives them; messages hold them as they are."""

    record: str
    """Stores the baselines of the run."""
    record_missing: str
    """Stores those that do not exist yet."""
    record_this: str
    """Stores the baseline of the model that is judged, and no other."""
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
