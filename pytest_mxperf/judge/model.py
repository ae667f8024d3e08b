"""One model: opened, counted and bound when asked, each at most once, and judged by its gates."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, AbstractSet, Any, List, Mapping, NamedTuple, Optional, Tuple

from pytest_mxperf.api import analysis_of
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import GraphError, MxperfError, UsageError, WorkerError
from pytest_mxperf.gate.budget import judge_budget, judge_ceiling
from pytest_mxperf.gate.bypass import judge_uncounted, judge_unread
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.limits import Ceiling, Growth
from pytest_mxperf.gate.metrics import BUDGETS, PER_ITEM
from pytest_mxperf.gate.own_metrics import judge_own_budget
from pytest_mxperf.gate.policy import PolicyAction
from pytest_mxperf.imports import import_all
from pytest_mxperf.judge.growth import BaselineJudge, JudgedGrowth
from pytest_mxperf.judge.latency_gate import LatencyGate
from pytest_mxperf.judge.options import JudgeOptions
from pytest_mxperf.judge.own_metrics import AnalysedModel, OwnMetrics
from pytest_mxperf.judge.timed import TimedModel
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.profile.layers import ModelProfile
from pytest_mxperf.sides import behind
from pytest_mxperf.spec import LoadedCheckpoint, ModelSpec

if TYPE_CHECKING:  # it imports MXNet
    from pytest_mxperf.mx.analysis import Analysis

__all__ = ["Gates", "Judged", "ModelJudge", "Profiled"]


class Gates(NamedTuple):
    """What a model is held to."""

    budget: Mapping[str, Ceiling]
    growths: Tuple[Growth, ...]
    """Over the stored baseline, over other models, or both."""
    policy: Mapping[Verdict, PolicyAction]
    """What the test itself says about verdicts."""
    own: OwnMetrics = OwnMetrics()
    """The metrics that other plugins add, which both may name."""

    @property
    def names(self) -> AbstractSet[str]:
        """The metrics that are named."""
        return {*self.budget, *(name for growth in self.growths for name in growth.allowed)}

    @property
    def uses_baseline(self) -> bool:
        """Whether the model is compared with a stored baseline."""
        return any(growth.against is None for growth in self.growths)

    def __bool__(self) -> bool:
        return bool(self.budget or self.growths)


class Judged(NamedTuple):
    """What judging one model has found."""

    findings: List[Finding]
    growth: JudgedGrowth
    """Its findings are among the others."""
    own: OwnMetrics
    """As they were measured."""


def _with_load(finding: Finding) -> Finding:
    """A latency over its budget, with the load of the machine if that is more than it has cores: a wall time grows."""
    if finding.verdict is not Verdict.OVER_BUDGET or not finding.metric.startswith("latency_"):
        return finding
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    return finding.with_lines([f"meanwhile: the load was {load:.1f} on {cores} cores"]) if load > cores else finding


def _analysis_of_other(other: ModelSpec, against: object, where: str) -> "Analysis":
    """Raises ``MxperfError`` that says which of the two models it is about."""
    try:
        return analysis_of(other)
    except MxperfError as error:
        hint = ""
        # A path has the inputs of the test's model, and the usual epoch. A graph that cannot be read needs neither.
        if isinstance(against, (str, Path)) and not isinstance(error, GraphError):
            parsed = f"ModelSpec.parse({str(against)!r}, inputs, epoch=...)"
            hint = f"{behind(error)} if it needs inputs or an epoch of its own, a test can give against={parsed}"
        raise UsageError(f"{where}: against: {error}{hint}") from None


class Profiled(NamedTuple):
    """The times of a model's layers, or why there are none."""

    profile: Optional[ModelProfile] = None
    because: str = ""


