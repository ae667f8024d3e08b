"""What is told without a report."""

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.policy import Policy
from pytest_mxperf.report.notices import notices
from pytest_mxperf.report.run import ModelResult
from tests.words import WORDS


def result(test="a", *findings, **fields):
    return ModelResult(f"t.py::{test}", "net", {}, findings=findings, **fields)


def finding(verdict, message="what happened"):
    return Finding("baseline", "macs", verdict, message)


ALL = Policy(dict.fromkeys(Verdict, "warn"))


def lines(*results, findings=(), policy=ALL, update=None):
    return notices(results, findings, policy, words=WORDS, update=update)


def test_baselines_that_were_written_are_told():
    states = ["recorded", "updated", "unchanged", None]
    assert lines(*(result(baseline_update=state) for state in states)) == [
        "baseline recorded: net",
        "baseline updated: net",
    ]


def test_baselines_that_stay_are_counted_once():
    """Another test of the same model may have written it. Without an update there is nothing to say."""
    kept = [ModelResult(f"t.py::{name}", name, {}, baseline_update="unchanged") for name in ("a", "b", "a")]
    assert lines(*kept, update="all") == ["2 baselines are unchanged"]
    assert lines(kept[0], update="all") == ["1 baseline is unchanged"]
    assert lines(kept[0], ModelResult("t.py::c", "a", {}, baseline_update="updated"), update="all") == [
        "baseline updated: a"
    ]
    compared = result("a", finding(Verdict.PASSED))
    assert lines(compared, update="new", policy=Policy()) == ["1 baseline is unchanged"]
    over = Finding("baseline", "macs", Verdict.PASSED, "", over="other")
    for each, update in ((compared, None), (compared, "prune"), (result("a", over), "new"), (result("a"), "all")):
        assert lines(each, update=update, policy=Policy()) == []


def test_a_baseline_that_was_not_stored_is_told_with_what_became_of_its_test():
    failed = result(baseline_update="not stored", outcome="failed")
    assert lines(failed, result(baseline_update="not stored")) == ["baseline not stored: net (t.py::a failed)"]


def test_only_what_is_to_be_told_is():
    results = [result("a", finding(Verdict.MISSING)), result("b", finding(Verdict.UNCOUNTED))]
    only = Policy({Verdict.UNCOUNTED: "warn"})
    assert lines(*results, findings=[finding(Verdict.UNUSED)], policy=only) == [
        "WARNING t.py::b: what happened [UNCOUNTED]"
    ]


def test_a_test_has_the_last_word_on_its_own_verdicts():
    quiet = result("a", finding(Verdict.MISSING), policy={Verdict.MISSING: "ignore"})
    assert lines(quiet, result("b", finding(Verdict.MISSING))) == ["WARNING t.py::b: what happened [MISSING]"]


def test_tests_with_the_same_to_tell_share_a_line():
    skipped = finding(Verdict.UNJUDGED, "no GPU")
    other = finding(Verdict.UNJUDGED, "no time")
    assert lines(result("a", skipped), result("b", other), result("c", skipped), result("d", skipped)) == [
        "WARNING t.py::a and 2 more: no GPU [UNJUDGED]",
        "WARNING t.py::b: no time [UNJUDGED]",
    ]


def test_an_improvement_is_a_notice_and_takes_one_line():
    better = [finding(Verdict.IMPROVED, "macs 2 -> 1"), finding(Verdict.IMPROVED, "flops 4 -> 2")]
    assert lines(result("a", *better)) == [
        "NOTICE t.py::a: macs 2 -> 1; flops 4 -> 2; --update stores the new baseline [IMPROVED]"
    ]


def test_what_is_true_of_the_run_has_no_test():
    assert lines(findings=[finding(Verdict.UNUSED, "no test uses it")]) == ["WARNING no test uses it [UNUSED]"]


def test_an_improvement_without_the_weights_is_stored_once_they_are_back():
    better = finding(Verdict.IMPROVED, "macs 2 -> 1")
    lacking = Finding("baseline", "weights", Verdict.UNJUDGED, "weights: a.params is missing")
    assert lines(result("a", better, lacking)) == [
        "WARNING t.py::a: weights: a.params is missing [UNJUDGED]",
        f"NOTICE t.py::a: macs 2 -> 1; restore the weights, then {WORDS.record} stores the new baseline [IMPROVED]",
    ]
