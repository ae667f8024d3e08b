"""Operators that cost nothing: a sample of every reason."""

import pytest

from pytest_mxperf.cost.result import OpCost

FREE = {
    "reshape": lambda F, x: F.reshape(x, shape=(3, -1)),
    "flatten": lambda F, x: F.flatten(x),
    "transpose": lambda F, x: F.transpose(x),
    "swapaxes": lambda F, x: F.swapaxes(x, 0, 1),
    "expand_dims": lambda F, x: F.expand_dims(x, axis=0),
    "concat": lambda F, x: F.concat(x, x, dim=1),
    "stack": lambda F, x: F.stack(x, x),
    "split": lambda F, x: F.split(x, num_outputs=3, axis=1),
    "slice": lambda F, x: F.slice(x, begin=(0, 1), end=(1, 3)),
    "slice_axis": lambda F, x: F.slice_axis(x, axis=1, begin=0, end=1),
    "tile": lambda F, x: F.tile(x, reps=(2, 1, 1)),
    "repeat": lambda F, x: F.repeat(x, repeats=2),
    "flip": lambda F, x: F.flip(x, axis=1),
    "broadcast": lambda F, x: F.broadcast_like(x, x),
    "SequenceMask": lambda F, x: F.SequenceMask(x, value=-1),
    "SequenceLast": lambda F, x: F.SequenceLast(x),
    "SequenceReverse": lambda F, x: F.SequenceReverse(x),
    "where": lambda F, x: F.where(x, x, x),
    "take": lambda F, x: F.take(F.var("table", shape=(9, 5)), x),
    "pick": lambda F, x: F.pick(F.var("table", shape=(2, 3, 4, 5)), x),
    "one_hot": lambda F, x: F.one_hot(x, 10),
    "Embedding": lambda F, x: F.Embedding(x, input_dim=9, output_dim=5),
    "scatter_nd": lambda F, x: F.scatter_nd(F.var("values", shape=(3, 4)), x, shape=(5, 5)),
    "cast": lambda F, x: F.cast(x, "float16"),
    "cast_storage": lambda F, x: F.cast_storage(x, "default"),
    "zeros_like": lambda F, x: F.zeros_like(x),
    "shape_array": lambda F, x: F.shape_array(x),
    "arange_like": lambda F, x: F.contrib.arange_like(x),
    "index_array": lambda F, x: F.contrib.index_array(x),
    "identity": lambda F, x: F.identity(x),
    "BlockGrad": lambda F, x: F.BlockGrad(x),
    "gradientmultiplier": lambda F, x: F.contrib.gradientmultiplier(x, scalar=0.1),
    "MakeLoss": lambda F, x: F.MakeLoss(x),
    "LinearRegressionOutput": lambda F, x: F.LinearRegressionOutput(x),
    "random": lambda F, x: F.sample_normal(x, F.var("scale", shape=(2, 3, 4))),
    "shuffle": lambda F, x: F.shuffle(x),
}

NUMPY = {
    "reshape": lambda F, x: F.np.reshape(x, (-1,)),
    "transpose": lambda F, x: x.T,
    "concatenate": lambda F, x: F.np.concatenate([x, x], axis=1),
    "vstack": lambda F, x: F.np.vstack([x, x]),
    "roll": lambda F, x: F.np.roll(x, 1),
    "rot90": lambda F, x: F.np.rot90(x),
    "tril": lambda F, x: F.np.tril(x),
    "insert": lambda F, x: F.np.insert(x, 1, 5.0, axis=1),
    "where": lambda F, x: F.np.where(x, x, 0.0),
    "pad": lambda F, x: F.np.pad(x, ((1, 1), (0, 0), (0, 0))),
    "full_like": lambda F, x: F.np.full_like(x, 7),
    "broadcast_to": lambda F, x: F.np.broadcast_to(x, (5, 2, 3, 4)),
}


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in FREE.items()])
def test_free(cost_of, build):
    assert cost_of(build, (2, 3, 4)) == OpCost()


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in NUMPY.items()])
def test_free_in_numpy(cost_of, build):
    assert cost_of(build, (2, 3, 4), numpy=True) == OpCost()


CONSTANTS = {
    "zeros": lambda F: F.zeros((5,)),
    "ones": lambda F: F.ones((5,)),
    "full": lambda F: F.full((5,), 7),
    "arange": lambda F: F.arange(5),
    "linspace": lambda F: F.linspace(0, 1, 5),
    "random uniform": lambda F: F.random.uniform(shape=(5,)),
    "random gamma": lambda F: F.random.gamma(shape=(5,)),
}


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CONSTANTS.items()])
def test_what_has_no_input_is_free(cost_of, build):
    """Only the 5 additions cost."""
    assert cost_of(lambda F, x: x + build(F), (5,), layers=2) == OpCost(elementwise=5)
