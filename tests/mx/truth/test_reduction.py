"""Reductions, scans, sorting and histograms, counted by hand. The comments derive the numbers."""

import pytest

from pytest_mxperf.cost.result import OpCost

# All of (2, 3, 4): 24 elements. Along axis 1: 8 rows of 3.
REDUCTIONS = [
    # id, operator, FLOPs
    ("everything", lambda F, x: F.sum(x), 23),
    ("axis", lambda F, x: F.sum(x, axis=1), 16),  # 8 * 2
    ("negative axis", lambda F, x: F.max(x, axis=-2), 16),  # 8 * 2
    ("axes kept", lambda F, x: F.prod(x, axis=(0, 2), keepdims=True), 21),  # 3 * 7
    ("all axes but one", lambda F, x: F.min(x, axis=1, exclude=True), 21),  # 3 * 7
    ("argmax", lambda F, x: F.argmax(x, axis=1), 16),  # 8 * 2
    ("argmin of everything", lambda F, x: F.argmin(x), 23),
    ("argmax_channel", lambda F, x: F.argmax_channel(x), 16),  # 8 * 2
    # 3 tests and 2 additions
    ("nansum", lambda F, x: F.nansum(x, axis=1), 40),  # 8 * 5
    # 2 additions and a division
    ("mean", lambda F, x: F.mean(x, axis=1), 24),  # 8 * 3
    ("mean of all axes but one", lambda F, x: F.mean(x, axis=1, exclude=True), 24),  # 3 * 8
    ("cumsum", lambda F, x: F.cumsum(x), 23),
    ("cumsum along an axis", lambda F, x: F.cumsum(x, axis=1), 16),  # 8 * 2
    ("all_finite", lambda F, x: F.all_finite(x), 24),
    ("multi_all_finite", lambda F, x: F.multi_all_finite(x, F.var("y", shape=(5,)), num_arrays=2), 29),  # 24 + 5
    # n squares, n - 1 additions
    ("multi_sum_sq", lambda F, x: F.multi_sum_sq(x, F.var("y", shape=(5,)), num_arrays=2), 56),  # 47 + 9
]

NUMPY = [
    ("sum to a scalar", lambda F, x: F.np.sum(x), 23),
    ("max along an axis", lambda F, x: F.np.max(x, axis=1), 16),  # 8 * 2
    ("argmin", lambda F, x: F.np.argmin(x, axis=1), 16),  # 8 * 2
    ("all", lambda F, x: F.np.all(x), 23),
    ("any", lambda F, x: F.np.any(x, axis=1, keepdims=True), 16),  # 8 * 2
    ("mean", lambda F, x: F.np.mean(x, axis=1), 24),  # 8 * 3
    # 3 for the mean, 3 subtractions, 3 squares, 2 additions, a division
    ("var", lambda F, x: F.np.var(x, axis=1), 96),  # 8 * 12
    ("unbiased var", lambda F, x: F.np.var(x, axis=1, ddof=1), 96),  # 8 * 12
    ("std", lambda F, x: F.np.std(x, axis=1), 104),  # 8 * 13
    ("average without weights", lambda F, x: F.np.average(x, axis=1), 24),  # 8 * 3
    # 3 multiplications, 2 additions of products, 2 of weights, a division
    ("average", lambda F, x: F.np.average(x, axis=1, weights=var(F, (2, 3, 4))), 64),  # 8 * 8
    # 3 multiplications, 2 additions, a division; the weights once: 2 additions
    ("average with a vector", lambda F, x: F.np.average(x, axis=1, weights=var(F, (3,))), 50),  # 8 * 6 + 2
    ("average and its weight", lambda F, x: F.np.average(x, 1, var(F, (3,)), returned=True)[0], 50),  # 8 * 6 + 2
]

DIFFERENCES = [
    # 6 rows of 4 -> 3 -> 2
    ("diff", lambda F, x: F.np.diff(x), [(2, 3, 4)], 18),  # 6 * 3
    ("second diff", lambda F, x: F.np.diff(x, n=2), [(2, 3, 4)], 30),  # 6 * (3 + 2)
    ("diff of an axis", lambda F, x: F.np.diff(x, axis=0), [(2, 3, 4)], 12),
    ("no diff", lambda F, x: F.np.diff(x, n=0), [(2, 3, 4)], 0),
    ("as many diffs as elements leave none", lambda F, x: F.np.diff(x, n=4), [(2, 3, 4)], 0),
    ("ediff1d", lambda F, x: F.np.ediff1d(x), [(2, 3)], 5),
    ("ediff1d with ends", lambda F, x: F.np.ediff1d(x, to_begin=0, to_end=0), [(2, 3)], 5),
]

