"""The fan-in of a weight: how many of its numbers an operator uses in the sum for each output."""

from math import prod
from typing import Optional, Sequence, Tuple

from pytest_mxperf import traits
from pytest_mxperf.mx.reads import Read

__all__ = ["fan_in"]


def fan_in(read: Read) -> int:
    """The fan-in, at least 1, of the weight as the operator reads it. Filters are the first axis in every layout."""
    return max(1, _fan_in(read))


def _fan_in(read: Read) -> int:
    shape = read.shape
    if read.op == "Deconvolution":
        return _of_deconvolution(read)
    if read.op in traits.PRODUCTS and shape:
        return _of_product(read)
    return prod(shape[1:]) if len(shape) > 1 else prod(shape)


def _of_deconvolution(read: Read) -> int:
    """The input channels of one group, times the taps of the kernel that reach one output."""
    channels, kernel = read.shape[0] // max(1, read.call.integer("num_group", 1)), read.shape[2:]
    strides = read.call.integers("stride") or (1,) * len(kernel)
    return channels * prod(max(1, size // max(1, stride)) for size, stride in zip(kernel, strides))


def _of_product(read: Read) -> int:
    shape, call = read.shape, read.call
    if read.op == "_npi_einsum":
        return _of_einsum(read)
    if read.op.startswith("_npi_tensordot"):
        return prod(shape[axis] for axis in _summed_axes(read) if -len(shape) <= axis < len(shape))
    if len(shape) == 1:
        return shape[0]
    if read.op == "dot":  # sums over the first axis of the second operand, whatever its rank
        flips = call.flag("transpose_b" if read.position else "transpose_a")
        return shape[-1] if bool(read.position) == flips else shape[0]
    flips = call.flag(("transpose_a", "transpose_b")[read.position]) if read.position < 2 else False
    if read.op in ("_linalg_trmm", "_linalg_syrk"):
        return shape[-2 if call.flag("transpose") else -1]
    return shape[-1] if bool(read.position) == flips else shape[-2]


def _summed_axes(read: Read) -> Sequence[int]:
    if read.op == "_npi_tensordot_int_axes":
        count = read.call.integer("axes", 1)
        return range(count) if read.position else range(-count, 0)
    return read.call.integers("b_axes_summed" if read.position else "a_axes_summed")


def _of_einsum(read: Read) -> int:
    """The product of the dimensions whose letters the output lacks."""
    operands, output = _subscripts(read.attrs.get("subscripts", ""))
    if output is None or read.position >= len(operands) or len(operands[read.position]) != len(read.shape):
        return read.shape[-1]
    return prod(size for letter, size in zip(operands[read.position], read.shape) if letter not in output)


def _subscripts(text: str) -> Tuple[Sequence[str], Optional[str]]:
    """The letters of the operands and of the output. Without ``->``, the output has the letters that occur once."""
    left, arrow, output = text.replace(" ", "").partition("->")
    if "." in left:
        return (), None
    letters = left.replace(",", "")
    return left.split(","), output if arrow else "".join(x for x in sorted(set(letters)) if letters.count(x) == 1)
