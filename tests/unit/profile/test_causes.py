"""Why a layer is slower, by the graphs; and in which words that is said.

Feature maps are 8 x 8. A convolution from c to n channels has 64 * 9 * c * n MACs.
"""

import pytest

from pytest_mxperf.baseline.detail import Detail
from pytest_mxperf.baseline.diff import Costs
from pytest_mxperf.profile.causes import Cause
from pytest_mxperf.profile.slowdown import Slowdown, SlowLayer
from pytest_mxperf.profile.story import lines
from tests.unit.profile.timed import Net, explained, row, timed


def convolution(channels=64, macs=1000, op="Convolution", **attributes):
    """One convolution, whatever it is told, of so many MACs."""
    net = Net()
    weight = net.variable("conv_weight", (channels, 3, 3, 3))
    costs = Costs(macs, 2 * macs)
    shape = (1, channels, 8, 8)
    net.op(op, "conv", net.data, weight, shape=shape, costs=costs, num_filter=channels, **attributes)
    return net


def of_one(old, new, before=1.0, now=2.0, **sides):
    """The line of a layer that took 1 ms and takes 2, and its cause."""
    slowdown = explained(timed(old, row("conv", before)), timed(new, row("conv", now), **sides))
    (layer,) = slowdown.layers
    (line,) = lines(slowdown)
    return layer.cause, line


def test_groups_are_the_same_macs_by_a_slower_kernel():
    cause, line = of_one(convolution(num_group=1), convolution(num_group=64), 1.21, 2.35)
    assert (cause.kind, cause.details) == ("slower kernel", (Detail("num_group", "1", "64"),))
    assert line == (
        "conv (Convolution): 1.21 ms -> 2.35 ms, 100% of the growth: the same MACs, slower: num_group 1 -> 64"
    )


def test_fewer_macs_can_be_slower_too():
    old, new = convolution(num_group=1, pad="(0, 0)"), convolution(macs=500, num_group=16, pad="(1, 1)")
    cause, line = of_one(old, new)
    assert cause.macs == (1000, 500)
    assert line.endswith(": 50% fewer MACs, slower: num_group 1 -> 16, pad (0, 0) -> (1, 1)")


def test_what_decides_on_the_kernel_comes_first():
    old = convolution(kernel="(3, 3)", dilate="(1, 1)", pad="(1, 1)")
    new = convolution(kernel="(1, 9)", dilate="(2, 2)", pad="(0, 4)")
    assert [each.what for each in of_one(old, new)[0].details] == ["dilate", "kernel", "pad"]


def test_an_attribute_that_decides_nothing_is_no_cause():
    cause, line = of_one(convolution(workspace=64), convolution(workspace=1024))
    assert (cause.kind, line.split("growth: ")[1]) == ("unchanged", "itself unchanged")


def test_nor_is_it_told_beside_one_that_is():
    old, new = convolution(workspace=64, dilate="(1, 1)"), convolution(workspace=1024, dilate="(2, 2)")
    assert of_one(old, new)[0].details == (Detail("dilate", "(1, 1)", "(2, 2)"),)


def test_more_parameters_are_no_more_work_of_what_has_macs():
    """A larger window at fewer places."""
    old, new = convolution(stride="(1, 1)"), convolution(stride="(2, 2)")
    sides = [
        timed(net, row("conv", time), param_bytes={"conv": size}) for net, time, size in ((old, 1, 9), (new, 2, 36))
    ]
    assert explained(*sides).layers[0].cause.kind == "slower kernel"


@pytest.mark.parametrize(("macs", "now"), [(1060, 1.12), (9000, 5.0), (2000, 2.9)])
def test_more_macs_are_more_work_where_the_time_is_in_proportion(macs, now):
    cause, _ = of_one(convolution(kernel="(1, 1)"), convolution(macs=macs, kernel="(3, 3)"), now=now)
    assert cause.kind == "more work"


