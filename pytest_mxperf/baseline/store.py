"""The folder that holds the baselines: ``<name>.json`` and, beside it, the graph as ``<name>-symbol.json``.

The two are a pair: the baseline holds the digest of its graph. Replacing the baseline is what makes an update happen,
so a process that is killed at any moment leaves the old pair or the new one:

1. the new graph is written as ``.<name>-symbol.json.new``,
2. ``<name>.json`` is replaced, and from here on the baseline is the new one,
3. the new graph takes its place as ``<name>-symbol.json``; until then it is read from where it is.

Any other pair that does not belong together, for example after a merge of two branches, is an error when it is read.
"""

import fcntl
import hashlib
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Dict, Iterator, Literal, NamedTuple, Optional, Tuple

import msgspec

from pytest_mxperf.baseline.links import refuse_links
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.twins import twin_index
from pytest_mxperf.errors import BaselineError
from pytest_mxperf.words import Words

__all__ = ["BaselineStore", "Saved", "StoredBaseline", "is_safe"]

Saved = Literal["recorded", "updated", "unchanged"]
"""What writing a baseline has done."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")
_SYMBOL_SUFFIX = "-symbol"


class StoredBaseline(NamedTuple):
    """A baseline and the graph that it was counted from, read together."""

    baseline: Baseline
    symbol_json: str


class BaselineStore(NamedTuple):
    """Baselines by name in one folder, which is made when the first is saved. ``words`` are for its errors."""

    folder: Path
    words: Words

    def path(self, name: str) -> Path:
        """Where the baseline of this name is.

        Raises ``BaselineError`` for a name that is not a safe file name, and where a symbolic link leads elsewhere.
        """
        if not is_safe(name):
            raise BaselineError(
                f"{name!r} cannot name a baseline: use letters, digits and ._+- and no {_SYMBOL_SUFFIX!r} at the end; "
                "give the model another name, with name="
            )
        path = self.folder / f"{name}.json"
        refuse_links(self.folder, path, self.folder / f"{name}{_SYMBOL_SUFFIX}.json", words=self.words)
        return path

    def symbol_path(self, name: str) -> Path:
        return self.path(name).with_name(f"{name}{_SYMBOL_SUFFIX}.json")

    def load(self, name: str) -> Optional[StoredBaseline]:
        """The pair, read under one lock, or None if there is no such baseline.

        Raises ``BaselineError`` if it cannot be read, or if the graph is not the one that the baseline belongs to.
        """
        with _locked(self.folder, fcntl.LOCK_SH):
            baseline = self._read(name)
            return None if baseline is None else StoredBaseline(baseline, self._symbol_of(name, baseline).decode())

    def names(self) -> Tuple[str, ...]:
        """The names of all baselines, sorted. Those behind a symbolic link are listed, and nothing else touches them.

        Files that are no baselines are left alone.
        """
        return tuple(sorted(name for name in self._candidates() if self._is_baseline(name)))

    def marks(self) -> Dict[str, Tuple[int, int]]:
        """For each name a mark that changes when its baseline is written. Files are not read, so it is cheap."""
        marks = {}
        for name in self._candidates():
            with suppress(FileNotFoundError):
                marks[name] = _mark(self.folder / f"{name}.json")
        return marks

    def _candidates(self) -> Tuple[str, ...]:
        return tuple(path.stem for path in self.folder.glob("*.json") if is_safe(path.stem))

    def twin(self, baseline: Baseline) -> Optional[str]:
        """The name under which a model of the same inputs, layers and costs is stored, if there is one."""
        wanted = baseline.costs_digest()
        index = twin_index(self.folder)
        for name in index.names(wanted, marks=self.marks, digest_of=self._digest_of):
            if self._digest_of(name) == wanted:  # still
                return name
        return None

    def _digest_of(self, name: str) -> str:
        """Empty for what is no baseline, or cannot be read."""
        with suppress(BaselineError):
            baseline = self._read(name)
            return "" if baseline is None else baseline.costs_digest()
        return ""

    def save(self, name: str, baseline: Baseline, symbol_json: str, *, overwrite: bool = True) -> Saved:
        """Writes the pair, as a whole or not at all, and says ``recorded``, ``updated`` or ``unchanged``.

        Without ``overwrite`` a baseline that exists, also if another process has just made it, is left alone.
        Raises ``BaselineError`` if that fails.
        """
        path = self.path(name)
        symbol = symbol_json.rstrip().encode() + b"\n"
        content = msgspec.structs.replace(baseline, symbol_sha256=_digest(symbol)).to_json()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self.folder, fcntl.LOCK_EX):
                existed = path.exists()
                if existed and not overwrite:
                    return "unchanged"
                changed = self._write_pair(name, content, symbol)
        except OSError as error:
            raise BaselineError(f"{path}: cannot write the baseline: {error.strerror}") from None
        return "unchanged" if not changed else "updated" if existed else "recorded"

    def remove(self, name: str, *, mark: Optional[Tuple[int, int]]) -> bool:
        """Removes the pair, unless it was written since it had this mark, which is None for what did not exist yet.

        Raises ``BaselineError`` if that fails.
        """
        path = self.path(name)
        try:
            with _locked(self.folder, fcntl.LOCK_EX):
                if not path.exists() or _mark(path) != mark:
                    return False
                os.unlink(path)  # first: a graph alone is no baseline
                _discard(self._pending_path(name))
                _discard(self.symbol_path(name))
        except OSError as error:
            raise BaselineError(f"{path}: cannot remove the baseline: {error.strerror}") from None
        return True

    def _write_pair(self, name: str, content: bytes, symbol: bytes) -> bool:
        path, symbol_path, pending = self.path(name), self.symbol_path(name), self._pending_path(name)
        self._finish(name)
        if _holds(path, content) and _holds(symbol_path, symbol):
            return False
        try:
            _write(pending, symbol)
            _replace(path, content)
            os.replace(pending, symbol_path)
        except BaseException:
            if not _holds(path, content):  # else the new graph is needed where it is
                _discard(pending)
            raise
        return True

    def _finish(self, name: str) -> None:
        """Puts the graph in its place that a killed update has left pending: this place is needed for the next one."""
        pending = self._pending_path(name)
        with suppress(BaselineError, FileNotFoundError):
            baseline = self._read(name)
            if baseline is not None and _digest(pending.read_bytes()) == baseline.symbol_sha256:
                os.replace(pending, self.symbol_path(name))

    def _pending_path(self, name: str) -> Path:
        return self.folder / f".{name}{_SYMBOL_SUFFIX}.json.new"

    def _read(self, name: str) -> Optional[Baseline]:
        path = self.path(name)
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BaselineError(f"{path}: cannot read the baseline: {error.strerror}") from None
        try:
            return Baseline.from_json(text, where=str(path))
        except BaselineError as error:
            raise BaselineError(f"{error}; record it again with {self.words.record_this}") from None

    def _symbol_of(self, name: str, baseline: Baseline) -> bytes:
        symbol_path = self.symbol_path(name)
        for path in (symbol_path, self._pending_path(name)):
            with suppress(OSError):
                content = path.read_bytes()
                if _digest(content) == baseline.symbol_sha256:
                    return content
        wrong = "is not the graph" if symbol_path.exists() else "is missing: the graph"
        raise BaselineError(
            f"{symbol_path}: {wrong} that {self.path(name).name} was counted from; "
            f"restore the two together, or record them again with {self.words.record_this}"
        )

    def _is_baseline(self, name: str) -> bool:
        path = self.folder / f"{name}.json"
        try:
            return path.is_file() and Baseline.is_in(path.read_bytes())
        except OSError:
            return False


def is_safe(name: str) -> bool:
    """Whether a baseline may have this name: as a file it stays in its folder, on every system."""
    return bool(_SAFE_NAME.fullmatch(name)) and not name.endswith(_SYMBOL_SUFFIX)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _mark(path: Path) -> Tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """One process at a time writes to the folder, and none reads meanwhile. A killed process keeps no lock.

    The folder itself is locked, so that no lock file is left among the baselines. Some network file systems refuse
    that: there two runs must not update one folder at once. If there is no folder, reading it reports that.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _replace(path: Path, content: bytes) -> None:
    """Replaces the file atomically."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        _write(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        _discard(temporary)
        raise


def _discard(path: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.chmod(path, 0o644)
