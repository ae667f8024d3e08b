"""Pooling, sampling, detection, image preparation and CTC, counted by hand. The comments derive the numbers."""

import pytest

from pytest_mxperf.cost.result import OpCost

MAPS = (2, 4, 8, 9)  # 8 maps of 72 elements


def pool(**attrs):
    return lambda F, x: F.Pooling(x, **attrs)


def pool_v1(**attrs):
    return lambda F, x: F.Pooling_v1(x, **attrs)


def adaptive(size):
    return lambda F, x: F.contrib.AdaptiveAvgPooling2D(x, output_size=size)


POOLINGS = [
    # id, operator, shape, FLOPs
    # 8 maps of 4 * 4 outputs of 2x2 elements: 3 comparisons each
    ("max", pool(kernel=(2, 2), stride=(2, 2)), MAPS, 384),  # 128 * 3
    ("average", pool(kernel=(2, 2), stride=(2, 2), pool_type="avg"), MAPS, 512),  # 128 * 4
    ("sum", pool(kernel=(2, 2), stride=(2, 2), pool_type="sum"), MAPS, 384),  # 128 * 3
    # 4 squares, 3 additions, a root
    ("lp", pool(kernel=(2, 2), stride=(2, 2), pool_type="lp", p_value=2), MAPS, 1_024),  # 128 * 8
    ("lp, p=3", pool(kernel=(2, 2), stride=(2, 2), pool_type="lp", p_value=3), MAPS, 1_024),  # 128 * 8
    ("lp, p=1, a sum", pool(kernel=(2, 2), stride=(2, 2), pool_type="lp", p_value=1), MAPS, 384),  # 128 * 3
    # the last column has a window of its own: 4 * 5 outputs
    ("full", pool(kernel=(2, 2), stride=(2, 2), pooling_convention="full"), MAPS, 480),  # 160 * 3
    # ceil(11 / 2) = 6 outputs of 3; MXNet wants three paddings in 1-D here
    ("same", pool(kernel=(3,), stride=(2,), pooling_convention="same", pad=(0, 0, 0)), (2, 4, 11), 96),  # 48 * 2
    # (8 + 2 - 3) // 2 + 1 = 4, (9 + 2 - 3) // 2 + 1 = 5: 160 outputs of 3x3, padding included
    ("padding", pool(kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg"), MAPS, 1_440),  # 160 * 9
    (
        "padding not in the mean",
        pool(kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg", count_include_pad=False),
        MAPS,
        1_440,  # 160 * 9
    ),
    # without a stride windows overlap: 8 maps of 4 * 8 outputs of 5x2
    ("stride 1", pool(kernel=(5, 2)), MAPS, 2_304),  # 256 * 9
    ("1-D", pool(kernel=(3,), pool_type="avg"), (2, 4, 11), 216),  # 72 * 3
    ("3-D", pool(kernel=(2, 3, 2), stride=(1, 1, 2)), (1, 2, 4, 5, 6), 594),  # 2 * 3 * 3 * 3 * 11
    ("NHWC", pool(kernel=(2, 2), stride=(2, 2), layout="NHWC"), (2, 8, 9, 4), 384),  # 128 * 3
    ("NWC", pool(kernel=(3,), layout="NWC", pool_type="avg"), (2, 11, 4), 216),  # 72 * 3
    ("NDHWC", pool(kernel=(2, 3, 2), stride=(1, 1, 2), layout="NDHWC"), (1, 4, 5, 6, 2), 594),  # 54 * 11
    ("global", pool(global_pool=True, pool_type="avg"), MAPS, 576),  # 8 * 72
    ("global max", pool(global_pool=True, kernel=(2, 2)), MAPS, 568),  # 8 * 71
    ("global NHWC", pool(global_pool=True, layout="NHWC"), (2, 8, 9, 4), 568),  # 8 * 71
    ("global 1-D", pool(global_pool=True, pool_type="sum"), (2, 4, 11), 80),  # 8 * 10
    ("global 3-D", pool(global_pool=True, pool_type="avg"), (1, 2, 4, 5, 6), 240),  # 2 * 120
    ("v1", pool_v1(kernel=(2, 2), stride=(2, 2), pool_type="avg"), MAPS, 512),  # 128 * 4
    ("v1, full", pool_v1(kernel=(2, 2), stride=(2, 2), pooling_convention="full"), MAPS, 480),  # 160 * 3
    ("v1, global", pool_v1(kernel=(2, 2), global_pool=True, pool_type="avg"), MAPS, 576),  # 8 * 72
    # 4 rows of bins, 2 rows each; 3 columns of bins, 3 columns each: every element once
    ("adaptive, dividing", adaptive((4, 3)), MAPS, 576),  # 8 * 72
    # rows 0-1, 1-3, 3-4, 4-6, 6-7 of 8 (2 + 3 + 2 + 3 + 2 = 12), columns 0-4 and 4-8 of 9 (5 + 5)
    ("adaptive, overlapping", adaptive((5, 2)), MAPS, 960),  # 8 * 12 * 10
    ("adaptive, one bin", adaptive(1), MAPS, 576),  # 8 * 72
    # 16 rows and 18 columns of one element: a division each
    ("adaptive, more bins than elements", adaptive((16, 18)), MAPS, 2_304),  # 8 * 16 * 18
]


def roi_pool(F, x, rois):
    return F.ROIPooling(x, rois, pooled_size=(5, 2), spatial_scale=0.5)


def psroi_pool(F, x, rois):
    return F.contrib.PSROIPooling(x, rois, output_dim=2, pooled_size=2, spatial_scale=0.5)


def upsample(*inputs, **attrs):
    return lambda F, *xs: F.UpSampling(*xs, num_args=len(xs), **attrs)


def resize(**attrs):
    return lambda F, *xs: F.contrib.BilinearResize2D(*xs, **attrs)


def align(**attrs):
    return lambda F, x, rois: F.contrib.ROIAlign(x, rois, pooled_size=(3, 2), spatial_scale=0.5, **attrs)


def rotated_align(**attrs):
    return lambda F, x, rois: F.contrib.RROIAlign(x, rois, pooled_size=(3, 2), spatial_scale=0.5, **attrs)


def deformable_pool(**attrs):
    size = {"output_dim": 4, "group_size": 2, "pooled_size": 3}
    return lambda F, x, *more: F.contrib.DeformablePSROIPooling(x, *more, spatial_scale=0.5, **size, **attrs)


def transform(F, x, loc):
    return F.SpatialTransformer(x, loc, target_shape=(5, 6), transform_type="affine", sampler_type="bilinear")


# A value read takes 7 FLOPs, 4 products and 3 additions. A position takes 10 for its weights and some for coordinates.
SAMPLINGS = [
    # id, operator, shapes, cost
    # 3 regions of 4 channels; the bins of one cover 12 * 10 elements (see the adaptive case) in 5 * 2 maxima
    ("RoI pooling", roi_pool, [MAPS, (3, 5)], OpCost(pooling=1_320)),  # 12 * (120 - 10)
    # 3 regions of 2 channels; rows 0-3 and 4-7, columns 0-4 and 4-8: 8 * 10 elements
    ("position sensitive RoI pooling", psroi_pool, [(2, 8, 8, 9), (3, 5)], OpCost(pooling=480)),  # 6 * 80
    # copies
    ("nearest", upsample(scale=2, sample_type="nearest"), [MAPS], OpCost()),
    ("nearest of two", upsample(scale=2, sample_type="nearest"), [MAPS, (2, 3, 16, 18)], OpCost()),
    # 2 additions on 2 * 4 * 16 * 18 outputs
    (
        "nearest, the sum of three",
        upsample(scale=2, sample_type="nearest", multi_input_mode="sum"),
        [MAPS, (2, 4, 16, 18), (2, 4, 4, 3)],
        OpCost(elementwise=4_608),
    ),
    # 576 inputs through 4x4 taps of their channel's filter
    ("bilinear", upsample(scale=2, sample_type="bilinear", num_filter=4), [MAPS, (4, 1, 4, 4)], OpCost(macs=9_216)),
    # the filter spans 2 * 3 - 3 % 2 = 5: 576 * 25
    ("bilinear by 3", upsample(scale=3, sample_type="bilinear", num_filter=4), [MAPS, (4, 1, 5, 5)], OpCost(14_400)),
    # 8 maps of 16 * 20 outputs
    ("resize", resize(height=16, width=20), [MAPS], OpCost(interpolation=17_920)),  # 2560 * 7
    ("resize by a factor", resize(scale_height=0.5, scale_width=2), [MAPS], OpCost(interpolation=4_032)),  # 8*72*7
    (
        "resize, odd",
        resize(mode="odd_scale", scale_height=2, scale_width=2),
        [MAPS],
        OpCost(0, 0, interpolation=15_232),
    ),
    ("resize like another", resize(mode="like"), [MAPS, (2, 1, 3, 5)], OpCost(interpolation=840)),  # 8 * 15 * 7
    ("resize to even", resize(mode="to_even_up"), [MAPS], OpCost(interpolation=4_480)),  # 8 * 80 * 7
    ("resize to odd", resize(mode="to_odd_down"), [MAPS], OpCost(interpolation=3_528)),  # 8 * 63 * 7
    # 8 * 16 * 7
    (
        "resize without corners",
        resize(height=4, width=4, align_corners=False),
        [MAPS],
        OpCost(interpolation=896),
        pytest.mark.needs_operator(
            "_contrib_BilinearResize2D(align_corners)",
            tried=lambda mx: mx.sym.contrib.BilinearResize2D(mx.sym.var("x"), align_corners=False),
        ),
    ),
    ("resize to the same size", resize(height=8, width=9), [MAPS], OpCost()),
    # 2 * 30 pixels of 2 coordinates, 3 products each
    (
        "affine grid",
        lambda F, x: F.GridGenerator(x, transform_type="affine", target_shape=(5, 6)),
        [(2, 6)],
        OpCost(macs=360),
    ),
    # 2 * 2 * 72 coordinates: an addition, a division, a subtraction
    (
        "warped grid",
        lambda F, x: F.GridGenerator(x, transform_type="warp"),
        [(2, 2, 8, 9)],
        OpCost(interpolation=864),
    ),
    # 2 * 30 positions at 4 + 10, 4 channels each: 60 * 14 + 240 * 7
    (
        "sampler",
        lambda F, x, grid: F.BilinearSampler(x, grid),
        [MAPS, (2, 2, 5, 6)],
        OpCost(interpolation=2_520),
    ),
    ("spatial transformer", transform, [MAPS, (2, 6)], OpCost(macs=360, interpolation=2_520)),
    # 3 regions of 6 bins of 2x2 samples: 72 positions at 4 + 10, 4 channels each, and 72 outputs that are means of 4
    ("RoI align", align(sample_ratio=2), [MAPS, (3, 5)], OpCost(interpolation=3_024, pooling=288)),  # 72*14+288*7
    # 18 positions, 72 values, 72 divisions by 1
    ("RoI align, single samples", align(sample_ratio=1), [MAPS, (3, 5)], OpCost(interpolation=756, pooling=72)),
    # bins of ceil(8 / 3) * ceil(9 / 2) = 15 samples: 270 positions, 1,080 values
    ("RoI align, adaptive", align(), [MAPS, (3, 5)], OpCost(interpolation=11_340, pooling=1_080)),
    # each of 6 bins in its own channel: 24 channels are 4
    (
        "RoI align, position sensitive",
        align(sample_ratio=2, position_sensitive=True),
        [(2, 24, 8, 9), (3, 5)],
        OpCost(interpolation=3_024, pooling=288),
    ),
    # rotation takes 8 more at 72 positions
    ("rotated RoI align", rotated_align(sampling_ratio=2), [MAPS, (3, 6)], OpCost(interpolation=3_600, pooling=288)),
    # and at 270
    ("rotated RoI align, adaptive", rotated_align(), [MAPS, (3, 6)], OpCost(interpolation=13_500, pooling=1_080)),
    # 3 regions of 9 bins of 2x2 samples: 108 positions at 4 + 10, 4 channels each: 108 * 14 + 432 * 7; means of 4
    (
        "deformable RoI pooling without offsets",
        deformable_pool(sample_per_part=2, no_trans=True),
        [(2, 16, 8, 9), (3, 5)],
        OpCost(interpolation=4_536, pooling=432),
    ),
    # 2 classes have bins of their own: 216 positions of 2 channels each, and 54 bins are moved, 6 FLOPs each
    (
        "deformable RoI pooling",
        deformable_pool(sample_per_part=2, trans_std=0.1),
        [(2, 16, 8, 9), (3, 5), (3, 4, 3, 3)],
        OpCost(interpolation=6_372, pooling=432),  # 216 * 14 + 432 * 7 + 54 * 6
    ),
    # a single sample per bin: 27 positions, 108 values, 27 bins moved
    (
        "deformable RoI pooling of one class",
        deformable_pool(),
        [(2, 16, 8, 9), (3, 5), (3, 2, 3, 3)],
        OpCost(interpolation=1_296, pooling=108),  # 27 * 14 + 108 * 7 + 27 * 6
    ),
]


def nms(**attrs):
    return lambda F, x: F.contrib.box_nms(x, **attrs)


def detect(**attrs):
    return lambda F, *xs: F.contrib.MultiBoxDetection(*xs, **attrs)


def target(**attrs):
    return lambda F, *xs: F.contrib.MultiBoxTarget(*xs, **attrs)[0]


def decode(**attrs):
    return lambda F, *xs: F.contrib.box_decode(*xs, **attrs)


def propose(op="Proposal", **attrs):
    anchors = {"scales": (8,), "ratios": (0.5, 1), "feature_stride": 16}
    return lambda F, *xs: getattr(F.contrib, op)(*xs, **anchors, **attrs)


# An overlap takes 12: 4 per axis, a product, 2 for the union, a division; an area 3; a sort of n, n * ceil(log2 n).
BOXES = [(2, 10, 6)]
SSD = [(2, 5, 10), (2, 40), (1, 10, 4)]  # 4 classes and the background, 10 anchors
MATCHED = [(1, 10, 4), (2, 3, 5), (2, 5, 10)]  # 10 anchors, 3 labels, 4 classes and the background
RPN = [(1, 4, 3, 5), (1, 8, 3, 5), (1, 3)]  # 2 anchors at 15 positions
DETECTIONS = [
    # id, operator, shapes, FLOPs
    # 2 * 3 * 5 = 30 pairs; 6 + 5 areas
    ("IoU", lambda F, *xs: F.contrib.box_iou(*xs), [(2, 3, 4), (5, 4)], 393),  # 30 * 12 + 11 * 3
    # the edges of a box take 6 more, its area 2 less
    ("IoU, center", lambda F, *xs: F.contrib.box_iou(*xs, format="center"), [(2, 3, 4), (5, 4)], 437),  # 360 + 11 * 7
    # 10 tests, 10 * 4 to sort, 10 areas, 45 pairs of 12 + 1
    ("NMS", nms(), BOXES, 1_330),  # 2 * (10 + 40 + 30 + 585)
    ("NMS of one list", nms(), [(10, 6)], 665),  # half of it
    # 3 tests a box, and a comparison of classes a pair
    ("NMS by class", nms(id_index=0), BOXES, 1_460),  # 2 * (30 + 40 + 30 + 45 * 14)
    ("NMS across classes", nms(id_index=0, force_suppress=True), BOXES, 1_370),  # 2 * (30 + 40 + 30 + 585)
    # all are sorted; 4 have areas and 6 pairs
    ("NMS of the best", nms(topk=4), BOXES, 280),  # 2 * (10 + 40 + 12 + 78)
    ("NMS of the very best", nms(topk=1), BOXES, 106),  # 2 * (10 + 40 + 3)
    ("NMS of none", nms(topk=0), BOXES, 0),
    # the edges take 6 more, the area 2 less
    ("NMS of centers", nms(in_format="center", out_format="center"), BOXES, 1_410),  # 2 * (10 + 40 + 70 + 585)
    # 10 conversions of 6
    ("NMS to centers", nms(out_format="center"), BOXES, 1_450),  # 1330 + 2 * 60
    ("NMS from centers", nms(in_format="center"), BOXES, 1_530),  # 1410 + 2 * 60
    # 2 * 10 anchors: 6 for itself, 6 for its match, 12 + 4 for 4 offsets and their means, 1 test
    (
        "encode",
        lambda F, *xs: F.contrib.box_encode(*xs)[0],
        [(2, 10), (2, 10), (2, 10, 4), (2, 3, 4), (4,), (4,)],
        580,  # 20 * 29
    ),
    ("decode", decode(), [(2, 10, 4), (1, 10, 4)], 360),  # 20 * (6 + 8 + 4)
    ("decode, clipped", decode(clip=0.5), [(2, 10, 4), (1, 10, 4)], 400),  # 20 * (18 + 2)
    ("decode from corners", decode(format="corner"), [(2, 10, 4), (1, 10, 4)], 480),  # 20 * (18 + 6)
    # 2 matrices: 12 * 4 to sort, 2 * 12 markers, 3 thresholds
    ("matching", lambda F, x: F.contrib.bipartite_matching(x, threshold=0.1)[0], [(2, 3, 4)], 150),  # 2 * 75
    # constants
    ("anchors", lambda F, x: F.contrib.MultiBoxPrior(x, sizes=(0.5, 0.2), ratios=(1, 2)), [MAPS], 0),
    # 10 anchors: 4 + 1 comparisons, 18 + 6 to decode, 8 to clip = 37; 40 to sort, 10 areas, 45 pairs of 12 + 2
    ("detection", detect(), SSD, 2_140),  # 2 * (370 + 40 + 30 + 630)
    ("detection, unclipped", detect(clip=False), SSD, 1_980),  # 2140 - 2 * 80
    ("detection across classes", detect(force_suppress=True), SSD, 2_050),  # 2140 - 2 * 45
    # 4 areas, 6 pairs
    ("detection of the best", detect(nms_topk=4), SSD, 1_012),  # 2 * (370 + 40 + 12 + 84)
    ("detection without NMS", detect(nms_threshold=-1), SSD, 740),  # 2 * 370
    ("detection without any overlap above", detect(nms_threshold=1.5), SSD, 740),
    # 30 overlaps of 12, 13 areas, 3 rounds of 30, 10 anchors of 6 + 6 + 12, 30 for the best labels, 10 thresholds
    ("targets", target(), MATCHED, 1_538),  # 2 * (360 + 39 + 90 + 240 + 30 + 10)
    ("targets, one per label", target(overlap_threshold=0), MATCHED, 1_458),  # 2 * (360 + 39 + 90 + 240)
    # a threshold, 4 * 5 for the share of the background; 40 to sort
    ("targets, mining", target(negative_mining_ratio=3), MATCHED, 2_038),  # 1538 + 2 * (210 + 40)
    ("targets, mining alone", target(negative_mining_ratio=0.5, overlap_threshold=0), MATCHED, 2_018),  # without 2 * 10
    # 30 boxes: 16 to decode, 8 to clip, 6 for their sizes; 30 * 5 to sort; 10 areas of 5; 4 meet 9 + 8 + 7 + 6 others
    ("proposals", propose(rpn_pre_nms_top_n=10, rpn_post_nms_top_n=4), RPN, 1_550),  # 900 + 150 + 50 + 30 * 15
    # all 30 have areas and 435 pairs
    ("all proposals", propose(rpn_pre_nms_top_n=-1), RPN, 7_725),  # 900 + 150 + 150 + 435 * 15
    # 7,200 anchors at 60 x 60 positions, 13 comparisons each to sort; of the best 6,000 the first 300 meet all behind
    # them, 300 * 6000 - 300 * 301 / 2 = 1,754,850 pairs: 7200 * (30 + 13) + 6000 * 5 + 1754850 * 15
    ("proposals by default", propose(), [(1, 4, 60, 60), (1, 8, 60, 60), (1, 3)], 26_662_350),
    # 4 to decode instead of 16
    ("proposals by IoU", propose(rpn_pre_nms_top_n=10, rpn_post_nms_top_n=4, iou_loss=True), RPN, 1_190),
    (
        "proposals of two images",
        propose("MultiProposal", rpn_pre_nms_top_n=10, rpn_post_nms_top_n=4),
        [(2, 4, 3, 5), (2, 8, 3, 5), (2, 3)],
        3_100,  # 2 * 1550
    ),
]

PICTURE = (8, 10, 3)  # 240 elements


def image(name, **attrs):
    return lambda F, x: getattr(F.image, name)(x, **attrs)


def opencv(name, **attrs):
    """MXNet has no name for the input of these, so it is ``data``, whatever their signature says."""
    return lambda F, x: getattr(F._internal, name)(data=x, **attrs)


IMAGES = [
    # id, operator, shape, cost
    ("to tensor", image("to_tensor"), PICTURE, OpCost(elementwise=240)),
    ("batch to tensor", image("to_tensor"), (2, *PICTURE), OpCost(elementwise=480)),
    ("normalize", image("normalize", mean=(0.4, 0.4, 0.4), std=0.2), (3, 8, 10), OpCost(normalization=480)),
    # 4 * 5 * 3 = 60 outputs of 4 source pixels, 7 FLOPs
    ("resize", image("resize", size=(5, 4)), PICTURE, OpCost(interpolation=420)),
    ("resize a batch", image("resize", size=(5, 4)), (2, *PICTURE), OpCost(interpolation=840)),
    # the short edge to 4: 4 x 5
    ("resize, keeping the ratio", image("resize", size=4, keep_ratio=True), PICTURE, OpCost(interpolation=420)),
    ("resize to the same size", image("resize", size=(10, 8)), PICTURE, OpCost()),
    ("resize, nearest", image("resize", size=(5, 4), interp=0), PICTURE, OpCost()),
    ("resize, bicubic", image("resize", size=(5, 4), interp=2), PICTURE, OpCost(interpolation=1_860)),  # 60 * 31
    ("resize, area", image("resize", size=(5, 4), interp=3), PICTURE, OpCost(interpolation=480)),  # 240 * 2
    # 9 * 10 * 3 outputs: larger, so bilinear
    ("enlarge, area", image("resize", size=(10, 9), interp=3), PICTURE, OpCost(interpolation=1_890)),  # 270 * 7
    ("resize, Lanczos", image("resize", size=(5, 4), interp=4), PICTURE, OpCost(interpolation=7_620)),  # 60 * 127
    ("OpenCV, resize", opencv("_cvimresize", w=5, h=4), PICTURE, OpCost(interpolation=420)),
    ("OpenCV, border", opencv("_cvcopyMakeBorder", top=1, bot=1, left=2, right=2), PICTURE, OpCost()),
    ("crop", image("crop", x=1, y=1, width=4, height=5), PICTURE, OpCost()),
    ("flip", image("flip_left_right"), PICTURE, OpCost()),
    ("flip over", image("flip_top_bottom"), PICTURE, OpCost()),
    ("random flip", image("random_flip_left_right"), PICTURE, OpCost()),
    ("lighting", image("adjust_lighting", alpha=(0.1, 0.1, 0.1)), PICTURE, OpCost(elementwise=240)),
    ("lighting of gray", image("adjust_lighting", alpha=(0.1, 0.1, 0.1)), (8, 10, 1), OpCost()),
    ("random brightness", image("random_brightness", min_factor=0.5, max_factor=1.5), PICTURE, OpCost()),
    (
        "random colors",
        image("random_color_jitter", brightness=0.1, contrast=0.1, saturation=0.1, hue=0.1),
        PICTURE,
        OpCost(),
    ),
]

# A merge of two log probabilities takes 7: a difference, its magnitude, negation, exp, log1p, a maximum, an addition.
LOSSES = [
    # id, operator, shapes, cost
    # 3 rows of 5 * 10 - 2; a maximum, a logarithm and a negation per row; 2 additions
    (
        "softmax cross entropy",
        lambda F, x, y: F.softmax_cross_entropy(x, y),
        [(3, 10), (3,)],
        OpCost(softmax=144, elementwise=9, reduction=2),
    ),
    # 6 steps of 2 sequences: 12 log softmaxes of 5 * 10 - 1. 3 labels have 7 states: 5 steps of 7 additions and
    # 6 + 2 merges, 63; then a merge and a negation, 8: 2 * (5 * 63 + 8)
    ("CTC", lambda F, x, y: F.CTCLoss(x, y), [(6, 2, 10), (2, 3)], OpCost(softmax=588, other=646)),
    (
        "CTC with lengths",
        lambda F, *xs: F.CTCLoss(*xs, use_data_lengths=True, use_label_lengths=True, blank_label="last"),
        [(6, 2, 10), (2, 3), (2,), (2,)],
        OpCost(softmax=588, other=646),
    ),
    # a single label: 3 states, 2 merges, 3 + 14 = 17 per step
    ("CTC of one label", lambda F, x, y: F.CTCLoss(x, y), [(6, 2, 10), (2, 1)], OpCost(softmax=588, other=186)),
]


def named(table):
    """Each case is an id, arguments of the test, and a mark if it has one."""
    return [
        pytest.param(
            *(part for part in case[1:] if not isinstance(part, pytest.MarkDecorator)),
            id=case[0],
            marks=[part for part in case if isinstance(part, pytest.MarkDecorator)],
        )
        for case in table
    ]


@pytest.mark.parametrize(("build", "shape", "flops"), named(POOLINGS))
def test_pooling(cost_of, build, shape, flops):
    assert cost_of(build, shape) == OpCost(pooling=flops)


@pytest.mark.parametrize(("build", "shapes", "cost"), named(SAMPLINGS))
def test_sampling(cost_of, build, shapes, cost):
    assert cost_of(build, *shapes) == cost


@pytest.mark.parametrize(("build", "shapes", "flops"), named(DETECTIONS))
def test_detection(cost_of, build, shapes, flops):
    assert cost_of(build, *shapes) == OpCost(other=flops)


@pytest.mark.parametrize(("build", "shape", "cost"), named(IMAGES))
def test_image(cost_of, build, shape, cost):
    assert cost_of(build, shape) == cost


@pytest.mark.parametrize(("build", "shapes", "cost"), named(LOSSES))
def test_loss(cost_of, build, shapes, cost):
    assert cost_of(build, *shapes) == cost
