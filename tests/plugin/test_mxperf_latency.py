"""mxperf_baseline(latency=...), --mxperf-latency and its seconds; mostly with a timer that only pretends."""

import json
import os
import shutil
import tempfile

import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision, Outcome

NETS = """
def chain(widths, prefix=""):
    def network():
        import mxnet as mx

        net = mx.sym.var("data")
        for place, width in enumerate(widths):
            net = mx.sym.FullyConnected(net, num_hidden=width, name=f"{prefix}fc{place}")
        return net

    return network

"""
GATED = """
@pytest.mark.mxperf_model(chain(WIDTHS, PREFIX_OF_NAMES), inputs={"data": (1, 16)}, name="chain")
@pytest.mark.mxperf_baseline(macs="900%", params="900%", latency="2.5%")
def test_it():
    pass
"""
QUIET = Conditions(wall_seconds=1.0, cpu_seconds=1.0)
PASSED = Decision(Outcome.PASSED, 0.001, -0.01, 0.021, 3)
REGRESSED = Decision(Outcome.REGRESSED, 0.052, 0.041, 0.064, 4)
INCONCLUSIVE = Decision(Outcome.INCONCLUSIVE, 0.024, -0.01, 0.06, 12, "not clear after 12 samples")
BUSY = Conditions(wall_seconds=1.0, cpu_seconds=0.4, load_average=6.0, cores=2)


@pytest.fixture
def write_chain(write):
    def write_chain(*widths, prefix="", test=GATED):
        write(f"WIDTHS = {widths!r}\nPREFIX_OF_NAMES = {prefix!r}\n{NETS}{test}")

    return write_chain


@pytest.fixture
def changed(timer, write_chain, run):
    """A baseline of one width, a test of another; and what the timer will decide."""

    def changed(decision, conditions=QUIET):
        write_chain(8, 4)
        run("--mxperf-update").assert_outcomes(passed=1)
        assert timer.asked == []
        timer.made_with.clear()
        write_chain(9, 4)
        timer.decisions, timer.conditions = [decision], conditions

    return changed


def test_a_graph_that_has_not_changed_is_not_timed(timer, write_chain, run, report):
    write_chain(8, 4)
    run("--mxperf-update").assert_outcomes(passed=1)
    timer.made_with.clear()
    (finding,) = [each for each in report()["test_it"]["findings"] if each["metric"] == "latency"]
    assert finding["verdict"] == "PASSED"
    assert finding["message"] == "latency: same graph as its baseline, not timed"
    assert timer.made_with == []


def test_nor_is_one_whose_layers_have_new_names(timer, write_chain, run, verdicts):
    write_chain(8, 4)
    run("--mxperf-update")
    write_chain(8, 4, prefix="net1_")
    assert verdicts()["test_it"]["latency"] == "PASSED"
    assert timer.asked == []


def test_always_times_it_anyway(timer, write_chain, run, verdicts):
    write_chain(8, 4)
    run("--mxperf-update")
    timer.decisions = [PASSED]
    assert verdicts("--mxperf-latency=always")["test_it"]["latency"] == "PASSED"
    assert len(timer.asked) == 1


def test_both_graphs_are_timed_with_the_tests_inputs(changed, run, timer):
    changed(PASSED)
    run().assert_outcomes(passed=1)
    ((reference, candidate, tolerance),) = timer.asked
    assert '"num_hidden": "8"' in reference.symbol_json
    assert '"num_hidden": "9"' in candidate.symbol_json
    assert reference.inputs == candidate.inputs
    assert reference.inputs["data"].shape == (1, 16)
    assert tolerance == 0.025
    assert (reference.params_path, candidate.params_path) == (None, None)


def test_a_slower_model_fails_its_own_test(changed, run, no_traceback):
    changed(REGRESSED, BUSY)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "chain: latency +5.2% (at least +4.1%), allowed +2.5% over its baseline; "
            "4 samples in two processes, 3.2 s; timed as a Module",
            "    meanwhile: the measuring process had a core 40% of the time, the load was 6.0 on 2 cores",
            "if that is meant, store the new baseline: pytest --mxperf-update test_it.py::test_it",
        ]
    )
    no_traceback(result)


