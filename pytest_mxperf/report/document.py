"""The fields of the JSON report, converted from a run and back to one. The JSON Schema is made from these classes.

``docs/report-json.md`` says what each field means. The schema number changes when a field changes its meaning or goes
away. New fields do not change it.
"""

from typing import Dict, Literal, Optional, Tuple

import msgspec

from pytest_mxperf.baseline.detail import Detail
from pytest_mxperf.baseline.diff import COST_METRICS, Change, ChangeKind, Costs, Difference
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params, Shape
from pytest_mxperf.gate.finding import Finding, GateName, Number, Verdict
from pytest_mxperf.gate.own_metrics import MetricValue
from pytest_mxperf.gate.policy import PolicyAction
from pytest_mxperf.latency.comparison import Sample
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.profile.layers import ModelProfile, TimedLayer
from pytest_mxperf.profile.values import Peaks
from pytest_mxperf.report.run import BaselineUpdate, ModelResult, RunReport, Section, TestOutcome
from pytest_mxperf.spec import InputSpec

__all__ = ["SCHEMA", "CostDocument", "DifferenceDocument", "Document", "ProfileDocument", "schema"]

SCHEMA = 1


class DetailDocument(msgspec.Struct, frozen=True):
    what: str
    before: str
    now: str


class ChangeDocument(msgspec.Struct, frozen=True):
    kind: ChangeKind
    name: str
    old_name: Optional[str]
    op: str
    details: Tuple[DetailDocument, ...]
    before: Costs
    now: Costs
    growth: Dict[str, int]
    share_of_growth: Dict[str, Optional[float]]

    @classmethod
    def of(cls, change: Change, difference: Difference) -> "ChangeDocument":
        return cls(
            kind=change.kind,
            name=change.name,
            old_name=change.old_name,
            op=change.op,
            details=tuple(DetailDocument(*detail) for detail in change.details),
            before=change.before,
            now=change.now,
            growth={metric: change.growth(metric) for metric in COST_METRICS},
            share_of_growth={metric: difference.share(change, metric) for metric in COST_METRICS},
        )

    def change(self) -> Change:
        details = tuple(Detail(each.what, each.before, each.now) for each in self.details)
        return Change(self.kind, self.name, self.op, details, self.before, self.now, self.old_name)


class DifferenceDocument(msgspec.Struct, frozen=True):
    before: Costs
    now: Costs
    changes: Tuple[ChangeDocument, ...]

    @classmethod
    def of(cls, difference: Difference) -> "DifferenceDocument":
        changes = tuple(ChangeDocument.of(change, difference) for change in difference.changes)
        return cls(difference.before, difference.now, changes)

    def difference(self) -> Difference:
        return Difference(tuple(change.change() for change in self.changes), self.before, self.now)


class LayerDocument(msgspec.Struct, frozen=True):
    name: str
    op: str
    outputs: Tuple[Shape, ...]
    dtype: str
    executions: int
    bytes_read: int
    bytes_written: int
    live_bytes: int
    arithmetic_intensity: float
    macs: int
    flops: int
    flops_by_category: Dict[str, int]
    """Without zeros, because most layers have one category or none."""
    params: Params

    @classmethod
    def of(cls, layer: LayerCost) -> "LayerDocument":
        return cls(
            name=layer.name,
            op=layer.op,
            outputs=layer.outputs,
            dtype=layer.dtype,
            executions=layer.executions,
            bytes_read=layer.bytes_read,
            bytes_written=layer.bytes_written,
            live_bytes=layer.live_bytes,
            arithmetic_intensity=layer.arithmetic_intensity,
            macs=layer.macs,
            flops=layer.flops,
            flops_by_category={name: flops for name, flops in layer.cost.flops_by_category().items() if flops},
            params=layer.params,
        )

    def layer(self) -> LayerCost:
        """Raises ``TypeError`` for an unknown category, and ``ValueError`` if there is no output."""
        if not self.outputs:
            raise ValueError(f"layer {self.name!r} has no output")
        cost = OpCost(macs=self.macs, **self.flops_by_category)
        sizes = (self.dtype, self.executions, self.bytes_read, self.bytes_written, self.live_bytes)
        return LayerCost(self.name, self.op, self.outputs, cost, self.params, *sizes)


