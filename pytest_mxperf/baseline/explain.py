"""Which layers make the difference between two models of one name."""

from typing import Dict, List, NamedTuple, Tuple

from pytest_mxperf.baseline.record import Baseline, LayerRecord

__all__ = ["LayerChange", "explain"]


class LayerChange(NamedTuple):
    """One layer's value of one metric, before and now; 0 where the layer does not exist."""

    name: str
    op: str
    before: int
    now: int

    @property
    def growth(self) -> int:
        return self.now - self.before


def explain(metric: str, before: Baseline, now: Baseline) -> List[LayerChange]:
    """The layers whose ``macs``, ``flops`` or ``params`` differ, largest growth first. Layers match by name."""
    old, new = _by_name(before), _by_name(now)
    changes = [
        LayerChange(
            name=name,
            op=(new.get((name, turn)) or old[name, turn]).op,
            before=getattr(old[name, turn], metric) if (name, turn) in old else 0,
            now=getattr(new[name, turn], metric) if (name, turn) in new else 0,
        )
        for name, turn in {**old, **new}
    ]
    return sorted((change for change in changes if change.growth), key=lambda change: -change.growth)


def _by_name(baseline: Baseline) -> Dict[Tuple[str, int], LayerRecord]:
    """Layers by their name and, since MXNet does not ask for unique names, by how often it has been seen before."""
    seen: Dict[str, int] = {}
    layers = {}
    for layer in baseline.layers:
        turn = seen.get(layer.name, 0)
        seen[layer.name] = turn + 1
        layers[layer.name, turn] = layer
    return layers
