"""What a gate has found, and its verdict."""

from enum import Enum
from typing import Iterable, Literal, Optional, Sequence, Set, Tuple, Union

import msgspec

from pytest_mxperf.latency.comparison import Sample
from pytest_mxperf.profile.layers import ModelProfile

__all__ = ["Finding", "GateName", "MetricUnit", "Number", "Verdict", "regressed_metrics"]

Number = Union[int, float]
GateName = Literal["budget", "baseline", "latency", "count", "test", "session", "advice"]
"""What gave a verdict. ``test`` and ``session`` are what keeps gates from judging. ``advice`` is no gate."""
MetricUnit = Literal["number", "bytes", "seconds"]
"""The unit of a metric that another plugin adds."""


class Verdict(str, Enum):  # str, because msgspec 0.19 to 0.21 write no other Enum as a key of JSON
    """The outcome of one gate."""

    PASSED = "PASSED"
    IMPROVED = "IMPROVED"
    REGRESSED = "REGRESSED"
    OVER_BUDGET = "OVER_BUDGET"
    MISSING = "MISSING"
    INCOMPARABLE = "INCOMPARABLE"
    UNCOUNTED = "UNCOUNTED"
    UNMEASURED = "UNMEASURED"
    INCONCLUSIVE = "INCONCLUSIVE"
    UNJUDGED = "UNJUDGED"
    UNGATED = "UNGATED"
    FLAKY = "FLAKY"
    ADVICE = "ADVICE"
    UNUSED = "UNUSED"
    CONFLICT = "CONFLICT"
    OTHER_MXNET = "OTHER_MXNET"

    @property
    def is_good(self) -> bool:
        return self in (Verdict.PASSED, Verdict.IMPROVED, Verdict.ADVICE)


class Finding(msgspec.Struct, frozen=True):
    """One gate judged. ``value`` is what was measured, ``reference`` the ceiling or the baseline's value."""

    gate: GateName
    metric: str
    verdict: Verdict
    message: str
    """The whole story in a line, and below it the changes responsible where they are known."""
    value: Optional[Number] = None
    reference: Optional[Number] = None
    allowed_growth: Optional[float] = None
    """Fraction of the reference; baselines and latency only."""
    samples: Tuple[Sample, ...] = ()
    """Latency only: what it was judged by."""
    profiles: Tuple[ModelProfile, ...] = ()
    """Of the reference and of the model, where their layers were timed to explain it."""
    unit: Literal["", "number", "bytes", "seconds"] = ""
    """Of a metric that another plugin adds; empty for all others."""
    over: str = ""
    """The other model that it was compared with; empty for the stored baseline."""

    def with_reasons(self, lines: Sequence[str]) -> "Finding":
        """The same, with more lines next to its first, before what went on meanwhile."""
        first, *rest = self.message.split("\n")
        return msgspec.structs.replace(self, message="\n".join([first, *lines, *rest]))

    def with_lines(self, lines: Sequence[str]) -> "Finding":
        """The same, with more lines below its message."""
        return msgspec.structs.replace(self, message="\n".join([self.message, *lines]))

    @property
    def message_and_verdict(self) -> str:
        """The message with the verdict, by which its policy is set, behind the first line: ``... [OTHER_MXNET]``."""
        first, *rest = self.message.split("\n")
        return "\n".join([f"{first} [{self.verdict.value}]", *rest])


def regressed_metrics(findings: Iterable[Finding]) -> Set[str]:
    return {finding.metric for finding in findings if finding.verdict is Verdict.REGRESSED}
