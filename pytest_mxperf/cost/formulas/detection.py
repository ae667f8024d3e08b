"""Boxes: overlaps, matches, regression and non-maximum suppression.

Only the data say how many boxes pass a threshold, and how many are suppressed by a better box. By convention all boxes
pass and none is suppressed, so counts are upper bounds. Sorting an image's boxes takes n ceil(log2 n) comparisons (see
``sorting``).
"""

from typing import Tuple

from pytest_mxperf.cost.formulas.sorting import sort_flops
from pytest_mxperf.cost.registry import Call, formula, free, size
from pytest_mxperf.cost.result import OpCost

IOU = 12
"""The overlap of two boxes with known edges and areas: per axis a minimum, a maximum, a difference and a maximum with
0; the product of both; an addition and a subtraction for the union; a division."""
PIXEL_IOU = IOU + 2
"""The same for boxes that include their last pixel: 1 is added to both extents."""
AREA = {"corner": 3, "center": 7}
"""The area and the edges of a box. From corners: 2 subtractions and a product. From a center and a size: per axis half
the size, a subtraction and an addition, and one product."""
CORNERS_TO_CENTER = 6
"""Per axis a subtraction for the size, a product with 1/2 and an addition for the center. The way back takes as many
(per axis half the size, a subtraction and an addition)."""
DECODE = 18
"""A box from offsets and an anchor's center and size: per axis ``x * std * size + center`` (3),
``exp(w * std) * size / 2`` (4), and the two edges (2)."""
ENCODE = 12
"""Offsets from a box and another box: per axis ``(x - center) / size / std`` and ``log(w / size) / std``."""
CLIP = 8
"""Clips the 4 coordinates of a box to both bounds."""

free("makes constants", "_contrib_MultiBoxPrior")  # anchors, from shapes and attributes alone


def pairs(boxes: int, kept: int) -> int:
    """How many pairs of ``boxes`` are compared if each of the first ``kept`` is compared with all behind it."""
    return kept * boxes - kept * (kept + 1) // 2


def _limited(boxes: int, limit: int) -> int:
    """How many of the best boxes remain under a limit. A limit below 1 is no limit."""
    return min(boxes, limit) if limit > 0 else boxes


