"""What is said where inputs are missing: all of them at once, and what is known of each."""

import pytest

from pytest_mxperf import MxperfError, count


@pytest.fixture
def mx():
    import mxnet

    return mxnet


@pytest.fixture
def sym(mx):
    return mx.sym


def test_all_missing_inputs_are_told_at_once_with_the_shapes_that_inference_knows(sym):
    """The mask has as many columns as the other's 8 features; the tokens nothing tells anything of."""
    first = sym.FullyConnected(sym.var("data"), num_hidden=8, name="fc")
    rows = sym.Embedding(sym.var("tokens"), input_dim=9, output_dim=4, name="rows")
    image = sym.Convolution(sym.var("image"), sym.var("kernels", shape=(6, 5, 3, 3)), kernel=(3, 3), num_filter=6)
    outputs = sym.Group([first, rows, image])
    with pytest.raises(MxperfError) as caught:
        count(outputs, {"data": (2, 3)})
    assert str(caught.value).endswith(
        ": the shapes of 'tokens', 'image' (?, 5, ?, ?) cannot be inferred; give their shapes in inputs, "
        "or in shapes if one is a parameter"
    )


@pytest.mark.parametrize("first", ["relu", "BatchNorm_v1", "make_loss"])
def test_an_images_channels_are_known_behind_what_keeps_them(sym, first):
    image = getattr(sym, first)(sym.var("image"), name="first")
    net = sym.Convolution(image, sym.var("kernels", shape=(6, 5, 3, 3)), kernel=(3, 3), num_filter=6)
    with pytest.raises(MxperfError, match=r"the shape of variable 'image' \(\?, 5, \?, \?\) cannot be inferred"):
        count(sym.Group([net, sym.var("data")]), {"data": (1,)})


def test_partly_known_shapes_are_those_of_mxnet(sym):
    whole = sym.Concat(sym.var("data"), sym.var("other"), dim=1)
    known = sym.Group([whole, sym.FullyConnected(whole, num_hidden=2, name="fc")])
    with pytest.raises(MxperfError, match=r"the shape of variable 'other' \(4, \?, 5\) cannot be inferred"):
        count(known, {"data": (4, 3, 5)})


@pytest.mark.parametrize("index", ["pick", "one_hot", "take"])
def test_a_label_that_is_an_index_is_inferred_as_mxnet_does(sym, index):
    """4 x 3 x 2 MACs. Of one_hot and take MXNet does not know the shape either: a label that must be given."""
    scores, label = sym.FullyConnected(sym.var("data"), num_hidden=2, name="fc"), sym.var("label")
    if index == "pick":
        assert count(sym.pick(scores, label), {"data": (4, 3)}).macs == 24
        return
    chosen = sym.take(scores, label) if index == "take" else sym.sum(scores * sym.one_hot(label, depth=2))
    with pytest.raises(
        MxperfError, match=r"the shape of variable 'label' cannot be inferred; give its shape in inputs"
    ):
        count(chosen, {"data": (4, 3)})
    assert count(chosen, {"data": (4, 3), "label": (4,)}).macs == 24


def test_a_batch_that_the_graph_holds_is_told(sym):
    fixed = sym.FullyConnected(sym.Reshape(sym.var("data"), shape=(96, -1), name="rows"), num_hidden=2, name="fc")
    assert count(fixed, {"data": (96, 10)}).macs == 96 * 10 * 2
    expected = (
        r"the shape of Reshape 'rows' cannot be inferred; it makes shape=\(96, ?-1\) of \(1, 10\): does the graph"
    )
    with pytest.raises(MxperfError, match=expected):
        count(fixed, {"data": (1, 10)})


def test_a_batch_that_the_graph_holds_in_full_is_told(sym):
    fixed = sym.Reshape(sym.var("data"), shape=(96, 10), name="rows")
    with pytest.raises(MxperfError, match=r"does the graph hold a batch size other than that of the inputs\?"):
        count(fixed, {"data": (1, 10)})


