"""One network of a latency gate: its values, how it is bound, and whether its time can be trusted."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from pytest_mxperf.cost.params import INPUT_ROLES
from pytest_mxperf.errors import ModelError
from pytest_mxperf.graph import Node
from pytest_mxperf.mx.activations import Activations, look_into
from pytest_mxperf.mx.analysis import Analysis, analyse
from pytest_mxperf.mx.buffers import Buffers, Variables
from pytest_mxperf.mx.example_file import read_example
from pytest_mxperf.mx.executors import Binding, Forward, bind
from pytest_mxperf.mx.failures import explained
from pytest_mxperf.mx.figures import Figures
from pytest_mxperf.mx.look import TAILED
from pytest_mxperf.mx.model import model_from_json
from pytest_mxperf.mx.plan import Plan, fusing, plan
from pytest_mxperf.mx.runtime import array_semantics, mx
from pytest_mxperf.mx.synthetic import Key
from pytest_mxperf.mx.weights import as_module_sets, read_values
from pytest_mxperf.spec import InputSpec, RunAs

__all__ = ["Side"]

_EXAMPLE = 'example="inputs.npz"'


class Side:
    """One network of a pair. ``weights`` and ``inputs``, by name, replace synthetic values."""

    def __init__(
        self,
        analysis: Analysis,
        weights: Optional[Mapping[str, Any]] = None,
        run_as: Optional[RunAs] = None,
        inputs: Optional[Mapping[str, Any]] = None,
    ) -> None:
        _check_storage(analysis)
        self.analysis = analysis
        self.name = analysis.model.name
        self._weights = {} if weights is None else as_module_sets(weights, analysis)
        self._variables = Variables(analysis, self._weights, inputs)
        self.synthetic = self._variables.synthetic
        self.activations = Activations()
        self._run_as = run_as or RunAs()
        self._fed = {analysis.graph.nodes[index].name for index in analysis.variables(*INPUT_ROLES)}
        self._symbol = analysis.model.symbol
        self._is_fused_already = False
        self._plan: Optional[Plan] = None

    @classmethod
    def of(
        cls,
        name: str,
        symbol_json: str,
        inputs: Mapping[str, InputSpec],
        params_path: Optional[str] = None,
        run_as: Optional[RunAs] = None,
        example_path: Optional[str] = None,
    ) -> "Side":
        """Raises ``ModelError`` if the graph cannot be loaded, its shapes cannot be inferred, or the example does not
        fit."""
        analysis = analyse(model_from_json(name, symbol_json, inputs))
        weights = None if params_path is None else read_values(Path(params_path))
        return cls(
            analysis, weights, run_as, None if example_path is None else read_example(Path(example_path), analysis)
        )

    @property
    def has_weights(self) -> bool:
        """Whether the parameters have the user's values."""
        return bool(self._weights)

    def look(self, like: "Side") -> None:
        """Brings synthetic values into range. Layers that ``like`` has too start from its values."""
        self.synthetic.adopt(like.synthetic)
        if not self.has_weights:  # the user's weights are not changed
            self.activations = look_into(self.analysis, self.synthetic)

    def plan(self) -> Plan:
        """MXNet's plan for the network. Raises ``ModelError`` if MXNet cannot bind the network."""
        if self._plan is None:
            try:
                self._plan = plan(self.analysis, self._run_as)
            except mx.MXNetError as error:
                raise self._failure("bind", error) from None
        return self._plan

    def follow(self, chosen: Plan) -> None:
        """From now on binds as the plan says: fuses only its fused layers, and shares the weights that they copy."""
        if chosen.graph is not self.plan().graph:
            self._symbol, self._is_fused_already = mx.sym.load_json(chosen.graph.to_json()), True
        self._plan = chosen
        self._variables.follow(chosen)

    def buffer_bytes(self) -> Dict[Key, int]:
        """The bytes of each array that ``bind`` needs, by its key, from the plan."""
        return self._variables.bytes(self.plan().sizes)

    def bind(self, buffers: Optional[Buffers] = None) -> Binding:
        """A fresh binding. Its variables reuse the arrays that the other side has put into ``buffers``.

        So equal layers of both sides read the same weights from the same place. Raises ``ModelError``.
        """
        values = self.values(buffers or Buffers())
        if not self._is_fused_already:
            return self._bind(self._symbol, values, self._run_as)
        with fusing("NONE"):
            return self._bind(self._symbol, values, self._run_as)

    def _bind(self, symbol: Any, values: Mapping[str, Any], run_as: RunAs) -> Binding:
        numpy_shapes = self.analysis.model.numpy_shapes
        try:
            return bind(symbol, values, run_as, inputs=self._fed, numpy_shapes=numpy_shapes)
        except mx.MXNetError as error:
            raise self._failure("bind", error) from None

    def values(self, buffers: Buffers) -> Dict[str, Any]:
        """An ``NDArray`` for each variable: the network's own weights, or synthetic values, which go into buffers."""
        return self._variables.arrays(buffers)

    def run_unfused(self, outputs: Sequence[Any], zero_below: float = 0) -> List[Any]:
        """The values of these outputs of the symbol's internals, from one run without fusion, all in memory at once.

        The network's own weights of magnitude below ``zero_below`` are 0. Raises ``ModelError`` if MXNet cannot run the
        network.
        """
        values = self.values(Buffers())
        if zero_below:
            with array_semantics(numpy_shapes=self.analysis.model.numpy_shapes):
                values.update({name: _without_tiny(values[name], zero_below) for name in self._weights})
        with fusing("NONE"):
            return self.run(self._bind(mx.sym.Group(list(outputs)), values, RunAs()).forward)

    def zero_below(self) -> Optional[float]:
        """The least of a few magnitudes such that no operator has subnormal outputs if all smaller weights are 0.

        None if there is none: then tiny weights are not the cause.
        """
        return next((limit for limit in _TINY if self.first_subnormal_layer(limit) is None), None)

    def first_subnormal_layer(self, zero_below: float = 0) -> Optional[str]:
        """The first operator with at least 1 subnormal output in 1,000, which makes many CPUs slow.

        The network's own weights of magnitude below ``zero_below`` are 0. Without half precision, which a CPU
        computes in single. Runs the network once, with all outputs in memory.
        """
        internals = self.analysis.model.symbol.get_internals()
        nodes = (internals[place] for place in range(len(internals.list_outputs())))  # two may have one name
        tails = {node.name for node in self._heads() if node.op in TAILED}
        outputs = [node for node in nodes if node.list_inputs() != [node.name] and node.name not in tails]
        if not outputs:
            return None
        values = self.run_unfused(outputs, zero_below)
        return next((node.name for node, value in zip(outputs, values) if Figures.of(value).is_subnormal), None)

    def check(self, forward: Forward) -> None:
        """Runs the network once. Raises ``ModelError`` for outputs that are subnormal or not finite, which distort its
        time."""
        outputs = self.run(forward)
        if self.has_weights:
            return  # the user's weights have these outputs in production too
        if not all(np.isfinite(output).all() for output in outputs if output.dtype.kind == "f"):
            raise self._refusal("not finite")
        heads = [node for node, output in zip(self._heads(), outputs) if Figures.of(output).is_subnormal]
        if any(node.op not in TAILED for node in heads):
            raise self._refusal("subnormal")

    def _refusal(self, kind: str) -> ModelError:
        return ModelError(
            f"{self.name}: with synthetic weights its outputs are {kind}{self.activations.since(kind)}; its speed "
            f"means nothing; give it real inputs: {_EXAMPLE}"
        )

    def _heads(self) -> List[Node]:
        return [self.analysis.graph.nodes[index] for index, _ in self.analysis.graph.heads]

    def _failure(self, doing: str, error: Exception) -> ModelError:
        return ModelError(f"{self.name}: MXNet cannot {doing} the model: {explained(error, self.analysis)}")

    def run(self, forward: Forward) -> List[Any]:
        """The outputs of one forward pass. Raises ``ModelError`` if MXNet cannot run the network."""
        try:
            return forward()
        except mx.MXNetError as error:
            raise ModelError(
                f"{self.analysis.model.name}: MXNet cannot run the model: {explained(error, self.analysis)}"
            ) from None


def _without_tiny(value: Any, limit: float) -> Any:
    return value * (value.abs() >= limit) if np.dtype(value.dtype).kind == "f" else value


_TINY = (1e-35, 1e-30, 1e-25, 1e-20, 1e-15, 1e-10)
"""Weights below any of these magnitudes do next to nothing beside weights of an ordinary size."""

_STORAGES = {"1": "row_sparse", "2": "csr"}
"""MXNet's numbers for storage that is not dense."""


def _check_storage(analysis: Analysis) -> None:
    """Raises ``ModelError`` for a variable that is not dense: a dense array in its place would have another speed."""
    for index, role in analysis.roles.items():
        node = analysis.graph.nodes[index]
        storage = node.attrs.get("__storage_type__", "0")
        if storage not in ("0", "-1"):
            name, what = analysis.model.name, "input" if role in INPUT_ROLES else "parameter"
            stored = _STORAGES.get(storage, storage)
            raise ModelError(
                f"{name}: {what} {node.name!r} is stored as {stored}; the gate can only make dense {what}s"
            )
