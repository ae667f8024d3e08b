"""The resident memory that a network takes while it runs: weights, their fused copies, activations, workspaces."""

import gc
import re
from pathlib import Path
from typing import NamedTuple

from pytest_mxperf.errors import ModelError
from pytest_mxperf.mx.buffers import Buffers
from pytest_mxperf.mx.headroom import free_bytes, gibibytes, large_blocks_apart
from pytest_mxperf.mx.runtime import json_of, mx
from pytest_mxperf.mx.side import Side
from pytest_mxperf.spec import InputSpec

__all__ = ["Resident", "resident"]

_STATUS, _CLEAR = "proc/self/status", "proc/self/clear_refs"
_RESET_PEAK = "5"


class Resident(NamedTuple):
    """Bytes of the process before it held the network, and the bytes that the network added at its peak."""

    rest_bytes: int
    peak_bytes: int


def resident(side: Side, root: Path = Path("/")) -> Resident:
    """Binds the network and runs it twice. In the first run MXNet copies weights into the layout of its kernels.

    Raises ``ModelError`` if the network cannot run or does not fit, or if the system does not say what is resident.
    Call it in a process that runs nothing else: reused memory that was freed before would not be seen.
    """
    _measured(_small(), root)  # what MXNet and this module load on their first use does not belong to the network
    _refuse_what_cannot_fit(side)
    return _measured(side, root)


def _measured(side: Side, root: Path) -> Resident:
    buffers = Buffers()
    gc.collect()
    with large_blocks_apart() as give_back:
        rest = _bytes("VmRSS", root)
        side.values(buffers)
        give_back()  # the memory that was needed to make the values
        _reset_peak(root)
        binding = side.bind(buffers)
        for _ in range(2):
            side.run(binding.forward)
    return Resident(rest, max(0, _bytes("VmHWM", root) - rest))


def _small() -> Side:
    data = mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), num_filter=8)
    net = mx.sym.FullyConnected(mx.sym.Activation(mx.sym.BatchNorm(data), act_type="relu"), num_hidden=8)
    return Side.of("warm-up", json_of(net), {"data": InputSpec((1, 3, 16, 16))})


def _refuse_what_cannot_fit(side: Side) -> None:
    plan, free = side.plan(), free_bytes()
    needed = sum(plan.sizes.values()) + plan.copies_bytes + plan.activation_bytes
    if needed > free:
        raise ModelError(
            f"{side.name}: running it needs about {gibibytes(needed)}, this machine has {gibibytes(free)} free; give a "
            "smaller batch in inputs, or end other processes"
        )


def _bytes(name: str, root: Path) -> int:
    try:
        found = re.search(rf"^{name}:\s*(\d+) kB$", (root / _STATUS).read_text(), re.M)
    except OSError:
        found = None
    if found is None:
        raise ModelError(f"this system does not say how much memory is resident: /{_STATUS} has no {name}")
    return int(found.group(1)) << 10


def _reset_peak(root: Path) -> None:
    try:
        (root / _CLEAR).write_text(_RESET_PEAK)
    except OSError as error:
        raise ModelError(
            f"this system does not let a process measure its peak: cannot write to /{_CLEAR}: {error.strerror}"
        ) from None
