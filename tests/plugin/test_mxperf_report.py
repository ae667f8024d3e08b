"""--mxperf-report[=FILE.json] and its ini twin: what a run tells, in the terminal and to programs."""

import json
import re

import pytest

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_terminal_shows_every_model(models, run, section):
    result = run("--mxperf-report", "-v")
    result.assert_outcomes(passed=3, failed=1, skipped=1)
    notice, *report = section(result)
    assert notice == "WARNING test_it.py::test_skips_itself: gates not judged: Skipped [UNJUDGED]"
    lines = "\n".join(report)
    overview, *details = lines.strip().split("\n\n")
    rows = [re.split(r"  +", line.strip()) for line in overview.splitlines()]
    assert rows[0] == ["model", "inputs", "MACs", "params", "peak", "p50", "verdict"]
    assert rows[1][:5] == ["digits", "1x1x8x8", "608 k", "32.0 k", "16.0 KiB"]
    assert re.fullmatch(r"[\d.]+ (ns|µs|ms|s)", rows[1][5])
    assert rows[1][-1] == "2 gates passed"
    assert rows[2][:-1] == ["digits", "1x1x8x8", "608 k", "32.0 k", "16.0 KiB", "-"]
    assert rows[2][-1].startswith("OVER_BUDGET 607,552 times")
    assert rows[3] == ["batches", "64x1x8x8", "38.9 M", "32.0 k", "1.00 MiB", "-", "no gate"]
    assert rows[4][-1] == "UNJUDGED"

    passes, fails, throughput, _ = details
    totals = passes.splitlines()
    assert totals[:3] == [
        "digits  test_it.py::test_passes",
        "  607,552 MACs, 1,229,770 FLOPs",
        "  31,962 trainable, 0 frozen, 224 auxiliary params, 126 KiB",
    ]
    # The second BatchNorm reads and writes 32 x 8 x 8 numbers: 2 x 8 KiB.
    assert re.fullmatch(r"  16\.0 KiB of activations at the peak, \d+ KiB moved", totals[3])
    assert totals[4] == "  126 KiB in the .params file"
    assert totals[5].startswith("  latency: p50 ")
    assert "  budget  PASSED  macs 607.6 k is within the budget of 608 k, 0.07% left" in totals
    assert "  heaviest layers" in passes
    assert re.search(r"^    conv2_fwd +Convolution +1x32x8x8 +590 k FLOPs +48.0%$", passes, re.MULTILINE)
    assert "  budget    OVER_BUDGET  macs 607,552 is over the budget of 1" in fails
    assert "  baseline  MISSING      no baseline for 'digits' in baselines/" in fails
    assert re.search(r"^  throughput, 4 forwards queued at a time: p50 [\d.]+ .s, ", throughput, re.MULTILINE)
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
    result = run("--mxperf-policy=unjudged=ignore")
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
        @pytest.mark.mxperf_budget(macs=1, flops="1 T", param_bytes=1, latency_p50="1 s")
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
    result = run("--mxperf-report", f"--color={color}", "-rN", "-v")
    lines = [ANSI.sub("", line) for line in section(result)]
    assert [line for line in lines if len(line) > 80] == []
    text = re.sub(r"\s+", "", "".join(lines))
    for verdict in ("OVER_BUDGET", "MISSING", "UNCOUNTED", "UNMEASURED", "PASSED"):
        assert verdict in text
    assert "[bold]" in text  # the parameter's, which is no markup
    header = next(line for line in lines if line.startswith("model"))
    assert header.split() == ["model", "MACs", "params", "peak", "p50", "verdict"]  # no room for inputs


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
    lines = section(run("--mxperf-report", argument, "-v"))
    assert len(lines) > 20
    assert bool(ANSI.search("\n".join(lines))) is colored


@pytest.mark.parametrize("argument", ["--mxperf-report=terminal", "--mxperf-report"])
def test_the_terminal_can_be_named(models, run, section, argument):
    assert any(line.startswith("model ") for line in section(run(argument)))


@pytest.mark.slow
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
        lines = section(run("--mxperf-report", "-v", "-n", workers))
        table = lines[lines.index("  changes since the baseline") : lines.index("  heaviest layers")]
        names = [line.split()[0] for line in table if "_fwd" in line]
        assert names == ["conv2_fwd", "bn2_fwd", "relu2_fwd", "pool2_fwd", "conv3_fwd"]


def test_both_together(models, run, section, pytester):
    result = run("--mxperf-report", "--mxperf-report=a.json", "--mxperf-report=deep/b.json")
    assert any(line.startswith("model ") for line in section(result))
    assert read(pytester.path / "a.json") == read(pytester.path / "deep" / "b.json")


def test_a_run_without_models_reports_none(pytester, run, section):
    pytester.makepyfile("def test_unmarked(): pass")
    result = run("--mxperf-report", "--mxperf-report=report.json")
    result.assert_outcomes(passed=1)
    assert [line for line in section(result) if line] == ["report written: report.json"]
    assert read(pytester.path / "report.json")["models"] == []


