"""Which tests are judged, how often, and what a session that ends early keeps."""

import json

import pytest


def test_an_outcome_that_the_user_expects_is_kept(write, run):
    write(
        """
        pytestmark = digits
        too_low, enough = pytest.mark.mxperf_budget(macs=1), pytest.mark.mxperf_budget(macs="608 k")

        @too_low
        @pytest.mark.skip
        def test_skipped(): pass

        @too_low
        def test_skips_itself():
            pytest.skip("not today")

        @too_low
        @pytest.mark.xfail
        def test_xfails(): pass

        @too_low
        @pytest.mark.xfail(strict=True)
        def test_xfails_strictly(): pass

        @enough
        @pytest.mark.xfail(strict=False)
        def test_xpasses(): pass

        @enough
        @pytest.mark.xfail(strict=True)
        def test_must_not_pass(): pass
        """
    )
    result = run()
    result.assert_outcomes(skipped=2, xfailed=2, xpassed=1, failed=1)
    result.stdout.fnmatch_lines(["?XPASS(strict)?*"])


@pytest.mark.parametrize(
    ("source", "test", "error"),
    [
        (
            """
            @digits
            @pytest.mark.mxperf_budget(macs=1)
            def test_body(mxperf_cost):
                assert mxperf_cost.macs == 7
            """,
            "test_body",
            "E*assert 607552 == 7",
        ),
        (
            """
            import unittest

            @digits
            @pytest.mark.mxperf_budget(macs=1)
            class TestCase(unittest.TestCase):
                @pytest.fixture(autouse=True)
                def take(self, mxperf_cost):
                    self.cost = mxperf_cost

                def test_body(self):
                    self.assertEqual(self.cost.macs, 7)
            """,
            "TestCase::test_body",
            "E*AssertionError: 607552 != 7",
        ),
    ],
    ids=["pytest", "unittest"],
)
def test_a_failing_body_is_not_judged(write, run, report, source, test, error):
    """A test of unittest keeps what went wrong to itself until the report is made."""
    write(source)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([error])
    result.stdout.no_fnmatch_line("*over the budget*")
    model = report()[test]
    assert (model["outcome"], model["findings"], model["cost"]["macs"]) == ("failed", [], 607_552)


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest has subtests since version 9")
@pytest.mark.parametrize(
    "source",
    [
        """
        @digits
        @pytest.mark.mxperf_budget(macs={macs}, latency_p50="1000 s")
        def test_body(subtests, mxperf_module, mxperf_benchmark):
            for value in range(3):
                with subtests.test("inner", value=value):
                    pass
            mxperf_benchmark(mxperf_module)
        """,
        """
        import unittest

        @digits
        @pytest.mark.mxperf_budget(macs={macs}, latency_p50="1000 s")
        class TestCase(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def take(self, mxperf_module, mxperf_benchmark):
                self.module, self.benchmark = mxperf_module, mxperf_benchmark

            def test_body(self):
                for value in range(3):
                    with self.subTest("inner", value=value):
                        pass
                self.benchmark(self.module)
        """,
    ],
    ids=["pytest", "unittest"],
)
def test_gates_are_judged_once_and_not_by_subtest(write, run, junit, source):
    write(source.format(macs='"608 k"'))
    run().assert_outcomes(passed=1)
    write(source.format(macs=1))
    suite = junit()
    assert suite.get("failures") == "1"
    properties = [(each.get("name"), each.get("value")) for each in suite.iter("property")]
    verdicts = [(name, value) for name, value in properties if value.isupper()]
    assert verdicts == [("mxperf budget macs", "OVER_BUDGET"), ("mxperf budget latency_p50", "PASSED")]
    assert [entry for entry in properties if entry[0].startswith("mxperf budget macs ")] == [
        ("mxperf budget macs value", "607552"),
        ("mxperf budget macs reference", "1"),
        ("mxperf budget macs ratio", "607552.0"),
    ]


ONE_OF_TWO_BREAKS = """
pytestmark = digits

@pytest.mark.mxperf_budget(macs=1)
def test_a(): pass

@pytest.mark.mxperf_budget(macs="1 M")
def test_b(): pass
"""


def test_stopping_at_the_first_failure_stops_at_a_broken_gate(write, run):
    write(ONE_OF_TWO_BREAKS)
    result = run("-x")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_a_rerun_of_the_last_failures_runs_the_broken_gates(pytester, write):
    write(ONE_OF_TWO_BREAKS)
    pytester.runpytest("-p", "no:hypothesispytest").assert_outcomes(failed=1, passed=1)
    pytester.runpytest("-p", "no:hypothesispytest", "--last-failed").assert_outcomes(failed=1)


def test_several_bad_gates_are_told_together(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1, params=31_962, flops=2)
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "digits: macs 607,552 is over the budget of 1 (607,552 times as much)",
            "digits: flops 1,229,770 is over the budget of 2 (614,885 times as much)",
            "digits: no baseline for 'digits' in baselines/; record it with --mxperf-update=new",
        ],
        consecutive=True,
    )
    result.stdout.no_fnmatch_line("*params 31,962*")


@pytest.mark.slow
def test_an_interrupted_session_keeps_what_has_finished(pytester, write):
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_a():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="other")
        @pytest.mark.mxperf_baseline
        def test_b():
            raise KeyboardInterrupt
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:hypothesispytest", "--mxperf-update", "--mxperf-report=report.json"
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert [model["test"] for model in json.loads((pytester.path / "report.json").read_text())["models"]] == [
        "test_it.py::test_a"
    ]
    assert sorted(path.name for path in (pytester.path / "baselines").iterdir()) == [
        "digits-symbol.json",
        "digits.json",
    ]
