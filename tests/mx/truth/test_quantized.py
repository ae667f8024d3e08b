"""Operators on 8-bit integers, one by one and in the graphs that MXNet's quantization makes."""

import pytest

from pytest_mxperf import count
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.mx.runtime import mx

contrib = mx.sym.contrib

# Without MKLDNN, which has the fused operators too, MXNet has no kernel for these on a CPU, and quantizes other layers.
needs_mkldnn = pytest.mark.needs_operator("_sg_mkldnn_conv")


def var(name="data"):
    return mx.sym.var(name)


def cost(symbol, shape, dtype="float32", **more):
    return count(symbol, {"data": (shape, dtype), **more}).cost


CALIBRATED = {"min_calib_range": -1, "max_calib_range": 1}


@pytest.mark.parametrize(
    ("build", "dtype", "expected"),
    [
        # 2 * 3 * 4 = 24 elements: scale, round, clip = 72. The range is two inputs.
        pytest.param(lambda: contrib.quantize(var()), "float32", OpCost(elementwise=72), id="quantize"),
        pytest.param(
            lambda: contrib.quantize(var(), out_type="int8"), "float32", OpCost(elementwise=72), id="quantize int8"
        ),
        # The least and the greatest of 24 take 23 comparisons each.
        pytest.param(
            lambda: contrib.quantize_v2(var()), "float32", OpCost(elementwise=72, reduction=46), id="quantize_v2"
        ),
        pytest.param(
            lambda: contrib.quantize_v2(var(), **CALIBRATED),
            "float32",
            OpCost(elementwise=72),
            id="quantize_v2, calibrated",
        ),
        pytest.param(
            lambda: contrib.quantize_v2(var(), out_type="auto", **CALIBRATED),
            "float32",
            OpCost(elementwise=72),
            id="quantize_v2 auto, calibrated",
        ),
        # Half a range is none.
        pytest.param(
            lambda: contrib.quantize_v2(var(), min_calib_range=-1),
            "float32",
            OpCost(elementwise=72, reduction=46),
            id="quantize_v2, half calibrated",
        ),
        # A shift too: 24 * 4.
        pytest.param(
            lambda: contrib.quantize_asym(var()), "float32", OpCost(elementwise=96, reduction=46), id="quantize_asym"
        ),
        pytest.param(
            lambda: contrib.quantize_asym(var(), **CALIBRATED),
            "float32",
            OpCost(elementwise=96),
            id="quantize_asym, calibrated",
        ),
        pytest.param(lambda: contrib.requantize(var()), "int32", OpCost(elementwise=72, reduction=46), id="requantize"),
        pytest.param(
            lambda: contrib.requantize(var(), **CALIBRATED),
            "int32",
            OpCost(elementwise=72),
            id="requantize, calibrated",
        ),
        # One multiplication each.
        pytest.param(lambda: contrib.dequantize(var()), "int8", OpCost(elementwise=24), id="dequantize"),
        pytest.param(lambda: contrib.quantized_act(var(), act_type="relu"), "int8", OpCost(activation=24), id="relu"),
        pytest.param(lambda: contrib.quantized_flatten(var()), "int8", OpCost(), id="flatten"),
        # Two scales and the sum: 24 * 3. The product and its scale: 24 * 2.
        pytest.param(
            lambda: contrib.quantized_elemwise_add(var(), var("rhs")),
            "int8",
            OpCost(elementwise=72),
            id="add",
            marks=needs_mkldnn,
        ),
        pytest.param(
            lambda: contrib.quantized_elemwise_mul(var(), var("rhs")), "int8", OpCost(elementwise=48), id="multiply"
        ),
        pytest.param(
            lambda: contrib.quantized_elemwise_mul(var(), var("rhs"), enable_float_output=True),
            "int8",
            OpCost(elementwise=48),
            id="multiply into floats",
        ),
    ],
)
def test_one_pass_over_24_elements(build, dtype, expected):
    symbol = build()
    more = {"rhs": ((2, 3, 4), dtype)} if "rhs" in symbol.list_arguments() else {}
    assert cost(symbol, (2, 3, 4), dtype, **more) == expected


