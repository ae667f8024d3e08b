"""Einstein sums, in the order in which MXNet computes them.

Sources, in MXNet: ``src/operator/numpy/np_einsum_op-inl.h``, ``np_einsum_path_op-inl.h``.
"""

from itertools import combinations
from string import ascii_letters
from typing import Collection, Dict, FrozenSet, Iterable, List, NamedTuple, Tuple

from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost

Labels = FrozenSet[str]
Sizes = Dict[str, int]
Operands = Dict[int, Labels]
Pair = Tuple[int, int]
Step = Tuple[List[Labels], Labels]
"""The operands that one loop reads, and the labels that it keeps."""


@formula("_npi_einsum")
def einsum(op: Call) -> OpCost:
    """One loop over all labels. With ``optimize`` and at least three operands, a loop for each step of a path.

    A loop runs over N combinations of the labels of k operands. If the result lacks a label, the loop takes N MACs and
    k - 2 more multiplications per MAC; with k = 1 it takes N - results additions. If the result has all labels, it
    takes k - 1 multiplications per combination, so a transpose or a diagonal is free.

    MXNet gives some steps to BLAS, which runs over the same combinations.
    """
    sums = _parse(op)
    steps = [(sums.operands, sums.output)]
    if op.integer("optimize", 0) and len(sums.operands) > 2:
        steps = _path(sums)
    return sum((_loop(operands, kept, sums.sizes) for operands, kept in steps), OpCost())


def _loop(operands: Collection[Labels], kept: Labels, sizes: Sizes) -> OpCost:
    labels = _all(operands)
    volume = _volume(labels, sizes)
    if labels == kept:
        return OpCost(elementwise=volume * (len(operands) - 1))
    if len(operands) == 1:
        return OpCost(reduction=volume - _volume(kept, sizes) if volume else 0)
    return OpCost(macs=volume, elementwise=volume * (len(operands) - 2))


class _Sums(NamedTuple):
    """The parsed subscripts: the labels of each operand and of the result, and the size of each label."""

    operands: List[Labels]
    output: Labels
    sizes: Sizes
    largest: int
    """Elements of the largest operand or result. No intermediate result may have more."""


def _parse(op: Call) -> _Sums:
    """Replaces ``...`` by labels. Without ``->``, the result has the labels that occur once."""
    given, arrow, result = op.text("subscripts", "").replace(" ", "").partition("->")
    terms = given.split(",")
    spare = "".join(letter for letter in ascii_letters if letter not in given)
    ellipsis = ""
    for index, (term, shape) in enumerate(zip(terms, op.inputs)):
        if "..." in term:
            # As always in broadcasting, the last axes correspond.
            labels = spare[len(spare) - (len(shape) - len(term) + 3) :]
            ellipsis = max(ellipsis, labels, key=len)
            terms[index] = term.replace("...", labels)
    if not arrow:
        occurring = "".join(terms)
        result = "..." + "".join(label for label in occurring if occurring.count(label) == 1 and label not in ellipsis)
    result = result.replace("...", ellipsis)
    sizes: Sizes = {}
    for label, length in (pair for term, shape in zip(terms, op.inputs) for pair in zip(term, shape)):
        if sizes.get(label, 1) == 1:  # broadcast
            sizes[label] = length
    largest = max(size(tuple(sizes[label] for label in term)) for term in (*terms, result))
    return _Sums([frozenset(term) for term in terms], frozenset(result), sizes, largest)


def _path(sums: _Sums) -> List[Step]:
    """Contracts pairs of operands by opt_einsum's greedy rule, as MXNet does: first the pair that frees most memory.

    If several free as much, it takes the pair with the fewest operations, and then the first. Pairs without a common
    label wait until no others are left. A pair is not taken if it makes the path costlier than one loop over
    everything. If no pair may be taken, one loop reads all operands that are left.
    """
    operands = dict(enumerate(sums.operands))
    steps: List[Step] = []
    costs: Dict[Pair, Tuple[int, int]] = {}
    budget = _operations(operands.values(), sums.output, sums.sizes)
    fresh = [(x, y) for x, y in combinations(operands, 2) if operands[x] & operands[y]]
    while len(operands) > 1:
        costs.update(_affordable(fresh, operands, sums, budget))
        if not costs:
            costs.update(_affordable(combinations(operands, 2), operands, sums, budget))
        if not costs:
            return [*steps, (list(operands.values()), sums.output)]
        pair = min(costs, key=lambda each: costs[each])
        budget -= costs[pair][1]
        kept = _kept(pair, operands, sums.output)
        steps.append(([operands.pop(number) for number in pair], kept))
        costs = {other: cost for other, cost in costs.items() if not set(other) & set(pair)}
        result = len(sums.operands) + len(steps)
        fresh = [(number, result) for number in operands if operands[number] & kept]
        operands[result] = kept
    return steps


def _affordable(pairs: Iterable[Pair], operands: Operands, sums: _Sums, budget: int) -> Dict[Pair, Tuple[int, int]]:
    """The pairs that may be contracted next, each with the growth of memory, in elements, and the operations."""
    costs = {}
    for pair in pairs:
        kept = _kept(pair, operands, sums.output)
        read = [operands[number] for number in pair]
        operations, elements = _operations(read, kept, sums.sizes), _volume(kept, sums.sizes)
        if elements <= sums.largest and operations <= budget:
            costs[pair] = (elements - sum(_volume(labels, sums.sizes) for labels in read), operations)
    return costs


def _kept(pair: Pair, operands: Operands, output: Labels) -> Labels:
    """The labels of the pair that other operands or the output need."""
    others = output.union(*(labels for number, labels in operands.items() if number not in pair))
    return operands[pair[0]].union(operands[pair[1]]) & others


def _operations(operands: Collection[Labels], kept: Labels, sizes: Sizes) -> int:
    """MXNet's own estimate, by which it chooses a pair."""
    labels = _all(operands)
    return _volume(labels, sizes) * (max(1, len(operands) - 1) + (labels != kept))


def _all(operands: Iterable[Labels]) -> Labels:
    empty: Labels = frozenset()
    return empty.union(*operands)


def _volume(labels: Labels, sizes: Sizes) -> int:
    return size(tuple(sizes[label] for label in labels))
