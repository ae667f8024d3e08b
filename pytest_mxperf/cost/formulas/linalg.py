"""Linear algebra: triangular products, factorizations, norms.

BLAS and LAPACK routines with a fixed number of steps are counted exactly, in their textbook (unblocked) form. Each
product that is added to a sum, or subtracted from one, is a MAC. Divisions, roots, the scaling of a vector and the
comparisons of a pivot search are other FLOPs. Signs, and index arithmetic such as row exchanges, cost nothing.

Singular values and eigenvalues come from iterations, and only the data decide how many. So they have no exact count. By
convention they cost the flops that Golub and Van Loan (Matrix Computations) tabulate. All of these are other FLOPs, so
that ``macs`` stays exact.

n is the order of a matrix. All leading axes of an input are a batch. Source, in MXNet:
``src/operator/tensor/la_op-inl.h``, ``src/operator/linalg_impl.h``, ``src/operator/numpy/linalg/``.
"""

from math import isqrt
from typing import Tuple

from pytest_mxperf.cost.formulas.dense import scaled
from pytest_mxperf.cost.formulas.reduction import variance
from pytest_mxperf.cost.registry import Call, formula, free, size
from pytest_mxperf.cost.result import OpCost

free(
    "moves or renames data",
    *("_linalg_extractdiag", "_linalg_makediag", "_linalg_extracttrian", "_linalg_maketrian"),
    *("diag", "_np_diag", "_np_diagflat", "_np_diagonal"),
)
formula("moments")(variance)  # its other result is the mean, which the variance needs anyway


def _order(op: Call) -> Tuple[int, int]:
    """The number of square matrices in the first input, and n."""
    n = op.inputs[0][-1]
    return size(op.inputs[0][:-2]) if n else 0, n


@formula("_linalg_syrk")
def syrk(op: Call) -> OpCost:
    """``alpha A A^T``, or ``alpha A^T A`` with ``transpose``: n (n + 1) / 2 elements of one triangle.

    Each element is the sum of K products, times alpha unless that is 1. The other triangle is a copy.
    """
    *batch, rows, columns = op.inputs[0]
    summed, n = (rows, columns) if op.flag("transpose") else (columns, rows)
    elements = size(tuple(batch)) * n * (n + 1) // 2
    return OpCost(macs=elements * summed, elementwise=elements * scaled(op, "alpha"))


