"""The report for a pull request: the verdict first, then changes and their reasons. Unchanged models are folded."""

import re
from pathlib import Path
from typing import Iterable, List, Sequence

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.metrics import BUDGETS
from pytest_mxperf.gate.own_metrics import format_values
from pytest_mxperf.quantities import Quantity, format_growth, format_pair, format_quantity
from pytest_mxperf.report.evidence import medians
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.profile import gigas, headline, leads, peaks_line, percent
from pytest_mxperf.report.remedy import remedy
from pytest_mxperf.report.run import ModelResult, RunReport, Section

__all__ = ["COMMENT_CHARACTERS", "escaped", "output", "render"]

COMMENT_CHARACTERS = 65_000
"""GitHub takes a comment of up to 65,536. This leaves room for a line of the user's own."""

_QUIET = (Verdict.PASSED, Verdict.ADVICE)
"""Verdicts that need no attention from a reviewer."""
_MOST_BROKEN, _LONGEST = 20, 500
"""The most findings about the whole run, and characters in each, so that the verdict always fits."""
_SLOWEST_SHOWN = 10
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~-])")
_LEFT_OUT = "\n_{count} more left out, to stay below the limit of {limit:,} characters._\n"


def output(run: RunReport, place: Place) -> Output:
    return Output(written={place.path or Path("mxperf.md"): render(run)})


def render(run: RunReport, *, limit: int = COMMENT_CHARACTERS) -> str:
    """The report in at most ``limit`` characters. It leaves out sections that do not fit, and says so."""
    failed = [result for result in run.results if _has_failed(result)]
    noted = [result for result in run.results if result not in failed and _is_noted(result)]
    quiet = [result for result in run.results if result not in failed and result not in noted]
    sections = [
        _changes([*failed, *noted]),
        *map(_explained, [*failed, *noted]),
        *map(_timed, run.results),
        *map(_added, run.sections),
        _folded(quiet),
    ]
    return _fitted(_headline(run, failed, noted), [section for section in sections if section], limit)


def _fitted(head: str, sections: Sequence[str], limit: int) -> str:
    text = head
    for index, section in enumerate(sections):
        rest = len(sections) - index
        note = _LEFT_OUT.format(count=f"{rest} section{'s' if rest > 1 else ''}", limit=limit)
        if len(text) + len(section) + len(note) > limit:
            return text + note
        text += section
    return text


def _has_failed(result: ModelResult) -> bool:
    return result.outcome in ("failed", "error")


def _is_noted(result: ModelResult) -> bool:
    return any(finding.verdict not in _QUIET for finding in result.findings) or bool(_changed(result))


def _headline(run: RunReport, failed: Sequence[ModelResult], noted: Sequence[ModelResult]) -> str:
    models = f"{len(run.results)} model{'' if len(run.results) == 1 else 's'}"
    broken = [finding for finding in run.findings if not finding.verdict.is_good]
    if failed:
        names = ", ".join(escaped(result.name) for result in failed[:5])
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        head = f"**mxperf: {len(failed)} of {models} failed**: {names}{more}\n"
    elif noted or broken:
        head = f"**mxperf: {models} passed**, {len(noted)} with something to look at\n"
    else:
        head = f"**mxperf: {models} passed**\n"
    shown = "".join(f"\n- {each.verdict.value}: {escaped(each.message[:_LONGEST])}\n" for each in broken[:_MOST_BROKEN])
    rest = len(broken) - _MOST_BROKEN
    return head + shown + (f"\n- and {rest} more\n" if rest > 0 else "")


def _changed(result: ModelResult) -> List[Finding]:
    """The findings that differ from their reference, or have a verdict that needs attention."""
    compared = (each for each in result.findings if each.gate in ("baseline", "latency", "budget"))
    return [each for each in compared if each.verdict is not Verdict.PASSED or _has_moved(each)]


def _has_moved(finding: Finding) -> bool:
    return finding.gate == "baseline" and finding.reference is not None and finding.value != finding.reference


def _changes(results: Iterable[ModelResult]) -> str:
    found = [(result, finding) for result in results for finding in _changed(result)]
    heading = "\n| model | metric | compared with | now | change | verdict |\n|---|---|--:|--:|--:|---|\n"
    has_medians = any(finding.gate == "latency" and any(medians(finding)) for _, finding in found)
    note = "\nThe change of a latency is the mean of paired samples, not the ratio of the two medians.\n"
    rows = "".join(_row(result, finding) for result, finding in found)
    return f"{heading}{rows}{note if has_medians else ''}" if found else ""


