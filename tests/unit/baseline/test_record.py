"""What a baseline holds, and what it can be compared with."""

import json

import msgspec
import pytest

from pytest_mxperf.baseline.record import Baseline, InputRecord, LayerRecord, Recorded, WallTime
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.errors import BaselineError
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.spec import InputSpec

REPORT = CostReport(
    layers=(
        LayerCost("fc", "FullyConnected", ((1, 4),), OpCost(macs=12, bias=4), Params(trainable=16, bytes=64)),
        LayerCost("flat", "Flatten", ((1, 4),), OpCost(), Params()),
        LayerCost("emb", "Embedding", ((1, 4),), OpCost(), Params(trainable=40, bytes=160)),
        LayerCost("anchors", "Reshape", ((1, 4),), OpCost(), Params(frozen=8, bytes=32)),
        LayerCost("act", "Activation", ((1, 4),), OpCost(activation=4), Params()),
    ),
    params=Params(trainable=56, frozen=8, bytes=256),
    uncounted={},
)
INPUTS = {"data": InputSpec((1, 3)), "tokens": InputSpec((1, 16), "int32")}


def record(**changes):
    baseline = Baseline.of(REPORT, INPUTS)
    raw = {**json.loads(baseline.to_json()), **changes}
    return json.dumps(raw).encode()


def test_a_baseline_remembers_totals_and_the_layers_that_matter():
    """12 MACs, 4 biases and 4 activations: 32 FLOPs. Layers that neither compute nor train are left out."""
    baseline = Baseline.of(REPORT, INPUTS)
    assert (baseline.convention, baseline.macs, baseline.flops) == ("mxperf-1", 12, 32)
    assert baseline.params == Params(trainable=56, frozen=8, bytes=256)
    assert {name: flops for name, flops in baseline.flops_by_category.items() if flops} == {"bias": 4, "activation": 4}
    assert baseline.inputs == {"data": InputRecord((1, 3), "float32"), "tokens": InputRecord((1, 16), "int32")}
    assert baseline.layers == (
        LayerRecord("fc", "FullyConnected", macs=12, flops=28, params=16),
        LayerRecord("emb", "Embedding", macs=0, flops=0, params=40),
        LayerRecord("act", "Activation", macs=0, flops=4, params=0),
    )


def test_json_gives_back_the_same_baseline():
    baseline = Baseline.of(REPORT, INPUTS)
    assert Baseline.from_json(baseline.to_json(), where="here") == baseline


def test_the_file_reads_well_as_a_diff():
    """Keys in a fixed order, a line for each total and each layer, and the same text each time."""
    text = Baseline.of(REPORT, INPUTS).to_json().decode()
    assert text.endswith("}\n")
    assert list(json.loads(text)) == [
        "schema",
        "convention",
        "inputs",
        "macs",
        "flops",
        "flops_by_category",
        "params",
        "peak_activation_bytes",
        "symbol_sha256",
        "weights_sha256",
        "checkpoint_bytes",
        "wall_times",
        "recorded",
        "layers",
    ]
    assert '  "macs": 12,\n' in text
    assert [line.count('"name"') for line in text.splitlines()].count(1) == len(json.loads(text)["layers"])
    backwards = dict(reversed(list(INPUTS.items())))
    assert Baseline.of(REPORT, backwards).to_json().decode() == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"<<<<<<<\n", "JSON is malformed"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `schema`"),
        (b'{"schema": "1"}', "Expected `int`, got `str`"),
        (b'{"schema": 1}', "missing required field"),
        (record(macs="12"), "Expected `int`, got `str` - at `$.macs`"),
        (record(macs=1.5), "Expected `int`, got `float` - at `$.macs`"),
        (record(colour="red"), "unknown field `colour`"),
        (record(layers=[{"name": "fc"}]), "missing required field `op` - at `$.layers[0]`"),
        (b'{"schema": 1, "convention": "\xff"}', "codec can't decode byte 0xff"),
    ],
)
def test_what_is_no_baseline_is_refused_with_the_reason(text, reason):
    with pytest.raises(BaselineError) as caught:
        Baseline.from_json(text, where="baselines/net.json")
    message = str(caught.value)
    assert message.startswith("baselines/net.json: not a baseline: ")
    assert reason in message


@pytest.mark.parametrize("marker", [b"<<<<<<< HEAD", b">>>>>>> wider"])
def test_an_unresolved_merge_is_called_by_its_name(marker):
    with pytest.raises(BaselineError) as caught:
        Baseline.from_json(b'{"schema": 1,\n' + marker + b"\n}", where="baselines/net.json")
    assert str(caught.value) == "baselines/net.json: has git conflict markers; resolve them"


@pytest.mark.parametrize("schema", [0, 2])
def test_another_schema_is_named_however_its_fields_differ(schema):
    with pytest.raises(BaselineError) as caught:
        Baseline.from_json(record(schema=schema, colour="red"), where="baselines/net.json")
    assert str(caught.value) == (f"baselines/net.json: written in schema {schema}, this version reads 1")


