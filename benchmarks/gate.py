"""How often the latency gate errs, measured on real networks: python benchmarks/gate.py [--part PART ...].

Every decision is forced to time, appended to benchmarks/results/gate.jsonl, and summed up in gate.md beside it. A part
ends when as many decisions are recorded as it asks for: a run that was broken off goes on where it stood, and several
processes may run at a time. Parts:

calibrate  how much slower the slowed networks really are: long measurements, in the gate's own way
same       the network against itself at a tolerance of 2.5%: every REGRESSED is a false failure
slower     4.5 to 6% slower, at 2.5%: every PASSED is a miss
fine       3% slower, at 1.5%
gluon      same and slower, run as hybridized blocks; all others are run as a Module's executor
neighbour  same and slower, while other processes take cores in bursts
loaded     same and slower, larger networks, at a load of 6 and more on two cores
overhead   from a process's start to its being ready, and what a graph that has not changed costs
stored     pytest-benchmark's mean and minimum of one process against those of another, minutes apart
"""

import argparse
import fcntl
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from gate_networks import LARGER, NETWORKS, mx, network

from pytest_mxperf.canonical import fingerprint
from pytest_mxperf.graph import Graph
from pytest_mxperf.latency.allowance import DEFAULT_SECONDS
from pytest_mxperf.latency.schedule import units
from pytest_mxperf.mx.operators import operator
from pytest_mxperf.spec import InputSpec, RunAs
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.paired_timer import PairedTimer
from pytest_mxperf.worker.protocol import Network
from pytest_mxperf.worker.sampler import PairSampler

RESULTS = Path(__file__).parent / "results"
RULE = 3
"""To be raised with every change of the gate's own way to measure or to decide: what other rules did is not counted."""
TIMELESS = ("calibrate", "stored")
"""Parts that say nothing of a rule: how much slower a network is, and what others do."""
COMPARISONS = 10
"""Of a session, which share its error."""
TARGETS = {"slower": 0.052, "fine": 0.03}
TOLERANCES = {"same": 0.025, "slower": 0.025, "fine": 0.015}
STORED_PAUSE_SECONDS = 120.0
RUN_AS = {"module": RunAs(), "gluon": RunAs("gluon", static_alloc=True, static_shape=True)}


def as_network(name, extra=0, run_as="module"):
    symbol, shape = network(name, extra)
    return Network(name, symbol.tojson(), {"data": InputSpec(shape)}, run_as=RUN_AS[run_as])


def record(part, **fields):
    line = json.dumps({"part": part, "rule": RULE, **fields})
    with (RESULTS / "gate.jsonl").open("a") as stream:  # one write of one line: several processes may append
        stream.write(line + "\n")
    print(line, flush=True)


def recorded(part):
    path = RESULTS / "gate.jsonl"
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return [line for line in lines if line["part"] == part and (part in TIMELESS or line["rule"] == RULE)]


# Calibration: which change is of which size.


def growth(name, extra, run_as, processes):
    """Mean and standard error of the growth over so many processes, each of which has an effect of its own."""
    means = []
    for _ in range(processes):
        with Worker() as worker:
            sampler = PairSampler(worker, as_network(name, run_as=run_as), as_network(name, extra, run_as))
            schedule = units(random.getrandbits(32))
            means.append(statistics.fmean(sampler.sample(schedule) for _ in range(8)))
    return math.expm1(statistics.fmean(means)), statistics.stdev(means) / math.sqrt(processes)


def calibrate(attempts):
    """For each network, how it is run, and target: how many operators come near it, and the true growth of that."""
    for kind, run_as, name in [
        *(("slower", "module", name) for name in (*NETWORKS, *LARGER)),
        *(("slower", "gluon", name) for name in NETWORKS),
        *(("fine", "module", name) for name in NETWORKS),
    ]:
        for _ in range(attempts):
            last = calibrated(kind, run_as).get(name)
            if last and is_near(kind, last["growth"]):
                break
            extra = rescaled(last["extra"], last["growth"], TARGETS[kind]) if last else nearest(name, kind, run_as)
            grown, error = growth(name, extra, run_as, processes=4)
            fields = {"network": name, "kind": kind, "run_as": run_as, "extra": extra}
            record("calibrate", **fields, growth=grown, standard_error=error)


