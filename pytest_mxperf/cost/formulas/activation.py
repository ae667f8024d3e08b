"""Activation functions: one evaluation of a scalar function is one FLOP, a comparison and an exponential alike.

A compound function such as GELU or SELU counts as one function too. The library decides how many instructions it takes,
and it is still one pass over the tensor.
"""

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost


@formula(*traits.ACTIVATIONS, "LogisticRegressionOutput")
def activation(op: Call) -> OpCost:
    """One FLOP per output element, whatever ``act_type``.

    ``clip`` is here because ReLU6 is written with it. ``LogisticRegressionOutput`` is a sigmoid at inference.
    """
    return OpCost(activation=op.output_size)
