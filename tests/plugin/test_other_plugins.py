"""A small gated suite under other plugins: each finds what pytest alone finds. Plugins that are not installed skip."""

import json

import pytest

pytestmark = pytest.mark.slow  # each runs a process of its own: some plugins change the process that they are in

SUITE = """
    import unittest

    @digits
    @pytest.mark.mxperf_budget(macs="608 k")
    def test_within():
        pass

    @digits
    @pytest.mark.mxperf_budget(macs=1)
    def test_over():
        pass

    @digits
    @pytest.mark.xdist_group("kept")
    @pytest.mark.mxperf_baseline
    def test_kept(mxperf_cost):
        assert mxperf_cost.macs == 607_552

    @digits
    @pytest.mark.mxperf_budget(latency_p99="1000 s")
    def test_measured(mxperf_module, mxperf_benchmark):
        mxperf_benchmark(mxperf_module)

    @digits
    @pytest.mark.mxperf_budget(macs=1)
    def test_skipped():
        pytest.skip("later")

    class TestOfUnittest(unittest.TestCase):
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        def test_method(self):
            pass

    def test_unmarked():
        pass
    """

FOUND = {
    "test_within": ["passed", "PASSED"],
    "test_over": ["failed", "OVER_BUDGET"],
    "test_kept": ["passed", "PASSED", "PASSED", "PASSED", "PASSED"],  # macs, flops, params, param_bytes
    "test_measured": ["passed", "PASSED"],
    "test_skipped": ["skipped", "UNJUDGED"],
    "TestOfUnittest::test_method": ["failed", "OVER_BUDGET"],
}
FAILS = ["failed", "OVER_BUDGET"]
COUNTS = {"passed": 4, "failed": 2, "skipped": 1}


@pytest.fixture
def under(pytester):
    """Runs the tests with options, and gives pytest's counts and, for each test, its outcome and its verdicts."""

    def under(*options):
        always = ("-p", "no:cacheprovider", "--benchmark-max-time=0.05", "--benchmark-min-rounds=3")
        result = pytester.runpytest_subprocess(*always, "--mxperf-report=report.json", *options, timeout=120)
        assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
        counts = result.parseoutcomes()
        models = json.loads((pytester.path / "report.json").read_text())["models"]
        counts.pop("warnings", None)
        found = {
            model["test"].split("::", 1)[1]: [model["outcome"], *(each["verdict"] for each in model["findings"])]
            for model in models
        }
        return counts, found, result

    return under


@pytest.fixture
def suite(write, under):
    """The suite, with its baseline, as pytest alone has recorded it."""

    def suite():
        write(SUITE)
        assert under("--mxperf-update")[0] == COUNTS

    return suite


@pytest.mark.parametrize(
    ("module", "options"),
    [
        pytest.param("pytest_benchmark", [], id="none"),
        pytest.param("pytest_codspeed", ["-p", "codspeed"], id="codspeed, idle"),
        pytest.param("pytest_timeout", ["-p", "timeout", "--timeout=60"], id="timeout, by signal"),
        pytest.param("pytest_timeout", ["-p", "timeout", "--timeout=60", "--timeout-method=thread"], id="timeout"),
        pytest.param("pytest_randomly", ["-p", "randomly", "-p", "no:hypothesispytest"], id="randomly"),
        pytest.param("pytest_cov", ["-p", "pytest_cov", "--cov=.", "--cov-branch"], id="cov"),
        pytest.param("pytest_subtests", ["-p", "subtests"], id="subtests"),
        pytest.param("pytest_asyncio", ["-p", "asyncio", "--asyncio-mode=auto"], id="asyncio"),
        pytest.param("hypothesis", ["-p", "hypothesispytest"], id="hypothesis"),
    ],
)
def test_all_is_found_as_without_it(suite, under, module, options):
    pytest.importorskip(module)
    suite()
    counts, found, _ = under(*options)
    assert (counts, found) == (COUNTS, FOUND)


def test_all_that_are_installed_at_a_time(suite, under, monkeypatch):
    suite()
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.delenv("PYTEST_ADDOPTS")
    counts, found, _ = under()
    assert (counts, found) == (COUNTS, FOUND)


