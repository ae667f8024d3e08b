"""Checkpoints that are broken, malicious, or not of each other. Each dies of a signal, or hangs, in MXNet alone."""

import json
import os
import re
import warnings

import pytest

from pytest_mxperf import ModelSpec, MxperfError, count
from pytest_mxperf.api import inputs_of
from pytest_mxperf.errors import MxperfWarning, ParamsError
from pytest_mxperf.graph import Graph

IMAGE = {"data": (1, 1, 8, 8)}
SQUARE = {"x0": (1, 4, 8, 8)}


def run(spec):
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.bind import bind
    from pytest_mxperf.mx.model import open_model
    from pytest_mxperf.mx.sync import example_batch, forward_pass, warm_up
    from pytest_mxperf.mx.weights import load_weights

    analysis = analyse(open_model(spec))
    module = bind(analysis, load_weights(analysis))
    warm_up(forward_pass(module, example_batch(module)), times=1)
    return module


def load(spec):
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model
    from pytest_mxperf.mx.weights import load_weights

    return load_weights(analyse(open_model(spec)))


@pytest.fixture
def save(tmp_path):
    """Writes a symbol of one operator over variables x0, x1...; and weights by name, if any."""

    def save(op, attrs=None, inputs=1, entries=None, heads=None, weights=None):
        import mxnet as mx

        nodes = [{"op": "null", "name": f"x{index}", "inputs": []} for index in range(inputs)]
        entries = entries or [[index, 0, 0] for index in range(inputs)]
        nodes.append({"op": op, "name": "it", "attrs": attrs or {}, "inputs": entries})
        document = {
            "nodes": nodes,
            "arg_nodes": list(range(inputs)),
            "heads": heads or [[inputs, 0, 0]],
            "attrs": {"mxnet_version": ["int", 10901]},
        }
        (tmp_path / "m-symbol.json").write_text(json.dumps(document))
        if weights is not None:
            mx.nd.save(str(tmp_path / "m-0000.params"), {f"arg:{name}": value for name, value in weights.items()})
        return tmp_path / "m"

    return save


@pytest.mark.parametrize(
    ("op", "attrs", "inputs"),
    [
        ("Convolution", {"kernel": "(3, 3)", "num_filter": "8", "num_group": "0"}, 3),
        ("GroupNorm", {"num_groups": "0"}, 3),
        ("Correlation", {"kernel_size": "1", "stride2": "0"}, 2),
        ("depth_to_space", {"block_size": "65536"}, 1),
        pytest.param(
            "_sg_mkldnn_fully_connected", {}, 1, marks=pytest.mark.needs_operator("_sg_mkldnn_fully_connected")
        ),
        ("Reshape", {"shape": "(-1, 16777216, 16777216, 65536)"}, 1),
    ],
)
def test_an_attribute_that_kills_mxnet_is_one_clear_error(save, op, attrs, inputs):
    shapes = {f"x{index}": (1, 4, 8, 8) for index in range(inputs if op == "Correlation" else 1)}
    with pytest.raises(MxperfError, match=f"{op} 'it'") as caught:
        count(save(op, attrs, inputs), shapes)
    assert "\n" not in str(caught.value)


def test_an_input_too_large_for_mxnet_to_multiply_its_sizes_is_refused(save):
    prefix = save("Reshape", {"shape": "(-1, 0)"})
    with pytest.raises(MxperfError, match=r"m: input 'x0' of \(65536, .*\) has 18,446,744,073,709,551,616 elements"):
        count(prefix, {"x0": (65536, 65536, 65536, 65536)})


@pytest.mark.parametrize(
    ("shape", "reshape"),
    [((65536, 65536), "(0, 0, -1)"), ((1024, 1024, 64, 64), "(0, 0, 0, 0, -1)"), ((256, 4096, 64, 64), "(-2, -1)")],
)
def test_so_is_one_whose_sizes_multiply_to_0_in_32_bits(save, shape, reshape):
    """2^32 elements: MXNet divides by the product of the other sizes."""
    prefix = save("Reshape", {"shape": reshape})
    with pytest.raises(MxperfError, match=r"has 4,294,967,296 elements; an array of MXNet has at most 2,147,483,647"):
        count(prefix, {"x0": shape})


def test_a_user_of_an_output_that_does_not_exist_is_named(save):
    """Old files do not tell how many outputs a node has, so only MXNet can."""
    with pytest.raises(MxperfError, match="the graph's outputs: reads output 7 of node 1, which does not exist"):
        count(save("relu", heads=[[1, 7, 0]]), SQUARE)


def test_too_few_inputs_are_one_clear_error(save):
    with pytest.raises(MxperfError, match=r"^\S*m\S*: .*") as caught:
        count(save("Convolution", {"kernel": "(3, 3)", "num_filter": "8"}, inputs=1), SQUARE)
    assert "\n" not in str(caught.value)


def test_a_forward_that_kills_mxnet_is_found_when_it_is_bound(save):
    """It counts: only the bilinear kernel that it computes when it runs divides by its number of filters."""
    import mxnet as mx

    attrs = {"scale": "2", "sample_type": "bilinear", "num_args": "2", "num_filter": "0"}
    prefix = save("UpSampling", attrs, 2, weights={"x1": mx.nd.ones((4, 1, 4, 4))})
    with pytest.raises(MxperfError, match=r"MXNet crashes with SIG\w+ \(.*\) binding the model and running it once"):
        run(ModelSpec.parse(prefix, SQUARE))


