"""Judges the gates of one test, once its own body has passed."""

from typing import Any, Iterable, List, Optional, Sequence, Tuple

import pytest

from pytest_mxperf.encoding import printable
from pytest_mxperf.gate.acceptance import acceptance, lacks_weights
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.plugin import is_marked, markers
from pytest_mxperf.plugin.case import CASE, FAILED_BEFORE, Case
from pytest_mxperf.plugin.containment import MEANT_FOR_PYTEST, cause_of, failure, message_of
from pytest_mxperf.plugin.node_ids import update_command
from pytest_mxperf.plugin.settings import OPTIONS

__all__ = ["PROPERTY", "judge", "tell"]

PROPERTY = "mxperf "
"""The prefix of our JUnit properties."""
_DOING = "judging the gates"


def judge(item: pytest.Item) -> None:
    """Judges the test's gates, and raises a broken one like a failure of the test's own body.

    pytest stores a unittest test's error until it makes the report. If the error is an unexpected success, a broken
    gate counts as the expected failure.
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
    """Whether the error is that of pytest's ``TestCaseFunction.addUnexpectedSuccess``."""
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
        raise failure(error, _DOING) from cause_of(error)
    if case is not None:
        _fail(item, case, broken)


def _fail(item: pytest.Item, case: Case, broken: Sequence[Finding]) -> None:
    """Raises ``pytest.fail.Exception`` if gates are broken."""
    tell(item, case.findings)
    firsts = [each.message.splitlines()[0] for each in broken if each.verdict is not Verdict.FLAKY]
    item.stash[FAILED_BEFORE] = (*item.stash.get(FAILED_BEFORE, ()), *firsts)
    lines = [f"{case.spec.name}: {_told(each)}".replace("\n", "\n    ") for each in broken]
    if lines:
        remedy = _remedy(item, case, broken) if any(not each.over for each in broken) else ""
        raise pytest.fail.Exception(printable("\n".join([*lines, *filter(None, [remedy])])), pytrace=False)


def _remedy(item: pytest.Item, case: Case, broken: Sequence[Finding]) -> str:
    """What to do if the change is meant, and what has to be done before it."""
    if case.conflict or not case.uses_baseline:
        return case.conflict
    without_weights = [each for each in case.findings if lacks_weights(each) and each not in broken]
    lines = [f"{case.spec.name}: {each.message}" for each in without_weights]
    return "\n".join([*lines, *filter(None, [acceptance([*broken, *without_weights], update_command(item))])])


def _told(finding: Finding) -> str:
    """The message. A failure because a model has improved must not look like a regression."""
    return f"improved: {finding.message}" if finding.verdict is Verdict.IMPROVED else finding.message


def _late_case(item: pytest.Item) -> Optional[Case]:
    """The case of a test that a fixture or its body marked after our fixtures had run."""
    if is_marked(item):
        item.stash[CASE] = Case(item, markers.model_of(item), item.config.stash[OPTIONS])
    return item.stash.get(CASE, None)


def tell(item: pytest.Item, findings: Iterable[Finding]) -> None:
    """Adds the verdicts and their numbers to the test's properties, which JUnit XML writes."""
    item.user_properties += [entry for finding in findings for entry in properties_of(finding)]


def properties_of(finding: Finding) -> List[Tuple[str, object]]:
    """``mxperf baseline macs``: REGRESSED, and those of value, reference, allowed growth and ratio that are known."""
    over = f" over {finding.over}" if finding.over else ""
    name, value, reference = f"{PROPERTY}{finding.gate} {finding.metric}{over}", finding.value, finding.reference
    numbers = {
        "value": value,
        "reference": reference,
        "allowed_growth": finding.allowed_growth,
        "ratio": value / reference if value is not None and reference else None,
    }
    known = [(f"{name} {what}", number) for what, number in numbers.items() if number is not None]
    return [(name, finding.verdict.value), *known]
