"""The command ``mxperf``."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

import pytest_mxperf
from pytest_mxperf.cli import main
from pytest_mxperf.latency.comparison import Comparison, Sample
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Decision, Outcome
from pytest_mxperf.profile.values import LayerTime, NetworkProfile, Peaks

NEAREST = "the folder has nets3-symbol.json, nets9-symbol.json, nets8-symbol.json and 8 more"
INPUT = ("--input", "data=1,1,8,8")
NOTHING_STATIC = {"static_alloc": False, "static_shape": False}


@pytest.fixture
def mxperf(capsys):
    """Runs the command and gives its exit code, output and errors."""

    def mxperf(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:
            code = error.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return mxperf


@pytest.fixture
def wider(digits, tmp_path):
    """The digits net with 40 units instead of 32 in its first dense layer."""
    graph = json.loads(digits.with_name("digits-symbol.json").read_text())
    for node in graph["nodes"]:
        if node["name"].startswith("dense"):
            node.get("attrs", {}).pop("__shape__", None)
        if node["name"] == "dense1_fwd":
            node["attrs"]["num_hidden"] = "40"
    (tmp_path / "wider-symbol.json").write_text(json.dumps(graph))
    return tmp_path / "wider"


@pytest.fixture
def stepped(tmp_path):
    """Saves a net with a begin state as wide as it is: data (?, 3) and state (?, hidden)."""
    import mxnet as mx

    def stepped(name, hidden):
        step = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=hidden, name="i") + mx.sym.var("state")
        mx.sym.FullyConnected(step, num_hidden=2, name="o").save(str(tmp_path / f"{name}-symbol.json"))
        return tmp_path / name

    return stepped


class TestCost:
    def test_the_totals_and_the_heaviest_layers_are_shown(self, mxperf, digits, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        code, out, err = mxperf("cost", digits, *INPUT)
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert lines[1] == "  607,552 MACs, 1,229,770 FLOPs"
        assert lines[2].startswith("  31,962 trainable, 0 frozen, 224 auxiliary params, ")
        assert lines[4] == "  126 KiB in the .params file"
        assert lines[6].split() == ["conv2_fwd", "Convolution", "1x32x8x8", "590", "k", "FLOPs", "48.0%"]
        assert "\x1b" not in out

    def test_json_is_that_of_the_report(self, mxperf, digits):
        code, out, _ = mxperf("cost", digits, *INPUT, "--json")
        cost = json.loads(out)
        assert (code, cost["macs"], cost["params"]["trainable"]) == (0, 607_552, 31_962)
        assert len(cost["layers"]) > 10

    def test_inputs_have_shapes_and_dtypes(self, mxperf, tmp_path):
        """5 tokens take 5 rows of 4 numbers; a name may have a "=" of its own."""
        import mxnet as mx

        tokens, other = mx.sym.var("tokens"), mx.sym.var("a=b")
        rows = mx.sym.Embedding(tokens, input_dim=10, output_dim=4, name="rows")
        (mx.sym.sum(rows) + mx.sym.sum(other)).save(str(tmp_path / "net-symbol.json"))
        code, out, err = mxperf("cost", tmp_path / "net", "--input", "tokens=1,5:int32", "--input", "a=b=2,3", "--json")
        assert (code, err) == (0, "")
        layers = {layer["op"]: layer for layer in json.loads(out)["layers"]}
        assert (layers["Embedding"]["dtype"], layers["Embedding"]["outputs"]) == ("int32", [[1, 5, 4]])

    def test_the_epoch_decides_which_weights_describe_the_model(self, mxperf, digits):
        assert mxperf("cost", digits, *INPUT, "--epoch", "0")[0] == 0
        code, out, err = mxperf("cost", digits, *INPUT, "--epoch", "-1")
        assert (code, out, err) == (
            2,
            "",
            "mxperf: cost: epoch=-1 is not a whole number from 0 up; 'latest' is the last one\n",
        )


class TestDiff:
    def test_equal_models_give_0(self, mxperf, digits, tmp_path):
        """Under other names, too."""
        text = digits.with_name("digits-symbol.json").read_text()
        (tmp_path / "other-symbol.json").write_text(text.replace('_fwd"', '_forward"').replace('_weight"', '_w"'))
        code, out, err = mxperf("diff", digits, tmp_path / "other", *INPUT)
        assert (code, err) == (0, "")
        assert out.splitlines() == [
            "MACs    607,552, unchanged",
            "FLOPs   1,229,770, unchanged",
            "params  31,962, unchanged",
            "no layer differs in more than its name",
        ]

    def test_different_models_give_1_and_their_changes(self, mxperf, digits, wider, monkeypatch):
        """8 units more: 8 x 256 MACs in their own layer, 8 x 10 in the next; and 8 biases."""
        monkeypatch.setenv("COLUMNS", "120")
        code, out, err = mxperf("diff", digits, wider, *INPUT)
        assert (code, err) == (1, "")
        lines = out.splitlines()
        assert lines[0] == "MACs    607,552 -> 609,680 (+0.35%)"
        assert lines[2] == "params  31,962 -> 34,098 (+6.68%)"
        assert [" ".join(line.split()) for line in lines[5:]] == [
            "dense1_fwd (FullyConnected) num_hidden 32 -> 40 +2.05 k 96.2% +4.10 k 96.1% +2.06 k 96.3%",
            "dense1_relu_fwd (Activation) input 1x32 -> 1x40 +8 0.2%",
            "dense2_fwd (FullyConnected) input features 32 -> 40 +80 3.8% +160 3.7% +80 3.7%",
        ]

    def test_json_has_exact_figures(self, mxperf, digits, wider):
        code, out, _ = mxperf("diff", digits, wider, *INPUT, "--json")
        document = json.loads(out)
        assert code == 1
        assert document["now"]["macs"] - document["before"]["macs"] == 2_128
        assert document["changes"][0] == {
            "kind": "changed",
            "name": "dense1_fwd",
            "old_name": "dense1_fwd",
            "op": "FullyConnected",
            "details": [{"what": "num_hidden", "before": "32", "now": "40"}],
            "before": {"macs": 8_192, "flops": 16_416, "params": 8_224},
            "now": {"macs": 10_240, "flops": 20_520, "params": 10_280},
            "growth": {"macs": 2_048, "flops": 4_104, "params": 2_056},
            "share_of_growth": pytest.approx({"macs": 2_048 / 2_128, "flops": 4_104 / 4_272, "params": 2_056 / 2_136}),
        }

    def test_a_baselines_graph_is_a_model_too(self, mxperf, digits, request):
        baseline = request.config.rootpath / "baselines" / "digits-symbol.json"
        assert mxperf("diff", baseline, digits, *INPUT)[0] == 0


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((), "mxperf: the following arguments are required: COMMAND; see mxperf --help"),
            (("cost", "net"), "mxperf: net-symbol.json: cannot read the symbol: No such file"),
            (("cost", "nowhere/net", *INPUT), "mxperf: nowhere/net-symbol.json: cannot read the symbol: No such file"),
            (("diff", "nowhere/a", "b", *INPUT), "mxperf: nowhere/a-symbol.json: cannot read the symbol: No such file"),
            (("cost", "", *INPUT), "mxperf: cost: '' names no checkpoint"),
            (("cost", "net", "--input", "1,1,8,8"), "mxperf: --input 1,1,8,8: write it like data=1,3,224,224 or"),
            (("cost", "net", "--input", "data="), "mxperf: --input data=: write it like data=1,3,224,224 or"),
            (("cost", "net", "--input", "data=1,x"), "mxperf: --input data=1,x: write it like data=1,3,224,224 or"),
            (("cost", "net", "--input", "data=1,0"), "mxperf: --input data=1,0: expected a shape"),
            (("cost", "net", "--input", "data=1:int3"), "mxperf: --input data=1:int3: unknown dtype 'int3'; MXNet has"),
        ],
        ids=str,
    )
    def test_a_mistake_gives_2_and_one_line(self, mxperf, arguments, message):
        code, out, err = mxperf(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith(message)
        assert err.count("\n") == 1

    def test_a_model_that_does_not_fit_gives_2_and_one_line(self, mxperf, digits):
        code, out, err = mxperf("diff", digits, digits, "--input", "data=1,64")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("mxperf: digits: ")

    def test_a_misspelt_input_is_told(self, mxperf, digits):
        code, _, err = mxperf("cost", digits, "--input", "dat=1,1,8,8")
        assert (code, err) == (2, "mxperf: digits: the graph has no input 'dat'; did you mean 'data'?\n")


UNEXPECTED = [
    ValueError("two\nlines"),
    MemoryError(),
    RecursionError("too deep"),
    OSError(28, "No space left on device"),
    AttributeError("module 'mxnet' has no attribute 'np'"),
]


@pytest.mark.parametrize("command", ["cost", "diff", "latency"])
@pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)
def test_whatever_goes_wrong_gives_2_and_one_line(mxperf, monkeypatch, command, error):
    """Never 1, which says "different" or "slower"."""

    def fail(*arguments, **options):
        raise error

    for name in ("count", "diff", "compare_latency"):
        monkeypatch.setattr(pytest_mxperf.commands.models, name, fail)
    code, out, err = mxperf(command, *["a", "b"][: 1 if command == "cost" else 2], *INPUT)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("mxperf: ")
    assert str(error).split("\n")[0] in err
    assert ("this is a bug of pytest-mxperf" in err) == (not isinstance(error, OSError))


def test_an_interrupt_is_one_line_and_the_exit_code_of_the_signal(mxperf, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(pytest_mxperf.commands.models, "compare_latency", interrupt)
    assert mxperf("latency", "a", "b", *INPUT) == (130, "", "mxperf: interrupted\n")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_an_output_that_cannot_be_written_gives_2_and_one_line(digits):
    with open("/dev/full", "w") as full:
        result = run("diff", digits, digits, *INPUT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (result.returncode, result.stderr) == (2, "mxperf: [Errno 28] No space left on device\n")


def test_a_terminal_that_lacks_a_letter_gets_its_number(digits, wider, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii:strict")
    text = wider.with_name("wider-symbol.json").read_text().replace("dense1_fwd", "d\u00e9nse_fwd")
    wider.with_name("wider-symbol.json").write_text(text, encoding="utf-8")
    result = run("diff", digits, wider, *INPUT, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (1, "")
    assert "d\\xe9nse_fwd" in result.stdout


def run(*arguments, **options):
    root = os.path.dirname(os.path.dirname(pytest_mxperf.__file__))
    command = [sys.executable, "-m", "pytest_mxperf.cli", *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, timeout=120, **options)


@pytest.mark.slow
def test_it_runs_as_a_program(digits):
    result = run("diff", digits, digits, *INPUT, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("MACs    607,552, unchanged\n")


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_trouble(digits):
    """As in ``mxperf cost ... | head -1``."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = run("cost", digits, *INPUT, "--json", stdout=writer, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(writer)
    assert result.stderr == ""


