"""Judges ``mxperf_baseline``: a model against its stored baseline, or against another model."""

import os
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional

import msgspec

from pytest_mxperf.api import analysis_of
from pytest_mxperf.baseline.diff import Counted, Difference, compare
from pytest_mxperf.baseline.environment import here
from pytest_mxperf.baseline.record import Baseline, WallTime
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import BaselineError, MxperfError
from pytest_mxperf.gate.baseline import judge_baseline, judge_recorded
from pytest_mxperf.gate.explanation import explained
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.latency import judge_wall_time
from pytest_mxperf.gate.metrics import WALL_TIMES
from pytest_mxperf.gate.own_metrics import judge_own_growth
from pytest_mxperf.judge.options import JudgeOptions
from pytest_mxperf.judge.own_metrics import MeasuredModel, OwnMetrics
from pytest_mxperf.judge.timed import TimedModel
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.spec import Checkpoint, InputSpec, ModelSpec
from pytest_mxperf.versions import versions

if TYPE_CHECKING:  # it imports MXNet
    from pytest_mxperf.mx.analysis import Analysis

__all__ = ["BaselineJudge", "Update"]

Allowed = Mapping[str, Fraction]


class Update(msgspec.Struct, frozen=True):
    """A baseline to store once its test has finished."""

    baseline: Baseline
    symbol_json: str


