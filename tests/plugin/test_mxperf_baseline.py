"""The mxperf_baseline marker: allowed growth over the stored baseline. What a baseline's life is, test_lifecycle tells.

Widening the second convolution of the digits net from 32 to 48 channels makes 607,552 MACs 902,464 (+48.54%). Its
parameters grow by 16 x 16 x 9 (conv2), 16 x 64 x 9 (conv3) and 2 x 16 (batch norm): 31,962 + 11,552 = 43,514 (+36.14%).
"""

import shlex
from textwrap import dedent

import pytest


@pytest.fixture
def widened(write, run, put_model, digits, export):
    """Runs a test with this marker on the widened net, whose baseline is that of the original."""

    def widened(marker, channels=(16, 48, 64)):
        write(
            f"""
            @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
            @pytest.mark.{marker}
            def test_digits():
                pass
            """
        )
        put_model(digits)
        run("--mxperf-update").assert_outcomes(passed=1)
        put_model(export(*channels))
        return run("--mxperf-report", "-v")

    return widened


@pytest.mark.parametrize(
    "marker",
    [
        'mxperf_baseline(macs="49%", params="37%")',
        'mxperf_baseline(macs=0.49, flops="50%", params=0.37, param_bytes="37%")',
        'mxperf_baseline(macs="100%", params="1e3%")',
    ],
)
def test_growth_within_the_tolerance_passes(widened, marker):
    result = widened(marker)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  baseline  PASSED  macs 607,552 -> 902,464 (+48.54%, allowed*"])


@pytest.mark.parametrize(
    ("marker", "messages"),
    [
        (
            'mxperf_baseline(macs="48%", params="37%")',
            [
                "macs 607,552 -> 902,464 (+48.54%, allowed +48%)",
                "    conv2_fwd (Convolution): num_filter 32 -> 48, +147,456 MACs",
            ],
        ),
        (
            'mxperf_baseline(macs="49%", params="36%")',
            [
                "params 31,962 -> 43,514 (+36.14%, allowed +36%)",
                "    conv3_fwd (Convolution): input channels 32 -> 48, +9,216 params",
                "    conv2_fwd (Convolution): num_filter 32 -> 48, +2,304 params",
                "    bn2_fwd (BatchNorm): input channels 32 -> 48, +32 params",
            ],
        ),
        (
            'mxperf_baseline(macs="49%", flops="0%", params="37%")',
            [
                "flops 1,229,770 -> * (+*%, allowed +0%)",
                "    conv2_fwd (Convolution): num_filter 32 -> 48, +294,912 FLOPs",
            ],
        ),
        (
            'mxperf_baseline(macs="49%", params="37%", param_bytes=0)',
            ["param_bytes 128,744 -> 175,080 (+35.99%, allowed +0%)"],
        ),
    ],
)
def test_growth_over_the_tolerance_fails_and_names_the_layers(widened, no_traceback, marker, messages):
    result = widened(marker)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"digits: {messages[0]}", *messages[1:]], consecutive=True)
    no_traceback(result)


def test_an_improvement_passes_and_is_told(widened):
    """conv2 at 16 channels: 2 x 147,456 MACs less."""
    result = widened("mxperf_baseline", (16, 16, 64))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "NOTICE test_it.py::test_digits: macs 607,552 -> 312,640 (-48.54%, allowed +0%); flops *; params *; "
            "param_bytes *; --mxperf-update stores the new baseline [[]IMPROVED]",
            "  baseline  IMPROVED  macs 607,552 -> 312,640 (-48.54%, allowed +0%)",
        ]
    )


def test_growth_over_a_budget_too_cannot_be_accepted_by_an_update_alone(widened):
    """Only a test that passes stores its baseline."""
    result = widened("mxperf_budget(macs=607_552)\n            @pytest.mark.mxperf_baseline")
    result.assert_outcomes(failed=1)
    said = "if that is meant, raise the budget, then store the new baseline: pytest --mxperf-update *"
    result.stdout.fnmatch_lines([said])


