"""rss: the memory of one inference, as a budget and over a baseline.

The dense layer of 1024 x 4096 numbers has 16 MiB, and 16 MiB in its fused copy, where MXNet is built with MKLDNN; twice
as many units, twice as much.
"""

import pytest

pytestmark = pytest.mark.slow  # processes of their own

NET = """
import mxnet as mx

def net():
    return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden={units}, no_bias=True, name="dense")

dense = pytest.mark.mxperf_model(net, inputs={{"data": (1, 4096)}})
"""
BASELINE = """
@dense
@pytest.mark.mxperf_baseline(macs="1000%", params="1000%", rss="5%")
def test_memory(): pass
"""


def first_digit(with_copy, without):
    """Of the MiB that are expected."""
    from pytest_mxperf.mx.operators import operator

    return with_copy if operator("_sg_mkldnn_fully_connected") is not None else without


def test_a_budget_is_measured(write, run, no_traceback):
    write(
        NET.format(units=1024)
        + """
@dense
@pytest.mark.mxperf_budget(rss="40 MiB")
def test_enough(): pass

@dense
@pytest.mark.mxperf_budget(rss="12 MiB")
def test_too_low(): pass
"""
    )
    result = run("--mxperf-report", "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"net: rss {first_digit(3, 1)}?.* MiB is over the budget of 12 MiB (+*%)"])
    result.stdout.fnmatch_lines(["*budget*PASSED*rss *.* MiB is within the budget of 40 MiB*"])
    no_traceback(result)


def test_a_larger_graph_is_measured_beside_the_baselines(write, run, verdicts):
    write(NET.format(units=1024) + BASELINE)
    run("--mxperf-update", "--mxperf-report", "-v").assert_outcomes(passed=1)
    same = run("--mxperf-report", "-v")
    same.assert_outcomes(passed=1)
    same.stdout.fnmatch_lines(["*PASSED*rss: same graph as its baseline, not measured"])
    write(NET.format(units=2048) + BASELINE)
    larger = run()
    larger.assert_outcomes(failed=1)
    larger.stdout.fnmatch_lines(
        [f"net: rss {first_digit(3, 1)}?.* MiB -> {first_digit(6, 3)}?.* MiB (+9*%, allowed +5% over its baseline)"]
    )
    write(NET.format(units=512) + BASELINE)
    assert verdicts()["test_memory"]["rss"] == "IMPROVED"


def test_another_model_can_be_the_reference(write, run):
    write(
        NET.format(units=1024)
        + """
def other():
    return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2048, no_bias=True, name="dense")

@dense
@pytest.mark.mxperf_baseline(against=other, rss="-40%")
def test_half(): pass

@dense
@pytest.mark.mxperf_baseline(against=other, rss="-60%")
def test_not_a_third(): pass
"""
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["net: rss *.* MiB -> *.* MiB (-4*%, allowed -60% over other)"])


def test_what_cannot_be_measured_fails(write, run, verdicts):
    """Nothing passes in silence."""
    write(
        """
        import mxnet as mx

        def net():
            return mx.sym.var("data", attr={"__storage_type__": "2"}) + 1

        @pytest.mark.mxperf_model(net, inputs={"data": (2, 2)})
        @pytest.mark.mxperf_budget(rss="1 GiB")
        def test_sparse(): pass

        @pytest.mark.mxperf_model(net, inputs={"data": (2, 2)})
        @pytest.mark.mxperf_baseline(rss="5%")
        def test_baseline(): pass
        """
    )
    result = run("--mxperf-update")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["net: rss was not measured: net: input 'data' is stored as csr; *"])
    found = verdicts("--mxperf-update")
    assert {found["test_sparse"]["rss"], found["test_baseline"]["rss"]} == {"UNMEASURED"}


@pytest.mark.parametrize("arguments", ['rss="5 ms"', "rss=-1"])
def test_a_budget_that_is_no_memory_is_an_error(write, run, arguments):
    write(NET.format(units=2) + f"@dense\n@pytest.mark.mxperf_budget({arguments})\ndef test_wrong(): pass\n")
    run().assert_outcomes(errors=1)
