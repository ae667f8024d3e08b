"""Matrix products."""

from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost


@formula("FullyConnected")
def fully_connected(op: Call) -> OpCost:
    """``y = x W^T + b`` with W ``(num_hidden, K)``: K MACs per output element, with ``flatten`` or without.

    Bias: one addition per output element.
    """
    return OpCost(
        macs=op.output_size * op.inputs[1][1],
        bias=op.output_size if len(op.inputs) > 2 else 0,
    )
