"""Softmax and the output layers built on it; at inference the losses pass their prediction through."""

from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost


def softmax_flops(elements: int, rows: int) -> int:
    """FLOPs of ``rows`` softmaxes over ``elements`` in total.

    A row of n: n - 1 comparisons for the maximum, n subtractions, n exponentials, n - 1 additions, n divisions:
    5n - 2.
    """
    return 5 * elements - 2 * rows


@formula("softmax", "log_softmax", "softmin")
def softmax(op: Call) -> OpCost:
    """A softmax along ``axis``: see ``softmax_flops``."""
    rows = op.input_size // op.inputs[0][op.axis(-1)]
    return OpCost(softmax=softmax_flops(op.input_size, rows))


@formula("SoftmaxOutput")
def softmax_output(op: Call) -> OpCost:
    """A softmax over the channels (``multi_output``), the last axis (``preserve_shape``) or all but the batch."""
    shape = op.inputs[0]
    if op.flag("multi_output"):
        rows = op.input_size // shape[1]
    elif op.flag("preserve_shape"):
        rows = op.input_size // shape[-1]
    else:
        rows = shape[0]
    return OpCost(softmax=softmax_flops(op.input_size, rows))


@formula("SoftmaxActivation")
def softmax_activation(op: Call) -> OpCost:
    """A softmax over the channels (``mode=channel``) or over all but the batch."""
    shape = op.inputs[0]
    rows = op.input_size // shape[1] if op.text("mode", "instance") == "channel" else shape[0]
    return OpCost(softmax=softmax_flops(op.input_size, rows))
