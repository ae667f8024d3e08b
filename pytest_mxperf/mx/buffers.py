"""The memory of a network's variables: its own weights, or synthetic values that both sides of a pair share."""

from typing import Any, Dict, FrozenSet, Mapping, Optional, Set

import numpy as np

from pytest_mxperf import traits
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.plan import Plan, variable_bytes
from pytest_mxperf.mx.runtime import array_semantics
from pytest_mxperf.mx.synthetic import Key, SyntheticValues, group_of, turn_of

__all__ = ["Buffers", "Variables"]

_LARGE_TABLE_BYTES = 64 << 20


class Buffers:
    """The synthetic arrays of a pair. An array that both sides read alike is made once.

    ``fresh`` arrays belong to one binding, because its speed depends on where they lie in memory. ``kept`` arrays serve
    all bindings of the pair: each fused operator makes a fresh copy of them, or only a few of their rows are looked up.
    """

    def __init__(self, kept: Optional[Dict[Key, Any]] = None) -> None:
        self.kept: Dict[Key, Any] = {} if kept is None else kept
        self.fresh: Dict[Key, Any] = {}

    def renewed(self) -> "Buffers":
        """Buffers for another binding, with the same ``kept`` arrays."""
        return Buffers(self.kept)


class Variables:
    """The arrays for one network's variables. ``weights`` and ``inputs``, by name, replace synthetic ones."""

    def __init__(self, analysis: Analysis, weights: Mapping[str, Any], inputs: Optional[Mapping[str, Any]]) -> None:
        self.synthetic = SyntheticValues(analysis, inputs)
        self._weights = weights
        self._numpy_shapes = analysis.model.numpy_shapes
        self._tables = _tables(analysis)
        shapes = ((analysis.graph.nodes[index].name, analysis.inference.shapes[index][0]) for index in analysis.roles)
        self._row_counts = {name: shape[0] for name, shape in shapes if shape}

    def follow(self, plan: Plan) -> None:
        """From now on, layers of one kind share one array for weights that fused operators copy."""
        self.synthetic.overlapping = plan.copied - set(self._weights)

    def arrays(self, buffers: Buffers) -> Dict[str, Any]:
        """An ``NDArray`` for each variable, by name. Synthetic arrays come from the buffers, which keep new ones."""
        with array_semantics(numpy_shapes=self._numpy_shapes):
            return {name: self._array(name, key, buffers) for name, key in self.synthetic.variables()}

    def bytes(self, sizes: Mapping[str, int]) -> Dict[Key, int]:
        """The bytes of each array, by its key. ``sizes`` are the bytes of each variable, by name."""
        found: Dict[Key, int] = {}
        for name, key in self.synthetic.variables():
            if name in self._weights:
                found[id(self), name] = sizes[name]
            elif name in self.synthetic.overlapping:
                row_bytes = sizes[name] // max(1, self._row_counts[name])
                found[group_of(key)] = sizes[name] + turn_of(key) * row_bytes
            else:
                found[key] = sizes[name]
        return found

    def _array(self, name: str, key: Key, buffers: Buffers) -> Any:
        if name in self._weights:
            value = self._weights[name]
            # Quantized layers rescale their weights in place.
            return value.copy() if np.dtype(value.dtype).kind in "iu" else value
        if name in self.synthetic.overlapping:
            return self._part_of_group(name, key, buffers)
        store = buffers.kept if name in self._tables else buffers.fresh
        if key not in store:
            store[key] = self.synthetic.make(name, key)
        return store[key]

    def _part_of_group(self, name: str, key: Key, buffers: Buffers) -> Any:
        """A weight's part of the array that layers of one kind share. Each part begins one row after the one before."""
        group, rows = group_of(key), self._row_counts[name]
        whole = buffers.kept.get(group)
        if whole is None or len(whole) < rows + turn_of(key):
            turns = max(turn_of(other) for _, other in self.synthetic.variables() if group_of(other) == group)
            whole = buffers.kept[group] = self.synthetic.make(name, group, more_rows=turns)
        return whole[turn_of(key) : turn_of(key) + rows]


def _tables(analysis: Analysis) -> FrozenSet[str]:
    """Names of large parameters that are only read row by row."""
    sizes, others = variable_bytes(analysis), {source for source, _ in analysis.graph.heads}
    looked_up: Set[int] = set()
    for node in analysis.graph.nodes:
        for position, (source, _) in enumerate(node.inputs):
            (looked_up if traits.TABLE_AT.get(node.op) == position else others).add(source)
    names = (analysis.graph.nodes[index].name for index in looked_up - others if index in analysis.roles)
    return frozenset(name for name in names if sizes[name] >= _LARGE_TABLE_BYTES)
