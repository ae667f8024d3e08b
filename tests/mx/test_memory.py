"""Bytes with MXNet's own dtypes, and the peak of live activations against its planner."""

import re

import pytest

from pytest_mxperf import count

MB = 1 << 20
ROW = 1 << 18  # numbers in 1 MB of float32


@pytest.fixture
def mx(monkeypatch):
    import mxnet

    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")  # MXNet would fuse operators, so that less is put out
    with mxnet.name.NameManager():
        yield mxnet


def planned(mx, symbol, **shapes):
    """The whole MB that MXNet allocates for activations."""
    text = symbol.simple_bind(mx.cpu(), grad_req="null", **shapes).debug_str()
    return int(re.search(r"Total (\d+) MB allocated", text).group(1))


def moved(report):
    return {layer.name: (layer.dtype, layer.bytes_read, layer.bytes_written) for layer in report.layers}


# Dtypes


def test_float16_data_makes_everything_float16(mx):
    """Data 2 x 3, weight 4 x 3 and bias 4 have 22 numbers of 2 bytes; 8 are put out, and overwritten by the relu."""
    dense = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc")
    report = count(mx.sym.Activation(dense, act_type="relu", name="act"), {"data": ((2, 3), "float16")})
    assert moved(report) == {"fc": ("float16", 44, 16), "act": ("float16", 16, 16)}
    assert (report.peak_activation_bytes, report.param_bytes_by_dtype) == (16, {"float16": 32})
    assert report.params.bytes == 32


def test_statistics_stay_float32_where_the_data_are_float16(mx):
    """2 x 3 x 4 x 4 = 96 numbers of 2 bytes, and 4 vectors of 3 numbers of 4 bytes."""
    report = count(mx.sym.BatchNorm(mx.sym.var("data"), name="bn"), {"data": ((2, 3, 4, 4), "float16")})
    assert moved(report) == {"bn": ("float16", 192 + 48, 192)}
    assert report.param_bytes_by_dtype == {"float32": 48}


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("float16", 2)])
def test_an_embedding_looks_up_rows_by_int32(mx, dtype, size):
    """10 indices of 4 bytes; 10 rows of 8 numbers of a table of 1,000."""
    table = mx.sym.Embedding(mx.sym.var("tokens"), input_dim=1000, output_dim=8, dtype=dtype, name="emb")
    report = count(table, {"tokens": ((2, 5), "int32")})
    assert moved(report) == {"emb": ("int32", 40 + 80 * size, 80 * size)}
    assert report.param_bytes_by_dtype == {dtype: 8000 * size}


def test_a_quantized_layer_has_int8_data_and_parameters(mx):
    """Every tensor comes with its range, two float32 numbers.

    q: 6 float32 in, 6 int8 and a range out. fc: those, a 4 x 3 weight and 4 biases in int8 with a range each in; 2 x 4
    int32 and a range out. rq: these in, 8 int8 and a range out; both together are the peak. dq: these in, 8 float32
    out.
    """
    sym = mx.sym
    data = sym.contrib.quantize_v2(
        sym.var("data"), out_type="int8", min_calib_range=-1.0, max_calib_range=1.0, name="q"
    )
    dense = sym.contrib.quantized_fully_connected(
        *(data[0], sym.var("w"), sym.var("b"), data[1], data[2]),
        *(sym.var("w_min"), sym.var("w_max"), sym.var("b_min"), sym.var("b_max")),
        num_hidden=4,
        name="fc",
    )
    small = sym.contrib.requantize(*dense, name="rq")
    report = count(sym.contrib.dequantize(*small, name="dq"), {"data": (2, 3)})
    assert moved(report) == {
        "q": ("float32", 24, 6 + 8),
        "fc": ("int8", 6 + 8 + 12 + 8 + 4 + 8, 32 + 8),
        "rq": ("int32", 32 + 8, 8 + 8),
        "dq": ("int8", 8 + 8, 32),
    }
    assert report.peak_activation_bytes == 40 + 16
    assert report.param_bytes_by_dtype == {"int8": 16, "float32": 16}


# MXNet's planner

SHARES = {
    "Activation": {"act_type": "relu"},
    "LeakyReLU": {"act_type": "leaky"},
    "SoftmaxActivation": {},
    **{op: {} for op in ("relu", "sigmoid", "softmax", "log_softmax", "sqrt", "round", "logical_not", "MakeLoss")},
    **{op: {} for op in ("Flatten", "identity", "BlockGrad", "make_loss", "LinearRegressionOutput", "SoftmaxOutput")},
    "_plus_scalar": {"scalar": 1},
    "Cast": {"dtype": "int32"},
    "expand_dims": {"axis": 0},
    "Reshape": {"shape": (2, -1)},
}

COPIES = {
    "clip": {"a_min": 0, "a_max": 6},
    **{op: {} for op in ("transpose", "squeeze", "Concat", "L2Normalization")},
    "SwapAxis": {"dim1": 0, "dim2": 1},
    "slice_axis": {"axis": 0, "begin": 0, "end": None},
}


@pytest.mark.parametrize("op", SHARES)
def test_what_shares_its_input_in_mxnet_shares_it_here(mx, op):
    """4 MB for the operator in front, the operator itself and the one behind."""
    symbol = between(mx, op, SHARES[op])
    assert planned(mx, symbol, data=(4, ROW)) == 4
    assert count(symbol, {"data": (4, ROW)}).peak_activation_bytes == 4 * MB


