"""How long ``mxperf history`` takes: python benchmarks/history.py [COMMITS]. A repository is made, and thrown away.

Each commit changes the baseline of a ResNet-152, which has 516 layers. Seconds are of the whole command, its start
included; what git alone takes to list the commits is beside it.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from pytest_mxperf import count
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.commands.shared import WORDS

import mxnet as mx  # isort: skip
from mxnet.gluon.model_zoo import vision

WHO = {f"GIT_{who}_{what}": "somebody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def repository(folder, commits):
    baseline = Baseline.of(count(vision.resnet152_v1()(mx.sym.var("data")), {"data": (1, 3, 224, 224)}), {})
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for number in range(commits):
        changed = msgspec.structs.replace(baseline, macs=baseline.macs + number)
        BaselineStore(folder / "baselines", WORDS).save("net", changed, "{}")
        for command in (["add", "-A"], ["commit", "-qm", f"Change {number}"]):
            subprocess.run(["git", "-C", str(folder), *command], check=True, env={**os.environ, **WHO})


def seconds(command, folder):
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(commits):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository(folder, commits)
        ours = seconds([sys.executable, "-m", "pytest_mxperf.cli", "history", "net"], folder)
        git = seconds(["git", "log", "--follow", "--name-status", "--", "baselines/net.json"], folder)
    print(f"{commits} commits: mxperf history {ours:.2f} s, git log {git:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
