"""Reading tensors between their elements.

A bilinear sample is the weighted sum of the 4 neighbours of a position. All channels that are read at a position share
its coordinates and weights, which count once. Numbers that depend only on shapes, such as a regular grid or the weights
of a resize, are constants and free. Comparisons with the borders are free too.
"""

from pytest_mxperf.cost.formulas.convolution import deconvolution, filtered
from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost

ON_A_LINE = 4
"""FLOPs for the two coordinates of a position in a scaled and shifted grid: a multiplication and an addition each."""


def weighted_sum_flops(taps: int) -> int:
    """FLOPs of a weighted sum: one multiplication per value, and the additions between them."""
    return max(2 * taps - 1, 0)


def bilinear_flops(values: int, positions: int, coordinates: int) -> int:
    """FLOPs to read ``values`` at ``positions``. ``coordinates`` are the FLOPs for the coordinates of one position.

    A position: 2 floors, 2 subtractions for the fractions, 2 for their complements, and 4 multiplications for the
    weights: 10. A value: the weighted sum of 4 neighbours, 7.
    """
    return weighted_sum_flops(4) * values + (10 + coordinates) * positions


@formula("_contrib_BilinearResize2D")
def bilinear_resize(op: Call) -> OpCost:
    """Per output element the weighted sum of 4 neighbours, with constant weights. Free if the size stays the same."""
    if op.inputs[0] == op.outputs[0]:
        return OpCost()
    return OpCost(interpolation=weighted_sum_flops(4) * op.output_size)


@formula("UpSampling")
def upsampling(op: Call) -> OpCost:
    """``nearest`` copies its n inputs. With ``multi_input_mode=sum`` it adds them: n - 1 additions per output element.

    ``bilinear`` is a deconvolution with one filter per channel. The filters are a parameter.
    """
    if op.text("sample_type", "nearest") == "bilinear":
        return deconvolution(op)
    summed = op.text("multi_input_mode", "concat") == "sum"
    return OpCost(elementwise=(len(op.inputs) - 1) * op.output_size if summed else 0)


@formula("GridGenerator")
def grid_generator(op: Call) -> OpCost:
    """``affine``: a coordinate is the dot product of 3 numbers of the transformation and (x, y, 1): 3 MACs.

    ``warp``: ``(flow + x) / ((width - 1) / 2) - 1``, 3 FLOPs per coordinate. The regular grid is a constant.
    """
    if op.text("transform_type", "affine") == "warp":
        return OpCost(interpolation=3 * op.output_size)
    return OpCost(macs=3 * op.output_size)


@formula("BilinearSampler")
def bilinear_sampler(op: Call) -> OpCost:
    """One position per output pixel, at which all channels are read: see ``bilinear_flops``.

    Coordinates are converted from -1..1: ``(x + 1) * (width - 1) / 2``.
    """
    batch, _, height, width = op.outputs[0]
    return OpCost(interpolation=bilinear_flops(op.output_size, batch * height * width, ON_A_LINE))


@formula("SpatialTransformer")
def spatial_transformer(op: Call) -> OpCost:
    """An affine grid (3 MACs for each of the 2 coordinates of an output pixel) and a bilinear sampler."""
    batch, _, height, width = op.outputs[0]
    return OpCost(macs=3 * 2 * batch * height * width) + bilinear_sampler(op)


@formula("_contrib_DeformableConvolution")
def deformable_convolution(op: Call) -> OpCost:
    """A convolution whose taps are moved by offsets: see ``filtered`` and ``_deformed_taps``."""
    return filtered(op, weight=2) + OpCost(interpolation=_deformed_taps(op, weight=2))


@formula("_contrib_ModulatedDeformableConvolution")
def modulated_deformable_convolution(op: Call) -> OpCost:
    """A deformable convolution that also multiplies every value that it reads by a mask."""
    return filtered(op, weight=3) + OpCost(
        interpolation=_deformed_taps(op, weight=3),
        elementwise=_values_read(op, weight=3),
    )


def _deformed_taps(op: Call, weight: int) -> int:
    """FLOPs to read the taps: every channel at every tap of every output position.

    There are 2 offsets per position, ``(N, 2 * deformable groups * taps, height, width)``. The channels of a deformable
    group share them. Each coordinate takes one addition of an offset.
    """
    return bilinear_flops(_values_read(op, weight), positions=size(op.inputs[1]) // 2, coordinates=2)


def _values_read(op: Call, weight: int) -> int:
    batch, channels = op.inputs[0][:2]
    return batch * channels * size(op.inputs[weight][2:]) * size(op.outputs[0][2:])


@formula("_contrib_ROIAlign")
def roi_align(op: Call) -> OpCost:
    """The mean of a grid of samples in every bin: see ``_aligned``."""
    return _aligned(op, op.integer("sample_ratio", -1), ON_A_LINE)


@formula("_contrib_RROIAlign")
def rotated_roi_align(op: Call) -> OpCost:
    """``_aligned`` in rotated regions: 8 FLOPs more per position.

    A coordinate is ``x * cos + y * sin + center``: 2 multiplications and 2 additions, for both coordinates.
    """
    return _aligned(op, op.integer("sampling_ratio", -1), ON_A_LINE + 8)


def _aligned(op: Call, ratio: int, coordinates: int) -> OpCost:
    """Per bin a grid of ratio x ratio bilinear samples, and their mean: n FLOPs for n samples.

    Without a ratio the grid has as many samples as the bin has elements, rounded up. Then by convention every region is
    the whole map, which is an upper bound. A few FLOPs per region (its scaled corners, the size of its bins) are left
    out.
    """
    regions, channels, *bins = op.outputs[0]
    samples = ratio**2
    if ratio <= 0:
        samples = size(tuple(-(-length // count) for length, count in zip(op.inputs[0][2:], bins)))
    positions = regions * size(tuple(bins)) * samples
    return OpCost(
        interpolation=bilinear_flops(channels * positions, positions, coordinates),
        pooling=op.output_size * samples,
    )


@formula("_contrib_DeformablePSROIPooling")
def deformable_psroi_pooling(op: Call) -> OpCost:
    """The mean of s x s bilinear samples in every bin, s = ``sample_per_part``: n FLOPs for n samples.

    ``trans`` moves the bins of a class: for each of both coordinates a product with ``trans_std``, one with the size of
    the region, and an addition: 6. All channels of a class share them. Without ``trans`` there is one class. The few
    FLOPs per region are left out.
    """
    regions, _, height, width = op.outputs[0]
    samples = op.integer("sample_per_part", 1) ** 2
    moved = len(op.inputs) > 2
    bins = regions * height * width * (op.inputs[2][1] // 2 if moved else 1)
    sampling = bilinear_flops(op.output_size * samples, bins * samples, ON_A_LINE)
    return OpCost(interpolation=sampling + (6 * bins if moved else 0), pooling=op.output_size * samples)
