"""Fused recurrent layers: what is counted, and that the counted program computes what MXNet computes.

In the derivations T is the length, N the batch, I the features, H the state size, P the projection. A cell is one
direction of one layer; per step, sample and unit it executes

             gates   bias    activation               elementwise
  vanilla    1       2       1                        1: the sum of the two products
  lstm       4       8       4 gates, tanh(c) = 5     4 sums; f * c, i * g, their sum; o * tanh(c) = 8
  gru        3       6       3                        2 sums; r * h', its sum; 1 - z, two products, their sum = 8

and its weights once per step and sample: gates * H * (inputs + recurrent), and P * H for a projection.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest

from pytest_mxperf import count
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.mx.runtime import mx


def cost(mode, data=(3, 2, 4), state_size=5, num_layers=1, **attrs):
    symbol = mx.sym.RNN(mx.sym.var("data"), mode=mode, state_size=state_size, num_layers=num_layers, **attrs)
    return count(symbol, {"data": data}).cost


def total(macs, bias, activation, elementwise):
    return OpCost(macs=macs, bias=bias, activation=activation, elementwise=elementwise)


# T=3 N=2 I=4 H=5: 6 steps of samples, 6 * 5 = 30 units per cell.
@pytest.mark.parametrize(
    ("mode", "attrs", "expected"),
    [
        # 5 * (4 + 5) = 45 weights * 6; 30 units * (2, 1, 1).
        pytest.param("rnn_relu", {}, total(270, 60, 30, 30), id="relu"),
        pytest.param("rnn_tanh", {}, total(270, 60, 30, 30), id="tanh"),
        # 4 gates: 4 * 45 * 6 = 1080; 30 units * (8, 5, 8).
        pytest.param("lstm", {}, total(1080, 240, 150, 240), id="lstm"),
        # 3 gates: 3 * 45 * 6 = 810; 30 units * (6, 3, 8).
        pytest.param("gru", {}, total(810, 180, 90, 240), id="gru"),
        # One step of one sample: 4 * 45 = 180 weights, 5 units.
        pytest.param("lstm", {"data": (1, 1, 4)}, total(180, 40, 25, 40), id="one step"),
        # Everything of size 1: 4 * (1 + 1) = 8 weights, 1 unit.
        pytest.param("lstm", {"data": (1, 1, 1), "state_size": 1}, total(8, 8, 5, 8), id="smallest"),
        # The second layer reads 5 numbers: 4 * 5 * (4 + 5) + 4 * 5 * (5 + 5) = 380 weights * 6; 60 units.
        pytest.param("lstm", {"num_layers": 2}, total(2280, 480, 300, 480), id="2 layers"),
        # The third too: 3 * 5 * (9 + 10 + 10) = 435 * 6; 90 units.
        pytest.param("gru", {"num_layers": 3}, total(2610, 540, 270, 720), id="3 layers"),
        # Two cells on the same input: twice "gru".
        pytest.param("gru", {"bidirectional": True}, total(1620, 360, 180, 480), id="bidirectional"),
        # The second layer's two cells read both directions, 10 numbers: 2 * 4 * 5 * (9 + 15) = 960 * 6; 4 * 30 units.
        pytest.param(
            "lstm", {"num_layers": 2, "bidirectional": True}, total(5760, 960, 600, 960), id="bidirectional, 2 layers"
        ),
        # 2 * 5 * (9 + 15) = 240 * 6; 120 units.
        pytest.param(
            "rnn_tanh", {"num_layers": 2, "bidirectional": True}, total(1440, 240, 120, 120), id="bidirectional, tanh"
        ),
        # P=2: gates 4 * 5 * (4 + 2) = 120 and the projection 2 * 5 = 10: 130 * 6. The units are the cell's 5.
        pytest.param("lstm", {"projection_size": 2}, total(780, 240, 150, 240), id="projection"),
        # As wide as the state it multiplies all the same: "lstm", and 5 * 5 * 6 = 150 more.
        pytest.param("lstm", {"projection_size": 5}, total(1230, 240, 150, 240), id="projection of the same width"),
        # Layer 1: 2 * (120 + 10) = 260. Layer 2 reads 2 * P = 4 numbers, as many as layer 1: 260. 520 * 6; 120 units.
        pytest.param(
            "lstm",
            {"projection_size": 2, "num_layers": 2, "bidirectional": True},
            total(3120, 960, 600, 960),
            id="projection, bidirectional, 2 layers",
        ),
        # Neither returning the states nor dropout between layers costs anything: "2 layers".
        pytest.param(
            "lstm", {"num_layers": 2, "state_outputs": True, "p": 0.5}, total(2280, 480, 300, 480), id="states, dropout"
        ),
        # All samples are as long as the longest: "gru" and "lstm".
        pytest.param("gru", {"use_sequence_length": True}, total(810, 180, 90, 240), id="lengths, gru"),
        pytest.param("lstm", {"use_sequence_length": True}, total(1080, 240, 150, 240), id="lengths, lstm"),
        # One FLOP per unit more than "lstm": 150 + 30.
        pytest.param(
            "lstm", {"lstm_state_clip_min": -1, "lstm_state_clip_max": 1}, total(1080, 240, 180, 240), id="clipped"
        ),
    ],
)
def test_cost(mode, attrs, expected):
    assert cost(mode, **attrs) == expected


def test_gluon_layers_are_this_operator():
    """``gluon.rnn.LSTM`` of "2 layers": 380 weights * 6, 60 units; packing its parameters is free."""
    net = mx.gluon.rnn.LSTM(5, num_layers=2, input_size=4)
    assert count(net, {"data": (3, 2, 4)}).cost == total(2280, 480, 300, 480)


def test_quantized_lstm_counts_as_the_float_one():
    symbol = mx.sym.contrib.quantized_rnn(mx.sym.var("data"), mode="lstm", state_size=5, num_layers=1)
    assert count(symbol, {"data": ((3, 2, 4), "uint8")}).cost == total(1080, 240, 150, 240)


def test_fused_and_unrolled_gru_agree():
    """The cells of Gluon spell the same equations out: 810 MACs, 180 biases, 90 + 240 others in whatever category."""
    cell = mx.gluon.rnn.GRUCell(5, input_size=4)
    outputs, _ = cell.unroll(3, mx.sym.var("data"), [mx.sym.var("state")], layout="TNC", merge_outputs=True)
    unrolled = count(outputs, {"data": (3, 2, 4), "state": (2, 5)}).cost
    fused = cost("gru")
    assert (unrolled.macs, unrolled.bias, unrolled.flops) == (fused.macs, fused.bias, fused.flops)


PROGRAM = runpy.run_path(str(Path(__file__).resolve().parents[2] / "unit" / "cost" / "test_recurrent_bruteforce.py"))


# MXNet 1.6 counts it, and runs it on a GPU alone.
PROJECTS = pytest.mark.needs_operator(
    "RNN(projection_size) on a CPU",
    tried=lambda mx: mx.nd.RNN(
        *map(mx.nd.ones, [(1, 1, 1), (34,), (1, 1, 1), (1, 1, 2)]),
        mode="lstm",
        state_size=2,
        num_layers=1,
        projection_size=1,
        state_outputs=True,
    )[0].wait_to_read(),
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("mode", "layers", "directions", "projection"),
    [
        ("rnn_relu", 1, 1, 0),
        ("rnn_tanh", 2, 2, 0),
        ("lstm", 1, 1, 0),
        ("lstm", 2, 2, 0),
        pytest.param("lstm", 2, 2, 2, marks=PROJECTS),
        ("gru", 1, 1, 0),
        ("gru", 2, 2, 0),
    ],
)
def test_the_counted_program_computes_what_mxnet_computes(mode, layers, directions, projection, dtype):
    """float32 runs in oneDNN unless projected, float64 in MXNet's own code (whose ReLU rounds to float32)."""
    length, batch, features, hidden = 3, 2, 4, 3
    attrs = {"mode": mode, "num_layers": layers, "state_size": hidden, "bidirectional": directions == 2}
    attrs.update(projection_size=projection or None, state_outputs=True)
    symbol = mx.sym.RNN(mx.sym.var("data"), name="rnn", **attrs)
    shapes, _, _ = symbol.infer_shape(data=(length, batch, features))
    random = np.random.RandomState(0)
    values = [random.uniform(-1, 1, shape) for shape in shapes]
    results = mx.nd.RNN(*(mx.nd.array(value, dtype=dtype) for value in values), **attrs)

    lists = [value.tolist() for value in values]
    data, parameters, states = lists[:3]
    machine = PROGRAM["Machine"]()
    memory = lists[3] if mode == "lstm" else np.zeros((layers * directions, batch, hidden)).tolist()
    program = PROGRAM["forward"](machine, mode, data, parameters, states, memory, directions, projection)

    assert len(results) == (3 if mode == "lstm" else 2)
    for result, expected in zip(results, program):
        np.testing.assert_allclose(result.asnumpy(), expected, rtol=0, atol=1e-6)
    assert count(symbol, {"data": (length, batch, features)}).cost == OpCost(**machine.counts)
