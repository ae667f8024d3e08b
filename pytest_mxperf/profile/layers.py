"""A model's layers by time: the FLOPs and bytes of each, and how near its rates are to the processor's peaks.

The attainable time of a layer is that of the roofline model (Williams, Waterman and Patterson, "Roofline: An Insightful
Visual Performance Model for Multicore Architectures", 2009): its FLOPs at the peak rate, or its bytes at the rate of
the memory, whichever takes longer.
"""

import math
from collections import Counter, defaultdict, deque
from typing import Deque, Dict, List, Optional, Sequence, Set, Tuple

import msgspec

from pytest_mxperf.cost.result import ITEM_BYTES, LayerCost
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Graph
from pytest_mxperf.profile.attribution import LARGEST_UNACCOUNTED, Row, costs_by_node, rows_of
from pytest_mxperf.profile.values import LayerTime, NetworkProfile, Peaks

__all__ = ["ModelProfile", "TimedLayer", "model_profile"]

_INTEGERS = ("int8", "uint8")


class TimedLayer(msgspec.Struct, frozen=True):
    """One executed operator, under the name of the user's layer that computes in it."""

    name: str
    operator: str
    cpu_seconds: float
    """Per forward."""
    macs: int
    flops: int
    """Counted for all layers that run in it."""
    bytes_moved: int
    """Bytes read and written, without arrays that only pass between the layers fused in it."""
    dtype: str
    members: Tuple[str, ...] = ()
    """Names of all layers that run in it, with its own, in execution order."""

    @property
    def flops_per_second(self) -> float:
        return self.flops / self.cpu_seconds if self.cpu_seconds else 0.0

    @property
    def bytes_per_second(self) -> float:
        return self.bytes_moved / self.cpu_seconds if self.cpu_seconds else 0.0

    def attainable_seconds(self, peaks: Peaks) -> float:
        """The least time that one core needs: for the FLOPs or for the bytes, whichever takes longer."""
        kind = "int8" if self.dtype in _INTEGERS and "int8" in peaks.flops_per_second else "float32"
        return max(self.flops / peaks.flops_per_second[kind], self.bytes_moved / peaks.bytes_per_second)


