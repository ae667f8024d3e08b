"""Which text names which report."""

from pathlib import Path

import pytest

from pytest_mxperf.report import formats
from pytest_mxperf.report.output import Place
from tests.unit.report.runs import HEALTHY, run


@pytest.mark.parametrize(
    ("target", "is_report", "is_file"),
    [
        ("terminal", True, False),
        ("github", True, False),
        ("report.json", True, True),
        ("out/a.b.md", True, True),
        ("terminal.csv", True, True),
        (".json", False, False),
        ("", False, False),
        ("tests/", False, False),
        ("report.xml", False, False),
        ("json", False, False),
    ],
)
def test_a_report_is_a_word_or_a_file_of_a_known_suffix(target, is_report, is_file):
    assert (formats.is_report(target), formats.is_file(target)) == (is_report, is_file)


def test_each_format_makes_something():
    for target in formats.KNOWN.replace("FILE", "report").split(", "):
        made = formats.output(target, run(HEALTHY), Place(Path(target), environ={"GITHUB_STEP_SUMMARY": "s"}))
        assert made.printed or made.written or made.appended
