"""Does work that might crash MXNet in a forked child, so that a crash does not end the session.

A fork costs 10 to 20 ms beside the work itself on an idle machine, and 135 ms in a session of 2.5 GiB. So a child can
stay and serve the trials that follow (``trials.py``). MXNet prepares for a fork: its engine stops before it and starts
again on both sides (``src/initialize.cc``). Gluon's ``DataLoader`` relies on the same.

The time limit of a trial counts only time in which the child computes. So no model fails because the machine stands
still or has no free core.
"""

import gc
import os
import pickle
import resource
import select
import signal
import sys
import time
import warnings
from contextlib import contextmanager, suppress
from typing import Callable, Iterator, NoReturn, Optional, Sequence

from pytest_mxperf.errors import ModelError, listed

__all__ = [
    "SECONDS_OF_A_TRIAL",
    "SPARE_BYTES",
    "Child",
    "TakesTooLongError",
    "data_bytes",
    "memory_limit_bytes",
    "refuse",
    "try_in_child",
]

SECONDS_OF_A_TRIAL = 8.0
"""How many seconds a trial may compute if it is expected to be short."""

SPARE_BYTES = 2 * 1024**3
"""How much memory a trial may take beside the expected bytes."""

_LOOK_SECONDS = 0.05
"""How often the child's CPU time is read. The kernel counts it in hundredths of a second."""
_IDLE_LIMIT = 20
"""A child that computes nothing is ended after this many times the CPU time that it may take."""
_SIGNALS_HELD = {signal.SIGINT, signal.SIGTERM, signal.SIGALRM}


def try_in_child(
    work: Callable[[], object],
    who: str,
    doing: str,
    suspects: Sequence[str],
    *,
    seconds: float = SECONDS_OF_A_TRIAL,
    expected_bytes: int = 0,
) -> None:
    """Does the work in a new child. Raises ``ModelError`` if the child crashes, takes too long or too much memory.

    The child may compute for ``seconds``, with any number of threads, and live for 20 times as long, without time in
    which this process stands still. It may take 2 GiB beside the ``expected_bytes``. An exception in the child is
    ignored: it comes again when the caller does the work itself. Does nothing on a system without ``fork``.
    """
    if not hasattr(os, "fork"):
        return
    child = Child(work, expected_bytes + SPARE_BYTES)
    try:
        child.wait(seconds)
        death = child.death
    except TakesTooLongError as error:
        death = str(error)
    finally:
        child.end()  # also when an interrupt comes in between
    refuse(death, who, doing, suspects)


def refuse(death: Optional[str], who: str, doing: str, suspects: Sequence[str]) -> None:
    """Raises ``ModelError`` if there is a ``death``: "``who`` crashes with SIGFPE ``doing``"."""
    if death is not None:
        raise ModelError(
            f"{who} {death} {doing}; tried in a child process, because this operator or its attributes may crash "
            f"MXNet: {listed(suspects, 3)}"
        )


