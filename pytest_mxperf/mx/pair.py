"""Two networks side by side, timed in turns: the reference and the candidate of a latency gate.

Runs in the measuring process, which has one thread and the synchronous engine, so that CPU time is the network's own.
"""

import gc
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from pytest_mxperf.errors import ModelError
from pytest_mxperf.graph import Node
from pytest_mxperf.latency.schedule import Unit, round_orders
from pytest_mxperf.mx.activations import Activations, look_into
from pytest_mxperf.mx.analysis import Analysis, analyse
from pytest_mxperf.mx.example_file import read_example
from pytest_mxperf.mx.figures import Figures
from pytest_mxperf.mx.look import TAILED
from pytest_mxperf.mx.model import model_from_json
from pytest_mxperf.mx.runtime import array_semantics, mx, reason
from pytest_mxperf.mx.synthetic import Key, SyntheticValues
from pytest_mxperf.mx.weights import read_values
from pytest_mxperf.spec import InputSpec

__all__ = ["Pair", "Rounds", "Side"]

Forward = Callable[[], None]

# The first forward of a binding allocates memory, chooses kernels and reorders weights: 1.3 to 5 times slower. Those
# that follow are slower by a few percent for a millisecond or two.
_WARM_UP_ROUNDS = 3
_WARM_UP_CPU_SECONDS = 0.05
"""No further round begins after that."""

_EXAMPLE = 'mxperf_model(..., example="inputs.npz")'


class Rounds(NamedTuple):
    """CPU time of single forwards, in seconds, two of each side per round, in the order of the rounds."""

    reference: List[Tuple[float, float]]
    candidate: List[Tuple[float, float]]


