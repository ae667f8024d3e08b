"""Why a fresh binding of the same network has a speed of its own: python benchmarks/binding_spread.py [BINDINGS].

Each of the gate's networks is bound twice, and the two bindings are timed against each other in several units. What
the units of one pair of bindings have in common, beyond their own noise, is the bindings' own speed: its sd is printed,
as a percentage (analysis of variance; 0.0 where it is lost in the noise). Columns, by what the two bindings share:

nothing    all buffers are their own
weights    as in the gate
memory     weights, and the memory of everything that is computed
binding    everything: both are the same one, so that this shows what the method finds where there is nothing

The same again where MXNet fuses no operators: a fused one keeps a copy of its weights, in its own order, which two
bindings cannot share. All are measured in turns. Ten minutes.
"""

import os
import random
import statistics
import sys
from contextlib import contextmanager
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", MXNET_ENGINE_TYPE="NaiveEngine")  # before MXNet is imported

from gate_networks import NETWORKS, mx, network

from pytest_mxperf.latency.estimate import log_ratio
from pytest_mxperf.latency.schedule import Unit
from pytest_mxperf.mx.pair import Pair, Side
from pytest_mxperf.spec import InputSpec

SHARED = ("nothing", "weights", "memory", "binding")
BACKENDS = {"fused": "MKLDNN", "not fused": "NONE"}
UNITS, CPU_SECONDS = 4, 0.06


class KeptPair(Pair):
    """Times one pair of bindings again and again, which share what they are told to."""

    def bind_anew(self, shared, reference_first):
        first, second = self._sides if reference_first else self._sides[::-1]
        buffers = {}
        one = other = first.bind(buffers)
        if shared == "memory":
            other = in_memory_of(one, second, buffers)
        elif shared != "binding":
            other = second.bind(buffers if shared == "weights" else {})
        self._kept = (one, other) if reference_first else (other, one)

    def _bind(self, reference_first):
        return self._kept


def in_memory_of(executor, side, buffers):
    symbol = side.analysis.model.symbol
    values = {name: buffers[key] for name, key in side.synthetic.variables()}
    arguments = {name: values[name] for name in symbol.list_arguments()}
    states = {name: values[name] for name in symbol.list_auxiliary_states()}
    return symbol.bind(mx.cpu(), arguments, grad_req="null", aux_states=states, shared_exec=executor)


@contextmanager
def backend(name):
    os.environ["MXNET_SUBGRAPH_BACKEND"] = name
    yield


def spread(groups):
    """The sd of what the values of a group have in common."""
    within = statistics.fmean(statistics.variance(group) for group in groups)
    return max(0.0, statistics.variance(map(statistics.fmean, groups)) - within / UNITS) ** 0.5


def measure(name, bindings):
    symbol, shape = network(name)
    pair = KeptPair(*(Side.of(name, symbol.tojson(), {"data": InputSpec(shape)}, None) for _ in range(2)))
    groups = {(fused, shared): [] for fused in BACKENDS for shared in SHARED}
    for _ in range(bindings):
        for (fused, shared), found in groups.items():
            with backend(BACKENDS[fused]):
                reference_first = random.random() < 0.5
                pair.bind_anew(shared, reference_first)
                units = [Unit(reference_first, random.getrandbits(32)) for _ in range(UNITS)]
                rounds = [pair.measure(unit, CPU_SECONDS) for unit in units]
                found.append([log_ratio(*both) for both in rounds])
    return {key: spread(found) for key, found in groups.items()}


def main(bindings):
    lines = [
        "| the bindings' own sd, % | "
        + " | ".join(f"{fused}: {shared}" for fused in BACKENDS for shared in SHARED)
        + " |",
        "|---|" + "--:|" * len(BACKENDS) * len(SHARED),
    ]
    for name in NETWORKS:
        found = measure(name, bindings)
        lines.append(f"| {name} | " + " | ".join(f"{100 * sd:.1f}" for sd in found.values()) + " |")
        print(*lines, sep="\n", flush=True)
    header = f"# What a binding's own speed comes from\n\nWritten by `benchmarks/binding_spread.py {bindings}`.\n"
    text = "\n".join([header, *lines, ""])
    (Path(__file__).parent / "results" / "binding_spread.md").write_text(text)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
