"""What synthetic values bring about inside of a network: looked at, mended where that is possible, else named."""

import numpy as np
import pytest

from pytest_mxperf.errors import ModelError
from pytest_mxperf.mx.activations import look_into
from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.figures import Figures
from pytest_mxperf.mx.model import open_model
from pytest_mxperf.mx.pair import Pair, Side
from pytest_mxperf.mx.synthetic import SyntheticValues
from pytest_mxperf.spec import ModelSpec


@pytest.fixture
def mx():
    import mxnet

    with mxnet.name.NameManager():
        yield mxnet


def side_of(symbol, **inputs):
    return Side(analyse(open_model(ModelSpec.parse(symbol, inputs, name="net"))))


def looked_into(symbol, **inputs):
    side = side_of(symbol, **inputs)
    side.look(side)
    return side


def notes_of(symbol, **inputs):
    return looked_into(symbol, **inputs).activations.notes


def activations_of(side):
    """By name, all that the network computes, by MXNet's own executor and not step by step."""
    internals = side.analysis.model.symbol.get_internals()
    nodes = [
        node for node in (internals[name] for name in internals.list_outputs()) if node.list_inputs() != [node.name]
    ]
    return {node.name: output for node, output in zip(nodes, side.run_unfused(nodes))}


def assert_alive(side):
    """Nothing is constant, infinite, no number, or so small or large that it soon will be."""
    for name, numbers in activations_of(side).items():
        assert np.isfinite(numbers).all(), name
        assert numbers.std() > 1e-6, name
        assert np.abs(numbers).max() < 1e6, name


def chain(mx, count, layer):
    net = mx.sym.var("data")
    for place in range(count):
        net = layer(net, place)
    return net


def weight(mx, place, *shape):
    return mx.sym.var(f"weight{place}", shape=shape)


def products(mx, kind):
    sym = mx.sym

    def numpy_weight(place):
        return weight(mx, place, 96, 96).as_np_ndarray()

    return {
        "gemm2": lambda net, place: sym.linalg.gemm2(net, weight(mx, place, 96, 96)),
        "gemm2 transposed": lambda net, place: sym.linalg.gemm2(net, weight(mx, place, 96, 96), transpose_b=True),
        "gemm": lambda net, place: sym.linalg.gemm(
            net, weight(mx, place, 96, 96), sym.var(f"added{place}", shape=(8, 96))
        ),
        "dot": lambda net, place: sym.dot(net, weight(mx, place, 96, 96)),
        "np.dot": lambda net, place: sym.np.dot(net.as_np_ndarray(), numpy_weight(place)),
        "matmul": lambda net, place: sym.np.matmul(net.as_np_ndarray(), numpy_weight(place)),
        "tensordot": lambda net, place: sym.np.tensordot(net.as_np_ndarray(), numpy_weight(place), axes=1),
        "einsum": lambda net, place: sym.np.einsum("ab,bc->ac", net.as_np_ndarray(), numpy_weight(place)),
        "weight first": lambda net, place: sym.transpose(sym.dot(weight(mx, place, 96, 96), sym.transpose(net))),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    ["gemm2", "gemm2 transposed", "gemm", "dot", "np.dot", "matmul", "tensordot", "einsum", "weight first"],
)
def test_a_tower_of_products_stays_in_range(mx, kind):
    """With weights of ones each of the 24 layers multiplies by 96: 10^47, more than single precision holds."""
    side = looked_into(chain(mx, 24, products(mx, kind)), data=(8, 96))
    assert side.activations.notes == ()
    assert_alive(side)


def deformable(mx, net, place, image=1.0):
    offsets = mx.sym.Convolution(net, num_filter=18, kernel=(3, 3), pad=(1, 1), name=f"offsets{place}") * image
    return mx.sym.contrib.DeformableConvolution(
        net, offsets, num_filter=8, kernel=(3, 3), pad=(1, 1), name=f"deformable{place}"
    )


