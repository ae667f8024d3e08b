"""Scales synthetic weights so that the outputs of each layer have a magnitude of about 1."""

import math
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.params import INPUT_ROLES
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX
from pytest_mxperf.graph import Node
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.figures import Figures
from pytest_mxperf.mx.reads import Read
from pytest_mxperf.mx.stepwise import Steps
from pytest_mxperf.mx.synthetic import SyntheticValues

__all__ = ["WeightsInRange"]

_RANGE = (1 / 4, 4.0)
_SHARED_RANGE = (2.0**-8, 2.0**8)
"""The range for a weight's second and later readers. The first reader decides its scale."""

_NOWHERE = (-1, 0.0)
_MOST_TRIES = 4
_LARGEST_STEP = 2.0**64
_STEP_OF_A_LOOP = 2.0
"""A loop's outputs may grow with a power of its weights."""

_SATURATED = 3.0
"""If three quarters of a softmax's inputs are farther than this from their median, most of its outputs may vanish."""
_UNSATURATED = 1.25
_VANISHED = 40.0
"""If two inputs are this far from the median, on opposite sides, a softmax's outputs have a ratio of e^80. Single
precision just holds that."""
_FAR = 2.0**10
"""If a product or sum of activations is this far from 1, earlier weights must be scaled."""
_COMBINING = traits.PRODUCTS | traits.MULTIPLYING | traits.ADDING | traits.SUMMING | {"square", "_npi_square"}
_SATURATING = frozenset(
    (
        *("softmax", "log_softmax", "softmin", "SoftmaxOutput", "SoftmaxActivation", "softmax_cross_entropy"),
        *("sigmoid", "_npx_sigmoid", "hard_sigmoid", "Activation", "LogisticRegressionOutput", "erf"),
        *("tanh", "exp", "expm1", "sinh", "cosh", "_npi_tanh", "_npi_exp", "_npi_expm1", "_npi_sinh", "_npi_cosh"),
    )
)
"""Operators whose output vanishes, overflows or saturates for large inputs."""
_ENDING = _SATURATING | traits.RECURRENT | traits.EMBEDDINGS | {"L2Normalization", "argmax", "argsort", "one_hot"}
"""Operators whose outputs do not grow with their inputs."""

_SAMPLING_AT = {
    **dict.fromkeys(traits.DEFORMABLE, (1, 2.0)),
    **dict.fromkeys(("BilinearSampler", "SpatialTransformer"), (1, 0.5)),
}
"""Where an operator reads which points of an image to sample, and how far from 0 most of these may be: in pixels, or
in halves of the image. Points outside of the image are 0."""


