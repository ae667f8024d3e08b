"""The measuring process, for real."""

import json
import os
import resource
import signal

import msgspec
import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.latency.schedule import Unit
from pytest_mxperf.spec import InputSpec, RunAs
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.protocol import Inspect, Inspected, Measure, Measured, Network, Prepare, Prepared

INPUTS = {"data": InputSpec((2, 8))}


@pytest.fixture(scope="module")
def worker():
    with Worker() as worker:
        yield worker


def dense(units=4, **attrs):
    """The JSON of one dense layer."""
    import mxnet as mx

    return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=units, name="fc", **attrs).tojson()


def prepare(worker, old, new):
    request = Prepare(Network("old", old, INPUTS), Network("new", new, INPUTS))
    return worker.request(request, Prepared, doing="it prepared new", seconds=120)


def measure(worker, reference_first=True):
    request = Measure(Unit(reference_first, seed=1), cpu_seconds=0.01)
    return worker.request(request, Measured, doing="it timed new", seconds=120)


def inspected(worker, network):
    return worker.request(Inspect(network), Inspected, doing="it looked into net", seconds=120)


def inspect(worker, network):
    return inspected(worker, network).layer


def test_a_unit_gives_the_times_of_both_sides(worker):
    prepare(worker, dense(4), dense(8))
    for reference_first in (True, False):
        measured = measure(worker, reference_first)
        assert len(measured.reference) == len(measured.candidate) >= 2
        assert all(seconds > 0 for two in measured.reference + measured.candidate for seconds in two)
        assert measured.conditions.cpu_seconds > 0.01
        assert measured.conditions.cores >= 1


def test_equal_layers_whose_weights_are_parts_of_one_array_are_looked_at_to_the_end(worker):
    """The note would say from which on they were not. Only the synchronous engine sees that it cannot read a part."""
    import mxnet as mx

    net = mx.sym.var("data")
    for place in range(4):
        net = mx.sym.Convolution(net, num_filter=32, kernel=(3, 3), pad=(1, 1), name=f"conv{place}")
    network = Network("net", net.tojson(), {"data": InputSpec((1, 32, 32, 32))})
    prepared = worker.request(Prepare(network, network), Prepared, doing="it prepared net", seconds=120)
    assert prepared.notes == ()


def test_it_tells_the_version_of_mxnet(worker):
    import mxnet as mx

    worker.start()
    assert worker.mxnet == mx.__version__


def test_nothing_is_measured_before_something_is_prepared():
    with Worker() as fresh, pytest.raises(WorkerError, match="nothing is prepared"):
        measure(fresh)


def test_a_network_that_cannot_run_is_one_clear_error_and_the_process_goes_on(worker):
    import mxnet as mx

    data = mx.sym.var("data")
    wrong = mx.sym.dot(data, data).tojson()
    with pytest.raises(WorkerError, match=r"^new: shapes or dtypes do not fit together") as error:
        prepare(worker, dense(), wrong)
    assert "Stack trace" not in str(error.value)
    with pytest.raises(WorkerError, match=r"^new: not an MXNet symbol JSON"):
        prepare(worker, dense(), "{}")
    prepare(worker, dense(), dense())


def two_dense(mx):
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="one", no_bias=True)
    return mx.sym.FullyConnected(net, num_hidden=2, name="two", no_bias=True)


@pytest.mark.parametrize("kind", ["module", "gluon"])
@pytest.mark.parametrize("convert", ["float16", "float64", "row_sparse"])
def test_weights_of_another_dtype_or_storage_run_as_in_a_module(worker, tmp_path, convert, kind):
    """Inputs of the file's and of the graph's dtype at once: MXNet binds neither unless the weights are cast."""
    import mxnet as mx

    arrays = {
        "arg:one_weight": mx.nd.ones((3, 8)),
        "arg:two_weight": mx.nd.ones((2, 3)),
        "arg:unread": mx.nd.ones((1,)),
    }
    is_sparse = convert == "row_sparse"
    arrays = {name: a.tostype(convert) if is_sparse else a.astype(convert) for name, a in arrays.items()}
    path = tmp_path / "net-0000.params"
    mx.nd.save(str(path), arrays)
    text, run_as = two_dense(mx).tojson(), RunAs(kind)
    request = Prepare(Network("old", text, INPUTS, None, run_as), Network("own", text, INPUTS, str(path), run_as))
    worker.request(request, Prepared, doing="it prepared own", seconds=120)
    measure(worker)
    assert inspect(worker, Network("own", text, INPUTS, str(path), run_as)) is None


