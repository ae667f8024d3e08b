"""Versions of what a result depends on."""

import platform
from importlib import metadata
from typing import Dict, Optional

__all__ = ["versions"]

_DISTRIBUTIONS = ("pytest-mxperf", "pytest", "pytest-benchmark", "mxnet", "numpy")


def versions() -> Dict[str, str]:
    """By name of the distribution; those that are not installed are left out."""
    found = {name: _version(name) for name in _DISTRIBUTIONS}
    return {"python": platform.python_version(), **{name: version for name, version in found.items() if version}}


def _version(distribution: str) -> Optional[str]:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None  # MXNet's GPU builds have names of their own
