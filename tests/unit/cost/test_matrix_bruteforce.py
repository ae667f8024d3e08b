"""Rules of matrix products and factorizations against programs that compute them and count each scalar operation.

That the programs compute the right thing is checked against numpy.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pytest_mxperf.cost.formulas  # noqa: F401  registers every rule
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import OpCost

sizes = st.integers(1, 5)
flags = st.booleans()


def rule(op, *inputs, output=(1,), **attrs):
    attrs = {name: str(value) for name, value in attrs.items()}
    return rule_for(op).formula(Call(op, attrs, tuple(np.shape(each) for each in inputs), (tuple(output),)))


def random(*shape):
    return np.random.default_rng(shape).uniform(0.5, 2, shape)


def regular(n):
    """A matrix with no pivot near 0, that needs row exchanges all the same."""
    return (random(n, n) + 3 * n * np.eye(n))[::-1]


def definite(n):
    half = random(n, n)
    return half @ half.T + n * np.eye(n)


class Machine:
    """Computes, and counts."""

    def __init__(self):
        self.macs = self.elementwise = self.other = 0

    @property
    def cost(self):
        return OpCost(macs=self.macs, elementwise=self.elementwise, other=self.other)

    def dot(self, left, right, start=0.0):
        for a, b in zip(left, right):
            self.macs += 1
            start += a * b
        return start

    def minus_dot(self, start, left, right):
        return self.dot([-each for each in left], right, start)

    def scale(self, factor, value):
        self.elementwise += 1
        return factor * value

    def divide(self, value, divisor):
        self.other += 1
        return value / divisor

    def multiply(self, value, factor):
        self.other += 1
        return value * factor

    def subtract(self, left, right):
        self.other += 1
        return left - right

    def root(self, value):
        self.other += 1
        return value**0.5

    def product(self, a, b):
        result = np.empty((len(a), b.shape[1]))
        for i, j in np.ndindex(*result.shape):
            result[i, j] = self.dot(a[i], b[:, j])
        return result

    def forward(self, lower, vector, unit=False):
        """Solves by substitution from above."""
        solution = np.empty(len(vector))
        for i, value in enumerate(vector):
            value = self.minus_dot(value, lower[i, :i], solution[:i])
            solution[i] = value if unit else self.divide(value, lower[i, i])
        return solution

    def backward(self, upper, vector):
        return self.forward(upper[::-1, ::-1], vector[::-1])[::-1]

    def cholesky(self, a):
        n = len(a)
        factor = np.zeros((n, n))
        for j in range(n):
            for i in range(j, n):
                rest = self.minus_dot(a[i, j], factor[i, :j], factor[j, :j])
                factor[i, j] = self.root(rest) if i == j else self.divide(rest, factor[j, j])
        return factor

    def lu(self, a):
        """The order of the rows, and L below U."""
        a, n = a.copy(), len(a)
        rows = np.arange(n)
        for k in range(n):
            pivot = k
            for i in range(k + 1, n):
                self.other += 1
                pivot = i if abs(a[i, k]) > abs(a[pivot, k]) else pivot
            a[[k, pivot]], rows[[k, pivot]] = a[[pivot, k]], rows[[pivot, k]]
            for i in range(k + 1, n):
                a[i, k] = self.divide(a[i, k], a[k, k])
                for j in range(k + 1, n):
                    a[i, j] = self.minus_dot(a[i, j], [a[i, k]], [a[k, j]])
        return rows, a

    def lower_inverse(self, lower):
        n = len(lower)
        inverse = np.zeros((n, n))
        for i in range(n):
            inverse[i, i] = self.divide(1.0, lower[i, i])
            for j in range(i):
                inverse[i, j] = self.multiply(-self.dot(lower[i, j:i], inverse[j:i, j]), inverse[i, i])
        return inverse

    def inverse(self, a):
        rows, lu = self.lu(a)
        n = len(a)
        x = self.lower_inverse(np.triu(lu).T).T
        for j in reversed(range(n)):
            for i in range(n):
                x[i, j] = self.minus_dot(x[i, j], x[i, j + 1 :], lu[j + 1 :, j])
        inverse = np.empty((n, n))
        inverse[:, rows] = x
        return inverse

    def reflection(self, vector):
        """v and tau of ``I - tau v v^T`` that leaves of the vector its first element, and what that becomes."""
        first, tail = vector[0], vector[1:]
        norm = self.root(self.dot(tail, tail))
        self.other += 1
        length = -np.copysign(np.hypot(first, norm), first)
        tau = self.divide(self.subtract(length, first), length)
        factor = self.divide(1.0, self.subtract(first, length))
        return np.array([1.0, *(self.multiply(each, factor) for each in tail)]), tau, length

    def reflect(self, row, v, tau):
        weight = self.multiply(self.dot(row, v), tau)
        return np.array([self.minus_dot(element, [weight], [each]) for element, each in zip(row, v)])

    def lq(self, a):
        (m, _), a = a.shape, a.copy()
        reflections = []
        for i in range(m):
            v, tau, a[i, i] = self.reflection(a[i, i:])
            reflections.append((v, tau))
            for below in range(i + 1, m):
                a[below, i:] = self.reflect(a[below, i:], v, tau)
        q = np.zeros_like(a)
        for i, (v, tau) in reversed(list(enumerate(reflections))):
            for below in range(i + 1, m):
                q[below, i:] = self.reflect(q[below, i:], v, tau)
            # the unit vector, reflected: of its inner product with v all but the 1 falls away
            q[i, i] = self.subtract(1.0, tau)
            q[i, i + 1 :] = [self.multiply(-tau, each) for each in v[1:]]
        return np.tril(a[:, :m]), q


@pytest.fixture
def machine():
    return Machine()


@settings(max_examples=30)
@given(sizes, sizes, sizes, sizes, flags, flags)
def test_products_of_matrices(batch, m, k, n, transpose_a, transpose_b):
    machine, a, b = Machine(), random(batch, m, k), random(batch, k, n)
    product = np.array([machine.product(*each) for each in zip(a, b)])
    assert np.allclose(product, a @ b)
    assert rule("_npi_matmul", a, b, output=product.shape) == machine.cost
    a = a.swapaxes(1, 2) if transpose_a else a
    b = b.swapaxes(1, 2) if transpose_b else b
    for op in ("batch_dot", "_linalg_gemm2"):
        attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b}
        assert rule(op, a, b, output=product.shape, **attrs) == machine.cost
        if batch == 1:
            assert rule(op, a[0], b[0], output=(m, n), **attrs) == machine.cost
    if batch == 1:
        assert rule("dot", a[0], b[0], output=(m, n), **attrs) == machine.cost


@settings(max_examples=30)
@given(st.lists(sizes, min_size=1, max_size=3), sizes, sizes, flags, flags)
def test_a_dense_layer(batch, k, units, flatten, no_bias):
    """Each row, which is a whole sample where ``flatten`` says so, times each unit's weights, and its bias on top."""
    data = random(*batch, k)
    rows = data.reshape(batch[0] if flatten else -1, -1 if flatten else k)
    machine, weights, bias = Machine(), random(units, rows.shape[1]), random(units)
    result = machine.product(rows, weights.T)
    biases = 0
    if not no_bias:
        for i, j in np.ndindex(*result.shape):
            biases += 1
            result[i, j] += bias[j]
    assert np.allclose(result, rows @ weights.T + (0 if no_bias else bias))
    inputs = (data, weights) if no_bias else (data, weights, bias)
    output = result.shape if flatten else (*batch, units)
    assert rule("FullyConnected", *inputs, output=output, flatten=flatten, no_bias=no_bias) == OpCost(
        macs=machine.macs, bias=biases
    )


