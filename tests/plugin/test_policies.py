"""--mxperf-policy, --mxperf-strict, their ini twins and the marker mxperf_policy: fail, warn or ignore.

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
        "no baseline for 'digits' in baselines/; record it with --mxperf-update=new",
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
        "operators without a counting rule: Custom (1); their cost is missing from every total; give each a rule with "
        "pytest_mxperf.formula, a Custom under its op_type",
    ),
    "unmeasured": (
        """
        @digits
        @pytest.mark.mxperf_budget(latency_p50="1000 s")
        def test_it():
            pass
        """,
        "latency_p50 was not measured: the test did not call mxperf_benchmark; call mxperf_benchmark(mxperf_module) in "
        "it",
    ),
}
NAMES = list(POLICIES)

pytestmark = pytest.mark.usefixtures("custom_operator")


@pytest.fixture
def outcome(pytester, write, run, section):
    """How a test ends that this policy is about, and what the run says of it."""

    def outcome(name, *arguments, ini=None):
        if ini is not None:
            pytester.makeini(f"[pytest]\nmxperf_policy = {name}={ini}")
        source, message = POLICIES[name]
        write(source)
        result = run(*arguments)
        outcomes = result.parseoutcomes()
        assert result.ret == (pytest.ExitCode.TESTS_FAILED if "failed" in outcomes else pytest.ExitCode.OK)
        failures = [line for line in result.outlines if line.endswith(f": {message}") and "WARNING" not in line]
        warned = f"WARNING test_it.py::test_it: {message} [{name.upper()}]" in section(result)
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
    assert outcome(name, f"--mxperf-policy={name}={action}") == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("action", "expected"), [("fail", FAILS), ("warn", WARNS), ("ignore", IGNORES)])
def test_the_ini_file_decides(outcome, name, action, expected):
    assert outcome(name, ini=action) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("ini", "action", "expected"), [("ignore", "fail", FAILS), ("fail", "warn", WARNS)])
def test_the_command_line_wins_over_the_ini_file(outcome, name, ini, action, expected):
    assert outcome(name, f"--mxperf-policy={name}={action}", ini=ini) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_is_about_its_own_finding_alone(outcome, name):
    others = [f"--mxperf-policy={other}=ignore" for other in NAMES if other != name]
    assert outcome(name, *others) == FAILS


def test_a_value_may_stand_behind_a_space(outcome):
    assert outcome("missing", "--mxperf-policy", "missing=warn") == WARNS


def test_the_last_word_on_a_verdict_counts(outcome):
    assert outcome("missing", "--mxperf-policy=missing=ignore", "--mxperf-policy=MISSING=warn") == WARNS


def test_one_line_of_the_ini_file_has_them_all(pytester, write, run):
    pytester.makeini("[pytest]\nmxperf_policy = unmeasured=ignore missing=warn")
    write(POLICIES["missing"][0] + POLICIES["unmeasured"][0].replace("test_it", "test_too"))
    run().assert_outcomes(passed=2)


WRONG = [
    ("missing", "'missing' is not VERDICT=ACTION, as in missing=warn"),
    ("missing=panic", "missing='panic' is not an action; use fail, warn or ignore"),
    ("regressed=warn", "'regressed' always fails; a policy can set: missing, incomparable, *"),
    ("passed=fail", "'passed' never fails; a policy can set: missing, *"),
    ("lost=warn", "'lost' is not a verdict; a policy can set: missing, *"),
]


@pytest.mark.parametrize(("value", "message"), WRONG)
def test_what_is_no_policy_is_a_usage_error(pytester, run, no_traceback, value, message):
    result = run(f"--mxperf-policy={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --mxperf-policy: {message}"])
    pytester.makeini(f"[pytest]\nmxperf_policy = {value}")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: mxperf_policy: {message}"])
    no_traceback(result)


IMPROVED = """
@digits
@pytest.mark.mxperf_baseline
def test_it():
    pass
