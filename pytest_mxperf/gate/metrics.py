"""The metrics that gates are set for: their units, whose tolerance they take, where their values come from."""

from typing import Dict, Optional, Union

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.quantities import Quantity

__all__ = ["BUDGETS", "IF_ASKED", "NO_FILE", "PER_ITEM", "TOLERANCE_FROM", "WALL_TIMES", "costs", "latencies"]

_FIGURES = ("p50", "p90", "p99", "mean")
"""Of a ``Timing``."""
LATENCIES = {f"latency_{figure}": figure for figure in _FIGURES}
WALL_TIMES = {f"wall_{figure}": figure for figure in _FIGURES}
"""What a baseline can hold against wall times that were stored. Nothing of it is timed side by side."""

PER_ITEM = "_per_item"
"""Ending of a budget for one item of the batch."""
_OF_A_FORWARD: Dict[str, Quantity] = {
    "macs": Quantity.COUNT,
    "flops": Quantity.COUNT,
    "peak_activation_bytes": Quantity.BYTES,
    **dict.fromkeys(LATENCIES, Quantity.SECONDS),
}
BUDGETS: Dict[str, Quantity] = {
    "macs": Quantity.COUNT,
    "flops": Quantity.COUNT,
    "params": Quantity.COUNT,
    "param_bytes": Quantity.BYTES,
    "checkpoint_bytes": Quantity.BYTES,
    "rss": Quantity.BYTES,
    **_OF_A_FORWARD,
    **{f"{name}{PER_ITEM}": unit for name, unit in _OF_A_FORWARD.items()},
}
"""What a budget can limit. ``params`` are the trainable ones; ``param_bytes`` are the bytes of all."""

IF_ASKED = ("checkpoint_bytes",)
"""What a baseline compares of the files only if it is given a tolerance."""

NO_FILE = "the model has no .params file that can be read"

TOLERANCE_FROM = {"macs": None, "flops": "macs", "params": None, "param_bytes": "params"}
"""What a baseline compares always, and whose tolerance that takes if it is given none: by default costs are exact."""


def costs(model: Union[Baseline, CostReport]) -> Dict[str, int]:
    return {
        "macs": model.macs,
        "flops": model.flops,
        "params": model.params.trainable,
        "param_bytes": model.params.bytes,
        "peak_activation_bytes": model.peak_activation_bytes,
        **({} if model.checkpoint_bytes is None else {"checkpoint_bytes": model.checkpoint_bytes}),
    }


def latencies(timing: Optional[Timing]) -> Dict[str, float]:
    """In seconds; none of a throughput."""
    if timing is None or not timing.is_latency:
        return {}
    return {f"latency_{figure}": getattr(timing, figure) for figure in _FIGURES}
