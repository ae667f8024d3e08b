"""docs/tutorial.md, line by line: what it says happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
MODULES = {"pytest": ["-m", "pytest"], "mxperf": ["-m", "pytest_mxperf.cli"]}
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def shell(tmp_path):
    """Runs a line of the tutorial, with the Python that runs these tests."""
    script, test = [text for language, text in BLOCKS if language == "python"]
    (tmp_path / "make_model.py").write_text(script)
    (tmp_path / "test_tagger.py").write_text(test.replace(', latency="5%"', ""))  # timing has tests of its own
    (ini,) = [text for language, text in BLOCKS if language == "ini"]
    (tmp_path / "pytest.ini").write_text(ini)

    def shell(line):
        program, *arguments = line.split()
        command = [sys.executable, *MODULES.get(program, []), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return shell


def lines(heading):
    """The commands below a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", section, re.M | re.S)
    return [line for language, text in blocks if not language for line in text.splitlines()]


def test_from_install_to_red_and_back_to_green(shell, tmp_path):
    (make,), (cost, *costs), (record, recorded, run) = lines("A model"), lines("Mark"), lines("Record")
    assert shell(make)[0] == 0
    code, text = shell(cost)
    assert (code, text.splitlines()[: len(costs) - 1]) == (0, costs[:-1])
    code, text = shell(record)
    assert (code, recorded in text.splitlines()) == (0, True)
    assert shell(run)[0] == 0
    wider, run, *told = lines("Break")
    assert shell(wider)[0] == 0
    code, text = shell(run)
    assert code == 1
    for line in told[: told.index("...")]:
        assert line in text.splitlines()
    assert told[-1] in text.splitlines()
    again, run, wider, accept, updated, last = lines("Mend, or accept")
    assert shell(again)[0] == 0
    assert shell(run)[0] == 0
    assert shell(wider)[0] == 0
    assert shell(accept)[0] == 1  # the budget is still broken: its test stores nothing
    test = tmp_path / "test_tagger.py"
    test.write_text(test.read_text().replace("16 M", "19 M"))
    code, text = shell(accept)
    assert (code, updated in text.splitlines()) == (0, True)
    assert shell(last)[0] == 0
