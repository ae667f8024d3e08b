"""What a user writes: tests, a conftest.py and scripts. It is not run: mypy and pyright check it strictly."""

from fractions import Fraction
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import pytest
from typing_extensions import assert_never, assert_type

import pytest_mxperf as mxperf
from pytest_mxperf import Benchmark, CostReport, LoadedCheckpoint, ModelSpec

INPUTS: mxperf.Inputs = {"data": (1, 3, 224, 224), "tokens": ([1, 16], "int32"), "mask": mxperf.InputSpec((1, 16))}


class Block:
    """Has of a Gluon block what counts here."""

    def __call__(self, *arrays: object) -> object:
        return arrays


class Module:
    """Has of an mx.mod.Module what counts here."""

    def forward(self, data_batch: object, is_train: Optional[bool] = None) -> None: ...

    def get_outputs(self, merge_multi_context: bool = True) -> List[object]:
        return [merge_multi_context]


def build() -> Block:
    return Block()


def convolution() -> Tuple[int]:
    """As pyright reads an operator in MXNet's source."""
    return (0,)


# Models and inputs


def take_each_kind_of_model(spec: ModelSpec, shape: Tuple[int, ...]) -> None:
    mxperf.count("models/net", {"data": (1, 3, 224, 224), "tokens": ((1, 16), "int32")}, epoch="latest")
    mxperf.count(Path("models") / "net-symbol.json", {"data": shape}, params=Path("net.params"), output=["fc1", "fc2"])
    mxperf.count(Block(), INPUTS, shapes={"anchors": (9, 4)})
    mxperf.count(build, INPUTS)
    mxperf.count(Block, INPUTS)
    mxperf.count(convolution(), INPUTS)
    mxperf.count(lambda: Block(), {"data": [1, 3], "index": ((), int)})
    mxperf.count(spec)
    inferred = {"data": (1, 3), "mask": (1, 16, 16)}
    mxperf.count("models/net", inferred)


def weigh(model: mxperf.ModelLike, inputs: Optional[mxperf.Inputs] = None, epoch: mxperf.Epoch = 0) -> int:
    return mxperf.count(model, inputs, epoch=epoch).params.trainable


def describe(spec: ModelSpec) -> Optional[Path]:
    assert_type(spec.inputs["data"].shape, Tuple[int, ...])
    assert_type(spec.inputs["data"].dtype, mxperf.DtypeName)
    assert_type(spec.run_as, Optional[mxperf.RunAs])
    if isinstance(spec.source, mxperf.Checkpoint):
        assert_type(spec.source.epoch, mxperf.Epoch)
        return spec.source.params_path
    return None


# Functions


def count() -> None:
    report = mxperf.count("models/net", INPUTS)
    assert_type(report, CostReport)
    assert_type(report.layers, Tuple[mxperf.LayerCost, ...])
    assert_type(report.layers[0].cost, mxperf.OpCost)
    assert_type(report.layers[0].outputs, Tuple[mxperf.Shape, ...])
    assert_type(report.params, mxperf.Params)
    assert_type(report.macs, int)
    assert_type(report.uncounted, Dict[str, int])
    assert_type(report.checkpoint_bytes, Optional[int])
    assert_type(report.counted_as("fvcore"), int)
    assert_type(report.heaviest(5)[0].arithmetic_intensity, float)


def diff(metric: mxperf.CostMetric) -> None:
    difference = mxperf.diff("old", "new", INPUTS, epoch_new="latest")
    assert_type(difference, mxperf.Difference)
    assert_type(difference.before, mxperf.Costs)
    for change in difference.grown(metric):
        assert_type(change, mxperf.Change)
        assert_type(change.kind is mxperf.ChangeKind.ADDED, bool)
        assert_type(change.details, Tuple[mxperf.Detail, ...])
        assert_type(difference.share(change, "flops"), Optional[float])


def vary() -> None:
    scaling = mxperf.vary("models/net", INPUTS, axis="data:0", sizes=range(1, 9))
    assert_type(scaling, mxperf.Scaling)
    assert_type(scaling.reports[1], CostReport)
    assert_type(list(scaling.laws), List[mxperf.ScalingMetric])
    law = scaling.laws["macs"]
    assert_type(law, Optional[mxperf.Polynomial])
    if law is not None:
        assert_type(law.at(64), Fraction)


def compare(run_as: mxperf.RunAsName) -> str:
    comparison = mxperf.compare_latency("old", Block(), INPUTS, tolerance=0.05, run_as=run_as, imports=["operators"])
    assert_type(comparison, mxperf.Comparison)
    assert_type(comparison.samples, Tuple[mxperf.Sample, ...])
    assert_type(comparison.conditions, Optional[mxperf.Conditions])
    assert_type(comparison.run_as, mxperf.RunAs)
    return explain(comparison.decision)


