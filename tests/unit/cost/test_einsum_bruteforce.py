"""The rule of einsum against loops that compute what the subscripts say, and count; along numpy's path if there is one.

MXNet's path is a port of numpy's greedy one, which therefore says independently which operands meet when.
"""

from itertools import product
from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pytest_mxperf.cost.formulas  # noqa: F401  registers every rule
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import OpCost


def rule(subscripts, *operands, optimize=0):
    attrs = {"subscripts": subscripts, "optimize": str(optimize), "num_args": str(len(operands))}
    shapes = tuple(np.shape(operand) for operand in operands)
    return rule_for("_npi_einsum").formula(Call("_npi_einsum", attrs, shapes, ((),)))


class Loops:
    """Computes one loop at a time."""

    def __init__(self, terms, operands):
        self.cost = OpCost()
        # What an operand broadcasts runs its full length also in a loop where no other operand has the label: MXNet
        # makes room for it in the result.
        self.lengths = {}
        for term, operand in zip(terms, operands):
            for label, length in zip(term, operand.shape):
                self.lengths[label] = max(length, self.lengths.get(label, 1))

    def sum(self, terms, operands, result):
        """All combinations of the labels, one at a time: multiply what they select, add it to its result."""
        lengths = {label: self.lengths[label] for term in terms for label in term}
        summed = set(lengths) - set(result)
        sums = {}
        for combination in product(*map(range, lengths.values())):
            place = dict(zip(lengths, combination))
            factors = [
                operand[tuple(min(place[label], length - 1) for label, length in zip(term, operand.shape))]
                for term, operand in zip(terms, operands)
            ]
            index = tuple(place[label] for label in result)
            if len(factors) > 1 and summed:
                self.cost += OpCost(macs=1, elementwise=len(factors) - 2)
            elif len(factors) > 1:
                self.cost += OpCost(elementwise=len(factors) - 1)
            elif index in sums:
                self.cost += OpCost(reduction=1)
            sums[index] = sums.get(index, 0.0) + np.prod(factors)
        tensor = np.empty([lengths[label] for label in result])
        for index, value in sums.items():
            tensor[index] = value
        return tensor

    def follow(self, path, terms, operands, result):
        terms, operands = list(terms), list(operands)
        for step in path:
            chosen = sorted(step, reverse=True)
            read = [(terms.pop(position), operands.pop(position)) for position in chosen]
            needed = set(result).union(*terms)
            kept = "".join(sorted({label for term, _ in read for label in term} & needed)) if terms else result
            terms.append(kept)
            operands.append(self.sum(*zip(*read), kept))
        return operands[-1]


@st.composite
def sums(draw, operands):
    """Terms with their operands, a label now and then repeated or broadcast, and a result."""
    lengths = dict(zip("abcde", draw(st.lists(st.integers(1, 3), min_size=5, max_size=5))))
    terms = draw(st.lists(st.text("abcde", max_size=3), min_size=operands[0], max_size=operands[1]))
    used = sorted(set("".join(terms)))
    result = "".join(draw(st.lists(st.sampled_from(used), unique=True))) if used else ""
    rng = np.random.default_rng(0)
    shapes = [[1 if draw(st.integers(0, 9)) == 0 else lengths[label] for label in term] for term in terms]
    for term, shape in zip(terms, shapes):
        # A diagonal has one length.
        shape[:] = [shape[term.index(label)] for label in term]
    return terms, [rng.uniform(size=shape) for shape in shapes], result


@settings(max_examples=100)
@given(sums(operands=(1, 4)))
def test_one_loop(case):
    terms, operands, result = case
    loops, subscripts = Loops(terms, operands), ",".join(terms) + "->" + result
    assert np.allclose(loops.sum(terms, operands, result), np.einsum(subscripts, *operands))
    assert rule(subscripts, *operands) == loops.cost
    if len(operands) < 3:
        assert rule(subscripts, *operands, optimize=1) == loops.cost


@settings(max_examples=150)
@given(sums(operands=(3, 5)))
def test_a_path(case):
    terms, operands, result = case
    # Where nothing is summed numpy does without a path, MXNet does not.
    assume(set(result) != set("".join(terms)))
    loops, subscripts = Loops(terms, operands), ",".join(terms) + "->" + result
    path = np.einsum_path(subscripts, *operands, optimize="greedy")[0][1:]
    assert np.allclose(loops.follow(path, terms, operands, result), np.einsum(subscripts, *operands))
    assert rule(subscripts, *operands, optimize=1) == loops.cost


@pytest.mark.parametrize(
    ("subscripts", "shapes", "spelled"),
    [
        ("ij,jk", [(2, 3), (3, 4)], "ij,jk->ik"),
        ("ba", [(2, 3)], "ba->ab"),
        ("i j , j k -> i k", [(2, 3), (3, 4)], "ij,jk->ik"),
        ("...ij,...jk", [(5, 2, 3), (3, 4)], "xij,jk->xik"),
        ("...j,j...->...", [(5, 6, 3), (3, 6)], "xyj,jy->xy"),
        ("...,...", [(2, 3), ()], "xy,->xy"),
        ("...ii->...", [(5, 3, 3)], "xii->x"),
        ("a...,...b->...", [(2, 5), (5, 3)], "ax,xb->x"),
    ],
)
@pytest.mark.parametrize("optimize", [0, 1])
def test_shorthands_cost_what_they_stand_for(subscripts, shapes, spelled, optimize):
    operands = [np.ones(shape) for shape in shapes]
    assert np.allclose(np.einsum(subscripts, *operands), np.einsum(spelled, *operands))
    assert rule(subscripts, *operands, optimize=optimize) == rule(spelled, *operands, optimize=optimize)
    assert rule(subscripts, *operands) != OpCost() or len(shapes) == 1


def test_many_labels_leave_room_for_an_ellipsis():
    """All lower-case letters but one are taken, so the two axes of ``...`` get other names: 2 * 3 additions of 7."""
    term = ascii_lowercase[:-1]
    operand = np.ones((2, 3) + (1,) * 24 + (7,))
    assert rule(f"...{term}->...", operand) == OpCost(reduction=2 * 3 * 6)
    assert rule(f"{term}...->...", np.ones((7,) + (1,) * 24 + (2, 3))) == OpCost(reduction=2 * 3 * 6)


def test_nothing_to_sum_costs_nothing():
    assert rule("ij,jk->ik", np.ones((2, 0)), np.ones((0, 4))) == OpCost()
    assert rule("ij->i", np.ones((2, 0))) == OpCost()
