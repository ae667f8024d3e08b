"""Formulas against naive loops that count each multiply-accumulate, sample and operation they run."""

import itertools
import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

import pytest_mxperf.cost.walk  # noqa: F401  registers the rules
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import OpCost

RANKS = st.integers(1, 3)
FEW = st.integers(1, 3)


def cost(op, inputs, output, **attrs):
    return rule_for(op).formula(Call(op, {name: str(value) for name, value in attrs.items()}, inputs, (output,)))


def grid(*lengths):
    return itertools.product(*map(range, lengths))


@st.composite
def windows(draw, ranks=RANKS):
    """Per axis: how long the input is, the kernel, stride, dilation and padding; the window fits."""
    axes = []
    for _ in range(draw(ranks)):
        kernel, stride, dilation, padding = draw(FEW), draw(FEW), draw(FEW), draw(st.integers(0, 2))
        span = (kernel - 1) * dilation + 1
        length = draw(st.integers(max(1, span - 2 * padding), span + 2))
        axes.append((length, kernel, stride, dilation, padding))
    return axes


def starts(length, kernel, stride, dilation, padding):
    """Where the window starts along an axis, found by sliding it over the padded input."""
    end = length + padding - (kernel - 1) * dilation
    return list(range(-padding, end, stride))


def shape_of(axes, lengths):
    """``(lengths, kernels, outputs)`` over all axes."""
    return tuple(axis[0] for axis in axes), tuple(axis[1] for axis in axes), tuple(lengths)


def convolve(batch, channels, filters, groups, axes):
    """MACs of a grouped convolution, looping over everything; taps on padding are zeros that are multiplied."""
    macs = 0
    per_group = filters // groups
    for _, filter_ in grid(batch, filters):
        group = filter_ // per_group
        for _ in itertools.product(*(starts(*axis) for axis in axes)):
            for channel in range(channels):
                if channel // (channels // groups) == group:
                    macs += sum(1 for _ in grid(*(axis[1] for axis in axes)))
    return macs


@given(FEW, FEW, FEW, FEW, windows(), st.booleans(), st.booleans())
def test_convolution(batch, groups, inner, outer, axes, bias, channels_last):
    channels, filters = groups * inner, groups * outer
    lengths, kernels, places = shape_of(axes, (len(starts(*axis)) for axis in axes))
    if channels_last:
        data, weight = (batch, *lengths, channels), (filters, *kernels, inner)
        output = (batch, *places, filters)
    else:
        data, weight = (batch, channels, *lengths), (filters, inner, *kernels)
        output = (batch, filters, *places)
    inputs = (data, weight, (filters,)) if bias else (data, weight)
    expected = convolve(batch, channels, filters, groups, axes)
    additions = sum(1 for _ in grid(*output)) if bias else 0
    assert cost("Convolution", inputs, output, num_group=groups) == OpCost(macs=expected, bias=additions)


@given(FEW, FEW, FEW, FEW, windows(), st.lists(st.integers(0, 2), min_size=3, max_size=3))
def test_deconvolution(batch, groups, inner, outer, axes, adj):
    """Each input is multiplied with each tap of the filters of its group, also where the output is cut off."""
    channels, filters = groups * inner, groups * outer
    lengths, kernels, _ = shape_of(axes, ())
    output = (
        batch,
        filters,
        *(
            (length - 1) * stride + (kernel - 1) * dilation + 1 - 2 * padding + extra
            for (length, kernel, stride, dilation, padding), extra in zip(axes, adj)
        ),
    )
    macs = 0
    for _, channel in grid(batch, channels):
        for _ in grid(*lengths):
            for filter_ in range(filters):
                if filter_ // outer == channel // inner:
                    macs += sum(1 for _ in grid(*kernels))
    inputs = ((batch, channels, *lengths), (channels, outer, *kernels))
    assert cost("Deconvolution", inputs, output, num_group=groups) == OpCost(macs=macs)


@given(FEW, FEW, FEW, FEW, windows(ranks=st.just(2)), st.booleans())
def test_deformable_convolution(batch, deformable, inner, filters, axes, modulated):
    """A position is computed once per deformable group, tap and place; its channels read 4 neighbours each."""
    channels = deformable * inner
    lengths, kernels, places = shape_of(axes, (len(starts(*axis)) for axis in axes))
    sampling = masking = 0
    for _ in grid(batch, deformable, *kernels, *places):
        for _ in ("row", "column"):
            sampling += 1  # the offset
            sampling += 1 + 1 + 1  # the floor, the fraction, its complement
        sampling += 2 * 2  # the products of fractions and complements
        for _ in range(inner):
            sampling += 4 + 3  # four products, added up
            masking += 1
    data, weight = (batch, channels, *lengths), (filters, channels, *kernels)
    taps = deformable * math.prod(kernels)
    offset, mask = (batch, 2 * taps, *places), (batch, taps, *places)
    output = (batch, filters, *places)
    macs = convolve(batch, channels, filters, 1, axes)
    if modulated:
        measured = cost("_contrib_ModulatedDeformableConvolution", (data, offset, mask, weight), output)
        assert measured == OpCost(macs=macs, interpolation=sampling, elementwise=masking)
    else:
        measured = cost("_contrib_DeformableConvolution", (data, offset, weight), output)
        assert measured == OpCost(macs=macs, interpolation=sampling)