def test_junit_has_the_verdict(changed, junit):
    changed(REGRESSED)
    suite = junit()
    assert suite.get("failures") == "1"
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert properties["mxperf latency latency"] == "REGRESSED"


def test_noise_is_inconclusive_and_a_warning(changed, run):
    changed(INCONCLUSIVE, BUSY)
    result = run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "WARNING *latency +2.4% (between -1.0% and +6.0%), allowed +2.5% over its baseline: "
            "not clear after 12 samples*",
            "    meanwhile: *",
        ]
    )


@pytest.mark.parametrize(("action", "outcome"), [("fail", "failed"), ("warn", "passed"), ("ignore", "passed")])
def test_or_what_the_policy_says(changed, run, action, outcome):
    changed(INCONCLUSIVE)
    run(f"--mxperf-policy=inconclusive={action}").assert_outcomes(**{outcome: 1})


def test_a_process_that_died_is_not_measured(changed, run):
    changed(WorkerError("the measuring process died (SIGSEGV) while it prepared chain"))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["chain: latency was not measured: the measuring process died (SIGSEGV) while it prepared chain"]
    )


def test_never_is_not_measured(changed, run, verdicts, timer):
    changed(PASSED)
    assert verdicts("--mxperf-latency=never")["test_it"]["latency"] == "UNMEASURED"
    result = run("--mxperf-latency=never")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["chain: latency was not measured: --mxperf-latency=never; --mxperf-policy=unmeasured=warn lets that pass"]
    )
    run("--mxperf-latency=never", "--mxperf-policy=unmeasured=warn").assert_outcomes(passed=1)
    assert timer.asked == []


def test_without_a_latency_tolerance_nothing_is_timed(timer, write_chain, run):
    free = GATED.replace(', latency="2.5%"', "")
    write_chain(8, 4, test=free)
    run("--mxperf-update")
    write_chain(9, 4, test=free)
    run("--mxperf-latency=always").assert_outcomes(passed=1)
    assert timer.asked == []


def test_a_faster_model_is_improved(changed, verdicts):
    changed(Decision(Outcome.PASSED, -0.2, -0.22, -0.18, 2))
    assert verdicts()["test_it"]["latency"] == "IMPROVED"


def test_the_bytes_of_an_unchanged_graph_are_compared_before_it_is_parsed(timer, write_chain, run, monkeypatch):
    from pytest_mxperf.mx import alike

    parsed = []
    monkeypatch.setattr(alike, "fingerprint", lambda graph, *_, **__: parsed.append(graph) or str(len(parsed)))
    write_chain(8, 4)
    run("--mxperf-update").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)
    assert (parsed, timer.asked) == ([], [])
    write_chain(8, 4, prefix="net1_")
    timer.decisions = [PASSED]
    run().assert_outcomes(passed=1)
    # Both as they are declared, and both whatever they declare.
    assert (len(parsed), len(timer.asked)) == (4, 1)


# The day that it is recorded


def test_a_baseline_is_prepared_once_when_it_is_recorded(timer, write_chain, run, report):
    write_chain(8, 4)
    timer.notes = ("the activations of fc0 are constant",)
    (finding,) = [each for each in report("--mxperf-update")["test_it"]["findings"] if each["metric"] == "latency"]
    assert (finding["verdict"], finding["message"]) == (
        "PASSED",
        "latency: can be timed, as a Module\nnote: the activations of fc0 are constant",
    )
    (network,) = timer.prepared
    assert '"num_hidden": "8"' in network.symbol_json
    assert (network.inputs["data"].shape, network.params_path) == ((1, 16), None)
    run()
    run("--mxperf-update=new")
    assert len(timer.prepared) == 1
    run("--mxperf-update")
    assert len(timer.prepared) == 2


CANNOT = WorkerError("FP16 gemm on cpu not implemented!")


def test_what_cannot_be_timed_is_not_recorded(timer, write_chain, run, pytester, no_traceback):
    write_chain(8, 4)
    timer.cannot_prepare = CANNOT
    result = run("--mxperf-update=new")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "chain: latency: this model cannot be timed as a Module: FP16 gemm on cpu not implemented!; "
            "leave out latency, give the model run_as if it is run in another way, or store it as it is with "
            "--mxperf-policy=unmeasured=warn"
        ]
    )
    assert not list(pytester.path.glob("baselines/*.json"))
    no_traceback(result)


