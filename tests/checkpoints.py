"""The real public checkpoints that lie beside the repository, where they do."""

INPUTS = {
    "djl_simple_pose_r18": {"data": (1, 3, 256, 192)},
    "go_test": {"data": (10, 1), "softmax_label": (10,)},
    "int8_mobilenet1.0": {"data": (1, 3, 224, 224)},
    "ldpe_fcn8s": {"data": (1, 3, 64, 64)},
    "ldpe_ndarray_test": {"data": (1, 1, 3, 3)},
    "lffd_head_17L": {"data": (1, 3, 480, 640)},
    "mms_lstm_ptb": {"data": (32, 1), "softmax_label": (32, 1)},
    "mobileface_ident_v3": {"data": (1, 3, 112, 112)},
    "mobilefacedet_v1_yolo3": {"data": (1, 256, 256, 3)},
    "mxnet_save_000800_a": {"data": (32, 100)},
    "neuralart_squeezenet": {"data": (1, 3, 224, 224)},
    "sagemaker_onnx_module": {"data": (1, 1, 28, 28)},
    "squeezenet_v1.2": {"data": (1, 3, 224, 224)},
    "xdl_dnn": {"comm": (1, 450), "ncomm": (1, 450)},
}
"""Input shapes of every one that MXNet 1.9.1 loads. The large one is scaled down for speed."""

OPERATORS = {"int8_mobilenet1.0": "_sg_mkldnn_conv"}
"""What of them an MXNet may lack: builds without MKLDNN have no fused operators."""
