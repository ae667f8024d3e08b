"""The peak of live activations against what MXNet's planner allocates: python benchmarks/memory.py.

The planner's number is the "Total N MB allocated" (rounded down) of a bound executor's ``debug_str()``. In steps:

- ours: the peak of what operators put out and somebody still reads.
- hidden: the peak with the outputs that MXNet hides too: the workspace of a max pooling, the mask of a Dropout.
- pool: what the planner allocates for those. It hands out whole blocks: a small tensor may take a block of up to 16
  times its size, and a large one enlarges a smaller block, so its blocks add up to more than is alive at any time.
  Rebuilt here; rounded down it has to be the planner's number.
- planner: the number itself, without fused operators (``MXNET_SUBGRAPH_BACKEND=NONE``).
- fused: the number of MXNet's default, which fuses convolutions with what follows them, so that less is put out.
"""

import bisect
import os
import re
import subprocess
import sys
from pathlib import Path

from pytest_mxperf import count  # first: it makes `import mxnet` work
from pytest_mxperf.cost.memory import Activations
from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.model import open_model
from pytest_mxperf.spec import ModelSpec

import mxnet as mx  # isort: skip
from mxnet.gluon.model_zoo import vision

MODELS = ("resnet18_v1", "resnet50_v1", "mobilenetv2_1.0", "squeezenet1.1", "densenet121", "vgg16", "inceptionv3")
DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits"
CASES = [*((name, batch) for name in MODELS for batch in (1, 8)), *(("digits", batch) for batch in (1, 8, 512))]
MB = 1 << 20


def load(name, batch):
    """The model and its inputs."""
    if name == "digits":
        return DIGITS, {"data": (batch, 1, 8, 8)}
    side = 299 if name == "inceptionv3" else 224
    return vision.get_model(name)(mx.sym.var("data")), {"data": (batch, 3, side, side)}


def print_plan(name, batch):
    """In a process of its own, since MXNet reads its environment once."""
    model, inputs = load(name, batch)
    symbol = mx.sym.load(f"{model}-symbol.json") if name == "digits" else model
    print(symbol.simple_bind(mx.cpu(), grad_req="null", **inputs).debug_str())


def plan(name, batch, **environment):
    """MXNet's number, and for each operator its name and the shapes of all its outputs, hidden ones included."""
    run = subprocess.run(
        [sys.executable, __file__, name, str(batch)],
        env={**os.environ, "MXNET_MEM_PLAN_VERBOSE_LOGGING": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    operators = []
    for line in run.stderr.splitlines():
        if found := re.search(r"node \d+ (\w+)", line):
            operators.append((found[1], []))
        elif found := re.search(r"output \d+: \[([\d,]*)\]", line):
            operators[-1][1].append(tuple(map(int, found[1].split(","))))
    return int(re.search(r"Total (\d+) MB", run.stdout)[1]), [each for each in operators if each[0] != "var"]


class Pool:
    """MXNet's allocator (``src/nnvm/plan_memory.cc``), which takes every element for 4 bytes."""

    def __init__(self):
        self.sizes = []  # of each block
        self._free = []  # (size, when it became free, block)
        self._clock = 0

    def request(self, size):
        fitting = bisect.bisect_left(self._free, (size,))
        if fitting < len(self._free) and self._free[fitting][0] <= size * 16:
            _, _, block = self._free.pop(fitting)
        elif fitting and self._free[fitting - 1][0] >= size // 16:
            _, _, block = self._free.pop(fitting - 1)
            self.sizes[block] = size
        else:
            block = len(self.sizes)
            self.sizes.append(size)
        return block

    def release(self, block):
        self._clock += 1
        bisect.insort(self._free, (self.sizes[block], self._clock, block))


def rebuild(graph, layers, operators):
    """The peak with the hidden outputs, and the bytes of the pool: the graph's run with ``Pool`` as its allocator."""
    shapes = iter(shapes for _, shapes in operators)
    shapes = [[()] if node.is_variable else next(shapes) for node in graph.nodes]
    activations = Activations(graph, shapes, [["float32"] * len(outputs) for outputs in shapes])
    pool, blocks, costs = Pool(), {}, iter(layer.cost for layer in layers)
    for index, node in enumerate(graph.nodes):
        if node.is_variable:
            continue
        activations.run(index, node, next(costs))
        buffers = [activations._buffers[index, output] for output in range(len(shapes[index]))]
        for buffer in sorted((each for each in buffers if id(each) not in blocks), key=lambda each: each.bytes)[::-1]:
            blocks[id(buffer)] = pool.request(buffer.bytes)
        read = [activations._buffers[entry] for entry in node.inputs if entry in activations._buffers]
        for buffer in [*read, *buffers]:
            if not buffer.readers and blocks.get(id(buffer)) is not None:
                pool.release(blocks[id(buffer)])
                blocks[id(buffer)] = None
    return activations.peak, sum(pool.sizes)


def main():
    columns = ("ours", "hidden", "pool", "planner", "fused", "ours/pool")
    print(f"{'MB':<18} {'batch':>5} " + " ".join(f"{column:>9}" for column in columns))
    for name, batch in CASES:
        model, inputs = load(name, batch)
        analysis = analyse(open_model(ModelSpec.parse(model, inputs, where="benchmark")))
        report = count(model, inputs)
        planner, operators = plan(name, batch, MXNET_SUBGRAPH_BACKEND="NONE")
        fused, _ = plan(name, batch, MXNET_SUBGRAPH_BACKEND="MKLDNN")
        assert [op for op, _ in operators] == [layer.op for layer in report.layers]
        hidden, pool = rebuild(analysis.graph, report.layers, operators)
        assert pool // MB == planner, f"{name}: rebuilt {pool}, MXNet has {planner} MB"
        ours = report.peak_activation_bytes
        print(
            f"{name:<18} {batch:>5} {ours / MB:>9.2f} {hidden / MB:>9.2f} {pool / MB:>9.2f} {planner:>9} {fused:>9}"
            f" {ours / pool:>9.2f}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print_plan(sys.argv[1], int(sys.argv[2]))
    else:
        main()
