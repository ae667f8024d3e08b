"""Rules, and how a formula reads its operator."""

import pytest

from pytest_mxperf.cost import registry
from pytest_mxperf.cost.registry import Call, formula, free, rule_for, size
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.errors import GraphError


@pytest.fixture(autouse=True)
def _private_rules(monkeypatch):
    monkeypatch.setattr(registry, "_RULES", {})


def call(attrs=None, inputs=((2, 3, 4),), outputs=((2, 6),)):
    return Call("Test", attrs or {}, inputs, outputs)


class TestRules:
    def test_a_formula_counts_every_operator_it_names(self):
        @formula("A", "B")
        def count(op):
            return OpCost(macs=7)

        for operator in ("A", "B"):
            rule = rule_for(operator)
            assert rule.formula(call()) == OpCost(macs=7)
            assert rule.free_because is None

    def test_the_decorator_leaves_the_function_as_it_is(self):
        def count(op):
            return OpCost()

        assert formula("A")(count) is count

    def test_a_free_operator_costs_nothing_and_says_why(self):
        free("moves data", "A", "B")
        for operator in ("A", "B"):
            rule = rule_for(operator)
            assert rule.formula(call()) == OpCost()
            assert rule.free_because == "moves data"

    def test_an_unknown_operator_has_no_rule(self):
        assert rule_for("A") is None

    def test_operators_are_told_apart_by_case(self):
        free("why", "Softmax")
        assert rule_for("softmax") is None

    def test_two_formulas_for_one_operator_are_a_mistake(self):
        formula("A")(lambda op: OpCost())
        with pytest.raises(ValueError, match=r"^operator 'A' already has a rule$"):
            formula("A")(lambda op: OpCost())

    def test_an_operator_cannot_be_both_counted_and_free(self):
        formula("A")(lambda op: OpCost())
        with pytest.raises(ValueError, match=r"^operator 'A' already has a rule$"):
            free("why", "A")


class TestCall:
    def test_sizes_are_of_the_first_input_and_the_first_output(self):
        op = call(inputs=((2, 3, 4), (100,)), outputs=((2, 6), (100,)))
        assert (op.input_size, op.output_size) == (24, 12)

    def test_text_has_a_default(self):
        assert call({"mode": "channel"}).text("mode", "instance") == "channel"
        assert call().text("mode", "instance") == "instance"

    @pytest.mark.parametrize(
        ("text", "value"),
        [("True", True), ("true", True), ("1", True), ("False", False), ("false", False), ("0", False)],
    )
    def test_flags_are_read_as_all_versions_wrote_them(self, text, value):
        assert call({"no_bias": text}).flag("no_bias", default=not value) is value

    @pytest.mark.parametrize("default", [True, False])
    def test_an_absent_flag_is_its_default(self, default):
        assert call().flag("no_bias", default=default) is default

    @pytest.mark.parametrize(("text", "value"), [("3", 3), ("-1", -1), (" 3 ", 3), ("3L", 3)])
    def test_integers_are_read(self, text, value):
        assert call({"axis": text}).integer("axis", 99) == value

    def test_an_absent_integer_is_its_default(self):
        assert call().integer("axis", 99) == 99

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("(3, 3)", (3, 3)),
            ("(3,3)", (3, 3)),
            ("[3,3]", (3, 3)),
            ("(3,)", (3,)),
            ("(3L, 5L)", (3, 5)),
            ("3", (3,)),
            ("(1, 2, 3)", (1, 2, 3)),
            ("()", ()),
            ("", ()),
            ("None", ()),
        ],
    )
    def test_tuples_are_read_as_all_versions_wrote_them(self, text, values):
        assert call({"kernel": text}).integers("kernel") == values

    def test_an_absent_tuple_is_empty(self):
        assert call().integers("kernel") == ()

    @pytest.mark.parametrize(("attrs", "axis"), [({}, 2), ({"axis": "-1"}, 2), ({"axis": "0"}, 0), ({"axis": "-3"}, 0)])
    def test_an_axis_counts_from_the_front(self, attrs, axis):
        assert call(attrs).axis(-1) == axis

    @pytest.mark.parametrize("axis", ["3", "-4"])
    def test_an_axis_that_the_input_does_not_have_is_refused(self, axis):
        with pytest.raises(GraphError) as caught:
            call({"axis": axis}).axis(-1)
        assert str(caught.value) == f"Test: axis={axis} does not exist in shape (2, 3, 4)"

    @pytest.mark.parametrize("text", ["three", "1.5", ""])
    def test_an_integer_that_is_none_names_operator_and_attribute(self, text):
        with pytest.raises(GraphError) as caught:
            call({"axis": text}).integer("axis", 0)
        assert str(caught.value) == f"Test: attribute axis={text!r} is not a whole number"

    def test_a_tuple_with_something_else_in_it_names_operator_and_attribute(self):
        with pytest.raises(GraphError) as caught:
            call({"kernel": "(3, x)"}).integers("kernel")
        assert str(caught.value) == "Test: attribute kernel='(3, x)' is not a whole number"


@pytest.mark.parametrize(("shape", "elements"), [((2, 3, 4), 24), ((5,), 5), ((), 1), ((2, 0), 0)])
def test_the_size_of_a_shape_is_its_elements(shape, elements):
    assert size(shape) == elements
