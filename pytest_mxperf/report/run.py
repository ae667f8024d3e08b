"""The results of a run: one per test, and all of them together."""

from typing import Dict, Literal, Optional, Tuple

import msgspec

from pytest_mxperf.baseline.diff import Difference
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.own_metrics import MetricValue
from pytest_mxperf.gate.policy import PolicyAction
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.profile.layers import ModelProfile
from pytest_mxperf.spec import InputSpec

__all__ = ["BaselineUpdate", "ModelResult", "RunReport", "Section", "TestOutcome"]

TestOutcome = Literal["passed", "failed", "skipped", "error"]
"""How a test has ended. ``error`` is one in its setup or teardown."""
BaselineUpdate = Literal["recorded", "updated", "unchanged", "not stored"]
"""What became of a baseline. It is not stored if its test failed, or if it could not be written."""


class ModelResult(msgspec.Struct, frozen=True):
    """One test and its model. Plain data, so that it can cross from an xdist worker to the controller."""

    test: str
    """The test's node id."""
    name: str
    inputs: Dict[str, InputSpec]
    outcome: TestOutcome = "passed"
    problem: str = ""
    """Why the model could not be opened, counted, bound or compared. Empty if nothing failed."""
    cost: Optional[CostReport] = None
    timing: Optional[Timing] = None
    findings: Tuple[Finding, ...] = ()
    difference: Optional[Difference] = None
    """The difference from the baseline, or from another model, if the model regressed."""
    baseline_update: Optional[BaselineUpdate] = None
    """If baselines are to be stored: ``recorded``, ``updated``, ``unchanged`` or ``not stored``."""
    policy: Dict[Verdict, PolicyAction] = {}
    """The test's own policy: fail, warn or ignore, by verdict."""
    file: str = ""
    """The test's file, relative to pytest's root directory."""
    line: int = 0
    """The test's line in the file, from 1."""
    symbol_path: str = ""
    """The file of a checkpoint's graph, relative to pytest's root directory; empty if the model is no file."""
    profile: Optional[ModelProfile] = None
    """The times of the model's layers, if the user asked for them."""
    unprofiled_because: str = ""
    """Why there is no ``profile`` although the user asked for it."""
    own_metrics: Tuple[MetricValue, ...] = ()
    """The metrics of other plugins that the test's gates name."""
    update_command: str = ""
    """The command that stores the baseline of this test alone; empty if it is unknown."""

    @property
    def compared_with(self) -> str:
        """What ``difference`` is about: "since the baseline", or "from" the other model if only that is exceeded."""
        others = [finding.over for finding in self.findings if finding.verdict is Verdict.REGRESSED]
        return f"from {others[0]}" if all(others) and others else "since the baseline"


class Section(msgspec.Struct, frozen=True):
    """A section that another plugin adds to a report, as plain text of one or more lines."""

    title: str
    text: str


class RunReport(msgspec.Struct, frozen=True):
    """All results of a run, in the order the tests were collected."""

    results: Tuple[ModelResult, ...]
    versions: Dict[str, str]
    findings: Tuple[Finding, ...] = ()
    """Findings about the whole run, for example a baseline that no test uses."""
    unused_unknown_because: str = ""
    """Why the run cannot know which baselines no test uses. Empty if it can."""
    sections: Tuple[Section, ...] = ()
    """The sections that other plugins add."""
