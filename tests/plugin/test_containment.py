"""Whatever goes wrong while gates are judged or reported is one test's failure, or one line: no session ends by it."""

import json
import sys
from importlib import import_module
from xml.etree import ElementTree

import pytest

GATED = """
@digits
@pytest.mark.mxperf_budget(macs="608 k")
def test_gated():
    pass
"""
OTHERS = """
def test_before():
    pass
{}
def test_behind():
    pass
"""
BREAKS = """
import pytest
from pytest_mxperf.judge import model

class Strange(BaseException):
    pass

class Unprintable(Exception):
    def __str__(self):
        raise ValueError

def deep():
    deep()

def where_it_happens():
    evidence = "found"
    {statement}

@pytest.fixture(autouse=True)
def breaking(monkeypatch):
    monkeypatch.setattr(model, "judge_budget", lambda *arguments, **options: where_it_happens())
"""
STATEMENTS = {
    "raise AttributeError('no attribute get_np')": "AttributeError: no attribute get_np",
    "raise TypeError('unexpected keyword')": "TypeError: unexpected keyword",
    "raise OSError('libcudart.so.10.1: cannot open')": "OSError: libcudart.so.10.1: cannot open",
    "'\\u2192'.encode('latin-1')": "UnicodeEncodeError: 'latin-1' codec*",
    "raise MemoryError": "MemoryError",
    "deep()": "RecursionError: maximum recursion depth exceeded*",
    "import math; math.log1p(-2)": "ValueError: *",
    "assert False, 'own assertion'": "AssertionError: own assertion*",
    "raise SystemExit(3)": "SystemExit: 3",
    "raise GeneratorExit": "GeneratorExit",
    "raise Strange('not even an Exception')": "Strange: not even an Exception",
    "raise Unprintable": "Unprintable: it cannot be printed",
}


@pytest.fixture
def breaks(pytester, write):
    """Writes a test between two others, whose judgement comes upon a statement."""

    def breaks(statement, source=GATED):
        pytester.makeconftest(BREAKS.format(statement=statement))
        write(OTHERS.format(source))

    return breaks


def no_internal_error(result):
    text = result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in text
    assert result.ret != pytest.ExitCode.INTERNAL_ERROR


@pytest.mark.parametrize(("statement", "error"), STATEMENTS.items(), ids=STATEMENTS.keys())
def test_the_judged_test_fails_and_no_other(breaks, run, statement, error):
    breaks(statement)
    result = run("--mxperf-report=report.json")
    result.assert_outcomes(passed=2, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    no_internal_error(result)
    result.stdout.fnmatch_lines(
        [
            "*where_it_happens*",
            f"E *Failed: {error}",
            "E *while judging the gates: this is a bug of pytest-mxperf, *report it to the issue tracker*",
        ]
    )


def test_the_report_says_it_too(breaks, report):
    breaks("raise TypeError('unexpected keyword')")
    model = report()["test_gated"]
    assert (model["outcome"], model["findings"]) == ("failed", [])
    assert model["problem"].startswith("TypeError: unexpected keyword\nwhile judging the gates: this is a bug of ")


@pytest.mark.parametrize("marker", ["xfail", "xfail(strict=True)"])
def test_an_expected_failure_may_be_of_that_kind(breaks, run, marker):
    breaks("raise TypeError", GATED.replace("@digits", f"@digits\n@pytest.mark.{marker}"))
    run().assert_outcomes(passed=2, xfailed=1)


def test_stopping_at_the_first_failure_stops_there(breaks, run):
    breaks("raise TypeError")
    run("-x").assert_outcomes(passed=1, failed=1)


def test_it_is_run_again_where_failures_are(breaks, run):
    pytest.importorskip("pytest_rerunfailures")
    breaks("calls = vars(pytest).setdefault('calls', []); calls.append(1); assert len(calls) > 1; return []")
    try:
        assert run("-p", "rerunfailures", "--reruns=2").parseoutcomes() == {"passed": 3, "rerun": 1}
    finally:
        del pytest.calls


@pytest.mark.slow
def test_an_interrupt_ends_the_session(breaks, pytester):
    breaks("raise KeyboardInterrupt")
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert result.parseoutcomes() == {"passed": 1}
    no_internal_error(result)


@pytest.mark.slow
def test_pytest_exit_ends_the_session(breaks, pytester):
    breaks("pytest.exit('enough', returncode=42)")
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest")
    assert (result.ret, result.parseoutcomes()) == (42, {"passed": 1})
    result.stdout.fnmatch_lines(["*Exit: enough*"])


def test_a_skip_while_it_is_judged_is_a_skip(breaks, run):
    """A callable that builds the model may find that it cannot here."""
    breaks("pytest.skip('no GPU')")
    run().assert_outcomes(passed=2, skipped=1)


# Time limits


@pytest.mark.parametrize("options", [(), ("-o", "timeout_func_only=true")], ids=["whole test", "function only"])
def test_a_time_limit_meets_it_as_a_body(breaks, run, options):
    pytest.importorskip("pytest_timeout")
    breaks("import time; time.sleep(60)")
    result = run("-p", "timeout", "--timeout=0.5", "--timeout-method=signal", *options)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*Failed: Timeout*"])
    result.stdout.no_fnmatch_line("*bug of pytest-mxperf*")
    no_internal_error(result)


SIGNALLED = """
import signal

@digits
@pytest.mark.mxperf_budget(macs="608 k")
def test_gated():
    def act(number, frame):
        pytest.fail("time is up")

    signal.signal(signal.SIGALRM, act)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
"""


def test_so_does_whoever_else_fails_a_test_by_a_signal(breaks, run):
    breaks("import time; time.sleep(60)", SIGNALLED)
    result = run()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["E *Failed: time is up"])
    no_internal_error(result)


