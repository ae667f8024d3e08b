from pytest_mxperf.baseline.explain import LayerChange, explain
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params


def layer(name, macs=0, params=0, op="Convolution"):
    return LayerCost(name, op, ((1,),), OpCost(macs=macs), Params(trainable=params))


def baseline(*layers):
    return Baseline.of(CostReport(layers, Params(), {}), {})


def test_only_layers_that_differ_are_named_and_the_largest_growth_first():
    before = baseline(layer("a", 10), layer("b", 10), layer("c", 10), layer("d", 10))
    now = baseline(layer("a", 15), layer("b", 10), layer("c", 90), layer("d", 2))
    assert explain("macs", before, now) == [
        LayerChange("c", "Convolution", before=10, now=90),
        LayerChange("a", "Convolution", before=10, now=15),
        LayerChange("d", "Convolution", before=10, now=2),
    ]


def test_growth_is_what_was_added():
    assert LayerChange("d", "Convolution", before=10, now=2).growth == -8


def test_new_and_vanished_layers_count_from_and_to_0():
    stays = layer("stays", 1)
    changes = explain("macs", baseline(stays, layer("old", 10)), baseline(stays, layer("new", 30)))
    assert changes == [LayerChange("new", "Convolution", 0, 30), LayerChange("old", "Convolution", 10, 0)]


def test_layers_that_are_all_renamed_match_by_position():
    before, now = baseline(layer("net0_a", 1), layer("net0_b", 10)), baseline(layer("net1_a", 1), layer("net1_b", 30))
    assert explain("macs", before, now) == [LayerChange("net1_b", "Convolution", 10, 30)]


def test_each_metric_has_its_own_changes():
    """4 more MACs are 8 more FLOPs."""
    before, now = baseline(layer("a", 10, params=7)), baseline(layer("a", 14, params=9))
    assert explain("macs", before, now) == [LayerChange("a", "Convolution", 10, 14)]
    assert explain("flops", before, now) == [LayerChange("a", "Convolution", 20, 28)]
    assert explain("params", before, now) == [LayerChange("a", "Convolution", 7, 9)]


def test_layers_of_one_name_are_matched_in_their_order():
    """MXNet allows two layers of one name."""
    before = baseline(layer("fc", 10), layer("fc", 20))
    now = baseline(layer("fc", 10), layer("fc", 25), layer("fc", 3))
    assert explain("macs", before, now) == [
        LayerChange("fc", "Convolution", 20, 25),
        LayerChange("fc", "Convolution", 0, 3),
    ]


def test_layers_are_matched_by_name_wherever_they_stand():
    before, now = baseline(layer("a", 10), layer("b", 20)), baseline(layer("b", 20), layer("a", 10))
    assert explain("macs", before, now) == []


def test_a_layer_that_became_another_operator_shows_the_new_one():
    before, now = baseline(layer("a", 10)), baseline(layer("a", 30, op="FullyConnected"))
    assert explain("macs", before, now) == [LayerChange("a", "FullyConnected", 10, 30)]
