"""--mxperf-policy=other_mxnet: a baseline that was recorded under another MXNet, or is timed otherwise than it was."""

import json

import pytest

from pytest_mxperf.latency.decide import Decision, Outcome

PASSED = Decision(Outcome.PASSED, 0.001, -0.01, 0.021, 3)
NET = """
import numpy as np

def net():
    import mxnet as mx

    return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4)

@pytest.mark.mxperf_model(net, inputs={"data": (1, 3)}MORE)
@pytest.mark.mxperf_baseline(GATES)
def test_it(ARGUMENTS):
    pass
"""


@pytest.fixture
def write_net(write):
    def write_net(more="", gates="", arguments=""):
        write(NET.replace("MORE", more).replace("GATES", gates).replace("ARGUMENTS", arguments))

    return write_net


@pytest.fixture
def recorded(pytester):
    """Changes what the baseline says it was recorded under; without changes, what that is."""
    path = pytester.path / "baselines" / "net.json"

    def recorded(**changes):
        document = json.loads(path.read_text())
        document["recorded"].update(changes)
        path.write_text(json.dumps(document))
        return document["recorded"]

    return recorded


@pytest.fixture
def told(report):
    """What a run says of it."""

    def told(*arguments):
        findings = report(*arguments)["test_it"]["findings"]
        return [finding["message"] for finding in findings if finding["verdict"] == "OTHER_MXNET"]

    return told


AGAIN = "; record it again with pytest --mxperf-update test_it.py::test_it"


def test_a_baseline_knows_what_it_was_recorded_under(write_net, run, recorded, told):
    import mxnet as mx

    write_net()
    run("--mxperf-update").assert_outcomes(passed=1)
    known = recorded()
    assert (known["mxnet"], known["run_as"], known["example"]) == (mx.__version__, "", "")
    assert sorted(known) == ["blas", "example", "features", "mxnet", "run_as", "subgraph_backend"]
    assert told() == []


def test_another_version_is_told_whatever_is_gated(write_net, run, recorded, told):
    import mxnet as mx

    write_net(gates='macs="0%"')
    run("--mxperf-update").assert_outcomes(passed=1)
    recorded(mxnet="1.5.1")
    assert told() == [f"recorded under MXNet 1.5.1, this is {mx.__version__}{AGAIN}"]
    run().assert_outcomes(passed=1)


def test_it_is_told_with_a_graph_that_is_not_timed(write_net, run, recorded, report, timer):
    write_net(gates='latency="5%"')
    run("--mxperf-update").assert_outcomes(passed=1)
    recorded(mxnet="1.5.1")
    verdicts = {each["metric"]: each["verdict"] for each in report()["test_it"]["findings"]}
    assert (verdicts["latency"], verdicts["mxnet"]) == ("PASSED", "OTHER_MXNET")
    assert timer.asked == []


def test_so_are_another_build_and_another_setting(write_net, run, recorded, told, monkeypatch):
    monkeypatch.delenv("MXNET_SUBGRAPH_BACKEND", raising=False)
    write_net()
    run("--mxperf-update").assert_outcomes(passed=1)
    backend = recorded()["subgraph_backend"]
    recorded(blas="ATLAS", features=[*recorded()["features"], "TENSORRT"])
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE" if backend != "none" else "MKLDNN")
    now = "none" if backend != "none" else "MKLDNN"
    (message,) = told()
    assert f"recorded with BLAS ATLAS, this is {told_blas()}" in message
    assert f"; with subgraph backend {backend}, this is {now}" in message
    assert "; with TENSORRT, this is without" in message


def told_blas():
    from pytest_mxperf.mx.build import build

    return build().blas


def test_an_update_makes_it_the_baseline(write_net, run, recorded, told):
    write_net()
    run("--mxperf-update").assert_outcomes(passed=1)
    recorded(mxnet="1.5.1")
    assert told("--mxperf-update=new") != []
    assert told("--mxperf-update") == []
    assert told() == []


def test_an_older_file_says_nothing_of_it(write_net, run, pytester, told, verdicts):
    write_net()
    run("--mxperf-update").assert_outcomes(passed=1)
    path = pytester.path / "baselines" / "net.json"
    document = json.loads(path.read_text())
    del document["recorded"]
    path.write_text(json.dumps(document))
    assert told() == []
    assert set(verdicts()["test_it"].values()) == {"PASSED"}


def test_one_with_other_inputs_says_it_too(write_net, run, recorded, told, pytester):
    write_net()
    run("--mxperf-update").assert_outcomes(passed=1)
    recorded(mxnet="1.5.1")
    path = pytester.path / "test_it.py"
    path.write_text(path.read_text().replace('"data": (1, 3)', '"data": (2, 3)'))
    assert len(told()) == 1


