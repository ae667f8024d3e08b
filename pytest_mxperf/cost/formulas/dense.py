"""Matrix products. An output element that sums K products is K multiply-accumulates, even when K is 1.

If no axis is summed (a scalar times a tensor, an outer product), the products are plain multiplications: elementwise.
Sparse operands count as dense ones of their shape, because only the data say how many elements are stored.
Sources, in MXNet: ``src/operator/tensor/dot-inl.h``, ``la_op-inl.h``, ``src/operator/numpy/np_dot-inl.h``,
``np_matmul_op-inl.h``, ``np_tensordot_op-inl.h``, ``src/operator/contrib/krprod.h``, ``count_sketch.cu``.
"""

from typing import Sequence

from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost


@formula("FullyConnected")
def fully_connected(op: Call) -> OpCost:
    """``y = x W^T + b`` with W ``(num_hidden, K)``: K MACs per output element, with ``flatten`` or without.

    Bias: one addition per output element.
    """
    return OpCost(
        macs=op.output_size * op.inputs[1][1],
        bias=op.output_size if len(op.inputs) > 2 else 0,
    )


@formula("dot")
def dot(op: Call) -> OpCost:
    """Sums over the last axis of the first operand, or with ``transpose_a`` over its first. A vector has only one.

    If operands have more axes, ``dot`` transposes the first axis to the end.
    """
    first = op.inputs[0]
    return OpCost(macs=op.output_size * (first[0] if op.flag("transpose_a") else first[-1]))


@formula("batch_dot")
def batch_dot(op: Call) -> OpCost:
    """A product of matrices per sample. The first operand is ``(..., M, K)``, with ``transpose_a`` ``(..., K, M)``."""
    return OpCost(macs=op.output_size * op.inputs[0][-2 if op.flag("transpose_a") else -1])


@formula("_npi_matmul")
def matmul(op: Call) -> OpCost:
    """Sums over the last axis of the first operand, also for vectors. Broadcasting the batch only copies: free."""
    return OpCost(macs=op.output_size * op.inputs[0][-1])


@formula("_np_dot")
def numpy_dot(op: Call) -> OpCost:
    """Sums over the last axis of the first operand. A scalar multiplies each element of the other operand."""
    summed = [-1] if all(op.inputs) else []
    return _tensordot(op, summed)


@formula("_npi_tensordot")
def tensordot(op: Call) -> OpCost:
    """Sums over the axes ``a_axes_summed`` of the first operand. Without any it is an outer product."""
    return _tensordot(op, op.integers("a_axes_summed"))


@formula("_npi_tensordot_int_axes")
def tensordot_int_axes(op: Call) -> OpCost:
    """Sums over the last ``axes`` axes of the first operand. With 0 of them it is an outer product."""
    return _tensordot(op, range(-op.integer("axes", 0), 0))


def _tensordot(op: Call, summed: Sequence[int]) -> OpCost:
    if not summed:
        return OpCost(elementwise=op.output_size)
    return OpCost(macs=op.output_size * size(tuple(op.inputs[0][axis] for axis in summed)))


@formula("_linalg_gemm", "_linalg_gemm2")
def gemm(op: Call) -> OpCost:
    """``alpha A B + beta C``, with rows along ``axis`` and columns along the last axis. ``gemm2`` has no C.

    Per output element K MACs, a multiplication by alpha, and for C a multiplication by beta and an addition. As BLAS
    defines it, a factor of 1 costs nothing, and a beta of 0 leaves out C.
    """
    first, rows = op.inputs[0], op.integer("axis", -2)
    beside = int(scaled(op, "alpha"))
    if len(op.inputs) > 2 and float(op.text("beta", "1")):
        beside += 1 + int(scaled(op, "beta"))
    return OpCost(
        macs=op.output_size * first[rows if op.flag("transpose_a") else -1],
        elementwise=op.output_size * beside,
    )


def scaled(op: Call, name: str) -> bool:
    """Whether the factor costs a multiplication: BLAS leaves out a factor of 1."""
    return float(op.text(name, "1")) != 1


@formula("khatri_rao")
def khatri_rao(op: Call) -> OpCost:
    """The Kronecker product of the operands, column by column, from left to right. It sums nothing.

    Each operand after the first takes one multiplication per element of the product with it.
    """
    rows, columns = op.inputs[0]
    multiplications = 0
    for operand in op.inputs[1:]:
        rows *= operand[0]
        multiplications += rows * columns
    return OpCost(elementwise=multiplications)


@formula("_contrib_count_sketch")
def count_sketch(op: Call) -> OpCost:
    """``out[h[i]] += s[i] * x[i]``, the product with a matrix that has one entry per row: one MAC per input element."""
    return OpCost(macs=op.input_size)
