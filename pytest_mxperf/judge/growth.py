"""Judges ``mxperf_baseline``: a model against its stored baseline, or against another model."""

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

import msgspec

from pytest_mxperf.baseline.diff import Counted, Difference, difference_between
from pytest_mxperf.baseline.environment import here
from pytest_mxperf.baseline.record import Baseline, WallTime
from pytest_mxperf.baseline.store import StoredBaseline
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import BaselineError, MxperfError
from pytest_mxperf.gate.baseline import judge_baseline, judge_recorded
from pytest_mxperf.gate.explanation import explained
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.latency import judge_wall_time
from pytest_mxperf.gate.metrics import WALL_TIMES
from pytest_mxperf.gate.own_metrics import judge_own_growth
from pytest_mxperf.gate.session import Claim
from pytest_mxperf.judge.options import JudgeOptions
from pytest_mxperf.judge.own_metrics import AnalysedModel, OwnMetrics
from pytest_mxperf.judge.timed import TimedModel
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.spec import Checkpoint, InputSpec, ModelSpec
from pytest_mxperf.versions import versions

if TYPE_CHECKING:  # it imports MXNet
    from pytest_mxperf.mx.analysis import Analysis

__all__ = ["BaselineJudge", "JudgedGrowth", "Update"]

Allowed = Mapping[str, Fraction]


class Update(msgspec.Struct, frozen=True):
    """A baseline to store once its test has finished."""

    baseline: Baseline
    """With what this test has measured."""
    symbol_json: str
    asked: Tuple[str, ...] = ()
    """The metrics that the test compares."""
    before: Optional[Baseline] = None
    """What was stored for the same model, without its layers."""

    def with_that_of(self, other: "Update") -> "Update":
        """For two tests of one model: what only one of them has measured, and the graph of the one that is timed."""
        main, rest = (other, self) if other.is_timed and not self.is_timed else (self, other)
        asked = (*main.asked, *rest.asked)
        return Update(main.baseline.completed_by(rest.baseline), main.symbol_json, asked, main.before)

    def complete(self) -> Baseline:
        """The baseline, with what was stored before of metrics that no test of this run compares."""
        if self.before is None:
            return self.baseline
        own = {name: value for name, value in self.before.own_metrics.items() if name not in self.asked}
        weights = "" if "weights" in self.asked else self.before.weights_sha256
        return self.baseline.completed_by(msgspec.structs.replace(self.before, own_metrics=own, weights_sha256=weights))

    @property
    def is_timed(self) -> bool:
        return self.baseline.recorded is not None and bool(self.baseline.recorded.run_as)


class JudgedGrowth(NamedTuple):
    """What judging one model's growth has found."""

    findings: List[Finding]
    difference: Optional[Difference] = None
    """From what it was compared with, where a finding needed that."""
    update: Optional[Update] = None
    claim: Claim = Claim()
    """On its name, if it uses a stored baseline."""

    def and_also(self, other: "JudgedGrowth") -> "JudgedGrowth":
        """What both have found. At most one of them is about the stored baseline."""
        return JudgedGrowth(
            self.findings + other.findings,
            self.difference or other.difference,
            self.update or other.update,
            self.claim if self.claim.costs_digest else other.claim,
        )


class _Reference:
    """What the model is compared with: the costs, and the graph once it is needed."""

    def __init__(
        self, baseline: Baseline, analysis: "Callable[[], Analysis]", inputs: Mapping[str, InputSpec], over: str = ""
    ) -> None:
        self.baseline = baseline
        self.inputs = inputs
        self.over = over
        """The name of the other model; empty for the stored baseline."""
        self.difference: Optional[Difference] = None
        """From the model, once it was asked for."""
        self._analyse = analysis
        self._analysis: Optional[Analysis] = None

    def analysis(self) -> "Analysis":
        """Raises ``MxperfError``."""
        if self._analysis is None:
            self._analysis = self._analyse()
        return self._analysis


