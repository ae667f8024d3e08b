"""The folder that holds the baselines: ``<name>.json`` and, beside it, the graph as ``<name>-symbol.json``."""

import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple, Optional

from pytest_mxperf.baseline.links import refuse_links
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.errors import BaselineError

__all__ = ["BaselineStore"]

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")
_SYMBOL_SUFFIX = "-symbol"


class BaselineStore(NamedTuple):
    """Baselines by name in one folder, which is made when the first is saved."""

    folder: Path

    def path(self, name: str) -> Path:
        """Where the baseline of this name is.

        Raises ``BaselineError`` for a name that is not a safe file name, and where a symbolic link leads elsewhere.
        """
        if not _SAFE_NAME.fullmatch(name) or name.endswith(_SYMBOL_SUFFIX):
            raise BaselineError(
                f"{name!r} cannot name a baseline: use letters, digits and ._+- and no {_SYMBOL_SUFFIX!r} at the end; "
                "give the model another with mxperf_model(..., name=...)"
            )
        path = self.folder / f"{name}.json"
        refuse_links(self.folder, path, self.folder / f"{name}{_SYMBOL_SUFFIX}.json")
        return path

    def symbol_path(self, name: str) -> Path:
        return self.path(name).with_name(f"{name}{_SYMBOL_SUFFIX}.json")

    def load(self, name: str) -> Optional[Baseline]:
        """The stored baseline, or None if there is none. Raises ``BaselineError`` if it cannot be read."""
        path = self.path(name)
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BaselineError(f"{path}: cannot read the baseline: {error.strerror}") from None
        return Baseline.from_json(text, where=str(path))

    def save(self, name: str, baseline: Baseline, symbol_json: str) -> str:
        """Writes both files, each as a whole or not at all, and says ``recorded``, ``updated`` or ``unchanged``.

        Raises ``BaselineError`` if that fails.
        """
        path = self.path(name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            existed = path.exists()
            # The graph first: a baseline that exists always has one.
            changed = _write(self.symbol_path(name), symbol_json.rstrip().encode() + b"\n")
            changed |= _write(path, baseline.to_json())
            return "unchanged" if not changed else "updated" if existed else "recorded"
        except OSError as error:
            raise BaselineError(f"{path}: cannot write the baseline: {error.strerror}") from None


def _write(path: Path, content: bytes) -> bool:
    """Replaces the file atomically; leaves it alone, and returns False, if it already says the same."""
    if path.exists() and path.read_bytes() == content:
        return False
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True
