"""Stores the baselines that a run has judged."""

from functools import reduce
from typing import Dict, List, Optional

from pytest_mxperf.errors import MxperfError
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.session import Claim, Claims
from pytest_mxperf.judge.growth import Update
from pytest_mxperf.judge.options import JudgeOptions
from pytest_mxperf.report.run import BaselineUpdate

__all__ = ["Keeper"]


class Keeper:
    """Of one run. A second model that needs another baseline of the same name is a conflict, and stores nothing."""

    def __init__(self, options: JudgeOptions) -> None:
        self.findings: List[Finding] = []
        """The conflicts."""
        self.errors: List[str] = []
        """Why a baseline could not be written."""
        self._claims = Claims()
        self._stored: Dict[str, Dict[str, Update]] = {}
        """By name and test."""
        self._store = options.store
        self._overwrites = options.update != "new"

    def keep(
        self, name: str, test: str, claim: Claim, update: Optional[Update], *, is_passed: bool
    ) -> Optional[BaselineUpdate]:
        """What became of the baseline; None if there was nothing to store."""
        conflict = self._claims.conflict(name, test, claim)
        finding = Finding("baseline", name, Verdict.CONFLICT, conflict)
        if conflict and finding not in self.findings:
            self.findings.append(finding)
        if update is None:
            return None
        return self._save(name, test, update) if is_passed and not conflict else "not stored"

    def _save(self, name: str, test: str, update: Update) -> BaselineUpdate:
        """Stores the baseline. Tests that share a model complete each other's: one may count it, another time it."""
        earlier = self._stored.get(name, {})
        updates = {**earlier, test: update}
        joined = reduce(Update.with_that_of, updates.values())
        try:
            overwrites = self._overwrites or bool(earlier)
            stored = self._store.save(name, joined.complete(), joined.symbol_json, overwrite=overwrites)
        except MxperfError as error:
            self.errors.append(str(error))
            return "not stored"
        if overwrites or stored != "unchanged":  # else another process has made it meanwhile
            self._stored[name] = updates
        return stored
