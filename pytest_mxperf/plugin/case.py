"""One test's model, from the marker to the judgement."""

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

import pytest

from pytest_mxperf.api import analysis_of
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import BaselineError, MxperfError, UsageError
from pytest_mxperf.gate.budget import judge_budget
from pytest_mxperf.gate.bypass import judge_earlier, judge_uncounted, ungated
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.imports import import_all
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.plugin.case_data import CaseData
from pytest_mxperf.plugin.growth import BaselineJudge
from pytest_mxperf.plugin.latency_gate import LATENCY
from pytest_mxperf.plugin.markers import Growth, budget_of, growth_of, policy_of
from pytest_mxperf.plugin.settings import Options
from pytest_mxperf.plugin.timed import TimedModel
from pytest_mxperf.profile.layers import ModelProfile
from pytest_mxperf.report.run import ModelResult
from pytest_mxperf.spec import Checkpoint, ModelSpec

if TYPE_CHECKING:  # it imports MXNet
    from pytest_mxperf.mx.analysis import Analysis

__all__ = ["CASE", "FAILED_BEFORE", "Case"]


class Case:
    """Opens, counts and binds the model when asked, each at most once, and judges its gates."""

    def __init__(self, item: pytest.Item, spec: ModelSpec, options: Options) -> None:
        self.spec = spec
        self.timing: Optional[Timing] = None
        self.unmeasured_because = "the test did not call mxperf_benchmark"
        self.findings: Tuple[Finding, ...] = ()
        self.problem = ""
        """What was found to be wrong with the model itself, for the report."""
        self._profile: Optional[ModelProfile] = None
        self._unprofiled_because = ""
        self._growth_judge: Optional[BaselineJudge] = None
        self._item = item
        self._options = options
        self._store = BaselineStore(options.baselines)
        self._read_markers()

    def _read_markers(self) -> None:
        """Raises ``MxperfError`` for a gate that cannot be understood: in setup, before anything is measured."""
        self._budget = budget_of(self._item)
        self._growth = growth_of(self._item)
        self._own_policy = policy_of(self._item)
        if self.uses_baseline:
            try:
                self._store.path(self.spec.name)
            except BaselineError as error:
                raise UsageError(f"mxperf_baseline of {self._item.nodeid}: {error}") from None

    @property
    def uses_baseline(self) -> bool:
        """Whether the test compares its model with a stored baseline."""
        return self._growth is not None and self._growth.against is None

    @cached_property
    def analysis(self) -> "Analysis":
        import_all(self._options.imports, where="mxperf_imports")
        return analysis_of(self.spec)

    @cached_property
    def cost(self) -> CostReport:
        return self.analysis.cost()

    @cached_property
    def example(self) -> Any:
        """The ``mx.example.Example`` of real inputs, None if the test gives none."""
        if self.spec.example is None:
            return None
        from pytest_mxperf.mx.example import example_of

        return example_of(self.spec)

    @cached_property
    def checkpoint(self) -> Any:
        from pytest_mxperf.mx.weights import load_weights

        return load_weights(self.analysis)

    def bind(self) -> Any:
        from pytest_mxperf.mx.bind import bind

        return bind(self.analysis, self.checkpoint)

    def judge(self) -> List[Finding]:
        """Judges every gate, keeps the findings, and returns those that must fail the test."""
        self._read_markers()  # fixtures and the test itself can add markers
        is_asked = "analysis" in self.__dict__ or self.timing is not None
        earlier: Tuple[str, ...] = self._item.stash.get(FAILED_BEFORE, ())
        findings = judge_earlier(earlier)
        _ = self.cost, self.example  # for the report, also of a model without gates; a broken one is an error anyhow
        findings += self._judge_counting(is_asked)
        because = self.unmeasured_because
        findings += judge_budget(self._budget, self.cost, self.timing, unmeasured_because=because)
        if self._growth is not None:
            findings += self._judge_growth(self._growth)
        self.findings = tuple(findings)
        if self._options.profile:
            self._time_layers()
        policy = self._options.policy.updated(self._own_policy)
        return [finding for finding in findings if policy.action(finding.verdict) == "fail"]

    def _time_layers(self) -> None:
        """What the user wants to see; no test fails for it."""
        try:
            self._profile = self._timed.profile()
        except MxperfError as error:
            self._unprofiled_because = str(error)

    @cached_property
    def _timed(self) -> TimedModel:
        return TimedModel(self.spec, self.analysis, self.example, self._item.config.stash[LATENCY])

    def _judge_counting(self, is_asked: bool) -> List[Finding]:
        """Whether there is a gate at all, and what it can be judged by."""
        if self._budget or self._growth is not None:
            return judge_uncounted(self.cost)
        return [] if is_asked else [ungated()]

    def _judge_growth(self, growth: Growth) -> List[Finding]:
        judge = BaselineJudge(self.spec, self.analysis, self.cost, self._options, self._timed)
        because = "" if self.timing else self.unmeasured_because
        if growth.against is None:
            findings = judge.over_baseline(growth.allowed, self.timing, unmeasured_because=because)
        else:
            findings = judge.over_model(growth.allowed, self._other(growth.against))
        self._growth_judge = judge
        return findings

    def _other(self, against: object) -> ModelSpec:
        """The model to compare with; by itself a source has the inputs of the test's own model."""
        root = self._item.config.rootpath
        if isinstance(against, ModelSpec):
            return against.under(root)
        where = f"mxperf_baseline of {self._item.nodeid}: against"
        return ModelSpec.parse(against, self.spec.inputs, root=root, where=where)

    def _symbol_path(self) -> str:
        source, root = self.spec.source, self._item.config.rootpath
        return os.path.relpath(root / source.symbol_path, root) if isinstance(source, Checkpoint) else ""

    def data(self, test: str) -> CaseData:
        """What the test found, and the baseline that ``--mxperf-update`` asks for."""
        judge = self._growth_judge
        result = ModelResult(
            test=test,
            name=self.spec.name,
            inputs=dict(self.spec.inputs),
            cost=self.cost if "cost" in self.__dict__ else None,
            timing=self.timing,
            findings=self.findings,
            problem=self.problem,
            difference=judge.difference if judge else None,
            policy=self._own_policy,
            symbol_path=self._symbol_path(),
            profile=self._profile,
            unprofiled_because=self._unprofiled_because,
        )
        return CaseData(
            result,
            uses_baseline=self.uses_baseline,
            fingerprint=judge.fingerprint if judge else "",
            timed_as=judge.timed_as if judge else "",
            update=judge.update if judge else None,
        )


CASE: "pytest.StashKey[Case]" = pytest.StashKey()
FAILED_BEFORE: "pytest.StashKey[Tuple[str, ...]]" = pytest.StashKey()
