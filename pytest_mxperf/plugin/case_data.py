"""What a finished test sends to the process that reports, and how that is packed."""

from base64 import b64decode, b64encode
from typing import Optional

import msgspec

from pytest_mxperf.encoding import encoded
from pytest_mxperf.gate.session import Claim
from pytest_mxperf.judge.growth import Update
from pytest_mxperf.report.run import ModelResult

__all__ = ["CaseData", "packed", "unpacked", "without_costs"]


class CaseData(msgspec.Struct, frozen=True):
    """Of one test, and the baseline that it asks to be stored."""

    result: ModelResult
    has_model: bool = True
    """Whether the test got as far as having a model."""
    uses_baseline: bool = False
    claim: Claim = Claim()
    update: Optional[Update] = None


def packed(data: CaseData) -> str:
    """As text, which xdist can carry and plugins that log reports can write."""
    return b64encode(encoded(data, msgspec.msgpack.encode)).decode("ascii")


def unpacked(text: str) -> CaseData:
    return msgspec.msgpack.decode(b64decode(text), type=CaseData)


def without_costs(data: CaseData) -> CaseData:
    """Enough for a run without a report. The layers are left out, because they take most of the space."""
    findings = tuple(msgspec.structs.replace(finding, samples=(), profiles=()) for finding in data.result.findings)
    result = msgspec.structs.replace(data.result, cost=None, difference=None, findings=findings)
    return msgspec.structs.replace(data, result=result)
