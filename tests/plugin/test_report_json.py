"""--mxperf-report=FILE.json, field by field as docs/report-json.md says."""

import re
from typing import Dict, List, Literal, Optional

import msgspec
import pytest

from pytest_mxperf.gate.finding import Verdict


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


Categories = Dict[
    Literal[
        "bias",
        "normalization",
        "activation",
        "elementwise",
        "reduction",
        "pooling",
        "softmax",
        "interpolation",
        "other",
    ],
    int,
]


class Input(Strict):
    shape: List[int]
    dtype: str


class Sample(Strict):
    log_ratio: float
    reference_seconds: float
    candidate_seconds: float
    process: int
    low: Optional[float]
    high: Optional[float]


class TimedLayer(Strict):
    name: str
    operator: str
    cpu_seconds: float
    share: float
    macs: int
    flops: int
    bytes_moved: int
    dtype: str
    flops_per_second: float
    bytes_per_second: float
    attained: Optional[float]
    members: List[str]


class Peaks(Strict):
    flops_per_second: Dict[str, float]
    bytes_per_second: float


class Profile(Strict):
    forward_cpu_seconds: float
    outputs_cpu_seconds: float
    unaccounted_share: float
    run_as: str
    own_weights: bool
    peaks: Optional[Peaks]
    layers: List[TimedLayer]


class Finding(Strict):
    gate: Literal["budget", "baseline", "count", "test"]
    metric: Literal[
        "macs",
        "flops",
        "params",
        "param_bytes",
        "peak_activation_bytes",
        "checkpoint_bytes",
        "latency_p50",
        "latency_p90",
        "latency_p99",
        "latency_mean",
        "wall_p50",
        "wall_p90",
        "wall_p99",
        "wall_mean",
        "all",
        "operators",
        "reruns",
    ]
    verdict: Literal[
        "PASSED",
        "IMPROVED",
        "REGRESSED",
        "OVER_BUDGET",
        "MISSING",
        "INCOMPARABLE",
        "UNCOUNTED",
        "UNMEASURED",
        "UNJUDGED",
        "UNGATED",
        "FLAKY",
        "OTHER_MXNET",
    ]
    message: str
    value: Optional[float]
    reference: Optional[float]
    allowed_growth: Optional[float]
    samples: List[Sample]
    profiles: List[Profile]
    unit: Literal["", "number", "bytes", "seconds"]
    over: str


class RunFinding(Strict):
    gate: Literal["baseline", "session"]
    metric: str
    verdict: Literal["UNUSED", "CONFLICT", "UNJUDGED"]
    message: str
    value: Optional[float]
    reference: None
    allowed_growth: None
    samples: List[Sample]
    profiles: List[Profile]
    unit: Literal["", "number", "bytes", "seconds"]
    over: Literal[""]


class Timing(Strict):
    samples: int
    mean: float
    min: float
    p50: float
    p90: float
    p99: float
    queued_forwards: int
    batch: Optional[int]


class LayerParams(Strict):
    trainable: int
    frozen: int
    auxiliary: int
    bytes: int


class Params(LayerParams):
    total: int


class Layer(Strict):
    name: str
    op: str
    outputs: List[List[int]]
    dtype: str
    executions: int
    bytes_read: int
    bytes_written: int
    live_bytes: int
    arithmetic_intensity: float
    macs: int
    flops: int
    flops_by_category: Categories
    params: LayerParams


class Cost(Strict):
    convention: str
    macs: int
    flops: int
    flops_by_category: Categories
    params: Params
    param_bytes_by_dtype: Dict[str, int]
    bytes_read: int
    bytes_written: int
    peak_activation_bytes: int
    checkpoint_bytes: Optional[int]
    uncounted: Dict[str, int]
    notes: List[str]
    layers: List[Layer]


class Detail(Strict):
    what: str
    before: str
    now: str


class Costs(Strict):
    macs: int
    flops: int
    params: int


