"""Where the measuring process's CPU time goes: python benchmarks/unit_time.py [UNITS].

Each network is bound and timed in units as the gate does, in this process. "timed" is the share of CPU time that is
timed forwards, in percent; the rest is binding, warming up and collecting garbage. "spread" is the sd of what single
units measure of a pair of the same network, in percent of its time: it holds the bindings' own speed.
"""

import gc
import os
import random
import statistics
import sys
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", MXNET_ENGINE_TYPE="NaiveEngine", MXNET_SUBGRAPH_BACKEND="MKLDNN")

from gate_networks import NETWORKS, network

from pytest_mxperf.latency.estimate import log_ratio
from pytest_mxperf.latency.schedule import Unit
from pytest_mxperf.mx.pair import Pair
from pytest_mxperf.mx.side import Side
from pytest_mxperf.spec import InputSpec, RunAs

KINDS = {"Module": RunAs(), "hybridized": RunAs("gluon"), "static": RunAs("gluon", True, True)}
CPU_SECONDS = 0.06
RESULT = Path(__file__).parent / "results" / "unit_time.md"


def measure(name, run_as, units):
    symbol, shape = network(name)
    sides = [Side.of(name, symbol.tojson(), {"data": InputSpec(shape)}, None, run_as) for _ in range(2)]
    pair = Pair(*sides)
    pair.check()
    gc.freeze()  # as in the measuring process, where a collection would walk all of MXNet before each unit
    start, timed, ratios = time.process_time(), 0.0, []
    for place in range(units):
        rounds = pair.measure(Unit(place % 2 == 0, random.getrandbits(32)), CPU_SECONDS)
        timed += sum(map(sum, rounds.reference + rounds.candidate))
        ratios.append(log_ratio(*rounds))
    return 100 * timed / (time.process_time() - start), 100 * statistics.stdev(ratios)


def main(units):
    lines = ["| | run as | timed, % | spread, % |", "|---|---|--:|--:|"]
    for name in NETWORKS:
        for kind, run_as in KINDS.items():
            share, spread = measure(name, run_as, units)
            lines.append(f"| {name} | {kind} | {share:.0f} | {spread:.1f} |")
            print(lines[-1], flush=True)
    header = f"# Where the measuring process's CPU time goes\n\nWritten by `benchmarks/unit_time.py {units}`.\n"
    RESULT.write_text("\n".join([header, *lines, ""]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
