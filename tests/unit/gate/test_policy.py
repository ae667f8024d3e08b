"""What comes of verdicts."""

import pytest

from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.policy import OCCASIONS, Policy, parse_policies, parse_policy

CHOICES = {
    "missing": "fail",
    "incomparable": "fail",
    "other_mxnet": "warn",
    "uncounted": "fail",
    "unmeasured": "fail",
    "inconclusive": "warn",
    "unused": "fail",
    "improved": "warn",
    "unjudged": "warn",
    "ungated": "warn",
    "flaky": "warn",
}


def test_each_verdict_has_its_default():
    usual = Policy()
    assert {verdict.value.lower(): usual.action(verdict) for verdict in OCCASIONS} == CHOICES
    assert {verdict: usual.action(verdict) for verdict in Verdict if verdict not in OCCASIONS} == {
        Verdict.PASSED: "ignore",
        Verdict.ADVICE: "ignore",
        Verdict.REGRESSED: "fail",
        Verdict.OVER_BUDGET: "fail",
        Verdict.CONFLICT: "fail",
    }


def test_strict_fails_on_all_that_is_not_passed():
    assert {Policy.strict().action(verdict) for verdict in Verdict} == {"fail", "ignore"}
    assert [verdict.value for verdict in Verdict if Policy.strict().action(verdict) == "ignore"] == ["PASSED", "ADVICE"]


def test_what_is_said_later_counts():
    policy = Policy().updated({Verdict.MISSING: "warn"}).updated({Verdict.MISSING: "ignore", Verdict.FLAKY: "fail"})
    assert (policy.action(Verdict.MISSING), policy.action(Verdict.FLAKY)) == ("ignore", "fail")
    assert policy.updated({Verdict.FLAKY: "warn"}).action(Verdict.MISSING) == "ignore"
    assert policy.action(Verdict.UNUSED) == "fail"
    assert policy.deviations() == "missing=ignore flaky=fail"
    assert Policy().deviations() == ""


@pytest.mark.parametrize("text", ["missing=warn", "MISSING=warn", " missing = warn "])
def test_a_policy_is_written_as_verdict_and_action(text):
    assert parse_policy(text, where="x") == (Verdict.MISSING, "warn")


@pytest.mark.parametrize("text", ["", "=", "missing", "missing=", "=warn", "missing=Warn", "regressed=warn", "x=fail"])
def test_anything_else_is_a_usage_error(text):
    with pytest.raises(UsageError, match=r"^x: "):
        parse_policy(text, where="x")


def test_a_test_has_no_say_about_the_whole_run():
    assert parse_policies({"flaky": "fail"}, where="x") == {Verdict.FLAKY: "fail"}
    with pytest.raises(UsageError, match=r"^x: unused is about the whole run"):
        parse_policies({"unused": "warn"}, where="x")


def test_a_misspelt_verdict_is_answered_with_the_nearest():
    with pytest.raises(
        UsageError, match=r"'mising' is not a verdict; did you mean 'missing'\? a policy can set: missing"
    ):
        parse_policy("mising=warn", where="x")
