"""The times of layers, on networks whose layers are known; no time is held against a number."""

import pytest

from pytest_mxperf.errors import ModelError
from pytest_mxperf.mx.build import fusing_backend
from pytest_mxperf.mx.monitor import Note
from pytest_mxperf.mx.pair import Pair
from pytest_mxperf.mx.profile import profile_pair, seconds_by_node
from pytest_mxperf.mx.runtime import mx
from pytest_mxperf.mx.side import Side
from pytest_mxperf.spec import InputSpec, RunAs
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.protocol import Network, Profile, Profiled


@pytest.fixture(scope="module")
def symbol_json():
    data = mx.sym.var("data")
    conv = mx.sym.Convolution(data, kernel=(7, 7), pad=(3, 3), num_filter=16, name="conv")
    relu = mx.sym.Activation(mx.sym.BatchNorm(conv, fix_gamma=False, name="bn"), act_type="relu", name="relu")
    parts = mx.sym.split(relu, num_outputs=2, name="parts")
    return mx.sym.softmax(parts[0] * parts[1], name="soft").tojson()


@pytest.fixture(scope="module")
def worker():
    """Its engine runs one operator after the other, which the times of layers rest on; this process's may not."""
    with Worker() as worker:
        yield worker


@pytest.fixture(scope="module", params=[RunAs(), RunAs("gluon")], ids=["module", "gluon"])
def profiles(request, symbol_json, worker):
    net = Network("net", symbol_json, {"data": InputSpec((1, 32, 64, 64))}, run_as=request.param)
    profile = Profile((net, net), cpu_seconds=0.2, most_cpu_seconds=60.0)
    profiled = worker.request(profile, Profiled, doing="it timed the layers", seconds=300)
    return request.param.kind, profiled.networks


def is_fused(kind):
    return kind == "module" and fusing_backend() != "NONE"


@pytest.mark.slow
def test_each_executed_operator_is_a_layer_in_execution_order(profiles):
    kind, both = profiles
    fused = ["conv", "parts", "_mul", "soft"] if is_fused(kind) else ["conv", "bn", "relu", "parts", "_mul", "soft"]
    for profile in both:
        assert [layer.name.rstrip("0123456789") for layer in profile.layers] == fused
        assert all(layer.cpu_seconds >= 0 for layer in profile.layers)
        assert profile.forward_cpu_seconds > 0
        assert profile.bindings == 3
        assert profile.rounds >= 3


def test_the_copies_of_outputs_are_a_part_of_the_forward(profiles):
    """65,536 numbers."""
    _, both = profiles
    for profile in both:
        assert 0 < profile.outputs_cpu_seconds < profile.forward_cpu_seconds


def test_a_fused_operator_is_called_after_the_layer_that_computes_in_it(profiles):
    kind, (_, candidate) = profiles
    first = candidate.layers[0]
    assert (first.name, first.operator) == ("conv", "Convolution")
    assert first.members == (("conv", "bn", "relu") if is_fused(kind) else ("conv",))


def test_the_convolution_takes_most_of_the_time(profiles):
    """103 million multiplications and additions; each of the others looks at 65,536 numbers."""
    _, (_, candidate) = profiles
    assert max(candidate.layers, key=lambda layer: layer.cpu_seconds).name == "conv"


def test_a_network_that_would_take_too_long_is_not_profiled(symbol_json):
    """Three bindings of each side with callbacks and without, warmed up once, run three times: 24 forwards."""
    pair = Pair(*(Side.of("net", symbol_json, {"data": InputSpec((1, 8, 64, 64))}) for _ in range(2)))
    pair.check()
    pair.forward_cpu_seconds = 0.5
    with pytest.raises(ModelError, match=r"its layers would take 12 s to time, and there are 11\.9 s"):
        profile_pair(pair, 2.0, 11.9)


def test_what_lies_between_two_calls_is_the_operators_by_hand():
    """The split from 0 to 1, and 0.1 to the call for its second output; the sum from 1.7 to 3. Around a call is 0.1."""
    notes = [Note("split_output0", 1.0, 1.5), Note("split_output1", 1.6, 1.7), Note("plus_output", 3.0, 3.1)]
    places = {"split_output0": 4, "split_output1": 4, "plus_output": 7}
    found = seconds_by_node(notes, 0.0, lambda output, before: places[output], 0.1)
    assert found == pytest.approx({4: 0.9, 7: 1.2})


def test_outputs_of_one_name_are_told_apart_by_their_order():
    notes = [Note("dense_output", 1.0, 1.0), Note("dense_output", 3.0, 3.0), Note("sum_output", 3.5, 3.5)]
    found = seconds_by_node(notes, 0.0, lambda output, before: (output, before), 0.0)
    assert found == pytest.approx({("dense_output", 0): 1.0, ("dense_output", 1): 2.0, ("sum_output", 0): 0.5})
