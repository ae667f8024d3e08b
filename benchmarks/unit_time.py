"""Where the measuring process's CPU time goes: python benchmarks/unit_time.py [UNITS].

Each network is bound and timed in units as the gate does, in this process. Shares of CPU time, in percent:

timed      forwards that are timed
values     making the arrays of weights and inputs
binding    MXNet's binding of them
rest       first forwards, warming up, collecting garbage

"spread" is the sd of what single units measure of a pair of the same network, in percent of its time: it holds the
bindings' own speed.
"""

import gc
import os
import random
import statistics
import sys
import time
from contextlib import contextmanager
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", MXNET_ENGINE_TYPE="NaiveEngine", MXNET_SUBGRAPH_BACKEND="MKLDNN")

from gate_networks import NETWORKS, network

from pytest_mxperf.latency.estimate import log_ratio
from pytest_mxperf.latency.schedule import Unit
from pytest_mxperf.mx.pair import Pair
from pytest_mxperf.mx.side import Side
from pytest_mxperf.spec import InputSpec, RunAs

KINDS = {"Module": RunAs(), "hybridized": RunAs("gluon"), "static": RunAs("gluon", True, True)}
CHOSEN = (*NETWORKS, "resnet50", "encoder")
CPU_SECONDS = 0.06
RESULT = Path(__file__).parent / "results" / "unit_time.md"


class TimedSide(Side):
    """Adds up the CPU time of its bindings: ``values_seconds`` of its arrays, ``bind_seconds`` of both."""

    values_seconds = bind_seconds = 0.0

    def values(self, *arguments):
        with self._adding("values_seconds"):
            return super().values(*arguments)

    def bind(self, *arguments):
        with self._adding("bind_seconds"):
            return super().bind(*arguments)

    @contextmanager
    def _adding(self, total):
        start = time.process_time()
        yield
        setattr(self, total, getattr(self, total) + time.process_time() - start)


def measure(name, run_as, units):
    """The shares in the order of the columns, and the spread."""
    symbol, shape = network(name)
    sides = [TimedSide.of(name, symbol.tojson(), {"data": InputSpec(shape)}, None, run_as) for _ in range(2)]
    pair = Pair(*sides)
    pair.check()
    for side in sides:
        side.values_seconds = side.bind_seconds = 0.0
    gc.freeze()  # as in the measuring process, where a collection would walk all of MXNet before each unit
    start, timed, ratios = time.process_time(), 0.0, []
    for place in range(units):
        rounds = pair.measure(Unit(place % 2 == 0, random.getrandbits(32)), CPU_SECONDS)
        timed += sum(map(sum, rounds.reference + rounds.candidate))
        ratios.append(log_ratio(*rounds))
    total = time.process_time() - start
    values, bound = sum(side.values_seconds for side in sides), sum(side.bind_seconds for side in sides)
    parts = (timed, values, bound - values, total - timed - bound)
    return [100 * part / total for part in parts], 100 * statistics.stdev(ratios)


def main(units):
    lines = ["| | run as | timed, % | values, % | binding, % | rest, % | spread, % |", "|---|---|" + "--:|" * 5]
    for name in CHOSEN:
        for kind, run_as in KINDS.items():
            shares, spread = measure(name, run_as, units)
            lines.append(f"| {name} | {kind} | {' | '.join(f'{share:.0f}' for share in shares)} | {spread:.1f} |")
            print(lines[-1], flush=True)
    header = f"# Where the measuring process's CPU time goes\n\nWritten by `benchmarks/unit_time.py {units}`.\n"
    RESULT.write_text("\n".join([header, *lines, ""]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