"""


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("mxperf_latency_second", "did you mean 'mxperf_latency_seconds'? "),
        ("mxperf-strict", "did you mean 'mxperf_strict'? "),
        ("mxperf_colour", ""),
        ("MXPERF_STRICT", "did you mean 'mxperf_strict'? "),
    ],
)
@pytest.mark.parametrize("place", ["ini file", "-o"])
def test_a_misspelt_ini_key_is_a_usage_error(pytester, write, run, place, key, hint):
    """pytest only warns of it, and a run that is not strict would pass."""
    write("def test_it():\n    pass\n")
    if place == "ini file":
        pytester.makeini(f"[pytest]\n{key} = 20\n")
    result = run(*(["-o", f"{key}=20"] if place == "-o" else []))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    where = str(pytester.path / "tox.ini") if place == "ini file" else "-o"
    result.stderr.fnmatch_lines([f"ERROR: {where}: unknown key '{key}'; {hint}known: mxperf_baselines, *"])


def test_a_key_of_another_plugin_is_its_own_affair(pytester, write, run):
    write("def test_it():\n    pass\n")
    pytester.makeconftest("def pytest_addoption(parser):\n    parser.addini('mxperf_colour', 'of another plugin')\n")
    pytester.makeini("[pytest]\nmxperf_colour = blue\nanother_key = 1\n")
    run("-o", "mxperf_colour=red").assert_outcomes(passed=1)


def test_strict_fails_on_whatever_is_not_passed(pytester, write, run, put_model, digits, export):
    """A lighter model, by default a notice; a skip, by default a warning."""
    write(IMPROVED.replace("@digits", '@pytest.mark.mxperf_model("models/digits", inputs=INPUTS)'))
    put_model(digits)
    run("--mxperf-update").assert_outcomes(passed=1)
    run("--mxperf-strict").assert_outcomes(passed=1)
    put_model(export(16, 32, 16))
    run().assert_outcomes(passed=1)
    run("--mxperf-strict").assert_outcomes(failed=1)
    run("--mxperf-strict", "--mxperf-policy=improved=warn").assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nmxperf_strict = true")
    run().assert_outcomes(failed=1)
    pytester.makeini("[pytest]\nmxperf_strict = true\nmxperf_policy = improved=warn")
    run().assert_outcomes(passed=1)
    # What is typed is meant: it wins over the ini file.
    run("--mxperf-strict").assert_outcomes(failed=1)


def test_strict_fails_on_a_skip(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs="1 G")
        def test_it():
            pytest.skip("no time")
        """
    )
    run().assert_outcomes(skipped=1)
    run("--mxperf-strict").assert_outcomes(failed=1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("action", "expected"), [("warn", WARNS), ("ignore", IGNORES)])
def test_a_marker_decides_for_its_test_alone(write, run, section, name, action, expected):
    source, _ = POLICIES[name]
    marker = f"@pytest.mark.mxperf_policy({name}={action!r})"
    marked = source.replace("def test_it", f"{marker}\n        def test_marked")
    write(source + marked.replace("def network", "def network_again").replace("(network,", "(network_again,"))
    result = run("--mxperf-strict")
    result.assert_outcomes(passed=1, failed=1)
    warned = [line for line in section(result) if line.startswith("WARNING test_it.py::test_marked: ")]
    assert bool(warned) is expected["warned"]


def test_the_closest_marker_wins(write, run):
    write(
        """
        pytestmark = pytest.mark.mxperf_policy(missing="ignore", uncounted="fail")

        @digits
        @pytest.mark.mxperf_baseline
        class TestAll:
            def test_follows_its_module(self):
                pass

            @pytest.mark.mxperf_policy(missing="fail")
            def test_speaks_for_itself(self):
                pass
        """
    )
    run().assert_outcomes(passed=1, failed=1)


def test_a_marker_on_the_module_makes_no_test_ours(write, run, section):
    write(
        """
        pytestmark = pytest.mark.mxperf_policy(ungated="fail")

        def test_unmarked():
            pass
        """
    )
    result = run("--mxperf-report")
    result.assert_outcomes(passed=1)
    assert section(result) == []


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("missing='panic'", "missing='panic' is not an action; use fail, warn or ignore"),
        ("lost='warn'", "'lost' is not a verdict; a policy can set: missing, *"),
        ("unused='warn'", "unused is about the whole run; set it for the run, not for one model"),
        ("'warn'", "takes keyword arguments only, as in uncounted='warn'"),
    ],
)
def test_what_is_no_policy_fails_the_test_that_is_marked(write, run, no_traceback, marker, message):
    write(POLICIES["missing"][0].replace("@digits", f"@digits\n        @pytest.mark.mxperf_policy({marker})"))
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*mxperf_policy: {message}"])
    no_traceback(result)


def test_the_help_lists_every_verdict_with_its_default(run):
    text = " ".join(run("--help").stdout.str().split())
    assert "missing (fail): a test's baseline does not exist" in text
    assert "inconclusive (warn): latency is unclear" in text


def test_what_is_let_pass_does_not_hide_what_is_not(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1, latency_p50="1 s")
        @pytest.mark.mxperf_baseline
        def test_it():
            pass
        """
    )
    result = run("--mxperf-policy=missing=warn", "--mxperf-policy=unmeasured=ignore")
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
    result = run("--mxperf-report", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  uncounted: Custom (1)"])


def test_a_baseline_with_uncounted_operators_is_stored_only_if_they_may_pass(pytester, write, run):
    source, _ = POLICIES["uncounted"]
    write(source.replace('mxperf_budget(macs="1 M")', "mxperf_baseline"))
    run("--mxperf-update").assert_outcomes(failed=1)
    assert not (pytester.path / "baselines").exists()
    run("--mxperf-update", "--mxperf-policy=uncounted=warn").assert_outcomes(passed=1)
    assert (pytester.path / "baselines" / "network.json").exists()


def test_a_finding_that_is_let_pass_keeps_its_verdict_for_programs(write, verdicts):
    write(POLICIES["missing"][0])
    assert verdicts("--mxperf-policy=missing=ignore") == {"test_it": {"all": "MISSING"}}


def test_an_ini_key_that_is_neither_true_nor_false_is_named(pytester, run):
    pytester.makeini("[pytest]\nmxperf_strict = maybe")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: mxperf_strict in the ini file: invalid truth value 'maybe'; write true or false"]
    )
