"""What it costs to take one operator for another, and the steps of matching by themselves.

Leaving an operator out costs 100, so an attribute costs 25, and all of them together 150 at most.
"""

import pytest

from pytest_mxperf.baseline.match import (
    Matching,
    _align_rest,
    _attribute_cost,
    _Cost,
    _gaps,
    _is_replaced,
    _pair_equals,
    _pair_replaced,
    _pair_unique,
    _read,
    _settle,
    _trimmed,
    _unpaired,
    match,
)
from pytest_mxperf.baseline.structure import Numbers, Source, Structure
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


def test_of_several_readers_one_in_common_is_enough():
    """data -> a -> b, and now another operator reads the new a as well."""
    old = operators(("a", "f", {}), ("b", "end", {}))
    found, _ = matching(old, [*operators(("a", "g", {}), ("b", "end", {})), Node("more", "c", {}, ((1, 0),))])
    found.pair(2, 2)
    assert _is_replaced(found, 1, 1)


def test_what_is_read_counts_with_its_output_and_in_no_order():
    assert _read([Source(0, 7, 2), Source(1, 5, 0)]) == ((5, 0), (7, 2))


def test_what_reads_the_same_replaces_another_unless_there_is_a_choice():
    one, two = constants("1"), constants("1", "2")
    for old, new, partner in ((one, constants("3"), [0, 1, 2]), (two, constants("3"), [-1, -1, 1, 2])):
        found, _ = matching(old, new)
        found.pair(len(old) - 1, len(new) - 1)
        found.pair(len(old), len(new))
        _pair_replaced(found)
        assert found.partner == partner


def test_whoever_reads_what_was_replaced_is_replaced_next():
    """data -> a -> b, both with another attribute."""
    found, _ = matching(*(operators(("a", "f", {"x": x}), ("b", "f", {"x": x})) for x in "12"))
    _pair_replaced(found)
    assert found.partner == [-1, 1, 2, 3]


# Node 0 may be an operator, and a partner: 0 is not "none".


def test_whoever_reads_what_was_replaced_keeps_the_partner_0():
    """Old: constant -> f; new: an f that reads nothing, and another constant -> f."""
    f = Node("f", "f", {}, ((0, 0),))
    found, _ = matching(
        [Node("_full", "c", {"value": "1"}, ()), f],
        [Node("f", "g", {}, ()), Node("_full", "c", {"value": "2"}, ()), Node("f", "f", {}, ((1, 0),))],
    )
    found.pair(1, 0)
    _pair_replaced(found)
    assert found.partner[:2] == [1, 0]
    assert found.origin[:3] == [1, 0, -1]


def test_whoever_reads_another_than_its_partner_0_parts_from_it():
    """The same graphs with equal constants: the old f gets the f that reads it."""
    constant = Node("_full", "c", {"value": "1"}, ())
    found, _ = matching(
        [constant, Node("f", "f", {}, ((0, 0),))],
        [Node("f", "g", {}, ()), constant, Node("f", "f", {}, ((1, 0),))],
    )
    found.pair(0, 1)
    found.pair(1, 0)
    _settle(found)
    assert found.partner[:2] == [1, 2]
    assert found.origin[:3] == [-1, 0, 1]


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


def test_what_comes_before_the_first_pair_is_a_gap():
    found, _ = matching(constants("1"), constants("2", "1"))
    found.pair(0, 1)
    assert list(_gaps(found)) == [([], [0]), ([1, 2], [2, 3])]


def test_pairs_in_another_order_bound_no_gap_and_are_in_none():
    found, _ = matching(constants("1", "2", "3"), constants("1", "2", "3"))
    for old, new in ((0, 1), (1, 2), (2, 0)):
        found.pair(old, new)
    assert list(_gaps(found)) == [([], []), ([], []), ([3, 4], [3, 4])]