@pytest.mark.parametrize("side_pixels", [7, 28])
def test_23_deformable_convolutions_see_the_image(mx, side_pixels):
    net = chain(mx, 23, lambda net, place: mx.sym.Activation(deformable(mx, net, place), act_type="relu"))
    side = looked_into(net, data=(1, 3, side_pixels, side_pixels))
    assert side.activations.notes == ()
    assert_alive(side)
    offsets = [numbers for name, numbers in activations_of(side).items() if name.startswith("offsets")]
    assert len(offsets) == 23
    assert max(np.sqrt((numbers**2).mean()) for numbers in offsets) <= 3  # pixels


def test_offsets_that_the_graph_makes_a_thousand_times_larger_are_mended(mx):
    side = looked_into(deformable(mx, mx.sym.var("data"), 0, image=1000.0), data=(1, 3, 16, 16))
    assert side.activations.notes == ()
    assert activations_of(side)["deformable0"].std() > 0.01


def test_offsets_that_lie_outside_whatever_the_weights_are_named(mx):
    data = mx.sym.var("data")
    offsets = mx.sym.Convolution(data, num_filter=18, kernel=(3, 3), pad=(1, 1)) * 1e-3 + 100
    net = mx.sym.contrib.DeformableConvolution(data, offsets, num_filter=8, kernel=(3, 3), pad=(1, 1), name="deformed")
    assert notes_of(net, data=(1, 3, 16, 16)) == ("activations of deformed are all 0",)


def convolved(mx, net, name):
    return mx.sym.Convolution(net, num_filter=32, kernel=(3, 3), pad=(1, 1), name=name)


def residual(mx, count):
    def block(net, place):
        inner = mx.sym.Activation(convolved(mx, net, f"first{place}"), act_type="relu")
        return net + convolved(mx, inner, f"second{place}")

    net = convolved(mx, mx.sym.var("data"), "stem")
    for place in range(count):
        net = block(net, place)
    return net


def test_the_logarithm_of_a_softmax_behind_residual_blocks_is_finite(mx):
    net = mx.sym.log(mx.sym.softmax(mx.sym.FullyConnected(residual(mx, 6), num_hidden=1000)))
    assert_alive(looked_into(net, data=(1, 3, 16, 16)))


@pytest.mark.parametrize("blocks", [12, 60])
def test_a_sigmoid_behind_residual_blocks_does_not_vanish(mx, blocks):
    side = looked_into(0.5 * mx.sym.sigmoid(residual(mx, blocks)), data=(1, 3, 8, 8))
    assert Pair(side, side).check() > 0
    *_, halves = activations_of(side).values()
    assert 1e-20 < halves.min() < 0.1  # subnormal is what is below 1.2e-38
    assert_alive(side)


@pytest.mark.parametrize("kind", ["sigmoid", "npx.sigmoid"])
def test_a_sigmoid_behind_a_batch_norm_with_a_fixed_gamma_does_not_vanish(mx, kind):
    """Only the weight in front of it can make its numbers smaller."""
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=64)
    net = mx.sym.contrib.SyncBatchNorm(net, key="key") * 4096
    net = mx.sym.sigmoid(net) if kind == "sigmoid" else mx.sym.npx.sigmoid(net.as_np_ndarray())
    *_, shares = activations_of(looked_into(net, data=(2, 32))).values()
    assert ((shares > 0.01) & (shares < 0.99)).mean() > 0.8


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_convolutions_that_a_backend_has_fused_stay_in_range(mx):
    def layer(net, place):
        net = mx.sym.BatchNorm(mx.sym.Convolution(net, num_filter=8, kernel=(3, 3), pad=(1, 1)), fix_gamma=False)
        return mx.sym.Activation(net, act_type="relu")

    fused = chain(mx, 20, layer).get_backend_symbol("MKLDNN")
    assert "_sg_mkldnn_conv" in fused.tojson()
    side = looked_into(fused, data=(1, 3, 16, 16))
    assert side.activations.notes == ()
    (output,) = side.bind().forward()
    assert 1e-3 < output.std() < 1e3


