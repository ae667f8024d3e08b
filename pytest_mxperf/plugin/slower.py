"""What a latency gate adds to a REGRESSED: the layers that have become slower."""

from typing import Any, Callable

from pytest_mxperf.errors import MxperfError
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.profile.slowdown import Slowdown, Timed, slowdown
from pytest_mxperf.profile.story import lines
from pytest_mxperf.profile.values import NetworkProfile
from pytest_mxperf.worker.protocol import Profiled

__all__ = ["with_layers"]

_TRIES = 2
"""Another where no layer can be blamed: something else on the machine may have been in the way."""


def with_layers(
    finding: Finding,
    measure: Callable[[], Profiled],
    reference: Callable[[], Any],
    candidate: Any,
    *,
    own_weights: bool = False,
) -> Finding:
    """The finding; if the candidate is slower, with a line for each layer that is. Nothing is measured if it is not.

    ``candidate`` is an ``mx.analysis.Analysis``, and so is what ``reference`` returns.
    """
    # A model that was to be faster can be refused without being slower.
    if finding.verdict is not Verdict.REGRESSED or not finding.value or finding.value < 0:
        return finding
    try:
        found = _found(measure, reference(), candidate, own_weights)
    except MxperfError as error:
        found = Slowdown(unknown_because=str(error))
    return finding.with_reasons(lines(found))


def _found(measure: Callable[[], Profiled], reference: Any, candidate: Any, own_weights: bool) -> Slowdown:
    for _ in range(_TRIES):
        found = _slowdown(measure(), reference, candidate, own_weights)
        if found.layers:
            break
    return found


def _slowdown(profiled: Profiled, reference: Any, candidate: Any, own_weights: bool) -> Slowdown:
    from pytest_mxperf.mx.operators import operator

    old, new = _timed(reference, profiled.reference), _timed(candidate, profiled.candidate)
    inputs = {*reference.model.inputs, *candidate.model.inputs}
    return slowdown(old, new, inputs, operators=operator, own_weights=own_weights)


def _timed(analysis: Any, profile: NetworkProfile) -> Timed:
    return Timed(analysis.graph, analysis.inference.shapes, analysis.cost().layers, profile)
