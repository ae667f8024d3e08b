"""The difference of two models, on small graphs written by hand.

Every feature map is 8 x 8. A convolution from c to n channels with a k x k window has c * n * k * k parameters, as many
MACs at each of the 64 places, and twice as many FLOPs.
"""

import random

import pytest

from pytest_mxperf.attributes import Operator
from pytest_mxperf.baseline.diff import Change, ChangeKind, Costs, Counted, Difference, difference_between
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.errors import BaselineError
from pytest_mxperf.graph import Graph, Node


class Net:
    """A graph in the making; its layers' names begin with the prefix."""

    def __init__(self, prefix=""):
        self.prefix = prefix
        self.nodes, self.shapes, self.costs = [], [], {}
        self.data = self.variable("data", (1, 3, 8, 8))

    def variable(self, name, shape):
        self.nodes.append(Node("null", name if name == "data" else self.prefix + name, {}, ()))
        self.shapes.append((shape,))
        return len(self.nodes) - 1, 0

    def op(self, op, name, *inputs, shape=None, costs=None, outputs=1, **attrs):
        self.nodes.append(Node(op, self.prefix + name, {k: str(v) for k, v in attrs.items()}, inputs, outputs))
        index = len(self.nodes) - 1
        self.shapes.append((shape or self.shape(inputs[0]),) * outputs)
        self.costs[index] = costs or Costs()
        return index, 0

    def shape(self, entry):
        return self.shapes[entry[0]][entry[1]]

    def conv(self, name, source, channels, kernel=3, weight=None):
        before = self.shape(source)[1]
        size = before * channels * kernel * kernel
        params = 0 if weight else size
        weight = weight or self.variable(f"{name}_weight", (channels, before, kernel, kernel))
        return self.op(
            "Convolution",
            name,
            source,
            weight,
            shape=(1, channels, 8, 8),
            costs=Costs(64 * size, 128 * size, params),
            num_filter=channels,
            kernel=(kernel, kernel),
        )

    def norm(self, name, source):
        channels = self.shape(source)[1]
        variables = [self.variable(f"{name}_{part}", (channels,)) for part in ("gamma", "beta", "mean", "var")]
        costs = Costs(0, 128 * channels, 2 * channels)
        return self.op("BatchNorm", name, source, *variables, costs=costs)

    def relu(self, name, source):
        return self.op("Activation", name, source, costs=Costs(0, 64 * self.shape(source)[1], 0), act_type="relu")

    def unit(self, name, source, channels):
        """Convolution, normalization, activation."""
        return self.relu(f"{name}_relu", self.norm(f"{name}_bn", self.conv(f"{name}_conv", source, channels)))

    def residual(self, name, source, channels):
        """Two convolutions around which the input goes; convolved as well where the channels change."""
        first = self.unit(f"{name}_a", source, channels)
        second = self.norm(f"{name}_b_bn", self.conv(f"{name}_b_conv", first, channels))
        if self.shape(source)[1] != channels:
            source = self.norm(f"{name}_down_bn", self.conv(f"{name}_down_conv", source, channels, kernel=1))
        return self.relu(f"{name}_relu", self.op("elemwise_add", f"{name}_add", second, source))

    def dense(self, name, source, units):
        features = self.shape(source)[1]
        weight = self.variable(f"{name}_weight", (units, features))
        costs = Costs(features * units, 2 * features * units, features * units)
        return self.op("FullyConnected", name, source, weight, shape=(1, units), costs=costs, num_hidden=units)

    def pool(self, name, source):
        shape = (1, self.shape(source)[1])
        return self.op("Pooling", name, source, shape=shape, costs=Costs(0, 64 * shape[1], 0), global_pool=True)

    def counted(self, *heads):
        graph = Graph(tuple(self.nodes), heads or ((len(self.nodes) - 1, 0),))
        return Counted(graph, self.shapes, self.costs, sum(self.costs.values(), Costs()))


