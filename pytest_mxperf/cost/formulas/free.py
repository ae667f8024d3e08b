"""Operators that cost nothing, and why."""

from pytest_mxperf.cost.registry import free

free(
    "moves or renames data",
    *("Reshape", "reshape_like", "Flatten", "expand_dims", "squeeze", "transpose", "SwapAxis", "depth_to_space"),
    *("space_to_depth", "Concat", "SliceChannel", "slice", "slice_axis", "slice_like", "Crop", "Pad", "tile"),
    *("repeat", "reverse", "stack", "broadcast_to", "broadcast_axis", "broadcast_like", "_copy"),
    *("_rnn_param_concat", "_split_v2"),
)
free("looks values up", "Embedding", "take", "batch_take", "gather_nd", "pick", "one_hot", "where")
free("converts the data type", "Cast", "amp_cast", "amp_multicast")
free("makes constants", "_zeros", "_ones", "_full", "_arange", "_eye", "zeros_like", "ones_like", "shape_array")
free("does nothing at inference", "Dropout", "BlockGrad", "make_loss", "MakeLoss", "_identity_with_attr_like_rhs")
free(
    "passes the prediction through at inference",
    *("LinearRegressionOutput", "MAERegressionOutput", "SVMOutput", "IdentityAttachKLSparseReg"),
)
