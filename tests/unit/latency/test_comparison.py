"""What a comparison is when nobody says more."""

from pytest_mxperf.latency.comparison import Comparison, Sample
from pytest_mxperf.latency.decide import Decision, Outcome

DECISION = Decision(Outcome.PASSED, 0.01, -0.01, 0.02, 2)


def test_a_sample_is_of_the_first_process_and_knows_no_times_or_bounds():
    sample = Sample(0.1)
    assert (sample.reference_seconds, sample.candidate_seconds, sample.process) == (0.0, 0.0, 1)
    assert (sample.low, sample.high) == (None, None)


def test_a_comparison_is_of_one_process_unless_it_says_otherwise():
    one = Comparison(DECISION, 1.26, None, (Sample(0.1), Sample(-0.2)), seed=7)
    assert one.effort == "2 samples in one process, 1.3 s"
    assert one.log_ratios == (0.1, -0.2)
    three = Comparison(DECISION, 60.0, None, (), seed=7, processes=3)
    assert three.effort == "0 samples in three processes, 60.0 s"