class ModelProfile(msgspec.Struct, frozen=True):
    """The timed layers of one model in execution order, and the time of its forward."""

    layers: Tuple[TimedLayer, ...]
    forward_cpu_seconds: float
    """CPU seconds of a forward without callbacks, in one thread."""
    outputs_cpu_seconds: float
    """The part of the forward that copies the outputs to numpy."""
    run_as: str
    """``Module``, ``hybridized block`` ..."""
    own_weights: bool
    """Whether it ran with the weights of its checkpoint. Otherwise the weights are synthetic."""
    peaks: Optional[Peaks] = None

    def share(self, layer: TimedLayer) -> float:
        """The layer's fraction of the forward."""
        return layer.cpu_seconds / self.forward_cpu_seconds if self.forward_cpu_seconds else 0.0

    def attained(self, layer: TimedLayer) -> Optional[float]:
        """The attainable time divided by the layer's time. Above 1 if its data was in a cache."""
        if self.peaks is None or not layer.cpu_seconds:
            return None
        return layer.attainable_seconds(self.peaks) / layer.cpu_seconds

    def lost_seconds(self, layer: TimedLayer) -> float:
        """The layer's time beyond its attainable time; 0 without peaks."""
        return 0.0 if self.peaks is None else max(0.0, layer.cpu_seconds - layer.attainable_seconds(self.peaks))

    @property
    def unaccounted_share(self) -> float:
        """The fraction of the forward that is in neither layers nor outputs; below 0 if they add up to more."""
        if not self.forward_cpu_seconds:
            return 0.0
        accounted = sum(layer.cpu_seconds for layer in self.layers) + self.outputs_cpu_seconds
        return 1.0 - accounted / self.forward_cpu_seconds

    @property
    def doubt(self) -> str:
        """Why the layers' times do not explain the forward's; empty if they do."""
        share = self.unaccounted_share
        if abs(share) <= LARGEST_UNACCOUNTED:
            return ""
        return (
            f"{share:.0%} of a forward is in no layer"
            if share > 0
            else f"the layers add up to {-share:.0%} more time than a forward"
        )

    def slowest(self, count: int) -> Tuple[TimedLayer, ...]:
        """The layers that take the longest."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.cpu_seconds)[:count])

    def of_layers(self, names: Sequence[str]) -> List[Optional[TimedLayer]]:
        """The timed layer in which each of these layers runs. ``names`` are in the graph's order; those of a Gluon
        block that is called twice repeat."""
        timed: Dict[str, Deque[TimedLayer]] = defaultdict(deque)
        for layer in self.layers:
            for member in dict.fromkeys((*layer.members, layer.name)):
                timed[member].append(layer)
        return [timed[name].popleft() if timed[name] else None for name in names]


def model_profile(
    graph: Graph,
    inference: Inference,
    costs: Sequence[LayerCost],
    profile: NetworkProfile,
    *,
    run_as: str,
    own_weights: bool = False,
    peaks: Optional[Peaks] = None,
) -> ModelProfile:
    """The profile of a network whose layers have been timed. ``costs`` are all layers of its cost report."""
    by_node = costs_by_node(graph.nodes, costs)
    moved = _Moved(graph, inference, by_node)
    layers = [_timed(row, row.layer, by_node, moved) for row in rows_of(profile, graph.nodes)]
    return ModelProfile(
        tuple(layers), profile.forward_cpu_seconds, profile.outputs_cpu_seconds, run_as, own_weights, peaks
    )


def _timed(row: Row, layer: LayerTime, by_node: Dict[int, List[LayerCost]], moved: "_Moved") -> TimedLayer:
    costs = [cost for node in row.nodes for cost in by_node.get(node, ())]
    main = by_node.get(row.main, costs)
    return TimedLayer(
        layer.name,
        layer.operator,
        layer.cpu_seconds,
        sum(cost.macs for cost in costs),
        sum(cost.flops for cost in costs),
        moved.bytes(row.nodes),
        main[0].dtype if main else "",
        layer.members,
    )


class _Moved:
    """Counts the bytes that fused operators read and write, without the arrays that pass between them."""

    def __init__(self, graph: Graph, inference: Inference, by_node: Dict[int, List[LayerCost]]) -> None:
        self._graph = graph
        self._inference = inference
        self._by_node = by_node
        self._readers = Counter(entry for node in graph.nodes for entry in set(node.inputs)) + Counter(graph.heads)

    def bytes(self, nodes: Tuple[int, ...]) -> int:
        inside = set(nodes)
        return sum(self._read(node, inside) + self._written(node, inside) for node in nodes)

    def _read(self, node: int, inside: Set[int]) -> int:
        total = sum(cost.bytes_read for cost in self._by_node.get(node, ()))
        passed = {entry for entry in self._graph.nodes[node].inputs if entry[0] in inside}
        return max(0, total - sum(self._size(*entry) for entry in passed))

    def _written(self, node: int, inside: Set[int]) -> int:
        total = sum(cost.bytes_written for cost in self._by_node.get(node, ()))
        readers = Counter(entry for other in inside for entry in set(self._graph.nodes[other].inputs))
        passed = [(node, output) for output in range(len(self._inference.shapes[node]))]
        passed = [entry for entry in passed if readers[entry] and readers[entry] == self._readers[entry]]
        return max(0, total - sum(self._size(*entry) for entry in passed))

    def _size(self, node: int, output: int) -> int:
        shape, dtype = self._inference.shapes[node][output], self._inference.dtypes[node][output]
        return math.prod(shape) * ITEM_BYTES[dtype]
