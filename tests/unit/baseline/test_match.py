"""What it costs to take one operator for another, and the steps of matching by themselves.

Leaving an operator out costs 100, so an attribute costs 25, and all of them together 150 at most.
"""

import pytest

from pytest_mxperf.baseline.match import (
    Matching,
    _attribute_cost,
    _Cost,
    _gaps,
    _is_replaced,
    _pair_equals,
    _pair_unique,
    _settle,
    _trimmed,
    _unpaired,
    match,
)
from pytest_mxperf.baseline.structure import Numbers, Structure
from pytest_mxperf.graph import Graph, Node

SHAPE = (1, 3, 8, 8)


def matching(old, new, *, shapes=(SHAPE, SHAPE)):
    """Of two graphs, each of which is given by its nodes; nobody has a partner yet."""
    numbers = Numbers()
    structures = [
        Structure.of(Graph(tuple(nodes), ((len(nodes) - 1, 0),)), [(shape,)] * len(nodes), ["data"], numbers)
        for nodes, shape in zip((old, new), shapes)
    ]
    sides = [[-1] * len(each.nodes) for each in structures]
    return Matching(*structures, *sides), numbers


def operators(*named):
    """data -> the operators, one behind the other; each is a name, an operator and attributes."""
    nodes = [Node("null", "data", {}, ())]
    for name, op, attrs in named:
        nodes.append(Node(op, name, attrs, ((len(nodes) - 1, 0),)))
    return nodes


@pytest.mark.parametrize(
    ("mine", "theirs", "cost"),
    [
        ("relu", "relu", 0),
        ("64", "64", 0),
        ("relu", "tanh", 25),
        ("(3, 3)", "(5, 5)", 25),
        ("64", None, 25),
        (None, "64", 25),
        ("0", "64", 25),
        ("64", "128", 25),  # 15 + 10 * log2(2)
        ("128", "64", 25),
        ("64", "80", 18),  # 15 + 10 * 0.32
        ("80", "64", 18),
        ("64", "65", 15),
        ("1", "1000", 30),  # 15 + 15 at the most
        ("64", "relu", 25),
    ],
)
def test_an_attribute_costs_the_more_the_further_sizes_are_apart(mine, theirs, cost):
    assert _attribute_cost(mine, theirs) == cost


def cost_of(old, new, **more):
    """Of taking the only operator of one graph for that of the other."""
    found, numbers = matching(operators(old), operators(new), **more)
    return _Cost(found, numbers)(1, 1)


def test_equal_operators_cost_nothing_and_another_name_next_to_nothing():
    assert cost_of(("a", "sin", {}), ("a", "sin", {})) == 0
    assert cost_of(("a", "sin", {}), ("b", "sin", {})) == 1


def test_operators_of_different_types_are_not_taken_for_one_another():
    assert cost_of(("a", "sin", {}), ("a", "cos", {})) is None


def test_attributes_that_differ_add_up():
    assert cost_of(("a", "f", {"x": "1", "y": "p"}), ("a", "f", {"x": "1", "y": "q"})) == 25
    assert cost_of(("a", "f", {"x": "o", "y": "p"}), ("a", "f", {"x": "u", "y": "q"})) == 50
    assert cost_of(("a", "f", {"x": "o"}), ("a", "f", {"y": "o"})) == 50
    many = [{f"x{at}": value for at in range(9)} for value in "pq"]
    assert cost_of(("a", "f", many[0]), ("a", "f", many[1])) == 150


def test_attributes_of_no_effect_cost_nothing():
    assert cost_of(("a", "f", {"cudnn_off": "True"}), ("a", "f", {"cudnn_off": "False"})) == 0


def test_another_shape_costs_something():
    assert cost_of(("a", "f", {}), ("a", "f", {}), shapes=(SHAPE, (1, 3, 4, 4))) == 10
    different = ("a", "f", {"y": "p"}), ("b", "f", {"y": "q"})
    assert cost_of(*different, shapes=(SHAPE, (1, 3, 4, 4))) == 25 + 10 + 1


def test_what_two_operators_cost_is_not_what_others_do():
    """Each pair of labels has a distance of its own."""
    old = operators(("a", "f", {"y": "p"}), ("b", "g", {}), ("c", "f", {"y": "q"}))
    found, numbers = matching(old, old)
    cost = _Cost(found, numbers)
    assert [cost(1, 1), cost(2, 2), cost(1, 2)] == [0, 0, None]
    assert cost(1, 3) - cost(3, 3) >= 25


def test_other_operators_around_cost_for_each_step_that_they_are_near():
    """At distances 1 to 4 the types differ; 4 times 3."""
    old = operators(("a", "f", {}), ("b", "g", {}))
    new = operators(("a", "f", {}), ("b", "h", {}))
    found, numbers = matching(old, new)
    assert _Cost(found, numbers)(1, 1) == 4 * 3


