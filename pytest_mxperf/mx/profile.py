"""How long each layer takes. MXNet calls back after every operator. The time between two calls is an operator's time.

The first call comes after the first operator. The time that MXNet itself spends around a call is calibrated on a chain
of tiny operators, and subtracted from each layer.
"""

import time
from collections import Counter, defaultdict
from functools import lru_cache
from statistics import median
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX
from pytest_mxperf.errors import ModelError
from pytest_mxperf.graph import Graph, Node, operators_by_name
from pytest_mxperf.mx.executors import Binding, bind_executor
from pytest_mxperf.mx.monitor import Note, Notes
from pytest_mxperf.mx.pair import Pair
from pytest_mxperf.mx.plan import fusing
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.profile.values import LayerTime, NetworkProfile

__all__ = ["profile_one", "profile_pair"]

_BINDINGS = 3
"""How many fresh bindings are timed, because each has its own speed."""
_WARM_UP_CPU_SECONDS = 0.05
_FEWEST_ROUNDS = 3
_CHAIN = 100
_COMPUTING = traits.PRODUCTS | traits.WEIGHT_AT.keys()
"""A fused operator gets the name of the first of these operators in it, if there is one."""

Seconds = Dict[int, float]
"""Seconds by index of the node that MXNet runs; -1 for an unknown node."""


def profile_pair(pair: Pair, cpu_seconds: float, most_cpu_seconds: float) -> Tuple[NetworkProfile, NetworkProfile]:
    """The layers of the reference and of the candidate of a checked pair, timed in turns.

    ``cpu_seconds`` is for all forwards together. A slow network takes more. Raises ``ModelError`` if it would take more
    than ``most_cpu_seconds`` or cannot be bound, and ``MXNetError`` if it cannot run.
    """
    _refuse_what_takes_too_long(2 * pair.forward_cpu_seconds, most_cpu_seconds)
    seconds_around_a_call()  # before anything is timed
    reference, candidate = (_Timer(side.plan().graph) for side in pair.sides)
    for turn in range(_BINDINGS):
        plain, watched = (pair.bind(reference_first=turn % 2 == 0) for _ in ("plain", "watched"))
        rounds = _Rounds(reference, plain[0], watched[0]), _Rounds(candidate, plain[1], watched[1])
        _in_turns(rounds, cpu_seconds / _BINDINGS)
        for each in rounds:
            each.end()
    return reference.profile(), candidate.profile()


def profile_one(pair: Pair, cpu_seconds: float, most_cpu_seconds: float) -> Tuple[NetworkProfile]:
    """The layers of a network that is both sides of the pair: one side runs plain, the other with callbacks."""
    _refuse_what_takes_too_long(pair.forward_cpu_seconds, most_cpu_seconds)
    seconds_around_a_call()  # before anything is timed
    timer = _Timer(pair.sides[0].plan().graph)
    for turn in range(_BINDINGS):
        rounds = _Rounds(timer, *pair.bind(reference_first=turn % 2 == 0))
        _in_turns((rounds,), cpu_seconds / _BINDINGS)
        rounds.end()
    return (timer.profile(),)


def _refuse_what_takes_too_long(round_cpu_seconds: float, most_cpu_seconds: float) -> None:
    """Raises ``ModelError``. A round runs each network once plain and once with callbacks."""
    seconds = _BINDINGS * (1 + _FEWEST_ROUNDS) * round_cpu_seconds  # with one round to warm up
    if seconds > most_cpu_seconds:
        raise ModelError(f"its layers would take {seconds:.0f} s to time, and there are {most_cpu_seconds:g} s")


def _in_turns(sides: "Tuple[_Rounds, ...]", cpu_seconds: float) -> None:
    for side in sides:
        side.warm_up()
    end, rounds = time.process_time() + cpu_seconds, 0
    while rounds < _FEWEST_ROUNDS or time.process_time() < end:
        for side in sides if rounds % 2 == 0 else sides[::-1]:
            side.run(plain_first=rounds % 4 < 2)
        rounds += 1


