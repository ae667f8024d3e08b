"""The results of counting: per operator, per layer, per model."""

from typing import Dict, Literal, Optional, Tuple

import msgspec

__all__ = [
    "CATEGORIES",
    "CONVENTION",
    "ITEM_BYTES",
    "ConventionName",
    "CostReport",
    "LayerCost",
    "OpCost",
    "Params",
    "Shape",
]

Shape = Tuple[int, ...]
"""Elements per dimension."""
ConventionName = Literal["conv-only", "fvcore", "thop", "torchvision"]
"""The conventions of other tools, for ``CostReport.counted_as``."""

ITEM_BYTES = {
    **dict.fromkeys(("bool", "int8", "uint8"), 1),
    **dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 2),
    **dict.fromkeys(("float32", "int32", "uint32"), 4),
    **dict.fromkeys(("float64", "int64", "uint64"), 8),
}
"""Bytes of one element, for all dtypes that MXNet has."""

CONVENTION = "mxperf-1"
"""The name of the counting rules. Costs of different conventions are never compared."""

CATEGORIES = (
    "bias",
    "normalization",
    "activation",
    "elementwise",
    "reduction",
    "pooling",
    "softmax",
    "interpolation",
    "other",
)


class OpCost(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one execution of an operator computes.

    ``macs`` are multiply-accumulates, each worth 2 FLOPs; every other field is in FLOPs and excludes them.
    One FLOP is one scalar operation: an addition, a comparison, or one evaluation of a function such as ``exp``.
    """

    macs: int = 0
    bias: int = 0
    normalization: int = 0
    activation: int = 0
    elementwise: int = 0
    reduction: int = 0
    pooling: int = 0
    softmax: int = 0
    interpolation: int = 0
    other: int = 0

    @property
    def flops(self) -> int:
        # Written out, because it is called several times per layer: a sum over CATEGORIES takes nine times as long.
        return (
            2 * self.macs
            + self.bias
            + self.normalization
            + self.activation
            + self.elementwise
            + self.reduction
            + self.pooling
            + self.softmax
            + self.interpolation
            + self.other
        )

    def flops_by_category(self) -> Dict[str, int]:
        """The FLOPs by category, without MACs."""
        return {category: getattr(self, category) for category in CATEGORIES}

    def __add__(self, other: "OpCost") -> "OpCost":
        return OpCost(*(getattr(self, field) + getattr(other, field) for field in ("macs", *CATEGORIES)))

    def __mul__(self, times: int) -> "OpCost":
        return OpCost(*(getattr(self, field) * times for field in ("macs", *CATEGORIES)))


class Params(msgspec.Struct, frozen=True, gc=False):
    """Parameter elements by kind, and the bytes of all of them. A parameter used twice counts once."""

    trainable: int = 0
    frozen: int = 0
    """Elements that training never updates: ``fix_gamma``, a learning rate of 0, constants such as anchors."""
    auxiliary: int = 0
    """Elements of running statistics."""
    bytes: int = 0

    @property
    def total(self) -> int:
        return self.trainable + self.frozen + self.auxiliary

    def __add__(self, other: "Params") -> "Params":
        return Params(
            self.trainable + other.trainable,
            self.frozen + other.frozen,
            self.auxiliary + other.auxiliary,
            self.bytes + other.bytes,
        )


class LayerCost(msgspec.Struct, frozen=True, gc=False):
    """One operator node. A shared parameter belongs to the first layer that reads it."""

    name: str
    op: str
    outputs: Tuple[Shape, ...]
    cost: OpCost
    """The cost of all its executions."""
    params: Params
    dtype: str = "float32"
    """The dtype of its first input."""
    executions: int = 1
    """How often it runs in one forward pass; more than 1 inside a loop."""
    bytes_read: int = 0
    """Bytes read in all its executions. In each, every tensor that it reads counts once, also parameters."""
    bytes_written: int = 0
    live_bytes: int = 0
    """Bytes of all activations that are alive while it runs: those that it or a later layer needs."""

    def times(self, executions: int, *, inside: str) -> "LayerCost":
        """The layer as a part of the layer ``inside``, which runs it this many times."""
        return LayerCost(
            f"{inside}/{self.name}",
            self.op,
            self.outputs,
            self.cost * executions,
            self.params,
            self.dtype,
            self.executions * executions,
            self.bytes_read * executions,
            self.bytes_written * executions,
            self.live_bytes,
        )

    @property
    def macs(self) -> int:
        return self.cost.macs

    @property
    def flops(self) -> int:
        return self.cost.flops

    @property
    def arithmetic_intensity(self) -> float:
        """FLOPs per byte moved; 0 if no byte is moved."""
        moved = self.bytes_read + self.bytes_written
        return self.flops / moved if moved else 0.0


class CostReport(msgspec.Struct, frozen=True):
    """The cost of one forward pass of a model, batch included."""

    layers: Tuple[LayerCost, ...]
    params: Params
    uncounted: Dict[str, int]
    """Operator types without a rule, and how many nodes have each. Their cost is missing from every total."""
    notes: Tuple[str, ...] = ()
    """Which costs are upper bounds: those of loops and branches, because the data decide."""
    peak_activation_bytes: int = 0
    """The most bytes of operator outputs that are alive at one time. Inputs and parameters do not count."""
    param_bytes_by_dtype: Dict[str, int] = {}
    convention: str = CONVENTION
    checkpoint_bytes: Optional[int] = None
    """Bytes of all arrays in the ``.params`` file, even of those that the graph does not read. None without a file."""

    @property
    def cost(self) -> OpCost:
        # Column by column: adding up objects takes four times as long.
        costs = [msgspec.structs.astuple(layer.cost) for layer in self.layers]
        return OpCost(*map(sum, zip(*costs)))

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def flops(self) -> int:
        return sum(layer.flops for layer in self.layers)

    @property
    def bytes_read(self) -> int:
        return sum(layer.bytes_read for layer in self.layers)

    @property
    def bytes_written(self) -> int:
        return sum(layer.bytes_written for layer in self.layers)

    def __repr__(self) -> str:
        return (
            f"CostReport(macs={self.macs}, flops={self.flops}, params={self.params.total}, layers={len(self.layers)}, "
            f"uncounted={self.uncounted})"
        )

    def __str__(self) -> str:
        """The totals and the heaviest layers, a line each."""
        from pytest_mxperf.cost.table import short_table

        return short_table(self)

    def counted_as(self, convention: ConventionName) -> int:
        """The total that another tool would report for this model: ``report.counted_as("fvcore")``.

        Raises ``UsageError`` for a convention that does not exist.
        """
        from pytest_mxperf.cost import conventions

        return conventions.convention(convention).total(self.layers)

    def heaviest(self, count: int) -> Tuple[LayerCost, ...]:
        """The ``count`` layers with the most FLOPs, heaviest first. Layers without FLOPs are left out."""
        ranked = sorted(self.layers, key=lambda layer: layer.flops, reverse=True)
        return tuple(layer for layer in ranked[:count] if layer.flops)
