"""What no user should write. mypy and pyright report each line, which the comments expect; one too many fails too."""

# pyright: reportUnknownMemberType=false
# pyright: reportUntypedFunctionDecorator=false

from typing import List

import pytest_mxperf as mxperf

INPUTS: mxperf.Inputs = {"data": (1, 3, 224, 224)}
report = mxperf.count("models/net", INPUTS)


# Names

mxperf.CostReprot  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
report.mac  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


# Models and inputs

mxperf.count(18, INPUTS)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.count(["models/net"], INPUTS)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.count("net", {"data": "1,3,224,224"})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
mxperf.count("net", {"data": (1, 2.5)})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
mxperf.count("net", {"data": ((1, 16), "int23")})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
mxperf.count("net", (1, 3, 224, 224))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.count("net", INPUTS, epoch="last")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.count("net", INPUTS, params=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.InputSpec((1, 3), "float31")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.ModelSpec.parse("net", INPUTS, example=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.RunAs("hybrid")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# Functions

mxperf.compare_latency("old", "new", INPUTS)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
mxperf.compare_latency("old", "new", INPUTS, tolerance="5%")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.profile_layers("net", INPUTS, run_as="hybrid")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.vary("net", INPUTS, axis=0, sizes=[1, 2])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.vary("net", INPUTS, axis="data:0", sizes=8)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mxperf.vary("net", INPUTS, axis="data:0", sizes=[1, 2]).laws["mac"]  # type: ignore[index]  # pyright: ignore[reportArgumentType]
mxperf.diff("old", "new", INPUTS).growth("mac")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
report.counted_as("ptflops")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def decide(comparison: mxperf.Comparison) -> bool:
    comparison.outcome  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    comparison.seconds = 0.0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    return comparison.decision.outcome == "passed"  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]


def is_slow(comparison: mxperf.Comparison) -> bool:
    return comparison.conditions.steal_share > 0.1  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]


# Tests, rules, metrics and sections


def test_speed(mxperf_benchmark: mxperf.Benchmark, mxperf_model: mxperf.ModelSpec) -> None:
    mxperf_benchmark(mxperf_model)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mxperf_benchmark(report)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mxperf_benchmark.throughput(print, forwards="many")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@mxperf.formula("my_operator")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
def operator(call: mxperf.Call) -> int:
    return 2 * call.output_size


def size(model: mxperf.MeasuredModel) -> str:
    return str(model.cost().params.bytes)


def pytest_mxperf_metrics() -> List[mxperf.Metric]:
    return [
        mxperf.Metric("size", size),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        mxperf.Metric("time", lambda model: 0, unit="minutes"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ]


def has_regressed(finding: mxperf.Finding) -> bool:
    return finding.verdict == 1  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]


def pytest_mxperf_report_section(run: mxperf.RunReport) -> mxperf.Section:
    failed = [result.name for result in run.results if result.outcome == "fail"]  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]
    return mxperf.Section(", ".join(failed))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