def test_cast_weights_keep_their_values(tmp_path):
    """1 + 2 ** -20 is no float16 and no float32 of 8 bits: cast from float64, float32 keeps it."""
    import mxnet as mx

    from pytest_mxperf.mx.buffers import Buffers
    from pytest_mxperf.worker.__main__ import _side

    sparse = mx.nd.array([[0.0] * 8, [1.5] * 8, [0.0] * 8]).tostype("row_sparse")
    arrays = {"arg:one_weight": sparse, "arg:two_weight": mx.nd.array([[1 + 2**-20] * 3] * 2, dtype="float64")}
    path = tmp_path / "net-0000.params"
    mx.nd.save(str(path), arrays)
    inputs = {"data": InputSpec((1, 8))}
    side = _side(Network("own", two_dense(mx).tojson(), inputs, str(path)))
    bound = side.values(Buffers())
    assert {name: (array.stype, array.dtype.__name__) for name, array in bound.items()} == {
        "data": ("default", "float32"),
        "one_weight": ("default", "float32"),
        "two_weight": ("default", "float32"),
    }
    assert bound["one_weight"].asnumpy().tolist() == [[0.0] * 8, [1.5] * 8, [0.0] * 8]
    assert bound["two_weight"].asnumpy().ravel().tolist() == [1 + 2**-20] * 6


def test_weights_of_another_shape_are_one_clear_error(worker, tmp_path):
    import mxnet as mx

    path = tmp_path / "net-0000.params"
    mx.nd.save(str(path), {"arg:one_weight": mx.nd.ones((3, 7))})
    with pytest.raises(WorkerError, match=r"^own: one_weight is \(3, 7\) in the weights, \(3, 8\) in the graph$"):
        inspect(worker, Network("own", two_dense(mx).tojson(), INPUTS, str(path)))


@pytest.mark.parametrize("kind", ["module", "gluon"])
@pytest.mark.parametrize(
    ("stypes", "said"),
    [
        ({"data": "csr"}, "input 'data' is stored as csr; the gate can only make dense inputs"),
        ({"data": "row_sparse"}, "input 'data' is stored as row_sparse; the gate can only make dense inputs"),
        (
            {"weight": "row_sparse"},
            "parameter 'weight' is stored as row_sparse; the gate can only make dense parameters",
        ),
    ],
)
def test_what_is_stored_sparse_is_not_timed_as_something_else(worker, stypes, said, kind):
    import mxnet as mx

    data, weight = (mx.sym.var(name, stype=stypes.get(name, "default")) for name in ("data", "weight"))
    sparse = mx.sym.FullyConnected(data, weight, num_hidden=4, no_bias=True, name="fc").tojson()
    request = Prepare(Network("old", dense(), INPUTS), Network("new", sparse, INPUTS, run_as=RunAs(kind)))
    with pytest.raises(WorkerError) as error:
        worker.request(request, Prepared, doing="it prepared new", seconds=120)
    assert str(error.value) == f"new: {said}"


HALF = {"data": InputSpec((2, 8), "float16")}


def products(mx):
    data, weight = mx.sym.var("data"), mx.sym.var("weight")
    return {
        "FullyConnected": mx.sym.FullyConnected(data, num_hidden=4, name="layer"),
        "Convolution": mx.sym.Convolution(
            data.reshape((2, 2, 4)).expand_dims(3), kernel=(1, 1), num_filter=3, name="layer"
        ),
        "dot": mx.sym.dot(data, data, transpose_b=True, name="layer"),
        "_linalg_gemm2": mx.sym.linalg_gemm2(data, data, transpose_b=True, name="layer"),
        "_npi_matmul": mx.sym.np.matmul(data.as_np_ndarray(), weight.as_np_ndarray()),
    }


@pytest.mark.parametrize("kind", ["module", "gluon"])
@pytest.mark.parametrize("op", ["FullyConnected", "Convolution", "dot", "_linalg_gemm2", "_npi_matmul"])
def test_half_precision_products_are_refused_in_plain_words(worker, op, kind):
    """MXNet says "FP16 gemm on cpu not implemented!" or "currentlyonly supported by CuDNN version."."""
    import mxnet as mx

    inputs = {**HALF, "weight": InputSpec((8, 3), "float16")} if op == "_npi_matmul" else HALF
    with mx.name.NameManager():
        network = Network("new", products(mx)[op].tojson(), inputs, run_as=RunAs(kind))
    with pytest.raises(WorkerError) as error:
        worker.request(Prepare(network, network), Prepared, doing="it prepared new", seconds=120)
    said = "new: MXNet cannot run the model: it cannot multiply float16 matrices on a CPU, as {} '{}' does; "
    name = "matmul0" if op == "_npi_matmul" else "layer"
    assert str(error.value) == said.format(op, name) + "a float32 copy of the network can run"


