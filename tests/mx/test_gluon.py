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
