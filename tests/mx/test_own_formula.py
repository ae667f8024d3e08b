"""Costs of one's own operators: pytest_mxperf.formula."""

import pytest

import pytest_mxperf
from pytest_mxperf import GraphError, OpCost, UsageError, count
from pytest_mxperf.cost import own

INPUTS = {"data": (4, 8)}


@pytest.fixture(autouse=True)
def rules(monkeypatch):
    monkeypatch.setattr(own, "_RULES", {})


@pytest.fixture(scope="module")
def mx():
    """Registers an operator written in Python, under a name of its own: MXNet never forgets one."""
    import mxnet

    @mxnet.operator.register("own_formula_twice")
    class Twice(mxnet.operator.CustomOpProp):
        pass

    return mxnet


def custom(mx, op_type="own_formula_twice"):
    return mx.sym.Custom(mx.sym.var("data"), op_type=op_type, name="twice")


def test_an_operator_written_in_python_is_counted_by_its_op_type(mx):
    """3 MACs and a FLOP for each of 4 x 8 numbers: 96 MACs, 192 + 32 FLOPs."""
    assert count(custom(mx), INPUTS).uncounted == {"Custom": 1}

    @pytest_mxperf.formula("own_formula_twice")
    def twice(op):
        assert (op.op, op.inputs, op.outputs) == ("Custom", ((4, 8),), ((4, 8),))
        return OpCost(macs=3 * op.output_size, elementwise=op.output_size)

    report = count(custom(mx), INPUTS)
    assert (report.macs, report.flops, report.uncounted) == (96, 224, {})
    assert report.convention == "mxperf-1+own_formula_twice"


def test_a_model_that_uses_no_rule_of_ones_own_keeps_the_convention(mx):
    pytest_mxperf.formula("own_formula_twice")(lambda op: OpCost())
    assert count(mx.sym.relu(mx.sym.var("data")), INPUTS).convention == "mxperf-1"


def test_a_built_in_rule_is_replaced_only_if_asked_for(mx):
    with pytest.raises(UsageError, match=r"relu has a rule already; formula\('relu', override=True\) replaces it"):
        pytest_mxperf.formula("relu")(lambda op: OpCost(macs=1))
    pytest_mxperf.formula("relu", override=True)(lambda op: OpCost(macs=1))
    report = count(mx.sym.relu(mx.sym.var("data")), INPUTS)
    assert (report.macs, report.convention) == (1, "mxperf-1+relu")


def test_two_rules_for_one_operator_are_an_error_and_one_twice_is_not():
    def rule(op):
        return OpCost()

    pytest_mxperf.formula("own_a")(rule)
    pytest_mxperf.formula("own_a")(rule)  # as when its module is imported once more
    with pytest.raises(UsageError, match="own_a has a rule already"):
        pytest_mxperf.formula("own_a")(lambda op: OpCost())


def test_custom_itself_cannot_have_one():
    with pytest.raises(UsageError, match="Custom computes in Python; name the op_type that it is registered under"):
        pytest_mxperf.formula("Custom")(lambda op: OpCost())


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (lambda op: 1 / 0, "failed: ZeroDivisionError: division by zero"),
        (lambda op: op.gone, "failed: AttributeError: 'Call' object has no attribute 'gone'"),
        (lambda op: 12, "returned 12, which is not an OpCost"),
    ],
)
def test_a_formula_that_fails_is_one_clear_error(mx, rule, problem):
    pytest_mxperf.formula("own_formula_twice")(rule)
    with pytest.raises(GraphError) as caught:
        count(custom(mx), INPUTS)
    assert str(caught.value).endswith(f"the formula of own_formula_twice {problem}")
