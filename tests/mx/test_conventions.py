"""Totals of other tools, rebuilt for MXNet nets and compared with what the tools say of the same net in PyTorch.

The numbers are of ``FlopCounterMode`` of torch 2.13.0 (halved), ``FlopCountAnalysis`` of fvcore 0.1.5.post20221221 and
``profile`` of thop 0.1.1.post2209072238, run in eval mode on the twin that each docstring writes down. Those of
``conv-only``, which is no tool, are derived by hand.
"""

import pytest

from pytest_mxperf import count

TOOLS = ("torchvision", "fvcore", "thop")


def mx():
    import mxnet

    return mxnet


def totals(model, inputs):
    report = count(model, inputs)
    assert report.uncounted == {}
    return tuple(report.counted_as(tool) for tool in TOOLS)


def zoo(name):
    from mxnet.gluon.model_zoo import vision

    return vision.get_model(name)


IMAGE = {"data": (1, 3, 224, 224)}


def small_cnn():
    """Sequential(Conv2d(3, 8, 3, padding=1), ReLU, MaxPool2d(2), Conv2d(8, 16, 3, 2, 1, bias=False), BatchNorm2d(16),
    ReLU, AdaptiveAvgPool2d(1), Flatten, Linear(16, 10))
    """
    from mxnet.gluon import nn

    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(8, 3, padding=1, in_channels=3),
        nn.Activation("relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(16, 3, 2, 1, use_bias=False, in_channels=8),
        nn.BatchNorm(in_channels=16),
        nn.Activation("relu"),
        nn.GlobalAvgPool2D(),
        nn.Flatten(),
        nn.Dense(10, in_units=16),
    )
    return net


def mlp():
    """Sequential(Linear(784, 128), ReLU, Linear(128, 64), ReLU, Linear(64, 10), Softmax(1))"""
    F = mx().sym
    x = F.FullyConnected(F.var("data"), num_hidden=128)
    x = F.FullyConnected(F.relu(x), num_hidden=64)
    return F.SoftmaxOutput(F.FullyConnected(F.relu(x), num_hidden=10), name="softmax")


def transformer_block():
    """x + Linear(128, 32)(GELU(Linear(32, 128)(LayerNorm(32)(x))))"""
    F = mx().sym
    x = F.var("data")
    y = F.FullyConnected(F.LayerNorm(x), num_hidden=128, flatten=False)
    return x + F.FullyConnected(F.LeakyReLU(y, act_type="gelu"), num_hidden=32, flatten=False)


def attention():
    """bmm(Softmax(-1)(bmm(q(x), k(x).transpose(1, 2))), v(x)), q, k and v being Linear(16, 16)"""
    F = mx().sym
    q, k, v = (F.FullyConnected(F.var("data"), num_hidden=16, flatten=False, name=name) for name in "qkv")
    return F.batch_dot(F.softmax(F.batch_dot(q, k, transpose_b=True)), v)


def norms():
    """Sequential(GroupNorm(2, 4), InstanceNorm2d(4, affine=True), Conv2d(4, 4, 3, groups=4))"""
    F = mx().sym
    x = F.InstanceNorm(F.GroupNorm(F.var("data"), num_groups=2))
    return F.Convolution(x, kernel=(3, 3), num_filter=4, num_group=4)


def decoder():
    """Sequential(Upsample(scale_factor=2), Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    ConvTranspose2d(4, 6, 3, padding=1))
    """
    F = mx().sym
    x = F.UpSampling(F.var("data"), scale=2, sample_type="nearest")
    x = F.UpSampling(x, F.var("w"), scale=2, sample_type="bilinear", num_filter=4)
    return F.Deconvolution(x, kernel=(3, 3), pad=(1, 1), num_filter=6, no_bias=False)


def resized():
    """As ``decoder``, whose bilinear upsampling MXNet has as a resize, too."""
    F = mx().sym
    x = F.UpSampling(F.var("data"), scale=2, sample_type="nearest")
    x = F.contrib.BilinearResize2D(x, height=20, width=20)
    return F.Deconvolution(x, kernel=(3, 3), pad=(1, 1), num_filter=6, no_bias=False)


