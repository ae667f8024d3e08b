"""Pooling of windows and of regions."""

from math import gcd
from typing import Tuple

from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.errors import GraphError


@formula("Pooling", "Pooling_v1")
def pooling(op: Call) -> OpCost:
    """Per output element, over a window of k elements, padding included.

    max: k - 1 comparisons. sum: k - 1 additions. avg: k - 1 additions and a division, for any ``count_include_pad``.
    lp: k powers, k - 1 additions and a root; with ``p_value=1`` as sum. With ``global_pool`` the window is the whole
    input.
    """
    window = _window_size(op)
    per_output = {"max": window - 1, "sum": window - 1, "avg": window, "lp": 2 * window}
    kind = op.text("pool_type", "max")
    if kind not in per_output:
        raise GraphError(f"{op.op}: unknown pool_type {kind!r}")
    if kind == "lp" and op.text("p_value", "2") == "1":
        kind = "sum"
    return OpCost(pooling=op.output_size * per_output[kind])


def _window_size(op: Call) -> int:
    if op.flag("global_pool"):
        # One output per sample and channel, wherever the layout puts the channel.
        return op.input_size // op.output_size
    return size(op.integers("kernel"))


@formula("_contrib_AdaptiveAvgPooling2D")
def adaptive_average_pooling(op: Call) -> OpCost:
    """The mean of every bin: for n elements n - 1 additions and a division. See ``_binned``."""
    maps, covered = _binned(op)
    return OpCost(pooling=maps * covered)


@formula("ROIPooling")
def roi_pooling(op: Call) -> OpCost:
    """The maximum of every bin: n - 1 comparisons for n elements. See ``_binned``.

    By convention every region is the whole map, because regions are data.
    """
    maps, covered = _binned(op)
    return OpCost(pooling=maps * covered - op.output_size)


@formula("_contrib_PSROIPooling")
def position_sensitive_roi_pooling(op: Call) -> OpCost:
    """The mean of every bin, each in its own channel: n FLOPs for n elements. See ``_binned``.

    By convention every region is the whole map, because regions are data.
    """
    maps, covered = _binned(op)
    return OpCost(pooling=maps * covered)


def _binned(op: Call) -> Tuple[int, int]:
    """The number of output maps, and the sum of the sizes of one map's bins, which share out the input map.

    Bin i of b along an axis of n goes from floor(i n / b) to ceil((i + 1) n / b). At a border, two bins share an
    element, unless the border falls between two elements. That is so for gcd(n, b) - 1 of the b - 1 borders. So the
    sizes add up to n + b - gcd(n, b).
    """
    covered = 1
    for length, bins in zip(op.inputs[0][2:], op.outputs[0][2:]):
        covered *= length + bins - gcd(length, bins)
    return size(op.outputs[0][:2]), covered
