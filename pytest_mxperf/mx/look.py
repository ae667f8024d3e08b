"""Runs a network operator by operator, to find activations that a working network does not have."""

from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from pytest_mxperf import traits
from pytest_mxperf.cost.params import Role
from pytest_mxperf.graph import Entry, Node
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.figures import Figures
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.mx.stepwise import Steps
from pytest_mxperf.mx.synthetic import SyntheticValues
from pytest_mxperf.mx.weights_in_range import WeightsInRange

__all__ = ["TAILED", "Fault", "Look"]

TAILED = frozenset(
    (
        *("softmax", "softmin", "SoftmaxOutput", "SoftmaxActivation", "Activation"),
        *("exp", "_npi_exp", "sigmoid", "_npx_sigmoid"),
    )
)
"""Operators with some subnormal outputs for ordinary inputs. As outputs of the network these slow nothing down."""

_ALIVE = frozenset(
    (
        *(*traits.ACTIVATIONS, *traits.ATTENTION, *traits.EMBEDDINGS, *traits.POOLING, *traits.POOLING_REGIONS),
        *(*traits.PRODUCTS, *traits.RECURRENT, *traits.WEIGHT_AT),
        *traits.NORMS - {"InstanceNorm"},  # its output for an image of one pixel is 0
        *("_sg_mkldnn_conv", "_sg_mkldnn_fully_connected", "UpSampling", "LRN", "Correlation", "BilinearSampler"),
        *("SpatialTransformer", "_contrib_AdaptiveAvgPooling2D", "tanh", "exp", "log", "sqrt", "square", "abs"),
        *(f"_npi_{name}" for name in ("tanh", "exp", "log", "sqrt", "square", "absolute")),
    )
)
"""Operators whose outputs differ if their inputs differ. Not so for a comparison or a slice."""
_LEAST_NUMBERS = 32
"""Smaller outputs are not checked: after a ReLU all their numbers can be 0 by chance."""

_COMPUTED = (traits.ADDING | traits.DIVIDING | traits.MULTIPLYING | traits.POWERS) - traits.EXTREMES
_COMPUTED |= _ALIVE | {"softmax", "log_softmax", "rsqrt", "reciprocal", "L2Normalization", "norm"}
"""Operators that compute new numbers. Others choose between numbers, or hide some with an infinity."""


_NOT_FINITE, _INFINITE = "not finite", "infinite"


class Fault(NamedTuple):
    """Activations that a real network does not have. ``kind`` completes the sentence "activations of ... are"."""

    place: int
    layer: str
    kind: str


class Look:
    """The faults that one run has shown. ``stopped_at`` is the operator that MXNet could not run alone, if any."""

    def __init__(self, analysis: Analysis, synthetic: SyntheticValues) -> None:
        self.faults: List[Fault] = []
        self.stopped_at: Optional[str] = None
        self._analysis = analysis
        self._synthetic = synthetic
        self._heads = {index for index, _ in analysis.graph.heads}
        self._varying: Dict[Entry, bool] = {}
        self._figures: Dict[Entry, Figures] = {}

    @classmethod
    def at(cls, analysis: Analysis, synthetic: SyntheticValues, weights: WeightsInRange) -> "Look":
        """Runs the network. Brings the weights of each layer into range before the layers behind it run."""
        look = cls(analysis, synthetic)
        steps = Steps(analysis, synthetic.fresh)
        weights.begin(steps)
        for index, node in enumerate(analysis.graph.nodes):
            if node.is_variable:
                continue
            try:
                look._run(index, node, steps, weights)
            except mx.MXNetError:  # the run of the whole network raises it again
                look.stopped_at = node.name
                break
            steps.forget(index)
        look._excuse_infinities()
        return look

    def _run(self, index: int, node: Node, steps: Steps, weights: WeightsInRange) -> None:
        steps.inputs(index)
        read = [self._varies(entry, steps) for entry in node.inputs]
        varying = any(read) or (not read and node.op in traits.RANDOM)
        inputs = [self._figures[entry] for entry in node.inputs]
        if varying and inputs:
            weights.before(index, inputs)
        outputs = [Figures.of(array.asnumpy()) for array in steps.run(index)]
        if varying:
            outputs = weights.after(index, inputs, outputs)
        for output, figures in enumerate(outputs):
            self._figures[index, output] = figures
            self._varying[index, output] = varying and not figures.constant
        if not node.inputs:
            return
        kind = self._kind(index, node, outputs[0], varying)
        if kind is not None:
            self.faults.append(Fault(index, node.name, kind))

    def _excuse_infinities(self) -> None:
        """Drops infinities that a mask hides: those that do not reach the network's outputs."""
        heads = [self._figures[entry] for entry in self._analysis.graph.heads if entry in self._figures]
        if all(figures.is_finite for figures in heads):
            self.faults = [fault for fault in self.faults if fault.kind != _INFINITE]
        self.faults = [
            fault._replace(kind=_NOT_FINITE if fault.kind == _INFINITE else fault.kind) for fault in self.faults
        ]

    def _varies(self, entry: Entry, steps: Steps) -> bool:
        """Whether the array depends on the inputs, and has more than one value."""
        if entry not in self._varying:
            is_input = self._analysis.roles.get(entry[0]) is Role.INPUT
            self._figures[entry] = figures = _of(steps.arrays[entry]) if is_input else _UNKNOWN
            self._varying[entry] = is_input and not figures.constant
        return self._varying[entry]

    def _kind(self, index: int, node: Node, output: Figures, varying: bool) -> Optional[str]:
        inputs = [self._figures[entry] for entry in node.inputs]
        if not output.is_finite and node.op in _COMPUTED and all(figures.is_finite for figures in inputs):
            return _NOT_FINITE if output.is_nan else _INFINITE
        if varying and output.constant and node.op in _ALIVE and output.size >= _LEAST_NUMBERS:
            return "all 0" if output.value == 0 else "all equal"
        if varying and output.is_subnormal and not any(figures.is_subnormal for figures in inputs):
            return None if index in self._heads and node.op in TAILED else "subnormal"
        return None


def _of(array: Any) -> Figures:
    return Figures.of(array.asnumpy())


_UNKNOWN = Figures.of(np.empty(0, np.float32))