# Tests of unittest

UNITTEST = """
import unittest

@digits
@pytest.mark.mxperf_budget(macs={macs})
class TestCase(unittest.TestCase):
    {decorator}
    def test_it(self):
        {body}

    def tearDown(self):
        print("torn down")
"""
ENOUGH, TOO_LOW = '"608 k"', "1"


@pytest.mark.parametrize(
    ("macs", "decorator", "body", "outcome"),
    [
        (ENOUGH, "", "pass", "passed"),
        (TOO_LOW, "", "pass", "failed"),
        (TOO_LOW, "", "assert False", "failed"),
        (TOO_LOW, "", "self.skipTest('not today')", "skipped"),
        (TOO_LOW, "", "raise unittest.SkipTest('not today')", "skipped"),
        (TOO_LOW, "@unittest.skip('never')", "pass", "skipped"),
        (TOO_LOW, "@unittest.expectedFailure", "pass", "xfailed"),
        (TOO_LOW, "@unittest.expectedFailure", "assert False", "xfailed"),
        (ENOUGH, "@unittest.expectedFailure", "pass", "failed"),
        (TOO_LOW, "@pytest.mark.xfail", "pass", "xfailed"),
        (TOO_LOW, "@pytest.mark.xfail(strict=True)", "pass", "xfailed"),
        (ENOUGH, "@pytest.mark.xfail(strict=True)", "pass", "failed"),
    ],
)
def test_a_test_of_unittest_meets_its_gates_as_its_body(write, run, macs, decorator, body, outcome):
    write(UNITTEST.format(macs=macs, decorator=decorator, body=body))
    result = run()
    assert result.parseoutcomes() == {outcome: 1}
    is_broken_gate = (macs, body) == (TOO_LOW, "pass") and "unittest.skip" not in decorator
    assert ("over the budget" in result.stdout.str()) == (is_broken_gate and "xfail" not in decorator)
    no_internal_error(result)


def test_an_asynchronous_one_too(write, run):
    write(
        UNITTEST.format(macs=TOO_LOW, decorator="", body="pass")
        .replace("unittest.TestCase", "unittest.IsolatedAsyncioTestCase")
        .replace("def test_it", "async def test_it")
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["digits: macs 607,552 is over the budget of 1 (*"])