def renamed(counted, seed=0):
    """The same model with random names, but for its inputs."""
    chance = random.Random(seed)
    names = {}
    nodes = tuple(
        Node(
            node.op,
            "data" if node.name == "data" else names.setdefault(node.name, f"n{chance.getrandbits(60)}"),
            node.attrs,
            node.inputs,
            node.output_count,
            node.subgraphs,
        )
        for node in counted.graph.nodes
    )
    return counted._replace(graph=Graph(nodes, counted.graph.heads))


def reordered(counted, seed=0):
    """The same model with its nodes in another order, in which inputs still come before their users."""
    chance = random.Random(seed)
    nodes = counted.graph.nodes
    order, done = [], set()
    while len(order) < len(nodes):
        ready = [i for i, node in enumerate(nodes) if i not in done and all(s in done for s, _ in node.inputs)]
        chosen = chance.choice(ready)
        order.append(chosen)
        done.add(chosen)
    place = {old: new for new, old in enumerate(order)}

    def moved(entries):
        return tuple((place[source], output) for source, output in entries)

    graph = Graph(
        tuple(
            Node(n.op, n.name, n.attrs, moved(n.inputs), n.output_count, n.subgraphs) for n in (nodes[i] for i in order)
        ),
        moved(counted.graph.heads),
    )
    costs = {place[index]: costs for index, costs in counted.costs.items()}
    return counted._replace(graph=graph, shapes=[counted.shapes[i] for i in order], costs=costs)


def difference(old, new):
    return difference_between(old, new, ["data"])


def told(old, new):
    """The changes as ``(kind, name, summary)``."""
    return [(change.kind.value, change.name, change.summary) for change in difference(old, new).changes]


def chain(*units, prefix=""):
    """Units by name and channels, and a classifier behind them."""
    net = Net(prefix)
    end = net.data
    for name, channels in units:
        end = net.unit(name, end, channels)
    net.dense("fc", net.pool("pool", end), 10)
    return net.counted()


def resnet(*stages, prefix=""):
    """Stages by channels and number of blocks."""
    net = Net(prefix)
    end = net.unit("stem", net.data, stages[0][0])
    for stage, (channels, blocks) in enumerate(stages, 1):
        for block in range(1, blocks + 1):
            end = net.residual(f"stage{stage}_block{block}", end, channels)
    net.dense("fc", net.pool("pool", end), 10)
    return net.counted()


def kinds(old, new):
    """The names of the changed layers by kind."""
    found = {}
    for change in difference(old, new).changes:
        found.setdefault(change.kind.value, []).append(change.name)
    return found


def pooling(name):
    """As MXNet documents it."""
    arguments = [
        ("pool_type", "{'avg', 'lp', 'max', 'sum'},optional, default='max'"),
        ("global_pool", "boolean, optional, default=0"),
        ("cudnn_off", "boolean, optional, default=0"),
    ]
    return Operator.documented("Pooling", arguments) if name in ("Pooling", "pool") else None


def pooled(op="Pooling", **attrs):
    net = Net()
    net.op(op, "pool", net.data, **attrs)
    return net.counted()


UNIT = ("_conv", "_bn", "_relu")
BLOCK = ("_a_conv", "_a_bn", "_a_relu", "_b_conv", "_b_bn", "_add", "_relu")
RESNET = resnet((16, 2), (32, 2), (64, 2), (128, 2))
CHAIN = chain(("one", 16), ("two", 32), ("three", 32), ("four", 64))


