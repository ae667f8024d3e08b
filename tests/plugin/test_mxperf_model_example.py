"""mxperf_model(example=...): real inputs, for both sides of the latency gate and for mxperf_benchmark."""

import tempfile

import numpy as np
import pytest

from pytest_mxperf.latency.decide import Decision, Outcome

NETS = """
import numpy as np
from pytest_mxperf import ModelSpec

def dense(width=WIDTH):
    import mxnet as mx

    return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=width)

def block():
    import mxnet as mx

    return mx.gluon.nn.Dense(2)

def arrays():
    return {"data": np.array([[1, 2, 3]], dtype="float32")}

"""
GATED = """
@pytest.mark.mxperf_model(dense, inputs={"data": (1, 3)}, name="net", example=EXAMPLE)
@pytest.mark.mxperf_baseline(macs="900%", params="900%", latency="2.5%"AGAINST)
def test_it():
    pass
"""
PASSED = Decision(Outcome.PASSED, 0.001, -0.01, 0.021, 3)
GIVEN = {"data": [[1.0, 2.0, 3.0]]}


@pytest.fixture
def write_net(write, pytester):
    np.savez(pytester.path / "inputs.npz", data=np.array([[1, 2, 3]], dtype="float32"))

    def write_net(example, width=8, against="", test=GATED):
        filled = test.replace("EXAMPLE", example).replace("AGAINST", against)
        write(f"WIDTH = {width}\n{NETS}{filled}")

    return write_net


KINDS = ['"inputs.npz"', "arrays()", "arrays"]


@pytest.mark.parametrize("example", KINDS)
def test_both_sides_of_the_gate_get_it(write_net, run, timer, example):
    write_net(example)
    run("--mxperf-update").assert_outcomes(passed=1)
    write_net(example, width=9)
    timer.decisions = [PASSED]
    run().assert_outcomes(passed=1)
    assert timer.examples == [(GIVEN,), (GIVEN, GIVEN)]  # of the recording, and of the comparison


def test_nothing_is_left_of_it(write_net, run, timer, monkeypatch, pytester):
    folder = pytester.mkdir("tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    write_net('"inputs.npz"')
    run("--mxperf-update").assert_outcomes(passed=1)
    assert timer.examples == [(GIVEN,)]
    assert [path.name for path in folder.iterdir() if not path.name.endswith(".lock")] == []


def test_without_one_there_is_none(write_net, run, timer):
    write_net("None")
    run("--mxperf-update").assert_outcomes(passed=1)
    assert timer.examples == [(None,)]


def test_its_path_starts_at_the_root_directory(write_net, run, timer, monkeypatch, pytester):
    write_net('"inputs.npz"')
    pytester.makeini("[pytest]")
    monkeypatch.chdir(pytester.mkdir("elsewhere"))
    run("--mxperf-update", "--rootdir", str(pytester.path), str(pytester.path)).assert_outcomes(passed=1)
    assert timer.examples == [(GIVEN,)]


def test_real_weights_are_timed_with_it(timer, write, run):
    write(
        """
        import numpy as np

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, example={"data": np.full((1, 1, 8, 8), 2, "float32")})
        @pytest.mark.mxperf_baseline(latency="5%")
        def test_it():
            pass
        """
    )
    timer.decisions = [PASSED]
    run("--mxperf-update").assert_outcomes(passed=1)
    twos = {"data": [[[[2.0] * 8] * 8]]}
    assert timer.examples == [(twos,), (twos, twos)]
    ((reference, candidate, _),) = timer.asked
    assert (reference.params_path is None, candidate.params_path is None) == (True, False)


def test_a_parametrized_model_can_have_one(write_net, run, timer):
    write_net(
        "",
        test="""
INPUTS = {"data": (1, 3)}

@pytest.mark.parametrize("mxperf_model", [
    {"source": dense, "inputs": INPUTS, "name": "mapping", "example": "inputs.npz"},
    ModelSpec.parse(dense, INPUTS, name="spec", example="inputs.npz"),
], indirect=True)
@pytest.mark.mxperf_baseline(latency="2.5%")
def test_it(mxperf_model):
    pass
""",
    )
    run("--mxperf-update").assert_outcomes(passed=2)
    assert timer.examples == [(GIVEN,), (GIVEN,)]


# Against another model


def test_another_model_gets_it_too(write_net, run, timer):
    write_net("arrays", against=", against=ModelSpec.parse(lambda: dense(4), {'data': (1, 3)}, name='old')")
    timer.decisions = [PASSED]
    run().assert_outcomes(passed=1)
    assert timer.examples == [(GIVEN, GIVEN)]


def test_unless_it_has_one_of_its_own(write_net, run, timer):
    other = "ModelSpec.parse(lambda: dense(4), {'data': (1, 3)}, name='old', example=lambda: {'data': OTHER})"
    write_net("arrays", against=f", against={other.replace('OTHER', 'np.zeros((1, 3), np.float32)')}")
    timer.decisions = [PASSED]
    run().assert_outcomes(passed=1)
    assert timer.examples == [({"data": [[0.0, 0.0, 0.0]]}, GIVEN)]


def test_one_that_cannot_take_it_is_an_error(write_net, run, timer, no_traceback):
    write_net("arrays", against=", against=ModelSpec.parse(lambda: dense(4), {'data': (2, 3)}, name='old')")
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "against=old: takes data (2, 3), the example has data (1, 3); give it one of its own: "
            "against=ModelSpec.parse(..., example=...)"
        ]
    )
    no_traceback(result)


