"""What a format gets beside the run (``Place``), and what it returns (``Output``). A format writes nothing itself."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Optional, Tuple

__all__ = ["Output", "Place", "save"]


class Place(NamedTuple):
    """Where a report goes."""

    path: Optional[Path] = None
    """The file that the user named; None if the format is not a file."""
    width: int = 80
    """Columns of the terminal."""
    color: bool = False
    verbosity: int = 0
    """1 for ``-v``, 2 for ``-vv``, -1 for ``-q``."""
    root: Path = Path()
    """pytest's root directory. Paths of tests are relative to it."""
    environ: Mapping[str, str] = {}
    profile: str = ""
    """The option that times the layers; empty if the caller has none."""


class Output(NamedTuple):
    """A report, ready to be printed and written."""

    printed: str = ""
    """Text for the terminal; may be empty."""
    written: Mapping[Path, str] = {}
    """Texts by file. They replace the files."""
    appended: Mapping[Path, str] = {}
    """Texts by file. They are added to the files."""

    def files(self) -> Iterator[Tuple[Path, bytes, bool]]:
        """Each file, its bytes, and whether they are added to it."""
        for texts in (self.written, self.appended):
            for path, text in texts.items():
                yield path, text.encode("utf-8", "backslashreplace"), texts is self.appended


def save(path: Path, content: bytes, *, adds: bool = False) -> None:
    """Writes a report. A disk that is full leaves the file of before, and a read-only file is not replaced.

    Raises ``OSError``.
    """
    if adds:
        with path.open("ab") as stream:
            stream.write(content)
        return
    if path.is_symlink() or (path.exists() and not path.is_file()):  # such as /dev/stdout
        path.write_bytes(content)
        return
    if path.exists():
        path.open("ab").close()  # raises if the file is read-only, which would not keep another from taking its place
    try:
        _replace(path, content)
    except OSError as error:
        if error.errno not in _ONLY_IN_PLACE:
            raise OSError(error.errno, error.strerror, str(path)) from None
        path.write_bytes(content)


_ONLY_IN_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)
"""Where a file may be written, and none beside it made: one that is mounted into a container, for example."""


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".mxperf-{os.getpid()}.new")
    try:
        temporary.write_bytes(content)
        with suppress(FileNotFoundError):
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
