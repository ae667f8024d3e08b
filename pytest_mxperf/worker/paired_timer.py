"""Compares the speed of two networks: runs the schedule in the measuring process until the sequential test decides."""

import math
import random
import time
from contextlib import suppress
from types import TracebackType
from typing import Callable, Optional, Tuple, Type

import msgspec

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.latency.allowance import Allowance, too_short
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision, Outcome, SequentialTest, confirm, is_undecided
from pytest_mxperf.latency.schedule import units
from pytest_mxperf.latency.spending import alpha_of
from pytest_mxperf.profile.values import NetworkProfile, Peaks
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.protocol import (
    Inspect,
    Inspected,
    MeasuredPeaks,
    MeasurePeaks,
    Network,
    Prepare,
    Prepared,
    Profile,
    Profiled,
)
from pytest_mxperf.worker.sampler import ANSWER_SECONDS, PairSampler, least_seconds_per_sample

__all__ = ["PairedTimer"]

Progress = Callable[[str], None]

_FEWEST_SAMPLES = 5
"""With fewer samples no gate can fail."""
_CONFIRMATIONS = 2
"""New processes that may measure a regression again: a second one if the first stays undecided."""
_LAYERS_CPU_SECONDS = 2.0
"""CPU seconds to time all layers."""


class PairedTimer:
    """Times pairs of networks side by side, in one process for a session. Another process confirms a regression.

    ``seconds`` is the CPU time that one comparison may take. If other processes take its core, it lasts up to four
    times as long. A new process measures a regression once more, which may take as long again. Error rates hold for all
    comparisons together, however many there are, and for all paired timers of a session if their values of
    ``error_share`` add up to 1. ``option`` is the user's option for ``seconds``.
    """

    def __init__(
        self,
        *,
        seconds: float,
        error_share: float = 1.0,
        option: str = "seconds",
        progress: Progress = lambda text: None,
    ) -> None:
        self._seconds = seconds
        self._option = option
        self._error_share = error_share
        self._comparisons = 0
        self._progress = progress
        self._peaks: Optional[Peaks] = None
        self._worker, self._successor = Worker(), Worker()

    def __enter__(self) -> "PairedTimer":
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
        return self._worker.request(prepare, Prepared, doing=doing, seconds=ANSWER_SECONDS)

    def shortage(self, prepared: Prepared) -> str:
        """Why a comparison's time is too short for the prepared network. Empty if it is long enough."""
        seconds = least_seconds_per_sample(prepared)
        return too_short(self._seconds, seconds, self._option) if _FEWEST_SAMPLES * seconds > self._seconds else ""

    def compare(self, reference: Network, candidate: Network, tolerance: float) -> Comparison:
        """Whether the candidate is slower than the reference by more than ``tolerance``, a fraction of the reference.

        Raises ``WorkerError`` if one of them cannot run, or if the measuring process crashes on it.
        """
        start, seed = time.monotonic(), random.SystemRandom().getrandbits(32)
        self._comparisons += 1
        samplers = [PairSampler(self._worker, reference, candidate, self._seconds)]
        first = decision = self._decide(samplers[0], tolerance, seed, is_first=True)
        # A fault of one process, or of its memory layout, must not break a build.
        while first.outcome is Outcome.REGRESSED and len(samplers) <= _CONFIRMATIONS:
            self._worker.close()
            self._worker, self._successor = self._successor, self._worker
            samplers.append(PairSampler(self._worker, reference, candidate, self._seconds))
            again = self._decide(samplers[-1], tolerance, seed + len(samplers))
            decision = confirm(first, again)
            if not is_undecided(again, tolerance):
                break
        conditions = [unit for sampler in samplers for unit in sampler.conditions]
        return Comparison(
            decision=decision,
            seconds=time.monotonic() - start,
            conditions=Conditions.over(conditions) if conditions else None,
            samples=tuple(
                msgspec.structs.replace(sample, process=process)
                for process, sampler in enumerate(samplers, 1)
                for sample in sampler.samples
            ),
            seed=seed,
            processes=len(samplers),
            run_as=candidate.run_as,
            notes=samplers[0].notes,
        )

    def _decide(self, sampler: PairSampler, tolerance: float, seed: int, *, is_first: bool = False) -> Decision:
        start, schedule = time.monotonic(), units(seed)
        test = SequentialTest(tolerance, alpha=alpha_of(self._comparisons, self._error_share))
        if sampler.least_seconds_per_sample > self._seconds:
            return test.stop(too_short(self._seconds, sampler.least_seconds_per_sample, self._option))
        while True:
            sample = sampler.sample(schedule)
            if is_first and sample > math.log1p(tolerance):
                with suppress(WorkerError):  # if it is needed after all, it is started then
                    self._successor.launch()  # imports MXNet on another core while this process goes on
            decision = test.add(sample)
            sampler.keep(test.interval())
            if decision is not None:
                return decision
            elapsed = time.monotonic() - start
            allowance = Allowance(self._seconds, sampler.cpu_seconds, elapsed, len(sampler.samples))
            self._progress(f"{'timing' if is_first else 'confirming'} {sampler.name}: {allowance.progress()}")
            if allowance.is_used_up:
                return test.stop(allowance.too_short(self._option, test.samples_to_decide()))

    def subnormal(self, network: Network) -> Inspected:
        """Where in the network outputs become subnormal. Raises ``WorkerError``."""
        doing = f"it looked into {network.name}"
        return self._worker.request(Inspect(network), Inspected, doing=doing, seconds=ANSWER_SECONDS)

    def profile(self, *networks: Network) -> Tuple[NetworkProfile, ...]:
        """The times of the layers of one network, or of two in turns. Raises ``WorkerError``.

        If two networks have just been compared, the same process measures them.
        """
        name = networks[-1].name
        self._progress(f"timing the layers of {name}: about {_LAYERS_CPU_SECONDS:.0f} s")
        most = max(_LAYERS_CPU_SECONDS, self._seconds)
        profile = Profile(networks, _LAYERS_CPU_SECONDS, most_cpu_seconds=most)
        doing = f"it timed the layers of {name}"
        return self._worker.request(profile, Profiled, doing=doing, seconds=ANSWER_SECONDS).networks

    def peaks(self) -> Peaks:
        """The peak rates of one core of this processor, measured once. Raises ``WorkerError``."""
        if self._peaks is None:
            doing = "it measured what the processor can do"
            self._peaks = self._worker.request(MeasurePeaks(), MeasuredPeaks, doing=doing, seconds=ANSWER_SECONDS).peaks
        return self._peaks