@pytest.mark.parametrize("value", ["tests", "tests/", "report.xml", "test_it.py::test_passes", ".json", ""])
def test_what_is_no_report_is_a_usage_error(models, run, no_traceback, value):
    result = run(f"--mxperf-report={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    expected = f"ERROR: --mxperf-report={value}: not a report; it can be terminal, github, FILE.csv, *"
    result.stderr.fnmatch_lines([expected])
    no_traceback(result)


def test_what_follows_the_option_is_a_path_to_test(models, run, pytester, section):
    pytester.makepyfile(test_other="def test_other(): assert False")
    result = run("--mxperf-report", "test_it.py::test_passes")
    result.assert_outcomes(passed=1)
    assert any(line.startswith("model ") for line in section(result))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--mxperf-report", "terminal"),
        ("--mxperf-report", "deep/r.trace.json"),
        ("--mxperf-update", "new"),
        ("--mxperf-update", "prune"),
    ],
)
def test_a_value_after_a_space_is_told_to_follow_an_equals_sign(models, run, option, value):
    result = run(option, value)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = f"ERROR: {option} {value}: there is no {value} to test; if it is a value: {option}={value}"
    assert result.errlines == [message, ""]


def test_a_folder_that_is_called_like_a_value_is_a_path(models, run, pytester):
    folder = pytester.mkdir("terminal")
    (folder / "test_inner.py").write_text("def test_inner(): pass")
    run("--mxperf-report", "terminal").assert_outcomes(passed=1)


def test_a_folder_behind_the_option_brings_its_conftest(pytester, run):
    """Options that a conftest file adds are known only if pytest sees the folder as what to test."""
    folder = pytester.mkdir("inner")
    (folder / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--of-conftest')")
    (folder / "test_inner.py").write_text("def test_inner(): pass")
    run("--mxperf-report", "inner", "--of-conftest=1").assert_outcomes(passed=1)


def test_the_option_without_value_in_addopts(models, run, pytester, section):
    pytester.makeini("[pytest]\naddopts = --mxperf-report")
    assert any(line.startswith("model ") for line in section(run("test_it.py::test_passes")))


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


def test_files_of_the_ini_file_are_relative_to_the_root_directory(models, run, pytester, monkeypatch):
    """Those of the command line are relative to where it is typed."""
    pytester.makeini("[pytest]\nmxperf_report = a.json")
    monkeypatch.chdir(pytester.mkdir("inner"))
    run("..", "-k", "test_fails", "--mxperf-report=b.json")
    assert (pytester.path / "a.json").is_file()
    assert (pytester.path / "inner" / "b.json").is_file()


def test_a_file_that_is_asked_for_twice_is_written_once(models, run, pytester, section):
    pytester.makeini("[pytest]\nmxperf_report = a.csv")
    lines = section(run("-k", "test_fails", "--mxperf-report=a.csv"))
    assert [line for line in lines if line.startswith("report written")] == [
        "report written: a.csv",
        "report written: a.layers.csv",
    ]


@pytest.mark.slow
def test_every_format_is_written_alike_with_xdist(models, run, pytester):
    names = ("a.md", "a.csv", "a.layers.csv")
    texts = []
    for workers in ("0", "2"):
        run("-k", "test_fails or test_skips", "-n", workers, "--mxperf-report=a.md", "--mxperf-report=a.csv")
        texts.append([(pytester.path / name).read_text() for name in names])
    assert texts[0] == texts[1]


def test_github_gets_a_summary_and_annotations(models, run, pytester, section, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    (pytester.path / "summary.md").write_text("of an earlier step\n")
    lines = section(run("-k", "test_fails", "--mxperf-report=github"))
    (annotation,) = [line for line in lines if line.startswith("::error ")]
    assert annotation.startswith(
        "::error file=test_it.py,line=13,title=mxperf%3A digits::macs 607,552 is over the budget"
    )
    summary = (pytester.path / "summary.md").read_text().splitlines()
    assert summary[:2] == ["of an earlier step", "**mxperf: 1 of 1 model failed**: digits"]


def test_outside_github_the_github_report_says_that_it_does_nothing(models, run, section, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    lines = section(run("-k", "test_fails", "--mxperf-report=github"))
    assert "the github report does nothing here: GITHUB_STEP_SUMMARY is not set, so this is not GitHub Actions" in lines


def test_the_command_line_adds_to_the_ini_file(models, run, pytester):
    pytester.makeini("[pytest]\nmxperf_report = a.json")
    run("-k", "test_fails", "--mxperf-report=b.json")
    assert read(pytester.path / "a.json") == read(pytester.path / "b.json")


def test_a_wrong_ini_value_is_a_usage_error(models, run, pytester, no_traceback):
    pytester.makeini("[pytest]\nmxperf_report = report.xml")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mxperf_report=report.xml: not a report; it can be terminal, *"])
    no_traceback(result)


def test_a_file_that_cannot_be_written_is_one_clear_error(models, run, pytester, section, no_traceback):
    (pytester.path / "folder.json").mkdir()
    result = run("-k", "test_passes", "--mxperf-report=folder.json", "--mxperf-policy=unjudged=ignore")
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


def test_each_level_of_verbosity_says_more(models, run, section):
    levels = [section(run("-k", "test_fails", "--mxperf-report", *each)) for each in (["-q"], [], ["-v"], ["-vv"])]
    assert levels[0][-1] == "1 model: 1 MISSING, 1 OVER_BUDGET"
    assert [len(level) > len(before) for before, level in zip(levels, levels[1:])] == [True] * 3


def test_a_run_that_only_collects_leaves_the_last_report(pytester, write, run):
    """An editor that looks for tests runs this, with the reports of the ini file."""
    write("@digits\n@pytest.mark.mxperf_budget(macs='1 G')\ndef test_digits():\n    pass\n")
    pytester.makeini("[pytest]\nmxperf_report = report.json report.md")
    run("--collect-only")
    assert not (pytester.path / "report.json").exists()
    run()
    before = [(pytester.path / name).read_bytes() for name in ("report.json", "report.md")]
    run("--collect-only")
    assert [(pytester.path / name).read_bytes() for name in ("report.json", "report.md")] == before
