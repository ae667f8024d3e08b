"""The latency gate of a session: one measuring process, and one measurement at a time on a host."""

import hashlib
import sys
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple, Optional, Protocol, Tuple

import msgspec

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
from pytest_mxperf.gate.resident import judge_resident, resident_of_same_graph, resident_unmeasured
from pytest_mxperf.judge.options import JudgeOptions
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.profile.values import NetworkProfile, Peaks
from pytest_mxperf.worker.host_lock import Holder, alone_on_this_host
from pytest_mxperf.worker.paired_timer import PairedTimer
from pytest_mxperf.worker.protocol import MeasuredResident, Network
from pytest_mxperf.worker.resident import compare_resident, resident_of

__all__ = ["LatencyGate", "Session", "Weights", "is_same_graph"]


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


class Progress(Protocol):
    """Says how a measurement goes; a context for each of them."""

    def __enter__(self) -> object: ...

    def __exit__(self, *error: Any) -> Optional[bool]: ...

    def tell(self, text: str) -> None:
        """How far it is."""

    def waiting(self, holder: Optional[Holder], waited: float) -> None:
        """For whom it waits, and how many seconds it has."""


class Session(NamedTuple):
    """Who measures, and with whom it shares what may go wrong."""

    progress: Progress
    command: str
    """As the user typed it, for others that wait."""
    run: str = ""
    """What the processes of one run have in common; empty for one process."""
    workers: int = 1
    """Processes of this run that measure without knowing of each other."""


class LatencyGate:
    """Of one process. The measuring process starts when a model has to be timed."""

    def __init__(self, options: JudgeOptions, session: Session) -> None:
        self._options = options
        self._session = session
        self._timer: Optional[PairedTimer] = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.close()

    def judge(self, candidate: Network, reference: Network, allowed: Fraction, *, over: str) -> Finding:
        """Growth of the candidate's latency over the reference's, which ``over`` names ("its baseline")."""
        if self._options.latency == "never":
            return not_measured("latency", self._switched_off)
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
            return not_measured("weights", self._switched_off)
        if self._options.latency == "auto" and weights.sha256 == known_sha256:
            return same_weights(allowed)
        loaded = msgspec.structs.replace(network, params_path=str(weights.path))
        try:
            compared = self._compare(network, loaded, float(allowed))
            subnormal = self._pair_timer().subnormal(self._here(loaded))
        except WorkerError as error:
            return not_measured("weights", str(error))
        return judge_weights(allowed, compared, subnormal.layer, subnormal.zero_below)

    def profile(self, *networks: Network) -> Tuple[NetworkProfile, ...]:
        """The times of the layers of one network, or of two in turns. Raises ``WorkerError``."""
        with self._alone():
            return self._pair_timer().profile(*map(self._here, networks))

    def peaks(self) -> Peaks:
        """What one core of this processor can do, measured once. Raises ``WorkerError``."""
        with self._alone():
            return self._pair_timer().peaks()

    def resident(self, network: Network) -> MeasuredResident:
        """The memory of one inference. Raises ``WorkerError``."""
        with self._alone():
            return resident_of(self._here(network))

    def judge_resident(
        self, candidate: Network, reference: Network, allowed: Fraction, *, over: str, is_baseline: bool
    ) -> Finding:
        """Growth of the memory of one inference over the reference's, which ``over`` names."""
        if allowed >= 0 and is_same_graph(reference, candidate):
            return resident_of_same_graph(allowed, over)
        try:
            with self._alone():
                pair = compare_resident(self._here(reference), self._here(candidate), allowed)
        except WorkerError as error:
            return resident_unmeasured(str(error))
        return judge_resident(allowed, pair, over=over, is_baseline=is_baseline)

    def rehearse(self, network: Network) -> List[Finding]:
        """Runs the network against itself, once: for the day that its baseline is recorded. Nothing is timed."""
        if self._options.latency == "never":
            return []
        try:
            with self._alone():
                prepared = self._pair_timer().prepare(self._here(network))
        except WorkerError as error:
            return [cannot_be_timed(network.run_as, str(error), words=self._options.words)]
        return [can_be_timed(network.run_as, self._pair_timer().shortage(prepared), prepared.notes)]

    @property
    def _switched_off(self) -> str:
        words = self._options.words
        return f"{words.latency}=never; {words.policy}=unmeasured=warn lets that pass"

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
        session = self._session
        alone = alone_on_this_host(
            seconds=self._options.latency_wait,
            option=self._options.words.latency_wait,
            command=session.command,
            run=session.run,
            waiting=session.progress.waiting,
        )
        with session.progress, alone:
            yield

    def _pair_timer(self) -> PairedTimer:
        if self._timer is None:
            self._timer = PairedTimer(
                seconds=self._options.latency_seconds,
                option=self._options.words.latency_seconds,
                error_share=1 / self._session.workers,
                progress=self._session.progress.tell,
            )
        return self._timer


def is_same_graph(reference: Network, candidate: Network) -> bool:
    """Whether both compute the same, up to names and spelling."""
    from pytest_mxperf.mx.alike import Written, run_alike

    if (reference.inputs, reference.run_as) != (candidate.inputs, candidate.run_as):
        return False
    return run_alike(*(Written(each.name, each.symbol_json, each.inputs) for each in (reference, candidate)))
