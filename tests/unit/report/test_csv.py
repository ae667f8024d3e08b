"""The CSV reports: a row per model and a row per layer."""

import csv
import io
from pathlib import Path

import pytest

from pytest_mxperf.report import csv as csv_report
from pytest_mxperf.report.output import Place
from tests.unit.report.runs import BROKEN, FAILED, HEALTHY, PROFILED, SHARED, result, run


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_per_model():
    healthy, failed, broken = rows(csv_report.models(run(HEALTHY, FAILED, BROKEN)))
    assert (healthy["model"], healthy["outcome"], healthy["verdicts"]) == ("healthy", "passed", "PASSED")
    assert (healthy["inputs"], healthy["macs"], healthy["flops"]) == ("data=1x3x4x4:float32", "1000", "2256")
    assert (healthy["trainable_params"], healthy["param_bytes"], healthy["bytes_read"]) == ("80", "320", "512")
    assert (healthy["peak_activation_bytes"], healthy["wall_p50_seconds"]) == ("1024", "0.002")
    assert failed["verdicts"] == "OVER_BUDGET PASSED REGRESSED"
    assert (failed["wall_p50_seconds"], broken["macs"], broken["outcome"]) == ("", "", "failed")


def test_a_row_per_layer():
    conv, relu = rows(csv_report.layers(run(HEALTHY, BROKEN)))
    assert (conv["model"], conv["layer"], conv["operator"], conv["output_shape"]) == (
        "healthy",
        "conv",
        "Convolution",
        "1x8x4x4",
    )
    assert (conv["macs"], conv["flops"], conv["trainable_params"]) == ("1000", "2128", "80")
    assert (relu["layer"], relu["macs"], relu["bytes_read"]) == ("relu", "0", "512")


def test_a_timed_layer_has_its_time_and_what_runs_in_it_its_name():
    conv, relu = rows(csv_report.layers(run(PROFILED)))
    assert (conv["runs_in"], conv["cpu_seconds"], conv["share_of_forward"]) == ("conv", "0.0006", "0.6")
    assert (float(conv["bytes_per_second"]), float(conv["attained_share"])) == pytest.approx(
        (6.6667e9, 1 / 3), rel=1e-3
    )
    assert (relu["runs_in"], relu["cpu_seconds"], relu["attained_share"]) == ("conv", "", "")
    untimed, _ = rows(csv_report.layers(run(HEALTHY)))
    assert (untimed["runs_in"], untimed["cpu_seconds"], untimed["live_bytes"]) == ("", "", "1024")


def test_layers_of_one_name_have_a_time_each():
    first, second = rows(csv_report.layers(run(SHARED)))
    assert [(layer["layer"], layer["runs_in"], layer["cpu_seconds"]) for layer in (first, second)] == [
        ("conv", "conv", "0.0006"),
        ("conv", "conv", "0.0001"),
    ]


def test_layers_lie_beside_the_models():
    made = csv_report.output(run(HEALTHY), Place(Path("out/all.csv")))
    assert set(made.written) == {Path("out/all.csv"), Path("out/all.layers.csv")}


def test_a_name_is_no_formula():
    (row,) = rows(csv_report.models(run(result("=1+1", problem="x"))))
    assert row["model"] == "'=1+1"
