"""The table of what distinguishes two models."""

import re

import pytest

from pytest_mxperf.baseline.diff import Change, ChangeKind, Costs, Detail, Difference
from pytest_mxperf.report import difference as report
from pytest_mxperf.report.console import new_console, printed

WIDENED = Change(
    ChangeKind.CHANGED,
    "conv1",
    "Convolution",
    (Detail("num_filter", "256", "384"), Detail("stride", "(1, 1)", "(2, 2)")),
    Costs(1_000_000, 2_000_000, 500),
    Costs(1_750_000, 3_500_000, 750),
    "old_conv1",
)
REMOVED = Change(ChangeKind.REMOVED, "relu", "Activation", (), Costs(flops=64), Costs(), "relu")
RESHAPED = Change(ChangeKind.RESHAPED, "flat", "Flatten", (Detail("input", "1x4", "1x8"),), Costs(), Costs(), "flat")
FOUND = Difference((WIDENED, REMOVED, RESHAPED), Costs(2_000_000, 4_000_064, 1_000), Costs(2_750_000, 5_500_000, 1_250))


def render(difference, width=120, color=False):
    return report.render(difference, width=width, color=color)


def rows(text):
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]


def test_the_totals_come_first_to_the_last_digit():
    assert render(FOUND).splitlines()[:3] == [
        "MACs    2,000,000 -> 2,750,000 (+37.50%)",
        "FLOPs   4,000,064 -> 5,500,000 (+37.50%)",
        "params  1,000 -> 1,250 (+25.00%)",
    ]


def test_each_change_has_its_growth_and_its_share():
    assert rows(render(FOUND))[4:] == [
        ["layer", "change", "MACs", "FLOPs", "params"],
        [
            *("conv1 (Convolution)", "num_filter 256 -> 384, stride (1, 1) -> (2, 2)"),
            *("+750 k", "100.0%", "+1.50 M", "+250", "100.0%"),
        ],
        ["relu (Activation)", "removed", "-64"],
        ["flat (Flatten)", "input 1x4 -> 1x8"],
    ]


def test_no_share_is_over_100_percent_or_below_0():
    """900 FLOPs more and 100 less: of the 800 that are left the first would be 112.5%, the second -12.5%."""
    changes = (
        Change(ChangeKind.ADDED, "b", "dot", (), Costs(), Costs(450, 900, 10)),
        Change(ChangeKind.REMOVED, "a", "LRN", (), Costs(0, 100, 0), Costs(), "a"),
    )
    assert rows(render(Difference(changes, Costs(0, 100, 0), Costs(450, 900, 10))))[5:] == [
        ["b (dot)", "added", "+450", "100.0%", "+900", "+10", "100.0%"],
        ["a (LRN)", "removed", "-100"],
    ]


def test_flops_are_shown_where_no_macs_change():
    found = Difference((REMOVED,), Costs(5, 74, 3), Costs(5, 10, 3))
    assert rows(render(found))[4:] == [
        ["layer", "change", "FLOPs"],
        ["relu (Activation)", "removed", "-64", "100.0%"],
    ]


def test_growth_in_both_directions_that_comes_to_nothing_has_no_shares():
    added = Change(ChangeKind.ADDED, "b", "dot", (), Costs(), Costs(64, 128))
    removed = Change(ChangeKind.REMOVED, "a", "dot", (), Costs(64, 128), Costs(), "a")
    text = render(Difference((removed, added), Costs(64, 128), Costs(64, 128)))
    assert rows(text)[0] == ["MACs", "64, unchanged"]
    assert rows(text)[5:] == [["a (dot)", "removed", "-64", "-128"], ["b (dot)", "added", "+64", "+128"]]


def test_growth_from_nothing():
    text = render(Difference((), Costs(), Costs(1, 2, 0)))
    assert text.splitlines()[0] == "MACs    0 -> 1 (from 0)"


def test_models_that_do_not_differ_say_so():
    assert render(Difference((), Costs(), Costs())).splitlines()[-1] == "no layer differs in more than its name"


@pytest.mark.parametrize(
    ("limit", "shown", "more"),
    [
        (4, ["l1", "l3", "l4", "l5"], ["    and 2 smaller changes"]),
        (5, ["l1", "l2", "l3", "l4", "l5"], ["    and 1 smaller change"]),
        (6, ["l0", "l1", "l2", "l3", "l4", "l5"], []),
    ],
)
def test_of_too_many_those_that_weigh_most_are_shown_in_the_models_order(limit, shown, more):
    """Heavy ones that vanish weigh as much as those that come."""
    changes = tuple(
        Change(ChangeKind.CHANGED, f"l{index}", "dot", (), Costs(100, 200), Costs(100 + growth, 200 + 2 * growth))
        for index, growth in enumerate([1, 60, 2, -50, 40, 30])
    )
    console = new_console(width=80, color=False)
    report.print_changes(console, Difference(changes, Costs(), Costs(83, 166)), limit=limit)
    lines = printed(console).splitlines()[1:]
    assert [line.split()[0] for line in lines[: len(shown)]] == shown
    assert lines[len(shown) :] == more


def test_names_are_text_and_nothing_else():
    strange = Change(ChangeKind.ADDED, "[red]x[/red] :dog: \x1b[31m", "dot", (), Costs(), Costs(1, 2))
    text = render(Difference((strange,), Costs(), Costs(1, 2)))
    assert "[red]x[/red] :dog: \N{REPLACEMENT CHARACTER}[31m (dot)" in text
    assert "\x1b" not in text
    assert "\x1b[" in render(Difference((strange,), Costs(), Costs(1, 2)), color=True)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_every_line_fits(width):
    long = Change(
        ChangeKind.CHANGED,
        "a_long_name_" * 9,
        "Convolution",
        (Detail("kernel", "(1, 1)" * 9, "x" * 60),),
        Costs(),
        Costs(),
    )
    lines = render(Difference((long, WIDENED), Costs(), Costs(5, 10, 1)), width=width).splitlines()
    assert max(map(len, lines)) <= width


def test_layers_whose_long_names_begin_alike_are_told_apart():
    names = [f"tinynet0_hybridsequential0_conv{number}_fwd" for number in range(3)]
    changes = tuple(
        Change(
            ChangeKind.CHANGED, name, "Convolution", (Detail("num_filter", "32", "40"),), Costs(), Costs(5, 10, 1), name
        )
        for name in names
    )
    shown = [row[0] for row in rows(render(Difference(changes, Costs(), Costs(15, 30, 3)), width=80))[5:]]
    assert [name[-9:] for name in shown] == ["conv0_fwd", "conv1_fwd", "conv2_fwd"]
