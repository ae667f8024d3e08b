"""MXNet's plan for a graph that it binds: what it fuses, and how much memory it needs. Nothing runs."""

import math
import os
import re
from contextlib import contextmanager
from typing import Any, Collection, Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional

from pytest_mxperf.cost.result import ITEM_BYTES
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.build import fusing_backend
from pytest_mxperf.mx.fusion import COPYING, DENSE, inlined, only_copied, weights_read
from pytest_mxperf.mx.runtime import array_semantics, json_of, mx
from pytest_mxperf.spec import RunAs

__all__ = ["Plan", "fusing", "plan"]

_BACKEND = "MXNET_SUBGRAPH_BACKEND"
_WEIGHT = 1
_CACHED_IN_RNN = 2
"""Copies that an RNN operator keeps of its parameters, in MKLDNN's order."""


@contextmanager
def fusing(backend: str) -> Iterator[None]:
    """Makes MXNet fuse graphs that are bound meanwhile with this backend. "NONE" fuses nothing."""
    before = os.environ.get(_BACKEND, "")
    os.environ[_BACKEND] = backend
    try:
        yield
    finally:
        os.environ[_BACKEND] = before


class Plan(NamedTuple):
    """``graph`` is what MXNet runs. ``sizes`` are the bytes of its variables, by name."""

    graph: Graph
    sizes: Dict[str, int]
    activation_bytes: int

    @property
    def copied(self) -> FrozenSet[str]:
        """Names of the variables that only fused operators read, which keep copies of them."""
        return frozenset(self.graph.nodes[index].name for index in only_copied(self.graph))

    @property
    def copies_bytes(self) -> int:
        """The bytes of all copies that operators keep of their weights."""
        fused = sum(self._bytes_of(source) * count for op in COPYING for source, count in self._readers(op).items())
        recurrent = sum(self._bytes_of(source) * count for source, count in self._readers("RNN").items())
        return fused + _CACHED_IN_RNN * recurrent

    @property
    def repeated_bytes(self) -> int:
        """The bytes of second and further copies of a weight, if several dense layers copy it."""
        return sum(self._bytes_of(source) * (count - 1) for source, count in self._readers(DENSE).items())

    @property
    def repeated(self) -> Dict[str, int]:
        """The bytes of weights that several fused dense layers read, by name."""
        return {
            self._name(source): self._bytes_of(source) for source, count in self._readers(DENSE).items() if count > 1
        }

    def lonely(self, at_least_bytes: int) -> FrozenSet[str]:
        """Names of such large weights that only one dense layer reads. Operators fused with such a layer take no time
        beside it."""
        readers = self._readers(DENSE)
        return frozenset(
            self._name(source)
            for source, count in readers.items()
            if count == 1 and self._bytes_of(source) >= at_least_bytes
        )

    def without_fused(self, weights: Collection[str]) -> "Plan":
        """The plan without fusion of the dense layers that read these weights."""

        def reads_one(node: Node) -> bool:
            return node.op == DENSE and self._name(node.inputs[_WEIGHT][0]) in weights

        return self._replace(graph=inlined(self.graph, reads_one))

    def _readers(self, op: str) -> Mapping[int, int]:
        return weights_read(self.graph, op)

    def _name(self, index: int) -> str:
        return self.graph.nodes[index].name

    def _bytes_of(self, index: int) -> int:
        return self.sizes.get(self._name(index), 0)


def plan(analysis: Analysis, run_as: RunAs) -> Plan:
    """Binds the network to arrays that nobody writes to, so that they take no memory. Raises ``MXNetError``."""
    model, arrays = analysis.model, {}
    is_fused = run_as.kind == "module"
    backend = os.environ.get(_BACKEND, fusing_backend()) if is_fused else "NONE"
    with array_semantics(numpy_shapes=model.numpy_shapes), fusing(backend):
        for index in reversed(list(analysis.roles)):
            shape, dtype = analysis.inference.shapes[index][0], analysis.inference.dtypes[index][0]
            arrays[analysis.graph.nodes[index].name] = mx.nd.empty(shape, dtype=dtype)
        arguments = {name: arrays[name] for name in model.symbol.list_arguments()}
        states = {name: arrays[name] for name in model.symbol.list_auxiliary_states()}
        executor = model.symbol.bind(mx.cpu(), arguments, grad_req="null", aux_states=states)
        graph = _optimized(executor, model.name) if is_fused else None
        text = executor.debug_str()
    found = re.findall(r"Total (\d+) (?:MB allocated|TempSpace)", text)
    activation_bytes = int(found[0]) << 20 if found else 0
    return Plan(graph or analysis.graph, variable_bytes(analysis), activation_bytes)


def _optimized(executor: Any, name: str) -> Optional[Graph]:
    if not hasattr(executor, "get_optimized_symbol"):  # before MXNet 1.6
        return None
    return Graph.parse(json_of(executor.get_optimized_symbol()), where=name)


def variable_bytes(analysis: Analysis) -> Dict[str, int]:
    """Bytes of each variable of the graph, by name."""
    shapes, dtypes = analysis.inference.shapes, analysis.inference.dtypes
    nodes: List[int] = list(analysis.roles)
    return {
        analysis.graph.nodes[index].name: math.prod(shapes[index][0]) * ITEM_BYTES[dtypes[index][0]] for index in nodes
    }