class Shares(Strict):
    macs: Optional[float]
    flops: Optional[float]
    params: Optional[float]


class Change(Strict):
    kind: Literal["added", "removed", "changed", "rewired", "reshaped", "recounted"]
    name: str
    old_name: Optional[str]
    op: str
    details: List[Detail]
    before: Costs
    now: Costs
    growth: Costs
    share_of_growth: Shares


class Difference(Strict):
    before: Costs
    now: Costs
    changes: List[Change]


class Section(Strict):
    title: str
    text: str


class OwnMetric(Strict):
    name: str
    value: float
    unit: Literal["number", "bytes", "seconds"]


class Model(Strict):
    test: str
    name: str
    outcome: Literal["passed", "failed", "skipped", "error"]
    problem: Optional[str]
    inputs: Dict[str, Input]
    baseline_update: Optional[Literal["recorded", "updated", "unchanged", "not stored"]]
    findings: List[Finding]
    difference: Optional[Difference]
    timing: Optional[Timing]
    cost: Optional[Cost]
    file: str
    line: int
    policy: Dict[str, Literal["fail", "warn", "ignore"]]
    symbol_path: Optional[str]
    profile: Optional[Profile]
    unprofiled_because: Optional[str]
    own_metrics: List[OwnMetric]
    update_command: Optional[str]


class Document(Strict):
    schema: Literal[1]
    versions: Dict[str, str]
    findings: List[RunFinding]
    unused_unknown_because: Optional[str]
    models: List[Model]
    sections: List[Section]


STRUCTS = (
    Document,
    Model,
    Input,
    Finding,
    Difference,
    Change,
    Detail,
    Costs,
    Shares,
    Timing,
    Cost,
    Params,
    LayerParams,
    Layer,
    Sample,
    TimedLayer,
    Peaks,
    Profile,
)


def documented(request):
    """The fields that the documentation lists, and every word of it."""
    text = (request.config.rootpath / "docs" / "report-json.md").read_text(encoding="utf-8")
    listing = text.split("```")[1]
    # Fields are indented by up to six spaces and told apart by ", " or " "; what is further to the right explains them.
    fields = re.findall(r"^ {0,6}([a-z0-9_]+(?:,? [a-z0-9_]+)*)(?= |$)", listing, re.MULTILINE)
    return {word for field in fields for word in re.split(r"[ ,]+", field)}, set(re.findall(r"\w+", listing))


def test_the_documentation_lists_every_field_and_no_other(request):
    listed, words = documented(request)
    fields = {field for struct in STRUCTS for field in struct.__struct_fields__}
    assert fields - words == set()
    assert listed - fields == set()
    assert {verdict.value for verdict in Verdict} - words == set()


def read(path) -> Document:
    return msgspec.json.decode(path.read_bytes(), type=Document)


def test_json_is_as_documented(models, run, pytester, section):
    result = run("--mxperf-report=report.json", "--mxperf-policy=unjudged=ignore")
    assert section(result)[0] == "report written: report.json"
    document = read(pytester.path / "report.json")
    assert {"python", "pytest-mxperf", "pytest", "pytest-benchmark", "numpy"} <= set(document.versions)
    assert document.versions["pytest"] == pytest.__version__
    assert [(model.test, model.outcome) for model in document.models] == [
        ("test_it.py::test_passes", "passed"),
        ("test_it.py::test_fails", "failed"),
        ("test_it.py::test_throughput", "passed"),
        ("test_it.py::test_skips_itself", "skipped"),
    ]
    passes, fails, throughput, skipped = document.models
    assert passes.cost.macs == sum(layer.macs for layer in passes.cost.layers) == 607_552
    assert passes.cost.flops == 2 * passes.cost.macs + sum(passes.cost.flops_by_category.values())
    assert passes.inputs == {"data": Input([1, 1, 8, 8], "float32")}
    assert [(f.gate, f.metric, f.verdict) for f in passes.findings] == [
        ("budget", "macs", "PASSED"),
        ("budget", "latency_p99", "PASSED"),
    ]
    assert (passes.findings[0].value, passes.findings[0].reference) == (607_552, 608_000)
    assert passes.findings[1].value == passes.timing.p99
    assert (passes.timing.queued_forwards, passes.timing.batch) == (1, 1)
    assert [(f.gate, f.metric, f.verdict, f.value) for f in fails.findings] == [
        ("budget", "macs", "OVER_BUDGET", 607_552),
        ("baseline", "all", "MISSING", None),
    ]
    assert fails.timing is None
    assert throughput.timing.queued_forwards == 4
    assert [(f.gate, f.metric, f.verdict) for f in skipped.findings] == [("test", "all", "UNJUDGED")]
    assert (skipped.timing, skipped.cost) == (None, None)
    assert (document.findings, document.unused_unknown_because) == ([], None)


