"""The comparison, with a process that only pretends to measure."""

import itertools
import math

import msgspec
import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Outcome
from pytest_mxperf.profile.values import LayerTime, NetworkProfile, Peaks
from pytest_mxperf.spec import InputSpec, RunAs
from pytest_mxperf.worker import paired_timer
from pytest_mxperf.worker.protocol import (
    Inspect,
    Inspected,
    Measure,
    Measured,
    MeasuredPeaks,
    MeasurePeaks,
    Network,
    Prepare,
    Prepared,
    Profile,
    Profiled,
)

OLD = Network("net", "{}", {"data": InputSpec((1, 2))})
NEW = Network("net", "{ }", {"data": InputSpec((1, 2))})


PEAKS = Peaks({"float32": 1e11}, 2e10)
PROFILE = NetworkProfile((LayerTime("fc", "FullyConnected", 1e-3),), 1e-3, 3, 5)


class FakeWorker:
    """Measures what ``growths`` says, process by process; the last goes on for ever.

    It is both of the timer's workers at once.
    """

    def __init__(self, growths, cpu_seconds=0.3, prepared_cpu_seconds=0.0, disturbance=1.0):
        self.requests = []
        self.doings = []
        self.launches = 0
        self.closings = 0
        self.processes = 0
        self._growths = itertools.chain(growths, itertools.repeat(growths[-1]))
        self._cpu_seconds = cpu_seconds
        self._prepared_cpu_seconds = prepared_cpu_seconds
        self._disturbance = disturbance
        self._growth = None

    def launch(self):
        self.launches += 1

    def start(self):
        if self._growth is None:
            self._growth = next(self._growths)
            self.processes += 1

    def close(self):
        self.closings += 1
        self._growth = None

    def request(self, request, expected, *, doing, seconds):
        self.requests.append(request)
        self.doings.append(doing)
        if isinstance(request, Inspect):
            return Inspected("fc")
        if isinstance(request, Prepare):
            return Prepared(self._prepared_cpu_seconds)
        if isinstance(request, Profile):
            self.start()
            return Profiled((PROFILE,) * len(request.networks))
        if isinstance(request, MeasurePeaks):
            return MeasuredPeaks(PEAKS)
        candidate = 1e-3 * (1 + self._growth)
        conditions = Conditions(wall_seconds=0.3, cpu_seconds=self._cpu_seconds, load_average=3.0, cores=2)
        disturbed = self._disturbance
        return Measured([(1e-3, 1e-3 * disturbed)] * 4, [(candidate, candidate * disturbed)] * 4, conditions)

    def units(self):
        return [request.unit for request in self.requests if isinstance(request, Measure)]


@pytest.fixture
def timer(monkeypatch):
    def timer(*growths, seconds=3600.0, progress=None, **options):
        worker = FakeWorker(growths, **options)
        monkeypatch.setattr(paired_timer, "Worker", lambda: worker)
        return paired_timer.PairedTimer(seconds=seconds, **({"progress": progress} if progress else {})), worker

    return timer


def test_equal_networks_pass_in_one_process(timer):
    subject, worker = timer(0.0)
    compared = subject.compare(OLD, NEW, 0.025)
    assert compared.decision.outcome is Outcome.PASSED
    assert compared.processes == 1
    assert worker.processes == 1
    assert worker.requests[0] == Prepare(OLD, NEW)


def test_a_slowdown_is_confirmed_by_a_second_process(timer):
    subject, worker = timer(0.10)
    compared = subject.compare(OLD, NEW, 0.025)
    assert compared.decision.outcome is Outcome.REGRESSED
    assert compared.decision.growth == pytest.approx(0.10)
    assert compared.processes == 2
    assert worker.processes == 2
    assert compared.log_ratios == pytest.approx([math.log(1.1)] * len(compared.log_ratios))


def test_the_second_process_starts_as_soon_as_there_is_a_suspicion(timer):
    """With each of the first process's five samples, after which nothing more is to be confirmed."""
    subject, worker = timer(0.10)
    subject.compare(OLD, NEW, 0.025)
    assert worker.launches == 5
    subject, worker = timer(0.02)
    subject.compare(OLD, NEW, 0.025)
    assert worker.launches == 0


