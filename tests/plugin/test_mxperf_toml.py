"""``mxperf.toml``: its models are tests, whatever pytest is asked to do with them."""

import json

import pytest

from pytest_mxperf.cli import main
from pytest_mxperf.judge.model import ModelJudge

SUITE = """\
[defaults]
baseline = true
inputs = {{ data = [1, 1, 8, 8] }}

[models.digits]
source = "{prefix}"
budget = {{ macs = "608 k" }}
tags = ["small"]

[models.twin]
source = "{prefix}"
budget = {{ latency_p50 = "100 s" }}
"""


@pytest.fixture
def suite(pytester, digits):
    """Writes the file, with changes."""

    def suite(*changes):
        text = SUITE.format(prefix=digits)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (pytester.path / "mxperf.toml").write_text(text)

    suite()
    return suite


@pytest.fixture
def recorded(suite, run):
    run("--mxperf-update").assert_outcomes(passed=2)
    return suite


def test_its_models_are_collected_as_tests(suite, run):
    result = run("--collect-only", "-q")
    result.stdout.fnmatch_lines(["mxperf.toml::digits", "mxperf.toml::twin"])


def test_baselines_are_recorded_and_held(recorded, run, pytester):
    assert sorted(path.name for path in (pytester.path / "baselines").glob("*.json")) == [
        *("digits-symbol.json", "digits.json", "twin-symbol.json", "twin.json")
    ]
    run().assert_outcomes(passed=2)


def test_a_broken_gate_fails_its_model_at_its_line(recorded, run):
    recorded(('"608 k"', '"607 k"'))
    result = run("-v", "--mxperf-report=r.json")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["mxperf.toml::digits FAILED*", "digits: macs 607.6 k is over the budget of 607 k *"])


@pytest.mark.parametrize(
    ("arguments", "outcomes"),
    [
        (("-k", "twin"), {"passed": 1, "deselected": 1}),
        (("-m", "small", "--strict-markers"), {"passed": 1, "deselected": 1}),
        (("--deselect", "mxperf.toml::twin"), {"passed": 1, "deselected": 1}),
        (("mxperf.toml::digits",), {"passed": 1}),
        (("mxperf.toml",), {"passed": 2}),
    ],
)
def test_they_are_selected_as_tests(recorded, run, arguments, outcomes):
    run(*arguments).assert_outcomes(**outcomes)


def test_a_latency_budget_is_measured(recorded, run):
    result = run("--mxperf-report", "-v", "-k", "twin")
    result.stdout.fnmatch_lines(["  budget  * PASSED  latency_p50 *s is within the budget of 100 s,*"])


def test_a_command_that_accepts_a_change_names_the_model(recorded, run, pytester):
    path = pytester.path / "baselines" / "digits.json"
    path.write_text(path.read_text().replace("607552", "607551", 1))
    result = run()
    result.stdout.fnmatch_lines(["*store the new baseline: pytest --mxperf-update mxperf.toml::digits"])


@pytest.mark.parametrize(
    ("macs", "options", "how"),
    [
        ("607551", [], "if that is meant, "),
        ("607553", ["--policy", "improved=fail"], "to keep the improvement, "),
        ("607553", [], None),
    ],
)
def test_the_command_says_how_to_accept_a_change(recorded, pytester, capsys, monkeypatch, macs, options, how):
    path = pytester.path / "baselines" / "digits.json"
    path.write_text(path.read_text().replace("607552", macs, 1))
    monkeypatch.chdir(pytester.path)
    recorded(("latency_p50", "macs"), ("100 s", "1 M"))
    code = main(["check", *options])
    advice = f"digits: {how}store the new baseline: mxperf check mxperf.toml --update -k digits"
    assert (code, advice in capsys.readouterr().out.splitlines()) == ((0, False) if how is None else (1, True))
    assert main(["check", "mxperf.toml", "--update", "-k", "digits"]) == 0
    assert main(["check", "--strict", "--policy", "unused=ignore"]) == 0


