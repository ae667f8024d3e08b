"""The drawing of a latency: positions by hand, as percentages from the top left corner."""

import pytest

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.latency.comparison import Sample
from pytest_mxperf.report.evidence import evidence_of


def finding(*samples, allowed=0.025, value=0.0):
    return Finding("latency", "latency", Verdict.PASSED, "", value, None, allowed, samples=samples)


def points(band):
    return [tuple(map(float, point.split(","))) for point in band.split()]


def test_nothing_timed_is_nothing_drawn():
    assert evidence_of(finding()) is None


def test_samples_lie_in_order_and_higher_ones_above():
    before, now = evidence_of(finding(Sample(0.0, 1.0, 1.0), Sample(0.69, 1.0, 2.0))).sides
    assert [dot.x for dot in before.dots] == [25, 75]
    low, high = (dot.y for dot in now.dots)
    assert (low, high) == (pytest.approx(100 * 1.08 / 1.16, abs=0.01), pytest.approx(100 * 0.08 / 1.16, abs=0.01))
    assert (before.middle, now.middle) == (low, pytest.approx(50.0))
    assert (before.told, now.told) == ("1.00 s", "1.50 s")


def test_a_box_holds_the_middle_half_of_the_samples():
    """Of 1, 2, 3, 4, 5 s the quarters begin at 2 and 4; the scale goes from 0.68 to 5.32 s."""
    _, now = evidence_of(finding(*(Sample(0.0, 1.0, seconds) for seconds in (5.0, 1.0, 4.0, 2.0, 3.0)))).sides
    assert now.middle == 50.0
    assert now.quarters == (pytest.approx(28.45), pytest.approx(71.55))
    assert now.ends == (pytest.approx(6.9), pytest.approx(93.1))


def test_the_tolerance_and_no_change_are_levels():
    none, allowed = evidence_of(finding(Sample(0.0), Sample(0.0488))).levels
    assert (none.told, allowed.told) == ("no difference", "allowed +2.5%")
    assert (none.y, allowed.y) == (pytest.approx(100 * 1.08 / 1.16, abs=0.01), pytest.approx(50, abs=0.1))


def test_the_gates_own_figure_is_told():
    assert evidence_of(finding(Sample(0.0), value=0.0256)).growth == "+2.6%"
    assert evidence_of(finding(Sample(0.0), value=None)).growth == ""


def test_bounds_that_are_far_out_do_not_flatten_the_drawing():
    far = evidence_of(finding(Sample(0.01, low=-0.9, high=9.0), Sample(0.01, low=0.0, high=0.02)))
    (band,) = map(points, far.bands)
    assert band[:2] == [(0.0, 0.0), (25.0, 0.0)]  # cut off at the top
    assert band[-2:] == [(25.0, 100.0), (0.0, 100.0)]
    none, allowed = far.levels
    assert none.y - allowed.y > 30


def test_what_is_not_known_yet_is_open_to_the_edges():
    """Two samples without bounds, and one whose growth is known to be below 2%."""
    evidence = evidence_of(finding(Sample(0.0), Sample(0.0), Sample(0.0, high=0.02)))
    (band,) = map(points, evidence.bands)
    upper, lower = band[:5], band[5:]
    assert [x for x, _ in upper] == [0.0, pytest.approx(16.67), 50.0, pytest.approx(83.33), 100.0]
    assert [y for _, y in upper[:3]] == [0.0, 0.0, 0.0]
    assert 0.0 < upper[3][1] == upper[4][1] < 100.0
    assert {y for _, y in lower} == {100.0}


def test_processes_are_told_apart():
    two = evidence_of(finding(Sample(0.0), Sample(0.0, process=2), Sample(0.0, process=2)))
    assert two.borders == (pytest.approx(33.33),)
    assert [row.process for row in two.rows] == [1, 2, 2]
    assert [(points(band)[0][0], points(band)[-1][0]) for band in two.bands] == [(0.0, 0.0), (33.33, 33.33)]


def test_one_sample_that_never_changed_can_be_drawn():
    assert len(evidence_of(finding(Sample(0.0), allowed=0.0)).ratios) == 1
