"""Matrix products, attention and linear algebra, counted by hand. The comments derive the numbers."""

from itertools import combinations
from operator import attrgetter

import numpy as np
import pytest

from pytest_mxperf import count
from pytest_mxperf.cost.result import OpCost


def cases(*rows):
    """Each row is an id, what builds the operator, the shapes of its inputs, the cost."""
    return pytest.mark.parametrize(
        ("build", "shapes", "expected"), [pytest.param(*row, id=identifier) for identifier, *row in rows]
    )


def call(path, **attrs):
    """Builds the operator of this name, all its outputs."""

    def build(F, *inputs):
        result = attrgetter(path)(F)(*inputs, **attrs)
        return F.Group(list(result)) if isinstance(result, (list, tuple)) else result

    return build


def la(name, **attrs):
    return call(f"linalg.{name}", **attrs)


def np_la(name, **attrs):
    return call(f"np.linalg.{name}", **attrs)


def einsum(subscripts, **attrs):
    return lambda F, *inputs: F.np.einsum(subscripts, *inputs, **attrs)


BOTH = {"transpose_a": True, "transpose_b": True}


@cases(
    # (2, 12) x (12, 5): 2 * 5 * 12 MACs, 10 biases
    ("flattened", call("FullyConnected", num_hidden=5), [(2, 3, 4)], OpCost(macs=120, bias=10)),
    # (6, 4) x (4, 5)
    ("the last axis", call("FullyConnected", num_hidden=5, flatten=False), [(2, 3, 4)], OpCost(macs=120, bias=30)),
    # 2 * 3 * 6 = 36 vectors of 4, 5 outputs each: 36 * 5 * 4
    ("rank 4", call("FullyConnected", num_hidden=5, flatten=False, no_bias=True), [(2, 3, 6, 4)], OpCost(macs=720)),
    ("no bias", call("FullyConnected", num_hidden=5, no_bias=True), [(2, 3, 4)], OpCost(macs=120)),
    # A vector is a batch of single numbers to flatten, and one sample otherwise: 7 * 5 * 1 against 5 * 7
    ("vector", call("FullyConnected", num_hidden=5, flatten=False), [(7,)], OpCost(macs=35, bias=5)),
)
def test_fully_connected(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes) == expected


@cases(
    # 2 * 4 sums of 3 products
    ("dot", call("dot"), [(2, 3), (3, 4)], OpCost(macs=24)),
    ("dot of transposed a", call("dot", transpose_a=True), [(3, 2), (3, 4)], OpCost(macs=24)),
    ("dot of transposed b", call("dot", transpose_b=True), [(2, 3), (4, 3)], OpCost(macs=24)),
    ("dot of both", call("dot", **BOTH), [(3, 2), (4, 3)], OpCost(macs=24)),
    ("dot of vectors", call("dot"), [(5,), (5,)], OpCost(macs=5)),
    # 2 sums of 3
    ("dot of matrix and vector", call("dot"), [(2, 3), (3,)], OpCost(macs=6)),
    # (2, 3, 4) . (4, 5, 6) = (2, 3, 5, 6): 180 sums of 4
    ("dot of tensors", call("dot"), [(2, 3, 4), (4, 5, 6)], OpCost(macs=720)),
    # (4, 2, 3) by its first axis, (5, 6, 4) by its last: again 180 sums of 4
    ("dot of transposed tensors", call("dot", **BOTH), [(4, 2, 3), (5, 6, 4)], OpCost(macs=720)),
    # 5 samples of 2 * 4 sums of 3
    ("batch_dot", call("batch_dot"), [(5, 2, 3), (5, 3, 4)], OpCost(macs=120)),
    ("batch_dot of transposed", call("batch_dot", **BOTH), [(5, 3, 2), (5, 4, 3)], OpCost(macs=120)),
    # 2 columns: 3 * 4 products, then 12 * 5 with the third, 12 * 2 + 60 * 2
    ("khatri_rao", call("khatri_rao"), [(3, 2), (4, 2), (5, 2)], OpCost(elementwise=144)),
    ("khatri_rao of one", call("khatri_rao"), [(3, 2)], OpCost()),
    # each of 3 * 10 elements is multiplied by its sign and added somewhere
    ("count_sketch", call("contrib.count_sketch", out_dim=4), [(3, 10), (1, 10), (1, 10)], OpCost(macs=30)),
)
def test_products(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes) == expected


