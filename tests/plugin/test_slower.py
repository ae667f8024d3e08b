"""What a REGRESSED latency says of layers; with a timer that only pretends, and once for real."""

import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision, Outcome
from pytest_mxperf.profile.values import LayerTime, NetworkProfile

REGRESSED = Decision(Outcome.REGRESSED, 0.056, 0.039, 0.07, 8)
PASSED = Decision(Outcome.PASSED, 0.001, -0.01, 0.021, 3)
INCONCLUSIVE = Decision(Outcome.INCONCLUSIVE, 0.024, -0.01, 0.06, 12, "not clear after 12 samples")

NETS = """
def grouped(groups):
    def network():
        import mxnet as mx

        net = mx.sym.Convolution(mx.sym.var("data"), num_filter=8, kernel=(3, 3), pad=(1, 1), name="first")
        net = mx.sym.Convolution(net, num_filter=8, kernel=(1, groups), num_group=groups, name="second")
        return mx.sym.Pooling(net, global_pool=True, kernel=(1, 1), name="pool")

    return network

"""
GATED = """
@pytest.mark.mxperf_model(grouped(GROUPS), inputs={"data": (1, 3, 8, 8)}, name="net")
@pytest.mark.mxperf_baseline(macs="900%", flops="900%", params="900%", param_bytes="900%", latency="2.5%")
def test_it():
    pass
"""


def profile(**milliseconds):
    """The layers' times; they make up the whole forward."""
    layers = tuple(LayerTime(name, "Convolution", time / 1e3, (name,)) for name, time in milliseconds.items())
    return NetworkProfile(layers, sum(milliseconds.values()) / 1e3, bindings=3, rounds=5)


SLOWER = profile(first=1.0, second=1.21, pool=0.1), profile(first=1.05, second=2.35, pool=0.1)


@pytest.fixture
def changed(timer, write, run):
    """A baseline of one group, a test of two; and what the timer will decide."""

    def changed(decision, profiled=SLOWER):
        write(f"GROUPS = 1\n{NETS}{GATED}")
        run("--mxperf-update").assert_outcomes(passed=1)
        write(f"GROUPS = 2\n{NETS}{GATED}")
        timer.decisions, timer.profiled = [decision], profiled
        timer.conditions = Conditions(wall_seconds=1.0, cpu_seconds=0.5)

    return changed


def test_the_layers_that_are_slower_are_named(changed, run, no_traceback):
    """0.05 and 1.14 of 1.19 ms; 8 x 8 x 8 x 8 MACs before, 8 x 7 x 8 x 4 x 2 now."""
    changed(REGRESSED)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "net: latency +5.6% (at least +3.9%), allowed +2.5% over its baseline; 8 samples in two processes, *",
            "    second (Convolution): 1.21 ms -> 2.35 ms, 96% of the growth: 12% fewer MACs, slower: num_group "
            "1 -> 2, kernel (1, 1) -> (1, 2)",
            "    meanwhile: the measuring process had a core 50% of the time",
            "if that is meant, store the new baseline: pytest --mxperf-update test_it.py::test_it",
        ],
        consecutive=True,
    )
    no_traceback(result)


def test_the_reference_is_the_baseline(changed, run, timer):
    changed(REGRESSED)
    run()
    ((reference, candidate),) = timer.explained
    assert (reference.name, '"num_group": "2"' in reference.symbol_json) == ("its baseline", False)
    assert (candidate.name, '"num_group": "2"' in candidate.symbol_json) == ("net", True)


@pytest.mark.parametrize("decision", [PASSED, INCONCLUSIVE, Decision(Outcome.PASSED, -0.2, -0.22, -0.18, 2)])
def test_nothing_else_times_layers(changed, run, timer, decision):
    changed(decision)
    run().assert_outcomes(passed=1)
    assert (len(timer.asked), timer.explained) == (1, [])


def test_a_model_that_is_faster_but_not_fast_enough_has_no_slower_layers(timer, write, run):
    write(f"GROUPS = 1\n{NETS}{GATED.replace('(macs', '(against=grouped(2), macs').replace('2.5%', '-30%')}")
    timer.decisions = [Decision(Outcome.REGRESSED, -0.2, -0.25, -0.15, 4)]
    run().assert_outcomes(failed=1)
    assert timer.explained == []


def test_another_model_is_explained_like_a_baseline(timer, write, run):
    write(f"GROUPS = 2\n{NETS}{GATED.replace('(macs', '(against=grouped(1), macs')}")
    timer.decisions, timer.profiled = [REGRESSED], SLOWER
    result = run()
    result.stdout.fnmatch_lines(["    second (Convolution): 1.21 ms -> 2.35 ms, 96% of the growth: *"])


def test_the_report_has_what_has_changed(changed, report):
    changed(REGRESSED)
    difference = report()["test_it"]["difference"]
    first, *_ = difference["changes"]
    assert (first["name"], first["kind"]) == ("second", "changed")


def test_so_has_the_terminal(changed, run):
    changed(REGRESSED)
    result = run("--mxperf-report")
    result.stdout.fnmatch_lines(
        ["  changes since the baseline", "    *layer *", "    second *kernel (1, 1) -> (1, 2),*"]
    )


def test_a_pass_has_no_changes(changed, report):
    changed(PASSED)
    assert report()["test_it"]["difference"] is None


def test_what_cannot_be_timed_by_layers_is_still_a_regression(changed, run, no_traceback):
    changed(REGRESSED, WorkerError("the measuring process died (SIGSEGV) while it timed the layers of net"))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "net: latency +5.6% (at least +3.9%)*",
            "    cannot say which layers are slower: the measuring process died (SIGSEGV) while it timed *",
        ],
        consecutive=True,
    )
    no_traceback(result)


def test_no_layer_is_blamed_where_a_large_part_is_in_none(changed, run, timer):
    before, now = SLOWER
    changed(REGRESSED, (before, NetworkProfile(now.layers, 3.8e-3, 3, 5)))
    result = run()
    result.stdout.fnmatch_lines(
        ["    cannot say which layers are slower: their times do not add up (8% of a forward is in no layer)"]
    )
    assert len(timer.explained) == 2  # it may have been chance


def test_layers_are_timed_once_where_they_can_be_blamed(changed, run, timer):
    changed(REGRESSED)
    run()
    assert len(timer.explained) == 1


CHECKPOINT = """
@pytest.mark.mxperf_model(PREFIX, inputs=INPUTS)
@pytest.mark.mxperf_baseline(macs="0%", latency="2.5%")
def test_it():
    pass
"""


def test_layers_that_its_own_weights_slow_down(timer, write, run, digits):
    """A first convolution of the example takes 4 ms with them, and 1 ms with others."""
    write(CHECKPOINT)
    first = "conv1_fwd"
    slow, fast = [profile(**{first: time}) for time in (4.0, 1.0)]
    timer.decisions, timer.profiled = [Decision(Outcome.REGRESSED, 0.9, 0.8, 1.0, 4)], (fast, slow)
    result = run("--mxperf-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "digits: weights: 1.9x the time that the graph needs with synthetic ones",
            f"    {first} (Convolution): 1.00 ms -> 4.00 ms, 100% of the growth: the same work, slower with its own "
            "weights",
        ],
        consecutive=True,
    )
    ((reference, candidate),) = timer.explained
    assert (reference.params_path, candidate.params_path) == (None, str(digits) + "-0000.params")