def test_the_layout_of_a_gpu_is_named(worker):
    """MXNet says "could not create a descriptor for a dilated convolution forward propagation primitive"."""
    import mxnet as mx

    net = mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), num_filter=4, layout="NHWC", name="conv")
    network = Network("new", net.tojson(), {"data": InputSpec((2, 8, 8, 3))})
    with pytest.raises(WorkerError) as error:
        worker.request(Prepare(network, network), Prepared, doing="it prepared new", seconds=120)
    said = "on a CPU it has no Convolution of layout NHWC, as 'conv' needs"
    assert str(error.value) == f"new: MXNet cannot run the model: {said}"


def test_outputs_that_are_not_finite_are_refused(worker):
    import mxnet as mx

    endless = mx.sym.log(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4) * 0 - 1)
    with pytest.raises(WorkerError, match="new: with synthetic weights its outputs are not finite"):
        prepare(worker, dense(), endless.tojson())


def test_what_a_user_has_registered_here_is_not_there(worker):
    graph = json.loads(dense())
    node = next(node for node in graph["nodes"] if node["op"] == "FullyConnected")
    node.update(op="Custom", attrs={"op_type": "unheard_of"})
    with pytest.raises(WorkerError, match="custom operator unheard_of") as caught:
        prepare(worker, dense(), json.dumps(graph))
    said = "the measuring process cannot run it unless it imports the module that registers it: name the module with "
    assert f"{said}mxperf_imports in pytest's ini file" in str(caught.value)


@pytest.mark.slow
def test_its_death_is_told_and_the_next_request_starts_another():
    with Worker() as mortal:
        mortal.start()
        first = mortal._process.pid
        os.kill(first, signal.SIGKILL)
        mortal._process.wait()
        with pytest.raises(WorkerError, match=r"^the measuring process died \(SIGKILL\) while it prepared new$"):
            prepare(mortal, dense(), dense())
        prepare(mortal, dense(), dense())
        assert mortal._process.pid != first


def test_one_that_died_before_it_was_needed_is_replaced():
    with Worker() as launched:
        launched.launch()
        first = launched._process
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        prepare(launched, dense(), dense())
        assert launched._process.pid != first.pid


def test_it_ends_when_its_input_does():
    with Worker() as worker:
        worker.start()
        process = worker._process
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_it_ends_in_the_middle_of_its_work_if_the_session_dies():
    with Worker() as worker:
        prepare(worker, dense(), dense())
        process = worker._process
        process.stdin.write(msgspec.json.encode(Measure(Unit(True, seed=1), cpu_seconds=1e6)) + b"\n")
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_silent_process_is_given_up():
    with Worker() as worker:
        worker.start()
        os.kill(worker._process.pid, signal.SIGSTOP)
        request = Prepare(Network("old", dense(), INPUTS), Network("new", dense(), INPUTS))
        with pytest.raises(WorkerError, match="did not answer for 0 s while it prepared new"):
            worker.request(request, Prepared, doing="it prepared new", seconds=0.2)


def test_subnormal_activations_are_traced_to_where_they_begin(worker, tmp_path):
    """The second layer's weights of 1e-40 make its outputs subnormal, and the third's inputs with them."""
    import mxnet as mx

    net = mx.sym.var("data")
    for name in ("one", "two", "three"):
        net = mx.sym.FullyConnected(net, num_hidden=8, name=name, no_bias=True)
    values = {"one": 1.0, "two": 1e-40, "three": 1.0}
    path = tmp_path / "net-0000.params"
    mx.nd.save(str(path), {f"arg:{name}_weight": mx.nd.full((8, 8), value) for name, value in values.items()})
    healthy = Network("net", net.tojson(), INPUTS)
    assert inspect(worker, healthy) is None
    assert inspect(worker, Network("net", net.tojson(), INPUTS, str(path))) == "two"


