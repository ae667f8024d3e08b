"""Operators on 8-bit integers. A MAC counts as one, whatever the type of its operands.

Each quantized tensor comes with its range: two numbers, which are two more inputs or outputs behind the tensors.
Computations with ranges only, or with parameters only, are a few operations per tensor or channel and do not count.
"""

from pytest_mxperf.cost.formulas.activation import activation
from pytest_mxperf.cost.formulas.convolution import convolution
from pytest_mxperf.cost.formulas.dense import fully_connected
from pytest_mxperf.cost.formulas.normalization import batch_norm
from pytest_mxperf.cost.formulas.pooling import pooling
from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost

# Their tensors have the positions that the float operator's have, so the float rule counts them.
formula("_contrib_quantized_act")(activation)
formula("_contrib_quantized_pooling")(pooling)
formula("_contrib_quantized_batch_norm")(batch_norm)


@formula("_contrib_quantized_conv")
def quantized_convolution(op: Call) -> OpCost:
    """As the float convolution. The sums stay 32-bit integers: ``_contrib_requantize`` scales them."""
    return convolution(_without_ranges(op))


@formula("_contrib_quantized_fully_connected")
def quantized_fully_connected(op: Call) -> OpCost:
    """As the float product. The sums stay 32-bit integers: ``_contrib_requantize`` scales them."""
    return fully_connected(_without_ranges(op))


@formula("_contrib_quantize")
def quantize(op: Call) -> OpCost:
    """Integers of a given range: per element a multiplication by the scale, a rounding, a clipping.

    That is the arithmetic of oneDNN's reorder, which does all these conversions on the CPU. MXNet's own kernels use a
    sign, an absolute value and a comparison instead.
    """
    return OpCost(elementwise=3 * op.output_size)


@formula("_contrib_quantize_v2", "_contrib_requantize")
def quantize_in_own_range(op: Call) -> OpCost:
    """``quantize`` in the calibrated range or, without one, in the range of the data.

    From 32-bit integers to 8 bits takes one multiplication too, because both scales become one. Data that are quantized
    already are only copied, but a rule does not see dtypes.
    """
    return quantize(op) + _range_search(op)


@formula("_contrib_quantize_asym")
def quantize_asymmetrically(op: Call) -> OpCost:
    """``quantize`` with a shift: one more addition per element."""
    return OpCost(elementwise=4 * op.output_size) + _range_search(op)


@formula("_contrib_dequantize")
def dequantize(op: Call) -> OpCost:
    """One multiplication by the scale per element."""
    return OpCost(elementwise=op.output_size)


@formula("_contrib_quantized_elemwise_add")
def quantized_add(op: Call) -> OpCost:
    """Scales both operands to the range of the sum: per element 2 multiplications and an addition."""
    return OpCost(elementwise=3 * op.output_size)


@formula("_contrib_quantized_elemwise_mul")
def quantized_multiply(op: Call) -> OpCost:
    """A product that is scaled: per element 2 multiplications."""
    return OpCost(elementwise=2 * op.output_size)


@formula("_contrib_quantized_concat")
def quantized_concat(op: Call) -> OpCost:
    """Scales, rounds and clips all inputs to one common range, as ``quantize`` does.

    An upper bound: an input that has this range already is only copied, but ranges are data.
    """
    return quantize(op)


def _without_ranges(op: Call) -> Call:
    """The call with only its tensors. Each tensor is one input, and its range is two more."""
    return op._replace(inputs=op.inputs[: len(op.inputs) // 3])


def _range_search(op: Call) -> OpCost:
    """2 (n - 1) comparisons for the smallest and the largest of n elements. 0 if the operator is calibrated."""
    calibrated = all(op.text(name, "None") != "None" for name in ("min_calib_range", "max_calib_range"))
    return OpCost(reduction=0 if calibrated else 2 * (op.input_size - 1))
