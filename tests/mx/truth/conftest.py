"""What the truth tables share: one operator, made and inferred by MXNet, and its cost to the last FLOP."""

import pytest

from pytest_mxperf import count


@pytest.fixture
def cost_of():
    """``cost_of(build, *shapes)``: the cost of the operator that ``build(F, *inputs)`` makes of inputs of these shapes.

    ``numpy=True`` makes it as ``mx.np`` does, with scalars and empty tensors.
    """
    import mxnet as mx

    def cost_of(build, *shapes, numpy=False, layers=1):
        inputs = {f"x{index}": shape for index, shape in enumerate(shapes)}
        with mx.util.np_shape(numpy):
            variables = [mx.sym.var(name) for name in inputs]
            if numpy:
                variables = [variable.as_np_ndarray() for variable in variables]
            report = count(build(mx.sym, *variables), inputs)
        assert report.uncounted == {}
        assert len(report.layers) == layers
        return report.cost

    return cost_of