class TestNoChange:
    @pytest.mark.parametrize("model", [RESNET, CHAIN], ids=["resnet", "chain"])
    def test_a_model_does_not_differ_from_itself(self, model):
        assert difference(model, model).changes == ()

    @pytest.mark.parametrize("seed", range(5))
    def test_random_names_are_no_change(self, seed):
        assert told(RESNET, renamed(RESNET, seed)) == []

    @pytest.mark.parametrize("seed", range(5))
    def test_neither_is_another_order_of_the_nodes(self, seed):
        assert told(RESNET, reordered(renamed(RESNET, seed), seed)) == []

    def test_nor_is_a_name_that_another_layer_had(self):
        """Two layers that are the same swap their names, or their places: who can tell?"""
        one = chain(("a", 16), ("b", 16), ("c", 16))
        assert told(one, chain(("a", 16), ("c", 16), ("b", 16))) == []

    def test_nor_are_annotations_and_other_ways_to_write_a_value(self):
        def model(**attrs):
            net = Net()
            net.op("Pooling", "pool", net.data, **attrs)
            return net.counted()

        old = model(kernel="(3, 3)", count_include_pad="True", p_value="1e-05", __lr_mult__="1", layout="NCHW")
        new = model(kernel="[3,3]", count_include_pad="true", p_value="0.00001", __scope__="x:", layout="NCHW")
        assert told(old, new) == []

    def test_nor_are_defaults_that_are_written_out_and_aliases(self):
        plain, written = pooled(op="Pooling"), pooled(op="pool", pool_type="max", global_pool="0", cudnn_off="false")
        assert difference_between(plain, written, ["data"], operators=pooling).changes == ()
        (change,) = difference_between(
            plain, pooled(op="pool", pool_type="avg", global_pool="1"), ["data"], operators=pooling
        ).changes
        assert (change.kind.value, change.summary) == ("changed", "global_pool False -> True, pool_type max -> avg")

    def test_nor_is_a_sum_the_other_way_round(self):
        def model(swap):
            net = Net()
            ends = [net.unit("a", net.data, 16), net.unit("b", net.data, 16)]
            net.relu("relu", net.op("elemwise_add", "add", *(ends[::-1] if swap else ends)))
            return net.counted()

        assert told(model(False), model(True)) == []


class TestNoEffect:
    """Attributes that reach no inference on a CPU are shown as such, and hide nothing."""

    def test_they_are_a_change_of_their_own_kind(self):
        old, new = pooled(cudnn_off="0"), pooled(cudnn_off="1")
        (change,) = difference_between(old, new, ["data"], operators=pooling).changes
        assert (change.kind.value, change.summary) == ("changed", "cudnn_off False -> True (GPU only)")
        assert told(pooled(), new) == [("changed", "pool", "cudnn_off not set -> 1 (GPU only)")]
        assert told(new, pooled()) == [("changed", "pool", "cudnn_off 1 -> not set (GPU only)")]

    def test_they_come_behind_those_of_effect(self):
        new = pooled(cudnn_off="1", pool_type="avg")
        assert told(pooled(), new) == [
            ("changed", "pool", "pool_type not set -> avg, cudnn_off not set -> 1 (GPU only)")
        ]

    def test_they_do_not_decide_who_is_whose_partner(self):
        """The first is the old one, as if the attribute were not there."""

        def model(*tunings):
            net = Net()
            end = net.data
            for place, tuning in enumerate(tunings):
                end = net.op("Pooling", f"pool{place}", end, cudnn_tune=tuning)
            return net.counted()

        assert told(model("off"), model("fastest", "off")) == [
            ("changed", "pool0", "cudnn_tune off -> fastest (GPU only)"),
            ("added", "pool1", "added"),
        ]

    def test_they_hide_no_change_of_wiring_shapes_or_costs(self):
        def model(tuning, channels=16, costs=None, features=3):
            net = Net()
            weight = net.variable("weight", (16, features, 3, 3))
            net.op(
                "Convolution",
                "conv",
                net.data,
                weight,
                shape=(1, channels, 8, 8),
                costs=costs,
                num_filter=16,
                cudnn_tune=tuning,
            )
            return net.counted()

        idle = "cudnn_tune off -> fastest (GPU only)"
        assert told(model("off"), model("fastest", features=5)) == [
            ("reshaped", "conv", f"parameter 16x3x3x3 -> 16x5x3x3, {idle}")
        ]
        assert told(model("off"), model("fastest", costs=Costs(0, 0, 7))) == [
            ("recounted", "conv", f"params 0 -> 7, {idle}")
        ]

    def test_they_are_shown_inside_a_loop_too(self):
        def model(tuning):
            net = Net()
            body = Graph(
                (Node("null", "x", {}, ()), Node("Convolution", "inner", {"cudnn_tune": tuning}, ((0, 0),))), ((1, 0),)
            )
            net.op("_foreach", "loop", net.data)
            net.nodes[-1] = Node("_foreach", "loop", {}, (net.data,), 1, (body,))
            return net.counted()

        assert told(model("off"), model("off")) == []
        assert told(model("off"), model("fastest")) == [
            ("changed", "loop", "inner cudnn_tune off -> fastest (GPU only)")
        ]


