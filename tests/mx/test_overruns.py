"""Lengths of rows and sequences, which MXNet does not check: it writes to where they end."""

import re

import pytest

from pytest_mxperf.errors import MxperfError
from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.model import open_model
from pytest_mxperf.mx.overruns import unfit_parameters
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.mx.sync import forwards_of, synchronized
from pytest_mxperf.spec import ModelSpec


def _module(symbol, **shapes):
    module = mx.mod.Module(symbol, data_names=list(shapes), label_names=None)
    module.bind(list(shapes.items()), for_training=False)
    module.init_params()
    return module


def _attention(layers=2):
    """Each row of 6 scores attends to as many as its batch says."""
    data, length = mx.sym.var("data"), mx.sym.var("length")
    for index in range(layers):
        scores = mx.sym.FullyConnected(data, num_hidden=6, flatten=False, no_bias=True, name=f"scores{index}")
        ends = mx.sym.broadcast_axis(mx.sym.expand_dims(length, axis=1), axis=1, size=6)
        ends = mx.sym.Cast(ends, dtype="int32")
        data = mx.sym.batch_dot(mx.sym.softmax(scores, ends, use_length=True, name=f"att{index}"), data)
    return _module(data, data=(2, 6, 3), length=(2,))


def _sequence(op, **attrs):
    symbol = getattr(mx.sym, op)(mx.sym.var("data"), mx.sym.var("length"), use_sequence_length=True, name="it", **attrs)
    return _module(symbol, data=(5, 5, 3), length=(5,))


def _run(module, *lengths):
    batch = [mx.nd.ones(module.data_shapes[0].shape), mx.nd.array(lengths)]
    forward = forwards_of(module, batch)
    synchronized(forward)()


@pytest.mark.parametrize("lengths", [(6, 6), (0, 3)], ids=str)
def test_lengths_up_to_the_size_of_a_row_run(lengths):
    _run(_attention(), *lengths)


def test_mxnet_rounds_lengths_towards_0():
    _run(_sequence("SequenceReverse"), 5.9, -0.9, 0, 3, 5)


@pytest.mark.parametrize(("lengths", "wrong"), [((6, 7), "7"), ((1000000, 6), "1,000,000"), ((6, -1), "-1")])
def test_a_length_beyond_the_row_is_one_clear_error(lengths, wrong):
    message = f"mxperf_benchmark: with this batch softmax 'att0' gets a length of {wrong} for rows of 6, so MXNet"
    with pytest.raises(MxperfError, match=re.escape(message)):
        _run(_attention(), *lengths)


@pytest.mark.parametrize(
    ("op", "attrs", "wrong"),
    [
        ("SequenceReverse", {}, 6),
        ("SequenceReverse", {}, -1),
        ("SequenceLast", {"axis": 0}, 6),
        ("SequenceLast", {"axis": 1}, -1),
        ("SequenceMask", {"axis": 0}, -1),
        ("SequenceMask", {"axis": 1}, float("nan")),
    ],
    ids=str,
)
def test_so_is_that_of_a_sequence(op, attrs, wrong):
    module = _sequence(op, **attrs)
    _run(module, 5, 5, 5, 5, 5)
    with pytest.raises(MxperfError, match=f"{op} 'it' gets a length of {wrong} for rows of 5"):
        _run(module, 5, 5, wrong, 5, 5)


def test_a_mask_may_be_longer_than_its_sequence():
    _run(_sequence("SequenceMask"), 5, 9, 5, 5, 5)


def test_lengths_that_follow_from_rows_are_computed_after_these_are_checked():
    """10 times a sum of 1 is beyond the second row of 6. The first lengths are checked before that sum is computed."""
    data, length = mx.sym.var("data"), mx.sym.Cast(mx.sym.var("length"), dtype="int32")
    first = mx.sym.softmax(data, length, use_length=True, name="first")
    ends = mx.sym.Cast(mx.sym.round(mx.sym.sum(first, axis=1) * 10), dtype="int32")
    module = _module(mx.sym.softmax(data, ends, use_length=True, name="second"), data=(2, 6), length=(2,))
    with pytest.raises(MxperfError, match="softmax 'second' gets a length of 10 for rows of 6"):
        _run(module, 6, 6)
    with pytest.raises(MxperfError, match="softmax 'first' gets a length of 7,000,000 for rows of 6"):
        _run(module, 7000000, 6)


def test_layers_may_share_their_lengths():
    """As in an encoder: the input itself is the length of each layer's rows."""
    data, length = mx.sym.var("data"), mx.sym.var("length", dtype="int32")
    for index in range(3):
        data = mx.sym.softmax(data, length, use_length=True, name=f"att{index}")
    module = mx.mod.Module(data, data_names=["data", "length"], label_names=None)
    module.bind([("data", (2, 6)), mx.io.DataDesc("length", (2,), "int32")], for_training=False)
    module.init_params()
    _run(module, 6, 2)
    with pytest.raises(MxperfError, match="softmax 'att0' gets a length of 7 for rows of 6"):
        _run(module, 6, 7)


