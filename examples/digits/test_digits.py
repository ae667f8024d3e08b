"""Holds the digits classifier to its budget and to its stored baseline: pytest examples/digits --mxperf-report."""

from pathlib import Path

import pytest

CHECKPOINT = Path(__file__).parent / "digits"


@pytest.mark.mxperf_model(CHECKPOINT, inputs={"data": (1, 1, 8, 8)})
@pytest.mark.mxperf_budget(macs="610 k", params="32 k", latency_p50="100 ms")
@pytest.mark.mxperf_baseline(macs="0%", params="0%", latency="2.5%")
def test_digits(mxperf_module, mxperf_benchmark):
    timing = mxperf_benchmark(mxperf_module)

    assert mxperf_module.get_outputs()[0].shape == (1, 10)
    assert timing.min <= timing.p50 <= timing.p99


# Only for the report: the same graph, which one test gates, so that one fails when it grows.
@pytest.mark.mxperf_model(CHECKPOINT, inputs={"data": (64, 1, 8, 8)}, name="digits_batch64")
def test_digits_in_batches(mxperf_module, mxperf_benchmark):
    mxperf_benchmark.throughput(mxperf_module, forwards=16)
