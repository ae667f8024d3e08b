"""What other tools would report for a model: their totals, rebuilt from the parts of a ``CostReport``.

A convention is data: it lists quantities of operators, each with a weight, and ignores all others. Operators without a
rule of ours are missing from it, as from every total. Each tool counts PyTorch modules. So a convention counts an MXNet
operator as PyTorch's operator of the same meaning, and a quantized or fused operator as the operators that it was made
from. The weights were checked against the tools themselves, in the versions named.

A ``LayerCost`` does not keep the operator's attributes. If a tool depends on them, the convention assumes the usual
case, and says so.
"""

from fractions import Fraction
from types import MappingProxyType
from typing import FrozenSet, Iterable, Mapping, NamedTuple, Tuple, Union

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import size
from pytest_mxperf.cost.result import ConventionName, LayerCost, Shape
from pytest_mxperf.errors import UsageError, listed

__all__ = ["CONVENTIONS", "OUTPUTS", "Convention", "Part", "convention"]

OUTPUTS = "outputs"
"""The only quantity that is not a field of ``OpCost``: the elements of the first output, in all executions."""


class Part(NamedTuple):
    """A weight on one quantity of some operators: a field of ``OpCost``, or ``OUTPUTS``."""

    operators: FrozenSet[str]
    quantity: str
    weight: Union[int, Fraction] = 1
    maps: Tuple[Shape, ...] = ()
    """If given, only layers count whose output maps have one of these shapes, with channels first or last."""

    def of(self, layer: LayerCost) -> Union[int, Fraction]:
        if layer.op not in self.operators or not self._fits(layer.outputs[0]):
            return 0
        if self.quantity == OUTPUTS:
            return self.weight * layer.executions * size(layer.outputs[0])
        return self.weight * int(getattr(layer.cost, self.quantity))

    def _fits(self, output: Shape) -> bool:
        return not self.maps or output[2:] in self.maps or output[1:-1] in self.maps


class Convention(NamedTuple):
    """How one tool counts."""

    summary: str
    parts: Tuple[Part, ...]

    def total(self, layers: Iterable[LayerCost]) -> int:
        """The tool's total for these layers. If a convention is not exact, fractions are cut off."""
        return int(sum(part.of(layer) for layer in layers for part in self.parts))


_CONVOLUTION = traits.CONVOLUTIONS | {"_sg_mkldnn_conv"}
_DECONVOLUTION = frozenset({"Deconvolution"})
_DENSE = traits.DENSE | {"_sg_mkldnn_fully_connected"}
_MATMUL = frozenset({"dot", "batch_dot", "_np_dot", "_npi_matmul", "_npi_einsum", "_linalg_gemm2"})
_ATTENTION = traits.ATTENTION | {"_sg_mkldnn_selfatt_qk", "_sg_mkldnn_selfatt_valatt"}
# Products that PyTorch has as baddbmm and tensordot. PyTorch's own counter counts what is in these, fvcore does not.
_COMPOSED = frozenset({"_linalg_gemm", "_npi_tensordot", "_npi_tensordot_int_axes"})
_BATCH_NORM = traits.BATCH_NORMS | {"_sg_mkldnn_conv"}
_LAYER_NORM = frozenset({"LayerNorm"})
_GROUP_NORM = frozenset({"GroupNorm"})
_INSTANCE_NORM = frozenset({"InstanceNorm"})
_ADAPTIVE_POOLING = frozenset({"_contrib_AdaptiveAvgPooling2D"})
_UPSAMPLING = frozenset({"UpSampling"})
_RESIZE = frozenset({"_contrib_BilinearResize2D"})
_GRID_SAMPLING = frozenset({"BilinearSampler", "SpatialTransformer"})
_SOFTMAX = frozenset({"softmax", "SoftmaxOutput", "SoftmaxActivation"})

_ONE_PIXEL: Tuple[Shape, ...] = ((1, 1),)
_ONE_POINT: Tuple[Shape, ...] = ((1,), (1, 1), (1, 1, 1))

_TORCHVISION = Convention(
    summary="MACs of convolutions and products alone, as torchvision 0.28 publishes them (and calls them GFLOPS); "
    "FlopCounterMode of torch 2.13 says twice as much",
    parts=(Part(_CONVOLUTION | _DECONVOLUTION | _DENSE | _MATMUL | _ATTENTION | _COMPOSED | traits.RECURRENT, "macs"),),
)
"""Exact, except that

- a product with a vector counts, which ``FlopCounterMode`` ignores;
- an einsum of three operands or more counts in MXNet's order of contraction, not in PyTorch's;
- recurrent layers count as if PyTorch ran them operator by operator. PyTorch's counter ignores an LSTM that oneDNN or
  cuDNN runs.

A bilinear ``UpSampling`` is a deconvolution in MXNet. Here it is an interpolation, which has no MACs.
"""

