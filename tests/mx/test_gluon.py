"""Gluon nets as models: traced, named, counted and bound, initialized or not."""

import pytest

from pytest_mxperf import ModelError, ModelSpec, MxperfError, ShapeError, count


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

    def net():
        net = mx.gluon.nn.HybridSequential()
        net.add(backbone, mx.gluon.nn.Dense(4, in_units=4))
        return net

    with mx.name.NameManager():  # as in a new process, in whatever order tests run
        backbone = mx.gluon.nn.Dense(4, in_units=4)
        base = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4)
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


def test_a_sequential_that_traces_is_counted(mx):
    """6 x 3 and 3 x 2 MACs for each of two samples."""
    net = mx.gluon.nn.Sequential()
    net.add(mx.gluon.nn.Dense(3), mx.gluon.nn.Dense(2))
    report = count(net, {"data": (2, 6)})
    assert (report.macs, report.params.trainable) == (2 * (18 + 6), 18 + 3 + 6 + 2)
    assert run_as(net) == "hybridized block"
    net.hybridize(static_alloc=True)
    assert run_as(net) == "hybridized block (static_alloc)"


def test_a_sequential_runs_with_its_own_weights(mx):
    net = mx.gluon.nn.Sequential()
    net.add(mx.gluon.nn.Dense(2, in_units=3, weight_initializer=mx.init.Constant(0.5)))
    net.initialize()
    module = bound(ModelSpec.parse(net, {"data": (1, 3)}))
    module.forward(mx.io.DataBatch([mx.nd.array([[1, 2, 3]])]), is_train=False)
    assert module.get_outputs()[0].asnumpy().tolist() == [[3.0, 3.0]]


def test_a_block_that_does_not_trace_is_told_what_to_do(mx):
    class Reads(mx.gluon.Block):
        def forward(self, x):
            return mx.nd.array(x.asnumpy())

    with pytest.raises(
        MxperfError, match=r"Reads cannot be traced .*asnumpy.*; its forward reads arrays .* Use F for all"
    ):
        count(Reads(), {"x": (2, 3)})


def test_a_hybrid_block_that_reads_shapes_is_told_what_to_do(mx):
    class Reads(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return x.reshape((x.shape[0], -1))

    with pytest.raises(
        MxperfError, match=r"no attribute 'shape'; its forward reads arrays .* check that with net.hybridize"
    ):
        count(Reads(), {"x": (2, 3)})


def test_an_argument_that_the_net_ignores_is_left_out_and_one_that_it_needs_is_named(mx):
    """3 x 4 MACs."""

    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.dense = mx.gluon.nn.Dense(4)

        def hybrid_forward(self, F, x, label):
            return self.dense(x)

    assert count(Net(), {"x": (1, 3)}).macs == 12
    with pytest.raises(MxperfError, match="no output of the net depends on the input 'label'; leave it out"):
        count(Net(), {"x": (1, 3), "label": (1,)})
    with pytest.raises(MxperfError, match="it got None for states: give its shape; if an argument is a list"):
        count(mx.gluon.rnn.LSTMCell(8), {"inputs": (1, 3)})


# An LSTM of 8 units on 6 features, 5 steps of 2 samples: 4 gates of 8 x (6 + 8) weights, and 2 x 32 biases.
LSTM = (5 * 2 * 448, 448 + 64)


@pytest.mark.parametrize(
    "names", [("data0", "data1", "data2"), ("inputs", "states[0]", "states[1]"), ("states[1]", "inputs", "states[0]")]
)
def test_a_list_of_states_is_given_by_place_or_by_name(mx, names):
    inputs = dict.fromkeys(names, (1, 2, 8))
    inputs["inputs" if "inputs" in names else "data0"] = (5, 2, 6)
    report = count(mx.gluon.rnn.LSTM(8, input_size=6), inputs)
    assert (report.macs, report.params.trainable) == LSTM
    assert len(report.layers[-1].outputs) == 3


def test_a_list_of_states_is_also_the_last_argument_of_ones_own_block(mx):
    class Step(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.cell = mx.gluon.rnn.LSTMCell(8, input_size=6)

        def hybrid_forward(self, F, x, states):
            return self.cell(x, states)

    for names in (("data0", "data1", "data2"), ("x", "states[0]", "states[1]")):
        inputs = dict(zip(names, [(2, 6), (2, 8), (2, 8)]))
        report = count(Step(), inputs)
        assert (report.macs, report.params.trainable) == (2 * 448, 512)
    with pytest.raises(MxperfError, match=r"IndexError.* name them after it: states\[0\], states\[1\]"):
        count(Step(), {"x": (2, 6), "states": (2, 8)})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": (2, 6), "states[0]": (2, 6)}, r"if it reads more arrays of a list than it is given, add states\[1\]$"),
        (
            {"x": (2, 6), "states[0]": (2, 6), "states[1][0]": (2, 6)},
            r"if it reads more arrays of a list than it is given, add states\[1\]\[1\]$",
        ),
        (
            {"x": (2, 6), "states0": (2, 6), "states1": (2, 6)},
            r"no input 'states0'; name its inputs x, states or data0, data1, data2; if states is a list of arrays, "
            r"name them states\[0\], states\[1\]$",
        ),
        (
            {"x": (2, 6), "h": (2, 6), "c": (2, 6)},
            r"if states is a list of arrays, name them states\[0\], states\[1\]$",
        ),
        ({"x": (2, 6), "h": (2, 6)}, r"no input 'h'; name its inputs x, states or data0, data1$"),
    ],
)
@pytest.mark.parametrize("base", ["HybridBlock", "Block"])
def test_a_list_that_is_too_short_or_misnamed_is_answered_with_its_names(mx, base, inputs, message):
    class Step(getattr(mx.gluon, base)):
        def forward(self, x, states):
            return x + states[0] + states[1][1]

    with pytest.raises(MxperfError, match=message):
        count(Step(), inputs)


