"""What cost gates add to many real checkpoints: python benchmarks/checkpoints.py [MODELS].

Runs a pytest session in which each test counts one checkpoint under a budget, and beside it a bare loop that loads
each graph and infers its shapes, without a check (goal: at most 2.5 times). The least that any such session does is
measured too: pytest, MXNet's passes and the decoding of the JSON (``analysis.py``), in the body of each test. The
checkpoints are, in turns, the public ones beside the repository, most of them small, or networks of Gluon's zoo with
their weights. Times are CPU time of the process and its children, without what one model takes: starting Python,
pytest and MXNet is the same for any number.
"""

import json
import re
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


ZOO = ("alexnet", "vgg11", "vgg16_bn", "resnet18_v1", "resnet34_v2", "resnet50_v1", "resnet101_v2", "mobilenet1_0")
ZOO += ("mobilenet_v2_1_0", "squeezenet1_1", "densenet121")
IMAGE = (1, 3, 224, 224)


def zoo(folder):
    """The networks as MXNet 1.5 saved them: most files that are in use are older than the MXNet that reads them."""
    import pytest_mxperf  # noqa: F401  makes `import mxnet` work

    import mxnet as mx  # isort: skip
    from mxnet.gluon.model_zoo import vision

    for name in ZOO:
        net = getattr(vision, name)()
        net.initialize()
        net.hybridize()
        net(mx.nd.zeros(IMAGE))
        net.export(str(folder / name))
        path = folder / f"{name}-symbol.json"
        path.write_text(re.sub(r'"mxnet_version": \["int", \d+\]', '"mxnet_version": ["int", 10500]', path.read_text()))
    return [(str(folder / name), {"data": IMAGE}) for name in ZOO]


def main(count):
    compare("public", [(str(SHARED / name / name), inputs) for name, inputs in INPUTS.items()], count)
    with tempfile.TemporaryDirectory() as folder:
        compare("zoo", zoo(Path(folder)), count)


def compare(kind, models, count):
    many = [models[place % len(models)] for place in range(count)]
    floors, lowest, ours = [], [], []
    for _ in range(REPEATS):
        floors.append(bare(many) - bare(many[:1]))
        lowest.append(session(many, LEAST) - session(many[:1], LEAST))
        ours.append(session(many, GATED) - session(many[:1], GATED))
    floor, low, own = map(statistics.median, (floors, lowest, ours))
    print(
        f"{count} {kind} checkpoints: bare loop {floor:.2f} s, cost gates {own:.2f} s, {own / floor:.2f} times"
        f" (least {low:.2f} s, {low / floor:.2f} times)"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
