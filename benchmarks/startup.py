"""What the plugin costs runs that have no test of ours: python benchmarks/startup.py [ROUNDS].

Runs ``pytest --collect-only`` and ``pytest`` in new processes, with the plugin as it is installed and with ``-p
no:mxperf`` in turns, on 1 and on 1,000 unmarked tests. Times are the process's CPU time; the difference is the median
over the rounds of that between neighbours. Other plugins that are installed are loaded on both sides.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "startup.md"
PROGRAM = """
import sys, time
import pytest
status = pytest.main(sys.argv[1:])
names = [name for name in sys.modules if name.startswith("pytest_mxperf")]
print("MEASURED", time.process_time(), len(names))
"""
RUNS = {"--collect-only": ["--collect-only"], "run": []}
CACHING = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""With it each start would compile all plugins anew."""


def measured(folder, arguments):
    """CPU seconds of a run, and how many modules of ours it has imported."""
    command = [sys.executable, "-c", PROGRAM, "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=CACHING, capture_output=True, text=True, check=True)
    _, seconds, modules = next(line for line in done.stdout.splitlines() if line.startswith("MEASURED")).split()
    return float(seconds), int(modules)


def compared(folder, arguments, rounds):
    with_us, without = arguments, ["-p", "no:mxperf", *arguments]
    measured(folder, with_us), measured(folder, without)  # writes what Python caches
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(measured(folder, with_us))
        theirs.append(measured(folder, without))
    added = statistics.median(own[0] - other[0] for own, other in zip(ours, theirs))
    return statistics.median(seconds for seconds, _ in theirs), added, ours[0][1]


def main(rounds):
    lines = ["| tests | | without, ms | the plugin adds, ms | modules of ours |", "|--:|---|--:|--:|--:|"]
    for count in (1, 1000):
        with tempfile.TemporaryDirectory() as folder:
            text = "".join(f"def test_{place}():\n    pass\n" for place in range(count))
            (Path(folder) / "test_unmarked.py").write_text(text)
            for name, arguments in RUNS.items():
                without, added, modules = compared(folder, arguments, rounds)
                lines.append(f"| {count:,} | {name} | {1000 * without:.0f} | {1000 * added:.1f} | {modules} |")
                print(lines[-1], flush=True)
    header = f"# What the unused plugin costs\n\nWritten by `benchmarks/startup.py {rounds}`: CPU time.\n"
    RESULT.write_text("\n".join([header, *lines, ""]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
