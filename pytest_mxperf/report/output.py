"""What a format is given beside the run, and what it gives back. It writes nothing itself."""

from pathlib import Path
from typing import Mapping, NamedTuple, Optional

__all__ = ["Output", "Place"]


class Place(NamedTuple):
    """Where a report goes."""

    path: Optional[Path] = None
    """The file that the user named; None for a format that is no file."""
    width: int = 80
    """Columns of the terminal."""
    color: bool = False
    verbosity: int = 0
    """1 for ``-v``, 2 for ``-vv``, -1 for ``-q``."""
    root: Path = Path()
    """pytest's root directory, which the files of tests are relative to."""
    environ: Mapping[str, str] = {}


class Output(NamedTuple):
    """A report, ready to be printed and written."""

    printed: str = ""
    """For the terminal; may be empty."""
    written: Mapping[Path, str] = {}
    """Files, which replace what was there."""
    appended: Mapping[Path, str] = {}
    """Files that this is added to."""
