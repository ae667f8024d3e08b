"""Lines that pytest shows even without a report: what an update has done, and findings whose policy is to warn."""

from typing import Dict, List, Optional, Sequence, Tuple

from pytest_mxperf.gate.acceptance import lacks_weights
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.policy import Policy
from pytest_mxperf.report.run import ModelResult
from pytest_mxperf.words import Words

__all__ = ["notices"]


def notices(
    results: Sequence[ModelResult],
    findings: Sequence[Finding],
    policy: Policy,
    *,
    words: Words,
    update: Optional[str] = None,
) -> List[str]:
    """A line for each baseline that was written or could not be, and for each finding to warn of.

    ``update`` says which baselines are to be stored, as in ``JudgeOptions``. A line counts those that stay.
    """
    lines = [_update(result) for result in results if _is_news(result)]
    lines += _unchanged(results) if update in ("all", "new") else []
    told = _grouped(results, policy, words).items()
    lines += [f"{word} {subject}: {message}".replace("\n", "\n    ") for (word, message), subject in told]
    warned = [each for each in findings if policy.action(each.verdict) == "warn"]
    return lines + [f"{_word(each.verdict)} {each.message_and_verdict}" for each in warned]


def _is_news(result: ModelResult) -> bool:
    if result.baseline_update == "not stored":
        return result.outcome != "passed"  # else an error says why
    return result.baseline_update in ("recorded", "updated")


def _unchanged(results: Sequence[ModelResult]) -> List[str]:
    """How many baselines are as before: the model is the same, or only missing ones are stored."""
    written = {result.name for result in results if result.baseline_update in ("recorded", "updated", "not stored")}
    count = len({result.name for result in results if _stays(result)} - written)
    return [f"{count} baseline{' is' if count == 1 else 's are'} unchanged"] if count else []


def _stays(result: ModelResult) -> bool:
    """Also if it was compared with its baseline, instead of storing it."""
    is_compared = any(each.gate == "baseline" and not each.over for each in result.findings)
    return result.baseline_update == "unchanged" or (result.baseline_update is None and is_compared)


def _update(result: ModelResult) -> str:
    because = f" ({result.test} {result.outcome})" if result.baseline_update == "not stored" else ""
    return f"baseline {result.baseline_update}: {result.name}{because}"


def _grouped(results: Sequence[ModelResult], policy: Policy, words: Words) -> "Dict[Tuple[str, str], str]":
    """Each notice and its tests. Tests with the same notice share a line, for example all that need a GPU."""
    tests: Dict[Tuple[str, str], List[str]] = {}
    for result in results:
        for told in _told(result, policy.updated(result.policy), words):
            tests.setdefault(told, []).append(result.test)
    return {told: who[0] + (f" and {len(who) - 1} more" if len(who) > 1 else "") for told, who in tests.items()}


def _told(result: ModelResult, policy: Policy, words: Words) -> "List[Tuple[str, str]]":
    told = [each for each in result.findings if policy.action(each.verdict) == "warn"]
    others = [each for each in told if each.verdict is not Verdict.IMPROVED]
    lines = [(_word(each.verdict), each.message_and_verdict) for each in others]
    better = "; ".join(each.message.split("\n")[0] for each in told if each.verdict is Verdict.IMPROVED)
    if better:
        first = "restore the weights, then " if any(map(lacks_weights, result.findings)) else ""
        lines.append((_word(Verdict.IMPROVED), f"{better}; {first}{words.record} stores the new baseline [IMPROVED]"))
    return lines


def _word(verdict: Verdict) -> str:
    return "NOTICE" if verdict.is_good else "WARNING"
