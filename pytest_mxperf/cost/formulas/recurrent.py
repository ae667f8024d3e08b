"""Fused recurrent layers. The cells of ``mx.rnn`` and Gluon unroll into ordinary operators, which count as those."""

from typing import NamedTuple

from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.errors import GraphError


class _Cell(NamedTuple):
    """What one unit of a cell computes in one step beside its matrix products and biases, in FLOPs."""

    gates: int
    activation: int
    elementwise: int


_CELLS = {
    # h = f(x' + h'), x' and h' being the products of the input and of the last state with their weights.
    "rnn_relu": _Cell(gates=1, activation=1, elementwise=1),
    "rnn_tanh": _Cell(gates=1, activation=1, elementwise=1),
    # Four gates x' + h', each through its function; c = f * c + i * g; h = o * tanh(c).
    "lstm": _Cell(gates=4, activation=4 + 1, elementwise=4 + 3 + 1),
    # Two gates r, z of x' + h'; n = tanh(x' + r * h'); h = (1 - z) * n + z * h.
    "gru": _Cell(gates=3, activation=3, elementwise=2 + 2 + 4),
}


@formula("RNN", "_contrib_quantized_rnn")
def rnn(op: Call) -> OpCost:
    """All layers, directions and steps of a recurrent network, as ``rnn_impl.h`` executes them.

    Each step of each sample uses every weight once, those of a projection (LSTMP) included, and adds every bias once.
    Each gate of each unit has two biases, behind the weights in the one vector of parameters. So per step and sample
    MACs = parameters - biases, and bias = 2 x gates x units, with one unit for each element of the state in every
    layer and direction. What a unit does besides is ``_Cell``.

    With ``use_sequence_length`` the lengths are data: every sample counts as long as the longest. Clipping the LSTM's
    cell state (``lstm_state_clip_min``) is one FLOP per unit and step, like ``clip``. Both are for the GPU; on the CPU
    MXNet ignores them (float32) or refuses to run. Dropout between layers does nothing at inference.

    oneDNN, which takes over for float32 on the CPU, adds the two biases beforehand and the quantized cell scales its
    integer sums: neither changes what the equations say, nor this count.
    """
    mode = op.text("mode", "")
    if mode not in _CELLS:
        raise GraphError(f"{op.op}: unknown mode {mode!r}")
    cell = _CELLS[mode]
    (length, batch, _), (parameters,), state = op.inputs[:3]
    # With a projection the state that recurs is narrower than the cell's.
    hidden = op.inputs[3][2] if mode == "lstm" else state[2]
    steps, units = length * batch, state[0] * hidden
    biases = 2 * cell.gates * units
    clipped = op.text("lstm_state_clip_min", "None") != "None"
    return OpCost(
        macs=steps * (parameters - biases),
        bias=steps * biases,
        activation=steps * units * (cell.activation + clipped),
        elementwise=steps * units * cell.elementwise,
    )
