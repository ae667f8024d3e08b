"""Sorting, selection and counting by value.

How many comparisons a sort needs depends on the data. By convention it takes n ceil(log2 n) for n elements, the most
that a merge sort takes. Moving the elements is free.
"""

from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost


def sort_flops(length: int) -> int:
    """Comparisons to sort ``length`` elements: n ceil(log2 n)."""
    return length * (length - 1).bit_length() if length else 0


@formula("sort", "argsort")
def sort(op: Call) -> OpCost:
    """Sorts the rows along ``axis``, or with ``axis=None`` all elements together."""
    rows, length = op.rows()
    return OpCost(other=rows * sort_flops(length))


@formula("topk")
def top_k(op: Call) -> OpCost:
    """Passes each row of n through a heap of the best k: n ceil(log2(k + 1)) comparisons, or those of a sort if fewer.

    With ``k`` below 1 it is a sort.
    """
    rows, length = op.rows()
    k = op.integer("k", 1)
    selection = length * k.bit_length() if k > 0 else sort_flops(length)
    return OpCost(other=rows * min(selection, sort_flops(length)))


@formula("_npi_percentile")
def percentile(op: Call) -> OpCost:
    """Sorts the elements along the axes, and reads q positions. ``linear`` and ``midpoint`` interpolate between two
    elements: 2 multiplications and an addition per output element.
    """
    positions = size(op.inputs[1]) if len(op.inputs) > 1 else 1
    rows = op.output_size // positions if positions else 0
    length = op.input_size // rows if rows else 0
    blends = op.text("interpolation", "linear") in ("linear", "midpoint")
    return OpCost(other=rows * sort_flops(length), interpolation=3 * op.output_size if blends else 0)


@formula("_npi_unique")
def unique(op: Call) -> OpCost:
    """Sorts the n slices along ``axis``, or all elements, and compares neighbours: n ceil(log2 n) + n - 1 comparisons.

    Comparing two slices of m elements takes at most m comparisons, and m count.
    """
    elements, length = op.rows(default=None)
    return OpCost(other=elements * (sort_flops(length) + max(length - 1, 0)))


@formula("_histogram")
def histogram(op: Call) -> OpCost:
    """Finds the bin of each element and adds 1 to it, as if all elements were within the range.

    Bins of equal width (``bin_cnt``): an element takes 2 comparisons with the range, a subtraction, a multiplication
    and a division for its bin, a minimum with the last bin, 2 comparisons with the bin's edges, and an addition: 9.
    An edge takes 2 multiplications, a subtraction, an addition and a division: 5.

    Given edges: an element takes 2 comparisons with the range, at most one with every edge, and an addition.
    """
    edges = size(op.outputs[1])
    if len(op.inputs) == 1:
        return OpCost(other=9 * op.input_size + 5 * edges)
    return OpCost(other=(edges + 3) * op.input_size)


@formula("_npi_bincount")
def bincount(op: Call) -> OpCost:
    """Per element a comparison, to find the number of bins, and an addition to its bin."""
    return OpCost(other=2 * op.input_size)
