"""How to accept the change of a model: what a failure advises, and a report that is read away from the terminal."""

from typing import Sequence

from pytest_mxperf.gate.finding import Finding, Verdict

__all__ = ["acceptance", "lacks_weights"]


def acceptance(findings: Sequence[Finding], command: str) -> str:
    """A line such as ``if that is meant, store the new baseline: pytest ... test_a.py::test_net``.

    Empty if none of the findings is a change from the stored baseline. Weights that slow a model down are never
    accepted. A model without the weights that its baseline had is not accepted before they are back.
    """
    own = [each for each in findings if not each.over]
    changed = {each.verdict for each in own if each.metric != "weights"} & {Verdict.REGRESSED, Verdict.IMPROVED}
    if not changed:
        return ""
    how = "to keep the improvement, " if Verdict.REGRESSED not in changed else "if that is meant, "
    if any(lacks_weights(each) for each in own):
        return f"{how}restore the weights first: a new baseline would lack what it says of them"
    is_over = any(each.verdict is Verdict.OVER_BUDGET for each in own)
    first = "raise the budget, then " if is_over else ""  # only a test that passes stores its baseline
    return f"{how}{first}store the new baseline: {command}"


def lacks_weights(finding: Finding) -> bool:
    """Whether it says that the weights are missing that the baseline was recorded with."""
    return finding.metric == "weights" and finding.verdict is Verdict.UNJUDGED
