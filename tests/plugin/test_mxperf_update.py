"""--mxperf-update[=new]: which baselines are written, and when none is."""

import json
import os
import subprocess
import sys

import pytest

BOTH = ["digits-symbol.json", "digits.json"]


@pytest.fixture
def stored(pytester):
    """The names of the files in the baselines' folder."""

    def stored():
        folder = pytester.path / "baselines"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    return stored


@pytest.fixture
def gated(write):
    """Writes one test with a baseline."""
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )


def test_both_files_are_written_for_review(pytester, gated, run, stored):
    run("--mxperf-update").assert_outcomes(passed=1)
    assert stored() == BOTH
    document = json.loads((pytester.path / "baselines" / "digits.json").read_text())
    assert (document["macs"], document["params"]["trainable"], document["schema"]) == (607_552, 31_962, 1)
    assert document["inputs"] == {"data": {"dtype": "float32", "shape": [1, 1, 8, 8]}}

    import mxnet as mx

    symbol = mx.sym.load(str(pytester.path / "baselines" / "digits-symbol.json"))
    assert "conv2_fwd_output" in symbol.get_internals().list_outputs()


def test_the_files_can_be_read_by_all(pytester, gated, run, stored):
    run("--mxperf-update")
    assert {oct(os.stat(pytester.path / "baselines" / name).st_mode & 0o777) for name in stored()} == {"0o644"}


def test_what_has_not_changed_is_left_alone(pytester, gated, run, stored, section):
    run("--mxperf-update")
    before = {name: os.stat(pytester.path / "baselines" / name).st_ino for name in stored()}
    result = run("--mxperf-update")
    result.assert_outcomes(passed=1)
    assert section(result) == ["1 baseline is unchanged"]
    assert section(run("--mxperf-update=new")) == ["1 baseline is unchanged"]
    assert {name: os.stat(pytester.path / "baselines" / name).st_ino for name in stored()} == before


def test_the_report_tells_what_became_of_each_baseline(write, gated, report, put_model, digits, export):
    put_model(digits)
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS, name="other")
        @pytest.mark.mxperf_baseline
        def test_other():
            pass

        @digits
        @pytest.mark.mxperf_budget(macs="1 M")
        def test_budget():
            pass
        """,
        "test_other.py",
    )

    def updates(*arguments):
        return {test: model["baseline_update"] for test, model in report(*arguments).items()}

    assert updates("--mxperf-update") == {"test_digits": "recorded", "test_other": "recorded", "test_budget": None}
    assert updates() == {"test_digits": None, "test_other": None, "test_budget": None}
    put_model(export(16, 48, 64))
    assert updates("--mxperf-update") == {"test_digits": "unchanged", "test_other": "updated", "test_budget": None}


def test_without_the_option_nothing_is_written(gated, run, stored):
    run("--mxperf-policy=missing=ignore").assert_outcomes(passed=1)
    assert stored() == []


def test_only_a_test_with_a_baseline_marker_writes_one(write, run, stored):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs="1 M")
        def test_digits(mxperf_module):
            pass
        """
    )
    run("--mxperf-update").assert_outcomes(passed=1)
    assert stored() == []