def test_json_tells_the_growth_and_its_layers(write, run, pytester, put_model, digits, export):
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        @pytest.mark.mxperf_baseline(macs="10%")
        def test_digits():
            pass
        """
    )
    put_model(digits)
    run("--mxperf-update", "--mxperf-report=report.json")
    assert [model.baseline_update for model in read(pytester.path / "report.json").models] == ["recorded"]
    put_model(export(16, 48, 64))
    run("--mxperf-report=report.json")
    (model,) = read(pytester.path / "report.json").models
    macs = model.findings[0]
    assert (macs.metric, macs.verdict, macs.value, macs.reference) == ("macs", "REGRESSED", 902_464, 607_552)
    assert macs.allowed_growth == 0.1
    assert macs.message.splitlines()[1:] == [
        "conv2_fwd (Convolution): num_filter 32 -> 48, +147,456 MACs",
        "conv3_fwd (Convolution): input channels 32 -> 48, +147,456 MACs",
    ]
    assert (model.difference.before.macs, model.difference.now.macs) == (607_552, 902_464)
    assert [(change.kind, change.name, change.growth.macs) for change in model.difference.changes] == [
        ("changed", "conv2_fwd", 147_456),
        ("reshaped", "bn2_fwd", 0),
        ("reshaped", "relu2_fwd", 0),
        ("reshaped", "pool2_fwd", 0),
        ("reshaped", "conv3_fwd", 147_456),
    ]
    widened = model.difference.changes[0]
    assert widened.details == [Detail("num_filter", "32", "48")]
    assert widened.share_of_growth.macs == 0.5


def test_json_has_the_models_that_could_not_be_counted(write, run, pytester):
    write(
        """
        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (1, 64)})
        def test_wrong_shape():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (1, 64)})
        def test_error(mxperf_cost):
            pass
        """
    )
    run("--mxperf-report=report.json").assert_outcomes(failed=1, errors=1)
    models = read(pytester.path / "report.json").models
    assert [(model.test, model.outcome, model.cost) for model in models] == [
        ("test_it.py::test_wrong_shape", "failed", None),
        ("test_it.py::test_error", "error", None),
    ]
    assert [model.problem.split("; ")[0] for model in models] == [
        "digits: data is (1, 64), the graph needs (?, 1, ?, ?)"
    ] * 2


@pytest.mark.slow
def test_json_is_utf_8_whatever_the_locale(pytester, write, monkeypatch, no_traceback):
    """Durations have a µ."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    write(
        """
        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="5 \\u00b5s")
        def test_digits():
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "--mxperf-report=report.json")
    result.assert_outcomes(passed=1)
    no_traceback(result)
    assert [model.name for model in read(pytester.path / "report.json").models] == ["5 µs"]


def test_the_models_come_in_the_order_of_their_tests(write, run, pytester):
    write(
        """
        @pytest.mark.parametrize("value", range(3))
        @digits
        def test_digits(value):
            pass
        """
    )
    run("--mxperf-report=report.json")
    names = [model.test for model in read(pytester.path / "report.json").models]
    assert names == [f"test_it.py::test_digits[{value}]" for value in range(3)]
