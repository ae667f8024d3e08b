"""The report as JSON, for other programs. It can be read back, to be shown in another format.

It is written in one line: with line breaks, a report of 32 models would be three times as large. ``document.py`` has
its fields.
"""

from pathlib import Path
from typing import List, Sequence, Tuple

import msgspec

from pytest_mxperf.baseline.diff import Difference
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.cost.scaling import Scaling, values
from pytest_mxperf.encoding import encoded
from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.finding import Finding
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.profile.attribution import Pairing
from pytest_mxperf.profile.layers import ModelProfile
from pytest_mxperf.report.document import SCHEMA, CostDocument, DifferenceDocument, Document, ProfileDocument
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.run import ModelResult, RunReport

__all__ = [
    "merged",
    "output",
    "read",
    "render",
    "render_comparison",
    "render_cost",
    "render_difference",
    "render_profile",
    "render_profiles",
    "render_scalings",
]


def output(run: RunReport, place: Place) -> Output:
    return Output(written={place.path or Path("mxperf.json"): render(run)})


def render(run: RunReport) -> str:
    """The whole report, in one line."""
    return encoded(Document.of(run), msgspec.json.encode).decode() + "\n"


def render_cost(cost: CostReport) -> str:
    """One model's costs, as in the report."""
    return _indented(CostDocument.of(cost))


def render_difference(difference: Difference) -> str:
    """The difference between two models, as in the report."""
    return _indented(DifferenceDocument.of(difference))


def render_comparison(compared: Comparison) -> str:
    """The decision about two models' latency."""
    return _indented(compared)


def render_profile(profile: ModelProfile) -> str:
    """The layers of one model by time, as in the report."""
    return _indented(ProfileDocument.of(profile))


def render_profiles(
    profiles: Tuple[ModelProfile, ModelProfile], pairings: Sequence[Pairing], reasons: Sequence[str]
) -> str:
    """The layers of two models by time, the pairs of counterparts, and why the second model is slower, if so."""
    pairs = [
        {
            "before": [row.layer.name for row in pairing.old],
            "now": [row.layer.name for row in pairing.new],
            "before_cpu_seconds": pairing.before,
            "now_cpu_seconds": pairing.now,
        }
        for pairing in pairings
    ]
    before, now = map(ProfileDocument.of, profiles)
    return _indented({"before": before, "now": now, "layers": pairs, "reasons": list(reasons)})


def render_scalings(scalings: Sequence[Scaling]) -> str:
    """For each axis, the totals at each size, and each metric's law as coefficients, the constant first."""
    return _indented({"axes": [_scaling(each) for each in scalings]})


def _scaling(scaling: Scaling) -> "dict[str, object]":
    found = {size: values(report) for size, report in scaling.reports.items()}
    failed = [{"size": size, "problem": problem} for size, problem in scaling.problems.items()]
    return {
        "axis": scaling.axis,
        "sizes": [*({"size": size, **costs} for size, costs in found.items()), *failed],
        "laws": {metric: law and list(map(str, law.coefficients)) for metric, law in scaling.laws.items()},
        "exact_at": scaling.checked,
        "notes": scaling.notes,
    }


def _indented(document: object) -> str:
    return msgspec.json.format(encoded(document, msgspec.json.encode), indent=2).decode() + "\n"


class _AnySchema(msgspec.Struct):
    schema: int


def read(path: Path) -> RunReport:
    """The report in a file. Raises ``UsageError`` for anything else, also for a report of another schema."""
    try:
        text = path.read_bytes()
        found = msgspec.json.decode(text, type=_AnySchema).schema
        if found == SCHEMA:
            return msgspec.json.decode(text, type=Document).run()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a JSON report of pytest-mxperf: {error}") from None
    raise UsageError(f"{path}: a report of schema {found}, this version reads {SCHEMA}; write it again")


def merged(runs: Sequence[RunReport]) -> RunReport:
    """One report from those of a suite's parts. If several have the same test, the last one counts.

    A baseline is unused if no part uses it.
    """
    results: dict[str, ModelResult] = {}
    for run in runs:
        results.update({result.test: result for result in run.results})
    versions = {name: version for run in reversed(runs) for name, version in run.versions.items()}
    because = "; ".join(dict.fromkeys(run.unused_unknown_because for run in runs if run.unused_unknown_because))
    sections = tuple(dict.fromkeys(section for run in runs for section in run.sections))
    return RunReport(tuple(results.values()), versions, tuple(_findings(runs)), because, sections)


def _findings(runs: Sequence[RunReport]) -> List[Finding]:
    found = dict.fromkeys((each.gate, each.metric, each.verdict) for run in runs for each in run.findings)
    by_key = {(each.gate, each.metric, each.verdict): each for run in runs for each in run.findings}
    in_all = {key for key in found if all(any(_key(each) == key for each in run.findings) for run in runs)}
    return [by_key[key] for key in found if key[2].value != "UNUSED" or key in in_all]


def _key(finding: Finding) -> "tuple[object, ...]":
    return finding.gate, finding.metric, finding.verdict
