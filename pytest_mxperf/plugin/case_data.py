"""The data that a finished test sends to the process that reports, and their packing."""

from base64 import b64decode, b64encode
from typing import Optional

import msgspec

from pytest_mxperf.encoding import encoded
from pytest_mxperf.gate.session import Claim
from pytest_mxperf.judge.growth import Update
from pytest_mxperf.report.run import ModelResult

__all__ = ["CaseData", "packed", "unpacked", "without_costs"]


class CaseData(msgspec.Struct, frozen=True):
    """The result of one test, and the baseline to store for it."""

    result: ModelResult
    has_model: bool = True
    """False if the test ended before it had a model."""
    uses_baseline: bool = False
    claim: Claim = Claim()
    update: Optional[Update] = None


def packed(data: CaseData) -> str:
    """The data as text, which xdist can send, and which plugins that log reports can write."""
    return b64encode(encoded(data, msgspec.msgpack.encode)).decode("ascii")


def unpacked(text: str) -> CaseData:
    return msgspec.msgpack.decode(b64decode(text), type=CaseData)


def without_costs(data: CaseData) -> CaseData:
    """The data that a run without a report needs: without layers, which take most of the space."""
    findings = tuple(msgspec.structs.replace(finding, samples=(), profiles=()) for finding in data.result.findings)
    result = msgspec.structs.replace(data.result, cost=None, difference=None, findings=findings)
    return msgspec.structs.replace(data, result=result)
