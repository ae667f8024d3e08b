"""One test's model, from its markers to its verdicts."""

from functools import lru_cache
from pathlib import Path
from typing import List, Optional, Tuple

import pytest

from pytest_mxperf.errors import BaselineError, UsageError
from pytest_mxperf.gate.bypass import judge_earlier, ungated
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.gate.session import Claims
from pytest_mxperf.judge.growth import JudgedGrowth
from pytest_mxperf.judge.latency_gate import LatencyGate
from pytest_mxperf.judge.model import Gates, Judged, ModelJudge, Profiled
from pytest_mxperf.judge.own_metrics import OwnMetrics
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.plugin.case_data import CaseData
from pytest_mxperf.plugin.markers import budget_of, check_names, growths_of, policy_of
from pytest_mxperf.plugin.node_ids import id_of, update_command
from pytest_mxperf.plugin.own_metrics import own_metrics_of
from pytest_mxperf.plugin.settings import Options
from pytest_mxperf.report.run import ModelResult
from pytest_mxperf.spec import ModelSpec

__all__ = ["CASE", "CLAIMS", "FAILED_BEFORE", "LATENCY", "Case"]


class Case:
    """A test's model, its gates, and the timing that the test itself has measured."""

    def __init__(self, item: pytest.Item, spec: ModelSpec, options: Options) -> None:
        self.spec = spec
        self.timing: Optional[Timing] = None
        self.unmeasured_because = "the test did not call mxperf_benchmark; call mxperf_benchmark(mxperf_module) in it"
        self.findings: Tuple[Finding, ...] = ()
        self.problem = ""
        """For the report: why the model itself cannot be opened, counted or bound."""
        nearby = _baselines_nearby(item.path.parent)
        self._judging = options.judging.for_model(update_command(item), nearby)
        self.model = ModelJudge(spec, self._judging, item.config.stash[LATENCY], root=item.config.rootpath)
        self.conflict = ""
        """Which other test of this run uses the baseline for another model."""
        self._judged = Judged([], JudgedGrowth([]), OwnMetrics())
        self._profiled = Profiled()
        self._item = item
        self._options = options
        self._gates = self._read_markers()

    def _read_markers(self) -> Gates:
        """The gates in the test's markers. Raises ``MxperfError`` for an invalid gate."""
        item, own = self._item, own_metrics_of(self._item)
        check_names(item)
        gates = Gates(budget_of(item, own.metrics), growths_of(item, own.metrics), policy_of(item), own)
        if gates.uses_baseline:
            try:
                self._judging.store.path(self.spec.name)
            except BaselineError as error:
                raise UsageError(f"mxperf_baseline: {error}") from None
        return gates

    @property
    def uses_baseline(self) -> bool:
        """Whether the test compares its model with a stored baseline."""
        return self._gates.uses_baseline

    def judge(self) -> List[Finding]:
        """Judges every gate, keeps the findings, and returns those that must fail the test."""
        self._gates = self._read_markers()  # fixtures and the test itself can add and change markers
        is_used = self.model.is_used or self.timing is not None
        earlier: Tuple[str, ...] = self._item.stash.get(FAILED_BEFORE, ())
        findings = judge_earlier(earlier)
        # For the report, even without gates. A broken one is an error in any case.
        _ = self.model.cost, self.model.example
        if not self._gates and not is_used:
            findings.append(ungated())
        self._judged = self.model.judge(
            self._gates,
            self.timing,
            unmeasured_because=self.unmeasured_because,
            where="mxperf_baseline",
        )
        findings += self._judged.findings
        self.findings = tuple(findings)
        claims = self._item.config.stash[CLAIMS]
        self.conflict = claims.conflict(self.spec.name, id_of(self._item), self._judged.growth.claim)
        if self._options.profile:
            self._profiled = self.model.profile()
        policy = self._options.policy.updated(self._gates.policy)
        return [finding for finding in findings if policy.action(finding.verdict) == "fail"]

    def data(self, test: str) -> CaseData:
        """The result of the test, and the baseline to store with ``--mxperf-update``."""
        growth = self._judged.growth
        result = ModelResult(
            test=test,
            name=self.spec.name,
            inputs=dict(self.spec.inputs),
            cost=self.model.counted,
            timing=self.timing,
            findings=self.findings,
            problem=self.problem,
            difference=growth.difference,
            policy=dict(self._gates.policy),
            symbol_path=self.spec.symbol_path(self._item.config.rootpath),
            profile=self._profiled.profile,
            unprofiled_because=self._profiled.because,
            own_metrics=self._judged.own.reported(),
            update_command=update_command(self._item) if self.uses_baseline and not self.conflict else "",
        )
        return CaseData(result, uses_baseline=self.uses_baseline, claim=growth.claim, update=growth.update)


@lru_cache(maxsize=64)
def _baselines_nearby(folder: Path) -> Tuple[Path, ...]:
    """The folders of this name in a test's folder and above it. Without an ini file, pytest's root directory, where
    baselines are, depends on where pytest is started."""
    return tuple(each / "baselines" for each in (folder, *folder.parents))


CASE: "pytest.StashKey[Case]" = pytest.StashKey()
FAILED_BEFORE: "pytest.StashKey[Tuple[str, ...]]" = pytest.StashKey()
LATENCY: "pytest.StashKey[LatencyGate]" = pytest.StashKey()
CLAIMS: "pytest.StashKey[Claims]" = pytest.StashKey()