class TestOneChange:
    @pytest.mark.parametrize("op", ["BatchNorm", "_contrib_quantized_batch_norm"])
    def test_a_batch_norm_behind_a_wider_layer_reads_more_channels(self, op):
        def model(channels):
            net = Net()
            net.op(op, "bn", net.conv("conv", net.data, channels))
            return net.counted()

        assert told(model(32), model(48))[1] == ("reshaped", "bn", "input channels 32 -> 48")

    def test_a_wider_layer_is_told_from_those_behind_it(self):
        """32 to 48: 16 * 16 * 9 * 64 more MACs in itself, 16 * 32 * 9 * 64 in the one that reads it."""
        new = chain(("one", 16), ("two", 48), ("three", 32), ("four", 64), prefix="x_")
        found = difference(CHAIN, new)
        assert [(each.kind.value, each.name, each.old_name, each.summary) for each in found.changes] == [
            ("changed", "x_two_conv", "two_conv", "num_filter 32 -> 48"),
            ("reshaped", "x_two_bn", "two_bn", "input channels 32 -> 48"),
            ("reshaped", "x_two_relu", "two_relu", "input 1x32x8x8 -> 1x48x8x8"),
            ("reshaped", "x_three_conv", "three_conv", "input channels 32 -> 48"),
        ]
        assert [each.growth("macs") for each in found.changes] == [147_456, 0, 0, 294_912]
        assert [each.growth("params") for each in found.changes] == [2_304, 32, 0, 4_608]
        assert found.growth("macs") == 442_368
        assert [found.share(each, "macs") for each in found.changes] == pytest.approx([1 / 3, 0, 0, 2 / 3])

    def test_another_number_of_classes(self):
        new = Net()
        new.dense("fc", new.pool("pool", new.unit("one", new.data, 16)), 100)
        (change,) = difference(chain(("one", 16)), renamed(new.counted())).changes
        assert (change.kind.value, change.old_name, change.summary) == ("changed", "fc", "num_hidden 10 -> 100")
        assert change.growth("params") == 16 * 90

    def test_a_layer_that_was_added(self):
        new = chain(("one", 16), ("two", 32), ("extra", 48), ("three", 32), ("four", 64), prefix="x_")
        assert kinds(CHAIN, new) == {
            "added": [f"x_extra{part}" for part in UNIT],
            "reshaped": ["x_three_conv"],
        }

    def test_a_layer_that_was_removed(self):
        """Of two that are the same the second: the first still reads 16 channels."""
        new = chain(("one", 16), ("three", 32), ("four", 64), prefix="x_")
        assert told(CHAIN, new) == [("removed", f"three{part}", "removed") for part in UNIT]

    def test_a_block_that_was_inserted_is_named_whole(self):
        new = resnet((16, 2), (32, 3), (64, 2), (128, 2), prefix="x_")
        assert kinds(RESNET, new) == {"added": [f"x_stage2_block3{part}" for part in BLOCK]}
        assert kinds(new, RESNET) == {"removed": [f"x_stage2_block3{part}" for part in BLOCK]}

    def test_an_operator_of_another_type(self):
        def model(op, **attrs):
            net = Net()
            conv = net.conv("one", net.data, 16)
            net.conv("two", net.op(op, op.lower(), conv, **attrs), 16)
            return net.counted()

        assert told(model("Activation", act_type="relu"), model("LeakyReLU", act_type="gelu")) == [
            ("changed", "leakyrelu", "operator Activation -> LeakyReLU")
        ]

    def test_an_attribute_that_was_set_or_is_no_more(self):
        def model(**attrs):
            net = Net()
            net.op("Pooling", "pool", net.data, **attrs)
            return net.counted()

        assert told(model(), model(pool_type="avg")) == [("changed", "pool", "pool_type not set -> avg")]
        assert told(model(kernel=(3, 3), stride=(2, 2)), model(kernel=(5, 5))) == [
            ("changed", "pool", "kernel (3, 3) -> (5, 5), stride (2, 2) -> not set")
        ]

    def test_a_long_value_is_cut(self):
        def model(value):
            net = Net()
            net.op("Custom", "custom", net.data, info=value)
            return net.counted()

        ((_, _, summary),) = told(model("a"), model("b" * 5000))
        assert summary == "info a -> " + "b" * 59 + "…"

    def test_a_layer_that_reads_another(self):
        def model(skip):
            net = Net()
            one = net.unit("one", net.data, 16)
            two = net.unit("two", one, 16)
            three = net.unit("three", two, 16)
            net.op("Concat", "join", three, one if skip else two)
            return net.counted()

        assert told(model(False), model(True)) == [("rewired", "join", "input 2 two_relu -> one_relu")]

    def test_branches_that_are_joined_in_another_order(self):
        def model(*order):
            net = Net()
            branches = [net.unit("a", net.data, 16), net.unit("b", net.data, 32), net.unit("c", net.data, 64)]
            joined = net.op("Concat", "join", *(branches[index] for index in order), shape=(1, 112, 8, 8))
            net.unit("end", joined, 16)
            return net.counted()

        assert [kind for kind, _, _ in told(model(0, 1, 2), renamed(model(2, 1, 0)))] == ["rewired"]

    def test_outputs_that_come_in_another_order_or_number(self):
        net = Net()
        ends = [net.unit("a", net.data, 16), net.unit("b", net.data, 32)]
        old = net.counted(*ends)
        assert told(old, net.counted(*ends[::-1])) == [
            ("rewired", "outputs", "input 1 a_relu -> b_relu, input 2 b_relu -> a_relu")
        ]
        assert told(old, net.counted(*ends, ends[0])) == [("changed", "outputs", "inputs 2 -> 3")]

    def test_another_output_of_the_same_operator(self):
        def model(output):
            net = Net()
            index, _ = net.op("SliceChannel", "split", net.data, outputs=2, num_outputs=2)
            net.relu("relu", (index, output))
            return net.counted()

        assert told(model(0), model(1)) == [("rewired", "relu", "input 1 split -> split[1]")]

    def test_costs_alone(self):
        """The weights are frozen, say."""
        old = chain(("one", 16))
        costs = {**old.costs, 2: Costs(27_648, 55_296, 0)}
        assert old.costs[2] == Costs(27_648, 55_296, 432)
        assert told(old, old._replace(costs=costs)) == [("recounted", "one_conv", "params 432 -> 0")]

    def test_one_of_two_branches_that_begin_and_end_alike(self):
        """The other is not taken for it."""

        def model(kernel):
            net = Net()
            ends = []
            for name, kernels in (("a", (1, 3)), ("b", (1, 5)), ("c", (kernel, 7)), ("d", (1, 3))):
                first = net.conv(f"{name}1", net.data, 16, kernel=kernels[0])
                ends.append(net.relu(f"{name}_relu", net.conv(f"{name}2", first, 16, kernel=kernels[1])))
            net.op("Concat", "join", *ends, shape=(1, 64, 8, 8))
            return net.counted()

        found = difference(model(1), renamed(model(2)))
        assert [(each.old_name, each.summary) for each in found.changes] == [("c1", "kernel (1, 1) -> (2, 2)")]