def sampler():
    """grid_sample(randn(2, 3, 16, 16), randn(2, 8, 8, 2))"""
    F = mx().sym
    return F.BilinearSampler(F.var("data"), F.var("grid"))


def adaptive_pooling():
    """AdaptiveAvgPool2d(4)"""
    F = mx().sym
    return F.contrib.AdaptiveAvgPooling2D(F.var("data"), output_size=4)


def pooling_1d():
    """Sequential(Conv1d(4, 6, 3, bias=False), AdaptiveAvgPool1d(1)); fvcore knows the two-dimensional one alone."""
    F = mx().sym
    x = F.Convolution(F.var("data"), kernel=(3,), num_filter=6, no_bias=True)
    return F.Pooling(x, global_pool=True, kernel=(1,), pool_type="avg")


def einsum():
    """einsum("bhid,bhjd->bhij", a, b)"""
    F = mx().sym
    return F.np.einsum("bhid,bhjd->bhij", F.var("a").as_np_ndarray(), F.var("b").as_np_ndarray())


def gemm():
    """baddbmm(c, a, b)"""
    F = mx().sym
    return F.linalg.gemm(F.var("a"), F.var("b"), F.var("c"))


def tensordot():
    """tensordot(a, b, 2)"""
    F = mx().sym
    return F.np.tensordot(F.var("a").as_np_ndarray(), F.var("b").as_np_ndarray(), 2)


NETS = [
    # net, inputs, what the tools say of it
    (small_cnn, {"data": (2, 3, 16, 16)}, (147_776, 149_312, 150_368)),
    (mlp, {"data": (4, 784)}, (436_736, 436_736, 436_852)),
    (transformer_block, {"data": (2, 7, 32)}, (114_688, 116_928, 116_480)),
    (attention, {"data": (2, 5, 16)}, (9_280, 9_280, 7_820)),
    (norms, {"data": (2, 4, 8, 8)}, (2_592, 7_712, 4_640)),
    (decoder, {"data": (2, 4, 5, 5)}, (172_800, 186_400, 208_800)),
    (resized, {"data": (2, 4, 5, 5)}, (172_800, 186_400, 208_800)),
    (sampler, {"data": (2, 3, 16, 16), "grid": (2, 2, 8, 8)}, (0, 1_536, 0)),
    (adaptive_pooling, {"data": (2, 3, 16, 16)}, (0, 1_536, 1_632)),
    (pooling_1d, {"data": (2, 4, 12)}, (1_440, 1_440, 1_572)),
    (einsum, {"a": (2, 3, 4, 5), "b": (2, 3, 6, 5)}, (720, 720, 0)),
    (gemm, {"a": (2, 4, 5), "b": (2, 5, 6), "c": (2, 4, 6)}, (240, 0, 0)),
    (tensordot, {"a": (2, 4, 6), "b": (4, 6, 3)}, (144, 0, 0)),
]


@pytest.mark.parametrize(("model", "inputs", "expected"), NETS, ids=[model.__name__ for model, *_ in NETS])
def test_totals_are_the_tools_own(model, inputs, expected):
    assert totals(model(), inputs) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # FlopCounterMode sees the LSTM's products with torch.backends.mkldnn.enabled = False, the others' in any case.
        ("lstm", (31_920, 0, 38_640)),
        ("gru", (23_940, 0, 29_400)),
        ("rnn_tanh", (7_980, 0, 9_240)),
    ],
)
def test_recurrent_layers(mode, expected):
    """LSTM, GRU and RNN(10, 7, 2, bidirectional=True) on 5 steps of a batch of 3."""
    F = mx().sym
    states = {"state_cell": F.var("c")} if mode == "lstm" else {}
    net = F.RNN(
        data=F.var("data"),
        parameters=F.var("p"),
        state=F.var("h"),
        state_size=7,
        num_layers=2,
        bidirectional=True,
        mode=mode,
        **states,
    )
    begin = {"h": (4, 3, 7), "c": (4, 3, 7)} if states else {"h": (4, 3, 7)}
    assert totals(net, {"data": (5, 3, 10), **begin}) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18_v1", (1_814_073_344, 1_819_065_856, 1_824_033_792)),
        ("mobilenet1.0", (568_740_352, 578_875_904, 588_962_304)),
    ],
)
def test_known_networks(name, expected):
    """Their twins are written from Conv2d, BatchNorm2d, ReLU, MaxPool2d, AdaptiveAvgPool2d(1) and Linear.

    ResNet-18, fvcore: 1,814,073,344 MACs, 2 for each of the 2,483,712 elements that are normalized, and the
    512 x 7 x 7 = 25,088 that are pooled. thop: 4 for each, 25,088 + 512.
    """
    assert totals(zoo(name), IMAGE) == expected