@pytest.mark.parametrize("decorator", ["", "@unittest.expectedFailure"])
def test_what_goes_wrong_in_its_judgement_is_its_failure(breaks, run, decorator):
    breaks("raise TypeError('odd')", UNITTEST.format(macs=ENOUGH, decorator=decorator, body="pass"))
    result = run()
    result.assert_outcomes(passed=2, **{"xfailed" if decorator else "failed": 1})
    no_internal_error(result)


# The debugger


@pytest.fixture
def debug(pytester):
    """Runs the tests with a debugger that is given some commands."""

    def debug(commands):
        arguments = ("-m", "pytest", "-p", "no:hypothesispytest", "-p", "no:cacheprovider", "--pdb")
        return pytester.run(sys.executable, *arguments, stdin="\n".join([*commands, "c", ""]).encode())

    return debug


@pytest.mark.slow
def test_the_debugger_opens_where_gates_are_at_hand(write, debug):
    write("@digits\n@pytest.mark.mxperf_budget(macs=1)\ndef test_it():\n    pass\n")
    result = debug(["p case.spec.name, [each.verdict.name for each in broken]"])
    result.stdout.fnmatch_lines(["digits: macs 607,552 is over the budget of 1 (*"])
    assert "('digits', ['OVER_BUDGET'])" in result.stdout.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    no_internal_error(result)


@pytest.mark.slow
def test_and_where_we_are_wrong(breaks, debug):
    breaks("raise TypeError('odd')")
    result = debug(["p 'the evidence was ' + evidence"])
    result.stdout.fnmatch_lines(["*bug of pytest-mxperf*", "*the evidence was found*"])
    result.assert_outcomes(passed=2, failed=1)
    no_internal_error(result)


@pytest.mark.slow
def test_nobody_debugs_what_was_expected(write, debug):
    write("@digits\n@pytest.mark.mxperf_budget(macs=1)\n@pytest.mark.xfail\ndef test_it():\n    pass\n")
    result = debug([])
    result.assert_outcomes(xfailed=1)
    result.stdout.no_fnmatch_line("*Pdb*")


# What the test writes


def test_what_is_written_while_it_is_judged_is_captured_as_its_own(breaks, run):
    breaks("print('said by the judge'); import logging; logging.error('logged by the judge'); return []")
    result = run("-rP")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*Captured stdout call*", "said by the judge"])
    result.stdout.fnmatch_lines(["*Captured log call*", "*logged by the judge"])


# Fixtures, reports and the end of the session


@pytest.fixture
def fail_in(monkeypatch):
    """Makes a function of a module raise."""

    def fail_in(module, name, error):
        def fail(*arguments, **options):
            raise error

        monkeypatch.setattr(module, name, fail)

    return fail_in


@pytest.mark.parametrize(
    ("fixture", "name", "doing"),
    [
        ("mxperf_cost", "analysis_of", "counting the model"),
        ("mxperf_checkpoint", "analysis_of", "loading the weights"),
        ("mxperf_module", "analysis_of", "binding the model"),
        ("mxperf_cost", "budget_of", "reading the markers"),
    ],
)
def test_what_goes_wrong_in_a_fixture_is_its_tests_error(write, run, fail_in, fixture, name, doing):
    from pytest_mxperf.judge import model
    from pytest_mxperf.plugin import case

    write(OTHERS.format(GATED.replace("test_gated()", f"test_gated({fixture})")))
    fail_in(case if name == "budget_of" else model, name, TypeError("odd"))
    result = run()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["E *Failed: TypeError: odd", f"E *while {doing}: this is a bug of pytest-mxperf*"])


ENCODING = UnicodeEncodeError("latin-1", "\u2192", 0, 1, "ordinal not in range(256)")
UNEXPECTED = [TypeError("odd"), MemoryError(), RecursionError("deep"), OSError(28, "No space"), ENCODING, SystemExit(3)]


@pytest.fixture(params=UNEXPECTED, ids=lambda error: type(error).__name__)
def unexpected(request):
    return request.param