class TestLatency:
    @pytest.fixture
    def decided(self, monkeypatch):
        """Makes the measurement come out as told; what it was asked is returned."""
        asked = []

        def decided(outcome):
            class Pretended:
                def __init__(self, *, seconds):
                    asked.append(seconds)

                def __enter__(self):
                    return self

                def __exit__(self, *error):
                    pass

                def compare(self, reference, candidate, tolerance):
                    asked.append((reference.name, candidate.name, tolerance))
                    reason = "not clear after 12 samples" if outcome is Outcome.INCONCLUSIVE else ""
                    decision = Decision(outcome, 0.05, 0.03, 0.07, 4, reason)
                    assert reference.run_as == candidate.run_as
                    conditions, run_as = Conditions(1.0, 1.0), candidate.run_as
                    return Comparison(decision, 2.5, conditions, (Sample(0.05),) * 4, seed=1, run_as=run_as)

            monkeypatch.setattr(pytest_mxperf.api, "PairedTimer", Pretended)
            return asked

        return decided

    @pytest.mark.parametrize(("outcome", "expected"), [("PASSED", 0), ("REGRESSED", 1), ("INCONCLUSIVE", 2)])
    def test_the_exit_code_is_the_outcome(self, mxperf, digits, wider, decided, outcome, expected):
        asked = decided(Outcome[outcome])
        code, out, err = mxperf("latency", digits, wider, *INPUT, "--allow", "4%", "--seconds", "9")
        assert (code, err) == (expected, "")
        assert asked == [9.0, ("digits", "wider", 0.04)]
        assert out.startswith("latency +5.0% (")
        assert f"allowed +4.0% over {digits}" in out

    def test_growth_may_be_negative(self, mxperf, digits, wider, decided):
        asked = decided(Outcome.PASSED)
        assert mxperf("latency", digits, wider, *INPUT, "--allow=-30%")[0] == 0
        assert asked[-1] == ("digits", "wider", -0.3)
        assert "--allow=-30% (with =)" in " ".join(mxperf("latency", "--help")[1].split())

    def test_json_has_the_samples(self, mxperf, digits, wider, decided):
        decided(Outcome.REGRESSED)
        code, out, _ = mxperf("latency", digits, wider, *INPUT, "--json")
        document = json.loads(out)
        assert (code, document["decision"]["outcome"], [each["log_ratio"] for each in document["samples"]]) == (
            *(1, "regressed", [0.05] * 4),
        )

    @pytest.mark.parametrize(
        ("arguments", "kind"),
        [((), "Module"), (("--run-as", "module"), "Module"), (("--run-as=gluon",), "hybridized block")],
    )
    def test_both_are_run_as_asked(self, mxperf, digits, wider, decided, arguments, kind):
        decided(Outcome.PASSED)
        code, out, err = mxperf("latency", digits, wider, *INPUT, *arguments)
        assert (code, err) == (0, "")
        assert out.rstrip().endswith(f"; timed as a {kind} [PASSED]")
        document = json.loads(mxperf("latency", digits, wider, *INPUT, *arguments, "--json")[1])
        assert document["run_as"] == {"kind": kind.split()[-1].lower().replace("block", "gluon"), **NOTHING_STATIC}
        assert document["notes"] == []

    def test_another_way_is_one_line(self, mxperf, digits, wider):
        code, out, err = mxperf("latency", digits, wider, *INPUT, "--run-as", "static")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "module" in err
        assert "gluon_static" in err

    def test_without_a_word_a_gluon_net_is_run_as_it_was_hybridized(self, digits, decided):
        """Also the older one, whatever that is."""
        import mxnet as mx

        net = mx.gluon.nn.Dense(2)
        net.hybridize(static_alloc=True)
        decided(Outcome.PASSED)
        old = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2)
        for models, kind in (((old, net), "hybridized block (static_alloc)"), ((net, old), "Module")):
            compared = pytest_mxperf.api.compare_latency(*models, {"data": (1, 3)}, tolerance=0.1)
            assert str(compared.run_as) == kind

    def test_a_spec_carries_the_weights_and_the_output_that_a_comparison_takes_no_argument_for(self, digits, decided):
        """Up to conv1, which has 16 kernels of 9 taps on 8 x 8 pixels."""
        asked = decided(Outcome.PASSED)
        weights, inputs = digits.with_name("digits-0000.params"), {"data": (1, 1, 8, 8)}
        old = pytest_mxperf.ModelSpec.parse(digits, inputs, params=weights, output="conv1_fwd", name="start")
        new = pytest_mxperf.ModelSpec.parse(digits, inputs, params=weights)
        assert pytest_mxperf.diff(old, new).before.macs == 9_216
        pytest_mxperf.compare_latency(old, new, tolerance=0.1)
        assert asked[-1] == ("start", "digits", 0.1)

    def test_growth_that_cannot_be_understood_is_one_line(self, mxperf, digits, wider):
        code, out, err = mxperf("latency", digits, wider, *INPUT, "--allow", "much")
        assert (code, out) == (2, "")
        assert err.startswith("mxperf: --allow: ")
        assert err.count("\n") == 1

    @pytest.mark.parametrize("allow", ["-100%", "-300%", "-1e9%", "1e300%", "1e400%"])
    def test_growth_that_no_model_can_have_is_one_line(self, mxperf, digits, wider, decided, allow):
        asked = decided(Outcome.PASSED)
        code, out, err = mxperf("latency", digits, wider, *INPUT, f"--allow={allow}")
        assert (code, out, asked) == (2, "", [])
        assert err.startswith(f"mxperf: --allow: '{allow}' ")
        assert err.count("\n") == 1

    @pytest.mark.parametrize("tolerance", [-1.0, -3.0, float("nan"), float("inf")])
    def test_nor_does_a_program_get_that(self, digits, wider, tolerance):
        with pytest.raises(pytest_mxperf.errors.UsageError, match=r"compare_latency: tolerance=\S+ is not a finite"):
            pytest_mxperf.api.compare_latency(digits, wider, {"data": (1, 1, 8, 8)}, tolerance=tolerance)

    @pytest.mark.slow
    def test_it_names_its_own_option_where_the_time_is_too_short(self, mxperf, digits, wider):
        code, out, _ = mxperf("latency", digits, wider, *INPUT, "--seconds", "0.000001")
        assert code == 2
        assert "a sample; try --seconds 2" in out
        report = json.loads(mxperf("latency", digits, wider, *INPUT, "--seconds", "0.000001", "--json")[1])
        assert "a sample; try --seconds 2" in str(report)

    @pytest.mark.slow
    def test_for_real(self, mxperf, digits, wider):
        """Whatever comes out, within a second of CPU time there is an answer."""
        code, out, err = mxperf("latency", digits, wider, *INPUT, "--allow", "1000%", "--seconds", "1")
        assert code in (0, 2)
        assert out.startswith("latency ")
        assert err == ""


