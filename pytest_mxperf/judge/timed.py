"""A test's model as the latency gate runs it: its graph, its weights, its example, and how it is run."""

import hashlib
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, ContextManager, List, Optional

import msgspec

from pytest_mxperf.baseline.layout import graph_text
from pytest_mxperf.baseline.record import Recorded
from pytest_mxperf.canonical import fingerprint
from pytest_mxperf.errors import UsageError, WorkerError
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.resident import resident_measured, resident_unmeasured
from pytest_mxperf.judge.latency_gate import LatencyGate, Weights, is_same_graph
from pytest_mxperf.judge.slower import with_layers
from pytest_mxperf.profile.layers import ModelProfile, model_profile
from pytest_mxperf.spec import Checkpoint, ModelSpec, RunAs
from pytest_mxperf.worker.protocol import MeasuredResident, Network

if TYPE_CHECKING:  # it imports MXNet
    from pytest_mxperf.mx.analysis import Analysis

__all__ = ["TimedModel"]


class TimedModel:
    """Whatever it is compared with is run as it is, with the same example."""

    def __init__(self, spec: ModelSpec, analysis: "Analysis", example: Any, gate: LatencyGate) -> None:
        self.run_as: RunAs = spec.run_as or analysis.model.run_as
        self._spec = spec
        self._analysis = analysis
        self._example = example
        self._gate = gate

    def recorded(self, *, has_gate: bool, is_timed: bool) -> Recorded:
        """What a baseline stores about today: how a latency gate runs the model, and the inputs of all timing."""
        from pytest_mxperf.mx.build import build

        run_as = str(self.run_as) if has_gate else ""
        example = "" if not (has_gate or is_timed) else "none" if self._example is None else self._example.sha256
        return Recorded(**build()._asdict(), run_as=run_as, example=example)

    def identity(self) -> str:
        """Alike for models that a latency gate cannot tell apart."""
        from pytest_mxperf.mx.operators import operator

        example = "" if self._example is None else self._example.sha256
        graph = fingerprint(self._analysis.graph, self._spec.inputs, operators=operator)
        return hashlib.sha256(repr((graph, self.run_as, example)).encode()).hexdigest()

    def is_graph(self, symbol_json: str) -> bool:
        """Whether that is its graph, up to names."""
        return is_same_graph(self._network("its baseline", symbol_json), self._candidate())

    def rehearse(self) -> List[Finding]:
        """Whether it can be timed at all, found out on the day that its baseline is recorded."""
        with _stored(self._example) as path:
            return self._gate.rehearse(self._candidate(path))

    def judge(self, symbol_json: str, theirs: Callable[[], "Analysis"], allowed: Fraction) -> Finding:
        """Its latency over that of its baseline's graph; ``theirs`` is the analysis of that graph."""
        with _stored(self._example) as path:
            reference = self._network("its baseline", symbol_json, path)
            return self._judge(self._candidate(path), reference, theirs, allowed, over=reference.name)

    def judge_against(self, other: ModelSpec, theirs: "Analysis", allowed: Fraction, *, over: str) -> Finding:
        """Its latency over that of another model, which ``over`` names.

        Raises ``UsageError`` if the two are not to be run alike.
        """
        from pytest_mxperf.mx.example import example_of

        if other.run_as not in (None, self.run_as):
            raise UsageError(
                f"{self._spec.name}: against={other.name} is run as a {other.run_as}, the model as a {self.run_as}; "
                "both must be run in the same way: give run_as to the model only"
            )
        example = example_of(other)
        if example is None and self._example is not None:
            example = self._example.of_inputs(other.inputs, where=f"against={other.name}")
        with _stored(self._example) as path, _stored(example) as their_path:
            reference = Network(other.name, theirs.symbol_json, dict(other.inputs), None, self.run_as, their_path)
            found = self._judge(self._candidate(path), reference, lambda: theirs, allowed, over=over)
        # What is faster than another model has not become so: there is no baseline to update.
        is_better = found.verdict is Verdict.IMPROVED
        return msgspec.structs.replace(found, verdict=Verdict.PASSED) if is_better else found

    def resident(self) -> MeasuredResident:
        """The memory of one inference. Raises ``WorkerError``."""
        with _stored(self._example) as path:
            return self._gate.resident(self._candidate(path))

    def rehearse_resident(self) -> List[Finding]:
        """Whether it can be measured, found out on the day that its baseline is recorded."""
        try:
            return [resident_measured(self.resident().peak_bytes)]
        except WorkerError as error:
            return [resident_unmeasured(str(error))]

    def judge_resident(self, symbol_json: str, allowed: Fraction) -> Finding:
        """Its memory over that of its baseline's graph."""
        with _stored(self._example) as path:
            reference = self._network("its baseline", symbol_json, path)
            candidate = self._candidate(path)
            return self._gate.judge_resident(candidate, reference, allowed, over=reference.name, is_baseline=True)

    def judge_resident_against(self, other: ModelSpec, theirs: "Analysis", allowed: Fraction, *, over: str) -> Finding:
        """Its memory over that of another model. What only one of the two has as an example is synthetic for both."""
        reference = Network(other.name, theirs.symbol_json, dict(other.inputs), None, self.run_as)
        return self._gate.judge_resident(self._candidate(), reference, allowed, over=over, is_baseline=False)

    def _judge(
        self,
        candidate: Network,
        reference: Network,
        theirs: Callable[[], "Analysis"],
        allowed: Fraction,
        *,
        over: str,
    ) -> Finding:
        finding = self._gate.judge(candidate, reference, allowed, over=over)
        measure = partial(self._gate.profile, reference, candidate)
        return with_layers(finding, measure, theirs, self._analysis, run_as=self.run_as)

    def judge_weights(self, known_sha256: str, allowed: Fraction) -> List[Finding]:
        """Whether its own weights slow it down; none if it has none. ``known_sha256`` is of some that do not."""
        if self.weights is None:
            return []
        with _stored(self._example) as path:
            plain = self._candidate(path)
            loaded = self._loaded(plain, self.weights.path)
            finding = self._gate.judge_weights(plain, self.weights, known_sha256, allowed)
            measure, mine = partial(self._gate.profile, plain, loaded), self._analysis
            return [with_layers(finding, measure, lambda: mine, mine, run_as=self.run_as, own_weights=True)]

    def profile(self) -> ModelProfile:
        """Its layers, timed with its own weights if it has any. Raises ``WorkerError`` if it cannot be timed so."""
        source, mine = self._spec.source, self._analysis
        has_weights = isinstance(source, Checkpoint) and mine.model.stored is not None
        with _stored(self._example) as path:
            network = self._candidate(path)
            if isinstance(source, Checkpoint) and has_weights:
                network = self._loaded(network, source.params_path)
            (profile,), peaks = self._gate.profile(network), self._gate.peaks()
        return model_profile(
            mine.graph,
            mine.inference,
            mine.cost().layers,
            profile,
            run_as=str(self.run_as),
            own_weights=has_weights,
            peaks=peaks,
        )

    def _loaded(self, network: Network, params_path: Path) -> Network:
        return msgspec.structs.replace(network, params_path=str(params_path))

    @cached_property
    def weights(self) -> Optional[Weights]:
        """Those of a checkpoint. What a function builds has none that anybody ships."""
        source = self._spec.source
        if not isinstance(source, Checkpoint) or not source.params_path.exists():
            return None
        return Weights.at(source.params_path)

    @cached_property
    def graph_text(self) -> str:
        """The model's graph as a baseline stores it: unchanged, the two texts are equal."""
        return graph_text(self._analysis.symbol_json)

    def _candidate(self, example_path: Optional[str] = None) -> Network:
        return self._network(self._spec.name, self.graph_text, example_path)

    def _network(self, name: str, symbol_json: str, example_path: Optional[str] = None) -> Network:
        return Network(name, symbol_json, dict(self._spec.inputs), None, self.run_as, example_path)


def _stored(example: Any) -> ContextManager[Optional[str]]:
    """The example in a file, for as long as the context lasts."""
    from pytest_mxperf.mx.example import stored

    return stored(example)