def explain(decision: mxperf.Decision) -> str:
    if decision.outcome is mxperf.Outcome.PASSED:
        return "passed"
    if decision.outcome is mxperf.Outcome.REGRESSED:
        return f"{decision.growth:+.1%}, at least {decision.low:+.1%}"
    if decision.outcome is mxperf.Outcome.INCONCLUSIVE:
        return decision.reason
    assert_never(decision.outcome)


def profile() -> None:
    found = mxperf.profile_layers("models/net", INPUTS, run_as="gluon_static")
    assert_type(found, mxperf.ModelProfile)
    assert_type(found.slowest(3), Tuple[mxperf.TimedLayer, ...])
    assert_type(found.peaks, Optional[mxperf.Peaks])
    assert_type(found.attained(found.layers[0]), Optional[float])


def catch(model: mxperf.ModelSource) -> Optional[CostReport]:
    try:
        return mxperf.count(model, INPUTS)
    except (mxperf.ShapeError, mxperf.GraphError) as error:
        assert_type(error, Union[mxperf.ShapeError, mxperf.GraphError])
        return None
    except mxperf.MxperfError as error:
        raise SystemExit(str(error)) from error


# Tests


@pytest.fixture
def mxperf_model() -> ModelSpec:
    return ModelSpec.parse("models/net", INPUTS, name="net", run_as="gluon", example={"data": object()})


@pytest.mark.mxperf_model("models/net", inputs={"data": (1, 3, 224, 224)})
@pytest.mark.mxperf_budget(macs="1.82 G", latency_p50="40 ms")
@pytest.mark.mxperf_baseline(latency="5%")
def test_latency(mxperf_module: Any, mxperf_benchmark: Benchmark) -> None:
    timing = mxperf_benchmark(mxperf_module)
    assert_type(timing, mxperf.Timing)
    assert timing.p99 < 2 * timing.p50


def test_throughput(mxperf_benchmark: Benchmark) -> None:
    net = Block()
    assert_type(mxperf_benchmark.throughput(net, forwards=64, batch=(object(), object())), mxperf.Timing)
    mxperf_benchmark(lambda: net(1))
    mxperf_benchmark(Module())


def test_cost(mxperf_cost: CostReport, mxperf_checkpoint: LoadedCheckpoint) -> None:
    assert not mxperf_cost.uncounted
    _, arguments, auxiliary = mxperf_checkpoint
    assert_type(arguments, Dict[str, Any])
    assert arguments.keys().isdisjoint(auxiliary)
    assert mxperf_checkpoint.symbol is not None


# Rules, metrics and sections


@mxperf.formula("my_attention", "my_attention_v2")
def attention(call: mxperf.Call) -> mxperf.OpCost:
    """Its type stays that of a function with an argument of this name."""
    return mxperf.OpCost(macs=call.output_size * call.integer("heads", 1), softmax=call.input_size)


def test_attention() -> None:
    call = mxperf.Call("my_attention", {"heads": "8"}, ((1, 16),), ((1, 16),))
    assert_type(attention(call=call) + attention(call=call), mxperf.OpCost)


def accuracy(model: mxperf.MeasuredModel) -> Optional[float]:
    assert_type(model.spec, ModelSpec)
    assert_type(model.cost(), CostReport)
    assert_type(model.checkpoint(), LoadedCheckpoint)
    return None if "softmax" in model.symbol_json() else 0.9


def layers(model: mxperf.MeasuredModel) -> int:
    return len(model.cost().layers)


def pytest_mxperf_metrics(config: pytest.Config) -> List[mxperf.Metric]:
    share = mxperf.Metric("share", lambda model: Fraction(1, len(model.cost().layers)), unit="number")
    if config.getoption("verbose") == 0:
        return [share]
    return [share, mxperf.Metric("accuracy", accuracy, more_is_better=True), mxperf.Metric("layers", layers)]


def pytest_mxperf_report_section(run: mxperf.RunReport) -> Optional[mxperf.Section]:
    lines = [line for result in run.results for line in lines_of(result)]
    return mxperf.Section("Energy", "\n".join(lines)) if lines else None


def lines_of(result: mxperf.ModelResult) -> List[str]:
    assert_type(result.outcome, mxperf.TestOutcome)
    assert_type(result.baseline_update, Optional[mxperf.BaselineUpdate])
    assert_type(result.policy, Dict[mxperf.Verdict, mxperf.PolicyAction])
    assert_type(result.timing, Optional[mxperf.Timing])
    assert_type(result.difference, Optional[mxperf.Difference])
    assert_type(result.profile, Optional[mxperf.ModelProfile])
    assert_type(result.own_metrics, Tuple[mxperf.MetricValue, ...])
    regressed = [finding for finding in result.findings if finding.verdict is mxperf.Verdict.REGRESSED]
    return [f"{finding.metric}: {says(finding)}" for finding in regressed]


def says(finding: mxperf.Finding) -> str:
    assert_type(finding.gate, mxperf.GateName)
    assert_type(finding.value, Union[int, float, None])
    return finding.message