def test_and_are_not_why_where_it_is_not():
    cause, line = of_one(convolution(num_group=1), convolution(macs=1060, num_group=4), now=1.15)
    assert cause.kind == "slower kernel"
    assert line.endswith(": 6% more MACs, slower: num_group 1 -> 4")


@pytest.mark.parametrize(
    ("macs", "words"),
    [(1500, "+50% MACs"), (9000, "9.0x the MACs"), (1000, "+300% bytes")],
)
def test_how_much_more_it_is(macs, words):
    old, new = convolution(kernel="(1, 1)"), convolution(macs=macs, kernel="(3, 3)")
    _, line = of_one(old, new, now=1.4, bytes_moved={"conv": 4000} if macs == 1000 else None)
    assert line.endswith(f": more work: kernel (1, 1) -> (3, 3), {words.replace('+300% bytes', '4.0x the bytes')}")


def test_a_channel_count_that_is_no_multiple_of_eight():
    """6% more MACs, and 60% more time."""
    cause, line = of_one(convolution(64, macs=1000), convolution(68, macs=1062), now=1.6)
    assert (cause.kind, cause.fast_counts) == ("left blocked layout", (64, 72))
    assert line.endswith(": 6% more MACs, slower: num_filter 64 -> 68, which is no multiple of 8; 64 and 72 are fast")


@pytest.mark.parametrize(
    ("before", "now", "macs", "time", "kind"),
    [
        (64, 72, 1125, 1.2, "more work"),
        (64, 72, 1125, 1.4, "left blocked layout"),  # which is by blocks of 16 for the widest of them
        (72, 80, 1111, 1.4, "slower kernel"),
        (72, 88, 1222, 1.9, "slower kernel"),  # was no multiple of 16 before
        (64, 68, 1062, 1.1, "more work"),  # not slower than its work
        (60, 68, 1133, 1.9, "slower kernel"),  # was slow before
        (64, 61, 953, 1.5, "left blocked layout"),
        (64, 127, 1984, 2.9, "left blocked layout"),
    ],
)
def test_other_channel_counts(before, now, macs, time, kind):
    assert of_one(convolution(before), convolution(now, macs=macs), now=time)[0].kind == kind


def test_a_multiple_of_eight_that_is_none_of_sixteen():
    cause, line = of_one(convolution(64), convolution(72, macs=1266), now=1.6)
    assert cause.fast_counts == (64, 80)
    assert line.endswith(": 27% more MACs, slower: num_filter 64 -> 72, which is no multiple of 16; 64 and 80 are fast")


def test_below_eight_there_is_one_fast_count():
    cause, line = of_one(convolution(8), convolution(7, macs=875), now=1.5)
    assert cause.fast_counts == (8,)
    assert line.endswith(": 12% fewer MACs, slower: num_filter 8 -> 7, which is no multiple of 8; 8 is fast")


def test_of_groups_channels_are_not_counted():
    """With groups it is the channels of each that count."""
    old, new = convolution(64, num_group=2), convolution(68, macs=1062, num_group=2)
    assert of_one(old, new, now=1.6)[0].kind == "slower kernel"
    assert of_one(convolution(64, num_group=2), convolution(68, num_group=1), now=1.6)[0].kind == "slower kernel"


def test_half_precision_computes_elsewhere():
    cause, line = of_one(convolution(), convolution(), dtypes={"conv": "float16"})
    assert cause.kind == "slower kernel"
    assert line.endswith(": the same MACs, slower: dtype float32 -> float16")


def test_and_is_named_before_the_casts_that_bring_it_about():
    def net(casts):
        net = Net()
        end = net.op("Cast", "down", net.data, dtype="float64") if casts else net.data
        end = net.conv("conv", end, 8)
        net.conv("next", net.op("Cast", "up", end, dtype="float32") if casts else end, 8)
        return net

    old = timed(net(False), row("conv", 1.0), row("next", 1.0))
    casts = [row(name, time, operator="Cast") for name, time in (("down", 0.1), ("up", 0.05))]
    new = timed(net(True), row("conv", 1.8), row("next", 1.0), *casts, dtypes={"conv": "float64"})
    assert [each.name for each in explained(old, new).layers] == ["conv", "down"]


