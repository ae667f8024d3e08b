"""What a checkpoint's ``.params`` file says of its parameters: all that counting wants of it, and can do without."""

import errno
import os
import stat
import warnings
from pathlib import Path
from typing import Dict, Mapping, NamedTuple, Optional, Sequence

from pytest_mxperf.errors import MxperfWarning, ParamsError, listed
from pytest_mxperf.neighbours import parameter_files
from pytest_mxperf.params_file import StoredArray, read_header
from pytest_mxperf.spec import LATEST, Checkpoint

__all__ = ["Stored", "read_stored", "warn_of"]


class Stored(NamedTuple):
    """The arrays by name without kind; None if there is no file, or none that can be read, and the ``problem`` then."""

    arrays: Optional[Mapping[str, StoredArray]] = None
    problem: str = ""
    """Why a file that is there cannot be read."""
    beside: str = ""
    """What files of weights there are instead, called otherwise; begins with "; "."""


def read_stored(checkpoint: Checkpoint) -> Stored:
    """Raises ``ParamsError`` for an epoch that does not exist although others do, and for what is no file at all."""
    path = checkpoint.params_path
    if not os.path.lexists(path):
        if checkpoint.params is not None:
            raise ParamsError(f"{path}: the weights are missing{_beside(checkpoint)}")
        epochs = checkpoint.epochs()
        if epochs:
            which = ", ".join(map(str, epochs))
            raise ParamsError(
                f"{path}: the weights are missing; epochs that exist: {which}; give one as the epoch, or {LATEST!r}"
            )
        return Stored(beside=_beside(checkpoint))
    try:
        arrays = read_header(path)
    except ParamsError as error:
        if not _may_be_fetched(path):
            raise
        return Stored(problem=" ".join(str(error).split()))
    return Stored(_by_name(path, arrays))


def warn_of(checkpoint: Checkpoint, text: str) -> None:
    """A warning that stands at the file that it is about, wherever in the program the file was read."""
    warnings.warn_explicit(text, MxperfWarning, str(checkpoint.params_path), 0)


def _beside(checkpoint: Checkpoint) -> str:
    """What files of weights there are, called otherwise, and how to name one."""
    names = parameter_files(checkpoint.symbol_path)
    return f"; the folder has {listed(names)}: name one with params" if names else ""


def _may_be_fetched(path: Path) -> bool:
    """Whether what is wrong is the content: a pointer of Git LFS, git-annex or DVC, or a copy that is not complete."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        return error.errno == errno.ENOENT


def _by_name(path: Path, arrays: Sequence[StoredArray]) -> Dict[str, StoredArray]:
    stored: Dict[str, StoredArray] = {}
    for array in arrays:
        name = array.name.split(":", 1)[-1]
        if name and name in stored:
            raise ParamsError(f"{path}: has {name[:60]!r} twice, as 'arg:' and as 'aux:'; save the checkpoint again")
        stored[name] = array
    return stored
