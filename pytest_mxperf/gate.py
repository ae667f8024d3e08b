"""Judging: what was measured against a budget and against a baseline."""

import difflib
from enum import Enum
from fractions import Fraction
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set, Union

import msgspec

from pytest_mxperf.baseline.diff import Difference
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport, Params
from pytest_mxperf.errors import UsageError
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.units import Unit, format_growth, format_quantity, parse_fraction, parse_quantity

__all__ = [
    "WALL_TIMES",
    "Finding",
    "Verdict",
    "explained",
    "judge_baseline",
    "judge_budget",
    "judge_earlier",
    "judge_uncounted",
    "no_gate",
    "not_judged",
    "parse_budget",
    "parse_differences",
    "parse_tolerances",
]

Number = Union[int, float]

WALL_TIMES = ("latency_p50", "latency_p90", "latency_p99", "latency_mean")
"""The figures of a ``Timing`` that can be gates."""

_BUDGETS: Dict[str, Unit] = {
    "macs": Unit.COUNT,
    "flops": Unit.COUNT,
    "params": Unit.COUNT,
    "param_bytes": Unit.BYTES,
    "peak_activation_bytes": Unit.BYTES,
    **dict.fromkeys(WALL_TIMES, Unit.SECONDS),
}
"""What a budget can limit. ``params`` are the trainable ones; ``param_bytes`` are the bytes of all."""

# What a baseline compares, and whose tolerance it takes when it is given none of its own: costs are exact by default.
_TOLERANCE_FROM = {"macs": None, "flops": "macs", "params": None, "param_bytes": "params"}

# What is compared only if it is asked for, since it has to be measured.
_MEASURED = ("latency", *WALL_TIMES)

_EXPLAINED_PERCENT = 90
_MOST_LINES = 10
_LABELS = {"macs": "MACs", "flops": "FLOPs", "params": "params"}


class Verdict(Enum):
    """The outcome of one gate."""

    PASSED = "PASSED"
    IMPROVED = "IMPROVED"
    REGRESSED = "REGRESSED"
    OVER_BUDGET = "OVER_BUDGET"
    MISSING = "MISSING"
    INCOMPARABLE = "INCOMPARABLE"
    UNCOUNTED = "UNCOUNTED"
    NOT_MEASURED = "NOT_MEASURED"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_JUDGED = "NOT_JUDGED"
    NO_GATE = "NO_GATE"
    FLAKY = "FLAKY"
    ADVICE = "ADVICE"
    UNUSED = "UNUSED"
    CONFLICT = "CONFLICT"

    @property
    def is_good(self) -> bool:
        return self in (Verdict.PASSED, Verdict.IMPROVED, Verdict.ADVICE)


class Finding(msgspec.Struct, frozen=True):
    """One gate judged. ``value`` is what was measured, ``reference`` the ceiling or the baseline's value."""

    gate: str
    """``budget``, ``baseline``, ``latency`` or ``count``; ``test`` or ``session`` for what keeps gates from judging;
    ``advice``, which is no gate."""
    metric: str
    verdict: Verdict
    message: str
    """The whole story in a line, and below it the changes responsible where they are known."""
    value: Optional[Number] = None
    reference: Optional[Number] = None
    allowed_growth: Optional[float] = None
    """Fraction of the reference; baselines only."""


def parse_budget(arguments: Mapping[str, object], *, where: str) -> Dict[str, Fraction]:
    """Ceilings by metric, from ``macs="1.82 G"`` and the like. Raises ``UsageError`` that begins with ``where``."""
    _reject_unknown(arguments, _BUDGETS, where)
    return {name: parse_quantity(value, _BUDGETS[name], where=f"{where}: {name}") for name, value in arguments.items()}


def parse_tolerances(arguments: Mapping[str, object], *, where: str) -> Dict[str, Fraction]:
    """Allowed growth by metric, from ``macs="5%"`` and the like. Raises ``UsageError`` that begins with ``where``.

    Every cost metric is compared: ``macs`` and ``params`` exactly unless given, ``flops`` as ``macs`` and
    ``param_bytes`` as ``params`` unless given. Latency is compared only if it is given.
    """
    given = parse_differences(arguments, where=where)
    for name, tolerance in given.items():
        if tolerance < 0:
            raise UsageError(f"{where}: {name}: {arguments[name]!r} is negative; a baseline allows growth from 0% up")
    zero = Fraction(0)
    costs = {
        name: given.get(name, given.get(leader, zero) if leader else zero) for name, leader in _TOLERANCE_FROM.items()
    }
    return {**costs, **given}