_FVCORE = Convention(
    summary="FlopCountAnalysis of fvcore 0.1.5.post20221221 with its default operators, in eval mode",
    parts=(
        Part(_CONVOLUTION | _DECONVOLUTION | _DENSE | _MATMUL | _ATTENTION, "macs"),
        # 2 per element for a batch norm. 5 for the other norms, which fvcore calls a rough estimate.
        Part(_BATCH_NORM, "normalization"),
        Part(_LAYER_NORM | _GROUP_NORM | _INSTANCE_NORM, OUTPUTS, 5),
        # Adaptive average pooling: 1 per input element. The bins have as many elements if they do not overlap.
        Part(traits.POOLING, "pooling", maps=_ONE_PIXEL),
        Part(_ADAPTIVE_POOLING, "pooling"),
        # Per output element 1 if nearest, 4 if bilinear. MXNet's bilinear deconvolution has 4 MACs for even scales.
        Part(_UPSAMPLING, OUTPUTS),
        Part(_UPSAMPLING, "macs", Fraction(3, 4)),
        Part(_RESIZE | _GRID_SAMPLING, OUTPUTS, 4),
    ),
)
"""Ignored: biases, activations, elementwise operators, softmax, maximum and windowed average pooling, recurrent layers.

Exact, except that

- a two-dimensional pooling to 1 x 1 counts as an adaptive average pooling, although fvcore ignores other types (a
  maximum) and a window of that size. The same goes for pooling of a single channel to 1 x n;
- adaptive pooling into bins that overlap counts shared elements more than once;
- normalizations always count a scale and a shift, as MXNet's always have them, even if these are constants;
- bilinear upsampling by an odd scale differs;
- einsum and products with a vector are as in ``torchvision``.
"""

_THOP = Convention(
    summary="profile() of thop 0.1.1.post2209072238",
    parts=(
        Part(_CONVOLUTION | _DECONVOLUTION | _DENSE | traits.RECURRENT, "macs"),
        # Per element 2 for a norm, doubled if it has a scale and a shift.
        Part(_BATCH_NORM, "normalization", 2),
        Part(_LAYER_NORM | _INSTANCE_NORM, OUTPUTS, 4),
        # Adaptive average pooling: 1 per element of the window, and 1 per output element.
        Part(traits.POOLING, "pooling", maps=_ONE_POINT),
        Part(traits.POOLING, OUTPUTS, maps=_ONE_POINT),
        Part(_ADAPTIVE_POOLING, "pooling"),
        Part(_ADAPTIVE_POOLING, OUTPUTS),
        # A softmax over n elements: 3n - 1 where ours is 5n - 2.
        Part(_SOFTMAX, "softmax", Fraction(1, 2)),
        Part(_SOFTMAX, OUTPUTS, Fraction(1, 2)),
        # Per output element 1 if nearest, 11 if bilinear (4 MACs, see fvcore).
        Part(_UPSAMPLING, OUTPUTS),
        Part(_UPSAMPLING, "macs", Fraction(5, 2)),
        Part(_RESIZE, OUTPUTS, 11),
        # Beside the products, thop counts 16 per unit of an LSTM, 13 of a GRU, 3 of a plain network. We count, as
        # biases, activations, elementwise: 8 5 8, 6 3 8, 2 1 1. These weights solve the three equations.
        Part(traits.RECURRENT, "bias", Fraction(7, 10)),
        Part(traits.RECURRENT, "activation", Fraction(4, 5)),
        Part(traits.RECURRENT, "elementwise", Fraction(4, 5)),
    ),
)
"""thop hooks modules, so it ignores products of two tensors (``batch_dot``, attention). It also ignores biases (earlier
versions counted a convolution's), activations, maximum pooling and group normalization.

Exact, except that

- a deconvolution counts every product once. thop uses the size of the output in place of the input's, and finds about
  stride x stride times as many;
- average pooling to more than one point, 1 per output element in thop, is left out: it looks like maximum pooling;
- pooling to one point counts as an adaptive average pooling, as in ``fvcore``;
- PReLU, 1 per element in thop, is left out: it looks like the other kinds of ``LeakyReLU``;
- recurrent layers with a projection or clipping, and a softmax with a temperature, differ, and so do normalizations,
  overlapping bins and odd scales, as in ``fvcore``.
"""

_CONV_ONLY = Convention(
    summary="multiply-accumulates of convolutions, and 1 per output element for a bias",
    parts=(Part(_CONVOLUTION, "macs"), Part(_CONVOLUTION, "bias")),
)
"""``output elements x (kernel height x kernel width x input channels / groups + 1)``, a recipe that many start from."""

CONVENTIONS: Mapping[ConventionName, Convention] = MappingProxyType(
    {"torchvision": _TORCHVISION, "fvcore": _FVCORE, "thop": _THOP, "conv-only": _CONV_ONLY}
)


def convention(name: ConventionName) -> Convention:
    """The convention of this name. Raises ``UsageError`` if there is none."""
    if name not in CONVENTIONS:
        raise UsageError(f"counted_as: unknown convention {name!r}; there are {listed(sorted(CONVENTIONS))}")
    return CONVENTIONS[name]