def test_sparse_operands_count_as_dense(cost_of):
    """2 * 4 sums of 3, however few of the 6 elements csr stores."""

    def build(F, a, b):
        return F.sparse.dot(F.cast_storage(a, stype="csr"), b)

    assert cost_of(build, (2, 3), (3, 4), layers=2) == OpCost(macs=24)


@cases(
    # 5 * 2 * 4 sums of 3
    ("gemm2", la("gemm2"), [(5, 2, 3), (5, 3, 4)], OpCost(macs=120)),
    # the rows lie along axis 0: (2, 5, 3) x (3, 5, 4) = (2, 5, 4); 40 multiplications by alpha
    ("gemm2 along axis 0", la("gemm2", axis=0, alpha=2.0), [(2, 5, 3), (3, 5, 4)], OpCost(macs=120, elementwise=40)),
    # the first operand transposed along axis 0: (3, 5, 2)
    ("transposed gemm2", la("gemm2", axis=0, transpose_a=True), [(3, 5, 2), (3, 5, 4)], OpCost(macs=120)),
    # 8 sums of 3, 8 additions of C
    ("gemm", la("gemm"), [(2, 3), (3, 4), (2, 4)], OpCost(macs=24, elementwise=8)),
    # 8 times alpha, 8 times beta, 8 additions
    (
        "gemm with factors",
        la("gemm", **BOTH, alpha=0.5, beta=-1.0),
        [(3, 2), (4, 3), (2, 4)],
        OpCost(macs=24, elementwise=24),
    ),
    ("gemm without C", la("gemm", beta=0.0), [(2, 3), (3, 4), (2, 4)], OpCost(macs=24)),
    # 2 matrices, a triangle of 3 + 2 + 1 = 6 sums of 4
    ("syrk", la("syrk"), [(2, 3, 4)], OpCost(macs=48)),
    # a triangle of 10 sums of 3, 10 multiplications by alpha
    ("syrk of transposed", la("syrk", transpose=True, alpha=2.0), [(3, 4)], OpCost(macs=30, elementwise=10)),
    # 5 columns of 1 + 2 + 3 MACs
    ("trmm", la("trmm"), [(3, 3), (3, 5)], OpCost(macs=30)),
    # 2 * 5 rows of 1 + 2 + 3 MACs; 30 multiplications by alpha
    (
        "right trmm",
        la("trmm", rightside=True, alpha=2.0),
        [(2, 3, 3), (2, 5, 3)],
        OpCost(macs=60, elementwise=30),
    ),
    # 5 columns of 0 + 1 + 2 MACs and 3 divisions
    ("trsm", la("trsm", lower=False), [(3, 3), (3, 5)], OpCost(macs=15, other=15)),
    # 2 * 5 rows; 30 multiplications by alpha
    (
        "trsm from the right",
        la("trsm", rightside=True, transpose=True, alpha=2.0),
        [(2, 3, 3), (2, 5, 3)],
        OpCost(macs=30, other=30, elementwise=30),
    ),
)
def test_blas(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes) == expected


