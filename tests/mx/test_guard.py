"""Work that MXNet might not survive, done in a child first."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest

from pytest_mxperf.errors import ModelError


def try_in_child(work, **limits):
    from pytest_mxperf.mx.guard import try_in_child

    try_in_child(work, "net: MXNet", "working", ["Correlation 'c'", "RNN 'r'"], **limits)


@pytest.fixture(autouse=True)
def _no_child_of_the_session():
    """Another test's may be there."""
    from pytest_mxperf.mx import trials

    trials.close()
    yield
    trials.close()


def kill_by(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


@pytest.mark.parametrize("number", ["SIGFPE", "SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_death_is_told_with_its_signal_and_the_suspects(number):
    with pytest.raises(ModelError) as caught:
        try_in_child(lambda: kill_by(getattr(signal, number)))
    message = str(caught.value)
    assert message.startswith(f"net: MXNet crashes with {number} (")
    assert ") working; " in message
    assert message.endswith(": Correlation 'c', RNN 'r'")


@pytest.mark.parametrize("code", [255, 0])
def test_an_exit_is_a_death_too(code):
    with pytest.raises(ModelError, match=f"net: MXNet ends the process with exit code {code} working"):
        try_in_child(lambda: os._exit(code))


def test_a_child_that_nobody_needs_to_wait_for_is_told_by_its_last_word():
    """Where a session ignores SIGCHLD the kernel keeps no exit status."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        try_in_child(lambda: time.sleep(0.05))
        with pytest.raises(ModelError, match="ends the process"):
            try_in_child(lambda: kill_by(signal.SIGKILL))
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_no_descriptor_is_left_open():
    before = os.listdir("/proc/self/fd")
    try_in_child(lambda: None)
    with pytest.raises(ModelError):
        try_in_child(compute_for_ever, seconds=0.1)
    assert os.listdir("/proc/self/fd") == before


def compute_for_ever():
    while True:
        pass


def test_what_computes_too_long_is_stopped():
    with pytest.raises(ModelError, match=r"net: MXNet takes longer than 0\.2 s working"):
        try_in_child(compute_for_ever, seconds=0.2)
    no_child_is_left()


def test_what_hangs_is_stopped_much_later():
    with pytest.raises(ModelError, match=r"net: MXNet hangs \(it computed for 0(\.0\d)? of \d.* s\) working"):
        try_in_child(lambda: time.sleep(60), seconds=0.05)
    no_child_is_left()


def no_child_is_left():
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.fixture
def stopped():
    """Stops a process for so many seconds, by another one, as soon as it runs; the process to stop is the child's."""

    def stopped(seconds, *, with_parent):
        def work():
            pids = [os.getpid(), *([os.getppid()] if with_parent else [])]
            code = f"""
import os, signal, time
for number in (signal.SIGSTOP, signal.SIGCONT):
    for pid in {pids}:
        os.kill(pid, number)
    time.sleep({seconds} if number == signal.SIGSTOP else 0)
"""
            before = time.monotonic()
            subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
            while time.monotonic() - before < seconds:  # it jumps once this process goes on
                time.sleep(0.001)

        return work

    return stopped


@pytest.mark.parametrize("with_parent", [False, True], ids=["the child", "the whole session"])
def test_a_pause_is_no_work(stopped, with_parent):
    """Three times as long as it may compute; its wall time is what a watch on the wall would have counted."""
    try_in_child(stopped(1.5, with_parent=with_parent), seconds=0.5)
    no_child_is_left()


def test_a_pause_of_the_session_is_not_time_that_the_child_has_lived(monkeypatch):
    """A clock that jumps by an hour with each look."""
    from pytest_mxperf.mx import guard

    watch = guard._Watch(os.getpid(), seconds=1.0)
    clock, cpu = iter(range(3600, 10**9, 3600)), iter([0.1, 0.2, 0.3])
    monkeypatch.setattr(guard.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(guard, "_cpu_seconds", lambda pid: next(cpu))
    watch._looked_at, watch._cpu_seconds = 0.0, 0.0
    for _ in range(3):
        watch.look()
    assert (round(watch._computed, 6), round(watch._lived, 6)) == (0.3, 0.6)


def test_threads_side_by_side_take_no_longer_than_one(monkeypatch):
    """64 threads that compute for a second, looked at ten times: 1 s, of 64 s of CPU time."""
    from pytest_mxperf.mx import guard

    clock, cpu = iter(range(1, 11)), iter(range(64, 641, 64))
    watch = guard._Watch(os.getpid(), seconds=8.0)
    watch._looked_at, watch._cpu_seconds = 0.0, 0.0
    monkeypatch.setattr(guard.time, "monotonic", lambda: next(clock) / 10)
    monkeypatch.setattr(guard, "_cpu_seconds", lambda pid: next(cpu) / 10)
    for _ in range(10):
        watch.look()
    assert round(watch._computed, 6) == 1.0


def test_the_childs_cpu_time_is_counted():
    from pytest_mxperf.mx.guard import _cpu_seconds

    child = subprocess.Popen([sys.executable, "-c", "import time\nwhile time.process_time() < 60: pass"])
    try:
        while _cpu_seconds(child.pid) < 0.3:
            time.sleep(0.01)
        assert _cpu_seconds(child.pid) < 60
    finally:
        child.kill()
        child.wait()
    assert _cpu_seconds(child.pid) == 0.0


def test_a_signal_that_python_acts_on_ends_the_child_too():
    """As pytest-timeout does it."""

    def act(number, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, act)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeoutError):
            try_in_child(lambda: time.sleep(60))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    no_child_is_left()


def test_even_while_the_childs_time_is_read(monkeypatch):
    """The ``TimeoutError`` of an alarm is an ``OSError``, as is a process that is not there."""
    from pytest_mxperf.mx import guard

    def alarm(*arguments, **options):
        raise TimeoutError("time is up")

    monkeypatch.setattr("builtins.open", alarm)
    with pytest.raises(TimeoutError):
        guard._cpu_seconds(1)


def test_no_signal_is_held_back_afterwards():
    try_in_child(lambda: None)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_memory_is_limited_beside_what_is_expected():
    import numpy as np

    def work():
        np.empty(3 * 1024**3, np.uint8)

    with pytest.raises(ModelError, match="net: MXNet takes more than 2,147,483,648 bytes of memory working"):
        try_in_child(work)
    try_in_child(work, expected_bytes=2 * 1024**3)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_is_left_to_the_second_time(error):
    def work():
        raise error

    try_in_child(work)


def test_the_child_leaves_no_trace(capfd, tmp_path):
    """Neither output, nor anything that is done at the end of a process."""
    with open(tmp_path / "buffered", "w") as stream:
        stream.write("once\n")
        try_in_child(lambda: print("said by the child"))
    assert (tmp_path / "buffered").read_text() == "once\n"
    assert capfd.readouterr() == ("", "")


def test_it_works_after_mxnet_has_computed_and_beside_threads():
    """MXNet's engine and OpenMP have threads by then, which a fork does not take along."""
    import mxnet as mx

    def work():
        product = mx.nd.dot(mx.nd.ones((300, 300)), mx.nd.ones((300, 300)))
        os._exit(7 if product.asnumpy()[0, 0] == 300 else 8)

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        mx.nd.dot(mx.nd.ones((300, 300)), mx.nd.ones((300, 300))).asnumpy()
        for _ in range(5):
            with pytest.raises(ModelError, match="exit code 7"):
                try_in_child(work)
        assert mx.nd.dot(mx.nd.ones((2, 2)), mx.nd.ones((2, 2))).asnumpy()[0, 0] == 2
    finally:
        stop.set()
        thread.join()


def try_in_session_child(work, *, in_new_child=False):
    from pytest_mxperf.mx.trials import try_in_session_child

    try_in_session_child(work, "net: MXNet", "loading", ["Correlation 'c'"], in_new_child=in_new_child)


@pytest.fixture
def forks(monkeypatch):
    """A list that has an entry for each fork."""
    fork, found = os.fork, []

    def counted():
        found.append(1)
        return fork()

    monkeypatch.setattr(os, "fork", counted)
    return found


def append(path, *, then=None):
    with open(path, "a") as stream:
        stream.write(f"{os.getpid()}\n")
    if then is not None:
        then()


def fail():
    raise ValueError


def exhaust():
    raise MemoryError


@pytest.fixture
def pids(tmp_path):
    """A file that a trial writes its process to, and what has been written."""
    path = tmp_path / "pids"
    return path, lambda: path.read_text().split()


@pytest.fixture(autouse=True)
def _small_session(monkeypatch):
    """A session that runs all tests has grown too large to keep a child."""
    from pytest_mxperf.mx import trials

    monkeypatch.setattr(trials, "data_bytes", lambda: 0)


def test_one_child_serves_the_session(forks, pids):
    path, written = pids
    for _ in range(3):
        try_in_session_child(partial(append, path))
    assert len(forks) == 1
    assert len(set(written())) == 1 < len(written())
    assert str(os.getpid()) not in written()


@pytest.mark.parametrize(
    ("then", "message"),
    [
        (partial(kill_by, signal.SIGFPE), r"net: MXNet crashes with SIGFPE \(.*\) loading; .*: Correlation 'c'"),
        (partial(os._exit, 3), "net: MXNet ends the process with exit code 3 loading"),
        (exhaust, "net: MXNet takes more than 2,147,483,648 bytes of memory loading"),
    ],
)
def test_a_death_is_told_when_a_new_child_dies_too_and_is_replaced(forks, pids, then, message):
    path, written = pids
    try_in_session_child(partial(append, path))
    with pytest.raises(ModelError, match=message):
        try_in_session_child(partial(append, path, then=then))
    try_in_session_child(partial(append, path))
    assert len(forks) == 3
    first, again, fresh, after = written()
    assert first == again
    assert len({first, fresh, after}) == 3


def die_if(pid):
    if os.getpid() == pid:
        os.abort()


def test_what_only_a_used_child_dies_of_is_no_fault_of_the_model(pids):
    """An earlier model may have written where it should not."""
    path, written = pids
    try_in_session_child(partial(append, path))
    try_in_session_child(partial(die_if, int(written()[0])))


def test_what_a_used_child_cannot_do_is_tried_by_a_new_one(forks, pids):
    """It does not know the operators that the session has registered since."""
    path, written = pids
    try_in_session_child(partial(append, path))
    try_in_session_child(partial(append, path, then=fail))
    try_in_session_child(partial(append, path))
    assert len(forks) == 2
    first, again, fresh, after = written()
    assert (first == again, fresh == after, first == fresh) == (True, True, False)


def test_what_calls_into_the_session_is_tried_by_a_new_child(forks, pids):
    path, _ = pids
    for _ in range(2):
        try_in_session_child(partial(append, path), in_new_child=True)
    assert len(forks) == 2


def test_a_used_child_that_computes_too_long_is_stopped_at_once(forks, monkeypatch, pids):
    from pytest_mxperf.mx import trials

    path, _ = pids
    monkeypatch.setattr(trials, "SECONDS_OF_A_TRIAL", 0.2)
    try_in_session_child(partial(append, path))
    with pytest.raises(ModelError, match=r"net: MXNet takes longer than 0\.2 s loading"):
        try_in_session_child(compute_for_ever)
    assert len(forks) == 1
    no_child_is_left()


def test_a_child_that_was_killed_meanwhile_is_replaced(pids):
    path, written = pids
    try_in_session_child(partial(append, path))
    os.kill(int(written()[0]), signal.SIGKILL)
    try_in_session_child(partial(append, path))
    assert len(set(written())) == 2


def test_a_child_of_a_large_session_does_not_stay(monkeypatch, pids):
    """It would keep the session's memory."""
    from pytest_mxperf.mx import trials

    path, _ = pids
    monkeypatch.setattr(trials, "data_bytes", lambda: 1024**3 + 1)
    try_in_session_child(partial(append, path))
    no_child_is_left()


def test_a_fork_of_the_session_leaves_its_child_alone(forks, pids):
    """As pytest-forked makes one for each test."""
    path, written = pids
    try_in_session_child(partial(append, path))
    pid = os.fork()
    if pid == 0:
        try:
            try_in_session_child(partial(append, path))
        finally:
            from pytest_mxperf.mx import trials

            trials.close()
            os._exit(0)
    os.waitpid(pid, 0)
    try_in_session_child(partial(append, path))
    first, other, last = written()
    assert (first == last, first == other) == (True, False)


def test_the_child_ends_with_the_session(pids):
    """Also with one that is killed, and that has written to a pipe which somebody reads to its end."""
    path, written = pids
    code = f"""
import os, sys
from functools import partial
from pytest_mxperf.mx.trials import try_in_session_child
from tests.mx.test_guard import append
try_in_session_child(partial(append, {str(path)!r}), "net", "loading", ["RNN 'r'"])
os.kill(os.getpid(), 9)
"""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, timeout=60).returncode == -9
    pid = int(written()[0])
    while os.path.exists(f"/proc/{pid}"):
        time.sleep(0.01)


def test_the_child_has_no_file_of_the_session():
    """Nor its locks: whoever waits for the end of one of its pipes would wait for the child."""
    reader, writer = os.pipe()
    try_in_session_child(partial(os.fstat, 0))
    os.close(writer)
    assert os.read(reader, 1) == b""  # at once
    os.close(reader)


def test_work_is_sent_whatever_its_size(forks):
    """A pipe takes 64 KiB at a time."""
    for _ in range(2):
        try_in_session_child(partial(len, bytes(10**6)))
    assert len(forks) == 1
