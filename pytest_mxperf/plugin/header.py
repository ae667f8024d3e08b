"""The lines about us at the head of a run: what judges, by which baselines, and where the policy is another."""

from importlib import metadata, util
from typing import List

import pytest

from pytest_mxperf.plugin.options import OPTIONS

__all__ = ["pytest_report_header"]

_MXNETS = ("mxnet", "mxnet-mkl", "mxnet-native", *(f"mxnet-cu{cuda}" for cuda in (90, 92, 100, 101, 102, 110, 112)))


def pytest_report_header(config: pytest.Config) -> str:
    """Without importing MXNet, which takes a second."""
    folder = _short(config)
    parts = [f"mxperf {metadata.version('pytest-mxperf')}", _mxnet(), f"baselines: {folder}", *_policy(config)]
    return ", ".join(parts)


def _mxnet() -> str:
    for name in _MXNETS:
        for distribution in (name, f"{name}mkl"):
            try:
                return f"{distribution} {metadata.version(distribution)}"
            except metadata.PackageNotFoundError:
                continue
    return "mxnet of unknown version" if util.find_spec("mxnet") else "mxnet is not installed"


def _short(config: pytest.Config) -> str:
    folder = config.stash[OPTIONS].baselines
    try:
        return str(folder.relative_to(config.rootpath))
    except ValueError:
        return str(folder)


def _policy(config: pytest.Config) -> List[str]:
    """Only what is not as it would be by itself."""
    changed = config.stash[OPTIONS].policy.deviations()
    return [f"policy: {changed}"] if changed else []