@pytest.mark.parametrize("option", ["--mxperf-policy=unmeasured=warn", "--mxperf-latency=never"])
def test_unless_the_user_wants_it(timer, write_chain, run, pytester, option):
    write_chain(8, 4)
    timer.cannot_prepare = CANNOT
    run("--mxperf-update", option).assert_outcomes(passed=1)
    assert len(list(pytester.path.glob("baselines/*.json"))) == 2
    assert len(timer.prepared) == (1 if "unmeasured" in option else 0)


def test_the_weights_of_what_cannot_be_timed_are_not_tried(timer, write, run):
    write(CHECKPOINT.replace('"models/digits"', "PREFIX"))
    timer.cannot_prepare = CANNOT
    run("--mxperf-update", "--mxperf-policy=unmeasured=warn").assert_outcomes(passed=1)
    assert timer.asked == []


@pytest.mark.parametrize(("action", "outcome", "files"), [("warn", "passed", 2), ("fail", "failed", 0)])
def test_what_would_take_too_long_is_said_then(timer, write_chain, run, pytester, action, outcome, files):
    write_chain(8, 4)
    timer.shortages = ["15 s are too short at 6.8 s a sample; try --mxperf-latency-seconds=55"]
    result = run("--mxperf-update", f"--mxperf-policy=inconclusive={action}")
    result.assert_outcomes(**{outcome: 1})
    result.stdout.fnmatch_lines(
        ["*latency: a change of this model could not be judged, timed as a Module: 15 s are too short at 6.8 s a *"]
    )
    assert len(list(pytester.path.glob("baselines/*.json"))) == files


def test_without_a_latency_gate_nothing_is_prepared(timer, write_chain, run):
    write_chain(8, 4, test=GATED.replace(', latency="2.5%"', ""))
    run("--mxperf-update").assert_outcomes(passed=1)
    assert (timer.prepared, timer.made_with) == ([], [])


@pytest.mark.slow
def test_a_float16_network_is_found_out_for_real(write, run):
    """MXNet has no such product on a CPU, whatever words it has for that."""
    write(
        """
        def half():
            import mxnet as mx

            return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4)

        @pytest.mark.mxperf_model(half, inputs={"data": ((1, 16), "float16")})
        @pytest.mark.mxperf_baseline(latency="5%")
        def test_it():
            pass
        """
    )
    result = run("--mxperf-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["half: latency: this model cannot be timed as a Module: *; leave out latency, *"])


# Options


@pytest.mark.parametrize(("arguments", "seconds"), [((), 30.0), (("--mxperf-latency-seconds=4",), 4.0)])
def test_the_time_for_one_model(changed, run, timer, arguments, seconds):
    changed(PASSED)
    run(*arguments)
    assert timer.made_with == [{"seconds": seconds, "error_share": 1.0, "option": "--mxperf-latency-seconds"}]


def test_the_ini_file_has_both(changed, pytester, run, timer):
    changed(PASSED)
    pytester.makeini("[pytest]\nmxperf_latency = always\nmxperf_latency_seconds = 20")
    run()
    assert timer.made_with == [{"seconds": 20.0, "error_share": 1.0, "option": "--mxperf-latency-seconds"}]


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan"])
def test_a_time_that_is_none_is_a_usage_error(run, no_traceback, value):
    result = run(f"--mxperf-latency-seconds={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: mxperf_latency_seconds: {float(value)} is not a number of seconds"])
    no_traceback(result)


def test_unknown_modes_are_usage_errors(pytester, run):
    assert run("--mxperf-latency=often").ret == pytest.ExitCode.USAGE_ERROR
    pytester.makeini("[pytest]\nmxperf_latency = often")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mxperf_latency: 'often' is not a choice; use auto, always or never"])


