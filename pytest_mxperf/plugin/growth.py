"""Judges ``mxperf_baseline``: a model against its stored baseline, or against another model."""

import os
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

import msgspec

from pytest_mxperf.api import analysis_of
from pytest_mxperf.baseline.diff import Counted, Difference, compare
from pytest_mxperf.baseline.environment import here
from pytest_mxperf.baseline.record import Baseline, WallTime
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import BaselineError, MxperfError
from pytest_mxperf.gate.baseline import judge_baseline
from pytest_mxperf.gate.explanation import explained
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.latency import judge_wall_time
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.plugin.latency import LatencyGate, Weights
from pytest_mxperf.plugin.options import Options
from pytest_mxperf.plugin.versions import versions
from pytest_mxperf.spec import Checkpoint, ModelSpec
from pytest_mxperf.worker.protocol import Network

__all__ = ["GrowthJudge", "Update"]

Allowed = Mapping[str, Fraction]


class Update(msgspec.Struct, frozen=True):
    """A baseline to store once its test has finished."""

    baseline: Baseline
    symbol_json: str


class GrowthJudge:
    """Of one test. Beside its findings it knows what to store, and how the model differs from what it was."""

    def __init__(
        self, spec: ModelSpec, analysis: Any, cost: CostReport, options: Options, latency: LatencyGate
    ) -> None:
        self.update: Optional[Update] = None
        self.difference: Optional[Difference] = None
        self.fingerprint = ""
        """Of the model that uses a stored baseline; empty where none is used."""
        self._spec = spec
        self._analysis = analysis
        self._now = Baseline.of(cost, spec.inputs)
        self._options = options
        self._latency = latency
        self._store = BaselineStore(options.baselines)

    def over_baseline(self, allowed: Allowed, timing: Optional[Timing], *, unmeasured_because: str) -> List[Finding]:
        """Against the stored baseline, which ``--mxperf-update`` records instead."""
        self.fingerprint = self._now.fingerprint()
        try:
            before = self._store.load(self._spec.name)
        except BaselineError as error:
            if self._options.update != "all":
                return [Finding("baseline", "all", Verdict.INCOMPARABLE, str(error))]
            before = None  # it is replaced
        if self._options.update == "all" or (self._options.update == "new" and before is None):
            return self._record(allowed, timing, before)
        missing = "" if before else self._missing()
        findings = judge_baseline(allowed, self._now, before, missing=missing)
        if before is None or before.difference(self._now):
            return findings
        findings = self._explain(findings, before, self._stored)
        findings += judge_wall_time(allowed, timing, before.wall_times, here(), unmeasured_because=unmeasured_because)
        if "latency" in allowed:
            stored = self._network("its baseline", self._store.load_symbol(self._spec.name))
            findings.append(self._latency.judge(self._candidate, stored, allowed["latency"], over=stored.name))
            findings += self._judge_weights(before)
        return findings

    def over_model(self, allowed: Allowed, other: ModelSpec) -> List[Finding]:
        """Against another model, whatever its inputs: whoever names it compares the two as they are."""
        theirs = analysis_of(other)
        before = msgspec.structs.replace(Baseline.of(theirs.cost(), other.inputs), inputs=self._now.inputs)
        findings = self._explain(judge_baseline(allowed, self._now, before, missing=""), before, lambda: theirs)
        if "latency" in allowed:
            reference = Network(other.name, theirs.symbol_json, dict(other.inputs))
            findings.append(self._latency.judge(self._candidate, reference, allowed["latency"], over=other.name))
        return findings

    def _record(self, allowed: Allowed, timing: Optional[Timing], before: Optional[Baseline]) -> List[Finding]:
        """Prepares the baseline to store, and judges what it must not hold: weights that slow the model down."""
        findings: List[Finding] = []
        weights_sha256 = ""
        if "latency" in allowed and self._weights is not None:
            findings = self._judge_weights(before)
            if all(finding.verdict is Verdict.PASSED for finding in findings):
                weights_sha256 = self._weights.sha256
        wall_times = self._wall_times(timing, before)
        now = msgspec.structs.replace(self._now, weights_sha256=weights_sha256, wall_times=wall_times)
        self.update = Update(now, self._analysis.symbol_json)
        return findings

    def _wall_times(self, timing: Optional[Timing], before: Optional[Baseline]) -> Dict[str, WallTime]:
        """Those of the baseline if the model is the same, with this machine's if it was measured and differs."""
        wall_times = dict(before.wall_times) if before is not None and self._is_alike(before) else {}
        if timing is not None and timing.is_latency:
            known, measured = wall_times.get(here()), WallTime.of(timing, versions())
            wall_times[here()] = known if known is not None and known.is_like(measured) else measured
        return wall_times

    def _missing(self) -> str:
        name, twin = self._spec.name, self._store.twin(self._now)
        hint = f"; {twin!r} there has the same inputs and costs: was the model renamed?" if twin else ""
        folder = _relative(self._options.baselines)
        return f"no baseline for {name!r} in {folder}; record it with --mxperf-update{hint}"

    def _explain(self, findings: List[Finding], before: Baseline, other: Callable[[], Any]) -> List[Finding]:
        """The findings; if the model is heavier, with what distinguishes it from the other."""
        if all(finding.verdict is not Verdict.REGRESSED for finding in findings):
            return findings
        from pytest_mxperf.mx.operators import operator

        try:
            theirs = other()
            self.difference = compare(
                Counted.of(theirs.graph, theirs.inference.shapes, before),
                Counted.of(self._analysis.graph, self._analysis.inference.shapes, self._now),
                self._spec.inputs,
                operators=operator,
            )
        except MxperfError as error:
            return explained(findings, None, unknown_because=str(error))
        return explained(findings, self.difference)

    def _stored(self) -> Any:
        from pytest_mxperf.mx.analysis import analyse
        from pytest_mxperf.mx.model import model_from_json

        name = self._spec.name
        return analyse(model_from_json(name, self._store.load_symbol(name), self._spec.inputs))

    def _judge_weights(self, before: Optional[Baseline]) -> List[Finding]:
        if self._weights is None:
            return []
        known_sha256 = before.weights_sha256 if before is not None and self._is_alike(before) else ""
        return [self._latency.judge_weights(self._candidate, self._weights, known_sha256)]

    def _is_alike(self, before: Baseline) -> bool:
        return before.fingerprint() == self.fingerprint

    @property
    def _candidate(self) -> Network:
        return self._network(self._spec.name, self._analysis.symbol_json)

    def _network(self, name: str, symbol_json: str) -> Network:
        return Network(name, symbol_json, dict(self._spec.inputs))

    @cached_property
    def _weights(self) -> Optional[Weights]:
        """Those of a checkpoint. What a function builds has none that anybody ships."""
        source = self._spec.source
        if not isinstance(source, Checkpoint) or not source.params_path.exists():
            return None
        return Weights.at(source.params_path)


def _relative(folder: Path) -> str:
    """The folder as the user would type it, where that is shorter."""
    return min(os.path.relpath(folder), str(folder), key=len) + os.sep