@settings(max_examples=30)
@given(st.lists(sizes, max_size=2), st.lists(sizes, min_size=1, max_size=2), st.lists(sizes, max_size=2))
def test_products_of_tensors(left, summed, right):
    machine, a, b = Machine(), random(*left, *summed), random(*summed, *right)
    length = np.prod(summed)
    product = machine.product(a.reshape(-1, length), b.reshape(length, -1)).reshape((*left, *right))
    assert np.allclose(product, np.tensordot(a, b, len(summed)))
    axes = tuple(range(len(left), a.ndim))
    assert rule("_npi_tensordot_int_axes", a, b, output=product.shape, axes=len(summed)) == machine.cost
    assert rule("_npi_tensordot", a, b, output=product.shape, a_axes_summed=axes) == machine.cost
    if len(summed) == 1:
        assert rule("dot", a, b, output=product.shape or (1,)) == machine.cost
        if b.ndim < 3:
            assert rule("_np_dot", a, b, output=product.shape) == machine.cost


@settings(max_examples=30)
@given(sizes, sizes, sizes, st.sampled_from([1.0, 2.0]), st.sampled_from([0.0, 1.0, 3.0]))
def test_gemm_with_factors(m, k, n, alpha, beta):
    machine, a, b, c = Machine(), random(m, k), random(k, n), random(m, n)
    result = machine.product(a, b)
    for index in np.ndindex(m, n):
        if alpha != 1:
            result[index] = machine.scale(alpha, result[index])
        if beta:
            addend = c[index] if beta == 1 else machine.scale(beta, c[index])
            machine.elementwise += 1
            result[index] += addend
    assert np.allclose(result, alpha * a @ b + beta * c)
    assert rule("_linalg_gemm", a, b, c, output=(m, n), alpha=alpha, beta=beta) == machine.cost