def test_attention_without_a_scale_does_not_pick_single_positions(mx):
    """Products of 1,024 channels have a magnitude of 32; e^-88 is less than single precision holds."""

    def projected(net, name):
        return mx.sym.FullyConnected(net, num_hidden=1024, flatten=False, name=name)

    data = mx.sym.var("data")
    scores = mx.sym.batch_dot(projected(data, "query"), projected(data, "key"), transpose_b=True, name="scores")
    net = mx.sym.batch_dot(mx.sym.softmax(scores * 30, name="shares"), projected(data, "value"))
    side = looked_into(net, data=(2, 16, 1024))
    assert side.activations.notes == ()
    assert activations_of(side)["shares"].min() > 1e-37


def test_a_weight_that_50_layers_share_lets_none_of_them_explode(mx):
    shared = mx.sym.var("shared", shape=(64, 64))

    def layer(net, place):
        dense = mx.sym.FullyConnected(net, weight=shared, no_bias=True, num_hidden=64)
        return net + mx.sym.Activation(dense, act_type="relu")

    assert_alive(looked_into(mx.sym.log(mx.sym.softmax(chain(mx, 50, layer))), data=(4, 64)))


def test_a_weight_is_brought_into_range_behind_a_cast(mx):
    """Each layer's outputs are made 1,000 times larger: 10^45 in the end."""

    def layer(net, place):
        cast = mx.sym.cast(mx.sym.var(f"weight{place}", shape=(64, 64), dtype="float64"), dtype="float32")
        return mx.sym.FullyConnected(net, weight=cast, num_hidden=64, no_bias=True) * 1000

    side = looked_into(chain(mx, 15, layer), data=(4, 64))
    assert side.activations.notes == ()
    assert_alive(side)


def test_a_loop_is_run_as_a_whole(mx):
    def step(data, states):
        hidden = mx.sym.FullyConnected(data, num_hidden=32, name="in") + mx.sym.FullyConnected(
            states[0], num_hidden=32, name="hidden"
        )
        hidden = mx.sym.Activation(hidden, act_type="relu")
        return hidden, [hidden]

    outputs, _ = mx.sym.contrib.foreach(step, mx.sym.var("data"), [mx.sym.zeros((4, 32))])
    side = looked_into(mx.sym.softmax(outputs), data=(20, 4, 32))
    assert side.activations.notes == ()
    assert side.bind().forward()[0].std() > 1e-4


def dead(mx, net, name):
    """Below -1 whatever the weights, so that a ReLU lets nothing through."""
    below = 0 - mx.sym.abs(mx.sym.FullyConnected(net, num_hidden=64, flatten=False)) - 1
    return mx.sym.Activation(below, act_type="relu", name=name)


def test_dead_activations_are_named_where_they_begin(mx):
    net = mx.sym.FullyConnected(dead(mx, mx.sym.var("data"), "silent"), num_hidden=64, name="behind")
    assert notes_of(net, data=(2, 32)) == ("activations of silent are all 0",)


@pytest.mark.parametrize("kind", ["a ReLU of numpy", "numpy's random numbers"])
def test_dead_activations_of_numpys_operators_are_named(mx, kind):
    if kind == "a ReLU of numpy":
        net = mx.sym.npx.relu(0 - 1 - mx.sym.abs(mx.sym.var("data")).as_np_ndarray(), name="silent")
    else:
        net = mx.sym.npx.relu(mx.sym.np.random.uniform(-2, -1, (8, 8)), name="silent")
        net = mx.sym.Group([net, mx.sym.var("data").as_np_ndarray()])
    assert notes_of(net, data=(2, 32)) == ("activations of silent are all 0",)


