"""The scale of a drawing: 0 is the top, 100 the bottom."""

import pytest

from pytest_mxperf.quantities import Quantity
from pytest_mxperf.report.axes import Scale, percentage_ticks, quantity_ticks


def test_values_lie_between_the_edges_with_a_margin_of_8_percent():
    scale = Scale.over([1.0, 2.0])
    assert scale == (pytest.approx(0.92), pytest.approx(2.08))
    assert [scale.y(value) for value in (1.5, 0.0, 9.0)] == [50.0, 100.0, 0.0]


def test_one_value_has_room_around_it():
    assert Scale.over([3.0, 3.0]) == (0.0, 6.0)
    assert Scale.over([0.0]) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (-0.003, 0.031, ["0%", "+1%", "+2%", "+3%"]),
        (-0.052, 0.11, ["-5%", "0%", "+5%", "+10%"]),
        (0.0301, 0.0309, ["+3.02%", "+3.04%", "+3.06%", "+3.08%"]),
        (-0.9, 4.1, ["0%", "+100%", "+200%", "+300%", "+400%"]),
    ],
)
def test_percentages_are_round(low, high, texts):
    assert [tick.text for tick in percentage_ticks(Scale(low, high))] == texts


@pytest.mark.parametrize(
    ("low", "high", "quantity", "texts"),
    [
        (8.9e-3, 9.61e-3, Quantity.SECONDS, ["9.0 ms", "9.2 ms", "9.4 ms", "9.6 ms"]),
        (0.9e-3, 1.11e-3, Quantity.SECONDS, ["0.90 ms", "0.95 ms", "1.00 ms", "1.05 ms", "1.10 ms"]),
        (0, 2_200_000_000, Quantity.COUNT, ["0", "0.5 G", "1.0 G", "1.5 G", "2.0 G"]),
        (0, 7, Quantity.COUNT, ["0", "2", "4", "6"]),
        (-1, 1, Quantity.SECONDS, ["0", "0.5 s", "1.0 s"]),
    ],
)
def test_quantities_share_one_unit(low, high, quantity, texts):
    assert [tick.text for tick in quantity_ticks(Scale(low, high), quantity)] == texts
