"""Checks every operator's outputs for synthetic values, and changes the values that give bad outputs.

A network with real weights has no activations that are all 0, all equal, subnormal or not finite. Such activations
change the speed: for example, an operator that samples outside its image reads nothing. So each layer's weight is
scaled until its outputs have a magnitude of about 1, in the order of the graph (Mishkin and Matas, 2015, "All you need
is a good init"). Scales are powers of 2, and only weights that are far off are scaled. If a later operator still makes
its outputs too large, the weights before it become smaller, and the network runs once more. Notes name the layers that
still have bad outputs.
"""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.params import Role
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.fills import Fill
from pytest_mxperf.mx.look import Fault, Look
from pytest_mxperf.mx.runtime import array_semantics
from pytest_mxperf.mx.synthetic import SyntheticValues
from pytest_mxperf.mx.weights_in_range import WeightsInRange

__all__ = ["Activations", "look_into"]

_MOST_RUNS = 6
_MOST_NAMED = 3


class Activations(NamedTuple):
    """Which layers have activations that no real network has. ``notes`` are texts for the finding.

    ``first`` is by kind ("all 0", "all equal", "subnormal", "not finite"): the first layer that makes such activations.
    """

    notes: Tuple[str, ...] = ()
    first: Mapping[str, str] = {}

    def since(self, kind: str) -> str:
        """For a message: the layer where activations of this kind begin."""
        return f", from {self.first[kind]} on" if kind in self.first else ""


def look_into(analysis: Analysis, synthetic: SyntheticValues) -> Activations:
    """Runs the network without fusion, and brings its synthetic values into range."""
    with array_semantics(numpy_shapes=analysis.model.numpy_shapes):
        gains = dict(synthetic.gains)
        look = _in_range(analysis, synthetic)
        fault = _not_finite(look)
        if fault is not None:
            look = _with_other_inputs(analysis, synthetic, gains, fault) or look
    return Activations(_notes(look), {fault.kind: fault.layer for fault in reversed(look.faults)})


def _in_range(analysis: Analysis, synthetic: SyntheticValues) -> Look:
    weights = WeightsInRange(analysis, synthetic)
    look = Look.at(analysis, synthetic, weights)
    for _ in range(_MOST_RUNS - 1):
        if not weights.apply_wishes():
            return look
        look = Look.at(analysis, synthetic, weights)
    weights.done()
    return Look.at(analysis, synthetic, weights) if weights.apply_wishes() else look


def _not_finite(look: Look) -> Optional[Fault]:
    return next((fault for fault in look.faults if fault.kind == "not finite"), None)


def _with_other_inputs(
    analysis: Analysis, synthetic: SyntheticValues, gains: Mapping[str, float], fault: Fault
) -> Optional[Look]:
    """Tries inputs as masks (all 1) and as counts (above 0), because not every graph shows what its inputs are.

    Returns None and changes nothing if no trial has finite activations.
    """
    names = _inputs_above(analysis, synthetic, fault.place)
    before, gains_before = {name: synthetic.fill(name) for name in names}, dict(synthetic.gains)
    masks = {name for name in names if any(read.op in traits.MULTIPLYING for read in synthetic.reads(name))}
    for trial in _trials(names, masks):
        synthetic.gains = dict(gains)
        for name, fill in {**before, **trial}.items():
            synthetic.refill(name, fill)
        look = _in_range(analysis, synthetic)
        if _not_finite(look) is None:
            return look
    synthetic.gains = gains_before
    for name, fill in before.items():
        synthetic.refill(name, fill)
    return None


def _trials(names: Sequence[str], masks: Set[str]) -> List[Dict[str, Fill]]:
    ones, above_0 = Fill("constant", 1), Fill("uniform", 0.5, 1.5)
    trials = [
        dict.fromkeys(masks, ones),
        {name: ones if name in masks else above_0 for name in names},
        dict.fromkeys(names, above_0),
        dict.fromkeys(names, ones),
    ]
    return [trial for place, trial in enumerate(trials) if trial and trial not in trials[:place]]


def _inputs_above(analysis: Analysis, synthetic: SyntheticValues, place: int) -> List[str]:
    """Names of the inputs that the operator at ``place`` depends on, without indices and boxes."""
    graph, above = analysis.graph, {place}
    for index in range(place, -1, -1):
        if index in above:
            above.update(source for source, _ in graph.nodes[index].inputs)
    names = [graph.nodes[index].name for index in analysis.variables(Role.INPUT) if index in above]
    return [name for name in names if synthetic.fill(name).kind in ("uniform", "constant")]


def _notes(look: Look) -> Tuple[str, ...]:
    texts: Dict[str, List[str]] = {}
    for fault in look.faults:
        texts.setdefault(fault.kind, []).append(fault.layer)
    notes = [f"activations of {_named(layers)} are {kind}" for kind, layers in texts.items()]
    if look.stopped_at is not None:
        notes.append(f"activations from {look.stopped_at} on were not checked")
    return tuple(notes)


def _named(layers: Sequence[str]) -> str:
    more = len(layers) - _MOST_NAMED
    return ", ".join(layers[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
