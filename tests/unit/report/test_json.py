"""The JSON report, field by field."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

import pytest_mxperf.report
from pytest_mxperf.baseline.detail import Detail
from pytest_mxperf.baseline.diff import Change, ChangeKind, Costs, Difference
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.own_metrics import MetricValue
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.report.document import schema
from pytest_mxperf.report.json import merged, read, render
from pytest_mxperf.report.run import ModelResult, RunReport, Section
from pytest_mxperf.spec import InputSpec
from tests.unit.report.runs import PROFILE, SAMPLES

NO_FLOPS = {
    "bias": 0,
    "normalization": 0,
    "activation": 0,
    "elementwise": 0,
    "reduction": 0,
    "pooling": 0,
    "softmax": 0,
    "interpolation": 0,
    "other": 0,
}


def model(**fields):
    result = ModelResult("t.py::test_a", "net", {"data": InputSpec((1, 3))}, "passed", **fields)
    (document,) = json.loads(render(RunReport((result,), {})))["models"]
    return document


def has(document, **fields):
    """These fields are there; others may be added without a new schema."""
    assert {name: document.get(name) for name in fields} == fields


def test_a_run_is_a_schema_versions_and_models():
    document = json.loads(render(RunReport((), {"python": "3.8.18", "mxnet": "1.9.1"})))
    assert document == {
        "schema": 1,
        "versions": {"python": "3.8.18", "mxnet": "1.9.1"},
        "findings": [],
        "unused_unknown_because": None,
        "models": [],
        "sections": [],
    }


def test_a_model_says_what_is_wrong_with_it():
    assert model()["problem"] is None
    assert model(problem="a-symbol.json: is empty")["problem"] == "a-symbol.json: is empty"


def test_the_text_is_one_line():
    text = render(RunReport((), {}))
    assert text.startswith('{"schema":1,')
    assert text.endswith("}\n")
    assert text.count("\n") == 1


def test_models_are_in_the_order_of_their_tests():
    results = tuple(ModelResult(f"t.py::{name}", name, {}, "passed") for name in ("z", "a", "m"))
    assert [each["name"] for each in json.loads(render(RunReport(results, {})))["models"]] == ["z", "a", "m"]


def test_what_is_not_known_is_null_and_never_absent():
    document = model()
    has(document, test="t.py::test_a", name="net", outcome="passed", findings=[])
    has(document, inputs={"data": {"shape": [1, 3], "dtype": "float32"}})
    assert {"baseline_update", "timing", "cost"} <= {name for name, value in document.items() if value is None}


def test_a_finding_has_all_its_values():
    finding = Finding("baseline", "macs", Verdict.REGRESSED, "grew\nfc: +1", 13, 12, 0.05)
    assert model(findings=(finding,))["findings"] == [
        {
            "gate": "baseline",
            "metric": "macs",
            "verdict": "REGRESSED",
            "message": "grew\nfc: +1",
            "value": 13,
            "reference": 12,
            "allowed_growth": 0.05,
            "samples": [],
            "profiles": [],
            "unit": "",
            "over": "",
        }
    ]


def test_a_timing_is_in_seconds_per_forward():
    assert model(timing=Timing.of([0.5], queued_forwards=2, batch=4))["timing"] == {
        "samples": 1,
        "mean": 0.25,
        "min": 0.25,
        "p50": 0.25,
        "p90": 0.25,
        "p99": 0.25,
        "queued_forwards": 2,
        "batch": 4,
    }


def test_costs_have_totals_and_layers():
    """12 MACs and 4 biases are 28 FLOPs; a softmax of 4 is 18: 46. Parameters: 16 + 2 + 3 = 21."""
    report = CostReport(
        layers=(
            LayerCost("fc", "FullyConnected", ((1, 4),), OpCost(macs=12, bias=4), Params(trainable=16, bytes=64)),
            LayerCost("prob", "softmax", ((1, 4), ()), OpCost(softmax=18), Params()),
        ),
        params=Params(trainable=16, frozen=2, auxiliary=3, bytes=84),
        uncounted={"_unknown": 2},
    )
    cost = model(cost=report)["cost"]
    dense, softmax = cost.pop("layers")
    has(
        cost,
        convention="mxperf-1",
        macs=12,
        flops=46,
        flops_by_category={**NO_FLOPS, "bias": 4, "softmax": 18},
        params={"trainable": 16, "frozen": 2, "auxiliary": 3, "bytes": 84, "total": 21},
        uncounted={"_unknown": 2},
    )
    has(
        dense,
        name="fc",
        op="FullyConnected",
        outputs=[[1, 4]],
        macs=12,
        flops=28,
        flops_by_category={"bias": 4},
        params={"trainable": 16, "frozen": 0, "auxiliary": 0, "bytes": 64},
    )
    has(
        softmax,
        name="prob",
        op="softmax",
        outputs=[[1, 4], []],
        macs=0,
        flops=18,
        flops_by_category={"softmax": 18},
        params={"trainable": 0, "frozen": 0, "auxiliary": 0, "bytes": 0},
    )


def test_a_timed_layer_has_what_follows_from_its_time():
    """4 MB at 2e10 bytes a second take 0.2 of its 0.6 ms."""
    profile = model(profile=PROFILE)["profile"]
    first, _ = profile["layers"]
    has(profile, forward_cpu_seconds=1e-3, unaccounted_share=pytest.approx(0.02), run_as="Module", own_weights=True)
    has(first, name="conv", cpu_seconds=6e-4, share=pytest.approx(0.6), flops_per_second=pytest.approx(3_760_000))
    has(first, bytes_per_second=pytest.approx(6.667e9, rel=1e-3), attained=pytest.approx(1 / 3))
    has(first, members=["conv", "relu"])


def test_names_in_any_alphabet_and_with_any_character_come_back():
    name = 'na\u00efve "quoted" <script> \x1b[31m \u5c42'
    report = CostReport((LayerCost(name, "op", ((1,),), OpCost(), Params()),), Params(), {})
    assert model(cost=report)["cost"]["layers"][0]["name"] == name


# Read back, joined, and held against its schema


CHANGE = Change(
    ChangeKind.CHANGED,
    "fc",
    "FullyConnected",
    (Detail("num_hidden", "3", "4"),),
    Costs(9, 18, 9),
    Costs(12, 24, 12),
    "fc0",
)
EVERYTHING = ModelResult(
    "t.py::test_b",
    "net",
    {"data": InputSpec((1, 3)), "tokens": InputSpec((1,), "int32")},
    "failed",
    problem="it is broken",
    cost=CostReport(
        (
            LayerCost(
                "fc", "FullyConnected", ((1, 4), ()), OpCost(12, bias=4), Params(16, 1, 2, 76), "float16", 2, 3, 4, 17
            ),
        ),
        Params(16, 1, 2, 76),
        {"_unknown": 2},
        ("a bound",),
        17,
        {"float16": 76},
        checkpoint_bytes=80,
    ),
    timing=Timing.of([0.5, 0.25]),
    findings=tuple(
        Finding("latency", "latency", verdict, verdict.value, 0.5, None, 0.025, SAMPLES, (PROFILE, PROFILE))
        for verdict in Verdict
    ),
    difference=Difference((CHANGE,), Costs(9, 18, 9), Costs(12, 24, 12)),
    baseline_update="not stored",
    policy={Verdict.MISSING: "warn"},
    file="tests/t.py",
    line=7,
    symbol_path="models/net-symbol.json",
    update_command="pytest --mxperf-update tests/test_a.py::test_net",
    profile=PROFILE,
    unprofiled_because="its layers would take 12 s to time",
    own_metrics=(MetricValue("accuracy", 0.9, "number"), MetricValue("artifact_bytes", 3, "bytes")),
)
RUN = RunReport(
    (EVERYTHING, ModelResult("t.py::test_a", "other", {})),
    {"python": "3.11.7"},
    (Finding("baseline", "gone", Verdict.UNUSED, "no test uses 'gone'"),),
    "-k",
    (Section("Energy", "net  3 J\nother  4 J"),),
)


@pytest.fixture
def kept(tmp_path):
    def kept(content):
        path = tmp_path / "report.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return kept


def test_a_kept_report_is_read_as_it_was(kept):
    assert read(kept(render(RUN))) == RUN


def in_order(part):
    """Without the order of alternatives, in which msgspec's versions differ."""
    if isinstance(part, dict):
        return {key: in_order(each) for key, each in part.items()}
    return sorted(map(in_order, part), key=str) if isinstance(part, list) else part


