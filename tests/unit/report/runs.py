"""Runs to report, with everything that a report shows."""

import msgspec

from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.latency.comparison import Sample
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.profile.layers import ModelProfile, TimedLayer
from pytest_mxperf.profile.values import Peaks
from pytest_mxperf.report.run import ModelResult, RunReport
from pytest_mxperf.spec import InputSpec

CONV = LayerCost(
    "conv", "Convolution", ((1, 8, 4, 4),), OpCost(macs=1000, bias=128), Params(80, bytes=320), live_bytes=1024
)
RELU = LayerCost(
    "relu", "Activation", ((1, 8, 4, 4),), OpCost(activation=128), Params(), bytes_read=512, live_bytes=512
)
COST = CostReport((CONV, RELU), Params(80, bytes=320), {}, peak_activation_bytes=1024)

PASSED = Finding("budget", "macs", Verdict.PASSED, "macs 1,000 is within the budget of 2,000", 1000, 2000)
REGRESSED = Finding(
    "baseline",
    "macs",
    Verdict.REGRESSED,
    "macs 900 -> 1,000 (+11.11%, allowed +0%)\nconv (Convolution): num_filter 7 -> 8, +100 MACs",
    1000,
    900,
    0.0,
)
OVER = Finding("budget", "param_bytes", Verdict.OVER_BUDGET, "param_bytes 320 is over the budget of 256", 320, 256)
SLOWER = Finding("latency", "latency", Verdict.INCONCLUSIVE, "latency +2.6%, unclear", 0.026, None, 0.025)


PROFILE = ModelProfile(
    (
        TimedLayer("conv", "Convolution", 6e-4, 1000, 2256, 4_000_000, "float32", ("conv", "relu")),
        TimedLayer("soft", "softmax", 2e-4, 0, 500, 800, "float32", ("soft",)),
    ),
    forward_cpu_seconds=1e-3,
    outputs_cpu_seconds=1.8e-4,
    run_as="Module",
    own_weights=True,
    peaks=Peaks({"float32": 1e11, "int8": 4e11}, 2e10),
)
"""The bytes of the convolution need 0.2 ms."""
SAMPLES = (
    Sample(0.05, 1e-3, 1.05e-3),
    Sample(0.04, 1e-3, 1.04e-3, 1, None, 0.2),
    Sample(0.045, 1e-3, 1.045e-3, 1, 0.01, 0.08),
    Sample(0.05, 2e-3, 2.1e-3, 2, None, 0.1),
    Sample(0.05, 2e-3, 2.1e-3, 2, 0.03, 0.07),
)


def result(name="net", **fields):
    test = f"tests/test_a.py::test_{name}"
    return ModelResult(test, name, {"data": InputSpec((1, 3, 4, 4))}, file="tests/test_a.py", line=7, **fields)


def run(*results, findings=()):
    return RunReport(results, {"mxnet": "1.9.1"}, tuple(findings))


HEALTHY = result("healthy", cost=COST, findings=(PASSED,), timing=Timing.of([0.001, 0.002, 0.003], queued_forwards=1))
FAILED = result("failed", outcome="failed", cost=COST, findings=(PASSED, REGRESSED, OVER))
UNCLEAR = result("unclear", cost=COST, findings=(SLOWER,))
PROFILED = result("profiled", cost=COST, findings=(PASSED,), profile=PROFILE)
SHARED = result(
    "shared",
    cost=CostReport((CONV, CONV), Params(80, bytes=320), {}, peak_activation_bytes=1024),
    profile=msgspec.structs.replace(
        PROFILE,
        layers=tuple(
            TimedLayer("conv", "Convolution", seconds, 1000, 2256, 4_000_000, "float32", ("conv",))
            for seconds in (6e-4, 1e-4)
        ),
    ),
)
"""A Gluon block that is called twice."""
SLOWED = result(
    "slowed",
    outcome="failed",
    cost=COST,
    findings=(
        Finding(
            *("latency", "latency", Verdict.REGRESSED, "latency +5.1%", 0.051, None, 0.025),
            samples=SAMPLES,
            profiles=(msgspec.structs.replace(PROFILE, forward_cpu_seconds=9e-4), PROFILE),
        ),
    ),
)
BROKEN = result("broken", outcome="failed", problem="models/broken-symbol.json: it is empty")
