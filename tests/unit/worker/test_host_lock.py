"""One measurement at a time on a host, and what those see who wait for it."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import pytest_mxperf
from pytest_mxperf.errors import WorkerError
from pytest_mxperf.worker import host_lock
from pytest_mxperf.worker.host_lock import Holder, alone_on_this_host, lock_path

HOLD = """
import sys
from pytest_mxperf.worker.host_lock import alone_on_this_host

with alone_on_this_host(seconds=60, command="pytest tests/slow", run="run 7"):
    print("locked", flush=True)
    sys.stdin.readline()
print("released", flush=True)
sys.stdin.readline()
"""
FOREIGN = """
import fcntl, sys
stream = open(sys.argv[1], "a")
fcntl.flock(stream, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def start(folder):
    """Starts a process that has the lock, and ends it after the test."""
    processes = []

    def start(program=HOLD, *arguments):
        root = Path(pytest_mxperf.__file__).parents[1]
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "locked\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait(seconds=0.3, **options):
    """Waits in vain, and gives what it says and all that it has seen."""
    seen = []
    alone = alone_on_this_host(seconds=seconds, waiting=lambda *each: seen.append(each), **options)
    with pytest.raises(WorkerError) as caught, alone:
        pytest.fail("two have the lock")
    return str(caught.value), seen


def test_who_is_alone_does_not_wait():
    seen = []
    with alone_on_this_host(seconds=0, command="pytest", waiting=lambda *each: seen.append(each)):
        path = lock_path()
        assert (path.stat().st_mode & 0o777, path.stat().st_uid) == (0o600, os.getuid())
        text = path.read_text()
        assert f'"pid":{os.getpid()},"command":"pytest"' in text
    assert seen == []
    assert path.read_text() == ""


def test_it_is_told_at_once_for_whom_one_waits(start):
    holder = start()
    message, seen = wait()
    assert (seen[0][0].pid, seen[0][0].command, seen[0][0].run) == (holder.pid, "pytest tests/slow", "run 7")
    assert seen[0][1] == 0.0
    assert [waited for _, waited in seen] == sorted(waited for _, waited in seen)
    assert message == (
        f"process {holder.pid} (pytest tests/slow) measures on this host and has kept this run waiting for 0 s; "
        f"end it if it hangs (kill {holder.pid}); seconds=N waits longer"
    )


def test_a_stopped_one_is_told_from_one_that_works(start):
    holder = start()
    os.kill(holder.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
    message, _ = wait(option="seconds")
    assert message == (
        f"process {holder.pid} (pytest tests/slow; it is stopped) measures on this host and has kept this run waiting "
        f"for 0 s; let it go on (kill -CONT {holder.pid}) or end it (kill {holder.pid}); seconds=N waits longer"
    )


def test_of_one_that_does_not_say_who_it_is_the_kernel_knows(start):
    holder = start(FOREIGN, lock_path())
    lock_path().write_text('{"pid":1,"command":"killed before"}')
    message, seen = wait()
    assert seen[0][0].pid == holder.pid
    assert message.startswith(f"process {holder.pid} ({sys.executable} -c ?import fcntl, sys?stream = open(")


@pytest.fixture
def unknown_to_the_kernel(monkeypatch):
    """As where ``/proc`` is not there, or not of the holder's container."""
    monkeypatch.setattr(host_lock, "_locked_by", lambda inode: None)


def test_one_that_nobody_knows_is_waited_for_all_the_same(start, unknown_to_the_kernel):
    start(FOREIGN, lock_path())
    message, seen = wait()
    assert seen[0] == (None, 0.0)
    assert message == (
        f"another process has kept this run waiting for 0 s with {lock_path()}; see which: fuser -v {lock_path()}; "
        "seconds=N waits longer"
    )


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b'{"pid": "x"}', b'{"pid": 1}', b"null", b"9" * 10_000], ids=repr
)
def test_whatever_the_file_says_one_can_wait_for_it(start, unknown_to_the_kernel, content):
    lock_path().write_bytes(content)
    start(FOREIGN, lock_path())
    message, _ = wait()
    assert message.startswith("another process has kept this run waiting")


@pytest.mark.parametrize("ending", ["release", "SIGKILL", "SIGTERM"])
def test_it_is_had_once_the_holder_is_done_or_dead(start, ending):
    holder, seen = start(), []

    def waiting(who, waited):
        seen.append(who)
        if len(seen) == 2:
            if ending == "release":
                print(file=holder.stdin, flush=True)
            else:
                holder.send_signal(getattr(signal, ending))

    with alone_on_this_host(seconds=60, waiting=waiting):
        assert len(seen) >= 2
        assert f'"pid":{os.getpid()}' in lock_path().read_text()


