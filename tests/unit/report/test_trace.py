"""The trace of timed layers."""

import json
from pathlib import Path

from pytest_mxperf.report import formats
from pytest_mxperf.report.output import Place
from pytest_mxperf.report.trace import render
from tests.unit.report.runs import HEALTHY, PROFILED, SLOWED, run


def events(*results):
    return json.loads(render(run(*results)))["traceEvents"]


def test_layers_follow_one_another_in_microseconds():
    """0.6 and 0.2 ms, and 0.18 ms of copies."""
    laid = [(each["name"], each["ts"], each["dur"]) for each in events(PROFILED) if each["ph"] == "X"]
    assert laid == [("conv", 0.0, 600.0), ("soft", 600.0, 200.0), ("copies of the outputs", 800.0, 180.0)]


def test_a_layer_says_what_it_does():
    (conv,) = [each for each in events(PROFILED) if each["name"] == "conv"]
    assert conv["cat"] == "Convolution"
    assert conv["args"] == {
        "operator": "Convolution",
        "macs": 1000,
        "flops": 2256,
        "bytes_moved": 4_000_000,
        "gflops_per_second": 0.004,
        "gbytes_per_second": 6.667,
        "members": ["conv", "relu"],
    }


def test_each_model_is_a_process_and_each_side_a_track():
    named = [(each["pid"], each["tid"], each["args"]["name"]) for each in events(PROFILED, SLOWED) if each["ph"] == "M"]
    assert named == [
        (1, 0, "profiled (tests/test_a.py::test_profiled)"),
        (1, 1, "layers"),
        (2, 0, "slowed (tests/test_a.py::test_slowed)"),
        (2, 1, "latency, before"),
        (2, 2, "latency, now"),
    ]
    sides = {(each["pid"], each["tid"]) for each in events(PROFILED, SLOWED) if each["ph"] == "X"}
    assert sides == {(1, 1), (2, 1), (2, 2)}


def test_models_whose_layers_were_not_timed_are_left_out():
    assert events(HEALTHY) == []


def test_it_is_a_format_beside_json():
    made = formats.output("out/a.trace.json", run(PROFILED), Place(Path("out/a.trace.json")))
    assert "traceEvents" in made.written[Path("out/a.trace.json")]
    assert made.printed == ""


def test_a_trace_without_times_says_so():
    place = Place(Path("out/a.trace.json"))
    empty = "a.trace.json has no times in it, because no layers were timed"
    assert formats.output("out/a.trace.json", run(HEALTHY), place).printed == empty
    told = formats.output("out/a.trace.json", run(HEALTHY), place._replace(profile="--profile")).printed
    assert told == f"{empty}: add --profile"
    assert formats.output("out/a.trace.json", run(HEALTHY, SLOWED), place).printed == ""
