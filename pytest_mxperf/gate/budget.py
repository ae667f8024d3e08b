"""What was measured, judged by a budget."""

from fractions import Fraction
from typing import Dict, List, Mapping, Optional, Union

from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.gate.finding import Finding, Number, Verdict
from pytest_mxperf.gate.limits import Ceiling
from pytest_mxperf.gate.metrics import BUDGETS, IF_ASKED, NO_FILE, PER_ITEM, costs, latencies
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.quantities import format_growth, format_limited

__all__ = ["judge_budget", "judge_ceiling"]

Measured = Union[Number, Fraction, None]
"""None of what was not measured; a ``Fraction`` is the share of an item."""


def judge_budget(
    budget: Mapping[str, Ceiling],
    report: CostReport,
    timing: Optional[Timing],
    *,
    unmeasured_because: str,
    batch: int = 1,
) -> List[Finding]:
    """One finding per ceiling. A value that meets its ceiling exactly passes.

    ``batch`` is how many items were counted. The timing says if another number was timed.
    """
    counted, timed = costs(report), latencies(timing)
    timed_batch = batch if timing is None or timing.batch is None else timing.batch
    measured: Dict[str, Measured] = {
        **counted,
        **timed,
        **{f"{name}{PER_ITEM}": _share(value, batch) for name, value in counted.items()},
        **{f"{name}{PER_ITEM}": _share(value, timed_batch) for name, value in timed.items()},
    }
    return [
        judge_ceiling(metric, ceiling, measured.get(metric), unmeasured_because) for metric, ceiling in budget.items()
    ]


def judge_ceiling(metric: str, ceiling: Ceiling, measured: Measured, unmeasured_because: str) -> Finding:
    limit = _plain(ceiling.limit)
    if measured is None:
        because = NO_FILE if metric in IF_ASKED else unmeasured_because
        message = f"{metric} was not measured: {because}"
        return Finding("budget", metric, Verdict.UNMEASURED, message, reference=limit)
    value = _plain(measured) if isinstance(measured, Fraction) else measured
    # A float with a float: 0.04 s is not over "40 ms". The share of an item is exact.
    is_over = measured > (ceiling.limit if isinstance(measured, Fraction) else limit)
    shown, shown_limit = format_limited(measured, limit, BUDGETS[metric], ceiling.unit, is_broken=is_over)
    if not is_over:
        message = f"{metric} {shown} is within the budget of {shown_limit}"
        return Finding("budget", metric, Verdict.PASSED, message, value, limit)
    message = f"{metric} {shown} is over the budget of {shown_limit} ({format_growth(limit, value)})"
    return Finding("budget", metric, Verdict.OVER_BUDGET, message, value, limit)


def _share(value: Union[Number, Fraction], batch: int) -> Union[Number, Fraction]:
    """Of one item."""
    return value / batch if isinstance(value, float) else Fraction(value) / batch


def _plain(value: Fraction) -> Number:
    return int(value) if value.denominator == 1 else float(value)
