"""Reductions along axes. The shapes show which axes, so ``axis``, ``exclude`` and ``keepdims`` are not needed."""

from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost


@formula(
    *("sum", "max", "min", "prod", "argmax", "argmin", "argmax_channel"),
    *("_np_sum", "_np_max", "_np_min", "_np_prod", "_np_all", "_np_any", "_npi_argmax", "_npi_argmin"),
    "_npx_constraint_check",
)
def reduction(op: Call) -> OpCost:
    """n elements become one in n - 1 operations: input elements - output elements."""
    return OpCost(reduction=max(op.input_size - op.output_size, 0))


@formula("nansum", "nanprod")
def nan_reduction(op: Call) -> OpCost:
    """A test for NaN per input element, and the reduction: 2n - 1 for n elements that become one."""
    return OpCost(reduction=max(2 * op.input_size - op.output_size, 0))


@formula("mean", "_npi_mean")
def mean(op: Call) -> OpCost:
    """n - 1 additions and a division for every output element: one FLOP per input element."""
    return OpCost(reduction=op.input_size)


@formula("_npi_average")
def average(op: Call) -> OpCost:
    """``sum(x * w) / sum(w)``, or the mean without weights.

    n elements become one by n multiplications, n - 1 additions and a division: 2n. The weights are summed once for
    every output, or only once if they are a vector that all outputs share: weights - sums additions.
    """
    if len(op.inputs) == 1:
        return mean(op)
    data, weights = op.inputs
    sums = op.output_size if len(weights) == len(data) else 1
    return OpCost(reduction=2 * op.input_size + size(weights) - sums)


@formula("_npi_var")
def variance(op: Call) -> OpCost:
    """``mean((x - mean(x)) ** 2)``: 4n for n elements that become one.

    n for the mean, n subtractions, n squares, n - 1 additions and a division, for any ``ddof``.
    """
    return OpCost(reduction=4 * op.input_size)


@formula("_npi_std")
def standard_deviation(op: Call) -> OpCost:
    """The variance, and a root per output element."""
    return OpCost(reduction=4 * op.input_size + op.output_size)


@formula("_np_cumsum")
def cumulative_sum(op: Call) -> OpCost:
    """n - 1 additions along each row of n. Without an axis the whole tensor is one row."""
    rows, length = op.rows(default=None)
    return OpCost(reduction=rows * max(length - 1, 0))


@formula("_npi_diff")
def differences(op: Call) -> OpCost:
    """``n`` passes of subtractions between neighbours. Each pass makes a row one element shorter.

    MXNet computes nothing if no element would be left.
    """
    rows, length = op.rows()
    passes = op.integer("n", 1)
    return OpCost(elementwise=rows * passes * (2 * length - passes - 1) // 2 if passes < length else 0)


@formula("_npi_ediff1d")
def flat_differences(op: Call) -> OpCost:
    """A subtraction between all neighbours of the flattened input."""
    return OpCost(elementwise=max(op.input_size - 1, 0))


@formula("_npi_pad")
def pad(op: Call) -> OpCost:
    """Pads with the extreme of every vector (``maximum``, ``minimum``): n - 1 comparisons each. Other modes only copy.

    MXNet pads the last axis first, so there are also vectors at the padded positions of later axes. It searches the
    extreme again for every padded element. The count has it once per vector.
    """
    if op.text("mode", "constant") not in ("maximum", "minimum"):
        return OpCost()
    before, after = op.inputs[0], op.outputs[0]
    vectors = (
        size(before[:axis] + after[axis + 1 :]) * (length - 1)
        for axis, length in enumerate(before)
        if after[axis] > length
    )
    return OpCost(reduction=sum(vectors))


@formula("all_finite", "multi_all_finite")
def all_finite(op: Call) -> OpCost:
    """One test per element of all inputs."""
    return OpCost(reduction=sum(size(shape) for shape in op.inputs))


@formula("multi_sum_sq")
def sums_of_squares(op: Call) -> OpCost:
    """For each input of n elements, n squares and n - 1 additions."""
    return OpCost(reduction=sum(max(2 * size(shape) - 1, 0) for shape in op.inputs))
