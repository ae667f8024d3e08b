"""Reductions along axes."""

from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost


@formula("sum", "max", "min", "prod", "nansum", "nanprod", "argmax", "argmin")
def reduction(op: Call) -> OpCost:
    """n elements into one take n - 1 operations: input elements - output elements."""
    return OpCost(reduction=op.input_size - op.output_size)


@formula("mean")
def mean(op: Call) -> OpCost:
    """n - 1 additions and a division for every output element: one FLOP per input element."""
    return OpCost(reduction=op.input_size)