@pytest.mark.slow
def test_workers_of_xdist_share_the_error_rate(pytester, run, write_chain):
    """Each of three has its own timer, and a third of what may go wrong."""
    pytest.importorskip("xdist")
    pytester.makeconftest(
        """
        import pytest
        from pytest_mxperf.judge import latency_gate

        class PairedTimer:
            def __init__(self, *, error_share, **options):
                with open(f"share_{error_share:.4f}", "w"):
                    pass

            def prepare(self, network):
                from pytest_mxperf.worker.protocol import Prepared

                return Prepared(0.001)

            def shortage(self, prepared):
                return ""

            def compare(self, reference, candidate, tolerance):
                from pytest_mxperf.latency.comparison import Comparison, Sample
                from pytest_mxperf.latency.decide import Decision, Outcome

                decision = Decision(Outcome.PASSED, 0.0, -0.01, 0.01, 2)
                return Comparison(decision, 1.0, None, (Sample(0.0),) * 2, 1)

            def close(self):
                pass

        @pytest.fixture(autouse=True)
        def pretended(monkeypatch):
            monkeypatch.setattr(latency_gate, "PairedTimer", PairedTimer)
        """
    )
    write_chain(8, 4)
    run("--mxperf-update").assert_outcomes(passed=1)
    write_chain(9, 4)
    run("-n3").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)
    assert sorted(path.name for path in pytester.path.glob("share_*")) == ["share_0.3333", "share_1.0000"]


# Against another model

AGAINST = """
@pytest.mark.mxperf_model(chain(WIDTHS), inputs={"data": (1, 16)}, name="chain")
@pytest.mark.mxperf_baseline(against=chain((32, 4)), ARGUMENTS)
def test_it():
    pass
"""


def test_a_model_can_have_to_be_faster_than_another(timer, write_chain, run, pytester):
    write_chain(8, 4, test=AGAINST.replace("ARGUMENTS", 'latency="-30%"'))
    timer.decisions = [Decision(Outcome.PASSED, -0.4, -0.45, -0.35, 2)]
    run().assert_outcomes(passed=1)
    ((reference, candidate, tolerance),) = timer.asked
    assert '"num_hidden": "32"' in reference.symbol_json
    assert '"num_hidden": "8"' in candidate.symbol_json
    assert tolerance == -0.3
    assert not (pytester.path / "baselines").exists()


def test_and_fails_if_it_is_not_fast_enough(timer, write_chain, run):
    write_chain(8, 4, test=AGAINST.replace("ARGUMENTS", 'latency="-30%"'))
    timer.decisions = [Decision(Outcome.REGRESSED, -0.2, -0.25, -0.15, 4)]
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["chain: latency -20.0% (at least -25.0%), allowed -30.0% over network; *"])
    result.stdout.no_fnmatch_line("if that is meant*")  # no update changes the other model


def test_costs_are_compared_only_if_they_are_asked_for(timer, write_chain, verdicts):
    """16 x 8 + 8 x 4 = 160 MACs against 16 x 32 + 32 x 4 = 640: 25%."""
    write_chain(8, 4, test=AGAINST.replace("ARGUMENTS", 'macs="-75%"'))
    assert verdicts() == {"test_it": {"macs": "PASSED"}}
    write_chain(8, 4, test=AGAINST.replace("ARGUMENTS", 'macs="-76%"'))
    assert verdicts() == {"test_it": {"macs": "REGRESSED"}}


def test_a_model_that_is_not_light_enough_names_the_other_and_what_distinguishes_the_two(timer, write_chain, run):
    """The first layer has 16 x 24 MACs less, the second 4 x 24."""
    write_chain(8, 4, test=AGAINST.replace("ARGUMENTS", 'macs="-76%"'))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "chain: macs 160, against 640 of network (-75.00%, allowed -76%)",
            "    * (FullyConnected): num_hidden 32 -> 8, -384 MACs",
            "    * (FullyConnected): input features 32 -> 8, -96 MACs",
        ],
        consecutive=True,
    )


def test_what_is_better_than_another_model_is_no_improvement_to_store(timer, write_chain, run):
    write_chain(8, 4, test=AGAINST.replace("ARGUMENTS", 'macs="0%", latency="0%"'))
    timer.decisions = [Decision(Outcome.PASSED, -0.4, -0.45, -0.35, 2)]
    result = run("--mxperf-strict")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*--mxperf-update*")


