"""A model that cannot be counted whole."""

from pytest_mxperf.gate.bypass import judge_uncounted
from pytest_mxperf.gate.finding import Verdict
from tests.unit.gate.models import layer, report


def test_a_model_that_is_counted_whole_has_no_finding():
    assert judge_uncounted(report(layer("a", macs=1))) == []


def test_operators_without_a_rule_are_named_with_their_number():
    (finding,) = judge_uncounted(report(uncounted={"_b": 1, "_a": 3}))
    assert (finding.gate, finding.metric, finding.verdict, finding.value) == (
        "count",
        "operators",
        Verdict.UNCOUNTED,
        4,
    )
    assert (
        finding.message == "operators without a counting rule: _a (3), _b (1); their cost is missing from every total; "
        "give each a rule with pytest_mxperf.formula, a Custom under its op_type"
    )