@settings(max_examples=30)
@given(sizes, sizes, sizes, flags, st.sampled_from([1.0, 2.0]))
def test_triangular_products_and_solutions(n, vectors, batch, rightside, alpha):
    product, solution = Machine(), Machine()
    lower, columns = np.tril(regular(n)[::-1]), random(batch * vectors, n)
    for column in columns:
        scaled = [column[i] if alpha == 1 else product.scale(alpha, column[i]) for i in range(n)]
        result = [product.dot(lower[i, : i + 1], scaled[: i + 1]) for i in range(n)]
        assert np.allclose(result, alpha * lower @ column)
        scaled = [column[i] if alpha == 1 else solution.scale(alpha, column[i]) for i in range(n)]
        assert np.allclose(lower @ solution.forward(lower, scaled), alpha * column)
    b = random(batch, vectors, n) if rightside else random(batch, n, vectors)
    a = np.stack([lower] * batch)
    assert rule("_linalg_trmm", a, b, output=b.shape, rightside=rightside, alpha=alpha) == product.cost
    assert rule("_linalg_trsm", a, b, output=b.shape, rightside=rightside, alpha=alpha) == solution.cost


@settings(max_examples=20)
@given(sizes, sizes, flags, st.sampled_from([1.0, 2.0]))
def test_product_with_its_transpose(n, k, transpose, alpha):
    machine, a, result = Machine(), random(n, k), np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            result[i, j] = machine.dot(a[i], a[j])
            if alpha != 1:
                result[i, j] = machine.scale(alpha, result[i, j])
            result[j, i] = result[i, j]
    assert np.allclose(result, alpha * a @ a.T)
    a = a.T if transpose else a
    assert rule("_linalg_syrk", a, output=(n, n), transpose=transpose, alpha=alpha) == machine.cost