class Side:
    """One of the two networks. ``weights``, by name, replace synthetic parameters where they are given, and
    ``inputs`` synthetic inputs."""

    def __init__(
        self,
        analysis: Analysis,
        weights: Optional[Mapping[str, Any]] = None,
        inputs: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self.analysis = analysis
        self.synthetic = SyntheticValues(analysis, inputs)
        self.activations = Activations()
        self._weights = weights or {}

    @classmethod
    def of(
        cls,
        name: str,
        symbol_json: str,
        inputs: Mapping[str, InputSpec],
        params_path: Optional[str],
        example_path: Optional[str] = None,
    ) -> "Side":
        """Raises ``ModelError`` if the graph cannot be loaded, its shapes cannot be inferred, or the example's arrays
        are not what it reads."""
        analysis = analyse(model_from_json(name, symbol_json, inputs))
        return cls(
            analysis,
            None if params_path is None else read_values(Path(params_path)),
            None if example_path is None else read_example(Path(example_path), analysis),
        )

    @property
    def has_weights(self) -> bool:
        """Whether its parameters are the user's."""
        return bool(self._weights)

    def look(self, like: "Side") -> None:
        """Brings synthetic values into range, beginning with those of the other side where both compute alike."""
        self.synthetic.adopt(like.synthetic)
        if not self.has_weights:  # whatever those bring about, they are the user's
            self.activations = look_into(self.analysis, self.synthetic)

    def bind(self, buffers: Dict[Key, Any], symbol: Any = None) -> Any:
        """A fresh executor, whose variables take the buffers of their kind where the other side has made them.

        Where both sides compute alike they then read the same weights from the same place. ``symbol`` is for other
        outputs than the network's.
        """
        model = self.analysis.model
        symbol = model.symbol if symbol is None else symbol
        values = {name: self._value(name, key, buffers) for name, key in self.synthetic.variables()}
        with array_semantics(numpy_shapes=model.numpy_shapes):
            try:
                return symbol.bind(
                    mx.cpu(),
                    {name: values[name] for name in symbol.list_arguments()},
                    grad_req="null",
                    aux_states={name: values[name] for name in symbol.list_auxiliary_states()},
                )
            except mx.MXNetError as error:
                raise ModelError(f"{model.name}: MXNet cannot bind the model: {reason(error)}") from None

    def _value(self, name: str, key: Key, buffers: Dict[Key, Any]) -> Any:
        if name in self._weights:
            return self._weights[name].copy()
        if key not in buffers:
            buffers[key] = self.synthetic.make(name, key)
        return buffers[key]

    def first_subnormal_layer(self) -> Optional[str]:
        """The first operator of which at least 1 in 1,000 numbers are subnormal, slow to compute with on many CPUs.

        Not those of half precision, which a CPU computes in single. Runs the network once, with all outputs in memory.
        """
        internals = self.analysis.model.symbol.get_internals()
        nodes = (internals[name] for name in internals.list_outputs())
        tails = {node.name for node in self._heads() if node.op in TAILED}
        outputs = [node for node in nodes if node.list_inputs() != [node.name] and node.name not in tails]
        if not outputs:
            return None
        with _nothing_fused():
            executor = self.bind({}, mx.sym.Group(outputs))
        values = self._forward(executor)
        return next(
            (node.name for node, value in zip(outputs, values) if Figures.of(value.asnumpy()).is_subnormal), None
        )

    def check(self, executor: Any) -> None:
        """Runs it once. Raises ``ModelError`` where outputs are such that no time could be trusted."""
        name = self.analysis.model.name
        outputs = [output.asnumpy() for output in self._forward(executor)]
        if self.has_weights:
            return  # whatever they are, they are the user's
        if not all(np.isfinite(output).all() for output in outputs if output.dtype.kind == "f"):
            raise ModelError(self._refusal(name, "not finite"))
        if any(
            node.op not in TAILED and Figures.of(output).is_subnormal for node, output in zip(self._heads(), outputs)
        ):
            raise ModelError(self._refusal(name, "subnormal"))

    def _refusal(self, name: str, kind: str) -> str:
        since = self.activations.since(kind)
        return (
            f"{name}: with synthetic weights its outputs are {kind}{since}; its speed tells nothing; "
            f"give it real inputs: {_EXAMPLE}"
        )

    def _heads(self) -> List[Node]:
        return [self.analysis.graph.nodes[index] for index, _ in self.analysis.graph.heads]

    def _forward(self, executor: Any) -> Any:
        try:
            return executor.forward(is_train=False)
        except mx.MXNetError as error:
            raise ModelError(f"{self.analysis.model.name}: MXNet cannot run the model: {reason(error)}") from None


@contextmanager
def _nothing_fused() -> Iterator[None]:
    """What is fused has no outputs in between, and MXNet cannot bind all of them at once."""
    variable = "MXNET_SUBGRAPH_BACKEND"
    before = os.environ.get(variable, "")
    os.environ[variable] = "NONE"
    try:
        yield
    finally:
        os.environ[variable] = before


class Pair:
    """Binds both sides afresh for each unit, and times them."""

    def __init__(self, reference: Side, candidate: Side) -> None:
        self._sides = (reference, candidate)

    def check(self) -> float:
        """Runs both once, and returns the CPU seconds that it took; first forwards are slower than later ones.

        Raises ``ModelError`` where outputs are not finite or subnormal, which no time could be trusted of.
        """
        self._look()
        executors = self._bind(reference_first=True)
        start = time.process_time()
        for side, executor in zip(self._sides, executors):
            side.check(executor)
        return time.process_time() - start

    def _look(self) -> None:
        """Brings the synthetic values of both into range, equal layers to equal ones."""
        first, second = sorted(self._sides, key=lambda side: side.has_weights)
        first.look(first)
        second.look(first)

    @property
    def notes(self) -> Tuple[str, ...]:
        """What ``check`` has found that is not as in a real network."""
        names = (side.analysis.model.name for side in self._sides)
        found = (f"{name}: {note}" for name, side in zip(names, self._sides) for note in side.activations.notes)
        return tuple(dict.fromkeys(found))

    def measure(self, unit: Unit, cpu_seconds: float) -> Rounds:
        """Rounds of a fresh pair of bindings: one, and more until they have taken so much CPU time."""
        reference, candidate = map(_Forward, self._bind(unit.reference_first))
        with _without_garbage_collection():
            _warm_up(*((reference, candidate) if unit.reference_first else (candidate, reference)))
            return _timed(reference, candidate, round_orders(unit.seed), cpu_seconds)

    def _bind(self, reference_first: bool) -> Tuple[Any, Any]:
        """An executor of each side."""
        order = self._sides if reference_first else self._sides[::-1]
        buffers: Dict[Key, Any] = {}
        executors = [side.bind(buffers) for side in order]
        reference, candidate = executors if reference_first else executors[::-1]
        return reference, candidate


class _Forward:
    """One synchronized forward pass of an executor: every output fetched."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    def __call__(self) -> None:
        for output in self._executor.forward(is_train=False):
            output.asnumpy()


def _warm_up(first: Forward, second: Forward) -> None:
    end = time.process_time() + _WARM_UP_CPU_SECONDS
    first()
    second()
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
