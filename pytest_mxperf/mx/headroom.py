"""How much memory this process may still take, and a limit: MXNet's requests beyond it fail.

Without a limit the machine would swap, or the kernel would kill this process or another.
"""

import ctypes
import resource
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

import psutil

__all__ = ["as_ever", "free_bytes", "gibibytes", "large_blocks_apart", "limit_to"]

_GIVEN = tuple(resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
"""The limits that this process started with."""
_UNLIMITED = 1 << 60
"""A control group with a larger limit has none: version 1 writes the largest possible number of pages."""


def free_bytes(root: Path = Path("/")) -> int:
    """The bytes that the machine, the control groups and this process's limits leave: the least of these."""
    used = int(psutil.Process().memory_info().vms)
    limits = [limit - used for limit in _GIVEN if limit != resource.RLIM_INFINITY]
    available = int(psutil.virtual_memory().available)
    return max(0, min([available, *limits, *_control_groups(root)]))


def limit_to(more_bytes: int) -> None:
    """Lets this process map this many more bytes than now. Requests beyond the limit fail. 0 removes the limit."""
    given, (_, hard) = _GIVEN[0], resource.getrlimit(resource.RLIMIT_AS)
    wanted = psutil.Process().memory_info().vms + more_bytes
    soft = given if not more_bytes else wanted if given == resource.RLIM_INFINITY else min(wanted, given)
    with suppress(ValueError, OSError):  # a system that has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def gibibytes(count: int) -> str:
    """A number of bytes in GiB, or in MiB below 1 GiB.

    >>> gibibytes(7_086_696_038), gibibytes(50 << 20)
    ('6.6 GiB', '50 MiB')
    """
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _control_groups(root: Path) -> Iterator[int]:
    """The bytes that each control group of this process, version 1 or 2, and each of its parents leaves."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory") and "memory" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        # A container sees its own group as the root.
        for folder in (base / path.strip("/"), *_between(base, path), base):
            left = _left(folder)
            if left is not None:
                yield left


def _between(base: Path, path: str) -> List[Path]:
    parts = [part for part in path.split("/") if part]
    return [base.joinpath(*parts[:count]) for count in range(len(parts) - 1, 0, -1)]


_FILES: Tuple[Tuple[str, str], ...] = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def _left(folder: Path) -> Optional[int]:
    for limit_file, usage_file in _FILES:
        limit, usage = _read(folder / limit_file).strip(), _read(folder / usage_file).strip()
        if limit.isdigit() and usage.isdigit() and int(limit) < _UNLIMITED:
            statistics = _statistics(folder)
            cache = statistics.get("total_inactive_file", statistics.get("inactive_file", 0))
            return int(limit) - int(usage) + cache  # the kernel drops cached pages of files if it needs memory
    return None


def _statistics(folder: Path) -> Dict[str, int]:
    pairs = (line.split() for line in _read(folder / "memory.stat").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeError):
        return ""


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_APART_BYTES, _TOGETHER_BYTES = 1 << 20, 32 << 20
"""The second is the highest threshold that glibc sets by itself, in a process that has run for a while."""


def _give_back() -> None:
    """Returns freed memory to the system."""
    _glibc("malloc_trim", 0)


@contextmanager
def large_blocks_apart() -> Iterator[Callable[[], None]]:
    """Gives blocks of 1 MiB and more pages of their own, which go back to the system when they are freed.

    While a network is bound, MXNet asks for blocks of all sizes and frees some. The next network cannot use the gaps
    between the weights. Smaller freed blocks go back when the yielded function is called.
    """
    _give_back()
    _set_mmap_threshold(_APART_BYTES)
    try:
        yield _give_back
    finally:
        _set_mmap_threshold(_TOGETHER_BYTES)


@contextmanager
def as_ever() -> Iterator[Callable[[], None]]:
    """Changes nothing about the allocation of memory, which is faster."""
    yield lambda: None


def _set_mmap_threshold(size: int) -> None:
    _glibc("mallopt", _M_MMAP_THRESHOLD, size)
    _glibc("mallopt", _M_TRIM_THRESHOLD, 2 * size)  # glibc itself also sets both, in this ratio


def _glibc(function: str, *arguments: int) -> None:
    with suppress(AttributeError, OSError):  # other C libraries do not have it
        getattr(ctypes.CDLL(None), function)(*arguments)