@pytest.mark.parametrize("n", range(1, 8))
class TestFactorizations:
    def test_cholesky(self, machine, n):
        factor = machine.cholesky(definite(n))
        assert np.allclose(factor @ factor.T, definite(n))
        assert rule("_linalg_potrf", definite(n)) == rule("_npi_cholesky", definite(n)) == machine.cost

    def test_inverse_from_cholesky(self, machine, n):
        factor = np.linalg.cholesky(definite(n))
        inverse = machine.lower_inverse(factor)
        result = np.empty((n, n))
        for i in range(n):
            for j in range(i + 1):
                result[i, j] = result[j, i] = machine.dot(inverse[i:, i], inverse[i:, j])
        assert np.allclose(result, np.linalg.inv(definite(n)))
        assert rule("_linalg_potri", factor) == machine.cost

    def test_inverse(self, machine, n):
        assert np.allclose(machine.inverse(regular(n)), np.linalg.inv(regular(n)))
        assert rule("_linalg_inverse", regular(n)) == machine.cost

    def test_determinant(self, machine, n):
        rows, lu = machine.lu(regular(n))
        parity = np.linalg.det(np.eye(n)[rows])
        signs = [np.sign(each) for each in np.diag(lu)]
        magnitudes = [abs(each) for each in np.diag(lu)]
        logarithms = [np.log(each) for each in magnitudes]
        machine.other += len(signs) + len(magnitudes) + len(logarithms)
        sign, logarithm = signs[0], logarithms[0]
        for k in range(1, n):
            sign, logarithm = sign * signs[k], logarithm + logarithms[k]
            machine.other += 2
        sign = machine.multiply(sign, parity)
        assert np.allclose([sign, logarithm], np.linalg.slogdet(regular(n)))
        assert rule("_linalg_slogdet", regular(n)) == machine.cost
        machine.other += 1
        assert np.isclose(machine.multiply(np.exp(logarithm), sign), np.linalg.det(regular(n)))
        assert rule("_linalg_det", regular(n)) == machine.cost

    @pytest.mark.parametrize("vectors", [1, 3])
    def test_solution(self, machine, n, vectors):
        a, b = regular(n), random(n, vectors)
        rows, lu = machine.lu(a)
        columns = [machine.backward(lu, machine.forward(lu, b[rows, j], unit=True)) for j in range(vectors)]
        assert np.allclose(a @ np.array(columns).T, b)
        assert rule("_npi_solve", a, b) == machine.cost
        if vectors == 1:
            assert rule("_npi_tensorsolve", a, b[:, 0]) == machine.cost

    @pytest.mark.parametrize("more", [0, 1, 4])
    def test_lq(self, machine, n, more):
        a = random(n, n + more)
        lower, q = machine.lq(a)
        assert np.allclose(lower @ q, a)
        assert np.allclose(q @ q.T, np.eye(n))
        assert rule("_linalg_gelqf", a) == machine.cost


def test_a_batch_costs_its_matrices():
    """(4^3 - 4) / 6 = 10 MACs and 4 * 5 / 2 = 10 others, 6 times; nothing for no matrices and none for empty ones."""
    assert rule("_linalg_potrf", np.empty((2, 3, 4, 4))) == OpCost(macs=60, other=60)
    assert rule("_linalg_potrf", np.empty((0, 4, 4))) == OpCost()
    for op in ("_linalg_potrf", "_linalg_inverse", "_linalg_det", "_npi_eigh"):
        assert rule(op, np.empty((5, 0, 0))) == OpCost()
    assert rule("_npi_solve", np.empty((5, 0, 0)), np.empty((5, 0, 2))) == OpCost()
    assert rule("_npi_matmul", np.empty((2, 0)), np.empty((0, 4)), output=(2, 4)) == OpCost()


@settings(max_examples=30)
@given(sizes, sizes, sizes, sizes, sizes)
def test_attention(queries, keys, samples, heads, width):
    """Head by head and sample by sample, scores and weighted values."""
    scores, values = Machine(), Machine()
    for _ in range(samples * heads):
        q, k, v = random(queries, width), random(keys, width), random(keys, width)
        for i, j in np.ndindex(queries, keys):
            scores.scale(width**-0.5, scores.dot(q[i], k[j]))
        values.product(random(queries, keys), v)
    batch = samples * heads
    attention = np.empty((batch, queries, keys))
    query, pair = np.empty((queries, samples, heads * width)), np.empty((keys, samples, 2 * heads * width))
    prefix = "_contrib_interleaved_matmul_"
    assert rule(prefix + "encdec_qk", query, pair, output=attention.shape, heads=heads) == scores.cost
    assert rule(prefix + "encdec_valatt", pair, attention, output=query.shape, heads=heads) == values.cost
    if queries == keys:
        triple = np.empty((queries, samples, 3 * heads * width))
        assert rule(prefix + "selfatt_qk", triple, output=attention.shape, heads=heads) == scores.cost
        assert rule(prefix + "selfatt_valatt", triple, attention, output=query.shape, heads=heads) == values.cost


@settings(max_examples=20)
@given(sizes, st.lists(sizes, min_size=1, max_size=4))
def test_khatri_rao(columns, rows):
    operands = [random(height, columns) for height in rows]
    machine, product = Machine(), operands[0]
    for operand in operands[1:]:
        product = np.array([[machine.scale(*pair) for pair in zip(x, y)] for x in product for y in operand])
    expected = [np.eye(1)] * columns
    for operand in operands:
        expected = [np.kron(column, operand[:, [index]]) for index, column in enumerate(expected)]
    assert np.allclose(product, np.hstack(expected))
    assert rule("khatri_rao", *operands, output=product.shape) == machine.cost