@pytest.mark.parametrize(
    ("attrs", "shape", "expected"),
    [
        # 4 filters of 3 * 9 = 27 taps on 2 * 64 positions: 2 * 64 * 4 * 27 = 13,824; 512 biases. 9 inputs.
        pytest.param({"pad": (1, 1)}, (2, 3, 8, 8), OpCost(macs=13_824, bias=512), id="bias"),
        # 6 inputs: data, weight and their ranges.
        pytest.param({"pad": (1, 1), "no_bias": True}, (2, 3, 8, 8), OpCost(macs=13_824), id="no bias"),
        # Stride 2: 2 * 9 positions * 4 * 27.
        pytest.param({"stride": (2, 2), "no_bias": True}, (2, 3, 8, 8), OpCost(macs=1_944), id="stride"),
        # 3-D, 3 * 27 = 81 taps on 2 * 2 * 2 positions of 4 filters.
        pytest.param({"kernel": (3, 3, 3)}, (1, 3, 4, 4, 4), OpCost(macs=2_592, bias=32), id="3-D"),
    ],
)
@needs_mkldnn
def test_convolution(attrs, shape, expected):
    symbol = contrib.quantized_conv(var(), **{"kernel": (3, 3), "num_filter": 4, **attrs})
    assert cost(symbol, shape, "int8") == expected


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        # Flattened to 12 features: 2 samples * 5 * 12; 10 biases.
        pytest.param({}, OpCost(macs=120, bias=10), id="bias"),
        pytest.param({"no_bias": True}, OpCost(macs=120), id="no bias"),
        # The last axis alone: 2 * 3 rows * 5 * 4; 30 biases.
        pytest.param({"flatten": False}, OpCost(macs=120, bias=30), id="not flattened"),
    ],
)
def test_fully_connected(attrs, expected):
    assert cost(contrib.quantized_fully_connected(var(), num_hidden=5, **attrs), (2, 3, 4), "int8") == expected


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        # 2 * 3 * 16 = 96 outputs from 4 elements each: 3 comparisons; 3 additions and a division.
        pytest.param({"pool_type": "max"}, OpCost(pooling=288), id="max"),
        pytest.param({"pool_type": "avg"}, OpCost(pooling=384), id="avg"),
        # 6 outputs from 64 elements each: 63 additions and a division.
        pytest.param({"pool_type": "avg", "global_pool": True}, OpCost(pooling=384), id="global"),
    ],
)
def test_pooling(attrs, expected):
    symbol = contrib.quantized_pooling(var(), kernel=(2, 2), stride=(2, 2), **attrs)
    assert cost(symbol, (2, 3, 8, 8), "int8") == expected


def test_batch_norm():
    """A scale and a shift for 2 * 3 * 64 = 384 elements; the ranges fold into both."""
    symbol = contrib.quantized_batch_norm(var(), eps=1e-3, **CALIBRATED)
    assert cost(symbol, (2, 3, 8, 8), "int8") == OpCost(normalization=768)


def test_concat():
    """2 * 3 * 4 + 2 * 5 * 4 = 64 elements scaled, rounded and clipped into the common range."""
    symbol = contrib.quantized_concat(
        *(var(name) for name in ("data", "b", "data_min", "data_max", "b_min", "b_max")), num_args=2, dim=1
    )
    assert cost(symbol, (2, 3, 4), "int8", b=((2, 5, 4), "int8")) == OpCost(elementwise=192)


def test_embedding():
    assert cost(contrib.quantized_embedding(var(), input_dim=10, output_dim=4), (2, 3)) == OpCost()


def small_net():
    net = mx.sym.Convolution(var(), kernel=(3, 3), pad=(1, 1), num_filter=4, name="conv")
    net = mx.sym.Activation(net, act_type="relu", name="relu")
    net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    return mx.sym.FullyConnected(net, num_hidden=5, name="dense")


def quantized(symbol):
    shapes, _, _ = symbol.infer_shape(data=(2, 3, 8, 8))
    args = {name: mx.nd.ones(shape) for name, shape in zip(symbol.list_arguments(), shapes) if name != "data"}
    symbol, _, _ = mx.contrib.quantization.quantize_model(
        symbol, args, {}, data_names=("data",), label_names=(), ctx=mx.cpu(), calib_mode="none", quantized_dtype="int8"
    )
    return symbol


@needs_mkldnn
def test_a_quantized_model():
    """The float model, and what converts: each layer on its own.

    data 2 * 192 = 384, the convolution's output 512, the pooled 128, the result 10 elements.
    """
    layers = {layer.name: layer.cost for layer in count(quantized(small_net()), {"data": (2, 3, 8, 8)}).layers}
    assert layers == {
        "data_quantize": OpCost(elementwise=1_152, reduction=766),  # 384 * 3, 2 * 383
        "quantized_conv": OpCost(macs=13_824, bias=512),  # 512 * 27
        "requantize_conv": OpCost(elementwise=1_536, reduction=1_022),  # 512 * 3, 2 * 511
        "quantized_relu": OpCost(activation=512),
        "quantized_pool": OpCost(pooling=384),  # 128 * 3
        "quantized_dense": OpCost(macs=640, bias=10),  # 10 * 64
        "requantize_dense": OpCost(elementwise=30, reduction=18),  # 10 * 3, 2 * 9
        "dense_dequantize": OpCost(elementwise=10),
    }


@pytest.mark.parametrize("backend", [None, "MKLDNN_QUANTIZE"], ids=["plain", "fused"])
@needs_mkldnn
def test_ranges_do_not_train(backend):
    """3 * 9 * 4 + 4 weights and biases in the convolution, 64 * 5 + 5 in the dense layer: 437, as before.

    The range of a weight and of a bias are two numbers each. The fused convolution quantizes its own when it runs.
    """
    net = small_net() if backend is None else small_net().get_backend_symbol(backend)
    params = count(quantized(net), {"data": (2, 3, 8, 8)}).params
    assert (params.trainable, params.frozen, params.auxiliary) == (437, 8 if backend is None else 4, 0)


@needs_mkldnn
def test_quantization_changes_conversions_only():
    """13,824 + 640 MACs, 512 + 10 biases, 512 comparisons with 0 and 384 in the pooling, in both."""
    report, reference = (count(net, {"data": (2, 3, 8, 8)}).cost for net in (quantized(small_net()), small_net()))
    assert reference == OpCost(macs=14_464, bias=522, activation=512, pooling=384)
    assert report == reference + OpCost(elementwise=2_728, reduction=1_806)
