"""The table of docs/never-silently-green.md, a test for each row.

Each holds a way of not judging a gate against the three actions of its policy, and looks at the exit code, the
terminal, JUnit XML and the JSON report.
"""

import json
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.latency.decide import Decision, Outcome

TABLE = re.compile(r"^\| (?P<what>.+?) \| `(?P<verdict>[A-Z_]+)`.* \| (?P<default>fail|warn) \|$")


class Seen(NamedTuple):
    exit_code: int
    verdicts: set
    in_junit: set
    lines: list
    section: list


@pytest.fixture
def look(pytester, run, section):
    """Runs the tests and gives all that is to be seen of it."""

    def look(*arguments, run=run):
        result = run("--mxperf-report=report.json", "--junit-xml=junit.xml", *arguments)
        document = json.loads((pytester.path / "report.json").read_text())
        findings = [*document["findings"], *(each for model in document["models"] for each in model["findings"])]
        properties = ElementTree.parse(pytester.path / "junit.xml").getroot().iter("property")
        return Seen(
            exit_code=result.ret,
            verdicts={each["verdict"] for each in findings},
            in_junit={each.get("value") for each in properties if len(each.get("name").split()) == 3},
            lines=result.outlines,
            section=section(result),
        )

    return look


@pytest.fixture
def holds(look, request):
    """Asserts that a verdict is reached and told everywhere, and that its policy decides what comes of it."""
    rows = {row["what"]: row for row in table(request)}

    def holds(what, verdict, message, *arguments, actions=("fail", "warn", "ignore"), **how):
        row = rows[what]
        assert row["verdict"] == verdict
        for action in actions:
            option = [] if action == row["default"] else [f"--mxperf-policy={verdict}={action}"]
            check(look(*arguments, *option, **how), action, verdict, message)

    return holds


def check(seen, action, verdict, message):
    assert verdict in seen.verdicts
    assert verdict in seen.in_junit
    assert seen.exit_code == (pytest.ExitCode.TESTS_FAILED if action == "fail" else pytest.ExitCode.OK), action
    told = [line for line in seen.lines if message in line and "short test summary" not in line]
    warned = [line for line in seen.section if message in line and line.startswith("WARNING ")]
    assert (bool(told), len(warned)) == {"fail": (True, 0), "warn": (True, 1), "ignore": (False, 0)}[action]


def table(request):
    """The documentation's table, row by row."""
    text = (request.config.rootpath / "docs" / "never-silently-green.md").read_text(encoding="utf-8")
    return [match.groupdict() for match in map(TABLE.match, text.splitlines()) if match]


def test_every_row_of_the_documentation_has_its_test(request):
    rows = [row["what"] for row in table(request)]
    source = Path(__file__).read_text(encoding="utf-8")
    held = re.findall(r"""^ +holds\(\s*(["'])(.+?)\1, """, source, re.MULTILINE)
    assert len(rows) >= 14
    assert sorted(rows) == sorted({what for _, what in held})


LATENCY = """
    @digits
    @pytest.mark.mxperf_budget(macs="608 k", latency_p50="1000 s")
    def test_it(mxperf_module, mxperf_benchmark):
        mxperf_benchmark(mxperf_module)
    """

BASELINE = """
    @digits
    @pytest.mark.mxperf_baseline
    def test_it():
        {body}
    """


@pytest.mark.slow
def test_xdist(write, holds):
    pytest.importorskip("xdist")
    write(LATENCY)
    message = "latency_p50 was not measured: pytest-benchmark is disabled (--benchmark-disable, or xdist's -n)"
    holds("xdist: `pytest -n 2`", "UNMEASURED", message, "-n2", actions=("fail", "warn"))


@pytest.mark.slow
def test_xdist_judges_costs_as_ever(write, look):
    pytest.importorskip("xdist")
    write(LATENCY.replace("608 k", "607 k"))
    seen = look("-n2", "--mxperf-policy=unmeasured=ignore")
    assert seen.verdicts == seen.in_junit == {"OVER_BUDGET", "UNMEASURED"}
    assert seen.exit_code == pytest.ExitCode.TESTS_FAILED


def test_benchmark_disable(write, holds):
    write(LATENCY)
    message = "latency_p50 was not measured: pytest-benchmark is disabled (--benchmark-disable, or xdist's -n)"
    holds("`--benchmark-disable`", "UNMEASURED", message, "--benchmark-disable")


def test_benchmark_skip(write, holds):
    write(LATENCY)
    message = "gates not judged: Skipped: Skipping benchmark (--benchmark-skip active)."
    holds("`--benchmark-skip`", "UNJUDGED", message, "--benchmark-skip")