@formula("_linalg_trmm")
def trmm(op: Call) -> OpCost:
    """``alpha A B`` (``rightside``: ``alpha B A``) with A triangular, whose rows have 1, 2, ... n elements.

    So each vector of B takes n (n + 1) / 2 MACs, and each element (n + 1) / 2. An alpha other than 1 multiplies each
    element.
    """
    elements = size(op.inputs[1])
    return OpCost(macs=elements * (op.inputs[0][-1] + 1) // 2, elementwise=elements * scaled(op, "alpha"))


@formula("_linalg_trsm")
def trsm(op: Call) -> OpCost:
    """Solves ``A X = alpha B`` (``rightside``: ``X A = alpha B``) with A triangular, by substitution.

    The k-th element of a vector takes k - 1 MACs and a division. So each vector takes n (n - 1) / 2 MACs, and each
    element of B (n - 1) / 2. An alpha other than 1 multiplies each element.
    """
    elements = size(op.inputs[1])
    return OpCost(
        macs=elements * (op.inputs[0][-1] - 1) // 2,
        elementwise=elements * scaled(op, "alpha"),
        other=elements,
    )


@formula("_linalg_potrf", "_npi_cholesky")
def cholesky(op: Call) -> OpCost:
    """``A = L L^T``: column j (from 0) has a root and n - j - 1 divisions, each of a sum of j products.

    MACs = sum of j (n - j) = (n^3 - n) / 6. Divisions and roots: n (n + 1) / 2.
    """
    batch, n = _order(op)
    return OpCost(macs=batch * (n**3 - n) // 6, other=batch * n * (n + 1) // 2)


@formula("_linalg_potri")
def cholesky_inverse(op: Call) -> OpCost:
    """``(L L^T)^-1`` from L: inverts L (trtri), then computes one triangle of ``L^-T L^-1`` (lauum).

    trtri: element (i, j) of the inverse is a sum of i - j products, divided by l_ii: (n^3 - n) / 6 MACs, n reciprocals
    and n (n - 1) / 2 scalings. lauum: element (i, j <= i) is a sum of n - i products: n (n + 1) (n + 2) / 6 MACs.
    Together n (n + 1) (2n + 1) / 6 MACs.
    """
    batch, n = _order(op)
    return OpCost(macs=batch * n * (n + 1) * (2 * n + 1) // 6, other=batch * n * (n + 1) // 2)


@formula("_linalg_gelqf")
def lq(op: Call) -> OpCost:
    """``A = L Q`` of an m x n matrix, m <= n: m Householder reflections (gelqf), and then Q from them (orglq).

    Reflection i (from 0) is a vector of p = n - i elements. To make it: p - 1 MACs for the norm of its tail, p - 1
    scalings, and 6 FLOPs (two roots, two subtractions, two divisions). To apply it to each of the m - i - 1 rows below,
    once in A and once in Q: p MACs for the inner product, one scaling, p MACs for the update. Row i of Q itself takes
    p - 1 scalings and a subtraction.
    """
    m, n = op.inputs[0][-2:]
    batch = size(op.inputs[0][:-2])
    # Sums over all reflections: of m - i - 1, of p, and of their product.
    rows = m * (m - 1) // 2
    elements = m * n - rows
    products = m * n * (m - 1) - (n + m - 1) * rows + (m - 1) * m * (2 * m - 1) // 6
    return OpCost(macs=batch * (elements - m + 4 * products), other=batch * (2 * elements + 5 * m + 2 * rows))


def _lu(n: int) -> OpCost:
    """``P A = L U`` by elimination with partial pivoting (getrf).

    Step k (from 1) leaves r = n - k rows: r comparisons find the pivot, r divisions make the column of L, r^2 MACs
    update the rest. MACs = (n - 1) n (2n - 1) / 6, other = n (n - 1).
    """
    return OpCost(macs=(n - 1) * n * (2 * n - 1) // 6, other=n * (n - 1))


def _inverse(n: int) -> OpCost:
    """getrf, then getri, which inverts U and solves ``X L = U^-1``.

    To invert U: (n^3 - n) / 6 MACs, n (n + 1) / 2 reciprocals and scalings (see ``cholesky_inverse``). To solve: for
    column j (from 1) of X, the n - j columns behind it are subtracted, n MACs each: n^2 (n - 1) / 2 MACs in all. With
    getrf these are n^3 - n^2 MACs.
    """
    return _lu(n) + OpCost(macs=n * (n - 1) * (4 * n + 1) // 6, other=n * (n + 1) // 2)


def _solve(n: int, vectors: int) -> OpCost:
    """gesv: getrf, then per right-hand side a substitution with L (no divisions) and one with U (n divisions)."""
    return _lu(n) + OpCost(macs=vectors * n * (n - 1), other=vectors * n)


def _times(batch: int, cost: OpCost) -> OpCost:
    return OpCost(macs=batch * cost.macs, other=batch * cost.other)


@formula("_linalg_inverse")
def inverse(op: Call) -> OpCost:
    """The inverse of each matrix: see ``_inverse``."""
    batch, n = _order(op)
    return _times(batch, _inverse(n))


@formula("_npi_tensorinv")
def tensor_inverse(op: Call) -> OpCost:
    """The inverse of a square matrix, whose rows are the first ``ind`` axes: see ``_inverse``."""
    return _inverse(isqrt(op.input_size))


@formula("_npi_solve")
def solve(op: Call) -> OpCost:
    """One LU factorization per matrix, and a solution per right-hand side: see ``_solve``. A vector is one side."""
    batch, n = _order(op)
    return _times(batch, _solve(n, size(op.inputs[1]) // (batch * n))) if batch else OpCost()


@formula("_npi_tensorsolve")
def tensor_solve(op: Call) -> OpCost:
    """The solution for one right-hand side, all elements of ``b``, with the matrix ``a``: see ``_solve``."""
    return _solve(size(op.inputs[1]), 1)


@formula("_linalg_slogdet")
def log_determinant(op: Call) -> OpCost:
    """getrf, then the product of the signs of U's diagonal, and the sum of the logarithms of its magnitudes.

    n signs and n - 1 products of them, one more product with the sign of the permutation; n magnitudes, n logarithms,
    n - 1 additions: 5n - 1 FLOPs.
    """
    batch, n = _order(op)
    return _times(batch, _lu(n) + OpCost(other=5 * n - 1))


@formula("_linalg_det")
def determinant(op: Call) -> OpCost:
    """As MXNet does: sign and logarithm (``_linalg_slogdet``), then an exponential and a product per matrix."""
    batch, _ = _order(op)
    return log_determinant(op) + OpCost(other=2 * batch)


@formula("_linalg_sumlogdiag")
def sum_of_logarithms(op: Call) -> OpCost:
    """n logarithms and n - 1 additions per matrix."""
    batch, n = _order(op)
    return OpCost(elementwise=batch * n, reduction=batch * (n - 1))


def svd_flops(rows: int, columns: int) -> int:
    """``A = U S V^T``, with the singular vectors that S needs: 14 m n^2 + 8 n^3 flops, m >= n (Golub-Reinsch).

    By convention, see above. Also by convention, gesdd, which ``pinv`` calls, costs the same as gesvd.
    """
    short, long = sorted((rows, columns))
    return 14 * long * short**2 + 8 * short**3


@formula("_npi_svd")
def svd(op: Call) -> OpCost:
    """By convention, see ``svd_flops``. It leaves out that MXNet then fixes the signs of the vectors."""
    *batch, rows, columns = op.inputs[0]
    return OpCost(other=size(tuple(batch)) * svd_flops(rows, columns))


@formula("_npi_pinv", "_npi_pinv_scalar_rcond")
def pseudo_inverse(op: Call) -> OpCost:
    """``V S^-1 U^T``: an SVD, a cutoff, then a product of (n, k) and (k, m), k = min(m, n).

    The cutoff: k - 1 comparisons for the largest singular value, a multiplication by ``rcond``, k comparisons with
    the cutoff, k reciprocals (if all are above): 3k FLOPs. S^-1 multiplies the k m elements of U^T. ``hermitian``
    changes nothing in MXNet.
    """
    *batch, rows, columns = op.inputs[0]
    matrices, short = size(tuple(batch)), min(rows, columns)
    return OpCost(
        macs=matrices * rows * columns * short,
        elementwise=matrices * short * rows,
        other=matrices * (svd_flops(rows, columns) + 3 * short),
    )


_EIGEN_FLOPS = {
    "_linalg_syevd": 9,
    "_npi_eigh": 9,
    "_npi_eigvalsh": 9,
    "_npi_eig": 25,
    "_npi_eigvals": 10,
}


@formula(*_EIGEN_FLOPS)
def eigen(op: Call) -> OpCost:
    """By convention, see above: 9 n^3 flops for a symmetric matrix, 25 n^3 for others, 10 n^3 without the vectors.

    For a symmetric matrix MXNet always computes the vectors, even for ``eigvalsh``, which drops them.
    """
    batch, n = _order(op)
    return OpCost(other=batch * _EIGEN_FLOPS[op.op] * n**3)


@formula("norm")
def norm(op: Call) -> OpCost:
    """``ord=2``: n squares, n - 1 additions and a root per result. ``ord=1``: n magnitudes and n - 1 additions.

    MXNet scales numbers to keep the squares from overflowing. That does not count: only the data say how often.
    """
    return OpCost(reduction=2 * op.input_size - (op.output_size if op.integer("ord", 2) == 1 else 0))


@formula("_npi_norm")
def numpy_norm(op: Call) -> OpCost:
    """Norms of vectors or matrices of n elements. Matrices have two axes: ``axis``, or else the last two.

    - Flattened (``flag=-2``), and Frobenius (``flag=1``): n squares, n - 1 additions, a root.
    - Vectors, ``ord=p``: n magnitudes, n powers (even when p is 1 or 2), n - 1 additions, a power.
    - Vectors, ``ord=0``: n magnitudes, n comparisons with 0, n - 1 additions.
    - Matrices, ``ord`` 1 or -1: n magnitudes, their sums by column, the extreme of these: 2n - 1.
    - Matrices, ``ord`` 2 or -2: an SVD (``svd_flops``), the magnitudes of its k values, k - 1 comparisons.
    - Nuclear (``flag=2``): an SVD and k - 1 additions.
    """
    elements, results = op.input_size, op.output_size
    flag, order = op.integer("flag", -1), float(op.text("ord", "2"))
    axes = op.integers("axis") or tuple(range(len(op.inputs[0])))[-2:]
    if not elements or flag == -2 or (flag == 1 and len(axes) == 2):
        return OpCost(reduction=2 * elements)
    if len(axes) == 1:
        return OpCost(reduction=3 * elements - (results if order == 0 else 0))
    if abs(order) != 2:
        return OpCost(reduction=2 * elements - results)
    rows, columns = (op.inputs[0][axis] for axis in axes)
    values = min(rows, columns)
    return OpCost(
        reduction=results * ((values if flag == 2 else 2 * values) - 1),
        other=results * svd_flops(rows, columns),
    )


@formula("_np_trace")
def trace(op: Call) -> OpCost:
    """The sum of a diagonal of d elements, d - 1 additions, for each pair of rows and columns in the other axes."""
    shape, offset = op.inputs[0], op.integer("offset", 0)
    rows, columns = shape[op.integer("axis1", 0)], shape[op.integer("axis2", 1)]
    diagonal = min(rows + min(offset, 0), columns - max(offset, 0))
    return OpCost(reduction=op.output_size * max(diagonal - 1, 0))


@formula("_square_sum")
def square_sum(op: Call) -> OpCost:
    """n squares and n - 1 additions per result. Of a row-sparse input all rows count, stored or not."""
    return OpCost(reduction=2 * op.input_size - op.output_size)


@formula("_npi_polyval")
def polynomial(op: Call) -> OpCost:
    """Horner's rule: per value of ``x`` a multiplication and an addition for each coefficient but the first."""
    return OpCost(elementwise=2 * max(op.input_size - 1, 0) * op.output_size)


@formula("_contrib_fft", "_contrib_ifft")
def fourier_transform(op: Call) -> OpCost:
    """By convention 5 n log2(n) flops for n complex points (FFTW's measure), with the logarithm rounded up. GPU only.

    Each element of the input of ``fft``, or of the output of ``ifft``, is a point.
    """
    real = op.inputs[0] if op.op == "_contrib_fft" else op.outputs[0]
    return OpCost(other=5 * size(real) * (real[-1] - 1).bit_length())