# In what follows n is 3 or 4; j, k run from 0.
@cases(
    # column j: 3 - j elements of j products: 0 + 2 + 2; 3 roots and 3 divisions
    ("potrf", la("potrf"), [(3, 3)], OpCost(macs=4, other=6)),
    # 0 + 3 + 4 + 3 = 10 MACs, 4 roots and 6 divisions, 2 * 5 times
    ("potrf of a batch", la("potrf"), [(2, 5, 4, 4)], OpCost(macs=100, other=100)),
    ("potrf of a number", la("potrf"), [(1, 1)], OpCost(other=1)),
    # trtri: below the diagonal 1 + 1 + 2 products; 3 reciprocals, 3 scalings. lauum: 3; 2, 2; 1, 1, 1 products
    ("potri", la("potri"), [(3, 3)], OpCost(macs=14, other=6)),
    # (2, 3): the first reflection has 3 elements: norm 2, applied to 1 row twice 2 * 2 * 3; the second has 2: norm 1.
    # Beside: 2 + 1 scalings twice, 7 per reflection, 2 for the row.
    ("gelqf", la("gelqf"), [(2, 3)], OpCost(macs=15, other=22)),
    # getrf: 4 + 1 MACs, 2 + 1 divisions, 2 + 1 comparisons. getri, the inverse of U: 4 MACs, 3 + 3 other; the solution:
    # columns of 3 less 2 and less 1 columns, 9 MACs
    ("inverse", la("inverse"), [(3, 3)], OpCost(macs=18, other=12)),
    ("inverses", la("inverse"), [(5, 3, 3)], OpCost(macs=90, other=60)),
    # getrf: 5 MACs, 6 other; 3 signs, 2 products of them, 1 by the permutation's; 3 magnitudes, 3 logarithms, 2 sums
    ("slogdet", la("slogdet"), [(2, 3, 3)], OpCost(macs=10, other=40)),
    # that, and an exponential and a product
    ("det", la("det"), [(2, 3, 3)], OpCost(macs=10, other=44)),
    # 2 matrices: 3 logarithms, 2 additions
    ("sumlogdiag", la("sumlogdiag"), [(2, 3, 3)], OpCost(elementwise=6, reduction=4)),
    # 9 * 3^3, twice
    ("syevd", la("syevd"), [(2, 3, 3)], OpCost(other=486)),
    ("extractdiag", la("extractdiag"), [(2, 3, 3)], OpCost()),
    ("makediag", la("makediag"), [(2, 3)], OpCost()),
    ("extracttrian", la("extracttrian"), [(2, 3, 3)], OpCost()),
    ("maketrian", la("maketrian"), [(2, 6)], OpCost()),
)
def test_factorizations(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes) == expected


@cases(
    ("cholesky", np_la("cholesky"), [(2, 3, 3)], OpCost(macs=8, other=12)),
    ("inv", np_la("inv"), [(3, 3)], OpCost(macs=18, other=12)),
    ("det", np_la("det"), [(3, 3)], OpCost(macs=5, other=22)),
    # getrf: 5 MACs, 6 other; per vector 3 + 3 MACs in two substitutions and 3 divisions
    ("solve for a vector", np_la("solve"), [(3, 3), (3,)], OpCost(macs=11, other=9)),
    ("solve for matrices", np_la("solve"), [(2, 3, 3), (2, 3, 4)], OpCost(macs=58, other=36)),
    ("solve for stacked vectors", np_la("solve"), [(2, 3, 3), (2, 3)], OpCost(macs=22, other=18)),
    # a matrix of order 6: 25 + 16 + 9 + 4 + 1 MACs, 15 divisions, 15 comparisons; a vector: 15 + 15 MACs, 6 divisions
    ("tensorsolve", np_la("tensorsolve"), [(2, 3, 6), (2, 3)], OpCost(macs=85, other=36)),
    # the same once axis 0 lies last
    ("tensorsolve of axes", np_la("tensorsolve", axes=(0,)), [(6, 2, 3), (2, 3)], OpCost(macs=85, other=36)),
    # order 6: 55 + 30 getrf; getri: 0 + 1 + 3 + 6 + 10 + 15 = 35 MACs, 21 other; 6 * (5 + 4 + 3 + 2 + 1) = 90 MACs
    ("tensorinv", np_la("tensorinv"), [(2, 3, 6)], OpCost(macs=180, other=51)),
    ("tensorinv of one index", np_la("tensorinv", ind=1), [(6, 2, 3)], OpCost(macs=180, other=51)),
    # 14 * 4 * 9 + 8 * 27
    ("svd", lambda F, a: F.np.linalg.svd(a)[1], [(3, 4)], OpCost(other=720)),
    # 5 x 3, twice: svd 14 * 5 * 9 + 8 * 27 = 846; 3 values: 2 + 1 + 3 + 3; U^T is (3, 5); (3, 3) x (3, 5): 45 MACs
    ("pinv", np_la("pinv"), [(2, 5, 3)], OpCost(macs=90, elementwise=30, other=1710)),
    # 3 x 4: svd 720 and 9; U^T is (3, 3); (4, 3) x (3, 3): 36 MACs
    ("pinv of a wide matrix", np_la("pinv"), [(3, 4)], OpCost(macs=36, elementwise=9, other=729)),
    ("pinv with cutoffs", np_la("pinv"), [(2, 5, 3), (2,)], OpCost(macs=90, elementwise=30, other=1710)),
    # 25, 10, 9 times 3^3
    ("eig", lambda F, a: F.np.linalg.eig(a)[0], [(3, 3)], OpCost(other=675)),
    ("eigvals", np_la("eigvals"), [(3, 3)], OpCost(other=270)),
    ("eigh", lambda F, a: F.np.linalg.eigh(a)[0], [(3, 3)], OpCost(other=243)),
    ("eigvalsh", np_la("eigvalsh"), [(2, 3, 3)], OpCost(other=486)),
)
def test_numpy_linalg(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes, numpy=True) == expected