@formula("_contrib_box_iou")
def box_iou(op: Call) -> OpCost:
    """The overlap of every box of one tensor with every box of the other. Edges and areas count once per box.

    An upper bound, as if all boxes overlapped: MXNet skips the division for two that do not.
    """
    boxes = sum(size(shape) // 4 for shape in op.inputs)
    return OpCost(other=IOU * op.output_size + AREA[op.text("format", "corner")] * boxes)


@formula("_contrib_box_nms")
def box_nms(op: Call) -> OpCost:
    """Non-maximum suppression in each of the stacked lists of n boxes: an upper bound.

    Per box a comparison of its score with ``valid_thresh``, and with classes a comparison with ``background_id`` and a
    conjunction. A sort. The overlaps among the best ``topk``, each compared with the threshold; with classes, unless
    ``force_suppress``, a comparison of the two classes. If the formats differ, the conversion of every box.
    """
    lists, boxes = size(op.inputs[0][:-2]), op.inputs[0][-2]
    topk = op.integer("topk", -1)
    if topk == 0:  # only copies
        return OpCost()
    best = _limited(boxes, topk)
    classes = op.integer("id_index", -1) >= 0
    overlap = IOU + 1 + (1 if classes and not op.flag("force_suppress") else 0)
    before, after = op.text("in_format", "corner"), op.text("out_format", "corner")
    per_box = (3 if classes else 1) + (CORNERS_TO_CENTER if before != after else 0)
    per_list = per_box * boxes + sort_flops(boxes) + AREA[before] * best + overlap * pairs(best, best)
    return OpCost(other=lists * per_list)


@formula("_contrib_box_encode")
def box_encode(op: Call) -> OpCost:
    """Per anchor the centers and sizes of it and its match, 4 offsets minus their means, and a test of its sample.

    An upper bound: anchors without a match have no offsets.
    """
    return OpCost(other=(2 * CORNERS_TO_CENTER + ENCODE + 4 + 1) * (op.output_size // 4))


@formula("_contrib_box_decode")
def box_decode(op: Call) -> OpCost:
    """Boxes from offsets. A positive ``clip`` limits both exponents. Anchors given by corners are converted before."""
    per_box = DECODE
    if float(op.text("clip", "-1")) > 0:
        per_box += 2
    if op.text("format", "center") == "corner":
        per_box += CORNERS_TO_CENTER
    return OpCost(other=per_box * (op.output_size // 4))


@formula("_contrib_bipartite_matching")
def bipartite_matching(op: Call) -> OpCost:
    """Sorts the scores of each matrix and takes the best whose row and column are free.

    Per score 2 comparisons, for its row and its column. Per match one with the threshold. There are at most
    min(rows, columns) matches.
    """
    *stacked, rows, columns = op.inputs[0]
    matching = sort_flops(rows * columns) + 2 * rows * columns + min(rows, columns)
    return OpCost(other=size(tuple(stacked)) * matching)


@formula("_contrib_MultiBoxTarget")
def multibox_target(op: Call) -> OpCost:
    """Matches A anchors with L labels, and encodes the matches: an upper bound.

    All overlaps; at most L rounds of comparisons of all of them, for the best; and the offsets. With a positive
    ``overlap_threshold`` or ``negative_mining_ratio``, L comparisons per anchor find its best label. The threshold is
    one more per anchor. Mining compares the best overlap with another threshold, takes the negated share of the
    background in a softmax over C classes, 4C (C - 1 comparisons, C subtractions, C exponentials, C - 1 additions, a
    division and a negation), and sorts the anchors.
    """
    anchors = op.inputs[0][1]
    batch, labels = op.inputs[1][:2]
    overlaps = anchors * labels
    flops = (IOU + labels) * overlaps + AREA["corner"] * (anchors + labels) + (2 * CORNERS_TO_CENTER + ENCODE) * anchors
    positive = float(op.text("overlap_threshold", "0.5")) > 0
    mining = float(op.text("negative_mining_ratio", "-1")) > 0
    if positive or mining:
        flops += overlaps
    if positive:
        flops += anchors
    if mining:
        classes = op.inputs[2][1]
        flops += (4 * classes + 1) * anchors + sort_flops(anchors)
    return OpCost(other=batch * flops)


@formula("_contrib_MultiBoxDetection")
def multibox_detection(op: Call) -> OpCost:
    """The best class of every anchor, its box, and non-maximum suppression: an upper bound.

    Per anchor, C - 1 comparisons for the best class without the background, and one with the threshold. Boxes are
    decoded from anchors given by their corners, and clipped to the image unless ``clip=False``. The suppression is that
    of ``box_nms`` among the best ``nms_topk``. A ``nms_threshold`` outside of 0..1 turns it off.
    """
    batch, classes, anchors = op.inputs[0]
    per_anchor = classes + DECODE + CORNERS_TO_CENTER + (CLIP if op.flag("clip", default=True) else 0)
    flops = per_anchor * anchors
    if 0 < float(op.text("nms_threshold", "0.5")) <= 1:
        best = _limited(anchors, op.integer("nms_topk", -1))
        overlap = IOU + 1 + (0 if op.flag("force_suppress") else 1)
        flops += sort_flops(anchors) + AREA["corner"] * best + overlap * pairs(best, best)
    return OpCost(other=batch * flops)


@formula("_contrib_Proposal", "_contrib_MultiProposal")
def proposal(op: Call) -> OpCost:
    """Decodes a box per anchor, sorts, and suppresses among the best, as if all passed. Anchors are constants.

    A box takes 16 FLOPs: per axis ``x * size + center`` (2), ``exp(w) * size`` (2) and both edges ``center -+ (w - 1) /
    2`` (4). With ``iou_loss`` it takes only 4 additions of offsets. Then it is clipped, and both sizes (2 FLOPs each)
    are compared with the minimum: 6. The 4 additions that enlarge a small box do not count. The areas of the best
    ``rpn_pre_nms_top_n`` take 5 FLOPs each, because edges are pixels. Overlaps are compared with the threshold until
    ``rpn_post_nms_top_n`` boxes are kept.
    """
    batch, boxes = _anchors(op)
    best = _limited(boxes, op.integer("rpn_pre_nms_top_n", 6000))
    kept = min(best, op.integer("rpn_post_nms_top_n", 300))
    per_box = (4 if op.flag("iou_loss") else 16) + CLIP + 6
    per_image = per_box * boxes + sort_flops(boxes) + 5 * best + (PIXEL_IOU + 1) * pairs(best, kept)
    return OpCost(other=batch * per_image)


def _anchors(op: Call) -> Tuple[int, int]:
    """The number of images, and of anchors in each. The scores are ``(N, 2 * anchors, height, width)``."""
    batch, scores, height, width = op.inputs[0]
    return batch, scores // 2 * height * width