def with_nodes(counted, nodes):
    return counted._replace(graph=Graph(tuple(nodes), counted.graph.heads))


OPERATORS = [index for index, node in enumerate(RESNET.graph.nodes) if not node.is_variable]


class TestEverySingleEdit:
    """Of each operator of a residual network in turn, under new names. What follows from it is only reshaped."""

    def others(self, new):
        changes = difference(RESNET, renamed(new)).changes
        return [(each.kind.value, each.old_name) for each in changes if each.kind is not ChangeKind.RESHAPED]

    @pytest.mark.parametrize("index", OPERATORS, ids=lambda index: RESNET.graph.nodes[index].name)
    def test_is_told_as_what_it_is(self, index):
        nodes = list(RESNET.graph.nodes)
        node = nodes[index]
        nodes[index] = Node(node.op, node.name, {**node.attrs, "new": "1"}, node.inputs)
        assert self.others(with_nodes(RESNET, nodes)) == [("changed", node.name)]
        nodes[index] = Node("another", node.name, {}, node.inputs)
        assert self.others(with_nodes(RESNET, nodes)) == [("changed", node.name)]
        assert self.others(self.inserted_behind(index)) == [("added", None)]

    def inserted_behind(self, index):
        """With an operator behind the node that everything reads that has read the node."""

        def moved(entry):
            return (entry[0] + (entry[0] >= index), entry[1])

        nodes = [
            Node(node.op, node.name, node.attrs, tuple(map(moved, node.inputs)) if place > index else node.inputs)
            for place, node in enumerate(RESNET.graph.nodes)
        ]
        nodes.insert(index + 1, Node("tanh", "inserted", {}, ((index, 0),)))
        shapes = [*RESNET.shapes[: index + 1], *RESNET.shapes[index:]]
        costs = {place + (place > index): costs for place, costs in RESNET.costs.items()}
        return Counted(Graph(tuple(nodes), tuple(map(moved, RESNET.graph.heads))), shapes, costs, RESNET.total)