@cases(
    ("vectors", call("np.dot"), [(5,), (5,)], OpCost(macs=5)),
    ("matrices", call("np.dot"), [(2, 3), (3, 4)], OpCost(macs=24)),
    ("scalars", call("np.dot"), [(), ()], OpCost(elementwise=1)),
    ("a scalar and a matrix", call("np.dot"), [(), (3, 4)], OpCost(elementwise=12)),
    ("a tensor and a scalar", call("np.dot"), [(2, 3, 4), ()], OpCost(elementwise=24)),
    # 6 sums of 4
    ("a tensor and a vector", call("np.dot"), [(2, 3, 4), (4,)], OpCost(macs=24)),
    # (2, 3, 4) . (5, 4, 6) = (2, 3, 5, 6): 180 sums of 4
    ("tensors", call("np.dot"), [(2, 3, 4), (5, 4, 6)], OpCost(macs=720)),
    ("a vector and a tensor", call("np.dot"), [(4,), (5, 4, 6)], OpCost(macs=120)),
)
def test_numpy_dot(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes, numpy=True) == expected


@cases(
    ("vectors", call("np.matmul"), [(5,), (5,)], OpCost(macs=5)),
    ("a vector and matrices", call("np.matmul"), [(3,), (5, 3, 4)], OpCost(macs=60)),
    ("matrices and a vector", call("np.matmul"), [(5, 2, 3), (3,)], OpCost(macs=30)),
    # a batch of (7, 1) against (5,): 35 products of 2 * 4 sums of 3
    ("broadcast batches", call("np.matmul"), [(7, 1, 2, 3), (5, 3, 4)], OpCost(macs=840)),
    # (2, 3, 4) and (4, 3, 5) over 3 and 4: 2 * 5 sums of 12
    ("tensordot of axes", call("np.tensordot", axes=([1, 2], [1, 0])), [(2, 3, 4), (4, 3, 5)], OpCost(macs=120)),
    ("tensordot of negative axes", call("np.tensordot", axes=((-1,), (0,))), [(2, 3, 4), (4, 5)], OpCost(macs=120)),
    ("tensordot of 2 axes", call("np.tensordot", axes=2), [(2, 3, 4), (3, 4, 5)], OpCost(macs=120)),
    # nothing is summed: 6 * 20 products
    ("outer product", call("np.tensordot", axes=0), [(2, 3), (4, 5)], OpCost(elementwise=120)),
)
def test_matmul_and_tensordot(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes, numpy=True) == expected


