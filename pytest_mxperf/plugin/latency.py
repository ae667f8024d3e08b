"""The latency gate of a session: one measuring process, and one measurement at a time on a host."""

import fcntl
import hashlib
import os
import tempfile
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Optional

import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.gate.latency import (
    WEIGHTS_TOLERANCE,
    judge_latency,
    judge_weights,
    not_measured,
    same_graph,
    same_weights,
)
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.plugin.options import Options
from pytest_mxperf.worker.compare import Laboratory
from pytest_mxperf.worker.protocol import Network

__all__ = ["LATENCY", "LatencyGate", "Weights"]

_NEVER = "--mxperf-latency=never; --mxperf-unmeasured=warn lets that pass"


class Weights(NamedTuple):
    """A ``.params`` file."""

    path: Path
    sha256: str

    @classmethod
    def at(cls, path: Path) -> "Weights":
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            for chunk in iter(lambda: stream.read(1 << 20), b""):
                digest.update(chunk)
        return cls(path, digest.hexdigest())


class LatencyGate:
    """A plugin object in every process that runs tests. The measuring process starts when a model has to be timed."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._config = config
        self._options = options
        self._comparisons = 1
        self._has_told = False
        self._laboratory: Optional[Laboratory] = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._comparisons = 2 * sum(map(_has_latency_gate, session.items))  # of its graph, and of its weights

    def pytest_unconfigure(self) -> None:
        if self._laboratory is not None:
            self._laboratory.close()

    def judge(self, candidate: Network, reference: Network, allowed: Fraction, *, over: str) -> Finding:
        """Growth of the candidate's latency over the reference's, which ``over`` names ("its baseline")."""
        if self._options.latency == "never":
            return not_measured("latency", _NEVER)
        if self._options.latency == "auto" and allowed >= 0 and _run_alike(candidate, reference):
            return same_graph(allowed, over)
        try:
            compared = self._compare(reference, candidate, float(allowed))
        except WorkerError as error:
            return not_measured("latency", str(error))
        return judge_latency(allowed, compared, over=over)

    def judge_weights(self, network: Network, weights: Weights, known_sha256: str) -> Finding:
        """Whether the network is slower with its own weights; ``known_sha256`` is of some that are not, anywhere."""
        if self._options.latency == "never":
            return not_measured("weights", _NEVER)
        if self._options.latency == "auto" and weights.sha256 == known_sha256:
            return same_weights()
        loaded = Network(network.name, network.symbol_json, network.inputs, str(weights.path))
        try:
            compared = self._compare(network, loaded, WEIGHTS_TOLERANCE)
            layer = self._lab().subnormal_layer(loaded)
        except WorkerError as error:
            return not_measured("weights", str(error))
        return judge_weights(compared, layer)

    def _compare(self, reference: Network, candidate: Network, tolerance: float) -> Comparison:
        with self._progress(), _alone_on_this_host(lambda: self._tell("waits for another run on this host")):
            return self._lab().compare(reference, candidate, tolerance)

    def _lab(self) -> Laboratory:
        if self._laboratory is None:
            seconds = self._options.latency_seconds
            self._laboratory = Laboratory(seconds=seconds, comparisons=self._comparisons, progress=self._tell)
        return self._laboratory

    @contextmanager
    def _progress(self) -> Iterator[None]:
        """Shows how it goes in a line of its own, and wipes it out at the end."""
        try:
            yield
        finally:
            if self._has_told:
                self._tell("")
                self._has_told = False

    def _tell(self, text: str) -> None:
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        # Quiet output is one line of dots, which would be wiped out with it.
        if reporter is None or not reporter.isatty or reporter.verbosity < 0:
            return
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        with nullcontext() if capture is None else capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.rewrite(text, erase=True)
            reporter.write("" if text else "\r")
            self._has_told = True


def _has_latency_gate(item: pytest.Item) -> bool:
    return any("latency" in marker.kwargs for marker in item.iter_markers("mxperf_baseline"))


def _run_alike(one: Network, other: Network) -> bool:
    from pytest_mxperf.mx.alike import Written, run_alike

    return run_alike(*(Written(each.name, each.symbol_json, each.inputs) for each in (one, other)))


@contextmanager
def _alone_on_this_host(before_waiting: Callable[[], None]) -> Iterator[None]:
    """Waits for whoever else of the same user is timing: xdist's other workers, and other runs.

    Raises ``WorkerError`` where there is no folder for temporary files, or somebody else's file is in the way.
    """
    try:
        path = Path(tempfile.gettempdir()) / f"pytest-mxperf-{os.getuid()}.lock"
        # Anybody may have put a link there.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise WorkerError(f"cannot lock this host: {error}; set TMPDIR to a folder of your own") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            before_waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


LATENCY: "pytest.StashKey[LatencyGate]" = pytest.StashKey()