class Child:
    """A forked process that does some work, reports the result, and then waits for more work."""

    def __init__(self, work: Callable[[], object], more_bytes: int) -> None:
        self.owner = os.getpid()
        """The child's parent. A fork of the parent has the same pipes, but cannot wait for the child."""
        self.death: Optional[str] = None
        """How the child crashed, or how much memory it wanted. None if neither."""
        self._more_bytes = more_bytes
        self._pid = 0
        self._words, pen = os.pipe()
        jobs, self._jobs = os.pipe()
        try:
            with _signals_held(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python warns of a fork in a process with threads, such as MXNet's
                self._pid = os.fork()
                if self._pid == 0:
                    os.close(self._jobs)
                    _be_the_child(work, more_bytes, jobs, pen)
        except BaseException:
            self.end()
            raise
        finally:
            os.close(jobs)
            os.close(pen)

    def ask(self, work: Callable[[], object], more_bytes: int, seconds: float) -> bool:
        """Gives the child this work too, pickled. Returns and raises what ``wait`` does."""
        job = memoryview(pickle.dumps((work, more_bytes)))
        self._more_bytes = more_bytes
        with suppress(BrokenPipeError):  # the child is dead, and wait() says how it ended
            while job:
                job = job[os.write(self._jobs, job) :]
        return self.wait(seconds)

    def wait(self, seconds: float) -> bool:
        """Whether the work was done without an exception. Raises ``TakesTooLongError``."""
        word = self._word(seconds)
        if word == _OUT_OF_MEMORY:
            self.death = f"takes more than {self._more_bytes:,} bytes of memory"
        elif not word:
            self.death = _describe(self._status())
        return word == _DONE

    def _word(self, seconds: float) -> bytes:
        """The child's report; empty if the child is dead."""
        poll, watch = select.poll(), _Watch(self._pid, seconds)
        poll.register(self._words, select.POLLIN)
        while not poll.poll(1000 * _LOOK_SECONDS):
            watch.look()
        return os.read(self._words, 1)

    def _status(self) -> int:
        """The wait status of a child that has closed its pipe; 0 if other code has waited for it."""
        with suppress(ChildProcessError):
            _, status = os.waitpid(self._pid, 0)
            self._pid = 0
            return status
        return 0

    def end(self) -> None:
        """Kills the child if it still runs, and leaves neither zombie nor pipe."""
        with suppress(ProcessLookupError, ChildProcessError):
            if self._pid and os.waitpid(self._pid, os.WNOHANG) == (0, 0):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
        self._pid = 0
        for pipe in (self._words, self._jobs):
            if pipe >= 0:
                os.close(pipe)
        self._words = self._jobs = -1


@contextmanager
def _signals_held() -> Iterator[None]:
    """Blocks signals during the fork. In the child, a signal handler could continue the session a second time."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS_HELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_DONE, _RAISED, _OUT_OF_MEMORY = b"d", b"r", b"m"


def _be_the_child(work: Callable[[], object], more_bytes: int, jobs: int, pen: int) -> NoReturn:
    """Never returns, because nothing of the session may run or be written twice."""
    try:
        _leave_the_session(jobs, pen)
        with open(jobs, "rb") as stream:
            while True:
                os.write(pen, _word_for(work, more_bytes))
                work, more_bytes = pickle.load(stream)  # raises EOFError when the session ends
    finally:
        os._exit(0)


def _leave_the_session(jobs: int, pen: int) -> None:
    """Drops the session's signal handlers and files. Freezes its objects, because no finalizer may run twice."""
    with suppress(BaseException):
        gc.freeze()
        sys.stdout = sys.stderr = silence = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        for descriptor in map(int, os.listdir("/dev/fd")):
            # Not closed: another file would get the number, and the session's object would close that file.
            if descriptor not in (jobs, pen, silence.fileno()):
                os.dup2(silence.fileno(), descriptor)
        # MXNet catches segmentation faults to write a trace and exit, pytest's faulthandler to write its own.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS_HELD)
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _word_for(work: Callable[[], object], more_bytes: int) -> bytes:
    try:
        _limit_memory(more_bytes)
        work()
    except BaseException as error:
        return _OUT_OF_MEMORY if isinstance(error, MemoryError) or "bad_alloc" in str(error) else _RAISED
    return _DONE


def _limit_memory(more_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = data_bytes() + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def data_bytes() -> int:
    """The bytes of data that this process has allocated."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[5]) * resource.getpagesize()


class TakesTooLongError(Exception):
    """The text goes into a sentence about the child: "takes longer than 8 s"."""


class _Watch:
    """Adds up how long the child computes and lives, in short steps, so that a pause of the machine does not count."""

    def __init__(self, child: int, seconds: float) -> None:
        self._child, self._seconds = child, seconds
        self._looked_at, self._cpu_seconds = time.monotonic(), _cpu_seconds(child)
        self._computed = self._lived = 0.0

    def look(self) -> None:
        """Reads the child's times. Raises ``TakesTooLongError``."""
        passed = time.monotonic() - self._looked_at
        if passed < _LOOK_SECONDS:
            return
        self._looked_at += passed
        cpu_seconds = _cpu_seconds(self._child)
        # Several threads count as one.
        self._computed += min(passed, cpu_seconds - self._cpu_seconds)
        self._lived += min(passed, 4 * _LOOK_SECONDS)
        self._cpu_seconds = cpu_seconds
        if self._computed > self._seconds:
            raise TakesTooLongError(f"takes longer than {self._seconds:g} s")
        if self._lived > _IDLE_LIMIT * self._seconds:
            raise TakesTooLongError(f"hangs (it computed for {self._computed:.2g} of {self._lived:.2g} s)")


def _cpu_seconds(pid: int) -> float:
    """The CPU seconds of all threads of the process; 0 if there is no process, or if they cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (FileNotFoundError, ProcessLookupError, PermissionError, IndexError, ValueError):
        return 0.0  # not for every OSError: a test's own alarm may raise TimeoutError


def _describe(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"crashes with {signal.Signals(number).name} ({signal.strsignal(number)})"
    return f"ends the process with exit code {os.WEXITSTATUS(status)}"


def memory_limit_bytes() -> int:
    """How much memory this process may have: the machine's memory, or less if there is a limit (``ulimit``)."""
    soft_limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *(limit for limit in soft_limits if limit != resource.RLIM_INFINITY)])
