"""Operators that cost nothing, and why."""

from pytest_mxperf.cost.registry import free

free(
    "moves or renames data",
    *("Reshape", "reshape_like", "Flatten", "expand_dims", "squeeze", "transpose", "SwapAxis", "depth_to_space"),
    *("space_to_depth", "Concat", "SliceChannel", "slice", "slice_axis", "slice_like", "Crop", "Pad", "tile"),
    *("repeat", "reverse", "stack", "broadcast_to", "broadcast_axis", "broadcast_like", "_copy"),
    *("_rnn_param_concat", "_split_v2", "_copyto", "_CrossDeviceCopy", "SequenceLast", "SequenceMask"),
    *("SequenceReverse", "_contrib_index_copy", "_slice_assign", "_slice_assign_scalar", "scatter_nd"),
    *("_scatter_set_nd", "_set_value", "fill_element_0index"),
    *("_np_atleast_1d", "_np_atleast_2d", "_np_atleast_3d", "_np_copy", "_np_moveaxis", "_np_reshape", "_npx_reshape"),
    *(
        "_np_roll",
        "_np_squeeze",
        "_np_transpose",
        "_np_broadcast_to",
        "_npi_broadcast_to",
        "_npi_column_stack",
        "_npi_concatenate",
    ),
    *("_npi_delete", "_npi_dsplit", "_npi_dstack", "_npi_flip", "_npi_hsplit", "_npi_hstack", "_npi_insert_scalar"),
    *("_npi_insert_slice", "_npi_insert_tensor", "_npi_rot90", "_npi_stack", "_npi_tril", "_npi_vstack"),
    *("_npi_boolean_mask_assign_scalar", "_npi_boolean_mask_assign_tensor"),
)
free(
    "looks values up",
    *("Embedding", "_contrib_SparseEmbedding", "take", "batch_take", "gather_nd", "pick", "one_hot"),
    *("_onehot_encode", "where", "_contrib_boolean_mask", "_contrib_edge_id", "_contrib_getnnz", "_npx_nonzero"),
    *("_npi_where", "_npi_where_lscalar", "_npi_where_rscalar", "_npi_where_scalar2", "_npi_share_memory"),
)
free("selects parts of a graph", "_contrib_dgl_adjacency", "_contrib_dgl_graph_compact", "_contrib_dgl_subgraph")
free("converts the data type", "Cast", "amp_cast", "amp_multicast")
free("converts the storage type", "cast_storage", "_sparse_retain")
free(
    "makes constants",
    *("_zeros", "_zeros_without_dtype", "_ones", "_full", "_arange", "_linspace", "_eye", "zeros_like", "ones_like"),
    *("_np_zeros_like", "_np_ones_like"),  # of MXNet 1.6
    *("shape_array", "size_array", "_contrib_arange_like", "_contrib_index_array", "_npi_zeros", "_npi_ones"),
    *("_npi_full_like", "_npi_arange", "_npi_logspace", "_npi_eye", "_npi_identity", "_npi_indices"),
    *("_npi_blackman", "_npi_hamming", "_npi_hanning", "_npi_diag_indices_from"),
)
free(
    "does nothing at inference",
    *("BlockGrad", "make_loss", "MakeLoss", "_identity_with_attr_like_rhs", "_NoGradient"),
    "_contrib_gradientmultiplier",
)
free(
    "passes the prediction through at inference",
    *("LinearRegressionOutput", "MAERegressionOutput", "SVMOutput", "IdentityAttachKLSparseReg"),
)
