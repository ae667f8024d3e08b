"""Values for every variable of a graph, made from shapes alone. With them a network is timed without its weights.

The operators that read a variable decide its values, never its name: ``fills.py`` chooses for parameters,
``input_fills.py`` for inputs and indices. ``activations.py`` checks the result, and may change a few values.
"""

import zlib
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from pytest_mxperf.cost.params import Role
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.graph import consumers
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.arrays import filled
from pytest_mxperf.mx.fills import Fill, drawn, parameter_fill
from pytest_mxperf.mx.input_fills import Inputs, index_limit
from pytest_mxperf.mx.reads import Read, Readers

__all__ = ["Key", "SyntheticValues", "group_of", "turn_of"]

Key = Tuple[object, ...]
"""Variables with the same key are interchangeable: equal operators read them, with the same attributes and shapes."""


def turn_of(key: Key) -> int:
    """How many variables of the same kind come before."""
    turn = key[-2]
    assert isinstance(turn, int)
    return turn


def group_of(key: Key) -> Key:
    """The key that all variables of one kind and scale have in common."""
    return ("copied", *key[:-2], key[-1])


class SyntheticValues:
    """Arrays for one graph's variables. Equal layers of two graphs get equal numbers.

    ``given`` are real values of some inputs, by name.
    """

    def __init__(self, analysis: Analysis, given: Optional[Mapping[str, Any]] = None) -> None:
        self._graph = analysis.graph
        self._shapes = analysis.inference.shapes
        self._dtypes = analysis.inference.dtypes
        self._roles = analysis.roles
        self._given = given or {}
        self._consumers = consumers(analysis.graph)
        self._readers = Readers(analysis.graph, analysis.inference)
        self._inputs = Inputs(analysis.graph, analysis.inference, self._readers)
        first = {analysis.graph.nodes[index].name: index for index in sorted(analysis.roles, reverse=True)}
        # In the graph's order, so that a layer keeps its numbers if another is added behind it.
        self._indices = dict(sorted(first.items(), key=lambda item: item[1]))
        self._fills = {name: self._fill(index) for name, index in self._indices.items()}
        self._keys = dict(self._base_keys())
        self.gains: Dict[str, float] = {}
        """The factor of each parameter, by name, if it is not 1."""
        self.overlapping: FrozenSet[str] = frozenset()
        """Names of parameters that share one array with others of their kind, each a row behind the one before."""
        self._refilled: Dict[str, Fill] = {}

    def variables(self) -> "Iterator[Tuple[str, Key]]":
        """The name and the key of each variable.

        The key's last two members are its number among those of its kind, from 0, and its scale.
        """
        for name, key in self._keys.items():
            yield name, (*key, self.gains.get(name, 1.0))

    def _base_keys(self) -> "Iterator[Tuple[str, Key]]":
        seen: Dict[Key, int] = {}
        for name, index in self._indices.items():
            kind = self._kind(name, index, self._roles[index])
            seen[kind] = turn = seen.get(kind, -1) + 1
            yield name, (*kind, turn)

    def _kind(self, name: str, index: int, role: Role) -> Key:
        shape, dtype = self._shapes[index][0], self._dtypes[index][0]
        consumer = self._consumers.get(index)
        if name in self._given:
            return ("given", name, shape, dtype, zlib.crc32(self._given[name].tobytes()))
        if role is Role.INPUT or consumer is None:
            # Without the reader: two graphs may look up the same tokens in tables of different lengths.
            return (name, shape, dtype, self._fills[name])
        node = consumer.node
        # With the data's shape, because MKLDNN chooses the layout of a weight for both.
        data = self._shapes[node.inputs[0][0]][node.inputs[0][1]]
        attrs = tuple(sorted(node.attrs.items()))
        return (node.op, attrs, consumer.position, data, shape, dtype, role.value, self._fills[name])

    def _fill(self, index: int) -> Fill:
        role, shape, dtype = self._roles[index], self._shapes[index][0], self._dtypes[index][0]
        if role in (Role.LABEL, Role.STATE):
            return Fill("constant", 0)
        reads = self._readers.of(index)
        limit = index_limit(reads)
        if limit is not None:
            return Fill("integers", 0, limit)
        if role is Role.INPUT or not reads:
            return self._inputs.fill(index, shape, dtype)
        return parameter_fill(reads, shape, dtype)

    def make(self, name: str, key: Key, *, more_rows: int = 0) -> Any:
        """A new ``NDArray`` for a variable, with ``more_rows`` if asked. The same key gives the same numbers."""
        shape = self._shapes[self._indices[name]][0]
        if more_rows:
            shape = (shape[0] + more_rows, *shape[1:])
        seed = repr(key[:-1])  # without the scale, which only multiplies the numbers
        return filled(shape, self._dtype(name), seed, lambda numbers: self._numbers(name, shape, numbers))

    def fresh(self, name: str) -> Any:
        """A new ``NDArray`` for the variable, with the numbers that a binding gets."""
        key = (*self._keys[name], self.gains.get(name, 1.0))
        if name not in self.overlapping:
            return self.make(name, key)
        rows, turn = self._shapes[self._indices[name]][0][0], turn_of(key)
        # MXNet's own convolutions and dense layers refuse to read a part of an array as their weight.
        return self.make(name, group_of(key), more_rows=turn)[turn : turn + rows].copy()

    def _numbers(self, name: str, shape: Shape, generator: Any) -> Any:
        if name in self._given:
            return self._given[name]
        numbers, gain = drawn(self._fills[name], shape, generator), self.gains.get(name, 1.0)
        if gain == 1:
            return numbers
        in_place = numbers.flags.writeable and numbers.dtype.kind == "f"
        return np.multiply(numbers, gain, out=numbers if in_place else None)

    def _dtype(self, name: str) -> str:
        return self._dtypes[self._indices[name]][0]

    def is_given(self, name: str) -> bool:
        """Whether the user gives the variable's numbers."""
        return name in self._given

    def readers_of(self, index: int) -> List[Read]:
        """The operators that compute with the numbers of the node with this index."""
        return self._readers.of(index)

    def reads(self, name: str) -> List[Read]:
        """The operators that compute with the variable's numbers."""
        return self._readers.of(self._indices[name])

    def fill(self, name: str) -> Fill:
        return self._fills[name]

    def scale(self, name: str, factor: float) -> None:
        """Multiplies a parameter's numbers from now on."""
        self.gains[name] = self.gains.get(name, 1.0) * factor

    def refill(self, name: str, fill: Fill) -> None:
        """Fills an input differently from now on."""
        self._fills[name] = self._refilled[name] = fill
        self._keys = dict(self._base_keys())

    def adopt(self, other: "SyntheticValues") -> None:
        """Takes over the other side's scales and fills, for variables that both sides have."""
        for name, fill in other._refilled.items():
            if self._is_same_input(name, other):
                self.refill(name, fill)
        gains = {key: other.gains[name] for name, key in other._keys.items() if name in other.gains}
        self.gains = {name: gains[key] for name, key in self._keys.items() if key in gains}

    def _is_same_input(self, name: str, other: "SyntheticValues") -> bool:
        if name in self._given or name not in self._indices or self._roles[self._indices[name]] is not Role.INPUT:
            return False
        mine, theirs = self._indices[name], other._indices[name]
        return self._shapes[mine] == other._shapes[theirs] and self._dtypes[mine] == other._dtypes[theirs]
