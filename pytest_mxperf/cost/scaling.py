"""How a model's costs scale with the size of its inputs."""

import math
from dataclasses import replace
from functools import reduce
from typing import Dict, List, Literal, Mapping, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf.cost.polynomial import Polynomial, fit
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import UsageError
from pytest_mxperf.spec import InputSpec

__all__ = ["Axis", "Scaling", "ScalingMetric", "checked_sizes", "exponent", "laws", "values"]

ScalingMetric = Literal["macs", "flops", "params", "param_bytes", "peak_activation_bytes"]
"""What has a law; ``params`` are the trainable ones, and ``param_bytes`` those of all."""

_MOST_CHECKED = 8
"""The number of sizes for a law. Attention over the pixels of an image has degree 4, so three sizes confirm it."""


class Axis(NamedTuple):
    """Dimensions that have the same size: ``data:0``, ``data:2,3``, or ``tokens:1,types:1`` for two inputs."""

    places: Tuple[Tuple[str, int], ...]

    @classmethod
    def parse(cls, text: str, *, where: str) -> "Axis":
        """The axis of a text. Raises ``UsageError``, which begins with ``where``."""
        places: List[Tuple[str, int]] = []
        for part in text.split(","):
            name, _, dimension = part.rpartition(":")
            name = name or (places[-1][0] if places else "")
            if not name or not dimension.isdecimal():
                raise UsageError(f"{where}: {text!r} names no dimension; write it like data:0, or data:2,3 for two")
            if (name, int(dimension)) in places:
                raise UsageError(f"{where}: {text!r} names {name}:{dimension} twice")
            places.append((name, int(dimension)))
        return cls(tuple(places))

    def __str__(self) -> str:
        """The axis as a user writes it: one name for all its dimensions in a row."""
        before = ""
        parts = []
        for name, dimension in self.places:
            parts.append(str(dimension) if name == before else f"{name}:{dimension}")
            before = name
        return ",".join(parts)

    def check(self, inputs: Mapping[str, InputSpec], *, where: str) -> None:
        """Raises ``UsageError`` for an input without a shape, or a dimension that the input does not have."""
        for name, dimension in self.places:
            if name not in inputs:
                raise UsageError(f"{where}: no shape is given for {name!r}, only for {', '.join(inputs)}")
            if dimension >= len(inputs[name].shape):
                shape = inputs[name].shape
                raise UsageError(
                    f"{where}: {name} of {shape} has no dimension {dimension}; the first one is 0, the last one "
                    f"{len(shape) - 1}"
                )

    def given(self, inputs: Mapping[str, InputSpec]) -> Optional[int]:
        """The given size of the axis; None if its dimensions have different sizes."""
        sizes = {inputs[name].shape[dimension] for name, dimension in self.places}
        return sizes.pop() if len(sizes) == 1 else None

    def resized(self, inputs: Mapping[str, InputSpec], size: int) -> Dict[str, InputSpec]:
        resized = dict(inputs)
        for name, dimension in self.places:
            shape = list(resized[name].shape)
            shape[dimension] = size
            resized[name] = replace(resized[name], shape=tuple(shape))
        return resized


class Scaling(NamedTuple):
    """A model's costs at several sizes of one axis. All other dimensions keep their given sizes."""

    axis: str
    """``data:0``, or ``data:2,3`` for two dimensions of the same size."""
    inputs: Mapping[str, InputSpec]
    reports: Dict[int, CostReport]
    """The costs by size, for the sizes that the user asked for."""
    problems: Dict[int, str]
    """Why the model cannot be counted, by size."""
    laws: Dict[ScalingMetric, Optional[Polynomial]]
    """The polynomial of each metric, exact at every size in ``checked``. None if there is no polynomial."""
    checked: Tuple[int, ...]
    """The sizes behind the laws: those that the user asked for, and others on the same grid."""
    notes: Tuple[str, ...] = ()
    """Which operators fix the size of the axis."""


def checked_sizes(asked: Sequence[int]) -> List[int]:
    """The sizes to count for a law: first those that the user asked for, then others on the same grid.

    If a network shrinks an image by 32, sizes that are no multiples of 32 are rounded and follow no polynomial. The
    others are first between those asked for, and then above.
    """
    step = reduce(math.gcd, (size - asked[0] for size in asked))
    between = range(min(asked), max(asked), step)
    above = (max(asked) + step * count for count in range(1, _MOST_CHECKED))
    more = [size for size in (*between, *above) if size not in asked]
    return [*asked, *more[: max(0, _MOST_CHECKED - len(asked))]]


def values(report: CostReport) -> Dict[ScalingMetric, int]:
    """The metrics that have a law."""
    return {
        "macs": report.macs,
        "flops": report.flops,
        "params": report.params.trainable,
        "param_bytes": report.params.bytes,
        "peak_activation_bytes": report.peak_activation_bytes,
    }


def laws(reports: Mapping[int, CostReport]) -> Dict[ScalingMetric, Optional[Polynomial]]:
    """The law of each metric, from the reports by size."""
    found = {size: values(report) for size, report in reports.items()}
    metrics = next(iter(found.values()), {})
    return {metric: fit({size: each[metric] for size, each in found.items()}) for metric in metrics}


def exponent(costs: Mapping[int, int]) -> Optional[float]:
    """The power of the size by which costs grow from the smallest size to the largest. None if one of the two is 0."""
    low, high = min(costs), max(costs)
    if low == high or costs[low] <= 0 or costs[high] <= 0:
        return None
    return math.log(costs[high] / costs[low]) / math.log(high / low)
