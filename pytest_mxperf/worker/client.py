"""Starts the measuring process and talks to it. A crash in there does not affect this process."""

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

# One thread and the synchronous engine: CPU time is the network's own then, and a neighbour hardly moves it.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MXNET_ENGINE_TYPE": "NaiveEngine",
    "PYTHONDONTWRITEBYTECODE": "1",
}
# What else of the user's would change how fast a network runs, or what the process does besides: warnings that are
# errors, a profiler, a log of every kernel, pytest-cov's tracing of subprocesses.
_NOT_INHERITED = ("MXNET_", "MKLDNN_", "DNNL_", "ONEDNN_", "OMP_", "KMP_", "GOMP_", "PYTHON", "COV_", "COVERAGE_")
_INHERITED = ("MXNET_LIBRARY_PATH", "MXNET_HOME", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONNOUSERSITE")
_START_SECONDS = 120.0
_LAST_WORDS_BYTES = 300

R = TypeVar("R")


class Worker:
    """The measuring process: started by the first request if not before, ended by ``close()`` or with this process."""

    def __init__(self) -> None:
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._is_ready = False
        self._errors: Optional[IO[bytes]] = None
        self._buffer = b""
        self.mxnet = ""
        """The version of MXNet in there, once started."""

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def launch(self) -> None:
        """Starts it, and returns while it is still importing MXNet. Raises ``WorkerError`` if it cannot be started.

        Replaces a process that died after an earlier launch, before its first request.
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
        """Launches it if need be, and returns once MXNet is imported. Raises ``WorkerError`` if either fails."""
        self.launch()
        if not self._is_ready:
            self.mxnet = self._receive(Ready, "it started", _START_SECONDS).mxnet
            self._is_ready = True

    def request(self, request: Request, expected: Type[R], *, doing: str, seconds: float) -> R:
        """The answer, which must come within ``seconds``.

        Raises ``WorkerError`` if the request failed, and if the process died or did not answer; the next request then
        starts a new one. ``doing`` is for the message: "it timed resnet18".
        """
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._lost(doing) from None
        except BaseException:  # a test's own alarm, which may be an OSError too: half a request answers nothing
            self.close()
            raise
        return self._receive(expected, doing, seconds)

    def close(self) -> None:
        """Ends the process; the next request starts a new one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(OSError):  # what it has not read
                    pipe.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _receive(self, expected: Type[R], doing: str, seconds: float) -> R:
        try:
            line = self._read_line(doing, seconds)
        except WorkerError:
            raise
        except BaseException:  # an interrupt, or a test's own time limit: what is still to come answers nothing else
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
        """Says that the process has died, and of what."""
        assert self._process is not None
        assert self._errors is not None
        code = self._process.wait()
        how = _signal_name(-code) if code < 0 else f"exit code {code}"
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _LAST_WORDS_BYTES))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        words = [line for line in lines if not line.startswith("[")]  # what MXNet logs is not why
        self.close()
        said = f": {words[-1]}" if words and code >= 0 else ""
        return WorkerError(f"the measuring process died ({how}) while {doing}{said}")


def _environment() -> Dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if name in _INHERITED or not name.startswith(_NOT_INHERITED)
    }
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**inherited, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)}


# As -m would do it, but without the current folder on the path: a file there may be called like one of Python's; and
# without what MXNet imports if it is installed, which is half of the start and serves nothing here.
# An interrupt from the keyboard is for the session, which ends this process.
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
