"""Every family of operators on shapes small enough to count by hand."""

import pytest

import pytest_mxperf.cost.formulas  # noqa: F401  registers every rule
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import OpCost
from pytest_mxperf.errors import GraphError


def cost(op, inputs, output, **attrs):
    rule = rule_for(op)
    assert rule is not None, f"{op} has no rule"
    attrs = {name: str(value) for name, value in attrs.items()}
    return rule.formula(Call(op, attrs, tuple(inputs), (output,)))


class TestConvolution:
    @pytest.mark.parametrize(
        ("data", "weight", "output", "macs"),
        [
            # 4 filters of 3x3x3 = 27 taps on 8x8 positions: 4 * 64 * 27.
            pytest.param((1, 3, 8, 8), (4, 3, 3, 3), (1, 4, 8, 8), 6_912, id="padded 3x3"),
            # The first layer of ResNet-18: 64 * 112 * 112 * (3 * 7 * 7), as torchvision and fvcore count it.
            pytest.param((1, 3, 224, 224), (64, 3, 7, 7), (1, 64, 112, 112), 118_013_952, id="stride 2"),
            # 16 -> 32 channels in 4 groups: each filter sees 4 channels, 4 * 9 = 36 taps on 32 * 36 outputs.
            pytest.param((1, 16, 8, 8), (32, 4, 3, 3), (1, 32, 6, 6), 41_472, id="4 groups"),
            # Depthwise: one channel of 9 taps per filter, 8 * 25 outputs.
            pytest.param((1, 8, 5, 5), (8, 1, 3, 3), (1, 8, 5, 5), 1_800, id="depthwise"),
            # Dilated by 2, 3x3 spans 5x5 but multiplies 9 taps: 2 channels -> 18 taps on 3 * 16 outputs.
            pytest.param((1, 2, 8, 8), (3, 2, 3, 3), (1, 3, 4, 4), 864, id="dilation 2"),
            # 1x1: 64 taps on 256 * 7 * 7 outputs.
            pytest.param((1, 64, 7, 7), (256, 64, 1, 1), (1, 256, 7, 7), 802_816, id="1x1"),
            # A batch of 5 is five times the first case.
            pytest.param((5, 3, 8, 8), (4, 3, 3, 3), (5, 4, 8, 8), 34_560, id="batch of 5"),
            # 1-D: 4 channels * 5 taps on 6 * 10 outputs.
            pytest.param((1, 4, 14), (6, 4, 5), (1, 6, 10), 1_200, id="1-D"),
            # 3-D: 2 channels * 27 taps on 4 * 2 * 3 * 3 outputs.
            pytest.param((1, 2, 4, 5, 5), (4, 2, 3, 3, 3), (1, 4, 2, 3, 3), 3_888, id="3-D"),
            # NHWC keeps the filters first, (F, kh, kw, C/g): the padded 3x3 again.
            pytest.param((1, 8, 8, 3), (4, 3, 3, 3), (1, 8, 8, 4), 6_912, id="NHWC"),
            # NHWC with a kernel of 1x5 on 6 channels in 2 groups: 5 * 3 taps on 4 * 2 * 8 outputs.
            pytest.param((1, 4, 6, 6), (8, 1, 5, 3), (1, 4, 2, 8), 960, id="NHWC 1x5 in 2 groups"),
        ],
    )
    def test_macs_are_outputs_times_taps(self, data, weight, output, macs):
        assert cost("Convolution", [data, weight], output) == OpCost(macs=macs)

    def test_a_bias_is_one_addition_per_output(self):
        """6,912 MACs as above, and 4 * 8 * 8 additions."""
        assert cost("Convolution", [(1, 3, 8, 8), (4, 3, 3, 3), (4,)], (1, 4, 8, 8)) == OpCost(macs=6_912, bias=256)

    def test_the_old_operator_counts_alike(self):
        assert cost("Convolution_v1", [(1, 3, 8, 8), (4, 3, 3, 3)], (1, 4, 8, 8)) == OpCost(macs=6_912)


