"""How a graph is run: fused as in a Module, or not fused as in a hybridized block."""

import numpy as np
import pytest

from pytest_mxperf.mx.buffers import Buffers
from pytest_mxperf.mx.build import fusing_backend
from pytest_mxperf.mx.executors import bind
from pytest_mxperf.mx.side import Side
from pytest_mxperf.spec import InputSpec, RunAs
from pytest_mxperf.worker.protocol import Network

MODULE = RunAs()
GLUON = [RunAs("gluon"), RunAs("gluon", static_alloc=True), RunAs("gluon", static_alloc=True, static_shape=True)]


@pytest.fixture
def mx():
    import mxnet

    return mxnet


@pytest.fixture(autouse=True)
def _backend(monkeypatch):
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", fusing_backend())


def normalized(mx):
    """A 1 x 1 convolution of 2 channels by the identity, and a normalization: at the identity, too, until gamma is."""
    net = mx.sym.Convolution(mx.sym.var("data"), kernel=(1, 1), num_filter=2, no_bias=True, name="conv")
    return mx.sym.BatchNorm(net, fix_gamma=False, eps=1e-12, name="norm")


def values(mx):
    ones, zeros = mx.nd.ones((2,)), mx.nd.zeros((2,))
    norm = {"norm_gamma": ones, "norm_beta": zeros, "norm_moving_mean": zeros.copy(), "norm_moving_var": ones.copy()}
    weight = mx.nd.array([[1, 0], [0, 1]]).reshape((2, 2, 1, 1))
    return {"data": mx.nd.array([3, 4]).reshape((1, 2, 1, 1)), "conv_weight": weight, **norm}


def outputs_before_and_after_gamma_is_5(mx, run_as):
    bound = values(mx)
    forward = bind(normalized(mx), bound, run_as, inputs=["data"]).forward
    (before,) = forward()
    bound["norm_gamma"][:] = 5
    (after,) = forward()
    return before.ravel().tolist(), after.ravel().tolist()


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_a_module_folds_the_normalization_into_the_convolution(mx):
    """It has done so by the end of the first forward, and does not look at gamma any more."""
    assert outputs_before_and_after_gamma_is_5(mx, MODULE) == ([3.0, 4.0], [3.0, 4.0])


@pytest.mark.parametrize("run_as", GLUON, ids=str)
def test_a_hybridized_block_normalizes_in_each_forward(mx, run_as):
    assert outputs_before_and_after_gamma_is_5(mx, run_as) == ([3.0, 4.0], [15.0, 20.0])


@pytest.mark.parametrize("run_as", GLUON, ids=str)
def test_it_is_what_a_symbol_block_runs(mx, run_as, monkeypatch):
    """The flags that MXNet's own block creates its CachedOp with, and its outputs."""
    made = []
    original = mx.nd.CachedOp
    monkeypatch.setattr(mx.nd, "CachedOp", lambda symbol, flags: made.append(dict(flags)) or original(symbol, flags))
    monkeypatch.setattr(mx.gluon.block.ndarray, "CachedOp", mx.nd.CachedOp)
    symbol, bound = normalized(mx) * 2, values(mx)
    block = mx.gluon.SymbolBlock(symbol, [mx.sym.var("data")])
    for name, parameter in block.collect_params().items():
        parameter.initialize(init=mx.init.Zero())
        parameter.set_data(bound[name])
    block.hybridize(static_alloc=run_as.static_alloc, static_shape=run_as.static_shape)
    expected = block(bound["data"]).asnumpy()
    (ours,) = bind(symbol, bound, run_as, inputs=["data"]).forward()
    assert np.array_equal(ours, expected)
    assert expected.ravel().tolist() == [6.0, 8.0]
    theirs, own = made
    # Before 1.9, Gluon leaves CachedOp its own default, which is the same.
    assert own == {"inline_limit": 2, **theirs}


@pytest.mark.parametrize("run_as", [MODULE, *GLUON], ids=str)
def test_every_output_comes_in_its_order(mx, run_as):
    halves = mx.sym.SliceChannel(mx.sym.var("data"), num_outputs=2, name="halves")
    symbol = mx.sym.Group([halves[1], halves[0] * 10])
    outputs = bind(symbol, {"data": mx.nd.array([[1, 2]])}, run_as, inputs=["data"]).forward()
    assert [output.ravel().tolist() for output in outputs] == [[2.0], [10.0]]


@pytest.mark.parametrize("run_as", [MODULE, *GLUON], ids=str)
def test_zero_size_arrays_are_as_the_model_means_them(mx, run_as):
    """Under NumPy's semantics a shape with a 0 has no elements; otherwise it is unknown."""
    symbol = mx.sym.Group([mx.sym.var("data") * 2, mx.sym.var("none") + 1])
    bound = {"data": mx.nd.array([1.0])}
    with mx.util.np_shape(True):
        bound["none"] = mx.nd.zeros((0, 3))
    outputs = bind(symbol, bound, run_as, inputs=["data"], numpy_shapes=True).forward()
    assert [output.shape for output in outputs] == [(1,), (0, 3)]


@pytest.mark.parametrize(
    ("run_as", "gamma_counts"),
    [pytest.param(MODULE, False, marks=pytest.mark.needs_operator("_sg_mkldnn_conv")), (GLUON[-1], True)],
    ids=str,
)
def test_the_measuring_process_runs_a_network_as_it_is_told(mx, run_as, gamma_counts):
    from pytest_mxperf.worker.__main__ import _side

    inputs = {"data": InputSpec((1, 2, 1, 1))}
    side = _side(Network("net", normalized(mx).tojson(), inputs, run_as=run_as))
    assert isinstance(side, Side)
    buffers = Buffers()
    forward = side.bind(buffers).forward
    (before,) = forward()
    (gamma,) = (array for key, array in buffers.fresh.items() if key[0] == "BatchNorm" and key[2] == 1)
    gamma[:] = 5
    (after,) = forward()
    assert np.abs(before).min() > 0
    assert np.allclose(after, 5 * before if gamma_counts else before)