def test_a_few_of_many_dead_layers_are_named(mx):
    data = mx.sym.var("data")
    net = mx.sym.concat(*(dead(mx, data, f"silent{place}") for place in range(5)))
    assert notes_of(net, data=(2, 32)) == ("activations of silent0, silent1, silent2 and 2 more are all 0",)


def test_what_is_clipped_to_one_number_is_named(mx):
    far = mx.sym.abs(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=64)) + 7
    assert notes_of(mx.sym.clip(far, 0, 6, name="six"), data=(2, 32)) == ("activations of six are all equal",)


@pytest.mark.parametrize("numpy", [False, True])
def test_a_saturated_tanh_is_named_in_either_namespace(mx, numpy):
    far = mx.sym.abs(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=64)) + 20
    net = mx.sym.np.tanh(far.as_np_ndarray()) if numpy else mx.sym.tanh(far)
    assert notes_of(net, data=(2, 32)) == (f"activations of {net.name} are all equal",)


def test_subnormal_activations_in_the_middle_are_named(mx):
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=64)
    net = mx.sym.broadcast_add(mx.sym.exp(net * 0.1 - 95, name="tail"), mx.sym.var("offset", shape=(1, 64)))
    assert notes_of(net, data=(2, 32)) == ("activations of tail are subnormal",)


def test_what_is_not_finite_is_named_even_when_the_outputs_are(mx):
    """The square root of a negative number is no number, and a comparison with it is false."""
    roots = mx.sym.sqrt(0 - 1 - mx.sym.abs(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=64)), name="roots")
    net = mx.sym.where(roots > 0, mx.sym.ones((2, 64)), mx.sym.zeros((2, 64)))
    assert notes_of(net, data=(2, 32)) == ("activations of roots are not finite",)


def test_outputs_that_are_not_finite_are_traced_to_where_they_begin(mx):
    below = 0 - 1 - mx.sym.abs(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=64))
    net = mx.sym.FullyConnected(mx.sym.log(below, name="logarithm"), num_hidden=2)
    side = side_of(net, data=(2, 32))
    with pytest.raises(ModelError, match=r"outputs are not finite, from logarithm on; .* example=\"inputs.npz\""):
        Pair(side, side).check()


def masked(mx, scores, kind):
    mask = mx.sym.var("mask")
    return {
        "added": lambda: mx.sym.broadcast_add(scores, (1 - mask) * -1e9),
        "added where it is 1": lambda: mx.sym.broadcast_add(scores, mask * -1e9),
        "added below 0": lambda: mx.sym.broadcast_add(scores, (mask - 1) * 1e9),
        "selected": lambda: mx.sym.where(mask, scores, mx.sym.ones_like(scores) * -1e18),
        "logarithm": lambda: scores + mx.sym.log(mask),
        "infinite": lambda: mx.sym.where(mask > 2, scores, mx.sym.zeros_like(scores) - float("inf")),
    }[kind]()


@pytest.mark.parametrize("kind", ["added", "added where it is 1", "added below 0", "selected", "logarithm"])
def test_a_mask_of_attention_raises_no_alarm_and_hides_nothing(mx, kind):
    data = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=16, flatten=False)
    shares = mx.sym.softmax(masked(mx, mx.sym.batch_dot(data, data, transpose_b=True), kind), name="shares")
    side = looked_into(mx.sym.batch_dot(shares, data), data=(2, 16, 8), mask=(2, 16, 16))
    assert side.activations.notes == ()
    assert activations_of(side)["shares"].min() > 0


def test_a_causal_mask_of_the_graphs_own_raises_no_alarm(mx):
    data = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=16, flatten=False)
    later = mx.sym.broadcast_greater(
        mx.sym.reshape(mx.sym.arange(16), (1, -1)), mx.sym.reshape(mx.sym.arange(16), (-1, 1))
    )
    scores = mx.sym.batch_dot(data, data, transpose_b=True)
    shares = mx.sym.softmax(mx.sym.broadcast_add(scores, mx.sym.expand_dims(later, 0) * -1e9))
    side = looked_into(mx.sym.batch_dot(shares, data), data=(2, 16, 8))
    assert side.activations.notes == ()


