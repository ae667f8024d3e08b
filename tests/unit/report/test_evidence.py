"""The drawing of a latency: positions by hand, in a box of 560 x 150 whose first value is at the bottom."""

import pytest

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.latency.comparison import Sample
from pytest_mxperf.report.evidence import HEIGHT, WIDTH, evidence_of


def finding(*samples, allowed=0.025):
    return Finding("latency", "latency", Verdict.PASSED, "", 0.0, None, allowed, samples=samples)


def test_nothing_timed_is_nothing_drawn():
    assert evidence_of(finding()) is None


def test_samples_lie_in_order_and_higher_ones_above():
    before, now = evidence_of(finding(Sample(0.0, 1.0, 1.0), Sample(0.69, 1.0, 2.0))).sides
    assert [dot.x for dot in before.dots] == [WIDTH / 4, 3 * WIDTH / 4]
    low, high = (dot.y for dot in now.dots)
    assert (low, high) == (pytest.approx(150 * 1.08 / 1.16, abs=0.1), pytest.approx(150 * 0.08 / 1.16, abs=0.1))
    assert (before.middle, now.middle) == (low, pytest.approx(75.0))
    assert (before.told, now.told) == ("1.00 s", "1.50 s")


def test_the_tolerance_and_no_change_are_levels():
    none, allowed = evidence_of(finding(Sample(0.0), Sample(0.05))).levels
    assert (none.told, allowed.told) == ("no change", "allowed +2.5%")
    assert none.y > allowed.y
    assert none.label_y - allowed.label_y >= 14


def test_bounds_that_are_far_out_do_not_flatten_the_drawing():
    far = evidence_of(finding(Sample(0.01, low=-0.9, high=9.0), Sample(0.01, low=0.0, high=0.02)))
    (band,) = far.bands
    points = [tuple(map(float, point.split(","))) for point in band.split()]
    assert points[0] == (WIDTH / 4, 0.0)  # cut off at the top
    assert points[-1] == (WIDTH / 4, HEIGHT)
    none, allowed = far.levels
    assert none.y - allowed.y > 50


def test_processes_are_told_apart():
    two = evidence_of(finding(Sample(0.0), Sample(0.0, process=2), Sample(0.0, process=2)))
    assert two.borders == (pytest.approx(WIDTH / 3),)
    assert [row.process for row in two.rows] == [1, 2, 2]


def test_one_sample_that_never_changed_can_be_drawn():
    assert len(evidence_of(finding(Sample(0.0), allowed=0.0)).ratios) == 1
