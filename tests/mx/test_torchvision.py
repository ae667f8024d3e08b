"""The Gluon vision zoo against torchvision 0.28, network by network.

MACs: ``FlopCounterMode`` of torch 2.13 on torchvision's models, halved, batch 1. Parameters: their number of elements,
without running statistics, which are their own column.
"""

import pytest

from pytest_mxperf import count

SAME = [
    # Gluon's name, MACs, parameters, running statistics
    ("alexnet", 714_188_480, 61_100_840, 0),
    ("vgg11", 7_609_090_048, 132_863_336, 0),
    ("vgg11_bn", 7_609_090_048, 132_868_840, 5_504),
    ("vgg13", 11_308_466_176, 133_047_848, 0),
    ("vgg13_bn", 11_308_466_176, 133_053_736, 5_888),
    ("vgg16", 15_470_264_320, 138_357_544, 0),
    ("vgg16_bn", 15_470_264_320, 138_365_992, 8_448),
    ("vgg19", 19_632_062_464, 143_667_240, 0),
    ("vgg19_bn", 19_632_062_464, 143_678_248, 11_008),
    ("resnet18_v1", 1_814_073_344, 11_689_512, 9_600),
    ("resnet34_v1", 3_663_761_408, 21_797_672, 17_024),
    ("densenet121", 2_834_161_664, 7_978_856, 83_648),
    ("densenet161", 7_727_907_072, 28_681_000, 219_936),
    ("densenet169", 3_359_843_328, 14_149_480, 158_400),
    ("densenet201", 4_291_365_888, 20_013_928, 229_056),
    ("squeezenet1.0", 818_924_576, 1_248_424, 0),
    ("squeezenet1.1", 349_151_936, 1_235_496, 0),
]

SAME_PRODUCTS = [
    # Gluon's name, and of torchvision's twin resnet50, resnet101, resnet152: MACs, parameters, running statistics
    ("resnet50_v2", 4_089_184_256, 25_557_032, 53_120),
    ("resnet101_v2", 7_801_405_440, 44_549_160, 105_344),
    ("resnet152_v2", 11_513_626_624, 60_192_808, 151_424),
]


def zoo(name, side=224):
    from mxnet.gluon.model_zoo import vision

    return count(vision.get_model(name), {"data": (1, 3, side, side)})


@pytest.mark.parametrize(("name", "macs", "parameters", "statistics"), SAME)
def test_the_same_network_costs_the_same(name, macs, parameters, statistics):
    report = zoo(name)
    assert report.macs == report.counted_as("torchvision") == macs
    assert (report.params.trainable, report.params.frozen, report.params.auxiliary) == (parameters, 0, statistics)


@pytest.mark.parametrize(("name", "macs", "parameters", "statistics"), SAME_PRODUCTS)
def test_deep_resnets_have_the_same_products_and_other_normalizations(name, macs, parameters, statistics):
    """v2 has the convolutions of torchvision's bottlenecks, whose 3 x 3 takes the stride, and normalizes before them.

    Channels normalized in a stage of n bottlenecks of width w that starts on c channels. torchvision, behind each
    convolution: n (w + w + 4w) + 4w for the shortcut. v2, in front of each: c + (n - 1) 4w + n (w + w), and none for
    the shortcut. So v2 has 8w - c fewer, however deep: 448 + 768 + 1,536 + 3,072 = 5,824 with w = 64, 128, 256, 512 and
    c = 64, 256, 512, 1,024. It has 2,048 more at the end and 3 more at the input: 3,773 fewer.

    Each is a gamma and a beta, and two running statistics. The 3 at the input are frozen.
    """
    report = zoo(name)
    assert report.macs == report.counted_as("torchvision") == macs
    assert report.params.frozen == 2 * 3
    assert report.params.trainable + report.params.frozen == parameters - 2 * 3_773
    assert report.params.auxiliary == statistics - 2 * 3_773


def test_inception_has_an_auxiliary_classifier_in_torchvision_only():
    """It takes 299 x 299. torchvision's 27,161,264 parameters include 3,326,696 of the auxiliary classifier, which does
    not run in eval mode and so adds no MACs: convolutions 768 x 128 and 128 x 768 x 5 x 5, a gamma and a beta for each
    of their 128 + 768 outputs, and 768 x 1,000 + 1,000 of a dense layer. Of the 36,224 statistics 2 x 896 are theirs.
    """
    report = zoo("inceptionv3", side=299)
    assert report.macs == report.counted_as("torchvision") == 5_713_216_096
    assert (report.params.trainable, report.params.frozen) == (27_161_264 - 3_326_696, 0)
    assert report.params.auxiliary == 36_224 - 1_792


def test_mobilenet_v2_is_another_network():
    """In the first block, which does not widen its 32 channels, Gluon keeps the 1 x 1 convolution that would.

    So it has 112 x 112 x 32 x 32 = 12,845,056 MACs more than torchvision's 300,774,272, 32 x 32 + 2 x 32 = 1,088
    parameters and 64 statistics. Its classifier is a convolution without the 1,000 biases of torchvision's dense layer.
    """
    report = zoo("mobilenetv2_1.0")
    assert report.macs == report.counted_as("torchvision") == 300_774_272 + 12_845_056
    assert (report.params.trainable, report.params.frozen) == (3_504_872 + 1_088 - 1_000, 0)
    assert report.params.auxiliary == 34_112 + 64
