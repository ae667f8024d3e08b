"""Being installed costs nothing: neither what is loaded nor what happens to tests that are not marked."""

import inspect
import re
import sys

import pytest

FIXTURES = ["mxperf_benchmark", "mxperf_checkpoint", "mxperf_cost", "mxperf_model", "mxperf_module"]
MARKERS = ["mxperf_baseline", "mxperf_budget", "mxperf_model"]

WITHOUT_MXNET = """
import sys


class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "mxnet":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NotInstalled())
"""


@pytest.fixture(autouse=True)
def _needs_mxnet():
    """Not here."""


def test_loading_imports_neither_mxnet_nor_numpy(pytester):
    pytester.makepyfile(
        test_it="""
        def test_unmarked():
            pass
        """
    )
    # Other people's plugins may import numpy: here are only the two that must be.
    script = pytester.makepyfile(
        script="""
        import os
        import sys

        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        os.environ.pop("PYTEST_ADDOPTS")
        import pytest

        status = pytest.main(["-p", "pytest_benchmark.plugin", "-p", "pytest_mxperf.plugin", "test_it.py"])
        heavy = sorted({"mxnet", "numpy"} & set(sys.modules))
        print("ours:", *sorted(name for name in sys.modules if name.startswith("pytest_mxperf")))
        print("heavy modules:", heavy)
        sys.exit(status)
        """
    )
    result = pytester.run(sys.executable, script)
    assert result.ret == 0
    ours = "pytest_mxperf pytest_mxperf.mx pytest_mxperf.mx.compat pytest_mxperf.plugin"
    ours += " pytest_mxperf.plugin.options"
    result.stdout.fnmatch_lines(["*1 passed*", f"ours: {ours}", "heavy modules: []"])


def test_a_hook_of_an_unmarked_test_calls_next_to_nothing(pytester):
    """Python functions that run in each hook, itself included: 0.1 microseconds each and more, for every test."""
    pytester.makepyfile(test_it="class TestIt:\n    def test_unmarked(self):\n        pass\n")
    script = pytester.makepyfile(
        script="""
        import sys
        from collections import Counter

        import pytest

        calls = Counter()


        class Counting:
            def pytest_collection_finish(self, session):
                self.count(session.config.pluginmanager.get_plugin("mxperf-watch"), session.items[0])

            def count(self, watch, item):
                def call():
                    hook = watch.pytest_runtest_call(item)
                    next(hook)
                    try:
                        hook.send(None)
                    except StopIteration:
                        pass

                parent, function = item.parent, item.function
                for hook, run in {
                    "makeitem": lambda: watch.pytest_pycollect_makeitem(parent, "test_unmarked", function),
                    "protocol": lambda: watch.pytest_runtest_protocol(item),
                    "setup": lambda: watch.pytest_runtest_setup(item),
                    "call": call,
                }.items():
                    sys.setprofile(lambda frame, event, argument: calls.update([hook] * (event == "call")))
                    run()
                    sys.setprofile(None)
                    calls[hook] -= 1  # run itself


        pytest.main(["-p", "no:cacheprovider", "test_it.py"], plugins=[Counting()])
        print("calls:", dict(calls))
        """
    )
    result = pytester.run(sys.executable, script)
    # A hook, _is_ours with the stash, is_marked, and _marks_function; a wrapper is entered twice.
    result.stdout.fnmatch_lines(["calls: {'makeitem': 3, 'protocol': 4, 'setup': 4, 'call': 5}"])


def test_the_help_says_what_the_gates_and_reports_know():
    """Written out twice, since importing the latter takes longer than most runs of pytest have to spare."""
    from pytest_mxperf.gate.policy import OCCASIONS, Policy
    from pytest_mxperf.plugin import options
    from pytest_mxperf.report import formats

    usual = Policy()
    verdicts = [f"{verdict.value.lower()} ({usual.action(verdict)}): {when}" for verdict, when in OCCASIONS.items()]
    assert "; ".join(verdicts) == options.VERDICTS
    assert formats.KNOWN == options.REPORTS


@pytest.mark.parametrize(("given", "exit_code"), [([], 1), (["--collect-only"], 0)])
def test_an_unused_baseline_is_found_by_a_run_without_tests_of_ours(write, run, given, exit_code):
    write("@digits\n@pytest.mark.mxperf_baseline\ndef test_it():\n    pass\n")
    run("--mxperf-update").assert_outcomes(passed=1)
    write("def test_unmarked():\n    pass\n")
    result = run(*given)
    assert result.ret == exit_code
    assert any(line.startswith("ERROR") and "digits" in line for line in result.outlines) == bool(exit_code)


