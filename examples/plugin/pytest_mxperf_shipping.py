"""A plugin beside pytest-mxperf: what a model takes on its way to the device, and how far it was pruned.

Installed as a package, as its pyproject.toml says, or copied into a conftest.py, budgets and baselines may say
``zipped_bytes="64 KiB"`` and ``zero_share=0.5``. Reports get a section with all sizes.
"""

import gzip

from pytest_mxperf import Metric, Section

__all__ = ["pytest_mxperf_metrics", "pytest_mxperf_report_section"]


def pytest_mxperf_metrics():
    return [Metric("zipped_bytes", zipped_bytes, unit="bytes"), Metric("zero_share", zero_share, more_is_better=True)]


def pytest_mxperf_report_section(run):
    """Which models take most to ship; nothing if none of them was asked."""
    values = ((result.name, metric) for result in run.results for metric in result.own_metrics)
    sizes = sorted({(metric.value, name) for name, metric in values if metric.name == "zipped_bytes"}, reverse=True)
    return Section("Shipped size", "\n".join(f"{size:>12,} B  {name}" for size, name in sizes)) if sizes else None


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
