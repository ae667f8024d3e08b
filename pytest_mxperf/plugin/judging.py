"""Judges the gates of one test, once its own body has passed."""

from typing import Any, Iterable, List, Optional, Sequence

import pytest

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.plugin import markers
from pytest_mxperf.plugin.case import CASE, FAILED_BEFORE, Case
from pytest_mxperf.plugin.containment import MEANT_FOR_PYTEST, failure, message_of
from pytest_mxperf.plugin.options import OPTIONS

__all__ = ["PROPERTY", "judge", "tell"]

PROPERTY = "mxperf "
"""How the names of our JUnit properties begin."""
_DOING = "judging the gates"


def judge(item: pytest.Item) -> None:
    """Raises what fails the test as its own body would.

    A test of unittest keeps what went wrong to itself until its report is made, and one that was expected to fail there
    has failed by passing: a broken gate is what it was waiting for.
    """
    errors: List[Any] = getattr(item, "_excinfo", None) or []
    if errors and not _is_unexpected_success(errors):
        return
    try:
        _judge(item)
    except pytest.fail.Exception as broken:
        if not errors:
            raise
        errors.clear()
        raise pytest.xfail.Exception(str(broken)) from None


def _is_unexpected_success(errors: Sequence[Any]) -> bool:
    """As pytest's ``TestCaseFunction.addUnexpectedSuccess`` reports it."""
    value = errors[0].value
    return len(errors) == 1 and isinstance(value, pytest.fail.Exception) and value.msg == "Unexpected success"


def _judge(item: pytest.Item) -> None:
    case = item.stash.get(CASE, None)
    try:
        case = case or _late_case(item)
        broken = [] if case is None else case.judge()
    except MEANT_FOR_PYTEST:
        raise
    except BaseException as error:
        if case is not None:
            case.problem = message_of(error, _DOING)
        raise failure(error, _DOING) from error.__cause__
    if case is not None:
        _fail(item, case, broken)


def _fail(item: pytest.Item, case: Case, broken: Sequence[Finding]) -> None:
    """Raises if gates are broken."""
    tell(item, case.findings)
    firsts = [each.message.splitlines()[0] for each in broken if each.verdict is not Verdict.FLAKY]
    item.stash[FAILED_BEFORE] = (*item.stash.get(FAILED_BEFORE, ()), *firsts)
    lines = [f"{case.spec.name}: {each.message}".replace("\n", "\n    ") for each in broken]
    if lines:
        raise pytest.fail.Exception("\n".join(lines + _remedy(broken if case.uses_baseline else [])), pytrace=False)


def _remedy(broken: Sequence[Finding]) -> List[str]:
    """How to accept what a model has become. Weights that slow it down are never accepted."""
    changed = (Verdict.REGRESSED, Verdict.IMPROVED)
    if not any(each.verdict in changed and each.metric != "weights" for each in broken):
        return []
    is_over = any(each.verdict is Verdict.OVER_BUDGET for each in broken)
    first = "raise the budget, then " if is_over else ""  # only a test that passes stores its baseline
    return [f"if that is meant, {first}store the new baseline with --mxperf-update"]


def _late_case(item: pytest.Item) -> Optional[Case]:
    """The case of a test that another fixture or its own body has marked, when our fixtures had had their turn."""
    if markers.is_marked(item):
        item.stash[CASE] = Case(item, markers.model_of(item), item.config.stash[OPTIONS])
    return item.stash.get(CASE, None)


def tell(item: pytest.Item, findings: Iterable[Finding]) -> None:
    """Where JUnit XML finds it."""
    item.user_properties += [(f"{PROPERTY}{each.gate} {each.metric}", each.verdict.value) for each in findings]
