"""--mxperf-report[=FILE.json] and its ini twin: what a run tells, in the terminal and to programs."""

import json
import re
from typing import Dict, List, Literal, Optional, Tuple

import msgspec
import pytest

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def models(write):
    """Writes a test that passes, one over its budget, one without baseline, a skipped one, one without gates."""
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs="608 k", latency_p99="1000 s")
        def test_passes(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)

        @digits
        @pytest.mark.mxperf_budget(macs=1)
        @pytest.mark.mxperf_baseline
        def test_fails():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (64, 1, 8, 8)}, name="batches")
        def test_throughput(mxperf_module, mxperf_benchmark):
            mxperf_benchmark.throughput(mxperf_module, forwards=4)

        @digits
        @pytest.mark.mxperf_budget(macs=1)
        def test_skips_itself():
            pytest.skip()

        def test_unmarked():
            pass
        """
    )


def test_the_terminal_shows_every_model(models, run, section):
    result = run("--mxperf-report")
    result.assert_outcomes(passed=3, failed=1, skipped=1)
    notice, *report = section(result)
    assert notice == "WARNING test_it.py::test_skips_itself: gates not judged: Skipped"
    lines = "\n".join(report)
    overview, *details = lines.strip().split("\n\n")
    rows = [re.split(r"  +", line.strip()) for line in overview.splitlines()]
    assert rows[0] == ["model", "inputs", "MACs", "FLOPs", "params", "p50", "p99", "gates"]
    assert rows[1][:5] == ["digits", "1x1x8x8", "608 k", "1.23 M", "32.0 k"]
    assert re.fullmatch(r"[\d.]+ (ns|µs|ms|s)", rows[1][5])
    assert rows[1][-1] == "2 passed"
    assert rows[2:4] == [
        ["digits", "1x1x8x8", "608 k", "1.23 M", "32.0 k", "-", "-", "MISSING"],
        ["OVER_BUDGET"],
    ]
    assert rows[4] == ["batches", "64x1x8x8", "38.9 M", "78.7 M", "32.0 k", "-", "-", "no gate"]
    assert rows[5][-1] == "NOT_JUDGED"

    passes, fails, throughput, _ = details
    totals = passes.splitlines()
    assert totals[:3] == [
        "digits  test_it.py::test_passes",
        "  607,552 MACs, 1,229,770 FLOPs",
        "  31,962 trainable, 0 frozen, 224 auxiliary params, 126 KiB",
    ]
    # The second BatchNorm reads and writes 32 x 8 x 8 numbers: 2 x 8 KiB.
    assert re.fullmatch(r"  16\.0 KiB of activations at the peak, \d+ KiB moved", totals[3])
    assert totals[4] == "  budget  PASSED  macs 607,552 is within the budget of 608,000"
    assert "  heaviest layers" in passes
    assert re.search(r"^    conv2_fwd +Convolution +1x32x8x8 +590 k FLOPs +48.0%$", passes, re.MULTILINE)
    assert "  budget    OVER_BUDGET  macs 607,552 is over the budget of 1" in fails
    assert "  baseline  MISSING      no baseline for 'digits' in baselines/" in fails
    assert re.search(r"^  throughput: [\d.]+ .s per forward \(p50\), 4 queued at a time$", throughput, re.MULTILINE)
    assert "test_unmarked" not in lines


def test_the_report_begins_below_its_heading(write, run, section):
    write(
        """
        @digits
        def test_digits(mxperf_cost):
            pass
        """
    )
    assert section(run("--mxperf-report"))[0].startswith("model ")


def test_without_the_option_there_is_no_report(models, run, section, pytester):
    result = run("--mxperf-unjudged=ignore")
    assert section(result) == []
    assert list(pytester.path.rglob("*.json")) == []


@pytest.mark.parametrize("color", ["no", "yes"])
def test_every_line_fits_the_terminal(write, run, section, custom_operator, color):
    """Long names of tests, models, layers, operators and inputs, and every kind of verdict."""
    write(
        """
        def network():
            import mxnet as mx

            one, two = mx.sym.var("the_first_of_the_inputs"), mx.sym.var("the_second_of_the_inputs")
            total = mx.sym.broadcast_add(one, two, name="a_layer_with_a_name_" + "that_goes_on_" * 9)
            total = mx.sym.Deconvolution(total, kernel=(3, 3), num_filter=64, name="another_" + "deeply_nested_" * 9)
            return mx.sym.Custom(total, op_type="anything")

        IMAGES = {"the_first_of_the_inputs": (16, 32, 14, 14), "the_second_of_the_inputs": (16, 32, 14, 14)}

        @pytest.mark.mxperf_model(network, inputs=IMAGES, name="a_model_with_a_name_" + "that_goes_on_" * 8)
        @pytest.mark.mxperf_budget(macs=1, flops="1 T", param_bytes=1, latency_p50=1)
        @pytest.mark.mxperf_baseline
        @pytest.mark.parametrize("value", ["a value [bold] that is long " * 3])
        def test_of_a_model_with_a_long_name_and_a_long_parameter_that_does_not_fit_in_a_line(value):
            pass

        @digits
        @pytest.mark.mxperf_budget(latency_p50="1 ns", latency_p90="1 ns", latency_p99="1 ns", latency_mean="1 ns")
        @pytest.mark.mxperf_baseline
        def test_digits(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    result = run("--mxperf-report", f"--color={color}", "-rN")
    lines = [ANSI.sub("", line) for line in section(result)]
    assert [line for line in lines if len(line) > 80] == []
    text = re.sub(r"\s+", "", "".join(lines))
    for verdict in ("OVER_BUDGET", "MISSING", "UNCOUNTED", "NOT_MEASURED", "PASSED"):
        assert verdict in text
    assert "[bold]" in text  # the parameter's, which is no markup
    header = next(line for line in lines if line.startswith("model"))
    assert header.split() == ["model", "inputs", "MACs", "FLOPs", "params", "p50", "p99", "gates"]


def test_names_are_shown_as_they_are(write, run, section):
    """Neither as rich's markup nor as its emoji."""
    write(
        """
        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name=":dog: [red]x[/red]")
        @pytest.mark.parametrize("value", [1], ids=[":cat:[/bold]"])
        def test_digits(value):
            pass
        """
    )
    result = run("--mxperf-report")
    result.assert_outcomes(passed=1)
    assert ":dog: [red]x[/red]  test_it.py::test_digits[:cat:[/bold]]" in section(result)


@pytest.mark.parametrize(
    ("argument", "colored"), [("--color=yes", True), ("--color=no", False), ("--color=auto", False)]
)
def test_color_is_pytests_choice(models, run, section, argument, colored):
    lines = section(run("--mxperf-report", argument))
    assert len(lines) > 20
    assert bool(ANSI.search("\n".join(lines))) is colored


@pytest.mark.parametrize("argument", ["--mxperf-report=terminal", "--mxperf-report"])
def test_the_terminal_can_be_named(models, run, section, argument):
    assert any(line.startswith("model ") for line in section(run(argument)))


# JSON, field by field as docs/report-json.md says.


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


Categories = Dict[
    Literal[
        "bias",
        "normalization",
        "activation",
        "elementwise",
        "reduction",
        "pooling",
        "softmax",
        "interpolation",
        "other",
    ],
    int,
]


class Input(Strict):
    shape: List[int]
    dtype: str


class Finding(Strict):
    gate: Literal["budget", "baseline", "count", "test"]
    metric: Literal[
        "macs",
        "flops",
        "params",
        "param_bytes",
        "peak_activation_bytes",
        "latency_p50",
        "latency_p90",
        "latency_p99",
        "latency_mean",
        "all",
        "operators",
        "reruns",
    ]
    verdict: Literal[
        "PASSED",
        "IMPROVED",
        "REGRESSED",
        "OVER_BUDGET",
        "MISSING",
        "INCOMPARABLE",
        "UNCOUNTED",
        "NOT_MEASURED",
        "NOT_JUDGED",
        "NO_GATE",
        "FLAKY",
    ]
    message: str
    value: Optional[float]
    reference: Optional[float]
    allowed_growth: Optional[float]


class RunFinding(Strict):
    gate: Literal["baseline", "session"]
    metric: str
    verdict: Literal["UNUSED", "CONFLICT", "NOT_JUDGED"]
    message: str
    value: Optional[float]
    reference: None
    allowed_growth: None


class Timing(Strict):
    samples: int
    mean: float
    min: float
    p50: float
    p90: float
    p99: float
    queued_forwards: int


class LayerParams(Strict):
    trainable: int
    frozen: int
    auxiliary: int
    bytes: int


class Params(LayerParams):
    total: int


class Layer(Strict):
    name: str
    op: str
    outputs: List[List[int]]
    dtype: str
    executions: int
    bytes_read: int
    bytes_written: int
    arithmetic_intensity: float
    macs: int
    flops: int
    flops_by_category: Categories
    params: LayerParams


class Cost(Strict):
    convention: str
    macs: int
    flops: int
    flops_by_category: Categories
    params: Params
    param_bytes_by_dtype: Dict[str, int]
    bytes_read: int
    bytes_written: int
    peak_activation_bytes: int
    uncounted: Dict[str, int]
    notes: List[str]
    layers: List[Layer]


class Detail(Strict):
    what: str
    before: str
    now: str


class Costs(Strict):
    macs: int
    flops: int
    params: int


class Shares(Strict):
    macs: Optional[float]
    flops: Optional[float]
    params: Optional[float]


class Change(Strict):
    kind: Literal["added", "removed", "changed", "rewired", "reshaped", "recounted"]
    name: str
    old_name: Optional[str]
    op: str
    details: List[Detail]
    before: Costs
    now: Costs
    growth: Costs
    share_of_growth: Shares


class Difference(Strict):
    before: Costs
    now: Costs
    changes: List[Change]


class Model(Strict):
    test: str
    name: str
    outcome: Literal["passed", "failed", "skipped", "error"]
    problem: Optional[str]
    inputs: Dict[str, Input]
    baseline_update: Optional[Literal["recorded", "updated", "unchanged", "not stored"]]
    findings: List[Finding]
    difference: Optional[Difference]
    timing: Optional[Timing]
    cost: Optional[Cost]


class Document(Strict):
    schema: Literal[1]
    versions: Dict[str, str]
    findings: List[RunFinding]
    unused_unknown_because: Optional[str]
    models: List[Model]


STRUCTS = (
    Document,
    Model,
    Input,
    Finding,
    Difference,
    Change,
    Detail,
    Costs,
    Shares,
    Timing,
    Cost,
    Params,
    LayerParams,
    Layer,
)


def documented(request):
    """The fields that the documentation lists, and every word of it."""
    text = (request.config.rootpath / "docs" / "report-json.md").read_text(encoding="utf-8")
    listing = text.split("```")[1]
    # Fields are indented by up to six spaces and told apart by ", " or " "; what is further to the right explains them.
    fields = re.findall(r"^ {0,6}([a-z0-9_]+(?:,? [a-z0-9_]+)*)(?= |$)", listing, re.MULTILINE)
    return {word for field in fields for word in re.split(r"[ ,]+", field)}, set(re.findall(r"\w+", listing))


def test_the_documentation_lists_every_field_and_no_other(request):
    listed, words = documented(request)
    fields = {field for struct in STRUCTS for field in struct.__struct_fields__}
    assert fields - words == set()
    assert listed - fields == set()


def read(path) -> Document:
    return msgspec.json.decode(path.read_bytes(), type=Document)


def test_json_is_as_documented(models, run, pytester, section):
    result = run("--mxperf-report=report.json", "--mxperf-unjudged=ignore")
    assert section(result) == []
    document = read(pytester.path / "report.json")
    assert {"python", "pytest-mxperf", "pytest", "pytest-benchmark", "numpy"} <= set(document.versions)
    assert document.versions["pytest"] == pytest.__version__
    assert [(model.test, model.outcome) for model in document.models] == [
        ("test_it.py::test_passes", "passed"),
        ("test_it.py::test_fails", "failed"),
        ("test_it.py::test_throughput", "passed"),
        ("test_it.py::test_skips_itself", "skipped"),
    ]
    passes, fails, throughput, skipped = document.models
    assert passes.cost.macs == sum(layer.macs for layer in passes.cost.layers) == 607_552
    assert passes.cost.flops == 2 * passes.cost.macs + sum(passes.cost.flops_by_category.values())
    assert passes.inputs == {"data": Input([1, 1, 8, 8], "float32")}
    assert [(f.gate, f.metric, f.verdict) for f in passes.findings] == [
        ("budget", "macs", "PASSED"),
        ("budget", "latency_p99", "PASSED"),
    ]
    assert (passes.findings[0].value, passes.findings[0].reference) == (607_552, 608_000)
    assert passes.findings[1].value == passes.timing.p99
    assert passes.timing.queued_forwards == 1
    assert [(f.gate, f.metric, f.verdict, f.value) for f in fails.findings] == [
        ("budget", "macs", "OVER_BUDGET", 607_552),
        ("baseline", "all", "MISSING", None),
    ]
    assert fails.timing is None
    assert throughput.timing.queued_forwards == 4
    assert [(f.gate, f.metric, f.verdict) for f in skipped.findings] == [("test", "all", "NOT_JUDGED")]
    assert (skipped.timing, skipped.cost) == (None, None)
    assert (document.findings, document.unused_unknown_because) == ([], None)


def test_json_tells_the_growth_and_its_layers(write, run, pytester, put_model, digits, export):
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        @pytest.mark.mxperf_baseline(macs="10%")
        def test_digits():
            pass
        """
    )
    put_model(digits)
    run("--mxperf-update", "--mxperf-report=report.json")
    assert [model.baseline_update for model in read(pytester.path / "report.json").models] == ["recorded"]
    put_model(export(16, 48, 64))
    run("--mxperf-report=report.json")
    (model,) = read(pytester.path / "report.json").models
    macs = model.findings[0]
    assert (macs.metric, macs.verdict, macs.value, macs.reference) == ("macs", "REGRESSED", 902_464, 607_552)
    assert macs.allowed_growth == 0.1
    assert macs.message.splitlines()[1:] == [
        "conv2_fwd (Convolution): num_filter 32 -> 48, +147,456 MACs",
        "conv3_fwd (Convolution): input channels 32 -> 48, +147,456 MACs",
    ]
    assert (model.difference.before.macs, model.difference.now.macs) == (607_552, 902_464)
    assert [(change.kind, change.name, change.growth.macs) for change in model.difference.changes] == [
        ("changed", "conv2_fwd", 147_456),
        ("reshaped", "bn2_fwd", 0),
        ("reshaped", "relu2_fwd", 0),
        ("reshaped", "pool2_fwd", 0),
        ("reshaped", "conv3_fwd", 147_456),
    ]
    widened = model.difference.changes[0]
    assert widened.details == [Detail("num_filter", "32", "48")]
    assert widened.share_of_growth.macs == 0.5


def test_the_terminal_shows_all_changes_of_a_model_that_regressed(write, run, put_model, digits, export, section):
    """Also those that add no MACs, from the process that ran the test."""
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    put_model(digits)
    run("--mxperf-update")
    assert "  changes since the baseline" not in section(run("--mxperf-report"))
    put_model(export(16, 48, 64))
    for workers in ("0", "1"):
        lines = section(run("--mxperf-report", "-n", workers))
        table = lines[lines.index("  changes since the baseline") : lines.index("  heaviest layers")]
        names = [line.split()[0] for line in table if "_fwd" in line]
        assert names == ["conv2_fwd", "bn2_fwd", "relu2_fwd", "pool2_fwd", "conv3_fwd"]


def test_json_has_the_models_that_could_not_be_counted(write, run, pytester):
    write(
        """
        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (1, 64)})
        def test_wrong_shape():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (1, 64)})
        def test_error(mxperf_cost):
            pass
        """
    )
    run("--mxperf-report=report.json").assert_outcomes(failed=1, errors=1)
    models = read(pytester.path / "report.json").models
    assert [(model.test, model.outcome, model.cost) for model in models] == [
        ("test_it.py::test_wrong_shape", "failed", None),
        ("test_it.py::test_error", "error", None),
    ]
    assert [model.problem.split(": ")[0:2] for model in models] == [
        ["digits", "shapes or dtypes do not fit together for data=(1, 64) float32"]
    ] * 2


def test_both_together(models, run, section, pytester):
    result = run("--mxperf-report", "--mxperf-report=a.json", "--mxperf-report=deep/b.json")
    assert any(line.startswith("model ") for line in section(result))
    assert read(pytester.path / "a.json") == read(pytester.path / "deep" / "b.json")


def test_a_run_without_models_reports_none(pytester, run, section):
    pytester.makepyfile("def test_unmarked(): pass")
    result = run("--mxperf-report", "--mxperf-report=report.json")
    result.assert_outcomes(passed=1)
    assert section(result) == []
    assert read(pytester.path / "report.json").models == []


@pytest.mark.parametrize("value", ["tests", "tests/", "report.xml", "test_it.py::test_passes"])
@pytest.mark.parametrize("separator", [" ", "="])
def test_a_value_that_is_no_report_says_to_put_the_path_first(models, run, no_traceback, value, separator):
    result = run(*f"--mxperf-report{separator}{value}".split())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"*'{value}' is not a report file (.json); *, put it first: pytest {value} --mxperf-report"]
    )
    no_traceback(result)


def test_the_path_first_is_what_runs(models, run, section):
    result = run("test_it.py::test_fails", "--mxperf-report")
    result.assert_outcomes(failed=1)
    assert any(line.startswith("model ") for line in section(result))


@pytest.mark.parametrize(
    ("ini", "in_terminal", "files"),
    [
        ("terminal", True, []),
        ("report.json", False, ["report.json"]),
        ("terminal a.json b.json", True, ["a.json", "b.json"]),
    ],
)
def test_the_ini_file_can_ask_for_reports(models, run, section, pytester, ini, in_terminal, files):
    pytester.makeini(f"[pytest]\nmxperf_report = {ini}")
    result = run("-k", "test_fails")
    assert any(line.startswith("model ") for line in section(result)) is in_terminal
    assert sorted(path.name for path in pytester.path.glob("*.json")) == files


def test_the_command_line_adds_to_the_ini_file(models, run, pytester):
    pytester.makeini("[pytest]\nmxperf_report = a.json")
    run("-k", "test_fails", "--mxperf-report=b.json")
    assert read(pytester.path / "a.json") == read(pytester.path / "b.json")


def test_a_wrong_ini_value_is_a_usage_error(models, run, pytester, no_traceback):
    pytester.makeini("[pytest]\nmxperf_report = report.xml")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mxperf_report: 'report.xml' is not a report file (.json); *"])
    no_traceback(result)


def test_a_file_that_cannot_be_written_is_one_clear_error(models, run, pytester, section, no_traceback):
    (pytester.path / "folder.json").mkdir()
    result = run("-k", "test_passes", "--mxperf-report=folder.json", "--mxperf-unjudged=ignore")
    result.assert_outcomes(passed=1, deselected=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = (line for line in section(result) if line)
    assert re.fullmatch(r"ERROR .*/folder\.json: cannot write the report: Is a directory", line)
    no_traceback(result)


def test_a_report_that_no_one_can_write_to_is_told_after_failures_too(models, run, pytester, section):
    (pytester.path / "folder.json").mkdir()
    result = run("-k", "test_fails", "--mxperf-report=folder.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [line for line in section(result) if line.startswith("ERROR ")] != []


def test_json_is_utf_8_whatever_the_locale(pytester, write, monkeypatch, no_traceback):
    """Durations have a µ."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    write(
        """
        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="5 \\u00b5s")
        def test_digits():
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "--mxperf-report=report.json")
    result.assert_outcomes(passed=1)
    no_traceback(result)
    assert [model.name for model in read(pytester.path / "report.json").models] == ["5 µs"]


def test_quiet_and_verbose_runs_report_alike(models, run, section):
    quiet, verbose = (section(run("-k", "test_fails", "--mxperf-report", each)) for each in ("-q", "-v"))
    assert quiet == verbose
    assert len(quiet) > 10


def test_reports_hold_the_tests_in_the_order_they_finished(write, run, pytester):
    write(
        """
        @pytest.mark.parametrize("value", range(3))
        @digits
        def test_digits(value):
            pass
        """
    )
    run("--mxperf-report=report.json")
    document = json.loads((pytester.path / "report.json").read_text())
    names: Tuple[str, ...] = tuple(model["test"] for model in document["models"])
    assert names == tuple(f"test_it.py::test_digits[{value}]" for value in range(3))
