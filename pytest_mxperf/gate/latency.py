"""What timing two networks side by side has shown, as findings of a gate."""

import math
from fractions import Fraction
from typing import Callable, List, Mapping, Optional, Sequence

import msgspec

from pytest_mxperf.baseline.record import WallTime
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.metrics import WALL_TIMES
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.latency.decide import Decision, Outcome
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.quantities import Quantity, format_pair
from pytest_mxperf.spec import RunAs
from pytest_mxperf.words import Words

__all__ = [
    "can_be_timed",
    "cannot_be_timed",
    "judge_latency",
    "judge_wall_time",
    "judge_weights",
    "not_measured",
    "same_graph",
    "same_weights",
]


def judge_latency(tolerance: Fraction, compared: Comparison, *, over: str) -> Finding:
    """Growth of the CPU seconds per forward, in one thread, over those of a reference: ``over`` says which.

    Below it are notes on what is not as in a real network.
    """
    decision = compared.decision
    growth = f"latency {_percent(decision.growth)}" if decision.samples else "latency unknown"
    allowed = f"allowed {_allowed(tolerance)} over {over}"
    how = f"; timed as a {compared.run_as}"
    if decision.outcome is Outcome.PASSED:
        verdict = Verdict.IMPROVED if decision.high < 0 <= tolerance else Verdict.PASSED
        if verdict is Verdict.IMPROVED:
            message = f"{growth} (at least {_less(decision)} than {over}); {compared.effort}{how}"
        else:
            bound = f"at least {_less(decision)}" if decision.high < 0 else f"at most {_percent(decision.high)}"
            message = f"{growth} ({bound}), {allowed}; {compared.effort}{how}"
    elif decision.outcome is Outcome.REGRESSED:
        verdict = Verdict.REGRESSED
        message = f"{growth} (at least {_beside(decision.low, tolerance)}), {allowed}; {compared.effort}{how}"
        message += _meanwhile(compared)
    else:
        verdict = Verdict.INCONCLUSIVE
        message = f"{growth}{_between(decision, tolerance)}, {allowed}: {decision.reason}{how}{_meanwhile(compared)}"
    return _compared("latency", verdict, message, compared, tolerance)


def _compared(metric: str, verdict: Verdict, message: str, compared: Comparison, tolerance: Fraction) -> Finding:
    finding = _finding(metric, verdict, message, compared.decision.growth, float(tolerance))
    return msgspec.structs.replace(finding.with_lines(_noted(compared.notes)), samples=compared.samples)


def _noted(notes: Sequence[str]) -> List[str]:
    return [f"note: {note}" for note in notes]


def _less(decision: Decision) -> str:
    """``38.2% less``, of the time that the model takes at most."""
    return f"{-100 * decision.high:.1f}% less"


def _between(decision: Decision, tolerance: Fraction) -> str:
    if decision.low <= -1 or decision.high == math.inf:
        return ""
    return f" (between {_beside(decision.low, tolerance)} and {_beside(decision.high, tolerance)})"


def judge_weights(
    tolerance: Fraction,
    compared: Comparison,
    subnormal_layer: Optional[str] = None,
    zero_below: Optional[float] = None,
) -> Finding:
    """How much slower the network is with its own weights than with synthetic ones, on this processor.

    INCONCLUSIVE even when it is not slower, if it computes with subnormal numbers: other processors are slow with them.
    Setting all weights below ``zero_below`` to 0 mends that; None if it does not.
    """
    decision = compared.decision
    times = f"weights: {1 + decision.growth:.1f}x the time" if decision.samples else "weights: time unknown beside that"
    mend = "" if zero_below is None else f"set all weights of magnitude below {zero_below:.0e}, of all layers, to 0"
    cause = f"; subnormal activations from {subnormal_layer}{mend and ': '}{mend}" if subnormal_layer else ""
    if decision.outcome is Outcome.PASSED and subnormal_layer:
        verdict = Verdict.INCONCLUSIVE
        message = (
            f"{times} of synthetic ones on this processor, but {'some weights are so small that ' * bool(mend)}"
            f"{subnormal_layer} computes subnormal numbers, which make other processors several times slower; "
            f"{mend}{', or ' * bool(mend)}silence this with weights=False"
        )
    elif decision.outcome is Outcome.PASSED:
        verdict, message = Verdict.PASSED, f"{times} of synthetic ones"
    elif decision.outcome is Outcome.REGRESSED:
        verdict, message = Verdict.REGRESSED, f"{times} that the graph needs with synthetic ones{cause}"
    else:
        verdict = Verdict.INCONCLUSIVE
        message = f"{times} of synthetic ones, unclear: {decision.reason}{_meanwhile(compared)}"
    return _compared("weights", verdict, message, compared, tolerance)


def can_be_timed(run_as: RunAs, shortage: str, notes: Sequence[str]) -> Finding:
    """That a baseline's graph was run, on the day that it is recorded; ``shortage`` is why it will not be judged."""
    verdict = Verdict.INCONCLUSIVE if shortage else Verdict.PASSED
    message = f"latency: can be timed, as a {run_as}"
    if shortage:
        message = f"latency: a change of this model could not be judged, timed as a {run_as}: {shortage}"
    return _finding("latency", verdict, message, None, None).with_lines(_noted(notes))


