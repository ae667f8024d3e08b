"""Normalization layers and softmax, counted by hand. The comments derive the numbers."""

import pytest

from pytest_mxperf.cost.result import OpCost

IMAGES = (2, 6, 4, 5)  # 240 elements

# A group of n is standardized by 7n + 2 FLOPs.
NORMALIZATIONS = [
    # id, operator, shape, FLOPs
    ("batch", lambda F, x: F.BatchNorm(x), IMAGES, 480),  # 2 * 240
    ("batch of vectors", lambda F, x: F.BatchNorm(x), (2, 6), 24),  # 2 * 12
    ("batch, channels last", lambda F, x: F.BatchNorm(x, axis=-1, fix_gamma=False), IMAGES, 480),  # 2 * 240
    ("batch with statistics", lambda F, x: F.BatchNorm(x, output_mean_var=True)[0], IMAGES, 480),  # 2 * 240
    ("batch_v1", lambda F, x: F.BatchNorm_v1(x), IMAGES, 480),  # 2 * 240
    ("synchronized batch", lambda F, x: F.contrib.SyncBatchNorm(x, key="bn"), IMAGES, 480),  # 2 * 240
    ("layer", lambda F, x: F.LayerNorm(x), (2, 3, 4), 180),  # 6 * (7 * 4 + 2)
    ("layer along an axis", lambda F, x: F.LayerNorm(x, axis=1), (2, 3, 4), 184),  # 8 * (7 * 3 + 2)
    ("layer with statistics", lambda F, x: F.LayerNorm(x, output_mean_var=True)[0], (2, 3, 4), 180),  # 6 * 30
    ("instance", lambda F, x: F.InstanceNorm(x), IMAGES, 1704),  # 12 * (7 * 20 + 2)
    ("instance of sequences", lambda F, x: F.InstanceNorm(x), (2, 3, 4), 180),  # 6 * (7 * 4 + 2)
    ("one group", lambda F, x: F.GroupNorm(x), IMAGES, 1684),  # 2 * (7 * 120 + 2)
    ("groups", lambda F, x: F.GroupNorm(x, num_groups=3), IMAGES, 1692),  # 6 * (7 * 40 + 2)
    # 1 square, 4 additions, 1 scaling, 1 addition, 1 power, 1 multiplication
    ("LRN of 5 channels", lambda F, x: F.LRN(x, nsize=5), IMAGES, 2160),  # 240 * 9
    ("LRN of 3 channels", lambda F, x: F.LRN(x, nsize=3), IMAGES, 1680),  # 240 * 7
    # n squares, n - 1 additions, eps, a root, n divisions
    ("L2", lambda F, x: F.L2Normalization(x), IMAGES, 722),  # 2 * (3 * 120 + 1)
    ("L2 of vectors", lambda F, x: F.L2Normalization(x), (2, 6), 38),  # 2 * (3 * 6 + 1)
    ("L2 over channels", lambda F, x: F.L2Normalization(x, mode="channel"), IMAGES, 760),  # 40 * (3 * 6 + 1)
    ("L2 over positions", lambda F, x: F.L2Normalization(x, mode="spatial"), IMAGES, 732),  # 12 * (3 * 20 + 1)
]

# A row of n takes n - 1 comparisons, n subtractions, n exponentials, n - 1 additions and n divisions: 5n - 2.
SOFTMAXES = [
    ("last axis", lambda F, x: F.softmax(x), (2, 5), 46),  # 2 * 23
    ("first axis", lambda F, x: F.softmax(x, axis=0), (2, 5), 40),  # 5 * 8
    ("axis of three", lambda F, x: F.softmax(x, axis=1), (2, 3, 4), 104),  # 8 * 13
    # one logarithm and n subtractions instead of n divisions
    ("log_softmax", lambda F, x: F.log_softmax(x), (2, 5), 48),  # 2 * 24
    # n negations before
    ("softmin", lambda F, x: F.softmin(x), (2, 5), 56),  # 2 * 28
    ("temperature", lambda F, x: F.softmax(x, temperature=2.5), (2, 5), 56),  # 2 * 28
    ("temperature 1 is none", lambda F, x: F.softmax(x, temperature=1), (2, 5), 46),  # 2 * 23
    ("cold log_softmax", lambda F, x: F.log_softmax(x, temperature=0.5, axis=0), (2, 5), 55),  # 5 * (9 + 2)
    ("lengths", lambda F, x: F.softmax(x, F.var("n", shape=(2,)), use_length=True), (2, 5), 46),  # 2 * 23
    ("loss of vectors", lambda F, x: F.SoftmaxOutput(x), (2, 5), 46),  # 2 * 23
    ("loss over all but the batch", lambda F, x: F.SoftmaxOutput(x), (2, 3, 4), 116),  # 2 * (5 * 12 - 2)
    ("loss over channels", lambda F, x: F.SoftmaxOutput(x, multi_output=True), (2, 3, 4), 104),  # 8 * 13
    ("loss along the last axis", lambda F, x: F.SoftmaxOutput(x, preserve_shape=True), (2, 3, 4), 108),  # 6 * 18
    ("activation", lambda F, x: F.SoftmaxActivation(x), (2, 3, 4), 108),  # 6 * 18
    ("activation over channels", lambda F, x: F.SoftmaxActivation(x, mode="channel"), (2, 3, 4), 104),  # 8 * 13
]


def named(table):
    return [pytest.param(*case[1:], id=case[0]) for case in table]


@pytest.mark.parametrize(("build", "shape", "flops"), named(NORMALIZATIONS))
def test_normalization(cost_of, build, shape, flops):
    assert cost_of(build, shape) == OpCost(normalization=flops)


@pytest.mark.parametrize(("build", "shape", "flops"), named(SOFTMAXES))
def test_softmax(cost_of, build, shape, flops):
    assert cost_of(build, shape) == OpCost(softmax=flops)


def test_batch_norm_with_relu(cost_of):
    """A scale, a shift and a ReLU for each of 240 elements."""
    cost = cost_of(lambda F, x: F.contrib.BatchNormWithReLU(x), IMAGES)
    assert cost == OpCost(normalization=480, activation=240)