# What does not fit

UNGATED = """
@pytest.mark.mxperf_model(dense, inputs={"data": (1, 3)}, name="net", example=EXAMPLE)
@pytest.mark.mxperf_budget(macs=100)
def test_wrong():
    pass

@pytest.mark.mxperf_model(dense, inputs={"data": (1, 3)}, name="net")
@pytest.mark.mxperf_budget(macs=100)
def test_right():
    pass
"""


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            "{'data': np.zeros((1, 4), 'float32')}",
            "net: example: has data (1, 4) float32, inputs says (1, 3) float32; make them alike",
        ),
        ("{'image': np.zeros((1, 3))}", "net: example: has 'image', which is not an input of the model; it has data"),
        ("lambda: 1 / 0", "net: example: the callable fails: ZeroDivisionError: division by zero"),
        ("'missing.npz'", "net: example *missing.npz: cannot be read: No such file or directory"),
        ("'test_it.py'", "net: example *test_it.py: cannot be read as .npz: File is not a zip file; save it with *"),
    ],
)
def test_a_wrong_one_is_one_clear_error_of_its_test_whatever_that_measures(
    write_net, run, no_traceback, example, message
):
    write_net(example, test=UNGATED)
    result = run()
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([message])
    no_traceback(result)


def test_what_is_none_is_a_usage_error(write_net, run):
    write_net("3", test=UNGATED)
    result = run()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["mxperf_model: example is a int; give the path of *"])


def test_a_callable_is_called_once_per_test_and_only_when_it_runs(write_net, run, pytester):
    write_net(
        "",
        test="""
CALLS = []

def example():
    CALLS.append(1)
    return arrays()

@pytest.mark.mxperf_model(block, inputs={"data": (1, 3)}, example=example)
@pytest.mark.mxperf_budget(macs=100)
class TestThem:
    def test_it(self, mxperf_module, mxperf_benchmark):
        assert CALLS == []
        mxperf_benchmark(mxperf_module)

    def test_again(self):
        assert CALLS == [1]

    def test_not(self):
        pytest.skip()

def test_end():
    assert CALLS == [1, 1]
""",
    )
    run().assert_outcomes(passed=3, skipped=1)


# mxperf_benchmark

SEEN = """
class Spy:
    '''Forwards like the module, and remembers what.'''

    def __init__(self, module):
        self._module = module
        self.binded, self.data_shapes, self.get_outputs = True, module.data_shapes, module.get_outputs

    def forward(self, batch, is_train):
        self.batch = {desc.name: array.asnumpy().tolist() for desc, array in zip(self.data_shapes, batch.data)}
        self._module.forward(batch, is_train=is_train)

def two():
    import mxnet as mx

    class Sum(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, data, tokens):
            return F.broadcast_add(data, F.cast(tokens, "float32"))

    return Sum()

@pytest.mark.mxperf_model(two, inputs={"data": (1, 2), "tokens": ((1, 2), "int32")}, example=EXAMPLE)
def test_it(mxperf_module, mxperf_benchmark):
    spy = Spy(mxperf_module)
    mxperf_benchmark(spyBATCH)
    assert spy.batch == EXPECTED
"""


@pytest.mark.parametrize("method", ["", ".throughput"])
@pytest.mark.parametrize(
    ("example", "expected"),
    [
        (
            '{"data": np.float32([[3, 4]]), "tokens": np.int32([[5, 6]])}',
            '{"data": [[3, 4]], "tokens": [[5, 6]]}',
        ),
        ('{"data": np.float32([[3, 4]])}', '{"data": [[3, 4]], "tokens": [[0, 0]]}'),  # what it lacks is synthetic
    ],
)
def test_a_benchmark_without_a_batch_runs_it(write_net, run, method, example, expected):
    source = SEEN.replace("EXPECTED", expected).replace("BATCH", "").replace("benchmark(", f"benchmark{method}(")
    write_net(example, test=source)
    run().assert_outcomes(passed=1)


def test_a_batch_of_the_users_wins(write_net, run):
    batch = ", batch=__import__('mxnet').io.DataBatch([__import__('mxnet').nd.ones((1, 2))] * 2, None)"
    source = SEEN.replace("EXPECTED", '{"data": [[1, 1]], "tokens": [[1, 1]]}').replace("BATCH", batch)
    write_net('{"data": np.float32([[3, 4]])}', test=source)
    run().assert_outcomes(passed=1)


def test_a_module_that_is_bound_for_another_shape_is_one_clear_error(write_net, run):
    """With its own shapes it takes a batch of its own."""
    write_net(
        "arrays",
        test="""
@pytest.mark.mxperf_model(block, inputs={"data": (1, 3)}, example=EXAMPLE)
def test_it(mxperf_module, mxperf_benchmark):
    mxperf_module.reshape([("data", (4, 3))])
    mxperf_benchmark(mxperf_module)
""",
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*mxperf_benchmark: the module is bound for data (4, 3), the example has (1, 3); give the batch: "
            "mxperf_benchmark(module, batch=...)"
        ]
    )
