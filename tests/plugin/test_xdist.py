"""Under pytest-xdist: workers find, the controller stores and reports."""

import json
from importlib import metadata

import pytest

pytest.importorskip("xdist")

BENCHMARK_MAJOR = int(metadata.version("pytest-benchmark").split(".")[0])

SOURCE = """
    @pytest.fixture(params=["a", "b", "c", "d"])
    def mxperf_model(request):
        from pytest_mxperf import ModelSpec

        return ModelSpec.parse(PREFIX, {"data": (BATCH, 1, 8, 8)}, name=request.param)

    @pytest.mark.mxperf_baseline
    def test_digits():
        pass
    """


def test_baselines_and_reports_are_written_once_by_the_controller(pytester, write, run, section):
    write(SOURCE.replace("BATCH", "1"))
    result = run("-n2", "--mxperf-update", "--mxperf-report", "--mxperf-report=report.json", "--mxperf-baselines=mine")
    result.assert_outcomes(passed=4)
    lines = section(result)
    assert sorted(line for line in lines if line.startswith("baseline ")) == [
        f"baseline recorded: {name}" for name in "abcd"
    ]
    assert sum(line.startswith("model ") for line in lines) == 1
    models = json.loads((pytester.path / "report.json").read_text())["models"]
    assert sorted((model["name"], model["cost"]["macs"]) for model in models) == [(name, 607_552) for name in "abcd"]
    run("--mxperf-baselines=mine").assert_outcomes(passed=4)


def test_a_broken_gate_fails_its_test(pytester, write, run, no_traceback):
    write(SOURCE.replace("BATCH", "1"))
    run("--mxperf-update")
    (pytester.path / "baselines" / "b.json").unlink()
    result = run("-n1", "--junit-xml=junit.xml")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["b: no baseline for 'b' in baselines/; record it with --mxperf-update; *"])
    no_traceback(result)
    assert 'name="mxperf baseline all" value="MISSING"' in (pytester.path / "junit.xml").read_text()


@pytest.mark.skipif(
    BENCHMARK_MAJOR < 5, reason="pytest-benchmark 4, the last for Python 3.8, measures in xdist's workers"
)
def test_what_a_policy_lets_pass_is_told_by_the_controller(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(latency_p50="1000 s")
        def test_digits(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    because = "latency_p50 was not measured: pytest-benchmark is disabled (--benchmark-disable, or xdist's -n); *"
    fails = run("-n1")
    fails.assert_outcomes(failed=1)
    fails.stdout.fnmatch_lines([f"digits: {because}"])
    warns = run("-n1", "--mxperf-unmeasured=warn")
    warns.assert_outcomes(passed=1)
    warns.stdout.fnmatch_lines([f"WARNING test_it.py::test_digits: {because}"])


def test_two_workers_that_claim_one_baseline_are_an_error(write, run, section):
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
    result = run("-n2", "--mxperf-update")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert sum("use one baseline, 'digits', for models that differ" in line for line in section(result)) == 1
