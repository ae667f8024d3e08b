"""Which layers are named, and with what part of the growth."""

import msgspec
import pytest

from pytest_mxperf.cost.result import LayerCost, OpCost, Params
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.profile.attribution import Work, work_by_node
from pytest_mxperf.profile.values import NetworkProfile
from tests.unit.profile.timed import Net, explained, row, timed


def convolutions(*channels, prefix=""):
    net = Net(prefix)
    end = net.data
    for place, count in enumerate(channels):
        end = net.conv(f"conv{place}", end, count)
    return net


def named(slowdown):
    return [(each.name, round(each.part, 3)) for each in slowdown.layers]


def of_times(before, now, **options):
    """Convolutions that nothing distinguishes but what they took."""
    net = convolutions(*[8] * len(before))
    rows = [[row(f"conv{place}", time) for place, time in enumerate(times)] for times in (before, now)]
    return explained(timed(net, *rows[0]), timed(net, *rows[1], **options))


def test_layers_that_make_up_nine_tenths_are_named_most_first():
    """Of 1 ms: 0.3, 0.6, 0.06 and 0.04."""
    found = of_times((1, 1, 1, 1), (1.3, 1.6, 1.06, 1.04))
    assert named(found) == [("conv1", 0.6), ("conv0", 0.3)]
    assert (found.more, found.is_spread, found.unknown_because) == (2, False, "")
    first = found.layers[0]
    assert (first.operator, first.before_seconds, first.now_seconds) == ("Convolution", 1e-3, 1.6e-3)


def test_a_little_less_than_that_takes_one_more():
    """Of 1 ms: 0.6, 0.29 and 0.11."""
    assert named(of_times((1, 1, 1), (1.6, 1.29, 1.11))) == [("conv0", 0.6), ("conv1", 0.29), ("conv2", 0.11)]


def test_what_has_shrunk_does_not_make_parts_of_more_than_all():
    """0.8 and 0.2 ms more, 0.5 ms less."""
    assert named(of_times((1, 1, 1), (1.8, 1.2, 0.5))) == [("conv0", 0.8), ("conv1", 0.2)]


def test_of_what_has_shrunk_a_tenth_is_noticeable():
    """0.7 and 0.5 ms more, 0.2 less."""
    assert named(of_times((1, 1, 1), (1.7, 1.5, 0.8))) == [("conv0", 0.583), ("conv1", 0.417)]


def test_no_part_is_more_than_all():
    """0.5 ms more and 0.04 less."""
    assert named(of_times((1, 1), (1.5, 0.96))) == [("conv0", 1.0)]


def test_noise_below_it_takes_nothing_from_the_growth():
    """0.5 ms more, and twenty layers of which half are 0.01 ms faster and half slower."""
    found = of_times((1,) * 21, (1.5, *([1.01, 0.99] * 10)))
    assert named(found) == [("conv0", 1.0)]


def test_no_more_than_ten_layers_are_named():
    """Half of it is one layer's, 17 would make up nine tenths."""
    found = of_times((1,) * 21, (3, *[1.1] * 20))
    assert len(found.layers) == 10
    assert (found.more, found.is_spread) == (11, False)


def test_a_growth_that_all_share_is_spread():
    """Of 20 equal layers 18 make up nine tenths."""
    found = of_times((1,) * 20, (1.05,) * 20)
    assert found.is_spread
    assert named(found) == [("conv0", 0.05)]
    assert found.more == 17


def test_also_over_many_that_have_little_each():
    """Of 60 equal layers 54 make up nine tenths."""
    found = of_times((1,) * 60, (1.05,) * 60)
    assert (found.is_spread, len(found.layers), found.more) == (True, 1, 53)


@pytest.mark.parametrize(
    ("share", "said"), [(0.06, "their times do not add up (6% of a forward is in no layer)"), (0.049, "")]
)
def test_no_layer_is_blamed_where_much_is_in_none(share, said):
    found = of_times((1, 1), (1.5, 1), unaccounted=share)
    assert found.unknown_because == said
    assert bool(found.layers) == (not said)


def test_nor_where_the_layers_take_more_than_the_forward():
    found = of_times((1, 1), (1.5, 1), unaccounted=-0.07)
    assert (found.layers, found.unknown_because) == (
        (),
        "their times do not add up (the layers add up to 7% more time than a forward)",
    )


def test_nor_where_they_are_no_slower():
    found = of_times((1, 1), (1.1, 0.85))
    assert found.unknown_because == "all layers together took 2.00 ms before and 1.95 ms now"