@pytest.mark.parametrize(
    ("source", "outcomes"),
    [
        ("def test_digits(): assert False", {"failed": 1}),
        ("@pytest.mark.mxperf_budget(macs=1)\ndef test_digits(): pass", {"failed": 1}),
        ("@pytest.mark.skip\ndef test_digits(): pass", {"skipped": 1}),
        ("def test_digits(): pytest.skip()", {"skipped": 1}),
        ("@pytest.mark.xfail\ndef test_digits(): assert False", {"xfailed": 1}),
        ("@pytest.mark.xfail\n@pytest.mark.mxperf_budget(macs=1)\ndef test_digits(): pass", {"xfailed": 1}),
        ("@pytest.mark.xfail(strict=True)\ndef test_digits(): pass", {"failed": 1}),
        ("def test_digits(broken_teardown): pass", {"passed": 1, "errors": 1}),
        ("def test_digits(broken_setup): pass", {"errors": 1}),
        (
            "import unittest\nclass TestCase(unittest.TestCase):\n    def test_digits(self): self.fail()",
            {"failed": 1},
        ),
        (
            "import unittest\nclass TestCase(unittest.TestCase):\n    def test_digits(self): self.skipTest('no')",
            {"skipped": 1},
        ),
        (
            "import unittest\nclass TestCase(unittest.TestCase):\n    def test_digits(self): pass\n"
            "    def tearDown(self): raise RuntimeError",
            {"failed": 1},
        ),
        (
            "import unittest\nclass TestCase(unittest.TestCase):\n    @unittest.expectedFailure\n"
            "    def test_digits(self): self.fail()",
            {"xfailed": 1},
        ),
    ],
    ids=[
        "body",
        "budget",
        "skip",
        "skips itself",
        "xfail",
        "xfail by budget",
        "strict xpass",
        "teardown",
        "setup",
        "unittest fails",
        "unittest skips",
        "unittest teardown",
        "unittest expected failure",
    ],
)
@pytest.mark.parametrize("option", ["--mxperf-update", "--mxperf-update=new"])
def test_a_test_that_does_not_pass_writes_no_baseline(pytester, write, run, stored, option, source, outcomes):
    write(
        """
        pytestmark = [digits, pytest.mark.mxperf_baseline]

        @pytest.fixture
        def broken_teardown():
            yield
            raise RuntimeError("cannot clean up")

        @pytest.fixture
        def broken_setup():
            raise RuntimeError("cannot begin")

        """
    )
    path = pytester.path / "test_it.py"
    path.write_text(path.read_text() + source + "\n")
    run(option).assert_outcomes(**outcomes)
    assert stored() == []


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest has subtests since version 9")
@pytest.mark.parametrize(
    "source",
    [
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_digits(subtests):
            with subtests.test("inner"):
                assert False
        """,
        """
        import unittest

        @digits
        @pytest.mark.mxperf_baseline
        class TestCase(unittest.TestCase):
            def test_digits(self):
                with self.subTest("inner"):
                    self.fail()
        """,
    ],
    ids=["pytest", "unittest"],
)
def test_a_test_with_a_failing_subtest_writes_no_baseline(write, report, stored, source):
    write(source)
    (model,) = report("--mxperf-update").values()
    assert stored() == []
    assert model["outcome"] == "failed"


def test_a_deselected_test_writes_no_baseline_and_loses_none(write, run, stored):
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_a():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="other")
        @pytest.mark.mxperf_baseline
        def test_b():
            pass
        """
    )
    run("--mxperf-update", "-k", "test_a").assert_outcomes(passed=1, deselected=1)
    assert stored() == BOTH
    run("--mxperf-update", "-k", "test_b").assert_outcomes(passed=1, deselected=1)
    assert stored() == sorted([*BOTH, "other-symbol.json", "other.json"])


def test_tests_before_the_first_failure_write_theirs(write, run, stored):
    write(
        """
        pytestmark = pytest.mark.mxperf_baseline

        @digits
        def test_a():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="b")
        def test_b():
            assert False

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="c")
        def test_c():
            pass
        """
    )
    run("--mxperf-update", "-x").assert_outcomes(passed=1, failed=1)
    assert stored() == BOTH


def test_new_adds_but_never_overwrites(pytester, write, run, stored, put_model, digits, export):
    source = """
        pytestmark = pytest.mark.mxperf_baseline

        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        def test_digits():
            pass
        """
    put_model(digits)
    write(source)
    run("--mxperf-update=new").assert_outcomes(passed=1)
    assert stored() == BOTH
    before = {name: (pytester.path / "baselines" / name).read_bytes() for name in BOTH}

    put_model(export(16, 48, 64))
    write(
        source
        + """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS, name="other")
        def test_other():
            pass
        """
    )
    result = run("--mxperf-update=new")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["digits: macs 607,552 -> 902,464 (+48.54%, allowed +0%)", "baseline recorded: other"],
    )
    assert stored() == sorted([*BOTH, "other-symbol.json", "other.json"])
    assert {name: (pytester.path / "baselines" / name).read_bytes() for name in BOTH} == before


