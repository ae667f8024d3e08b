"""The report as one HTML file that needs nothing else: no server, no network, no font.

Each model's layers are in it as JSON, which a script reads when the model is opened. Other tables are plain HTML.
Drawings are HTML, CSS and SVG: a chart library would be in each report, and its drawings would still have to be made
usable by keyboard.
"""

import json
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import quote

from markupsafe import Markup

from pytest_mxperf.cost.result import CostReport, LayerCost
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.gate.metrics import BUDGETS
from pytest_mxperf.gate.own_metrics import MetricValue, format_value, format_values
from pytest_mxperf.profile.layers import ModelProfile, TimedLayer
from pytest_mxperf.quantities import Quantity, format_growth, format_pair, format_quantity, format_shape
from pytest_mxperf.report.evidence import Evidence, evidence_of, medians
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.page import environment
from pytest_mxperf.report.profile import gigas, headline, leads, peaks_line
from pytest_mxperf.report.remedy import remedy
from pytest_mxperf.report.run import ModelResult, RunReport

__all__ = ["island", "output", "render"]

_HEAVIEST_SHOWN = 10
_SLOWEST_SHOWN = 20


def output(run: RunReport, place: Place) -> Output:
    path = place.path or Path("mxperf.html")
    return Output(written={path: render(run, to_root=os.path.relpath(place.root, path.parent))})


def render(run: RunReport, *, to_root: str = ".") -> str:
    """The whole page. ``to_root`` is the path from its folder to pytest's root directory."""
    made = environment()
    made.filters.update(count=_count, bytes=_bytes, seconds=_seconds, shape=format_shape, metric=_metric)
    models = [_Model.of(index, result, to_root) for index, result in enumerate(run.results)]
    broken = [finding for finding in run.findings if not finding.verdict.is_good]
    return made.get_template("report.html").render(
        models=models,
        findings=broken,
        versions=run.versions,
        verdicts=_verdicts(models),
        most=max((abs(model.change.growth) for model in models if model.change), default=0) or 1,
        sections=run.sections,
    )


