"""Softmax and the output layers that use it. At inference these return the softmax, without a loss."""

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
    """A softmax along ``axis``: see ``softmax_flops``.

    ``log_softmax`` takes one logarithm per row and subtracts it, where softmax divides: 5n - 1. ``softmin`` negates its
    input first, and a ``temperature`` divides the exponents: n more each. With ``use_length`` rows are shorter, but
    only the data say how much, so full rows count.
    """
    rows, _ = op.rows()
    flops = softmax_flops(op.input_size, rows)
    if op.op == "log_softmax":
        flops += rows
    if op.op == "softmin":
        flops += op.input_size
    if op.text("temperature", "None") != "None" and float(op.attrs["temperature"]) != 1:
        flops += op.input_size
    return OpCost(softmax=flops)


@formula("SoftmaxOutput")
def softmax_output(op: Call) -> OpCost:
    """A softmax over the channels (``multi_output``), the last axis (``preserve_shape``) or all axes but the batch."""
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
    """A softmax over the channels (``mode=channel``) or along the last axis (``instance``)."""
    shape = op.inputs[0]
    channels = shape[1] if op.text("mode", "instance") == "channel" else shape[-1]
    return OpCost(softmax=softmax_flops(op.input_size, op.input_size // channels))