class TestDeconvolution:
    @pytest.mark.parametrize(
        ("data", "weight", "output", "macs"),
        [
            # 4 channels of 3x3 inputs, each scattered through 2 * 4 * 4 taps: 36 * 32.
            pytest.param((1, 4, 3, 3), (4, 2, 4, 4), (1, 2, 6, 6), 1_152, id="stride 2"),
            # adj adds a row and a column that no input reaches: the same work.
            pytest.param((1, 4, 3, 3), (4, 2, 4, 4), (1, 2, 7, 7), 1_152, id="with adj"),
            # Bilinear upsampling: 4 groups of one channel, 4 * 9 inputs * 16 taps.
            pytest.param((1, 4, 3, 3), (4, 1, 4, 4), (1, 4, 6, 6), 576, id="4 groups"),
            # 1-D: 3 * 5 inputs * (2 * 2) taps.
            pytest.param((1, 3, 5), (3, 2, 2), (1, 2, 10), 60, id="1-D"),
        ],
    )
    def test_macs_are_inputs_times_taps(self, data, weight, output, macs):
        assert cost("Deconvolution", [data, weight], output) == OpCost(macs=macs)

    def test_a_bias_is_one_addition_per_output(self):
        """1,152 MACs as above, and 2 * 6 * 6 additions."""
        assert cost("Deconvolution", [(1, 4, 3, 3), (4, 2, 4, 4), (2,)], (1, 2, 6, 6)) == OpCost(macs=1_152, bias=72)


class TestFullyConnected:
    @pytest.mark.parametrize(
        ("data", "weight", "output", "macs"),
        [
            # The last layer of ResNet-18: 512 * 1000.
            pytest.param((1, 512), (1000, 512), (1, 1000), 512_000, id="matrix"),
            pytest.param((8, 512), (1000, 512), (8, 1000), 4_096_000, id="batch of 8"),
            # Flattened, each row has 16 * 2 * 2 = 64 numbers: 2 rows * 10 outputs * 64.
            pytest.param((2, 16, 2, 2), (10, 64), (2, 10), 1_280, id="flattening"),
            # flatten=False applies the 4 -> 3 product to each of 2 * 5 rows: 10 * 3 * 4.
            pytest.param((2, 5, 4), (3, 4), (2, 5, 3), 120, id="flatten=False"),
        ],
    )
    def test_macs_are_outputs_times_the_length_of_a_row(self, data, weight, output, macs):
        assert cost("FullyConnected", [data, weight], output) == OpCost(macs=macs)

    def test_a_bias_is_one_addition_per_output(self):
        """2 * 5 rows of 3 outputs."""
        inputs = [(2, 5, 4), (3, 4), (3,)]
        assert cost("FullyConnected", inputs, (2, 5, 3), flatten=False) == OpCost(macs=120, bias=30)


class TestPooling:
    @pytest.mark.parametrize(
        ("kind", "flops"),
        [
            ("max", 96),  # 8 comparisons
            ("sum", 96),  # 8 additions
            ("avg", 108),  # 8 additions and a division
            ("lp", 216),  # 9 powers, 8 additions and a root
        ],
    )
    @pytest.mark.parametrize("op", ["Pooling", "Pooling_v1"])
    def test_a_window_of_9_on_12_outputs(self, op, kind, flops):
        measured = cost(op, [(1, 3, 5, 5)], (1, 3, 2, 2), kernel="(3, 3)", stride="(2, 2)", pool_type=kind)
        assert measured == OpCost(pooling=flops)

    def test_the_kind_is_max_where_none_is_given(self):
        """3 comparisons on 4 outputs."""
        assert cost("Pooling", [(1, 1, 4, 4)], (1, 1, 2, 2), kernel="(2, 2)") == OpCost(pooling=12)

    @pytest.mark.parametrize(
        ("data", "output", "kernel", "flops"),
        [
            ((1, 4, 10), (1, 4, 5), "(2,)", 40),  # 20 outputs of 2
            ((1, 2, 4, 4, 4), (1, 2, 2, 2, 2), "(2, 2, 2)", 128),  # 16 outputs of 8
        ],
        ids=["1-D", "3-D"],
    )
    def test_other_dimensions(self, data, output, kernel, flops):
        assert cost("Pooling", [data], output, kernel=kernel, pool_type="avg") == OpCost(pooling=flops)

    @pytest.mark.parametrize(
        ("data", "output"),
        [((2, 512, 7, 7), (2, 512, 1, 1)), ((2, 7, 7, 512), (2, 1, 1, 512))],
        ids=["NCHW", "NHWC"],
    )
    @pytest.mark.parametrize(("kind", "flops"), [("avg", 50_176), ("max", 49_152)])
    def test_global_pooling_takes_everything_whatever_the_kernel_says(self, data, output, kind, flops):
        """1,024 outputs of 49 elements: 1024 * 49 for the average, 1024 * 48 for the maximum."""
        measured = cost("Pooling", [data], output, kernel="(2, 2)", global_pool=True, pool_type=kind)
        assert measured == OpCost(pooling=flops)

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(GraphError, match=r"^Pooling: unknown pool_type 'median'$"):
            cost("Pooling", [(1, 1, 4, 4)], (1, 1, 2, 2), kernel="(2, 2)", pool_type="median")