@cases(
    # 2 * 3 * 4 combinations, and j is summed
    ("matrix product", einsum("ij,jk->ik"), [(2, 3), (3, 4)], OpCost(macs=24)),
    ("implicit output", einsum("ij, jk"), [(2, 3), (3, 4)], OpCost(macs=24)),
    ("path of one step", einsum("ij,jk->ik", optimize=1), [(2, 3), (3, 4)], OpCost(macs=24)),
    ("inner product", einsum("ij,ij->"), [(2, 3), (2, 3)], OpCost(macs=6)),
    ("outer product", einsum("i,j->ij"), [(2,), (3,)], OpCost(elementwise=6)),
    ("elementwise product", einsum("ij,ij->ij"), [(2, 3), (2, 3)], OpCost(elementwise=6)),
    # a batch of 5 * 7: 35 * 2 * 4 results of 3 products
    ("ellipsis", einsum("...ij,...jk->...ik"), [(5, 7, 2, 3), (7, 3, 4)], OpCost(macs=840)),
    ("broadcast", einsum("ij,ij->i"), [(2, 3), (2, 1)], OpCost(macs=6)),
    # one operand: 6 elements into 2, a transpose, a diagonal, a trace
    ("sum of rows", einsum("ij->i"), [(2, 3)], OpCost(reduction=4)),
    ("sum of all", einsum("ij->"), [(2, 3)], OpCost(reduction=5)),
    ("transpose", einsum("ij->ji"), [(2, 3)], OpCost()),
    ("implicit transpose", einsum("ba"), [(2, 3)], OpCost()),
    ("diagonal", einsum("ii->i"), [(3, 3)], OpCost()),
    ("trace", einsum("ii"), [(3, 3)], OpCost(reduction=2)),
    ("traces", einsum("...ii"), [(5, 3, 3)], OpCost(reduction=10)),
    # of the matrix only the diagonal is read: 3 * 4 combinations
    ("diagonal times", einsum("ii,ij->j"), [(3, 3), (3, 4)], OpCost(macs=12)),
    # the rows are summed although nothing meets them: 2 * 3 * 4
    ("sum on the way", einsum("ij,k->k"), [(2, 3), (4,)], OpCost(macs=24)),
    # 10 * 20 * 5 * 2 = 2000 combinations, each with one product before its MAC
    ("chain of 3", einsum("ij,jk,kl->il"), [(10, 20), (20, 5), (5, 2)], OpCost(macs=2_000, elementwise=2_000)),
    # ij,jk frees 200 + 100 - 50 elements, jk,kl only 100 + 10 - 40, although it would be cheaper:
    # 10 * 20 * 5 = 1000 MACs, then (10, 5) x (5, 2): 100
    ("chain of 3, optimized", einsum("ij,jk,kl->il", optimize=1), [(10, 20), (20, 5), (5, 2)], OpCost(macs=1_100)),
    # k shares no label, so ij,j comes first: 6 MACs; then i,k: 8 products
    ("outer product at last", einsum("ij,j,k->ik", optimize=1), [(2, 3), (3,), (4,)], OpCost(macs=6, elementwise=8)),
    # nothing is summed: i,j gives 6 elements for 5, the least of all pairs; then 6 * 4
    ("outer product of 3", einsum("i,j,k->ijk"), [(2,), (3,), (4,)], OpCost(elementwise=48)),
    ("outer product of 3, optimized", einsum("i,j,k->ijk", optimize=1), [(2,), (3,), (4,)], OpCost(elementwise=30)),
    # jk,kl frees 4 elements more than ij,jk: 2 * 4 * 2 = 16 MACs, then 6 * 2 * 2 = 24
    ("the other pair", einsum("ij,jk,kl->il", optimize=1), [(6, 2), (2, 4), (4, 2)], OpCost(macs=40)),
    # 4 matrices: bc,cd frees 20 + 20 - 16 = 24, ab,bc 8 + 20 - 10, cd,de 20 + 8 - 10; 4 * 5 * 4 = 80 MACs; then ab,bd
    # and bd,de free 8 + 16 - 8 each, for 32 MACs, the first: 2 * 4 * 4 = 32; at last 2 * 4 * 2 = 16
    (
        "chain of 4, optimized",
        einsum("ab,bc,cd,de->ae", optimize=1),
        [(2, 4), (4, 5), (5, 4), (4, 2)],
        OpCost(macs=128),
    ),
)
def test_einsum(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes, numpy=True) == expected