def pool(kind, taps):
    """FLOPs to pool a window of so many taps, one by one."""
    flops = 0
    for tap in range(taps):
        flops += kind == "lp"  # the power
        flops += tap > 0  # an addition to, or a comparison with, what came before
    return flops + (kind in ("avg", "lp"))  # the division or the root


@given(st.sampled_from(["max", "avg", "sum", "lp"]), FEW, FEW, windows(), st.booleans())
def test_pooling(kind, batch, channels, axes, whole):
    axes = [(length, kernel, stride, 1, padding) for length, kernel, stride, _, padding in axes]
    lengths, kernels, places = shape_of(axes, (len(starts(*axis)) for axis in axes))
    data = (batch, channels, *lengths)
    if whole:
        kernels, places = lengths, (1,) * len(axes)
    flops = sum(pool(kind, sum(1 for _ in grid(*kernels))) for _ in grid(batch, channels, *places))
    attrs = {"kernel": kernels, "pool_type": kind, "p_value": 2, "global_pool": whole}
    assert cost("Pooling", (data,), (batch, channels, *places), **attrs) == OpCost(pooling=flops)


def bins_holding(length, bins):
    """For each bin the elements that it overlaps, an element being the interval from its index to the next."""
    width = Fraction(length, bins)
    return [
        [index for index in range(length) if index < (bin_ + 1) * width and index + 1 > bin_ * width]
        for bin_ in range(bins)
    ]


@given(FEW, FEW, st.integers(1, 9), st.integers(1, 9), st.integers(1, 12), st.integers(1, 12))
def test_adaptive_pooling_and_whole_regions(batch, channels, height, width, rows, columns):
    means = maxima = 0
    for _ in grid(batch, channels):
        for row in bins_holding(height, rows):
            for column in bins_holding(width, columns):
                taps = sum(1 for _ in itertools.product(row, column))
                means += pool("avg", taps)
                maxima += pool("max", taps)
    data, output = (batch, channels, height, width), (batch, channels, rows, columns)
    assert cost("_contrib_AdaptiveAvgPooling2D", (data,), output) == OpCost(pooling=means)
    assert cost("ROIPooling", ((1, channels, height, width), (batch, 5)), output) == OpCost(pooling=maxima)


@given(FEW, FEW, st.integers(1, 3), st.integers(0, 2), st.booleans())
def test_correlation(batch, channels, places, radius, multiply):
    kernel = 2 * radius + 1
    macs = elementwise = reduction = 0
    output = (batch, 9, places, places)
    for _ in grid(*output):
        for tap, _ in enumerate(grid(kernel, kernel, channels)):
            macs += multiply
            elementwise += 0 if multiply else 2  # the difference and its absolute value
            reduction += 0 if multiply else tap > 0
        elementwise += 1  # the division
    data = (batch, channels, 9, 9)
    measured = cost("Correlation", (data, data), output, kernel_size=kernel, is_multiply=multiply)
    assert measured == OpCost(macs=macs, elementwise=elementwise, reduction=reduction)


@given(st.integers(1, 12), st.integers(1, 12))
def test_suppression_compares_each_box_that_is_kept_with_all_behind_it(boxes, kept):
    """Without a threshold to sort by, proposals differ in pairs alone, 15 FLOPs each."""
    pairs = sum(1 for first, second in grid(boxes, boxes) if first < min(kept, boxes) and first < second)
    inputs = ((1, 2, 1, boxes), (1, 4, 1, boxes), (1, 3))
    several, none = (cost("_contrib_Proposal", inputs, (300, 5), rpn_post_nms_top_n=count).other for count in (kept, 0))
    assert several - none == 15 * pairs


def test_regions_of_absurdly_many_bins_are_counted_at_once():
    """8 elements in 2^31 - 1 bins along each axis: 2^31 + 6 in all, since no border falls between two elements."""
    bins = 2**31 - 1
    maxima = (2**31 + 6) ** 2 - bins**2
    assert cost("ROIPooling", ((1, 1, 8, 8), (1, 5)), (1, 1, bins, bins)) == OpCost(pooling=maxima)
