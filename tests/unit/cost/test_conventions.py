"""How a convention is applied, to reports made by hand. ``tests/mx/test_conventions.py`` asks the tools themselves."""

from typing import get_args

import pytest

import pytest_mxperf.cost.formulas  # noqa: F401  registers every rule
from pytest_mxperf.cost.conventions import CONVENTIONS, OUTPUTS
from pytest_mxperf.cost.registry import rule_for
from pytest_mxperf.cost.result import CATEGORIES, ConventionName, CostReport, LayerCost, OpCost, Params
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX
from pytest_mxperf.errors import UsageError


def report(*layers):
    return CostReport(
        tuple(LayerCost(f"layer{i}", op, (output,), cost, Params()) for i, (op, output, cost) in enumerate(layers)),
        Params(),
        {},
    )


def totals(*layers):
    return {name: report(*layers).counted_as(name) for name in CONVENTIONS}


EVERYTHING = OpCost(10**9, 10**8, 10**7, 10**6, 10**5, 10**4, 10**3, 10**2, 10)


@pytest.mark.parametrize(
    ("op", "output", "cost", "expected"),
    [
        # op, output, cost: torchvision, fvcore, thop, conv-only
        ("Convolution", (1, 8, 4, 4), OpCost(macs=1000, bias=128), (1000, 1000, 1000, 1128)),
        ("Deconvolution", (1, 8, 4, 4), OpCost(macs=1000, bias=128), (1000, 1000, 1000, 0)),
        ("FullyConnected", (4, 10), OpCost(macs=1000, bias=40), (1000, 1000, 1000, 0)),
        ("batch_dot", (4, 10), OpCost(macs=1000), (1000, 1000, 0, 0)),
        ("_linalg_potrf", (4, 4), OpCost(macs=10, other=10), (0, 0, 0, 0)),
        ("BatchNorm", (4, 10), OpCost(normalization=80), (0, 80, 160, 0)),
        ("LayerNorm", (4, 10), OpCost(normalization=288), (0, 200, 160, 0)),  # 5 x 40, 4 x 40
        ("GroupNorm", (4, 10), OpCost(normalization=288), (0, 200, 0, 0)),
        ("LRN", (1, 8, 4, 4), OpCost(normalization=1152), (0, 0, 0, 0)),
        ("Pooling", (1, 8, 4, 4), OpCost(pooling=512), (0, 0, 0, 0)),
        ("Pooling", (1, 8, 1, 1), OpCost(pooling=512), (0, 512, 520, 0)),
        ("Pooling", (1, 1, 1, 8), OpCost(pooling=512), (0, 512, 520, 0)),
        ("Pooling", (1, 8, 1), OpCost(pooling=512), (0, 0, 520, 0)),
        ("softmax", (2, 5), OpCost(softmax=46), (0, 0, 28, 0)),  # 2 (3 x 5 - 1)
        ("UpSampling", (1, 2, 8, 8), OpCost(), (0, 128, 128, 0)),
        ("UpSampling", (1, 2, 8, 8), OpCost(macs=512), (0, 512, 1408, 0)),  # 4 x 128, 11 x 128
        ("Activation", (4, 10), OpCost(activation=40), (0, 0, 0, 0)),
        ("NoSuchOperator", (4, 10), EVERYTHING, (0, 0, 0, 0)),
    ],
)
def test_each_tool_counts_its_own(op, output, cost, expected):
    assert tuple(totals((op, output, cost)).values()) == expected
    assert tuple(CONVENTIONS) == ("torchvision", "fvcore", "thop", "conv-only")


def test_a_total_is_the_sum_of_its_layers():
    convolution = ("Convolution", (1, 8, 4, 4), OpCost(macs=1000, bias=128))
    norm = ("BatchNorm", (1, 8, 4, 4), OpCost(normalization=256))
    assert totals(convolution, norm, convolution) == {
        "torchvision": 2000,
        "fvcore": 2256,
        "thop": 2512,
        "conv-only": 2256,
    }
    assert set(totals().values()) == {0}


def test_halves_of_several_layers_make_a_whole():
    """Softmaxes over 3 elements with a temperature, 16 FLOPs: (16 + 3) / 2 each, 19 together, and not 9 + 9."""
    hot = ("softmax", (1, 3), OpCost(softmax=16))
    assert report(hot, hot).counted_as("thop") == 19


def test_totals_are_exact_where_a_float_is_not():
    huge = ("BatchNorm", (1,), OpCost(normalization=2**60 + 1))
    assert report(huge).counted_as("fvcore") == 2**60 + 1


@pytest.mark.parametrize(
    ("activation", "elementwise", "bias", "thop"),
    [
        (5, 8, 8, 16),  # LSTM: 4 gates of 1 addition and 2 biases, 3 for the cell, 1 for the output
        (3, 8, 6, 13),  # GRU: 3 gates of 1 addition and 2 biases, 1 for the reset, 3 for the output
        (1, 1, 2, 3),  # plain: 1 addition and 2 biases
    ],
)
def test_a_recurrent_unit_costs_what_thop_says(activation, elementwise, bias, thop):
    cost = OpCost(macs=1000, activation=activation, elementwise=elementwise, bias=bias)
    assert report(("RNN", (1, 1, 1), cost)).counted_as("thop") == 1000 + thop


def test_outputs_count_in_every_execution():
    """The cost of a layer in a loop is of all executions, its output of one: 5 per element of 3 x (2, 4)."""
    layer = LayerCost("norm", "LayerNorm", ((2, 4),), OpCost(normalization=60), Params())
    looped = CostReport((layer.times(3, inside="loop"),), Params(), {})
    assert looped.counted_as("fvcore") == 120


def test_an_unknown_convention_is_refused_with_those_there_are():
    with pytest.raises(UsageError) as refused:
        report().counted_as("ptflops")
    assert (
        str(refused.value) == "counted_as: unknown convention 'ptflops'; there are conv-only, fvcore, thop, torchvision"
    )


def test_the_type_of_a_convention_lists_those_there_are():
    assert sorted(CONVENTIONS) == ["conv-only", "fvcore", "thop", "torchvision"] == sorted(get_args(ConventionName))


@pytest.mark.parametrize("name", CONVENTIONS)
def test_conventions_name_operators_and_quantities_that_exist(name):
    for part in CONVENTIONS[name].parts:
        assert part.quantity in ("macs", OUTPUTS, *CATEGORIES)
        assert [op for op in part.operators if rule_for(op) is None and not op.startswith(FUSED_PREFIX)] == []


@pytest.mark.parametrize("name", CONVENTIONS)
def test_nothing_is_counted_twice(name):
    counted = [(op, part.quantity) for part in CONVENTIONS[name].parts for op in part.operators]
    assert len(counted) == len(set(counted))