@pytest.mark.parametrize(("only", "names"), [("digits", "digits"), ("digit", "digits digits2"), ("win", "twin")])
def test_a_name_selects_its_model_alone(suite, pytester, capsys, only, names):
    """The command that accepts a change must not accept that of a model whose name is longer."""
    suite(("[models.twin]", "[models.digits2]\nsource = 'missing'\n[models.twin]"))
    main(["check", str(pytester.path / "mxperf.toml"), "-k", only, "-o", "r.json"])
    capsys.readouterr()
    models = json.loads((pytester.path / "r.json").read_text())["models"]
    assert [model["name"] for model in models] == names.split()


def test_what_is_wrong_is_one_error_with_its_line(suite, run, no_traceback):
    suite(('budget = { macs = "608 k" }', "budgets = 3"))
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*mxperf.toml:7: unknown key 'budgets'; did you mean 'budget'? known: *"])
    no_traceback(result)


def test_unused_baselines_are_found_and_pruned(recorded, run, pytester):
    recorded(("[models.twin]", "[models.other]"))
    result = run()
    result.stdout.fnmatch_lines(["ERROR *'twin'*"])
    run("--mxperf-update=prune", "-k", "digits or other")
    assert not (pytester.path / "baselines" / "other.json").exists()


def test_junit_has_them(recorded, run, pytester):
    run("--junitxml=junit.xml")
    text = (pytester.path / "junit.xml").read_text()
    assert 'name="digits"' in text
    assert "mxperf budget macs" in text


@pytest.mark.slow
def test_xdist_gives_the_same_report(recorded, run, pytester):
    for workers in (0, 2):
        run(f"-n{workers}", f"--mxperf-report=r{workers}.json", "-k", "digits")
    one, two = [json.loads((pytester.path / f"r{workers}.json").read_text())["models"] for workers in (0, 2)]
    assert one == two


