"""How many instructions counting takes, as ratios: python benchmarks/instructions.py [NETWORK ...]. Needs valgrind.

The same calls as in ``analysis.py``, against the same floors (goals: at most 2.3 from a symbol, 1.8 of a file). Seconds
differ by a tenth and more from run to run on a shared machine. Instructions do not, but they know no cache.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NETWORKS = ("resnet18_v1", "resnet152_v1", "densenet201")
REPEATS = 2


def measured(networks):
    """Runs below callgrind, and has it dump what it has counted around each call."""
    import analysis  # imports MXNet
    from mxnet.gluon.model_zoo import vision

    for name in networks:
        symbol = vision.get_model(name)(analysis.mx.sym.var("data"))
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/{name}"
            symbol.save(f"{path}-symbol.json")
            calls = [
                (analysis.bare, symbol),
                (analysis.count, symbol),
                (analysis.bare_file, path),
                (analysis.count, path),
            ]
            for place, (function, model) in enumerate(calls):
                function(model, analysis.IMAGE)
                dump("before")
                for _ in range(REPEATS):
                    function(model, analysis.IMAGE)
                dump(f"{name}:{place}")


def dump(label):
    subprocess.run(
        ["callgrind_control", "-d", label, str(os.getpid())],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def main(networks):
    with tempfile.TemporaryDirectory() as folder:
        out = f"--callgrind-out-file={folder}/out"
        command = ["valgrind", "-q", "--tool=callgrind", out, sys.executable, __file__, "--measured", *networks]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        found = {}
        for path in Path(folder).glob("out.*"):
            text = path.read_text()
            label = re.search(r"^desc: Trigger: dump (.*)", text, re.MULTILINE)
            if label:
                found[label[1]] = int(re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)[1]) / REPEATS
    for name in networks:
        bare, symbol, bare_file, file = (found[f"{name}:{place}"] for place in range(4))
        print(
            f"{name:13}  count {symbol / 1e6:6.1f} M  {symbol / bare:.2f} x the bare inference"
            f"   of a file {file / 1e6:6.1f} M  {file / bare_file:.2f} x load and inference"
        )


if __name__ == "__main__":
    is_below = sys.argv[1:2] == ["--measured"]
    names = tuple(sys.argv[1 + is_below :]) or NETWORKS
    (measured if is_below else main)(names)