def test_partners_are_found_whatever_their_names():
    old = timed(convolutions(8, 16, 8), row("conv0", 1), row("conv1", 1), row("conv2", 1))
    rows = row("net_conv0", 1), row("net_conv1", 1.5), row("net_conv2", 1)
    assert named(explained(old, timed(convolutions(8, 16, 8, prefix="net_"), *rows))) == [("net_conv1", 1.0)]


def test_layers_of_one_name_are_told_apart_by_their_order():
    def net():
        net = Net()
        net.conv("same", net.conv("same", net.data, 8), 16)
        return net

    found = explained(timed(net(), row("same", 1), row("same", 1)), timed(net(), row("same", 1), row("same", 1.4)))
    (layer,) = found.layers
    assert layer.cause.details == ()
    assert (layer.before_seconds, layer.now_seconds) == (1e-3, 1.4e-3)


def test_a_row_that_is_in_no_graph_is_new():
    net = convolutions(8)
    found = explained(timed(net, row("conv0", 1)), timed(net, row("conv0", 1), row("reorder", 0.5, operator="Reorder")))
    assert named(found) == [("reorder", 1.0)]
    assert found.layers[0].cause.kind == "new"


def test_what_runs_in_another_layer_now_has_not_vanished():
    """conv and relu took 1.0 and 0.3 ms, together they take 1.4: 0.1 ms more, not 0.4."""
    net = Net()
    net.relu("relu", net.conv("conv", net.data, 8))
    old = timed(net, row("conv", 1), row("relu", 0.3, operator="Activation"))
    (layer,) = explained(old, timed(net, row("conv", 1.4, "relu"))).layers
    assert (layer.name, layer.before_seconds, layer.now_seconds) == ("conv", 1.3e-3, 1.4e-3)


def test_nor_where_the_forward_is_slower_and_they_are_not():
    """Of 0.30 ms that a forward of 10 ms takes longer 0.14 are in layers, less than half."""
    net = convolutions(8, 8)
    old, new = timed(net, row("conv0", 5), row("conv1", 5)), timed(net, row("conv0", 5.14), row("conv1", 5))
    new = new._replace(profile=NetworkProfile(new.profile.layers, 10.3e-3, 3, 5))
    assert explained(old, new).unknown_because == (
        "their times do not add up (a forward takes 0.30 ms longer, its layers +0.14 ms)"
    )
    new = new._replace(profile=NetworkProfile(new.profile.layers, 10.27e-3, 3, 5))
    assert named(explained(old, new)) == [("conv0", 1.0)]


def test_copies_of_outputs_are_accounted_for():
    """Of 10.6 ms 10 in layers and 0.5 in copies; without them 6% are in no layer."""
    net = convolutions(8, 8)
    old, new = timed(net, row("conv0", 5), row("conv1", 5)), timed(net, row("conv0", 5.14), row("conv1", 5))
    old = old._replace(profile=NetworkProfile(old.profile.layers, 10.6e-3, 3, 5, 0.5e-3))
    new = new._replace(profile=NetworkProfile(new.profile.layers, 10.7e-3, 3, 5, 0.5e-3))
    assert named(explained(old, new)) == [("conv0", 1.0)]
    new = new._replace(profile=NetworkProfile(new.profile.layers, 11e-3, 3, 5, 0.8e-3))
    assert explained(old, new).unknown_because == (
        "their times do not add up "
        "(a forward takes 0.40 ms longer, its layers +0.14 ms, the copies of its outputs +0.30 ms)"
    )


# Who is named first


def between(names):
    """Two convolutions with so many transpositions in between, and another that reads neither."""
    net = Net()
    end = net.conv("first", net.data, 8)
    for name in names:
        end = net.op("transpose", name, end, axes="(0, 1, 3, 2)")
    net.op("Concat", "both", net.conv("second", end, 8), net.conv("other", net.data, 4), shape=(1, 12, 8, 8))
    return net


def test_what_has_come_is_named_before_what_it_slows_down():
    """The other convolution has lost more than each of them, and less than they have together."""
    old = timed(between(()), row("first", 1), row("second", 1), row("other", 1))
    pair = [row(name, 0.1, operator="transpose") for name in ("there", "back")]
    new = timed(between(("there", "back")), row("first", 1), *pair, row("second", 1.3), row("other", 1.4))
    assert named(explained(old, new)) == [("there", 0.111), ("back", 0.111), ("second", 0.333), ("other", 0.444)]


