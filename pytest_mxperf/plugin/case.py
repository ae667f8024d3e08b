"""One test's model, from the marker to the judgement."""

from typing import List, Optional, Tuple

import pytest

from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.errors import BaselineError, UsageError
from pytest_mxperf.gate.bypass import judge_earlier, ungated
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.judge.latency_gate import LatencyGate
from pytest_mxperf.judge.model import Gates, ModelJudge, Profiled
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.plugin.case_data import CaseData
from pytest_mxperf.plugin.markers import budget_of, growth_of, policy_of
from pytest_mxperf.plugin.own_metrics import own_metrics_of
from pytest_mxperf.plugin.settings import Options
from pytest_mxperf.report.run import ModelResult
from pytest_mxperf.spec import ModelSpec

__all__ = ["CASE", "FAILED_BEFORE", "LATENCY", "Case"]


class Case:
    """A test's model, with what the test itself has measured."""

    def __init__(self, item: pytest.Item, spec: ModelSpec, options: Options) -> None:
        self.spec = spec
        self.timing: Optional[Timing] = None
        self.unmeasured_because = "the test did not call mxperf_benchmark"
        self.findings: Tuple[Finding, ...] = ()
        self.problem = ""
        """What is wrong with the model itself, for the report."""
        self.model = ModelJudge(spec, options.judging, item.config.stash[LATENCY], root=item.config.rootpath)
        self._profiled = Profiled()
        self._item = item
        self._options = options
        self._gates = self._read_markers()

    def _read_markers(self) -> Gates:
        """Raises ``MxperfError`` for a gate that cannot be understood: in setup, before anything is measured."""
        item, own = self._item, own_metrics_of(self._item)
        gates = Gates(budget_of(item, own.metrics), growth_of(item, own.metrics), policy_of(item), own)
        if gates.uses_baseline:
            try:
                BaselineStore(self._options.judging.baselines).path(self.spec.name)
            except BaselineError as error:
                raise UsageError(f"mxperf_baseline of {self._item.nodeid}: {error}") from None
        return gates

    @property
    def uses_baseline(self) -> bool:
        """Whether the test compares its model with a stored baseline."""
        return self._gates.uses_baseline

    def judge(self) -> List[Finding]:
        """Judges every gate, keeps the findings, and returns those that must fail the test."""
        self._gates = self._read_markers()  # fixtures and the test itself can add markers
        is_asked = self.model.is_asked or self.timing is not None
        earlier: Tuple[str, ...] = self._item.stash.get(FAILED_BEFORE, ())
        findings = judge_earlier(earlier)
        _ = (
            self.model.cost,
            self.model.example,
        )  # for the report, even without gates; a broken one is an error in any case
        if not self._gates and not is_asked:
            findings.append(ungated())
        findings += self.model.judge(
            self._gates,
            self.timing,
            unmeasured_because=self.unmeasured_because,
            where=f"mxperf_baseline of {self._item.nodeid}",
        )
        self.findings = tuple(findings)
        if self._options.profile:
            self._profiled = self.model.profile()
        policy = self._options.policy.updated(self._gates.policy)
        return [finding for finding in findings if policy.action(finding.verdict) == "fail"]

    def data(self, test: str) -> CaseData:
        """What the test found, and the baseline that ``--mxperf-update`` asks for."""
        judge = self.model.baseline
        result = ModelResult(
            test=test,
            name=self.spec.name,
            inputs=dict(self.spec.inputs),
            cost=vars(self.model).get("cost"),
            timing=self.timing,
            findings=self.findings,
            problem=self.problem,
            difference=judge.difference if judge else None,
            policy=dict(self._gates.policy),
            symbol_path=self.spec.symbol_path(self._item.config.rootpath),
            profile=self._profiled.profile,
            unprofiled_because=self._profiled.because,
            own_metrics=self.model.own.reported(),
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
LATENCY: "pytest.StashKey[LatencyGate]" = pytest.StashKey()
