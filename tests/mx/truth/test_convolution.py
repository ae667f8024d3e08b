"""Convolutions, counted by hand. The comments derive the numbers; bias and pooling are FLOPs, the rest are MACs."""

import pytest

from pytest_mxperf.cost.result import OpCost

IMAGE = (2, 4, 8, 9)


def conv(**attrs):
    return lambda F, x: F.Convolution(x, **attrs)


def deconv(**attrs):
    return lambda F, x: F.Deconvolution(x, **attrs)


CONVOLUTIONS = [
    # id, operator, shape, cost
    # 2 * 6 * (6 * 7) = 504 outputs of 4 * 9 = 36 taps
    ("2-D", conv(kernel=(3, 3), num_filter=6), IMAGE, OpCost(macs=18_144, bias=504)),
    ("no bias", conv(kernel=(3, 3), num_filter=6, no_bias=True), IMAGE, OpCost(macs=18_144)),
    # 2 * 6 * (8 * 9) = 864 outputs of 36 taps, those on the padding too
    ("padding", conv(kernel=(3, 3), num_filter=6, pad=(1, 1)), IMAGE, OpCost(macs=31_104, bias=864)),
    # rows (8 + 2 * 1 - 5) // 2 + 1 = 3, columns (9 + 2 * 2 - 2) // 3 + 1 = 4: 2 * 6 * 12 = 144 outputs of 4 * 10 taps
    (
        "nothing symmetric",
        conv(kernel=(5, 2), stride=(2, 3), pad=(1, 2), num_filter=6),
        IMAGE,
        OpCost(macs=5_760, bias=144),
    ),
    # 3x3 dilated by (2, 3) spans 5x7: 2 * 6 * (4 * 3) = 144 outputs, still of 36 taps
    ("dilation", conv(kernel=(3, 3), dilate=(2, 3), num_filter=6), IMAGE, OpCost(macs=5_184, bias=144)),
    # each filter sees 2 of the 4 channels: 504 * 18
    ("groups", conv(kernel=(3, 3), num_filter=6, num_group=2), IMAGE, OpCost(macs=9_072, bias=504)),
    # one channel each, two filters per channel: 2 * 8 * 42 = 672 outputs of 9 taps
    ("depthwise", conv(kernel=(3, 3), num_filter=8, num_group=4, no_bias=True), IMAGE, OpCost(macs=6_048)),
    # 2 * 16 * 72 = 2,304 outputs of 4 channels
    ("1x1", conv(kernel=(1, 1), num_filter=16), IMAGE, OpCost(macs=9_216, bias=2_304)),
    # (11 - 3) // 2 + 1 = 5 places: 2 * 6 * 5 = 60 outputs of 4 * 3 taps
    ("1-D", conv(kernel=(3,), stride=(2,), num_filter=6), (2, 4, 11), OpCost(macs=720, bias=60)),
    # 11 - (3 - 1) * 4 = 3 places: 36 outputs of 2 * 3 taps
    ("1-D, dilated, groups", conv(kernel=3, dilate=4, num_filter=6, num_group=2), (2, 4, 11), OpCost(216, 36)),
    # (5 - 1) * (6 - 2) * (7 - 1) = 4 * 4 * 6 = 96 places: 2 * 6 * 96 = 1,152 outputs of 4 * 2 * 3 * 2 = 48 taps
    ("3-D", conv(kernel=(2, 3, 2), num_filter=6), (2, 4, 5, 6, 7), OpCost(macs=55_296, bias=1_152)),
    # 1,152 outputs of 2 channels * 12 taps
    ("3-D, groups", conv(kernel=(2, 3, 2), num_filter=6, num_group=2), (2, 4, 5, 6, 7), OpCost(27_648, 1_152)),
    # the 2-D case again, twice 42 places
    ("NHWC", conv(kernel=(3, 3), num_filter=6, layout="NHWC"), (2, 8, 9, 4), OpCost(macs=18_144, bias=504)),
    ("NHWC, groups", conv(kernel=(3, 3), num_filter=6, num_group=2, layout="NHWC"), (2, 8, 9, 4), OpCost(9_072, 504)),
    # the 3-D case again
    ("NDHWC", conv(kernel=(2, 3, 2), num_filter=6, layout="NDHWC"), (2, 5, 6, 7, 4), OpCost(macs=55_296, bias=1_152)),
    # the 2-D case again
    ("v1", lambda F, x: F.Convolution_v1(x, kernel=(3, 3), num_filter=6), IMAGE, OpCost(macs=18_144, bias=504)),
    (
        "v1, groups",
        lambda F, x: F.Convolution_v1(x, kernel=(3, 3), num_filter=6, num_group=2),
        IMAGE,
        OpCost(9_072, 504),
    ),
]