@pytest.mark.parametrize(("count", "reach"), [(1, 125_000), (250, 500), (5_000, 32)])
def test_250_000_steps_are_shared_by_all_gaps(monkeypatch, count, reach):
    """Each operator is compared with those up to ``reach`` before and behind it: 2 x 500 x 250 steps.

    But 32 are the fewest.
    """
    found, _ = matching(constants(*range(count)), constants("x", "y"))
    found.pair(count, 2)
    found.pair(count + 1, 3)
    asked = []
    monkeypatch.setattr("pytest_mxperf.baseline.match.align", lambda *_, reach: asked.append(reach) or [])
    _align_rest(found, lambda old, new: None)
    assert asked == [reach]


@pytest.mark.parametrize(
    ("counts", "steps"),
    [
        ((353, 353), ["align", "unique"]),
        ((354, 354), ["unique", "align", "unique"]),
        ((354, 2), ["unique", "align", "unique"]),
        ((2, 354), ["unique", "align", "unique"]),
    ],
)
def test_what_is_unmistakable_goes_first_where_there_are_too_many_to_align(monkeypatch, counts, steps):
    """353 by 353 are 124,609 pairs, 354 by 354 are 125,316: more than half of 250,000."""
    done = []
    monkeypatch.setattr("pytest_mxperf.baseline.match._align_rest", lambda *_: done.append("align"))
    monkeypatch.setattr("pytest_mxperf.baseline.match._pair_unique", lambda *_: done.append("unique"))
    numbers = Numbers()
    old, new = (
        Structure.of(Graph(nodes, ((len(nodes) - 1, 0),)), [(SHAPE,)] * len(nodes), ["data"], numbers)
        for nodes in (tuple(constants(*(f"{side}{at}" for at in range(count)))) for side, count in enumerate(counts))
    )
    match(old, new, numbers)
    assert done == steps


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


def test_who_reads_the_same_as_its_partner_keeps_it_even_if_another_reads_the_same():
    found, _ = matching(operators(*BLOCK), [*operators(*BLOCK), Node("g", "another", {}, ((1, 0),))])
    found.pair(1, 1)
    found.pair(2, 2)
    _settle(found)
    assert found.partner[:3] == [-1, 1, 2]


def test_whose_partner_is_not_equal_gets_the_one_that_is():
    new = [*operators(BLOCK[0], ("g", "g", {"x": "3"})), Node("g", "another", {}, ((1, 0),))]
    found, _ = matching(operators(*BLOCK), new)
    found.pair(1, 1)
    found.pair(2, 2)
    _settle(found)
    assert found.partner[:3] == [-1, 1, 3]


def test_none_that_is_of_another_kind_is_taken():
    found, _ = matching(operators(*BLOCK), operators(("f", "f", {}), ("h", "h", {})))
    found.pair(1, 1)
    _settle(found)
    assert found.partner == [-1, 1, -1, -1]


def test_whoever_reads_two_gets_the_one_that_reads_both():
    """data -> a and b -> sum of the two."""
    nodes = [Node("null", "data", {}, ()), Node("f", "a", {}, ((0, 0),)), Node("h", "b", {}, ((0, 0),))]
    found, _ = matching(*[[*nodes, Node("sub", "difference", {}, ((1, 0), (2, 0)))]] * 2)
    found.pair(1, 1)
    found.pair(2, 2)
    _settle(found)
    assert found.partner == [-1, 1, 2, 3, 4]


# Which of two equals is which: by all that is computed with them, then by what they are computed from and into.


def partners(old, new):
    """By name; those of operators alone. What nobody reads is an output."""
    numbers = Numbers()
    structures = [
        Structure.of(Graph(tuple(nodes), unread(nodes)), [(SHAPE,)] * len(nodes), ["data"], numbers)
        for nodes in (old, new)
    ]
    found = match(*structures, numbers)
    names = [node.name for node in found.new.nodes]
    return {old[at].name: names[new] for at, new in enumerate(found.partner[: len(old)]) if new >= 0}


def unread(nodes):
    read = {source for node in nodes for source, _ in node.inputs}
    return tuple((index, 0) for index in range(len(nodes)) if index not in read)


