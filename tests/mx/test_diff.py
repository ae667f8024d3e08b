"""The difference of real networks, whose layers are all called otherwise.

At 32 x 32 pixels the stages of a ResNet for ImageNet see 8 x 8, 4 x 4, 2 x 2 and 1 x 1.
"""

import pytest

import pytest_mxperf
from pytest_mxperf.errors import UsageError

INPUTS = {"data": (1, 3, 32, 32)}


def resnet(layers, channels, prefix):
    from mxnet.gluon.model_zoo.vision.resnet import BasicBlockV1, ResNetV1

    return ResNetV1(BasicBlockV1, layers, channels, prefix=prefix)


def old():
    return resnet([2, 2, 2, 2], [64, 64, 128, 256, 512], "before_")


def new():
    """A third block in stage 2, and stage 3 half as wide again."""
    return resnet([2, 3, 2, 2], [64, 64, 128, 384, 512], "after_")


def by_kind(difference):
    found = {}
    for change in difference.changes:
        found.setdefault(change.kind.value, []).append((change.name, change.summary))
    return {kind: sorted(changes) for kind, changes in found.items()}


def test_exactly_the_layers_that_were_inserted_and_widened_are_named():
    found = by_kind(pytest_mxperf.diff(old(), new(), INPUTS))
    assert found["added"] == [
        (f"after_stage2_{name}", "added")
        for name in (
            *("_plus2", "activation2", "batchnorm5_fwd", "batchnorm6_fwd", "conv5_fwd", "conv6_fwd", "relu2_fwd"),
        )
    ]
    assert found["changed"] == [
        ("after_stage3_conv0_fwd", "num_filter 256 -> 384"),
        ("after_stage3_conv1_fwd", "num_filter 256 -> 384, input channels 256 -> 384"),
        ("after_stage3_conv2_fwd", "num_filter 256 -> 384"),
        ("after_stage3_conv3_fwd", "num_filter 256 -> 384, input channels 256 -> 384"),
        ("after_stage3_conv4_fwd", "num_filter 256 -> 384, input channels 256 -> 384"),
    ]
    # The first block of stage 4 reads more; in stage 3 5 normalizations, 2 sums and 4 activations do.
    assert [change for change in found["reshaped"] if "stage4" in change[0]] == [
        ("after_stage4_conv0_fwd", "input channels 256 -> 384"),
        ("after_stage4_conv2_fwd", "input channels 256 -> 384"),
    ]
    assert len(found["reshaped"]) == 2 + 5 + 2 + 4
    assert set(found) == {"added", "changed", "reshaped"}


def test_the_growth_is_that_of_the_changes():
    """Of the added, 2 times 4 x 4 places x 9 x 128 x 128; of the widened, 2 x 2 places times

    9 x 128 x 128, 128 x 128 and three times 9 x (384 x 384 - 256 x 256); of stage 4, 9 x 128 x 512 and 128 x 512.
    """
    difference = pytest_mxperf.diff(old(), new(), INPUTS)
    growths = sorted(change.growth("macs") for change in difference.changes if change.growth("macs"))
    assert growths == [65_536] * 2 + [589_824] * 2 + [2_359_296] * 2 + [2_949_120] * 3
    assert difference.growth("macs") == sum(growths) == 14_876_672
    for metric in ("flops", "params"):
        assert sum(change.growth(metric) for change in difference.changes) == difference.growth(metric)


def test_backwards_what_was_added_is_removed():
    found = by_kind(pytest_mxperf.diff(new(), old(), INPUTS))
    assert len(found["removed"]) == 7
    assert all(name.startswith("after_stage2_") for name, _ in found["removed"])
    assert found["changed"][0] == ("before_stage3_conv0_fwd", "num_filter 384 -> 256")
    assert "added" not in found


def test_names_alone_are_no_difference():
    difference = pytest_mxperf.diff(old(), resnet([2, 2, 2, 2], [64, 64, 128, 256, 512], "after_"), INPUTS)
    assert difference.changes == ()
    assert difference.before == difference.now


@pytest.mark.parametrize(
    ("one", "other", "added"),
    [
        # 16 blocks instead of 8, 2 convolutions in each and as many normalizations, 2 activations and a sum.
        ("resnet18_v1", "resnet34_v1", {"Convolution": 16, "BatchNorm": 16, "Activation": 16, "elemwise_add": 8}),
        ("vgg11", "vgg16", {"Convolution": 5, "Activation": 5}),
        # Dense blocks of 6, 12, 32 and 32 layers instead of 6, 12, 24 and 16.
        ("densenet121", "densenet169", {"Convolution": 48, "BatchNorm": 48, "Activation": 48, "Concat": 24}),
    ],
)
def test_a_deeper_network_of_a_family_has_the_other_in_it(one, other, added):
    """In DenseNet the layers behind see more channels besides."""
    from mxnet.gluon.model_zoo import vision

    inputs = {"data": (1, 3, 224, 224)}
    difference = pytest_mxperf.diff(getattr(vision, one)(), getattr(vision, other)(), inputs)
    found = {}
    for change in difference.changes:
        if change.kind.value == "added":
            found[change.op] = found.get(change.op, 0) + 1
    assert found == added
    assert {change.kind.value for change in difference.changes} <= {"added", "changed", "reshaped"}


def test_a_net_does_not_differ_from_what_was_exported_of_it(tmp_path):
    import mxnet as mx

    net = old()
    net.initialize()
    net.hybridize()
    net(mx.nd.zeros((1, 3, 32, 32)))
    net.export(str(tmp_path / "net"))
    assert pytest_mxperf.diff(new, str(tmp_path / "net"), INPUTS).changes
    assert pytest_mxperf.diff(old, str(tmp_path / "net"), INPUTS).changes == ()


def test_what_is_inside_a_loop_counts_with_the_loop():
    """4 steps of 8 x 6 MACs, now of 8 x 12."""

    def model(units):
        import mxnet as mx

        weight, state = mx.sym.var("weight", shape=(units, 8)), mx.sym.var("state", shape=(2, units))

        def step(data, states):
            out = mx.sym.FullyConnected(data, weight, num_hidden=units, no_bias=True) + states
            return out, out

        outputs, _ = mx.sym.contrib.foreach(step, mx.sym.var("data"), state)
        return outputs

    difference = pytest_mxperf.diff(lambda: model(6), lambda: model(12), {"data": (4, 2, 8)})
    loop = next(change for change in difference.changes if change.op == "_foreach")
    assert loop.growth("macs") == difference.growth("macs") == 2 * 4 * 8 * 6


def test_inputs_must_fit_both():
    with pytest.raises(UsageError, match="image"):
        pytest_mxperf.diff(old(), new(), {"image": (1, 3, 32, 32)})
