"""Losses that compute something at inference too."""

from pytest_mxperf.cost.formulas.softmax import softmax_flops
from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost

LOG_PLUS = 7
"""``max(a, b) + log1p(exp(-abs(a - b)))``, the logarithm of a sum of exponentials."""


@formula("softmax_cross_entropy")
def softmax_cross_entropy(op: Call) -> OpCost:
    """``sum(-log(max(p, 1e-8)))`` over the rows, where p is the softmax at the label.

    Per row a softmax, a maximum, a logarithm and a negation. Then the sum of the rows.
    """
    rows = op.inputs[0][0]
    return OpCost(softmax=softmax_flops(op.input_size, rows), elementwise=3 * rows, reduction=rows - 1)


@formula("CTCLoss")
def ctc_loss(op: Call) -> OpCost:
    """A log softmax over the alphabet, and the forward recursion through L labels in T steps. No gradient: inference.

    The recursion has 2L + 1 states, for the labels and the blanks around them. A step adds the probability of its
    symbol to each state (2L + 1). It merges each state but the first with the one before (2L), and each label but the
    first with the label before (L - 1). At the end the last two states are merged, and the sum is negated.

    An upper bound, because lengths are data: all sequences and labels are as long as their tensors, no label repeats,
    and every state can be reached.
    """
    steps, batch, _ = op.inputs[0]
    labels = op.inputs[1][1]
    step = 2 * labels + 1 + LOG_PLUS * (3 * labels - 1)
    rows = steps * batch
    return OpCost(
        softmax=softmax_flops(op.input_size, rows) + rows,
        other=batch * ((steps - 1) * step + LOG_PLUS + 1),
    )
