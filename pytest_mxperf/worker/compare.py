"""Compares the speed of two networks: runs the schedule in the measuring process until the sequential test decides."""

import math
import random
import time
from contextlib import suppress
from types import TracebackType
from typing import Callable, Iterator, List, Optional, Tuple, Type

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import (
    Decision,
    Outcome,
    SequentialTest,
    confirm,
    is_undecided,
)
from pytest_mxperf.latency.estimate import log_ratio
from pytest_mxperf.latency.schedule import Unit, units
from pytest_mxperf.latency.spending import alpha_of
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.protocol import (
    Inspect,
    Inspected,
    Measure,
    Measured,
    Network,
    Prepare,
    Prepared,
    Profile,
    Profiled,
)

__all__ = ["Laboratory", "Trial"]

Progress = Callable[[str], None]

_UNIT_CPU_SECONDS = 0.06
"""Of timed forwards. Each binding has a speed of its own: many short units average over more of them."""
_SAMPLE_CPU_SECONDS = 0.2
"""Of units, warm-up included: a sample is as many pairs of them as begin within this time."""
_SLOW_FORWARDS = 6
"""Of both sides, in a sample of a network that is slow: two units of a warm-up and a round."""
_USUAL_SAMPLES = 8
"""Enough for a verdict that is not too near the tolerance; so many more where there have been some."""
_FEWEST_SAMPLES = 4
"""With fewer no gate can fail."""
_CONFIRMATIONS = 2
"""New processes, at the most, that measure a regression again: the second if the first of them cannot tell."""
_PATIENCE = 4
"""Wall seconds for each second of CPU time, at the most."""
_USUAL_SHARE = 0.8
"""Of the time a process has a core for itself, on a machine that does not do much else."""
_ANSWER_SECONDS = 600.0
_LAYERS_CPU_SECONDS = 2.0
"""For the times of both sides' layers."""


class Trial:
    """Samples of one pair in one process."""

    def __init__(self, worker: Worker, reference: Network, candidate: Network) -> None:
        self.conditions: List[Conditions] = []
        """Of each unit."""
        self.log_ratios: List[float] = []
        """Of each sample."""
        self._worker = worker
        self.name = candidate.name
        worker.start()
        prepare, doing = Prepare(reference, candidate), f"it prepared {self.name}"
        prepared = worker.request(prepare, Prepared, doing=doing, seconds=_ANSWER_SECONDS)
        self.notes = prepared.notes
        self.least_seconds_per_sample = _SLOW_FORWARDS * prepared.cpu_seconds
        """Of a slow network; others get more rounds into a sample than a first forward tells."""

    @property
    def cpu_seconds(self) -> float:
        return sum(unit.cpu_seconds for unit in self.conditions)

    def sample(self, schedule: Iterator[Tuple[Unit, Unit]]) -> float:
        """log(candidate / reference), the mean of pairs of units."""
        log_ratios: List[float] = []
        before = len(self.conditions)
        while sum(unit.cpu_seconds for unit in self.conditions[before:]) < _SAMPLE_CPU_SECONDS:
            log_ratios += map(self._measure, next(schedule))
        self.log_ratios.append(sum(log_ratios) / len(log_ratios))
        return self.log_ratios[-1]

    def _measure(self, unit: Unit) -> float:
        request = Measure(unit, _UNIT_CPU_SECONDS)
        doing = f"it timed {self.name}"
        measured = self._worker.request(request, Measured, doing=doing, seconds=_ANSWER_SECONDS)
        self.conditions.append(measured.conditions)
        return log_ratio(measured.reference, measured.candidate)