def test_thop_counts_average_pooling_to_more_than_one_point_and_the_convention_cannot():
    """DenseNet-121: thop says 2,897,058,304.

    Its three transitions pool to 128 x 28 x 28 + 256 x 14 x 14 + 512 x 7 x 7 = 175,616 outputs, 1 each.
    """
    assert totals(zoo("densenet121"), IMAGE) == (2_834_161_664, 2_865_546_752, 2_897_058_304 - 175_616)


def test_thop_takes_the_output_of_a_deconvolution_for_its_input():
    """ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2): thop says 98,304, 2 x 2 times the other two's 24,576."""
    F = mx().sym
    net = F.Deconvolution(F.var("data"), kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=6, num_group=2)
    assert totals(net, {"data": (2, 4, 8, 8)}) == (24_576, 24_576, 98_304 // 4)


def test_pooling_to_one_pixel_is_taken_for_adaptive_average_pooling():
    """fvcore ignores AdaptiveMaxPool2d(1) and AvgPool2d(16); the average would have 2 x 3 x 16 x 16 = 1,536.

    thop says 0 and, one per output, 6; for the average 1,536 + 6. The maximum has 6 comparisons fewer than elements.
    """
    F = mx().sym
    maximum = F.Pooling(F.var("data"), global_pool=True, pool_type="max", kernel=(1, 1))
    window = F.Pooling(F.var("data"), kernel=(16, 16), pool_type="avg")
    assert totals(maximum, {"data": (2, 3, 16, 16)}) == (0, 1_530, 1_536)
    assert totals(window, {"data": (2, 3, 16, 16)}) == (0, 1_536, 1_542)


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_fused_operators_count_as_what_they_were_made_from():
    """oneDNN takes convolution, normalization and ReLU as one operator: the totals of ``small_cnn`` remain."""
    fused = small_cnn()(mx().sym.var("data")).get_backend_symbol("MKLDNN")
    assert "_sg_mkldnn_conv" in fused.tojson()
    assert totals(fused, {"data": (2, 3, 16, 16)}) == (147_776, 149_312, 150_368)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_channels_may_come_last(layout):
    """The pooling of ``small_cnn``: 2 x 16 x 4 x 4 = 512 elements."""
    F = mx().sym
    shape = {"NCHW": (2, 16, 4, 4), "NHWC": (2, 4, 4, 16)}[layout]
    net = F.Pooling(F.var("data"), global_pool=True, pool_type="avg", kernel=(1, 1), layout=layout)
    assert totals(net, {"data": shape})[1] == 512


def test_a_loop_counts_each_execution():
    """5 steps of layer_norm(2 x 8) and a product with 3 x 8 weights: fvcore 5 x (5 x 16 + 2 x 3 x 8) = 640."""
    F = mx().sym

    def step(data, states):
        return F.FullyConnected(F.LayerNorm(data, name="norm"), num_hidden=3, name="dense"), states

    outputs, _ = F.contrib.foreach(step, F.var("data"), [F.var("state")])
    assert totals(outputs, {"data": (5, 2, 8), "state": (1,)})[1] == 640


def test_convolutions_alone():
    """``small_cnn``: 2 x 8 x 16 x 16 outputs of 27 products and a bias, 2 x 16 x 4 x 4 outputs of 72 products.

    4,096 x 28 + 512 x 72 = 114,688 + 36,864
    """
    assert count(small_cnn(), {"data": (2, 3, 16, 16)}).counted_as("conv-only") == 151_552
