"""Pooling."""

from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.errors import GraphError


@formula("Pooling", "Pooling_v1")
def pooling(op: Call) -> OpCost:
    """Per output element, over a window of k elements, padding included.

    max: k - 1 comparisons. sum: k - 1 additions. avg: k - 1 additions and a division. lp: k powers, k - 1 additions
    and a root. ``global_pool`` takes the whole input as its window.
    """
    window = _window_size(op)
    per_output = {"max": window - 1, "sum": window - 1, "avg": window, "lp": 2 * window}
    kind = op.text("pool_type", "max")
    if kind not in per_output:
        raise GraphError(f"{op.op}: unknown pool_type {kind!r}")
    return OpCost(pooling=op.output_size * per_output[kind])


def _window_size(op: Call) -> int:
    if op.flag("global_pool"):
        # One output per sample and channel, wherever the layout puts the channel.
        return op.input_size // op.output_size
    return size(op.integers("kernel"))