def _row(result: ModelResult, finding: Finding) -> str:
    old, new, change = _figures(finding)
    against = f"budget {old}" if finding.gate == "budget" and old else old
    cells = [escaped(result.name), escaped(finding.metric), against, new, change, finding.verdict.value]
    return f"| {' | '.join(cells)} |\n"


def _figures(finding: Finding) -> "tuple[str, str, str]":
    """The reference, the value, and the change from one to the other; empty if unknown."""
    value, reference = finding.value, finding.reference
    if finding.gate == "latency":
        return (*medians(finding), "" if value is None else f"{100 * value:+.1f}%")
    if value is not None and reference is not None:
        return (*_both_in_unit(reference, value, finding), format_growth(reference, value))
    old, new = ["" if each is None else _both_in_unit(each, each, finding)[0] for each in (reference, value)]
    return old, new, ""


def _both_in_unit(reference: float, value: float, finding: Finding) -> "tuple[str, str]":
    if finding.unit:
        return format_values(reference, value, finding.unit)
    return format_pair(reference, value, BUDGETS.get(finding.metric, Quantity.SECONDS))  # wall times are no budget


def _explained(result: ModelResult) -> str:
    """A model's problem and messages, with the layers that explain them, and the command that accepts the change."""
    messages = [finding.message for finding in result.findings if finding.verdict not in _QUIET]
    messages = ([result.problem] if result.problem else []) + messages
    if not messages:
        return ""
    body = "\n".join([*(message.replace("\n", "\n    ") for message in messages), *filter(None, [remedy(result)])])
    return f"\n### {escaped(result.name)}\n\n{escaped(result.test)}\n\n{_fenced(body)}"


def _fenced(text: str) -> str:
    """The text as a code block, unchanged even if it has backticks."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}\n{text}\n{fence}\n"


def _added(section: Section) -> str:
    """A section that another plugin adds."""
    return f"\n### {escaped(section.title)}\n\n{_fenced(section.text)}"


def _timed(result: ModelResult) -> str:
    """The slowest layers, if they were timed."""
    profile = result.profile
    if profile is None:
        because = result.unprofiled_because
        return f"\n{escaped(result.name)}: its layers were not timed: {escaped(because)}\n" if because else ""
    lines = [line for line in (profile.doubt, peaks_line(profile), *leads(profile)) if line]
    rows = "".join(
        f"| {escaped(layer.name)} | {escaped(layer.operator)} | {format_quantity(layer.cpu_seconds, Quantity.SECONDS)} "
        f"| {percent(profile.share(layer))} | {gigas(layer.flops_per_second)} | {gigas(layer.bytes_per_second)} "
        f"| {percent(profile.attained(layer))} |\n"
        for layer in profile.slowest(_SLOWEST_SHOWN)
    )
    heading = "| layer | operator | time | share | GFLOP/s | GB/s | attained |\n|---|---|--:|--:|--:|--:|--:|\n"
    title = f"{escaped(result.name)}, {escaped(headline(profile))}"
    notes = "".join(f"\n- {escaped(line)}" for line in lines)
    return f"\n<details><summary>{title}</summary>\n\n{heading}{rows}{notes}\n\n</details>\n"


def _folded(results: Sequence[ModelResult]) -> str:
    if not results:
        return ""
    title = f"{len(results)} model{'s' if len(results) > 1 else ''} without a change"
    rows = "".join(_total(result) for result in results)
    table = f"| model | MACs | params | peak memory | p50 |\n|---|--:|--:|--:|--:|\n{rows}"
    return f"\n<details><summary>{title}</summary>\n\n{table}\n</details>\n"


def _total(result: ModelResult) -> str:
    cost, timing = result.cost, result.timing
    cells = [escaped(result.name), "", "", "", ""]
    if cost is not None:
        cells[1] = format_quantity(cost.macs, Quantity.COUNT)
        cells[2] = format_quantity(cost.params.trainable, Quantity.COUNT)
        cells[3] = format_quantity(cost.peak_activation_bytes, Quantity.BYTES)
    if timing is not None and timing.is_latency:
        cells[4] = format_quantity(timing.p50, Quantity.SECONDS)
    return f"| {' | '.join(cells)} |\n"


def escaped(content: str) -> str:
    """One line of text without effect as Markdown or HTML, because names come from models."""
    line = "".join(char if char.isprintable() else " " for char in content)
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return _SPECIAL.sub(r"\\\1", escaped)
