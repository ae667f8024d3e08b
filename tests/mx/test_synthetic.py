"""Weights made from shapes alone."""

import numpy as np
import pytest

from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.model import open_model
from pytest_mxperf.mx.pair import Pair, Side
from pytest_mxperf.mx.synthetic import SyntheticValues
from pytest_mxperf.spec import ModelSpec


@pytest.fixture
def mx():
    import mxnet

    with mxnet.name.NameManager():
        yield mxnet


def analysis_of(symbol, **inputs):
    return analyse(open_model(ModelSpec.parse(symbol, inputs, name="net")))


def values_of(symbol, **inputs):
    synthetic = SyntheticValues(analysis_of(symbol, **inputs))
    return {name: synthetic.make(name, key).asnumpy() for name, key in synthetic.variables()}


def outputs_of(symbol, **inputs):
    return Side(analysis_of(symbol, **inputs)).bind().forward()


def test_a_batch_norm_is_at_identity_whatever_its_variables_are_called(mx):
    a, b, c, d = map(mx.sym.var, "abcd")
    values = values_of(mx.sym.BatchNorm(mx.sym.var("data"), a, b, c, d, fix_gamma=False), data=(2, 3, 4, 4))
    assert [set(values[name]) for name in "abcd"] == [{1.0}, {0.0}, {0.0}, {1.0}]


def test_a_convolution_keeps_the_variance_of_a_relu(mx):
    """16 x 3 x 3 = 144 numbers are summed: 2 / 144 = 0.0139, within 10% for 18,432 samples; the bias is 0."""
    values = values_of(
        mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), num_filter=128, name="c"), data=(1, 16, 8, 8)
    )
    assert values["c_weight"].var() == pytest.approx(0.0139, rel=0.1)
    assert set(values["c_bias"]) == {0.0}


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_tokens_are_rows_that_the_table_has(mx, dtype):
    tokens = mx.sym.transpose(mx.sym.var("tokens"))
    values = values_of(mx.sym.Embedding(tokens, input_dim=20, output_dim=4), tokens=((5, 100), dtype))["tokens"]
    assert sorted(set(values.ravel())) == list(range(20))


@pytest.mark.parametrize("op", ["transpose", "make_loss", "gradientmultiplier"])
def test_tokens_may_pass_through_other_operators(mx, op):
    tokens = mx.sym.var("tokens")
    passed = mx.sym.contrib.gradientmultiplier(tokens, scalar=2) if "gradient" in op else getattr(mx.sym, op)(tokens)
    values = values_of(mx.sym.Embedding(passed, input_dim=20, output_dim=4), tokens=(5, 100))
    assert sorted(set(values["tokens"].ravel())) == list(range(20))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_indices_that_the_model_holds_are_rows_that_the_table_has(mx, dtype):
    places = mx.sym.var("places", shape=(1000,), dtype=dtype, attr={"__init__": "Constant_places_1"})
    net = mx.sym.broadcast_add(mx.sym.var("data"), mx.sym.take(mx.sym.var("table", shape=(20, 4)), places))
    assert sorted(set(values_of(net, data=(1000, 4))["places"])) == list(range(20))


def test_tokens_are_not_shared_by_tables_of_different_lengths(mx):
    def keys(rows):
        table = mx.sym.Embedding(mx.sym.var("tokens"), input_dim=rows, output_dim=4)
        return dict(SyntheticValues(analysis_of(table, tokens=(5, 100))).variables())

    assert keys(20)["tokens"] == keys(20)["tokens"] != keys(10)["tokens"]


def test_sequences_have_their_full_length(mx):
    masked = mx.sym.SequenceMask(mx.sym.var("data"), mx.sym.var("length"), use_sequence_length=True)
    assert list(values_of(masked, data=(7, 3, 2), length=(3,))["length"]) == [7.0, 7.0, 7.0]


@pytest.mark.parametrize(
    "like", ["ones_like", pytest.param("full_like", marks=pytest.mark.needs_operator("_npi_full_like"))]
)
def test_what_is_compared_with_fixed_numbers_is_a_length(mx, like):
    """1 to 7 whatever the data, of which only the shape is read."""
    data, length = mx.sym.var("data"), mx.sym.var("length")
    ones = mx.sym.ones_like(data) if like == "ones_like" else mx.sym.np.full_like(data.as_np_ndarray(), 1)
    kept = mx.sym.broadcast_lesser_equal(mx.sym.np.cumsum(ones.as_np_ndarray(), axis=1).as_nd_ndarray(), length)
    assert list(values_of(data * kept, data=(1, 7), length=(1,))["length"]) == [7.0]