def parse_differences(arguments: Mapping[str, object], *, where: str) -> Dict[str, Fraction]:
    """Allowed differences from another model, of those metrics only that are given: "-30%" asks for that much less.

    Raises ``UsageError`` that begins with ``where``.
    """
    _reject_unknown(arguments, (*_TOLERANCE_FROM, *_MEASURED), where)
    return {name: parse_fraction(value, where=f"{where}: {name}") for name, value in arguments.items()}


def _reject_unknown(arguments: Mapping[str, object], known: Iterable[str], where: str) -> None:
    known = list(known)
    for name in arguments:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise UsageError(f"{where}: unknown argument {name!r}; {hint}known: {', '.join(known)}")


def judge_uncounted(report: CostReport) -> List[Finding]:
    """A finding if the cost of some operator is unknown: then no total can be trusted."""
    if not report.uncounted:
        return []
    operators = ", ".join(f"{op} ({count})" for op, count in sorted(report.uncounted.items()))
    message = f"operators that no rule counts: {operators}; their cost is missing from every total"
    return [Finding("count", "operators", Verdict.UNCOUNTED, message, value=sum(report.uncounted.values()))]


def judge_earlier(failures: Sequence[str]) -> List[Finding]:
    """A finding if gates failed when the test was run before, in the same session: a rerun must not hide that."""
    if not failures:
        return []
    message = f"a gate failed before the test was run again: {failures[0]}"
    return [Finding("test", "reruns", Verdict.FLAKY, message, value=len(failures))]


def no_gate() -> Finding:
    message = (
        "no gate: the test has neither mxperf_budget nor mxperf_baseline, and asks its model nothing; "
        "mark it with one of them, or use a fixture like mxperf_cost"
    )
    return Finding("test", "all", Verdict.NO_GATE, message)


def not_judged(because: str) -> Finding:
    return Finding("test", "all", Verdict.NOT_JUDGED, f"gates not judged: {because}")


def judge_budget(
    budget: Mapping[str, Fraction], report: CostReport, timing: Optional[Timing], *, unmeasured_because: str
) -> List[Finding]:
    """One finding per ceiling. A value that meets its ceiling exactly passes."""
    measured = {**_costs(Baseline.of(report, {})), **_latencies(timing)}
    return [
        _judge_ceiling(metric, ceiling, measured.get(metric), unmeasured_because) for metric, ceiling in budget.items()
    ]


def _judge_ceiling(metric: str, ceiling: Fraction, value: Optional[Number], unmeasured_because: str) -> Finding:
    unit = _BUDGETS[metric]
    limit = _plain(ceiling)
    if value is None:
        message = f"{metric} was not measured: {unmeasured_because}"
        return Finding("budget", metric, Verdict.NOT_MEASURED, message, reference=limit)
    shown, shown_limit = _exact(value, unit), _exact(limit, unit)
    if value <= limit:  # a float with a float: 0.04 s is not over "40 ms"
        message = f"{metric} {shown} is within the budget of {shown_limit}"
        return Finding("budget", metric, Verdict.PASSED, message, value, limit)
    message = f"{metric} {shown} is over the budget of {shown_limit} ({format_growth(limit, value)})"
    return Finding("budget", metric, Verdict.OVER_BUDGET, message, value, limit)


def judge_baseline(
    tolerances: Mapping[str, Fraction], now: Baseline, before: Optional[Baseline], *, missing: str
) -> List[Finding]:
    """One finding per metric, or a single one if there is nothing to compare with; ``missing`` says so then."""
    if before is None:
        return [Finding("baseline", "all", Verdict.MISSING, missing)]
    difference = before.difference(now)
    if difference:
        message = f"cannot be compared: {difference}; record it again with --mxperf-update, or give this test's model "
        message += "another name"
        return [Finding("baseline", "all", Verdict.INCOMPARABLE, message)]
    old, new = _costs(before), _costs(now)
    findings = [
        _judge_growth(metric, tolerance, old[metric], new[metric])
        for metric, tolerance in tolerances.items()
        if metric in old
    ]
    if "params" in _regressed(findings):
        return findings  # whose layers are named
    kinds = _kinds_of_params(before.params, now.params)
    return [
        _with_lines(each, [kinds]) if each.metric == "param_bytes" and each.verdict is Verdict.REGRESSED else each
        for each in findings
    ]


