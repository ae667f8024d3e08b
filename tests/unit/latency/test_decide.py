"""The sequential test by hand; its error rates are simulated in test_operating_characteristics.py."""

import math

import pytest

from pytest_mxperf.latency.decide import Decision, Outcome, SequentialTest, _lie, _student, confirm, is_undecided
from pytest_mxperf.latency.moments import Moments

REGRESSED = Decision(Outcome.REGRESSED, 0.05, 0.03, 0.07, 5)
SIX = (2, 3, 4, 5, 6)


def decide(log_ratios, tolerance=0.025, **options):
    """The decision, after which no sample is taken any more."""
    test = SequentialTest(tolerance, **options)
    return next(filter(None, map(test.add, log_ratios)), None)


def stop(log_ratios, tolerance=0.025, **options):
    test = SequentialTest(tolerance, **options)
    for log_ratio in log_ratios:
        test.add(log_ratio)
    return test.stop("the time is up")


def test_no_change_passes_after_a_few_samples():
    decision = decide([0.001, -0.002, 0.0, 0.001])
    assert (decision.outcome, decision.reason) == (Outcome.PASSED, "")
    assert decision.samples == 4
    assert 0 < decision.high <= 0.025


def test_a_slowdown_regresses_after_a_few_samples():
    decision = decide([0.055, 0.06, 0.058, 0.057, 0.056])
    assert (decision.outcome, decision.reason) == (Outcome.REGRESSED, "")
    assert decision.samples == 5
    assert 0.025 < decision.low < decision.growth < decision.high


def test_a_growth_is_a_fraction_of_the_reference():
    """Twice as slow, five times in a row."""
    assert decide([math.log(2)] * 5).growth == pytest.approx(1.0)


def test_the_tolerance_may_ask_for_more_speed():
    """At least 30% faster: log(0.7) is -0.357. Half the time passes, 20% less time does not."""
    assert decide([math.log(0.5)] * 4, tolerance=-0.3).outcome is Outcome.PASSED
    assert decide([math.log(0.8)] * 5, tolerance=-0.3).outcome is Outcome.REGRESSED


def test_the_lower_bound_by_hand():
    """Five samples of 0.05 and the prior: variance 2 x 0.008^2 / (2 + 4), which is a sd of 0.004619.

    Their correlation is (1 + 5 x 0.3) / (5 - 4 + 5) = 0.4167, so that they count for 5 x 0.5833 / 1.4167 = 2.059, and
    the standard error is 0.003219. Of alpha = 0.012 each of the 11 looks from 5 to 48 may spend 0.001, and so may a
    stop; Student's t with 6 degrees has its upper 0.1% at 5.208 in the printed tables. 0.05 - 5.208 x 0.003219 =
    0.03324, of which exp is 1.03379. Wallace's approximation is 1% of the margin too far out.
    """
    assert stop([0.05] * 5, alpha=0.012).low == pytest.approx(0.03379, abs=0.0002)


def test_the_upper_bound_by_hand():
    """Four samples of 0.02 and the prior: variance 2 x 0.008^2 / (2 + 3), which is a sd of 0.005060.

    Their correlation is (1 + 5 x 0.3) / (4 - 4 + 5) = 0.5, so that they count for 4 / 3, and the standard error is
    0.004382. Of 0.05 each of the four looks from 4 to 8 may spend 0.01, and so may a stop; Student's t with 5 degrees
    has its upper 1% at 3.365 in the printed tables. 0.02 + 3.365 x 0.004382 = 0.03475, of which exp is 1.03536.
    """
    assert stop([0.02] * 4, looks=(2, 3, 4, 5, 6, 8)).high == pytest.approx(0.03536, abs=0.0001)


def test_the_upper_bound_of_the_usual_looks():
    """The same samples. Of 0.05 each of the 12 looks from 4 to 48 may spend 1/13, and so may a stop: 0.0038462 each.

    A Gaussian exceeds 2.66529 as rarely, times 43 / 41 is 2.79530, and sqrt(5 x (exp(2.79530^2 / 5) - 1)) = 4.34274.
    0.02 + 4.34274 x 0.00438178 = 0.0390289, of which exp is 1.039801.
    """
    assert stop([0.02] * 4).high == pytest.approx(0.039801, abs=1e-6)


