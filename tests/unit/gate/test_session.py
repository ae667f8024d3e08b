"""Baselines that no test uses, names that two models claim, tests left out."""

import pytest

from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.session import Claim, Claims, Collected, CollectedTest, judge_deselected, judge_unused
from tests.words import WORDS


def collected(*tests, doubt=""):
    return Collected(tests, doubt)


def a_test(test, name="net", is_gated=True, is_selected=True):
    return CollectedTest(test, name, is_gated, is_selected)


class TestUsers:
    def test_a_finished_test_uses_what_it_has_used(self):
        """Its marker said so once it ran, whatever was known before."""
        tests = collected(a_test("a", None), a_test("b", "guess"), a_test("c", "other"))
        assert tests.users({"a": "net", "b": "other", "c": None}) == ({"net", "other"}, "")

    def test_a_test_that_did_not_finish_uses_what_it_would_have_used(self):
        tests = collected(a_test("a", "net"), a_test("b", "other", is_selected=False))
        assert tests.users({"a": "net"}) == ({"net", "other"}, "")

    def test_it_is_not_known_what_an_unnamed_test_would_have_used(self):
        tests = collected(a_test("a", None), a_test("b", None), a_test("c", None))
        assert tests.users({"a": "net"}) == ({"net"}, "the model of b and 1 more is known only when it runs")

    def test_nothing_collected_uses_nothing_and_leaves_no_doubt(self):
        assert Collected().users({}) == (set(), "")

    def test_whoever_has_not_collected_everything_does_not_know(self):
        assert collected(doubt="a file was left out").users({"a": "net"}) == ({"net"}, "a file was left out")


def test_results_are_in_the_order_of_collection():
    """And those that nobody has collected, of a worker that has crashed say, at the end."""
    tests = collected(a_test("c"), a_test("a"), a_test("b"))
    assert tests.in_order(["a", "x", "b", "c"]) == ["c", "a", "b", "x"]
    assert collected().in_order(["b", "a"]) == ["b", "a"]


class TestUnused:
    def test_each_is_named_with_the_remedy(self):
        (finding,) = judge_unused(["a", "b"], {"b", "c"}, words=WORDS)
        assert (finding.gate, finding.metric, finding.verdict) == ("baseline", "a", Verdict.UNUSED)
        assert finding.message == ("no test uses the baseline 'a'; bring its test back, or remove it with --prune")

    def test_who_sees_one_file_only_does_not_speak_for_all_tests(self):
        (finding,) = judge_unused(["a"], set(), words=WORDS, of="mxperf.toml")
        assert (
            finding.message == "no model of mxperf.toml uses the baseline 'a'; if no test does, remove it with --prune"
        )

    def test_there_may_be_none(self):
        assert judge_unused(["a"], {"a"}, words=WORDS) == []
        assert judge_unused([], set(), words=WORDS) == []


class TestDeselected:
    def test_only_gated_tests_matter(self):
        tests = collected(a_test("a", is_gated=False, is_selected=False), a_test("b"))
        assert judge_deselected(tests) == []

    def test_they_are_counted_and_the_first_named(self):
        (one,) = judge_deselected(collected(a_test("a", is_selected=False)))
        assert (one.verdict, one.value, one.message) == (Verdict.UNJUDGED, 1, "1 gated test was deselected: a")
        (many,) = judge_deselected(collected(*(a_test(name, is_selected=False) for name in "abcde")))
        assert (many.value, many.message) == (5, "5 gated tests were deselected: a, b, c and 2 more")


class TestClaims:
    def test_one_model_may_have_many_tests(self):
        claims = Claims()
        assert [claims.conflict("net", test, Claim("same")) for test in "abc"] == ["", "", ""]

    def test_two_models_of_one_name_are_a_conflict_that_names_both_tests(self):
        claims = Claims()
        claims.conflict("net", "a", Claim("one"))
        claims.conflict("other", "a", Claim("two"))
        assert claims.conflict("net", "b", Claim("two")) == (
            "a and b use one baseline, 'net', for models that differ in their inputs or costs; "
            "give one of the models another name, with name="
        )

    def test_a_test_without_a_baseline_claims_nothing(self):
        claims = Claims()
        assert claims.conflict("net", "a", Claim()) == claims.conflict("net", "b", Claim("one")) == ""

    def test_a_test_may_run_again_with_another_model(self):
        claims = Claims()
        assert claims.conflict("net", "a", Claim("one")) == claims.conflict("net", "a", Claim("two")) == ""


@pytest.mark.parametrize("test", [a_test("a"), a_test("a", None, False, False)])
def test_what_was_collected_crosses_from_a_worker_as_plain_data(test):
    import msgspec

    plain = msgspec.to_builtins(collected(test, doubt="why"))
    assert msgspec.convert(plain, Collected) == collected(test, doubt="why")


class TestClaimsOfTimedModels:
    def test_models_that_are_both_timed_must_be_one(self):
        claims = Claims()
        assert claims.conflict("net", "a", Claim("costs", "graph 1")) == ""
        assert claims.conflict("net", "b", Claim("costs", "graph 1")) == ""
        assert claims.conflict("net", "c", Claim("costs", "graph 2")) == (
            "a and c use one baseline, 'net', for models that differ in their graph, run_as or example, and are both "
            "timed; give one of the models another name, with name="
        )

    def test_one_that_is_not_timed_may_have_any_graph(self):
        claims = Claims()
        assert [
            claims.conflict("net", "a", Claim("costs")),
            claims.conflict("net", "b", Claim("costs", "graph 1")),
        ] == ["", ""]
        assert claims.conflict("net", "c", Claim("costs")) == ""
        assert claims.conflict("net", "d", Claim("costs", "graph 2")).startswith("b and d use one baseline")

    def test_other_costs_are_told_first(self):
        claims = Claims()
        claims.conflict("net", "a", Claim("costs", "graph 1"))
        assert "for models that differ in their inputs or costs;" in claims.conflict(
            "net", "b", Claim("more", "graph 2")
        )

    def test_a_test_that_runs_again_is_no_other(self):
        claims = Claims()
        assert [claims.conflict("net", "a", Claim("costs", graph)) for graph in ("graph 1", "graph 2")] == ["", ""]