def _graph(tmp_path, *nodes):
    """Saves a graph whose last node is its output: of each node the operator, name, inputs and attributes.

    The weights are three ones for each variable but the first.
    """
    import mxnet as mx

    names = [name for op, name, _, _ in nodes[1:] if op == "null"]
    weights = {("aux:" if "moving" in name else "arg:") + name: mx.nd.ones(3) for name in names}
    mx.nd.save(str(tmp_path / "m-0000.params"), weights)
    written = [
        {"op": op, "name": name, "inputs": [[source, 0, 0] for source in inputs], "attrs": attrs}
        for op, name, inputs, attrs in nodes
    ]
    document = {
        "nodes": written,
        "arg_nodes": [index for index, node in enumerate(written) if node["op"] == "null"],
        "node_row_ptr": [*range(len(nodes) + 1)],
        "heads": [[len(nodes) - 1, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
    }
    (tmp_path / "m-symbol.json").write_text(json.dumps(document))
    return tmp_path / "m"


DATA = ("null", "data", [], {})


def test_a_mean_of_small_integers_that_kills_mxnet_is_found_when_it_is_bound(tmp_path):
    """16 x 16 is 0 in 8 bits. Found by an attack: MXNet counts it, and dies in the forward."""
    prefix = _graph(tmp_path, DATA, ("mean", "it", [0], {"axis": "(2, 3)"}))
    inputs = {"data": ((1, 3, 16, 16), "uint8")}
    assert count(prefix, inputs).flops >= 0
    with pytest.raises(MxperfError, match=r"SIGFPE .* mean 'it'"):
        run(ModelSpec.parse(prefix, inputs))


@pytest.mark.parametrize(
    ("nodes", "shape", "who"),
    [
        (  # a million elements of a row of 8
            [
                DATA,
                ("slice_axis", "column", [0], {"axis": "1", "begin": "0", "end": "1"}),
                ("Reshape", "row", [1], {"shape": "(-1,)"}),
                ("_plus_scalar", "more", [2], {"scalar": "1000000"}),
                ("Cast", "length", [3], {"dtype": "int32"}),
                ("softmax", "it", [0, 4], {"use_length": "True"}),
            ],
            (4, 8),
            "softmax 'it' gets a length of 1,000,000 for rows of 8",
        ),
        (  # 900 numbers for each of 3 channels
            [
                DATA,
                ("tile", "many", [0], {"reps": "(1, 1, 30, 30)"}),
                *[("null", name, [], {}) for name in ("it_gamma", "it_moving_mean", "it_moving_var")],
                ("BatchNorm", "it", [0, 2, 1, 3, 4], {"fix_gamma": "False"}),
            ],
            (1, 3, 8, 8),
            "BatchNorm 'it'",
        ),
        (
            [
                DATA,
                ("tile", "many", [0], {"reps": "(100, 3)"}),
                ("null", "it_beta", [], {}),
                ("InstanceNorm", "it", [0, 1, 2], {}),
            ],
            (2, 3, 5),
            "InstanceNorm 'it'",
        ),
        pytest.param(
            [
                DATA,
                ("Cast", "short", [0], {"dtype": "bfloat16"}),
                ("transpose", "it", [1], {}),
                ("Cast", "back", [2], {"dtype": "float32"}),
            ],
            (4, 2, 6),
            "transpose 'it' of bfloat16",
            marks=pytest.mark.needs_operator(
                "amp_cast to bfloat16", tried=lambda mx: mx.sym.amp_cast(mx.sym.var("x"), dtype="bfloat16")
            ),
        ),
    ],
    ids=["softmax", "BatchNorm", "InstanceNorm", "transpose"],
)
def test_a_graph_that_corrupts_memory_is_found_without_running_it(tmp_path, monkeypatch, nodes, shape, who):
    """Found by an attack: MXNet counts all of them. Whether the forward dies depends on what lies behind its memory."""
    monkeypatch.setattr("pytest_mxperf.mx.bind.try_in_child", lambda *args, **options: None)
    prefix = _graph(tmp_path, *nodes)
    assert count(prefix, {"data": shape}).flops >= 0
    with pytest.raises(MxperfError, match=re.escape(who)) as caught:
        run(ModelSpec.parse(prefix, {"data": shape}))
    assert re.search("corrupts? its memory", str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("op", ["_div_scalar", "elemwise_div", "broadcast_div"])
def test_a_division_of_integers_by_0_is_found_when_it_is_bound(save, op):
    """Only a division of integers by 0 ends a process. The zeros are in the graph or in the weights."""
    import mxnet as mx

    scalar = op == "_div_scalar"
    zeros = {} if scalar else {"x1": mx.nd.zeros((1, 4, 8, 8), dtype="int32")}
    prefix = save(op, {"scalar": "0"} if scalar else {}, 1 if scalar else 2, weights=zeros)
    inputs = {"x0": ((1, 4, 8, 8), "int32")}
    assert count(prefix, inputs).flops == 256
    with pytest.raises(MxperfError, match=rf"MXNet crashes with SIGFPE .* binding the model .*: {op} 'it'"):
        run(ModelSpec.parse(prefix, inputs))
    assert run(ModelSpec.parse(save("_div_scalar", {"scalar": "0"}, weights={}), SQUARE))  # floats have an infinity


def test_a_healthy_model_of_a_suspect_operator_runs(save):
    prefix = save("Correlation", {"kernel_size": "1", "max_displacement": "2"}, 2, weights={})
    module = run(ModelSpec.parse(prefix, {**SQUARE, "x1": (1, 4, 8, 8)}))
    assert module.output_shapes == [("it_output", (1, 25, 4, 4))]


def test_suspect_models_are_counted_with_one_fork_for_all(save, monkeypatch):
    from pytest_mxperf.mx import trials

    fork, forks = os.fork, []
    trials.close()
    monkeypatch.setattr(trials, "data_bytes", lambda: 0)  # a session that runs all tests is too large to keep a child
    monkeypatch.setattr(os, "fork", lambda: forks.append(1) or fork())
    prefix = save("Correlation", {"kernel_size": "1", "max_displacement": "2"}, 2, weights={})
    shapes = [(batch, 4, 8, 8) for batch in (1, 2, 3)]
    reports = [count(prefix, {"x0": shape, "x1": shape}) for shape in shapes]
    assert len(forks) == 1
    assert [report.layers[-1].outputs for report in reports] == [((batch, 25, 4, 4),) for batch in (1, 2, 3)]


@pytest.fixture
def tried(monkeypatch):
    """What is tried in a child, as it begins."""
    from pytest_mxperf.mx import model

    tries = []
    monkeypatch.setattr(model, "_survived", set())
    real = model.try_in_session_child

    def record(work, *args, **options):
        tries.append(work)
        return real(work, *args, **options)

    monkeypatch.setattr(model, "try_in_session_child", record)
    return tries


def test_a_file_is_tried_again_only_as_another_file_with_other_shapes_or_other_weights(save, tried):
    import mxnet as mx

    shapes = {**SQUARE, "x1": (1, 4, 8, 8)}
    attrs = {"kernel_size": "1", "max_displacement": "2"}
    prefix = save("Correlation", attrs, 2)
    for _ in range(3):
        count(prefix, shapes)
    assert len(tried) == 1
    count(prefix, {"x0": (2, 4, 8, 8), "x1": (2, 4, 8, 8)})
    assert len(tried) == 2
    save("Correlation", {**attrs, "max_displacement": "1"}, 2)
    count(prefix, shapes)
    assert len(tried) == 3
    save("Correlation", {**attrs, "max_displacement": "1"}, 2, weights={"x1": mx.nd.ones((1, 4, 8, 8))})
    count(prefix, shapes)
    assert len(tried) == 4


def test_what_has_killed_mxnet_is_refused_again(save):
    prefix = save("GroupNorm", {"num_groups": "0"}, 3)
    for _ in range(2):
        with pytest.raises(MxperfError, match="GroupNorm 'it'"):
            count(prefix, SQUARE)


def test_what_raises_is_tried_again(save, tried):
    """The session may register the operator meanwhile."""
    prefix = save("of_a_library_that_is_not_loaded")
    for _ in range(2):
        with pytest.raises(MxperfError, match="Operator of_a_library_that_is_not_loaded is not registered"):
            count(prefix, SQUARE)
    assert len(tried) == 2


def test_a_file_that_calls_python_is_tried_each_time(tmp_path, tried):
    import mxnet as mx

    class Same(mx.operator.CustomOpProp):
        pass

    mx.operator.register("same")(Same)
    symbol = mx.sym.Custom(mx.sym.var("data"), op_type="same", name="it")
    mx.model.save_checkpoint(str(tmp_path / "m"), 0, symbol, {}, {})
    for _ in range(2):
        count(tmp_path / "m", {"data": (2, 3)})
    assert len(tried) == 2


def test_a_healthy_model_of_ordinary_operators_is_never_tried_in_a_child(digits, monkeypatch):
    def fork():
        raise AssertionError("forked")

    monkeypatch.setattr(os, "fork", fork)
    assert count(digits, IMAGE).macs == 607_552
    run(ModelSpec.parse(digits, IMAGE))


def test_a_model_that_needs_more_memory_than_there_is_counts_and_does_not_bind(save):
    """4 x (10^6 + 8)^2 floats of 4 bytes are 16 x 1,000,016,000,064 bytes."""
    prefix = save("Pooling", {"kernel": "(1, 1)", "pad": "(500000, 500000)", "pool_type": "max"}, weights={})
    assert count(prefix, SQUARE).peak_activation_bytes == 16_000_256_001_024
    with pytest.raises(MxperfError, match="running it takes 16,000,256,001,024 bytes of memory, this process may have"):
        run(ModelSpec.parse(prefix, SQUARE))


@pytest.mark.parametrize("op", ["_Native", "_NDArray", "_CachedOp", "_CachedOpThreadSafe", "_CustomFunction"])
def test_a_node_that_points_into_another_process_is_counted_around_and_reported(save, op):
    """The dense layer in front of it: 2 x 4 inputs, 3 outputs."""
    prefix = save("FullyConnected", {"num_hidden": "3", "no_bias": "True"}, 2)
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["nodes"] += [
        {"op": op, "name": "python", "attrs": {"info": "0x7f1234567890"}, "inputs": [[2, 0, 0]]},
        {"op": op, "name": "more", "attrs": {"info": "0x7f1234567890"}, "inputs": [[3, 1, 0], [3, 0, 0]]},
    ]
    document["heads"] = [[4, 0, 0]]
    path.write_text(json.dumps(document))
    report = count(prefix, {"x0": (2, 4)})
    assert (report.macs, report.params.trainable, report.uncounted) == (24, 12, {op: 2})
    assert [(layer.name, layer.outputs) for layer in report.layers] == [
        ("it", ((2, 3),)),
        ("python", ((), ())),
        ("more", ((),)),
    ]
    with pytest.raises(MxperfError, match=f"cannot load {op} 'python', {op} 'more', which points into the process"):
        load(ModelSpec.parse(prefix, {"x0": (2, 4)}))


def test_what_follows_such_a_node_has_no_shape_that_anybody_could_know(save):
    prefix = save("_Native", {"info": "0x7f1234567890"})
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["nodes"].append({"op": "Flatten", "name": "flat", "inputs": [[1, 0, 0]]})
    document["heads"] = [[2, 0, 0]]
    path.write_text(json.dumps(document))
    with pytest.raises(
        MxperfError, match=r"Flatten 'flat' cannot be inferred; only the process .* output shapes of _Native 'it'"
    ):
        count(prefix, SQUARE)


def test_an_operator_of_a_fork_and_an_unregistered_custom_are_named(save):
    with pytest.raises(MxperfError, match="Operator QConvolution is not registered"):
        count(save("QConvolution"), SQUARE)
    with pytest.raises(MxperfError, match=r"cannot load the symbol: Cannot find custom operator nobodys; import"):
        count(save("Custom", {"op_type": "nobodys"}), SQUARE)


def test_weights_of_another_model_are_told_apart_by_name(digits, tmp_path):
    import mxnet as mx

    weights = mx.nd.load(str(digits) + "-0000.params")
    weights["arg:stranger"] = weights.pop("arg:dense2_bias")
    weights["arg:conv1_weight"] = mx.nd.ones((16, 1, 5, 5))
    mx.nd.save(str(tmp_path / "m-0000.params"), weights)
    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    with pytest.raises(MxperfError) as caught:
        count(tmp_path / "m", IMAGE)
    assert str(caught.value).splitlines() == [
        "m: with data=(1, 1, 8, 8) the graph does not fit its weights: "
        "conv1_weight (graph (16, 1, 3, 3), weights (16, 1, 5, 5))",
        "the weights lack dense2_bias",
        "the graph has no stranger, which the weights have",
    ]
    weights["arg:conv1_weight"] = mx.nd.ones((16, 1, 3, 3))
    mx.nd.save(str(tmp_path / "m-0000.params"), weights)
    with pytest.raises(MxperfError, match=r"m: the weights lack dense2_bias; .*; the graph has no stranger, which"):
        load(ModelSpec.parse(tmp_path / "m", IMAGE))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_a_warning(save, number):
    import mxnet as mx

    weights = {"x1": mx.nd.array([[1, number], [2, 3]]), "x2": mx.nd.ones(2)}
    prefix = save("FullyConnected", {"num_hidden": "2"}, 3, weights=weights)
    with pytest.warns(MxperfWarning, match="^m: NaN or infinity in the weights x1$"):
        load(ModelSpec.parse(prefix, {"x0": (1, 2)}))


def test_finite_weights_are_no_warning(digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error", MxperfWarning)
        load(ModelSpec.parse(digits, IMAGE))


def test_a_sparse_weight_with_an_index_out_of_range_is_refused(save):
    """The reader of the header cannot see it: the indices are among the data."""
    import mxnet as mx

    rows = mx.nd.sparse.row_sparse_array(([[1, 2]], [1]), shape=(3, 2))
    prefix = save("FullyConnected", {"num_hidden": "3", "no_bias": "True"}, 2, weights={"x1": rows})
    path = prefix.with_name("m-0000.params")
    content = path.read_bytes()
    index, values = (1).to_bytes(8, "little"), b"\0\0\x80\x3f\0\0\0\x40"
    assert content.count(values + index) == 1
    path.write_bytes(content.replace(values + index, values + (10**12).to_bytes(8, "little")))
    with pytest.raises(MxperfError, match="MXNet cannot load the weights"):
        load(ModelSpec.parse(prefix, {"x0": (1, 2)}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("m-symbol.json", kind) for kind in ("directory", "pipe", "empty", "pointer", "loop", "dangling")),
        *(("m-0000.params", kind) for kind in ("directory", "pipe", "loop")),
    ],
)
def test_what_is_no_file_of_a_checkpoint_is_one_clear_error(digits, tmp_path, name, kind):
    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    (tmp_path / "m-0000.params").write_bytes(digits.with_name("digits-0000.params").read_bytes())
    path = tmp_path / name
    path.unlink()
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)  # opening it would wait without end
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes(b"" if kind == "empty" else b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(MxperfError, match=name) as caught:
        count(tmp_path / "m", IMAGE)
    assert str(caught.value).count("\n") <= 1
    assert kind != "pointer" or "git lfs pull" in str(caught.value).lower()


@pytest.mark.parametrize("kind", ["empty", "pointer", "dangling", "truncated"])
def test_weights_that_were_not_fetched_are_not_needed_to_count(digits, tmp_path, kind):
    """As where a CI job does without ``git lfs pull``. Running the model wants them."""
    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    path = tmp_path / "m-0000.params"
    if kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    else:
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
        content = digits.with_name("digits-0000.params").read_bytes()[:5000]
        path.write_bytes({"empty": b"", "pointer": pointer, "truncated": content}[kind])
    with pytest.warns(MxperfWarning, match=r"^m: .*m-0000\.params: .* Counted from the graph alone") as caught:
        report = count(tmp_path / "m", IMAGE)
    assert (report.macs, report.params.trainable) == (607_552, 31_962)
    assert kind != "pointer" or "git lfs pull" in str(caught[0].message)
    with pytest.raises(MxperfError, match=r"m-0000\.params"), pytest.warns(MxperfWarning):
        load(ModelSpec.parse(tmp_path / "m", IMAGE))


@pytest.mark.parametrize(("epoch", "missing"), [(7, "m-0007.params"), ("latest", r"m-\*.params")])
def test_an_epoch_that_is_asked_for_is_missed(digits, tmp_path, epoch, missing):
    """Without any epoch there is nothing to choose from: the graph is counted."""
    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    with pytest.warns(MxperfWarning, match=f"^m: counted without weights, {missing} is missing$"):
        assert count(tmp_path / "m", IMAGE, epoch=epoch).macs == 607_552
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count(tmp_path / "m", IMAGE)


def _blame_for_an_unknown_shape(tmp_path):
    """What the error says before "Without the weights": of a graph in which nothing has the shape of a parameter."""
    import mxnet as mx

    symbol = mx.sym.broadcast_add(mx.sym.var("data"), mx.sym.var("offset"))
    symbol.save(str(tmp_path / "m-symbol.json"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once is enough
        with pytest.raises(MxperfError) as caught:
            count(tmp_path / "m", {"data": (2, 3)})
    blame, _, what = str(caught.value).partition(" Without the weights, ")
    assert what == (
        "the shape of variable 'offset' cannot be inferred; give its shape in inputs, or in shapes if it is a parameter"
    )
    return blame


def test_shapes_that_only_the_missing_weights_could_tell_are_the_error(tmp_path):
    path = tmp_path / "m-0000.params"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    blame = _blame_for_an_unknown_shape(tmp_path)
    assert blame == f"m: {path}: is a Git LFS pointer, not the weights. Run: git lfs pull."
    with pytest.warns(MxperfWarning, match="is a Git LFS pointer"):
        inputs_of(ModelSpec.parse(tmp_path / "m", {"data": (2, 3)}))


@pytest.mark.parametrize(
    ("beside", "remedy"), [("", ": restore it"), ("m.params", "; the folder has m.params: name one with params")]
)
def test_weights_are_missed_first_where_they_would_have_the_shapes(tmp_path, beside, remedy):
    import mxnet as mx

    if beside:
        mx.nd.save(str(tmp_path / beside), {"arg:offset": mx.nd.ones((1, 3))})
    path, blame = tmp_path / "m-0000.params", _blame_for_an_unknown_shape(tmp_path)
    assert blame == f"m: {path} is missing, which would have the shapes of parameters{remedy}."


def test_weights_are_not_missed_for_an_input_that_is_surely_one(tmp_path):
    """The data of a dense layer, through an activation; and rows whose number depends on the data."""
    import mxnet as mx

    other = mx.sym.FullyConnected(mx.sym.relu(mx.sym.var("other")), num_hidden=2, name="fc")
    mx.sym.Group([other, mx.sym.var("data")]).save(str(tmp_path / "m-symbol.json"))
    mx.sym.contrib.boolean_mask(mx.sym.var("data"), mx.sym.var("mask"), name="rows").save(
        str(tmp_path / "n-symbol.json")
    )
    for name in "mn":
        (tmp_path / f"{name}-0000.params").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(MxperfError, match=r"^m: the shapes? of .*'other'.* cannot be inferred; give"):
        count(tmp_path / "m", {"data": (2, 3)})
    with pytest.raises(MxperfError, match=r"^n: the shape of _contrib_boolean_mask 'rows' cannot .* on the data$"):
        count(tmp_path / "n", {"data": (2, 3), "mask": (2,)})


def test_weights_of_another_model_are_blamed_where_they_should_have_the_shapes(tmp_path):
    import mxnet as mx

    dense = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc")
    mx.sym.broadcast_add(dense, mx.sym.var("offset")).save(str(tmp_path / "m-symbol.json"))
    weights = {"arg:conv_weight": mx.nd.ones((2, 3, 1, 1)), "arg:fc_bias": mx.nd.ones(2)}
    mx.nd.save(str(tmp_path / "m-0000.params"), weights)
    with pytest.raises(ParamsError) as caught:
        count(tmp_path / "m", {"data": (2, 3)})
    assert str(caught.value) == (
        f"m: {tmp_path / 'm-0000.params'} seems to be of another model: it lacks fc_weight, offset, and has "
        "conv_weight, which the graph does not read. Without what it lacks, the shape of variable 'offset' cannot be "
        "inferred; give its shape in inputs"
    )
    weights["arg:fc_weight"] = mx.nd.ones((2, 3))
    mx.nd.save(str(tmp_path / "m-0000.params"), weights)
    expected = r"^m: the shape of .*; give its shape in inputs; the weights have conv_weight, which the graph does not"
    with pytest.raises(MxperfError, match=expected):
        count(tmp_path / "m", {"data": (2, 3)})
    mx.nd.save(str(tmp_path / "m-0000.params"), {**weights, "arg:offset": mx.nd.ones((1, 5))})
    with pytest.raises(MxperfError, match=r"^m: shapes or dtypes do not fit .*; the weights have offset \(1, 5\)$"):
        count(tmp_path / "m", {"data": (2, 3)})
    del weights["arg:fc_weight"]
    mx.nd.save(str(tmp_path / "m-0000.params"), {**weights, "arg:offset": mx.nd.ones((1, 5))})
    with pytest.raises(MxperfError, match=r"of another model: it lacks fc_weight, and .* read\. shapes or dtypes do"):
        count(tmp_path / "m", {"data": (2, 3)})


def test_weights_that_have_nothing_of_the_graph_are_a_warning(digits, tmp_path):
    """No shape contradicts them, and to run the model is an error."""
    import mxnet as mx

    mx.nd.save(str(tmp_path / "m-0000.params"), {"arg:stranger": mx.nd.ones(5)})
    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    expected = "does not read stranger .*; the weights lack bn1_beta, .* more: they may be of another model$"
    with pytest.warns(MxperfWarning, match=expected):
        assert count(tmp_path / "m", IMAGE).macs == 607_552


def test_dtypes_that_only_the_missing_weights_could_tell_are_the_error(tmp_path):
    """The table's dtype follows from nothing in the graph."""
    import mxnet as mx

    table = mx.sym.Cast(mx.sym.var("table", shape=(5, 2)), dtype="float32")
    mx.sym.dot(mx.sym.var("data"), table).save(str(tmp_path / "m-symbol.json"))
    assert count(tmp_path / "m", {"data": (1, 5)}).params.bytes == 40
    (tmp_path / "m-0000.params").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    expected = (
        r"^m: .*m-0000\.params: is a Git LFS pointer.* Without the weights, the dtype of 'table' is unknown: the graph "
        "does not have it$"
    )
    with pytest.raises(MxperfError, match=expected):
        count(tmp_path / "m", {"data": (1, 5)})


def test_a_file_without_permission_is_one_clear_error(digits, monkeypatch):
    """Root may read everything, so the error is made up."""
    from pathlib import Path

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(MxperfError, match=r"digits-symbol\.json: cannot read the symbol: Permission denied"):
        count(digits, IMAGE)


def test_a_path_with_a_null_character_is_one_clear_error():
    with pytest.raises(MxperfError, match=r"cannot read the symbol: .*embedded null"):
        count("a\0b", IMAGE)


def test_a_name_that_is_both_an_argument_and_a_state_is_refused(digits, tmp_path):
    import mxnet as mx

    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    weights = mx.nd.load(str(digits) + "-0000.params")
    mx.nd.save(str(tmp_path / "m-0000.params"), {**weights, "aux:dense2_bias": mx.nd.ones(10)})
    with pytest.raises(MxperfError, match="has 'dense2_bias' twice, as 'arg:' and as 'aux:'"):
        count(tmp_path / "m", IMAGE)


def test_what_a_symbol_built_in_the_session_divides_by_is_checked_too():
    import mxnet as mx

    symbol = mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), num_filter=8, num_group=0, name="conv")
    with pytest.raises(MxperfError, match=r"\(Convolution 'conv'\): num_group='0' must be at least 1"):
        count(symbol, {"data": (1, 4, 8, 8)})


@pytest.mark.parametrize("flag", ["-9223372036854775808", "99", "float32"])
def test_a_dtype_that_mxnet_does_not_have_is_one_clear_error(save, flag):
    import mxnet as mx

    prefix = save("FullyConnected", {"num_hidden": "2", "no_bias": "True"}, 2, weights={"x1": mx.nd.ones((2, 3))})
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["nodes"][1]["attrs"] = {"__dtype__": flag}
    path.write_text(json.dumps(document))
    with pytest.raises(MxperfError, match=r"^m: |m-symbol\.json: node 1 \(null 'x1'\)") as caught:
        run(ModelSpec.parse(prefix, {"x0": (1, 3)}))
    assert "\n" not in str(caught.value)


def test_an_input_that_only_unreached_nodes_read_cannot_be_bound(save):
    """Found by the fuzzer: an output in front of the label's reader leaves the label out of the symbol."""
    prefix = save("relu", weights={})
    with pytest.raises(MxperfError, match=r"^m: .*label") as caught:
        run(ModelSpec.parse(prefix, {**SQUARE, "label": (1,)}))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_an_error_of_a_forward_is_told_without_a_stack_trace(save):
    import mxnet as mx

    attrs = {"kernel": "(3, 3)", "num_filter": "8", "pad": "(-1, -1)", "no_bias": "True"}
    prefix = save("Convolution", attrs, 2, weights={"x1": mx.nd.ones((8, 4, 3, 3))})
    with pytest.raises(MxperfError, match="MXNet cannot run the model: could not create a descriptor") as caught:
        run(ModelSpec.parse(prefix, SQUARE))
    assert "\n" not in str(caught.value)


def test_a_softmax_of_2015_written_in_python_is_counted_around(tmp_path):
    """4 x 3 x 2 MACs; 2 x 3 weights, 2 biases, 2 betas (gamma is fixed); MXNet adds the running statistics itself."""

    def node(op, name, inputs=(), **param):
        return {"op": op, "param": param, "name": name, "inputs": [*inputs], "backward_source_id": -1}

    nodes = [
        node("null", "data"),
        node("null", "fc_weight"),
        node("null", "fc_bias"),
        node("FullyConnected", "fc", [[0, 0], [1, 0], [2, 0]], num_hidden="2", no_bias="False"),
        node("null", "bn_gamma"),
        node("null", "bn_beta"),
        node("BatchNorm", "bn", [[3, 0], [4, 0], [5, 0]]),
        node("null", "label"),
        node("_Native", "softmax", [[6, 0], [7, 0]], info="140270810529344", need_top_grad="False"),
    ]
    document = {"nodes": nodes, "arg_nodes": [0, 1, 2, 4, 5, 7], "heads": [[8, 0]]}
    (tmp_path / "m-symbol.json").write_text(json.dumps(document))
    report = count(tmp_path / "m", {"data": (4, 3), "label": (4,)})
    assert (report.macs, report.uncounted) == (24, {"_Native": 1})
    assert (report.params.trainable, report.params.frozen, report.params.auxiliary) == (10, 2, 4)
    assert [layer.name for layer in report.layers] == ["fc", "bn", "softmax"]
    with pytest.raises(MxperfError, match="the shape of variable 'label' cannot be inferred; give its shape in inputs"):
        count(tmp_path / "m", {"data": (4, 3)})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[07:11:29] ../src/op-inl.h:453: Check failed: a->size() == 1U (0 vs. 1) : ",
            "MXNet requires a->size() == 1U (0 vs. 1)",
        ),
        (
            "Error in operator conv: [07:11:29] ../src/conv.cc:126: Check failed: n % g == 0U (2 vs. 0) : bad group",
            "Error in operator conv: bad group",
        ),
        ("Check failed: Registry: :Get()->Find(x) != nullptr: Cannot find x", "Cannot find x"),
        (
            'Traceback (most recent call last):\n  File "../mshadow/tensor.h", line 213\nAssignment: Shapes: (1,2)',
            "Assignment: Shapes: (1,2)",
        ),
        ("\x1b[91mYou created\n\tit\x1b[0m", "You created it"),
        ("plain\nStack trace:\n  [bt] (0) lib.so", "plain"),
    ],
)
def test_what_mxnet_says_is_told_without_its_sources(text, said):
    from pytest_mxperf.mx.runtime import reason

    assert reason(Exception(text)) == said