class Laboratory:
    """Keeps one measuring process for all comparisons of a session, and another at hand to confirm a regression.

    ``seconds`` is what one comparison may take of the measuring process's CPU time: where others take its core it goes
    on for up to four times as long. A regression is measured once more by a new process, which may take as long again.
    Error rates hold for all comparisons together, however many there will be, and for all laboratories of a session
    if their ``error_share`` sum up to 1. ``option`` is what the user calls ``seconds``.
    """

    def __init__(
        self,
        *,
        seconds: float,
        error_share: float = 1.0,
        option: str = "--mxperf-latency-seconds",
        progress: Progress = lambda text: None,
    ) -> None:
        self._seconds = seconds
        self._option = option
        self._error_share = error_share
        self._comparisons = 0
        self._progress = progress
        self._worker, self._successor = Worker(), Worker()

    def __enter__(self) -> "Laboratory":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        self._worker.close()
        self._successor.close()

    def prepare(self, network: Network) -> Prepared:
        """Loads the network as both sides of a comparison, and runs it twice. Raises ``WorkerError`` if it cannot."""
        prepare, doing = Prepare(network, network), f"it prepared {network.name}"
        return self._worker.request(prepare, Prepared, doing=doing, seconds=_ANSWER_SECONDS)

    def shortage(self, prepared: Prepared) -> str:
        """Why the time for a comparison does not suffice for what was prepared; empty if it does."""
        seconds = max(_SAMPLE_CPU_SECONDS, _SLOW_FORWARDS * prepared.cpu_seconds)
        return self._too_short(0, seconds) if _FEWEST_SAMPLES * seconds > self._seconds else ""

    def compare(self, reference: Network, candidate: Network, tolerance: float) -> Comparison:
        """Whether the candidate is slower than the reference by more than ``tolerance``, a fraction of the reference.

        Raises ``WorkerError`` if one of them cannot run, or if the measuring process dies of it.
        """
        start, seed = time.monotonic(), random.SystemRandom().getrandbits(32)
        self._comparisons += 1
        trials = [Trial(self._worker, reference, candidate)]
        first = decision = self._decide(trials[0], tolerance, seed, is_first=True)
        # Nothing that is wrong with one process, or with where its memory lies, shall break a build.
        while first.outcome is Outcome.REGRESSED and len(trials) <= _CONFIRMATIONS:
            self._worker.close()
            self._worker, self._successor = self._successor, self._worker
            trials.append(Trial(self._worker, reference, candidate))
            again = self._decide(trials[-1], tolerance, seed + len(trials))
            decision = confirm(first, again)
            if not is_undecided(again, tolerance):
                break
        conditions = [unit for trial in trials for unit in trial.conditions]
        return Comparison(
            decision=decision,
            seconds=time.monotonic() - start,
            conditions=Conditions.over(conditions) if conditions else None,
            log_ratios=tuple(ratio for trial in trials for ratio in trial.log_ratios),
            seed=seed,
            processes=len(trials),
            run_as=candidate.run_as,
            notes=trials[0].notes,
        )

    def _test(self, tolerance: float) -> SequentialTest:
        return SequentialTest(tolerance, alpha=alpha_of(self._comparisons, self._error_share))

    def _decide(self, trial: Trial, tolerance: float, seed: int, *, is_first: bool = False) -> Decision:
        start, schedule, test = time.monotonic(), units(seed), self._test(tolerance)
        if trial.least_seconds_per_sample > self._seconds:
            return test.stop(self._too_short(0, trial.least_seconds_per_sample))
        while True:
            sample = trial.sample(schedule)
            if is_first and sample > math.log1p(tolerance):
                with suppress(WorkerError):  # it may never be needed, and if it is it is started then
                    self._successor.launch()  # it imports MXNet on another core while this one goes on
            decision = test.add(sample)
            if decision is not None:
                return decision
            samples, spent, elapsed = len(trial.log_ratios), trial.cpu_seconds, time.monotonic() - start
            doing = "timing" if is_first else "confirming"
            self._progress(f"{doing} {trial.name}: sample {samples}, {elapsed:.0f} s{self._left(spent, elapsed)}")
            cpu_is_up = spent * (samples + 1) / samples > self._seconds
            if cpu_is_up or elapsed > _PATIENCE * self._seconds:
                return test.stop(self._too_short(samples, max(spent, elapsed / _PATIENCE) / samples))

    def subnormal_layer(self, network: Network) -> Optional[str]:
        """The first operator of the network that puts out subnormal numbers. Raises ``WorkerError``."""
        doing = f"it looked into {network.name}"
        return self._worker.request(Inspect(network), Inspected, doing=doing, seconds=_ANSWER_SECONDS).layer

    def _left(self, cpu_seconds: float, wall_seconds: float) -> str:
        """For a message: how much longer it can take, and why that is longer than the user has asked for."""
        share = min(1.0, cpu_seconds / wall_seconds) if wall_seconds else 1.0
        by_cpu = (self._seconds - cpu_seconds) / max(share, 1 / _PATIENCE)
        left = max(0.0, min(by_cpu, _PATIENCE * self._seconds - wall_seconds))
        why = "" if share > _USUAL_SHARE else f": others take the core, the process has it {share:.0%} of the time"
        return f", at most {left:.0f} s more{why}"

    def _too_short(self, samples: int, seconds_per_sample: float) -> str:
        enough = math.ceil((samples + _USUAL_SAMPLES) * max(_SAMPLE_CPU_SECONDS, seconds_per_sample))
        return f"{self._seconds:g} s are too short at {seconds_per_sample:.1f} s a sample; try {self._option}={enough}"

    def explain(self, reference: Network, candidate: Network) -> Profiled:
        """The times of both sides' layers, measured by the process that has compared them. Raises ``WorkerError``."""
        self._progress(f"timing the layers of {candidate.name}: about {_LAYERS_CPU_SECONDS:.0f} s")
        profile, doing = Profile(candidate, reference, _LAYERS_CPU_SECONDS), f"it timed the layers of {candidate.name}"
        return self._worker.request(profile, Profiled, doing=doing, seconds=_ANSWER_SECONDS)
