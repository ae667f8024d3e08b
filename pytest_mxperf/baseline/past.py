"""A baseline as it was in the commits of its git repository. Nothing is checked out: git itself is asked."""

import difflib
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CONVENTION
from pytest_mxperf.errors import BaselineError

__all__ = ["Commit", "past"]

_FORMAT = "%x01%H%x02%cI%x02%s"
"""A commit begins with a control character, which no path has unquoted."""


class Commit(msgspec.Struct, frozen=True):
    """What a commit made of the baseline. Of a gap there are no numbers, but a reason."""

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


def past(folder: Path, name: str, *, since: Optional[str] = None) -> List[Commit]:
    """Every commit that changed the baseline, oldest first; a file that was renamed is followed.

    Raises ``BaselineError`` where there is no repository, no git, or no commit with such a baseline.
    """
    path = BaselineStore(folder).path(name)
    if not folder.is_dir():
        raise BaselineError(f"{folder}: there is no such folder; give the one of the baselines with --baselines")
    limits = [] if since is None else [f"--since={since}"]
    log = ["log", "--follow", f"--format={_FORMAT}", "--name-status", *limits, "--", path.name]
    versions = _versions(_git(folder, log).decode("utf-8", "replace"))
    if not versions:
        raise BaselineError(_unknown(folder, name, since))
    return [_commit(version, text) for version, text in zip(reversed(versions), _texts(folder, versions[::-1]))]


class _Version(NamedTuple):
    sha: str
    date: str
    subject: str
    path: str
    """Relative to the root of the repository; empty where the commit removed it."""


def _versions(log: str) -> List[_Version]:
    versions = []
    for entry in log.split("\x01")[1:]:
        head, *changes = [line for line in entry.splitlines() if line]
        sha, date, subject = head.split("\x02", 2)
        status, *paths = changes[0].split("\t") if changes else ["D"]
        versions.append(_Version(sha, date, subject, "" if status == "D" else paths[-1]))
    return versions


def _texts(folder: Path, versions: Sequence[_Version]) -> List[bytes]:
    """The file as each commit has it, from one process."""
    wanted = [f"{version.sha}:{version.path}" for version in versions if version.path]
    output = _git(folder, ["cat-file", "--batch"], "".join(f"{each}\n" for each in wanted).encode())
    found = []
    for version in versions:
        text = b""
        if version.path:
            header, _, output = output.partition(b"\n")
            size = int(header.split()[-1]) if header.split()[-1].isdigit() else 0
            text, output = output[:size], output[size + 1 :]
        found.append(text)
    return found


def _commit(version: _Version, text: bytes) -> Commit:
    sha, date, subject, path = version
    if not path:
        return Commit(sha, date, subject, gap="removed")
    try:
        baseline = Baseline.from_json(text, where=Path(path).name)
    except BaselineError as error:
        return Commit(sha, date, subject, gap=str(error).split("; record it again")[0])
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


def _unknown(folder: Path, name: str, since: Optional[str]) -> str:
    if since is not None:
        return f"no commit since {since} has changed {folder / name}.json; leave out --since"
    names = BaselineStore(folder).names()
    close = difflib.get_close_matches(name, names, n=3) or names[:3]
    hint = f"; there are {', '.join(close)}" if close else ""
    return f"no commit has a baseline {folder / name}.json{hint}"


def _git(folder: Path, arguments: List[str], given: bytes = b"") -> bytes:
    command: Tuple[str, ...] = ("git", "-C", str(folder), "-c", "core.quotePath=false", *arguments)
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False)
    except FileNotFoundError:
        raise BaselineError("git is not installed, or not on the PATH; history reads what it has committed") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise BaselineError(f"{folder}: git says: {said[0] if said else f'exit code {done.returncode}'}")
    return done.stdout