def test_a_custom_operator_can_be_tried_also_after_one_has_run(tmp_path):
    """It runs in threads of MXNet that a fork does not take along."""
    import mxnet as mx

    class Twice(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            self.assign(out_data[0], req[0], in_data[0] * 2)

    class TwiceProp(mx.operator.CustomOpProp):
        def create_operator(self, ctx, shapes, dtypes):
            return Twice()

    mx.operator.register("twice")(TwiceProp)
    symbol = mx.sym.Custom(mx.sym.var("data"), op_type="twice", name="it")
    mx.model.save_checkpoint(str(tmp_path / "m"), 0, symbol, {}, {})
    for _ in range(3):
        module = run(ModelSpec.parse(tmp_path / "m", {"data": (2, 3)}))
    module.forward(mx.io.DataBatch([mx.nd.ones((2, 3))]), is_train=False)
    assert module.get_outputs()[0].asnumpy().tolist() == [[2, 2, 2]] * 2


@pytest.mark.parametrize("version", [10901, 10500, 20000])
def test_what_mxnet_has_saved_is_parsed_once(digits, tmp_path, monkeypatch, version):
    """The symbol's own JSON is the file's, up to the version, so nothing in it has not been checked."""
    text = digits.with_name("digits-symbol.json").read_text()
    import mxnet as mx

    text = mx.sym.load_json(text).tojson()
    text, replaced = re.subn(r'\["int", 10[6-9]0\d\]', f'["int", {version}]', text)
    assert replaced == 1
    (tmp_path / "m-symbol.json").write_text(text)

    def parse(*args, **options):
        raise AssertionError("parsed again")

    expected = count(digits, IMAGE)
    monkeypatch.setattr(Graph, "parse", parse)
    assert count(tmp_path / "m", IMAGE).layers == expected.layers


@pytest.mark.parametrize(
    ("op", "attrs", "inputs", "is_kept"),
    [
        ("SliceChannel", {"num_outputs": "2"}, 1, True),
        ("BatchNorm", {}, 5, True),  # which hides two outputs
        ("RNN", {"mode": "gru", "state_size": "2", "num_layers": "1", "state_outputs": "True"}, 3, False),
        ("SoftmaxOutput", {}, 2, True),
        ("topk", {"ret_typ": "both"}, 1, True),
    ],
)
def test_a_graph_of_several_outputs_that_mxnet_need_not_write_is_the_same(
    tmp_path, from_the_file_and_from_mxnet, op, attrs, inputs, is_kept
):
    """The other outputs of an RNN are called state and state_cell: what MXNet lists is not what was expected."""
    import mxnet as mx

    symbol = getattr(mx.sym, op)(*[mx.sym.var(f"x{index}") for index in range(inputs)], name="it", **attrs)
    symbol.save(str(tmp_path / "m-symbol.json"))
    kept, written = from_the_file_and_from_mxnet(ModelSpec.parse(tmp_path / "m", SQUARE))
    assert kept == (written if is_kept else None)


@pytest.mark.parametrize(
    ("claimed", "read", "head", "message"),
    [
        (8, 7, 0, "reads output 7 of node 1, which does not exist"),
        (8, 0, 7, "the graph's outputs: reads output 7 of node 1, which does not exist"),
        (8, 0, 0, ""),  # what nobody reads does no harm
    ],
)
def test_a_file_that_claims_more_outputs_than_there_are_is_not_believed(save, claimed, read, head, message):
    prefix = save("relu")
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["nodes"].append({"op": "relu", "name": "reader", "inputs": [[1, read, 0]]})
    document["node_row_ptr"] = [0, 1, 1 + claimed, 2 + claimed]
    document["heads"] = [[2, 0, 0], [1, head, 0]]
    path.write_text(json.dumps(document))
    if message:
        with pytest.raises(MxperfError, match=message):
            count(prefix, SQUARE)
    else:
        assert count(prefix, SQUARE).flops == 512


def test_a_file_that_claims_more_outputs_of_a_variable_is_not_believed(save):
    prefix = save("relu")
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["node_row_ptr"] = [0, 2, 3]
    path.write_text(json.dumps(document))
    assert count(prefix, SQUARE).flops == 256


@pytest.mark.parametrize(
    ("alias", "op", "inputs", "flops"),
    [
        ("_Plus", "elemwise_add", 2, 256),
        ("broadcast_plus", "broadcast_add", 2, 256),
        ("_Maximum", "_maximum", 2, 256),
        ("concat", "Concat", 2, 0),
        ("flatten", "Flatten", 1, 0),
        ("sum_axis", "sum", 1, 255),
    ],
)
def test_an_operator_is_counted_by_its_own_name(save, alias, op, inputs, flops):
    """A file may call it by an alias, which MXNet replaces when it loads the file."""
    prefix = save(alias, {"num_args": "2"} if alias == "concat" else {}, inputs)
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["node_row_ptr"] = [*range(inputs + 2)]
    path.write_text(json.dumps(document))
    report = count(prefix, {f"x{index}": (1, 4, 8, 8) for index in range(inputs)})
    assert [(layer.op, layer.flops) for layer in report.layers] == [(op, flops)]
    assert not report.uncounted


@pytest.mark.needs_operator("_contrib_quantized_rnn")
def test_an_attribute_that_mxnet_adds_is_in_the_graph(tmp_path):
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model

    names = ("data", "parameters", "state", "state_cell", "data_scale", "data_shift")
    variables = [("null", name, [], {"__dtype__": "3" if name == "data" else "0"}) for name in names]
    attrs = {"state_size": "4", "num_layers": "1", "mode": "lstm"}
    prefix = _graph(tmp_path, *variables, ("_contrib_quantized_rnn", "it", [*range(6)], attrs))
    (tmp_path / "m-0000.params").unlink()
    analysis = analyse(open_model(ModelSpec.parse(prefix, {"data": ((3, 2, 4), "uint8")})))
    assert analysis.graph.nodes[-1].attrs["quantized"].lower() == "true"
    assert analysis.graph == Graph.parse(analysis.symbol_json, where="")


def test_a_stored_graph_does_not_depend_on_the_sessions_semantics(tmp_path):
    """Under those of NumPy MXNet would write [8,-1], an unknown size."""
    import mxnet as mx

    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model

    variable = ("null", "weight", [], {"__shape__": "(8, 0)"})
    dense = ("FullyConnected", "it", [0, 1], {"num_hidden": "8", "no_bias": "True"})
    prefix = _graph(tmp_path, DATA, variable, dense)
    (tmp_path / "m-0000.params").unlink()
    with mx.util.np_shape(True):
        analysis = analyse(open_model(ModelSpec.parse(prefix, {"data": (2, 10)})))
        assert analysis.graph == Graph.parse(analysis.symbol_json, where="")
    assert analysis.graph.nodes[1].attrs == {"__shape__": "(8, 0)"}


def test_a_model_is_bound_whatever_the_sessions_semantics(tmp_path):
    """A file of a Gluon export without ``mx.npx.set_np()`` has shapes like (8, 0), in a session with it."""
    import mxnet as mx

    variable = ("null", "weight", [], {"__shape__": "(8, 0)"})
    dense = ("FullyConnected", "it", [0, 1], {"num_hidden": "8", "no_bias": "True"})
    prefix = _graph(tmp_path, DATA, variable, dense)
    mx.nd.save(f"{prefix}-0000.params", {"arg:weight": mx.nd.ones((8, 10))})
    with mx.util.np_shape(True), mx.util.np_array(True):
        module = run(ModelSpec.parse(prefix, {"data": (2, 10)}))
    assert module.get_outputs()[0].shape == (2, 8)


def test_two_outputs_of_one_name_are_told_apart(save):
    """A variable may be called like the output of an operator: the names do not say which is which."""
    prefix = save("relu")
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["nodes"].append({"op": "null", "name": "it_output", "inputs": []})
    document["nodes"].append({"op": "FullyConnected", "name": "last", "inputs": [[1, 0, 0], [2, 0, 0]]})
    document["nodes"][3]["attrs"] = {"num_hidden": "3", "no_bias": "True"}
    document.update(node_row_ptr=[0, 1, 2, 3, 4], heads=[[3, 0, 0]])
    path.write_text(json.dumps(document))
    report = count(prefix, SQUARE)
    assert (report.macs, report.params.trainable) == (768, 768)  # 256 x 3


def test_what_mxnet_makes_another_graph_of_is_parsed_again(save):
    """It puts the nodes into the order that they run in, and leaves out those that no output needs.

    x0 of 4 channels of 8 x 8 is 256 elements; x1, which the unread node doubles, does not count.
    """
    prefix = save("relu", inputs=2, entries=[[0, 0, 0]])
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["nodes"].insert(2, {"op": "broadcast_add", "name": "unread", "inputs": [[1, 0, 0], [1, 0, 0]]})
    document["heads"] = [[3, 0, 0]]
    path.write_text(json.dumps(document))
    report = count(prefix, SQUARE)
    assert [(layer.name, layer.flops) for layer in report.layers] == [("it", 256)]


IMAGES = {"x0": (1, 4, 8, 8), "x1": (1, 4, 4, 4)}
VOUCHED = [
    ("Pad", {"mode": "constant", "pad_width": "(0, 0, 0, 0, 1, 2, 3, 4)"}, 1, (1, 4, 11, 15)),
    ("Pad", {"mode": "edge", "pad_width": "(0, 0, 0, 0, 1024, 0, 0, 1024)"}, 1, (1, 4, 1032, 1032)),
    ("Pad", {"mode": "reflect", "pad_width": "(0, 0, 0, 0, 7, 7, 7, 7)"}, 1, (1, 4, 22, 22)),
    ("Crop", {"num_args": "2", "offset": "(4, 4)"}, 2, (1, 4, 4, 4)),
    ("Crop", {"num_args": "2", "center_crop": "True"}, 2, (1, 4, 4, 4)),
    ("Crop", {"num_args": "1", "h_w": "(8, 1)"}, 1, (1, 4, 8, 1)),
    ("_contrib_AdaptiveAvgPooling2D", {"output_size": "(3, 1000)"}, 1, (1, 4, 3, 1000)),
    ("_contrib_AdaptiveAvgPooling2D", {}, 1, (1, 4, 1, 1)),
    ("depth_to_space", {"block_size": "2"}, 1, (1, 1, 16, 16)),
    ("UpSampling", {"scale": "3", "sample_type": "nearest", "num_args": "1"}, 1, (1, 4, 24, 24)),
    ("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "2"}, 2, (1, 8, 16, 16)),
    ("_MulScalar", {"scalar": "0.5"}, 1, (1, 4, 8, 8)),
    ("smooth_l1", {"scalar": "-1e3"}, 1, (1, 4, 8, 8)),
    ("_power_scalar", {"scalar": "-0.5"}, 1, (1, 4, 8, 8)),
    ("_lesser_equal_scalar", {"scalar": "1e3"}, 1, (1, 4, 8, 8)),
    ("max", {"axis": "(2, 3)"}, 1, (1, 4)),
    ("_contrib_box_nms", {"coord_start": "4", "score_index": "0", "id_index": "3"}, 1, (1, 4, 8, 8)),
    ("_contrib_box_nms", {"topk": "16777216", "valid_thresh": "-1e3"}, 1, (1, 4, 8, 8)),
]


@pytest.fixture
def no_fork(monkeypatch):
    def fork():
        raise AssertionError("forked")

    monkeypatch.setattr(os, "fork", fork)


@pytest.mark.parametrize(("op", "attrs", "inputs", "shape"), VOUCHED)
def test_an_operator_that_is_vouched_for_runs_without_a_trial(save, no_fork, op, attrs, inputs, shape):
    """At the limits of what is vouched for."""
    prefix = save(op, attrs, inputs, weights={})
    module = run(ModelSpec.parse(prefix, {name: IMAGES[name] for name in list(IMAGES)[:inputs]}))
    assert [output for _, output in module.output_shapes] == [shape]


@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("_zeros", {"shape": "(0, 8)"}),
        ("_ones", {"shape": "(2, 8)"}),
        ("_arange", {"start": "0", "stop": "32", "step": "2.0"}),
        ("_arange", {"start": "7.5", "stop": "-0.5", "step": "-1", "repeat": "2"}),
    ],
)
def test_what_is_made_in_the_graph_runs_without_a_trial(save, no_fork, op, attrs):
    prefix = save("elemwise_add", inputs=2, weights={})
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["nodes"][1] = {"op": op, "name": "made", "attrs": {**attrs, "dtype": "float32"}, "inputs": []}
    document["arg_nodes"] = [0]
    path.write_text(json.dumps(document))
    shape = (16,) if op == "_arange" else (2, 8)
    assert run(ModelSpec.parse(prefix, {"x0": shape})).output_shapes == [("it_output", shape)]


