"""Metrics that other plugins add: what they are, and how a budget and a baseline judge them."""

import math
import numbers
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, SupportsFloat, Tuple

import msgspec

from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import UsageError, shown
from pytest_mxperf.gate.finding import Finding, GateName, MetricUnit, Number, Verdict
from pytest_mxperf.gate.limits import KNOWN_METRICS, Ceiling
from pytest_mxperf.quantities import LARGEST, Quantity, format_growth, format_limited, format_pair, format_quantity
from pytest_mxperf.spec import LoadedCheckpoint, ModelSpec
from pytest_mxperf.words import Words

__all__ = [
    "MeasuredModel",
    "Metric",
    "MetricValue",
    "by_name",
    "checked",
    "format_value",
    "format_values",
    "judge_own_budget",
    "judge_own_growth",
    "quantities",
]

_QUANTITIES: Dict[MetricUnit, Quantity] = {
    "number": Quantity.COUNT,
    "bytes": Quantity.BYTES,
    "seconds": Quantity.SECONDS,
}


class MeasuredModel(ABC):
    """The model that a metric's ``measure`` gets. Weights are loaded on first use."""

    spec: ModelSpec
    """What the test says about the model: its name, source and inputs."""

    @abstractmethod
    def cost(self) -> CostReport:
        """The costs of the model, layer by layer."""

    @abstractmethod
    def symbol_json(self) -> str:
        """The graph that is counted, as JSON."""

    @abstractmethod
    def checkpoint(self) -> LoadedCheckpoint:
        """``(symbol, arg_params, aux_params)``."""

    @abstractmethod
    def module(self) -> Any:
        """An ``mx.mod.Module`` with its weights, bound for inference."""


@dataclass(frozen=True)
class Metric:
    """A metric of another plugin, which budgets and baselines may name: accuracy, energy, size of an artifact.

    ``measure`` takes a ``MeasuredModel`` and returns the number, from 0 up, or None for a model that has none. It is
    called only for a test whose budget or baseline names the metric.
    """

    name: str
    measure: Callable[[MeasuredModel], Optional[SupportsFloat]]
    unit: MetricUnit = "number"
    """``"bytes"``, ``"seconds"`` or ``"number"``."""
    more_is_better: bool = False
    """If true, a budget is the smallest allowed value, and a tolerance is how much may be lost."""


class MetricValue(msgspec.Struct, frozen=True):
    """What was measured of one model."""

    name: str
    value: Number
    unit: MetricUnit


def quantities(metrics: Mapping[str, Metric]) -> Dict[str, Quantity]:
    """What a budget of each metric is written in."""
    return {name: _QUANTITIES[metric.unit] for name, metric in metrics.items()}


def by_name(metrics: Iterable[object]) -> Dict[str, Metric]:
    """Raises ``UsageError`` for what is no metric, or has a name that another one has."""
    found: Dict[str, Metric] = {}
    for metric in metrics:
        if not isinstance(metric, Metric):
            raise UsageError(
                f"pytest_mxperf_metrics: {shown(metric)} is not a pytest_mxperf.Metric; return a list of these"
            )
        where = f"pytest_mxperf_metrics: {shown(metric.name)}"
        if not isinstance(metric.name, str) or not metric.name.isidentifier():
            raise UsageError(f"{where} is not a name that a marker can take as an argument, like 'accuracy'")
        if metric.name in found or metric.name in KNOWN_METRICS:
            raise UsageError(f"{where} is the name of another metric; give this one a name of its own")
        if metric.unit not in _QUANTITIES:
            raise UsageError(f"{where}: unknown unit {shown(metric.unit)}; it can be {', '.join(_QUANTITIES)}")
        found[metric.name] = metric
    return found


def checked(metric: Metric, value: object) -> Optional[Number]:
    """What ``measure`` returned, as a plain number. Raises ``UsageError`` for what is none, or below 0."""
    if value is None:
        return None
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise UsageError(f"the metric {metric.name} returned {shown(value)}; return an int or a float")
    number = int(value) if isinstance(value, numbers.Integral) else _as_float(value)
    if not 0 <= number <= LARGEST:
        raise UsageError(
            f"the metric {metric.name} returned {shown(value)}, which is not a number from 0 to {LARGEST:.1e}"
        )
    return number


def _as_float(value: numbers.Real) -> float:
    try:
        return float(value)
    except OverflowError:  # a fraction
        return math.inf


