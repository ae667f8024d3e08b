"""A pair in memory: what is held once, what is copied, and what is refused."""

import math
from contextlib import contextmanager

import numpy as np
import pytest

from pytest_mxperf.errors import ModelError
from pytest_mxperf.latency.schedule import Unit
from pytest_mxperf.mx import memory
from pytest_mxperf.mx import pair as pair_module
from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.arrays import memory_of
from pytest_mxperf.mx.buffers import Buffers
from pytest_mxperf.mx.build import fusing_backend
from pytest_mxperf.mx.executors import bind_executor
from pytest_mxperf.mx.fusion import DENSE
from pytest_mxperf.mx.memory import make_room, needed_bytes, plan_both
from pytest_mxperf.mx.model import open_model
from pytest_mxperf.mx.pair import Pair
from pytest_mxperf.mx.plan import fusing
from pytest_mxperf.mx.side import Side
from pytest_mxperf.spec import ModelSpec, RunAs


@pytest.fixture
def mx():
    import mxnet

    with mxnet.name.NameManager():
        yield mxnet


@pytest.fixture(autouse=True)
def _machine(monkeypatch):
    """One with room; the limit of this process stays as it is."""
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", fusing_backend())
    monkeypatch.setattr(memory, "free_bytes", lambda: 1 << 40)
    monkeypatch.setattr(memory, "limit_to", lambda more_bytes: None)


def side_of(symbol, run_as=None, **inputs):
    return Side(analyse(open_model(ModelSpec.parse(symbol, inputs, name="net"))), run_as=run_as)


def planned(symbol, run_as=None, **inputs):
    side = side_of(symbol, run_as, **inputs)
    side.follow(side.plan())
    return side


def fused_layers(mx):
    """A convolution with a normalization, two alike without, and a dense layer with its activation."""
    net = mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), pad=(1, 1), num_filter=8, no_bias=True, name="one")
    net = mx.sym.Activation(mx.sym.BatchNorm(net, name="norm"), act_type="relu")
    for name in ("two", "three"):
        net = mx.sym.Convolution(net, kernel=(3, 3), pad=(1, 1), num_filter=8, name=name)
    return mx.sym.Activation(mx.sym.FullyConnected(net, num_hidden=5, name="fc"), act_type="relu")


def unrolled(mx, steps=3, units=4):
    """One weight of units x units for all steps, 64 bytes for 4 units."""
    weight, net = mx.sym.var("weight"), mx.sym.var("data")
    for step in range(steps):
        net = mx.sym.FullyConnected(net, weight, num_hidden=units, no_bias=True, name=f"step{step}")
        net = mx.sym.sin(net)
    return net


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_nobody_reads_a_fused_layers_weights_once_it_has_its_copy(mx):
    side = planned(fused_layers(mx), data=(2, 4, 6, 6))
    buffers = Buffers()
    forward = side.bind(buffers).forward
    (before,) = forward()
    assert before.any()
    assert {key[1] for key in buffers.kept} == {"Convolution", "FullyConnected"}
    for array in buffers.kept.values():
        memory_of(array)[:] = math.nan  # unseen by MXNet, which would make the copy anew
    (after,) = forward()
    assert np.array_equal(before, after)


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_overlapping_weights_are_read_as_they_are_given(mx):
    """Against an executor that has the same values in arrays of their own."""
    side = planned(fused_layers(mx), data=(2, 4, 6, 6))
    buffers = Buffers()
    values = {name: array.copy() for name, array in side.values(buffers).items()}
    two, three = (values[f"{name}_weight"].asnumpy() for name in ("two", "three"))
    assert np.array_equal(two[1:], three[:-1])
    assert not np.array_equal(two, three)
    with fusing("NONE"):
        (expected,) = bind_executor(side.analysis.model.symbol, values).forward()
    (ours,) = side.bind(buffers).forward()
    assert np.allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_a_hybridized_block_reorders_its_weights_in_place_so_that_it_has_fresh_ones(mx):
    side, buffers = planned(fused_layers(mx), RunAs("gluon"), data=(2, 4, 6, 6)), Buffers()
    side.bind(buffers).forward()
    assert not buffers.kept
    assert not buffers.renewed().fresh


