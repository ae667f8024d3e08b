"""Operators that cost nothing, and why."""

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import free

free(
    "moves or renames data",
    *(*traits.MOVING, *traits.JOINING - {"amp_multicast"}, "Pad", "SequenceLast", "SequenceMask"),
    *("_contrib_index_copy", "_slice_assign", "_slice_assign_scalar", "scatter_nd", "_scatter_set_nd", "_set_value"),
    *("fill_element_0index", "_npi_delete", "_npi_insert_scalar", "_npi_insert_slice", "_npi_insert_tensor"),
    *("_npi_tril", "_npi_boolean_mask_assign_scalar", "_npi_boolean_mask_assign_tensor"),
)
free(
    "looks values up",
    *(*traits.TABLE_AT, "batch_take", "pick", "one_hot"),
    *("_onehot_encode", "where", "_contrib_boolean_mask", "_contrib_edge_id", "_contrib_getnnz", "_npx_nonzero"),
    *("_npi_where", "_npi_where_lscalar", "_npi_where_rscalar", "_npi_where_scalar2", "_npi_share_memory"),
)
free("selects parts of a graph", "_contrib_dgl_adjacency", "_contrib_dgl_graph_compact", "_contrib_dgl_subgraph")
free("converts the data type", *traits.CASTS, "amp_multicast")
free("converts the storage type", "cast_storage", "_sparse_retain")
free(
    "makes constants",
    *(*traits.SHAPED_AFTER - traits.RANDOM, "_zeros", "_zeros_without_dtype", "_ones", "_full", "_arange", "_linspace"),
    *("_eye", "_contrib_index_array", "_npi_zeros", "_npi_ones", "_npi_arange", "_npi_logspace", "_npi_eye"),
    *("_npi_identity", "_npi_indices", "_npi_blackman", "_npi_hamming", "_npi_hanning", "_npi_diag_indices_from"),
)
free("does nothing at inference", *traits.IDENTITIES - {"Dropout"}, "_NoGradient")