# (3, 8): a row of 8 takes 8 x 3 comparisons, a column of 3 takes 3 x 2, all 24 take 24 x 5.
SORTS = [
    ("sort", lambda F, x: F.sort(x), 72),  # 3 * 24
    ("sort an axis", lambda F, x: F.sort(x, axis=0), 48),  # 8 * 6
    ("sort everything", lambda F, x: F.sort(x, axis=None), 120),
    ("argsort", lambda F, x: F.argsort(x, is_ascend=False), 72),  # 3 * 24
    # A heap of k has 1, 2, 2, 3 levels for k = 1, 2, 3, 4.
    ("top 1", lambda F, x: F.topk(x), 24),  # 3 * 8
    ("top 3", lambda F, x: F.topk(x, k=3, ret_typ="both"), 48),  # 3 * 8 * 2
    ("top 3 of 3 sorts", lambda F, x: F.topk(x, k=3, axis=0, ret_typ="mask"), 48),  # 8 * 6
    ("all 8", lambda F, x: F.topk(x, k=8, ret_typ="value"), 72),  # 3 * 24
    ("k = 0 sorts", lambda F, x: F.topk(x, k=0), 72),  # 3 * 24
    # 9 per element, 5 per edge
    ("histogram", lambda F, x: F.histogram(x, bins=10, range=(0, 1))[0], 271),  # 24 * 9 + 11 * 5
    # 2 comparisons with the range, 5 with edges, a count
    ("histogram with edges", lambda F, x: F.histogram(x, F.var("y", shape=(5,)))[0], 192),  # 24 * 8
]

PERCENTILES = [
    # 3 rows of 8, sorted by 24 comparisons; a blend is 3 FLOPs
    ("linear", lambda F, x: F.np.percentile(x, 50, axis=1), OpCost(other=72, interpolation=9)),
    ("lower", lambda F, x: F.np.percentile(x, 50, axis=1, interpolation="lower"), OpCost(other=72)),
    ("of everything", lambda F, x: F.np.percentile(x, 50), OpCost(other=120, interpolation=3)),
    (
        "two at once",
        lambda F, x: F.np.percentile(x, var(F, (2,)), axis=1, keepdims=True, interpolation="midpoint"),
        OpCost(other=72, interpolation=18),
    ),
]


def var(F, shape):
    return F.var("y", shape=shape).as_np_ndarray()


def named(table):
    return [pytest.param(*case[1:], id=case[0]) for case in table]


@pytest.mark.parametrize(("build", "flops"), named(REDUCTIONS))
def test_reductions(cost_of, build, flops):
    assert cost_of(build, (2, 3, 4)) == OpCost(reduction=flops)


@pytest.mark.parametrize(("build", "flops"), named(NUMPY))
def test_numpy_reductions(cost_of, build, flops):
    assert cost_of(build, (2, 3, 4), numpy=True) == OpCost(reduction=flops)


@pytest.mark.parametrize(("build", "shapes", "flops"), named(DIFFERENCES))
def test_differences(cost_of, build, shapes, flops):
    assert cost_of(build, *shapes, numpy=True) == OpCost(elementwise=flops)


@pytest.mark.parametrize(("build", "flops"), named(SORTS))
def test_sorting(cost_of, build, flops):
    assert cost_of(build, (3, 8)) == OpCost(other=flops)


@pytest.mark.parametrize(("build", "cost"), named(PERCENTILES))
def test_percentiles(cost_of, build, cost):
    assert cost_of(build, (3, 8), numpy=True) == cost


def test_padding_with_the_maximum(cost_of):
    """(2, 3) to (3, 5): first 2 rows of 3, 2 comparisons each; then 5 columns of 2, one each: 4 + 5."""
    cost = cost_of(lambda F, x: F.np.pad(x, ((1, 0), (0, 2)), mode="maximum"), (2, 3), numpy=True)
    assert cost == OpCost(reduction=9)


def test_padding_one_axis_with_the_minimum(cost_of):
    """(2, 3) to (2, 5): 2 rows of 3, 2 comparisons each."""
    cost = cost_of(lambda F, x: F.np.pad(x, ((0, 0), (0, 2)), mode="minimum"), (2, 3), numpy=True)
    assert cost == OpCost(reduction=4)


def test_a_constraint_is_the_product_of_its_flags(cost_of):
    """6 flags, 5 conjunctions."""
    cost = cost_of(lambda F, x: F.npx.constraint_check(x, "positive"), ((2, 3), "bool"), numpy=True)
    assert cost == OpCost(reduction=5)