def test_a_second_process_that_cannot_be_started_yet_is_started_when_it_is_needed(monkeypatch, timer):
    subject, worker = timer(0.10)

    def fail():
        raise WorkerError("the measuring process cannot be started: [Errno 11] Resource temporarily unavailable")

    monkeypatch.setattr(worker, "launch", fail)
    compared = subject.compare(OLD, NEW, 0.025)
    assert (compared.decision.outcome, compared.processes) == (Outcome.REGRESSED, 2)


def test_what_only_one_process_sees_fails_nobody(timer):
    subject, _ = timer(0.10, 0.0)
    compared = subject.compare(OLD, NEW, 0.025)
    assert compared.decision.outcome is Outcome.INCONCLUSIVE
    assert "+10.0% on one worker, +0.0% on a second" in compared.decision.reason


def test_a_third_process_tells_where_the_second_cannot(timer):
    """2.55% measured without noise is beyond the tolerance of 2.5%, but 48 samples are too few to be sure."""
    subject, worker = timer(0.10, 0.0255, 0.09)
    compared = subject.compare(OLD, NEW, 0.025)
    assert (compared.decision.outcome, compared.processes, worker.processes) == (Outcome.REGRESSED, 3, 3)
    assert compared.decision.growth == pytest.approx(0.09)
    assert compared.effort.startswith(f"{len(compared.log_ratios)} samples in three processes, ")


@pytest.mark.parametrize(
    ("growths", "processes"), [((0.10, 0.0255, 0.0), 3), ((0.10, 0.024, 0.10), 2), ((0.10, 0.0255, 0.0255, 0.10), 3)]
)
def test_and_there_is_no_fourth(timer, growths, processes):
    """Nor a third for what the second found to be within the tolerance, if not for sure."""
    subject, worker = timer(*growths)
    compared = subject.compare(OLD, NEW, 0.025)
    assert compared.decision.outcome is Outcome.INCONCLUSIVE
    assert compared.processes == worker.processes == processes


def test_a_sample_is_as_many_pairs_as_begin_within_its_time(timer):
    """Units of 0.04 s: after two pairs 0.16 s are spent, after three 0.24 s; units of 0.3 s: one pair."""
    subject, worker = timer(0.0, cpu_seconds=0.04)
    samples = subject.compare(OLD, NEW, 0.025).decision.samples
    assert len(worker.units()) == 6 * samples
    subject, worker = timer(0.0, cpu_seconds=0.3)
    samples = subject.compare(OLD, NEW, 0.025).decision.samples
    assert len(worker.units()) == 2 * samples


def test_units_are_longer_where_forwards_are_disturbed(timer):
    """One of two forwards took twice as long; 0.3 s for a unit, of which rounds are 5 ms, are mostly binding."""

    def asked(disturbance):
        subject, worker = timer(0.0, disturbance=disturbance)
        subject.compare(OLD, NEW, 0.025)
        return [request.cpu_seconds for request in worker.requests if isinstance(request, Measure)]

    assert set(asked(1.0)) == {0.06}
    first, *others = asked(2.0)
    assert first == 0.06
    assert min(others) > 0.06


def test_the_two_units_of_a_pair_have_opposite_orders(timer):
    subject, worker = timer(0.0)
    subject.compare(OLD, NEW, 0.025)
    orders = [unit.reference_first for unit in worker.units()]
    assert all(first is not second for first, second in zip(orders[::2], orders[1::2]))


def test_time_that_is_up_is_inconclusive_and_says_so(timer):
    """0.025 grown by 0.025 is never clear, and no time is left after the first sample of 0.6 s."""
    subject, _ = timer(0.025, seconds=0.7)
    decision = subject.compare(OLD, NEW, 0.025).decision
    assert (decision.outcome, decision.samples) == (Outcome.INCONCLUSIVE, 1)
    assert decision.reason == ("0.7 s are too short at 0.6 s a sample; try seconds=5: one sample is too few to judge")


def test_it_is_its_own_cpu_time_that_is_limited(timer):
    """Samples of two units of 0.3 s; 2.4 s are four of them, and after the fourth a fifth would be too much."""
    subject, _ = timer(0.025, seconds=2.4)
    assert subject.compare(OLD, NEW, 0.025).decision.samples == 4