def test_another_model_of_the_same_name_is_told_by_its_path(timer, put_model, write, digits, run, pytester):
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        @pytest.mark.mxperf_baseline(against="other/digits", macs="-1%")
        def test_it():
            pass
        """
    )
    put_model(digits)
    shutil.copytree(str(pytester.path / "models"), str(pytester.path / "other"))
    result = run()
    result.stdout.fnmatch_lines(
        [
            "digits: macs *, the same as other/digits (allowed -1%)",
            "    no layer differs in MACs from other/digits",
        ]
    )


def test_the_other_model_can_have_inputs_of_its_own(timer, write_chain, run):
    """As a float32 net needs, where the test's own is float16."""
    half = AGAINST.replace('"data": (1, 16)', '"data": ((1, 16), "float16")').replace(
        "ARGUMENTS", 'macs="0%", latency="-30%"'
    )
    other = 'ModelSpec.parse(chain((8, 4)), {"data": (1, 16)}, name="fp32")'
    write_chain(8, 4, test="from pytest_mxperf import ModelSpec\n" + half.replace("chain((32, 4))", other))
    timer.decisions = [Decision(Outcome.PASSED, -0.4, -0.45, -0.35, 2)]
    run().assert_outcomes(passed=1)
    ((reference, candidate, _),) = timer.asked
    assert (reference.inputs["data"].dtype, candidate.inputs["data"].dtype) == ("float32", "float16")


def test_the_same_graph_with_other_inputs_is_another(timer, write_chain, run):
    """Its bytes alone would not tell."""
    other = 'ModelSpec.parse(chain((8, 4)), {"data": (2, 16)}, name="batch")'
    test = AGAINST.replace("ARGUMENTS", 'latency="5%"').replace("chain((32, 4))", other)
    write_chain(8, 4, test="from pytest_mxperf import ModelSpec\n" + test)
    timer.decisions = [PASSED]
    run().assert_outcomes(passed=1)
    assert len(timer.asked) == 1


def test_against_what_but_not_how_much_is_a_usage_error(write_chain, run, no_traceback):
    write_chain(8, 4, test=AGAINST.replace(", ARGUMENTS", ""))
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mxperf_baseline: names the other model, but no limit; *"])
    no_traceback(result)


# Real weights

CHECKPOINT = """
@pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
@pytest.mark.mxperf_baseline(latency="5%")
def test_it():
    pass
"""


@pytest.fixture
def weighed(timer, put_model, write, digits, run, pytester):
    """A checkpoint whose baseline is stored; its weights were found to be as fast as synthetic ones."""
    put_model(digits)
    write(CHECKPOINT)
    timer.decisions = [PASSED]
    run("--mxperf-update").assert_outcomes(passed=1)
    ((reference, candidate, tolerance),) = timer.asked
    assert (reference.params_path, tolerance) == (None, 0.25)
    assert candidate.params_path == str(pytester.path / "models" / "digits-0000.params")
    timer.asked.clear()
    return timer


def change_a_weight(pytester):
    import mxnet as mx

    path = str(pytester.path / "models" / "digits-0000.params")
    arrays = mx.nd.load(path)
    arrays[sorted(arrays)[0]] *= 2
    mx.nd.save(path, arrays)


def test_weights_that_have_not_changed_are_not_timed(weighed, verdicts):
    assert verdicts()["test_it"]["weights"] == "PASSED"
    assert weighed.asked == []


def test_weights_that_have_are(weighed, verdicts, pytester):
    change_a_weight(pytester)
    weighed.decisions = [PASSED]
    assert verdicts()["test_it"]["weights"] == "PASSED"
    assert len(weighed.asked) == 1


def test_so_are_weights_that_have_not_changed_in_a_model_that_has(timer, put_model, write, digits, run, pytester):
    """The weights of a graph that scales its output down, from one before that did not."""
    import mxnet as mx

    put_model(digits)
    write(CHECKPOINT.replace('latency="5%"', 'macs="5%", flops="5%", latency="5%"'))
    timer.decisions = [PASSED] * 3
    run("--mxperf-update").assert_outcomes(passed=1)
    path = str(pytester.path / "models" / "digits-symbol.json")
    (mx.sym.load(path) * 1e-38).save(path)
    run().assert_outcomes(passed=1)
    assert [candidate.params_path is not None for _, candidate, _ in timer.asked] == [True, False, True]


