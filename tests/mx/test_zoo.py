"""Models of the Gluon vision zoo, as nets and as exported symbols.

MACs and parameters are torchvision's where it has the same network. Its resnet50 is Gluon's v2 twin: 4,089,184,256.
In v1 the first 1x1 convolution of stages 2 to 4 takes the stride, which saves three quarters of it:
256 x 128 x (56^2 - 28^2) = 512 x 256 x (28^2 - 14^2) = 1024 x 512 x (14^2 - 7^2) = 77,070,336 each, and leaves
3,857,973,248.
"""

import pytest

from pytest_mxperf import count

IMAGE = {"data": (1, 3, 224, 224)}

MODELS = [
    *("alexnet", "densenet121", "densenet161", "densenet169", "densenet201", "inceptionv3"),
    *("mobilenet0.25", "mobilenet0.5", "mobilenet0.75", "mobilenet1.0"),
    *("mobilenetv2_0.25", "mobilenetv2_0.5", "mobilenetv2_0.75", "mobilenetv2_1.0"),
    *("resnet101_v1", "resnet101_v2", "resnet152_v1", "resnet152_v2", "resnet18_v1", "resnet18_v2", "resnet34_v1"),
    *("resnet34_v2", "resnet50_v1", "resnet50_v2", "squeezenet1.0", "squeezenet1.1"),
    *("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"),
]


def zoo(name):
    from mxnet.gluon.model_zoo import vision

    return vision.get_model(name)


def exported(name, folder):
    """The symbol as ``HybridBlock.export`` writes it, without running the net for its weights."""
    import mxnet as mx

    prefix = folder / name
    zoo(name)(mx.sym.var("data")).save(f"{prefix}-symbol.json")
    return prefix


@pytest.mark.parametrize("name", MODELS)
def test_every_operator_is_counted_alike_in_net_and_export(name, tmp_path):
    inputs = {"data": (1, 3, 299, 299)} if name == "inceptionv3" else IMAGE
    net, export = count(zoo(name), inputs), count(exported(name, tmp_path), inputs)
    assert net.uncounted == {}
    assert export.uncounted == {}
    assert net.cost == export.cost
    assert net.params.total == export.params.total


@pytest.mark.parametrize(
    ("name", "macs", "trainable"),
    [
        ("resnet18_v1", 1_814_073_344, 11_689_512),
        ("resnet50_v1", 3_857_973_248, 25_575_912),
        ("vgg16", 15_470_264_320, 138_357_544),
        ("squeezenet1.1", 349_151_936, 1_235_496),
        ("densenet121", 2_834_161_664, 7_978_856),
    ],
)
def test_exports_cost_what_is_published(name, macs, trainable, tmp_path):
    report = count(exported(name, tmp_path), IMAGE)
    assert (report.macs, report.params.trainable) == (macs, trainable)


def test_a_net_knows_frozen_parameters_that_its_export_hides(tmp_path):
    """The first BatchNorm of the v2 resnets has scale=False and center=False: 3 gammas and 3 betas are frozen."""
    net, export = count(zoo("resnet50_v2"), IMAGE), count(exported("resnet50_v2", tmp_path), IMAGE)
    assert net.macs == export.macs == 4_089_184_256
    assert (net.params.trainable, net.params.frozen, net.params.auxiliary) == (25_549_480, 6, 45_574)
    assert (export.params.trainable, export.params.frozen, export.params.auxiliary) == (25_549_483, 3, 45_574)