def test_new_does_not_overwrite_what_cannot_be_read(pytester, gated, run, stored, no_traceback):
    (pytester.path / "baselines").mkdir()
    (pytester.path / "baselines" / "digits.json").write_text("{")
    result = run("--mxperf-update=new")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*baselines/digits.json: not a baseline: *"])
    no_traceback(result)
    assert stored() == ["digits.json"]
    assert (pytester.path / "baselines" / "digits.json").read_text() == "{"


def test_two_tests_that_claim_one_baseline_are_an_error(pytester, write, run, stored, section, no_traceback):
    write(
        """
        pytestmark = pytest.mark.mxperf_baseline

        @digits
        def test_a():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (2, 1, 8, 8)})
        def test_b():
            pass
        """
    )
    result = run("--mxperf-update")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [line for line in section(result) if line] == [
        "baseline recorded: digits",
        "ERROR test_it.py::test_a and test_it.py::test_b use one baseline, 'digits', for models that differ in their "
        "inputs or costs; give one of the models another name, with name=",
    ]
    no_traceback(result)
    assert stored() == BOTH
    assert json.loads((pytester.path / "baselines" / "digits.json").read_text())["macs"] == 607_552  # of test_a


def test_the_parameters_of_one_test_that_claim_one_baseline_are_an_error(write, run, section):
    write(
        """
        @pytest.fixture(params=[1, 2])
        def mxperf_model(request):
            return {"source": PREFIX, "inputs": {"data": (request.param, 1, 8, 8)}}

        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    result = run("--mxperf-update")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (error,) = (line for line in section(result) if line.startswith("ERROR "))
    assert error.startswith(
        "ERROR test_it.py::test_digits[1] and test_it.py::test_digits[2] use one baseline, 'digits'"
    )


def test_a_conflict_is_told_without_an_update_too(write, run, section):
    source = """
        pytestmark = pytest.mark.mxperf_baseline

        @digits
        def test_a():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs={{"data": (2, 1, 8, 8)}}, name={name!r})
        def test_b():
            pass
        """
    write(source.format(name="other"))
    run("--mxperf-update").assert_outcomes(passed=2)
    write(source.format(name="digits"))
    result = run("--mxperf-policy=incomparable=warn", "--mxperf-policy=unused=ignore")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (error,) = (line for line in section(result) if line.startswith("ERROR "))
    assert error.startswith("ERROR test_it.py::test_a and test_it.py::test_b use one baseline, 'digits'")


def test_a_conflict_is_the_advice_of_the_test_that_it_breaks(write, run):
    """To store the baseline of the second model would break the test of the first."""
    write(
        """
        import mxnet as mx

        pytestmark = pytest.mark.mxperf_baseline

        def dense(units):
            return mx.gluon.nn.Dense(units, in_units=4)

        @pytest.mark.mxperf_model(dense(2), inputs={"data": (1, 4)})
        def test_a():
            pass

        @pytest.mark.mxperf_model(dense(3), inputs={"data": (1, 4)})
        def test_b():
            pass
        """
    )
    run("--mxperf-update")
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "Dense: macs 8 -> 12 (+50.00%, allowed +0%)",
            "test_it.py::test_a and test_it.py::test_b use one baseline, 'Dense', for models that differ in their "
            "inputs or costs; give one of the models another name, with name=",
        ]
    )
    result.stdout.no_fnmatch_line("*store the new baseline*")


def test_tests_of_one_model_share_its_baseline(write, run, stored, report):
    """Layers of nets that are built one after the other are called differently; that makes them no other model."""
    write(
        """
        pytestmark = pytest.mark.mxperf_baseline

        def net():
            from mxnet.gluon import nn

            return nn.Dense(4, in_units=3)

        @pytest.fixture(params=[net(), net()])
        def mxperf_model(request):
            return {"source": request.param, "inputs": {"data": (1, 3)}, "name": "dense"}

        def test_digits():
            pass

        @pytest.mark.mxperf_budget(macs=12)
        def test_budget():
            pass
        """
    )
    result = run("--mxperf-update")
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.OK
    assert [line for line in result.outlines if line.startswith("baseline ")] == ["baseline recorded: dense"]
    assert stored() == ["dense-symbol.json", "dense.json"]
    updates = [model["baseline_update"] for model in report("--mxperf-update").values()]
    assert updates[1:] == ["unchanged"] * 3
    run().assert_outcomes(passed=4)


def test_failing_tests_keep_their_exit_code(write, run):
    write(
        """
        pytestmark = pytest.mark.mxperf_baseline

        @digits
        def test_a():
            pass

        @digits
        def test_b():
            pytest.exit("enough", returncode=17)
        """
    )
    assert run("--mxperf-update").ret == 17


def test_what_follows_the_option_is_a_path_to_test(pytester, gated, run, stored):
    pytester.makepyfile(test_other="def test_other(): assert False")
    run("--mxperf-update", "test_it.py").assert_outcomes(passed=1)
    assert stored() == BOTH


def test_a_scope_that_there_is_not_is_a_usage_error(gated, run):
    result = run("--mxperf-update=test_it.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --mxperf-update=test_it.py: 'test_it.py' is not a choice; use all, new or prune"]
    )


def test_a_failing_test_says_that_its_baseline_was_not_stored(write, run, section, stored):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    result = run("--mxperf-update")
    result.assert_outcomes(failed=1)
    assert section(result) == ["baseline not stored: digits (test_it.py::test_digits failed)"]
    assert stored() == []


INTERRUPTED = """
    pytestmark = pytest.mark.mxperf_baseline

    @digits
    def test_a():
        pass

    @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="b")
    def test_b():
        import os, signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
        {interruption}

    @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="c")
    def test_c():
        pass
    """


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["SIGINT", "SIGKILL"], ids=["Ctrl-C", "kill -9"])
def test_whatever_ends_the_run_only_finished_tests_have_stored_theirs(pytester, write, run, stored, signal):
    write(INTERRUPTED.format(interruption=f"os.kill(os.getpid(), signal.{signal})"))
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "--mxperf-update")
    assert result.ret != pytest.ExitCode.OK
    assert stored() == BOTH
    write(INTERRUPTED.format(interruption="pass"))
    run("--mxperf-update=new").assert_outcomes(passed=3)
    assert stored() == sorted([*BOTH, "b-symbol.json", "b.json", "c-symbol.json", "c.json"])


@pytest.mark.slow
def test_two_runs_that_update_one_folder_at_once_lose_nothing(pytester, write, run, stored, monkeypatch):
    write(
        """
        import os

        @pytest.fixture(params=range(10))
        def mxperf_model(request):
            name = f"{os.environ['RUN']}{request.param}"
            return {"source": PREFIX, "inputs": {"data": (1 + request.param, 1, 8, 8)}, "name": name}

        @pytest.mark.mxperf_baseline
        def test_own():
            pass

        @pytest.mark.mxperf_baseline
        @pytest.mark.parametrize("mxperf_model", [
            {"source": PREFIX, "inputs": {"data": (1 + size, 1, 8, 8)}, "name": f"shared{size}"} for size in range(10)
        ])
        def test_shared(mxperf_model):
            pass
        """
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--mxperf-update",
        "--mxperf-policy=unused=ignore",
    ]
    runs = [
        subprocess.Popen(command, env={**os.environ, "RUN": name}, cwd=str(pytester.path), stdout=subprocess.DEVNULL)
        for name in ("one", "two")
    ]
    assert [each.wait() for each in runs] == [0, 0]
    names = {name for name in stored() if not name.endswith("-symbol.json")}
    assert names == {f"{run}{index}.json" for run in ("one", "two", "shared") for index in range(10)}
    monkeypatch.setenv("RUN", "one")
    run("--mxperf-policy=unused=ignore").assert_outcomes(passed=20)


# Tests of one model, each with a measurement of its own beside the costs.
COUNTED = """
@digits
@pytest.mark.mxperf_baseline(macs="0%")
def test_count():
    pass
