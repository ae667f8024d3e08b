"""The mean of a few noisy samples and its error, in spite of spikes, correlation, and a small number of samples."""

import math
from statistics import median
from typing import List, Sequence

import msgspec

__all__ = ["PRIOR_DEGREES", "Moments"]

# The prior for a sample's noise: a sd of 0.8%, with the weight of the deviations of two samples.
_PRIOR_SD = 0.008
PRIOR_DEGREES = 2
# From 5 samples on, samples more than 3 sd from the median are clipped to that distance.
_FEWEST_TO_CLIP = 5
_CLIP = 3.0
# The prior for the correlation of successive samples: 0.3, with the weight of five pairs of samples.
_PRIOR_CORRELATION = 0.3
_PRIOR_PAIRS = 5
_MOST_CORRELATION = 0.9
_LEAST_SQUARES = 1e-15
"""Samples that scatter less than this are equal except for rounding."""


class Moments(msgspec.Struct, frozen=True):
    """Of one or more samples, which are log ratios. From 5 on they are clipped first.

    error: the standard error of the mean, with the prior and the correlation of the samples.
    sd: of the samples; 0 for a single one. correlation: of successive samples, estimated with a prior; never below 0.
    """

    mean: float
    error: float
    sd: float
    correlation: float

    @classmethod
    def of(cls, log_ratios: Sequence[float]) -> "Moments":
        samples = len(log_ratios)
        values = _clip(log_ratios) if samples >= _FEWEST_TO_CLIP else log_ratios
        mean = sum(values) / samples
        deviations = [value - mean for value in values]
        squares = sum(deviation**2 for deviation in deviations)
        correlation = _correlation(deviations, squares)
        # A mean of n samples of an autoregressive process is as precise as one of n (1 - r) / (1 + r) independent ones.
        alike = (1 + correlation) / (1 - correlation)
        error = _posterior_sd(squares, samples) * math.sqrt(alike / samples)
        return cls(mean, error, math.sqrt(squares / max(1, samples - 1)), correlation)


def _clip(log_ratios: Sequence[float]) -> List[float]:
    centre = median(log_ratios)
    sd = 1.4826 * median([abs(log_ratio - centre) for log_ratio in log_ratios])  # the sd, if noise is Gaussian
    reach = _CLIP * _posterior_sd((len(log_ratios) - 1) * sd**2, len(log_ratios))
    return [min(max(log_ratio, centre - reach), centre + reach) for log_ratio in log_ratios]


def _correlation(deviations: Sequence[float], squares: float) -> float:
    """The correlation of each sample with the next, from their deviations from the mean.

    Around the mean of the same n samples, the correlation r is too small by (1 + 4 r) / n (Kendall, Note on bias in the
    estimation of autocorrelation, 1954). The estimate corrects this. It has a prior, because a few samples say little.
    """
    samples = len(deviations)
    products = sum(before * after for before, after in zip(deviations, deviations[1:]))
    observed = products / squares if squares > _LEAST_SQUARES else 0.0
    known = _PRIOR_PAIRS * _PRIOR_CORRELATION
    correlation = (samples * observed + 1 + known) / (samples - 4 + _PRIOR_PAIRS)
    return min(max(correlation, 0.0), _MOST_CORRELATION)


def _posterior_sd(sum_of_squares: float, samples: int) -> float:
    """The sd from the sum of squared deviations and the prior.

    Smyth, Linear models and empirical Bayes methods (2004): with a scaled inverse chi-squared prior of the variance,
    the mean divided by this sd has a t distribution, with the degrees of freedom of samples and prior added up.
    """
    return math.sqrt((PRIOR_DEGREES * _PRIOR_SD**2 + sum_of_squares) / (PRIOR_DEGREES + samples - 1))