def softmax(axis):
    net = Net()
    net.op("softmax", "softmax", net.data, axis=axis)
    return net


def test_another_axis_is_the_same_work():
    sides = [timed(softmax(axis), row("softmax", time, operator="softmax")) for axis, time in ((-1, 0.05), (1, 0.4))]
    assert lines(explained(*sides)) == [
        "softmax (softmax): 0.05 ms -> 0.40 ms, 100% of the growth: the same work, slower: axis -1 -> 1"
    ]


# Fusion


def unit():
    net = Net()
    net.unit("a", net.data, 8)
    return net


def test_what_is_no_longer_fused():
    old = timed(unit(), row("a_conv", 1.0, "a_bn", "a_relu"))
    new = timed(unit(), row("a_conv", 1.0, "a_bn"), row("a_relu", 0.11, operator="Activation"))
    slowdown = explained(old, new)
    assert slowdown.layers[0].cause == Cause("no longer fused", layers=("a_conv",))
    assert lines(slowdown) == [
        "a_relu (Activation): 0.00 ms -> 0.11 ms, 100% of the growth: no longer fused with a_conv"
    ]


def test_a_function_that_is_not_fused():
    def net(kind):
        net = Net()
        net.op("Activation", "act", net.conv("conv", net.data, 8), act_type=kind)
        return net

    new = timed(net("softsign"), row("conv", 1.0), row("act", 0.4, operator="Activation"))
    assert lines(explained(timed(net("relu"), row("conv", 1.0, "act")), new))[0].endswith(
        ": no longer fused with conv: act_type relu -> softsign"
    )


def test_and_what_it_has_left():
    """The convolution itself is slower without."""
    old = timed(unit(), row("a_conv", 1.0, "a_bn", "a_relu"))
    rest = row("a_bn", 0.05, operator="BatchNorm"), row("a_relu", 0.05, operator="Activation")
    slowdown = explained(old, timed(unit(), row("a_conv", 1.3), *rest))
    first, *_ = slowdown.layers
    assert (first.name, first.cause.kind, first.cause.layers) == ("a_conv", "no longer fused", ("a_bn", "a_relu"))


def test_what_a_fused_member_is_told_is_a_cause():
    def net(kind):
        net = Net()
        net.op("Activation", "act", net.conv("conv", net.data, 8), act_type=kind)
        return net

    old, new = timed(net("relu"), row("conv", 1.0, "act")), timed(net("tanh"), row("conv", 1.6, "act"))
    (layer,) = explained(old, new).layers
    assert (layer.cause.kind, layer.cause.details) == ("slower kernel", (Detail("act act_type", "relu", "tanh"),))


def test_what_ran_in_it_and_is_gone_is_not_missed():
    plain, fused = Net(), Net()
    plain.conv("conv", plain.data, 8)
    fused.relu("relu", fused.conv("conv", fused.data, 8))
    (layer,) = explained(timed(fused, row("conv", 1.0, "relu")), timed(plain, row("conv", 1.3))).layers
    assert (layer.cause.kind, layer.cause.layers) == ("unchanged", ())


def test_what_is_new_inside_a_layer():
    plain, fused = Net(), Net()
    plain.conv("conv", plain.data, 8)
    fused.relu("relu", fused.conv("conv", fused.data, 8))
    slowdown = explained(timed(plain, row("conv", 1.0)), timed(fused, row("conv", 1.3, "relu")))
    assert lines(slowdown)[0].endswith(": relu runs in it now")


# New and replaced


