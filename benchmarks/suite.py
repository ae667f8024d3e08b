"""A thousand checkpoints in one run: seconds and memory, as an ``mxperf.toml`` and as tests in Python.

    python benchmarks/suite.py [--models 1000]    # about five minutes

Each checkpoint is the example's, 126 KiB, under a name of its own. Rows: baselines recorded, compared unchanged, and
compared after all models were renamed (each is MISSING then, and its twin is looked for). Memory is the peak of the
process.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "examples" / "digits"
TOML = '[models.{name}]\nsource = "models/{name}"\n'
PYTHON = """
import pytest


@pytest.mark.parametrize("mxperf_model", [{{"source": f"models/{stem}{{number}}"}} for number in range({count})])
@pytest.mark.mxperf_model(inputs={{"data": (1, 1, 8, 8)}})
@pytest.mark.mxperf_baseline
def test_model():
    pass
"""


def write(folder, kind, stem, count):
    shutil.rmtree(folder / "models", ignore_errors=True)
    (folder / "models").mkdir()
    for number in range(count):
        for end in ("-symbol.json", "-0000.params"):
            os.link(DIGITS / f"digits{end}", folder / "models" / f"{stem}{number}{end}")
    if kind == "toml":
        head = "[defaults]\nbaseline = true\ninputs = { data = [1, 1, 8, 8] }\n"
        body = "".join(TOML.format(name=f"{stem}{number}") for number in range(count))
        (folder / "mxperf.toml").write_text(head + body)
    else:
        (folder / "test_models.py").write_text(PYTHON.format(stem=stem, count=count))


def run(folder, *arguments):
    """Seconds, and the peak of the process in MiB."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", *arguments]
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    return time.perf_counter() - start, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--models", type=int, default=1000)
    count = options.parse_args().models
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    print(f"{count} models\n\n| | recorded | unchanged | renamed |\n|---|--:|--:|--:|")
    for kind in ("toml", "python"):
        with tempfile.TemporaryDirectory(dir=ROOT.parent) as name:
            folder = Path(name)
            write(folder, kind, "model", count)
            cells = [run(folder, "--mxperf-update"), run(folder)]
            write(folder, kind, "other", count)
            cells.append(run(folder))
            shown = " | ".join(f"{seconds:.1f} s, {memory:.0f} MiB" for seconds, memory in cells)
            print(f"| {kind} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
