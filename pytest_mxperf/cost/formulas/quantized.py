"""Operators on 8-bit integers. A multiply-accumulate counts as one, whatever its operands' type.

Each quantized tensor comes with its range, two numbers that are two more inputs and outputs, behind the tensors. What
is computed of ranges, and of parameters alone, is a few operations per tensor or channel and does not count.
"""

from pytest_mxperf.cost.formulas.activation import activation
from pytest_mxperf.cost.formulas.convolution import convolution
from pytest_mxperf.cost.formulas.dense import fully_connected
from pytest_mxperf.cost.formulas.normalization import batch_norm
from pytest_mxperf.cost.formulas.pooling import pooling
from pytest_mxperf.cost.registry import Call, formula, free
from pytest_mxperf.cost.result import OpCost

# These read the data alone, or parameters that stand where the float operator has them.
formula("_contrib_quantized_act")(activation)
formula("_contrib_quantized_pooling")(pooling)
formula("_contrib_quantized_batch_norm")(batch_norm)

free("moves or renames data", "_contrib_quantized_flatten")
free("looks values up", "_contrib_quantized_embedding")


@formula("_contrib_quantized_conv")
def quantized_convolution(op: Call) -> OpCost:
    """As the float convolution; the sums stay 32-bit integers, which ``_contrib_requantize`` scales."""
    return convolution(_without_ranges(op))


@formula("_contrib_quantized_fully_connected")
def quantized_fully_connected(op: Call) -> OpCost:
    """As the float product; the sums stay 32-bit integers, which ``_contrib_requantize`` scales."""
    return fully_connected(_without_ranges(op))


@formula("_contrib_quantize")
def quantize(op: Call) -> OpCost:
    """Onto the integer grid of a given range: per element a multiplication by the scale, a rounding, a clipping.

    That is the arithmetic of oneDNN's reorder, which runs on the CPU for all conversions here; MXNet's own kernels
    reach the same with a sign, an absolute value and a comparison.
    """
    return OpCost(elementwise=3 * op.output_size)


@formula("_contrib_quantize_v2", "_contrib_requantize")
def quantize_in_own_range(op: Call) -> OpCost:
    """``quantize`` in the calibrated range or, without one, in the range of the data.

    From 32-bit integers to 8 bits too is one multiplication: the two scales make one. Data that come quantized already
    would only be copied; types are not looked at.
    """
    return quantize(op) + _range_search(op)


@formula("_contrib_quantize_asym")
def quantize_asymmetrically(op: Call) -> OpCost:
    """``quantize`` with a shift: per element one addition more."""
    return OpCost(elementwise=4 * op.output_size) + _range_search(op)


@formula("_contrib_dequantize")
def dequantize(op: Call) -> OpCost:
    """One multiplication by the scale per element."""
    return OpCost(elementwise=op.output_size)


@formula("_contrib_quantized_elemwise_add")
def quantized_add(op: Call) -> OpCost:
    """Both operands are scaled into the range of the sum: per element 2 multiplications and an addition."""
    return OpCost(elementwise=3 * op.output_size)


@formula("_contrib_quantized_elemwise_mul")
def quantized_multiply(op: Call) -> OpCost:
    """The product is scaled: per element 2 multiplications."""
    return OpCost(elementwise=2 * op.output_size)


@formula("_contrib_quantized_concat")
def quantized_concat(op: Call) -> OpCost:
    """Inputs are brought into one range that holds all of theirs: scaled, rounded and clipped as in ``quantize``.

    An upper bound: an input that has this range already is only copied, but ranges are data.
    """
    return quantize(op)


def _without_ranges(op: Call) -> Call:
    """The call with its tensors alone: each of them is one input, its range two."""
    return op._replace(inputs=op.inputs[: len(op.inputs) // 3])


def _range_search(op: Call) -> OpCost:
    """Finding the least and the greatest of n elements, 2 (n - 1) comparisons, unless the operator is calibrated."""
    calibrated = all(op.text(name, "None") != "None" for name in ("min_calib_range", "max_calib_range"))
    return OpCost(reduction=0 if calibrated else 2 * (op.input_size - 1))
