"""Versions of what a result depends on."""

import platform
from importlib import metadata
from typing import Dict, Optional, Tuple

__all__ = ["command_to_install", "versions"]

_DISTRIBUTIONS = ("pytest-mxperf", "pytest", "pytest-benchmark", "mxnet", "numpy")


def versions() -> Dict[str, str]:
    """By name of the distribution; those that are not installed are left out."""
    found = {name: _version(name) for name in _DISTRIBUTIONS}
    return {"python": platform.python_version(), **{name: version for name, version in found.items() if version}}


def command_to_install(python: Tuple[int, ...]) -> str:
    """Installs MXNet on this version of Python."""
    command = "pip install 'pytest-mxperf[cpu]'"
    # MXNet's metadata asks for a numpy that does not run on Python 3.13.
    return f"{command} && pip install --no-deps mxnet" if python >= (3, 13) else command


def _version(distribution: str) -> Optional[str]:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None  # MXNet's GPU builds have names of their own