class BaselineJudge:
    """Judges the growth of one test's model."""

    def __init__(
        self,
        spec: ModelSpec,
        analysis: "Analysis",
        cost: CostReport,
        options: JudgeOptions,
        timed: TimedModel,
        own: OwnMetrics,
    ) -> None:
        self._spec = spec
        self._analysis = analysis
        self._own = own
        self._now = Baseline.of(cost, spec.inputs)
        self._options = options
        self._timed = timed
        self._store = options.store

    def over_baseline(self, allowed: Allowed, timing: Optional[Timing], *, unmeasured_because: str) -> JudgedGrowth:
        """Against the stored baseline, or the baseline to store instead, if baselines are being updated."""
        is_timed = timing is not None or any(metric in allowed for metric in WALL_TIMES)
        recorded = self._timed.recorded(has_gate="latency" in allowed, is_timed=is_timed)
        self._now = msgspec.structs.replace(self._now, recorded=recorded)
        claim = Claim(self._now.costs_digest(), self._timed.identity() if "latency" in allowed else "")
        try:
            stored = self._store.load(self._spec.name)
        except BaselineError as error:
            if self._options.update != "all":
                return JudgedGrowth([Finding("baseline", "all", Verdict.INCOMPARABLE, str(error))], claim=claim)
            stored = None  # it is replaced
        if self._options.records(self._spec.name, exists=stored is not None):
            return self._record(allowed, timing, stored)._replace(claim=claim)
        if stored is None:
            return JudgedGrowth([Finding("baseline", "all", Verdict.MISSING, self._missing())], claim=claim)
        reference = _Reference(stored.baseline, lambda: self._analysis_of(stored), {})
        findings = self._over_stored(stored, reference, allowed, timing, unmeasured_because)
        return JudgedGrowth(findings, reference.difference, claim=claim)

    def _over_stored(
        self,
        stored: StoredBaseline,
        reference: _Reference,
        allowed: Allowed,
        timing: Optional[Timing],
        unmeasured_because: str,
    ) -> List[Finding]:
        before, words = stored.baseline, self._options.words
        findings = judge_baseline(allowed, self._now, before, words=words) + self._without_weights(allowed, stored)
        if self._now.recorded is not None:
            findings += judge_recorded(before.recorded, self._now.recorded, words=words)
        if before.incomparable_because(self._now):
            return findings
        findings = self._explain(findings, reference)
        findings += judge_own_growth(self._own.metrics, allowed, self._own.values, before.own_metrics, words=words)
        findings += judge_wall_time(
            allowed, timing, before.wall_times, here(), unmeasured_because=unmeasured_because, words=words
        )
        if "latency" in allowed:
            finding = self._timed.judge(stored.symbol_json, reference.analysis, allowed["latency"])
            findings += self._explain([finding], reference)
        findings += self._judge_weights(allowed, stored)
        if "rss" in allowed:
            finding = self._timed.judge_resident(stored.symbol_json, allowed["rss"])
            findings += self._explain([finding], reference)
        return findings

    def over_model(self, allowed: Allowed, other: ModelSpec, theirs: "Analysis") -> JudgedGrowth:
        """Against another model, even one with other inputs: the two are compared as they are."""
        over, words = _called(other, self._spec), self._options.words
        before = msgspec.structs.replace(Baseline.of(theirs.cost(), other.inputs), inputs=self._now.inputs)
        reference = _Reference(before, lambda: theirs, other.inputs, over)
        findings = self._explain(judge_baseline(allowed, self._now, before, words=words, over=over), reference)
        measured = self._own.of({*allowed}, AnalysedModel(other, theirs)).values
        findings += judge_own_growth(self._own.metrics, allowed, self._own.values, measured, words=words, over=over)
        if "latency" in allowed:
            finding = self._timed.judge_against(other, theirs, allowed["latency"], over=over)
            findings += self._explain([finding], reference)
        if "rss" in allowed:
            finding = self._timed.judge_resident_against(other, theirs, allowed["rss"], over=over)
            findings += self._explain([finding], reference)
        return JudgedGrowth([msgspec.structs.replace(finding, over=over) for finding in findings], reference.difference)

    def _record(self, allowed: Allowed, timing: Optional[Timing], stored: Optional[StoredBaseline]) -> JudgedGrowth:
        """Prepares the baseline to store, and judges what it must not hold: weights that slow the model down.

        What a later run could not time is found out now.
        """
        findings = self._timed.rehearse() if "latency" in allowed else []
        findings += self._without_weights(allowed, stored)
        is_file = isinstance(self._spec.source, Checkpoint)
        if is_file and stored is not None and self._now.checkpoint_bytes is None:  # what is known of it is not lost
            self._now = msgspec.structs.replace(self._now, checkpoint_bytes=stored.baseline.checkpoint_bytes)
        weights_sha256 = ""
        if "weights" in allowed and all(finding.verdict is not Verdict.UNMEASURED for finding in findings):
            of_weights = self._judge_weights(allowed, stored)
            weights_sha256 = self._found_fast(of_weights, stored)
            findings += of_weights
        findings += self._timed.rehearse_resident() if "rss" in allowed else []
        own = {name: value for name, value in self._own.values.items() if name in allowed and value is not None}
        before = self._before(stored)
        self._now = msgspec.structs.replace(
            self._now, own_metrics=own, weights_sha256=weights_sha256, wall_times=_wall_times(timing, before)
        )
        update = Update(self._now, self._timed.graph_text, tuple(allowed), before)
        return JudgedGrowth(findings, update=update)

    def _before(self, stored: Optional[StoredBaseline]) -> Optional[Baseline]:
        """What was measured of the same model. Its wall times count only if they were measured with this example."""
        if stored is None or not self._is_alike(stored):
            return None
        wall_times = stored.baseline.wall_times if self._has_same_example(stored.baseline) else {}
        return msgspec.structs.replace(stored.baseline, layers=(), checkpoint_bytes=None, wall_times=wall_times)

    def _without_weights(self, allowed: Allowed, stored: Optional[StoredBaseline]) -> List[Finding]:
        """A finding if the baseline was recorded with weights, and they are missing now."""
        source, then = self._spec.source, None if stored is None else stored.baseline.checkpoint_bytes
        is_known = self._now.checkpoint_bytes is not None or self._analysis.model.weights_problem
        if then is None or is_known or not isinstance(source, Checkpoint):
            return []
        path = source.params_path.with_name(source.wanted_params)
        untimed = " and they are not timed" if "weights" in allowed else ""
        message = (
            f"weights: {_typed(path)} is missing, but the baseline was recorded with it; the model is "
            f"counted from its graph alone{untimed}; commit the file, or run: git lfs pull"
        )
        return [Finding("baseline", "weights", Verdict.UNJUDGED, message)]

    def _judge_weights(self, allowed: Allowed, stored: Optional[StoredBaseline]) -> List[Finding]:
        if "weights" not in allowed:
            return []
        return self._timed.judge_weights(self._known_weights(stored), allowed["weights"])

    def _found_fast(self, findings: List[Finding], stored: Optional[StoredBaseline]) -> str:
        """The digest of the model's weights if they are fast: by the findings, or as known if nothing was timed.

        Weights that were found to be slow or unclear are no longer known to be fast.
        """
        weights, verdicts = self._timed.weights, {finding.verdict for finding in findings}
        if weights is None:
            return ""
        if verdicts == {Verdict.UNMEASURED}:
            return self._known_weights(stored)
        return weights.sha256 if verdicts == {Verdict.PASSED} else ""

    def _known_weights(self, stored: Optional[StoredBaseline]) -> str:
        """The digest of weights that are known to be fast, of this graph as it is run now, with this example."""
        weights, now = self._timed.weights, self._now.recorded
        then = None if stored is None else stored.baseline.recorded
        if weights is None or now is None or stored is None or then is None:
            return ""
        is_same = (weights.sha256, now.run_as, now.example) == (
            stored.baseline.weights_sha256,
            then.run_as,
            then.example,
        )
        return weights.sha256 if is_same and self._is_alike(stored) else ""  # graphs last: they take the longest

    def _has_same_example(self, before: Baseline) -> bool:
        """Unless both are known and differ: the example, too, may decide on wall times."""
        then, now = before.recorded, self._now.recorded
        return then is None or now is None or not then.example or not now.example or then.example == now.example

    def _missing(self) -> str:
        name, twin = self._spec.name, self._store.twin(self._now)
        hint = f"; {twin!r} there has the same inputs and costs: was the model renamed?" if twin else ""
        folder, words = self._options.baselines, self._options.words
        others = [each for each in self._options.nearby if each != folder and (each / f"{name}.json").is_file()]
        elsewhere = [f"{_relative(other)} has one: give {words.baselines}={_typed(other)}, or " for other in others[:1]]
        record = f"record it with {words.record_missing}{hint}"
        return f"no baseline for {name!r} in {_relative(folder)}; {''.join(elsewhere)}{record}"

    def _explain(self, findings: List[Finding], reference: _Reference) -> List[Finding]:
        """The findings; if the model is heavier, with what distinguishes it from the reference."""
        if all(finding.verdict is not Verdict.REGRESSED for finding in findings):
            return findings
        try:
            reference.difference = self._difference(reference)
        except MxperfError as error:
            return explained(findings, None, over=reference.over, unknown_because=str(error))
        return explained(findings, reference.difference, over=reference.over)

    def _difference(self, reference: _Reference) -> Difference:
        from pytest_mxperf.mx.operators import operator

        theirs = reference.analysis()
        return reference.difference or difference_between(
            Counted.of(theirs.graph, theirs.inference.shapes, reference.baseline),
            Counted.of(self._analysis.graph, self._analysis.inference.shapes, self._now),
            {**reference.inputs, **self._spec.inputs},  # what the other model calls its own is no parameter of it
            operators=operator,
        )

    def _analysis_of(self, stored: StoredBaseline) -> "Analysis":
        """What is known of the baseline's graph."""
        from pytest_mxperf.mx.analysis import analyse
        from pytest_mxperf.mx.model import model_from_json

        return analyse(model_from_json(self._spec.name, stored.symbol_json, self._spec.inputs))

    def _is_alike(self, stored: StoredBaseline) -> bool:
        """Whether the model is the same. Its speed depends on the graph, not on the costs alone."""
        is_as_heavy = stored.baseline.costs_digest() == self._now.costs_digest()
        return is_as_heavy and self._timed.is_graph(stored.symbol_json)


def _wall_times(timing: Optional[Timing], before: Optional[Baseline]) -> Dict[str, WallTime]:
    """This machine's, if it was measured; as it was before, if it hardly differs."""
    if timing is None or not timing.is_latency:
        return {}
    known = None if before is None else before.wall_times.get(here())
    measured = WallTime.of(timing, versions())
    return {here(): known if known is not None and known.is_like(measured) else measured}


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
