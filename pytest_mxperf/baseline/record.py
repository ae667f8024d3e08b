"""What a baseline stores about a model."""

import hashlib
import re
from typing import Dict, List, Mapping, Optional, Tuple, Union

import msgspec

from pytest_mxperf.baseline.layout import lined
from pytest_mxperf.cost.result import CostReport, Params
from pytest_mxperf.errors import BaselineError
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.spec import InputSpec

__all__ = ["Baseline", "InputRecord", "LayerRecord", "Recorded", "WallTime"]

SCHEMA = 1

_ALIKE = 0.1
_SHOWN_DIGITS = 12
_CONFLICT = re.compile(rb"^(?:<{7}|>{7}) ", re.MULTILINE)


class InputRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shape and dtype of one input, as ``InputSpec``."""

    shape: Tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


class LayerRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One layer that costs something or has parameters to train, which ``params`` counts."""

    name: str
    op: str
    macs: int
    flops: int
    params: int


class WallTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds per forward as ``mxperf_benchmark`` measured them, with the user's own threads and engine."""

    p50: float
    p90: float
    p99: float
    mean: float
    software: Dict[str, str]
    """Versions, for the reader: only the hardware decides what may be compared."""

    @classmethod
    def of(cls, timing: Timing, software: Mapping[str, str]) -> "WallTime":
        """To four digits: more are noise, and a change to review."""
        p50, p90, p99, mean = [float(f"{seconds:.4g}") for seconds in (timing.p50, timing.p90, timing.p99, timing.mean)]
        return cls(p50, p90, p99, mean, dict(software))

    def is_like(self, other: "WallTime") -> bool:
        """Whether the medians are so near that recording the other would only make a change to review."""
        return abs(other.p50 / self.p50 - 1) <= _ALIKE


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a baseline was recorded under: which MXNet, and how the model is timed."""

    mxnet: str
    """Its version."""
    blas: str
    features: Tuple[str, ...]
    """Of its build, sorted: those that decide on speed."""
    subgraph_backend: str
    run_as: str = ""
    """``RunAs`` in words; empty where no latency gate asks for it."""
    example: str = ""
    """SHA-256 of the real inputs, or "none"; empty where nothing is timed with them."""

    def differences(self, now: "Recorded") -> List[str]:
        """What has changed, in a few words for each. An empty text on either side means unknown."""
        pairs = [
            ("under MXNet", self.mxnet, now.mxnet),
            ("with BLAS", self.blas, now.blas),
            ("with subgraph backend", self.subgraph_backend, now.subgraph_backend),
            ("and timed as", self.run_as and f"a {self.run_as}", now.run_as and f"a {now.run_as}"),
            ("with example", self.example[:_SHOWN_DIGITS], now.example[:_SHOWN_DIGITS]),
        ]
        words = [f"{what} {old}, this is {new}" for what, old, new in pairs if old and new and old != new]
        lost = [f"with {name}, this is without" for name in self.features if name not in now.features]
        gained = [f"without {name}, this is with it" for name in now.features if name not in self.features]
        return words + lost + gained


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The costs of a model under one counting convention and for one set of inputs."""

    convention: str
    inputs: Dict[str, InputRecord]
    macs: int
    flops: int
    flops_by_category: Dict[str, int]
    params: Params
    peak_activation_bytes: int
    layers: Tuple[LayerRecord, ...]
    schema: int = SCHEMA
    symbol_sha256: str = ""
    """Of the file beside it that holds the graph: the two are a pair. Empty until they are stored."""
    weights_sha256: str = ""
    """Of the ``.params`` file that was found to be no slower than its graph, and without subnormal activations.

    True of this graph alone, run as it was then and with the same example.
    """
    checkpoint_bytes: Optional[int] = None
    """As in ``CostReport``: of the file, so that two models of one graph may differ in it."""
    wall_times: Dict[str, WallTime] = {}
    """By environment (``environment.here``), because wall times of other hardware mean nothing."""
    recorded: Optional[Recorded] = None
    """None in a file that was written before this was stored: it is not known then."""
    own_metrics: Dict[str, Union[int, float]] = {}
    """Those that other plugins add, of the tests that compare them."""

    @classmethod
    def of(cls, report: CostReport, inputs: Mapping[str, InputSpec]) -> "Baseline":
        layers = tuple(
            LayerRecord(layer.name, layer.op, layer.macs, layer.flops, layer.params.trainable)
            for layer in report.layers
            if layer.flops or layer.params.trainable
        )
        return cls(
            convention=report.convention,
            inputs={name: InputRecord(spec.shape, spec.dtype) for name, spec in inputs.items()},
            macs=report.macs,
            flops=report.flops,
            flops_by_category=report.cost.flops_by_category(),
            params=report.params,
            peak_activation_bytes=report.peak_activation_bytes,
            checkpoint_bytes=report.checkpoint_bytes,
            layers=layers,
        )

    @classmethod
    def from_json(cls, text: bytes, *, where: str) -> "Baseline":
        """Raises ``BaselineError`` that begins with ``where`` if the text is not a baseline of this schema."""
        try:
            schema = msgspec.json.decode(text, type=_AnySchema).schema
            if schema == SCHEMA:
                return msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            if _CONFLICT.search(text):
                raise BaselineError(f"{where}: has git conflict markers; resolve them") from None
            raise BaselineError(f"{where}: not a baseline: {error}") from None
        raise BaselineError(f"{where}: written in schema {schema}, this version reads {SCHEMA}")

    @staticmethod
    def is_in(text: bytes) -> bool:
        """Whether the text is a baseline of any schema, and not another JSON."""
        try:
            msgspec.json.decode(text, type=_AnyBaseline)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return False
        return True

    def to_json(self) -> bytes:
        """One total and one layer a line, so that a change reads well as a diff."""
        document = msgspec.to_builtins(self, order="deterministic")
        schema, layers = document.pop("schema"), document.pop("layers")
        if not self.own_metrics:  # most projects have none
            del document["own_metrics"]
        return lined({"schema": schema, **document, "layers": layers})

    def costs_digest(self) -> str:
        """Equal for models with the same inputs, layers and costs. Layer names may differ."""
        layers = tuple(msgspec.structs.replace(layer, name="") for layer in self.layers)
        costs = msgspec.structs.replace(self, layers=layers, recorded=None, checkpoint_bytes=None)
        nameless = msgspec.structs.replace(costs, symbol_sha256="", weights_sha256="", wall_times={}, own_metrics={})
        return hashlib.sha256(msgspec.json.encode(nameless, order="sorted")).hexdigest()

    def completed_by(self, other: "Baseline") -> "Baseline":
        """With what only other tests of the same model have measured. What both have stays as it is here."""
        recorded = self.recorded
        if recorded is not None and other.recorded is not None:
            recorded = msgspec.structs.replace(
                recorded,
                run_as=recorded.run_as or other.recorded.run_as,
                example=recorded.example or other.recorded.example,
            )
        return msgspec.structs.replace(
            self,
            recorded=recorded or other.recorded,
            weights_sha256=self.weights_sha256 or other.weights_sha256,
            checkpoint_bytes=other.checkpoint_bytes if self.checkpoint_bytes is None else self.checkpoint_bytes,
            wall_times={**other.wall_times, **self.wall_times},
            own_metrics={**other.own_metrics, **self.own_metrics},
        )

    def incomparable_because(self, other: "Baseline") -> str:
        """Why costs of the two must not be compared, or an empty text if they may be."""
        if self.convention != other.convention:
            return f"counted under convention {self.convention}, this version counts under {other.convention}"
        for name in sorted({*self.inputs, *other.inputs}):
            mine, theirs = self.inputs.get(name), other.inputs.get(name)
            if mine != theirs:
                return f"recorded with input {name} {mine or 'absent'}, now {theirs or 'absent'}"
        return ""


class _AnySchema(msgspec.Struct):
    schema: int


class _AnyBaseline(_AnySchema):
    convention: str
