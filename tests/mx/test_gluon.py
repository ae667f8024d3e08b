"""Gluon nets as models: traced, named, counted and bound, initialized or not."""

import pytest

from pytest_mxperf import ModelSpec, MxperfError, count


@pytest.fixture
def mx():
    import mxnet

    return mxnet


@pytest.fixture
def two_inputs(mx):
    """A net that looks tokens up in a 10 x 4 embedding, adds an image's 3 features made 4, and scores 2 classes."""

    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.embedding = mx.gluon.nn.Embedding(10, 4)
            self.dense = mx.gluon.nn.Dense(4)
            self.score = mx.gluon.nn.Dense(2, use_bias=False)

        def hybrid_forward(self, F, tokens, image):
            return self.score(F.broadcast_add(self.embedding(tokens), F.expand_dims(self.dense(image), 1)))

    return Net()


def bound(spec):
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.bind import bind
    from pytest_mxperf.mx.model import open_model
    from pytest_mxperf.mx.weights import load_weights

    analysis = analyse(open_model(spec))
    return bind(analysis, load_weights(analysis))


@pytest.mark.parametrize("names", [("data0", "data1"), ("tokens", "image")])
def test_inputs_are_named_as_exports_do_or_as_the_net_does(two_inputs, names):
    """Dense: 3 x 4 MACs. Score flattens 5 x 4: 20 x 2 MACs. Parameters: 10 x 4, 3 x 4 + 4, 20 x 2."""
    report = count(two_inputs, {names[0]: ((1, 5), "int32"), names[1]: (1, 3)})
    assert (report.macs, report.params.trainable) == (12 + 40, 40 + 16 + 40)


def test_several_inputs_of_different_dtypes_are_bound(two_inputs):
    module = bound(ModelSpec.parse(two_inputs, {"tokens": ((1, 5), "int32"), "image": (1, 3)}))
    from pytest_mxperf.mx.sync import example_batch

    module.forward(example_batch(module), is_train=False)
    assert module.get_outputs()[0].asnumpy().shape == (1, 2)


def test_an_unknown_input_name_lists_the_known_ones(two_inputs):
    with pytest.raises(MxperfError, match=r"no input 'img'; name its inputs tokens, image or data0, data1"):
        count(two_inputs, {"tokens": (1, 5), "img": (1, 3)})


def test_counting_leaves_a_lazy_net_uninitialized(mx):
    net = mx.gluon.nn.Dense(4)
    assert count(net, {"data": (1, 3)}).params.trainable == 16
    assert net.weight.shape == (4, 0)
    assert net.weight._data is None


def test_an_initialized_net_runs_with_its_own_weights(mx):
    net = mx.gluon.nn.Dense(2, in_units=3, weight_initializer=mx.init.Constant(0.5))
    net.initialize()
    module = bound(ModelSpec.parse(net, {"data": (1, 3)}))
    module.forward(mx.io.DataBatch([mx.nd.array([[1, 2, 3]])]), is_train=False)
    assert module.get_outputs()[0].asnumpy().tolist() == [[3.0, 3.0]]  # 0.5 x (1 + 2 + 3)


def test_an_uninitialized_net_runs_with_its_own_initializers(mx):
    net = mx.gluon.nn.Dense(2, weight_initializer=mx.init.Constant(0.5), bias_initializer="ones")
    module = bound(ModelSpec.parse(net, {"data": (1, 3)}))
    module.forward(mx.io.DataBatch([mx.nd.array([[1, 2, 3]])]), is_train=False)
    assert module.get_outputs()[0].asnumpy().tolist() == [[4.0, 4.0]]
    assert net.weight._data is None


def test_trainable_is_what_the_trainer_would_update(mx):
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(4), mx.gluon.nn.BatchNorm(scale=False), mx.gluon.nn.Dense(2))
    net[0].collect_params().setattr("grad_req", "null")
    params = count(net, {"data": (1, 3)}).params
    net.initialize()
    net(mx.nd.zeros((1, 3)))
    updated = [p.data().size for p in net.collect_params().values() if p.grad_req != "null"]
    # Frozen: 3 x 4 + 4 by grad_req, 4 gammas by scale=False. Trainable: 4 betas, 4 x 2 + 2.
    assert (params.trainable, params.frozen, params.auxiliary) == (sum(updated), 20, 8) == (14, 20, 8)


