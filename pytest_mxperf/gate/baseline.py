"""What a model costs, judged by its baseline."""

from fractions import Fraction
from typing import List, Mapping, Optional

from pytest_mxperf.baseline.record import Baseline, Recorded
from pytest_mxperf.cost.result import Params
from pytest_mxperf.gate.finding import Finding, Verdict, regressed_metrics
from pytest_mxperf.gate.metrics import IF_ASKED, NO_FILE, costs
from pytest_mxperf.quantities import format_growth
from pytest_mxperf.words import Words

__all__ = ["judge_baseline", "judge_recorded"]


def judge_baseline(
    tolerances: Mapping[str, Fraction], now: Baseline, before: Baseline, *, words: Words, over: str = ""
) -> List[Finding]:
    """One finding per metric, or a single one if the two cannot be compared.

    ``over`` names the model that ``before`` is of if it is no stored baseline: nothing can have improved then.
    """
    because = before.incomparable_because(now)
    if because:
        is_shared = "if another model uses this baseline, give this one another name; otherwise "
        remedy = f"{is_shared if before.inputs != now.inputs else ''}record it again with {words.record_this}"
        return [Finding("baseline", "all", Verdict.INCOMPARABLE, f"cannot be compared: {because}; {remedy}")]
    old, new = costs(before), costs(now)
    findings = [
        _judge_growth(metric, tolerance, old[metric], new[metric], over)
        for metric, tolerance in tolerances.items()
        if metric in old and metric in new
    ]
    findings += [
        _without_file(metric, metric in new, over, words)
        for metric in IF_ASKED
        if metric in tolerances.keys() - (old.keys() & new.keys())
    ]
    if "params" in regressed_metrics(findings):
        return findings  # whose layers are named
    kinds = _kinds_of_params(before.params, now.params, over)
    return [
        each.with_lines([kinds]) if each.metric == "param_bytes" and each.verdict is Verdict.REGRESSED else each
        for each in findings
    ]


def judge_recorded(before: Optional[Recorded], now: Recorded, *, words: Words) -> List[Finding]:
    """A finding if the baseline was recorded under another MXNet, or is timed in another way than it was then.

    Costs do not depend on it; how fast a model is does, and the graph, which is compared, does not show it.
    """
    differences = [] if before is None else before.differences(now)
    if not differences:
        return []
    message = f"recorded {'; '.join(differences)}; record it again with {words.record_this}"
    return [Finding("baseline", "mxnet", Verdict.OTHER_MXNET, message)]


def _without_file(metric: str, is_new: bool, over: str, words: Words) -> Finding:
    if is_new and over:
        message = f"{metric} was not measured for {over}: {NO_FILE}"
        return Finding("baseline", metric, Verdict.UNMEASURED, message)
    if is_new:
        message = f"{metric} cannot be compared: the baseline has none; record it again with {words.record_this}"
        return Finding("baseline", metric, Verdict.INCOMPARABLE, message)
    return Finding("baseline", metric, Verdict.UNMEASURED, f"{metric} was not measured: {NO_FILE}")


def _kinds_of_params(before: Params, now: Params, over: str) -> str:
    """Which parameters take more bytes, though those that train do not: a baseline does not know it of each layer."""
    if over and before == now:
        return f"the same number of params of each kind as {over}, in dtypes of the same width"
    kinds = [
        f"{kind} params {getattr(before, kind):,} -> {getattr(now, kind):,}"
        for kind in ("trainable", "frozen", "auxiliary")
        if getattr(before, kind) != getattr(now, kind)
    ]
    dtypes = "wider" if now.bytes > before.bytes else "narrower"
    return ", ".join(kinds) or f"the same number of params of each kind as {over or 'before'}, in {dtypes} dtypes"


def _judge_growth(metric: str, tolerance: Fraction, old: int, new: int, over: str) -> Finding:
    within = new <= old * (1 + tolerance)
    verdict = Verdict.REGRESSED if not within else Verdict.IMPROVED if new < old and not over else Verdict.PASSED
    message = _growth_from(metric, old, new, tolerance, over) if over else _growth(metric, old, new, tolerance)
    return Finding("baseline", metric, verdict, message, new, old, float(tolerance))


def _growth(metric: str, old: int, new: int, tolerance: Fraction) -> str:
    if new == old:
        return f"{metric} {new:,}, unchanged"
    return f"{metric} {old:,} -> {new:,} ({format_growth(old, new)}, {_allowed(tolerance)})"


def _growth_from(metric: str, old: int, new: int, tolerance: Fraction, over: str) -> str:
    """Of a model that is compared with another one: neither is older."""
    if new == old:
        return f"{metric} {new:,}, the same as {over} ({_allowed(tolerance)})"
    return f"{metric} {new:,}, against {old:,} of {over} ({format_growth(old, new)}, {_allowed(tolerance)})"


def _allowed(tolerance: Fraction) -> str:
    return f"allowed {float(tolerance * 100):+g}%"