class TestSharedWeights:
    def siamese(self, shared, swap=False, **channels):
        """Two convolutions of the same input, of one weight or of two; the first to come has the parameters."""
        net = Net()
        weight = net.variable("weight", (16, 3, 3, 3))
        first = net.conv("first", net.data, 16, weight=weight)
        second = net.conv("second", net.data, 16, weight=weight if shared else net.variable("other", (16, 3, 3, 3)))
        net.costs[(second if swap else first)[0]] = Costs(27_648, 55_296, 432)
        if not shared:
            net.costs[second[0]] = Costs(27_648, 55_296, 432)
        net.op("Concat", "join", first, second, shape=(1, 32, 8, 8))
        return net.counted()

    def test_the_same_sharing_is_no_change(self):
        assert told(self.siamese(True), renamed(self.siamese(True))) == []

    def test_a_weight_of_its_own_is_a_change_that_grows(self):
        (change,) = difference(self.siamese(True), self.siamese(False)).changes
        assert (change.kind.value, change.name, change.summary) == ("rewired", "second", "input 2 weight -> other")
        assert change.growth("params") == 432

    def test_which_layer_has_the_shared_parameters_is_no_change(self):
        assert told(self.siamese(True), self.siamese(True, swap=True)) == []


class TestSeveralChanges:
    def test_a_stage_widened_and_a_block_inserted_under_a_new_prefix(self):
        new = resnet((16, 2), (32, 3), (96, 2), (128, 2), prefix="x_")
        for model in (new, reordered(new, 1)):
            found = kinds(RESNET, model)
            assert sorted(found["added"]) == sorted(f"x_stage2_block3{part}" for part in BLOCK)
            assert sorted(found["changed"]) == [
                *("x_stage3_block1_a_conv", "x_stage3_block1_b_conv", "x_stage3_block1_down_conv"),
                *("x_stage3_block2_a_conv", "x_stage3_block2_b_conv"),
            ]
            assert "removed" not in found
            assert all(name.startswith(("x_stage3", "x_stage4_block1")) for name in found["reshaped"])

    def test_the_same_backwards(self):
        new = resnet((16, 2), (32, 3), (96, 2), (128, 2))
        found = kinds(new, renamed(RESNET))
        assert sorted(found["removed"]) == sorted(f"stage2_block3{part}" for part in BLOCK)
        assert len(found["changed"]) == 5
        assert "added" not in found

    def test_names_decide_nothing_that_structure_tells(self):
        """A new layer in front takes the name of the first, which moves on."""
        old = chain(("a", 16), ("b", 32), ("c", 64))
        new = chain(("a", 8), ("b", 16), ("c", 32), ("d", 64))
        assert kinds(old, new) == {"added": ["a_conv", "a_bn", "a_relu"], "reshaped": ["b_conv"]}

    def test_every_width_doubled_is_no_removal(self):
        new = resnet((32, 2), (64, 2), (128, 2), (256, 2))
        assert set(kinds(RESNET, renamed(new))) == {"changed", "reshaped"}

    def test_changes_in_branches_that_also_change_places(self):
        def model(channels, *order):
            net = Net()
            branches = [
                net.unit("a2", net.unit("a1", net.data, 16), 24),
                net.unit("b2", net.unit("b1", net.data, channels), 40),
                net.unit("c2", net.unit("c1", net.data, 64), 56),
            ]
            joined = net.op("Concat", "join", *(branches[index] for index in order), shape=(1, 120, 8, 8))
            net.unit("end", joined, 16)
            return net.counted()

        found = told(model(32, 0, 1, 2), model(48, 2, 1, 0))
        assert ("changed", "b1_conv", "num_filter 32 -> 48") in found
        assert {kind for kind, _, _ in found} == {"changed", "reshaped", "rewired"}
        assert [name for kind, name, _ in found if kind == "rewired"] == ["join"]

    @pytest.mark.parametrize("seed", range(30))
    def test_growth_is_divided_among_the_changes_without_rest(self, seed):
        """Whatever is made of two models that have nothing in common."""
        chance = random.Random(seed)

        def model():
            net = Net()
            ends = [net.data]
            for index in range(chance.randrange(1, 40)):
                source = chance.choice(ends)
                ends.append(
                    chance.choice(
                        [
                            lambda n, s: net.conv(n, s, chance.choice([8, 16, 24])),
                            net.norm,
                            net.relu,
                            lambda n, s: net.op("elemwise_add", n, s, s),
                        ]
                    )(f"l{index}", source)
                )
            return net.counted()

        old, new = renamed(model(), 1), renamed(model(), 2)
        for pair in ((old, new), (new, old), (old, reordered(new, seed))):
            found = difference(*pair)
            for metric in ("macs", "flops", "params"):
                assert sum(change.growth(metric) for change in found.changes) == found.growth(metric)
        assert difference(old, reordered(renamed(old, seed), seed)).changes == ()


