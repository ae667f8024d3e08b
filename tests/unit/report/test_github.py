"""The report inside of GitHub Actions."""

from pathlib import Path

from pytest_mxperf.report.github import output
from pytest_mxperf.report.output import Place
from tests.unit.report.runs import BROKEN, FAILED, HEALTHY, result, run


def place(**environ):
    return Place(root=Path("/repo/python"), environ={"GITHUB_STEP_SUMMARY": "/tmp/summary", **environ})


def test_failed_tests_are_annotated_where_they_stand():
    made = output(run(HEALTHY, FAILED, BROKEN), place(GITHUB_WORKSPACE="/repo"))
    assert made.printed.splitlines() == [
        "::error file=python/tests/test_a.py,line=7,title=mxperf%3A failed::"
        "macs 900 -> 1,000 (+11.11%25, allowed +0%25)%0A"
        "conv (Convolution): num_filter 7 -> 8, +100 MACs%0Aparam_bytes 320 is over the budget of 256",
        "::error file=python/tests/test_a.py,line=7,title=mxperf%3A broken::models/broken-symbol.json: it is empty",
    ]


def test_without_a_workspace_files_are_relative_to_the_root_directory():
    assert output(run(BROKEN), place()).printed.startswith("::error file=tests/test_a.py,line=7,")


def test_the_summary_is_appended():
    made = output(run(FAILED), place())
    assert list(made.appended) == [Path("/tmp/summary")]
    assert made.appended[Path("/tmp/summary")].startswith("**mxperf: 1 of 1 model failed**: failed\n")
    assert made.written == {}


def test_a_name_cannot_end_a_command():
    name = "a,line=1::x\n::warning::y"
    (line,) = output(run(result(name, outcome="failed", problem="p")), place()).printed.splitlines()
    assert line.endswith("title=mxperf%3A a%2Cline=1%3A%3Ax%0A%3A%3Awarning%3A%3Ay::p")


def test_elsewhere_it_says_that_it_does_nothing():
    made = output(run(FAILED), Place())
    assert made.printed.startswith("the github report does nothing here: ")
    assert (made.written, made.appended) == ({}, {})
