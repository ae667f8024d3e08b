"""Figures of an array of activations, which show whether a working network could have them."""

from typing import Any, NamedTuple, Tuple

import numpy as np

__all__ = ["Figures"]

_SAMPLE = 4096
_HIDDEN = 1000.0
_SUBNORMAL_SAMPLE = 65536
_SUBNORMAL_SHARE = 0.001


class Figures(NamedTuple):
    """Figures of one array. Magnitudes come from a sample. They are 0 for whole numbers and empty arrays."""

    size: int
    is_float: bool
    is_finite: bool
    is_nan: bool
    """Whether any number is NaN."""
    constant: bool
    """Whether all numbers are the same."""
    value: float
    """The first number."""
    rms: float
    """The root of the mean square of all numbers."""
    low: float
    """The lower quartile of the magnitudes. Unlike the rms, it ignores the huge numbers that a mask adds."""
    high: float
    """The 99th percentile of the magnitudes."""
    spread: float
    """The lower quartile of the distances from the median."""
    most: float
    """The largest distance from the median that is below 1,000. Numbers farther away are hidden by a mask."""
    is_subnormal: bool
    """Whether at least 1 in 1,000 numbers is subnormal, which makes many CPUs slow. False for half precision, because a
    CPU computes it in single precision."""

    @classmethod
    def of(cls, array: Any) -> "Figures":
        numbers = array.reshape(-1)
        is_float = numbers.dtype.kind == "f"
        if not numbers.size:
            return cls(0, is_float, True, False, True, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, False)
        if not is_float:
            return cls._of_others(numbers)
        wide = numbers.astype(np.float32) if numbers.itemsize < 4 else numbers
        with np.errstate(all="ignore"):
            return cls._of_floats(wide, is_half=numbers.itemsize < 4)

    @classmethod
    def _of_others(cls, numbers: Any) -> "Figures":
        is_number = numbers.dtype.kind in "iub"  # bfloat16 comes as a structured dtype
        first = float(numbers[0]) if is_number else 0.0
        constant = is_number and _is_constant(numbers)
        return cls(numbers.size, False, True, False, constant, first, 0.0, 0.0, 0.0, 0.0, 0.0, False)

    @classmethod
    def _of_floats(cls, numbers: Any, is_half: bool) -> "Figures":
        square = float(np.dot(numbers, numbers))
        is_finite = bool(np.isfinite(square)) or bool(np.isfinite(numbers).all())
        rms = float(np.sqrt(square / numbers.size)) if np.isfinite(square) else float("inf")
        sample = numbers[:: 1 + (numbers.size - 1) // _SAMPLE]
        magnitudes = np.abs(sample)
        low, high = (float(value) for value in np.quantile(magnitudes, (0.25, 0.99)))
        spread, most = _around_median(sample)
        constant = is_finite and _is_constant(numbers)
        subnormal = not is_half and is_finite and _is_subnormal(numbers)
        is_nan = not is_finite and bool(np.isnan(numbers).any())
        value = float(numbers[0])
        return cls(numbers.size, True, is_finite, is_nan, constant, value, rms, low, high, spread, most, subnormal)


def _around_median(sample: Any) -> Tuple[float, float]:
    distances = np.abs(sample - np.median(sample))
    near = distances[distances < _HIDDEN]
    return float(np.quantile(distances, 0.25)), float(np.max(near, initial=0.0))


def _is_constant(numbers: Any) -> bool:
    some = numbers[: _SAMPLE // 64]
    return bool((some == some[0]).all()) and bool((numbers == numbers[0]).all())


def _is_subnormal(numbers: Any) -> bool:
    magnitudes = np.abs(numbers[:: 1 + (numbers.size - 1) // _SUBNORMAL_SAMPLE])
    subnormal = (magnitudes > 0) & (magnitudes < np.finfo(numbers.dtype).tiny)
    return bool(subnormal.mean() >= _SUBNORMAL_SHARE)
