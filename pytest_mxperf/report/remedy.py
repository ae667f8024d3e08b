"""How to accept the change of a model, for reports that are read away from the terminal."""

from pytest_mxperf.gate.acceptance import acceptance, lacks_weights
from pytest_mxperf.report.run import ModelResult

__all__ = ["remedy"]


def remedy(result: ModelResult) -> str:
    """Empty if there is nothing to accept, or if it was accepted in this run."""
    if not result.update_command or result.baseline_update in ("recorded", "updated"):
        return ""
    broken = [each for each in result.findings if not each.verdict.is_good]
    good = [each for each in result.findings if each.verdict.is_good]
    has_failed = result.outcome in ("failed", "error")
    # A test may fail because its model has improved, and for nothing else.
    without_weights = [each for each in broken if lacks_weights(each)]
    return acceptance((has_failed and broken) or [*good, *without_weights], result.update_command)
