"""Tries in a forked child what MXNet might not survive, so that a crash does not end the session.

A fork costs 10 to 20 ms beside the work itself, on an idle machine. MXNet prepares for it: its engine stops before a
fork and starts again on both sides (``src/initialize.cc``). Gluon's ``DataLoader`` relies on the same.

The limit of a trial counts the time in which the child computes. So a machine that stands still, or has no free core,
fails no model.
"""

import os
import resource
import signal
import sys
import time
import warnings
from contextlib import contextmanager, suppress
from typing import Callable, Iterator, Optional, Sequence

from pytest_mxperf.errors import ModelError, listed

__all__ = ["SECONDS_OF_A_TRIAL", "memory_limit_bytes", "try_in_child"]

SECONDS_OF_A_TRIAL = 8.0
"""How many seconds a trial may compute if it is expected to be short."""

_SPARE_BYTES = 2 * 1024**3
_POLL_SECONDS = 0.001
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
    """Does the work in a forked child. Raises ``ModelError`` if that dies or takes too long: "``who`` dies ``doing``".

    It may compute for ``seconds``, with any number of threads, and live for 20 times as long; time in
    which this process stands still itself does not count.
    Other errors in there, exceptions included, come again when the caller does the work itself.
    The child may take 2 GiB beside the ``expected_bytes``. Does nothing where there is no ``fork``.
    """
    death = _death_of(work, seconds, expected_bytes + _SPARE_BYTES)
    if death is not None:
        raise ModelError(
            f"{who} {death} {doing}; tried in a process of its own, for this operator or its attributes "
            f"may be why: {listed(suspects, 3)}"
        )


def _death_of(work: Callable[[], object], seconds: float, more_bytes: int) -> Optional[str]:
    """How the child ended, if neither normally nor by an exception."""
    if not hasattr(os, "fork"):
        return None
    last_word, pen = os.pipe()
    child = 0
    try:
        with _signals_held(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of forks beside threads, which MXNet has
            child = os.fork()
            if child == 0:
                _be_the_child(work, more_bytes, pen)
        os.close(pen)
        status = _wait_for(child, _Watch(child, seconds))
        word = os.read(last_word, 1)
    except _TakesTooLongError as error:
        return str(error)
    finally:
        _end(child)  # also when an interrupt comes in between
        os.close(last_word)
    if word == _OUT_OF_MEMORY:
        return f"takes more than {more_bytes:,} bytes of memory"
    return None if word == _DONE else _describe(status)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Python handles no signal meanwhile. In the child, a handler would continue the session a second time."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS_HELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_DONE, _OUT_OF_MEMORY = b"d", b"m"


def _be_the_child(work: Callable[[], object], more_bytes: int, pen: int) -> None:
    """Never returns, because nothing of the session may run or be written twice."""
    word = _DONE
    with suppress(BaseException):
        sys.stdout = sys.stderr = silence = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        for descriptor in (1, 2):
            os.dup2(silence.fileno(), descriptor)
        # MXNet catches segmentation faults to write a trace and exit, and pytest's faulthandler to write another.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS_HELD)
        _limit_memory(more_bytes)
    try:
        work()
    except BaseException as error:
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):
            word = _OUT_OF_MEMORY
    with suppress(BaseException):
        os.write(pen, word)
    os._exit(0)


def _limit_memory(more_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/self/statm", encoding="ascii") as statm:
        data_pages = int(statm.read().split()[5])
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = data_pages * resource.getpagesize() + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


class _TakesTooLongError(Exception):
    """Its text is what the child does: "takes longer than"."""


class _Watch:
    """Adds up how long the child computes and lives, in short steps that do not depend on the clock."""

    def __init__(self, child: int, seconds: float) -> None:
        self._child, self._seconds = child, seconds
        self._looked_at, self._cpu_seconds = time.monotonic(), _cpu_seconds(child)
        self._computed = self._lived = 0.0

    def look(self) -> None:
        """Raises ``_TakesTooLongError``."""
        passed = time.monotonic() - self._looked_at
        if passed < _LOOK_SECONDS:
            return
        self._looked_at += passed
        cpu_seconds = _cpu_seconds(self._child)
        # Many threads compute no longer than one.
        self._computed += min(passed, cpu_seconds - self._cpu_seconds)
        self._lived += min(passed, 4 * _LOOK_SECONDS)
        self._cpu_seconds = cpu_seconds
        if self._computed > self._seconds:
            raise _TakesTooLongError(f"takes longer than {self._seconds:g} s")
        if self._lived > _IDLE_LIMIT * self._seconds:
            raise _TakesTooLongError(f"hangs (it computed for {self._computed:.2g} of {self._lived:.2g} s)")


def _cpu_seconds(pid: int) -> float:
    """Of all threads of the process; 0 where there is none, or nothing tells."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (FileNotFoundError, ProcessLookupError, PermissionError, IndexError, ValueError):
        return 0.0  # not for every OSError: the TimeoutError of a test's own alarm is one


def _wait_for(child: int, watch: _Watch) -> int:
    """The child's wait status, 0 if somebody else has taken it. Raises what the watch does."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status
            watch.look()
            time.sleep(_POLL_SECONDS)
    return 0


def _end(child: int) -> None:
    """Kills it if it still is there, and leaves no zombie."""
    with suppress(ProcessLookupError, ChildProcessError):
        if child and os.waitpid(child, os.WNOHANG) == (0, 0):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _describe(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"crashes with {signal.Signals(number).name} ({signal.strsignal(number)})"
    return f"ends the process with exit code {os.WEXITSTATUS(status)}"


def memory_limit_bytes() -> int:
    """What this process may have: the machine's memory, or less where a limit is set (``ulimit``)."""
    soft_limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *(limit for limit in soft_limits if limit != resource.RLIM_INFINITY)])
