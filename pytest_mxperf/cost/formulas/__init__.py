"""The rules, one file per family of operators; importing the package registers them all."""

from pytest_mxperf.cost.formulas import (  # noqa: F401
    activation,
    convolution,
    dense,
    elementwise,
    free,
    normalization,
    pooling,
    reduction,
    softmax,
)
