"""Whether a REGRESSED names the layer that was made slower: python benchmarks/named_layer.py [VERDICTS].

Puts a slowdown of one of fourteen kinds into a random place of one of eight networks (``layer_networks.py``), judges
it against the network without it as the latency gate does, at a tolerance of 2.5%, and if it is REGRESSED asks for the
layers, as a test's failure does. Goes on until so many verdicts (150 unless given) were REGRESSED. Each is appended to
benchmarks/results/named_layer.jsonl, and all there are summed up in named_layer.md; ``--sum`` does that alone.
"""

import argparse
import json
import random
import statistics
import time
from collections import Counter
from pathlib import Path

from layer_networks import CAUSES, NETWORKS, network

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.model import model_from_json
from pytest_mxperf.mx.operators import operator
from pytest_mxperf.profile.slowdown import Timed, slowdown
from pytest_mxperf.profile.story import lines
from pytest_mxperf.spec import InputSpec
from pytest_mxperf.worker.paired_timer import PairedTimer
from pytest_mxperf.worker.protocol import Network

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 0.025


def trials(chance, kinds):
    """These kinds in turns, each in a network and at a place that it has not been in, as long as there are any."""
    left = {kind: [] for kind in kinds}
    while True:
        for kind, cases in left.items():
            if not cases:
                places = {name: network(name)[1].places[kind] for name in NETWORKS}
                cases += [(name, place) for name, count in places.items() for place in range(1, count + 1)]
                chance.shuffle(cases)
            yield (kind, *cases.pop())


def as_network(name, symbol_json, title):
    _, shape, dtype = NETWORKS[name]
    return Network(title, symbol_json, {"data": InputSpec(shape, dtype)})


def timed(model, profile):
    analysis = analyse(model_from_json(model.name, model.symbol_json, model.inputs))
    return Timed(analysis.graph, analysis.inference, analysis.cost().layers, profile)


def trial(timer, kind, name, place):
    """What the gate has decided, and what it has said of layers."""
    symbol_json, make = network(name, kind, place)
    reference, candidate = as_network(name, network(name)[0], "before"), as_network(name, symbol_json, name)
    found = {"kind": kind, "network": name, "place": place, "touched": make.touched}
    compared = timer.compare(reference, candidate, TOLERANCE)
    found.update(outcome=compared.decision.outcome.name, growth=round(compared.decision.growth, 4))
    if found["outcome"] == "REGRESSED":
        found.update(explanation(timer, reference, candidate, compared.seconds))
    return found


def explained(timer, reference, candidate):
    profiled = timer.profile(reference, candidate)
    sides = [timed(*each) for each in zip((reference, candidate), profiled)]
    return slowdown(*sides, ["data"], operators=operator), profiled


def explanation(timer, reference, candidate, gate_seconds):
    """As ``judge/slower.py`` asks for it: once more where no layer can be blamed."""
    start = time.monotonic()
    slow, profiled = explained(timer, reference, candidate)
    tries = 1
    if not slow.layers:
        slow, profiled = explained(timer, reference, candidate)
        tries = 2
    return {
        "gate_seconds": round(gate_seconds, 2),
        "seconds": round(time.monotonic() - start, 2),
        "tries": tries,
        "unaccounted": [round(each.unaccounted_share, 4) for each in profiled],
        "named": [[each.name, round(each.part, 3), each.cause.kind] for each in slow.layers],
        "spread": slow.is_spread,
        "unknown_because": slow.unknown_because,
        "lines": lines(slow),
    }


def record(found):
    with (RESULTS / "named_layer.jsonl").open("a") as stream:
        stream.write(json.dumps(found) + "\n")
    print(json.dumps(found), flush=True)


def is_first(found):
    return bool(found["named"]) and not found["spread"] and found["named"][0][0] in found["touched"]


def has_cause(found):
    return is_first(found) and found["named"][0][2] in CAUSES[found["kind"]]


def summary(records):
    regressed = [each for each in records if each["outcome"] == "REGRESSED"]
    rows = ["| slowdown | tried | REGRESSED | named first | right cause | median growth |", "|---|--:|--:|--:|--:|--:|"]
    for kind in [*CAUSES, "all"]:
        tried = [each for each in records if kind in (each["kind"], "all")]
        slower = [each for each in regressed if kind in (each["kind"], "all")]
        growth = f"{statistics.median(each['growth'] for each in slower):+.1%}" if slower else ""
        first, right = sum(map(is_first, slower)), sum(map(has_cause, slower))
        rows.append(f"| {kind} | {len(tried)} | {len(slower)} | {first} | {right} | {growth} |")
    return "\n".join([HEADING, *rows, "", *_more(regressed)]) + "\n"


HEADING = """# The layer that was made slower

`python benchmarks/named_layer.py`: a slowdown of each kind at random places of eight networks, judged by the latency
gate at a tolerance of 2.5%. Of those that were REGRESSED: how often the first layer that the failure names is the one
that was made slower, and how often its cause is right as well. Raw verdicts: [named_layer.jsonl](named_layer.jsonl).
"""


def _more(regressed):
    if not regressed:
        return
    count = len(regressed)
    first, right = sum(map(is_first, regressed)), sum(map(has_cause, regressed))
    yield f"Named first: {first} of {count} ({first / count:.1%})."
    yield f"Right cause: {right} of {count} ({right / count:.1%})."
    untold = sum(bool(each["unknown_because"]) for each in regressed)
    again = sum(each["tries"] > 1 for each in regressed)
    yield f"No layer blamed: {untold}, {again} before the layers were timed once more."
    seconds = sorted(each["seconds"] for each in regressed)
    gate = statistics.median(each["gate_seconds"] for each in regressed)
    added = f"{statistics.median(seconds):.1f} s (median; at most {seconds[-1]:.1f} s)"
    yield f"The layers took {added}, the gate {gate:.1f} s."
    shares = [abs(share) for each in regressed for share in each["unaccounted"]]
    yield f"Of a forward {statistics.median(shares):.1%} was in no layer (median; at most {max(shares):.1%})."
    networks = Counter(each["network"] for each in regressed)
    yield f"Networks: {', '.join(f'{name} {count}' for name, count in networks.items())}."


def recorded():
    path = RESULTS / "named_layer.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def is_regressed(timer, case):
    """Whether it was; what MXNet cannot run is left out."""
    try:
        found = trial(timer, *case)
    except WorkerError as error:
        print(case, error, flush=True)
        return False
    record(found)
    return found["outcome"] == "REGRESSED"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verdicts", nargs="?", type=int, default=150, help="that are REGRESSED (default: 150)")
    parser.add_argument("--kind", action="append", choices=CAUSES, help="of slowdown; repeatable (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sum", action="store_true", help="only sum up what was recorded")
    options = parser.parse_args()
    left = 0 if options.sum else options.verdicts
    cases = trials(random.Random(options.seed), options.kind or CAUSES)
    with PairedTimer(seconds=15.0) as timer:
        while left > 0:
            left -= is_regressed(timer, next(cases))
    (RESULTS / "named_layer.md").write_text(summary(recorded()))
    print(summary(recorded()))


if __name__ == "__main__":
    main()
