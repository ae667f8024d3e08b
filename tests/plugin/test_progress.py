"""What a user sees while a model is timed, or while another run is: on a terminal, in CI, and from xdist's workers."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import pytest_mxperf
from pytest_mxperf.latency.decide import Decision, Outcome
from pytest_mxperf.plugin import progress
from pytest_mxperf.worker.host_lock import Holder

SOURCE = """
def network():
    import mxnet as mx

    return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden={width})

@pytest.mark.mxperf_model(network, inputs={{"data": (1, 16)}}, name="dense")
@pytest.mark.mxperf_baseline(macs="900%", params="900%", latency="2.5%")
def test_it(capfd):
    print("said by the test")
"""
PASSED = Decision(Outcome.PASSED, 0.001, -0.01, 0.021, 3)


@pytest.fixture
def changed(timer, write, run):
    """A baseline, and a model that has to be timed against it."""
    write(SOURCE.format(width=8))
    run("--mxperf-update").assert_outcomes(passed=1)
    write(SOURCE.format(width=9))
    timer.decisions = [PASSED]
    return timer


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def steps(changed, clock):
    """100 steps of a measurement, a second each."""

    def meanwhile(tell):
        for step in range(1, 101):
            clock.now += 1
            tell(f"timing dense: {step}")

    changed.meanwhile = meanwhile


def progress_lines(result):
    return [line for line in result.outlines if "timing dense" in line or line.startswith("mxperf: ")]


def test_without_a_terminal_there_is_a_line_each_half_minute(steps, run):
    result = run()
    result.assert_outcomes(passed=1)
    assert progress_lines(result) == [
        "mxperf: timing dense: 30",
        "mxperf: timing dense: 60",
        "mxperf: timing dense: 90",
    ]


@pytest.mark.parametrize("quiet", ["-q", "-qq"])
def test_and_none_if_it_shall_be_quiet(steps, run, quiet):
    result = run(quiet)
    assert result.ret == 0
    assert progress_lines(result) == []


def test_nor_for_what_takes_less(changed, clock, run):
    def meanwhile(tell):
        clock.now += 29
        tell("timing dense: 1")

    changed.meanwhile = meanwhile
    assert progress_lines(run()) == []


def test_on_a_terminal_it_is_rewritten_and_wiped_out(steps, run, pytester):
    pytester.makeconftest(
        """
        import pytest

        class Yes(int):  # an attribute in some versions of pytest, and a method in others
            def __call__(self):
                return True

        @pytest.hookimpl(trylast=True)
        def pytest_configure(config):
            config.pluginmanager.get_plugin("terminalreporter").isatty = Yes(1)
        """
    )
    text = run().stdout.str()
    assert sum(line.startswith("mxperf: ") for line in text.splitlines()) == 0
    assert "timing dense: 1 " in text
    assert "timing dense: 100" in text


def test_it_does_not_get_into_what_the_test_writes(steps, run):
    result = run("-rP")
    captured = result.stdout.str().split("Captured stdout call")[1]
    assert "said by the test" in captured
    assert "timing dense" not in captured


# Another run has the host

HOLD = """
import sys
from pytest_mxperf.worker.host_lock import alone_on_this_host