class Clock:
    """Time that passes in sleep only, and what happens meanwhile."""

    def __init__(self, monkeypatch):
        self.now, self.jump = 1000.0, 0.0
        monkeypatch.setattr(host_lock.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(host_lock.time, "sleep", self.sleep)

    def sleep(self, seconds):
        self.now += seconds + self.jump


def test_each_turn_is_waited_for_anew(monkeypatch):
    """Nine minutes for each of three: whoever gets on in a queue does not give up."""
    clock = Clock(monkeypatch)
    patience = host_lock._Patience(600.0, "option", lambda holder, waited: None)

    def wait_until(end, turn):
        while clock.now < end:
            patience.wait(turn)

    for turn in (Holder(7, "pytest", since=1.0), Holder(7, "pytest", since=2.0), Holder(8, "pytest", since=2.5)):
        start = clock.now
        wait_until(start + 540, turn)
    with pytest.raises(WorkerError, match=r"process 8 \(pytest\) measures on this host and has kept .* for 600 s"):
        wait_until(start + 610, turn)


def test_while_the_waiter_is_stopped_nobody_keeps_it_waiting(monkeypatch):
    clock = Clock(monkeypatch)
    clock.jump = 3600.0
    patience = host_lock._Patience(600.0, "option", lambda holder, waited: None)
    for _ in range(100):
        patience.wait(None)


def test_who_has_just_had_it_lets_others_have_their_turn(start, monkeypatch):
    """Otherwise a session of many models would have it again before anybody looks."""
    slept = []
    monkeypatch.setattr(host_lock.time, "sleep", slept.append)
    monkeypatch.setattr(host_lock, "_released_at", time.monotonic() + 5.0)
    with alone_on_this_host(seconds=1):
        pass
    assert slept[0] > host_lock._POLL_SECONDS
    slept.clear()
    monkeypatch.setattr(host_lock, "_released_at", time.monotonic() - 5.0)
    with alone_on_this_host(seconds=1):
        pass
    assert slept[0] == 0.0


def test_an_interrupt_ends_the_waiting(start):
    start()

    def act(number, frame):
        raise TimeoutError("time is up")

    before = signal.signal(signal.SIGALRM, act)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    descriptors = os.listdir("/proc/self/fd")
    try:
        with pytest.raises(TimeoutError, match="time is up"), alone_on_this_host(seconds=60):
            pytest.fail("two have the lock")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert os.listdir("/proc/self/fd") == descriptors


@pytest.mark.parametrize("name", ["pread", "open", "flock"])
def test_whenever_it_comes(start, monkeypatch, name):
    """The ``TimeoutError`` of an alarm is an ``OSError``, as is what is to be expected of files."""
    start()

    def alarm(*arguments, **options):
        raise TimeoutError("time is up")

    monkeypatch.setattr(host_lock.fcntl if name == "flock" else host_lock.os, name, alarm)
    with pytest.raises(TimeoutError, match="time is up"), alone_on_this_host(seconds=60):
        pytest.fail("two have the lock")


@pytest.mark.parametrize("name", ["_locked_by", "_command_of", "_is_stopped"])
def test_nor_is_it_lost_in_what_is_read_of_others(monkeypatch, name):
    def alarm(*arguments, **options):
        raise TimeoutError("time is up")

    for reader in ("read_text", "read_bytes"):
        monkeypatch.setattr(host_lock.Path, reader, alarm)
    with pytest.raises(TimeoutError, match="time is up"):
        getattr(host_lock, name)(1)


def test_a_file_that_somebody_removes_is_made_anew(start):
    holder, seen = start(), []

    def waiting(who, waited):
        seen.append(who)
        if len(seen) == 1:
            lock_path().unlink()
            print(file=holder.stdin, flush=True)

    with alone_on_this_host(seconds=60, waiting=waiting):
        assert f'"pid":{os.getpid()}' in lock_path().read_text()
        with lock_path().open("a") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def refused():
    with pytest.raises(WorkerError) as caught, alone_on_this_host(seconds=1):
        pytest.fail("it was locked")
    assert str(caught.value).startswith("cannot lock this host: ")
    assert "set TMPDIR to a folder of your own" in str(caught.value)


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_a_link_where_the_lock_should_be_is_not_written_to(folder, link):
    precious = folder / "precious"
    precious.write_text("data")
    link(precious, lock_path())
    refused()
    assert precious.read_text() == "data"


def test_nor_is_what_is_no_file(folder):
    os.mkfifo(lock_path())
    refused()
    lock_path().unlink()
    lock_path().mkdir()
    refused()


def test_nor_is_somebody_elses_file(monkeypatch):
    lock_path().touch()
    monkeypatch.setattr(host_lock.os, "getuid", lambda: lock_path_owner + 1)
    lock_path_owner = os.stat(tempfile.tempdir).st_uid
    (Path(tempfile.tempdir) / f"pytest-mxperf-{lock_path_owner + 1}.lock").touch()
    refused()


def test_no_folder_for_temporary_files(monkeypatch, folder):
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "gone"))
    refused()


def test_what_others_can_read_is_made_private():
    lock_path().touch()
    lock_path().chmod(0o666)
    with alone_on_this_host(seconds=1):
        assert lock_path().stat().st_mode & 0o777 == 0o600


def test_a_command_is_one_line_that_no_terminal_obeys():
    assert str(Holder(2**30, "pytest\n\x1b[2J\ttests")) == f"process {2**30} (pytest??[2J?tests)"
    assert str(Holder(2**30, "x" * 201)) == f"process {2**30} ({'x' * 200}...)"


def test_a_full_disk_keeps_nobody_from_measuring(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(host_lock.os, "pwrite", full)
    monkeypatch.setattr(host_lock.os, "ftruncate", full)
    with alone_on_this_host(seconds=1):
        pass