def test_what_is_constant_by_the_graph_raises_no_alarm(mx):
    """A begin state of zeros, a slice of padding, a gradient's stop, a comparison, a sum over one number."""
    data = mx.sym.var("data")
    begin = mx.sym.FullyConnected(mx.sym.zeros((4, 32)), num_hidden=32, name="h2h")
    hidden = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=32, name="i2h") + begin, act_type="tanh")
    padded = mx.sym.pad(mx.sym.reshape(hidden, (4, 1, 4, 8)), mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 1, 1))
    border = mx.sym.FullyConnected(mx.sym.slice_axis(padded, axis=2, begin=0, end=1), num_hidden=64)
    always = mx.sym.FullyConnected(hidden > -2, num_hidden=64)
    net = mx.sym.Group([border, always, mx.sym.BlockGrad(mx.sym.ones((8, 8)) * 3), mx.sym.softmax(data, axis=1)])
    assert notes_of(net, data=(4, 1)) == ()


def test_the_same_network_gets_the_same_values_twice(mx):
    net = mx.sym.sigmoid(residual(mx, 12))
    first, second = looked_into(net, data=(1, 3, 8, 8)), looked_into(net, data=(1, 3, 8, 8))
    assert first.synthetic.gains == second.synthetic.gains != {}


def test_equal_layers_share_their_weights_although_they_were_scaled(mx):
    """The second network has one more layer at its end; what is in front is scaled alike."""

    def net(layers):
        return chain(mx, layers, lambda net, place: mx.sym.FullyConnected(net, num_hidden=64, name=f"fc{place}") * 100)

    old, new = side_of(net(5), data=(4, 64)), side_of(net(6), data=(4, 64))
    Pair(old, new).check()
    assert list(old.synthetic.gains) == ["fc1_weight", "fc2_weight", "fc3_weight", "fc4_weight"]
    mine, theirs = dict(old.synthetic.variables()), dict(new.synthetic.variables())
    assert all(theirs[name] == key for name, key in mine.items())


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_what_is_looked_at_is_what_is_bound(mx):
    """Weights that each fused layer copies lie in one array, and are other numbers than those of their own."""
    from pytest_mxperf.mx.buffers import Buffers

    net = chain(mx, 6, lambda net, place: mx.sym.exp(mx.sym.FullyConnected(net, num_hidden=64, name=f"fc{place}")))
    old, new = side_of(net, data=(8, 64)), side_of(net + 1, data=(8, 64))
    assert Pair(old, new).check() > 0
    assert old.synthetic.overlapping
    for name, bound in old.values(Buffers()).items():
        assert (bound.asnumpy() == old.synthetic.fresh(name).asnumpy()).all(), name


def test_a_weight_that_was_scaled_otherwise_is_not_shared(mx):
    """The same layer, of which the second network makes the inputs 2^20 times larger."""

    def net(scale):
        return mx.sym.FullyConnected(mx.sym.var("data") * scale, num_hidden=64, name="fc")

    old, new = side_of(net(1), data=(4, 64)), side_of(net(2.0**20), data=(4, 64))
    Pair(old, new).check()
    assert (old.synthetic.gains, new.synthetic.gains) == ({}, {"fc_weight": 2.0**-20})
    assert dict(old.synthetic.variables())["fc_weight"] != dict(new.synthetic.variables())["fc_weight"]


def test_the_users_weights_are_left_alone(mx):
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=64, name="fc") * 1e9
    analysis = side_of(net, data=(4, 64)).analysis
    own = Side(analysis, {"fc_weight": mx.nd.ones((64, 64)), "fc_bias": mx.nd.zeros((64,))})
    own.look(own)
    assert (own.synthetic.gains, own.activations.notes) == ({}, ())


