"""A Gluon block that is called twice: two operators of one name, with the same weights, as in a siamese network."""

import pytest

from pytest_mxperf import count
from pytest_mxperf.spec import InputSpec, RunAs
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.protocol import Inspect, Inspected, Network, Profile, Profiled

INPUTS = {"data0": (1, 32), "data1": (2048, 32)}
SPECS = {name: InputSpec(shape) for name, shape in INPUTS.items()}


@pytest.fixture(scope="module")
def net():
    import mxnet as mx

    weight, bias = mx.sym.var("dense_weight"), mx.sym.var("dense_bias")
    left, right = (
        mx.sym.FullyConnected(mx.sym.var(name), weight, bias, num_hidden=512, name="dense") for name in INPUTS
    )
    return mx.sym.broadcast_add(left, right, name="sum")


@pytest.fixture(scope="module")
def prefix(net, tmp_path_factory):
    """The checkpoint's prefix."""
    import mxnet as mx

    path = tmp_path_factory.mktemp("shared") / "net"
    net.save(f"{path}-symbol.json")
    weights = {"arg:dense_weight": mx.nd.ones((512, 32)), "arg:dense_bias": mx.nd.zeros((512,))}
    mx.nd.save(f"{path}-0000.params", weights)
    return path


@pytest.fixture(scope="module")
def worker():
    with Worker() as worker:
        yield worker


def test_each_call_is_counted_and_its_weights_once(net, prefix):
    """512 x 32 multiplications for 1 row and for 2,048; 512 x 32 weights and 512 biases."""
    for model in (net, prefix):
        report = count(model, INPUTS)
        assert [layer.macs for layer in report.layers if layer.name == "dense"] == [16_384, 33_554_432]
        assert report.params.trainable == 16_896


@pytest.mark.parametrize("output", ["dense", "dense_output"])
def test_a_graph_that_ends_at_its_name_ends_at_each_call(net, prefix, output):
    for model in (net, prefix):
        assert [layer.macs for layer in count(model, INPUTS, output=output).layers] == [16_384, 33_554_432]


@pytest.mark.parametrize(("value", "layer"), [(1.0, None), (1e-40, "dense")])
def test_its_weights_are_looked_into(net, worker, tmp_path, value, layer):
    """A subnormal weight and bias give subnormal outputs."""
    import mxnet as mx

    path = tmp_path / "net.params"
    mx.nd.save(
        str(path), {"arg:dense_weight": mx.nd.full((512, 32), value), "arg:dense_bias": mx.nd.full((512,), value)}
    )
    network = Network("net", net.tojson(), SPECS, params_path=str(path))
    found = worker.request(Inspect(network), Inspected, doing="it looked into net", seconds=120)
    assert found.layer == layer


@pytest.mark.parametrize("run_as", [RunAs(), RunAs("gluon")], ids=["module", "gluon"])
def test_each_call_has_its_own_time(net, worker, run_as):
    """The second one has 2,048 times the work, and neither has the time of both."""
    network = Network("net", net.tojson(), SPECS, run_as=run_as)
    profile = Profile((network,), cpu_seconds=0.2, most_cpu_seconds=60.0)
    (found,) = worker.request(profile, Profiled, doing="it timed the layers", seconds=300).networks
    layers = [layer for layer in found.layers if layer.name == "dense"]
    assert len(layers) == 2
    assert layers[0].cpu_seconds < layers[1].cpu_seconds
