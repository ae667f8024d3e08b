"""The cheapest way to turn one sequence into another, within a bounded number of steps."""

from typing import Callable, List, Optional, Sequence, Tuple

__all__ = ["SKIP", "align", "longest_rising"]

Pair = Tuple[int, int]
Cost = Callable[[int, int], Optional[int]]

SKIP = 100
"""What it costs to leave out an element alone."""

_SKIP_NEXT = 90  # what is added or removed hangs together
_SKIP_LEFT, _SKIP_RIGHT, _PAIR = 1, 2, 3
_NEVER = 10**12


def align(left: Sequence[int], right: Sequence[int], cost: Cost, *, reach: int) -> List[Pair]:
    """Pairs of elements in order, such that the costs of the pairs, and of what is left without, are the lowest.

    ``cost`` of a pair is 0 for equals and None for what must not be paired; an element left out costs ``SKIP``. Of
    equal solutions the one that pairs early is taken. No pair is looked at that is more than ``reach`` off the
    diagonal, so it takes time and memory proportional to ``len(left) * reach``.
    """
    # From the ends to the front: the way back then goes from the front, and pairs there first.
    backwards_left, backwards_right = left[::-1], right[::-1]
    moves = _fill(backwards_left, backwards_right, cost, reach)
    pairs: List[Pair] = []
    i, j = len(left), len(right)
    while i and j:
        start, row = moves[i]
        move = row[j - start]
        if move == _PAIR:
            pairs.append((backwards_left[i - 1], backwards_right[j - 1]))
        i, j = i - (move != _SKIP_RIGHT), j - (move != _SKIP_LEFT)
    return pairs


def _fill(left: Sequence[int], right: Sequence[int], cost: Cost, reach: int) -> List[Tuple[int, bytearray]]:
    """For each prefix of ``left``, the last move to each prefix of ``right`` in reach, and the first such prefix."""
    n, m = len(left), len(right)
    end = min(m, reach + m // n)
    costs = [SKIP + _SKIP_NEXT * (j - 1) if j else 0 for j in range(end + 1)]
    moves = [(0, bytearray([_SKIP_RIGHT] * (end + 1)))]
    for i in range(1, n + 1):
        start, end = max(0, (i - 1) * m // n - reach), min(m, -(-i * m // n) + reach)
        costs, row = _fill_row(left[i - 1], right, (start, end), costs, moves[-1], cost)
        moves.append((start, row))
    return moves


def _fill_row(
    element: int,
    right: Sequence[int],
    limits: Tuple[int, int],
    above: List[int],
    moves_above: Tuple[int, bytearray],
    cost: Cost,
) -> Tuple[List[int], bytearray]:
    start, end = limits
    offset, row_above = moves_above
    here, row = _NEVER, bytearray(end - start + 1)
    costs: List[int] = []
    move = 0
    for j in range(start, end + 1):
        up = j - offset
        best, chosen = here + (_SKIP_NEXT if move == _SKIP_RIGHT else SKIP), _SKIP_RIGHT
        if up < len(above):
            skip = above[up] + (_SKIP_NEXT if row_above[up] == _SKIP_LEFT else SKIP)
            if skip < best:
                best, chosen = skip, _SKIP_LEFT
        if j and 0 < up <= len(above):
            pair = cost(element, right[j - 1])
            if pair is not None and above[up - 1] + pair <= best:
                best, chosen = above[up - 1] + pair, _PAIR
        here, move = best, chosen
        costs.append(best)
        row[j - start] = chosen
    return costs, row


def longest_rising(numbers: Sequence[int]) -> List[int]:
    """Positions of a longest subsequence that rises strictly."""
    ends: List[int] = []  # of the rising subsequences of each length, the position with the lowest last number
    before: List[int] = []
    for position, number in enumerate(numbers):
        low, high = 0, len(ends)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if numbers[ends[middle]] < number else (low, middle)
        before.append(ends[low - 1] if low else -1)
        ends[low : low + 1] = [position]
    chain: List[int] = []
    position = ends[-1] if ends else -1
    while position >= 0:
        chain.append(position)
        position = before[position]
    return chain[::-1]