def test_a_large_table_is_kept_and_a_small_one_fresh(mx, monkeypatch):
    net = mx.sym.Embedding(mx.sym.var("data"), input_dim=100, output_dim=4, name="table")
    for least, is_kept in ((1600, True), (1601, False)):  # 100 x 4 float32
        monkeypatch.setattr("pytest_mxperf.mx.buffers._LARGE_TABLE_BYTES", least)
        buffers = Buffers()
        side_of(net, data=(2, 3)).bind(buffers).forward()
        assert (len(buffers.kept), len(buffers.fresh)) == ((1, 1) if is_kept else (0, 2))


def test_a_table_that_somebody_reads_whole_is_fresh(mx, monkeypatch):
    monkeypatch.setattr("pytest_mxperf.mx.buffers._LARGE_TABLE_BYTES", 1)
    table = mx.sym.var("table")
    rows = mx.sym.Embedding(mx.sym.var("data"), table, input_dim=100, output_dim=4)
    buffers = Buffers()
    side_of(mx.sym.dot(rows, table, transpose_b=True), data=(2, 3)).bind(buffers).forward()
    assert not buffers.kept


def test_both_sides_read_one_array_where_they_compute_alike(mx):
    pair, net = Buffers(), fused_layers(mx)
    one, other = (side_of(net, RunAs("gluon"), data=(2, 4, 6, 6)).values(pair) for _ in range(2))
    assert all(one[name] is other[name] for name in one)


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_what_a_pair_needs_is_estimated_by_hand_count(mx):
    """Input 2 x 8 and weight 4 x 8, once: 64 + 128 bytes. Each side's fused layer has a copy of the weight: 256."""
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, no_bias=True, name="fc")
    assert needed_bytes([planned(net, data=(2, 8)) for _ in range(2)]) == 448
    assert needed_bytes([planned(net, RunAs("gluon"), data=(2, 8)) for _ in range(2)]) == 192


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_each_reader_of_one_weight_counts(mx):
    """Input 1 x 4 and weight 4 x 4, once: 16 + 64 bytes; three copies of the weight on either side: 384."""
    sides = [planned(unrolled(mx), data=(1, 4)) for _ in range(2)]
    assert needed_bytes(sides) == 464
    assert sides[0].plan().repeated_bytes == 128


@pytest.mark.parametrize("eltwise", [False, True])
@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_many_copies_of_one_weight_are_not_made(mx, monkeypatch, eltwise):
    monkeypatch.setattr(memory, "_MANY_REPEATED_BYTES", 128)
    net = unrolled(mx)
    if eltwise:
        weight = net.get_internals()["weight"]
        net = mx.sym.FullyConnected(net, weight, num_hidden=4, no_bias=True, name="last")
        net = mx.sym.Activation(net, act_type="tanh")
    sides = [side_of(net, data=(1, 4)) for _ in range(2)]
    assert any(node.op == DENSE for node in sides[0].plan().graph.nodes)
    (note,) = plan_both(sides)
    assert note.startswith("dense layers that read weight are timed without fusion: each would keep its own copy")
    assert not any(node.op == DENSE for node in sides[0].plan().graph.nodes)
    assert needed_bytes(sides) == 80
    buffers = Buffers()
    (expected,) = bind_executor(net, sides[0].values(buffers)).forward()
    (ours,) = sides[0].bind(buffers).forward()
    assert np.allclose(ours, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_they_are_made_where_they_are_few(mx, monkeypatch):
    """Three readers of 64 bytes repeat 128."""
    monkeypatch.setattr(memory, "_MANY_REPEATED_BYTES", 129)
    sides = [side_of(unrolled(mx), data=(1, 4)) for _ in range(2)]
    assert plan_both(sides) == ()
    assert any(node.op == DENSE for node in sides[0].plan().graph.nodes)


def test_both_sides_are_run_alike_if_one_of_them_has_many_copies(mx, monkeypatch):
    monkeypatch.setattr(memory, "_MANY_REPEATED_BYTES", 128)
    sides = [side_of(unrolled(mx, steps), data=(1, 4)) for steps in (2, 3)]
    plan_both(sides)
    assert not any(node.op == DENSE for side in sides for node in side.plan().graph.nodes)


@pytest.mark.parametrize("is_fused", [False, True])
@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_a_large_dense_layer_is_not_copied(mx, monkeypatch, is_fused):
    """4 x 8 numbers are 128 bytes, the input has 64."""
    monkeypatch.setattr(memory, "_LARGEST_BYTES", 128)
    monkeypatch.setattr(memory, "_LARGE_BYTES", 128)
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, no_bias=True, name="fc")
    if is_fused:
        net = mx.sym.Activation(net, act_type="relu")
    sides = [side_of(net, data=(2, 8)) for _ in range(2)]
    assert needed_bytes(sides) == 448
    assert plan_both(sides) == ("fc_weight is timed without the copy that MXNet keeps of a dense layer's weight",)
    assert needed_bytes(sides) == 192


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_a_smaller_one_is(mx, monkeypatch):
    monkeypatch.setattr(memory, "_LARGEST_BYTES", 129)
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, no_bias=True, name="fc")
    sides = [side_of(net, data=(2, 8)) for _ in range(2)]
    assert plan_both(sides) == ()
    assert needed_bytes(sides) == 448


