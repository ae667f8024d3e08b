"""What mxperf_benchmark adds to a bare loop around the same forward: python benchmarks/fixture_overhead.py.

Both are timed in turns in one process; the ratio of their medians should be within 2% of 1. A ratio beyond that on a
noisy machine says that the machine changed between the turns: the spread of the turns is printed beside it.
"""

import statistics
import sys
import time
from pathlib import Path

import pytest

from pytest_mxperf import ModelSpec

TURNS = 9
DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits"


def squeezenet():
    from mxnet.gluon.model_zoo import vision

    return vision.squeezenet1_1()


MODELS = {
    "digits": ModelSpec.parse(DIGITS, {"data": (64, 1, 8, 8)}, name="digits"),
    "squeezenet1.1": ModelSpec.parse(squeezenet, {"data": (1, 3, 224, 224)}, name="squeezenet1.1"),
}
ratios = {name: [] for name in MODELS}


def bare_median(module, batch, seconds):
    """Median seconds per forward of a plain loop that runs as long as pytest-benchmark does."""
    samples = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        module.forward(batch, is_train=False)
        for output in module.get_outputs():
            output.asnumpy()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


@pytest.mark.parametrize("mxperf_model", MODELS.values(), ids=MODELS.keys(), indirect=True)
@pytest.mark.parametrize("turn", range(TURNS))
def test_turn(turn, mxperf_model, mxperf_module, mxperf_benchmark):
    from pytest_mxperf.mx.sync import example_batch

    batch = example_batch(mxperf_module)
    bare_median(mxperf_module, batch, 0.5)  # warms the module up for both
    before = bare_median(mxperf_module, batch, 0.5)
    timing = mxperf_benchmark(mxperf_module, batch=batch)
    after = bare_median(mxperf_module, batch, 0.5)
    ratios[mxperf_model.name].append(timing.p50 / ((before + after) / 2))


class Ratios:
    """A plugin that keeps what the turns found: pytest imports this file once more, as a module of its own."""

    def pytest_sessionfinish(self, session):
        self.by_model = session.items[0].module.ratios


if __name__ == "__main__":
    found = Ratios()
    code = pytest.main([__file__, "-q", "-p", "no:cacheprovider", "--benchmark-columns=median,rounds"], [found])
    for name, turns in found.by_model.items():
        spread = f"median of {len(turns)} turns, {min(turns):.3f} to {max(turns):.3f}"
        print(f"{name}: mxperf_benchmark / bare loop = {statistics.median(turns):.4f} ({spread})")
    sys.exit(code)