class BaselineJudge:
    """Of one test. Beside its findings it knows what to store, and how the model differs from what it was."""

    def __init__(
        self,
        spec: ModelSpec,
        analysis: "Analysis",
        cost: CostReport,
        options: JudgeOptions,
        timed: TimedModel,
        own: OwnMetrics,
    ) -> None:
        self.update: Optional[Update] = None
        self.difference: Optional[Difference] = None
        self.fingerprint = ""
        """Of the model that uses a stored baseline; empty where none is used."""
        self.timed_as = ""
        """Likewise, of a model whose latency is judged by it."""
        self._spec = spec
        self._analysis = analysis
        self._own = own
        self._now = Baseline.of(cost, spec.inputs)
        self._options = options
        self._timed = timed
        self._store = BaselineStore(options.baselines)

    def over_baseline(self, allowed: Allowed, timing: Optional[Timing], *, unmeasured_because: str) -> List[Finding]:
        """Against the stored baseline, which ``--mxperf-update`` records instead."""
        self.fingerprint = self._now.fingerprint()
        self.timed_as = self._timed.identity() if "latency" in allowed else ""
        is_timed = timing is not None or any(metric in allowed for metric in WALL_TIMES)
        recorded = self._timed.recorded(has_gate="latency" in allowed, is_timed=is_timed)
        self._now = msgspec.structs.replace(self._now, recorded=recorded)
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
        if before is None:
            return findings
        findings += judge_recorded(before.recorded, recorded)
        if before.difference(self._now):
            return findings
        findings = self._explain(findings, before, lambda: self._stored)
        findings += judge_own_growth(self._own.metrics, allowed, self._own.values, before.own_metrics)
        findings += judge_wall_time(allowed, timing, before.wall_times, here(), unmeasured_because=unmeasured_because)
        if "latency" in allowed:
            symbol_json = self._store.load_symbol(self._spec.name)
            finding = self._timed.judge(symbol_json, lambda: self._stored, allowed["latency"])
            findings += self._explain([finding], before, lambda: self._stored)
        findings += self._judge_weights(allowed, before)
        if "rss" in allowed:
            finding = self._timed.judge_resident(self._store.load_symbol(self._spec.name), allowed["rss"])
            findings += self._explain([finding], before, lambda: self._stored)
        return findings

    def over_model(self, allowed: Allowed, other: ModelSpec) -> List[Finding]:
        """Against another model, even one with other inputs: the two are compared as they are."""
        theirs, over = analysis_of(other), _called(other, self._spec)
        before = msgspec.structs.replace(Baseline.of(theirs.cost(), other.inputs), inputs=self._now.inputs)
        findings = judge_baseline(allowed, self._now, before, missing="", over=over)
        findings = self._explain(findings, before, lambda: theirs, over=over, inputs=other.inputs)
        measured = self._own.of({*allowed}, MeasuredModel(other, theirs)).values
        findings += judge_own_growth(self._own.metrics, allowed, self._own.values, measured, over=over)
        if "latency" in allowed:
            finding = self._timed.judge_against(other, theirs, allowed["latency"], over=over)
            findings += self._explain([finding], before, lambda: theirs, over=over, inputs=other.inputs)
        if "rss" in allowed:
            finding = self._timed.judge_resident_against(other, theirs, allowed["rss"], over=over)
            findings += self._explain([finding], before, lambda: theirs, over=over, inputs=other.inputs)
        return findings

    def _record(self, allowed: Allowed, timing: Optional[Timing], before: Optional[Baseline]) -> List[Finding]:
        """Prepares the baseline to store, and judges what it must not hold: weights that slow the model down.

        What a later run could not time is found out now.
        """
        findings = self._timed.rehearse() if "latency" in allowed else []
        weights_sha256 = ""
        if "weights" in allowed and all(finding.verdict is not Verdict.UNMEASURED for finding in findings):
            of_weights = self._judge_weights(allowed, before)
            weights_sha256 = self._found_fast(of_weights, before)
            findings += of_weights
        findings += self._timed.rehearse_resident() if "rss" in allowed else []
        own = {name: value for name, value in self._own.values.items() if name in allowed and value is not None}
        self._now = msgspec.structs.replace(self._now, own_metrics=own)
        self._store_later(before, weights_sha256, self._wall_times(timing, before))
        return findings

    def _store_later(self, before: Optional[Baseline], weights_sha256: str, wall_times: Dict[str, WallTime]) -> None:
        now, then = self._now.recorded, None if before is None else before.recorded
        if wall_times and now is not None and then is not None and not now.example:
            now = msgspec.structs.replace(now, example=then.example)  # with which the kept ones were measured
        baseline = msgspec.structs.replace(
            self._now, weights_sha256=weights_sha256, wall_times=wall_times, recorded=now
        )
        self.update = Update(baseline, self._timed.graph_text)

    def _judge_weights(self, allowed: Allowed, before: Optional[Baseline]) -> List[Finding]:
        if "weights" not in allowed:
            return []
        return self._timed.judge_weights(self._known_weights(before), allowed["weights"])

    def _found_fast(self, findings: List[Finding], before: Optional[Baseline]) -> str:
        """The digest of the model's weights if they are fast: by the findings, or as known if nothing was timed.

        Weights that were found to be slow or unclear are no longer known to be fast.
        """
        weights, verdicts = self._timed.weights, {finding.verdict for finding in findings}
        if weights is None:
            return ""
        if verdicts == {Verdict.UNMEASURED}:
            return self._known_weights(before)
        return weights.sha256 if verdicts == {Verdict.PASSED} else ""

    def _known_weights(self, before: Optional[Baseline]) -> str:
        """The digest of weights that are known to be fast, of this graph as it is run now, with this example."""
        weights, now = self._timed.weights, self._now.recorded
        if weights is None or now is None or before is None or before.recorded is None:
            return ""
        then = before.recorded
        is_same = weights.sha256 == before.weights_sha256 and (then.run_as, then.example) == (now.run_as, now.example)
        return weights.sha256 if is_same and self._is_alike(before) else ""  # graphs last: they take the longest

    def _wall_times(self, timing: Optional[Timing], before: Optional[Baseline]) -> Dict[str, WallTime]:
        """Those of the baseline if the model is the same, with this machine's if it was measured and differs."""
        wall_times = dict(before.wall_times) if before is not None and self._is_timed_alike(before) else {}
        if timing is not None and timing.is_latency:
            known, measured = wall_times.get(here()), WallTime.of(timing, versions())
            wall_times[here()] = known if known is not None and known.is_like(measured) else measured
        return wall_times

    def _is_timed_alike(self, before: Baseline) -> bool:
        """Whether wall times of then are still those of the model: the example, too, may decide on them."""
        then, now = before.recorded, self._now.recorded
        is_same = then is None or now is None or not then.example or not now.example or then.example == now.example
        return is_same and self._is_alike(before)

    def _missing(self) -> str:
        name, twin = self._spec.name, self._store.twin(self._now)
        hint = f"; {twin!r} there has the same inputs and costs: was the model renamed?" if twin else ""
        folder = _relative(self._options.baselines)
        return f"no baseline for {name!r} in {folder}; record it with --mxperf-update{hint}"

    def _explain(
        self,
        findings: List[Finding],
        before: Baseline,
        other: Callable[[], "Analysis"],
        *,
        over: str = "",
        inputs: Mapping[str, InputSpec] = MappingProxyType({}),
    ) -> List[Finding]:
        """The findings; if the model is heavier, with what distinguishes it from the other."""
        if all(finding.verdict is not Verdict.REGRESSED for finding in findings):
            return findings
        from pytest_mxperf.mx.operators import operator

        try:
            theirs = other()
            self.difference = compare(
                Counted.of(theirs.graph, theirs.inference.shapes, before),
                Counted.of(self._analysis.graph, self._analysis.inference.shapes, self._now),
                {**inputs, **self._spec.inputs},  # what the other model calls its own is no parameter of it
                operators=operator,
            )
        except MxperfError as error:
            return explained(findings, None, over=over, unknown_because=str(error))
        return explained(findings, self.difference, over=over)

    @cached_property
    def _stored(self) -> "Analysis":
        """What is known of the baseline's graph."""
        from pytest_mxperf.mx.analysis import analyse
        from pytest_mxperf.mx.model import model_from_json

        name = self._spec.name
        return analyse(model_from_json(name, self._store.load_symbol(name), self._spec.inputs))

    def _is_alike(self, before: Baseline) -> bool:
        """Whether the model is the same. Its speed depends on the graph, not on the costs alone."""
        if before.fingerprint() != self.fingerprint:
            return False
        return self._timed.is_graph(self._store.load_symbol(self._spec.name))


def _called(other: ModelSpec, spec: ModelSpec) -> str:
    """The other model's name; where it has that of the test's own model, what tells the two apart."""
    if other.name != spec.name:
        return other.name
    return _typed(other.source.prefix) if isinstance(other.source, Checkpoint) else f"the other {other.name}"


def _relative(folder: Path) -> str:
    return _typed(folder) + os.sep


def _typed(path: Path) -> str:
    """A path as the user would type it, where that is shorter."""
    return min(os.path.relpath(path), str(path), key=len)