def test_the_lower_bound_of_a_first_comparison():
    """Five samples of 0.05: their standard error is 0.00321899. A first comparison's alpha is 0.0133731.

    The 11 looks from 5 to 48 share it with a stop: 0.00111443 each. A Gaussian exceeds 3.05791 as rarely, times 51 / 49
    is 3.18272, and sqrt(6 x (exp(3.18272^2 / 6) - 1)) = 5.14405. 0.05 - 5.14405 x 0.00321899 = 0.0334413, of which exp
    is 1.034007.
    """
    assert stop([0.05] * 5).low == pytest.approx(0.034007, abs=1e-6)


def test_a_bound_that_meets_the_tolerance_is_within():
    high, low = stop([0.0] * 4).high, stop([0.05] * 5).low
    assert stop([0.0] * 4, tolerance=high).outcome is Outcome.PASSED
    assert stop([0.05] * 5, tolerance=low).outcome is Outcome.INCONCLUSIVE


def test_a_sample_that_meets_the_tolerance_is_within():
    """log(1 + 0) is 0."""
    assert stop([0.0] * 4, tolerance=0.0).reason.startswith("the time is up: 4 of 4 samples are within the tolerance")


def test_samples_that_are_like_the_one_before_count_less():
    """The same eight samples, in an order in which each is like its neighbour, and in one in which none is."""
    alike = [0.03, 0.032, 0.034, 0.036, 0.044, 0.046, 0.048, 0.05]
    mixed = [0.03, 0.05, 0.032, 0.048, 0.034, 0.046, 0.036, 0.044]
    assert stop(mixed).outcome is Outcome.REGRESSED
    drifting = stop(alike)
    assert drifting.outcome is Outcome.INCONCLUSIVE
    assert drifting.growth == pytest.approx(stop(mixed).growth)
    assert drifting.reason.startswith("the time is up: 0 of 8 samples are within the tolerance, they vary by 0.8%, and")
    assert "each is like the one before (correlation 0." in drifting.reason


def test_a_spike_is_clipped():
    """0.3 among four of 0: the median and the median deviation are 0, so the sd for clipping is the prior's part alone,
    0.008 x sqrt(2 / 6) = 0.004619, and the spike counts as three of them, 0.013856. The mean is 0.002771."""
    decision = stop([0.0, 0.3, 0.0, 0.0, 0.0], tolerance=0.0)
    assert decision.growth == pytest.approx(math.exp(0.002771) - 1, abs=1e-6)


def test_among_fewer_samples_nobody_knows_which_is_the_spike():
    assert stop([0.0, 0.3, 0.0, 0.0]).growth == pytest.approx(math.exp(0.075) - 1)


def test_three_spikes_of_five_do_not_regress():
    """They agree, so that the other two look like the outliers; but these are within the tolerance."""
    assert decide([0.1, 0.101, 0.0, 0.1, 0.0]) is None


def test_between_two_looks_it_does_not_end():
    """Nothing could be clearer than seven times the double; but two and seven may agree by chance, eight may not."""
    test = SequentialTest(0.025, looks=(2, 8))
    assert [test.add(math.log(2)) for _ in range(7)] == [None] * 7
    assert test.stop("the time is up").outcome is Outcome.INCONCLUSIVE
    assert test.add(math.log(2)).outcome is Outcome.REGRESSED


def test_the_time_that_a_caller_has_may_end_it_between_two_looks():
    """The first six samples are not clear, and the next look is at eight."""
    values = [0.02, 0.12, 0.02, 0.12, 0.12, 0.12, 0.12]
    assert stop(values, tolerance=-0.1, looks=(5, 20)).outcome is Outcome.REGRESSED