def test_what_it_slows_down_is_marked_as_such():
    """The groups come by what they have lost as a whole: 0.2 + 0.3 ms, 0.4 ms."""
    old = timed(between(()), row("first", 1), row("second", 1), row("other", 1))
    pair = [row(name, 0.1, operator="transpose") for name in ("there", "back")]
    new = timed(between(("there", "back")), row("first", 1), *pair, row("second", 1.3), row("other", 1.4))
    behind = [(each.name, each.is_behind) for each in explained(old, new).layers]
    assert behind == [("there", False), ("back", False), ("second", True), ("other", False)]


def test_and_behind_what_has_lost_more():
    old = timed(between(()), row("first", 1), row("second", 1), row("other", 1))
    pair = [row(name, 0.1, operator="transpose") for name in ("there", "back")]
    new = timed(between(("there", "back")), row("first", 1), *pair, row("second", 1.2), row("other", 1.6))
    assert [name for name, _ in named(explained(old, new))] == ["other", "there", "back", "second"]


def test_what_it_hardly_slows_down_is_not_named():
    """0.01 ms of 1 ms."""
    old = timed(between(()), row("first", 1), row("second", 1), row("other", 1))
    pair = [row(name, 0.25, operator="transpose") for name in ("there", "back")]
    new = timed(between(("there", "back")), row("first", 1), *pair, row("second", 1.01), row("other", 1.49))
    assert named(explained(old, new)) == [("there", 0.25), ("back", 0.25), ("other", 0.49)]


def test_layers_that_were_changed_each_for_itself_are_not_told_together():
    """0.5 and 0.3 ms of neighbours, 0.6 ms of another."""

    def net(channels):
        net = Net()
        net.conv("b", net.conv("a", net.data, channels), channels)
        net.conv("c", net.data, channels)
        return net

    old = timed(net(8), row("a", 1), row("b", 1), row("c", 1))
    new = timed(net(16), row("a", 1.5), row("b", 1.3), row("c", 1.6))
    assert [name for name, _ in named(explained(old, new))] == ["c", "a", "b"]


def test_what_was_fused_is_told_with_what_it_was_fused_to():
    """0.15 and 0.15 ms that were in the first, 0.2 ms of the second."""
    net = Net()
    net.conv("second", net.unit("first", net.data, 8), 8)
    old = timed(net, row("first_conv", 1, "first_bn", "first_relu"), row("second", 1))
    parts = row("first_bn", 0.15, operator="BatchNorm"), row("first_relu", 0.15, operator="Activation")
    new = timed(net, row("first_conv", 1), *parts, row("second", 1.2))
    assert [name for name, _ in named(explained(old, new))] == ["first_bn", "first_relu", "second"]


def test_what_has_come_behind_a_changed_layer_is_told_for_itself():
    """0.35 and 0.3 ms, and 0.5 ms of another."""
    old, new = between(()), between(("there",))
    place = next(index for index, node in enumerate(new.nodes) if node.name == "first")
    new.nodes[place] = msgspec.structs.replace(new.nodes[place], attrs={**new.nodes[place].attrs, "dilate": "(2, 2)"})
    before = timed(old, row("first", 1), row("second", 1), row("other", 1))
    rows = row("first", 1.35), row("there", 0.3, operator="transpose"), row("second", 1), row("other", 1.5)
    assert [name for name, _ in named(explained(before, timed(new, *rows)))] == ["other", "first", "there"]


def test_the_work_of_a_loop_is_that_of_its_body():
    body = Graph((Node("null", "x", {}, ()), Node("exp", "inner", {}, ((0, 0),))), ((1, 0),))
    nodes = (
        Node("null", "data", {}, ()),
        Node("_foreach", "loop", {}, ((0, 0),), 1, (body,)),
        Node("exp", "behind", {}, ((1, 0),)),
    )
    layers = [
        LayerCost("loop", "_foreach", ((1,),), OpCost(), Params()),
        LayerCost(
            "loop/inner", "exp", ((1,),), OpCost(macs=7, other=2), Params(bytes=4), bytes_read=30, bytes_written=12
        ),
        LayerCost("behind", "exp", ((1,),), OpCost(other=5), Params(), "float16"),
    ]
    assert work_by_node(nodes, layers) == {1: Work(7, 16, 42, 4, "float32"), 2: Work(0, 5, 0, 0, "float16")}


def test_what_is_no_longer_fused_comes_behind_what_has_changed():
    def net(groups):
        net = Net()
        source = net.op("Convolution", "conv", net.data, shape=(1, 8, 8, 8), num_filter=8, num_group=groups)
        net.relu("relu", source)
        return net

    old = timed(net(1), row("conv", 1, "relu"))
    new = timed(net(4), row("conv", 1.4), row("relu", 0.6, operator="Activation"))
    assert named(explained(old, new)) == [("conv", 0.4), ("relu", 0.6)]
