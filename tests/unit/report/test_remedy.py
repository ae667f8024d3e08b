"""The command that accepts a change, in reports that a reviewer reads."""

import msgspec
import pytest
from markupsafe import escape

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.report import github, html, markdown
from pytest_mxperf.report.output import Place
from pytest_mxperf.report.remedy import remedy
from tests.unit.report.runs import FAILED, HEALTHY, OVER, REGRESSED, UNCLEAR, result, run

IMPROVED = Finding("baseline", "macs", Verdict.IMPROVED, "macs 1,000 -> 900", 900, 1000, 0.0)
LACKING = Finding("test", "weights", Verdict.UNJUDGED, "weights not judged: is empty")
UPDATE = "pytest --mxperf-update 'tests/test_a.py::test_net[a b]'"
FIRST = "restore the weights first: a new baseline would lack what it says of them"
COMMAND = f"store the new baseline: {UPDATE}"


def replaced(finding, **fields):
    return msgspec.structs.replace(finding, **fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"outcome": "failed", "findings": (REGRESSED,)}, f"if that is meant, {COMMAND}"),
        ({"outcome": "failed", "findings": (REGRESSED, OVER)}, f"if that is meant, raise the budget, then {COMMAND}"),
        ({"outcome": "failed", "findings": (REGRESSED, IMPROVED)}, f"if that is meant, {COMMAND}"),
        ({"findings": (IMPROVED,)}, f"to keep the improvement, {COMMAND}"),
        ({"outcome": "failed", "findings": (IMPROVED, OVER)}, ""),
        ({"outcome": "failed", "findings": (IMPROVED,)}, f"to keep the improvement, {COMMAND}"),
        ({"outcome": "failed", "findings": (OVER,)}, ""),
        ({"outcome": "failed", "findings": (REGRESSED, LACKING)}, f"if that is meant, {FIRST}"),
        ({"outcome": "failed", "findings": (REGRESSED, OVER, LACKING)}, f"if that is meant, {FIRST}"),
        ({"findings": (IMPROVED, LACKING)}, f"to keep the improvement, {FIRST}"),
        ({"outcome": "failed", "findings": (OVER, LACKING)}, ""),
        ({"outcome": "skipped", "findings": (REGRESSED,)}, ""),  # excused by an xfail
        ({"outcome": "failed", "findings": (replaced(REGRESSED, over="other"),)}, ""),
        ({"outcome": "failed", "findings": (replaced(REGRESSED, metric="weights"),)}, ""),
        ({"findings": (IMPROVED,), "baseline_update": "updated"}, ""),
    ],
)
def test_a_change_can_be_accepted(fields, expected):
    assert remedy(result(update_command=UPDATE, **fields)) == expected
    assert remedy(result(**fields)) == ""


def test_reviewers_see_the_command():
    each = [replaced(one, update_command=UPDATE) for one in (HEALTHY, FAILED, UNCLEAR)]
    line = f"if that is meant, raise the budget, then {COMMAND}"
    assert f"\n{line}\n```\n" in markdown.render(run(*each))
    assert f'<pre class="remedy">{escape(line)}</pre>' in html.render(run(*each))
    made = github.output(run(each[1]), Place(environ={"GITHUB_STEP_SUMMARY": "/tmp/summary"}))
    assert made.printed.endswith(f"%0A{line}")
    for page in (markdown.render(run(each[0], each[2])), html.render(run(each[0], each[2]))):
        assert "store the new baseline" not in page
