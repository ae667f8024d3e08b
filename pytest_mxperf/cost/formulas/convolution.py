"""Convolutions. Taps that fall on padding count, as in torchvision, fvcore and PyTorch's counter.

The count follows the definition of the operator. Algorithms with fewer multiplications (Winograd, FFT) are the
library's choice and change nothing.
"""

from pytest_mxperf.cost.registry import Call, formula, free, size
from pytest_mxperf.cost.result import OpCost


def filtered(op: Call, weight: int) -> OpCost:
    """Every output element is the dot product of one filter with a window of its group's channels.

    ``weight`` is the position of the filters among the inputs. A bias follows it. There is one filter per output
    channel in every layout, ``(F, C/g, *k)`` or ``(F, *k, C/g)``. So MACs = output elements x (weight elements / F),
    whatever stride, padding and dilation are. Bias: one addition per output element.
    """
    filters = op.inputs[weight]
    return OpCost(
        macs=op.output_size * (size(filters) // filters[0]),
        bias=op.output_size if len(op.inputs) > weight + 1 else 0,
    )


@formula("Convolution", "Convolution_v1")
def convolution(op: Call) -> OpCost:
    """Dot products of windows with filters: see ``filtered``."""
    return filtered(op, weight=1)


@formula("Deconvolution")
def deconvolution(op: Call) -> OpCost:
    """Every input element is scattered through one filter of its group: the transpose of a convolution.

    The weight is ``(C, F/g, *k)`` or ``(C, *k, F/g)``. So MACs = input elements x (weight elements / C), for any
    ``adj``, ``pad`` and ``target_shape``. Taps that padding cuts off count. Bias (only with ``no_bias=False``): one
    addition per output element.
    """
    weight = op.inputs[1]
    return OpCost(
        macs=op.input_size * (size(weight) // weight[0]),
        bias=op.output_size if len(op.inputs) > 2 else 0,
    )


@formula("Correlation")
def correlation(op: Call) -> OpCost:
    """Compares windows of k x k x C elements of one image with displaced windows of another, and divides by their size.

    An output element is the dot product of two windows: n MACs. With ``is_multiply=False`` it is the sum of the
    absolute differences: n subtractions, n absolute values and n - 1 additions. Then one division.
    """
    window = op.integer("kernel_size", 1) ** 2 * op.inputs[0][1]
    if op.flag("is_multiply", default=True):
        return OpCost(macs=op.output_size * window, elementwise=op.output_size)
    return OpCost(elementwise=op.output_size * (2 * window + 1), reduction=op.output_size * (window - 1))


free("moves or renames data", "im2col")


@formula("col2im")
def col2im(op: Call) -> OpCost:
    """Adds every column element to its place in the image. Elements that fall on padding count too."""
    return OpCost(reduction=op.input_size)
