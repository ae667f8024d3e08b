"""Operators that compute each output element from one element of each input: one FLOP per output element."""

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost

_UNARY_NP = (
    *traits.FUNCTIONS.difference(("abs", "round", "rsqrt", "rcbrt", "erf", "erfinv", "gamma", "gammaln", "smooth_l1")),
    *("absolute", "around", "bitwise_not", "isnan", "isinf", "isposinf", "isneginf", "isfinite", "nan_to_num"),
)

_BINARY = ("add", "sub", "mul", "div", "mod", "power", "maximum", "minimum", "hypot")
_COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
_LOGICAL = ("logical_and", "logical_or", "logical_xor")
_SCALAR = ("plus", "minus", "rminus", "mul", "div", "rdiv", "mod", "rmod", "power", "rpower", "maximum", "minimum")

_BOTH_NP = (  # with a tensor, and with ``_scalar`` appended
    *("add", "subtract", "multiply", "true_divide", "mod", "power", "copysign", "arctan2", "ldexp", "lcm"),
    *("bitwise_and", "bitwise_or", "bitwise_xor"),
    *("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"),
)
_REVERSED_NP = ("rsubtract", "rtrue_divide", "rmod", "rpower", "rcopysign", "rarctan2", "rldexp")


@formula(
    *traits.FUNCTIONS,
    *(f"_npi_{name}" for name in _UNARY_NP),
    *(f"elemwise_{name}" for name in ("add", "sub", "mul", "div")),
    *(f"_{name}" for name in ("mod", "power", "maximum", "minimum", "hypot", *_COMPARISONS, *_LOGICAL)),
    *(f"broadcast_{name}" for name in (*_BINARY, *_COMPARISONS, *_LOGICAL)),
    *(f"_{name}_scalar" for name in (*_SCALAR, "hypot", *_COMPARISONS, *_LOGICAL)),
    *(f"_npi_{name}" for name in (*_BOTH_NP, "hypot")),
    *(f"_npi_{name}_scalar" for name in (*_BOTH_NP, *_REVERSED_NP)),
    *("_scatter_elemwise_div", "_scatter_plus_scalar", "_scatter_minus_scalar"),
    *("_contrib_round_ste", "_contrib_sign_ste"),
)
def elementwise(op: Call) -> OpCost:
    """One operation, or one evaluation of a function, per output element.

    A compound function such as ``smooth_l1`` or ``nan_to_num`` is one function, as for activations. Sparse tensors
    count as dense ones, because their shape does not say how many values they store.
    """
    return OpCost(elementwise=op.output_size)


@formula("add_n")
def add_n(op: Call) -> OpCost:
    """The sum of n tensors: n - 1 additions per output element."""
    return OpCost(elementwise=(len(op.inputs) - 1) * op.output_size)


@formula("_contrib_quadratic")
def quadratic(op: Call) -> OpCost:
    """``x * (a * x + b) + c``: 2 multiplications and 2 additions per element."""
    return OpCost(elementwise=4 * op.output_size)


@formula("_contrib_div_sqrt_dim")
def div_sqrt_dim(op: Call) -> OpCost:
    """``x / sqrt(length of the last axis)``: one root, and one division per element."""
    return OpCost(elementwise=op.output_size + 1)


@formula("_contrib_allclose")
def allclose(op: Call) -> OpCost:
    """``all(|a - b| <= atol + rtol * |b|)``, one flag for n pairs.

    Per pair a subtraction, 2 absolute values, a multiplication, an addition and a comparison; then n - 1 conjunctions.
    """
    return OpCost(elementwise=6 * op.input_size, reduction=max(op.input_size - 1, 0))


@formula("Dropout")
def dropout(op: Call) -> OpCost:
    """At inference it passes its input through and costs nothing, unless ``mode`` is ``always``.

    Then every element of the mask is scaled by 1 / (1 - p), and every output element is multiplied by its mask. The
    mask has length 1 along ``axes``. Drawing it is free, like all random numbers. With p = 0 there is no mask.
    """
    if op.text("mode", "training") != "always" or float(op.text("p", "0.5")) == 0:
        return OpCost()
    shared = op.integers("axes")
    mask = tuple(length for axis, length in enumerate(op.inputs[0]) if axis not in shared)
    return OpCost(elementwise=size(mask) + op.output_size)


@formula("_ravel_multi_index", "_unravel_index")
def flat_index(op: Call) -> OpCost:
    """An index from its d coordinates, or back: 2 (d - 1) FLOPs per index.

    For all coordinates but one, Horner's rule takes a multiplication and an addition, and its reverse a division and a
    remainder.
    """
    return OpCost(elementwise=2 * abs(op.input_size - op.output_size))