def test_results_that_cannot_be_sent_are_their_tests_error(write, run, fail_in, unexpected):
    """As with a msgspec that does not know a type."""
    from pytest_mxperf.plugin import hooks

    write(OTHERS.format(GATED))
    fail_in(hooks, "packed", unexpected)
    result = run()
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        [f"{type(unexpected).__name__}*", "while reporting what the test found: *bug of pytest-*"]
    )
    no_internal_error(result)


def test_results_that_cannot_be_read_are_an_error_of_the_run(write, run, fail_in, unexpected, section):
    from pytest_mxperf.plugin import reporter

    write(OTHERS.format(GATED))
    fail_in(reporter, "unpacked", unexpected)
    result = run()
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert section(result)[0].startswith(f"ERROR {type(unexpected).__name__}")
    assert section(result)[1].startswith("while taking note of test_it.py::test_gated: this is a bug of pytest-mxperf")
    no_internal_error(result)


@pytest.mark.parametrize("name", ["judge_deselected", "judge_unused", "json_report", "notices", "terminal"])
def test_what_goes_wrong_at_the_end_keeps_nobody_from_reporting(
    pytester, write, run, fail_in, unexpected, section, name
):
    from pytest_mxperf.plugin import reporter

    json_report, terminal = [import_module(f"pytest_mxperf.report.{each}") for each in ("json", "terminal")]
    write(OTHERS.format(GATED))
    module, function = {"json_report": (json_report, "render"), "terminal": (terminal, "render")}.get(
        name, (reporter, name)
    )
    fail_in(module, function, unexpected)
    result = run("--mxperf-report=report.json", "--mxperf-report", "--junit-xml=junit.xml")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines([f"ERROR {type(unexpected).__name__}*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert ElementTree.parse(pytester.path / "junit.xml").getroot().find("testsuite").get("tests") == "3"
    if name != "json_report":
        assert len(json.loads((pytester.path / "report.json").read_text())["models"]) == 1
    no_internal_error(result)


def test_a_failed_session_stays_failed(write, run, fail_in):
    from pytest_mxperf.plugin import reporter

    write(OTHERS.format("def test_fails():\n    assert False\n"))
    fail_in(reporter, "notices", TypeError("odd"))
    assert run().ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.slow
def test_a_terminal_that_lacks_a_letter_shows_the_rest(write, pytester, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    write(
        """
        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="d\\u00e9j\\u00e0 \\u2192")
        @pytest.mark.mxperf_budget(macs=1)
        def test_it():
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "--mxperf-report")
    result.assert_outcomes(failed=1)
    no_internal_error(result)


@pytest.mark.slow
def test_a_worker_of_xdist_whose_results_cannot_be_sent(write, pytester, run):
    pytest.importorskip("xdist")
    pytester.makeconftest(
        """
        import pytest
        from pytest_mxperf.plugin import collection, hooks

        def pytest_configure(config):
            def fail(*arguments):
                raise TypeError("odd")

            if hasattr(config, "workerinput"):
                collection.msgspec = type("Broken", (), {"to_builtins": staticmethod(fail)})
        """
    )
    write(OTHERS.format(GATED))
    result = run("-n1", "--mxperf-report=report.json")
    result.assert_outcomes(passed=3)
    no_internal_error(result)
    assert json.loads((pytester.path / "report.json").read_text())["unused_unknown_because"]


def test_an_error_of_the_users_own_code_is_told_with_its_line(write, run):
    """Once, and without the text of the cause alone, which pytest would put before it."""
    write(
        """
        def model():
            return {}["missing"]

        @pytest.mark.mxperf_model(model, inputs=INPUTS)
        @pytest.mark.mxperf_budget(macs="1 M")
        def test_it():
            pass
        """
    )
    result = run()
    result.stdout.fnmatch_lines(
        [
            "*_ test_it _*",
            "model: the callable does not build a model: KeyError: 'missing'",
            "    raised in model, test_it.py:*",
            "*= short test summary info =*",
        ],
        consecutive=True,
    )
