"""What a type checker makes of a user's own file."""

import subprocess
import sys
from pathlib import Path

import pytest

import pytest_mxperf
from pytest_mxperf import errors

USER = """
from typing import Optional

import pytest_mxperf as mxperf


def weigh(report: mxperf.CostReport) -> int:
    return report.counted_as("fvcore") + report.params.trainable


def race(spec: mxperf.ModelSpec, other: mxperf.ModelSpec) -> Optional[float]:
    try:
        compared: mxperf.Comparison = mxperf.compare_latency(spec, other, tolerance=0.05)
    except (mxperf.WorkerError, mxperf.UsageError):
        return None
    return compared.seconds


def median(timing: mxperf.Timing) -> float:
    return timing.p50


weigh(mxperf.count("net", {"data": (1, 3)}))
mxperf.count("net", {"data": (1, 3)}).counted_as("ptflops")  # WRONG
"""


def test_a_users_file_is_checked_strictly_and_a_wrong_convention_is_found(tmp_path):
    pytest.importorskip("mypy")
    file = tmp_path / "user.py"
    file.write_text(USER, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", str(file)]
    command += [f"--cache-dir={tmp_path / 'cache'}"]
    root = str(Path(pytest_mxperf.__file__).parents[1])
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    errors_found = [line for line in found.stdout.splitlines() if ": error:" in line]
    (wrong,) = [number for number, line in enumerate(USER.splitlines(), 1) if "# WRONG" in line]
    assert len(errors_found) == 1, found.stdout + found.stderr
    assert f'user.py:{wrong}: error: Argument 1 to "counted_as"' in errors_found[0]


def test_every_error_can_be_named():
    named = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert "ShapeError" in named <= set(pytest_mxperf.__all__)