class TestDifference:
    def of(self, inputs, convention="mxperf-1"):
        return Baseline.of(CostReport((), Params(), {}, convention=convention), inputs)

    def test_the_same_question_may_be_compared(self):
        assert self.of(INPUTS).incomparable_because(self.of(dict(INPUTS))) == ""

    def test_other_costs_are_no_difference_in_the_question(self):
        assert Baseline.of(REPORT, INPUTS).incomparable_because(self.of(INPUTS)) == ""

    def test_another_convention_may_not(self):
        assert self.of(INPUTS, "mxperf-0").incomparable_because(self.of(INPUTS)) == (
            "counted under convention mxperf-0, this version counts under mxperf-1"
        )

    @pytest.mark.parametrize(
        ("before", "now", "difference"),
        [
            (
                {"data": InputSpec((1, 3))},
                {"data": InputSpec((8, 3))},
                "recorded with input data (1, 3) float32, now (8, 3) float32",
            ),
            (
                {"data": InputSpec((1, 3))},
                {"data": InputSpec((1, 3), "float16")},
                "recorded with input data (1, 3) float32, now (1, 3) float16",
            ),
            (
                {"data": InputSpec((1, 3)), "mask": InputSpec((1,))},
                {"data": InputSpec((1, 3))},
                "recorded with input mask (1,) float32, now absent",
            ),
            (
                {"data": InputSpec((1, 3))},
                {"data": InputSpec((1, 3)), "mask": InputSpec((1,))},
                "recorded with input mask absent, now (1,) float32",
            ),
        ],
        ids=["shape", "dtype", "dropped", "added"],
    )
    def test_other_inputs_may_not(self, before, now, difference):
        assert self.of(before).incomparable_because(self.of(now)) == difference


def wall_time(p50):
    return WallTime.of(Timing.of([p50]), {"mxnet": "1.9.1"})


def test_wall_times_keep_four_digits():
    times = wall_time(0.123456789)
    assert (times.p50, times.p90, times.p99, times.mean) == (0.1235, 0.1235, 0.1235, 0.1235)
    assert times.software == {"mxnet": "1.9.1"}


@pytest.mark.parametrize(
    ("p50", "is_like"), [(0.0101, True), (0.0109, True), (0.0091, True), (0.0112, False), (0.0089, False)]
)
def test_wall_times_within_a_tenth_are_alike(p50, is_like):
    assert wall_time(0.01).is_like(wall_time(p50)) is is_like


def test_neither_wall_times_nor_weights_nor_metrics_of_plugins_make_another_model():
    baseline = Baseline.of(REPORT, INPUTS)
    own = {"accuracy": 0.97, "artifact_bytes": 3}
    measured = msgspec.structs.replace(
        baseline, wall_times={"here": wall_time(0.01)}, weights_sha256="ab", own_metrics=own
    )
    assert measured.costs_digest() == baseline.costs_digest()
    assert Baseline.from_json(measured.to_json(), where="net.json") == measured


THEN = Recorded("1.8.0", "ATLAS", ("CPU_SSE", "OPENMP"), "none", "Module", "ab" * 32)


class TestRecorded:
    def test_the_same_is_no_difference(self):
        assert THEN.differences(THEN) == []

    @pytest.mark.parametrize(
        ("changes", "difference"),
        [
            ({"mxnet": "1.9.1"}, "under MXNet 1.8.0, this is 1.9.1"),
            ({"blas": "OPEN"}, "with BLAS ATLAS, this is OPEN"),
            ({"features": ("CPU_SSE",)}, "with OPENMP, this is without"),
            ({"features": ("CPU_SSE", "CUDA", "OPENMP")}, "without CUDA, this is with it"),
            ({"subgraph_backend": "MKLDNN"}, "with subgraph backend none, this is MKLDNN"),
            (
                {"run_as": "hybridized block (static_alloc)"},
                "and timed as a Module, this is a hybridized block (static_alloc)",
            ),
            ({"example": "cd" * 32}, "with example abababababab, this is cdcdcdcdcdcd"),
            ({"example": "none"}, "with example abababababab, this is none"),
        ],
    )
    def test_each_difference_is_named(self, changes, difference):
        assert THEN.differences(msgspec.structs.replace(THEN, **changes)) == [difference]

    def test_all_of_them_are(self):
        now = Recorded("1.9.1", "OPEN", ("CPU_SSE", "MKLDNN"), "MKLDNN", "hybridized block", "none")
        assert len(THEN.differences(now)) == 7

    @pytest.mark.parametrize("unknown", ["run_as", "example"])
    def test_what_is_not_known_is_no_difference(self, unknown):
        """Of a test that times nothing."""
        other = msgspec.structs.replace(THEN, **{unknown: ""})
        assert THEN.differences(other) == other.differences(THEN) == []

    def test_a_file_from_before_knows_nothing_of_it(self):
        raw = json.loads(Baseline.of(REPORT, INPUTS).to_json())
        del raw["recorded"]
        assert Baseline.from_json(json.dumps(raw).encode(), where="net.json").recorded is None

    def test_it_comes_back_and_makes_no_other_model(self):
        baseline = Baseline.of(REPORT, INPUTS)
        known = msgspec.structs.replace(baseline, recorded=THEN)
        assert known.costs_digest() == baseline.costs_digest()
        assert Baseline.from_json(known.to_json(), where="net.json") == known
