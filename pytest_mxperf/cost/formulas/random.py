"""Random numbers and their densities."""

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import Call, formula, free
from pytest_mxperf.cost.result import OpCost

# The methods need a random number of attempts, so no count would be exact.
free("draws random numbers", *traits.RANDOM)


@formula(*traits.DENSITIES - {"_random_pdf_dirichlet"})
def density(op: Call) -> OpCost:
    """A density, or its logarithm, is one scalar function: one FLOP per sample."""
    return OpCost(elementwise=op.output_size)


@formula("_random_pdf_dirichlet")
def dirichlet_density(op: Call) -> OpCost:
    """``exp(sum((alpha - 1) * log(x)) + gammaln(sum(alpha)) - sum(gammaln(alpha)))`` of vectors of k elements.

    Per element a subtraction, a logarithm, a multiplication and a ``gammaln``; 3 sums of k - 1 additions; a
    ``gammaln``, an addition and a subtraction: 7k. Then the exponential, unless ``is_log``.
    """
    exponentials = 0 if op.flag("is_log") else op.output_size
    return OpCost(elementwise=7 * op.input_size + exponentials)


@formula("_contrib_hawkesll")
def hawkes_log_likelihood(op: Call) -> OpCost:
    """The log likelihood of N point processes with K marks over T points. An upper bound, as if every process had all T
    points: ``valid_length`` is data.

    A point takes 19 FLOPs: 2 for the time since its mark's last point, 3 for the decay ``exp(-beta * d)``, 4 for the
    intensity ``mu + alpha * beta * state * decay``, 5 for the compensator ``mu * d + alpha * state * (1 - decay)``,
    3 for ``+= log(intensity) - compensator`` and 2 for the new state. The time after the last point takes 10 per mark,
    1 + 3 + 5 + 1, and the sum over the marks, K - 1 additions and a subtraction, another 1.
    """
    samples, marks = op.inputs[0]
    points = op.inputs[4][1]
    return OpCost(other=samples * (19 * points + 11 * marks))