def test_a_factory_names_layers_alike_whatever_was_built_before(mx):
    def factory():
        return mx.gluon.nn.Dense(2)

    mx.gluon.nn.Dense(2)
    names = [layer.name for _ in range(2) for layer in count(factory, {"data": (1, 3)}).layers]
    assert names == ["dense0_fwd", "dense0_fwd"]


def test_a_recurrent_cells_steps_are_named_alike_however_often_it_is_counted(mx):
    """Also inside a loop, and where the cell is used step by step, without ``unroll``."""

    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            with self.name_scope():
                self.cell = mx.gluon.rnn.LSTMCell(8, input_size=4)

        def hybrid_forward(self, F, steps, first):
            states = [F.zeros((2, 8)), F.zeros((2, 8))]
            _, states = self.cell(first, states)
            return F.contrib.foreach(self.cell, steps, states)[0]

    net = Net()
    inputs = {"steps": (5, 2, 4), "first": (2, 4)}
    assert count(net, inputs) == count(net, inputs)


def test_several_outputs_and_numpy_shapes_are_traced(mx):
    class Net(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return x * 2, [F.np.sum(x), x + 1]

    mx.npx.set_np()
    try:
        report = count(Net(), {"data": (2, 3)})
    finally:
        mx.npx.reset_np()
    assert [layer.outputs for layer in report.layers] == [((2, 3),), ((),), ((2, 3),)]


def test_something_else_than_a_model_is_an_error():
    with pytest.raises(MxperfError, match="or a callable that returns one of the last two; got dict"):
        count({"weights": 1}, {"data": (1, 3)})


def test_a_begin_state_that_is_a_parameter_counts(mx):
    """GRU of 8 units on 6 inputs: 3 x 8 x (6 + 8) weights, 2 x 3 x 8 biases; and 16 that it starts with."""

    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.layer = mx.gluon.rnn.GRU(8, input_size=6)
            self.h0 = self.params.get("h0", shape=(1, 2, 8))

        def hybrid_forward(self, F, x, h0):
            return self.layer(x, h0)[0]

    assert count(Net(), {"data": (1, 2, 6)}).params.trainable == 336 + 48 + 16


def test_a_factory_may_build_upon_what_was_built_before_it(mx):
    """4 x 4 + 4 parameters in each of two layers, whose names restarted at 0 would be the same."""
    backbone = mx.gluon.nn.Dense(4, in_units=4)
    base = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4)

    def net():
        net = mx.gluon.nn.HybridSequential()
        net.add(backbone, mx.gluon.nn.Dense(4, in_units=4))
        return net

    with mx.name.NameManager():
        mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4)
        for factory in (net, lambda: mx.sym.FullyConnected(base, num_hidden=4)):
            assert count(factory, {"data": (2, 4)}).params.trainable == 40


def test_a_net_that_calls_its_inputs_as_exports_do_gets_each_its_own(mx):
    """data1 is the first input: 2 x 9 x 3 MACs on it, 2 x 5 x 7 on data0."""
    first, second = mx.sym.var("data1"), mx.sym.var("data0")
    outputs = [mx.sym.FullyConnected(first, num_hidden=3), mx.sym.FullyConnected(second, num_hidden=7)]
    net = mx.gluon.SymbolBlock(outputs, [first, second])
    assert count(net, {"data0": (2, 5), "data1": (2, 9)}).macs == 54 + 70


def test_inputs_may_differ_in_their_first_dimension(mx):
    """5 steps for 2 samples, and 1 layer of state for them."""
    module = bound(ModelSpec.parse(mx.gluon.rnn.GRU(8, input_size=6), {"data0": (5, 2, 6), "data1": (1, 2, 8)}))
    batch = mx.io.DataBatch([mx.nd.zeros((5, 2, 6)), mx.nd.zeros((1, 2, 8))])
    module.forward(batch, is_train=False)
    assert module.get_outputs()[0].asnumpy().shape == (5, 2, 8)


