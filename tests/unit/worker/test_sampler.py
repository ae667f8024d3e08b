"""Samples of a pair, with a process that only pretends to measure."""

import itertools
import math

import pytest

from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.schedule import units
from pytest_mxperf.spec import InputSpec
from pytest_mxperf.worker import sampler
from pytest_mxperf.worker.protocol import Measured, Network, Prepare, Prepared
from pytest_mxperf.worker.sampler import PairSampler

OLD = Network("old", "{}", {"data": InputSpec((1, 2))})
NEW = Network("new", "{ }", {"data": InputSpec((1, 2))})
ROUND = (1e-3, 1e-3)


class FakeWorker:
    """Units of four rounds, 16 ms in all, each in a time of its own: CPU seconds and wall seconds."""

    def __init__(self, *times):
        self.asked = []
        self._times = itertools.chain(times, itertools.repeat(times[-1]))

    def start(self):
        pass

    def request(self, request, expected, *, doing, seconds):
        self.asked.append((doing, seconds))
        if isinstance(request, Prepare):
            return Prepared(0.0, notes=("a note",))
        cpu_seconds, wall_seconds = next(self._times)
        return Measured([ROUND] * 4, [ROUND] * 4, Conditions(wall_seconds=wall_seconds, cpu_seconds=cpu_seconds))


def sampled(*times, seconds=math.inf, samples=1):
    worker = FakeWorker(*times)
    subject = PairSampler(worker, OLD, NEW, seconds)
    schedule = units(1)
    for _ in range(samples):
        subject.sample(schedule)
    return subject, worker


def test_the_process_knows_what_it_does_in_case_it_dies():
    subject, worker = sampled((0.3, 0.3))
    assert worker.asked == [("it prepared new", 600.0), ("it timed new", 600.0), ("it timed new", 600.0)]
    assert subject.notes == ("a note",)


def test_no_pair_begins_once_a_samples_time_is_spent():
    """Two units of 0.1 s are the 0.2 s."""
    subject, _ = sampled((0.1, 0.1))
    assert len(subject.conditions) == 2
    assert subject.cpu_seconds == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("interval", "bounds"),
    [
        ((-1.0, math.inf), (None, None)),
        ((-0.99, 7.0), (-0.99, 7.0)),
        ((0.02, math.inf), (0.02, None)),
        ((-1.0, 0.02), (None, 0.02)),
    ],
)
def test_bounds_that_say_nothing_are_none(interval, bounds):
    subject, _ = sampled((0.3, 0.3), samples=2)
    subject.keep(interval)
    assert [(sample.low, sample.high) for sample in subject.samples] == [(None, None), bounds]


def test_the_next_unit_is_as_long_as_noise_and_time_advise(monkeypatch):
    """Rounds of 4 ms, and 84 ms of 100 are not timed. 10 s may become 40 s of wall time: at 10% of a core, 4 s of CPU
    time. With a core of its own it may use 10 s."""
    asked = []
    monkeypatch.setattr(sampler, "unit_seconds", lambda sds, **others: asked.append((len(sds), others)) or 0.06)
    sampled((0.1, 1.0), seconds=10.0)
    sampled((0.1, 0.1), seconds=10.0)
    times = {"seconds_per_round": pytest.approx(0.004), "overhead_seconds": pytest.approx(0.084)}
    assert asked[0] == (1, {**times, "available_seconds": pytest.approx(4.0)})
    assert asked[2] == (1, {**times, "available_seconds": pytest.approx(10.0)})


def test_the_noise_of_the_last_20_units_counts(monkeypatch):
    asked = []
    monkeypatch.setattr(sampler, "unit_seconds", lambda sds, **others: asked.append(len(sds)) or 0.06)
    sampled((0.1, 0.1), samples=11)
    assert asked == [*range(1, 21), 20, 20]
