"""What follows from the times of layers; every figure by hand."""

import pytest

from pytest_mxperf.cost.result import LayerCost, OpCost, Params
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.graph import Graph
from pytest_mxperf.profile.layers import TimedLayer, model_profile
from pytest_mxperf.profile.values import LayerTime, NetworkProfile, Peaks
from tests.unit.cost.test_walk import operator, variable

PEAKS = Peaks({"float32": 1e9, "int8": 4e9}, 1e9)


def layer(seconds=1e-3, flops=0, moved=0, dtype="float32"):
    return TimedLayer("a", "op", seconds, 0, flops, moved, dtype)


@pytest.mark.parametrize(
    ("subject", "seconds"),
    [
        (layer(flops=500_000, moved=100_000), 5e-4),  # arithmetic takes longer
        (layer(flops=50_000, moved=100_000), 1e-4),  # the bytes do
        (layer(flops=500_000, dtype="int8"), 1.25e-4),
        (layer(flops=500_000, dtype="uint8"), 1.25e-4),
        (layer(flops=500_000, dtype="float16"), 5e-4),  # a CPU computes it in single precision
        (layer(), 0.0),
    ],
)
def test_the_attainable_time_is_that_of_what_takes_longer(subject, seconds):
    assert subject.attainable_seconds(PEAKS) == pytest.approx(seconds)


def test_without_a_peak_for_integers_they_are_held_against_the_other():
    assert layer(flops=500_000, dtype="int8").attainable_seconds(Peaks({"float32": 1e9}, 1e9)) == pytest.approx(5e-4)


def test_rates_are_per_second_and_0_where_no_time_was_seen():
    assert layer(2e-3, 4_000_000, 1_000_000).flops_per_second == pytest.approx(2e9)
    assert layer(2e-3, 4_000_000, 1_000_000).bytes_per_second == pytest.approx(5e8)
    assert (layer(0.0, 5).flops_per_second, layer(0.0, 0, 5).bytes_per_second) == (0.0, 0.0)


GRAPH = Graph(
    (
        variable("data"),
        variable("weight"),
        operator("Convolution", "conv", 0, 1),
        operator("Activation", "relu", 2),
        operator("softmax", "soft", 3),
        operator("elemwise_add", "sum", 3, 4),
    ),
    ((5, 0),),
)
SHAPES = [((1, 100),), ((50,),), ((1, 100),), ((1, 100),), ((1, 100),), ((1, 100),)]
INFERENCE = Inference(SHAPES, [("float32",)] * 6)


def cost(name, op, macs=0, flops=0, read=0, written=400):
    return LayerCost(name, op, ((1, 100),), OpCost(macs, elementwise=flops), Params(), "float32", 1, read, written)


COSTS = [
    cost("conv", "Convolution", macs=1000, read=600),
    cost("relu", "Activation", flops=100, read=400),
    cost("soft", "softmax", flops=500, read=400),
    cost("sum", "elemwise_add", flops=100, read=800),
]


def profile(*rows, forward=1e-3, outputs=0.0, **options):
    network = NetworkProfile(rows, forward, 3, 5, outputs)
    return model_profile(GRAPH, INFERENCE, COSTS, network, run_as="Module", **options)


def test_what_is_fused_is_one_layer_and_what_passes_inside_moves_nowhere():
    """The convolution reads 600 bytes, and the activation writes 400, which both others read."""
    found = profile(
        LayerTime("conv", "Convolution", 6e-4, ("conv", "relu")),
        LayerTime("soft", "softmax", 2e-4, ("soft",)),
        LayerTime("sum", "elemwise_add", 1e-4, ("sum",)),
    )
    conv, soft, total = found.layers
    assert (conv.macs, conv.flops, conv.bytes_moved, conv.members) == (1000, 2100, 1000, ("conv", "relu"))
    assert (soft.flops, soft.bytes_moved, total.bytes_moved) == (500, 800, 1200)


def test_an_output_that_others_read_too_is_written():
    """The activation's 400 bytes are read by the sum outside; the softmax's by nobody else."""
    found = profile(LayerTime("soft", "softmax", 6e-4, ("relu", "soft")), LayerTime("sum", "elemwise_add", 1e-4))
    assert found.layers[0].bytes_moved == 400 + 400 + 400  # read; written by the activation, and by the softmax


def test_the_graphs_output_is_written_even_when_a_fused_operator_reads_it():
    graph = Graph(GRAPH.nodes, ((5, 0), (2, 0)))
    row = LayerTime("conv", "Convolution", 6e-4, ("conv", "relu"))
    found = model_profile(graph, INFERENCE, COSTS, NetworkProfile((row,), 1e-3, 3, 5), run_as="Module")
    assert found.layers[0].bytes_moved == 600 + 400 + 400


def test_a_layer_of_mxnets_own_computes_nothing_that_was_counted():
    (found,) = profile(LayerTime("sg_reorder_7", "_reorder", 1e-4)).layers
    assert (found.macs, found.flops, found.bytes_moved, found.dtype) == (0, 0, 0, "")


def test_shares_and_what_is_lost_are_of_the_forward():
    """2,100 FLOPs at 1e9 a second are 2.1 us, 1,000 bytes 1 us; of 600 us that is 0.35%."""
    found = profile(LayerTime("conv", "Convolution", 6e-4, ("conv", "relu")), outputs=2e-4, peaks=PEAKS)
    (conv,) = found.layers
    assert found.share(conv) == pytest.approx(0.6)
    assert found.attained(conv) == pytest.approx(0.0035)
    assert found.lost_seconds(conv) == pytest.approx(5.979e-4)
    assert found.unaccounted_share == pytest.approx(0.2)
    assert found.doubt == "20% of a forward is in no layer"


def test_without_peaks_nobody_knows_what_is_lost():
    found = profile(LayerTime("conv", "Convolution", 1e-3))
    assert (found.attained(found.layers[0]), found.lost_seconds(found.layers[0]), found.doubt) == (None, 0.0, "")


def test_layers_that_take_more_than_the_forward_are_doubtful():
    found = profile(LayerTime("conv", "Convolution", 1.2e-3))
    assert found.doubt == "the layers add up to 20% more time than a forward"


def test_every_layer_of_the_graph_knows_what_it_runs_in():
    found = profile(LayerTime("conv", "Convolution", 6e-4, ("conv", "relu")), LayerTime("soft", "softmax", 1e-4))
    conv, soft = found.layers
    assert found.of_layers(["conv", "relu", "other", "soft", "soft"]) == [conv, conv, None, soft, None]
    assert found.slowest(1) == (conv,)