def nearest(name, kind, run_as):
    extra = 20
    for _ in range(2):
        grown, _ = growth(name, extra, run_as, processes=2)
        extra = rescaled(extra, grown, TARGETS[kind])
    return extra


def rescaled(extra, growth, target):
    return max(1, round(extra * target / max(growth, 0.005)))


def calibrated(kind, run_as="module"):
    """The last calibration of each network."""
    lines = recorded("calibrate")
    return {line["network"]: line for line in lines if (line["kind"], line["run_as"]) == (kind, run_as)}


def is_near(kind, growth):
    low, high = {"slower": (0.045, 0.06), "fine": (0.025, 0.035)}[kind]
    return low <= growth <= high


def slowed(kind, run_as="module", names=NETWORKS):
    """The networks that are slowed as asked: name, added operators and true growth."""
    return [
        line for line in calibrated(kind, run_as).values() if line["network"] in names and is_near(kind, line["growth"])
    ]


# The gate itself.


def same(count, part="same", run_as="module", names=NETWORKS, before=lambda: None):
    decide(part, "same", run_as, [(name, 0, 0.0) for name in names], count, before)


def slower(count, kind="slower", part=None, run_as="module", names=NETWORKS, before=lambda: None):
    cases = [(line["network"], line["extra"], line["growth"]) for line in slowed(kind, run_as, names)]
    if not cases:
        sys.exit(f"{part or kind}: no network is calibrated as {run_as}; run --part calibrate first")
    decide(part or kind, kind, run_as, cases, count, before)


def fine(count):
    slower(count, "fine")


