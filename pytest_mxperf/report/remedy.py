"""How to accept the change of a model, for reports that are read away from the terminal."""

from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.report.run import ModelResult

__all__ = ["remedy"]


def remedy(result: ModelResult) -> str:
    """A line such as ``if that is meant, store the new baseline: pytest ... test_a.py::test_net``.

    Empty if there is nothing to accept. Weights that slow a model down are never accepted.
    """
    if not result.update_command or result.baseline_update in ("recorded", "updated"):
        return ""
    verdicts = {each.verdict for each in result.findings if each.metric != "weights" and not each.over}
    if Verdict.REGRESSED in verdicts and result.outcome in ("failed", "error"):
        # Only a test that passes stores its baseline.
        first = "raise the budget, then " if Verdict.OVER_BUDGET in verdicts else ""
        return f"if that is meant, {first}store the new baseline: {result.update_command}"
    if Verdict.IMPROVED in verdicts and all(each.verdict.is_good for each in result.findings):
        return f"to keep the improvement, store the new baseline: {result.update_command}"
    return ""
