"""Elementwise operators and activation functions, counted by hand. The comments derive the numbers."""

import pytest

from pytest_mxperf.cost.result import OpCost

ELEMENTWISE = [
    # id, operator, shapes, FLOPs
    ("a function", lambda F, x: F.exp(x), [(2, 3)], 6),
    ("smooth_l1", lambda F, x: F.smooth_l1(x, scalar=1), [(2, 3)], 6),
    ("same shapes", lambda F, x, y: x + y, [(2, 3), (2, 3)], 6),
    ("broadcast", lambda F, x, y: F.broadcast_mul(x, y), [(2, 1, 4), (1, 3, 1)], 24),  # 2 * 3 * 4
    ("comparison", lambda F, x, y: x > y, [(2, 3), (2, 3)], 6),
    ("scalar", lambda F, x: x + 1.5, [(2, 3)], 6),
    ("scalar on the left", lambda F, x: 1 - x, [(2, 3)], 6),
    ("power of a scalar", lambda F, x: 2**x, [(2, 3)], 6),
    ("one tensor is its own sum", lambda F, x: F.add_n(x), [(2, 3)], 0),
    ("two additions", lambda F, x, y, z: F.add_n(x, y, z), [(2, 3)] * 3, 12),  # 2 * 6
    ("straight-through sign", lambda F, x: F.contrib.sign_ste(x), [(2, 3)], 6),
    # x * (a * x + b) + c
    ("quadratic", lambda F, x: F.contrib.quadratic(x, a=1, b=2, c=3), [(2, 3)], 24),  # 4 * 6
    # 6 divisions and one root of 3
    ("div_sqrt_dim", lambda F, x: F.contrib.div_sqrt_dim(x), [(2, 3)], 7),
    # 5 indices of 3 coordinates: 2 x (multiply and add) each
    ("ravel", lambda F, x: F.ravel_multi_index(x, shape=(7, 8, 9)), [(3, 5)], 20),  # 5 * 2 * 2
    ("unravel", lambda F, x: F.unravel_index(x, shape=(7, 8, 9)), [(5,)], 20),  # 5 * 2 * 2
    ("unravel one coordinate", lambda F, x: F.unravel_index(x, shape=(7,)), [(5,)], 0),
    ("dropout", lambda F, x: F.Dropout(x), [(2, 3)], 0),
    # scale the mask, apply it
    ("dropout at inference", lambda F, x: F.Dropout(x, mode="always"), [(2, 3)], 12),  # 6 + 6
    ("dropout with a shared mask", lambda F, x: F.Dropout(x, mode="always", axes=(0,)), [(2, 3)], 9),  # 3 + 6
    ("dropout that keeps all", lambda F, x: F.Dropout(x, mode="always", p=0), [(2, 3)], 0),
    ("density", lambda F, *x: F.random_pdf_normal(*x), [(2, 4), (2,), (2,)], 8),
    # 6 vectors of 4: per element 4 FLOPs and 3 sums; per vector 3 x (4 - 1) additions, gammaln, add, subtract: 7 x 4
    ("log Dirichlet", lambda F, *x: F.random_pdf_dirichlet(*x, is_log=True), [(2, 3, 4), (2, 4)], 168),  # 6 * 28
    ("Dirichlet", lambda F, *x: F.random_pdf_dirichlet(*x), [(2, 3, 4), (2, 4)], 174),  # 6 * (28 + 1)
]

NUMPY = [
    ("function", lambda F, x: F.np.expm1(x), [(2, 3)], 6),
    ("of a scalar", lambda F, x: F.np.sqrt(x), [()], 1),
    ("around", lambda F, x: F.np.around(x, 2), [(2, 3)], 6),
    ("isnan", lambda F, x: F.np.isnan(x), [(2, 3)], 6),
    ("nan_to_num", lambda F, x: F.np.nan_to_num(x), [(2, 3)], 6),
    ("broadcast", lambda F, x, y: F.np.add(x, y), [(2, 1, 4), (3, 1)], 24),  # 2 * 3 * 4
    ("comparison", lambda F, x, y: F.np.less_equal(x, y), [(2, 3), (3,)], 6),
    ("arctan2", lambda F, x, y: F.np.arctan2(x, y), [(2, 3), (2, 3)], 6),
    ("scalar", lambda F, x: x**2, [(2, 3)], 6),
    ("scalar on the left", lambda F, x: 1 / x, [(2, 3)], 6),
    ("copysign with a scalar", lambda F, x: F.np.copysign(x, -1), [(2, 3)], 6),
]

ACTIVATIONS = [
    *(
        (act_type, lambda F, x, act_type=act_type: F.Activation(x, act_type=act_type))
        for act_type in ("relu", "sigmoid", "tanh", "softrelu", "softsign")
    ),
    *(
        (act_type, lambda F, x, act_type=act_type: F.LeakyReLU(x, act_type=act_type))
        for act_type in ("leaky", "prelu", "rrelu", "elu", "selu", "gelu")
    ),
    ("LeakyReLU as it is", lambda F, x: F.LeakyReLU(x)),
    ("relu operator", lambda F, x: F.relu(x)),
    ("hard_sigmoid", lambda F, x: F.hard_sigmoid(x)),
    ("clip", lambda F, x: F.clip(x, 0, 6)),
    ("sigmoid of a loss", lambda F, x: F.LogisticRegressionOutput(x)),
]


def named(table):
    return [pytest.param(*case[1:], id=case[0]) for case in table]


@pytest.mark.parametrize(("build", "shapes", "flops"), named(ELEMENTWISE))
def test_elementwise(cost_of, build, shapes, flops):
    assert cost_of(build, *shapes) == OpCost(elementwise=flops)


@pytest.mark.parametrize(("build", "shapes", "flops"), named(NUMPY))
def test_numpy(cost_of, build, shapes, flops):
    assert cost_of(build, *shapes, numpy=True) == OpCost(elementwise=flops)


@pytest.mark.parametrize("build", named(ACTIVATIONS))
def test_an_activation_is_one_flop_per_element(cost_of, build):
    assert cost_of(build, (2, 3, 4)) == OpCost(activation=24)


def test_allclose(cost_of):
    """Per pair ``|a - b| <= atol + rtol * |b|`` is 6 FLOPs; 6 flags become one by 5 conjunctions."""
    cost = cost_of(lambda F, x, y: F.contrib.allclose(x.as_nd_ndarray(), y.as_nd_ndarray()), (2, 3), (2, 3), numpy=True)
    assert cost == OpCost(elementwise=36, reduction=5)


def test_the_likelihood_of_a_hawkes_process(cost_of):
    """2 processes, 3 marks, 4 points: 19 FLOPs a point, 11 a mark: 2 * (4 * 19 + 3 * 11)."""
    shapes = [(2, 3), (3,), (3,), (2, 3), (2, 4), ((2, 4), "int32"), (2,), (2,)]
    cost = cost_of(lambda F, *x: F.contrib.hawkesll(*x), *shapes)
    assert cost == OpCost(other=218)