def format_value(value: Number, unit: MetricUnit) -> str:
    """``44.6 MiB``, ``12.3 ms``, or a plain number in six digits."""
    if unit != "number":
        return format_quantity(value, _QUANTITIES[unit])
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def format_values(before: Number, now: Number, unit: MetricUnit) -> Tuple[str, str]:
    """Both as ``format_value``, in more digits if they would look equal and are not."""
    if unit != "number":
        return format_pair(before, now, _QUANTITIES[unit])
    shown = format_value(before, unit), format_value(now, unit)
    return shown if before == now or shown[0] != shown[1] else (f"{before:,}", f"{now:,}")


def judge_own_budget(
    metrics: Mapping[str, Metric], budget: Mapping[str, Ceiling], now: Mapping[str, Optional[Number]]
) -> List[Finding]:
    """One finding per ceiling, or floor. A value that meets it exactly passes."""
    return [_judge_limit(metrics[name], ceiling, now[name]) for name, ceiling in budget.items() if name in metrics]


def _judge_limit(metric: Metric, ceiling: Ceiling, value: Optional[Number]) -> Finding:
    limit = ceiling.limit
    reference: Number = int(limit) if limit.denominator == 1 else float(limit)
    if value is None:
        return _unmeasured("budget", metric, reference)
    if metric.more_is_better:
        is_met, within, broken = value >= reference, "meets the minimum of", "is below the minimum of"
    else:
        is_met, within, broken = value <= reference, "is within the budget of", "is over the budget of"
    shown, held = format_limited(value, reference, _QUANTITIES[metric.unit], ceiling.unit, is_broken=not is_met)
    message = f"{metric.name} {shown} {within if is_met else broken} {held}"
    message += "" if is_met else f" ({format_growth(reference, value)})"
    verdict = Verdict.PASSED if is_met else Verdict.OVER_BUDGET
    return Finding("budget", metric.name, verdict, message, value, reference, unit=metric.unit)


def judge_own_growth(
    metrics: Mapping[str, Metric],
    tolerances: Mapping[str, Fraction],
    now: Mapping[str, Optional[Number]],
    before: Mapping[str, Optional[Number]],
    *,
    words: Words,
    over: str = "",
) -> List[Finding]:
    """One finding per tolerance. ``over`` names the model that ``before`` is of if it is no stored baseline."""
    return [
        _judge_growth(metrics[name], tolerance, now[name], before.get(name), over, words)
        for name, tolerance in tolerances.items()
        if name in metrics
    ]


def _judge_growth(
    metric: Metric, tolerance: Fraction, new: Optional[Number], old: Optional[Number], over: str, words: Words
) -> Finding:
    if new is None:
        return _unmeasured("baseline", metric, old)
    if old is None:
        return _incomparable(metric, new, over, words)
    allowed = -tolerance if metric.more_is_better else tolerance
    limit = Fraction(old) * (1 + allowed)
    is_within = new >= limit if metric.more_is_better else new <= limit
    is_better = new > old if metric.more_is_better else new < old
    verdict = Verdict.REGRESSED if not is_within else Verdict.IMPROVED if is_better and not over else Verdict.PASSED
    message = _growth(metric, old, new, float(allowed), over)
    return Finding("baseline", metric.name, verdict, message, new, old, float(allowed), unit=metric.unit)


def _growth(metric: Metric, old: Number, new: Number, allowed: float, over: str) -> str:
    before, now = format_values(old, new, metric.unit)
    if new == old:
        return f"{metric.name} {now}, {f'the same as {over}' if over else 'unchanged'}"
    change = f"({format_growth(old, new)}, allowed {100 * allowed:+g}%)"
    if over:
        return f"{metric.name} {now}, against {before} of {over} {change}"
    return f"{metric.name} {before} -> {now} {change}"


def _unmeasured(gate: GateName, metric: Metric, reference: Optional[Number]) -> Finding:
    message = f"{metric.name} was not measured: the plugin that adds it has no value for this model"
    return Finding(gate, metric.name, Verdict.UNMEASURED, message, reference=reference, unit=metric.unit)


def _incomparable(metric: Metric, new: Number, over: str, words: Words) -> Finding:
    because = f"{over} has none" if over else f"the baseline has none; record it again with {words.record_this}"
    message = f"{metric.name} cannot be compared: {because}"
    return Finding("baseline", metric.name, Verdict.INCOMPARABLE, message, new, unit=metric.unit)