class WeightsInRange:
    """The weights of one graph, and the factors that the last run wishes for them."""

    def __init__(self, analysis: Analysis, synthetic: SyntheticValues) -> None:
        self._graph = analysis.graph
        self._synthetic = synthetic
        self._weights = dict(_weights(analysis, synthetic))
        self._gammas = dict(_gammas(analysis, synthetic))
        self._samples = any(node.op in _SAMPLING_AT for node in analysis.graph.nodes)
        self._wishes: Dict[str, float] = {}
        self._held: Set[str] = set()
        self._settled: Set[str] = set()
        self._is_done = False

    def done(self) -> None:
        """Changes nothing from now on."""
        self._is_done = True

    def begin(self, steps: Steps) -> None:
        """Call it before each run."""
        self._steps = steps
        self._settled = set()

    def apply_wishes(self) -> bool:
        """Scales the weights as the last run wishes. Returns whether there was any wish."""
        for name, factor in self._wishes.items():
            self._synthetic.scale(name, factor)
        self._held.update(self._wishes)
        wished, self._wishes = bool(self._wishes), {}
        return wished

    def before(self, index: int, inputs: Sequence[Figures]) -> None:
        """Before an operator runs: scales down an input that would saturate it, and wishes the same of weights
        above."""
        node = self._graph.nodes[index]
        position, factor = 0, 1.0
        if self._is_done:
            return
        if _saturates(node):
            factor = _unsaturating(inputs[0])
        elif node.op in _SAMPLING_AT:
            position, farthest = _SAMPLING_AT[node.op]
            factor = farthest / max(inputs[position].rms, farthest)
        factor = _power_of_2(factor)
        if factor < 1 and self._wish(node.inputs[position][0], factor):
            self._steps.arrays[node.inputs[position]] = self._steps.arrays[node.inputs[position]] * factor

    def after(self, index: int, inputs: Sequence[Figures], outputs: List[Figures]) -> List[Figures]:
        """After an operator has run: brings its outputs into range, and returns their figures."""
        if self._is_done or not all(figures.is_finite for figures in inputs):
            return outputs
        names = self._weights.get(index, [])
        for _ in range(_MOST_TRIES):
            factor = self._factor(index, outputs[0]) if names else None
            if factor is None:
                break
            free = [(name, read) for name, read in names if name not in self._settled]
            if not free:
                self._wish_of(names[0][0], max(min(factor, 4.0), 0.25))
                break
            self._scale(*free[0], factor)
            outputs = [Figures.of(array.asnumpy()) for array in self._steps.run(index)]
        self._settled.update(name for name, _ in names)
        return outputs if names else self._combined(index, outputs)

    def _factor(self, index: int, output: Figures) -> Optional[float]:
        """The factor for the layer's weight, or None if its outputs are in range."""
        if not output.is_float or output.is_nan or output.rms == 0:
            return None
        names = [name for name, _ in self._weights[index]]
        low, high = _SHARED_RANGE if all(name in self._settled for name in names) else self._range(index)
        if low <= output.rms <= high or (output.rms < low and not self._held.isdisjoint(names)):
            return None
        step = _LARGEST_STEP if _is_linear(self._graph.nodes[index]) else _STEP_OF_A_LOOP
        wanted = _power_of_2(min(1.0, high) / output.rms) if math.isfinite(output.rms) else 2.0**-12
        return min(max(wanted, 1 / step), step)

    def _range(self, index: int) -> Tuple[float, float]:
        reads = self._synthetic.readers_of(index) if self._samples else ()
        found = (_SAMPLING_AT.get(read.op, _NOWHERE) for read in reads)
        farthest = min(
            (farthest for read, (position, farthest) in zip(reads, found) if position == read.position), default=None
        )
        return _RANGE if farthest is None else (farthest / 32, farthest / 2)

    def _scale(self, name: str, read: Read, factor: float) -> None:
        """Scales the weight, and the arrays to which its numbers have been passed on."""
        self._synthetic.scale(name, factor)
        source = self._graph.nodes[read.place].inputs
        nodes = {*read.path, *(index for index, _ in source if self._graph.nodes[index].name == name)}
        nodes.update(index for index, _ in self._first_inputs(read.path))
        for entry in [entry for entry in self._steps.arrays if entry[0] in nodes]:
            self._steps.arrays[entry] = self._steps.arrays[entry] * factor

    def _first_inputs(self, path: Sequence[int]) -> List[Tuple[int, int]]:
        return [self._graph.nodes[place].inputs[0] for place in path]

    def _combined(self, index: int, outputs: List[Figures]) -> List[Figures]:
        """Scales outputs that are far off, and wishes the same for the weights above. Returns the figures."""
        node, output = self._graph.nodes[index], outputs[0]
        if node.op not in _COMBINING or not output.is_float or output.rms == 0 or not output.is_finite:
            return outputs
        if output.low <= _FAR and output.high >= 1 / _FAR:
            return outputs
        factor = _power_of_2(1 / (output.low if output.low > _FAR else output.high))
        if not 1 / _LARGEST_STEP < factor < _LARGEST_STEP or not self._wish(index, factor):
            return outputs
        self._steps.arrays[index, 0] = array = self._steps.arrays[index, 0] * factor
        return [Figures.of(array.asnumpy()), *outputs[1:]]

    def _wish(self, index: int, factor: float) -> bool:
        """Wishes the factor for the weights that scale the node's outputs. False if there are none."""
        names = list(self._scaling(index, set()))
        for name in names:
            self._wish_of(name, factor)
        return bool(names)

    def _wish_of(self, name: str, factor: float) -> None:
        self._wishes[name] = min(factor, self._wishes.get(name, factor))

    def _scaling(self, index: int, seen: Set[int]) -> Iterator[str]:
        """The weights to which a node's outputs are proportional: the nearest one in each branch of a sum."""
        pending = [index]
        while pending:
            index = pending.pop()
            if index in seen:
                continue
            seen.add(index)
            node = self._graph.nodes[index]
            names = [name for name, _ in self._weights.get(index, ())] or self._gammas.get(index, [])
            yield from names[:1]
            if not names and node.op not in _ENDING and node.inputs:
                all_count = node.op in traits.ADDING or node.op in traits.JOINING
                pending.extend(source for source, _ in (node.inputs if all_count else node.inputs[:1]))


def _weights(analysis: Analysis, synthetic: SyntheticValues) -> Iterator[Tuple[int, List[Tuple[str, Read]]]]:
    """For each operator, the weights by which it multiplies its inputs."""
    found: Dict[int, List[Tuple[str, Read]]] = {}
    for index, role in analysis.roles.items():
        name = analysis.graph.nodes[index].name
        if role in INPUT_ROLES or synthetic.fill(name).kind != "normal" or synthetic.is_given(name):
            continue
        for read in synthetic.reads(name):
            is_layers = read.op in traits.RECURRENT or traits.WEIGHT_AT.get(read.op) == read.position
            if (is_layers or read.op in traits.PRODUCTS) and not read.joined:
                found.setdefault(read.place, []).append((name, read))
    yield from found.items()


def _gammas(analysis: Analysis, synthetic: SyntheticValues) -> Iterator[Tuple[int, List[str]]]:
    """For each normalization layer, the gamma by which it multiplies its outputs."""
    for index, role in analysis.roles.items():
        name = analysis.graph.nodes[index].name
        for read in synthetic.reads(name) if role not in INPUT_ROLES else ():
            is_free = read.op not in traits.BATCH_NORMS or not read.call.flag("fix_gamma", True)
            if read.op in traits.NORMS and read.position == 1 and is_free and not read.path:
                yield read.place, [name]


def _is_linear(node: Node) -> bool:
    return (not node.subgraphs or node.op.startswith(FUSED_PREFIX)) and node.op not in traits.RECURRENT


def _saturates(node: Node) -> bool:
    return node.op in _SATURATING and node.attrs.get("act_type", "sigmoid") != "relu"


def _unsaturating(first: Figures) -> float:
    """The factor for the input of a softmax, at most 1."""
    if not first.spread > _SATURATED and not first.most > _VANISHED:
        return 1.0
    return min(_UNSATURATED / max(first.spread, _UNSATURATED), _VANISHED / 2 / max(first.most, _VANISHED / 2))


def _power_of_2(factor: float) -> float:
    return 2.0 ** round(math.log2(factor)) if factor > 0 and math.isfinite(factor) else 1.0
