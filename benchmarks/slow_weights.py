"""Subnormal numbers slow a model down whose graph has not changed: python benchmarks/slow_weights.py [REPEATS].

A depthwise network with softsign, first with weights as they should be, then with one normalization's scale decayed to
1e-39, as L2 regularization may leave it. Both are judged in an ordinary pytest run, at a tolerance of 2.5%, against a
baseline of the first. What the runs say is printed. Exits with 1 if the first fails, or if the second does not fail or
does not name the layer.

How much slower depends on the processor. On an AMD EPYC of 2021 sums and products do not suffer at all, divisions and
exponentials take two to four times as long; on others products suffer too. One that computes with subnormal numbers as
fast as with any other shows no difference.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest_mxperf  # noqa: F401  makes import mxnet work

import mxnet as mx  # isort: skip

SHAPE = (1, 32, 56, 56)
TEST = f"""
import pytest

@pytest.mark.mxperf_model("depthwise", inputs={{"data": {SHAPE}}})
@pytest.mark.mxperf_baseline(latency="2.5%")
def test_depthwise():
    pass
"""


def depthwise(stages=4):
    net = mx.sym.var("data")
    for stage in range(1, stages + 1):
        name = f"stage{stage}"
        net = mx.sym.Convolution(
            net, kernel=(3, 3), pad=(1, 1), num_filter=32, num_group=32, no_bias=True, name=f"{name}_spatial"
        )
        net = mx.sym.BatchNorm(net, fix_gamma=False, name=f"{name}_norm")
        net = mx.sym.Activation(net, act_type="softsign", name=f"{name}_softsign")
        net = mx.sym.Convolution(net, kernel=(1, 1), num_filter=32, no_bias=True, name=f"{name}_channels")
    return net


def save(folder, first_scale):
    module = mx.mod.Module(depthwise(), label_names=None)
    module.bind([("data", SHAPE)], for_training=False)
    mx.random.seed(1)
    module.init_params(mx.init.Xavier(magnitude=3))
    arguments, states = module.get_params()
    arguments["stage1_norm_gamma"][:] = first_scale
    module.set_params(arguments, states)
    module.save_checkpoint(str(folder / "depthwise"), 0)


def pytest_says(folder, *arguments):
    """The exit code, and what is reported of the model."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--mxperf-report", *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "COLUMNS": "160"})
    lines = [line for line in run.stdout.splitlines() if "depthwise" in line or "weights" in line or "latency" in line]
    print(f"$ pytest {' '.join(arguments)}  (exit code {run.returncode})", *lines, sep="\n", flush=True)
    return run.returncode, run.stdout


def main(repeats):
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_model.py").write_text(TEST)
        save(folder, first_scale=1.0)
        pytest_says(folder, "--mxperf-update")
        for _ in range(repeats):
            save(folder, first_scale=1.0)
            code, _ = pytest_says(folder, "--mxperf-latency=always")
            bad += code != 0
            save(folder, first_scale=1e-39)
            code, said = pytest_says(folder)
            bad += code != 1 or "subnormal activations from stage1_norm" not in said
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