class TestNormalization:
    @pytest.mark.parametrize("op", ["BatchNorm", "BatchNorm_v1"])
    def test_batch_norm_is_a_scale_and_a_shift(self, op):
        """2 * (2 * 8 * 4 * 4)."""
        assert cost(op, [(2, 8, 4, 4), (8,), (8,), (8,), (8,)], (2, 8, 4, 4)) == OpCost(normalization=512)

    def test_local_response_norm(self):
        """32 elements; over 5 channels each takes a square, 4 additions, *alpha/n, +knorm, **-beta and x*: 9."""
        assert cost("LRN", [(1, 8, 2, 2)], (1, 8, 2, 2), nsize=5) == OpCost(normalization=288)
        assert cost("LRN", [(1, 8, 2, 2)], (1, 8, 2, 2), nsize=3) == OpCost(normalization=224)

    @pytest.mark.parametrize(
        ("mode", "flops"),
        [
            # A group of n takes n squares, n - 1 additions, one for eps, a root and n divisions: 3n + 1.
            ("instance", 146),  # 2 groups of 24: 2 * 73
            ("channel", 152),  # 2 * 4 positions of 6: 8 * 19
            ("spatial", 156),  # 2 * 6 maps of 4: 12 * 13
        ],
    )
    def test_l2_normalization(self, mode, flops):
        assert cost("L2Normalization", [(2, 6, 2, 2)], (2, 6, 2, 2), mode=mode) == OpCost(normalization=flops)

    def test_l2_normalization_is_by_instance_where_no_mode_is_given(self):
        assert cost("L2Normalization", [(2, 6, 2, 2)], (2, 6, 2, 2)) == OpCost(normalization=146)


class TestSoftmax:
    """A row of n takes n - 1 comparisons, n subtractions, n exponentials, n - 1 additions, n divisions: 5n - 2."""

    @pytest.mark.parametrize(
        ("axis", "flops"),
        [
            ({}, 108),  # 6 rows of 4: 6 * 18
            ({"axis": -1}, 108),
            ({"axis": 2}, 108),
            ({"axis": 1}, 104),  # 8 rows of 3: 8 * 13
            ({"axis": -3}, 96),  # 12 rows of 2: 12 * 8
        ],
        ids=str,
    )
    def test_softmax_along_an_axis(self, axis, flops):
        assert cost("softmax", [(2, 3, 4)], (2, 3, 4), **axis) == OpCost(softmax=flops)

    @pytest.mark.parametrize(("axis", "flops"), [(2, 114), (1, 112), (0, 108)])
    def test_its_logarithm_takes_one_more_per_row(self, axis, flops):
        """It subtracts the logarithm of the sum where softmax divides, 5n - 1: 6 * 19, 8 * 14, 12 * 9."""
        assert cost("log_softmax", [(2, 3, 4)], (2, 3, 4), axis=axis) == OpCost(softmax=flops)

    @pytest.mark.parametrize(("axis", "flops"), [(2, 132), (1, 128), (0, 120)])
    def test_softmin_negates_first(self, axis, flops):
        """6n - 2: 6 * 22, 8 * 16, 12 * 10."""
        assert cost("softmin", [(2, 3, 4)], (2, 3, 4), axis=axis) == OpCost(softmax=flops)

    def test_an_axis_that_does_not_exist_is_refused(self):
        with pytest.raises(GraphError, match=r"^softmax: axis=3 does not exist in shape \(2, 3, 4\)$"):
            cost("softmax", [(2, 3, 4)], (2, 3, 4), axis=3)

    @pytest.mark.parametrize(
        ("attrs", "flops"),
        [
            ({}, 236),  # 2 samples of 24: 2 * 118
            ({"multi_output": True}, 224),  # 8 positions of 6 channels: 8 * 28
            ({"preserve_shape": True}, 192),  # 24 rows of 2: 24 * 8
            ({"multi_output": "1"}, 224),
            ({"multi_output": False, "preserve_shape": "false"}, 236),
        ],
        ids=str,
    )
    def test_softmax_output(self, attrs, flops):
        assert cost("SoftmaxOutput", [(2, 6, 2, 2), (2,)], (2, 6, 2, 2), **attrs) == OpCost(softmax=flops)

    @pytest.mark.parametrize(("attrs", "flops"), [({}, 192), ({"mode": "instance"}, 192), ({"mode": "channel"}, 224)])
    def test_softmax_activation_runs_along_the_last_axis_or_the_channels(self, attrs, flops):
        """MXNet's ``instance`` folds all axes but the last: 24 rows of 2, 24 * 8; by channel 8 rows of 6, 8 * 28."""
        assert cost("SoftmaxActivation", [(2, 6, 2, 2)], (2, 6, 2, 2), **attrs) == OpCost(softmax=flops)