def test_of_two_equals_each_is_known_by_what_is_added_to_it():
    """f(data) + h(data) and f(data) + k(data), added up; in the new graph the two f have each other's name."""

    def of(beside_h, beside_k):
        nodes = [Node("null", "data", {}, ())]
        nodes += [Node(op, name, {}, ((0, 0),)) for op, name in zip("ffhk", (beside_h, beside_k, "h", "k"))]
        nodes += [Node("elemwise_add", "with_h", {}, ((1, 0), (3, 0)))]
        nodes += [Node("elemwise_add", "with_k", {}, ((2, 0), (4, 0)))]
        return [*nodes, Node("add_n", "sum", {}, ((5, 0), (6, 0)))]

    found = partners(of("one", "two"), of("two", "one"))
    assert (found["one"], found["two"]) == ("two", "one")


def test_of_two_equals_each_is_known_by_what_reads_it_whatever_else_has_changed():
    """g(f(data)) and h(f(data)), joined with something that has changed; the two f have each other's name."""

    def of(under_g, under_h, other):
        nodes = [Node("null", "data", {}, ())]
        nodes += [Node("f", name, {}, ((0, 0),)) for name in (under_g, under_h)]
        nodes += [Node("g", "g", {}, ((1, 0),)), Node("h", "h", {}, ((2, 0),)), Node(other, "other", {}, ((0, 0),))]
        return [*nodes, Node("Concat", "joined", {}, ((3, 0), (4, 0), (5, 0)))]

    found = partners(of("one", "two", "sin"), of("two", "one", "cos"))
    assert (found["one"], found["two"]) == ("two", "one")


def test_what_has_moved_is_still_the_same():
    """f -> g -> h -> k becomes f -> h -> k -> g."""
    old, new = (operators(*((name, name, {}) for name in order)) for order in ("fghk", "fhkg"))
    assert partners(old, new) == {name: name for name in "fghk"}


def test_of_two_in_a_row_the_second_is_the_one_that_was_added():
    """f -> g becomes another f -> g -> g."""
    old = operators(("f", "f", {}), ("g", "g", {}))
    new = operators(("f", "f", {"x": "3"}), ("g", "g", {}), ("more", "g", {}))
    assert partners(old, new) == {"f": "f", "g": "g"}


def test_of_two_in_a_row_the_second_is_the_one_that_was_removed():
    """f -> g -> g becomes another f -> g."""
    old = operators(("f", "f", {}), ("g", "g", {}), ("more", "g", {}))
    new = operators(("f", "f", {"x": "3"}), ("g", "g", {}))
    assert partners(old, new) == {"f": "f", "g": "g"}


def test_of_two_that_begin_alike_the_one_that_was_cut_off_is_known_by_what_followed():
    """h(data) and k(h(data)): the first has gone."""
    data, kept = Node("null", "data", {}, ()), Node("h", "kept", {}, ((0, 0),))
    old = [data, Node("h", "cut", {}, ((0, 0),)), kept, Node("h", "k", {"x": "1"}, ((2, 0),))]
    new = [data, kept, Node("h", "k", {"x": "1"}, ((1, 0),))]
    assert partners(old, new) == {"kept": "kept", "k": "k"}


def test_branches_are_counted_before_those_that_end_alike_are_taken_for_one_another():
    """Of g(f(data)) and f(g(data)) the first f has gone, and the second has changed: of the g each is what it was."""
    data, other = Node("null", "data", {}, ()), Node("h", "h", {}, ((0, 0),))
    f, g = Node("f", "f", {"x": "1"}, ((0, 0),)), Node("g", "behind", {}, ((1, 0),))
    old = [data, f, g, other, Node("g", "before", {}, ((0, 0),)), Node("f", "last", {"x": "1"}, ((4, 0),))]
    new = [data, Node("g", "a", {}, ((0, 0),)), other, Node("g", "b", {}, ((0, 0),))]
    new += [Node("f", "c", {"x": "3"}, ((3, 0),))]
    assert partners(old, new) == {"behind": "a", "h": "h", "before": "b", "last": "c"}


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