@pytest.mark.slow
class TestLargeGraphs:
    """Were these quadratic, they would not end."""

    def test_one_insertion_into_a_chain_of_ten_thousand_nodes(self):
        units = [(f"u{index}", 16) for index in range(1_250)]
        old = chain(*units)
        assert len(old.graph.nodes) == 10_004
        new = chain(*units[:600], ("new", 24), *units[600:])
        assert kinds(old, new) == {"added": ["new_conv", "new_bn", "new_relu"], "reshaped": ["u600_conv"]}

    def test_changes_at_both_ends_and_in_between(self):
        units = [(f"u{index}", 16) for index in range(1_250)]
        old = chain(("first", 8), *units, ("last", 8))
        new = chain(("first", 9), *units[:600], ("new", 24), *units[600:], ("last", 7))
        found = kinds(old, renamed(new))
        assert (len(found["changed"]), len(found["added"]), "removed" in found) == (2, 3, False)

    def test_a_change_everywhere(self):
        old = chain(*((f"u{index}", 16) for index in range(1_250)))
        new = chain(*((f"u{index}", 24) for index in range(1_250)))
        assert {kind: len(names) for kind, names in kinds(old, new).items()} == {"changed": 1_250, "reshaped": 2_502}

    def test_a_node_that_ten_thousand_read(self):
        def model(width):
            net = Net()
            hub = net.conv("hub", net.data, width)
            return net.counted(*[net.relu(f"r{index}", hub) for index in range(10_000)])

        assert len(difference(model(16), renamed(model(24))).changes) == 10_001


def change(name, macs, params=0, op="Convolution"):
    return Change(ChangeKind.ADDED, name, op, (), Costs(), Costs(macs, 2 * macs, params))


