"""Normalization layers, as they run at inference."""

from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost


@formula("BatchNorm", "BatchNorm_v1")
def batch_norm(op: Call) -> OpCost:
    """At inference the four vectors fold into a scale and a shift: 2 FLOPs per element."""
    return OpCost(normalization=2 * op.input_size)


@formula("LRN")
def local_response_norm(op: Call) -> OpCost:
    """Across channels: ``x * (knorm + alpha/n * sum of n squares) ** -beta``.

    Per element: 1 square, n - 1 additions for the window, 1 scaling, 1 addition of knorm, 1 power, 1 multiplication:
    n + 4 FLOPs.
    """
    return OpCost(normalization=(op.integer("nsize", 5) + 4) * op.input_size)


@formula("L2Normalization")
def l2_normalization(op: Call) -> OpCost:
    """``x / sqrt(sum(x^2) + eps)`` over groups of n elements.

    Per element a square and a division; per group n - 1 additions, one for eps, and a root: 3n + 1 FLOPs.
    ``mode`` says what a group is: a sample (``instance``), a position over the channels (``channel``), a channel's
    positions (``spatial``).
    """
    shape = op.inputs[0]
    groups = {
        "instance": shape[0],
        "channel": op.input_size // shape[1],
        "spatial": shape[0] * shape[1],
    }[op.text("mode", "instance")]
    return OpCost(normalization=3 * op.input_size + groups)
