"""What timing two networks side by side has shown, as findings of a gate."""

from fractions import Fraction
from typing import List, Mapping, Optional, Sequence

from pytest_mxperf.baseline.record import WallTime
from pytest_mxperf.gate import Finding, Verdict
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision, Outcome
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.units import Unit, format_quantity

__all__ = [
    "WEIGHTS_TOLERANCE",
    "judge_latency",
    "judge_wall_time",
    "judge_weights",
    "not_measured",
    "same_graph",
    "same_weights",
]

_WALL_TIMES = ("latency_p50", "latency_p90", "latency_p99", "latency_mean")

WEIGHTS_TOLERANCE = 0.25
"""How much slower than synthetic weights real ones may be. Subnormal numbers cost 150 to 400%."""


def judge_latency(
    tolerance: Fraction, decision: Decision, *, over: str, effort: str, conditions: Optional[Conditions]
) -> Finding:
    """Growth of the CPU seconds per forward, in one thread, over those of a reference.

    ``over`` says what that is ("its baseline"), ``effort`` what was done ("4 samples, 3.2 s").
    """
    allowed = f"allowed {_percent(float(tolerance))} over {over}"
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


def same_graph(tolerance: Fraction, over: str) -> Finding:
    return _finding("latency", Verdict.PASSED, f"latency: same graph as {over}, not timed", 0.0, float(tolerance))


def same_weights() -> Finding:
    return _finding(
        "weights", Verdict.PASSED, "weights: unchanged since the baseline, not timed", None, WEIGHTS_TOLERANCE
    )


def not_measured(metric: str, because: str) -> Finding:
    return _finding(metric, Verdict.NOT_MEASURED, f"{metric} was not measured: {because}", None, None)


def judge_wall_time(
    allowed: Mapping[str, Fraction],
    timing: Optional[Timing],
    recorded: Mapping[str, WallTime],
    environment: str,
    *,
    unmeasured_because: str,
) -> List[Finding]:
    """Wall times as ``mxperf_benchmark`` measured them, against those recorded on the same kind of hardware.

    A metric such as ``latency_p50`` is a gate where growth is ``allowed`` for it; otherwise the median is advice.
    """
    before = recorded.get(environment)
    if not any(metric in allowed for metric in _WALL_TIMES):
        return [_advice(timing, before)] if timing and timing.is_latency and before else []
    return [
        _judge_wall_time(metric, allowed[metric], timing, before, sorted(recorded), environment, unmeasured_because)
        for metric in _WALL_TIMES
        if metric in allowed
    ]


def _advice(timing: Timing, before: WallTime) -> Finding:
    message = f"latency_p50 {_change(before.p50, timing.p50)} of wall time, on hardware of the same kind"
    return Finding("advice", "latency_p50", Verdict.ADVICE, message, timing.p50, before.p50)


def _judge_wall_time(
    metric: str,
    tolerance: Fraction,
    timing: Optional[Timing],
    before: Optional[WallTime],
    environments: Sequence[str],
    environment: str,
    unmeasured_because: str,
) -> Finding:
    if timing is None or not timing.is_latency:
        because = unmeasured_because or "the test measured a throughput, not a latency"
        return Finding("baseline", metric, Verdict.NOT_MEASURED, f"{metric} was not measured: {because}")
    name = metric[len("latency_") :]
    now = float(getattr(timing, name))
    if before is None:
        where = f"recorded on {'; '.join(environments)}" if environments else "never recorded"
        message = f"{metric} cannot be compared: {where}; this is {environment}; record it here with --mxperf-update"
        return Finding("baseline", metric, Verdict.INCOMPARABLE, message, now)
    old = float(getattr(before, name))
    regressed = now > old * (1 + float(tolerance))
    verdict = Verdict.REGRESSED if regressed else Verdict.PASSED  # wall time that is lower by itself is no progress
    message = f"{metric} {_change(old, now)}, allowed {_percent(float(tolerance))}"
    return Finding("baseline", metric, verdict, message, now, old, float(tolerance))


def _change(old: float, now: float) -> str:
    shown = (format_quantity(value, Unit.SECONDS) for value in (old, now))
    return f"{' -> '.join(shown)} ({_percent(now / old - 1)})"


def _finding(
    metric: str, verdict: Verdict, message: str, growth: Optional[float], allowed_growth: Optional[float]
) -> Finding:
    return Finding("latency", metric, verdict, message, value=growth, allowed_growth=allowed_growth)


def _surroundings(conditions: Optional[Conditions]) -> str:
    disturbances = conditions.disturbances() if conditions else []
    return f"\nmeanwhile: {', '.join(disturbances)}" if disturbances else ""


def _percent(fraction: float) -> str:
    return f"{100 * fraction:+.1f}%"