def test_lists_may_stand_in_lists_and_arguments_may_be_any_number(mx):
    """2 x 3 MACs on the inner list's arrays, 2 x 5 on the last of all."""

    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.one, self.two = mx.gluon.nn.Dense(3, use_bias=False), mx.gluon.nn.Dense(5, use_bias=False)

        def hybrid_forward(self, F, nested, *more):
            (first, second), third = nested
            scores = [self.one(first + second), (third + 1, more[0] * 2)]
            return {"scores": scores, "last": self.two(more[1]), "none": None}

    names = ["nested[0][0]", "nested[0][1]", "nested[1]", "more[0]", "more[1]"]
    report = count(Net(), dict.fromkeys(names, (1, 2)))
    assert report.macs == 6 + 10
    assert len(report.layers) == 5


def test_a_benchmarked_block_gets_its_states_as_a_list(mx):
    from pytest_mxperf.mx.sync import forwards_of

    net = mx.gluon.rnn.LSTM(8, input_size=6)
    net.initialize()
    inputs = {"inputs": (5, 2, 6), "states[0]": (1, 2, 8), "states[1]": (1, 2, 8)}
    forwards = forwards_of(net, None, ModelSpec.parse(net, inputs).inputs)
    arrays = forwards.outputs(forwards.queue())
    assert [array.shape for array in arrays] == [(5, 2, 8), (1, 2, 8), (1, 2, 8)]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["inputs", "states"], r"LSTM takes 2 states and got 1; give states\[0\], states\[1\]"),
        (["data0", "data1"], r"LSTM takes 2 states and got 1; give states\[0\], states\[1\]"),
        (["inputs", "states[1]"], r"LSTM: states\[0\] is missing; states is a list of arrays"),
        (["inputs", "states", "states[0]"], "states is given both as one array and as a list of arrays"),
    ],
)
def test_states_that_are_missing_are_named(mx, names, message):
    with pytest.raises(MxperfError, match=message):
        count(mx.gluon.rnn.LSTM(8, input_size=6), dict.fromkeys(names, (1, 2, 6)))


def test_a_deep_numpy_net_is_counted_whether_the_mode_is_on_or_off(mx):
    """3 x 4 MACs for each of two samples; 4 tanh, 4 products."""

    @mx.util.use_np
    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.dense = mx.gluon.nn.Dense(4, use_bias=False)
            self.scale = self.params.get("scale", shape=(4,))

        def hybrid_forward(self, F, x, scale):
            return F.np.tanh(self.dense(x) * scale)

    off = count(Net, {"x": (2, 3)})
    mx.npx.set_np()
    try:
        on = count(Net, {"x": (2, 3)})
    finally:
        mx.npx.reset_np()
    assert (off.macs, off.params.trainable) == (on.macs, on.params.trainable) == (24, 16)
    module = bound(ModelSpec.parse(Net, {"x": (2, 3)}))
    module.forward(mx.io.DataBatch([mx.nd.zeros((2, 3))]), is_train=False)
    assert module.get_outputs()[0].shape == (2, 4)