def test_arrays_are_in_the_order_of_the_binding():
    """Which MXNet lets differ from that of the names."""
    ends = mx.sym.Cast(mx.sym.var("length"), dtype="int32")
    symbol = mx.sym.softmax(mx.sym.var("data"), ends, use_length=True, name="it")
    module = mx.mod.Module(symbol, data_names=["data", "length"], label_names=None)
    module.bind([("length", (2,)), ("data", (2, 6))], for_training=False)
    module.init_params()
    synchronized(forwards_of(module, [mx.nd.array([6, 5]), mx.nd.ones((2, 6)) * 100]))()
    with pytest.raises(MxperfError, match="softmax 'it' gets a length of 7 for rows of 6"):
        forwards_of(module, [mx.nd.array([6, 7]), mx.nd.ones((2, 6))])


def test_a_list_of_batches_is_looked_at_too():
    batches = [mx.io.DataBatch([mx.nd.ones((2, 6, 3)), mx.nd.array([6, length])]) for length in (6, 7)]
    with pytest.raises(MxperfError, match="softmax 'att0' gets a length of 7 for rows of 6"):
        forwards_of(_attention(), batches)


def test_so_is_the_bucket_that_a_module_was_bound_with():
    def bucket(key):
        ends = mx.sym.Cast(mx.sym.var("length"), dtype="int32")
        return mx.sym.softmax(mx.sym.var("data"), ends, use_length=True, name="it"), ("data", "length"), None

    module = mx.mod.BucketingModule(bucket, default_bucket_key=6)
    module.bind([("data", (2, 6)), ("length", (2,))], for_training=False)
    module.init_params()
    _run(module, 6, 2)
    with pytest.raises(MxperfError, match="softmax 'it' gets a length of 7 for rows of 6"):
        _run(module, 6, 7)


@pytest.mark.parametrize("length", [2**31, float("inf")])
def test_a_mask_has_no_length_that_32_bits_cannot_hold(length):
    with pytest.raises(MxperfError, match="SequenceMask 'it' gets a length of"):
        _run(_sequence("SequenceMask"), 5, length, 5, 5, 5)


@pytest.mark.parametrize("wrong", [-1, 2])
def test_an_index_of_scatter_nd_is_in_the_array(wrong):
    symbol = mx.sym.scatter_nd(mx.sym.var("data"), mx.sym.var("length"), shape=(2, 8), name="it")
    module = _module(symbol, data=(2,), length=(2, 2))
    synchronized(forwards_of(module, [mx.nd.ones(2), mx.nd.array([[0, 1], [7, 0]])]))()
    with pytest.raises(MxperfError, match=f"scatter_nd 'it' gets an index of {wrong} for a size of 2"):
        forwards_of(module, [mx.nd.ones(2), mx.nd.array([[0, wrong], [7, 0]])])


def _unfit(symbol, data, **shapes):
    return unfit_parameters(analyse(open_model(ModelSpec.parse(symbol, {"data": data}, shapes=shapes))))


@pytest.mark.parametrize(
    ("op", "attrs", "needed"),
    [
        ("BatchNorm", {"fix_gamma": False}, 4),
        ("BatchNorm", {"axis": -1}, 8),
        ("BatchNorm_v1", {"fix_gamma": False}, 4),
        ("InstanceNorm", {}, 4),
        ("GroupNorm", {"num_groups": 2}, 2),
    ],
    ids=str,
)
def test_a_parameter_that_is_computed_has_the_size_that_its_norm_needs(op, attrs, needed):
    gamma = mx.sym.tile(mx.sym.var("w"), reps=(2,))
    symbol = getattr(mx.sym, op)(mx.sym.var("data"), gamma=gamma, name="it", **attrs)
    assert _unfit(symbol, (1, 4, 6, 8), w=(needed // 2,)) == ()
    found = _unfit(symbol, (1, 4, 6, 8), w=(5,))
    assert found == (f"{op} 'it', which gets 10 numbers and needs {needed}",)


def test_its_shape_does_not_matter():
    """A conditional normalization, for a batch of 1."""
    gamma = mx.sym.FullyConnected(mx.sym.var("style"), num_hidden=4, name="fc") + 1
    symbol = mx.sym.InstanceNorm(mx.sym.var("data"), gamma=gamma, name="it")
    spec = ModelSpec.parse(symbol, {"data": (1, 4, 8, 8), "style": (1, 5)})
    assert unfit_parameters(analyse(open_model(spec))) == ()


def test_norms_of_different_sizes_cannot_share_a_parameter():
    gamma = mx.sym.var("gamma")
    wide = mx.sym.BatchNorm(mx.sym.var("data"), gamma=gamma, fix_gamma=False, name="wide")
    narrow = mx.sym.slice_axis(wide, axis=1, begin=0, end=2)
    symbol = mx.sym.BatchNorm(narrow, gamma=gamma, fix_gamma=False, name="narrow")
    (found,) = _unfit(symbol, (1, 4, 8, 8))
    assert found in (
        "BatchNorm 'wide', which gets 2 numbers and needs 4",
        "BatchNorm 'narrow', which gets 4 numbers and needs 2",
    )


def test_those_of_an_example_are_checked_too():
    with pytest.raises(MxperfError, match="softmax 'att0' gets a length of 9 for rows of 6"):
        forwards_of(_attention(), None, example={"length": mx.nd.array([9, 9])})
