"""The kinds of operators, for the modules that choose values and check activations."""

__all__ = [
    "ABOVE_0",
    "ADDING",
    "ARITHMETIC",
    "BATCH_NORMS",
    "COMPARING",
    "DIVIDING",
    "MULTIPLYING",
    "NEEDS_POSITIVE_DEFINITE",
    "NORMS",
    "POWERS",
    "PRODUCTS",
    "SAMPLING_AT",
    "SATURATING",
    "SUMMING",
    "WEIGHTED",
]

BATCH_NORMS = frozenset(
    (
        *("BatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU", "_contrib_SyncBatchNorm"),
        "_contrib_quantized_batch_norm",
    )
)
NORMS = BATCH_NORMS | {"InstanceNorm", "LayerNorm", "GroupNorm"}

WEIGHTED = {
    **dict.fromkeys(("Convolution", "Convolution_v1", "Deconvolution", "FullyConnected"), (1, 2)),
    **dict.fromkeys(("_sparse_FullyConnected",), (1, 2)),
    "_contrib_DeformableConvolution": (2, 3),
    "_contrib_ModulatedDeformableConvolution": (3, 4),
    **dict.fromkeys(("_contrib_quantized_conv", "_contrib_quantized_fully_connected"), (1, 2)),
}
"""Layers with a weight, and the positions of weight and bias among their inputs."""

PRODUCTS = frozenset(
    (
        *("dot", "batch_dot", "_np_dot", "_npi_matmul", "_npi_tensordot", "_npi_tensordot_int_axes", "_npi_einsum"),
        *("_linalg_gemm", "_linalg_gemm2", "_linalg_trmm", "_linalg_syrk", "khatri_rao", "_sparse_dot"),
    )
)
"""Operators that sum up products of numbers of all their inputs. Any of the inputs may be a weight."""

MULTIPLYING = frozenset(("broadcast_mul", "elemwise_mul", "_npi_multiply"))
ADDING = frozenset(
    (
        *("broadcast_add", "elemwise_add", "_npi_add", "add_n", "_grad_add"),
        *("broadcast_sub", "elemwise_sub", "_npi_subtract"),
        *("broadcast_maximum", "_maximum", "_npi_maximum", "broadcast_minimum", "_minimum", "_npi_minimum"),
        *("broadcast_hypot", "_hypot", "_npi_hypot"),
    )
)
DIVIDING = frozenset(
    ("broadcast_div", "elemwise_div", "_npi_true_divide", "_scatter_elemwise_div", "broadcast_mod", "_mod", "_npi_mod")
)
POWERS = frozenset(("_power", "broadcast_power", "_npi_power"))
ARITHMETIC = MULTIPLYING | ADDING | DIVIDING | POWERS
SUMMING = frozenset(("sum", "mean", "nansum", "_np_sum", "_npi_mean"))

COMPARING = frozenset(
    (
        *(f"broadcast_{name}" for name in ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")),
        *(f"_{name}" for name in ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")),
        *(f"_npi_{name}" for name in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")),
    )
)

ABOVE_0 = frozenset(
    (
        *("sqrt", "rsqrt", "log", "log2", "log10", "cbrt", "rcbrt", "reciprocal", "gamma", "gammaln"),
        *("_rdiv_scalar", "_npi_rtrue_divide_scalar", "_power_scalar", "_npi_power_scalar"),
        *("_npi_sqrt", "_npi_log", "_npi_log2", "_npi_log10", "_npi_cbrt", "_npi_reciprocal"),
    )
)
"""Operators that are only defined above 0, or not at 0."""

NEEDS_POSITIVE_DEFINITE = frozenset(
    (
        *("_linalg_potrf", "_linalg_potri", "_linalg_inverse", "_linalg_det", "_linalg_slogdet", "_linalg_syevd"),
        *("_linalg_trsm", "_linalg_sumlogdiag", "_npi_cholesky", "_npi_inv", "_npi_solve", "_npi_det"),
        *("_npi_slogdet", "_npi_eigh", "_npi_eigvalsh", "_npi_tensorinv", "_npi_tensorsolve"),
    )
)
"""Operators whose first input is a matrix that must not be singular."""

SATURATING = frozenset(
    (
        *("softmax", "log_softmax", "softmin", "SoftmaxOutput", "SoftmaxActivation", "softmax_cross_entropy"),
        *("sigmoid", "tanh", "exp", "expm1", "erf", "hard_sigmoid", "Activation", "LogisticRegressionOutput"),
        *("_npi_exp", "_npi_expm1", "_npi_tanh", "sinh", "cosh", "_npi_sinh", "_npi_cosh"),
    )
)
"""Operators whose output vanishes, overflows or saturates for large inputs."""

SAMPLING_AT = {
    **dict.fromkeys(("_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution"), (1, 2.0)),
    **dict.fromkeys(("BilinearSampler", "SpatialTransformer"), (1, 0.5)),
}
"""Operators that sample an image at given points: the position of the points among the inputs, and how far from 0 most
points may be, in pixels or in halves of the image. Samples outside of the image are 0."""
