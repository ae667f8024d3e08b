"""What operators are: each trait names the operators that have it, and modules ask here instead of listing them.

The names are those that MXNet registers operators by. It writes these into every graph, and never an alias. A trait
that ends in ``_AT`` says at which input, from 0, an operator reads something. What only one module asks stays there.
"""

# What hands numbers on.

IDENTITIES = frozenset(
    (
        *("_copy", "_np_copy", "BlockGrad", "make_loss", "MakeLoss", "Dropout", "_identity_with_attr_like_rhs"),
        *("_contrib_gradientmultiplier", "IdentityAttachKLSparseReg"),
        *("LinearRegressionOutput", "MAERegressionOutput", "SVMOutput"),
    )
)
"""At inference its output is its first input as it is; that of ``Dropout`` only if its mode is not ``always``."""

CASTS = frozenset(("Cast", "amp_cast"))
"""Its output is its input in another dtype."""

RESHAPES = frozenset(("Reshape", "_np_reshape", "_npx_reshape"))
"""Its output is its input in the shape that an attribute says."""

MOVING = RESHAPES | frozenset(
    (
        *("Flatten", "expand_dims", "squeeze", "reshape_like", "transpose", "SwapAxis", "SliceChannel", "_split_v2"),
        *("slice", "slice_axis", "slice_like", "Crop", "repeat", "tile", "reverse", "SequenceReverse"),
        *("broadcast_axis", "broadcast_to", "broadcast_like", "space_to_depth", "depth_to_space"),
        *("_copyto", "_CrossDeviceCopy", "_contrib_quantized_flatten"),
        *("_np_squeeze", "_np_transpose", "_np_moveaxis", "_np_roll", "_npi_rot90", "_npi_flip"),
        *("_np_atleast_1d", "_np_atleast_2d", "_np_atleast_3d", "_np_broadcast_to", "_npi_broadcast_to"),
        *("_npi_hsplit", "_npi_dsplit"),
    )
)
"""Its output has numbers of its first input alone: in another shape, order or place, or not all, or several times."""

JOINING = frozenset(
    (
        *("Concat", "stack", "_rnn_param_concat", "amp_multicast", "_npi_concatenate", "_npi_stack"),
        *("_npi_vstack", "_npi_hstack", "_npi_dstack", "_npi_column_stack"),
    )
)
"""Its outputs have the numbers of all its inputs."""

# What makes numbers.

_DISTRIBUTIONS = (
    *("uniform", "normal", "gamma", "exponential", "poisson", "negative_binomial"),
    "generalized_negative_binomial",
)
_NP_DISTRIBUTIONS = (
    *("bernoulli", "choice", "exponential", "gamma", "gumbel", "logistic", "multinomial", "normal", "normal_n"),
    *("pareto", "powerd", "rayleigh", "uniform", "uniform_n", "weibull"),
)

RANDOM = frozenset(
    (
        *(f"_random_{name}" for name in (*_DISTRIBUTIONS, "randint")),
        *(f"_random_{name}_like" for name in _DISTRIBUTIONS),
        *(f"_sample_{name}" for name in (*_DISTRIBUTIONS, "multinomial", "unique_zipfian")),
        *(f"_npi_{name}" for name in _NP_DISTRIBUTIONS),
        *("_shuffle", "_contrib_dgl_csr_neighbor_uniform_sample", "_contrib_dgl_csr_neighbor_non_uniform_sample"),
    )
)
"""It draws random numbers."""

DENSITIES = frozenset(f"_random_pdf_{name}" for name in (*_DISTRIBUTIONS, "dirichlet"))
"""Its output says how likely random numbers are."""

SHAPED_AFTER = frozenset(
    (
        *("zeros_like", "ones_like", "_np_zeros_like", "_np_ones_like", "_npi_full_like", "_contrib_arange_like"),
        *("shape_array", "size_array"),
        *(f"_random_{name}_like" for name in _DISTRIBUTIONS),
    )
)
"""It reads no numbers of its first input, but only its shape."""