"""
WALL = """
@digits
@pytest.mark.mxperf_baseline(wall_p50="1000000%")
def test_wall(mxperf_module, mxperf_benchmark):
    mxperf_benchmark(mxperf_module)
"""
TIMED = COUNTED.replace('macs="0%"', 'latency="5%", weights=False').replace("test_count", "test_latency")
ACCURATE = COUNTED.replace('macs="0%"', 'accuracy="1%"').replace("test_count", "test_accuracy")


@pytest.mark.parametrize("scope", ["--mxperf-update", "--mxperf-update=new"])
def test_tests_of_one_model_complete_each_others_baseline(write, run, scope):
    """The first one to store once decided alone, and the wall time was never recorded."""
    write(COUNTED + WALL)
    run(scope).assert_outcomes(passed=2)
    run().assert_outcomes(passed=2)


@pytest.mark.parametrize("test", ["test_count", "test_wall"])
def test_one_test_that_is_recorded_again_keeps_what_others_have_measured(write, run, test):
    write(COUNTED + WALL)
    run("--mxperf-update").assert_outcomes(passed=2)
    assert run("--mxperf-update", f"test_it.py::{test}").ret == 0
    run().assert_outcomes(passed=2)


@pytest.mark.parametrize("source", [COUNTED + TIMED, TIMED + COUNTED], ids=["counted first", "timed first"])
def test_how_a_timed_test_runs_its_model_is_stored_whichever_comes_first(pytester, write, run, source):
    write(source)
    run("--mxperf-update").assert_outcomes(passed=2)
    baseline = json.loads((pytester.path / "baselines" / "digits.json").read_text())
    assert baseline["recorded"]["run_as"] == "Module"


def test_what_is_measured_now_is_stored_though_a_test_that_does_not_measure_it_comes_first(pytester, write, run):
    def accuracy(value):
        pytester.makeconftest(
            "from pytest_mxperf import Metric\n"
            "def pytest_mxperf_metrics():\n"
            f"    return [Metric('accuracy', lambda model: {value}, more_is_better=True)]"
        )

    def kept():
        return json.loads((pytester.path / "baselines" / "digits.json").read_text())["own_metrics"]

    accuracy(0.9)
    write(COUNTED + ACCURATE)
    run("--mxperf-update").assert_outcomes(passed=2)
    assert kept() == {"accuracy": 0.9}
    accuracy(0.5)
    run().assert_outcomes(passed=1, failed=1)
    result = run("--mxperf-update")
    result.stdout.fnmatch_lines(["baseline updated: digits"])
    assert kept() == {"accuracy": 0.5}
    run().assert_outcomes(passed=2)
    # A test that does not measure it leaves it.
    run("--mxperf-update", "test_it.py::test_count").assert_outcomes(passed=1)
    assert kept() == {"accuracy": 0.5}
    # Nor does one that has no value any more, if the policy lets that pass.
    accuracy(None)
    run("--mxperf-update", "--mxperf-policy=unmeasured=ignore").assert_outcomes(passed=2)
    assert "own_metrics" not in json.loads((pytester.path / "baselines" / "digits.json").read_text())


ALIKE = """
def net(kind):
    import mxnet as mx

    return mx.sym.Activation(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4), act_type=kind)

@pytest.mark.mxperf_model(net("sigmoid"), inputs={"data": (1, 4)}, name="net")
@pytest.mark.mxperf_baseline
def test_counted():
    pass

@pytest.mark.mxperf_model(net("tanh"), inputs={"data": (1, 4)}, name="net")
@pytest.mark.mxperf_baseline(latency="5%")
def test_timed():
    pass
"""


@pytest.mark.parametrize("first", [True, False])
def test_of_two_graphs_that_cost_the_same_the_timed_one_is_stored(pytester, write, run, first):
    counted, timed = ALIKE.split("\n\n@pytest")[1:]
    write("\n\n@pytest".join([ALIKE.split("\n\n@pytest")[0], *([counted, timed] if first else [timed, counted])]))
    run("--mxperf-update").assert_outcomes(passed=2)
    assert '"tanh"' in (pytester.path / "baselines" / "net-symbol.json").read_text()
