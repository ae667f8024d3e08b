"""Operators that prepare images, in the layouts (height, width, channels) and (batch, height, width, channels)."""

from pytest_mxperf.cost.formulas.spatial import weighted_sum_flops
from pytest_mxperf.cost.registry import Call, formula, free
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.errors import GraphError

free(
    "moves or renames data",
    *("_image_crop", "_image_flip_left_right", "_image_flip_top_bottom", "_cvcopyMakeBorder"),
    *("_image_random_flip_left_right", "_image_random_flip_top_bottom"),
)
free(
    "augments images, as only training does",
    *(f"_image_random_{what}" for what in ("brightness", "contrast", "saturation", "hue", "color_jitter", "lighting")),
)
free("reads an image file, before a model runs", "_cvimdecode", "_cvimread", "_imdecode")

_TAPS = {0: 0, 1: 4, 2: 16, 4: 64}
"""Source pixels per output pixel, by OpenCV's number of the method: nearest, bilinear, bicubic, Lanczos."""
_AREA = 3


@formula("_image_to_tensor")
def to_tensor(op: Call) -> OpCost:
    """A division by 255 per element."""
    return OpCost(elementwise=op.output_size)


@formula("_image_normalize")
def normalize(op: Call) -> OpCost:
    """``(x - mean) / std``: 2 FLOPs per element."""
    return OpCost(normalization=2 * op.output_size)


@formula("_image_adjust_lighting")
def adjust_lighting(op: Call) -> OpCost:
    """One addition of the channel's constant shift per element. Gray images stay as they are."""
    return OpCost(elementwise=op.output_size if op.inputs[0][-1] > 1 else 0)


@formula("_image_resize", "_cvimresize")
def resize(op: Call) -> OpCost:
    """OpenCV's resize: per output element the weighted sum of its source pixels, with constant weights.

    nearest copies, bilinear takes 4 pixels, bicubic 4 x 4, Lanczos 8 x 8, as if OpenCV did rows and columns at once. If
    area shrinks the image, it weights and adds every source element once: 2 FLOPs. Otherwise it is bilinear. If the
    size stays the same, every method copies.
    """
    before, after = op.inputs[0], op.outputs[0]
    if before == after:
        return OpCost()
    method = op.integer("interp", 1)
    if method == _AREA and all(new <= old for new, old in zip(after, before)):
        return OpCost(interpolation=2 * op.input_size)
    taps = _TAPS.get(1 if method == _AREA else method)
    if taps is None:
        raise GraphError(f"{op.op}: unknown interp {method}")
    return OpCost(interpolation=weighted_sum_flops(taps) * op.output_size)