def test_what_is_put_in_between_is_new():
    def net(between):
        net = Net()
        end = net.conv("conv", net.data, 8)
        for name in between:
            end = net.op("transpose", name, end, axes="(0, 1, 3, 2)")
        net.dense("dense", net.pool("pool", end), 10)
        return net

    rest = row("conv", 1.0), row("pool", 0.1, operator="Pooling"), row("dense", 0.1, operator="FullyConnected")
    pair = [row(name, time, operator="transpose") for name, time in (("there", 0.2), ("back", 0.3))]
    slowdown = explained(timed(net(()), *rest), timed(net(("there", "back")), *rest, *pair))
    assert lines(slowdown) == [
        "back (transpose): 0.00 ms -> 0.30 ms, 60% of the growth: new",
        "there (transpose): 0.00 ms -> 0.20 ms, 40% of the growth: new",
    ]


def test_many_that_have_come_to_one_place_are_told_together():
    """Of three and more."""

    def net(count):
        net = Net()
        end = net.conv("conv", net.data, 8)
        if count:
            parts = [net.op("slice_axis", f"part{place}", end, begin=place) for place in range(count)]
            end = net.op("Concat", "concat", *parts)
        net.dense("dense", net.pool("pool", end), 10)
        return net

    rest = row("conv", 1.0), row("pool", 0.1, operator="Pooling"), row("dense", 0.1, operator="FullyConnected")
    parts = [row(f"part{place}", 0.1, operator="slice_axis") for place in range(16)]
    new = timed(net(16), *rest, *parts, row("concat", 0.4, operator="Concat"))
    assert lines(explained(timed(net(0), *rest), new)) == [
        "concat (Concat): 0.00 ms -> 2.00 ms, 100% of the growth: 17 new layers together: part0, part1, part2, 14 more"
    ]


def gelu(net, source):
    return net.op("LeakyReLU", "gelu", source, act_type="gelu")


def composed_gelu(net, source):
    """x * (erf(x / sqrt 2) + 1)"""
    inner = net.op("erf", "erf", net.op("_div_scalar", "div", source, scalar=1.414))
    return net.op("elemwise_mul", "mul", source, net.op("_plus_scalar", "plus", inner, scalar=1))


def around(make):
    net = Net()
    net.conv("b", make(net, net.conv("a", net.data, 8)), 8)
    return net


def test_one_layer_before_and_several_now():
    parts = [row(name, 0.1, operator=name) for name in ("div", "erf", "plus", "mul")]
    old = timed(around(gelu), row("a", 1.0), row("gelu", 0.1, operator="LeakyReLU"), row("b", 1.0))
    new = timed(around(composed_gelu), row("a", 1.0), *parts, row("b", 1.0))
    slowdown = explained(old, new)
    assert slowdown.layers[0].cause == Cause("replaced", layers=("div", "erf", "plus", "mul"))
    assert lines(slowdown) == [
        "gelu (LeakyReLU): 0.10 ms -> 0.40 ms, 100% of the growth: replaced by 4 layers: div, erf, plus, 1 more"
    ]


def test_what_is_replaced_may_have_run_in_another_layer():
    parts = [row(name, 0.1, operator=name) for name in ("div", "erf", "plus", "mul")]
    old = timed(around(gelu), row("a", 1.0, "gelu"), row("b", 1.0))
    assert lines(explained(old, timed(around(composed_gelu), row("a", 1.0), *parts, row("b", 1.0)))) == [
        "gelu (LeakyReLU): 0.00 ms -> 0.40 ms, 100% of the growth: replaced by 4 layers: div, erf, plus, 1 more"
    ]


def test_one_layer_for_another():
    def sigmoid(net, source):
        return net.op("erfinv", "sigmoid", source)

    rest = row("a", 1.0), row("b", 1.0)
    old = timed(around(gelu), *rest, row("gelu", 0.1, operator="LeakyReLU"))
    slowdown = explained(old, timed(around(sigmoid), *rest, row("sigmoid", 0.5, operator="erfinv")))
    assert lines(slowdown) == ["gelu (LeakyReLU): 0.10 ms -> 0.50 ms, 100% of the growth: replaced by sigmoid"]


