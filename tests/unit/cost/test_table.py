"""What ``print(count(...))`` shows."""

from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params

CONV = LayerCost("conv", "Convolution", ((1, 8, 4, 4),), OpCost(macs=1_152), Params(72, bytes=288))
RELU = LayerCost("relu", "Activation", ((1, 8, 4, 4),), OpCost(activation=128), Params())
FLAT = LayerCost("flat", "Flatten", ((1, 128),), OpCost(), Params())
REPORT = CostReport((CONV, RELU, FLAT), Params(72, bytes=288), {"Custom": 2})


def test_printing_shows_the_heaviest_layers_and_the_totals():
    assert [line.split() for line in str(REPORT).splitlines()] == [
        ["layer", "operator", "output", "MACs", "FLOPs", "params"],
        ["conv", "Convolution", "1x8x4x4", "1.15", "k", "2.30", "k", "72"],
        ["relu", "Activation", "1x8x4x4", "0", "128", "0"],
        ["and", "1", "more"],
        ["total", "1.15", "k", "2.43", "k", "72"],
        ["uncounted:", "Custom", "(2)"],
    ]


def test_its_representation_is_one_line():
    assert repr(REPORT) == "CostReport(macs=1152, flops=2432, params=72, layers=3, uncounted={'Custom': 2})"
