"""Fused recurrent layers. The cells of ``mx.rnn`` and Gluon unroll into ordinary operators with their own rules."""

from typing import NamedTuple

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import Call, formula
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.errors import GraphError


class _Cell(NamedTuple):
    """The FLOPs of one unit of a cell in one step, without matrix products and biases."""

    gates: int
    activation: int
    elementwise: int


_CELLS = {
    # h = f(x' + h'). Here x' is the input times its weights, and h' is the last state times its weights.
    "rnn_relu": _Cell(gates=1, activation=1, elementwise=1),
    "rnn_tanh": _Cell(gates=1, activation=1, elementwise=1),
    # Four gates x' + h', each through its function; c = f * c + i * g; h = o * tanh(c).
    "lstm": _Cell(gates=4, activation=4 + 1, elementwise=4 + 3 + 1),
    # Two gates r, z of x' + h'; n = tanh(x' + r * h'); h = (1 - z) * n + z * h.
    "gru": _Cell(gates=3, activation=3, elementwise=2 + 2 + 4),
}


@formula(*traits.RECURRENT)
def rnn(op: Call) -> OpCost:
    """All layers, directions and steps of a recurrent network, as ``rnn_impl.h`` executes them.

    Each step of each sample uses every weight once, also those of a projection (LSTMP), and adds every bias once. Each
    gate of each unit has two biases. They follow the weights in the one vector of parameters. So per step and sample
    MACs = parameters - biases, and bias = 2 x gates x units. There is one unit for each element of the state in every
    layer and direction. ``_Cell`` has the other FLOPs of a unit.

    With ``use_sequence_length`` the lengths are data, so every sample counts as long as the longest. Clipping the
    LSTM's cell state (``lstm_state_clip_min``) is one FLOP per unit and step, like ``clip``. Both are for the GPU: on
    the CPU MXNet ignores them (float32) or refuses to run. Dropout between layers does nothing at inference.

    The count follows the equations. It ignores that oneDNN, which runs float32 on the CPU, adds the two biases
    beforehand, and that the quantized cell scales its integer sums.
    """
    mode = op.text("mode", "")
    if mode not in _CELLS:
        raise GraphError(f"{op.op}: unknown mode {mode!r}")
    cell = _CELLS[mode]
    (length, batch, _), (parameters,), state = op.inputs[:3]
    # With a projection, the recurrent state is narrower than the cell state.
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