def test_no_more_time_is_asked_for_where_it_would_not_help(timer):
    """A growth that equals the tolerance is never clear."""
    subject, _ = timer(0.025, seconds=6.0)
    decision = subject.compare(OLD, NEW, 0.025).decision
    assert decision.samples == 10
    assert decision.reason.startswith(
        "not clear after 6 s, and the growth is so near the tolerance that more time is unlikely to help: 10 of "
        "10 samples are within the tolerance"
    )


def test_so_is_it_where_others_took_the_core(monkeypatch, timer):
    """One sample in 14 s of wall time, more than four times 3 s: eight take 112 s, a quarter of which is asked for."""
    subject, _ = timer(0.025, seconds=3.0, cpu_seconds=0.1)
    clock = itertools.count(0.0, 14.0)
    monkeypatch.setattr(paired_timer.time, "monotonic", lambda: next(clock))
    decision = subject.compare(OLD, NEW, 0.025).decision
    assert decision.reason.startswith("3 s are too short at 3.5 s a sample; try seconds=28: ")


def test_the_conditions_of_all_units_are_put_together(timer):
    subject, worker = timer(0.0)
    conditions = subject.compare(OLD, NEW, 0.025).conditions
    assert conditions.wall_seconds == pytest.approx(0.3 * len(worker.units()))
    assert conditions.disturbances() == ["the load was 3.0 on 2 cores"]


def test_each_comparison_asks_for_more_evidence_than_the_one_before(monkeypatch):
    """However many there will be: nobody is asked beforehand."""
    alphas = []
    real = paired_timer.SequentialTest
    monkeypatch.setattr(
        paired_timer, "SequentialTest", lambda tolerance, alpha: alphas.append(alpha) or real(tolerance)
    )
    monkeypatch.setattr(paired_timer, "Worker", lambda: FakeWorker([0.0]))
    subject = paired_timer.PairedTimer(seconds=60.0, error_share=0.5)
    for _ in range(3):
        subject.compare(OLD, NEW, 0.025)
    # Half of sqrt(0.002 / 2 / zeta(1.2)) squared, and times 2 ** -0.6 and 3 ** -0.6.
    assert alphas == pytest.approx([0.0094562, 0.0062388, 0.0048914], rel=1e-3)


def test_a_process_that_fails_is_the_callers_error(timer):
    subject, worker = timer(0.0)

    def fail(*arguments, **options):
        raise WorkerError("the measuring process died (SIGSEGV) while it prepared net")

    worker.request = fail
    with pytest.raises(WorkerError, match="SIGSEGV"):
        subject.compare(OLD, NEW, 0.025)


def test_a_network_that_is_far_too_slow_is_not_timed(timer):
    """Both sides together take 14 s once, a sample at least six times as long, eight samples 672 s."""
    subject, worker = timer(0.0, seconds=15.0, prepared_cpu_seconds=14.0)
    decision = subject.compare(OLD, NEW, 0.025).decision
    assert (decision.outcome, decision.samples) == (Outcome.INCONCLUSIVE, 0)
    assert decision.reason == "15 s are too short at 84.0 s a sample; try seconds=672"
    assert worker.units() == []


def test_a_comparison_knows_how_both_were_run(timer):
    subject, _ = timer(0.0)
    static = RunAs("gluon", static_alloc=True)
    compared = subject.compare(OLD, msgspec.structs.replace(NEW, run_as=static), 0.025)
    assert compared.run_as == static


def test_a_network_can_be_prepared_without_being_timed(timer):
    subject, worker = timer(0.0, prepared_cpu_seconds=0.5)
    assert subject.prepare(OLD) == Prepared(0.5)
    assert worker.requests == [Prepare(OLD, OLD)]


@pytest.mark.parametrize(
    ("cpu_seconds", "seconds", "shortage"),
    [
        (0.5, 15.0, ""),  # 6 forwards of both are 3 s: 5 samples
        (0.51, 15.0, "15 s are too short at 3.1 s a sample; try seconds=25"),
        (0.001, 1.0, ""),  # a sample is 0.2 s long at least
        (0.001, 0.9, "0.9 s are too short at 0.2 s a sample; try seconds=2"),
    ],
)
def test_the_time_is_short_where_no_gate_could_fail(timer, cpu_seconds, seconds, shortage):
    subject, _ = timer(0.0, seconds=seconds)
    assert subject.shortage(Prepared(cpu_seconds)) == shortage