def test_what_a_library_writes_while_the_model_is_judged_is_captured(write, run):
    """MXNet writes to the file descriptor itself."""
    write(
        """
        import os

        def network():
            import mxnet as mx

            os.write(2, b"from a library\\n")
            return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4)

        @pytest.mark.mxperf_model(network, inputs={"data": (1, 16)})
        @pytest.mark.mxperf_baseline
        def test_it():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Captured stderr call*", "from a library"])


@pytest.mark.parametrize(("action", "lines"), [("warn", 1), ("ignore", 0)])
def test_an_improvement_is_told_as_the_project_wants(widened, run, section, action, lines):
    widened("mxperf_baseline", (16, 16, 64))
    result = run(f"--mxperf-policy=improved={action}")
    result.assert_outcomes(passed=1)
    assert len(section(result)) == lines


def test_a_ratchet_does_not_let_an_improvement_be_lost(widened, run, pytester, no_traceback):
    pytester.makeini("[pytest]\nmxperf_policy = improved=fail")
    result = widened("mxperf_baseline", (16, 16, 64))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "digits: improved: macs 607,552 -> 312,640 (-48.54%, allowed +0%)",
            "digits: improved: param_bytes *",
            "to keep the improvement, store the new baseline: pytest --mxperf-update test_it.py::test_digits",
        ]
    )
    no_traceback(result)
    run("--mxperf-update").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)


def test_every_metric_is_compared(write, run, verdicts):
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    run("--mxperf-update").assert_outcomes(passed=1)
    assert verdicts() == {
        "test_digits": {"macs": "PASSED", "flops": "PASSED", "params": "PASSED", "param_bytes": "PASSED"}
    }


def test_other_inputs_cannot_be_compared(write, run, verdicts, no_traceback):
    source = """
        @pytest.mark.mxperf_model(PREFIX, inputs={{"data": ({batch}, 1, 8, 8)}})
        @pytest.mark.mxperf_baseline(macs="1000%", params="1000%")
        def test_digits():
            pass
        """
    write(source.format(batch=1))
    run("--mxperf-update").assert_outcomes(passed=1)
    write(source.format(batch=2))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "digits: cannot be compared: recorded with input data (1, 1, 8, 8) float32, now (2, 1, 8, 8) float32; "
            "if another model uses this baseline, give this one another name; otherwise record it again "
            "with pytest --mxperf-update test_it.py::test_digits"
        ]
    )
    no_traceback(result)
    assert verdicts() == {"test_digits": {"all": "INCOMPARABLE"}}


def test_another_convention_cannot_be_compared(pytester, write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    run("--mxperf-update")
    path = pytester.path / "baselines" / "digits.json"
    path.write_text(path.read_text().replace('"mxperf-1"', '"mxperf-0"'))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["digits: cannot be compared: counted under convention mxperf-0, *"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{not json", "not a baseline: JSON is malformed: *"),
        ("", "not a baseline: *"),
        ("[]", "not a baseline: *"),
        ('{"schema": 1}', "not a baseline: *"),
        ('{"schema": 99}', "written in schema 99, this version reads 1"),
        ("<<<<<<< HEAD\n", "has git conflict markers; resolve them"),
        (b"\xff\xfe", "not a baseline: *"),
    ],
)
def test_a_baseline_that_cannot_be_read_is_one_clear_error(pytester, write, run, no_traceback, content, message):
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_broken():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="other")
        @pytest.mark.mxperf_baseline
        def test_other():
            pass
        """
    )
    run("--mxperf-update").assert_outcomes(passed=2)
    path = pytester.path / "baselines" / "digits.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run()
    result.assert_outcomes(failed=1, passed=1)
    remedy = "record it again with pytest --mxperf-update test_it.py::test_broken"
    result.stdout.fnmatch_lines(["*_ test_broken _*", f"*baselines/digits.json: {message}; {remedy}"], consecutive=True)
    no_traceback(result)
    run("--mxperf-update", "test_it.py::test_broken").assert_outcomes(passed=1)
    run().assert_outcomes(passed=2)


