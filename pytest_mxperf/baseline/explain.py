"""Which layers make the difference between two models of one name."""

from typing import Dict, List, NamedTuple, Optional, Tuple

from pytest_mxperf.baseline.record import Baseline, LayerRecord

__all__ = ["LayerChange", "explain"]

_Pair = Tuple[Optional[LayerRecord], Optional[LayerRecord]]


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
    """The layers whose ``macs``, ``flops`` or ``params`` differ, largest growth first.

    Layers match by name; or by position, where all names have changed, by a new prefix say, and no operator has.
    """
    all_renamed = not {layer.name for layer in before.layers} & {layer.name for layer in now.layers}
    if all_renamed and [layer.op for layer in before.layers] == [layer.op for layer in now.layers]:
        pairs: List[_Pair] = list(zip(before.layers, now.layers))
    else:
        old, new = _by_name(before), _by_name(now)
        pairs = [(old.get(key), new.get(key)) for key in {**old, **new}]
    changes = [_change(metric, *pair) for pair in pairs]
    return sorted((change for change in changes if change.growth), key=lambda change: -change.growth)


def _change(metric: str, before: Optional[LayerRecord], now: Optional[LayerRecord]) -> LayerChange:
    layer = now or before
    assert layer is not None
    values = [0 if each is None else int(getattr(each, metric)) for each in (before, now)]
    return LayerChange(layer.name, layer.op, *values)


def _by_name(baseline: Baseline) -> Dict[Tuple[str, int], LayerRecord]:
    """Layers by their name and, since MXNet does not ask for unique names, by how often it has been seen before."""
    seen: Dict[str, int] = {}
    layers = {}
    for layer in baseline.layers:
        turn = seen.get(layer.name, 0)
        seen[layer.name] = turn + 1
        layers[layer.name, turn] = layer
    return layers
