"""One measurement at a time on a host: a lock among the processes of one user, which also names its holder.

The lock is a file in the folder for temporary files, locked by ``flock``. So a process that crashes releases it. The
text of the file is only for messages: it says who has the lock.
"""

import fcntl
import os
import stat
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Iterator, Optional, Type

import msgspec

from pytest_mxperf.errors import WorkerError

__all__ = ["Holder", "alone_on_this_host", "lock_path"]

_POLL_SECONDS = 0.05
_COURTESY_SECONDS = 2 * _POLL_SECONDS
"""How long a process waits after its turn, so that others, which poll the lock, can get it."""
_LONGEST_BYTES = 4096
_LONGEST_COMMAND = 200
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Holder(msgspec.Struct, frozen=True):
    """The process that has the lock."""

    pid: int
    command: str
    run: str = ""
    """An id that all processes of one run share; empty for a run of one process."""
    since: float = 0.0
    """When it got the lock, by the system's clock. It distinguishes the turns of one process."""

    def __str__(self) -> str:
        stopped = "; it is stopped" if _is_stopped(self.pid) else ""
        return f"process {self.pid} ({_printable(self.command)}{stopped})"


Waiting = Callable[[Optional[Holder], float], None]


def lock_path() -> Path:
    return Path(tempfile.gettempdir()) / f"pytest-mxperf-{os.getuid()}.lock"


@contextmanager
def alone_on_this_host(
    *,
    seconds: float,
    command: str = "",
    run: str = "",
    option: str = "seconds",
    waiting: Waiting = lambda holder, waited: None,
) -> Iterator[None]:
    """Waits until no other process of this user measures on this host. Then the others wait.

    While it waits, it calls ``waiting`` again and again with the lock's holder, if known, and the seconds waited so
    far. Raises ``WorkerError`` if one turn of a holder takes longer than ``seconds``, or if there can be no lock: no
    folder for temporary files, or another user's file in the way. ``option`` is the user's option for ``seconds``.
    """
    descriptor = _acquire(seconds, option, waiting)
    try:
        _write(descriptor, Holder(os.getpid(), command or _own_command(), run, time.time()))
        yield
    finally:
        _release(descriptor)


def _acquire(seconds: float, option: str, waiting: Waiting) -> int:
    """Waits for the lock, and returns an open descriptor of the locked file."""
    time.sleep(max(0.0, min(_COURTESY_SECONDS, _released_at + _COURTESY_SECONDS - time.monotonic())))
    patience = _Patience(seconds, option, waiting)
    while True:
        descriptor = _open()
        try:
            while not _try_lock(descriptor):
                patience.wait(_read(descriptor))
            if _is_still_there(descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # somebody has removed the file: others lock a new one


class _Patience:
    """Counts how long it waits for each turn of a holder."""

    def __init__(self, seconds: float, option: str, waiting: Waiting) -> None:
        self._seconds, self._option, self._waiting = seconds, option, waiting
        self._holder: Optional[Holder] = None
        self._in_all = self._of_this_turn = 0.0

    def wait(self, holder: Optional[Holder]) -> None:
        """Waits for a moment. Raises ``WorkerError`` if this turn of the holder takes too long."""
        if holder != self._holder:
            self._holder, self._of_this_turn = holder, 0.0
        self._waiting(holder, self._in_all)
        if self._of_this_turn >= self._seconds:
            raise WorkerError(_gives_up(holder, self._of_this_turn, self._option))
        start = time.monotonic()
        time.sleep(_POLL_SECONDS)
        # Time in which this process itself is stopped is not time that it waits.
        passed = min(time.monotonic() - start, 10 * _POLL_SECONDS)
        self._in_all += passed
        self._of_this_turn += passed


def _gives_up(holder: Optional[Holder], waited: float, option: str) -> str:
    waited_for = f"kept this run waiting for {waited:.0f} s"
    longer = f"{option}=N waits longer"
    if holder is None:
        return f"another process has {waited_for} with {lock_path()}; see which: fuser -v {lock_path()}; {longer}"
    remedy = f"let it go on (kill -CONT {holder.pid}) or end it" if _is_stopped(holder.pid) else "end it if it hangs"
    return f"{holder} measures on this host and has {waited_for}; {remedy} (kill {holder.pid}); {longer}"


def _open() -> int:
    path = lock_path()
    try:
        descriptor = os.open(path, _OPEN, 0o600)  # follows no link: anybody may have put one there
    except TimeoutError:  # from a test's own alarm
        raise
    except OSError as error:
        raise WorkerError(f"cannot lock this host: {error}; set TMPDIR to a folder of your own") from None
    try:
        status = os.fstat(descriptor)
        # This file will be written to. With a second hard link it may be a file that somebody needs.
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_nlink > 1:
            problem = f"{path} is not a file of yours alone"
            raise WorkerError(f"cannot lock this host: {problem}; remove it, or set TMPDIR to a folder of your own")
        if stat.S_IMODE(status.st_mode) != 0o600:
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except TimeoutError:
        raise
    except OSError as error:
        raise WorkerError(f"cannot lock this host: {lock_path()}: {error.strerror}; set TMPDIR elsewhere") from None
    return True


def _is_still_there(descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(lock_path()), os.fstat(descriptor))
    return False


def _read(descriptor: int) -> Optional[Holder]:
    """The holder of the lock, if known. The kernel also knows holders that have not written their name."""
    recorded, pid = _recorded(descriptor), _locked_by(os.fstat(descriptor).st_ino)
    if pid is None or (recorded is not None and recorded.pid == pid):
        return recorded
    return Holder(pid, _command_of(pid))


def _recorded(descriptor: int) -> Optional[Holder]:
    """The holder by the file. None if it has not written its name yet, or is of another version."""
    with _unreadable(OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(os.pread(descriptor, _LONGEST_BYTES, 0), type=Holder)
    return None


def _locked_by(inode: int) -> Optional[int]:
    """The process in ``/proc/locks``, whose lines are like ``1: FLOCK  ADVISORY  WRITE 4242 08:01:131 0 EOF``."""
    with _unreadable(OSError, ValueError, IndexError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}") and int(fields[4]) > 0:
                return int(fields[4])
    return None


def _command_of(pid: int) -> str:
    with _unreadable(OSError):
        return " ".join(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")).strip()
    return "which has just ended"


def _write(descriptor: int, holder: Holder) -> None:
    """Measuring works without the holder's name, so a full disk is no error."""
    shown = msgspec.structs.replace(holder, command=_printable(holder.command))
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(shown), 0)


def _release(descriptor: int) -> None:
    global _released_at
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)
    _released_at = time.monotonic()


_released_at = float("-inf")


def _own_command() -> str:
    return " ".join(sys.argv)


def _printable(text: str) -> str:
    """The text in one line, without control characters."""
    shown = "".join(each if each.isprintable() else "?" for each in text)
    return shown if len(shown) <= _LONGEST_COMMAND else f"{shown[:_LONGEST_COMMAND]}..."


def _is_stopped(pid: int) -> bool:
    with _unreadable(OSError):
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return status.rpartition(")")[2].split()[:1] in (["T"], ["t"])
    return False


@contextmanager
def _unreadable(*kinds: Type[Exception]) -> Iterator[None]:
    """Suppresses these exceptions, but not the ``TimeoutError`` of a test's own alarm, which is an ``OSError`` too."""
    try:
        yield
    except TimeoutError:
        raise
    except kinds:
        pass
