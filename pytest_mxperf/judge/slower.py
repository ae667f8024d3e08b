"""What a latency gate adds to a REGRESSED: the layers that have become slower."""

from typing import Any, Callable, Tuple

import msgspec

from pytest_mxperf.errors import MxperfError
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.profile.layers import ModelProfile, model_profile
from pytest_mxperf.profile.slowdown import Slowdown, Timed, slowdown
from pytest_mxperf.profile.story import lines
from pytest_mxperf.profile.values import NetworkProfile
from pytest_mxperf.spec import RunAs

__all__ = ["Measure", "with_layers"]

Measure = Callable[[], Tuple[NetworkProfile, ...]]
"""Times the layers of the reference and of the candidate."""

_TRIES = 2
"""Another where no layer can be blamed: something else on the machine may have been in the way."""


def with_layers(
    finding: Finding,
    measure: Measure,
    reference: Callable[[], Any],
    candidate: Any,
    *,
    run_as: RunAs,
    own_weights: bool = False,
) -> Finding:
    """The finding; if the candidate is slower, with a line for each layer that is. Nothing is measured if it is not.

    ``candidate`` is an ``mx.analysis.Analysis``, and so is what ``reference`` returns.
    """
    # A model that was to be faster can be refused without being slower.
    if finding.verdict is not Verdict.REGRESSED or not finding.value or finding.value < 0:
        return finding
    try:
        found, sides = _found(measure, reference(), candidate, own_weights)
    except MxperfError as error:
        return finding.with_reasons(lines(Slowdown(unknown_because=str(error))))
    old, new = (_profile(side, run_as) for side in sides)
    new = msgspec.structs.replace(new, own_weights=own_weights)
    return msgspec.structs.replace(finding.with_reasons(lines(found)), profiles=(old, new))


def _found(measure: Measure, reference: Any, candidate: Any, own_weights: bool) -> Tuple[Slowdown, Tuple[Timed, Timed]]:
    from pytest_mxperf.mx.operators import operator

    inputs = {*reference.model.inputs, *candidate.model.inputs}
    for _ in range(_TRIES):
        before, now = measure()
        sides = _timed(reference, before), _timed(candidate, now)
        found = slowdown(*sides, inputs, operators=operator, own_weights=own_weights)
        if found.layers:
            break
    return found, sides


def _timed(analysis: Any, profile: NetworkProfile) -> Timed:
    return Timed(analysis.graph, analysis.inference, analysis.cost().layers, profile)


def _profile(side: Timed, run_as: RunAs) -> ModelProfile:
    return model_profile(*side, run_as=str(run_as))