def _kinds_of_params(before: Params, now: Params) -> str:
    """Which parameters take more bytes, though those that train do not: a baseline does not know it of each layer."""
    kinds = [
        f"{kind} params {getattr(before, kind):,} -> {getattr(now, kind):,}"
        for kind in ("trainable", "frozen", "auxiliary")
        if getattr(before, kind) != getattr(now, kind)
    ]
    return ", ".join(kinds) or "as many params of each kind as before, in wider dtypes"


def _regressed(findings: Iterable[Finding]) -> Set[str]:
    return {finding.metric for finding in findings if finding.verdict is Verdict.REGRESSED}


def _with_lines(finding: Finding, lines: Sequence[str]) -> Finding:
    return msgspec.structs.replace(finding, message="\n".join([finding.message, *lines]))


def _judge_growth(metric: str, tolerance: Fraction, old: int, new: int) -> Finding:
    within = new <= old * (1 + tolerance)
    verdict = Verdict.REGRESSED if not within else Verdict.IMPROVED if new < old and tolerance >= 0 else Verdict.PASSED
    if new == old:
        message = f"{metric} {new:,}, unchanged"
    else:
        message = f"{metric} {old:,} -> {new:,} ({format_growth(old, new)}, allowed {float(tolerance * 100):+g}%)"
    return Finding("baseline", metric, verdict, message, new, old, float(tolerance))


def explained(
    findings: Iterable[Finding], difference: Optional[Difference], *, unknown_because: str = ""
) -> List[Finding]:
    """The findings of a baseline; those that regressed with the changes that make up most of the growth, a line each.

    Without a difference they say why there is none.
    """
    findings = list(findings)
    regressed = _regressed(findings)
    return [
        # Who follows a metric grows for the same layers: once is enough.
        _explained(finding, difference, unknown_because)
        if finding.metric in regressed and _TOLERANCE_FROM.get(finding.metric) not in regressed
        else finding
        for finding in findings
    ]


def _explained(finding: Finding, difference: Optional[Difference], unknown_because: str) -> Finding:
    if difference is None:
        lines = [f"by which layers cannot be told: {unknown_because}"]
    elif finding.metric in _LABELS:
        lines = _explanation(difference, finding.metric)
    else:
        return finding  # baselines keep bytes of the whole model only
    return _with_lines(finding, lines)


def _explanation(difference: Difference, metric: str) -> List[str]:
    """The largest changes, and a last line for all others: together they are the whole growth."""
    label = _LABELS[metric]
    shown = difference.explanation(metric, percent=_EXPLAINED_PERCENT, limit=_MOST_LINES)
    lines = [f"{each.name} ({each.op}): {each.summary}, {each.growth(metric):+,} {label}" for each in shown]
    more = sum(each.growth(metric) != 0 for each in difference.changes) - len(shown)
    if more:
        rest = difference.growth(metric) - sum(each.growth(metric) for each in shown)
        lines.append(f"and {more} more change{'s' if more > 1 else ''}, {rest:+,} {label}")
    return lines


def _costs(baseline: Baseline) -> Dict[str, int]:
    return {
        "macs": baseline.macs,
        "flops": baseline.flops,
        "params": baseline.params.trainable,
        "param_bytes": baseline.params.bytes,
        "peak_activation_bytes": baseline.peak_activation_bytes,
    }


def _latencies(timing: Optional[Timing]) -> Dict[str, float]:
    if timing is None or not timing.is_latency:
        return {}
    return {metric: getattr(timing, metric[len("latency_") :]) for metric in WALL_TIMES}


def _exact(value: Number, unit: Unit) -> str:
    """Counts to the last digit, so that two that differ look different; durations in human units."""
    return format_quantity(value, unit) if unit is Unit.SECONDS else f"{value:,}"


def _plain(value: Fraction) -> Number:
    return int(value) if value.denominator == 1 else float(value)
