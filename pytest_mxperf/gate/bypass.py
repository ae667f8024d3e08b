"""The ways past the gates of one test: what nothing counts, an earlier run, no gate at all, an outcome before it."""

from typing import List, Sequence

from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.gate.finding import Finding, Verdict

__all__ = ["judge_earlier", "judge_uncounted", "judge_unread", "ungated", "unjudged"]


def judge_uncounted(report: CostReport) -> List[Finding]:
    """A finding if the cost of some operator is unknown: then no total can be trusted."""
    if not report.uncounted:
        return []
    operators = ", ".join(f"{op} ({count})" for op, count in sorted(report.uncounted.items()))
    message = (
        f"operators without a counting rule: {operators}; their cost is missing from every total; give each a rule "
        "with pytest_mxperf.formula, a Custom under its op_type"
    )
    return [Finding("count", "operators", Verdict.UNCOUNTED, message, value=sum(report.uncounted.values()))]


def judge_unread(problem: str) -> List[Finding]:
    """A finding if there is a file of weights that cannot be read: the gates judge the graph alone."""
    return [Finding("test", "weights", Verdict.UNJUDGED, f"weights not judged: {problem}")] if problem else []


def judge_earlier(failures: Sequence[str]) -> List[Finding]:
    """A finding if gates failed when the test was run before, in the same session: a rerun must not hide that."""
    if not failures:
        return []
    message = f"a gate failed before the test was run again: {failures[0]}"
    return [Finding("test", "reruns", Verdict.FLAKY, message, value=len(failures))]


_UNMARKED = (
    "no gate: the test has neither mxperf_budget nor mxperf_baseline, and does not use its model; "
    "mark it with one of them, or use a fixture like mxperf_cost"
)
_WITHOUT_KEY = 'no gate: the model has neither a budget nor a baseline; add one, as in budget = { macs = "1.82 G" }'


def ungated(*, is_test: bool = True) -> Finding:
    """For a test without a gate, or for a model of an ``mxperf.toml`` that is judged without pytest."""
    return Finding("test", "all", Verdict.UNGATED, _UNMARKED if is_test else _WITHOUT_KEY)


def unjudged(because: str) -> Finding:
    return Finding("test", "all", Verdict.UNJUDGED, f"gates not judged: {because}")