FUNCTIONS = frozenset(
    (
        *("sign", "ceil", "floor", "rint", "trunc", "fix", "negative", "reciprocal", "square", "sqrt", "cbrt"),
        *("exp", "expm1", "log", "log10", "log1p", "log2"),
        *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
        *("degrees", "radians", "logical_not"),
        *("abs", "round", "rsqrt", "rcbrt", "erf", "erfinv", "gamma", "gammaln", "smooth_l1"),
    )
)
"""It computes one function of each number."""

# Layers.

CONVOLUTIONS = frozenset(("Convolution", "Convolution_v1", "_contrib_quantized_conv"))
"""It is a convolution: of its input 0 with its input 1."""

DEFORMABLE = frozenset(("_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution"))
"""It is a convolution that samples its input 0 where the offsets say, which are its input 1."""

DENSE = frozenset(("FullyConnected", "_contrib_quantized_fully_connected"))
"""It multiplies the rows of its input 0 with the rows of its input 1."""

POOLING = frozenset(("Pooling", "Pooling_v1", "_contrib_quantized_pooling"))
"""It makes one number of each window of its input."""

RECURRENT = frozenset(("RNN", "_contrib_quantized_rnn"))
"""It is a recurrent network: its input 1 has all parameters in one vector, its inputs 2 and 3 are begin states."""

ATTENTION = frozenset(
    f"_contrib_interleaved_matmul_{name}" for name in ("selfatt_qk", "selfatt_valatt", "encdec_qk", "encdec_valatt")
)
"""It multiplies the queries, keys or values of attention, which its inputs hold interleaved."""

ACTIVATIONS = frozenset(
    ("Activation", "LeakyReLU", "relu", "sigmoid", "hard_sigmoid", "softsign", "clip", "_npx_relu", "_npx_sigmoid")
)
"""It applies an activation function to each number."""

BATCH_NORMS = frozenset(
    (
        *("BatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU", "_contrib_SyncBatchNorm"),
        "_contrib_quantized_batch_norm",
    )
)
"""It normalizes by running statistics, its inputs 3 and 4. Its input 1 is fixed unless ``fix_gamma`` is off."""

NORMS = BATCH_NORMS | {"InstanceNorm", "LayerNorm", "GroupNorm"}
"""It normalizes, multiplies by gamma, its input 1, and adds beta, its input 2."""

LABELLED = frozenset(
    (
        *("LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput"),
        *("SoftmaxOutput", "SVMOutput"),
    )
)
"""It is an output layer: its input 1 is a label, which only training reads."""

EMBEDDINGS = frozenset(("Embedding", "_contrib_SparseEmbedding", "_contrib_quantized_embedding"))
"""It looks up rows of its weight, its input 1, by the indices in its input 0."""

POOLING_REGIONS = frozenset(
    (
        *("ROIPooling", "_contrib_ROIAlign", "_contrib_RROIAlign"),
        *("_contrib_PSROIPooling", "_contrib_DeformablePSROIPooling"),
    )
)
"""It pools regions of its input 0, whose corners are its input 1."""

PROPOSING = frozenset(("_contrib_Proposal", "_contrib_MultiProposal"))
"""It proposes regions of images, whose sizes are its input 2."""

# Where an operator reads what.

WEIGHT_AT = {
    **dict.fromkeys((*CONVOLUTIONS, "Deconvolution", *DENSE), 1),
    "_contrib_DeformableConvolution": 2,
    "_contrib_ModulatedDeformableConvolution": 3,
}
"""The weight that it multiplies its data with; the next input is the bias."""

TABLE_AT = {**dict.fromkeys(EMBEDDINGS, 1), "take": 0, "gather_nd": 0}
"""The table of which it reads a few rows."""

INDICES_AT = {
    **dict.fromkeys((*EMBEDDINGS, "one_hot"), 0),
    **dict.fromkeys(("take", "batch_take", "pick", "gather_nd", "scatter_nd"), 1),
}
"""The indices of what it reads or writes in another tensor."""

LENGTHS_AT = {
    **dict.fromkeys(("SequenceMask", "SequenceLast", "SequenceReverse", "softmax", "log_softmax", "softmin"), 1),
    "RNN": 4,
}
"""How long each sequence of its data is."""