def constants(*values):
    """Operators that read nothing, and one that reads them all: the first is node 0."""
    nodes = [Node("_full", f"c{at}", {"value": value}, ()) for at, value in enumerate(values)]
    return [*nodes, Node("add_n", "sum", {}, tuple((at, 0) for at in range(len(values))))]


def test_what_is_the_only_one_of_its_kind_on_both_sides_is_paired():
    found, _ = matching(constants("1", "2"), constants("2", "1"))
    _pair_unique(found, ["one", "two", "sum", "outputs"], ["two", "one", "other", "others"])
    assert found.partner == [1, 0, -1, -1]
    assert found.origin == [1, 0, -1, -1]


@pytest.mark.parametrize(
    ("old", "new"), [(["k", "k"], ["k", "other"]), (["k", "other"], ["k", "k"]), (["k", "k"], ["k", "k"])]
)
def test_what_there_are_several_of_is_not(old, new):
    found, _ = matching(constants("1", "2"), constants("1", "2"))
    _pair_unique(found, [*old, "sum", "outputs"], [*new, "another", "others"])
    assert found.partner == [-1] * 4


def test_three_of_a_kind_are_not_one_again():
    found, _ = matching(constants("1", "2", "3"), constants("1"))
    _pair_unique(found, ["k", "k", "k", "sum", "outputs"], ["k", "another", "others"])
    assert found.partner == [-1] * 5


def test_a_pair_that_is_parted_has_no_partners():
    found, _ = matching(constants("1"), constants("1"))
    found.pair(0, 1)
    assert (found.partner[0], found.origin[1]) == (1, 0)
    assert found.part(0) == 1
    assert (found.partner, found.origin) == ([-1] * 3, [-1] * 3)


def test_the_matching_from_the_other_side():
    found, _ = matching(constants("1"), constants("1", "2"))
    found.pair(0, 1)
    other = found.flipped()
    assert (other.old, other.new, other.partner[1], other.origin[0]) == (found.new, found.old, 0, 1)


def test_what_was_replaced_is_of_the_same_type_or_read_by_the_same():
    old = operators(("a", "f", {"x": "1"}), ("b", "end", {}))
    found, _ = matching(old, operators(("a", "f", {"x": "2"}), ("b", "other", {})))
    assert _is_replaced(found, 1, 1)
    found, _ = matching(old, operators(("a", "g", {}), ("b", "end", {})))
    assert not _is_replaced(found, 1, 1)
    found.pair(2, 2)
    assert _is_replaced(found, 1, 1)


# Node 0 may be an operator, and a partner: 0 is not "none".


def test_whoever_has_a_partner_is_not_left():
    found, _ = matching(constants("1", "2"), constants("1", "2", "3"))
    assert found.rest() == ([0, 1, 2, 3], [0, 1, 2, 3, 4])
    found.pair(0, 0)
    found.pair(2, 3)
    assert found.rest() == ([1, 3], [1, 2, 4])
    assert _unpaired(found, [4, 0, 1, 3]) == [4, 1]


def test_gaps_lie_between_pairs_that_come_in_the_same_order():
    found, _ = matching(constants("1", "2"), constants("1", "2", "3"))
    found.pair(0, 0)
    found.pair(2, 3)
    assert list(_gaps(found)) == [([], []), ([1], [1, 2]), ([3], [4])]


def test_pairs_in_another_order_bound_no_gap_and_are_in_none():
    found, _ = matching(constants("1", "2", "3"), constants("1", "2", "3"))
    for old, new in ((0, 1), (1, 2), (2, 0)):
        found.pair(old, new)
    assert list(_gaps(found)) == [([], []), ([], []), ([3, 4], [3, 4])]


def test_what_is_equal_at_both_ends_of_a_gap_is_paired():
    found, _ = matching(constants("1", "2", "5", "3", "4"), constants("1", "2", "6", "7", "3", "4"))
    assert _trimmed(found, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]) == ([2], [2, 3])
    assert found.partner == [0, 1, -1, 4, 5, -1, -1]


def test_what_is_equal_is_paired_once():
    found, _ = matching(constants("1", "1"), constants("1", "1", "1"))
    assert _trimmed(found, [0, 1], [0, 1, 2]) == ([], [2])
    assert found.partner == [0, 1, -1, -1]


def test_partners_read_the_same_if_what_they_read_are_partners():
    old = operators(("a", "f", {}), ("b", "g", {}))
    found, _ = matching(old, old)
    assert not found.reads_the_same(2, 2)
    found.pair(1, 1)
    assert found.reads_the_same(2, 2)
    assert found.reads_the_same(1, 1)  # which read no operator


