"""Modules of the user's that must be imported before a model is opened: they register its operators."""

import sys
from importlib import import_module
from typing import Sequence

from pytest_mxperf.errors import UsageError, told

__all__ = ["import_all"]


def import_all(names: Sequence[str], *, where: str, path: Sequence[str] = ()) -> None:
    """Imports each module by its full name; ``path`` is looked at behind ``sys.path``.

    Raises ``UsageError`` that begins with ``where`` if a module raises anything.
    """
    sys.path += [folder for folder in path if folder not in sys.path]
    for name in names:
        try:
            import_module(name)
        except (Exception, SystemExit) as error:
            raise UsageError(f"{where}: cannot import {name}: {told(error)}") from error