class TestInputs:
    @pytest.mark.parametrize("command", ["cost", "diff", "latency"])
    def test_without_any_the_graphs_inputs_are_shown_with_what_is_known_of_each(self, mxperf, digits, command):
        code, out, err = mxperf(command, *[digits] * (1 if command == "cost" else 2))
        assert code == 2
        assert out.splitlines()[:2] == [
            "digits takes",
            "  data  (?, 1, ?, ?)  float32  read by Convolution 'conv1_fwd'",
        ]
        assert err == "mxperf: give the shape of each input, as in --input data=1,3,224,224\n"

    def test_the_same_input_twice_is_an_error(self, mxperf, digits):
        code, out, err = mxperf("cost", digits, *INPUT, "--input", "data=2,1,8,8")
        assert (code, out) == (2, "")
        assert err == "mxperf: --input data=2,1,8,8: 'data' is given twice, here and as data=1,1,8,8\n"

    def test_each_side_may_have_inputs_of_its_own(self, mxperf, stepped):
        """An LSTM with begin states can be widened only so: they are as wide as it is."""
        old, new = stepped("old", 4), stepped("new", 6)
        sides = (
            "--input-old",
            "data=1,3",
            "--input-old",
            "state=1,4",
            "--input-new",
            "data=1,3",
            "--input-new",
            "state=1,6",
        )
        code, out, err = mxperf("diff", old, new, *sides)
        assert (code, err) == (1, "")
        assert out.splitlines()[0] == "MACs    20 -> 30 (+50.00%)"  # 3 x 4 + 4 x 2, 3 x 6 + 6 x 2
        assert mxperf("diff", old, new, "--input", "data=1,3", "--input", "state=1,4")[0] == 2

    @pytest.mark.parametrize(
        "sides",
        [
            ("--input=data=1,3", "--input-old=state=1,4", "--input-new=state=1,6"),
            ("--input=data=1,3", "--input=state=1,4", "--input-new=state=1,6"),
            (
                "--input=data=9,9",
                "--input=state=1,6",
                "--input-old=data=1,3",
                "--input-old=state=1,4",
                "--input-new=data=1,3",
            ),
        ],
    )
    def test_a_side_s_own_inputs_are_merged_with_the_common_ones(self, mxperf, stepped, sides):
        """3 x 4 + 4 x 2 MACs and 3 x 6 + 6 x 2."""
        code, out, err = mxperf("diff", stepped("old", 4), stepped("new", 6), *sides)
        assert (code, err) == (1, "")
        assert out.splitlines()[0] == "MACs    20 -> 30 (+50.00%)"

    def test_so_are_its_own_shapes(self, mxperf, tmp_path):
        """2 x 3 sums on one side, 4 x 3 on the other; each has an offset that the other lacks."""
        import mxnet as mx

        for name in ("old", "new"):
            rows = mx.sym.broadcast_add(mx.sym.var("data"), mx.sym.var("rows"))
            mx.sym.broadcast_add(rows, mx.sym.var("columns")).save(str(tmp_path / f"{name}-symbol.json"))
        shapes = ("--shape=rows=1,3", "--shape=columns=2,1", "--shape-new=columns=4,1")
        code, out, err = mxperf("diff", tmp_path / "old", tmp_path / "new", "--input=data=1,3", *shapes)
        assert (code, err) == (1, "")
        assert out.splitlines()[2] == "params  5 -> 7 (+40.00%)"

    def test_a_side_s_own_weights_and_outputs_replace_the_common_ones(self, mxperf, digits):
        """A file or an epoch: each is weights. conv1 has 16 kernels of 9 taps on 8 x 8 pixels."""
        weights = digits.with_name("digits-0000.params")
        assert mxperf("diff", digits, digits, *INPUT, "--epoch=3", "--epoch-old=0", f"--params-new={weights}")[0] == 0
        assert mxperf("diff", digits, digits, *INPUT, f"--params={weights}", "--epoch-new=0")[0] == 0
        ends = ("--output=dense1_fwd", "--output-old=conv1_fwd")
        assert "MACs    9,216 -> " in mxperf("diff", digits, digits, *INPUT, *ends)[1]

    @pytest.mark.parametrize("command", ["diff", "latency", "profile"])
    @pytest.mark.parametrize(("widths", "side"), [((4, 6), "new"), ((6, 4), "old")])
    def test_a_side_that_does_not_fit_is_told_its_own_option(self, mxperf, stepped, command, widths, side):
        models = [stepped(name, width) for name, width in zip(("old", "new"), widths)]
        given = ("--input=data=1,3", "--input=state=1,4")
        code, out, err = mxperf(command, *models, *given)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.endswith(f"; give this model inputs of its own with --input-{side}\n")
        assert mxperf("diff", *models, *given, f"--input-{side}=state=1,6")[0] == 1

    def test_what_does_not_fit_either_side_is_told_the_common_option(self, mxperf, stepped):
        _, _, err = mxperf("diff", stepped("old", 4), stepped("new", 6), "--input=data=1,3", "--input=state=1,5")
        assert err.startswith("mxperf: old: shapes or dtypes do not fit together")
        assert "--input" not in err

    def test_a_program_is_told_its_own_argument(self, stepped):
        models, given = (str(stepped("old", 4)), str(stepped("new", 6))), {"data": (1, 3), "state": (1, 4)}
        with pytest.raises(pytest_mxperf.MxperfError, match=r"; give this model inputs of its own in inputs_new$"):
            pytest_mxperf.diff(*models, given)
        with pytest.raises(pytest_mxperf.MxperfError, match=r"; give this model inputs of its own in inputs_new$"):
            pytest_mxperf.compare_latency(*models, given, tolerance=0.1)
        specs = [pytest_mxperf.ModelSpec.parse(model, given) for model in models]
        with pytest.raises(pytest_mxperf.MxperfError) as caught:
            pytest_mxperf.diff(*specs)  # which take no inputs_new
        assert "inputs_new" not in str(caught.value)

    def test_a_program_merges_them_too(self, stepped):
        models, common = (str(stepped("old", 4)), str(stepped("new", 6))), {"data": (1, 3), "state": (1, 4)}
        found = pytest_mxperf.diff(*models, common, inputs_new={"state": (1, 6)})
        assert (found.before.macs, found.now.macs) == (20, 30)
        found = pytest_mxperf.diff(
            *models, {"data": (1, 3)}, inputs_old={"state": (1, 4)}, inputs_new={"state": (1, 6)}
        )
        assert (found.before.macs, found.now.macs) == (20, 30)