@pytest.mark.parametrize("op", COPIES)
def test_what_has_an_output_of_its_own_in_mxnet_has_it_here(mx, op):
    """4 MB for the operator in front, and 4 MB for it."""
    symbol = between(mx, op, COPIES[op])
    assert planned(mx, symbol, data=(4, ROW)) == 8
    assert count(symbol, {"data": (4, ROW)}).peak_activation_bytes == 8 * MB


def between(mx, op, attributes):
    operator = getattr(mx.sym, op, None) or getattr(mx.sym._internal, op)
    return mx.sym.exp(operator(mx.sym.exp(mx.sym.var("data")), **attributes))


@pytest.mark.parametrize("op", ["Flatten", "identity"])
def test_an_input_is_copied_in_mxnet_and_here(mx, op):
    """4 MB for the copy, in which the operator behind it works. Of an activation there would be no copy."""
    symbol = mx.sym.exp(getattr(mx.sym, op)(mx.sym.var("data")))
    assert planned(mx, symbol, data=(4, ROW)) == 4
    report = count(symbol, {"data": (4, ROW)})
    assert (report.layers[0].bytes_read, report.layers[0].bytes_written) == (4 * MB, 4 * MB)
    assert report.peak_activation_bytes == 4 * MB


def test_the_planner_allocates_hidden_outputs_too(mx):
    """The mask that a Dropout would draw in training has 4 MB."""
    symbol = between(mx, "Dropout", {})
    assert planned(mx, symbol, data=(4, ROW)) == 8
    assert count(symbol, {"data": (4, ROW)}).peak_activation_bytes == 4 * MB


@pytest.mark.parametrize(("dtype", "ours"), [("float16", 4), ("float32", 8), ("float64", 16)])
def test_the_planner_takes_every_number_for_4_bytes(mx, dtype, ours):
    symbol = mx.sym.transpose(mx.sym.exp(mx.sym.var("data")))
    assert planned(mx, symbol, data=(4, ROW), type_dict={"data": dtype}) == 8
    assert count(symbol, {"data": ((4, ROW), dtype)}).peak_activation_bytes == ours * MB


@pytest.mark.parametrize(("name", "ours"), [("resnet18_v1", 51_380_224), ("squeezenet1.1", 31_428_608)])
def test_less_is_alive_than_the_planner_allocates(mx, name, ours):
    """At batch 8 MXNet 1.9.1 plans 56 and 48 MB, rounded down, of which 49.00 and 29.97 MB are alive at one time.

    resnet18: the first convolution and its BatchNorm put out 8 x 64 x 112 x 112 numbers each, 2 x 25,690,112 bytes.

    squeezenet: the first convolution puts out 8 x 64 x 111 x 111 numbers, which the relu overwrites, and the pooling
    behind it 8 x 64 x 55 x 55: 25,233,408 + 6,195,200 bytes, and as many again as the latter in a hidden workspace. The
    rest are blocks of the planner that lie idle.
    """
    from mxnet.gluon.model_zoo import vision

    symbol, data = vision.get_model(name)(mx.sym.var("data")), (8, 3, 224, 224)
    assert count(symbol, {"data": data}).peak_activation_bytes == ours
    assert ours < (planned(mx, symbol, data=data) + 1) * MB < 2 * ours


def test_a_checkpoint_has_the_bytes_that_it_stores(tmp_path):
    """6 weights in float16 and 2 biases in float32, which the graph computes with in float32: 12 + 8 bytes."""
    import mxnet as mx

    symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc")
    weights = {"fc_weight": mx.nd.ones((2, 3), dtype="float16"), "fc_bias": mx.nd.ones((2,))}
    mx.model.save_checkpoint(str(tmp_path / "m"), 0, symbol, weights, {})
    report = count(tmp_path / "m", {"data": (1, 3)})
    assert (report.params.bytes, report.param_bytes_by_dtype) == (20, {"float16": 12, "float32": 8})
    assert report.bytes_read == 4 * (3 + 6 + 2)


@pytest.mark.parametrize(
    "dtype",
    [
        "float16",
        pytest.param(
            "bfloat16",
            marks=pytest.mark.needs_operator(
                "amp_cast to bfloat16", tried=lambda mx: mx.sym.amp_cast(mx.sym.var("x"), dtype="bfloat16")
            ),
        ),
    ],
)
def test_what_amp_casts_to_half_precision_has_two_bytes(dtype):
    """2 x 4 x 3 MACs; the dense layer reads 8 + 12 + 3 numbers and writes 6; in front of it each input is cast."""
    import mxnet as mx
    from mxnet.contrib import amp

    dense = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    symbol = amp.convert_symbol(
        dense, target_dtype=dtype, target_dtype_ops=["FullyConnected"], fp32_ops=[], cast_optional_params=False
    )
    report = count(symbol, {"data": (2, 4)})
    assert sorted(layer.op for layer in report.layers)[:2] == ["FullyConnected", "amp_cast"]
    (fc,) = (layer for layer in report.layers if layer.op == "FullyConnected")
    assert (fc.macs, fc.outputs, fc.dtype) == (24, ((2, 3),), dtype)
    assert (fc.bytes_read, fc.bytes_written) == (2 * 23, 2 * 6)