def test_layers_are_timed_by_the_process_that_has_confirmed(timer):
    subject, worker = timer(0.10)
    assert subject.compare(OLD, NEW, 0.025).processes == worker.processes == 2
    asked = len(worker.requests)
    assert subject.profile(OLD, NEW) == (PROFILE, PROFILE)
    assert worker.requests[asked:] == [Profile((OLD, NEW), 2.0, most_cpu_seconds=3600.0)]
    assert worker.processes == 2


def test_what_the_processor_can_do_is_measured_once(timer):
    subject, worker = timer(0.0)
    assert [subject.profile(NEW), subject.peaks(), subject.profile(OLD), subject.peaks()] == [
        *((PROFILE,), PEAKS, (PROFILE,), PEAKS)
    ]
    assert worker.requests.count(MeasurePeaks()) == 1


@pytest.mark.parametrize("growth", [0.0, 0.10])
def test_a_comparison_by_itself_times_no_layers(timer, growth):
    subject, worker = timer(growth)
    subject.compare(OLD, NEW, 0.025)
    assert not any(isinstance(request, Profile) for request in worker.requests)


def test_both_processes_end_with_the_timer(timer):
    subject, worker = timer(0.0)
    with subject as entered:
        assert entered is subject
        assert worker.closings == 0
    assert worker.closings == 2


def test_a_process_that_dies_can_say_meanwhile_at_what(timer):
    subject, worker = timer(0.0)
    subject.prepare(OLD)
    subject.profile(OLD)
    subject.peaks()
    assert subject.subnormal(NEW) == Inspected("fc")
    assert worker.requests[-1] == Inspect(NEW)
    assert worker.doings == [
        "it prepared net",
        "it timed the layers of net",
        "it measured what the processor can do",
        "it looked into net",
    ]


def test_a_sample_says_which_process_took_it_and_how_sure_that_made(timer):
    """Three samples are too few for a bound."""
    subject, _ = timer(0.10)
    samples = subject.compare(OLD, NEW, 0.025).samples
    assert [sample.process for sample in samples] == [1] * 5 + [2] * 5
    assert [(sample.low, sample.high) for sample in samples[:3]] == [(None, None)] * 3
    assert samples[4].low > 0.025


def test_progress_is_shown_after_each_sample_but_the_last(timer, monkeypatch):
    """The first of five samples decides nothing; five confirm."""
    shown = []
    monkeypatch.setattr(paired_timer.time, "monotonic", lambda: 7.0)
    subject, _ = timer(0.10, progress=shown.append)
    subject.compare(OLD, NEW, 0.025)
    subject.profile(OLD)
    assert shown[0] == "timing net: sample 1, 0 s; at most 3599 s more"
    assert shown[4] == "confirming net: sample 1, 0 s; at most 3599 s more"
    assert shown[-1] == "timing the layers of net: about 2 s"
    assert len(shown) == 9


def test_a_comparison_lasts_from_its_start(timer, monkeypatch):
    clock = itertools.chain([100.0], itertools.repeat(103.0))
    monkeypatch.setattr(paired_timer.time, "monotonic", lambda: next(clock))
    subject, _ = timer(0.0)
    assert subject.compare(OLD, NEW, 0.025).seconds == 3.0


def test_each_process_has_an_order_of_its_own(timer, monkeypatch):
    """The seed is one of 2 ** 32."""
    seeds = []

    class MostChance:
        def getrandbits(self, bits):
            return 2**bits - 1

    real = paired_timer.units
    monkeypatch.setattr(paired_timer.random, "SystemRandom", MostChance)
    monkeypatch.setattr(paired_timer, "units", lambda seed: seeds.append(seed) or real(seed))
    subject, _ = timer(0.10)
    assert subject.compare(OLD, NEW, 0.025).seed == 4_294_967_295
    assert seeds == [4_294_967_295, 4_294_967_297]


def test_the_third_process_is_heard_and_not_the_second_again(timer):
    subject, _ = timer(0.10, 0.0255, 0.09)
    samples = subject.compare(OLD, NEW, 0.025).samples
    assert [sample.log_ratio for sample in samples if sample.process == 3] == pytest.approx([math.log(1.09)] * 5)


def test_one_sample_that_takes_all_the_time_is_taken(timer):
    """Six forwards of 0.5 s."""
    subject, _ = timer(0.025, seconds=3.0, prepared_cpu_seconds=0.5)
    assert subject.compare(OLD, NEW, 0.025).decision.samples == 5