class TestCheck:
    """``mxperf check``: the same verdicts without pytest."""

    @pytest.fixture
    def check(self, pytester, capsys):
        def check(*arguments):
            code = main(["check", *arguments])
            captured = capsys.readouterr()
            return code, captured.out, captured.err

        return check

    def test_what_passes_there_passes_here(self, recorded, check):
        code, out, _ = check("-k", "digits", "-v")
        assert code == 0
        assert "  budget    PASSED  macs 607.6 k is within the budget of 608 k, 0.07% left" in out.splitlines()

    def test_what_fails_there_fails_here(self, recorded, check):
        recorded(('"608 k"', '"607 k"'))
        code, out, _ = check("-k", "digits")
        assert code == 1
        assert "OVER_BUDGET" in out

    def test_a_wall_time_is_not_measured_and_says_so(self, recorded, check):
        code, out, _ = check("-k", "twin")
        assert code == 1
        assert "mxperf check measures no wall times; pytest does" in " ".join(out.split())
        assert check("-k", "twin", "--policy", "unmeasured=warn")[0] == 0

    def test_it_records_what_pytest_accepts(self, suite, check, run):
        code, out, _ = check("--update", "--policy", "unmeasured=warn")
        assert code == 0
        assert "baseline recorded: digits" in out
        run().assert_outcomes(passed=2)

    def test_a_missing_baseline_fails(self, suite, check):
        code, out, _ = check("-k", "digits")
        assert code == 1
        assert "MISSING" in out
        assert "record it with --update=new" in " ".join(out.split())

    def test_of_baselines_that_it_does_not_use_it_warns(self, recorded, check):
        """Another file or a test in Python may use them."""
        recorded(("[models.twin]", "[models.digits2]"))
        message = "no model of mxperf.toml uses the baseline 'twin'; if no test does, remove it with "
        message += "pytest --mxperf-update=prune"
        code, out, _ = check("--update", "--policy", "unmeasured=warn")
        assert (code, f"WARNING {message} [UNUSED]\n" in out) == (0, True)
        code, out, _ = check("--policy", "unmeasured=warn", "--policy", "unused=fail")
        assert (code, f"ERROR {message}\n" in out) == (1, True)

    def test_reports_are_written(self, recorded, check, pytester):
        code, out, _ = check("-k", "digits", "-o", "r.json", "-o", "r.html")
        assert code == 0
        assert "report written: r.html" in out
        (model,) = json.loads((pytester.path / "r.json").read_text())["models"]
        assert (model["test"], model["outcome"]) == ("mxperf.toml::digits", "passed")
        assert model["update_command"] == "mxperf check mxperf.toml --update -k digits"

    def test_reports_show_how_to_accept_a_change(self, recorded, check, pytester):
        path = pytester.path / "baselines" / "digits.json"
        path.write_text(path.read_text().replace("607552", "600000", 1))
        folder = pytester.path / "moved here"
        (pytester.path / "baselines").rename(folder)
        code, _, _ = check("-k", "digits", "--baselines", str(folder), "-o", "r.md")
        assert code == 1
        command = f"mxperf check mxperf.toml --update '--baselines={folder}' -k digits"
        assert f"if that is meant, store the new baseline: {command}" in (pytester.path / "r.md").read_text()

    def test_a_broken_model_is_one_line_and_the_rest_goes_on(self, recorded, check, pytester):
        with (pytester.path / "mxperf.toml").open("a") as stream:
            stream.write('\n[models.gone]\nsource = "gone"\nbaseline = false\n')
        code, out, _ = check("--policy", "unmeasured=warn")
        assert code == 1
        assert "gone-symbol.json: cannot read the symbol" in " ".join(out.split())
        assert "4 gates passed" in out or "5 gates passed" in out

    def test_a_bug_is_one_line_of_its_model_and_the_rest_goes_on(self, recorded, check, monkeypatch):
        judge = ModelJudge.judge

        def breaks(self, *arguments, **options):
            if self.spec.name == "digits":
                raise ZeroDivisionError("by nothing")
            return judge(self, *arguments, **options)

        monkeypatch.setattr(ModelJudge, "judge", breaks)
        code, out, err = check("--policy", "unmeasured=warn")
        assert (code, err) == (2, "")
        assert "ZeroDivisionError: by nothing; this is a bug of pytest-mxperf" in " ".join(out.split())
        assert "mxperf.toml::twin: latency_p50 was not measured" in out  # it was judged all the same

    def test_errors_are_one_line(self, suite, check):
        assert check("none.toml")[::2] == (
            2,
            "mxperf: none.toml: cannot be read: No such file or directory; mxperf init FOLDER writes a first one\n",
        )
        assert check("-k", "none")[::2] == (2, "mxperf: mxperf.toml: no model has 'none' in its name\n")
        assert check("-o", "r.txt")[0] == 2

    def test_two_models_of_one_name_are_a_conflict_as_in_pytest(self, suite, check, run, digits, pytester):
        """The same checkpoint found by a pattern too, with a batch of 2: twice the MACs."""
        batch = f'glob = "{digits}"\ninputs = {{ data = [2, 1, 8, 8] }}'
        suite(
            (f'[models.twin]\nsource = "{digits}"', f"[models.twin]\n{batch}"),
            ('budget = { latency_p50 = "100 s" }', ""),
        )
        code, out, _ = check("--update")
        assert code == 1
        told = "mxperf.toml::digits and mxperf.toml::twin[digits] use one baseline, 'digits', for models that differ in"
        assert told in " ".join(out.split())
        baseline = pytester.path / "baselines" / "digits.json"
        assert json.loads(baseline.read_text())["macs"] == 607552  # the first one's
        assert check()[0] == 1
        result = run()
        assert result.ret == 1
        assert told in " ".join(result.stdout.str().split())

    def test_a_baseline_that_cannot_be_stored_leaves_the_others(self, suite, check, pytester):
        (pytester.path / "baselines" / "digits.json").mkdir(parents=True)
        code, out, _ = check("--update", "--policy", "unmeasured=warn")
        assert code == 1
        assert "baseline recorded: twin" in out
        assert [line for line in out.splitlines() if line.startswith("ERROR") and "digits.json" in line]

    @pytest.mark.parametrize("inputs", ["[1, 1, 8, 8]", "[1, 1]"])
    def test_a_model_without_gates_is_counted_as_in_pytest(self, pytester, digits, check, run, inputs):
        """Two sizes are too few for a convolution: an error, not a pass."""
        text = f'[models.free]\nsource = "{digits}"\ninputs = {{ data = {inputs} }}\n'
        (pytester.path / "mxperf.toml").write_text(text)
        is_broken = inputs == "[1, 1]"
        code, out, _ = check()
        result = run()
        assert (code, result.ret) == (int(is_broken), int(is_broken))
        assert ("WARNING mxperf.toml::free: no gate:" in out) is not is_broken
        assert ("WARNING mxperf.toml::free: no gate:" in result.stdout.str()) is not is_broken
        assert check("--strict")[0] == 1

    def test_it_has_models_and_no_tests(self, pytester, digits, check):
        (pytester.path / "mxperf.toml").write_text(
            f'[models.free]\nsource = "{digits}"\ninputs = {{ data = [1, 1, 8, 8] }}\n'
            f'[models.broken]\nsource = "{digits}"\ninputs = {{ data = [1, 1] }}\n'
        )
        code, out, _ = check()
        overview = [line.split() for line in out.splitlines() if " 1x1" in line]
        assert code == 1
        assert [(row[0], row[-1]) for row in overview] == [("free", "UNGATED"), ("broken", "failed")]
        assert "no gate: the model has neither a budget nor a baseline; add one, as in budget = { macs =" in out
        assert "the test" not in out

    def test_of_other_inputs_it_says_so_of_the_model(self, recorded, check, pytester):
        path = pytester.path / "mxperf.toml"
        path.write_text(path.read_text().replace("[1, 1, 8, 8]", "[2, 1, 8, 8]"))
        code, out, _ = check("-k", "digits")
        told = "recorded with input data (1, 1, 8, 8) float32, now (2, 1, 8, 8) float32; if another model uses this "
        assert (code, told in " ".join(out.split())) == (1, True)