class _Rounds:
    """Forwards of two bindings of one side, with callbacks and without, in turns under the same conditions."""

    def __init__(self, timer: "_Timer", plain: Binding, watched: Binding) -> None:
        self._timer, self._plain, self._watched = timer, plain.forward, watched.forward
        self._notes = Notes()
        watched.watch(self._notes)
        self._plain_rounds: List[float] = []
        self._layer_rounds: List[Seconds] = []
        self._output_rounds: List[float] = []

    def warm_up(self) -> None:
        end = time.process_time() + _WARM_UP_CPU_SECONDS
        while True:
            self._plain()
            self._watched()
            if time.process_time() > end:
                break
        self._notes.taken()

    def run(self, plain_first: bool) -> None:
        for step in (self._run, self._run_watched) if plain_first else (self._run_watched, self._run):
            step()

    def _run(self) -> None:
        start = time.process_time()
        self._plain()
        self._plain_rounds.append(time.process_time() - start)

    def _run_watched(self) -> None:
        start = time.process_time()
        self._watched()
        end, notes = time.process_time(), self._notes.taken()
        self._layer_rounds.append(seconds_by_node(notes, start, self._timer.place, seconds_around_a_call()))
        self._output_rounds.append(end - notes[-1].ended if notes else 0.0)

    def end(self) -> None:
        places = dict.fromkeys(place for found in self._layer_rounds for place in found)
        layers = {place: median(found.get(place, 0.0) for found in self._layer_rounds) for place in places}
        self._timer.add(median(self._plain_rounds), layers, median(self._output_rounds), len(self._plain_rounds))


def seconds_by_node(
    notes: Sequence[Note], start: float, place: Callable[[str, int], int], around_a_call: float
) -> Seconds:
    """The seconds of each node in a forward that began at ``start``. A node has one note for each output.

    ``place`` gives the node of an output from its name, and how many outputs of this name came before: a Gluon block
    that is called twice has two nodes of one name.
    """
    found: Seconds = defaultdict(float)
    times: Counter[str] = Counter()
    for note in notes:
        found[place(note.output, times[note.output])] += note.called - start - around_a_call
        times[note.output] += 1
        start = note.ended
    return {index: max(0.0, seconds) for index, seconds in found.items()}


class _Timer:
    """Collects the times of one side's bindings."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._places = operators_by_name(graph.nodes)
        self._plain: List[float] = []
        self._layers: List[Seconds] = []
        self._outputs: List[float] = []
        self._rounds = 0

    def add(self, forward_seconds: float, layers: Seconds, output_seconds: float, rounds: int) -> None:
        self._plain.append(forward_seconds)
        self._layers.append(layers)
        self._outputs.append(output_seconds)
        self._rounds += rounds

    def profile(self) -> NetworkProfile:
        places = sorted({place for found in self._layers for place in found if place >= 0})
        layers = [
            layer_of(self._graph.nodes[place], median(found.get(place, 0.0) for found in self._layers))
            for place in places
        ]
        bindings = len(self._plain)
        rounds = self._rounds // bindings
        return NetworkProfile(tuple(layers), median(self._plain), bindings, rounds, median(self._outputs))

    def place(self, output: str, before: int) -> int:
        """The index of the output's node, or -1. Its name begins the output's: ``bn_output``, ``bn_mean``,
        ``split_output0``. ``before`` are the outputs of this name that came before: nodes run in the graph's order."""
        name = output
        while name not in self._places:
            name, separator, _ = name.rpartition("_")
            if not separator:
                return -1
        places = self._places[name]
        return places[min(before, len(places) - 1)]


def layer_of(node: Node, cpu_seconds: float) -> LayerTime:
    """The time of an executed operator, with the names of the user's layers that are fused in it."""
    inner = [each for graph in node.subgraphs for each in graph.nodes if not each.is_variable]
    if not node.op.startswith(FUSED_PREFIX) or not inner:
        return LayerTime(node.name, node.op, cpu_seconds, (node.name,))
    named = next((each for each in inner if each.op in _COMPUTING), inner[0])
    return LayerTime(named.name, named.op, cpu_seconds, tuple(each.name for each in inner))


@lru_cache(maxsize=None)
def seconds_around_a_call() -> float:
    """Seconds per call that MXNet spends on a callback outside of it, from a chain of operators on one number."""
    value = mx.sym.var("data")
    for _ in range(_CHAIN):
        value = mx.sym.negative(value)
    with fusing("NONE"):
        binding = bind_executor(value, {"data": mx.nd.ones((1,))})
    plain = _least_seconds(binding, None)
    notes = Notes()
    binding.watch(notes)
    return max(0.0, (_least_seconds(binding, notes) - plain) / _CHAIN)


def _least_seconds(binding: Binding, notes: Optional[Notes]) -> float:
    found = []
    for _ in range(20):
        start = time.process_time()
        binding.forward()
        seconds = time.process_time() - start
        found.append(seconds - sum(note.ended - note.called for note in (notes.taken() if notes else ())))
    return min(found)