def convolution(nn):
    """10 x 10 pixels to 8 x 8 x 4: 3 x 9 MACs for each."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.Activation("relu"), nn.GlobalAvgPool2D(), nn.Dense(2))
    return net, {"data": (1, 3, 10, 10)}, 8 * 8 * 4 * 27 + 4 * 2


@pytest.mark.parametrize("kind", ["convolution", "two_inputs", "states"])
def test_a_net_is_counted_alike_as_block_export_symbol_block_and_symbol(mx, tmp_path, two_inputs, kind):
    net, inputs, macs = {
        "convolution": lambda: convolution(mx.gluon.nn),
        "two_inputs": lambda: (two_inputs, {"data0": (1, 5), "data1": (1, 3)}, 52),
        "states": lambda: (mx.gluon.rnn.LSTM(8), {"data0": (5, 2, 6), "data1": (1, 2, 8), "data2": (1, 2, 8)}, LSTM[0]),
    }[kind]()
    arrays = [mx.nd.zeros(shape) for shape in inputs.values()]
    net.initialize()
    net.hybridize()
    net(*arrays) if kind != "states" else net(arrays[0], arrays[1:])
    net.export(str(tmp_path / "net"))
    symbol, params = str(tmp_path / "net-symbol.json"), str(tmp_path / "net-0000.params")
    sources = [net, tmp_path / "net", mx.gluon.SymbolBlock.imports(symbol, list(inputs), params), mx.sym.load(symbol)]
    reports = [count(source, inputs) for source in sources]
    assert [report.macs for report in reports] == [macs] * 4
    assert all(report.layers == reports[0].layers and report.params == reports[0].params for report in reports)


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
        pytest.param(flags(backend="MKLDNN"), "Module", marks=pytest.mark.needs_operator("_sg_mkldnn_conv")),
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


# A block that was counted or run before: its parameters keep the variables of that time.


def test_a_net_is_counted_in_the_dtype_that_it_was_cast_to(mx):
    """4 x 3 x 3 x 3 weights and 4 biases are 112 numbers."""
    net = mx.gluon.nn.Conv2D(4, 3, in_channels=3)
    net.initialize()
    assert count(net, {"data": (1, 3, 8, 8)}).params.bytes == 448
    net.cast("float64")
    assert count(net, {"data": ((1, 3, 8, 8), "float64")}).params.bytes == 896
    net.cast("float32")
    net.hybridize()
    net(mx.nd.ones((1, 3, 8, 8)))
    net.cast("float16")
    assert count(net, {"data": ((1, 3, 8, 8), "float16")}).params.bytes == 224


def test_a_net_that_knows_its_shapes_takes_no_other_input(mx):
    net = mx.gluon.nn.Dense(5)
    assert count(net, {"data": (2, 3)}).macs == 30
    net.initialize()
    net(mx.nd.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"do not fit together for data=\(2, 4\)"):
        count(net, {"data": (2, 4)})


def test_counting_does_not_change_a_nets_variables(mx):
    net = mx.gluon.nn.Dense(5)
    before = net.weight.var()
    count(net, {"data": (2, 3)})
    assert net.weight.var() is before


def test_two_parameters_of_one_name_are_one_clear_error(mx):
    net = mx.gluon.nn.HybridSequential(prefix="")
    net.add(mx.gluon.nn.Dense(5, prefix="d_"), mx.gluon.nn.Dense(5, prefix="d_"))
    with pytest.raises(ModelError, match=r"with the same name 'd_weight'; give its blocks prefixes of their own$"):
        count(net, {"data": (2, 5)})


def test_more_inputs_than_a_net_takes_are_counted(mx):
    with pytest.raises(ModelError, match=r"^Dense: Dense takes 1 input \(x\), got 2$"):
        count(mx.gluon.nn.Dense(5), {"data0": (1, 3), "data1": (1, 3)})