DECONVOLVES_3D = pytest.mark.needs_operator(
    "Deconvolution of 3 dimensions on a CPU",
    tried=lambda mx: mx.sym.Deconvolution(mx.sym.var("x"), kernel=(1, 1, 1), num_filter=1).infer_shape(x=(1,) * 5),
)

DECONVOLUTIONS = [
    # 2 * 4 * 72 = 576 inputs, each scattered through 6 * 9 = 54 taps; the bias has to be asked for
    ("2-D", deconv(kernel=(3, 3), num_filter=6), IMAGE, OpCost(macs=31_104)),
    # (8 + 2) * (9 + 2) = 110 places: 2 * 6 * 110 additions
    ("bias", deconv(kernel=(3, 3), num_filter=6, no_bias=False), IMAGE, OpCost(macs=31_104, bias=1_320)),
    # 576 inputs through 6 * 16 taps, those that padding cuts off too: 7 * 2 + 4 - 2 * 1 = 16, 8 * 2 + 2 = 18
    (
        "stride",
        deconv(kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=6, no_bias=False),
        IMAGE,
        OpCost(macs=55_296, bias=3_456),
    ),
    # adj makes it 17 x 18 = 306 places: 2 * 6 * 306 additions, and no MAC
    (
        "adj",
        deconv(kernel=(4, 4), stride=(2, 2), pad=(1, 1), adj=(1, 0), num_filter=6, no_bias=False),
        IMAGE,
        OpCost(macs=55_296, bias=3_672),
    ),
    # 15 * 16 = 240 places: 2 * 6 * 240 additions
    (
        "target_shape",
        deconv(kernel=(4, 4), stride=(2, 2), target_shape=(15, 16), num_filter=6, no_bias=False),
        IMAGE,
        OpCost(macs=55_296, bias=2_880),
    ),
    # 576 inputs through 3 filters * 9 taps of their group
    ("groups", deconv(kernel=(3, 3), num_filter=6, num_group=2), IMAGE, OpCost(macs=15_552)),
    # bilinear upsampling: 576 inputs through 16 taps of their channel
    ("depthwise", deconv(kernel=(4, 4), stride=(2, 2), num_filter=4, num_group=4), IMAGE, OpCost(macs=9_216)),
    # 3x3 dilated to 5x5: as many taps, and 12 * 13 = 156 places: 2 * 6 * 156 additions
    ("dilation", deconv(kernel=(3, 3), dilate=(2, 2), num_filter=6, no_bias=False), IMAGE, OpCost(31_104, 1_872)),
    # 2 * 4 * 11 = 88 inputs through 6 * 3 taps
    ("1-D", deconv(kernel=(3,), stride=(2,), num_filter=6), (2, 4, 11), OpCost(macs=1_584)),
    # 2 * 4 * 24 = 192 inputs through 6 * 12 taps
    ("3-D", deconv(kernel=(2, 3, 2), num_filter=6), (2, 4, 2, 3, 4), OpCost(macs=13_824), DECONVOLVES_3D),
    # 576 inputs through 54 taps
    ("NHWC", deconv(kernel=(3, 3), num_filter=6, layout="NHWC"), (2, 8, 9, 4), OpCost(macs=31_104)),
    ("NHWC, groups", deconv(kernel=(3, 3), num_filter=6, num_group=2, layout="NHWC"), (2, 8, 9, 4), OpCost(15_552)),
]

WINDOWS = [
    # a copy of every window
    ("im2col", lambda F, x: F.im2col(x, kernel=(3, 3), pad=(1, 1)), IMAGE, OpCost()),
    # 2 * 36 * 42 column elements are added to the image
    (
        "col2im",
        lambda F, x: F.col2im(x, output_size=(8, 9), kernel=(3, 3)),
        (2, 36, 42),
        OpCost(reduction=3_024),
    ),
]


def named(table):
    """Each case is an id, what builds the operator, a shape, the cost, and a mark if it has one."""
    return [pytest.param(*case[1:4], id=case[0], marks=case[4:]) for case in table]


