"""What a format gets beside the run (``Place``), and what it returns (``Output``). A format writes nothing itself."""

from pathlib import Path
from typing import Mapping, NamedTuple, Optional

__all__ = ["Output", "Place"]


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


class Output(NamedTuple):
    """A report, ready to be printed and written."""

    printed: str = ""
    """Text for the terminal; may be empty."""
    written: Mapping[Path, str] = {}
    """Texts by file. They replace the files."""
    appended: Mapping[Path, str] = {}
    """Texts by file. They are added to the files."""
