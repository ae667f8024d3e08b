"""A short run of the fuzzer; and that it would notice what it looks for."""

import importlib.util
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz import worker
from tests.fuzz.mutate import Files, mutate

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mxnet") is None, reason="MXNet is not installed")
def test_a_hundred_mutants_do_no_harm():
    arguments = ["--example-only", "--mutants", "100", "--seed", "1"]
    result = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *arguments], cwd=str(ROOT), capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    outcomes = {line.split(None, 1)[1] for line in result.stdout.splitlines()[:-1]}
    assert {"clear error", "counted", "run"} <= outcomes


@pytest.mark.parametrize(
    ("program", "outcome"),
    [("import os; os.abort()", "died"), ("import time; time.sleep(60)", "hung over 0.5 s")],
)
def test_a_worker_that_dies_or_hangs_is_noticed_and_another_started(monkeypatch, capsys, program, outcome):
    monkeypatch.setattr(command, "HANG_SECONDS", 0.5)
    monkeypatch.setattr(command, "START_SECONDS", 0.0)
    process = command.Worker([])
    process._command = [sys.executable, "-c", program]
    assert command._run([process], [3, 4], verbose=False) == 1
    output = capsys.readouterr().out
    assert [line.split(" ()")[0] for line in output.splitlines()[:3]] == [
        f"3: {outcome}",
        f"4: {outcome}",
        f"      2 {outcome}  FORBIDDEN",
    ]


@pytest.mark.parametrize(
    ("message", "is_clear"),
    [
        ("m: the graph has no input 'date'; did you mean 'data'?", True),
        ("\n".join("123456"), True),
        ("\n".join("1234567"), False),
        ("", False),
        ("x" * 5000, False),
        ("\x1b[31mred", False),
        ("Traceback (most recent call last)", False),
        ('m: File "../src/operator/nn/pooling.cc", line 3', False),
        ("m: ../src/op.cc:73: Check failed: op != nullptr", False),
    ],
)
def test_what_a_clear_message_is(message, is_clear):
    assert worker._is_clear(message) == is_clear


def test_a_mutant_is_told_by_its_seed_alone():
    files = Files(
        (ROOT / "examples" / "digits" / "digits-symbol.json").read_bytes(),
        (ROOT / "examples" / "digits" / "digits-0000.params").read_bytes(),
        {"data": (1, 1, 8, 8)},
    )
    mutants = [mutate(files, [files], random.Random(f"1/{number}")) for number in range(200)]
    assert mutants == [mutate(files, [files], random.Random(f"1/{number}")) for number in range(200)]
    assert sum(mutant == files for _, mutant in mutants) < 20
