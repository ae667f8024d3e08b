"""Baselines of what a checkpoint's files hold, where there is no file; and how findings are put together."""

from fractions import Fraction

import pytest

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport, Params
from pytest_mxperf.gate.baseline import judge_baseline
from pytest_mxperf.gate.finding import Finding, Verdict
from tests.words import WORDS

ALLOWED = {"checkpoint_bytes": Fraction(0)}


def baseline(checkpoint_bytes, **params):
    return Baseline.of(CostReport((), Params(**params), {}, checkpoint_bytes=checkpoint_bytes), {})


@pytest.mark.parametrize(
    ("before", "now", "over", "verdict", "message"),
    [
        (
            *(10, None, "", Verdict.UNMEASURED),
            "checkpoint_bytes was not measured: the model has no .params file that can be read",
        ),
        (
            *(None, 10, "", Verdict.INCOMPARABLE),
            "checkpoint_bytes cannot be compared: the baseline has none; record it again with --update net",
        ),
        (
            *(None, 10, "other", Verdict.UNMEASURED),
            "checkpoint_bytes was not measured for other: the model has no .params file that can be read",
        ),
        (10, 10, "", Verdict.PASSED, "checkpoint_bytes 10, unchanged"),
    ],
)
def test_a_file_that_is_not_there_is_said_of_the_side_that_lacks_it(before, now, over, verdict, message):
    (finding,) = judge_baseline(ALLOWED, baseline(now), baseline(before), words=WORDS, over=over)
    assert (finding.gate, finding.metric, finding.verdict, finding.message) == (
        *("baseline", "checkpoint_bytes", verdict, message),
    )


def test_params_of_the_same_number_that_take_more_bytes_are_wider():
    allowed = {"params": Fraction(0), "param_bytes": Fraction(0)}
    before, now = baseline(None, trainable=3, bytes=12), baseline(None, trainable=3, bytes=24)
    _, wider = judge_baseline(allowed, now, before, words=WORDS)
    assert wider.message.splitlines()[1] == "the same number of params of each kind as before, in wider dtypes"


def test_reasons_stand_next_to_the_first_line_and_lines_below_all():
    finding = Finding("latency", "latency", Verdict.REGRESSED, "slower\nmeanwhile: load 3")
    assert finding.with_reasons(["conv: slower"]).message == "slower\nconv: slower\nmeanwhile: load 3"
    assert finding.with_lines(["note"]).message == "slower\nmeanwhile: load 3\nnote"


def test_verdicts_are_written_as_they_are_called():
    assert all(verdict.value == verdict.name for verdict in Verdict)
    assert [verdict.name for verdict in Verdict if verdict.is_good] == ["PASSED", "IMPROVED", "ADVICE"]
