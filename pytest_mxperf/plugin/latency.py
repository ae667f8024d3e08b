"""The latency gate of a session: one measuring process, and one measurement at a time on a host."""

import fcntl
import hashlib
import os
import tempfile
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple, Optional

import msgspec
import pytest

from pytest_mxperf.canonical import fingerprint
from pytest_mxperf.errors import WorkerError
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.gate.latency import (
    WEIGHTS_TOLERANCE,
    can_be_timed,
    cannot_be_timed,
    judge_latency,
    judge_weights,
    not_measured,
    same_graph,
    same_weights,
)
from pytest_mxperf.graph import Graph
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.plugin.options import Options
from pytest_mxperf.worker.compare import Laboratory
from pytest_mxperf.worker.protocol import Network

__all__ = ["LATENCY", "LatencyGate", "Weights", "is_same_graph"]

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
        if self._options.latency == "auto" and allowed >= 0 and is_same_graph(reference, candidate):
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
        loaded = msgspec.structs.replace(network, params_path=str(weights.path))
        try:
            compared = self._compare(network, loaded, WEIGHTS_TOLERANCE)
            layer = self._lab().subnormal_layer(loaded)
        except WorkerError as error:
            return not_measured("weights", str(error))
        return judge_weights(compared, layer)

    def rehearse(self, network: Network) -> List[Finding]:
        """Runs the network against itself, once: for the day that its baseline is recorded. Nothing is timed."""
        if self._options.latency == "never":
            return []
        try:
            with self._alone():
                prepared = self._lab().prepare(network)
        except WorkerError as error:
            return [cannot_be_timed(network.run_as, str(error))]
        return [can_be_timed(network.run_as, self._lab().shortage(prepared), prepared.notes)]

    def _compare(self, reference: Network, candidate: Network, tolerance: float) -> Comparison:
        with self._alone():
            return self._lab().compare(reference, candidate, tolerance)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._progress(), _alone_on_this_host(lambda: self._tell("waits for another run on this host")):
            yield

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


def is_same_graph(reference: Network, candidate: Network) -> bool:
    """Whether both compute the same, up to names. Most graphs have not changed at all: their text tells it at once."""
    if (reference.inputs, reference.run_as) != (candidate.inputs, candidate.run_as):
        return False
    if reference.symbol_json.rstrip() == candidate.symbol_json.rstrip():  # a stored one ends with its line
        return True
    return _fingerprint(reference) == _fingerprint(candidate)


def _fingerprint(network: Network) -> str:
    return fingerprint(Graph.parse(network.symbol_json, where=network.name), network.inputs)


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
