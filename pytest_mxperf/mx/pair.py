"""Two networks side by side, timed in turns: the reference and the candidate of a latency gate.

Runs in the measuring process, which has one thread and the synchronous engine, so that CPU time is the network's own.
"""

import gc
import time
from contextlib import contextmanager
from typing import Iterator, List, NamedTuple, Tuple

from pytest_mxperf.latency.schedule import Unit, round_orders
from pytest_mxperf.mx.buffers import Buffers
from pytest_mxperf.mx.executors import Binding, Forward
from pytest_mxperf.mx.headroom import as_ever, large_blocks_apart
from pytest_mxperf.mx.memory import make_room, plan_both, refuse_what_cannot_fit
from pytest_mxperf.mx.side import Side

__all__ = ["Pair", "Rounds", "Side"]

# The first forward of a binding allocates memory, chooses kernels and reorders weights: 1.3 to 5 times slower. Those
# that follow are slower by a few percent for a millisecond or two.
_WARM_UP_ROUNDS = 3
_WARM_UP_CPU_SECONDS = 0.05
"""No warm-up round begins later than this after the first forward."""
_LARGE_BYTES = 512 << 20
"""From here on a pair gets ``large_blocks_apart``, which saves memory and makes binding a fifth slower."""


class Rounds(NamedTuple):
    """CPU time of single forwards, in seconds, two of each side per round, in the order of the rounds."""

    reference: List[Tuple[float, float]]
    candidate: List[Tuple[float, float]]


class Pair:
    """Binds both sides afresh for each unit, and times them."""

    def __init__(self, reference: Side, candidate: Side) -> None:
        self.sides = (reference, candidate)
        self._buffers = Buffers()
        self._binding = as_ever
        self.notes: Tuple[str, ...] = ()
        """After ``check``: how the pair differs from production, in how it runs and in its numbers."""
        self.forward_cpu_seconds = 0.0
        """After ``check``: the CPU seconds of one forward of each side, added up."""

    def check(self) -> float:
        """Runs both sides twice, and returns the CPU seconds of the second forwards. First ones can take ten times as
        long.

        Raises ``ModelError`` if the sides do not fit into memory, or if outputs are subnormal or not finite, because
        then the times cannot be trusted.
        """
        refuse_what_cannot_fit(self.sides)
        run_otherwise = plan_both(self.sides)
        self._look()  # after plan_both, because the synthetic values depend on the plan
        self.notes = (*run_otherwise, *self._seen())
        self._binding = large_blocks_apart if make_room(self.sides) >= _LARGE_BYTES else as_ever
        with self._binding() as give_back:
            forwards = self._bind(reference_first=True)
            for side, forward in zip(self.sides, forwards):
                give_back()
                side.check(forward)
        start = time.process_time()
        for forward in forwards:
            forward()
        self.forward_cpu_seconds = time.process_time() - start
        return self.forward_cpu_seconds

    def _look(self) -> None:
        """Brings the synthetic values of both sides into range. Equal layers get equal values."""
        first, second = sorted(self.sides, key=lambda side: side.has_weights)
        first.look(first)
        second.look(first)

    def _seen(self) -> Tuple[str, ...]:
        """How the activations differ from those of a real network."""
        names = (side.analysis.model.name for side in self.sides)
        found = (f"{name}: {note}" for name, side in zip(names, self.sides) for note in side.activations.notes)
        return tuple(dict.fromkeys(found))

    def measure(self, unit: Unit, cpu_seconds: float) -> Rounds:
        """Times rounds of a fresh pair of bindings, at least one, until they have taken this much CPU time."""
        with _without_garbage_collection():
            with self._binding() as give_back:
                reference, candidate = self._bind(unit.reference_first)
                first, second = (reference, candidate) if unit.reference_first else (candidate, reference)
                end = time.process_time() + _WARM_UP_CPU_SECONDS
                first()
                give_back()
                second()
            _warm_up(first, second, end)
            return _timed(reference, candidate, round_orders(unit.seed), cpu_seconds)

    def _bind(self, reference_first: bool) -> Tuple[Forward, Forward]:
        reference, candidate = self.bind(reference_first)
        return reference.forward, candidate.forward

    def bind(self, reference_first: bool = True) -> Tuple[Binding, Binding]:
        """A fresh binding of each side, the reference's and the candidate's."""
        order = self.sides if reference_first else self.sides[::-1]
        buffers = self._buffers.renewed()
        bindings = [side.bind(buffers) for side in order]
        reference, candidate = bindings if reference_first else bindings[::-1]
        return reference, candidate


def _warm_up(first: Forward, second: Forward, end: float) -> None:
    for _ in range(_WARM_UP_ROUNDS):
        if time.process_time() > end:
            break
        for forward in (first, second, second, first):
            forward()


def _timed(reference: Forward, candidate: Forward, orders: Iterator[bool], cpu_seconds: float) -> Rounds:
    rounds = Rounds([], [])
    clock = time.process_time
    end = clock() + cpu_seconds
    while clock() < end or not rounds.reference:
        outer, inner = (reference, candidate) if next(orders) else (candidate, reference)
        times = [clock()]
        for forward in (outer, inner, inner, outer):
            forward()
            times.append(clock())
        begin, one, two, three, last = times
        outside, inside = (one - begin, last - three), (two - one, three - two)
        rounds.reference.append(outside if outer is reference else inside)
        rounds.candidate.append(inside if outer is reference else outside)
    return rounds


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
