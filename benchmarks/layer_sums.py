"""Do the times of the layers add up to a forward? For every network of MXNet's model zoo that takes over 1 ms, as a
Module, each timed once: the sum of its layers and of the copies of its outputs, over a plain forward.

    python benchmarks/layer_sums.py    # about five minutes

Prints a row per network, and the median and the worst deviation from 1.
"""

from statistics import median

from pytest_mxperf.api import analysis_of
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.spec import ModelSpec
from pytest_mxperf.worker.paired_timer import PairedTimer
from pytest_mxperf.worker.protocol import Network

NAMES = [
    *(f"resnet{depth}_v{version}" for version in (1, 2) for depth in (18, 34, 50, 101, 152)),
    *(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
    *("alexnet", "squeezenet1.0", "squeezenet1.1", "inceptionv3"),
    *(f"mobilenet{width}" for width in ("1.0", "0.75", "0.5", "0.25")),
    *(f"mobilenetv2_{width}" for width in ("1.0", "0.75", "0.5", "0.25")),
]
LEAST_SECONDS = 1e-3


def network(name):
    side = 299 if name.startswith("inception") else 224
    spec = ModelSpec.parse(lambda: mx.gluon.model_zoo.vision.get_model(name), {"data": (1, 3, side, side)}, name=name)
    return Network(name, analysis_of(spec).symbol_json, dict(spec.inputs))


def main():
    deviations = {}
    print("| network | forward, ms | layers over forward |\n|---|--:|--:|")
    with PairedTimer(seconds=60) as timer:
        for name in NAMES:
            (profile,) = timer.profile(network(name))
            over = 1 - profile.unaccounted_share
            print(f"| {name} | {1e3 * profile.forward_cpu_seconds:.1f} | {over:.3f} |", flush=True)
            if profile.forward_cpu_seconds > LEAST_SECONDS:
                deviations[name] = over - 1
    worst = max(deviations, key=lambda name: abs(deviations[name]))
    typical = median(map(abs, deviations.values()))
    print(f"\n{len(deviations)} networks over 1 ms: off by {typical:.1%} (median), {deviations[worst]:+.1%} ({worst})")


if __name__ == "__main__":
    main()