@pytest.mark.parametrize(
    ("subscripts", "shapes", "pairs"),
    [
        ("ij,jk,kl->il", [(10, 20), (20, 5), (5, 2)], {(0, 1)}),
        ("ij,jk,kl->il", [(6, 2), (2, 4), (4, 2)], {(1, 2)}),
        ("ij,j,k->ik", [(2, 3), (3,), (4,)], {(0, 1)}),
        ("ab,bc,cd,de->ae", [(2, 4), (4, 5), (5, 4), (4, 2)], {(1, 2)}),
        ("ab,bc,xy,yz->acxz", [(2, 3), (3, 4), (5, 6), (6, 2)], {(0, 1), (2, 3)}),
    ],
)
def test_einsum_pairs_the_operands_that_are_counted_together(subscripts, shapes, pairs):
    """Two large numbers overflow where they meet, unless a small one has come between them."""
    import mxnet as mx

    def meet(pair):
        values = [1e25 if index in pair else 1e-25 for index in range(len(shapes))]
        operands = [mx.np.full(shape, value, dtype="float32") for shape, value in zip(shapes, values)]
        return not np.isfinite(mx.np.einsum(subscripts, *operands, optimize=True).asnumpy()).all()

    with mx.util.np_shape(True):
        assert {pair for pair in combinations(range(len(shapes)), 2) if meet(pair)} == pairs


def attention(name):
    return call(f"contrib.interleaved_matmul_{name}", heads=4)


# Sequences of 5 positions (queries) and 7 (keys), 2 samples, 4 heads of width 3.
@cases(
    # 2 * 4 heads of 5 * 5 = 200 scores, 3 MACs and a scaling each
    ("self attention scores", attention("selfatt_qk"), [(5, 2, 36)], OpCost(macs=600, elementwise=200)),
    ("self attention values", attention("selfatt_valatt"), [(5, 2, 36), (8, 5, 5)], OpCost(macs=600)),
    # 8 heads of 5 * 7 = 280 scores
    ("encoder-decoder scores", attention("encdec_qk"), [(5, 2, 12), (7, 2, 24)], OpCost(macs=840, elementwise=280)),
    ("encoder-decoder values", attention("encdec_valatt"), [(7, 2, 24), (8, 5, 7)], OpCost(macs=840)),
)
def test_attention(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes) == expected


@pytest.mark.needs_operator("_sg_mkldnn_selfatt_qk")
def test_fused_attention_costs_what_it_fuses():
    """A softmax over 200 scores in rows of 5, 40 * (5 * 5 - 2), between the two sides of ``test_attention``."""
    import mxnet as mx

    qkv = mx.sym.var("qkv")
    scores = mx.sym.softmax(mx.sym.contrib.interleaved_matmul_selfatt_qk(qkv, heads=4))
    fused = mx.sym.contrib.interleaved_matmul_selfatt_valatt(qkv, scores, heads=4).get_backend_symbol("MKLDNN")
    report = count(fused, {"qkv": (5, 2, 36)})
    assert [layer.op for layer in report.layers] == ["_sg_mkldnn_selfatt_qk", "softmax", "_sg_mkldnn_selfatt_valatt"]
    assert report.cost == OpCost(macs=1_200, elementwise=200, softmax=920)


