"""The CSV reports: a row per model and a row per layer."""

import csv
import io
from pathlib import Path

from pytest_mxperf.report import csv as csv_report
from pytest_mxperf.report.output import Place
from tests.unit.report.runs import BROKEN, FAILED, HEALTHY, result, run


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


def test_layers_lie_beside_the_models():
    made = csv_report.output(run(HEALTHY), Place(Path("out/all.csv")))
    assert set(made.written) == {Path("out/all.csv"), Path("out/all.layers.csv")}


def test_a_name_is_no_formula():
    (row,) = rows(csv_report.models(run(result("=1+1", problem="x"))))
    assert row["model"] == "'=1+1"
