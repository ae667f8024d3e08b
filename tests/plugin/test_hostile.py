"""A bad checkpoint is one clear error on the test that asked for it; the tests beside it go on."""

import json

import pytest

SOURCE = """
hostile = pytest.mark.mxperf_model("hostile", inputs={"x0": (1, 4, 8, 8)})

@hostile
@pytest.mark.mxperf_budget(macs="1 G")
def test_counted():
    pass

@hostile
def test_bound(mxperf_module):
    pass

@digits
@pytest.mark.mxperf_budget(macs="608 k")
def test_other(mxperf_module):
    pass
"""


@pytest.fixture
def hostile(pytester, write):
    """A checkpoint of one operator over two variables, the second a parameter of 4 x 1 x 4 x 4."""

    def hostile(op, attrs):
        import mxnet as mx

        nodes = [{"op": "null", "name": f"x{index}", "inputs": []} for index in range(2)]
        nodes.append({"op": op, "name": "it", "attrs": attrs, "inputs": [[0, 0, 0], [1, 0, 0]]})
        document = {"nodes": nodes, "arg_nodes": [0, 1], "heads": [[2, 0, 0]]}
        document["attrs"] = {"mxnet_version": ["int", 10901]}
        (pytester.path / "hostile-symbol.json").write_text(json.dumps(document))
        mx.nd.save(str(pytester.path / "hostile-0000.params"), {"arg:x1": mx.nd.ones((4, 1, 4, 4))})
        write(SOURCE)

    return hostile


def test_a_model_that_kills_mxnet_when_it_is_counted(hostile, run, no_traceback):
    hostile("Convolution", {"kernel": "(4, 4)", "num_filter": "4", "num_group": "0", "no_bias": "True"})
    result = run()
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_bound*",
            "*hostile-symbol.json: node 2 (Convolution 'it'): num_group='0' must be at least 1",
            "*_ test_counted _*",
            "*hostile-symbol.json: node 2 (Convolution 'it'): num_group='0' must be at least 1",
        ]
    )
    no_traceback(result)


def test_a_model_that_kills_mxnet_when_it_runs(hostile, run, no_traceback):
    hostile("UpSampling", {"scale": "2", "sample_type": "bilinear", "num_args": "2", "num_filter": "0"})
    result = run()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["hostile: MXNet crashes with SIG* binding the model and running it once; *UpSampling 'it'"]
    )
    no_traceback(result)


def test_a_model_with_a_pointer_of_another_process(hostile, run, no_traceback):
    """It counts up to what nobody can count, which fails the gate by default."""
    hostile("_Native", {"info": "0x7f1234567890"})
    result = run()
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["hostile: MXNet cannot load _Native 'it', which points into the process that saved it; *", "*_Native*"]
    )
    no_traceback(result)
    run("--mxperf-policy=uncounted=warn").assert_outcomes(passed=2, errors=1)