def test_the_magnitude_below_which_weights_of_0_mend_it_is_found(worker, tmp_path):
    """Weights of 1e-22 in two layers in a row: their products are about 1e-44, and 0 once all below 1e-20 are 0.

    A file that is mended like this has no such layer. A bias of -100 in front of an exponential is no tiny weight.
    """
    import mxnet as mx

    net = mx.sym.var("data")
    for name in ("one", "two", "three"):
        net = mx.sym.FullyConnected(net, num_hidden=8, name=name)
    weights = {"one": 1e-22, "two": 1e-22, "three": 1.0}
    path = tmp_path / "net-0000.params"

    def found(limit):
        saved = {f"arg:{name}_bias": mx.nd.zeros(8) for name in weights}
        saved.update(
            {f"arg:{name}_weight": mx.nd.full((8, 8), value * (value >= limit)) for name, value in weights.items()}
        )
        mx.nd.save(str(path), saved)
        return inspected(worker, Network("net", net.tojson(), INPUTS, str(path)))

    assert found(0) == Inspected("two", 1e-20)
    assert found(1e-25) == Inspected("two", 1e-20)
    assert found(1e-20) == Inspected(None)

    tail = 2 * mx.sym.exp(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc"), name="tail")
    mx.nd.save(str(path), {"arg:fc_weight": mx.nd.zeros((2, 8)), "arg:fc_bias": mx.nd.array([0.0, -100.0])})
    assert inspected(worker, Network("net", tail.tojson(), INPUTS, str(path))) == Inspected("tail")


def test_they_are_found_among_fused_layers_too(worker, tmp_path):
    """A convolution and a normalization of 1e-20 each put out 1e-40; alone MXNet would fuse them and ReLU to one."""
    import mxnet as mx

    net = mx.sym.Convolution(mx.sym.var("data"), kernel=(1, 1), num_filter=4, no_bias=True, name="conv")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="norm")
    net = mx.sym.FullyConnected(mx.sym.Activation(net, act_type="relu", name="relu"), num_hidden=2, name="fc")
    values = {
        "arg:conv_weight": mx.nd.full((4, 3, 1, 1), 1e-20),
        "arg:norm_gamma": mx.nd.full((4,), 1e-20),
        "arg:norm_beta": mx.nd.zeros((4,)),
        "aux:norm_moving_mean": mx.nd.zeros((4,)),
        "aux:norm_moving_var": mx.nd.ones((4,)),
    }
    path = tmp_path / "net-0000.params"
    mx.nd.save(str(path), values)
    inputs = {"data": InputSpec((1, 3, 8, 8))}
    assert inspect(worker, Network("net", net.tojson(), inputs)) is None
    assert inspect(worker, Network("net", net.tojson(), inputs, str(path))) == "norm"