with alone_on_this_host(seconds=60, command="pytest tests/slow"):
    print("locked", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(pytester, monkeypatch):
    """Another process that has the lock."""
    monkeypatch.setattr(tempfile, "tempdir", str(pytester.path))
    monkeypatch.setenv("TMPDIR", str(pytester.path))
    root = str(Path(pytest_mxperf.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env={**os.environ, "PYTHONPATH": root},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.communicate()


def test_a_run_that_waits_says_for_whom_and_gives_up(changed, holder, run, verdicts, no_traceback):
    os.kill(holder.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
    result = run("--mxperf-latency-wait=0.3")
    result.assert_outcomes(failed=1)
    who = f"process {holder.pid} (pytest tests/slow; it is stopped)"
    result.stdout.fnmatch_lines(
        [
            f"mxperf: waits for {who} to measure on this host: at most 0.3 s for each turn",
            f"dense: latency was not measured: {who} measures on this host and has kept this run waiting for 0 s; "
            f"let it go on (kill -CONT {holder.pid}) or end it (kill {holder.pid}); "
            "--mxperf-latency-wait=N waits longer",
        ]
    )
    assert len(progress_lines(result)) == 1
    assert changed.asked == []
    no_traceback(result)
    assert verdicts("--mxperf-latency-wait=0.1")["test_it"]["latency"] == "UNMEASURED"


def test_it_says_so_even_if_it_shall_be_quiet(changed, holder, run):
    result = run("-q", "--mxperf-latency-wait=0.1")
    assert len(progress_lines(result)) == 1


def test_the_policy_decides_what_comes_of_it(changed, holder, run):
    run("--mxperf-latency-wait=0.1", "--mxperf-policy=unmeasured=warn").assert_outcomes(passed=1)


def test_a_run_that_has_waited_measures(changed, holder, run):
    told = []

    class Told(progress.Progress):
        def waiting(self, who, waited):
            super().waiting(who, waited)
            if not told:
                print(file=holder.stdin, flush=True)
            told.append(who)

    with pytest.MonkeyPatch.context() as patch:
        from pytest_mxperf.plugin import hooks

        patch.setattr(hooks, "Progress", Told)
        run().assert_outcomes(passed=1)
    assert told[0].command == "pytest tests/slow"
    assert len(changed.asked) == 1


def test_a_time_limit_meets_the_waiting(changed, holder, run):
    pytest.importorskip("pytest_timeout")
    result = run("-p", "timeout", "--timeout=0.5", "--timeout-method=signal")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Failed: Timeout*"])
    assert "INTERNALERROR" not in result.stdout.str()


@pytest.mark.slow
def test_a_worker_of_xdist_says_it_on_stderr(changed, holder, pytester):
    pytest.importorskip("xdist")
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-n1", "--mxperf-latency-wait=0.3")
    result.assert_outcomes(failed=1)
    who = f"process {holder.pid} (pytest tests/slow)"
    result.stderr.fnmatch_lines(
        [f"mxperf [[]gw0[]]: waits for {who} to measure on this host: at most 0.3 s for each turn"]
    )


@pytest.mark.slow
def test_so_does_a_run_without_a_terminal_reporter(changed, holder, pytester):
    result = pytester.runpytest_subprocess(
        "-p", "no:hypothesispytest", "-p", "no:terminal", "-p", "no:benchmark", "--mxperf-latency-wait=0.3"
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stderr.fnmatch_lines([f"mxperf: waits for process {holder.pid} (pytest tests/slow) to measure *"])


def test_a_holder_is_named_by_what_the_user_typed(changed, run):
    from pytest_mxperf.worker.host_lock import lock_path

    seen = []
    changed.meanwhile = lambda tell: seen.append(lock_path().read_text())
    run("--mxperf-latency-wait=5", "test_it.py").assert_outcomes(passed=1)
    assert '"command":"pytest ' in seen[0]
    assert "--mxperf-latency-wait=5 test_it.py" in seen[0]


# How often it is said


@pytest.fixture
def said(clock, monkeypatch):
    """What is said while one waits, by the second."""
    lines = []
    monkeypatch.setattr(progress.Progress, "say", lambda self, text: lines.append((clock.now, text)))

    def said(turns, run=""):
        config = SimpleNamespace(workerinput={"testrunuid": run} if run else {}, option=SimpleNamespace(verbose=0))
        shown = progress.Progress(config, 600.0)
        for holder, seconds in turns:
            for _ in range(seconds):
                shown.waiting(holder, clock.now)
                clock.now += 1
        return lines

    return said


STRANGER, OTHER, SIBLING = Holder(2**30, "pytest a"), Holder(2**30 + 1, "pytest b"), Holder(2**30 + 2, "pytest c", "7")


def test_it_is_said_at_once_and_each_minute(said):
    lines = said([(STRANGER, 150)])
    assert [now for now, _ in lines] == [0, 60, 120]
    assert lines[0][1] == (f"waits for process {2**30} (pytest a) to measure on this host: at most 600 s for each turn")
    assert lines[1][1].endswith("to measure on this host: 60 s so far, at most 600 s for each turn")


def test_turns_of_one_holder_are_no_news(said):
    assert [now for now, _ in said([(STRANGER, 5), (OTHER, 5), (STRANGER, 5), (OTHER, 51)])] == [0, 5, 65]


def test_workers_of_one_run_say_it_after_a_minute(said):
    assert [now for now, _ in said([(SIBLING, 130)], run="7")] == [60, 120]
    assert [now for now, _ in said([(SIBLING, 1)], run="8")][-1] == 130


def test_an_unknown_holder_gets_a_moment_to_say_who_it_is(said):
    assert [now for now, _ in said([(None, 2)])] == [1]
    assert said([(None, 60)])[0][1].startswith("waits for another process to measure")