@pytest.mark.parametrize(("build", "shape", "cost"), named(CONVOLUTIONS))
def test_convolution(cost_of, build, shape, cost):
    assert cost_of(build, shape) == cost


@pytest.mark.parametrize(("build", "shape", "cost"), named(DECONVOLUTIONS))
def test_deconvolution(cost_of, build, shape, cost):
    assert cost_of(build, shape) == cost


@pytest.mark.parametrize(("build", "shape", "cost"), named(WINDOWS))
def test_windows(cost_of, build, shape, cost):
    assert cost_of(build, shape) == cost


# Displaced by -1..1 in both directions: 9 channels. 6 * 7 positions at kernel 1: 2 * 9 * 42 = 756 outputs.
CORRELATIONS = [
    # windows of 4 channels, and a division each
    ("products", {}, OpCost(macs=3_024, elementwise=756)),
    # 4 differences, 4 absolute values and a division: 756 * 9; 3 additions
    ("differences", {"is_multiply": False}, OpCost(elementwise=6_804, reduction=2_268)),
    # displaced by -2, 0, 2; 3x3 windows and padding of 1: borders of 3, 4 * 5 positions, 2 * 9 * 20 = 360 outputs of 36
    (
        "windows",
        {"kernel_size": 3, "max_displacement": 2, "stride2": 2, "pad_size": 1},
        OpCost(macs=12_960, elementwise=360),
    ),
    # every second of 6 * 7 positions: 3 * 4, 2 * 9 * 12 = 216 outputs of 4
    ("stride", {"stride1": 2}, OpCost(macs=864, elementwise=216)),
]


@pytest.mark.parametrize(("attrs", "cost"), named(CORRELATIONS))
def test_correlation(cost_of, attrs, cost):
    assert cost_of(lambda F, x, y: F.Correlation(x, y, **attrs), IMAGE, IMAGE) == cost


# 3x3 filters on (2, 4, 8, 9) without padding: 6 * 7 = 42 positions, 9 * 42 * 2 = 756 taps of 4 channels, 3,024 values.
# A tap takes 12 FLOPs, a value 7: 756 * 12 + 3024 * 7 = 30,240. MACs and bias are those of the convolution.
DEFORMABLE = [
    ("one group", {"num_filter": 6}, 18, OpCost(macs=18_144, bias=504, interpolation=30_240)),
    # two deformable groups have 1,512 taps of 2 channels each: 1512 * 12 + 3024 * 7
    ("deformable groups", {"num_filter": 6, "num_deformable_group": 2}, 36, OpCost(18_144, 504, interpolation=39_312)),
    # groups share out the MACs alone
    ("groups", {"num_filter": 6, "num_group": 2, "no_bias": True}, 18, OpCost(macs=9_072, interpolation=30_240)),
]


@pytest.mark.parametrize(("attrs", "offsets", "cost"), named(DEFORMABLE))
def test_deformable_convolution(cost_of, attrs, offsets, cost):
    def build(F, x, offset):
        return F.contrib.DeformableConvolution(x, offset, kernel=(3, 3), **attrs)

    assert cost_of(build, IMAGE, (2, offsets, 6, 7)) == cost


@pytest.mark.parametrize(("attrs", "offsets", "cost"), named(DEFORMABLE))
def test_modulated_deformable_convolution(cost_of, attrs, offsets, cost):
    """Each of 3,024 values is multiplied with the mask."""

    def build(F, x, offset, mask):
        return F.contrib.ModulatedDeformableConvolution(x, offset, mask, kernel=(3, 3), **attrs)

    measured = cost_of(build, IMAGE, (2, offsets, 6, 7), (2, offsets // 2, 6, 7))
    assert measured == cost + OpCost(elementwise=3_024)


def test_deformable_taps_are_those_of_the_output(cost_of):
    """Stride 2, dilation 2, padding 2: 4 * 5 = 20 positions, 2 * 9 * 20 = 360 taps of 4 channels, 1,440 values.

    2 * 6 * 20 = 240 outputs of 36 taps; 360 * 12 + 1440 * 7 FLOPs to sample.
    """

    def build(F, x, offset):
        window = {"kernel": (3, 3), "stride": (2, 2), "dilate": (2, 2), "pad": (2, 2)}
        return F.contrib.DeformableConvolution(x, offset, num_filter=6, no_bias=True, **window)

    assert cost_of(build, IMAGE, (2, 18, 4, 5)) == OpCost(macs=8_640, interpolation=14_400)