def cannot_be_timed(run_as: RunAs, because: str, *, words: Words) -> Finding:
    """That a baseline's graph cannot be run, on the day that it is recorded."""
    message = (
        f"latency: this model cannot be timed as a {run_as}: {because}; leave out latency, give the "
        f"model run_as if it is run in another way, or store it as it is with {words.policy}=unmeasured=warn"
    )
    return _finding("latency", Verdict.UNMEASURED, message, None, None)


def same_graph(tolerance: Fraction, over: str) -> Finding:
    return _finding("latency", Verdict.PASSED, f"latency: same graph as {over}, not timed", 0.0, float(tolerance))


def same_weights(tolerance: Fraction) -> Finding:
    message = "weights: unchanged since the baseline, not timed"
    return _finding("weights", Verdict.PASSED, message, None, float(tolerance))


def not_measured(metric: str, because: str) -> Finding:
    verb = "were" if metric == "weights" else "was"
    return _finding(metric, Verdict.UNMEASURED, f"{metric} {verb} not measured: {because}", None, None)


def judge_wall_time(
    allowed: Mapping[str, Fraction],
    timing: Optional[Timing],
    recorded: Mapping[str, WallTime],
    environment: str,
    *,
    unmeasured_because: str,
    words: Words,
) -> List[Finding]:
    """Wall times as ``mxperf_benchmark`` measured them, against those recorded on the same kind of hardware.

    A metric such as ``wall_p50`` is a gate where growth is ``allowed`` for it; otherwise the median is advice.
    """
    before = recorded.get(environment)
    if not any(metric in allowed for metric in WALL_TIMES):
        return [_advice(timing, before)] if timing and timing.is_latency and before else []
    elsewhere = f"recorded on {'; '.join(sorted(recorded))}" if recorded else "never recorded"
    unrecorded = f"{elsewhere}; this is {environment}; record it here with {words.record}"
    return [
        _judge_wall_time(metric, allowed[metric], timing, before, unrecorded, unmeasured_because)
        for metric in WALL_TIMES
        if metric in allowed
    ]


def _advice(timing: Timing, before: WallTime) -> Finding:
    message = f"wall_p50 {_change(before.p50, timing.p50, _percent)}, on hardware of the same kind"
    return Finding("advice", "wall_p50", Verdict.ADVICE, message, timing.p50, before.p50)


def _judge_wall_time(
    metric: str,
    tolerance: Fraction,
    timing: Optional[Timing],
    before: Optional[WallTime],
    unrecorded: str,
    unmeasured_because: str,
) -> Finding:
    if timing is None or not timing.is_latency:
        because = unmeasured_because or "the test measured a throughput, not a latency"
        return Finding("baseline", metric, Verdict.UNMEASURED, f"{metric} was not measured: {because}")
    name = WALL_TIMES[metric]
    now = float(getattr(timing, name))
    if before is None:
        message = f"{metric} cannot be compared: {unrecorded}"
        return Finding("baseline", metric, Verdict.INCOMPARABLE, message, now)
    old = float(getattr(before, name))
    regressed = now > old * (1 + float(tolerance))
    verdict = Verdict.REGRESSED if regressed else Verdict.PASSED  # wall time that is lower by itself is no progress
    message = f"{metric} {_change(old, now, lambda growth: _beside(growth, tolerance))}, allowed {_allowed(tolerance)}"
    return Finding("baseline", metric, verdict, message, now, old, float(tolerance))


def _change(old: float, now: float, shown: Callable[[float], str]) -> str:
    return f"{' -> '.join(format_pair(old, now, Quantity.SECONDS))} ({shown(now / old - 1)})"


def _finding(
    metric: str, verdict: Verdict, message: str, growth: Optional[float], allowed_growth: Optional[float]
) -> Finding:
    return Finding("latency", metric, verdict, message, value=growth, allowed_growth=allowed_growth)


def _meanwhile(compared: Comparison) -> str:
    disturbances = compared.conditions.disturbances() if compared.conditions else []
    return f"\nmeanwhile: {', '.join(disturbances)}" if disturbances else ""


_MOST_DECIMALS = 4


def _percent(fraction: float, decimals: int = 1) -> str:
    return f"{100 * fraction:+.{decimals}f}%"


def _allowed(tolerance: Fraction) -> str:
    """With as many decimals as it has."""
    texts = [_percent(float(tolerance), decimals) for decimals in range(1, _MOST_DECIMALS)]
    return next((text for text in texts if _shown(text) == tolerance), texts[-1])


def _beside(growth: float, tolerance: Fraction) -> str:
    """With as many decimals as show whether it is more than the tolerance."""
    texts = [_percent(growth, decimals) for decimals in range(1, _MOST_DECIMALS)]
    return next((text for text in texts if (_shown(text) > tolerance) == (growth > tolerance)), texts[-1])


def _shown(text: str) -> Fraction:
    return Fraction(text.rstrip("%")) / 100