# 24 elements
@cases(
    # 24 squares, 23 additions, a root; by axis 1 there are 8 vectors of 3: 3 + 2 + 1
    ("norm", call("norm"), [(2, 3, 4)], OpCost(reduction=48)),
    ("norm of an axis", call("norm", axis=1), [(2, 3, 4)], OpCost(reduction=48)),
    ("norm of two axes", call("norm", axis=(1, 2)), [(2, 3, 4)], OpCost(reduction=48)),
    # 24 magnitudes, 8 * 2 additions
    ("1-norm", call("norm", ord=1, axis=1, keepdims=True), [(2, 3, 4)], OpCost(reduction=40)),
    # 24 squares, 8 * 2 additions
    ("_square_sum", call("_internal._square_sum", axis=1), [(2, 3, 4)], OpCost(reduction=40)),
    # 8 rows of 3: 2 additions and a division; 3 subtractions, 3 squares, 2 additions, a division
    ("moments", call("moments", axes=(1,)), [(2, 3, 4)], OpCost(reduction=96)),
    # 3 real vectors of 10 points, ceil(log2(10)) = 4: 3 * 5 * 10 * 4
    ("fft", call("contrib.fft"), [(3, 10)], OpCost(other=600)),
    ("ifft", call("contrib.ifft"), [(3, 20)], OpCost(other=600)),
    ("diag", call("diag"), [(3, 4)], OpCost()),
)
def test_norms(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes) == expected


@cases(
    # flattened: 24 squares, 23 additions, a root
    ("norm", np_la("norm"), [(2, 3, 4)], OpCost(reduction=48)),
    # 5 magnitudes, 5 powers, 4 additions, a power
    ("norm of a vector", np_la("norm", ord=2), [(5,)], OpCost(reduction=15)),
    ("3-norms", np_la("norm", ord=3, axis=1), [(2, 3, 4)], OpCost(reduction=72)),
    # 8 vectors: 3 magnitudes, 3 comparisons, 2 additions
    ("0-norms", np_la("norm", ord=0, axis=1), [(2, 3, 4)], OpCost(reduction=64)),
    # 2 matrices of 12: 12 squares, 11 additions, a root
    ("Frobenius", np_la("norm", ord="fro", axis=(1, 2)), [(2, 3, 4)], OpCost(reduction=48)),
    ("Frobenius of a matrix", np_la("norm", ord="fro"), [(3, 4)], OpCost(reduction=24)),
    # 12 magnitudes, 4 columns of 2 additions, 3 comparisons
    ("1-norm of a matrix", np_la("norm", ord=1), [(3, 4)], OpCost(reduction=23)),
    # svd of 3 x 4: 720; 3 magnitudes, 2 comparisons
    ("2-norms of matrices", np_la("norm", ord=2, axis=(1, 2)), [(2, 3, 4)], OpCost(other=1_440, reduction=10)),
    ("smallest singular value", np_la("norm", ord=-2), [(3, 4)], OpCost(other=720, reduction=5)),
    # 2 additions
    ("nuclear", np_la("norm", ord="nuc"), [(3, 4)], OpCost(other=720, reduction=2)),
)
@pytest.mark.needs_operator("_npi_norm")  # MXNet 1.6 makes the few norms that it has of other operators
def test_numpy_norms(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes, numpy=True) == expected


@cases(
    # diagonals of min(3, 4) = 3: 2 additions each
    ("trace", call("np.trace"), [(3, 4)], OpCost(reduction=2)),
    # min(3, 4 - 2) = 2 elements for each of 5
    ("trace above", call("np.trace", offset=2, axis1=-2, axis2=-1), [(5, 3, 4)], OpCost(reduction=5)),
    # min(3 - 1, 4) = 2 elements
    ("trace below", call("np.trace", offset=-1), [(3, 4)], OpCost(reduction=1)),
    ("trace beyond", call("np.trace", offset=9), [(3, 4)], OpCost()),
    # 3 coefficients, 10 values: 2 multiplications and additions each
    ("polyval", call("np.polyval"), [(3,), (2, 5)], OpCost(elementwise=40)),
    ("polyval of a constant", call("np.polyval"), [(1,), (2, 5)], OpCost()),
    ("diag", call("np.diag"), [(3, 4)], OpCost()),
    ("diagflat", call("np.diagflat"), [(3, 4)], OpCost()),
    ("diagonal", call("np.diagonal"), [(3, 4)], OpCost()),
)
def test_numpy_polynomials_and_diagonals(cost_of, build, shapes, expected):
    assert cost_of(build, *shapes, numpy=True) == expected