def test_a_broken_baseline_does_not_hide_a_broken_budget(pytester, write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        @pytest.mark.mxperf_baseline
        def test_broken():
            pass
        """
    )
    (pytester.path / "baselines").mkdir()
    (pytester.path / "baselines" / "digits.json").write_text("{")
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines_random(
        ["digits: macs 607,552 is over the budget of 1 *", "*digits.json: not a baseline*"]
    )


def test_a_folder_in_place_of_a_baseline_is_one_clear_error(pytester, write, run, no_traceback):
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    (pytester.path / "baselines" / "digits.json").mkdir(parents=True)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*baselines/digits.json: cannot read the baseline: Is a directory"])
    no_traceback(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('macs="5 k"', "macs: '5 k' is not a fraction; write it like '5%' or 0.05"),
        ('macs="5"', "macs: '5' is ambiguous; write '5%'"),
        ("macs=True", "macs: expected a number or text like '5%', got True"),
        ('macs="-30%"', "macs: '-30%' is negative; a baseline allows growth from 0% up"),
        (
            'batch="5%"',
            "unknown argument 'batch'; known: macs, flops, params, param_bytes, checkpoint_bytes, rss, latency, *",
        ),
        ('mac="5%"', "unknown argument 'mac'; did you mean 'macs'? known: macs, flops, params, param_bytes, *"),
        ('"5%"', "takes keyword arguments only, got '5%'"),
    ],
)
def test_an_argument_that_cannot_be_understood_is_an_error_of_its_test(write, run, no_traceback, arguments, message):
    write(
        f"""
        @digits
        @pytest.mark.mxperf_baseline({arguments})
        def test_wrong(): pass

        @digits
        @pytest.mark.mxperf_baseline
        def test_right(): pass
        """
    )
    result = run("--mxperf-update")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_wrong*", f"mxperf_baseline: {message}"], consecutive=True)
    no_traceback(result)


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/x", "a/b", "..", ".hidden", "", "a b", "x-symbol", "é", "a\n", "-x", "x" * 129]
)
def test_a_name_that_cannot_be_a_file_is_an_error_of_its_test(pytester, write, run, no_traceback, name):
    write(
        f"""
        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name={name!r})
        @pytest.mark.mxperf_baseline
        def test_wrong(): pass

        @digits
        @pytest.mark.mxperf_baseline
        def test_right(): pass
        """
    )
    before = sorted(path.name for path in pytester.path.parent.iterdir())
    result = run("--mxperf-update")
    result.assert_outcomes(passed=1, errors=1)
    message = f"mxperf_baseline: {name!r} cannot name a baseline: use letters, *"
    result.stdout.fnmatch_lines(["*ERROR at setup of test_wrong*", message], consecutive=True)
    no_traceback(result)
    assert sorted(path.name for path in pytester.path.parent.iterdir()) == before
    assert sorted(path.name for path in pytester.path.rglob("*.json")) == ["digits-symbol.json", "digits.json"]


def test_stacked_markers_merge_and_the_closest_wins(write, report):
    write(
        """
        pytestmark = [digits, pytest.mark.mxperf_baseline(macs="1%", params="2%")]

        @pytest.mark.mxperf_baseline(params="3%", param_bytes="4%")
        class TestClass:
            @pytest.mark.mxperf_baseline(param_bytes="5%")
            def test_method(self):
                pass
        """
    )
    report("--mxperf-update")
    findings = report()["TestClass::test_method"]["findings"]
    assert {finding["metric"]: finding["allowed_growth"] for finding in findings} == {
        "macs": 0.01,  # of the module
        "flops": 0.01,  # as macs
        "params": 0.03,  # of the class
        "param_bytes": 0.05,  # of the method
    }


RESNET = """
import pytest


def resnet():
    from mxnet.gluon.model_zoo.vision.resnet import BasicBlockV1, ResNetV1

    return ResNetV1(BasicBlockV1, {layers}, {channels}, prefix={prefix!r})


@pytest.mark.mxperf_model(resnet, inputs={{"data": (1, 3, 32, 32)}})
@pytest.mark.mxperf_baseline
def test_resnet():
    pass
