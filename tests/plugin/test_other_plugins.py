"""A small gated suite under each of the plugins that people have besides: gates fail and pass as they do alone.

Whole sessions in processes of their own, with every plugin that is installed; one that is missing is skipped.
``nox -s plugins`` installs all of them.
"""

import json
import os
import re
import subprocess
import sys
from importlib import metadata

import pytest

pytestmark = pytest.mark.slow

SUITE = """
import pytest
import mxnet as mx

PREFIX = {prefix!r}
INPUTS = {{"data": (1, 1, 8, 8)}}
digits = pytest.mark.mxperf_model(PREFIX, inputs=INPUTS)


@digits
@pytest.mark.mxperf_budget(macs="608 k", latency_p50="100 s")
def test_within(mxperf_module, mxperf_benchmark):
    mxperf_benchmark(mxperf_module)


@digits
@pytest.mark.mxperf_budget(macs="607 k")
def test_over():
    pass


@digits
@pytest.mark.mxperf_baseline
class TestBaseline:
    def test_recorded(self, mxperf_cost):
        assert mxperf_cost.macs == 607_552
"""
OVER = "digits: macs 608 k is over the budget of 607 k"


def needs(*names):
    for name in names:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed: nox -s plugins")


def environment():
    """Without what the tests' own session says to pytest: every plugin is loaded that is there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}


@pytest.fixture
def session(tmp_path, digits):
    """Runs the suite in a process of its own; gives the counts of outcomes, what was printed, and the report."""
    (tmp_path / "test_it.py").write_text(SUITE.format(prefix=str(digits)))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def session(*arguments, extra=""):
        if extra:
            (tmp_path / "test_it.py").write_text(SUITE.format(prefix=str(digits)) + extra)
        command = [sys.executable, "-m", "pytest", "--mxperf-report=report.json", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300)
        text = done.stdout + done.stderr
        assert "INTERNALERROR" not in text, text
        counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|error|rerun|skipped)", text)}
        return counts, text, json.loads((tmp_path / "report.json").read_text())["models"]

    session("--mxperf-update")
    return session


def is_as_alone(found):
    """Two pass, one is over its budget, and all three are in the report."""
    counts, text, models = found
    assert (counts.get("passed"), counts.get("failed")) == (2, 1), text
    assert OVER in text
    assert sorted(model["outcome"] for model in models) == ["failed", "passed", "passed"]


def test_alone(session):
    is_as_alone(session())


@pytest.mark.parametrize(
    ("distribution", "arguments"),
    [
        ("pytest-timeout", ("--timeout=120",)),
        ("pytest-timeout", ("--timeout=120", "--timeout-method=thread")),
        ("pytest-randomly", ("-p", "randomly", "--randomly-seed=3")),
        ("pytest-cov", ("--cov=.", "--cov-report=term")),
        ("pytest-asyncio", ("--asyncio-mode=auto",)),
        ("hypothesis", ("--hypothesis-show-statistics",)),
    ],
)
def test_beside(session, distribution, arguments):
    needs(distribution)
    is_as_alone(session(*arguments))


@pytest.mark.parametrize("mode", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each"])
def test_xdist(session, mode):
    """Benchmarks are disabled there, which fails a latency budget unless the policy lets it pass."""
    needs("pytest-xdist")
    counts, text, models = session("-n2", f"--dist={mode}", "--mxperf-policy=unmeasured=warn")
    times = 2 if mode == "each" else 1
    assert (counts["passed"], counts["failed"]) == (2 * times, times), text
    assert OVER in text
    assert len(models) == 3


def test_rerunfailures(session):
    """A budget that is broken stays broken; the test runs three times."""
    needs("pytest-rerunfailures")
    counts, text, models = session("--reruns=2")
    assert (counts["passed"], counts["failed"], counts["rerun"]) == (2, 1, 2), text
    assert len(models) == 3


def test_forked(session, tmp_path):
    """Each test in a child: its MXNet is that of the parent, which must not have been used."""
    needs("pytest-forked")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "test_plain.py").write_text("def test_plain():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "--forked", "-p", "no:asyncio", "-p", "no:mxperf", "plain"]
    if subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, check=False).returncode:
        pytest.skip("pytest-forked fails every test by itself, under this pytest")
    is_as_alone(
        session("--forked", "-p", "no:asyncio", "test_it.py")
    )  # the two do not go together, with or without ours


def test_codspeed(session):
    """It runs benchmarks only, with a fixture of its own; what that measures stays with it."""
    needs("pytest-codspeed")
    counts, text, models = session("--codspeed")
    assert (counts.get("passed"), counts["failed"]) == (None, 1), text
    assert "latency_p50 was not measured: another plugin's benchmark fixture runs in pytest-benchmark's place" in text
    assert [model["test"] for model in models] == ["test_it.py::test_within"]
    assert session("--codspeed", "--mxperf-policy=unmeasured=warn")[0] == {"passed": 1}


def test_codspeed_installed_and_not_asked_for(session):
    needs("pytest-codspeed")
    is_as_alone(session())


SUBTESTS = """

@digits
@pytest.mark.mxperf_budget(macs="608 k")
def test_in_parts(subtests, mxperf_cost):
    for metric in ("macs", "flops"):
        with subtests.test(metric):
            assert getattr(mxperf_cost, metric)
"""


def test_subtests(session):
    needs("pytest-subtests")
    counts, text, models = session(extra=SUBTESTS)
    assert counts["failed"] == 1, text
    assert {model["test"]: model["outcome"] for model in models}["test_it.py::test_in_parts"] == "passed"


ASYNC = """

@digits
@pytest.mark.mxperf_budget(macs="607 k")
@pytest.mark.asyncio
async def test_later(mxperf_cost):
    assert mxperf_cost.macs
"""


def test_an_asynchronous_test_is_judged_too(session):
    needs("pytest-asyncio")
    counts, text, models = session(extra=ASYNC)
    assert counts["failed"] == 2, text
    assert {model["test"]: model["outcome"] for model in models}["test_it.py::test_later"] == "failed"


HYPOTHESIS = """

from hypothesis import given, settings, strategies, HealthCheck


@digits
@pytest.mark.mxperf_budget(macs="608 k")
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.integers())
def test_given(mxperf_cost, number):
    assert mxperf_cost.macs
"""


def test_a_property_is_judged_once(session):
    needs("hypothesis")
    counts, text, models = session(extra=HYPOTHESIS)
    assert counts["failed"] == 1, text
    assert {model["test"]: model["outcome"] for model in models}["test_it.py::test_given"] == "passed"
