"""The latency gate of a session: one measuring process, and one measurement at a time on a host."""

import hashlib
import sys
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple

import msgspec
import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.gate.latency import (
    can_be_timed,
    cannot_be_timed,
    judge_latency,
    judge_weights,
    not_measured,
    same_graph,
    same_weights,
)
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.plugin.containment import contained
from pytest_mxperf.plugin.progress import Progress, run_of
from pytest_mxperf.plugin.settings import Options
from pytest_mxperf.profile.values import NetworkProfile, Peaks
from pytest_mxperf.worker.host_lock import alone_on_this_host
from pytest_mxperf.worker.paired_timer import PairedTimer
from pytest_mxperf.worker.protocol import Network

__all__ = ["LATENCY", "LatencyGate", "Weights", "is_same_graph"]

_NEVER = "--mxperf-latency=never; --mxperf-policy=unmeasured=warn lets that pass"


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
        self._progress = Progress(config, options.latency_wait)
        self._timer: Optional[PairedTimer] = None

    def pytest_unconfigure(self) -> None:
        if self._timer is not None:
            with contained(partial(print, file=sys.stderr), "ending the measuring process"):
                self._timer.close()

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

    def judge_weights(self, network: Network, weights: Weights, known_sha256: str, allowed: Fraction) -> Finding:
        """Whether the network is slower with its own weights; ``known_sha256`` is of some that are not, anywhere."""
        if self._options.latency == "never":
            return not_measured("weights", _NEVER)
        if self._options.latency == "auto" and weights.sha256 == known_sha256:
            return same_weights(allowed)
        loaded = msgspec.structs.replace(network, params_path=str(weights.path))
        try:
            compared = self._compare(network, loaded, float(allowed))
            layer = self._pair_timer().subnormal_layer(self._here(loaded))
        except WorkerError as error:
            return not_measured("weights", str(error))
        return judge_weights(allowed, compared, layer)

    def profile(self, *networks: Network) -> Tuple[NetworkProfile, ...]:
        """The times of the layers of one network, or of two in turns. Raises ``WorkerError``."""
        with self._alone():
            return self._pair_timer().profile(*map(self._here, networks))

    def peaks(self) -> Peaks:
        """What one core of this processor can do, measured once. Raises ``WorkerError``."""
        with self._alone():
            return self._pair_timer().peaks()

    def rehearse(self, network: Network) -> List[Finding]:
        """Runs the network against itself, once: for the day that its baseline is recorded. Nothing is timed."""
        if self._options.latency == "never":
            return []
        try:
            with self._alone():
                prepared = self._pair_timer().prepare(self._here(network))
        except WorkerError as error:
            return [cannot_be_timed(network.run_as, str(error))]
        return [can_be_timed(network.run_as, self._pair_timer().shortage(prepared), prepared.notes)]

    def _compare(self, reference: Network, candidate: Network, tolerance: float) -> Comparison:
        with self._alone():
            return self._pair_timer().compare(self._here(reference), self._here(candidate), tolerance)

    def _here(self, network: Network) -> Network:
        """The network, with the modules that register its operators and where this process finds them."""
        imports = self._options.imports
        path = tuple(filter(None, sys.path)) if imports else ()
        return msgspec.structs.replace(network, imports=imports, import_path=path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        config, progress = self._config, self._progress
        alone = alone_on_this_host(
            seconds=self._options.latency_wait,
            command=_command(config),
            run=run_of(config),
            waiting=progress.waiting,
        )
        with progress, alone:
            yield

    def _pair_timer(self) -> PairedTimer:
        if self._timer is None:
            # Workers of xdist's measure without knowing of each other, and share what may go wrong in a session.
            workers = int(getattr(self._config, "workerinput", {}).get("workercount", 1))
            self._timer = PairedTimer(
                seconds=self._options.latency_seconds, error_share=1 / workers, progress=self._progress.tell
            )
        return self._timer


def _command(config: pytest.Config) -> str:
    """As the user typed it, without the path of pytest."""
    given = getattr(config, "workerinput", {}).get("mainargv")
    return " ".join(["pytest", *(given[1:] if given else map(str, config.invocation_params.args))])


def is_same_graph(reference: Network, candidate: Network) -> bool:
    """Whether both compute the same, up to names and spelling."""
    from pytest_mxperf.mx.alike import Written, run_alike

    if (reference.inputs, reference.run_as) != (candidate.inputs, candidate.run_as):
        return False
    return run_alike(*(Written(each.name, each.symbol_json, each.inputs) for each in (reference, candidate)))


LATENCY: "pytest.StashKey[LatencyGate]" = pytest.StashKey()
