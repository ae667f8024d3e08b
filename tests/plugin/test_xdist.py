"""Under pytest-xdist: workers find, the controller stores and reports."""

import json
import shutil
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_broken_gate_fails_its_test(pytester, write, run, no_traceback):
    write(SOURCE.replace("BATCH", "1"))
    run("--mxperf-update")
    (pytester.path / "baselines" / "b.json").unlink()
    result = run("-n1", "--junit-xml=junit.xml")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["b: no baseline for 'b' in baselines/; record it with --mxperf-update=new; *"])
    no_traceback(result)
    assert 'name="mxperf baseline all" value="MISSING"' in (pytester.path / "junit.xml").read_text()


@pytest.mark.slow
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
    warns = run("-n1", "--mxperf-policy=unmeasured=warn")
    warns.assert_outcomes(passed=1)
    warns.stdout.fnmatch_lines([f"WARNING test_it.py::test_digits: {because}"])


@pytest.mark.slow
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


MANY = """
    import mxnet as mx

    def network(units):
        def dense():
            return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=units)

        return {{"source": dense, "inputs": {{"data": (1, 10)}}, "name": f"dense{{units}}"}}

    @pytest.fixture(params=range(1, 9))
    def mxperf_model(request):
        return network({units})

    @pytest.mark.mxperf_baseline
    @pytest.mark.mxperf_budget(macs=60)
    def test_dense():
        pass

    @pytest.mark.mxperf_budget(macs=60)
    def test_skipped():
        pytest.skip("no GPU")
    """


@pytest.mark.slow
def test_four_workers_find_what_one_process_finds(pytester, write, run, section):
    """Report, baselines, notices and verdicts, for models of 10 to 80 MACs of which two are over their budget."""

    def everything(*arguments):
        result = run("--mxperf-report=report.json", "--junit-xml=junit.xml", *arguments)
        junit = ElementTree.parse(pytester.path / "junit.xml").getroot()
        cases = {
            case.get("name"): [(each.get("name"), each.get("value")) for each in case.iter("property")]
            for case in junit.iter("testcase")
        }
        baselines = {path.name: path.read_bytes() for path in (pytester.path / "baselines").glob("*")}
        report = json.loads((pytester.path / "report.json").read_text())
        return result.ret, result.parseoutcomes(), cases, section(result), report, baselines

    write(MANY.format(units="request.param"))
    alone = everything("--mxperf-update")
    shutil.rmtree(pytester.path / "baselines")
    assert everything("--mxperf-update", "-n4") == alone
    assert len(alone[-1]) == 12
    write(MANY.format(units="request.param * 2"))
    assert everything("-n4") == everything()


@pytest.mark.slow
def test_more_than_one_worker_judges(write, report):
    write(
        """
        import os

        @digits
        @pytest.mark.mxperf_baseline
        @pytest.mark.parametrize("index", range(8))
        def test_digits(index):
            import time

            time.sleep(0.2)
            with open(f"judged_by_{os.environ['PYTEST_XDIST_WORKER']}", "a") as stream:
                stream.write(f"{index} ")
        """
    )
    models = report("-n2", "--mxperf-policy=missing=ignore")
    assert [model["findings"][0]["verdict"] for model in models.values()] == ["MISSING"] * 8
    judged = [path.read_text().split() for path in Path().glob("judged_by_*")]
    assert len(judged) == 2
    assert sorted(index for each in judged for index in each) == list("01234567")


@pytest.mark.slow
def test_every_report_is_the_same_from_workers(write, run, section, pytester):
    """Nothing in it was measured: models of several files, passing, failing, skipped, and one that cannot be opened."""
    pytest.importorskip("xdist")
    for name in ("test_a.py", "test_b.py"):
        write(
            """
            @digits
            @pytest.mark.mxperf_budget(macs="608 k", param_bytes="1 MiB")
            @pytest.mark.parametrize("value", range(3))
            def test_passes(value):
                pass

            @digits
            @pytest.mark.mxperf_budget(macs=1)
            def test_fails():
                pass

            @digits
            @pytest.mark.mxperf_budget(macs=1)
            def test_skips():
                pytest.skip("not today")

            @pytest.mark.mxperf_model("models/gone", inputs=INPUTS)
            @pytest.mark.mxperf_budget(macs=1)
            def test_cannot_be_opened():
                pass
            """,
            name,
        )
    names = ["report.json", "report.html", "report.md", "report.csv"]
    made = []
    for workers in ("0", "2"):
        result = run("--mxperf-report", *(f"--mxperf-report={name}" for name in names), "-n", workers)
        files = [*names, "report.layers.csv"]
        made.append([section(result), *(pytester.path.joinpath(name).read_bytes() for name in files)])
    for name, here, distributed in zip(["terminal", *files], *made):
        assert here == distributed, name
