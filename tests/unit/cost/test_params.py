"""Which variables are parameters, and of which kind."""

import pytest

from pytest_mxperf.cost.params import Role, assign_roles, count_params
from pytest_mxperf.cost.result import Params
from pytest_mxperf.graph import Graph, Node


def variable(name, **attrs):
    return Node(op="null", name=name, attrs=attrs, inputs=())


def operator(op, name, *inputs, **attrs):
    """``inputs`` are indices of nodes whose first output is read."""
    return Node(op=op, name=name, attrs=attrs, inputs=tuple((index, 0) for index in inputs))


def graph(*nodes, heads=None):
    return Graph(nodes, tuple((index, 0) for index in heads or [len(nodes) - 1]))


def roles_by_name(net, *, inputs=("data",), auxiliary=(), **options):
    roles = assign_roles(net, inputs=inputs, auxiliary=auxiliary, **options)
    return {net.nodes[index].name: role for index, role in roles.items()}


class TestRoles:
    def test_only_variables_have_roles(self):
        net = graph(variable("data"), variable("w"), operator("FullyConnected", "fc", 0, 1))
        assert assign_roles(net, inputs=["data"], auxiliary=[]) == {0: Role.INPUT, 1: Role.TRAINABLE}

    def test_names_tell_nothing(self):
        net = graph(variable("data_label"), variable("moving_mean"), operator("FullyConnected", "fc", 0, 1))
        assert roles_by_name(net, inputs=["data_label"]) == {
            "data_label": Role.INPUT,
            "moving_mean": Role.TRAINABLE,
        }

    def test_auxiliary_states_are_those_that_mxnet_lists(self):
        net = graph(
            variable("data"), variable("g"), variable("b"), variable("m"), operator("BatchNorm", "bn", 0, 1, 2, 3)
        )
        assert roles_by_name(net, auxiliary=["m"])["m"] is Role.AUXILIARY

    @pytest.mark.parametrize(
        ("attrs", "role"),
        [
            ({}, Role.FROZEN),  # MXNet's default is fix_gamma=True
            ({"fix_gamma": "True"}, Role.FROZEN),
            ({"fix_gamma": "1"}, Role.FROZEN),
            ({"fix_gamma": "true"}, Role.FROZEN),
            ({"fix_gamma": "False"}, Role.TRAINABLE),
            ({"fix_gamma": "0"}, Role.TRAINABLE),
        ],
    )
    def test_gamma_trains_only_where_it_is_not_fixed(self, attrs, role):
        net = graph(variable("data"), variable("g"), variable("b"), operator("BatchNorm", "bn", 0, 1, 2, **attrs))
        assert roles_by_name(net) == {"data": Role.INPUT, "g": role, "b": Role.TRAINABLE}

    @pytest.mark.parametrize("op", ["BatchNorm", "_contrib_SyncBatchNorm", "_contrib_quantized_batch_norm"])
    def test_a_batch_norm_keeps_statistics_and_fixes_its_gamma(self, op):
        """Also inside of a loop, where MXNet does not list the statistics."""
        net = graph(*map(variable, ("data", "g", "b", "m", "v", "low", "high")), operator(op, "bn", *range(5)))
        roles = list(roles_by_name(net).values())[:5]
        assert roles == [Role.INPUT, Role.FROZEN, Role.TRAINABLE, Role.AUXILIARY, Role.AUXILIARY]

    def test_a_gamma_may_be_cast_before_it_is_fixed(self):
        net = graph(
            *(variable("data"), variable("g"), variable("b")),
            operator("amp_cast", "cast", 1, dtype="float32"),
            operator("BatchNorm", "bn", 0, 3, 2),
        )
        assert roles_by_name(net)["g"] is Role.FROZEN

    @pytest.mark.parametrize(
        ("op", "tensors", "ranges"),
        [
            *((f"_contrib_{name}", 1, 2) for name in ("quantize", "dequantize", "requantize")),
            *((f"_contrib_quantized_{name}", 1, 2) for name in ("act", "flatten", "pooling")),
            *((f"_contrib_quantized_{name}", 2, 4) for name in ("conv", "fully_connected")),
            *((f"_contrib_quantized_{name}", 3, 6) for name in ("conv", "fully_connected", "concat")),  # with a bias
            *((f"_contrib_quantized_{name}", 2, 4) for name in ("elemwise_add", "elemwise_mul")),
            ("_contrib_quantized_embedding", 2, 2),
        ],
    )
    def test_ranges_of_quantized_tensors_are_found_by_calibration(self, op, tensors, ranges):
        weights = [f"w{index}" for index in range(1, tensors)]
        limits = [f"r{index}" for index in range(ranges)]
        net = graph(
            variable("data"),
            *map(variable, [*weights, *limits]),
            operator(op, "quantized", *range(tensors + ranges)),
        )
        roles = roles_by_name(net)
        assert {name for name, role in roles.items() if role is Role.FROZEN} == set(limits)
        assert {roles[name] for name in weights} <= {Role.TRAINABLE}

    def test_ranges_of_a_quantized_batch_norm_are_behind_its_parameters(self):
        names = ("data", "g", "b", "m", "v", "low", "high")
        net = graph(*map(variable, names), operator("_contrib_quantized_batch_norm", "bn", *range(7), fix_gamma="0"))
        frozen = {name for name, role in roles_by_name(net).items() if role is Role.FROZEN}
        assert frozen == {"low", "high"}

    def test_a_quantized_lstm_has_begin_states_and_a_range(self):
        names = ("data", "p", "h0", "c0", "low", "high")
        net = graph(*map(variable, names), operator("_contrib_quantized_rnn", "lstm", *range(6)))
        roles = [Role.INPUT, Role.TRAINABLE, Role.STATE, Role.STATE, Role.FROZEN, Role.FROZEN]
        assert roles_by_name(net) == dict(zip(names, roles))

    def test_what_a_fused_operator_reads_behind_what_its_graph_reads_are_ranges(self):
        inner = graph(variable("x"), variable("w"), operator("FullyConnected", "fc", 0, 1, no_bias="True"))
        fused = Node(
            "_sg_mkldnn_fully_connected", "fc", {}, tuple((index, 0) for index in (0, 1, 0, 0, 2, 3)), 3, (inner,)
        )
        net = graph(*map(variable, ("data", "w", "least", "greatest")), fused)
        frozen, trainable = Role.FROZEN, Role.TRAINABLE
        assert roles_by_name(net) == {"data": Role.INPUT, "w": trainable, "least": frozen, "greatest": frozen}

    def test_fix_gamma_of_another_operator_means_nothing(self):
        net = graph(variable("data"), variable("w"), operator("FullyConnected", "fc", 0, 1, fix_gamma="True"))
        assert roles_by_name(net)["w"] is Role.TRAINABLE

    @pytest.mark.parametrize(
        "attrs",
        [
            {"__init__": "Constant_x_139872346234"},  # as gluon.Constant registers its initializer
            {"__lr_mult__": "0"},
            {"__lr_mult__": "0.0"},
            {"lr_mult": "0"},  # before 2017
        ],
    )
    def test_constants_and_variables_that_do_not_learn_are_frozen(self, attrs):
        net = graph(variable("data"), variable("anchors", **attrs), operator("broadcast_add", "shift", 0, 1))
        assert roles_by_name(net)["anchors"] is Role.FROZEN

    @pytest.mark.parametrize(
        "attrs",
        [
            {"__init__": '["constant", {"value": 0}]'},  # how it starts, not that it stays
            {"__init__": '["zero", {}]'},
            {"__lr_mult__": "0.1"},
            {"__lr_mult__": "2"},
            {"__lr_mult__": "unreadable"},
            {"__wd_mult__": "0"},
        ],
    )
    def test_an_initial_value_or_a_slow_learning_rate_does_not_freeze(self, attrs):
        net = graph(variable("data"), variable("w", **attrs), operator("broadcast_add", "shift", 0, 1))
        assert roles_by_name(net)["w"] is Role.TRAINABLE

    def test_a_gluon_net_knows_better_than_the_graph_what_is_frozen(self):
        """Both ways: w is frozen though the graph would train it, g trains though the graph would freeze it."""
        net = graph(
            variable("data"),
            variable("w"),
            operator("FullyConnected", "fc", 0, 1),
            variable("g"),
            variable("b"),
            operator("BatchNorm", "bn", 2, 3, 4),
        )
        roles = roles_by_name(net, frozen={"w"})
        assert (roles["w"], roles["g"], roles["b"]) == (Role.FROZEN, Role.TRAINABLE, Role.TRAINABLE)

    @pytest.mark.parametrize("loss", ["SoftmaxOutput", "LinearRegressionOutput", "SVMOutput", "CTCLoss"])
    def test_the_second_input_of_a_loss_is_its_label(self, loss):
        net = graph(variable("data"), variable("target"), operator(loss, "loss", 0, 1))
        assert roles_by_name(net) == {"data": Role.INPUT, "target": Role.LABEL}

    def test_the_first_input_of_a_loss_is_no_label(self):
        net = graph(variable("prediction"), variable("target"), operator("SoftmaxOutput", "loss", 0, 1))
        assert roles_by_name(net, inputs=["target"])["prediction"] is Role.TRAINABLE

    def test_a_label_may_pass_through_other_operators(self):
        net = graph(
            variable("data"),
            variable("target"),
            operator("Reshape", "flat", 1),
            operator("Cast", "whole", 2),
            operator("SoftmaxOutput", "loss", 0, 3),
        )
        assert roles_by_name(net)["target"] is Role.LABEL

    def test_a_label_may_serve_two_losses(self):
        net = graph(
            variable("data"),
            variable("target"),
            operator("SoftmaxOutput", "a", 0, 1),
            operator("SoftmaxOutput", "b", 0, 1),
            heads=[2, 3],
        )
        assert roles_by_name(net)["target"] is Role.LABEL

    def test_what_is_also_used_elsewhere_is_no_label(self):
        net = graph(
            variable("data"),
            variable("w"),
            operator("FullyConnected", "fc", 0, 1),
            operator("SoftmaxOutput", "loss", 2, 1),
        )
        assert roles_by_name(net)["w"] is Role.TRAINABLE

    def test_a_label_that_the_graph_also_puts_out_is_one(self):
        net = graph(variable("data"), variable("y"), operator("SoftmaxOutput", "loss", 0, 1), heads=[2, 1])
        assert roles_by_name(net)["y"] is Role.LABEL

    def test_what_the_weights_lack_is_no_parameter_unless_it_can_be_nothing_else(self):
        """An image's size that was not given, say; but a dense layer's weight is one though it is missing."""
        net = graph(
            variable("data"),
            variable("w"),
            operator("FullyConnected", "fc", 0, 1),
            variable("size"),
            operator("broadcast_mul", "scaled", 2, 3),
        )
        assert roles_by_name(net)["size"] is Role.TRAINABLE
        roles = roles_by_name(net, stored=[])
        assert (roles["w"], roles["size"]) == (Role.TRAINABLE, Role.INPUT)

    @pytest.mark.parametrize(
        ("op", "position"),
        [
            *(("_contrib_DeformableConvolution", 2), ("_contrib_ModulatedDeformableConvolution", 3)),
            *(("_contrib_SparseEmbedding", 1), ("_contrib_quantized_conv", 1), ("_contrib_quantized_rnn", 1)),
        ],
    )
    def test_the_weight_of_a_layer_is_a_parameter_even_if_it_is_missing(self, op, position):
        others = [variable(f"v{index}") for index in range(position)]
        net = graph(*others, variable("w"), operator(op, "layer", *range(position + 1), *[0] * 6))
        assert roles_by_name(net, inputs=["v0"], stored=[])["w"] is Role.TRAINABLE

    def test_the_range_behind_the_weight_of_a_quantized_layer_without_a_bias_is_none(self):
        names = ("data", "w", "low", "high", "least", "greatest")
        net = graph(*map(variable, names), operator("_contrib_quantized_conv", "conv", *range(6), no_bias="True"))
        assert [name for name, role in roles_by_name(net, stored=[]).items() if role is Role.TRAINABLE] == ["w"]

    @pytest.mark.parametrize("op", ["elemwise_mul", "elemwise_sub", "_maximum", "add_n"])
    @pytest.mark.parametrize("position", [0, 1])
    def test_what_has_the_shape_of_an_activation_is_an_input(self, op, position):
        """A mask, a target, the first cell state of an LSTM: MXNet infers its shape, batch included."""
        pair = (1, 3) if position else (3, 1)
        net = graph(variable("data"), operator("relu", "a", 0), variable("w"), variable("x"), operator(op, "op", *pair))
        assert roles_by_name(net)["x"] is Role.INPUT

    def test_it_may_pass_through_other_operators(self):
        """``mask * (data - weight * BlockGrad(target))``"""
        net = graph(
            *(variable("data"), variable("target"), variable("weight"), variable("mask")),
            operator("BlockGrad", "block", 1),
            operator("elemwise_mul", "weighted", 2, 4),
            operator("elemwise_sub", "error", 0, 5),
            operator("elemwise_mul", "masked", 3, 6),
        )
        assert set(roles_by_name(net).values()) == {Role.INPUT}

    @pytest.mark.parametrize("attrs", [{"__shape__": "(1, 8)"}, {"__init__": '["zero", {}]'}, {"__wd_mult__": "0"}])
    def test_a_declared_parameter_may_have_the_shape_of_an_activation(self, attrs):
        net = graph(variable("data"), variable("scale", **attrs), operator("elemwise_mul", "scaled", 0, 1))
        assert roles_by_name(net)["scale"] is Role.TRAINABLE

    def test_parameters_may_be_combined_before_they_meet_the_data(self):
        net = graph(
            *(variable("data"), variable("direction"), variable("length")),
            operator("elemwise_mul", "weight", 1, 2),
            operator("FullyConnected", "fc", 0, 3),
        )
        roles = roles_by_name(net)
        assert (roles["direction"], roles["length"]) == (Role.TRAINABLE, Role.TRAINABLE)

    def test_a_loops_first_state_has_the_shape_of_an_activation_inside(self):
        body = graph(variable("x"), variable("c"), operator("elemwise_add", "sum", 0, 1), heads=[2, 2])
        loop = Node(
            op="_foreach",
            name="loop",
            attrs={"in_data_locs": "(0,)", "in_state_locs": "(1,)", "remain_locs": "()"},
            inputs=((0, 0), (1, 0)),
            output_count=2,
            subgraphs=(body,),
        )
        assert roles_by_name(graph(variable("data"), variable("c0"), loop))["c0"] is Role.INPUT

    @pytest.mark.parametrize(
        ("op", "position"),
        [
            *(("SequenceMask", 1), ("softmax", 1), ("_contrib_RROIAlign", 1), ("_contrib_Proposal", 2), ("RNN", 4)),
            *(("Embedding", 0), ("_contrib_SparseEmbedding", 0), ("pick", 1), ("take", 1), ("gather_nd", 1)),
        ],
    )
    def test_lengths_and_sizes_and_indices_are_inputs(self, op, position):
        others = [variable(f"v{index}") for index in range(position)]
        net = graph(*others, variable("given"), operator(op, "op", *range(position + 1)))
        assert roles_by_name(net, inputs=["v0"])["given"] is Role.INPUT

    @pytest.mark.parametrize(("op", "position"), [("Embedding", 0), ("take", 1)])
    def test_indices_that_gluon_holds_constant_are_no_input(self, op, position):
        """As the positions of tokens are, or which bias belongs to which distance."""
        tables = [variable("table"), variable("places", __init__="Constant_places_139872346234")]
        net = graph(*tables[:: 1 if position else -1], operator(op, "op", 0, 1))
        assert roles_by_name(net, inputs=())["places"] is Role.FROZEN

    def test_begin_states_of_a_recurrent_operator_are_states(self):
        net = graph(
            variable("data"),
            variable("p"),
            variable("h0"),
            variable("c0"),
            operator("RNN", "lstm", 0, 1, 2, 3, mode="lstm"),
        )
        assert roles_by_name(net) == {
            "data": Role.INPUT,
            "p": Role.TRAINABLE,
            "h0": Role.STATE,
            "c0": Role.STATE,
        }

    def test_a_recurrent_operator_without_cell_state_has_one(self):
        net = graph(variable("data"), variable("p"), variable("h0"), operator("RNN", "gru", 0, 1, 2, mode="gru"))
        assert roles_by_name(net)["h0"] is Role.STATE

    def test_a_given_input_is_an_input_wherever_it_is_read(self):
        net = graph(variable("data"), variable("p"), variable("h0"), operator("RNN", "gru", 0, 1, 2))
        assert roles_by_name(net, inputs=["data", "h0"])["h0"] is Role.INPUT

    @pytest.mark.parametrize(
        ("op", "extra"), [("SoftmaxOutput", ()), ("RNN", ("p",))], ids=["at a label", "at a begin state"]
    )
    def test_what_the_weights_hold_is_a_parameter_even_where_a_label_or_state_is_read(self, op, extra):
        names = ("data", *extra, "learned")
        net = graph(*map(variable, names), operator(op, "last", *range(len(names))))
        assert roles_by_name(net)["learned"] in (Role.LABEL, Role.STATE)
        assert roles_by_name(net, stored=["learned"])["learned"] is Role.TRAINABLE

    def test_weights_that_hold_something_else_leave_labels_alone(self):
        net = graph(variable("data"), variable("target"), operator("SoftmaxOutput", "loss", 0, 1))
        assert roles_by_name(net, stored=["w"])["target"] is Role.LABEL