def _verdicts(models: "Sequence[_Model]") -> Dict[str, int]:
    """How many models have each verdict, in the order of ``Verdict``."""
    order = [verdict.value for verdict in Verdict]
    found: Dict[str, int] = {}
    for model in models:
        for verdict in model.verdicts:
            found[verdict] = found.get(verdict, 0) + 1
    return dict(sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


class _Gate(NamedTuple):
    """A finding, as its row shows it."""

    finding: Finding
    old: str
    new: str
    difference: str
    allowed: str
    message: str
    """Empty if the numbers in the row say the same."""
    explanation: Tuple[str, ...]
    """The lines below the message."""

    @classmethod
    def of(cls, finding: Finding) -> "_Gate":
        message, *explanation = finding.message.split("\n")
        old, new = _figures(finding)
        if finding.gate == "latency":
            old, new = medians(finding)
        elif old and new and finding.verdict in _NUMBERS_SUFFICE:
            message = ""
        allowed = "" if finding.allowed_growth is None else f"{100 * finding.allowed_growth:+.4g}%"
        return cls(finding, old, new, _difference(finding), allowed, message, tuple(explanation))


_NUMBERS_SUFFICE = (Verdict.PASSED, Verdict.IMPROVED, Verdict.REGRESSED, Verdict.OVER_BUDGET)


def _figures(finding: Finding) -> Tuple[str, str]:
    """The reference and the value; empty if unknown."""
    reference, value = finding.reference, finding.value
    unit = BUDGETS.get(finding.metric, Quantity.SECONDS)  # wall times are no budget
    if reference is None or value is None or (unit is Quantity.COUNT and not finding.unit):
        return _in_unit(reference, finding), _in_unit(value, finding)
    return format_values(reference, value, finding.unit) if finding.unit else format_pair(reference, value, unit)


def _in_unit(value: Optional[float], finding: Finding) -> str:
    if value is None:
        return ""
    if finding.unit:
        return format_value(value, finding.unit)
    unit = BUDGETS.get(finding.metric, Quantity.SECONDS)
    return f"{value:,}" if unit is Quantity.COUNT else format_quantity(value, unit)


def _difference(finding: Finding) -> str:
    """The growth over the reference, or the distance from the budget. Empty if there is nothing to compare."""
    if finding.value is None:
        return ""
    if finding.gate == "latency":
        return f"{100 * finding.value:+.1f}%" if finding.samples else ""
    if finding.reference is None:
        return ""
    growth = format_growth(finding.reference, finding.value)
    if finding.gate != "budget" or not growth.startswith(("+", "-")):
        return growth
    if finding.value == finding.reference:
        return "just as much"
    return f"{growth[1:]} {'above' if growth.startswith('+') else 'below'}"


class _Model(NamedTuple):
    """A result, as the page shows it."""

    number: int
    result: ModelResult
    graph: str
    """The path of the graph's file, relative to the page; empty if the model is no file."""
    gates: Tuple[_Gate, ...]
    verdicts: Tuple[str, ...]
    change: "Optional[_Change]"
    """The largest change since the baseline."""
    evidence: Tuple[Evidence, ...]
    profile: "Optional[_Profile]"
    heaviest: Tuple[LayerCost, ...]
    layers: Markup
    remedy: str
    """How to accept the change; empty if there is none."""

    @classmethod
    def of(cls, index: int, result: ModelResult, to_root: str) -> "_Model":
        cost = result.cost
        return cls(
            index,
            result,
            f"./{quote(os.path.normpath(os.path.join(to_root, result.symbol_path)))}" if result.symbol_path else "",
            tuple(map(_Gate.of, result.findings)),
            _verdicts_of(result),
            _largest_change(result),
            tuple(filter(None, map(evidence_of, result.findings))),
            None if result.profile is None else _Profile.of(result.profile),
            cost.heaviest(_HEAVIEST_SHOWN) if cost else (),
            island({**_columns(cost, result.profile), **_roofline(result.profile)} if cost else {}),
            remedy(result),
        )

    @property
    def is_failed(self) -> bool:
        return self.result.outcome in ("failed", "error")


class _Change(NamedTuple):
    metric: str
    growth: float
    """A fraction."""

    @property
    def told(self) -> str:
        return f"{100 * self.growth:+.1f}%"


class _TimedRow(NamedTuple):
    layer: TimedLayer
    share: float
    gflops: str
    gbytes: str
    attained: Optional[float]


class _Profile(NamedTuple):
    """The times of layers, as the page shows them."""

    headline: str
    peaks: str
    doubt: str
    leads: Tuple[str, ...]
    rows: Tuple[_TimedRow, ...]

    @classmethod
    def of(cls, profile: ModelProfile) -> "_Profile":
        rows = [
            _TimedRow(
                layer,
                profile.share(layer),
                gigas(layer.flops_per_second),
                gigas(layer.bytes_per_second),
                profile.attained(layer),
            )
            for layer in profile.slowest(_SLOWEST_SHOWN)
        ]
        return cls(headline(profile), peaks_line(profile), profile.doubt, tuple(leads(profile)), tuple(rows))


def _verdicts_of(result: ModelResult) -> Tuple[str, ...]:
    """The verdicts that need attention, the bad ones first; PASSED if there are none."""
    quiet = (Verdict.PASSED, Verdict.ADVICE)
    found = dict.fromkeys(each.verdict for each in result.findings if each.verdict not in quiet)
    if not found and result.outcome != "passed":
        return (result.outcome.upper(),)
    return tuple(each.value for each in sorted(found, key=lambda each: each.is_good)) or (
        ("PASSED",) if result.findings else ("NO GATE",)
    )


def _largest_change(result: ModelResult) -> Optional[_Change]:
    changes: List[_Change] = []
    for finding in result.findings:
        if finding.value is None or finding.gate not in ("baseline", "latency"):
            continue
        if finding.gate == "latency":
            changes.append(_Change(finding.metric, float(finding.value)))
        elif finding.reference:
            changes.append(_Change(finding.metric, finding.value / finding.reference - 1))
    return max(changes, key=lambda change: abs(change.growth), default=None)


def _columns(cost: CostReport, profile: Optional[ModelProfile]) -> Dict[str, Any]:
    """The layers as columns, which take half the space of an object per layer."""
    layers = cost.layers
    columns: Dict[str, Sequence[Any]] = {
        "name": [layer.name for layer in layers],
        "op": [layer.op for layer in layers],
        "shape": [" ".join(map(format_shape, layer.outputs)) for layer in layers],
        "macs": [layer.macs for layer in layers],
        "flops": [layer.flops for layer in layers],
        "params": [layer.params.total for layer in layers],
        "bytes": [layer.bytes_read + layer.bytes_written for layer in layers],
        "activations": [layer.bytes_written for layer in layers],
        "live": [layer.live_bytes for layer in layers],
    }
    if profile is not None:
        timed = profile.of_layers([layer.name for layer in layers])
        own = [runs_in if runs_in and runs_in.name == layer.name else None for layer, runs_in in zip(layers, timed)]
        columns["time"] = [round(layer.cpu_seconds, 9) if layer else 0 for layer in own]
    return {name: _shortest(values) for name, values in columns.items()}


def _roofline(profile: Optional[ModelProfile]) -> Dict[str, Any]:
    """The timed layers and the processor's peaks, for the drawing."""
    if profile is None or profile.peaks is None:
        return {}
    layers = profile.layers
    return {
        "peaks": {"flops": profile.peaks.flops_per_second, "bytes": profile.peaks.bytes_per_second},
        "timed": {
            "name": [layer.name for layer in layers],
            "seconds": [round(layer.cpu_seconds, 9) for layer in layers],
            "flops": [layer.flops for layer in layers],
            "bytes": [layer.bytes_moved for layer in layers],
        },
    }


def _shortest(values: Sequence[Any]) -> Any:
    """If there are few different values: each value once, and its number for each layer. Otherwise the values."""
    known = list(dict.fromkeys(values))
    if 2 * len(known) > len(values):
        return values
    places = {value: place for place, value in enumerate(known)}
    return {"known": known, "at": [places[value] for value in values]}


def island(document: object) -> Markup:
    """JSON for a script element, escaped so that no text in it can end the element or open a comment."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _count(value: int) -> str:
    return format_quantity(value, Quantity.COUNT)


def _bytes(value: int) -> str:
    return format_quantity(value, Quantity.BYTES)


def _metric(metric: MetricValue) -> str:
    return format_value(metric.value, metric.unit)


def _seconds(value: float) -> str:
    return format_quantity(value, Quantity.SECONDS)
