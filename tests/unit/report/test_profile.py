"""The times of layers as a table."""

import msgspec
import pytest

from pytest_mxperf.profile.attribution import Pairing, Row
from pytest_mxperf.profile.values import LayerTime
from pytest_mxperf.report.profile import gigas, render, render_two
from tests.unit.report.runs import PROFILE


def lines(profile=PROFILE, width=80, **options):
    return render("net", profile, width=width, color=False, **options).splitlines()


def test_a_row_for_each_layer_with_its_share_and_rates():
    """0.6 of 1 ms; 4 MB in it are 6.67 GB/s, a third of what the processor moves."""
    assert lines() == [
        "net",
        "  layers: 1.00 ms per forward, as a Module, with its own weights",
        "    layer     operator       time  share  GFLOP/s  GB/s  attained",
        "    conv      Convolution  600 µs  60.0%     0.00  6.67     33.3%",
        "    soft      softmax      200 µs  20.0%     0.00  0.00      0.0%",
        "  one core does 100 GFLOP/s in float32, 400 GFLOP/s in int8, and moves 20.0 GB/s",
        "  conv loses 400 µs: it attains 33.3% of what the processor can do",
        "  soft loses 200 µs: it attains 0.0% of what the processor can do",
    ]


def test_fewer_layers_say_of_how_many():
    assert lines(top=1)[1].endswith("; 1 of 2 layers") or lines(top=1)[2].endswith("1 of 2 layers")
    assert not any("soft " in line for line in lines(top=1)[:5])


@pytest.mark.parametrize(("sort", "first"), [("time", "conv"), ("macs", "conv"), ("bytes", "conv")])
def test_the_most_comes_first(sort, first):
    turned = msgspec.structs.replace(PROFILE, layers=PROFILE.layers[::-1])
    assert lines(turned, sort=sort)[3].split()[0] == first


def test_what_the_layers_do_not_account_for_is_said():
    doubtful = msgspec.structs.replace(PROFILE, outputs_cpu_seconds=0.0)
    assert "  20% of a forward is in no layer" in lines(doubtful)
    assert not any(" loses " in line for line in lines(doubtful))


def test_without_peaks_nothing_is_held_against_them():
    plain = msgspec.structs.replace(PROFILE, peaks=None, own_weights=False)
    assert lines(plain)[1].endswith("with synthetic weights")
    assert len(lines(plain)) == 5


def test_a_long_name_loses_its_middle():
    long = msgspec.structs.replace(PROFILE.layers[0], name="resnet_stage1_unit1_" * 5 + "conv")
    shown = lines(msgspec.structs.replace(PROFILE, layers=(long,)))
    assert all(len(line) <= 80 for line in shown)
    assert "…" in shown[3]


@pytest.mark.parametrize(
    ("rate", "shown"), [(0, ""), (1.234e9, "1.23"), (9.996e9, "10.0"), (42.0e9, "42.0"), (1.5e11, "150")]
)
def test_rates_have_three_digits(rate, shown):
    assert gigas(rate) == shown


def row(name, milliseconds):
    return Row(LayerTime(name, "Convolution", milliseconds / 1e3, (name,)), 0, (0,))


def test_two_models_side_by_side():
    pairings = [
        Pairing((row("conv1", 1.0),), (row("conv1", 1.01),)),
        Pairing((row("conv2", 1.0),), (row("wide2", 2.0),)),
        Pairing((), (row("extra", 0.5),)),
        Pairing((row("lost", 0.1),), ()),
    ]
    slower = msgspec.structs.replace(PROFILE, forward_cpu_seconds=2.4e-3)
    shown = render_two(("a", "b"), (PROFILE, slower), pairings, ["wide2: slower"], width=80, color=False)
    assert shown.splitlines() == [
        "a: layers: 1.00 ms per forward, as a Module, with its own weights",
        "b: layers: 2.40 ms per forward, as a Module, with its own weights",
        "1.00 ms -> 2.40 ms per forward, +140.00%",
        "    layer     operator      before      now    change",
        "    wide2     Convolution  1.00 ms  2.00 ms  +100.00%",
        "    extra     Convolution      0 s   500 µs       new",
        "    lost      Convolution   100 µs      0 s      gone",
        "    conv1     Convolution  1.00 ms  1.01 ms    +1.00%",
        "  wide2: slower",
    ]