def test_the_entry_point_loads_the_plugin(run):
    result = run("--trace-config", "--collect-only")
    result.stdout.fnmatch_lines(["*pytest-mxperf-*", "*pytest_mxperf?plugin*"])


def test_unmarked_tests_are_untouched(pytester, run, no_traceback):
    pytester.makepyfile(
        """
        import unittest

        import pytest

        def test_passes(record_property):
            record_property("mine", 1)

        def test_fails():
            assert 1 + 1 == 3

        @pytest.mark.parametrize("value", [1, 2])
        def test_parametrized(value, tmp_path):
            pass

        @pytest.mark.skip
        def test_skipped():
            pass

        @pytest.mark.xfail(strict=True)
        def test_expected_to_fail():
            assert False

        @pytest.fixture
        def broken():
            raise RuntimeError("no fixture")

        def test_error(broken):
            pass

        class TestCase(unittest.TestCase):
            def test_method(self):
                pass
        """
    )
    result = run("--junit-xml=junit.xml", "--mxperf-report", "--mxperf-update")
    result.assert_outcomes(passed=4, failed=1, skipped=1, xfailed=1, errors=1)
    assert "mxperf" not in "\n".join(line for line in result.outlines if not line.startswith(("plugins:", "mxperf ")))
    assert "mxperf" not in (pytester.path / "junit.xml").read_text()
    assert not (pytester.path / "baselines").exists()
    no_traceback(result)


def test_an_unmarked_test_that_shares_its_function_with_a_marked_one_is_untouched(write, run):
    write(
        """
        class Shared:
            def test_shared(self):
                pass

        @digits
        class TestMarked(Shared):
            pass

        class TestUnmarked(Shared):
            pass
        """
    )
    run().assert_outcomes(passed=2)


def test_an_unmarked_module_that_imports_a_test_from_a_marked_one_is_untouched(pytester, write, run):
    (pytester.path / "shared_tests.py").write_text("def test_shared():\n    pass\n")
    pytester.syspathinsert()
    write("pytestmark = digits\nfrom shared_tests import test_shared\n", "test_a.py")
    write("from shared_tests import test_shared\n", "test_b.py")
    run().assert_outcomes(passed=2)


def test_markers_are_listed(run):
    result = run("--markers")
    result.stdout.fnmatch_lines_random([f"@pytest.mark.{name}(*): *" for name in MARKERS])


def test_the_list_has_all_arguments_of_a_marker():
    from pytest_mxperf.gate.limits import KNOWN_METRICS
    from pytest_mxperf.gate.metrics import BUDGETS, PER_ITEM
    from pytest_mxperf.plugin import MARKERS as TEXTS
    from pytest_mxperf.plugin.markers import _spec_arguments

    signature = TEXTS["mxperf_model"].partition(": ")[0]
    assert re.findall(r"(\w+)(?:=[^,]*)?[,)]", signature) == list(inspect.signature(_spec_arguments).parameters)
    budgets = {name for name in BUDGETS if not name.endswith(PER_ITEM)}
    assert budgets <= set(re.findall(r"\w+", TEXTS["mxperf_budget"]))
    growths = KNOWN_METRICS - set(BUDGETS) | {"macs", "flops", "params", "param_bytes", "checkpoint_bytes", "rss"}
    assert growths <= set(re.findall(r"\w+", TEXTS["mxperf_baseline"]))


def test_fixtures_are_listed_with_a_docstring(run):
    lines = run("--fixtures").outlines
    for name in FIXTURES:
        (index,) = (index for index, line in enumerate(lines) if line.startswith(f"{name} -- "))
        assert lines[index + 1].startswith("    ")
        assert "no docstring available" not in lines[index + 1]
    assert not any(line.startswith("_mxperf") for line in lines)


