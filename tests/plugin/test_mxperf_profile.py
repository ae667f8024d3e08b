"""``--mxperf-profile``: the times of layers in every report; with a timer that only pretends, and once for real."""

import json

import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.profile.values import LayerTime, NetworkProfile

TEST = """
@pytest.mark.mxperf_model(PREFIX, inputs=INPUTS)
@pytest.mark.mxperf_budget(macs="1 M")
def test_it():
    pass
"""
TIMED = NetworkProfile(
    (
        LayerTime("conv1_fwd", "Convolution", 6e-4, ("conv1_fwd", "relu1_fwd")),
        LayerTime("dense1_fwd", "FullyConnected", 4e-4, ("dense1_fwd",)),
    ),
    1e-3,
    bindings=3,
    rounds=5,
)


@pytest.fixture
def profiled(timer, write, run):
    write(TEST)
    timer.profiled = (TIMED,)
    return run


def test_layers_are_timed_only_when_asked(profiled, timer):
    profiled("--mxperf-report").assert_outcomes(passed=1)
    assert timer.explained == []


def test_by_itself_it_shows_them_in_the_terminal(profiled, timer, digits):
    result = profiled("--mxperf-profile")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "  layers: 1.00 ms per forward, as a Module, with its own weights",
            "    layer *",
            "    conv1_fwd   Convolution     600 µs  60.0% *",
            "    dense1_fwd  FullyConnected  400 µs  40.0% *",
            "  one core does 100 GFLOP/s in float32, and moves 20.0 GB/s",
        ]
    )
    ((network,),) = timer.explained
    assert network.params_path == f"{digits}-0000.params"


def test_the_ini_file_can_ask_for_it(profiled, timer, pytester):
    pytester.makeini("[pytest]\nmxperf_profile = true\n")
    profiled()
    assert len(timer.explained) == 1


@pytest.mark.parametrize("report", ["a.html", "a.json", "a.csv", "a.md", "a.trace.json"])
def test_every_report_has_them(profiled, pytester, report):
    profiled("--mxperf-profile", f"--mxperf-report={report}").assert_outcomes(passed=1)
    written = pytester.path / ("a.layers.csv" if report == "a.csv" else report)
    assert "dense1" in written.read_text(encoding="utf-8")
    if report == "a.json":
        (model,) = json.loads(written.read_text())["models"]
        assert [layer["share"] for layer in model["profile"]["layers"]] == pytest.approx([0.6, 0.4])
        assert model["profile"]["own_weights"]


def test_what_cannot_be_timed_is_said_and_fails_no_test(profiled, timer, no_traceback):
    timer.profiled = WorkerError("its layers would take 99 s to time, and there are 15 s")
    result = profiled("--mxperf-profile")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["  its layers were not timed: its layers would take 99 s to time, and there are", "  15 s"]
    )
    no_traceback(result)


def test_without_its_weights_synthetic_ones_are_timed(timer, write, run, digits, pytester):
    graph = pytester.path / "bare-symbol.json"
    graph.write_text((digits.parent / "digits-symbol.json").read_text())
    write(TEST.replace("PREFIX", '"bare"'))
    timer.profiled = (TIMED,)
    run("--mxperf-profile").stdout.fnmatch_lines(["  layers: * with synthetic weights"])
    ((network,),) = timer.explained
    assert network.params_path is None


@pytest.mark.slow
def test_for_real(write, run, report):
    write(TEST)
    model = report("--mxperf-profile")["test_it"]
    names = [layer["name"] for layer in model["profile"]["layers"]]
    assert names[0] == "conv1_fwd"
    assert model["profile"]["peaks"]["flops_per_second"]["float32"] > 0
    assert sum(layer["macs"] for layer in model["profile"]["layers"]) == 607_552
