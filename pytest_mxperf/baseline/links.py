"""Baselines stay in their folder: no symbolic link leads out of it."""

import os
from pathlib import Path

from pytest_mxperf.errors import BaselineError
from pytest_mxperf.words import Words

__all__ = ["refuse_links"]


def refuse_links(folder: Path, *files: Path, words: Words) -> None:
    """Raises ``BaselineError`` if the folder or one of its files is a symbolic link, which leads elsewhere."""
    if folder.is_symlink():
        target = os.readlink(folder)
        raise BaselineError(f"{folder}: is a symbolic link; give its target with {words.baselines} {target}")
    for file in files:
        if file.is_symlink():
            raise BaselineError(f"{file}: is a symbolic link, a baseline is a file of its own; put a copy in its place")
