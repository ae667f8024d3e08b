"""A baseline in the commits of its git repository. Nothing is checked out: git reads the commits."""

import difflib
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CONVENTION
from pytest_mxperf.errors import BaselineError

__all__ = ["Commit", "is_shallow", "past"]

_FORMAT = "%x00%H%x00%cI%x00%s%x00"
"""NUL is the one character that no subject holds. Behind the last one is what the commit changed."""
_FIELDS = 4
_NO_BLOB = "0"


class Commit(msgspec.Struct, frozen=True):
    """The baseline after one commit. A gap has no numbers, but a reason."""

    sha: str
    date: str
    """Of the commit, as ISO 8601."""
    subject: str
    gap: str = ""
    """Why its numbers are not comparable with today's; empty if they are."""
    macs: Optional[int] = None
    flops: Optional[int] = None
    params: Optional[int] = None
    """Trainable."""
    peak_activation_bytes: Optional[int] = None
    wall_p50: Dict[str, float] = {}
    """Seconds per forward, by the environment that they were measured in."""


def past(store: BaselineStore, name: str, *, since: Optional[str] = None) -> List[Commit]:
    """Every commit that changed the baseline, oldest first; a file that was renamed is followed.

    Raises ``BaselineError`` where there is no repository, no git, or no commit with such a baseline.
    """
    folder, path = store.folder, store.path(name)
    if not folder.is_dir():
        option = store.words.baselines
        raise BaselineError(f"{folder}: there is no such folder; give the one of the baselines with {option}")
    limits = [] if since is None else [f"--since={since}"]
    # -m: also what a merge has changed, compared with each of its parents.
    shown = ["--raw", "--no-abbrev", "-m", f"--format={_FORMAT}"]
    versions = _versions(_git(folder, ["log", "--follow", *shown, *limits, "--", path.name]))
    if not versions:
        raise BaselineError(_unknown(store, name, since))
    return [_commit(version, text, path.name) for version, text in zip(versions, _texts(folder, versions))]


def is_shallow(folder: Path) -> bool:
    """Whether the clone lacks older commits, as a CI job's usually does."""
    return _git(folder, ["rev-parse", "--is-shallow-repository"]).strip() == b"true"


class _Version(NamedTuple):
    sha: str
    date: str
    subject: str
    blob: str
    """Of the file as the commit left it; empty if it removed it."""


def _versions(log: bytes) -> List[_Version]:
    """Oldest first; a merge is listed once for each parent, and counts once."""
    fields = log.decode("utf-8", "replace").split("\0")[1:]
    versions: Dict[str, _Version] = {}
    for place in range(0, len(fields) - _FIELDS + 1, _FIELDS):
        sha, date, subject, changes = fields[place : place + _FIELDS]
        raw = next((line for line in changes.splitlines() if line.startswith(":")), None)
        if raw is not None:
            blob = raw.split()[3]  # :100644 100644 old new M path
            versions.setdefault(sha, _Version(sha, date, subject, blob.strip(_NO_BLOB) and blob))
    return list(versions.values())[::-1]


def _texts(folder: Path, versions: Sequence[_Version]) -> List[bytes]:
    """The file as each commit has it, from one process; empty where it was removed."""
    wanted = "".join(f"{version.blob}\n" for version in versions if version.blob)
    output = _git(folder, ["cat-file", "--batch"], wanted.encode())
    found = []
    for version in versions:
        text = b""
        if version.blob:
            header, _, output = output.partition(b"\n")
            size = int(header.split()[-1]) if header.split()[-1].isdigit() else 0  # else it is missing
            text, output = output[:size], output[size + 1 :] if size else output
        found.append(text)
    return found


def _commit(version: _Version, text: bytes, where: str) -> Commit:
    sha, date, subject, blob = version
    if not blob:
        return Commit(sha, date, subject, gap="removed")
    try:
        baseline = Baseline.from_json(text, where=where)
    except BaselineError as error:
        return Commit(sha, date, subject, gap=str(error))
    if baseline.convention.partition("+")[0] != CONVENTION:
        return Commit(sha, date, subject, gap=f"counted under convention {baseline.convention}, not {CONVENTION}")
    return Commit(
        sha,
        date,
        subject,
        macs=baseline.macs,
        flops=baseline.flops,
        params=baseline.params.trainable,
        peak_activation_bytes=baseline.peak_activation_bytes,
        wall_p50={where: wall.p50 for where, wall in baseline.wall_times.items()},
    )


def _unknown(store: BaselineStore, name: str, since: Optional[str]) -> str:
    path = store.path(name)
    if since is not None:
        return f"no commit since {since} has changed {path}"
    names = store.names()
    close = difflib.get_close_matches(name, names, n=3) or names[:3]
    hint = f"; there are {', '.join(close)}" if close else ""
    return f"no commit has a baseline {path}{hint}"


def _git(folder: Path, arguments: List[str], given: bytes = b"") -> bytes:
    command: Tuple[str, ...] = ("git", "-C", str(folder), *arguments)
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False)
    except FileNotFoundError:
        raise BaselineError("git is not installed, or not on the PATH; history reads what it has committed") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise BaselineError(f"{folder}: git says: {said[0] if said else f'exit code {done.returncode}'}")
    return done.stdout