SCALED = """
def scaled():
    import mxnet as mx

    return mx.sym.load(PREFIX + "-symbol.json") * SCALE

def write_scaled():
    import shutil

    scaled().save("models/scaled-symbol.json")
    shutil.copy(PREFIX + "-0000.params", "models/scaled-0000.params")

@pytest.fixture(scope="module", autouse=True)
def _scaled():
    write_scaled()

@pytest.mark.mxperf_model("models/scaled", inputs=INPUTS, name="scaled"MORE)
@pytest.mark.mxperf_baseline(latency="5%", wall_p50="1000000%")
def test_it(mxperf_module, mxperf_benchmark):
    mxperf_benchmark(mxperf_module)
"""


@pytest.fixture
def write_scaled(timer, write, pytester):
    """The digits with all they put out times a number, which costs as much whatever the number is."""
    pytester.mkdir("models")

    def write_scaled(scale, more=""):
        write("import numpy as np\n" + SCALED.replace("SCALE", scale).replace("MORE", more))
        timer.decisions = [PASSED] * 2
        timer.asked.clear()

    return write_scaled


def weights_timed(timer):
    return sum(candidate.params_path is not None for _, candidate, _ in timer.asked)


def test_what_is_known_of_weights_is_known_of_one_graph_whatever_it_costs(write_scaled, run, timer):
    """Times 1e-9 makes of weights of 1e-30 subnormal numbers; times 1 does not. Both are one multiplication each."""
    write_scaled("1.0")
    run("--mxperf-update").assert_outcomes(passed=1)
    assert weights_timed(timer) == 1
    write_scaled("1.0")
    run().assert_outcomes(passed=1)
    assert weights_timed(timer) == 0
    write_scaled("1e-9")
    run().assert_outcomes(passed=1)
    assert weights_timed(timer) == 1
    write_scaled("1e-9")
    run("--mxperf-update").assert_outcomes(passed=1)
    assert weights_timed(timer) == 1


@pytest.mark.parametrize("more", [', run_as="gluon"', ', example={"data": np.ones((1, 1, 8, 8), "float32")}'])
def test_and_of_one_way_to_run_it_with_the_same_inputs(write_scaled, run, timer, more):
    write_scaled("1.0")
    run("--mxperf-update").assert_outcomes(passed=1)
    write_scaled("1.0", more)
    run().assert_outcomes(passed=1)
    assert weights_timed(timer) == 1
    write_scaled("1.0", more)
    run("--mxperf-update").assert_outcomes(passed=1)
    assert weights_timed(timer) == 1
    write_scaled("1.0", more)
    run().assert_outcomes(passed=1)
    assert weights_timed(timer) == 0


def test_an_older_file_does_not_know_how_they_were_run(write_scaled, run, timer, pytester):
    write_scaled("1.0")
    run("--mxperf-update").assert_outcomes(passed=1)
    path = pytester.path / "baselines" / "scaled.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "recorded": None}))
    write_scaled("1.0")
    run().assert_outcomes(passed=1)
    assert weights_timed(timer) == 1


def test_weights_that_were_not_timed_are_not_known(write_scaled, run, timer):
    write_scaled("1.0")
    run("--mxperf-update", "--mxperf-latency=never", "--mxperf-policy=unmeasured=warn").assert_outcomes(passed=1)
    assert timer.asked == []
    run().assert_outcomes(passed=1)
    assert weights_timed(timer) == 1


def test_those_that_are_known_stay_so_though_an_update_times_nothing(write_scaled, run, timer):
    write_scaled("1.0")
    run("--mxperf-update").assert_outcomes(passed=1)
    run("--mxperf-update", "--mxperf-latency=never", "--mxperf-policy=unmeasured=warn").assert_outcomes(passed=1)
    write_scaled("1.0")
    run().assert_outcomes(passed=1)
    assert timer.asked == []


def test_those_that_an_update_found_unclear_are_known_no_more(write_scaled, run, timer):
    write_scaled("1.0")
    run("--mxperf-update").assert_outcomes(passed=1)
    write_scaled("1.0")
    timer.decisions = [UNCLEAR]
    run("--mxperf-update", "--mxperf-latency=always").assert_outcomes(passed=1)
    write_scaled("1.0")
    run().assert_outcomes(passed=1)
    assert weights_timed(timer) == 1