def test_whoever_has_no_partner_has_the_partner_minus_1():
    numbers = Numbers()
    old, new = (
        Structure.of(Graph(tuple(nodes), ((len(nodes) - 1, 0),)), [(SHAPE,)] * len(nodes), ["data"], numbers)
        for nodes in (operators(("a", "f", {})), operators(("a", "g", {}), ("b", "h", {})))
    )
    found = match(old, new, numbers)
    assert (found.partner, found.origin) == ([-1, -1, 3], [-1, -1, -1, 2])


# Of blocks that are equal the first is the old one.

BLOCK = (("f", "f", {}), ("g", "g", {}))


def test_whoever_reads_another_than_its_partner_gets_the_one_that_reads_the_same():
    """data -> f -> g, and now -> f -> g behind it: of the two g the first reads the partner of f."""
    found, _ = matching(operators(*BLOCK), operators(*BLOCK, *BLOCK))
    found.pair(1, 1)
    found.pair(2, 4)
    _settle(found)
    assert found.partner == [-1, 1, 2, -1]
    assert found.origin == [-1, 1, 2, -1, -1, -1]


def test_so_does_whoever_has_no_partner():
    found, _ = matching(operators(*BLOCK), operators(*BLOCK, *BLOCK))
    found.pair(1, 1)
    _settle(found)
    assert found.partner == [-1, 1, 2, -1]


def test_what_has_been_left_by_one_may_be_taken_by_another():
    """f -> g, f -> g: the first g has the second's partner, and the second has none."""
    found, _ = matching(operators(*BLOCK, *BLOCK), operators(*BLOCK, *BLOCK))
    for old, new in ((1, 1), (2, 4), (3, 3)):
        found.pair(old, new)
    _settle(found)
    assert found.partner[:5] == [-1, 1, 2, 3, 4]


def test_who_reads_the_same_as_its_partner_keeps_it():
    found, _ = matching(operators(*BLOCK), operators(("other", "h", {}), *BLOCK))
    found.pair(1, 2)
    found.pair(2, 3)
    _settle(found)
    assert found.partner == [-1, 2, 3, 4]  # and the outputs read the same, too


def test_none_that_is_of_another_kind_is_taken():
    found, _ = matching(operators(*BLOCK), operators(("f", "f", {}), ("h", "h", {})))
    found.pair(1, 1)
    _settle(found)
    assert found.partner == [-1, 1, -1, -1]


# Of equal keys: who reads the same, then who has the same name, then in order.


def readers(*named):
    """data -> f and h; then operators g, each by its name and what it reads, and nobody reads them."""
    nodes = [Node("null", "data", {}, ()), Node("f", "f", {}, ((0, 0),)), Node("h", "h", {}, ((0, 0),))]
    return [*nodes, *(Node("g", name, {}, (({"f": 1, "h": 2}[source], 0),)) for name, source in named)]


@pytest.mark.parametrize(
    ("old", "new", "partner"),
    [
        (("x", "f"), [("y", "f"), ("x", "h")], 3),  # wiring is more than a name
        (("x", "f"), [("x", "f"), ("y", "f")], 3),
        (("x", "f"), [("y", "f"), ("z", "f")], 4),  # the head comes first in the order that the structure decides
        (("x", "f"), [("x", "h"), ("y", "h")], 3),
        (("x", "f"), [("y", "h"), ("z", "h")], 4),
    ],
)
def test_of_those_with_equal_keys_one_is_chosen(old, new, partner):
    found, _ = matching(readers(old), readers(*new))
    found.pair(1, 1)
    found.pair(2, 2)
    _pair_equals(found, ["", "", "", "key", "old end"], ["", "", "", "key", "key", "new end"])
    assert found.partner[3] == partner


@pytest.mark.parametrize(
    ("old", "new", "evenly", "partner"),
    [
        (["k", "k"], ["k", "other"], False, [0, -1]),
        (["k", "k"], ["k", "other"], True, [-1, -1]),
        (["k", "other"], ["k", "k"], True, [-1, -1]),
        (["k", "k"], ["k", "k"], True, [0, 1]),
        (["k", "l"], ["l", "m"], True, [-1, 0]),  # what is left over in front stops nobody behind it
    ],
)
def test_a_number_that_differs_may_mean_that_one_was_cut_off(old, new, evenly, partner):
    found, _ = matching(constants("1", "2"), constants("1", "2"))
    _pair_equals(found, [*old, "old sum", "old end"], [*new, "new sum", "new end"], evenly=evenly)
    assert found.partner == [*partner, -1, -1]


def test_without_being_asked_numbers_may_differ():
    found, _ = matching(constants("1", "2"), constants("1", "2"))
    _pair_equals(found, ["k", "k", "old sum", "old end"], ["k", "m", "new sum", "new end"])
    assert found.partner == [0, -1, -1, -1]
