"""The JSON report, field by field."""

import json

from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.report.json import render
from pytest_mxperf.report.run import ModelResult, RunReport
from pytest_mxperf.spec import InputSpec

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
    }


def test_a_model_says_what_is_wrong_with_it():
    assert model()["problem"] is None
    assert model(problem="a-symbol.json: is empty")["problem"] == "a-symbol.json: is empty"


def test_the_text_is_indented_and_ends_with_a_newline():
    text = render(RunReport((), {}))
    assert text.startswith('{\n  "schema": 1,\n')
    assert text.endswith("\n}\n")


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
        }
    ]


def test_a_timing_is_in_seconds_per_forward():
    assert model(timing=Timing.of([0.5], queued_forwards=2))["timing"] == {
        "samples": 1,
        "mean": 0.25,
        "min": 0.25,
        "p50": 0.25,
        "p90": 0.25,
        "p99": 0.25,
        "queued_forwards": 2,
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
        flops_by_category={**NO_FLOPS, "bias": 4},
        params={"trainable": 16, "frozen": 0, "auxiliary": 0, "bytes": 64},
    )
    has(
        softmax,
        name="prob",
        op="softmax",
        outputs=[[1, 4], []],
        macs=0,
        flops=18,
        flops_by_category={**NO_FLOPS, "softmax": 18},
        params={"trainable": 0, "frozen": 0, "auxiliary": 0, "bytes": 0},
    )


def test_names_in_any_alphabet_and_with_any_character_come_back():
    name = 'na\u00efve "quoted" <script> \x1b[31m \u5c42'
    report = CostReport((LayerCost(name, "op", ((1,),), OpCost(), Params()),), Params(), {})
    assert model(cost=report)["cost"]["layers"][0]["name"] == name