@pytest.mark.parametrize(
    ("scale", "more", "machines"),
    [
        ("1.0", "", {"this one, 2 cores", "another, 64 cores"}),
        ("1e-9", "", {"another, 64 cores"}),
        ("1.0", ', example={"data": np.ones((1, 1, 8, 8), "float32")}', {"another, 64 cores"}),
    ],
)
def test_wall_times_are_of_one_graph_and_its_inputs_too(
    write_scaled, run, environment, pytester, scale, more, machines
):
    """Of another they would be compared with what is slower, or faster, for good reason."""
    write_scaled("1.0")
    environment("this one, 2 cores")
    run("--mxperf-update").assert_outcomes(passed=1)
    write_scaled(scale, more)
    environment("another, 64 cores")
    run("--mxperf-update").assert_outcomes(passed=1)
    document = json.loads((pytester.path / "baselines" / "scaled.json").read_text())
    assert set(document["wall_times"]) == machines


def test_wall_times_that_an_update_keeps_are_still_of_their_own_inputs(write_scaled, run, environment, pytester):
    """Though the update in between timed nothing, and so had no use for inputs."""
    path = pytester.path / "baselines" / "scaled.json"
    ones = ', example={"data": np.ones((1, 1, 8, 8), "float32")}'
    environment("this one, 2 cores")
    write_scaled("1.0", ones)
    run("--mxperf-update").assert_outcomes(passed=1)
    digest = json.loads(path.read_text())["recorded"]["example"]
    source = (pytester.path / "test_it.py").read_text()
    source = source.replace(', wall_p50="1000000%"', "").replace('latency="5%"', 'macs="0%"').replace(ones, "")
    (pytester.path / "test_it.py").write_text(source.replace("    mxperf_benchmark(mxperf_module)", "    pass"))
    run("--mxperf-update").assert_outcomes(passed=1)
    document = json.loads(path.read_text())
    assert (set(document["wall_times"]), document["recorded"]["example"]) == ({"this one, 2 cores"}, digest)


UNCLEAR = Decision(Outcome.INCONCLUSIVE, 0.2, 0.1, 0.3, 24, "not clear after 24 samples")


@pytest.mark.parametrize(("decision", "layer"), [(UNCLEAR, None), (PASSED, "conv2_fwd")])
def test_so_are_those_that_were_not_found_to_be_fast_everywhere(
    timer, put_model, write, digits, run, verdicts, decision, layer
):
    put_model(digits)
    write(CHECKPOINT)
    timer.decisions, timer.layer = [decision, decision], layer
    run("--mxperf-update").assert_outcomes(passed=1)
    assert verdicts()["test_it"]["weights"] == "INCONCLUSIVE"
    assert len(timer.asked) == 2


SLOW = Decision(Outcome.REGRESSED, 2.1, 1.9, 2.3, 4)


def test_slow_weights_fail_and_say_where_it_begins(weighed, run, pytester):
    change_a_weight(pytester)
    weighed.decisions, weighed.layer = [SLOW], "conv2_fwd"
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "digits: weights: 3.1x the time that the graph needs with synthetic ones; "
            "subnormal activations from conv2_fwd: set all weights of magnitude below 1e-15, of all layers, to 0"
        ]
    )
    result.stdout.no_fnmatch_line("if that is meant*")  # slow weights are never recorded


def test_slow_weights_are_not_recorded(timer, put_model, write, digits, run, pytester):
    put_model(digits)
    write(CHECKPOINT)
    timer.decisions = [SLOW]
    run("--mxperf-update").assert_outcomes(failed=1)
    assert not list(pytester.path.glob("baselines/*.json"))


# Wall time

WALL = """
@digits
@pytest.mark.mxperf_baseline(ARGUMENTS)
def test_it(mxperf_module, mxperf_benchmark):
    mxperf_benchmark(mxperf_module)
"""


@pytest.fixture
def environment(monkeypatch):
    from pytest_mxperf.judge import growth

    return lambda name: monkeypatch.setattr(growth, "here", lambda: name)


