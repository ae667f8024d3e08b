"""What is told of a busy machine."""

import pytest

from pytest_mxperf.latency.conditions import Conditions


def test_a_quiet_machine_has_nothing_to_tell():
    assert Conditions(wall_seconds=1.0, cpu_seconds=0.99, load_average=1.2, cores=2).disturbances() == []


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"cpu_seconds": 0.4}, "the measuring process had a core 40% of the time"),
        ({"load_average": 4.26}, "the load was 4.3 on 2 cores"),
        ({"steal_share": 0.12}, "the hypervisor took 12% of the time"),
        ({"megahertz_low": 1200.0, "megahertz_high": 3000.0}, "the core ran at 1200 to 3000 MHz"),
        ({"memory_available_share": 0.03}, "3% of memory was free, 0 pages were read from disk"),
        ({"major_faults": 7}, "100% of memory was free, 7 pages were read from disk"),
    ],
)
def test_each_disturbance_is_told_in_words(what, told):
    quiet = {"wall_seconds": 1.0, "cpu_seconds": 1.0, "load_average": 1.0, "cores": 2}
    assert Conditions(**{**quiet, **what}).disturbances() == [told]


def test_several_units_add_up():
    """0.5 s at 10% and 1.5 s at 2% stolen: (0.05 + 0.03) / 2 = 4%."""
    one = Conditions(0.5, 0.4, 0.1, 1.0, 2, 1, 0.5, 2000.0, 2100.0)
    other = Conditions(1.5, 1.2, 0.02, 3.0, 2, 0, 0.4, 1900.0, 2050.0)
    both = Conditions.over([one, other])
    assert both.steal_share == pytest.approx(0.04)
    assert (both.wall_seconds, both.cpu_share) == (2.0, pytest.approx(0.8))
    assert (both.load_average, both.cores, both.major_faults) == (3.0, 2, 1)
    assert (both.memory_available_share, both.megahertz_low, both.megahertz_high) == (0.4, 1900.0, 2100.0)


def test_what_nobody_has_measured_is_quiet():
    conditions = Conditions(wall_seconds=2.0, cpu_seconds=1.0)
    assert (conditions.steal_share, conditions.load_average, conditions.cores) == (0.0, 0.0, 1)
    assert (conditions.major_faults, conditions.memory_available_share) == (0, 1.0)
    assert (conditions.megahertz_low, conditions.megahertz_high) == (0.0, 0.0)


def test_no_time_is_a_whole_core_and_nothing_stolen():
    nothing = Conditions(0.0, 0.0, steal_share=0.5)
    assert nothing.cpu_share == 1.0
    assert Conditions.over([nothing]).steal_share == 0.0


@pytest.mark.parametrize(
    ("what", "is_told"),
    [
        ({"cpu_seconds": 0.85}, False),
        ({"cpu_seconds": 0.84}, True),
        ({"load_average": 2.0}, False),
        ({"steal_share": 0.02}, False),
        ({"steal_share": 0.021}, True),
        ({"memory_available_share": 0.05}, False),
        ({"memory_available_share": 0.049}, True),
        ({"megahertz_low": 1901.0, "megahertz_high": 2000.0}, False),
        ({"megahertz_low": 1899.0, "megahertz_high": 2000.0}, True),
    ],
)
def test_what_is_just_notable_is_told(what, is_told):
    quiet = {"wall_seconds": 1.0, "cpu_seconds": 1.0, "load_average": 1.0, "cores": 2}
    assert bool(Conditions(**{**quiet, **what}).disturbances()) is is_told
