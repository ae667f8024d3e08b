"""What the layers of counted models hold in memory until a run's end: python benchmarks/layers_kept.py [MODELS].

Each test counts a ResNet-152 under a budget. Rows: without a report, with a JSON report, and that of two processes of
xdist. Columns: the peak of the process that writes the report, the same with one model, and how large the report is.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

CONFTEST = """
import resource


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        print(f"PEAK {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} KiB")
"""
TESTS = """
import pytest
import pytest_mxperf
import mxnet as mx

NET = mx.gluon.model_zoo.vision.resnet152_v1()(mx.sym.var("data"))


@pytest.fixture(params=range({models}))
def mxperf_model(request):
    return {{"source": NET, "inputs": {{"data": (1, 3, 224, 224)}}, "name": f"net{{request.param}}"}}


@pytest.mark.mxperf_budget(macs="12 G")
def test_model():
    pass
"""
RUNS = {
    "without a report": [],
    "JSON report": ["--mxperf-report=report.json"],
    "JSON report, -n 2": ["--mxperf-report=report.json", "-n", "2"],
}


def peak_and_report(models, arguments):
    """MiB of the main process, and MB of the report."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "conftest.py").write_text(CONFTEST)
        (Path(folder) / "test_models.py").write_text(TESTS.format(models=models))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if f"{models} passed" not in done.stdout:
            sys.exit(done.stdout + done.stderr)
        report = Path(folder) / "report.json"
        size = report.stat().st_size if report.exists() else 0
        return int(re.search(r"PEAK (\d+)", done.stdout)[1]) / 1024, size / 1e6


def main(models):
    print(f"| {models} ResNet-152 | peak, MiB | with one, MiB | report, MB |\n|---|--:|--:|--:|")
    for name, arguments in RUNS.items():
        (one, _), (peak, size) = (peak_and_report(count, arguments) for count in (1, models))
        print(f"| {name} | {peak:.0f} | {one:.0f} | {size:.1f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
