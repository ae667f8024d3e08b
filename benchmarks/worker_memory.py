"""Peak memory of the measuring process: python benchmarks/worker_memory.py [CASE...].

Each case prepares a pair of one network and times some units of it, in a process of its own. Its peak is the most that
was resident ("VmHWM"), less what was before the first request, when MXNet had been imported. The ratio is this peak
over the weights of the network and the peak of its activations, of one side. A minute and a half, and 4 GiB.
"""

import sys
import time
from pathlib import Path

import psutil

from pytest_mxperf import count
from pytest_mxperf.errors import WorkerError
from pytest_mxperf.latency.schedule import Unit
from pytest_mxperf.spec import InputSpec, RunAs
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.protocol import Measure, Measured, Network, Prepare, Prepared

import mxnet as mx  # isort: skip
from mxnet.gluon.model_zoo import vision

UNITS = 3
RESULT = Path(__file__).parent / "results" / "worker_memory.md"


def resnet():
    return vision.resnet152_v1()(mx.sym.var("data")), {"data": InputSpec((1, 3, 224, 224))}


def dense():
    """8,192 x 8,192 numbers: 256 MiB."""
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=8192, no_bias=True, name="fc")
    return net, {"data": InputSpec((1, 8192))}


def embedding():
    """2^20 x 256 numbers: 1 GiB."""
    net = mx.sym.Embedding(mx.sym.var("data"), input_dim=2**20, output_dim=256, name="table")
    return net, {"data": InputSpec((1, 64))}


def vgg():
    return vision.vgg16()(mx.sym.var("data")), {"data": InputSpec((1, 3, 224, 224))}


def unrolled(steps):
    """An LSTM of 1,024: 8,192 x 1,024 numbers and biases, 32 MiB, whatever the number of steps."""

    def build():
        cell = mx.rnn.LSTMCell(1024, prefix="lstm_")
        state = [mx.sym.var("h"), mx.sym.var("c")]
        net, _ = cell.unroll(steps, inputs=mx.sym.var("data"), merge_outputs=True, begin_state=state)
        return net, {"data": InputSpec((1, steps, 1024)), "h": InputSpec((1, 1024)), "c": InputSpec((1, 1024))}

    return build


CASES = {
    "ResNet-152, 224 x 224": resnet,
    "dense layer of 256 MiB": dense,
    "embedding of 1 GiB": embedding,
    "VGG-16, 224 x 224": vgg,
    **{f"LSTM of 1,024, {steps} steps": unrolled(steps) for steps in (5, 25, 50, 100)},
}
KINDS = {
    "Module": RunAs(),
    "hybridized": RunAs("gluon"),
    "static_alloc, static_shape": RunAs("gluon", static_alloc=True, static_shape=True),
}


def megabytes(process, field):
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def measure(build, run_as):
    """MiB of one side, and of the process at its peak; and how it ended."""
    with mx.name.NameManager():
        symbol, inputs = build()
    report = count(symbol, {name: (spec.shape, spec.dtype) for name, spec in inputs.items()})
    one_side = (sum(report.param_bytes_by_dtype.values()) + report.peak_activation_bytes) / 2**20
    network = Network("net", symbol.tojson(), inputs, run_as=run_as)
    with Worker() as worker:
        worker.start()
        process = psutil.Process(worker._process.pid)
        rest = megabytes(process, "VmRSS")
        start = time.monotonic()
        try:
            prepared = worker.request(Prepare(network, network), Prepared, doing="it prepared", seconds=300)
            for seed in range(UNITS):
                request = Measure(Unit(seed % 2 == 0, seed=seed), cpu_seconds=0.06)
                worker.request(request, Measured, doing="it timed", seconds=300)
            note = "; ".join(prepared.notes) or f"{time.monotonic() - start:.1f} s"
        except WorkerError as error:
            return one_side, float("nan"), str(error)
        return one_side, megabytes(process, "VmHWM") - rest, note


def main(chosen):
    lines = [
        "| | run as | weights and activations, MiB | peak, MiB | ratio | |",
        "|---|---|--:|--:|--:|---|",
    ]
    print(*lines, sep="\n")
    for name, build in CASES.items():
        if chosen and not any(text in name for text in chosen):
            continue
        for kind, run_as in KINDS.items():
            one_side, peak, note = measure(build, run_as)
            lines.append(f"| {name} | {kind} | {one_side:.0f} | {peak:.0f} | {peak / one_side:.2f} | {note} |")
            print(lines[-1], flush=True)
    if not chosen:
        header = f"# Peak memory of the measuring process\n\nWritten by `benchmarks/worker_memory.py`, {UNITS} units.\n"
        RESULT.write_text("\n".join([header, *lines, ""]))


if __name__ == "__main__":
    main(sys.argv[1:])