@pytest.mark.parametrize("op", ["Activation", "LeakyReLU", "relu", "sigmoid", "clip"])
def test_an_activation_is_one_flop_per_element(op):
    assert cost(op, [(2, 3, 4)], (2, 3, 4)) == OpCost(activation=24)


class TestElementwise:
    @pytest.mark.parametrize(
        "op", ["elemwise_add", "broadcast_mul", "_plus_scalar", "_greater_scalar", "broadcast_equal", "exp", "square"]
    )
    def test_one_flop_per_output(self, op):
        assert cost(op, [(2, 3, 4)], (2, 3, 4)) == OpCost(elementwise=24)

    def test_broadcasting_counts_what_comes_out(self):
        assert cost("broadcast_add", [(2, 1), (1, 5)], (2, 5)) == OpCost(elementwise=10)

    @pytest.mark.parametrize(("count", "flops"), [(1, 0), (2, 6), (4, 18)])
    def test_the_sum_of_n_tensors_takes_one_addition_less(self, count, flops):
        assert cost("add_n", [(2, 3)] * count, (2, 3), num_args=count) == OpCost(elementwise=flops)


class TestReduction:
    @pytest.mark.parametrize("op", ["sum", "max", "min", "prod", "argmax"])
    @pytest.mark.parametrize(("output", "flops"), [((2, 3), 18), ((2, 3, 1), 18), ((1,), 23), ((), 23)])
    def test_n_elements_into_one_take_one_step_less(self, op, output, flops):
        """24 elements: into 6 sums of 4, 6 * 3; into one, 23."""
        assert cost(op, [(2, 3, 4)], output) == OpCost(reduction=flops)

    @pytest.mark.parametrize("output", [(2, 3), (1,), ()])
    def test_a_mean_divides_once_more(self, output):
        """Into 6 means of 4: 6 * (3 + 1); into one, 23 + 1."""
        assert cost("mean", [(2, 3, 4)], output) == OpCost(reduction=24)


class TestFree:
    @pytest.mark.parametrize(
        "op",
        [
            *("Reshape", "Flatten", "transpose", "Concat", "SliceChannel", "slice", "Pad"),  # move data
            *("Embedding", "take", "one_hot"),  # look values up
            *("Cast", "amp_cast"),
            *("_zeros", "ones_like"),
            *("BlockGrad", "LinearRegressionOutput"),  # matter to training only
        ],
    )
    def test_an_operator_that_computes_nothing_costs_nothing_and_says_why(self, op):
        assert cost(op, [(2, 3, 4)], (2, 3, 4)) == OpCost()
        assert rule_for(op).free_because

    def test_dropout_costs_nothing_at_inference(self):
        assert cost("Dropout", [(2, 3, 4)], (2, 3, 4), p="0.5") == OpCost()

    @pytest.mark.parametrize("op", ["Convolution", "FullyConnected", "softmax", "elemwise_add", "mean", "clip"])
    def test_what_computes_is_not_free(self, op):
        assert rule_for(op).free_because is None


@pytest.mark.parametrize("op", ["null", "", "convolution", "NoSuchOperator"])
def test_what_no_formula_names_has_no_rule(op):
    assert rule_for(op) is None
