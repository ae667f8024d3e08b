"""What is written to the descriptor itself is dropped, what Python writes is not."""

import os
import subprocess
import sys

from pytest_mxperf.native_output import native_lines_dropped

PROGRAM = """
import os, sys
from pytest_mxperf.native_output import native_lines_dropped
os.write(2, b"before\\n")
with native_lines_dropped():
    os.write(2, b"from C\\n")
    print("from Python", file=sys.stderr)
os.write(2, b"after\\n")
print("behind", file=sys.stderr)
"""


def test_lines_of_c_are_dropped_meanwhile():
    done = subprocess.run([sys.executable, "-c", PROGRAM], stderr=subprocess.PIPE, check=True, text=True)
    assert done.stderr.split("\n") == ["before", "from Python", "after", "behind", ""]


def test_a_closed_stderr_is_no_trouble():
    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -c '{CLOSED}' 2>&-"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "fine\n")


CLOSED = """
from pytest_mxperf.native_output import native_lines_dropped
with native_lines_dropped():
    print("fine")
"""


def test_a_stream_that_is_captured_stays_the_one(capfd, monkeypatch):
    captured = sys.stderr
    with native_lines_dropped():
        os.write(2, b"from C\n")
        print("from Python", file=sys.stderr)
    assert sys.stderr is captured
    assert capfd.readouterr().err.replace("from Python\n", "") == ""