def test_two_layers_before_and_one_now():
    """They go by the one that took longer."""

    def both(net, source):
        return gelu(net, net.op("erfinv", "sigmoid", source))

    rest = row("a", 1.0), row("b", 1.0)
    gone = row("sigmoid", 0.2, operator="erfinv"), row("gelu", 0.1, operator="LeakyReLU")
    new = timed(around(lambda net, source: net.op("exp", "exp", source)), *rest, row("exp", 0.5, operator="exp"))
    assert lines(explained(timed(around(both), *rest, *gone), new)) == [
        "sigmoid (erfinv): 0.30 ms -> 0.50 ms, 100% of the growth: replaced by exp"
    ]


def whole(net, source):
    return net.conv("whole", source, 16)


def in_parts(net, source):
    parts = [net.conv(f"part{place}", source, 4) for place in range(4)]
    return net.op("Concat", "concat", *parts, shape=(1, 16, 8, 8))


def test_a_layer_in_many_parts_is_replaced_though_one_of_them_is_its_partner():
    parts = [row(f"part{place}", 0.5) for place in range(4)]
    old = timed(around(whole), row("a", 1.0), row("whole", 1.0), row("b", 1.0))
    new = timed(around(in_parts), row("a", 1.0), *parts, row("concat", 0.1, operator="Concat"), row("b", 1.0))
    (layer,) = explained(old, new).layers
    assert (layer.name, layer.before_seconds, round(layer.now_seconds, 6)) == ("whole", 1e-3, 2.1e-3)
    assert layer.cause == Cause("replaced", layers=("part0", "part1", "part2", "part3", "concat"))


def test_a_layer_that_is_wider_beside_new_ones_is_not_replaced():
    def wider(net, source):
        return net.op("Concat", "concat", net.conv("whole", source, 24), net.conv("more", source, 8))

    old = timed(around(whole), row("a", 1.0), row("whole", 1.0), row("b", 1.0))
    new = timed(around(wider), row("a", 1.0), row("whole", 1.6), row("more", 0.5), row("b", 1.0))
    assert [(each.name, each.cause.kind) for each in explained(old, new).layers] == [
        ("whole", "more work"),
        ("more", "new"),
    ]


def test_a_narrower_layer_far_from_new_ones_of_its_kind_is_not_replaced():
    def net(count, more):
        net = Net()
        end = net.conv("narrow", net.data, count)
        if not more:
            net.pool("pool", end)
            return net
        end = net.pool("pool", net.op("tanh", "tanh", end))
        net.op("Concat", "both", end, net.dense("dense", net.conv("more", net.data, 4), 4), shape=(1, count + 4))
        return net

    rest = row("pool", 0.1, operator="Pooling")
    new = timed(net(9, True), row("narrow", 1.5), rest, row("more", 0.4), row("tanh", 0.3, operator="tanh"))
    slowdown = explained(timed(net(18, False), row("narrow", 1.0), rest), new)
    assert [(each.name, each.cause.kind) for each in slowdown.layers] == [
        ("narrow", "slower kernel"),
        ("more", "new"),
        ("tanh", "new"),
    ]


# Nothing of its own


def test_an_unchanged_layer_behind_one_that_has_changed():
    def net(dilate):
        net = Net()
        weight = net.variable("first_weight", (8, 3, 3, 3))
        first = net.op("Convolution", "first", net.data, weight, num_filter=8, shape=(1, 8, 8, 8), dilate=dilate)
        net.conv("second", first, 8)
        return net

    old = timed(net("(1, 1)"), row("first", 1.0), row("second", 1.0))
    slowdown = explained(old, timed(net("(2, 2)"), row("first", 1.0), row("second", 1.5)))
    assert lines(slowdown)[0].endswith(": itself unchanged, behind first: dilate (1, 1) -> (2, 2)")
    assert lines(slowdown)[0].startswith("second ")  # first is not named
    new = timed(net("(2, 2)"), row("first", 1.2), row("second", 1.5))
    assert [line.partition(" (")[0] for line in lines(explained(old, new))] == ["first", "  second"]


