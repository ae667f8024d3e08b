"""Operators that compute each output element from one element of each input: one FLOP per output element."""

from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost

_BINARY = ("add", "sub", "mul", "div", "mod", "power", "maximum", "minimum", "hypot")
_COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
_LOGICAL = ("logical_and", "logical_or", "logical_xor")
_UNARY = (
    *("abs", "sign", "ceil", "floor", "rint", "round", "trunc", "fix", "negative", "reciprocal", "square", "sqrt"),
    *("rsqrt", "cbrt", "rcbrt", "exp", "expm1", "log", "log10", "log1p", "log2", "erf", "erfinv", "gamma", "gammaln"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("degrees", "radians", "logical_not", "smooth_l1"),
)
_SCALAR = ("plus", "minus", "rminus", "mul", "div", "rdiv", "mod", "rmod", "power", "rpower", "maximum", "minimum")


@formula(
    *(f"elemwise_{name}" for name in ("add", "sub", "mul", "div")),
    *(f"_{name}" for name in ("mod", "power", "maximum", "minimum", "hypot", *_COMPARISONS, *_LOGICAL)),
    *(f"broadcast_{name}" for name in (*_BINARY, *_COMPARISONS, *_LOGICAL)),
    *(f"_{name}_scalar" for name in (*_SCALAR, "hypot", *_COMPARISONS, *_LOGICAL)),
    *_UNARY,
)
def elementwise(op: Call) -> OpCost:
    """One operation per output element."""
    return OpCost(elementwise=op.output_size)


@formula("add_n")
def add_n(op: Call) -> OpCost:
    """The sum of n tensors: n - 1 additions per output element."""
    return OpCost(elementwise=(len(op.inputs) - 1) * op.output_size)
