"""Convolutions. Taps that fall on padding count, as in torchvision, fvcore and PyTorch's counter."""

from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost


@formula("Convolution", "Convolution_v1")
def convolution(op: Call) -> OpCost:
    """Every output element is the dot product of one filter with a window of its group's channels.

    The weight has one filter per output channel in every layout, ``(F, C/g, *k)`` or ``(F, *k, C/g)``, so
    MACs = output elements x (weight elements / F). Bias: one addition per output element.
    """
    weight = op.inputs[1]
    return OpCost(
        macs=op.output_size * (size(weight) // weight[0]),
        bias=op.output_size if len(op.inputs) > 2 else 0,
    )


@formula("Deconvolution")
def deconvolution(op: Call) -> OpCost:
    """Every input element is scattered through one filter of its group: the transpose of a convolution.

    The weight is ``(C, F/g, *k)``: MACs = input elements x (weight elements / C), whatever ``adj`` and
    ``target_shape`` make of the output. Bias: one addition per output element.
    """
    weight = op.inputs[1]
    return OpCost(
        macs=op.input_size * (size(weight) // weight[0]),
        bias=op.output_size if len(op.inputs) > 2 else 0,
    )