class TestStoredInputs:
    """The digits net, whose baseline has the inputs data (1, 1, 8, 8)."""

    SHOWN = "mxperf: with the inputs of {}: --input data=1,1,8,8\n"

    @pytest.fixture
    def stored(self, request, tmp_path):
        for name in ("digits.json", "digits-symbol.json"):
            (tmp_path / name).write_bytes((request.config.rootpath / "baselines" / name).read_bytes())
        return tmp_path / "digits-symbol.json"

    def test_the_graph_of_a_baseline_has_the_baseline_s_inputs(self, mxperf, stored):
        code, out, err = mxperf("cost", stored, "--json")
        assert (code, json.loads(out)["macs"]) == (0, 607_552)
        assert err == self.SHOWN.format(stored.with_name("digits.json"))
        assert mxperf("cost", stored.with_name("digits"))[0] == 0
        assert mxperf("cost", stored, "--vary", "data:0=1,2")[0] == 0

    def test_in_a_table_and_on_either_side_too(self, mxperf, stored, digits):
        shown = self.SHOWN.format(stored.with_name("digits.json"))
        assert mxperf("cost", stored, "--format", "csv")[::2] == (0, shown)
        assert mxperf("diff", stored, digits, "--input-new", "data=1,1,8,8")[::2] == (0, shown)
        assert mxperf("diff", digits, stored, "--input-old", "data=1,1,8,8")[::2] == (0, shown)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("da ta;rm", "--input 'da ta;rm=1,1,8,8'"), ("\x1b[31mred", ""), ("two\nlines", "")],
    )
    def test_what_is_shown_can_be_typed_or_is_not_shown(self, mxperf, stored, name, expected):
        path = stored.with_name("digits.json")
        path.write_text(path.read_text().replace('"data"', json.dumps(name)))
        code, _, err = mxperf("cost", stored)
        assert code == 2
        assert "\x1b" not in err
        assert (expected in err) if expected else (name not in err)

    def test_the_other_side_takes_the_same(self, mxperf, stored, digits):
        shown = self.SHOWN.format(stored.with_name("digits.json"))
        same = f"mxperf: {digits} takes the inputs of {stored}\n"
        assert mxperf("diff", stored, digits)[::2] == (0, shown + same)
        assert mxperf("diff", digits, stored)[::2] == (0, shown + same)

    def test_a_label_that_only_one_side_has_is_left_to_it(self, mxperf, tmp_path):
        import mxnet as mx

        dense = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc")
        dense.save(str(tmp_path / "bare-symbol.json"))
        mx.sym.SoftmaxOutput(dense, mx.sym.var("label")).save(str(tmp_path / "loss-symbol.json"))
        both = ("--input-old", "data=4,3", "--input-old", "label=4")
        assert mxperf("diff", tmp_path / "loss", tmp_path / "bare", *both)[0] == 1
        assert mxperf("diff", tmp_path / "bare", tmp_path / "loss", "--input-old", "data=4,3")[0] == 1

    def test_a_side_that_needs_others_is_asked_for_in_a_command_to_copy(self, mxperf, stored, tmp_path, monkeypatch):
        import mxnet as mx

        image = mx.sym.Convolution(
            mx.sym.var("my image"), mx.sym.var("w", shape=(2, 5, 3, 3)), kernel=(3, 3), num_filter=2, no_bias=True
        )
        rows = mx.sym.Embedding(mx.sym.var("tokens"), input_dim=9, output_dim=4)
        mx.sym.Group([image, rows]).save(str(tmp_path / "other-symbol.json"))
        monkeypatch.setattr("sys.argv", ["/bin/mxperf", "diff", "a b", "other"])
        code, out, err = mxperf("diff", stored, tmp_path / "other")
        assert (code, out.splitlines()[0]) == (2, "other takes")
        assert err.splitlines()[1:] == [
            "mxperf: fill in each ?, for tokens all dimensions (such as 1,3,224,224): mxperf diff 'a b' other "
            "--input-new 'my image'=?,5,?,? --input-new tokens=?:int32"
        ]

    def test_a_label_that_is_inferred_is_not_asked_for(self, mxperf, stored, tmp_path, monkeypatch):
        import mxnet as mx

        rows = mx.sym.FullyConnected(mx.sym.var("rows"), num_hidden=2, name="fc")
        mx.sym.SoftmaxOutput(rows, mx.sym.var("label"), name="loss").save(str(tmp_path / "other-symbol.json"))
        monkeypatch.setattr("sys.argv", ["mxperf", "diff", "old", "new"])
        code, out, err = mxperf("diff", stored, tmp_path / "other")
        whole = "for rows all dimensions (such as 1,3,224,224)"
        hint = f"mxperf: fill in each ?, {whole}: mxperf diff old new --input-new rows=?"
        assert (code, err.splitlines()[1]) == (2, hint)
        assert "label of SoftmaxOutput 'loss'; inferred" in out
        assert mxperf("diff", stored, tmp_path / "other", "--input-new", "rows=4,3")[0] == 1

    def test_given_inputs_count(self, mxperf, stored):
        code, out, err = mxperf("cost", stored, "--input", "data=2,1,8,8", "--json")
        assert (code, err, json.loads(out)["macs"]) == (0, "", 1_215_104)  # 2 x 607,552

    def test_dtypes_are_those_of_the_baseline(self, mxperf, stored):
        path = stored.with_name("digits.json")
        path.write_text(path.read_text().replace('"float32"', '"float64"', 1))
        assert mxperf("cost", stored)[2].startswith(self.SHOWN.format(path).replace("8,8", "8,8:float64"))

    @pytest.mark.parametrize("broken", ["{}", "", "[]"])
    def test_what_is_no_baseline_has_none(self, mxperf, stored, broken):
        stored.with_name("digits.json").write_text(broken)
        code, out, err = mxperf("cost", stored)
        assert (code, out.splitlines()[0]) == (2, "digits takes")
        assert err == "mxperf: give the shape of each input, as in --input data=1,3,224,224\n"

    def test_nor_has_the_baseline_of_another_graph(self, mxperf, stored):
        stored.write_text(stored.read_text() + " ")
        assert mxperf("cost", stored)[0] == 2


