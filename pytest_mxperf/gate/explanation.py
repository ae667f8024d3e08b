"""Which layers a metric has grown by, or two models differ by: the lines below the findings that regressed."""

from typing import Dict, Iterable, List, Optional, Sequence

from pytest_mxperf.baseline.diff import Change, ChangeKind, CostMetric, Difference
from pytest_mxperf.gate.finding import Finding, regressed_metrics
from pytest_mxperf.gate.metrics import TOLERANCE_FROM

__all__ = ["explained"]

_EXPLAINED_PERCENT = 90
_MOST_LINES = 10
_LABELS: Dict[CostMetric, str] = {"macs": "MACs", "flops": "FLOPs", "params": "params"}


def explained(
    findings: Iterable[Finding], difference: Optional[Difference], *, over: str = "", unknown_because: str = ""
) -> List[Finding]:
    """The findings of a baseline; those that regressed with the changes that make up most of the growth, a line each.

    ``over`` names the other model, if it is not a baseline. Such a model can be heavier or lighter, so all differences
    between the two are shown, heaviest first. Without a difference the findings say why there is none.
    """
    findings = list(findings)
    regressed = regressed_metrics(findings)
    return [
        # Who follows a metric grows for the same layers: once is enough.
        _explained(finding, difference, over, unknown_because)
        if finding.metric in regressed and TOLERANCE_FROM.get(finding.metric) not in regressed
        else finding
        for finding in findings
    ]


def _explained(finding: Finding, difference: Optional[Difference], over: str, unknown_because: str) -> Finding:
    if difference is None:
        what = f"the layers that differ from {over}" if over else "the changed layers"
        lines = [f"{what} are unknown: {unknown_because}"]
    elif finding.metric in _LABELS:
        lines = _explanation(difference, finding.metric, over)
    else:
        return finding  # baselines keep bytes of the whole model only
    return finding.with_lines(lines)


def _explanation(difference: Difference, metric: CostMetric, over: str) -> List[str]:
    """The largest changes, and a last line for all others: together they are the whole growth."""
    label = _LABELS[metric]
    choose = difference.distinction if over else difference.explanation
    shown = choose(metric, percent=_EXPLAINED_PERCENT, limit=_MOST_LINES)
    if not shown:
        return [f"no layer differs in {label}{f' from {over}' if over else ''}"]
    shown = [*shown, *_edited(difference, metric, shown)]
    left = [each for each in difference.changes if each.growth(metric) and each not in shown]
    if len(left) == 1:
        shown, left = [*shown, *left], []
    lines = [f"{each.name} ({each.op}): {each.summary}, {each.growth(metric):+,} {label}" for each in shown]
    if left:
        rest = sum(each.growth(metric) for each in left)
        lines.append(f"and {len(left)} more changes, {rest:+,} {label}")
    return lines


def _edited(difference: Difference, metric: CostMetric, shown: Sequence[Change]) -> List[Change]:
    """The layer that somebody has edited, if all that are shown only follow from it.

    However little it has grown itself: a pooling has no MACs, and its stride decides on those of all later layers.
    """
    if any(each.kind is not ChangeKind.RESHAPED for each in shown):
        return []
    edited = [each for each in difference.changes if each.kind is not ChangeKind.RESHAPED]
    return sorted(edited, key=lambda each: -abs(each.growth(metric)))[:1]