class ParamsDocument(msgspec.Struct, frozen=True):
    trainable: int
    frozen: int
    auxiliary: int
    bytes: int
    total: int


class CostDocument(msgspec.Struct, frozen=True):
    convention: str
    macs: int
    flops: int
    flops_by_category: Dict[str, int]
    params: ParamsDocument
    param_bytes_by_dtype: Dict[str, int]
    bytes_read: int
    bytes_written: int
    peak_activation_bytes: int
    checkpoint_bytes: Optional[int]
    uncounted: Dict[str, int]
    notes: Tuple[str, ...]
    layers: Tuple[LayerDocument, ...]

    @classmethod
    def of(cls, cost: CostReport) -> "CostDocument":
        params = cost.params
        return cls(
            convention=cost.convention,
            macs=cost.macs,
            flops=cost.flops,
            flops_by_category=cost.cost.flops_by_category(),
            params=ParamsDocument(params.trainable, params.frozen, params.auxiliary, params.bytes, params.total),
            param_bytes_by_dtype=cost.param_bytes_by_dtype,
            bytes_read=cost.bytes_read,
            bytes_written=cost.bytes_written,
            peak_activation_bytes=cost.peak_activation_bytes,
            checkpoint_bytes=cost.checkpoint_bytes,
            uncounted=cost.uncounted,
            notes=cost.notes,
            layers=tuple(map(LayerDocument.of, cost.layers)),
        )

    def cost(self) -> CostReport:
        params = self.params
        return CostReport(
            layers=tuple(layer.layer() for layer in self.layers),
            params=Params(params.trainable, params.frozen, params.auxiliary, params.bytes),
            uncounted=self.uncounted,
            notes=self.notes,
            peak_activation_bytes=self.peak_activation_bytes,
            param_bytes_by_dtype=self.param_bytes_by_dtype,
            convention=self.convention,
            checkpoint_bytes=self.checkpoint_bytes,
        )


class TimedLayerDocument(msgspec.Struct, frozen=True):
    name: str
    operator: str
    cpu_seconds: float
    share: float
    macs: int
    flops: int
    bytes_moved: int
    dtype: str
    flops_per_second: float
    bytes_per_second: float
    attained: Optional[float]
    members: Tuple[str, ...]

    @classmethod
    def of(cls, layer: TimedLayer, profile: ModelProfile) -> "TimedLayerDocument":
        return cls(
            name=layer.name,
            operator=layer.operator,
            cpu_seconds=layer.cpu_seconds,
            share=profile.share(layer),
            macs=layer.macs,
            flops=layer.flops,
            bytes_moved=layer.bytes_moved,
            dtype=layer.dtype,
            flops_per_second=layer.flops_per_second,
            bytes_per_second=layer.bytes_per_second,
            attained=profile.attained(layer),
            members=layer.members,
        )

    def layer(self) -> TimedLayer:
        return TimedLayer(
            self.name,
            self.operator,
            self.cpu_seconds,
            self.macs,
            self.flops,
            self.bytes_moved,
            self.dtype,
            self.members,
        )


class ProfileDocument(msgspec.Struct, frozen=True):
    forward_cpu_seconds: float
    outputs_cpu_seconds: float
    unaccounted_share: float
    run_as: str
    own_weights: bool
    peaks: Optional[Peaks]
    layers: Tuple[TimedLayerDocument, ...]

    @classmethod
    def of(cls, profile: ModelProfile) -> "ProfileDocument":
        return cls(
            profile.forward_cpu_seconds,
            profile.outputs_cpu_seconds,
            profile.unaccounted_share,
            profile.run_as,
            profile.own_weights,
            profile.peaks,
            tuple(TimedLayerDocument.of(layer, profile) for layer in profile.layers),
        )

    def profile(self) -> ModelProfile:
        layers = tuple(layer.layer() for layer in self.layers)
        forward = self.forward_cpu_seconds, self.outputs_cpu_seconds
        return ModelProfile(layers, *forward, self.run_as, self.own_weights, self.peaks)


