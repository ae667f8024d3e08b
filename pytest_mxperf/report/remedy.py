"""How to accept the change of a model, for reports that are read away from the terminal."""

from pytest_mxperf.gate.acceptance import acceptance
from pytest_mxperf.report.run import ModelResult

__all__ = ["remedy"]


def remedy(result: ModelResult) -> str:
    """Empty if there is nothing to accept, or if it was accepted in this run."""
    if not result.update_command or result.baseline_update in ("recorded", "updated"):
        return ""
    if result.outcome not in ("failed", "error"):
        return acceptance([each for each in result.findings if each.verdict.is_good], result.update_command)
    broken = [each for each in result.findings if not each.verdict.is_good]
    return acceptance(broken, result.update_command)