def test_what_is_between_the_two_says_nothing():
    """conv, relu, pool, dense: the first has changed, the last is slower."""

    def net(dilate):
        net = Net()
        weight = net.variable("first_weight", (8, 3, 3, 3))
        first = net.op("Convolution", "first", net.data, weight, num_filter=8, shape=(1, 8, 8, 8), dilate=dilate)
        net.dense("dense", net.pool("pool", net.relu("relu", first)), 8)
        return net

    old = timed(net("(1, 1)"), row("first", 1.0), row("dense", 1.0, operator="FullyConnected"))
    new = timed(net("(2, 2)"), row("first", 1.0), row("dense", 1.5, operator="FullyConnected"))
    assert lines(explained(old, new))[0].endswith(": itself unchanged, behind first: dilate (1, 1) -> (2, 2)")


def test_a_larger_table_is_more_work():
    """As many rows of it are read."""
    sides = []
    for words, time in ((1000, 0.16), (10000, 0.23)):
        net = Net()
        table = net.variable("table", (words, 4))
        net.op("Embedding", "words", net.data, table, input_dim=words)
        sides.append(timed(net, row("words", time, operator="Embedding"), param_bytes={"words": 16 * words}))
    assert lines(explained(*sides)) == [
        "words (Embedding): 0.16 ms -> 0.23 ms, 100% of the growth: "
        "more work: input_dim 1000 -> 10000, 10.0x the parameters"
    ]


def test_own_weights_are_the_only_difference():
    sides = [timed(convolution(), row("conv", time)) for time in (1.0, 4.0)]
    slowdown = explained(*sides, own_weights=True)
    assert slowdown.layers[0].cause.kind == "own weights"
    assert lines(slowdown)[0].endswith("100% of the growth: the same work, slower with its own weights")


# Lines


def a_layer(part, before=1e-3, now=2e-3):
    return SlowLayer("a", "Convolution", before, now, part, Cause("new"))


def test_the_rest_is_told_where_it_is_much():
    assert lines(Slowdown((a_layer(0.7),), more=12))[1:] == ["and 12 more layers, 30% of the growth"]
    assert lines(Slowdown((a_layer(0.7),), more=1))[1:] == ["and 1 more layer, 30% of the growth"]


def test_parts_that_add_up_to_more_than_all_have_a_reason():
    assert lines(Slowdown((a_layer(0.72), a_layer(0.3)), more=3))[2:] == [
        "other layers became faster, 2% of the growth"
    ]
    assert lines(Slowdown((a_layer(0.702), a_layer(0.302)), more=3))[2:] == []
    assert lines(Slowdown((a_layer(0.91),), more=12))[1:] == []


def test_a_spread_growth_has_its_largest_part_as_an_example():
    assert lines(Slowdown((a_layer(0.07),), more=22, is_spread=True)) == [
        "spread evenly over 23 layers; the largest part is",
        "a (Convolution): 1.00 ms -> 2.00 ms, 7% of the growth: new",
    ]


def test_no_layer_is_named_without_a_reason():
    assert lines(Slowdown(unknown_because="6% of a forward is in no layer")) == [
        "cannot say which layers are slower: 6% of a forward is in no layer"
    ]


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        (1.21e-3, 2.35e-3, "1.21 ms -> 2.35 ms"),
        (0.04e-3, 0.11e-3, "0.04 ms -> 0.11 ms"),
        (0.04e-3, 0.0602e-3, "0.040 ms -> 0.060 ms"),
        (0.0, 1.25e-6, "0.0000 ms -> 0.0013 ms"),
        (0.12, 1.3, "120.00 ms -> 1300.00 ms"),
    ],
)
def test_times_have_the_digits_that_they_need(before, now, shown):
    (line,) = lines(Slowdown((a_layer(1.0, before, now),)))
    assert line == f"a (Convolution): {shown}, 100% of the growth: new"