class TestExplanation:
    def of(self, *growths, percent=90, limit=10):
        changes = tuple(change(f"l{index}", growth) for index, growth in enumerate(growths))
        found = Difference(changes, Costs(), Costs(macs=sum(growths)))
        return [each.growth("macs") for each in found.explanation("macs", percent=percent, limit=limit)]

    def test_the_largest_come_first_until_nine_tenths_are_explained(self):
        assert self.of(5, 60, 30, 5) == [60, 30]
        assert self.of(6, 60, 29, 5) == [60, 29, 6]

    def test_what_shrank_is_no_reason_to_grow(self):
        """All that grew is 100, whatever the sum."""
        assert self.of(-80, 60, 30, 10) == [60, 30]

    def test_no_more_than_the_limit(self):
        assert self.of(*range(1, 101), limit=3) == [100, 99, 98]

    def test_a_model_that_did_not_grow_has_no_explanation(self):
        assert self.of(-5, 0) == []

    def test_where_nothing_grows_there_are_no_shares(self):
        found = Difference((change("a", 5),), Costs(), Costs(params=3))
        assert (found.share(found.changes[0], "macs"), found.share(found.changes[0], "params")) == (None, 0)


class TestCosts:
    """A baseline's layers, which it lists without those that cost nothing, and the graph beside it."""

    def record(self, *layers):
        costs = [LayerCost(name, op, ((1,),), OpCost(macs=macs), Params(trainable=1)) for name, op, macs in layers]
        return Baseline.of(CostReport(tuple(costs), Params(trainable=9), {}), {})

    def counted(self, *layers, nodes):
        graph = Graph((Node("null", "data", {}, ()), *nodes), ((len(nodes), 0),))
        return Counted.of(graph, [((1,),)] * len(graph.nodes), self.record(*layers))

    def test_each_record_belongs_to_the_node_of_its_name_and_type(self):
        nodes = [Node("op", "a", {}, ((0, 0),)), Node("free", "b", {}, ((1, 0),)), Node("op", "a", {}, ((2, 0),))]
        model = self.counted(("a", "op", 5), ("a", "op", 7), nodes=nodes)
        assert model.costs == {1: Costs(5, 10, 1), 3: Costs(7, 14, 1)}
        assert model.total == Costs(12, 24, 9)

    def test_what_runs_inside_a_node_is_its_own(self):
        inner = Graph((Node("null", "x", {}, ()), Node("op", "y", {}, ((0, 0),))), ((1, 0),))
        nodes = [Node("_foreach", "loop", {}, ((0, 0),), 1, (inner,)), Node("op", "loop/end", {}, ((1, 0),))]
        model = self.counted(("loop/y", "op", 5), ("loop/z", "op", 7), nodes=nodes)
        assert model.costs == {1: Costs(12, 24, 2)}

    def test_a_graph_that_lacks_a_layer_is_another_models(self):
        with pytest.raises(BaselineError, match=r"^the baseline's graph has no op 'b', whose costs it has$"):
            self.counted(("a", "op", 5), ("b", "op", 7), nodes=[Node("op", "a", {}, ((0, 0),))])


class TestSubgraphs:
    def loop(self, *ops, name="body"):
        nodes = [Node("null", "state", {}, ())]
        for index, op in enumerate(ops):
            nodes.append(Node(op, f"{name}{index}", {}, ((index, 0),)))
        net = Net()
        net.op("_foreach", "loop", net.data)
        net.nodes[-1] = Node("_foreach", "loop", {}, (net.data,), 1, (Graph(tuple(nodes), ((len(ops), 0),)),))
        return net.counted()

    def test_names_inside_do_not_count(self):
        assert told(self.loop("a", "b"), self.loop("a", "b", name="other")) == []

    def test_what_is_inside_does(self):
        assert told(self.loop("a", "b"), self.loop("a", "b", "c")) == [
            ("changed", "loop", "nodes in its subgraphs 3 -> 4")
        ]
        assert told(self.loop("a", "b"), self.loop("a", "c")) == [("changed", "loop", "body1 operator b -> c")]

    def test_where_much_of_it_has_changed_it_is_not_listed(self):
        assert told(self.loop(*"abcde"), self.loop(*"fghij")) == [
            ("changed", "loop", "its subgraphs as they were -> others")
        ]
