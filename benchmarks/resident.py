"""How well measurements of resident memory repeat, and what they consist of.

    python benchmarks/resident.py [--times 10]

The table of docs/memory.md: networks of the Gluon zoo, each measured in so many new processes.
"""

import argparse
from statistics import median
from typing import List

from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.model import open_model
from pytest_mxperf.mx.plan import plan
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.spec import ModelSpec, RunAs
from pytest_mxperf.worker.protocol import Network
from pytest_mxperf.worker.resident import resident_of

MODELS = (
    ("mobilenetv2_0.25", 1),
    ("squeezenet1.1", 1),
    ("resnet18_v1", 1),
    ("resnet18_v1", 8),
    ("resnet50_v1", 1),
    ("vgg11", 1),
)
MIB = 2.0**20


def row(name: str, batch: int, times: int) -> str:
    inputs = {"data": (batch, 3, 224, 224)}
    spec = ModelSpec.parse(mx.gluon.model_zoo.vision.get_model(name), inputs, name=name)
    analysis = analyse(open_model(spec))
    planned = plan(analysis, RunAs())
    network = Network(name, analysis.symbol_json, dict(spec.inputs))
    peaks: List[float] = [resident_of(network).peak_bytes / MIB for _ in range(times)]
    parts = (sum(planned.sizes.values()) / MIB, planned.copies_bytes / MIB, planned.activation_bytes / MIB)
    rest = median(peaks) - sum(parts)
    figures = " | ".join(f"{figure:.1f}" for figure in (median(peaks), *parts, rest))
    return f"| {name} | {batch} | {figures} | {max(peaks) - min(peaks):.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="processes for each network")
    times = parser.parse_args().times
    print("| | batch | rss | variables | fused copies | planned activations | other | largest difference |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, batch in MODELS:
        print(row(name, batch, times), flush=True)


if __name__ == "__main__":
    main()