def test_keys_are_strings():
    """msgspec 0.18 and 0.22 write any Enum as a key, the versions between them only one that is a str."""
    assert [isinstance(verdict, str) for verdict in EVERYTHING.policy] == [True]


def test_every_report_keeps_to_the_schema_that_is_shipped():
    shipped = json.loads(Path(pytest_mxperf.report.__file__).with_name("report.schema.json").read_text())
    if msgspec.__version__ >= "0.20":  # older ones describe the same in fewer words
        assert in_order(shipped) == in_order(schema())
    jsonschema.Draft202012Validator.check_schema(shipped)
    validator = jsonschema.Draft202012Validator(shipped)
    validator.validate(json.loads(render(RUN)))
    for broken in ('"schema":"1"', '"schema":null'):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(json.loads(render(RUN).replace('"schema":1', broken)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"schema": 1}',
        b'{"schema": 1e400}',
        render(RUN).encode()[:-40],
        render(RUN).replace('"macs":12', '"macs":"many"').encode(),
        render(RUN).replace('"bias":4', '"unheard_of":4').encode(),
        render(RUN).replace('"outputs":[[1,4],[]]', '"outputs":[]').encode(),
        render(RUN).replace('"verdict":"PASSED"', '"verdict":"FINE"').encode(),
        render(RUN).replace('"macs":12', '"macs":' + "9" * 5000).encode(),
    ],
    ids=lambda content: content[:24].decode("latin-1"),
)
def test_what_is_no_report_is_one_clear_error(kept, content):
    path = kept(content)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: not a JSON report of pytest-mxperf: ")


def test_a_report_of_another_schema_says_which(kept):
    path = kept(render(RUN).replace('"schema":1', '"schema":2'))
    with pytest.raises(UsageError, match="a report of schema 2, this version reads 1; write it again"):
        read(path)


def test_a_report_that_is_not_there_says_so(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.json: cannot be read: No such file"):
        read(tmp_path / "gone.json")


def test_of_a_test_in_several_parts_the_later_one_counts():
    again = msgspec.structs.replace(EVERYTHING, outcome="passed")
    third = ModelResult("t.py::test_c", "third", {})
    both = merged([RUN, RunReport((again, third), {"python": "3.12.1", "mxnet": "1.9.1"})])
    assert both.results == (again, RUN.results[1], third)
    assert both.versions == {"python": "3.11.7", "mxnet": "1.9.1"}
    assert both.unused_unknown_because == "-k"
    assert merged([RUN, RUN]).sections == both.sections == (Section("Energy", "net  3 J\nother  4 J"),)


def test_a_baseline_is_unused_if_no_part_uses_it():
    assert merged([RUN, RUN]).findings == RUN.findings
    assert merged([RUN, RunReport((), {})]).findings == ()
    conflict = Finding("baseline", "net", Verdict.CONFLICT, "two models")
    assert merged([RunReport((), {}, (conflict,)), RunReport((), {})]).findings == (conflict,)
