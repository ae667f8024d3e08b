"""How fast counting is, as ratios within one run: python benchmarks/analysis.py.

- Against the floor: one bare ``get_internals().infer_shape`` and ``tojson`` of the same symbol, without which nothing
  can be counted (goal: at most 2.3).
- Of a file, against what loads it and infers its shapes, without a check (goal: at most 1.8).
- Both beside the least that any counting does: MXNet's passes and the decoding of their JSON, without a check, role or
  rule. A file is decoded before MXNet loads it, and MXNet is asked for its outputs: only MXNet knows what it holds.
- Against the per-node recipe, which asks for the shapes of each node and each of its children with a call of its own
  (goal: at least 15 times faster on resnet152_v1, and more on deeper networks).
- Against itself from 1,000 to 100,000 nodes: time per node (goal: within 20%).

Times are CPU time, which other work on the machine hardly moves. Each length of the chain is counted once in a process
of its own, as in a user's session: the inference of MXNet itself becomes slower with each further time that it runs on
a large graph in one process, to more than twice as slow at 100,000 nodes.
"""

import json
import multiprocessing
import statistics
import tempfile
import time
from typing import Dict, List

import msgspec

from pytest_mxperf import count  # first: it makes `import mxnet` work

import mxnet as mx  # isort: skip
from mxnet.gluon.model_zoo import vision

IMAGE = {"data": (1, 3, 224, 224)}
REPEATS = 25
PROCESSES = 5


def seconds(repeats, function, *arguments):
    """Median CPU time of a call."""
    return medians(repeats, arguments, function)[0]


def medians(repeats, arguments, *functions):
    """Median CPU times of functions that take turns."""
    samples = [[] for _ in functions]
    for _ in range(repeats):
        for function, times in zip(functions, samples):
            start = time.process_time()
            function(*arguments)
            times.append(time.process_time() - start)
    return [statistics.median(times) for times in samples]


def bare(symbol, inputs):
    symbol.get_internals().infer_shape(**inputs)
    symbol.tojson()


def bare_file(path, inputs):
    mx.sym.load(f"{path}-symbol.json").get_internals().infer_shape(**inputs)


def least(symbol, inputs):
    infer(symbol.get_internals(), inputs)
    DECODER.decode(symbol.tojson())


def infer(internals, inputs):
    internals.infer_shape_partial(**inputs)
    internals.infer_type_partial(**dict.fromkeys(inputs, "float32"))


def least_of_file(path, inputs):
    with open(f"{path}-symbol.json", "rb") as stream:
        text = stream.read()
    DECODER.decode(text)
    internals = mx.sym.load_json(text.decode()).get_internals()
    internals.list_outputs()
    infer(internals, inputs)


class Node(msgspec.Struct, gc=False):
    """As few objects as the JSON has."""

    op: str
    name: str
    inputs: List[List[int]]
    attrs: Dict[str, str] = {}


class Symbol(msgspec.Struct):
    nodes: List[Node]


DECODER = msgspec.json.Decoder(Symbol)


def per_node(symbol, inputs):
    """The recipe: for every operator, infer its own shape and those of its children."""
    internals = symbol.get_internals()
    nodes = json.loads(symbol.tojson())["nodes"]
    for node in nodes:
        if node["op"] == "null":
            continue
        internals[f"{node['name']}_output"].infer_shape_partial(**inputs)
        for child, _, _ in node["inputs"]:
            if nodes[child]["op"] != "null":  # a weight's shape is not known by itself
                internals[f"{nodes[child]['name']}_output"].infer_shape_partial(**inputs)


def chain(nodes):
    """A symbol of about that many nodes: convolutions of 1 x 1, each with its weight and an activation."""
    symbol = mx.sym.var("data")
    for index in range(nodes // 3):
        weight = mx.sym.var(f"weight{index}")
        symbol = mx.sym.Convolution(symbol, weight, num_filter=4, kernel=(1, 1), no_bias=True, name=f"conv{index}")
        symbol = mx.sym.Activation(symbol, act_type="relu", name=f"relu{index}")
    return symbol


def seconds_of_chain(nodes):
    """CPU time to count a chain of that many nodes, and of its bare inference."""
    inputs = {"data": (1, 4, 8, 8)}
    count(chain(300), inputs)  # what only the first call of a process does
    symbol = chain(nodes)
    return seconds(1, count, symbol, inputs), seconds(1, bare, symbol, inputs)


def in_fresh_processes(function, argument):
    """Medians of what a function returns in processes that do nothing else."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        results = pool.map(function, [argument] * PROCESSES, chunksize=1)
    return [statistics.median(samples) for samples in zip(*results)]


def main():
    for name in ("resnet18_v1", "resnet152_v1", "densenet201"):
        symbol = vision.get_model(name)(mx.sym.var("data"))
        floor, lowest, ours = medians(REPEATS, (symbol, IMAGE), bare, least, count)
        recipe = seconds(1, per_node, symbol, IMAGE)
        with tempfile.TemporaryDirectory() as folder:
            symbol.save(f"{folder}/{name}-symbol.json")
            path = f"{folder}/{name}"
            floor_of_file, lowest_of_file, of_file = medians(REPEATS, (path, IMAGE), bare_file, least_of_file, count)
        print(
            f"{name:<14} count {ours * 1e3:6.1f} ms   {ours / floor:5.2f} x the bare inference"
            f" (least {lowest / floor:4.2f})   {recipe / ours:6.1f} x faster than the per-node recipe"
            f"   of a file {of_file * 1e3:6.1f} ms, {of_file / floor_of_file:5.2f} x load and inference"
            f" (least {lowest_of_file / floor_of_file:4.2f})"
        )
    base = None
    for nodes in (1_000, 10_000, 100_000):
        ours, floor = in_fresh_processes(seconds_of_chain, nodes)
        base = base or ours / nodes
        print(
            f"{nodes:>7,} nodes  count {ours:6.3f} s   {ours / nodes * 1e6:5.1f} us per node,"
            f" {ours / nodes / base:4.2f} x that of 1,000 nodes   {ours / floor:5.2f} x the bare inference"
        )


if __name__ == "__main__":
    main()
