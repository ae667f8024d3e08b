"""What cost gates add to many real checkpoints: python benchmarks/checkpoints.py [MODELS].

Runs a pytest session in which each test counts one checkpoint under a budget, and beside it a bare loop that loads each
graph and infers its shapes, without a check (goal: at most 2.5 times). The least that any such session does is measured
too: pytest, MXNet's passes and the decoding of their JSON (``analysis.py``), in the body of each test. The checkpoints
are the public ones beside the repository, in turns. Times are CPU time of the process and its children, without what
one model takes: starting Python, pytest and MXNet is the same for any number.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.checkpoints import INPUTS  # noqa: E402

SHARED = ROOT.parent / "shared" / "checkpoints"
REPEATS = 3
BARE = """
import sys, json
import pytest_mxperf
import mxnet as mx
for path, inputs in json.load(sys.stdin):
    mx.sym.load(path + "-symbol.json").get_internals().infer_shape(**{name: tuple(inputs[name]) for name in inputs})
"""
GATED = """
import pytest
MODELS = {models}


@pytest.mark.parametrize(
    "mxperf_model", [{{"source": path, "inputs": inputs, "epoch": "latest"}} for path, inputs in MODELS]
)
@pytest.mark.mxperf_budget(macs="1 T")
def test_model():
    pass
"""


LEAST = """
import sys
sys.path.insert(0, {folder!r})
import pytest
from analysis import least_of_file
MODELS = {models}


@pytest.mark.parametrize("path, inputs", MODELS)
def test_model(path, inputs):
    least_of_file(path, dict(inputs))
"""


def seconds(command, **options):
    """CPU time, that of its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bare(models):
    return seconds([sys.executable, "-c", BARE], input=json.dumps(models), text=True)


def session(models, text):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_models.py").write_text(text.format(models=models, folder=str(ROOT / "benchmarks")))
        options = ["-q", "-p", "no:cacheprovider", "--mxperf-policy=uncounted=ignore"]  # all of them pass
        return seconds([sys.executable, "-m", "pytest", *options, "test_models.py"], cwd=folder)


def main(count):
    models = [(str(SHARED / name / name), inputs) for name, inputs in INPUTS.items()]
    many = [models[place % len(models)] for place in range(count)]
    floors, lowest, ours = [], [], []
    for _ in range(REPEATS):
        floors.append(bare(many) - bare(many[:1]))
        lowest.append(session(many, LEAST) - session(many[:1], LEAST))
        ours.append(session(many, GATED) - session(many[:1], GATED))
    floor, low, own = map(statistics.median, (floors, lowest, ours))
    print(
        f"{count} checkpoints: bare loop {floor:.2f} s, cost gates {own:.2f} s, {own / floor:.2f} times"
        f" (least {low:.2f} s, {low / floor:.2f} times)"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
