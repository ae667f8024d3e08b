"""The values that a run yields: one result per test, and all of them together."""

from typing import Dict, Optional, Tuple

import msgspec

from pytest_mxperf.baseline.diff import Difference
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.own_metrics import MetricValue
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.profile.layers import ModelProfile
from pytest_mxperf.spec import InputSpec

__all__ = ["ModelResult", "RunReport", "Section"]


class ModelResult(msgspec.Struct, frozen=True):
    """One test and its model. Plain data, so that it can cross from an xdist worker to the controller."""

    test: str
    """The test's node id."""
    name: str
    inputs: Dict[str, InputSpec]
    outcome: str = "passed"
    """``passed``, ``failed``, ``skipped``, or ``error`` in setup or teardown."""
    problem: str = ""
    """Why the model could not be opened, counted, bound or compared; empty if it could."""
    cost: Optional[CostReport] = None
    timing: Optional[Timing] = None
    findings: Tuple[Finding, ...] = ()
    difference: Optional[Difference] = None
    """From the baseline, of a model that regressed."""
    baseline_update: Optional[str] = None
    """``recorded``, ``updated`` or ``unchanged`` where baselines were to be stored."""
    policy: Dict[Verdict, str] = {}
    """What the test itself says about verdicts: fail, warn or ignore."""
    file: str = ""
    """The test's, relative to pytest's root directory."""
    line: int = 0
    """In that file, from 1."""
    symbol_path: str = ""
    """Of a checkpoint's graph, relative to pytest's root directory; empty for what is no file."""
    profile: Optional[ModelProfile] = None
    """The times of its layers, where they were asked for."""
    unprofiled_because: str = ""
    """Why there are none though they were asked for."""
    own_metrics: Tuple[MetricValue, ...] = ()
    """Those that other plugins add, as far as the test's gates name them."""


class Section(msgspec.Struct, frozen=True):
    """What another plugin adds to a report, as plain text of one or more lines."""

    title: str
    text: str


class RunReport(msgspec.Struct, frozen=True):
    """All results of a run, in the order the tests were collected."""

    results: Tuple[ModelResult, ...]
    versions: Dict[str, str]
    findings: Tuple[Finding, ...] = ()
    """What is true of the run as a whole, and of no one test: for example a baseline that no test uses."""
    unused_unknown_because: str = ""
    """Why the run cannot know which baselines no test uses; empty where it does."""
    sections: Tuple[Section, ...] = ()
    """Those that other plugins add."""
