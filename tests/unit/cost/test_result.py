"""Sums and products of costs."""

from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params


def layer(name, *, macs=0, bias=0):
    return LayerCost(name, "Op", ((1,),), OpCost(macs=macs, bias=bias), Params())


def report(*layers):
    return CostReport(tuple(layers), Params(), {})


def test_a_mac_is_two_flops_and_every_category_adds_its_own():
    """2 * 100 + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 = 245; one category left out would show."""
    cost = OpCost(
        macs=100,
        bias=1,
        normalization=2,
        activation=3,
        elementwise=4,
        reduction=5,
        pooling=6,
        softmax=7,
        interpolation=8,
        other=9,
    )
    assert cost.flops == 245
    assert cost.flops_by_category() == {
        "bias": 1,
        "normalization": 2,
        "activation": 3,
        "elementwise": 4,
        "reduction": 5,
        "pooling": 6,
        "softmax": 7,
        "interpolation": 8,
        "other": 9,
    }


def test_costs_add_up_field_by_field():
    total = OpCost(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) + OpCost(100, 100, 100, 100, 100, 100, 100, 100, 100, 100)
    assert total == OpCost(101, 102, 103, 104, 105, 106, 107, 108, 109, 110)


def test_parameters_add_up_field_by_field():
    total = Params(trainable=1, frozen=2, auxiliary=3, bytes=24) + Params(
        trainable=10, frozen=20, auxiliary=30, bytes=1
    )
    assert total == Params(trainable=11, frozen=22, auxiliary=33, bytes=25)
    assert total.total == 66


def test_a_report_sums_its_layers():
    cost = report(layer("a", macs=10, bias=1), layer("b", macs=20), layer("c", bias=5))
    assert (cost.macs, cost.flops) == (30, 66)
    assert cost.cost == OpCost(macs=30, bias=6)


def test_an_empty_report_costs_nothing():
    assert (report().macs, report().flops, report().cost) == (0, 0, OpCost())


def test_the_heaviest_layers_come_first_and_free_ones_not_at_all():
    """FLOPs: a 6, b 0, c 20, d 7."""
    cost = report(layer("a", macs=3), layer("b"), layer("c", macs=10), layer("d", bias=7))
    assert [layer.name for layer in cost.heaviest(2)] == ["c", "d"]
    assert [layer.name for layer in cost.heaviest(99)] == ["c", "d", "a"]