class TestFiles:
    @pytest.fixture
    def renamed(self, digits, tmp_path):
        """The digits net under other names."""

        def renamed(symbol, params):
            (tmp_path / symbol).write_bytes(digits.with_name("digits-symbol.json").read_bytes())
            (tmp_path / params).write_bytes(digits.with_name("digits-0000.params").read_bytes())
            return tmp_path / symbol

        return renamed

    def test_a_missing_epoch_is_an_error_that_lists_those_that_exist(self, mxperf, renamed, tmp_path):
        renamed("net-symbol.json", "net-0003.params")
        code, out, err = mxperf("cost", tmp_path / "net", *INPUT, "--epoch", "7")
        assert (code, out) == (2, "")
        assert err.endswith(
            "net-0007.params: the weights are missing; epochs that exist: 3; give one with --epoch, or --epoch latest\n"
        )
        assert mxperf("cost", tmp_path / "net", *INPUT, "--epoch", "latest")[::2] == (0, "")
        for side in ("old", "new"):
            others = ("--epoch", "3", f"--epoch-{side}", "4")
            assert "net-0004.params" in mxperf("diff", tmp_path / "net", tmp_path / "net", *INPUT, *others)[2]
        assert mxperf("diff", tmp_path / "net", tmp_path / "net", *INPUT, "--epoch", "latest")[0] == 0

    @pytest.mark.parametrize("given", [INPUT, ()])
    def test_the_epoch_that_one_side_lacks_is_named_with_its_own_option(self, mxperf, renamed, tmp_path, given):
        renamed("a-symbol.json", "a-0002.params")
        renamed("b-symbol.json", "b-0009.params")
        for models, side in (("ab", "new"), ("ba", "old")):
            code, out, err = mxperf("diff", *(tmp_path / name for name in models), *given, "--epoch", "2")
            assert (code, out) == (2, "")
            assert err.endswith(f"epochs that exist: 9; give one with --epoch-{side}, or --epoch-{side} latest\n")
        _, _, err = mxperf("diff", tmp_path / "a", tmp_path / "b", *INPUT, "--epoch", "3")
        assert err.endswith("epochs that exist: 2; give one with --epoch, or --epoch latest\n")

    @pytest.mark.parametrize(
        ("command", "given", "end"),
        [
            ("cost", ("--params=F", "--epoch=3"), ""),
            ("inputs", ("--params=F", "--epoch=3"), ""),
            ("profile", ("--params=F", "--epoch=3"), ""),
            ("diff", ("--params=F", "--epoch=3"), ""),
            ("latency", ("--params-old=F", "--epoch-old=3"), "-old"),
            ("diff", ("--params-new=F", "--epoch-new=3"), "-new"),
        ],
    )
    def test_a_file_and_an_epoch_are_an_error_of_the_command(self, mxperf, digits, command, given, end):
        models = [digits] * (2 if command in ("diff", "latency") else 1)
        expected = f"mxperf: {command}: --params{end} F names the file; leave out --epoch{end} 3\n"
        assert mxperf(command, *models, *given) == (2, "", expected)

    def test_weights_of_another_name_are_offered_to_their_own_side(self, mxperf, renamed, digits):
        graph = renamed("graph.json", "best.params")
        _, _, err = mxperf("diff", digits, graph, *INPUT)
        assert err.endswith("the folder has best.params: name one with --params-new\n")
        assert mxperf("diff", digits, graph, *INPUT, "--params-new", graph.with_name("best.params")) == (
            *(0, mxperf("diff", digits, digits, *INPUT)[1], ""),
        )
        _, _, err = mxperf("diff", graph, digits, *INPUT, "--params-old", "none.params")
        assert err.endswith(
            "none.params: the weights are missing; the folder has best.params: name one with --params-old\n"
        )

    def test_weights_of_any_name_are_taken_and_offered(self, mxperf, renamed):
        graph = renamed("graph.json", "best.params")
        code, _, err = mxperf("cost", graph, *INPUT)
        assert code == 0
        offered = "the folder has best.params: name one with --params\n"
        assert err == f"mxperf: warning: graph: counted without weights, graph-0000.params is missing; {offered}"
        assert mxperf("cost", graph, *INPUT, "--params", graph.with_name("best.params"))[::2] == (0, "")
        code, _, err = mxperf("cost", graph, *INPUT, "--params", "none.params")
        assert (code, err) == (
            2,
            "mxperf: none.params: the weights are missing; the folder has best.params: name one with --params\n",
        )

    @pytest.mark.parametrize("name", ["net.params", "net-100.params", "params", "net.param", "PARAMS"])
    def test_all_usual_names_of_weights_are_offered(self, mxperf, renamed, tmp_path, name):
        renamed("net-symbol.json", name)
        (tmp_path / "other-symbol.json").write_text("{}")
        assert f"the folder has {name}: name one" in mxperf("cost", tmp_path / "net", *INPUT)[2]

    def test_weights_of_other_models_are_not_offered(self, mxperf, renamed, tmp_path):
        renamed("net-symbol.json", "network-0000.params")
        (tmp_path / "network-symbol.json").write_text("{}")
        assert mxperf("cost", tmp_path / "net", *INPUT)[2] == ""

    @pytest.mark.parametrize(
        ("typed", "advice"),
        [
            ("net-0003.params", "that is a file of weights; give the prefix '{0}/net', with --epoch 3"),
            ("net.params", "that is a file of weights; give the prefix '{0}/net', with --params {0}/net.params"),
            ("net-symbol", "give the prefix '{0}/net'"),
            ("", "'{0}' is a folder; give a prefix in it: '{0}/net', '{0}/nets1', '{0}/nets10' and 8 more"),
            ("nets33", f"{NEAREST}; did you mean '{{0}}/nets3'?"),
            ("nets33-symbol.json", f"{NEAREST}; did you mean '{{0}}/nets3'?"),
        ],
    )
    def test_what_is_no_prefix_is_answered_with_one(self, mxperf, renamed, tmp_path, typed, advice):
        renamed("net-symbol.json", "net-0003.params")
        (tmp_path / "net.params").touch()
        for number in range(1, 11):
            (tmp_path / f"nets{number}-symbol.json").touch()
        code, out, err = mxperf("profile", tmp_path / typed)
        assert (code, out) == (2, "")
        assert err.endswith(f"; {advice.format(tmp_path)}\n")

    def test_the_folder_that_one_is_in_is_no_prefix_either(self, mxperf, renamed, tmp_path, monkeypatch):
        renamed("net-symbol.json", "net-0003.params")
        monkeypatch.chdir(tmp_path)
        assert mxperf("profile", ".")[2] == "mxperf: profile: '.' is a folder; give a prefix in it: 'net'\n"


class TestPartsOfModels:
    def test_the_graph_ends_where_it_is_told_to(self, mxperf, digits):
        """A convolution of 16 kernels of 9 taps on 8 x 8 pixels."""
        code, out, _ = mxperf("cost", digits, *INPUT, "--output", "conv1_fwd", "--json")
        assert (code, json.loads(out)["macs"]) == (0, 16 * 9 * 64)

    def test_a_loss_that_this_mxnet_lacks_is_cut_off(self, mxperf, checkpoints):
        """The last layer alone multiplies 32 steps of 256 numbers with 11 units."""
        prefix = checkpoints / "crnn_digit" / "crnn_digit"
        states = [f"--input=l{layer}_init_{kind}=1,128" for layer in range(4) for kind in "ch"]
        code, _, err = mxperf("cost", prefix, "--input", "data=1,1,32,256", *states)
        assert code == 2
        assert "Operator WarpCTC is not registered; to end the graph before it, give --output fullyconnected0" in err
        cut = ("--output", "fullyconnected0", "--json")
        code, out, _ = mxperf("cost", prefix, "--input", "data=1,1,32,256", *states, *cut)
        layers = {layer["name"]: layer for layer in json.loads(out)["layers"]}
        assert (code, layers["fullyconnected0"]["macs"]) == (0, 32 * 256 * 11)

    def test_an_operator_that_the_graph_lacks_is_told(self, mxperf, digits):
        code, _, err = mxperf("cost", digits, *INPUT, "--output", "conv1_fwdd")
        assert code == 2
        assert "--output conv1_fwdd is no operator of the graph; did you mean conv1_fwd, " in err

    def test_a_parameters_shape_is_stated_without_making_it_an_input(self, mxperf, tmp_path):
        """Three offsets that train, of which nothing tells how many they are."""
        import mxnet as mx

        mx.sym.broadcast_add(mx.sym.var("data"), mx.sym.var("offset")).save(str(tmp_path / "net-symbol.json"))
        code, _, err = mxperf("cost", tmp_path / "net", "--input", "data=2,3")
        assert (code, err) == (
            2,
            f"mxperf: net: {tmp_path / 'net-0000.params'} is missing, which would have the shapes of parameters: "
            "restore it. Without the weights, the shape of variable 'offset' cannot be inferred; give its shape with "
            "--input, or with --shape if it is a parameter\n",
        )
        code, out, _ = mxperf("cost", tmp_path / "net", "--input", "data=2,3", "--shape", "offset=3", "--json")
        assert (code, json.loads(out)["params"]["trainable"]) == (0, 3)
        assert (
            mxperf("cost", tmp_path / "net", "--input", "data=2,3", "--shape", "ofset=3")[2]
            == "mxperf: net: shapes: the graph has no variable 'ofset'; did you mean 'offset'?\n"
        )


def test_the_version_is_that_of_the_distribution(mxperf):
    from importlib.metadata import version

    assert mxperf("--version") == (0, f"mxperf {version('pytest-mxperf')}\n", "")


class TestLayers:
    def test_all_layers_are_shown_in_the_graphs_order(self, mxperf, digits):
        lines = mxperf("cost", digits, *INPUT, "--layers")[1].splitlines()
        rows = [line.split()[0] for line in lines[lines.index("  layers") + 1 :]]
        assert len(rows) > 10
        assert (rows[0], rows[-1]) == ("conv1_fwd", "dense2_fwd")

    def test_as_many_of_the_heaviest_as_asked_for(self, mxperf, digits):
        lines = mxperf("cost", digits, *INPUT, "--top", "2")[1].splitlines()
        assert [line.split()[0] for line in lines[lines.index("  heaviest layers") + 1 :]] == ["conv2_fwd", "conv3_fwd"]


