"""Normalization layers, as they run at inference."""

from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost


@formula("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm")
def batch_norm(op: Call) -> OpCost:
    """At inference the four vectors of parameters become a scale and a shift: 2 FLOPs per element."""
    return OpCost(normalization=2 * op.input_size)


@formula("_contrib_BatchNormWithReLU")
def batch_norm_relu(op: Call) -> OpCost:
    """A BatchNorm and a ReLU."""
    return batch_norm(op) + OpCost(activation=op.output_size)


def standardize_flops(elements: int, groups: int) -> int:
    """FLOPs of ``gamma * (x - mean) / sqrt(var + eps) + beta`` over ``elements`` in ``groups``.

    A group of n: n for the mean, n subtractions, n squares, n for their mean, an addition of eps and a root. Then n
    divisions, n multiplications and n additions: 7n + 2 in all.
    """
    return 7 * elements + 2 * groups


@formula("LayerNorm")
def layer_norm(op: Call) -> OpCost:
    """Standardizes the vectors along ``axis``: see ``standardize_flops``."""
    rows, _ = op.rows()
    return OpCost(normalization=standardize_flops(op.input_size, rows))


@formula("InstanceNorm")
def instance_norm(op: Call) -> OpCost:
    """Standardizes every channel of every sample."""
    samples, channels = op.inputs[0][:2]
    return OpCost(normalization=standardize_flops(op.input_size, samples * channels))


@formula("GroupNorm")
def group_norm(op: Call) -> OpCost:
    """Standardizes the channels of every sample in ``num_groups`` groups."""
    return OpCost(normalization=standardize_flops(op.input_size, op.inputs[0][0] * op.integer("num_groups", 1)))


@formula("LRN")
def local_response_norm(op: Call) -> OpCost:
    """Across channels: ``x * (knorm + alpha/n * sum of n squares) ** -beta``.

    Per element: 1 square, n - 1 additions for the window, 1 scaling, 1 addition of knorm, 1 power, 1 multiplication:
    n + 4 FLOPs. Channels beyond the edge count, like padding.
    """
    return OpCost(normalization=(op.integer("nsize", 5) + 4) * op.input_size)


@formula("L2Normalization")
def l2_normalization(op: Call) -> OpCost:
    """``x / sqrt(sum(x^2) + eps)`` over groups of n elements.

    Per element a square and a division, per group n - 1 additions, one for eps, and a root: 3n + 1 FLOPs.
    ``mode`` says what a group is: a sample (``instance``), all channels at one position (``channel``), or all positions
    of one channel (``spatial``).
    """
    shape = op.inputs[0]
    mode = op.text("mode", "instance")
    if mode == "instance":
        groups = shape[0]
    elif mode == "channel":
        groups = op.input_size // shape[1]
    else:
        groups = shape[0] * shape[1]
    return OpCost(normalization=3 * op.input_size + groups)