@pytest.mark.parametrize(
    ("op", "attrs", "shapes"),
    [
        ("Pad", {"mode": "reflect", "pad_width": "(0, 0, 0, 0, 8, 0, 0, 0)"}, [(1, 4, 8, 8)]),
        ("Pad", {"mode": "edge", "pad_width": "(0, 1, 0, 0, 0, 0, 0, 0)"}, [(1, 4, 8, 8)]),
        ("Pad", {"mode": "edge", "pad_width": "(0, 0, 0, 0, 1, 1, 1, 1)"}, [(1, 4, 8)]),
        ("Crop", {"num_args": "1", "h_w": "(9, 1)"}, [(1, 4, 8, 8)]),
        ("Crop", {"num_args": "1", "h_w": "(8, 8)", "offset": "(1, 0)"}, [(1, 4, 8, 8)]),
        ("Crop", {"num_args": "1", "h_w": "8"}, [(1, 4, 8, 8)]),
        ("Crop", {"num_args": "2"}, [(1, 4, 8, 8), (1, 4, 100, 100)]),
        ("Crop", {"num_args": "2", "offset": "(-5, 0)"}, [(1, 4, 8, 8), (1, 4, 4, 4)]),
        ("Crop", {"num_args": "2"}, [(1, 4, 8, 8), (1, 4)]),
        ("_contrib_AdaptiveAvgPooling2D", {"output_size": "2"}, [(1, 4, 8)]),
        ("_contrib_AdaptiveAvgPooling2D", {"output_size": "2"}, [(1, 4, 8, 8, 8)]),
        ("depth_to_space", {"block_size": "3"}, [(1, 4, 8, 8)]),
        ("depth_to_space", {"block_size": "1024"}, [(1, 4, 8, 8)]),
        ("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "2"}, [(1, 4, 8, 8), (1, 4, 3, 8)]),
        ("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "2"}, [(1, 4, 8, 8), (1, 4, 4, 8)]),
        ("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "2"}, [(1, 4, 8, 8), (2, 4, 8, 8)]),
        ("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "1"}, [(1, 4, 8)]),
        ("max", {"axis": "(0, 0)"}, [(1, 4, 8, 8)]),
        ("prod", {"axis": "16777216"}, [(1, 4, 8, 8)]),
        ("_maximum", {}, [(1, 4, 8, 8), (1, 4, 1, 8)]),
        ("broadcast_power", {}, [(1, 4, 8, 8), (3,)]),
        ("_contrib_box_nms", {}, [(1, 9, 4)]),
        ("_contrib_box_nms", {}, [(6,)]),
        ("_contrib_box_nms", {"coord_start": "-1"}, [(1, 9, 6)]),
        ("_contrib_box_nms", {"coord_start": "3"}, [(1, 9, 6)]),
        ("_contrib_box_nms", {"score_index": "6"}, [(1, 9, 6)]),
        ("_contrib_box_nms", {"id_index": "16777216"}, [(1, 9, 6)]),
    ],
)
def test_what_an_operator_that_is_vouched_for_cannot_do_is_one_clear_error(save, no_fork, op, attrs, shapes):
    """MXNet checks these itself: there is no trial, and the session survives."""
    inputs = {f"x{index}": shape for index, shape in enumerate(shapes)}
    prefix = save(op, attrs, len(shapes), weights={})
    with pytest.raises(MxperfError, match=r"^(\S*m\S*|MXNet cannot run the model): ") as caught:
        run(ModelSpec.parse(prefix, inputs))
    assert "Traceback" not in str(caught.value)


COMPARED = ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
PAIRED = (*COMPARED, "maximum", "minimum", "power", "hypot", "logical_and", "logical_or", "logical_xor")
SCALARS = ("power", "rpower", "maximum", "minimum", "hypot", *COMPARED)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint8", "int32", "int64"])
def test_what_is_vouched_for_survives_all_numbers(dtype):
    """0, the extremes, and what is no number; in a child, because one that does not survive would end the session."""
    import mxnet as mx
    import numpy

    from pytest_mxperf import traits
    from pytest_mxperf.mx.guard import try_in_child

    info = numpy.finfo(dtype) if dtype.startswith("float") else numpy.iinfo(dtype)
    special = [numpy.nan, numpy.inf, -numpy.inf, -0.0, -0.5, 1e-7] if dtype.startswith("float") else []
    values = numpy.array([0, 1, 2, 3, 7, info.min, info.max, info.max - 1, *special], dtype)
    done = []

    def work():
        array = mx.nd.array(values, dtype=dtype)
        for name in (*sorted(traits.FUNCTIONS), "zeros_like", "ones_like", "max", "min", "prod"):
            getattr(mx.nd, name)(array).asnumpy()
        for name in SCALARS:
            for scalar in (0, -1, 0.5, -2.5, 16777216):
                getattr(mx.nd._internal, f"_{name}_scalar")(array, scalar=scalar).asnumpy()
        for name in PAIRED:
            for other in (array, array[::-1], array * 0):
                getattr(mx.nd._internal, f"_{name}")(array, other).asnumpy()
                getattr(mx.nd, f"broadcast_{name}")(array, other).asnumpy()
        done.append(True)

    try_in_child(work, dtype, "computing", ["functions"])
    assert not done  # in this process
    work()
    assert done


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_the_old_names_of_an_operator_are_the_same_operator(name):
    import ctypes

    import mxnet as mx

    def handle(operator):
        found = ctypes.c_void_p()
        mx.base.check_call(mx.base._LIB.NNGetOpHandle(mx.base.c_str(operator), ctypes.byref(found)))
        return found.value

    word = {"add": "plus", "sub": "minus"}.get(name, name)
    names = {f"_{name}", f"_{word}", f"_{word.capitalize()}"}
    assert {handle(old) for old in names} == {handle(f"elemwise_{name}")}
    assert handle(f"_{word.capitalize()}Scalar") == handle(f"_{word}_scalar")
    if name in ("sub", "div"):
        assert handle(f"_R{word.capitalize()}Scalar") == handle(f"_r{word}_scalar")


def test_a_reader_of_an_output_that_mxnet_hides_is_one_clear_error(save):
    """Found by the fuzzer: LRN's second output holds its norms, for training."""
    prefix = save("LRN", {"nsize": "3"})
    path = prefix.with_name("m-symbol.json")
    document = json.loads(path.read_text())
    document["nodes"].append({"op": "relu", "name": "reader", "inputs": [[1, 1, 0]]})
    document["heads"] = [[2, 0, 0]]
    path.write_text(json.dumps(document))
    with pytest.raises(MxperfError, match=r"^m: relu 'reader' reads output 1 of LRN 'it', which MXNet"):
        count(prefix, SQUARE)
