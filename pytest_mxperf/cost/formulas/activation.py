"""Activation functions: one evaluation of a scalar function is one FLOP, be it a comparison or an exponential."""

from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost


@formula("Activation", "LeakyReLU", "relu", "sigmoid", "hard_sigmoid", "softsign", "clip")
def activation(op: Call) -> OpCost:
    """One FLOP per output element. ``clip`` is here because ReLU6 is written with it."""
    return OpCost(activation=op.output_size)
