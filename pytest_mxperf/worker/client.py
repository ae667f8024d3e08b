"""Starts the measuring process and talks to it. A crash of the measuring process does not affect this process."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Dict, Optional, Type, TypeVar

import msgspec

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.worker.protocol import Failed, Ready, Reply, Request

__all__ = ["Worker"]

# One thread and the synchronous engine, so that CPU time is the network's own, and other processes hardly change it.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MXNET_ENGINE_TYPE": "NaiveEngine",
    "PYTHONDONTWRITEBYTECODE": "1",
}
# The user's variables that would change how fast a network runs, or make the process do more: warnings as errors, a
# profiler, a log of every kernel, pytest-cov's tracing of subprocesses.
_NOT_INHERITED = ("MXNET_", "MKLDNN_", "DNNL_", "ONEDNN_", "OMP_", "KMP_", "GOMP_", "PYTHON", "COV_", "COVERAGE_")
_INHERITED = ("MXNET_LIBRARY_PATH", "MXNET_HOME", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONNOUSERSITE")
_START_SECONDS = 120.0
_LAST_WORDS_BYTES = 300

R = TypeVar("R")


class Worker:
    """The measuring process. The first request starts it if needed. It ends with this process, or by ``close()``."""

    def __init__(self) -> None:
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._is_ready = False
        self._errors: Optional[IO[bytes]] = None
        self._buffer = b""
        self.mxnet = ""
        """The version of MXNet in the measuring process, once it has started."""

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def launch(self) -> None:
        """Starts the process, and returns while it still imports MXNet. Raises ``WorkerError`` if it cannot be started.

        Replaces a process that crashed after an earlier launch, before its first request.
        """
        if self._process is not None and (self._is_ready or self._process.poll() is None):
            return
        self.close()
        self._is_ready, self._buffer = False, b""
        try:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
            self._process = subprocess.Popen(
                [sys.executable, "-c", _MAIN],
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        except OSError as error:
            self.close()
            raise WorkerError(f"the measuring process cannot be started: {error}") from None

    def start(self) -> None:
        """Launches the process if needed, and waits until it has imported MXNet. Raises ``WorkerError`` on failure."""
        self.launch()
        if not self._is_ready:
            self.mxnet = self._receive(Ready, "it started", _START_SECONDS).mxnet
            self._is_ready = True

    def request(self, request: Request, expected: Type[R], *, doing: str, seconds: float) -> R:
        """The answer, which must come within ``seconds``.

        Raises ``WorkerError`` if the request failed, or the process crashed or did not answer. Then the next request
        starts a new process. ``doing`` is for the message: "it timed resnet18".
        """
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._lost(doing) from None
        except BaseException:  # for example a test's own alarm, even as an OSError: the request may be incomplete
            self.close()
            raise
        return self._receive(expected, doing, seconds)

    def close(self) -> None:
        """Ends the process. The next request starts a new one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(OSError):  # the pipe may have data that the process did not read
                    pipe.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _receive(self, expected: Type[R], doing: str, seconds: float) -> R:
        try:
            line = self._read_line(doing, seconds)
        except WorkerError:
            raise
        except BaseException:  # an interrupt, or a test's own time limit: a late answer must not meet the next request
            self.close()
            raise
        reply = msgspec.json.decode(line, type=Reply)
        if isinstance(reply, Failed):
            raise WorkerError(reply.message)
        assert isinstance(reply, expected)
        return reply

    def _read_line(self, doing: str, seconds: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        descriptor, deadline = self._process.stdout.fileno(), time.monotonic() + seconds
        poll = select.poll()  # select() cannot wait for a descriptor beyond 1,023
        poll.register(descriptor, select.POLLIN)
        while b"\n" not in self._buffer:
            if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
                self.close()
                raise WorkerError(f"the measuring process did not answer for {seconds:.0f} s while {doing}")
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                raise self._lost(doing)
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _lost(self, doing: str) -> WorkerError:
        """The error for a process that has ended, with its exit code and last message."""
        assert self._process is not None
        assert self._errors is not None
        code = self._process.wait()
        how = _signal_name(-code) if code < 0 else f"exit code {code}"
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _LAST_WORDS_BYTES))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        words = [line for line in lines if not line.startswith("[")]  # without MXNet's log
        self.close()
        said = f": {words[-1]}" if words and code >= 0 else ""
        return WorkerError(f"the measuring process died ({how}) while {doing}{said}")


def _environment() -> Dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if name in _INHERITED or not name.startswith(_NOT_INHERITED)
    }
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**inherited, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)}


# Like -m, but without the current folder on the path, where a file may have the name of a Python module, and without
# packages that MXNet imports if they are installed: they take half of the start, and nothing here needs them.
# The process ignores an interrupt from the keyboard. The session gets it, and ends the process.
_MAIN = """
import sys
sys.path[:] = filter(None, sys.path)
sys.modules.update(sklearn=None, scipy=None)
import runpy, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
runpy.run_module("pytest_mxperf.worker", run_name="__main__")
"""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
