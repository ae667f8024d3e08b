"""The report in GitHub Actions: in the step's summary, and as annotations of the tests that failed."""

import os
from pathlib import Path
from typing import List

from pytest_mxperf.report.markdown import render
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.remedy import remedy
from pytest_mxperf.report.run import ModelResult, RunReport

__all__ = ["output"]

_SUMMARY_CHARACTERS = 250_000
"""GitHub takes a summary of up to 1 MiB, and a character has up to 4 bytes."""
_SUMMARY = "GITHUB_STEP_SUMMARY"
_OUTSIDE = f"the github report does nothing here: {_SUMMARY} is not set, so this is not GitHub Actions"


def output(run: RunReport, place: Place) -> Output:
    """The summary and annotations. Outside GitHub Actions, a line that says that there are none."""
    summary = place.environ.get(_SUMMARY)
    if not summary:
        return Output(printed=_OUTSIDE)
    failed = [result for result in run.results if result.outcome in ("failed", "error")]
    annotations = "\n".join(_annotation(result, place) for result in failed)
    return Output(printed=annotations, appended={Path(summary): render(run, limit=_SUMMARY_CHARACTERS)})


def _annotation(result: ModelResult, place: Place) -> str:
    """An error annotation, in the format of GitHub's workflow commands."""
    messages: List[str] = [result.problem] if result.problem else []
    messages += [finding.message for finding in result.findings if not finding.verdict.is_good]
    messages += filter(None, [remedy(result)])
    properties = [f"title={_property(f'mxperf: {result.name}')}"]
    if result.file:
        workspace = place.environ.get("GITHUB_WORKSPACE") or str(place.root)
        path = os.path.relpath(place.root / result.file, workspace)
        properties = [f"file={_property(path)}", f"line={result.line}", *properties]
    return f"::error {','.join(properties)}::{_data(chr(10).join(messages) or result.outcome)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