TENSORS_BEFORE_RANGES = {
    **dict.fromkeys(("_contrib_quantize", "_contrib_dequantize", "_contrib_requantize"), 1),
    **dict.fromkeys((f"_contrib_quantized_{name}" for name in ("act", "flatten", "pooling")), 1),
    "_contrib_quantized_embedding": 2,  # its indices have no range
    "_contrib_quantized_rnn": 4,  # nor have its parameters and states
    "_contrib_quantized_batch_norm": 5,  # nor have the parameters
}
"""The ranges of its quantized tensors, two numbers each: it reads them behind this many tensors."""

RANGE_EACH = frozenset(
    f"_contrib_quantized_{name}" for name in ("conv", "fully_connected", "concat", "elemwise_add", "elemwise_mul")
)
"""It reads a range for each of its tensors behind these, so that tensors are a third of its inputs."""

# Arithmetic.

PRODUCTS = frozenset(
    (
        *("dot", "batch_dot", "_np_dot", "_npi_matmul", "_npi_tensordot", "_npi_tensordot_int_axes", "_npi_einsum"),
        *("_linalg_gemm", "_linalg_gemm2", "_linalg_trmm", "_linalg_syrk", "khatri_rao"),
    )
)
"""It sums up products of numbers of all its inputs. Any of these may be a weight."""

_SUMS = frozenset(("elemwise_add", "broadcast_add", "_npi_add", "add_n", "_grad_add"))

EXTREMES = frozenset(("_maximum", "broadcast_maximum", "_minimum", "broadcast_minimum"))
"""It chooses the largest or the smallest of its inputs, number by number."""

MULTIPLYING = frozenset(("elemwise_mul", "broadcast_mul", "_npi_multiply"))
"""It multiplies its inputs, number by number."""

ADDING = frozenset(
    (
        *(*_SUMS, "elemwise_sub", "broadcast_sub", "_npi_subtract"),
        *(*EXTREMES, "_hypot", "broadcast_hypot", "_npi_hypot"),
    )
)
"""It combines its inputs, number by number, to something of the size of the largest."""

DIVIDING = frozenset(
    ("elemwise_div", "broadcast_div", "_npi_true_divide", "_scatter_elemwise_div", "_mod", "broadcast_mod", "_npi_mod")
)
"""It divides its input 0 by its input 1, number by number."""

POWERS = frozenset(("_power", "broadcast_power", "_npi_power"))
"""It raises its input 0 to the power of its input 1, number by number."""

COMMUTATIVE = _SUMS | MULTIPLYING | EXTREMES
"""Its inputs may change places."""

COMPARING = frozenset(
    (
        *(
            f"{prefix}{name}"
            for prefix in ("_", "broadcast_")
            for name in ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
        ),
        *(f"_npi_{name}" for name in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")),
    )
)
"""It compares its inputs, number by number."""

SUMMING = frozenset(("sum", "mean", "nansum", "_np_sum", "_npi_mean"))
"""It sums up the numbers of its input."""

ABOVE_0 = frozenset(
    (
        *("sqrt", "rsqrt", "log", "log2", "log10", "cbrt", "rcbrt", "reciprocal", "gamma", "gammaln"),
        *("_rdiv_scalar", "_npi_rtrue_divide_scalar", "_power_scalar", "_npi_power_scalar"),
        *("_npi_sqrt", "_npi_log", "_npi_log2", "_npi_log10", "_npi_cbrt", "_npi_reciprocal"),
    )
)
"""It is defined for numbers above 0, or not at 0."""

NEEDS_POSITIVE_DEFINITE = frozenset(
    (
        *("_linalg_potrf", "_linalg_potri", "_linalg_inverse", "_linalg_det", "_linalg_slogdet", "_linalg_syevd"),
        *("_linalg_trsm", "_linalg_sumlogdiag", "_npi_cholesky", "_npi_solve", "_npi_eigh", "_npi_eigvalsh"),
        *("_npi_tensorinv", "_npi_tensorsolve"),
    )
)
"""Its first input is a matrix that must not be singular."""
