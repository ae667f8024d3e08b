"""Values that no report can show as they are: without a ``repr``, of 5000 digits, names that are not UTF-8."""

import json
import os

import pytest

SUITE = """
class Unprintable:
    def __repr__(self):
        raise ValueError("no repr")

mark = pytest.mark
pytestmark = [{}]

def test_it():
    pass
"""


@pytest.mark.parametrize(
    ("markers", "message"),
    [
        (
            "digits, mark.mxperf_budget(macs=Unprintable())",
            "mxperf_budget*macs: expected *, got an unprintable Unprintable",
        ),
        ("digits, mark.mxperf_budget(macs=10**5000)", "mxperf_budget*macs: expected *, got an unprintable int"),
        (
            "digits, mark.mxperf_policy(uncounted=Unprintable())",
            "mxperf_policy*uncounted=an unprintable Unprintable is *",
        ),
        (
            "mark.mxperf_model(PREFIX, inputs=Unprintable())",
            "mxperf_model*inputs=an unprintable Unprintable must map *",
        ),
        ("mark.mxperf_model(PREFIX, inputs={'data': (10**5000,)})", "mxperf_model*an unprintable int is not a size*"),
        (
            "mark.mxperf_model(PREFIX, inputs=INPUTS, epoch=10**5000)",
            "mxperf_model*epoch=an unprintable int is not *",
        ),
        (
            "mark.mxperf_model(PREFIX, inputs={'data\\0': (1, 1, 8, 8)})",
            "mxperf_model*inputs?'data?x00'?: MXNet takes names in*",
        ),
        (
            "mark.mxperf_model(PREFIX, inputs={'\\udcff': (1,)})",
            "mxperf_model*inputs?'?udcff'?: MXNet takes names in *",
        ),
        (
            "mark.mxperf_model(PREFIX, inputs=INPUTS, shapes={'a\\0': (1,)})",
            "mxperf_model*shapes?'a?x00'?: MXNet takes names in *",
        ),
    ],
)
def test_a_marker_has_one_line_and_the_run_is_judged(write, run, no_traceback, markers, message):
    write(SUITE.format(markers))
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    no_traceback(result)
    result.stdout.no_fnmatch_line("*bug of pytest-mxperf*")


NOT_UTF8 = """
    @digits
    @pytest.mark.mxperf_budget(macs="608 k")
    def test_passes():
        pass

    @digits
    @pytest.mark.mxperf_budget(macs=1)
    @pytest.mark.xfail(reason="\\udcff")
    def test_is_excused():
        pass

    @pytest.mark.mxperf_model("models/\\udcff", inputs=INPUTS)
    def test_has_no_model():
        pass
    """


def test_what_is_not_utf8_is_written_with_escapes(pytester, write, run, no_traceback):
    folder = os.fsdecode(b"d_\xff")
    write(NOT_UTF8, f"{folder}/test_it.py")
    result = run("--mxperf-report=report.json", "--mxperf-report=report.html", "--mxperf-report=report.md")
    result.assert_outcomes(passed=1, xfailed=1, failed=1)
    no_traceback(result)
    models = json.loads((pytester.path / "report.json").read_text())["models"]
    assert [model["test"] for model in models] == [
        rf"d_\udcff/test_it.py::{test}" for test in ("test_passes", "test_is_excused", "test_has_no_model")
    ]
    assert r"models/\udcff-symbol.json: cannot read the symbol" in models[2]["problem"]


@pytest.mark.slow
def test_xdist_gets_messages_in_utf8(write, run):
    """What its channel cannot carry ends the session, whoever said it."""
    write(
        """
        @pytest.mark.mxperf_model("models/\\udcff", inputs=INPUTS)
        def test_has_no_model(mxperf_cost):
            pass
        """
    )
    result = run("-n1")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([r"*models/?udcff-symbol.json: cannot read the symbol*"])
