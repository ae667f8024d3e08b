"""Kills pytest --mxperf-update with SIGKILL at random moments: python benchmarks/kill_update.py [--kills N] [--seed N]

Between the kills the models change, so that each run has every baseline to write. After each kill every baseline must
be, both of its files, what it was before or what the run was to make of it; a whole run at the end must then find
nothing broken. Exits with 1 if a single one is anything else.

Each run is a forked child, so that MXNet, which takes seconds, is imported only once.
"""

import argparse
import importlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.commands.shared import WORDS
from pytest_mxperf.errors import BaselineError

MODELS = 30

TESTS = """
from pathlib import Path

import mxnet as mx
import pytest

from pytest_mxperf import ModelSpec

units = int(Path("units").read_text())
Path("started").touch()


@pytest.fixture(params=range({models}))
def mxperf_model(request):
    def dense():
        return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=units, no_bias=True, name="fc")

    return ModelSpec.parse(dense, {{"data": (1, 10)}}, name=f"model{{request.param}}")


@pytest.mark.mxperf_baseline
def test_model():
    pass
"""


class Project:
    """A folder with one test file; its models have 10 MACs for each of their units."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = BaselineStore(folder / "baselines", WORDS)
        (folder / "test_models.py").write_text(TESTS.format(models=MODELS))
        (folder / "pytest.ini").write_text("[pytest]\n")

    def start(self, units: int, *arguments: str) -> int:
        """The process id of a pytest run; returns when its first test is about to run."""
        (self.folder / "units").write_text(str(units))
        started = self.folder / "started"
        if started.exists():
            started.unlink()
        child = os.fork()
        if child == 0:
            self._run_pytest(*arguments)
        while not started.exists():
            time.sleep(0.001)
        return child

    def _run_pytest(self, *arguments: str) -> None:
        code = 99
        try:
            os.chdir(str(self.folder))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = int(pytest.main(["-q", "-p", "no:cacheprovider", *arguments]))
        finally:
            os._exit(code)

    def stored(self) -> "Counter[object]":
        """How many baselines are stored with how many units; under what is wrong with it for one that is broken."""
        return Counter(self._units(f"model{index}") for index in range(MODELS))

    def _units(self, name: str) -> object:
        try:
            stored = self.store.load(name)
            if stored is None:
                return None
            units = stored.baseline.macs // 10
            own_graph = f'"num_hidden": "{units}"' in stored.symbol_json
            return units if own_graph else f"{name}: a graph of another size"
        except BaselineError as error:
            return str(error)


def main() -> int:
    importlib.import_module("mxnet")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        return kill(Project(Path(folder)), options.kills, moments)


def wait(child: int) -> int:
    """The exit code, or minus the signal that has ended it."""
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def kill(project: Project, kills: int, moments: random.Random) -> int:
    child = project.start(1, "--mxperf-update")
    begin = time.monotonic()
    while project.stored() != {1: MODELS}:
        time.sleep(0.01)
    seconds = time.monotonic() - begin
    assert wait(child) == 0, "a run that is not killed passes"
    before = project.stored()
    seen: Counter[str] = Counter()
    for units in range(2, kills + 2):
        child = project.start(units, "--mxperf-update")
        time.sleep(moments.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        seen["runs that had ended before"] += wait(child) != -signal.SIGKILL
        after = project.stored()
        broken = [what for what in after if what != units and what not in before]
        seen["broken baselines"] += len(broken)
        seen["old baselines"] += sum(count for what, count in after.items() if what in before)
        seen["new baselines"] += after[units]
        seen["runs killed between two baselines"] += 0 < after[units] < MODELS
        for what in broken:
            print(f"kill {units - 1}: {what}")
        before = after
    code = wait(project.start(kills + 2, "--mxperf-update")) or wait(project.start(kills + 2))
    print(f"{kills} kills within the {seconds:.2f} s that a run takes for its {MODELS} baselines: {dict(seen)}")
    print(f"pytest --mxperf-update, and pytest once more, after them all: exit code {code}")
    litter = [path.name for path in project.store.folder.iterdir() if path.name.startswith(".")]
    print(f"temporary files left: {len(litter)}")
    return int(bool(code or seen["broken baselines"] or litter))


if __name__ == "__main__":
    sys.exit(main())