ABSENT = "latency_p50 was not measured: pytest-benchmark is not there (not installed, or -p no:benchmark)"


def test_without_the_benchmark_plugin(pytester, write, holds):
    write(LATENCY)

    def run(*arguments):
        return pytester.runpytest("-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments)

    holds("`-p no:benchmark`", "UNMEASURED", ABSENT, "-p", "no:benchmark", run=run)


def test_pytest_benchmark_absent(pytester, write, holds, monkeypatch):
    monkeypatch.delenv("PYTEST_ADDOPTS")
    for name in [name for name in sys.modules if name.split(".")[0] == "pytest_benchmark"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pytest_benchmark", None)  # its import fails
    write(
        "def test_absent():\n    with pytest.raises(ImportError):\n        import pytest_benchmark\n", "test_absent.py"
    )
    write(LATENCY)

    def run(*arguments):
        return pytester.runpytest("-p", "no:cacheprovider", "-p", "pytest_mxperf.plugin", *arguments)

    holds("pytest-benchmark is not installed", "UNMEASURED", ABSENT, run=run)


@pytest.mark.slow
def test_codspeed(pytester, write, holds):
    pytest.importorskip("pytest_codspeed")
    write(LATENCY)

    def run(*arguments):
        quick = ("--codspeed-max-time=0.05", "--codspeed-warmup-time=0")
        return pytester.runpytest_subprocess("-p", "codspeed", "--codspeed", *quick, *arguments)

    message = "latency_p50 was not measured: pytest-codspeed has taken the place of pytest-benchmark"
    holds("pytest-codspeed: `--codspeed`", "UNMEASURED", message, run=run)


def test_without_pytest_benchmark_costs_are_judged_as_ever(pytester, write, look, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p mxperf")
    write(LATENCY.replace("608 k", "607 k"))

    def run(*arguments):
        return pytester.runpytest("-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments)

    seen = look("-p", "no:benchmark", "--mxperf-policy=unmeasured=ignore", run=run)
    assert seen.verdicts == seen.in_junit == {"OVER_BUDGET", "UNMEASURED"}
    assert seen.exit_code == pytest.ExitCode.TESTS_FAILED


def test_the_benchmark_is_not_called(write, holds):
    write(LATENCY.replace("mxperf_benchmark(mxperf_module)", "pass"))
    message = "latency_p50 was not measured: the test did not call mxperf_benchmark"
    holds("the test never calls `mxperf_benchmark`", "UNMEASURED", message)


GATED_LATENCY = """
@digits
@pytest.mark.mxperf_baseline(latency="5%")
def test_it():
    pass
"""


def test_latency_is_never_measured(write, run, holds, timer):
    write(GATED_LATENCY)
    timer.decisions = [Decision(Outcome.PASSED, 0.0, -0.01, 0.01, 2)]
    run("--mxperf-update").assert_outcomes(passed=1)
    message = "latency was not measured: --mxperf-latency=never"
    holds("`--mxperf-latency=never`", "UNMEASURED", message, "--mxperf-latency=never")


def test_the_measuring_process_dies(write, run, holds, timer):
    write(GATED_LATENCY)
    timer.decisions = [Decision(Outcome.PASSED, 0.0, -0.01, 0.01, 2)]
    run("--mxperf-update").assert_outcomes(passed=1)
    timer.decisions = [WorkerError("the measuring process died (SIGKILL) while it timed digits")] * 6
    message = "latency was not measured: the measuring process died (SIGKILL) while it timed digits"
    holds(
        "the measuring process cannot run a model, or crashes on it", "UNMEASURED", message, "--mxperf-latency=always"
    )


ALWAYS = "--mxperf-latency=always"


def test_another_run_does_not_let_go_of_the_host(write, run, holds, timer, monkeypatch):
    from pytest_mxperf.judge import latency_gate

    @contextmanager
    def taken(**options):
        raise WorkerError("process 7 (pytest tests/slow) measures on this host and has kept this run waiting for 600 s")
        yield

    write(GATED_LATENCY)
    timer.decisions = [Decision(Outcome.PASSED, 0.0, -0.01, 0.01, 2)]
    run("--mxperf-update").assert_outcomes(passed=1)
    monkeypatch.setattr(latency_gate, "alone_on_this_host", taken)
    message = "latency was not measured: process 7 (pytest tests/slow) measures on this host and has kept this run"
    holds("another run measures for longer than `--mxperf-latency-wait`", "UNMEASURED", message, ALWAYS)


def test_latency_is_inconclusive(write, run, holds, timer):
    write(GATED_LATENCY)
    passed = Decision(Outcome.PASSED, 0.0, -0.01, 0.01, 2)
    unclear = Decision(Outcome.INCONCLUSIVE, 0.05, 0.01, 0.09, 12, "not clear after 12 samples")
    timer.decisions = [passed, *[unclear, passed] * 3]  # of the weights, then of both in turn
    run("--mxperf-update").assert_outcomes(passed=1)
    message = "latency +5.0% (between +1.0% and +9.0%), allowed +5.0% over its baseline: not clear after 12 samples"
    holds(
        "too much noise, or too little time, to decide on latency", "INCONCLUSIVE", message, "--mxperf-latency=always"
    )


def test_weights_that_only_other_processors_are_slow_with(write, run, holds, timer):
    write(GATED_LATENCY)
    timer.decisions, timer.layer = [Decision(Outcome.PASSED, 0.0, -0.01, 0.01, 2)] * 4, "conv2_fwd"
    run("--mxperf-update").assert_outcomes(passed=1)
    message = "weights: 1.0x the time of synthetic ones on this processor, but some weights are so small that conv2_fwd"
    holds("weights make subnormal numbers, at no cost on this processor", "INCONCLUSIVE", message)


def test_a_model_that_cannot_be_timed_is_found_when_it_is_recorded(write, holds, timer):
    write(GATED_LATENCY.replace('latency="5%"', 'latency="5%", weights=False'))
    timer.cannot_prepare = WorkerError("FP16 gemm on cpu not implemented!")
    message = "latency: this model cannot be timed as a Module: FP16 gemm on cpu not implemented!; leave out latency"
    holds("`--mxperf-update` of a model that cannot be timed", "UNMEASURED", message, "--mxperf-update")


def test_so_is_one_that_would_take_too_long(write, holds, timer):
    write(GATED_LATENCY.replace('latency="5%"', 'latency="5%", weights=False'))
    timer.shortages = ["15 s are too short at 6.8 s a sample"] * 3
    message = "latency: a change of this model could not be judged, timed as a Module: 15 s are too short at 6.8 s a"
    holds("`--mxperf-update` of a model that takes too long to time", "INCONCLUSIVE", message, "--mxperf-update")


def test_another_mxnet(pytester, write, run, holds):
    import mxnet as mx

    write(BASELINE.format(body="pass"))
    run("--mxperf-update").assert_outcomes(passed=1)
    path = pytester.path / "baselines" / "digits.json"
    path.write_text(path.read_text().replace(f'"mxnet": "{mx.__version__}"', '"mxnet": "1.5.1"'))
    message = f"recorded under MXNet 1.5.1, this is {mx.__version__}; record it again with pytest --mxperf-update"
    holds("another MXNet: version, build, BLAS, subgraph backend", "OTHER_MXNET", message)


def test_timed_in_another_way(write, run, holds, timer):
    gated = GATED_LATENCY.replace("@digits", "@pytest.mark.mxperf_model(PREFIXMORE)")
    gated = gated.replace('latency="5%"', 'latency="5%", weights=False')
    write(gated.replace("MORE", ", inputs=INPUTS"))
    run("--mxperf-update").assert_outcomes(passed=1)
    write(gated.replace("MORE", ', inputs=INPUTS, run_as="gluon"'))
    message = "recorded and timed as a Module, this is a hybridized block; record it again with"
    holds("a latency gate with another `run_as` or `example` than its baseline", "OTHER_MXNET", message)


def test_a_missing_baseline(write, holds):
    write(BASELINE.format(body="pass"))
    message = "no baseline for 'digits' in baselines/; record it with --mxperf-update=new"
    holds("missing baseline", "MISSING", message)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the weights. Run: git lfs pull."),
        (b"garbage", "is not what mx.nd.save writes."),
        (b"", "is empty."),
        (None, "ends at byte 5,000, too early for "),
    ],
    ids=["pointer", "garbage", "empty", "truncated"],
)
@pytest.mark.parametrize("gate", ["budget", "baseline"])
def test_weights_that_cannot_be_read(pytester, write, run, holds, digits, content, problem, gate):
    """Also with a budget, and with a baseline that was recorded without weights."""
    (pytester.path / "digits-symbol.json").write_bytes((digits.parent / "digits-symbol.json").read_bytes())
    weights = (digits.parent / "digits-0000.params").read_bytes()
    test = BASELINE.format(body="pass").replace("@digits", '@pytest.mark.mxperf_model("digits", inputs=INPUTS)')
    write(test if gate == "baseline" else test.replace("mxperf_baseline", 'mxperf_budget(macs="608 k")'))
    run("--mxperf-update").assert_outcomes(passed=1)
    (pytester.path / "digits-0000.params").write_bytes(weights[:5000] if content is None else content)
    message = f"weights not judged: {pytester.path / 'digits-0000.params'}: {problem}"
    holds("a `.params` file that is damaged, empty, or a Git LFS pointer", "UNJUDGED", message)
    run("--mxperf-strict", "--mxperf-update").assert_outcomes(failed=1, warnings=1)


def test_a_notice_that_is_an_error_here(pytester, write, run, digits, no_traceback):
    """``filterwarnings = error`` is what many projects set."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    (pytester.path / "digits-symbol.json").write_bytes((digits.parent / "digits-symbol.json").read_bytes())
    (pytester.path / "digits-0000.params").write_bytes(b"garbage")
    write(BASELINE.format(body="pass").replace("@digits", '@pytest.mark.mxperf_model("digits", inputs=INPUTS)'))
    result = run("--mxperf-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*digits: *digits-0000.params: is not what mx.nd.save writes. *"])
    no_traceback(result)
    assert "bug" not in result.stdout.str()


def test_weights_that_the_baseline_had(pytester, write, run, holds, digits):
    for path in digits.parent.glob("digits-*"):
        (pytester.path / path.name).write_bytes(path.read_bytes())
    write(BASELINE.format(body="pass").replace("@digits", '@pytest.mark.mxperf_model("digits", inputs=INPUTS)'))
    run("--mxperf-update").assert_outcomes(passed=1)
    weights = pytester.path / "digits-0000.params"
    weights.unlink()
    message = "weights: digits-0000.params is missing, but the baseline was recorded with it; the model is counted from"
    holds("missing `.params` file, with which the baseline was recorded", "UNJUDGED", message)
    for _ in range(2):
        result = run("--mxperf-update")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines([f"WARNING test_it.py::test_it: {message}*"])
    holds("missing `.params` file, with which the baseline was recorded", "UNJUDGED", message)


def test_a_regression_without_the_weights_that_the_baseline_had(pytester, write, run, digits):
    """To store a new baseline is no advice before the weights are back."""
    (pytester.path / "digits-symbol.json").write_bytes((digits.parent / "digits-symbol.json").read_bytes())
    marker = '@pytest.mark.mxperf_model("digits", inputs=INPUTS, epoch="latest")'
    write(BASELINE.format(body="pass").replace("@digits", marker))
    weights = pytester.path / "digits-0003.params"
    weights.write_bytes((digits.parent / "digits-0000.params").read_bytes())
    run("--mxperf-update").assert_outcomes(passed=1)
    weights.unlink()
    path = pytester.path / "baselines" / "digits.json"
    path.write_text(path.read_text().replace("607552", "607551", 1))
    for options in ((), ("--mxperf-strict",)):
        result = run(*options)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                "digits: weights: digits-[*].params is missing, but the baseline was recorded with it; *",
                "if that is meant, restore the weights first: a new baseline would lack what it says of them",
            ]
        )
        result.stdout.no_fnmatch_line("*store the new baseline*")


def test_a_vanished_test(write, run, holds):
    write(BASELINE.format(body="pass"))
    run("--mxperf-update").assert_outcomes(passed=1)
    write("def test_something_else():\n    pass\n")
    holds("vanished test", "UNUSED", "no test uses the baseline 'digits'; bring its test back, or remove it with")


def test_deselection(write, run, holds):
    write(BASELINE.format(body="pass") + "\n    def test_other():\n        pass\n")
    run("--mxperf-update").assert_outcomes(passed=2)
    message = "1 gated test was deselected: test_it.py::test_it"
    holds("deselection: `-k`, `-m`, `--deselect`", "UNJUDGED", message, "-k", "test_other")


def test_a_skip_in_the_body(write, holds):
    write(BASELINE.format(body="pytest.skip('no GPU')"))
    holds("skip in the body", "UNJUDGED", "gates not judged: Skipped: no GPU")


@pytest.mark.parametrize(
    "marker", ["skip(reason='no GPU')", "skipif(True, reason='no GPU')"], ids=["skip marker", "skipif marker"]
)
def test_a_skip_by_a_marker(write, holds, marker):
    write(BASELINE.format(body="pass").replace("@digits", f"@digits\n    @pytest.mark.{marker}"))
    holds("skip by a marker, or in a fixture", "UNJUDGED", "gates not judged: Skipped: no GPU")


def test_a_skip_in_a_fixture(write, holds):
    write(
        """
        @pytest.fixture
        def gpu():
            pytest.skip("no GPU")
        """
        + BASELINE.format(body="pass").replace("test_it()", "test_it(gpu)").replace("\n    ", "\n        ")
    )
    holds("skip by a marker, or in a fixture", "UNJUDGED", "gates not judged: Skipped: no GPU")


@pytest.mark.parametrize("body", ["pass", "assert False"], ids=["gate", "body"])
def test_xfail(write, look, holds, body):
    """A gate that is broken under ``xfail``, or a body that breaks before a gate is judged."""
    write(
        f"""
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        @pytest.mark.xfail(reason="later")
        def test_it():
            {body}
        """
    )
    holds("`xfail`", "UNJUDGED", "gates not judged: expected to fail (xfail): later")
    assert look().verdicts == {"UNJUDGED", *(["OVER_BUDGET"] if body == "pass" else [])}


def test_reruns(write, holds):
    pytest.importorskip("pytest_rerunfailures")
    write(
        """
        def network():
            import mxnet as mx

            network.calls += 1
            return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4 if network.calls % 2 else 2, no_bias=True)

        network.calls = 0

        @pytest.mark.mxperf_model(network, inputs={"data": (1, 3)})
        @pytest.mark.mxperf_budget(macs=6)
        def test_it():
            pass
        """
    )
    message = "a gate failed before the test was run again: macs 12 is over the budget of 6"
    holds("reruns: pytest-rerunfailures, flaky", "FLAKY", message, "-p", "rerunfailures", "--reruns=1")


def test_an_uncounted_operator(write, holds, custom_operator):
    write(
        f"""
        def network():
            import mxnet as mx

            return mx.sym.Custom(mx.sym.var("data"), op_type={custom_operator!r})

        @pytest.mark.mxperf_model(network, inputs={{"data": (4, 4)}})
        @pytest.mark.mxperf_budget(macs="1 M")
        def test_it():
            pass
        """
    )
    holds("uncounted operator", "UNCOUNTED", "operators without a counting rule: Custom (1)")


def test_a_marker_without_a_gate(write, holds):
    write("@digits\ndef test_it():\n    pass\n")
    holds("a marker with no gate", "UNGATED", "no gate: the test has neither mxperf_budget nor mxperf_baseline")


def test_another_convention(pytester, write, run, holds):
    write(BASELINE.format(body="pass"))
    run("--mxperf-update").assert_outcomes(passed=1)
    path = pytester.path / "baselines" / "digits.json"
    path.write_text(path.read_text().replace('"mxperf-1"', '"mxperf-0"'))
    holds("other convention", "INCOMPARABLE", "cannot be compared: counted under convention mxperf-0, this version")


def test_other_inputs(write, run, holds):
    write(BASELINE.format(body="pass"))
    run("--mxperf-update").assert_outcomes(passed=1)
    source = BASELINE.format(body="pass")
    write(source.replace("@digits", '@pytest.mark.mxperf_model(PREFIX, inputs={"data": (2, 1, 8, 8)}, name="digits")'))
    holds("changed inputs", "INCOMPARABLE", "cannot be compared: recorded with input data (1, 1, 8, 8) float32, now")


def test_a_baseline_that_is_no_pair(pytester, write, run, holds):
    write(BASELINE.format(body="pass"))
    run("--mxperf-update").assert_outcomes(passed=1)
    (pytester.path / "baselines" / "digits-symbol.json").write_text("{}")
    message = "digits-symbol.json: is not the graph that digits.json was counted from"
    holds("a baseline that cannot be read, or whose graph is another's", "INCOMPARABLE", message)


@pytest.mark.slow
def test_a_run_without_the_plugin(pytester, write, monkeypatch):
    """pytest's own setting. It looks for the package, so an editable installation counts."""
    pytester.makeini("[pytest]\nrequired_plugins = pytest-mxperf\n")
    write(BASELINE.format(body="pass"))
    assert pytester.runpytest_subprocess("--mxperf-update").ret == pytest.ExitCode.OK
    monkeypatch.delenv("PYTEST_ADDOPTS")  # which names the plugin
    _is_refused(pytester.runpytest_subprocess())
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    _is_refused(pytester.runpytest_subprocess("-p", "no:mxperf"))


def _is_refused(result):
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: Missing required plugins: pytest-mxperf"])
