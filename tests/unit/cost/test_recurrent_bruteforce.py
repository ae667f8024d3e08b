"""The rule of RNN against a program that computes the layers one scalar operation at a time and counts each.

That the program computes what MXNet does is checked where MXNet is: ``tests/mx/truth/test_recurrent.py``.
"""

import math
from collections import Counter
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pytest_mxperf.cost.formulas  # noqa: F401  registers every rule
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.errors import GraphError

GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


class Machine:
    """Computes, and counts under the category that the operation belongs to."""

    def __init__(self):
        self.counts = Counter()

    def dot(self, row, column):
        self.counts["macs"] += len(row)
        return sum(weight * value for weight, value in zip(row, column))

    def bias(self, value, bias):
        self.counts["bias"] += 1
        return value + bias

    def add(self, left, right):
        self.counts["elementwise"] += 1
        return left + right

    def subtract(self, left, right):
        self.counts["elementwise"] += 1
        return left - right

    def multiply(self, left, right):
        self.counts["elementwise"] += 1
        return left * right

    def sigmoid(self, value):
        self.counts["activation"] += 1
        return 1 / (1 + math.exp(-value))

    def tanh(self, value):
        self.counts["activation"] += 1
        return math.tanh(value)

    def relu(self, value):
        self.counts["activation"] += 1
        return max(value, 0.0)


def unpack(parameters, mode, widths, directions, hidden, projection):
    """The matrices and biases of each layer and direction; MXNet packs all matrices first, then all biases."""
    numbers = iter(parameters)
    rows, recurrent = GATES[mode] * hidden, projection or hidden

    def matrix(height, width):
        return [[next(numbers) for _ in range(width)] for _ in range(height)]

    cells = [
        [matrix(rows, width), matrix(rows, recurrent), matrix(projection, hidden)]
        for width in widths
        for _ in range(directions)
    ]
    for cell in cells:
        cell += [matrix(1, rows)[0], matrix(1, rows)[0]]
    assert next(numbers, None) is None
    return cells


def forward(machine, mode, data, parameters, states, cell_states, directions=1, projection=0):
    """(output, final states, final cell states): nested lists, step by sample by unit, cell by sample by unit."""
    hidden, layers = len(cell_states[0][0]), len(states) // directions
    widths = [len(data[0][0])] + [directions * (projection or hidden)] * (layers - 1)
    cells = unpack(parameters, mode, widths, directions, hidden, projection)
    finals, cell_finals = [], []
    for layer in range(layers):
        sequences = []
        for direction in range(directions):
            index = layer * directions + direction
            steps = data if direction == 0 else data[::-1]
            state, memory, outputs = states[index], cell_states[index], []
            for inputs in steps:
                both = [step(machine, mode, cells[index], *old) for old in zip(inputs, state, memory)]
                state, memory = [new for new, _ in both], [new for _, new in both]
                outputs.append(state)
            sequences.append(outputs if direction == 0 else outputs[::-1])
            finals.append(state)
            cell_finals.append(memory)
        data = [
            [list(chain.from_iterable(halves)) for halves in zip(*step_outputs)] for step_outputs in zip(*sequences)
        ]
    return data, finals, cell_finals


def step(machine, mode, cell, inputs, state, memory):
    """One step of one sample: the new state and cell state."""
    from_input, from_state, projection, input_bias, state_bias = cell
    read = [machine.bias(machine.dot(row, inputs), bias) for row, bias in zip(from_input, input_bias)]
    recall = [machine.bias(machine.dot(row, state), bias) for row, bias in zip(from_state, state_bias)]
    hidden, unit = len(memory), {"lstm": lstm_unit, "gru": gru_unit}.get(mode, vanilla_unit)
    # Gate by gate, in both vectors; a GRU's unit also mixes in its own old state.
    own = memory if mode == "lstm" else state
    both = [unit(machine, mode, read[k::hidden], recall[k::hidden], own[k]) for k in range(hidden)]
    new_state, new_memory = [new for new, _ in both], [new for _, new in both]
    if projection:
        new_state = [machine.dot(row, new_state) for row in projection]
    return new_state, new_memory


def vanilla_unit(m, mode, read, recall, own):
    total = m.add(read[0], recall[0])
    return m.relu(total) if mode == "rnn_relu" else m.tanh(total), own


def lstm_unit(m, mode, read, recall, memory):
    let_in, forget, new, let_out = (m.add(*pair) for pair in zip(read, recall))
    kept = m.multiply(memory, m.sigmoid(forget))
    memory = m.add(kept, m.multiply(m.sigmoid(let_in), m.tanh(new)))
    return m.multiply(m.sigmoid(let_out), m.tanh(memory)), memory


def gru_unit(m, mode, read, recall, own):
    reset = m.sigmoid(m.add(read[0], recall[0]))
    update = m.sigmoid(m.add(read[1], recall[1]))
    new = m.tanh(m.add(read[2], m.multiply(reset, recall[2])))
    return m.add(m.multiply(m.subtract(1.0, update), new), m.multiply(update, own)), own


def zeros(*shape):
    return [zeros(*shape[1:]) for _ in range(shape[0])] if shape else 0.0


small = st.integers(1, 3)


@settings(max_examples=60)
@given(
    mode=st.sampled_from(sorted(GATES)),
    length=small,
    batch=small,
    features=small,
    hidden=small,
    layers=small,
    directions=st.integers(1, 2),
    projection=st.integers(0, 3),
)
def test_the_rule_counts_what_the_program_executes(
    mode, length, batch, features, hidden, layers, directions, projection
):
    projection = projection if mode == "lstm" else 0
    recurrent, cells = projection or hidden, layers * directions
    widths = [features] + [directions * recurrent] * (layers - 1)
    weights = sum(GATES[mode] * hidden * (width + recurrent) + projection * hidden for width in widths) * directions
    parameters = weights + cells * 2 * GATES[mode] * hidden
    state, memory = (cells, batch, recurrent), (cells, batch, hidden)
    machine = Machine()
    output, _, _ = forward(
        machine, mode, zeros(length, batch, features), zeros(parameters), zeros(*state), zeros(*memory), directions,
        projection,
    )  # fmt: skip
    assert len(output) == length
    assert len(output[0][0]) == directions * recurrent

    inputs = ((length, batch, features), (parameters,), state) + ((memory,) if mode == "lstm" else ())
    call = Call("RNN", {"mode": mode}, inputs, ((length, batch, directions * recurrent),))
    assert rule_for("RNN").formula(call) == OpCost(**machine.counts)


def test_an_unknown_mode_is_an_error():
    call = Call("RNN", {"mode": "sru"}, ((1, 1, 1), (4,), (1, 1, 1)), ((1, 1, 1),))
    with pytest.raises(GraphError, match="unknown mode 'sru'"):
        rule_for("RNN").formula(call)