class FindingDocument(msgspec.Struct, frozen=True):
    gate: GateName
    metric: str
    verdict: Verdict
    message: str
    value: Optional[Number]
    reference: Optional[Number]
    allowed_growth: Optional[float]
    samples: Tuple[Sample, ...]
    profiles: Tuple[ProfileDocument, ...]
    unit: Literal["", "number", "bytes", "seconds"] = ""
    over: str = ""

    @classmethod
    def of(cls, finding: Finding) -> "FindingDocument":
        fields = {name: getattr(finding, name) for name in finding.__struct_fields__}
        return cls(**{**fields, "profiles": tuple(map(ProfileDocument.of, finding.profiles))})

    def finding(self) -> Finding:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return Finding(**{**fields, "profiles": tuple(each.profile() for each in self.profiles)})


class ModelDocument(msgspec.Struct, frozen=True):
    test: str
    name: str
    outcome: TestOutcome
    problem: Optional[str]
    inputs: Dict[str, InputSpec]
    findings: Tuple[FindingDocument, ...]
    difference: Optional[DifferenceDocument]
    baseline_update: Optional[BaselineUpdate]
    timing: Optional[Timing]
    cost: Optional[CostDocument]
    file: str = ""
    line: int = 0
    policy: Dict[Verdict, PolicyAction] = {}
    symbol_path: Optional[str] = None
    profile: Optional[ProfileDocument] = None
    unprofiled_because: Optional[str] = None
    own_metrics: Tuple[MetricValue, ...] = ()
    update_command: Optional[str] = None

    @classmethod
    def of(cls, result: ModelResult) -> "ModelDocument":
        return cls(
            test=result.test,
            name=result.name,
            outcome=result.outcome,
            problem=result.problem or None,
            inputs=result.inputs,
            findings=tuple(map(FindingDocument.of, result.findings)),
            difference=None if result.difference is None else DifferenceDocument.of(result.difference),
            baseline_update=result.baseline_update,
            timing=result.timing,
            cost=None if result.cost is None else CostDocument.of(result.cost),
            file=result.file,
            line=result.line,
            policy=result.policy,
            symbol_path=result.symbol_path or None,
            profile=None if result.profile is None else ProfileDocument.of(result.profile),
            unprofiled_because=result.unprofiled_because or None,
            own_metrics=result.own_metrics,
            update_command=result.update_command or None,
        )

    def result(self) -> ModelResult:
        return ModelResult(
            test=self.test,
            name=self.name,
            inputs=self.inputs,
            outcome=self.outcome,
            problem=self.problem or "",
            cost=None if self.cost is None else self.cost.cost(),
            timing=self.timing,
            findings=tuple(each.finding() for each in self.findings),
            difference=None if self.difference is None else self.difference.difference(),
            baseline_update=self.baseline_update,
            policy=self.policy,
            file=self.file,
            line=self.line,
            symbol_path=self.symbol_path or "",
            profile=None if self.profile is None else self.profile.profile(),
            unprofiled_because=self.unprofiled_because or "",
            own_metrics=self.own_metrics,
            update_command=self.update_command or "",
        )


class Document(msgspec.Struct, frozen=True):
    schema: int
    versions: Dict[str, str]
    findings: Tuple[FindingDocument, ...]
    unused_unknown_because: Optional[str]
    models: Tuple[ModelDocument, ...]
    sections: Tuple[Section, ...] = ()

    @classmethod
    def of(cls, run: RunReport) -> "Document":
        models = tuple(map(ModelDocument.of, run.results))
        return cls(
            SCHEMA,
            run.versions,
            tuple(map(FindingDocument.of, run.findings)),
            run.unused_unknown_because or None,
            models,
            run.sections,
        )

    def run(self) -> RunReport:
        results = tuple(model.result() for model in self.models)
        findings = tuple(each.finding() for each in self.findings)
        return RunReport(results, self.versions, findings, self.unused_unknown_because or "", self.sections)


def schema() -> Dict[str, object]:
    """The JSON Schema of a report."""
    found, components = msgspec.json.schema_components([Document], ref_template="#/$defs/{name}")
    for component in components.values():
        if "description" in component:  # a docstring, whose indent depends on the version of Python
            component["description"] = " ".join(component["description"].split())
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **found[0], "$defs": components}
    plain: Dict[str, object] = msgspec.json.decode(msgspec.json.encode(document))  # a default may be a tuple
    return plain