def test_samples_within_the_tolerance_keep_a_model_from_failing():
    """Eight samples of 5% and four of nothing: the interval is above 0, but more than a quarter is not."""
    log_ratios = [-0.0001, 0.05, 0.05] * 4
    decision = decide(log_ratios, tolerance=0.0, looks=(4, 12))
    assert decision.low > 0
    assert (decision.outcome, decision.samples) == (Outcome.INCONCLUSIVE, 12)
    assert decision.reason.startswith(
        "not clear after 12 samples: 4 of 12 samples are within the tolerance, they vary by"
    )


def test_samples_beyond_the_tolerance_keep_a_model_from_passing():
    """Half of them are beyond it, though the mean is far below, and the interval too."""
    decision = decide([0.026, -0.03] * 24)
    assert decision.high < 0.025
    assert (decision.outcome, decision.samples) == (Outcome.INCONCLUSIVE, 48)


def test_a_growth_at_the_tolerance_is_inconclusive():
    log_ratios = [0.0247 + step for step in (0.004, -0.004, 0.003, -0.003, 0.001, -0.001)]
    decision = decide(log_ratios, looks=SIX)
    assert (decision.outcome, decision.samples) == (Outcome.INCONCLUSIVE, 6)
    assert decision.low < 0.025 < decision.high


def test_noise_is_inconclusive():
    decision = decide([0.10, -0.12, 0.15, -0.09, 0.14, -0.07], looks=SIX)
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert decision.low < -0.02
    assert decision.high > 0.06


def test_the_same_samples_decide_sooner_the_more_errors_are_allowed():
    log_ratios = [0.042, 0.048, 0.045, 0.046, 0.043, 0.044, 0.047, 0.045] * 2
    samples = [decide(log_ratios, alpha=alpha).samples for alpha in (0.1, 0.001, 0.0001)]
    assert samples == sorted(set(samples))


def test_three_samples_say_nothing_and_four_cannot_fail_a_build():
    one, two, three, four = (stop([0.5] * samples) for samples in (1, 2, 3, 4))
    assert (one.outcome, one.low, one.high) == (Outcome.INCONCLUSIVE, -1.0, math.inf)
    assert one.reason == "the time is up: one sample is too few to judge"
    assert two.reason == "the time is up: two samples are too few to judge"
    assert (three.outcome, three.low, three.high) == (Outcome.INCONCLUSIVE, -1.0, math.inf)
    assert (four.outcome, four.low) == (Outcome.INCONCLUSIVE, -1.0)
    assert 0.6 < four.high < math.inf


def test_stopping_says_why_and_what_is_known():
    decision = stop([0.01, 0.04, 0.02])
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert decision.reason.startswith("the time is up: 2 of 3 samples are within the tolerance, they vary by 1.")
    assert decision.low < decision.growth < decision.high


def test_stopping_before_the_first_sample():
    nothing = SequentialTest(0.025).stop("no time")
    assert nothing == Decision(Outcome.INCONCLUSIVE, 0.0, -1.0, math.inf, 0, "no time")


def test_stopping_when_it_is_clear():
    assert stop([0.0] * 7).outcome is Outcome.PASSED


@pytest.mark.parametrize("log_ratio", [math.nan, math.inf, -math.inf])
def test_a_sample_that_is_no_number(log_ratio):
    with pytest.raises(ValueError, match="finite"):
        SequentialTest(0.025).add(log_ratio)


def test_samples_beyond_the_last():
    """More would have to be paid for with errors that are spent already."""
    test = SequentialTest(0.025, looks=(2, 3, 4))
    for log_ratio in (0.0, 0.05, 0.0, 0.05):
        test.add(log_ratio)
    with pytest.raises(ValueError, match="had its 4 samples"):
        test.add(0.0)


def test_absurd_samples_do_not_overflow():
    assert stop([700.0, -700.0, 700.0, -700.0]).high == math.inf


@pytest.mark.parametrize(
    ("alpha", "degrees", "published"),
    [
        (0.05, 10, 1.812),
        (0.01, 7, 2.998),
        (0.01, 15, 2.602),
        (0.001, 6, 5.208),
        (0.001, 10, 4.144),
        (0.0005, 15, 4.073),
    ],
)
def test_student_against_printed_tables(alpha, degrees, published):
    assert published - 0.0005 <= _student(alpha, degrees) <= published * 1.01