def test_another_model_has_no_such_record(write_net, told):
    write_net(gates='against=net, macs="0%"')
    assert told() == []


# How it is timed


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (
            "",
            ', run_as="gluon_static"',
            "and timed as a Module, this is a hybridized block (static_alloc, static_shape)",
        ),
        (', run_as="gluon"', ', run_as="module"', "and timed as a hybridized block, this is a Module"),
        ("", ', example={"data": np.float32([[1, 2, 3]])}', "with example none, this is {before}"),
        (', example={"data": np.float32([[1, 2, 3]])}', "", "with example {before}, this is none"),
        (
            ', example={"data": np.float32([[1, 2, 3]])}',
            ', example={"data": np.float32([[1, 2, 4]])}',
            "with example {before}, this is {now}",
        ),
    ],
)
def test_a_gate_of_latency_says_that_it_is_timed_otherwise(write_net, run, recorded, told, timer, before, now, message):
    digests = {"before": digest(1, 2, 3), "now": digest(1, 2, 4)}
    write_net(before, 'latency="5%"')
    run("--mxperf-update").assert_outcomes(passed=1)
    write_net(now, 'latency="5%"')
    assert told() == [f"recorded {message.format(**digests)}{AGAIN}"]
    run("--mxperf-update").assert_outcomes(passed=1)
    assert told() == []


def digest(*numbers):
    """The first 12 digits of the SHA-256 of the text and the three little-endian float32."""
    import hashlib
    import struct

    return hashlib.sha256(b"('data', 'float32', (1, 3))" + struct.pack("<3f", *numbers)).hexdigest()[:12]


def test_a_test_that_times_nothing_does_not(write_net, run, told, timer):
    write_net(', run_as="gluon", example={"data": np.float32([[1, 2, 3]])}', 'latency="5%"')
    run("--mxperf-update").assert_outcomes(passed=1)
    write_net("", 'macs="0%"')
    assert told() == []


def test_nor_one_whose_baseline_was_recorded_by_such(write_net, run, told, timer):
    write_net("", 'macs="0%"')
    run("--mxperf-update").assert_outcomes(passed=1)
    write_net(', run_as="gluon", example={"data": np.float32([[1, 2, 3]])}', 'latency="5%"')
    assert told() == []


# The policy


@pytest.mark.parametrize(("action", "outcome"), [("fail", "failed"), ("warn", "passed"), ("ignore", "passed")])
@pytest.mark.parametrize("is_ini", [False, True])
def test_what_comes_of_it_is_the_users_to_say(write_net, run, recorded, pytester, action, outcome, is_ini):
    write_net()
    run("--mxperf-update").assert_outcomes(passed=1)
    recorded(mxnet="1.5.1")
    if is_ini:
        pytester.makeini(f"[pytest]\nmxperf_policy = other_mxnet={action}")
    result = run(*([] if is_ini else [f"--mxperf-policy=other_mxnet={action}"]))
    result.assert_outcomes(**{outcome: 1})


# Two tests, one baseline


@pytest.mark.parametrize(
    ("second", "conflicts"),
    [
        ('mxperf_model(net, inputs={"data": (1, 3)})', False),
        ('mxperf_model(net, inputs={"data": (1, 3)}, run_as="gluon")', True),
        ('mxperf_model(net, inputs={"data": (1, 3)}, example={"data": np.float32([[1, 2, 3]])})', True),
        ('mxperf_model(lambda: relu("tanh"), inputs={"data": (1, 3)}, name="net")', True),
    ],
)
def test_both_timed_they_must_be_one_model(write, run, timer, section, second, conflicts):
    """relu and tanh cost the same, and are not as fast."""
    model = "mxperf_model(net, inputs={'data': (1, 3)})"
    first, gate = f"@pytest.mark.{model}", '@pytest.mark.mxperf_baseline(latency="5%")'
    tests = f"{first}\n{gate}\ndef test_a():\n    pass\n\n@pytest.mark.{second}\n{gate}\ndef test_b():\n    pass\n"
    write(
        f"""
import numpy as np

def relu(kind="relu"):
    import mxnet as mx

    return mx.sym.Activation(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4), act_type=kind)

def net():
    return relu()

{tests}"""
    )
    result = run("--mxperf-update")
    result.assert_outcomes(passed=2)
    message = (
        "ERROR test_it.py::test_a and test_it.py::test_b use one baseline, 'net', for models that differ in their "
        "graph, run_as or example, and are both timed; give one of the models another name, with name="
    )
    assert (message in section(result)) is conflicts
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if conflicts else pytest.ExitCode.OK)