@pytest.mark.parametrize(("scale", "layer"), [(1.0, None), (2.0, "tail")])
def test_the_tail_of_an_exponential_counts_where_something_is_computed_of_it(worker, tmp_path, scale, layer):
    """e^-100 is 3.7e-44. As the network's output it makes nothing slow."""
    import mxnet as mx

    net = mx.sym.exp(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc"), name="tail")
    net = net if scale == 1.0 else net * scale
    path = tmp_path / "net-0000.params"
    mx.nd.save(str(path), {"arg:fc_weight": mx.nd.zeros((2, 8)), "arg:fc_bias": mx.nd.array([0.0, -100.0])})
    assert inspect(worker, Network("net", net.tojson(), INPUTS, str(path))) == layer


def test_subnormal_outputs_are_refused_unless_the_users_own_weights_make_them(worker, tmp_path):
    import mxnet as mx

    tiny = (mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc") * 1e-40).tojson()
    with pytest.raises(WorkerError, match="new: with synthetic weights its outputs are subnormal"):
        prepare(worker, dense(), tiny)
    path = tmp_path / "net-0000.params"
    for value in (1e-40, float("nan")):
        mx.nd.save(str(path), {"arg:fc_weight": mx.nd.full((4, 8), value), "arg:fc_bias": mx.nd.zeros((4,))})
        own = Network("own", dense(), INPUTS, str(path))
        request = Prepare(Network("old", dense(), INPUTS), own)
        worker.request(request, Prepared, doing="it prepared own", seconds=120)


@pytest.mark.slow
def test_an_interrupt_while_it_works_leaves_no_stale_answer(monkeypatch):
    with Worker() as interrupted:
        interrupted.start()

        def interrupt(doing, seconds):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(interrupted, "_read_line", interrupt)
            with pytest.raises(KeyboardInterrupt):
                prepare(interrupted, dense(), dense())
        with pytest.raises(WorkerError, match="nothing is prepared"):
            measure(interrupted)


def test_an_interrupt_from_the_keyboard_is_the_sessions(worker):
    worker.start()
    os.kill(worker._process.pid, signal.SIGINT)
    prepare(worker, dense(), dense())


def test_a_hostile_environment_does_not_reach_it(monkeypatch, tmp_path):
    """Warnings that are errors would end it, a profiler would slow it down, and these modules would stop its start."""
    for name in ("select.py", "runpy.py", "pkgutil.py", "numpy.py"):
        (tmp_path / name).write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    hostile = {"PYTHONWARNINGS": "error", "PYTHONINSPECT": "1", "MXNET_SUBGRAPH_BACKEND": "NONE"}
    hostile.update(OMP_NUM_THREADS="8", MXNET_ENGINE_TYPE="ThreadedEngine", MXNET_PROFILER_AUTOSTART="1")
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    with Worker() as sheltered:
        prepare(sheltered, dense(), dense())
        with open(f"/proc/{sheltered._process.pid}/environ", encoding="ascii") as environ:
            variables = dict(line.split("=", 1) for line in environ.read().split("\0") if line)
    assert variables["OMP_NUM_THREADS"] == "1"
    assert variables["MXNET_ENGINE_TYPE"] == "NaiveEngine"
    assert not {"MXNET_SUBGRAPH_BACKEND", "PYTHONWARNINGS", "PYTHONINSPECT", "MXNET_PROFILER_AUTOSTART"} & set(
        variables
    )


def test_no_folder_for_temporary_files_is_one_clear_error(monkeypatch):
    def fail():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    with Worker() as worker, pytest.raises(WorkerError, match="cannot be started: No usable temporary directory"):
        worker.start()


def test_a_session_with_many_open_files_can_talk_to_it():
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1200:
        pytest.skip("1,200 open files are not allowed here")
    taken = [os.dup(0) for _ in range(1100)]
    try:
        with Worker() as worker:
            prepare(worker, dense(), dense())
    finally:
        for descriptor in taken:
            os.close(descriptor)


@pytest.mark.slow
def test_a_large_graph_and_unicode_names_arrive(worker):
    """Some 470 KB of JSON, seven times what a pipe holds."""
    import mxnet as mx

    net = mx.sym.var("data")
    for place in range(1500):
        net = mx.sym.sin(net, name=f"Schicht-ÄÖÜ-層-{'x' * 200}-{place}")
    text = net.tojson()
    assert len(text) > 400_000
    prepare(worker, text, text)


def test_nodes_that_point_into_another_process_are_one_clear_error(worker):
    """Their attribute is an address: counting works around it, running cannot."""
    nodes = [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "_Native", "name": "loss", "attrs": {"info": "0x7f1234567890"}, "inputs": [[0, 0, 0]]},
    ]
    graph = {"nodes": nodes, "arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}
    with pytest.raises(WorkerError, match=r"^new: nothing can run _Native 'loss', which points into the process"):
        prepare(worker, dense(), json.dumps(graph))


def test_what_is_no_error_of_ours_is_a_bug_that_says_so(monkeypatch):
    from pytest_mxperf.worker import __main__ as process

    def fail(network):
        raise KeyError("softmax")

    monkeypatch.setattr(process, "_side", fail)
    network = Network("net", "{}", {})
    assert process.Bench().answer(process.Prepare(network, network)).message == (
        "a bug in pytest-mxperf: KeyError: 'softmax'; please report it, with the model's graph"
    )


def test_a_tests_own_alarm_while_a_request_is_sent_gets_through(monkeypatch):
    """``TimeoutError`` is an ``OSError``: it does not say that the process has died."""
    from types import SimpleNamespace

    from pytest_mxperf.worker.client import Worker
    from pytest_mxperf.worker.protocol import Prepared

    def alarm(_):
        raise TimeoutError("the test's own time is up")

    with Worker() as worker:
        monkeypatch.setattr(worker, "start", lambda: None)
        process = SimpleNamespace(stdin=SimpleNamespace(write=alarm))
        worker._process = process
        closed = []
        monkeypatch.setattr(worker, "close", lambda: closed.append(True))
        with pytest.raises(TimeoutError, match="the test's own time is up"):
            worker.request("anything", Prepared, doing="it timed net", seconds=1.0)
        assert closed == [True]
        worker._process = None