def test_markers_are_known_to_strict_markers(write, run):
    write(
        """
        @pytest.mark.skip
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    run("--strict-markers").assert_outcomes(skipped=1)


def test_the_options_are_listed(run):
    result = run("--help")
    for name in ("report", "update", "baselines", "latency", "policy", "strict"):
        result.stdout.fnmatch_lines([f"  --mxperf-{name}*"])
    for name in ("report", "baselines", "latency", "policy", "strict"):
        result.stdout.fnmatch_lines([f"  mxperf_{name} (*"])


def test_the_plugin_can_be_switched_off(pytester, run, monkeypatch):
    pytester.makepyfile(
        """
        import pytest

        def test_unmarked():
            pass

        @pytest.mark.mxperf_budget(macs=1)
        def test_marked():
            pass

        def test_fixture(mxperf_cost):
            pass
        """
    )
    monkeypatch.delenv("PYTEST_ADDOPTS")
    result = run("-p", "benchmark", "-p", "no:mxperf")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'mxperf_cost' not found*"])


def test_without_pytest_benchmark_a_forward_runs_and_is_not_timed(pytester, write):
    pytest.importorskip("mxnet")
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs="608 k")
        def test_counts(mxperf_module):
            pass

        @digits
        @pytest.mark.parametrize("method", ["__call__", "throughput"])
        def test_times(mxperf_module, mxperf_benchmark, method):
            assert getattr(mxperf_benchmark, method)(mxperf_module).samples == 1
        """
    )
    result = pytester.runpytest("-p", "no:hypothesispytest", "-p", "no:benchmark")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "*PytestWarning: mxperf_benchmark measures nothing: pytest-benchmark is not there (not installed, or -p "
            "no:benchmark)"
        ]
    )


def test_a_missing_mxnet_is_told_with_how_to_get_it(pytester, write, no_traceback):
    pytester.makeconftest(WITHOUT_MXNET)
    write(
        """
        def test_unmarked():
            pass

        @digits
        @pytest.mark.mxperf_budget(macs="608 k")
        def test_first():
            pass

        @digits
        def test_second(mxperf_module):
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    needs = "MXNet is not installed; run: pip install 'pytest-mxperf?cpu?'* (or the mxnet-cu* build for your GPU)"
    result.stdout.fnmatch_lines(["*ERROR at setup of test_second*", needs], consecutive=True)
    result.stdout.fnmatch_lines(["*_ test_first _*", needs], consecutive=True)
    no_traceback(result)


# An MXNet that is there and does not work

GATED_BETWEEN_OTHERS = """
    import pytest

    def test_before():
        pass

    @pytest.mark.mxperf_model("net", inputs={"data": (1, 3)})
    @pytest.mark.mxperf_budget(macs=1)
    def test_gated():
        pass

    def test_behind():
        pass
    """


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "raise OSError('libcudart.so.10.1: cannot open shared object file: No such file or directory')",
            "MXNet is installed and cannot be imported: OSError: libcudart.so.10.1: cannot open shared object file: "
            "No such file or directory; this plugin works with MXNet 1.6 to 1.9; see: python -c 'import pytest_mxperf, "
            "mxnet'",
        ),
        (
            "import a_module_that_is_not_there",
            "MXNet is installed and cannot be imported: ModuleNotFoundError: No module named "
            "'a_module_that_is_not_there'; this plugin works with MXNet 1.6 to 1.9; *",
        ),
        (
            "raise AttributeError('module numpy has no attribute bool')",
            "MXNet is installed and cannot be imported: AttributeError: module numpy has no attribute bool; "
            "this plugin works with MXNet 1.6 to 1.9; *",
        ),
        (
            "__version__ = '1.5.1'",
            "MXNet 1.5.1 is not supported, this plugin works with 1.6 to 1.9; run: pip install 'mxnet>=1.6,<2'",
        ),
        ("__version__ = '2.0.0b1'", "MXNet 2.0.0b1 is not supported, *"),
        ("", "MXNet of an unknown version is not supported, *"),
    ],
    ids=["no CUDA", "no dependency", "no numpy of its time", "too old", "too new", "empty"],
)
def test_an_mxnet_that_does_not_work_is_one_tests_failure(pytester, content, message):
    pytester.mkpydir("mxnet").joinpath("__init__.py").write_text(content)
    (pytester.path / "net-symbol.json").write_text(
        '{"nodes": [{"op": "null", "name": "data", "inputs": []}], "arg_nodes": [0], "heads": [[0, 0, 0]]}'
    )
    pytester.makepyfile(GATED_BETWEEN_OTHERS)
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines([message])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_things_that_make_up_their_attributes_are_left_alone(pytester):
    """pytest.mark warns of a mark that it does not know, whoever asks."""
    pytester.makepyfile(
        test_it="""
        import pytest

        m = pytest.mark

        @m.skipif(False, reason="no")
        def test_it():
            pass

        class TestThings:
            @m.skipif(False, reason="no")
            def test_it(self):
                pass
        """
    )
    pytester.runpytest_inprocess("-W", "error").assert_outcomes(passed=2)