class TestProfile:
    """A timer that only pretends; ``tests/plugin/test_mxperf_profile.py`` has a real one."""

    @pytest.fixture(autouse=True)
    def asked(self, monkeypatch):
        asked = []

        class Pretended:
            def __init__(self, *, seconds):
                asked.append(seconds)

            def __enter__(self):
                return self

            def __exit__(self, *error):
                pass

            def profile(self, *networks):
                asked.append([(network.name, network.params_path, str(network.run_as)) for network in networks])
                layers = LayerTime("dense1_fwd", "FullyConnected", 4e-4), LayerTime("conv1_fwd", "Convolution", 6e-4)
                slower = LayerTime("dense1_fwd", "FullyConnected", 9e-4), layers[1]
                profiles = NetworkProfile(layers, 1e-3, 3, 5), NetworkProfile(slower, 1.5e-3, 3, 5)
                return profiles[: len(networks)]

            def peaks(self):
                return Peaks({"float32": 1e11}, 2e10)

        monkeypatch.setattr(pytest_mxperf.api, "PairedTimer", Pretended)
        return asked

    def test_one_model_with_its_own_weights(self, mxperf, digits, asked):
        code, out, err = mxperf("profile", digits, *INPUT, "--seconds", "9")
        assert (code, err) == (0, "")
        assert asked == [9.0, [("digits", f"{digits}-0000.params", "Module")]]
        assert [line.split()[0] for line in out.splitlines()[3:5]] == ["conv1_fwd", "dense1_fwd"]

    def test_the_graph_of_a_baseline_needs_no_inputs(self, mxperf, request, asked):
        graph = request.config.rootpath / "baselines" / "digits-symbol.json"
        code, _, err = mxperf("profile", graph)
        assert (code, "digits.json: --input data=1,1,8,8 --run-as module\n" in err) == (0, True)
        assert mxperf("profile", graph, graph)[0] == 0

    def test_it_is_run_as_its_baseline_records_and_so_is_the_other(self, mxperf, request, tmp_path, digits, asked):
        for name in ("digits.json", "digits-symbol.json"):
            (tmp_path / name).write_bytes((request.config.rootpath / "baselines" / name).read_bytes())
        graph, baseline = tmp_path / "digits-symbol.json", tmp_path / "digits.json"
        text = baseline.read_text()
        for recorded, option, kind in (
            ("hybridized block", " --run-as gluon", "hybridized block"),
            ("hybridized block (static_alloc)", "", "Module"),
            ("", "", "Module"),
        ):
            baseline.write_text(text.replace('"run_as": "Module"', f'"run_as": "{recorded}"'))
            code, _, err = mxperf("profile", graph)
            assert (code, err) == (0, f"mxperf: with the inputs of {baseline}: --input data=1,1,8,8{option}\n")
            assert asked[-1][0][-1] == kind
            assert mxperf("profile", graph, digits)[0] == 0
            assert [each[-1] for each in asked[-1]] == [kind, kind]
        baseline.write_text(text.replace('"run_as": "Module"', '"run_as": "hybridized block"'))
        assert "--run-as" not in mxperf("profile", graph, "--run-as=module")[2]
        assert asked[-1][0][-1] == "Module"
        assert "--run-as" not in mxperf("cost", graph)[2]

    def test_the_heaviest_first_if_asked(self, mxperf, digits):
        out = mxperf("profile", digits, *INPUT, "--sort", "macs", "--top", "1")[1]
        assert "1 of 2 layers" in out
        assert len(re.findall("^    (conv1|dense1)_fwd ", out, re.MULTILINE)) == 1

    def test_two_models_layer_by_layer(self, mxperf, digits, wider, asked):
        code, out, err = mxperf("profile", digits, wider, *INPUT, "--run-as=gluon")
        assert (code, err) == (0, "")
        assert asked[1] == [
            ("digits", f"{digits}-0000.params", "hybridized block"),
            ("wider", None, "hybridized block"),
        ]
        lines = out.splitlines()
        assert "1.00 ms -> 1.50 ms per forward, +50.00%" in lines
        assert any(line.split()[:2] == ["dense1_fwd", "FullyConnected"] and "+125.00%" in line for line in lines)
        assert "25% more MACs, slower: num_hidden 32 -> 40" in " ".join(out.split())

    def test_json_is_that_of_the_report(self, mxperf, digits, wider):
        one = json.loads(mxperf("profile", digits, *INPUT, "--json")[1])
        assert [layer["name"] for layer in one["layers"]] == ["dense1_fwd", "conv1_fwd"]
        two = json.loads(mxperf("profile", digits, wider, *INPUT, "--json")[1])
        assert two["now"]["forward_cpu_seconds"] == 1.5e-3
        assert {
            "before": ["dense1_fwd"],
            "now": ["dense1_fwd"],
            "before_cpu_seconds": 4e-4,
            "now_cpu_seconds": 9e-4,
        } in (two["layers"])

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--layers", "--top", "2"], "--top: not allowed with argument --layers"),
            (["--json", "--top", "2"], "mxperf: --json has every layer; leave out --top"),
        ],
    )
    def test_what_would_show_nothing_of_layers_is_an_error(self, mxperf, digits, options, said):
        code, out, err = mxperf("cost", digits, *INPUT, *options)
        assert (code, out, said in err) == (2, "", True)

    def test_three_models_are_too_many(self, mxperf, digits):
        assert mxperf("profile", *[digits] * 3, *INPUT)[::2] == (2, "mxperf: profile: takes one model or two, not 3\n")

    @pytest.mark.parametrize("sided", [("--input-old", "data=2,1,8,8"), ("--epoch-new", "0")])
    def test_an_option_for_one_of_two_models_needs_two(self, mxperf, digits, sided):
        message = f"mxperf: profile: {sided[0]} is for one of two models; there is one model only\n"
        assert mxperf("profile", digits, *INPUT, *sided)[::2] == (2, message)

    def test_without_inputs_those_that_it_wants_are_shown(self, mxperf, digits):
        code, out, _ = mxperf("profile", digits)
        assert (code, out.splitlines()[0]) == (2, "digits takes")