def test_equal_layers_get_equal_numbers_in_different_networks(mx):
    def net(extra):
        hidden = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=8, name=f"first{extra}")
        if extra:
            hidden = mx.sym.FullyConnected(hidden, num_hidden=5, name="inserted")
            hidden = mx.sym.FullyConnected(hidden, num_hidden=8, name="back")
        return mx.sym.FullyConnected(hidden, num_hidden=3, name=f"last{extra}")

    old, new = values_of(net(0), data=(1, 4)), values_of(net(1), data=(1, 4))
    assert np.array_equal(old["first0_weight"], new["first1_weight"])
    assert np.array_equal(old["last0_weight"], new["last1_weight"])
    assert not np.array_equal(old["first0_weight"][:3, :4], old["last0_weight"][:3, :4])


def test_quantized_weights_fill_their_range(mx):
    layer = mx.sym.contrib.quantized_fully_connected(
        **{name: mx.sym.var(name) for name in ("data", "weight", "min_data", "max_data", "min_weight", "max_weight")},
        num_hidden=64,
        no_bias=True,
    )
    inputs = {"data": ((1, 32), "int8"), "min_data": (1,), "max_data": (1,)}
    values = values_of(layer, **inputs)
    assert (values["weight"].dtype, values["weight"].min() < -100, values["weight"].max() > 100) == ("int8", True, True)
    assert (values["min_weight"], values["max_weight"]) == (-1.0, 1.0)


# Of the two whose dense layers hold most weights, small images leave as many layers and take a quarter of the time.
ZOO = [
    *((name, 224) for name in ("resnet18_v1", "resnet50_v2", "mobilenet_v2_0_25", "squeezenet1_1", "densenet121")),
    *((name, 64) for name in ("vgg11", "alexnet")),
]


@pytest.mark.parametrize(("name", "side"), ZOO)
def test_a_zoo_networks_activations_stay_in_range(mx, name, side):
    net = getattr(mx.gluon.model_zoo.vision, name)()
    (output,) = outputs_of(net(mx.sym.var("data")), data=(1, 3, side, side))
    assert np.isfinite(output).all()
    assert 1e-3 < np.abs(output).max() < 1e12


@pytest.mark.parametrize("cell", ["rnn_relu", "lstm", "gru"])
def test_a_recurrent_network_runs_without_its_begin_states(mx, cell):
    layer = {"rnn_relu": mx.gluon.rnn.RNN, "lstm": mx.gluon.rnn.LSTM, "gru": mx.gluon.rnn.GRU}[cell](16, 2)
    (output,) = outputs_of(layer(mx.sym.var("data")), data=(10, 2, 8))
    assert output.shape == (10, 2, 16)
    assert np.isfinite(output).all()


def test_lengths_of_a_softmax_are_full(mx):
    masked = mx.sym.softmax(mx.sym.var("data"), mx.sym.var("length"), use_length=True, axis=1)
    values = values_of(masked, data=(2, 8), length=((2,), "int32"))
    assert list(values["length"]) == [8, 8]


def test_what_a_root_is_taken_of_is_positive(mx):
    scale = mx.sym.rsqrt(mx.sym.var("scale", shape=(1, 8)))
    (output,) = outputs_of(mx.sym.broadcast_mul(mx.sym.var("data"), scale), data=(2, 8))
    assert np.isfinite(output).all()


@pytest.mark.parametrize("pool", ["ROIPooling", "_contrib_ROIAlign"])
def test_regions_lie_around_the_middle_of_the_image(mx, pool):
    """38 x 50 features at 1/16: an image of 608 x 800 pixels."""
    operator = {"ROIPooling": mx.sym.ROIPooling, "_contrib_ROIAlign": mx.sym.contrib.ROIAlign}[pool]
    net = operator(mx.sym.var("data"), mx.sym.var("rois"), pooled_size=(7, 7), spatial_scale=1 / 16)
    batch, left, top, right, bottom = values_of(net, data=(1, 4, 38, 50), rois=(30, 5))["rois"].T
    assert set(batch) == {0.0}
    assert 0 <= left.min() < left.max() < 400 <= right.min() < right.max() < 800
    assert 0 <= top.min() < top.max() < 304 <= bottom.min() < bottom.max() < 608


def test_proposals_are_made_for_the_whole_image(mx):
    """20 x 30 features, one for each 16 pixels."""
    proposal = mx.sym.contrib.Proposal(*map(mx.sym.var, ("score", "box", "image")), feature_stride=16)
    values = values_of(proposal, score=(1, 24, 20, 30), box=(1, 48, 20, 30), image=(1, 3))
    assert values["image"].tolist() == [[320.0, 480.0, 1.0]]


@pytest.mark.parametrize("op", ["exp", "sigmoid", "_npx_sigmoid"])
def test_the_tail_of_an_exponential_is_no_reason_for_distrust(mx, op):
    """exp(-95) = 5.5e-42 is subnormal, and exp(-94) = 1.5e-41; of sigmoids, which need exp(88.5), the first half is."""
    exponent = mx.sym.var("data") - (95 if op == "exp" else 88.5)
    net = mx.sym.npx.sigmoid(exponent.as_np_ndarray()) if op == "_npx_sigmoid" else getattr(mx.sym, op)(exponent)
    side = Side(analysis_of(net, data=(1, 100)))
    assert Pair(side, side).check() > 0
