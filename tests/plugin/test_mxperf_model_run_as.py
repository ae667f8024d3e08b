"""mxperf_model(run_as=...), and how a model is timed without it; with a timer that only pretends."""

import pytest

from pytest_mxperf.latency.decide import Decision, Outcome

NETS = """
from pytest_mxperf import ModelSpec

def dense():
    import mxnet as mx

    return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=WIDTH)

def block(**flags):
    import mxnet as mx

    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(WIDTH))
    net.hybridize(**flags)
    return net

def static_block():
    return block(static_alloc=True, static_shape=True)

"""
GATED = """
@pytest.mark.mxperf_model(SOURCE, inputs={"data": (1, 16)}, name="net"MORE)
@pytest.mark.mxperf_baseline(macs="900%", params="900%", latency="2.5%"AGAINST)
def test_it():
    pass
"""
PASSED = Decision(Outcome.PASSED, 0.001, -0.01, 0.021, 3)
MODULE, BLOCK, STATIC = "Module", "hybridized block", "hybridized block (static_alloc, static_shape)"


@pytest.fixture
def write_net(write):
    def write_net(width, source, more="", against=""):
        test = GATED.replace("SOURCE", source).replace("MORE", more).replace("AGAINST", against)
        write(f"WIDTH = {width}\n{NETS}{test}")

    return write_net


@pytest.fixture
def timed(write_net, run, timer):
    """How both sides of a changed model are run, its baseline recorded from the same source before."""

    def timed(source, more=""):
        write_net(8, source, more)
        run("--mxperf-update").assert_outcomes(passed=1)
        write_net(9, source, more)
        timer.decisions = [PASSED]
        run().assert_outcomes(passed=1)
        ((reference, candidate, _),) = timer.asked
        (prepared,) = timer.prepared
        return [str(network.run_as) for network in (reference, candidate, prepared)]

    return timed


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("dense", MODULE),
        ("dense()", MODULE),
        ("block", BLOCK),
        ("block()", BLOCK),
        ("static_block", STATIC),
        ("block(static_alloc=True)", "hybridized block (static_alloc)"),
    ],
)
def test_a_model_is_timed_as_its_user_runs_it_and_so_is_its_baseline(timed, source, expected):
    assert timed(source) == [expected] * 3


@pytest.mark.parametrize(
    ("source", "run_as", "expected"),
    [
        ("dense", "module", MODULE),
        ("dense", "gluon", BLOCK),
        ("dense", "gluon_static", STATIC),
        ("static_block", "gluon", BLOCK),
        ("static_block", "module", MODULE),
    ],
)
def test_unless_the_test_says_otherwise(timed, source, run_as, expected):
    assert timed(source, f', run_as="{run_as}"') == [expected] * 3


def test_a_checkpoint_is_run_in_a_module_and_its_weights_as_it_is(timer, write, digits, run):
    for more, expected in (("", MODULE), (', run_as="gluon"', BLOCK)):
        write(
            f"""
            @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="digits-{expected[0]}"{more})
            @pytest.mark.mxperf_baseline(latency="5%")
            def test_it():
                pass
            """
        )
        timer.decisions = [PASSED]
        run("--mxperf-update").assert_outcomes(passed=1)
        reference, candidate, _ = timer.asked[-1]
        assert (str(reference.run_as), str(candidate.run_as)) == (expected, expected)
        assert candidate.params_path == f"{digits}-0000.params"


def test_the_finding_says_how(write_net, run, timer):
    write_net(8, "static_block")
    run("--mxperf-update").assert_outcomes(passed=1)
    write_net(9, "static_block")
    timer.decisions = [Decision(Outcome.REGRESSED, 0.052, 0.041, 0.064, 4)]
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["net: latency +5.2% *; timed as a hybridized block (static_alloc, static_shape)"])


@pytest.mark.parametrize("value", ["Module", "static", 3])
def test_anything_else_is_an_error_of_its_test(write_net, run, no_traceback, value):
    write_net(8, "dense", f", run_as={value!r}")
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [f'mxperf_model: run_as={value!r} is not a way to run a model; use "module", "gluon" or "gluon_static"']
    )
    no_traceback(result)


def test_a_parametrized_model_can_say_it(write, run, timer):
    write(
        f"""
WIDTH = 8
{NETS}
INPUTS = {{"data": (1, 16)}}

@pytest.mark.parametrize("mxperf_model", [
    {{"source": dense, "inputs": INPUTS, "name": "mapping", "run_as": "gluon"}},
    ModelSpec.parse(dense, INPUTS, name="spec", run_as="gluon_static"),
], indirect=True)
@pytest.mark.mxperf_baseline(latency="2.5%")
def test_it(mxperf_model):
    pass
"""
    )
    run("--mxperf-update").assert_outcomes(passed=2)
    assert [str(network.run_as) for network in timer.prepared] == [BLOCK, STATIC]


# Against another model


@pytest.mark.parametrize(
    ("source", "against", "expected"),
    [("dense", "block()", MODULE), ("static_block", "dense()", STATIC), ("block()", "PREFIX", BLOCK)],
)
def test_another_model_is_run_as_the_tests_own(write_net, run, timer, source, against, expected):
    inputs = "INPUTS" if against == "PREFIX" else '{"data": (1, 16)}'
    other = f'ModelSpec.parse({against}, {inputs}, name="other")'
    write_net(8, source, "", f", against={other}")
    timer.decisions = [PASSED]
    run("--mxperf-latency=always").assert_outcomes(passed=1)
    ((reference, candidate, _),) = timer.asked
    assert [str(reference.run_as), str(candidate.run_as)] == [expected] * 2


def test_another_model_that_shall_run_otherwise_is_an_error(write_net, run, timer, no_traceback):
    write_net(8, "dense", "", ', against=ModelSpec.parse(dense, {"data": (1, 16)}, name="old", run_as="gluon")')
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "net: against=old is run as a hybridized block, the model as a Module; both must be run in the same "
            "way: give run_as to the model only"
        ]
    )
    no_traceback(result)
