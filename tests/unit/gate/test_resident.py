"""The memory of one inference against that of another graph."""

from fractions import Fraction

import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.resident import (
    ResidentPair,
    is_over,
    judge_resident,
    resident_measured,
    resident_of_same_graph,
    resident_unmeasured,
)
from pytest_mxperf.spec import InputSpec
from pytest_mxperf.worker.protocol import MeasuredResident, Network
from pytest_mxperf.worker.resident import compare_resident

MIB = 1 << 20
FIVE = Fraction(1, 20)


@pytest.mark.parametrize(
    ("before", "now", "tolerance", "over"),
    [
        (100 * MIB, 106 * MIB, FIVE, False),  # 5%, and the noise of 1 MiB
        (100 * MIB, 106 * MIB + 1, FIVE, True),
        (1 * MIB, 2 * MIB, Fraction(0), False),
        (1 * MIB, 2 * MIB + 1, Fraction(0), True),
        (100 * MIB, 70 * MIB, Fraction(-3, 10), False),
        (100 * MIB, 71 * MIB + 1, Fraction(-3, 10), True),
    ],
)
def test_growth_counts_beyond_the_tolerance_and_the_noise(before, now, tolerance, over):
    assert is_over(ResidentPair(before, now, 1), tolerance) is over


@pytest.mark.parametrize(
    ("now", "is_baseline", "verdict", "message"),
    [
        (100, True, Verdict.PASSED, "rss 100 MiB -> 100 MiB (+0.00%, allowed +5% over its baseline)"),
        (104, True, Verdict.PASSED, "rss 100 MiB -> 104 MiB (+4.00%, allowed +5% over its baseline)"),
        (110, True, Verdict.REGRESSED, "rss 100 MiB -> 110 MiB (+10.00%, allowed +5% over its baseline)"),
        (100.25, True, Verdict.PASSED, "rss 100.0 MiB -> 100.2 MiB (+0.25%, allowed +5% over its baseline)"),
        (90, True, Verdict.IMPROVED, "rss 100 MiB -> 90.0 MiB (-10.00%, allowed +5% over its baseline)"),
        (90, False, Verdict.PASSED, "rss 100 MiB -> 90.0 MiB (-10.00%, allowed +5% over its baseline)"),
    ],
)
def test_the_verdict_and_its_figures(now, is_baseline, verdict, message):
    pair = ResidentPair(100 * MIB, now * MIB, 1)
    finding = judge_resident(FIVE, pair, over="its baseline", is_baseline=is_baseline)
    assert (finding.gate, finding.metric, finding.verdict, finding.message) == ("baseline", "rss", verdict, message)
    assert (finding.value, finding.reference, finding.allowed_growth) == (now * MIB, 100 * MIB, 0.05)


def test_what_is_less_by_noise_alone_is_no_improvement():
    pair = ResidentPair(100 * MIB, 99 * MIB, 1)
    assert judge_resident(FIVE, pair, over="it", is_baseline=True).verdict is Verdict.PASSED


def test_what_needs_no_comparison_says_why():
    message = "rss: same graph as its baseline, not measured"
    assert resident_of_same_graph(FIVE, "its baseline") == Finding(
        "baseline", "rss", Verdict.PASSED, message, allowed_growth=0.05
    )
    assert resident_measured(3 * MIB) == Finding("baseline", "rss", Verdict.PASSED, "rss 3.00 MiB", 3_145_728)
    assert resident_unmeasured("it is late") == Finding(
        "baseline", "rss", Verdict.UNMEASURED, "rss was not measured: it is late"
    )


def network(name):
    return Network(name, "{}", {"data": InputSpec((1,))})


def compared(**peaks):
    """With what each new process measures, in MiB."""
    left = {name: list(values) for name, values in peaks.items()}
    return compare_resident(
        network("old"), network("new"), FIVE, lambda each: MeasuredResident(200 * MIB, left[each.name].pop(0) * MIB)
    )


def test_what_is_not_over_is_measured_once():
    assert compared(old=[100], new=[105]) == (100 * MIB, 105 * MIB, 1)


def test_what_is_over_is_measured_again_and_the_least_of_each_counts():
    """As long as it is over: another process may have had more to do."""
    assert compared(old=[100, 101], new=[120, 104]) == (100 * MIB, 104 * MIB, 2)
    assert compared(old=[100, 99], new=[120, 121]) == (99 * MIB, 120 * MIB, 2)


def test_what_cannot_be_measured_is_no_zero():
    def fail(network):
        raise WorkerError("it died")

    with pytest.raises(WorkerError, match="it died"):
        compare_resident(network("old"), network("new"), FIVE, fail)
