"""How much time a comparison has left, and what it says of that."""

import pytest

from pytest_mxperf.latency.allowance import DEFAULT_SECONDS, Allowance, too_short

# Four samples of 0.5 s each, of 15 s that are allowed.
QUIET = Allowance(seconds=15.0, cpu_seconds=2.0, wall_seconds=2.0, samples=4)
HALF = Allowance(seconds=15.0, cpu_seconds=2.0, wall_seconds=4.0, samples=4)
STARVED = Allowance(seconds=15.0, cpu_seconds=1.0, wall_seconds=20.0, samples=4)


@pytest.mark.parametrize(
    ("allowance", "seconds_per_sample", "wall_seconds_left"),
    [
        (QUIET, 0.5, 13.0),
        (HALF, 0.5, 26.0),  # 13 s of half a core
        (STARVED, 1.25, 40.0),  # a quarter of 20 s of wall time for four samples; four times 15 s less 20 s
    ],
)
def test_what_is_left(allowance, seconds_per_sample, wall_seconds_left):
    assert allowance.seconds_per_sample == pytest.approx(seconds_per_sample)
    assert allowance.wall_seconds_left == pytest.approx(wall_seconds_left)


@pytest.mark.parametrize(
    ("cpu_seconds", "wall_seconds", "is_used_up"),
    [(12.0, 12.0, False), (12.1, 12.1, True), (6.0, 48.0, False), (6.0, 48.5, True)],
)
def test_it_is_used_up_where_a_fifth_sample_would_be_too_much(cpu_seconds, wall_seconds, is_used_up):
    """Five fourths of 12 s are 15 s, and of 48 s of wall time four times that."""
    assert Allowance(15.0, cpu_seconds, wall_seconds, 4).is_used_up is is_used_up


@pytest.mark.parametrize(
    ("allowance", "text"),
    [
        (QUIET, "sample 4, 2 s; at most 13 s more"),
        (HALF, "sample 4, 4 s; at most 26 s more: the machine gives the measuring process 50% of a core"),
        (STARVED, "sample 4, 20 s; at most 40 s more: the machine gives the measuring process 5% of a core"),
    ],
)
def test_progress_says_how_long_it_can_still_take_and_why(allowance, text):
    assert allowance.progress() == text


def test_progress_of_a_process_that_never_had_a_core():
    assert Allowance(15.0, 0.0, 10.0, 1).progress().startswith("sample 1, 10 s; at most 50 s more: ")


def test_a_forecast_asks_for_half_as_many_samples_again():
    """20 samples were enough if all went on as it does: 30 of 0.5 s are 15 s."""
    expected = "15 s are too short at 0.5 s a sample; try --seconds=15"
    assert QUIET.too_short("--seconds", samples_to_decide=20) == expected


def test_without_a_forecast_it_asks_for_the_usual_samples_or_for_none():
    first = Allowance(15.0, 14.0, 14.0, 1)
    assert first.too_short("--seconds", None) == "15 s are too short at 14.0 s a sample; try --seconds=112"
    assert QUIET.too_short("--seconds", None).endswith("so near the tolerance that more time is unlikely to help")


def test_eight_samples_are_usual():
    assert too_short(15.0, 2.01, "--seconds") == "15 s are too short at 2.0 s a sample; try --seconds=17"


@pytest.mark.parametrize(
    ("cpu_seconds", "wall_seconds", "share"), [(2.0, 4.0, 0.5), (0.2, 0.5, 0.4), (3.0, 2.0, 1.0), (0.0, 0.0, 1.0)]
)
def test_the_share_of_a_core_is_at_most_one_and_one_before_any_time_has_passed(cpu_seconds, wall_seconds, share):
    assert Allowance(15.0, cpu_seconds, wall_seconds, 1).core_share == pytest.approx(share)


def test_nothing_is_left_of_a_time_that_was_exceeded():
    assert Allowance(15.0, 16.0, 16.0, 4).wall_seconds_left == 0.0


def test_85_percent_of_a_core_are_not_worth_a_word():
    assert Allowance(15.0, 17.0, 20.0, 4).progress() == "sample 4, 20 s; at most 0 s more"


@pytest.mark.parametrize(("samples", "end"), [(2, "try --seconds=56"), (3, "more time is unlikely to help")])
def test_three_samples_are_enough_to_say_that_time_will_not_help(samples, end):
    """Eight samples of 7 s are 56 s."""
    assert Allowance(15.0, 7.0 * samples, 7.0 * samples, samples).too_short("--seconds", None).endswith(end)


def test_a_comparison_has_30_s_if_nobody_says_more():
    """As docs/latency-gate.md says."""
    assert DEFAULT_SECONDS == 30.0
