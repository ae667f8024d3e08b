"""What a checkpoint's ``.params`` file says of its parameters: all that counting wants of it, and can do without."""

import errno
import os
import stat
from pathlib import Path
from typing import Dict, Mapping, NamedTuple, Optional, Sequence

from pytest_mxperf.errors import ParamsError
from pytest_mxperf.params_file import StoredArray, read_header
from pytest_mxperf.spec import LATEST, Checkpoint

__all__ = ["Stored", "read_stored"]


class Stored(NamedTuple):
    """The arrays by name without kind; None if there is no file, or none that can be read, and the ``problem`` then."""

    arrays: Optional[Mapping[str, StoredArray]] = None
    problem: str = ""
    """Why a file that is there cannot be read, and what that means."""


def read_stored(checkpoint: Checkpoint) -> Stored:
    """Raises ``ParamsError`` for an epoch that does not exist although others do, and for what is no file at all."""
    path = checkpoint.params_path
    if not os.path.lexists(path):
        epochs = checkpoint.epochs()
        if epochs:
            which = ", ".join(map(str, epochs))
            raise ParamsError(
                f"{path}: the weights are missing; epochs that exist: {which}; give one as the epoch, or {LATEST!r}"
            )
        return Stored()
    try:
        arrays = read_header(path)
    except ParamsError as error:
        if not _may_be_fetched(path):
            raise
        return Stored(
            problem=f"{' '.join(str(error).split())} Counted from the graph alone: dtypes are those of the graph, and "
            "whatever is not in inputs counts as a parameter."
        )
    return Stored(_by_name(path, arrays))


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