class ModelJudge:
    """``root`` is the folder that the paths of other models are relative to."""

    def __init__(self, spec: ModelSpec, options: JudgeOptions, gate: LatencyGate, *, root: Path) -> None:
        self.spec = spec
        self._options = options
        self._gate = gate
        self._root = root
        self._analysis: Optional[Analysis] = None
        self._cost: Optional[CostReport] = None

    @property
    def analysis(self) -> "Analysis":
        if self._analysis is None:
            import_all(self._options.imports, where="mxperf_imports")
            self._analysis = analysis_of(self.spec)
        return self._analysis

    @property
    def cost(self) -> CostReport:
        if self._cost is None:
            self._cost = self.analysis.cost()
        return self._cost

    @property
    def is_used(self) -> bool:
        """Whether anybody has asked for the model."""
        return self._analysis is not None

    @property
    def counted(self) -> Optional[CostReport]:
        """Its cost, if it was counted."""
        return self._cost

    @cached_property
    def example(self) -> Any:
        """The ``mx.example.Example`` of real inputs, None if there is none."""
        if self.spec.example is None:
            return None
        from pytest_mxperf.mx.example import example_of

        return example_of(self.spec)

    @cached_property
    def checkpoint(self) -> LoadedCheckpoint:
        from pytest_mxperf.mx.weights import load_weights

        return load_weights(self.analysis)

    def bind(self) -> Any:
        from pytest_mxperf.mx.bind import bind

        return bind(self.analysis, self.checkpoint)

    def judge(self, gates: Gates, timing: Optional[Timing], *, unmeasured_because: str, where: str) -> Judged:
        """Judges its gates. ``where`` names the marker or table that asks for another model."""
        findings = judge_uncounted(self.cost) + judge_unread(self.analysis.model.weights_problem) if gates else []
        own = gates.own.of(gates.names, AnalysedModel(self.spec, self.analysis))
        budget = {name: ceiling for name, ceiling in gates.budget.items() if name in BUDGETS and name != "rss"}
        batch = self.spec.batch if any(metric.endswith(PER_ITEM) for metric in budget) else 1
        of_budget = judge_budget(budget, self.cost, timing, unmeasured_because=unmeasured_because, batch=batch)
        findings += map(_with_load, of_budget)
        if "rss" in gates.budget:
            findings.append(self._judge_resident(gates.budget["rss"]))
        findings += judge_own_budget(own.metrics, gates.budget, own.values)
        judged = JudgedGrowth([])
        for growth in gates.growths:
            judge = BaselineJudge(self.spec, self.analysis, self.cost, self._options, self._timed, own)
            judged = judged.and_also(self._judge_growth(judge, growth, timing, unmeasured_because, where))
        return Judged(findings + judged.findings, judged, own)

    def _judge_resident(self, ceiling: Ceiling) -> Finding:
        """The memory of one inference, which is measured only for a budget or a baseline."""
        value, because = None, ""
        try:
            value = self._timed.resident().peak_bytes
        except WorkerError as error:
            because = str(error)
        return judge_ceiling("rss", ceiling, value, because)

    def _judge_growth(
        self, judge: BaselineJudge, growth: Growth, timing: Optional[Timing], unmeasured_because: str, where: str
    ) -> JudgedGrowth:
        if growth.against is not None:
            other = self._other(growth.against, where)
            return judge.over_model(growth.allowed, other, _analysis_of_other(other, growth.against, where))
        because = "" if timing else unmeasured_because
        return judge.over_baseline(growth.allowed, timing, unmeasured_because=because)

    def _other(self, against: Any, where: str) -> ModelSpec:
        """The model to compare with. A plain source gets the inputs of the test's model."""
        if isinstance(against, ModelSpec):
            return against.under(self._root)
        return ModelSpec.parse(against, self.spec.inputs, root=self._root, where=f"{where}: against")

    def profile(self) -> Profiled:
        """The times of its layers, which nothing fails for."""
        try:
            return Profiled(self._timed.profile())
        except MxperfError as error:
            return Profiled(because=str(error))

    @cached_property
    def _timed(self) -> TimedModel:
        return TimedModel(self.spec, self.analysis, self.example, self._gate)