def _fixed_nets(mx):
    """By name: a graph that holds a batch of 96, the shape of its data, and the operator that holds the batch."""
    sym = mx.sym
    data, image = sym.var("data"), (3, 8, 8)
    rows = sym.Reshape(data, shape=(96, -1), name="rows")
    pooled = sym.Reshape(
        sym.Pooling(data, kernel=(8, 8), global_pool=True, pool_type="avg"), shape=(96, -1), name="rows"
    )
    first = sym.slice_axis(data, axis=1, begin=0, end=1)
    steps, _ = mx.rnn.LSTMCell(5, prefix="lstm_").unroll(4, data, merge_outputs=True)
    zeros = [sym.zeros((96, 5), name="state"), sym.zeros((96, 5), name="memory")]
    begun, _ = mx.rnn.LSTMCell(5, prefix="lstm_").unroll(4, data, begin_state=zeros, merge_outputs=True)
    return {
        "rows": (sym.FullyConnected(rows, num_hidden=2, name="q"), image, "Reshape 'rows' has shape=(96, -1)"),
        "pooled": (sym.FullyConnected(pooled, num_hidden=2, name="q"), image, "Reshape 'rows' has shape=(96, -1)"),
        "steps": (
            sym.FullyConnected(sym.Reshape(steps, shape=(96, -1), name="rows"), num_hidden=2, name="q"),
            (4, 6),
            "Reshape 'rows' has shape=(96, -1)",
        ),
        "begun": (begun, (4, 6), "_zeros 'state' has shape=(96, 5)"),
        "broadcast": (
            data + sym.broadcast_to(first, shape=(96, *image), name="wide"),
            image,
            "broadcast_to 'wide' has shape=(96, 3, 8, 8)",
        ),
        "joined": (
            sym.Concat(sym.zeros((96, 4), name="zeros"), sym.flatten(data), dim=1),
            image,
            "_zeros 'zeros' has shape=(96, 4)",
        ),
    }


def _saved(mx, path, net, **shapes):
    found, _, _ = net.infer_shape(**shapes)
    weights = {name: mx.nd.zeros(shape) for name, shape in zip(net.list_arguments(), found) if name not in shapes}
    mx.model.save_checkpoint(str(path / "net"), 0, net, weights, {})
    return str(path / "net")


@pytest.mark.parametrize("name", ["rows", "pooled", "steps", "begun", "broadcast", "joined"])
def test_the_operator_that_holds_another_batch_is_named(mx, tmp_path, name):
    net, shape, holder = _fixed_nets(mx)[name]
    prefix = _saved(mx, tmp_path, net, data=(96, *shape))
    for batch in (1, 2):
        with pytest.raises(MxperfError) as caught:
            count(prefix, {"data": (batch, *shape)})
        assert str(caught.value).endswith(
            f"; {holder}: does the graph hold a batch size other than that of the inputs?"
        )


def test_no_batch_is_blamed_for_what_another_batch_does_not_mend(mx, tmp_path):
    """9 columns where the weights need 8; and a sum of two dtypes, whose shapes fit."""
    rows = mx.sym.Reshape(mx.sym.var("data"), shape=(96, -1), name="rows")
    saved = _saved(mx, tmp_path, mx.sym.FullyConnected(rows, num_hidden=2, name="q"), data=(96, 8))
    mixed = mx.sym.broadcast_add(rows, mx.sym.zeros((1, 8), dtype="int32"))
    for net, shape in ((saved, (96, 9)), (saved, (1, 9)), (mixed, (1, 768))):
        with pytest.raises(MxperfError) as caught:
            count(net, {"data": shape})
        assert "hold a batch size" not in str(caught.value)


def test_an_output_that_depends_on_data_is_told(sym):
    chosen = sym.contrib.boolean_mask(sym.var("data"), sym.var("mask"), name="chosen")
    expected = r"_contrib_boolean_mask 'chosen' cannot be inferred; its number of output rows depends on the data$"
    with pytest.raises(MxperfError, match=expected):
        count(sym.FullyConnected(chosen, num_hidden=2, name="fc"), {"data": (4, 3), "mask": (4,)})


def test_the_graph_can_end_before_an_output_that_depends_on_data(sym):
    """The advice works when it is given: 4 x 3 x 5 MACs up to the layer that is read."""
    rows = sym.FullyConnected(sym.var("data"), num_hidden=5, name="fc")
    chosen = sym.contrib.boolean_mask(rows, sym.var("mask"), name="chosen")
    net = sym.FullyConnected(chosen, num_hidden=2, name="last")
    with pytest.raises(MxperfError, match=r"; to end the graph before it, give output='fc'$"):
        count(net, {"data": (4, 3), "mask": (4,)})
    assert count(net, {"data": (4, 3)}, output="fc").macs == 60