def test_masks_that_no_operator_tells_of_are_found_by_trial(mx):
    """Behind the root is 2 * mask^2 - 1, which is below 0 for every mask below 0.7."""
    mask = mx.sym.var("mask")
    net = mx.sym.FullyConnected(mx.sym.sqrt(2 * mask * mask - 1), num_hidden=4, name="fc")
    side = looked_into(net, mask=(4, 20))
    assert side.activations.notes == ()
    values = {name: side.synthetic.make(name, key).asnumpy() for name, key in side.synthetic.variables()}
    assert set(values["mask"].ravel()) == {1.0}


def test_what_cannot_run_by_itself_is_said(mx, monkeypatch):
    def refuse(*_):
        raise mx.MXNetError("not implemented")

    monkeypatch.setattr("pytest_mxperf.mx.stepwise._imperative", refuse)
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc")
    assert notes_of(net, data=(2, 8)) == ("activations from fc on were not checked",)


def test_no_activation_outlives_its_last_reader(mx):
    """Each layer's outputs have 8 MB; all 40 would have 320 MB, and two or three are there at a time."""
    from pytest_mxperf.mx.stepwise import Steps

    net = chain(mx, 40, lambda net, place: mx.sym.sin(net))
    analysis = side_of(net, data=(1000, 2000)).analysis
    steps = Steps(analysis, SyntheticValues(analysis).fresh)
    most = 0
    for index, node in enumerate(analysis.graph.nodes):
        if not node.is_variable:
            steps.run(index)
            most = max(most, sum(array.size * 4 for array in steps.arrays.values()))
            steps.forget(index)
    assert most == 16_000_000
    assert steps.arrays == {}


def test_it_is_run_in_the_networks_own_array_semantics(mx):
    """Under NumPy's, () is a scalar's shape, which MXNet otherwise takes for unknown."""
    with mx.util.np_shape(True):
        net = mx.sym.np.mean(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4).as_np_ndarray())
        analysis = analyse(open_model(ModelSpec.parse(net, {"data": (2, 8)}, name="net")))
    assert look_into(analysis, SyntheticValues(analysis)).notes == ()


def test_figures_of_plain_numbers():
    figures = Figures.of(np.array([[3.0, -4.0], [0.0, 5.0]], np.float32))
    assert (figures.size, figures.is_finite, figures.constant, figures.value) == (4, True, False, 3.0)
    assert figures.rms == pytest.approx(3.5355, abs=1e-4)  # the root of (9 + 16 + 25) / 4
    assert figures.low == 2.25  # of 0, 3, 4, 5 a quarter is below
    # The median of -4, 0, 3, 5 is 1.5; the distances are 5.5, 1.5, 1.5, 3.5.
    assert (figures.spread, figures.most) == (1.5, 5.5)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1.0, float("nan")], (False, True, False, False)),
        ([1.0, float("inf")], (False, False, False, False)),
        ([2e30, 1e30], (True, False, False, False)),  # whose squares are infinite
        ([7.0, 7.0], (True, False, True, False)),
        ([1.0, 1e-40], (True, False, False, True)),
        ([], (True, False, True, False)),
    ],
)
def test_figures_of_strange_numbers(numbers, expected):
    figures = Figures.of(np.array(numbers, np.float32))
    assert (figures.is_finite, figures.is_nan, figures.constant, figures.is_subnormal) == expected


def test_half_precision_is_never_subnormal_and_its_squares_do_not_overflow():
    figures = Figures.of(np.array([6e-8, 6e4], np.float16))
    assert (figures.is_finite, figures.is_subnormal) == (True, False)
    assert figures.rms == pytest.approx(42426, rel=0.01)  # 60,000 over the root of 2


def test_one_number_that_differs_behind_a_million_makes_no_constant():
    numbers = np.zeros(1_000_000, np.float32)
    assert Figures.of(numbers).constant
    numbers[-1] = 1
    assert not Figures.of(numbers).constant
