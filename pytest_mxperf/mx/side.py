"""One of the two networks of a latency gate: its values, how it is bound, and whether its time can be trusted."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import numpy as np

from pytest_mxperf.cost.params import FED
from pytest_mxperf.errors import ModelError
from pytest_mxperf.graph import Node
from pytest_mxperf.mx.analysis import Analysis, analyse
from pytest_mxperf.mx.executors import Forward, bind
from pytest_mxperf.mx.failures import explained
from pytest_mxperf.mx.model import model_from_json
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.mx.synthetic import Key, SyntheticValues
from pytest_mxperf.mx.weights import as_module_sets, read_values
from pytest_mxperf.spec import InputSpec, RunAs

__all__ = ["Side"]

_SUBNORMAL_SHARE = 0.001
_VANISHING = ("softmax", "softmin", "SoftmaxOutput", "SoftmaxActivation", "exp", "sigmoid", "Activation")
"""What has a tail of subnormal numbers for inputs that are not. As an output it slows nothing down."""


class Side:
    """A network. ``weights``, by name, replace synthetic parameters where they are given."""

    def __init__(
        self, analysis: Analysis, weights: Optional[Mapping[str, Any]] = None, run_as: Optional[RunAs] = None
    ) -> None:
        _check_storage(analysis)
        self.analysis = analysis
        self.synthetic = SyntheticValues(analysis)
        self._weights = {} if weights is None else as_module_sets(weights, analysis)
        self._run_as = run_as or RunAs()
        self._fed = {analysis.graph.nodes[index].name for index in analysis.variables(*FED)}

    @classmethod
    def of(
        cls,
        name: str,
        symbol_json: str,
        inputs: Mapping[str, InputSpec],
        params_path: Optional[str] = None,
        run_as: Optional[RunAs] = None,
    ) -> "Side":
        """Raises ``ModelError`` if the graph cannot be loaded or its shapes cannot be inferred."""
        analysis = analyse(model_from_json(name, symbol_json, inputs))
        return cls(analysis, None if params_path is None else read_values(Path(params_path)), run_as)

    def bind(self, buffers: Dict[Key, Any]) -> Forward:
        """A fresh binding, whose variables take the buffers of their kind where the other side has made them.

        Where both sides compute alike they then read the same weights from the same place. Raises ``ModelError``.
        """
        return self._bind(self.analysis.model.symbol, buffers, self._run_as)

    def _bind(self, symbol: Any, buffers: Dict[Key, Any], run_as: RunAs) -> Forward:
        model = self.analysis.model
        values = self.values(buffers)
        try:
            forward = bind(symbol, values, run_as, inputs=self._fed, numpy_shapes=model.numpy_shapes)
        except mx.MXNetError as error:
            raise ModelError(f"{model.name}: MXNet cannot bind the model: {explained(error, self.analysis)}") from None
        return forward

    def values(self, buffers: Dict[Key, Any]) -> Dict[str, Any]:
        """An ``NDArray`` for each variable: the network's own weights, and synthetic values, which go into buffers."""
        return {name: self._value(name, key, buffers) for name, key in self.synthetic.variables()}

    def _value(self, name: str, key: Key, buffers: Dict[Key, Any]) -> Any:
        if name in self._weights:
            value = self._weights[name]
            return value.copy() if np.dtype(value.dtype).kind in "iu" else value  # quantized layers rescale theirs
        if key not in buffers:
            buffers[key] = self.synthetic.make(name, key)
        return buffers[key]

    def run_unfused(self, outputs: Sequence[Any]) -> List[Any]:
        """Runs the network once, unfused, for the values of these outputs of its internals, all in memory at once.

        Raises ``ModelError`` if MXNet cannot run it.
        """
        with _nothing_fused():
            return self._run(self._bind(mx.sym.Group(list(outputs)), {}, RunAs()))

    def first_subnormal_layer(self) -> Optional[str]:
        """The first operator of which at least 1 in 1,000 numbers are subnormal, slow to compute with on many CPUs.

        Not those of half precision, which a CPU computes in single. Runs the network once, with all outputs in memory.
        """
        internals = self.analysis.model.symbol.get_internals()
        nodes = (internals[name] for name in internals.list_outputs())
        tails = {node.name for node in self._heads() if node.op in _VANISHING}
        outputs = [node for node in nodes if node.list_inputs() != [node.name] and node.name not in tails]
        if not outputs:
            return None
        values = self.run_unfused(outputs)
        return next((node.name for node, value in zip(outputs, values) if _is_subnormal(value)), None)

    def check(self, forward: Forward) -> None:
        """Runs it once. Raises ``ModelError`` where outputs are such that no time could be trusted."""
        name, has_weights = self.analysis.model.name, bool(self._weights)
        outputs = self._run(forward)
        if has_weights:
            return  # whatever they are, they are the user's
        if not all(np.isfinite(output).all() for output in outputs if output.dtype.kind == "f"):
            raise ModelError(f"{name}: with synthetic weights its outputs are not finite; its speed tells nothing")
        if any(node.op not in _VANISHING and _is_subnormal(output) for node, output in zip(self._heads(), outputs)):
            raise ModelError(f"{name}: with synthetic weights its outputs are subnormal; its speed tells nothing")

    def _heads(self) -> List[Node]:
        return [self.analysis.graph.nodes[index] for index, _ in self.analysis.graph.heads]

    def _run(self, forward: Forward) -> List[Any]:
        try:
            return forward()
        except mx.MXNetError as error:
            raise ModelError(
                f"{self.analysis.model.name}: MXNet cannot run the model: {explained(error, self.analysis)}"
            ) from None


_STORAGES = {"1": "row_sparse", "2": "csr"}
"""MXNet's numbers for what is not dense."""


def _check_storage(analysis: Analysis) -> None:
    """Raises ``ModelError`` for a variable that is not dense: bound as a dense one, another network would be timed."""
    for index, role in analysis.roles.items():
        node = analysis.graph.nodes[index]
        storage = node.attrs.get("__storage_type__", "0")
        if storage not in ("0", "-1"):
            name, what = analysis.model.name, "input" if role in FED else "parameter"
            stored = _STORAGES.get(storage, storage)
            raise ModelError(
                f"{name}: {what} {node.name!r} is stored as {stored}; the gate can only make dense {what}s"
            )


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


def _is_subnormal(output: Any) -> bool:
    if output.dtype.kind != "f" or output.itemsize < 4 or not output.size:
        return False
    magnitudes = np.abs(output)
    subnormal = (magnitudes > 0) & (magnitudes < np.finfo(output.dtype).tiny)
    return bool(subnormal.mean() >= _SUBNORMAL_SHARE)
