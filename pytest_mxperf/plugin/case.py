"""One test's model, from the marker to the judgement."""

import os
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from pytest_mxperf.baseline.diff import Difference, Measured, compare
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import BaselineError, MxperfError, UsageError
from pytest_mxperf.gate import (
    Finding,
    Verdict,
    explained,
    judge_baseline,
    judge_budget,
    judge_earlier,
    judge_uncounted,
    no_gate,
)
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.plugin.markers import budget_of, tolerances_of
from pytest_mxperf.plugin.options import Options
from pytest_mxperf.plugin.reporter import CaseData, Update
from pytest_mxperf.report.run import ModelResult
from pytest_mxperf.spec import ModelSpec

__all__ = ["CASE", "FAILED_BEFORE", "Case"]


class Case:
    """Opens, counts and binds the model when asked, each at most once, and judges its gates."""

    def __init__(self, item: pytest.Item, spec: ModelSpec, options: Options) -> None:
        self.spec = spec
        self.timing: Optional[Timing] = None
        self.unmeasured_because = "the test did not call mxperf_benchmark"
        self.findings: Tuple[Finding, ...] = ()
        self._difference: Optional[Difference] = None
        self._fingerprint = ""
        self._update: Optional[Update] = None
        self._item = item
        self._options = options
        self._store = BaselineStore(options.baselines)
        self._read_markers()

    def _read_markers(self) -> None:
        """Raises ``MxperfError`` for a gate that cannot be understood: in setup, before anything is measured."""
        self._budget = budget_of(self._item)
        self._tolerances = tolerances_of(self._item)
        if self._tolerances is not None:
            try:
                self._store.path(self.spec.name)
            except BaselineError as error:
                raise UsageError(f"mxperf_baseline of {self._item.nodeid}: {error}") from None

    @cached_property
    def analysis(self) -> Any:
        from pytest_mxperf.mx.analysis import analyse
        from pytest_mxperf.mx.model import open_model

        return analyse(open_model(self.spec))

    @cached_property
    def cost(self) -> CostReport:
        cost: CostReport = self.analysis.cost()
        return cost

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
        _ = self.cost  # for the report, also of a model without gates
        findings += self._judge_counting(is_asked)
        because = self.unmeasured_because
        findings += judge_budget(self._budget, self.cost, self.timing, unmeasured_because=because)
        if self._tolerances is not None:
            findings += self._judge_baseline(self._tolerances)
        self.findings = tuple(findings)
        return [finding for finding in findings if self._options.action(finding.verdict) == "fail"]

    def _judge_counting(self, is_asked: bool) -> List[Finding]:
        """Whether there is a gate at all, and what it can be judged by."""
        if self._budget or self._tolerances is not None:
            return judge_uncounted(self.cost)
        return [] if is_asked else [no_gate()]

    def _judge_baseline(self, tolerances: Dict[str, Fraction]) -> List[Finding]:
        name, options = self.spec.name, self._options
        now = Baseline.of(self.cost, self.spec.inputs)
        self._fingerprint = now.fingerprint()
        try:
            before = None if options.update == "all" else self._store.load(name)
        except BaselineError as error:
            return [Finding("baseline", "all", Verdict.INCOMPARABLE, str(error))]
        if options.writes_baselines and before is None:
            self._update = Update(now, self.analysis.symbol_json)
            return []
        findings = judge_baseline(tolerances, now, before, missing="" if before else self._missing(now))
        if before is None or all(finding.verdict is not Verdict.REGRESSED for finding in findings):
            return findings
        try:
            self._difference = self._compare(before, now)
        except MxperfError as error:
            return explained(findings, None, unknown_because=str(error))
        return explained(findings, self._difference)

    def _compare(self, before: Baseline, now: Baseline) -> Difference:
        """What distinguishes the model from its baseline, whose graph lies beside it."""
        from pytest_mxperf.mx.analysis import analyse
        from pytest_mxperf.mx.model import model_from_json

        name, inputs = self.spec.name, self.spec.inputs
        stored = analyse(model_from_json(name, self._store.load_symbol(name), inputs))
        return compare(
            Measured.of(stored.graph, stored.inference.shapes, before),
            Measured.of(self.analysis.graph, self.analysis.inference.shapes, now),
            inputs,
        )

    def _missing(self, now: Baseline) -> str:
        name, twin = self.spec.name, self._store.twin(now)
        hint = f"; {twin!r} there has the same inputs and costs: was the model renamed?" if twin else ""
        folder = _relative(self._options.baselines)
        return f"no baseline for {name!r} in {folder}; record it with --mxperf-update{hint}"

    def data(self, test: str) -> CaseData:
        """What the test found, and the baseline that ``--mxperf-update`` asks for."""
        result = ModelResult(
            test=test,
            name=self.spec.name,
            inputs=dict(self.spec.inputs),
            cost=self.cost if "cost" in self.__dict__ else None,
            timing=self.timing,
            findings=self.findings,
            difference=self._difference,
        )
        return CaseData(
            result, uses_baseline=self._tolerances is not None, fingerprint=self._fingerprint, update=self._update
        )


def _relative(folder: Path) -> str:
    """The folder as the user would type it, where that is shorter."""
    return min(os.path.relpath(folder), str(folder), key=len) + os.sep


CASE: "pytest.StashKey[Case]" = pytest.StashKey()
FAILED_BEFORE: "pytest.StashKey[Tuple[str, ...]]" = pytest.StashKey()