def test_a_model_that_is_to_be_filled_in_is_an_error_of_its_own(recorded, run, no_traceback):
    recorded(('budget = { latency_p50 = "100 s" }', 'inputs = { data = [1, "?"] }'))
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*_ ERROR at setup of twin _*", '*mxperf.toml:12: twin: fill in the "[?]" of data'])
    no_traceback(result)


@pytest.mark.parametrize("inputs", ['inputs = { data = ["?"] }', ""])
def test_a_file_that_cannot_be_read_is_told_before_what_is_to_be_filled_in(pytester, run, no_traceback, inputs):
    (pytester.path / "net-symbol.json").write_text("{}")
    (pytester.path / "mxperf.toml").write_text(f'[models.net]\nsource = "net"\n{inputs}\n')
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*mxperf.toml:1: *net-symbol.json: not an MXNet symbol JSON: *"])
    result.stdout.no_fnmatch_line("*fill in*")
    no_traceback(result)


def test_a_model_that_is_to_be_filled_in_keeps_its_baseline(recorded, run, pytester):
    recorded(('budget = { latency_p50 = "100 s" }', 'inputs = { data = [1, "?"] }'))
    result = run("--mxperf-update=prune")
    result.stdout.fnmatch_lines(["ERROR no baseline was removed, because other tests may use them: *: fill in the *"])
    assert (pytester.path / "baselines" / "twin.json").exists()


def test_a_notice_of_the_command_names_no_option_that_it_lacks(suite, pytester, digits, capsys):
    (pytester.path / "digits-symbol.json").write_bytes((digits.parent / "digits-symbol.json").read_bytes())
    (pytester.path / "digits-0000.params").write_bytes(b"")
    suite((f'source = "{digits}"\nbudget = {{ macs = "608 k" }}', 'source = "digits"'))
    main(["check", str(pytester.path / "mxperf.toml"), "-k", "digits"])
    notice = capsys.readouterr().err
    assert notice.endswith("and whatever is not in inputs counts as a parameter.\n")
