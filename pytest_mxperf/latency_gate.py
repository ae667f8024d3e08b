"""What timing two networks side by side has shown, as findings of a gate."""

from fractions import Fraction
from typing import Optional

from pytest_mxperf.gate import Finding, Verdict
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision, Outcome

__all__ = ["WEIGHTS_TOLERANCE", "judge_latency", "judge_weights", "not_measured", "same_graph", "same_weights"]

WEIGHTS_TOLERANCE = 0.25
"""How much slower than synthetic weights real ones may be. Subnormal numbers cost 150 to 400%."""


def judge_latency(
    tolerance: Fraction, decision: Decision, *, reference: str, effort: str, conditions: Optional[Conditions]
) -> Finding:
    """Growth of the CPU seconds per forward, in one thread, over those of the reference.

    ``reference`` says what that is ("its baseline"), ``effort`` what was done ("4 samples, 3.2 s").
    """
    allowed = f"allowed {_percent(float(tolerance))} over {reference}"
    if decision.outcome is Outcome.PASSED:
        verdict = Verdict.IMPROVED if decision.high < 0 <= tolerance else Verdict.PASSED
        message = f"latency {_percent(decision.growth)} (at most {_percent(decision.high)}), {allowed}; {effort}"
    elif decision.outcome is Outcome.REGRESSED:
        verdict = Verdict.REGRESSED
        message = f"latency {_percent(decision.growth)} (at least {_percent(decision.low)}), {allowed}; {effort}"
    else:
        verdict = Verdict.INCONCLUSIVE
        between = (
            f"between {_percent(decision.low)} and {_percent(decision.high)}" if decision.samples > 1 else "unclear"
        )
        message = f"latency {_percent(decision.growth)} ({between}), {allowed}: {decision.reason}"
    if verdict in (Verdict.REGRESSED, Verdict.INCONCLUSIVE):
        message += _surroundings(conditions)
    return _finding("latency", verdict, message, decision.growth, float(tolerance))


def judge_weights(decision: Decision, subnormal_layer: Optional[str], *, conditions: Optional[Conditions]) -> Finding:
    """How much slower the network is with its own weights than with synthetic ones."""
    times = f"{1 + decision.growth:.2g}x"
    if decision.outcome is Outcome.REGRESSED:
        cause = f"; subnormal activations from {subnormal_layer}" if subnormal_layer else ""
        message = f"weights: {times} the time that the graph needs with synthetic ones{cause}"
        return _finding("weights", Verdict.REGRESSED, message, decision.growth, WEIGHTS_TOLERANCE)
    if decision.outcome is Outcome.PASSED:
        return _finding(
            "weights",
            Verdict.PASSED,
            f"weights: {times} the time of synthetic ones",
            decision.growth,
            WEIGHTS_TOLERANCE,
        )
    message = f"weights: {times} the time of synthetic ones, unclear: {decision.reason}{_surroundings(conditions)}"
    return _finding("weights", Verdict.INCONCLUSIVE, message, decision.growth, WEIGHTS_TOLERANCE)


def same_graph(tolerance: Fraction, reference: str) -> Finding:
    return _finding("latency", Verdict.PASSED, f"latency: same graph as {reference}, not timed", 0.0, float(tolerance))


def same_weights() -> Finding:
    return _finding(
        "weights", Verdict.PASSED, "weights: unchanged since the baseline, not timed", None, WEIGHTS_TOLERANCE
    )


def not_measured(metric: str, because: str) -> Finding:
    return _finding(metric, Verdict.NOT_MEASURED, f"{metric} was not measured: {because}", None, None)


def _finding(
    metric: str, verdict: Verdict, message: str, growth: Optional[float], allowed_growth: Optional[float]
) -> Finding:
    return Finding("latency", metric, verdict, message, value=growth, allowed_growth=allowed_growth)


def _surroundings(conditions: Optional[Conditions]) -> str:
    disturbances = conditions.disturbances() if conditions else []
    return f"\nmeanwhile: {', '.join(disturbances)}" if disturbances else ""


def _percent(fraction: float) -> str:
    return f"{100 * fraction:+.1f}%"