@pytest.mark.parametrize(("needed", "entered"), [(99, 0), (100, 2)])
def test_large_pairs_are_bound_sparingly(mx, monkeypatch, needed, entered):
    """Once to be checked, and once to be measured."""
    calls = []

    @contextmanager
    def apart():
        calls.append("apart")
        yield lambda: calls.append("gave back")

    monkeypatch.setattr(pair_module, "large_blocks_apart", apart)
    monkeypatch.setattr(pair_module, "make_room", lambda sides: needed)
    monkeypatch.setattr(pair_module, "_LARGE_BYTES", 100)
    pair = Pair(*(side_of(unrolled(mx), data=(1, 4)) for _ in range(2)))
    pair.check()
    pair.measure(Unit(True, seed=1), 0.001)
    assert calls.count("apart") == entered
    assert calls.count("gave back") == (3 if entered else 0)


def test_a_pair_that_does_not_fit_is_refused_before_it_is_made(mx, monkeypatch):
    """2^20 x 2^20 float32 numbers are 4,096 GiB."""
    monkeypatch.setattr(memory, "free_bytes", lambda: 3 << 30)
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2**20, no_bias=True, name="fc")
    side = side_of(net, data=(1, 2**20))
    with pytest.raises(ModelError) as error:
        Pair(side, side).check()
    said = "net: timing it needs about 4096.0 GiB, this machine has 3.0 GiB free; "
    assert str(error.value) == said + "give a smaller batch in inputs, or end other processes"


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_a_pair_whose_copies_do_not_fit_is_refused_too(mx, monkeypatch):
    """192 bytes without copies, 448 with them."""
    monkeypatch.setattr(memory, "free_bytes", lambda: 447)
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, no_bias=True, name="fc")
    sides = [side_of(net, data=(2, 8)) for _ in range(2)]
    monkeypatch.setattr(memory, "least_bytes", lambda sides: 192)
    with pytest.raises(ModelError, match="timing it needs about 0 MiB, this machine has 0 MiB free"):
        make_room(sides)
    monkeypatch.setattr(memory, "free_bytes", lambda: 448)
    make_room(sides)


def test_the_second_forward_is_what_is_told(mx, monkeypatch):
    """By a clock that stands still but for the first and the second call of each side."""
    now = [0.0]
    calls = []

    def forward(name):
        def run():
            calls.append(name)
            now[0] += 100.0 if calls.count(name) == 1 else 0.25
            return [np.ones(1, "float32")]

        return run

    pair = Pair(*(side_of(unrolled(mx), data=(1, 4)) for _ in range(2)))
    monkeypatch.setattr(pair, "_bind", lambda reference_first: (forward("reference"), forward("candidate")))
    monkeypatch.setattr("time.process_time", lambda: now[0])
    assert pair.check() == 0.5
    assert calls == ["reference", "candidate"] * 2


@pytest.mark.parametrize("run_as", [RunAs(), RunAs("gluon", static_alloc=True, static_shape=True)], ids=str)
def test_a_unit_gives_two_times_of_each_side_a_round(mx, run_as):
    pair = Pair(*(side_of(fused_layers(mx), run_as, data=(2, 4, 6, 6)) for _ in range(2)))
    pair.check()
    rounds = pair.measure(Unit(True, seed=1), 0.001)
    assert len(rounds.reference) == len(rounds.candidate) >= 1