def test_an_error_that_may_never_happen_has_no_bound():
    assert _student(0.0, 5) == math.inf


def test_a_slowdown_seen_twice_is_confirmed():
    second = Decision(Outcome.REGRESSED, 0.04, 0.03, 0.05, 7)
    assert confirm(REGRESSED, second) == second


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (Decision(Outcome.PASSED, 0.001, -0.01, 0.02, 3), "+5.0% on one worker, +0.1% on a second"),
        (
            Decision(Outcome.INCONCLUSIVE, 0.03, 0.01, 0.05, 12, "the time is up"),
            "+5.0% on one worker, +3.0% on a second (the time is up)",
        ),
    ],
)
def test_what_a_second_worker_does_not_see_is_inconclusive(second, reason):
    confirmed = confirm(REGRESSED, second)
    assert (confirmed.outcome, confirmed.reason) == (Outcome.INCONCLUSIVE, reason)
    assert (confirmed.growth, confirmed.samples) == (second.growth, second.samples)


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.INCONCLUSIVE])
def test_only_a_slowdown_is_to_be_confirmed(outcome):
    with pytest.raises(ValueError, match=f"not {outcome.name}"):
        confirm(Decision(outcome, 0.0, -0.01, 0.01, 3), REGRESSED)


def test_the_looks_are_those_of_the_docs():
    """48 samples of an undecided growth, each followed by one that would decide: only a look can end a test."""
    unclear = [0.025 + (0.03 if index % 2 else -0.03) for index in range(48)]
    looks = []
    for count in range(2, 49):
        test = SequentialTest(0.025)
        for log_ratio in unclear[: count - 1]:
            assert test.add(log_ratio) is None
        test._log_ratios[:] = [0.2 + 0.001 * index for index in range(count - 1)]
        if test.add(0.2) is not None:
            looks.append(count)
    assert looks == [5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48]  # nothing fails with fewer than five


def test_outcomes_are_kept_by_these_names():
    assert [outcome.value for outcome in Outcome] == ["passed", "regressed", "inconclusive"]


def test_before_the_first_sample_nothing_is_known():
    assert SequentialTest(0.025).interval() == (-1.0, math.inf)


@pytest.mark.parametrize(
    ("log_ratios", "samples"),
    [
        ([0.05, 0.051], None),  # two do not show how they scatter
        ([0.1, 0.1, 0.1], 5),  # nothing fails with fewer
        ([0.1] * 5, 6),  # the look at five has been
        ([0.0, 0.001, 0.002], 5),
        ([0.05, 0.051, 0.052], 6),
        ([0.02, -0.02, 0.0], 8),
        ([0.06, 0.02, 0.05, 0.03, 0.07], 12),
        ([0.08, 0.02, 0.05], 20),
        ([0.0247, 0.0247, 0.0246], None),  # the tolerance is 0.02469
    ],
)
def test_a_forecast_names_the_look_that_decides(log_ratios, samples):
    """The more the samples scatter, and the nearer they are to the tolerance, the later."""
    test = SequentialTest(0.025)
    for log_ratio in log_ratios:
        test.add(log_ratio)
    assert test.samples_to_decide() == samples


@pytest.mark.parametrize(("growth", "undecided"), [(0.025, False), (0.0251, True)])
def test_a_third_worker_is_asked_only_beyond_the_tolerance(growth, undecided):
    decision = Decision(Outcome.INCONCLUSIVE, growth, 0.0, 0.1, 8, "too little time")
    assert is_undecided(decision, 0.025) is undecided


@pytest.mark.parametrize(
    ("correlation", "end"),
    [
        (0.49, "they vary by 1.0%"),
        (0.5, "and each is like the one before (correlation 0.5), so that they count less"),
    ],
)
def test_a_notable_correlation_is_told(correlation, end):
    assert _lie(Moments(mean=0.02, sd=0.01, correlation=correlation, error=0.01), 8, 3).endswith(end)