def test_reruns(suite, under):
    pytest.importorskip("pytest_rerunfailures")
    suite()
    counts, found, _ = under("-p", "rerunfailures", "--reruns=1")
    again = ["failed", "FLAKY", "OVER_BUDGET"]
    assert counts == {**COUNTS, "rerun": 2}
    assert found == {**FOUND, "test_over": again, "TestOfUnittest::test_method": again}


# Processes


@pytest.mark.parametrize("mode", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_xdist(suite, under, mode):
    pytest.importorskip("xdist", minversion="3.2" if mode == "worksteal" else None)
    suite()
    counts, found, result = under("-n2", f"--dist={mode}")
    assert (counts, found) == distributed(1)
    result.stdout.no_fnmatch_line("*test_kept@kept*")


def test_xdist_that_runs_each_test_in_each_worker(suite, under):
    pytest.importorskip("xdist")
    suite()
    counts, found, _ = under("--dist=each", "--tx=2*popen")
    assert (counts, found) == distributed(2)


def test_a_test_that_fails_in_one_of_two_workers_is_reported_as_failed(write, under):
    """It makes no difference which of them finishes last."""
    pytest.importorskip("xdist")
    write(
        """
        import os, time

        @pytest.mark.parametrize("worker, pause", [("gw0", 0), ("gw0", 0.5), ("gw1", 0), ("gw1", 0.5)])
        @digits
        @pytest.mark.mxperf_budget(macs="608 k")
        def test_it(worker, pause):
            if os.environ["PYTEST_XDIST_WORKER"] == worker:
                time.sleep(pause)
                assert False
        """
    )
    counts, found, _ = under("--dist=each", "--tx=2*popen")
    assert counts == {"passed": 4, "failed": 4}
    assert [outcome for outcome, *_ in found.values()] == ["failed"] * 4


def test_what_fails_in_one_worker_is_not_taken_for_what_passes_in_another(pytester, write, under):
    """The first worker's subtest fails, and the other's test is torn down before it."""
    pytest.importorskip("xdist")
    _need_subtests()
    write(
        """
        import os, time

        WORKER = os.environ.get("PYTEST_XDIST_WORKER")

        @pytest.fixture
        def mxperf_model():
            yield {"source": PREFIX, "inputs": INPUTS, "name": WORKER}
            time.sleep(3 if WORKER == "gw0" else 1)

        @pytest.mark.mxperf_baseline
        def test_it(subtests):
            with subtests.test():
                assert WORKER != "gw0"
        """
    )
    under("-p", "subtests", "--dist=each", "--tx=2*popen", "--mxperf-update")
    assert [path.name for path in (pytester.path / "baselines").glob("*[01].json")] == ["gw1.json"]


@pytest.mark.parametrize("mode", ["load", "loadgroup"])
def test_the_command_that_accepts_a_change_names_the_test_without_its_group(write, under, mode):
    pytest.importorskip("xdist")
    path = write(
        """
        @pytest.mark.xdist_group("kept")
        @digits
        @pytest.mark.mxperf_baseline
        def test_kept():
            pass
        """
    )
    under("--mxperf-update")
    stored = path.parent / "baselines" / "digits.json"
    stored.write_text(stored.read_text().replace('"macs": 607552', '"macs": 1', 1))
    counts, _, result = under("-n1", f"--dist={mode}")
    assert counts == {"failed": 1}
    result.stdout.fnmatch_lines(["*store the new baseline: pytest --mxperf-update test_it.py::test_kept"])


def distributed(workers):
    """What is found by xdist's workers, each of which runs each test or its part. They measure no wall times."""
    counts = {"passed": 3, "failed": 3, "skipped": 1}
    found = {**FOUND, "test_measured": ["failed", "UNMEASURED"]}
    return {outcome: count * workers for outcome, count in counts.items()}, found


def test_coverage_of_xdists_workers(suite, under):
    pytest.importorskip("xdist")
    pytest.importorskip("pytest_cov")
    suite()
    counts, found, _ = under("-p", "pytest_cov", "--cov=.", "-n2")
    assert (counts, found) == distributed(1)


@pytest.fixture
def _forked_works(pytester, under):
    """pytest-forked 1.7.5, of 2026, cannot send the reports of pytest 9.2 from its children."""
    pytest.importorskip("pytest_forked")
    path = pytester.makepyfile(test_probe="def test_probe():\n    pass")
    if under("-p", "pytest_forked", "--forked")[0] != {"passed": 1}:
        pytest.skip("this pytest-forked cannot run a test of this pytest")
    path.unlink()


@pytest.mark.usefixtures("_forked_works")
def test_forked(suite, under):
    suite()
    counts, found, _ = under("-p", "pytest_forked", "--forked")
    assert (counts, found) == (COUNTS, FOUND)


@pytest.mark.usefixtures("_forked_works")
def test_what_a_child_finds_is_reported_even_when_nothing_is_marked(write, under):
    write(
        """
        @pytest.fixture
        def mxperf_model():
            return {"source": PREFIX, "inputs": INPUTS}

        @pytest.mark.forked
        def test_it(mxperf_cost):
            assert mxperf_cost.macs == 607_552
        """
    )
    counts, found, _ = under("-p", "pytest_forked")
    assert (counts, found) == ({"passed": 1}, {"test_it": ["passed"]})


# What a plugin is there for


def test_codspeed_measures_instead(suite, under):
    """It deselects what does not measure; what it measures it keeps to itself."""
    pytest.importorskip("pytest_codspeed")
    suite()
    codspeed = ("-p", "codspeed", "--codspeed", "--codspeed-max-time=0.05", "--codspeed-warmup-time=0")
    counts, found, result = under(*codspeed)
    assert (counts, found) == ({"failed": 1, "deselected": 6}, {"test_measured": ["failed", "UNMEASURED"]})
    because = "pytest-codspeed has taken the place of pytest-benchmark"
    result.stdout.fnmatch_lines([f"digits: latency_p99 was not measured: {because}; *", "*5 gated tests were desel*"])
    counts, _, _ = under(*codspeed, "--mxperf-policy=unmeasured=warn")
    assert counts == {"passed": 1, "deselected": 6}


def test_of_what_codspeed_runs_the_last_pass_is_returned(write, under):
    """However often it has run it. By this clock each pass takes a second."""
    pytest.importorskip("pytest_codspeed")
    write(
        """
        import itertools
        from types import SimpleNamespace

        @pytest.fixture(autouse=True)
        def clock(monkeypatch):
            clock = SimpleNamespace(perf_counter=itertools.count().__next__)
            monkeypatch.setattr("pytest_mxperf.plugin.benchmark.time", clock)

        @digits
        def test_latency(mxperf_module, mxperf_benchmark):
            timing = mxperf_benchmark(mxperf_module)
            assert (timing.samples, timing.mean) == (1, 1.0)

        @digits
        def test_throughput(mxperf_module, mxperf_benchmark):
            timing = mxperf_benchmark.throughput(mxperf_module, forwards=2)
            assert (timing.samples, timing.mean) == (1, 0.5)
        """
    )
    counts, _, _ = under("-p", "codspeed", "--codspeed", "--codspeed-max-time=0.05", "--codspeed-warmup-time=0")
    assert counts == {"passed": 2}


def _need_subtests():
    if int(pytest.__version__.split(".")[0]) < 9:  # which has them itself
        pytest.importorskip("pytest_subtests")


def test_a_subtest_that_fails_does_not_keep_the_gate_from_being_judged(write, under):
    """Both are reported: what the subtest has found, and the broken gate."""
    _need_subtests()
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        def test_it(subtests):
            with subtests.test("a"):
                assert False
            with subtests.test("b"):
                pass
        """
    )
    _, found, result = under("-p", "subtests")
    assert found == {"test_it": FAILS}
    result.stdout.fnmatch_lines(["digits: macs 607,552 is over the budget of 1 *"])


def test_an_asynchronous_test(write, under):
    pytest.importorskip("pytest_asyncio")
    write(
        """
        import asyncio

        @digits
        @pytest.mark.mxperf_budget(macs=1)
        @pytest.mark.asyncio
        async def test_it(mxperf_module, mxperf_benchmark):
            await asyncio.sleep(0)
            mxperf_benchmark(mxperf_module)
        """
    )
    counts, found, _ = under("-p", "asyncio")
    assert (counts, found) == ({"failed": 1}, {"test_it": FAILS})


def test_a_test_of_many_examples_is_judged_once(write, under):
    write(
        """
        from hypothesis import given, strategies

        @digits
        @pytest.mark.mxperf_budget(macs=1)
        @given(strategies.booleans())
        def test_it(is_it):
            pass
        """
    )
    counts, found, _ = under("-p", "hypothesispytest")
    assert (counts, found) == ({"failed": 1}, {"test_it": FAILS})