class TestManyModels:
    """``mxperf cost`` of several, ``mxperf inputs`` and ``mxperf init``."""

    @pytest.fixture
    def models(self, digits, wider, tmp_path, monkeypatch):
        """A folder with one of either, and a file that is none."""
        folder = tmp_path / "models"
        folder.mkdir()
        for end in ("-symbol.json", "-0000.params"):
            (folder / f"digits{end}").write_bytes(digits.with_name(f"digits{end}").read_bytes())
        (folder / "wider-symbol.json").write_bytes((wider.parent / "wider-symbol.json").read_bytes())
        (folder / "broken-symbol.json").write_text("{}")
        monkeypatch.chdir(tmp_path)
        return folder

    def test_a_folder_is_a_table_and_a_broken_model_one_line(self, mxperf, models):
        code, out, err = mxperf("cost", "models", *INPUT, "--sort", "macs")
        assert code == 2
        assert [line.split()[0] for line in out.splitlines()] == ["model", "models/wider", "models/digits"]
        assert out.splitlines()[2].split()[1:5] == ["608", "k", "1.23", "M"]
        assert err.startswith("mxperf: models/broken: ")
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("form", "first"),
        [
            ("csv", "model,macs,flops,params,param_bytes,peak_activation_bytes,checkpoint_bytes,layers"),
            ("md", "| model | MACs | FLOPs | params | param bytes | peak | file | layers |"),
            ("json", "["),
        ],
    )
    def test_in_other_formats(self, mxperf, models, form, first):
        code, out, err = mxperf("cost", "models/*d[ie]*", *INPUT, "--format", form)
        assert (code, err) == (0, "")
        assert out.splitlines()[0] == first
        assert "607552" in out or "608 k" in out

    def test_a_model_without_inputs_says_how_to_find_them(self, mxperf, models):
        code, _, err = mxperf("cost", "models/digits", "models/wider")
        assert code == 2
        assert err.splitlines() == [
            "mxperf: give the inputs of models/digits: mxperf inputs models/digits shows them",
            "mxperf: give the inputs of models/wider: mxperf inputs models/wider shows them",
        ]

    def test_a_model_s_name_is_said_once(self, mxperf, models, tmp_path):
        for source in ("models/digits", "models/wider"):
            _, _, err = mxperf("cost", source, "--input", "data=1,64", "--format", "csv")
            assert err.startswith(f"mxperf: {source}: data is (1, 64), the graph ")
        text = '[models.digits]\nsource = "models/digits"\ninputs = { data = [1, 64] }\n'
        (tmp_path / "mxperf.toml").write_text(text)
        assert mxperf("cost", "mxperf.toml")[2].startswith("mxperf: digits: data is (1, 64), the graph ")

    def test_a_folder_without_inputs_says_so_once_and_what_cannot_be_read(self, mxperf, models):
        code, out, err = mxperf("cost", "models")
        assert (code, out) == (2, "")
        broken, advice = err.splitlines()
        assert broken.startswith("mxperf: models/broken: models/broken-symbol.json: not an MXNet symbol JSON: ")
        assert advice == (
            "mxperf: give the inputs of models/digits, models/wider: mxperf init models writes an mxperf.toml with "
            "what is known; then: mxperf cost mxperf.toml"
        )

    @pytest.mark.parametrize("command", ["check", "cost"])
    def test_what_is_wrong_in_a_file_is_called_as_in_the_file(self, mxperf, models, tmp_path, command):
        text = '[models.digits]\nsource = "models/digits"\ninputs = { data = [1, 1, 8, 8] }\nepoch = "one"\n'
        (tmp_path / "mxperf.toml").write_text(text)
        code, out, err = mxperf(command, "mxperf.toml")
        assert (code, out) == (2, "")
        assert err.startswith('mxperf: mxperf.toml:4: digits: epoch = "one" is not a whole number from 0 up; ')

    def test_advice_about_a_model_of_a_file_names_the_keys_of_the_file(self, mxperf, models, tmp_path):
        text = '[models.digits]\nsource = "models/digits"\ninputs = { data = [1, 1, 8, 8] }\nepoch = 3\n'
        (tmp_path / "mxperf.toml").write_text(text)
        assert "; give one as the epoch, or 'latest'" in mxperf("cost", "mxperf.toml")[2]

    def test_what_is_not_filled_in_is_not_counted(self, mxperf, models, tmp_path):
        (tmp_path / "mxperf.toml").write_text(
            '[models.digits]\nsource = "models/digits"\ninputs = { data = [1, 1, 8, 8] }\n'
            '[models.blank]\nsource = "models/digits"\ninputs = { data = ["?", 1, 8, 8] }\n'
        )
        code, out, err = mxperf("cost", "mxperf.toml", "--format", "csv")
        assert (code, [line.split(",")[0] for line in out.splitlines()]) == (2, ["model", "digits"])
        assert err.startswith("mxperf: blank: mxperf.toml:6: ")

    def test_a_pattern_that_finds_nothing_is_an_error(self, mxperf, models):
        assert mxperf("cost", "none*", *INPUT)[::2] == (2, "mxperf: none*: no -symbol.json file there\n")

    def test_what_finds_nothing_leaves_the_rest(self, mxperf, models, tmp_path):
        (tmp_path / "wrong.mxperf.toml").write_text("[models.a]\nsorce = 1\n")
        code, out, err = mxperf("cost", "none*", "wrong.mxperf.toml", "models/broken", "models/digits", *INPUT)
        assert code == 2
        assert [line.split()[0] for line in out.splitlines()] == ["model", "models/digits"]
        assert [line.split(": ")[1] for line in err.splitlines()] == ["none*", "wrong.mxperf.toml:2", "models/broken"]

    def test_one_model_may_be_a_table_too(self, mxperf, models):
        code, out, err = mxperf("cost", "models/digits", *INPUT, "--format", "csv")
        assert (code, err) == (0, "")
        assert out.splitlines()[1].startswith("models/digits,607552,1229770,31962,")

    def test_json_is_a_format(self, mxperf, models):
        """8 units more, between 256 inputs and 10 outputs: 8 x (256 + 10) = 2,128 MACs."""
        code, out, _ = mxperf("cost", "models/wider", "models/digits", *INPUT, "--json", "--sort", "model")
        assert code == 0
        assert [(each["model"], each["macs"]) for each in json.loads(out)] == [
            ("models/digits", 607552),
            ("models/wider", 609680),
        ]

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["models", *INPUT, "--layers"], "--layers and --top show the layers of one model"),
            (["models", *INPUT, "--top", "3"], "--layers and --top show the layers of one model"),
            (
                ["models/digits", *INPUT, "--sort", "macs", "--top", "2"],
                "a table of models has no layers; leave out --sort to see them with --top",
            ),
            (
                ["models/digits", *INPUT, "--sort", "macs", "--format", "md", "--layers"],
                "a table of models has no layers; leave out --sort and --format to see them with --layers",
            ),
            (["models", *INPUT, "--json", "--format", "csv"], "--json and --format csv: give one of them"),
            (["mxperf.toml", *INPUT], "--input: mxperf.toml sets this for each of its models; leave the option out"),
            (["mxperf.toml", "--epoch", "3"], "--epoch: mxperf.toml sets this for each"),
        ],
    )
    def test_what_a_table_would_pass_over_is_an_error(self, mxperf, models, arguments, told):
        code, out, err = mxperf("cost", *arguments)
        assert (code, out) == (2, "")
        assert told in err

    def test_inputs_of_a_broken_model_are_one_line(self, mxperf, models):
        code, out, err = mxperf("inputs", "models/broken", "models/digits", "models/wider")
        assert code == 2
        assert [line for line in out.splitlines() if not line.startswith(" ")] == ["digits", "", "wider"]
        assert err.startswith("mxperf: models/broken: ")
        assert err.count("\n") == 1

    def test_shapes_that_the_graph_lacks_are_those_of_inference(self, mxperf, tmp_path):
        """A state that is multiplied with 4 features, however large the batch is."""
        import mxnet as mx

        gate = mx.sym.FullyConnected(mx.sym.var("hidden", shape=(0, 3)), num_hidden=4, name="fc")
        net = mx.sym.elemwise_mul(mx.sym.var("cell"), gate, name="mul")
        image = mx.sym.Pooling(mx.sym.Convolution(mx.sym.var("image"), kernel=(3, 3), num_filter=2), kernel=(2, 2))
        mx.sym.Group([net, image]).save(str(tmp_path / "net-symbol.json"))
        code, out, err = mxperf("inputs", tmp_path / "net")
        assert (code, err) == (0, "")
        infers_none = mx.__version__.startswith(("1.6", "1.7"))  # of a shape with an open batch
        shape = "?     " if infers_none else "(?, 4)"
        assert f"  cell    {shape}        float32  read by elemwise_mul 'mul'" in out.splitlines()

    def test_inputs_epochs_and_operators(self, mxperf, models):
        code, out, err = mxperf("inputs", "models/digits", "models/wider")
        assert (code, err) == (0, "")
        assert out.splitlines()[:4] == [
            "digits",
            "  data  (?, 1, ?, ?)  float32  read by Convolution 'conv1_fwd'",
            "  epochs: 0",
            "  operators: Activation 4, BatchNorm 3, Convolution 3, FullyConnected 2, Pooling 2",
        ]
        assert "  epochs: none, it has no weights" in out.splitlines()

    def test_weights_that_are_called_otherwise_are_no_epoch_and_are_told_once(self, mxperf, models):
        (models / "digits-0000.params").rename(models / "digits.params")
        code, out, err = mxperf("inputs", "models/digits")
        assert (code, "  epochs: none" in out.splitlines()) == (0, True)
        assert err == (
            "mxperf: warning: digits: counted without weights, digits-0000.params is missing; the folder has "
            "digits.params: name one with --params\n"
        )
        code, out, err = mxperf("inputs", "models/digits", "--params", "models/digits.params")
        assert (code, err, "epochs" in out) == (0, "", False)

    def test_a_warning_about_another_file_is_another_one(self, mxperf, models, tmp_path):
        """Though both files have one name, and so the warnings one text."""
        (models / "digits-0000.params").rename(models / "digits.params")
        shutil.copytree(models, tmp_path / "others")
        _, _, err = mxperf("inputs", "models/digits", "others/digits")
        assert err.count("the folder has digits.params: name one with --params\n") == 2

    def test_inputs_of_a_pattern_and_of_a_folder(self, mxperf, models):
        for given in ("models/[dw]i*", "models"):
            code, out, err = mxperf("inputs", given)
            assert [line for line in out.splitlines() if line[:1] not in ("", " ")] == ["digits", "wider"]
            assert (code, err.count("\n")) == ((0, 0) if "*" in given else (2, 1))
        assert err.startswith("mxperf: models/broken: ")
        assert mxperf("inputs", "none*")[::2] == (2, "mxperf: none*: no -symbol.json file there\n")

    def test_inputs_are_those_of_the_latest_epoch_if_there_is_no_first(self, mxperf, models):
        (models / "digits-0000.params").rename(models / "digits-0003.params")
        code, out, err = mxperf("inputs", "models/digits")
        assert (code, err) == (0, "mxperf: digits: with the weights of epoch 3, there are none of epoch 0\n")
        assert "  data  (?, 1, ?, ?)  float32  read by Convolution 'conv1_fwd'" in out.splitlines()
        for chosen in (("--epoch", "3"), ("--epoch", "latest"), ("--params", "models/digits-0003.params")):
            assert mxperf("inputs", "models/digits", *chosen)[::2] == (0, "")
        assert "epochs that exist: 3" in mxperf("inputs", "models/digits", "--epoch", "0")[2]

    def test_a_first_file_is_written_and_read(self, mxperf, models, tmp_path):
        for name in ("broken", "wider"):
            (models / f"{name}-symbol.json").unlink()
        code, out, err = mxperf("init", "models")
        assert (code, err, out) == (0, "", "mxperf.toml: 1 model\n")
        text = (tmp_path / "mxperf.toml").read_text()
        assert '[models.digits]\nsource = "models/digits"\n' in text
        assert "inputs = { data = [1, 1, 8, 8] }" in text
        code, out, _ = mxperf("cost", "mxperf.toml", "--format", "csv")
        assert code == 0
        assert out.splitlines()[1].startswith("digits,607552,")

    def test_a_name_that_the_file_cannot_hold_is_an_error_that_leaves_it_alone(self, mxperf, models, tmp_path):
        (tmp_path / "mxperf.toml").write_text("mine")
        (models / "broken-symbol.json").rename(models / os.fsdecode(b"caf\xe9-symbol.json"))
        said = "mxperf: models/caf\\udce9: the name is not UTF-8, and mxperf.toml has to be; rename the file\n"
        assert mxperf("init", "models", "--force") == (2, "", said)
        assert (tmp_path / "mxperf.toml").read_text() == "mine"

    def test_the_help_of_init_has_its_exit_codes(self, mxperf):
        text = " ".join(mxperf("init", "--help")[1].split())
        assert "exit code 0 if it is complete, 2 on error or if something is to be filled in." in text

    def test_weights_of_a_later_epoch_are_found_and_named(self, mxperf, models, tmp_path):
        for name in ("broken", "wider"):
            (models / f"{name}-symbol.json").unlink()
        (models / "digits-0000.params").rename(models / "digits-0007.params")
        assert mxperf("init", "models")[0] == 0
        assert '"models/digits"\nepoch = "latest"\n' in (tmp_path / "mxperf.toml").read_text()
        assert mxperf("check", "--update")[0] == 0

    def test_a_folder_is_no_file_to_check(self, mxperf, models):
        assert mxperf("check", "models")[::2] == (
            2,
            "mxperf: models: a folder; give an mxperf.toml, mxperf init models writes one\n",
        )
        (models / "mxperf.toml").touch()
        assert mxperf("check", "models")[2] == "mxperf: models: a folder; give the file in it: models/mxperf.toml\n"

    def test_graphs_of_stored_baselines_are_no_models(self, mxperf, models, tmp_path):
        for name in ("broken", "wider"):
            (models / f"{name}-symbol.json").unlink()
        (tmp_path / "wider-symbol.json").unlink()
        mxperf("init", "models")
        mxperf("check", "--update")
        assert (tmp_path / "baselines" / "digits-symbol.json").exists()
        assert mxperf("init", ".", "--force")[1] == "mxperf.toml: 1 model\n"
        assert len(mxperf("cost", ".", *INPUT, "--format", "csv")[1].splitlines()) == 2

    @pytest.mark.parametrize("command", ["cost", "inputs", "init"])
    @pytest.mark.parametrize("given", [".", "*"])
    def test_a_graph_that_is_called_otherwise_is_offered(self, mxperf, digits, tmp_path, monkeypatch, command, given):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "package.json").write_text('{"name": "no graph"}')
        (tmp_path / "deploy.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
        path = "./deploy.json" if given == "." else "deploy.json"
        code, out, err = mxperf(command, given)
        assert (code, out) == (2, "")
        assert err == (
            f"mxperf: {given}: no -symbol.json file there; give the path of a graph that is called otherwise: {path}\n"
        )
        assert "the graph needs" not in mxperf(command, path, *(INPUT if command == "cost" else ()))[1]

    def test_a_first_file_may_have_a_graph_that_is_called_otherwise(self, mxperf, models, tmp_path):
        (models / "digits-symbol.json").rename(models / "deploy.json")
        mxperf("init", "models/deploy.json")
        text = (tmp_path / "mxperf.toml").read_text().replace('"?"', "8").replace("[1, 8,", "[1, 1,")
        (tmp_path / "mxperf.toml").write_text(text)
        assert mxperf("cost", "mxperf.toml", "--format", "csv")[1].splitlines()[1].startswith("deploy.json,607552,")

    @pytest.mark.parametrize("command", ["cost", "inputs", "init"])
    def test_a_folder_of_baselines_says_so(self, mxperf, models, tmp_path, request, command):
        (tmp_path / "stored").mkdir()
        for name in ("digits.json", "digits-symbol.json"):
            (tmp_path / "stored" / name).write_bytes((request.config.rootpath / "baselines" / name).read_bytes())
        expected = "mxperf: stored: only graphs of baselines there; give one of them, as in stored/digits\n"
        assert mxperf(command, "stored")[::2] == (2, expected)

    def test_a_folder_that_is_not_there_is_told(self, mxperf, models):
        assert mxperf("init", "nowhere")[::2] == (2, "mxperf: nowhere: there is no such folder\n")
        (models / "README.md").touch()
        for name in ("models/nowhere", "models/README.md", "models/none.json", ""):
            assert mxperf("init", name)[::2] == (2, f"mxperf: {name}: there is no such folder\n")

    def test_it_replaces_nothing_unless_it_is_told_to(self, mxperf, models):
        for name in ("broken", "wider"):
            (models / f"{name}-symbol.json").unlink()
        assert mxperf("init", "models")[0] == 0
        assert mxperf("init", "models")[::2] == (
            2,
            "mxperf: mxperf.toml: the file exists; name another with --output, or replace it with --force\n",
        )
        assert mxperf("init", "models", "--force")[0] == 0

    @pytest.mark.parametrize(
        ("name", "written", "filled"),
        [
            (
                "crnn_digit",
                'output = "fullyconnected0"    # this MXNet lacks the operator behind it\n'
                "# data: no usual size fits; read by Convolution 'conv-0'\n"
                'inputs = { data = [1, 1, "?", "?"], l0_init_h = [1, 128], l0_init_c = [1, 128], ',
                {'1, 1, "?", "?"': "1, 1, 32, 256"},
            ),
            (
                "go_test",
                'inputs = { data = ["?"], softmax_label = ["?"] }\n',
                {'data = ["?"]': "data = [10, 1]", 'label = ["?"]': "label = [10]"},
            ),
            (
                "mms_lstm_ptb",
                'inputs = { data = { shape = ["?"], dtype = "int32" }, softmax_label = ["?"] }\n',
                {'"?"': "32, 1"},
            ),
        ],
    )
    def test_all_that_must_be_filled_in_is_told_at_once(
        self, mxperf, checkpoints, tmp_path, monkeypatch, name, written, filled
    ):
        import mxnet as mx

        if name == "crnn_digit" and mx.__version__.startswith(("1.6", "1.7")):
            pytest.skip("it infers nothing of a shape with an open batch, as that of l0_init_c")
        monkeypatch.chdir(tmp_path)
        assert mxperf("init", checkpoints / name)[0] == 2
        file = tmp_path / "mxperf.toml"
        text = file.read_text()
        assert written in text
        for blank, sizes in filled.items():
            text = text.replace(blank, sizes)
        file.write_text(text)
        code, out, err = mxperf("check", "--update")
        assert (code, err, "ERROR" in out) == (0, "", False)

    def test_what_cannot_be_read_is_left_blank(self, mxperf, models, tmp_path):
        """Only a file that can be read is asked for more."""
        code, out, err = mxperf("init", "models")
        rest = "1 of them cannot be read; 1 of them needs something filled in: look for ?"
        fault = "models/broken-symbol.json: not an MXNet symbol JSON: "
        assert (code, out) == (2, f"mxperf.toml: 3 models; {rest}\n")
        assert err.startswith(f"mxperf: {fault}")
        text = (tmp_path / "mxperf.toml").read_text()
        assert f'source = "models/broken"\n# {fault}' in text
        assert text.count("inputs = ") == 2
        assert "# data: its channels are unknown; read by Convolution 'conv1_fwd'\ninputs = { data = [1, " in text
        code, out, err = mxperf("check", "--update")
        assert (code, err) == (2, "")
        assert "baseline recorded: digits\n" in out
        assert f"ERROR mxperf.toml:7: {tmp_path}/{fault}" in out
        assert mxperf("cost", "mxperf.toml")[2].startswith(f"mxperf: broken: mxperf.toml:7: {tmp_path}/{fault}")
        assert re.search(r'ERROR mxperf.toml:\d+: wider: fill in the "\?" of data\n', out)


def test_completion_is_printed_for_a_shell(mxperf):
    pytest.importorskip("shtab")
    code, out, err = mxperf("--print-completion", "bash")
    assert (code, err) == (0, "")
    assert "check" in out
    assert mxperf("--print-completion", "klingon")[0] == 2
