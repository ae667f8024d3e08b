"""A plugin beside pytest-mxperf: what a model takes on its way to the device, and how far it was pruned.

Installed as a package, as its pyproject.toml says, or copied into a conftest.py, budgets and baselines may say
``zipped_bytes="64 KiB"`` and ``zero_share=0.5``.
"""

import gzip

from pytest_mxperf import Metric

__all__ = ["pytest_mxperf_metrics"]


def pytest_mxperf_metrics():
    return [Metric("zipped_bytes", zipped_bytes, unit="bytes"), Metric("zero_share", zero_share, more_is_better=True)]


def zipped_bytes(model):
    """What the graph and the weights take as one gzip stream; None for a model without a file of weights."""
    params = getattr(model.spec.source, "params_path", None)
    if params is None:
        return None
    return len(gzip.compress(model.symbol_json().encode() + params.read_bytes(), compresslevel=6, mtime=0))


def zero_share(model):
    """Which share of the weights is zero."""
    _, arguments, _ = model.checkpoint()
    weights = [array.asnumpy() for array in arguments.values()]
    return sum(int((array == 0).sum()) for array in weights) / sum(array.size for array in weights)