def test_wall_time_is_advice_on_the_same_hardware(write, run, report, environment):
    write(WALL.replace("ARGUMENTS", ""))
    environment("this one, 2 cores")
    run("--mxperf-update").assert_outcomes(passed=1)
    (advice,) = [each for each in report()["test_it"]["findings"] if each["gate"] == "advice"]
    assert (advice["metric"], advice["verdict"]) == ("wall_p50", "ADVICE")
    environment("another, 64 cores")
    assert [each for each in report()["test_it"]["findings"] if each["gate"] == "advice"] == []


def test_and_a_gate_where_the_project_asks_for_it(write, run, verdicts, environment):
    write(WALL.replace("ARGUMENTS", 'wall_p50="1000000%"'))
    environment("this one, 2 cores")
    run("--mxperf-update").assert_outcomes(passed=1)
    assert verdicts()["test_it"]["wall_p50"] == "PASSED"


def test_which_other_hardware_cannot_judge(write, run, verdicts, environment):
    write(WALL.replace("ARGUMENTS", 'wall_p50="1000000%"'))
    environment("this one, 2 cores")
    run("--mxperf-update").assert_outcomes(passed=1)
    environment("another, 64 cores")
    assert verdicts()["test_it"]["wall_p50"] == "INCOMPARABLE"
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "digits: wall_p50 cannot be compared: recorded on this one, 2 cores; this is another, 64 cores; "
            "record it here with --mxperf-update"
        ]
    )
    run("--mxperf-policy=incomparable=warn").assert_outcomes(passed=1)


def test_each_hardware_keeps_its_own_record(write, run, verdicts, environment):
    write(WALL.replace("ARGUMENTS", 'wall_p50="1000000%"'))
    for name in ("this one, 2 cores", "another, 64 cores"):
        environment(name)
        run("--mxperf-update").assert_outcomes(passed=1)
    for name in ("this one, 2 cores", "another, 64 cores"):
        environment(name)
        assert verdicts()["test_it"]["wall_p50"] == "PASSED"


def test_without_a_measurement_that_gate_is_not_measured(write, run, verdicts):
    write(WALL.replace("ARGUMENTS", 'wall_p50="10%"').replace("    mxperf_benchmark(mxperf_module)", "    pass"))
    run("--mxperf-update").assert_outcomes(passed=1)
    assert verdicts()["test_it"]["wall_p50"] == "UNMEASURED"


# For real: the heavy network takes some fifty times as long as the light one.

HEAVY, LIGHT = (256,) * 20, (8, 4)


@pytest.fixture
def timed(pytester, run, write_chain):
    """Records a chain of some widths, and times one of others in a session of its own process."""

    def timed(before, now, *arguments):
        write_chain(*before, test=GATED.replace("900%", "9999999%"))
        run("--mxperf-update").assert_outcomes(passed=1)
        write_chain(*now, test=GATED.replace("900%", "9999999%"))
        always = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--mxperf-latency-seconds=300")
        return pytester.runpytest_subprocess(*always, *arguments)

    return timed


@pytest.mark.slow
def test_a_much_slower_network_is_found(timed):
    result = timed(LIGHT, HEAVY, "-p", "no:benchmark")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["chain: latency +*% (at least +*%), allowed +2.5% over its baseline; *two processes*"])


@pytest.mark.slow
def test_so_is_a_much_faster_one_by_a_worker_of_xdist(timed):
    """With less evidence, since it fails nobody."""
    result = timed(HEAVY, LIGHT, "-n", "2")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["NOTICE *latency -*% (at least *% less than its baseline); *one process*"])


# The lock


def test_a_link_where_the_lock_should_be_is_not_followed(changed, run, pytester, monkeypatch, no_traceback):
    changed(PASSED)
    precious = pytester.path / "precious"
    precious.write_text("data")
    (pytester.path / f"pytest-mxperf-{os.getuid()}.lock").symlink_to(precious)
    monkeypatch.setattr(tempfile, "tempdir", str(pytester.path))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["chain: latency was not measured: cannot lock this host: *.lock'; set TMPDIR to a folder of your own"]
    )
    assert precious.read_text() == "data"
    no_traceback(result)
