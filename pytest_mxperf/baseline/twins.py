"""Which baselines of a folder are alike. Each is read once, however many models ask for their twin."""

import os
import time
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

__all__ = ["TwinIndex", "twin_index"]

Mark = Tuple[int, int]
"""Changes when a file is written: its inode and the time of the write."""

_SETTLED_NS = 2_000_000_000
"""Two writes at one tick of a file system's clock leave the same time behind; the coarsest clocks tick every 2 s."""


class TwinIndex:
    """The names of one folder's baselines by the digest of their costs. What has changed is read again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marks: Dict[str, Mark] = {}
        self._digests: Dict[str, str] = {}
        self._names: Dict[str, List[str]] = {}
        self._written_ns: Optional[int] = None

    def names(
        self, digest: str, *, marks: Callable[[], Mapping[str, Mark]], digest_of: Callable[[str], str]
    ) -> Sequence[str]:
        """Sorted names of the baselines that had this digest at the last look, which may be of just now.

        ``marks`` lists what there is. ``digest_of`` reads one baseline; it is empty for one that cannot be read.
        """
        written_ns = _written_ns(self._folder)
        if written_ns is None or written_ns != self._written_ns:
            self._update(marks(), digest_of)
            is_settled = written_ns is not None and time.time_ns() - written_ns > _SETTLED_NS
            self._written_ns = written_ns if is_settled else None
        return self._names.get(digest, ())

    def _update(self, marks: Mapping[str, Mark], digest_of: Callable[[str], str]) -> None:
        self._digests = {
            name: self._digests[name] if self._marks.get(name) == mark else digest_of(name)
            for name, mark in marks.items()
        }
        self._marks = dict(marks)
        self._names = {}
        for name in sorted(self._digests):
            self._names.setdefault(self._digests[name], []).append(name)


def _written_ns(folder: Path) -> Optional[int]:
    """When something was last added to the folder, replaced or removed; None if there is no folder."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None


_INDICES: Dict[str, TwinIndex] = {}


def twin_index(folder: Path) -> TwinIndex:
    """The index of a folder, the same for all tests of a session."""
    return _INDICES.setdefault(os.path.abspath(folder), TwinIndex(folder))