@pytest.mark.parametrize("initialized", [True, False])
def test_a_net_with_numpy_arrays_runs_and_leaves_old_checkpoints_countable(mx, digits, initialized):
    mx.npx.set_np()
    try:
        net = mx.gluon.nn.Dense(2, in_units=3, weight_initializer=mx.init.Constant(0.5))
        if initialized:
            net.initialize()
        module = bound(ModelSpec.parse(net, {"data": (1, 3)}))
        module.forward(mx.io.DataBatch([mx.nd.array([[1, 2, 3]])]), is_train=False)
        assert module.get_outputs()[0].asnumpy().tolist() == [[3.0, 3.0]]
        assert count(digits, {"data": (1, 1, 8, 8)}).macs == 607_552
    finally:
        mx.npx.reset_np()


def test_constants_and_pending_initializers_are_taken_as_gluon_does(mx):
    class Scale(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.k = self.params.get_constant("k", mx.nd.array([1.0, 2.0, 3.0]))
            self.dense = mx.gluon.nn.Dense(1, use_bias=False)

        def hybrid_forward(self, F, x, k):
            return self.dense(F.broadcast_mul(x, k))

    net = Scale()
    net.dense.initialize(mx.init.Constant(0.5))
    module = bound(ModelSpec.parse(net, {"data": (1, 3)}))
    module.forward(mx.io.DataBatch([mx.nd.array([[1, 1, 1]])]), is_train=False)
    assert module.get_outputs()[0].asnumpy().tolist() == [[3.0]]  # 0.5 x (1 + 2 + 3)


def test_sparse_weights_are_the_nets_own(mx):
    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.weight = self.params.get("weight", shape=(2, 3), stype="row_sparse", init=mx.init.Constant(0.25))

        def hybrid_forward(self, F, x, weight):
            return F.dot(x, weight, transpose_b=True)

    net = Net()
    net.initialize()
    module = bound(ModelSpec.parse(net, {"data": (1, 3)}))
    module.forward(mx.io.DataBatch([mx.nd.array([[1, 1, 2]])]), is_train=False)
    assert module.get_outputs()[0].asnumpy().tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(
    ("outputs", "message"),
    [("lambda x: (x + 1, None)", None), ("lambda x: []", "returns nothing"), ("lambda x: 3", "returns int")],
)
def test_what_is_no_output_is_left_out_or_refused(mx, outputs, message):
    class Net(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return eval(outputs)(x)

    if message is None:
        assert len(count(Net(), {"data": (2, 3)}).layers) == 1
    else:
        with pytest.raises(MxperfError, match=f"Net {message} where a model returns outputs"):
            count(Net(), {"data": (2, 3)})


def test_a_plain_sequential_is_taken_where_it_can_be_traced(mx):
    """4 x 3 and 3 x 2 MACs, and as many weights with 3 and 2 biases."""
    net = mx.gluon.nn.Sequential()
    net.add(mx.gluon.nn.Dense(3), mx.gluon.nn.Dense(2))
    report = count(net, {"data": (1, 4)})
    assert (report.macs, report.params.trainable) == (18, 23)


def test_a_block_that_cannot_be_traced_is_told_what_to_be(mx):
    class Plain(mx.gluon.Block):
        def forward(self, x):
            return x.asnumpy()

    with pytest.raises(
        MxperfError, match=r"Plain cannot be traced to a symbol: .*; make it a HybridBlock, whose forward"
    ):
        count(Plain(), {"data": (2, 3)})
    with pytest.raises(MxperfError, match=r"Sequential has no input 'other'; name its inputs x or data0, data1"):
        count(mx.gluon.nn.Sequential(), {"other": (2, 3), "one": (2,)})


STATES = {"h": (1, 2, 8), "c": (1, 2, 8)}


@pytest.mark.parametrize("names", [("h", "c"), ("states[0]", "states[1]"), ("data1", "data2")])
def test_a_recurrent_net_takes_its_states_as_a_list(mx, names):
    """Per step 4 gates of 8 units, each of 4 inputs and 8 of before, twice in a batch: 768 MACs; five steps."""
    first = "data0" if names[0] == "data1" else "data"
    net = mx.gluon.rnn.LSTM(8, input_size=4)
    report = count(net, {first: (5, 2, 4), **dict(zip(names, STATES.values()))})
    assert report.macs == 5 * 2 * 4 * 8 * (4 + 8)


def test_so_does_a_cell(mx):
    net = mx.gluon.rnn.SequentialRNNCell()
    net.add(mx.gluon.rnn.LSTMCell(8))
    net.add(mx.gluon.rnn.GRUCell(8))
    report = count(net, {"data": (2, 4), "h": (2, 8), "c": (2, 8), "g": (2, 8)})
    assert report.macs == 2 * (4 * 8 * (4 + 8) + 3 * 8 * (8 + 8))


def test_a_list_of_inputs_goes_by_their_places(mx):
    class Joined(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, parts, scale):
            return F.concat(*parts, dim=1) * scale

    report = count(Joined(), {"parts[0]": (2, 3), "parts[1]": (2, 5), "scale": (2, 8)})
    assert (report.layers[0].outputs, report.flops) == (((2, 8),), 16)


def test_states_that_are_too_few_are_one_clear_error(mx):
    with pytest.raises(MxperfError, match=r"LSTM has no input 'data'; name its inputs .*; its 2 states follow, by any"):
        count(mx.gluon.rnn.LSTM(8), {"data": (5, 2, 4), "h": (1, 2, 8)})


def test_one_net_has_one_report_however_it_is_given(mx, tmp_path):
    """As a block, as what it exports, as a SymbolBlock of that, and as its symbol."""
    net = mx.gluon.nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(mx.gluon.nn.Conv2D(4, 3, in_channels=3), mx.gluon.nn.BatchNorm(in_channels=4), mx.gluon.nn.Dense(2))
    net.initialize()
    net.hybridize()
    net(mx.nd.ones((1, 3, 8, 8)))
    net.export(str(tmp_path / "net"))
    block = mx.gluon.SymbolBlock.imports(f"{tmp_path}/net-symbol.json", ["data"], f"{tmp_path}/net-0000.params")
    inputs = {"data": (1, 3, 8, 8)}
    given = [net, str(tmp_path / "net"), block, net(mx.sym.var("data"))]
    found = [count(each, inputs) for each in given]
    assert len({(each.macs, each.flops, each.params.trainable, each.params.auxiliary) for each in found}) == 1
    assert len({tuple((layer.name, layer.cost, layer.params) for layer in each.layers) for each in found}) == 1


def test_a_callable_that_cannot_be_called_is_refused_by_name():
    def needs_one(argument):
        return argument

    with pytest.raises(MxperfError, match="needs_one: the callable does not build a model: TypeError: "):
        count(needs_one, {"data": (1, 3)})


def flags(**hybridize):
    return lambda net: net.hybridize(**hybridize)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda net: None, "hybridized block"),
        (flags(), "hybridized block"),
        (flags(static_alloc=True), "hybridized block (static_alloc)"),
        (flags(static_alloc=True, static_shape=True), "hybridized block (static_alloc, static_shape)"),
        (flags(active=False, static_alloc=True), "hybridized block"),
        (flags(backend="MKLDNN"), "Module"),
    ],
)
def test_a_net_is_timed_as_it_was_hybridized(mx, prepare, words):
    """With a backend that fuses it is what a Module is: fused."""
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(2))
    prepare(net)
    assert run_as(net) == words
    assert run_as(lambda: net) == words


def test_a_symbol_block_is_a_block_and_a_symbol_is_not(mx, digits):
    files = [f"{digits}-symbol.json", ["data"], f"{digits}-0000.params"]
    assert run_as(lambda: mx.gluon.SymbolBlock.imports(*files), {"data": (1, 1, 8, 8)}) == "hybridized block"
    assert run_as(mx.sym.load(files[0]), {"data": (1, 1, 8, 8)}) == "Module"
    assert run_as(str(digits), {"data": (1, 1, 8, 8)}) == "Module"


def run_as(source, inputs=None):
    from pytest_mxperf.mx.model import open_model

    return str(open_model(ModelSpec.parse(source, inputs or {"data": (1, 3)})).run_as)
