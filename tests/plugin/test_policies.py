"""--mxperf-missing, --mxperf-uncounted and their like, and their ini twins: fail, warn or ignore.

What verdicts there are, and that each is told everywhere, test_never_silently_green.py holds.
"""

import pytest

POLICIES = {
    "missing": (
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_it():
            pass
        """,
        "no baseline for 'digits' in baselines/; record it with --mxperf-update",
    ),
    "uncounted": (
        # What a custom operator does is not in the graph.
        """
        def network():
            import mxnet as mx

            return mx.sym.Custom(mx.sym.var("data"), op_type="anything")

        @pytest.mark.mxperf_model(network, inputs={"data": (4, 4)})
        @pytest.mark.mxperf_budget(macs="1 M")
        def test_it():
            pass
        """,
        "operators that no rule counts: Custom (1); their cost is missing from every total",
    ),
    "unmeasured": (
        """
        @digits
        @pytest.mark.mxperf_budget(latency_p50="1000 s")
        def test_it():
            pass
        """,
        "latency_p50 was not measured: the test did not call mxperf_benchmark",
    ),
}
NAMES = list(POLICIES)

pytestmark = pytest.mark.usefixtures("custom_operator")


@pytest.fixture
def outcome(pytester, write, run, section):
    """How a test ends that this policy is about, and what the run says of it."""

    def outcome(name, *arguments, ini=None):
        if ini is not None:
            pytester.makeini(f"[pytest]\nmxperf_{name} = {ini}")
        source, message = POLICIES[name]
        write(source)
        result = run(*arguments)
        outcomes = result.parseoutcomes()
        assert result.ret == (pytest.ExitCode.TESTS_FAILED if "failed" in outcomes else pytest.ExitCode.OK)
        failures = [line for line in result.outlines if line.endswith(f": {message}") and "WARNING" not in line]
        warned = f"WARNING test_it.py::test_it: {message}" in section(result)
        return {"outcomes": outcomes, "told as failure": len(failures) == 1, "warned": warned}

    return outcome


FAILS = {"outcomes": {"failed": 1}, "told as failure": True, "warned": False}
WARNS = {"outcomes": {"passed": 1}, "told as failure": False, "warned": True}
IGNORES = {"outcomes": {"passed": 1}, "told as failure": False, "warned": False}


@pytest.mark.parametrize("name", NAMES)
def test_by_default_it_fails(outcome, name):
    assert outcome(name) == FAILS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("action", "expected"), [("fail", FAILS), ("warn", WARNS), ("ignore", IGNORES)])
def test_the_command_line_decides(outcome, name, action, expected):
    assert outcome(name, f"--mxperf-{name}={action}") == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("action", "expected"), [("fail", FAILS), ("warn", WARNS), ("ignore", IGNORES)])
def test_the_ini_file_decides(outcome, name, action, expected):
    assert outcome(name, ini=action) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("ini", "action", "expected"), [("ignore", "fail", FAILS), ("fail", "warn", WARNS)])
def test_the_command_line_wins_over_the_ini_file(outcome, name, ini, action, expected):
    assert outcome(name, f"--mxperf-{name}={action}", ini=ini) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_is_about_its_own_finding_alone(outcome, name):
    others = [f"--mxperf-{other}=ignore" for other in NAMES if other != name]
    assert outcome(name, *others) == FAILS


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_action_on_the_command_line_is_a_usage_error(run, name):
    result = run(f"--mxperf-{name}=panic")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--mxperf-{name}: invalid choice: 'panic' (choose from *fail*warn*ignore*"])


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_action_in_the_ini_file_is_a_usage_error(pytester, run, no_traceback, name):
    pytester.makeini(f"[pytest]\nmxperf_{name} = panic")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: mxperf_{name}: 'panic' is none of fail, warn, ignore"])
    no_traceback(result)


def test_what_is_let_pass_does_not_hide_what_is_not(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1, latency_p50=1)
        @pytest.mark.mxperf_baseline
        def test_it():
            pass
        """
    )
    result = run("--mxperf-missing=warn", "--mxperf-unmeasured=ignore")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_it _*",
            "digits: macs 607,552 is over the budget of 1 (*",
            "*= mxperf =*",
            "WARNING *no baseline for*",
        ]
    )
    result.stdout.no_fnmatch_line("*was not measured*")


def test_uncounted_operators_fail_gates_only(write, run):
    """A test without a gate relies on no total."""
    write(
        """
        def network():
            import mxnet as mx

            return mx.sym.Custom(mx.sym.var("data"), op_type="anything")

        @pytest.mark.mxperf_model(network, inputs={"data": (4, 4)})
        def test_it(mxperf_cost):
            assert mxperf_cost.uncounted == {"Custom": 1}
        """
    )
    result = run("--mxperf-report")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  uncounted: Custom (1)"])


def test_a_baseline_with_uncounted_operators_is_stored_only_if_they_may_pass(pytester, write, run):
    source, _ = POLICIES["uncounted"]
    write(source.replace('mxperf_budget(macs="1 M")', "mxperf_baseline"))
    run("--mxperf-update").assert_outcomes(failed=1)
    assert not (pytester.path / "baselines").exists()
    run("--mxperf-update", "--mxperf-uncounted=warn").assert_outcomes(passed=1)
    assert (pytester.path / "baselines" / "network.json").exists()


def test_a_finding_that_is_let_pass_keeps_its_verdict_for_programs(write, verdicts):
    write(POLICIES["missing"][0])
    assert verdicts("--mxperf-missing=ignore") == {"test_it": {"all": "MISSING"}}