def gluon(count):
    same(count // 2, "gluon", "gluon")
    slower(count // 2, part="gluon", run_as="gluon")


def decide(part, kind, run_as, cases, count, before):
    """Decides until so many decisions are recorded, ten a session; ``before`` each one something may have to be set up.

    A session's first comparison fails more easily than its tenth, and is caught more easily.
    """
    while _missing(part, kind, count):
        with PairedTimer(seconds=DEFAULT_SECONDS) as timer:
            for _ in range(COMPARISONS):
                if not (missing := _missing(part, kind, count)):
                    break
                before()
                name, extra, true_growth = cases[(missing + os.getpid()) % len(cases)]
                sides = as_network(name, run_as=run_as), as_network(name, extra, run_as)
                compared = timer.compare(*sides, TOLERANCES[kind])
                record_decision(part, kind, name, run_as, true_growth, compared)


def _missing(part, kind, count):
    return max(0, count - sum(line["kind"] == kind for line in recorded(part)))


def record_decision(part, kind, name, run_as, true_growth, compared):
    decision, conditions = compared.decision, compared.conditions
    record(
        part,
        kind=kind,
        network=name,
        run_as=run_as,
        true_growth=true_growth,
        tolerance=TOLERANCES[kind],
        outcome=decision.outcome.value,
        growth=decision.growth,
        low=decision.low,
        high=decision.high,
        reason=decision.reason,
        processes=compared.processes,
        seconds=compared.seconds,
        log_ratios=compared.log_ratios,
        load=conditions.load_average if conditions else None,
        cpu_share=conditions.cpu_share if conditions else None,
        steal=conditions.steal_share if conditions else None,
    )


BUSY = """
import random, time
import numpy
numbers = numpy.ones((300, 300))
while True:
    end = time.monotonic() + random.uniform(0.1, 3)
    while time.monotonic() < end:
        numbers @ numbers
    time.sleep(random.uniform(0.1, 3))
"""


class Neighbours:
    """So many busy processes on this host: the first of the processes that measure starts them."""

    def __init__(self, count):
        self._count = count
        self._processes = []
        self._lock = (RESULTS / ".neighbours").open("w")

    def ensure(self):
        if self._processes:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        self._processes = [subprocess.Popen([sys.executable, "-c", BUSY], env=ONE_THREAD) for _ in range(self._count)]
        time.sleep(self._count * 5)  # the load average is one over the last minute

    def end(self):
        for process in self._processes:
            process.kill()
            process.wait()
        self._lock.close()


ONE_THREAD = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@contextmanager
def busy_neighbours(count):
    neighbours = Neighbours(count)
    try:
        yield neighbours.ensure
    finally:
        neighbours.end()


def neighbour(count):
    with busy_neighbours(2) as before:
        same(count * 2 // 3, "neighbour", before=before)
        slower(count // 3, part="neighbour", before=before)


def loaded(count):
    with busy_neighbours(10) as before:  # each is busy for half of the time
        slower(count // 2, part="loaded", names=LARGER, before=before)
        same(count // 2, "loaded", names=LARGER, before=before)


def overhead(count):
    for _ in range(count):
        with Worker() as worker:
            start = time.perf_counter()
            worker.start()
            record("overhead", what="start", seconds=time.perf_counter() - start)
    zoo = mx.gluon.model_zoo.vision
    symbols = {name: network(name)[0] for name in NETWORKS}
    symbols.update({net.__name__: net()(mx.sym.var("data")) for net in (zoo.resnet152_v1, zoo.densenet201)})
    for name, symbol in symbols.items():
        text, inputs = symbol.tojson(), {"data": InputSpec((1, 3, 224, 224))}
        start = time.perf_counter()
        for _ in ("baseline", "candidate"):
            fingerprint(Graph.parse(text, where=name), inputs, operators=operator)
        record("overhead", what="unchanged", network=name, seconds=time.perf_counter() - start)


# What others do.

STORED_TEST = """
import sys
sys.path.insert(0, {folder!r})
import mxnet as mx
import pytest
from gate_networks import network

CASES = {cases!r}

@pytest.mark.parametrize("case", sorted(CASES))
def test_case(benchmark, case):
    symbol, shape = network(*CASES[case])
    module = mx.mod.Module(symbol, label_names=None)
    module.bind([("data", shape)], for_training=False)
    module.init_params(mx.init.Xavier())
    batch = mx.io.DataBatch([mx.nd.ones(shape)])
    def forward():
        module.forward(batch, is_train=False)
        for output in module.get_outputs():
            output.asnumpy()
    for _ in range(4):
        forward()
    benchmark(forward)
"""


def stored(count):
    """Sessions of pytest-benchmark, one every two minutes, each of a process of its own."""
    changed = {line["network"]: (line["network"], line["extra"]) for line in slowed("slower")}
    cases = {**{f"{name} same": (name,) for name in NETWORKS}, **{f"{name} slower": changed[name] for name in changed}}
    with tempfile.TemporaryDirectory() as folder:
        test, report = Path(folder) / "test_stored.py", Path(folder) / "report.json"
        test.write_text(STORED_TEST.format(folder=str(Path(__file__).parent), cases=cases))
        for turn in range(count):
            start = time.monotonic()
            options = ["-q", "-p", "no:cacheprovider", "-p", "no:mxperf", f"--benchmark-json={report}"]
            program = "import pytest_mxperf, pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
            subprocess.run([sys.executable, "-c", program, str(test), *options], check=True, capture_output=True)
            for entry in json.loads(report.read_text())["benchmarks"]:
                name, kind = entry["params"]["case"].split()
                stats = entry["stats"]
                record("stored", turn=turn, network=name, kind=kind, mean=stats["mean"], min=stats["min"])
            if turn + 1 < count:
                time.sleep(max(0.0, STORED_PAUSE_SECONDS - (time.monotonic() - start)))


# The table.


def upper_bound(failures, count):
    """The 95% upper bound of a probability (Clopper and Pearson, 1934), by bisection."""

    def tail(share):
        return sum(math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(failures + 1))

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > 0.05 else (low, middle)
    return high


def row(title, lines):
    outcomes = [line["outcome"] for line in lines]
    failed = outcomes.count("regressed")
    errors = failed if lines[0]["kind"] == "same" else len(lines) - failed
    seconds = sorted(line["seconds"] for line in lines)
    loads = [line["load"] for line in lines if line["load"] is not None]
    return (
        f"| {title} | {len(lines)} | {failed} | {outcomes.count('passed')} | {outcomes.count('inconclusive')} "
        f"| {100 * upper_bound(errors, len(lines)):.2f}% | {statistics.median(seconds):.1f} "
        f"| {seconds[int(0.9 * (len(seconds) - 1))]:.1f} | {statistics.median(loads or [0.0]):.1f} |"
    )


def stored_rows():
    for figure in ("mean", "min"):
        for threshold in (0.05, 0.1):
            alarms, misses = [], []
            runs = {(line["turn"], line["network"], line["kind"]): line[figure] for line in recorded("stored")}
            for (turn, name, kind), value in runs.items():
                before = runs.get((turn - 1, name, "same"))
                if before is not None:
                    grown = value / before - 1 > threshold
                    (alarms if kind == "same" else misses).append(grown if kind == "same" else not grown)
            if alarms and misses:
                yield (
                    f"| {figure} | {threshold:.0%} | {sum(alarms)} of {len(alarms)} ({sum(alarms) / len(alarms):.0%}) "
                    f"| {sum(misses)} of {len(misses)} ({sum(misses) / len(misses):.0%}) |"
                )


def overhead_lines():
    starts = [line["seconds"] for line in recorded("overhead") if line["what"] == "start"]
    if not starts:
        return []
    unchanged = {line["network"]: line for line in recorded("overhead") if line["what"] == "unchanged"}
    return [
        "",
        f"The measuring process is ready {statistics.median(starts):.1f} s after its start.",
        "",
        "| unchanged graph | ms |",
        "|---|--:|",
        *(f"| {name} | {1000 * line['seconds']:.1f} |" for name, line in unchanged.items()),
    ]


TITLES = {
    "same": "",
    "slower": "",
    "fine": "",
    "gluon": ", hybridized block",
    "neighbour": ", busy neighbours",
    "loaded": ", larger networks at a load of 6 and more",
    "busy": ", beside other work",
}
"""What is said of each part beside its kind. "busy" are decisions of "same" and "slower" that were recorded while test
suites ran on both cores."""


def decision_rows():
    for part, title in TITLES.items():
        for kind in ("same", "slower", "fine"):
            found = [line for line in recorded(part) if line["kind"] == kind]
            if found:
                yield row(f"**{kind}{title}**, all", found)
            for name in (*NETWORKS, *LARGER):
                some = [line for line in found if line["network"] == name]
                if some:
                    yield row(f"{kind}{title}, {name}", some)


def table():
    changes = [line for kind in TARGETS for run_as in RUN_AS for line in slowed(kind, run_as, {**NETWORKS, **LARGER})]
    lines = ["# The latency gate, measured", "", "Written by `benchmarks/gate.py` from `gate.jsonl`.", ""]
    lines += ["| network | run as | change | true growth |", "|---|---|---|--:|"]
    lines += [
        f"| {line['network']} | {RUN_AS[line['run_as']]} | {line['extra']} additions "
        f"| {line['growth']:+.2%} ± {line['standard_error']:.2%} |"
        for line in changes
    ]
    lines += [
        "",
        "| | decisions | REGRESSED | PASSED | INCONCLUSIVE | 95% bound of errors | median s | p90 s | load |",
    ]
    lines += ["|---|--:|--:|--:|--:|--:|--:|--:|--:|", *decision_rows()]
    lines += [
        "",
        "| pytest-benchmark, stored | threshold | false alarms | misses |",
        "|---|--:|--:|--:|",
        *stored_rows(),
    ]
    lines += overhead_lines()
    (RESULTS / "gate.md").write_text("\n".join(lines) + "\n")


PARTS = {
    "calibrate": (calibrate, 3),
    "same": (same, 700),
    "slower": (slower, 250),
    "fine": (fine, 60),
    "gluon": (gluon, 120),
    "neighbour": (neighbour, 120),
    "loaded": (loaded, 80),
    "overhead": (overhead, 5),
    "stored": (stored, 12),
}
"""By name what to do, and how many decisions, sessions or attempts of it."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=[*PARTS, "table"], help="one of them only; repeatable")
    parser.add_argument("--count", type=int, help="decisions of each part to record, or sessions of stored")
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for part in arguments.part or PARTS:
        if part != "table":
            work, count = PARTS[part]
            work(arguments.count or count)
    table()


if __name__ == "__main__":
    main()