"""


def test_the_message_names_exactly_the_layers_that_changed_when_all_are_renamed(pytester, run):
    """A block more in stage 2, 384 channels instead of 256 in stage 3.

    Added: twice 4 x 4 x 9 x 128 x 128. Widened: three times 2 x 2 x 9 x (384 x 384 - 256 x 256). That is 91% of it.
    """
    pytester.makepyfile(test_it=RESNET.format(layers=[2, 2, 2, 2], channels=[64, 64, 128, 256, 512], prefix="before_"))
    run("--mxperf-update").assert_outcomes(passed=1)
    pytester.makepyfile(test_it=RESNET.format(layers=[2, 3, 2, 2], channels=[64, 64, 128, 384, 512], prefix="after_"))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "resnet: macs * -> * (+*%, allowed +0%)",
            *(
                f"    after_stage3_conv{index}_fwd (Convolution): num_filter 256 -> 384, input channels 256 -> 384, "
                "+2,949,120 MACs"
                for index in (1, 3, 4)
            ),
            *(f"    after_stage2_conv{index}_fwd (Convolution): added, +2,359,296 MACs" for index in (5, 6)),
            "    and 4 more changes, +1,310,720 MACs",
            "resnet: flops *",
        ],
        consecutive=True,
    )


ANOTHER_GRAPH = """
{
  "nodes": [{"op": "null", "name": "data", "inputs": []}, {"op": "Flatten", "name": "flat", "inputs": [[0, 0, 0]]}],
  "arg_nodes": [0],
  "heads": [[1, 0, 0]]
}
"""


@pytest.mark.parametrize("content", [None, "{}", ANOTHER_GRAPH], ids=["missing", "broken", "another"])
def test_a_baseline_without_its_graph_is_incomparable(
    pytester, write, run, put_model, digits, export, no_traceback, content
):
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        @pytest.mark.mxperf_baseline(params="100%")
        def test_digits():
            pass
        """
    )
    put_model(digits)
    run("--mxperf-update")
    graph = pytester.path / "baselines" / "digits-symbol.json"
    graph.unlink()
    if content is not None:
        graph.write_text(content)
    put_model(export(16, 48, 64))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["digits: *digits-symbol.json: *"])
    no_traceback(result)


def test_the_command_that_accepts_a_change_does_so_for_its_test_alone(pytester, monkeypatch, run):
    """Typed as it is printed, from the folder where pytest was started, into a shell."""
    source = """
    import pytest

    def network(units):
        import mxnet as mx

        return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=units)

    @pytest.mark.parametrize("kind", ["a b", "it's [1]"])
    def test_it(kind, request):
        name = "one" if kind == "a b" else "two"
        request.node.add_marker(pytest.mark.mxperf_model(lambda: network(UNITS), inputs={"data": (1, 4)}, name=name))
        request.node.add_marker(pytest.mark.mxperf_baseline)
    """
    (pytester.path / "deep").mkdir()
    (pytester.path / "alt.ini").write_text("[pytest]")
    for units in (8, 4):
        (pytester.path / "test_it.py").write_text(dedent(source).replace("UNITS", str(units)))
        monkeypatch.chdir(pytester.path / "deep")
        options = ("-c", "../alt.ini", "--mxperf-baselines=kept files", "--mxperf-policy=improved=fail", "..")
        result = pytester.runpytest("--mxperf-update", *options) if units == 8 else pytester.runpytest(*options)
    result.assert_outcomes(failed=2)
    commands = [line.partition("store the new baseline: ")[2] for line in result.outlines]
    first, second = (shlex.split(command) for command in commands if command)
    assert first == [
        *("pytest", "-c", "../alt.ini", "--mxperf-update", "--mxperf-baselines=kept files"),
        "../test_it.py::test_it[a b]",
    ]
    result = pytester.runpytest(*second[1:])
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["baseline updated: two"])
    result.stdout.no_fnmatch_line("*WARNING*")
    pytester.runpytest(*options).assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    ("shape", "against", "problem"),
    [
        (
            (1, 1, 8, 8),
            "nowhere/net",
            "/net-symbol.json: cannot read the symbol: No such file or directory; the folder*",
        ),
        (
            (4, 16),
            "{digits}",
            "digits: data is (4, 16), *; if it needs inputs or an epoch of its own, a test can give "
            "against=ModelSpec.parse(*digits', inputs, epoch=...)",
        ),
    ],
)
def test_what_is_wrong_with_the_other_model_is_said_to_be_its_fault(
    write, run, no_traceback, digits, shape, against, problem
):
    write(
        f"""
        def net():
            import mxnet as mx

            return mx.sym.Flatten(mx.sym.var("data"))

        @pytest.mark.mxperf_model(net, inputs={{"data": {shape}}})
        @pytest.mark.mxperf_baseline(against="{against.format(digits=digits)}", macs="0%")
        def test_it():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"mxperf_baseline: against: *{problem}"])
    no_traceback(result)