class TestCounting:
    def count(self, net, shapes, roles, dtypes=None):
        dtypes = dtypes or ["float32"] * len(shapes)
        return count_params(net, [(shape,) for shape in shapes], [(dtype,) for dtype in dtypes], roles)

    def test_a_dense_layer(self):
        """10x32 weights and 10 biases: 330 numbers of 4 bytes."""
        net = graph(variable("data"), variable("w"), variable("b"), operator("FullyConnected", "fc", 0, 1, 2))
        by_layer, total, _ = self.count(
            net,
            [(1, 32), (10, 32), (10,), (1, 10)],
            {0: Role.INPUT, 1: Role.TRAINABLE, 2: Role.TRAINABLE},
        )
        assert total == Params(trainable=330, bytes=1_320)
        assert by_layer == {3: total}

    def test_kinds_are_kept_apart(self):
        net = graph(
            variable("data"),
            variable("g"),
            variable("b"),
            variable("m"),
            variable("v"),
            operator("BatchNorm", "bn", 0, 1, 2, 3, 4),
        )
        _, total, by_dtype = self.count(
            net,
            [(1, 8), (8,), (8,), (8,), (8,), (1, 8)],
            {0: Role.INPUT, 1: Role.FROZEN, 2: Role.TRAINABLE, 3: Role.AUXILIARY, 4: Role.AUXILIARY},
        )
        assert total == Params(trainable=8, frozen=8, auxiliary=16, bytes=128)
        assert by_dtype == {"float32": 128}

    @pytest.mark.parametrize("role", [Role.INPUT, Role.LABEL, Role.STATE])
    def test_what_is_fed_is_no_parameter(self, role):
        net = graph(variable("x"), operator("relu", "r", 0))
        assert self.count(net, [(5,), (5,)], {0: role}) == ({}, Params(), {})

    @pytest.mark.parametrize(
        ("dtype", "size"),
        [
            ("float16", 2),
            ("float32", 4),
            ("float64", 8),
            ("int8", 1),
            ("uint8", 1),
            ("int32", 4),
            ("int64", 8),
            ("bool", 1),
        ],
    )
    def test_bytes_follow_the_dtype(self, dtype, size):
        net = graph(variable("w"), operator("relu", "r", 0))
        _, total, by_dtype = self.count(net, [(1,), (1,)], {0: Role.TRAINABLE}, [dtype, dtype])
        assert total.bytes == size
        assert by_dtype == {dtype: size}

    def test_a_shared_parameter_counts_once_at_its_first_layer(self):
        net = graph(
            variable("data"),
            variable("w"),
            operator("FullyConnected", "first", 0, 1),
            operator("FullyConnected", "second", 2, 1),
        )
        by_layer, total, _ = self.count(net, [(1, 6), (6, 6), (1, 6), (1, 6)], {0: Role.INPUT, 1: Role.TRAINABLE})
        assert total == Params(trainable=36, bytes=144)
        assert by_layer == {2: total}

    def test_two_variable_nodes_of_one_name_are_one_parameter(self):
        """MXNet binds by name."""
        net = graph(
            variable("data"),
            variable("w"),
            operator("FullyConnected", "first", 0, 1),
            variable("w"),
            operator("FullyConnected", "second", 2, 3),
        )
        by_layer, total, _ = self.count(
            net, [(1, 6), (6, 6), (1, 6), (6, 6), (1, 6)], {0: Role.INPUT, 1: Role.TRAINABLE, 3: Role.TRAINABLE}
        )
        assert total == Params(trainable=36, bytes=144)
        assert by_layer == {2: total}

    def test_a_variable_that_is_an_output_belongs_to_no_layer(self):
        net = graph(variable("w"), heads=[0])
        assert self.count(net, [(7,)], {0: Role.TRAINABLE}) == ({}, Params(trainable=7, bytes=28), {"float32": 28})

    def test_a_scalar_is_one_number(self):
        net = graph(variable("w"), operator("relu", "r", 0))
        assert self.count(net, [(), ()], {0: Role.TRAINABLE})[1] == Params(trainable=1, bytes=4)


def test_a_variable_with_a_batch_in_its_layout_is_a_begin_state():
    """The cells of mx.rnn mark theirs so, whatever reads them."""
    net = graph(variable("data"), variable("begin", __layout__="NC"), operator("elemwise_add", "add", 0, 1))
    assert roles_by_name(net)["begin"] is Role.STATE


def test_a_grad_req_of_null_freezes():
    net = graph(variable("data"), variable("weight", __grad_req__="null"), operator("dot", "dot", 0, 1))
    assert roles_by_name(net)["weight"] is Role.FROZEN
