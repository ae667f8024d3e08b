"""Baselines that no test uses: who is told of them, and what --mxperf-update=prune removes."""

import json

import pytest

TWO = """
    pytestmark = pytest.mark.mxperf_baseline

    @digits
    def test_a():
        pass

    @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="other")
    def test_b():
        pass
    """

ONE = TWO[: TWO.index('    @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="other")')]

UNUSED = (
    "ERROR no test uses the baseline 'other'; bring its test back, or remove it with --mxperf-update=prune"  # of TWO
)


@pytest.fixture
def stored(pytester):
    def stored():
        return sorted(path.stem for path in (pytester.path / "baselines").glob("*[!l].json"))

    return stored


@pytest.fixture
def recorded(write, run, stored):
    """Two tests with their baselines."""
    write(TWO)
    run("--mxperf-update").assert_outcomes(passed=2)
    assert stored() == ["digits", "other"]


@pytest.fixture
def why_unknown(pytester, run):
    """Why a run with these arguments does not know what is unused; None if it does. It never removes anything then."""

    def why_unknown(*arguments):
        result = run("--mxperf-update=prune", "--mxperf-report=report.json", *arguments)
        why = json.loads((pytester.path / "report.json").read_text())["unused_unknown_because"]
        refused = f"ERROR no baseline was removed, because other tests may use them: {why}"
        assert (refused in result.outlines) == (why is not None)
        assert why is None or result.ret != pytest.ExitCode.OK
        return why

    return why_unknown


def test_a_baseline_whose_test_has_vanished_is_an_error(recorded, write, run, section, stored, no_traceback):
    write(ONE)
    result = run()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert section(result) == [UNUSED]
    no_traceback(result)
    assert stored() == ["digits", "other"]


def test_prune_removes_it_and_nothing_else(recorded, pytester, write, run, section):
    write(ONE)
    (pytester.path / "baselines" / "package.json").write_text('{"name": "not a baseline"}')
    (pytester.path / "baselines" / "model-symbol.json").write_text("{}")
    result = run("--mxperf-update=prune")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    assert section(result) == ["baseline removed: other"]
    assert sorted(path.name for path in (pytester.path / "baselines").iterdir()) == [
        *("digits-symbol.json", "digits.json", "model-symbol.json", "package.json")
    ]
    assert run().ret == pytest.ExitCode.OK


def test_prune_writes_nothing_and_judges_as_ever(recorded, pytester, run, stored):
    (pytester.path / "baselines" / "digits.json").unlink()
    result = run("--mxperf-update=prune")
    result.assert_outcomes(passed=1, failed=1)
    assert stored() == ["other"]


def test_the_last_test_may_vanish_too(recorded, pytester, run, section):
    (pytester.path / "test_it.py").unlink()
    result = run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [line.split("'")[1] for line in section(result)] == ["digits", "other"]


def test_a_renamed_model_is_missing_and_its_old_name_unused(recorded, write, run, section, stored):
    write(TWO.replace("other", "renamed"))
    result = run("--mxperf-policy=missing=warn")
    result.assert_outcomes(passed=2)
    assert section(result) == [
        "WARNING test_it.py::test_b: no baseline for 'renamed' in baselines/; record it with --mxperf-update=new; "
        "'digits' there has the same inputs and costs: was the model renamed? [MISSING]",
        UNUSED,
    ]
    run("--mxperf-update=new", "--mxperf-policy=unused=ignore").assert_outcomes(passed=2)
    run("--mxperf-update=prune").assert_outcomes(passed=2)
    assert stored() == ["digits", "renamed"]


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("def test_b():\n        pass", "def test_b():\n        pytest.skip()"),
        ("def test_b():\n        pass", "def test_b():\n        assert False"),
        ("    def test_b", "    @pytest.mark.skip\n    def test_b"),
        ("    def test_b", "    @pytest.mark.xfail(run=False)\n    def test_b"),
        ("def test_b():\n        pass", "def test_b(not_a_fixture):\n        pass"),
    ],
    ids=["skips itself", "fails", "skipped", "not run", "setup fails"],
)
def test_a_test_that_does_not_finish_still_uses_its_baseline(recorded, write, why_unknown, stored, where, what):
    assert TWO.count(where) == 1
    write(TWO.replace(where, what))
    assert why_unknown() is None
    assert stored() == ["digits", "other"]


@pytest.mark.parametrize(
    "arguments",
    [["-k", "test_a"], ["-m", "not mxperf_model"], ["--deselect", "test_it.py::test_b"]],
    ids=lambda arguments: arguments[0],
)
def test_a_deselected_test_still_uses_its_baseline(recorded, why_unknown, stored, arguments):
    assert why_unknown(*arguments) is None
    assert stored() == ["digits", "other"]


def test_a_test_that_was_stopped_before_its_turn_still_uses_its_baseline(recorded, write, why_unknown, stored):
    write(TWO.replace("pass", "assert False", 1))
    assert why_unknown("-x") is None
    assert stored() == ["digits", "other"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["test_it.py"], "the command names only a part of {root}"),
        (["test_it.py::test_a"], "the command names only a part of {root}"),
        (["--ignore=elsewhere"], "--ignore leaves files out"),
        (["--ignore-glob=else*"], "--ignore leaves files out"),
    ],
    ids=["file", "test", "--ignore", "--ignore-glob"],
)
def test_a_run_that_leaves_files_out_cannot_know(recorded, pytester, why_unknown, stored, arguments, why):
    (pytester.path / "baselines" / "third.json").write_bytes((pytester.path / "baselines" / "digits.json").read_bytes())
    assert why_unknown(*arguments) == why.format(root=pytester.path)
    assert stored() == ["digits", "other", "third"]
    assert why_unknown(".") is None
    assert stored() == ["digits", "other"]


def test_a_run_that_only_collects_cannot_know(recorded, write, run, stored):
    write(ONE)
    lines = run("--collect-only", "--mxperf-update=prune").outlines
    assert "ERROR no baseline was removed, because other tests may use them: the run did not finish" in lines
    assert stored() == ["digits", "other"]


@pytest.mark.parametrize("ignored", ["elsewhere/test_b.py", "elsewhere"])
def test_a_file_that_a_conftest_leaves_out_may_use_it(recorded, pytester, write, why_unknown, stored, ignored):
    write(ONE, "elsewhere/test_b.py")
    pytester.makeconftest(f"import os\ncollect_ignore = [] if os.environ.get('GPU') else [{ignored!r}]")
    (pytester.path / "baselines" / "third.json").write_bytes((pytester.path / "baselines" / "digits.json").read_bytes())
    assert why_unknown() == f"{ignored.rpartition('/')[2]} was left out"
    assert stored() == ["digits", "other", "third"]


@pytest.mark.parametrize("ignored", ["setup.py", "empty", "env"])
def test_what_holds_no_tests_can_be_left_out(recorded, pytester, write, why_unknown, stored, ignored):
    (pytester.path / "setup.py").write_text("")
    (pytester.path / "empty").mkdir()
    if ignored == "env":  # pytest itself leaves it out
        write(ONE, "env/lib/test_b.py")
        write("", "env/conda-meta/history")
    pytester.makeconftest(f"collect_ignore = [{ignored!r}]")
    (pytester.path / "baselines" / "third.json").write_bytes((pytester.path / "baselines" / "digits.json").read_bytes())
    assert why_unknown() is None
    assert stored() == ["digits", "other"]


def test_last_failed_cannot_know(recorded, pytester, write, stored):
    write(ONE)
    result = pytester.runpytest("-p", "no:hypothesispytest", "--lf", "--mxperf-update=prune")
    assert (
        "ERROR no baseline was removed, because other tests may use them: --last-failed looks at some files only"
        in (result.outlines)
    )
    assert stored() == ["digits", "other"]


@pytest.mark.parametrize(
    "source", ["import pytest\npytest.skip('no GPU', allow_module_level=True)", "raise RuntimeError"]
)
def test_a_file_that_is_not_collected_may_use_it(recorded, pytester, write, why_unknown, stored, source):
    write(ONE)
    (pytester.path / "test_other.py").write_text(source)
    assert why_unknown("--continue-on-collection-errors") == "test_other.py was not collected"
    assert stored() == ["digits", "other"]


def test_a_folder_is_enough_where_the_project_says_that_it_has_its_tests(pytester, write, run, stored, why_unknown):
    pytester.makeini("[pytest]\ntestpaths = tests more/*")
    (pytester.path / "more" / "a").mkdir(parents=True)
    write(TWO, "tests/test_it.py")
    run("--mxperf-update").assert_outcomes(passed=2)
    write(ONE, "tests/test_it.py")
    assert why_unknown("tests") == f"the command names only a part of {pytester.path / 'more' / 'a'}"
    assert stored() == ["digits", "other"]
    assert why_unknown("tests", "more") is None
    assert stored() == ["digits"]


OWN_FIXTURE = """
    @pytest.fixture(params=["digits", "other"])
    def mxperf_model(request):
        return {"source": PREFIX, "inputs": INPUTS, "name": request.param}

    @pytest.mark.mxperf_baseline
    def test_a():
        pass
    """


def test_a_fixture_of_ones_own_tells_the_model_once_it_runs(pytester, write, run, why_unknown, stored):
    write(OWN_FIXTURE)
    run("--mxperf-update").assert_outcomes(passed=2)
    assert why_unknown() is None
    (pytester.path / "baselines" / "third.json").write_bytes((pytester.path / "baselines" / "digits.json").read_bytes())
    why = "the model of test_it.py::test_a[other] is known only when it runs"
    assert why_unknown("-k", "test_a and digits") == why
    assert stored() == ["digits", "other", "third"]
    assert why_unknown() is None
    assert stored() == ["digits", "other"]


def test_a_parametrized_model_is_known_before_it_runs(write, run, why_unknown, stored):
    write(
        """
        pytestmark = pytest.mark.mxperf_baseline
        models = [{"source": PREFIX, "inputs": INPUTS, "name": name} for name in "ab"]

        @pytest.mark.parametrize("mxperf_model", models, indirect=True)
        def test_indirect():
            pass

        @pytest.mark.parametrize("mxperf_model", models)
        def test_direct(mxperf_model):
            pass
        """
    )
    run("--mxperf-update").assert_outcomes(passed=4)
    assert why_unknown("-k", "nothing") is None
    assert stored() == ["a", "b"]


def test_an_interrupted_run_cannot_know(recorded, write, run, stored):
    write(ONE + "    @digits\n    def test_c():\n        pytest.exit('enough')\n")
    result = run("--mxperf-update=prune")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "ERROR no baseline was removed, because other tests may use them: the run did not finish" in result.outlines
    assert stored() == ["digits", "other"]


def test_what_another_run_has_just_recorded_is_not_removed(recorded, write, run, section, stored):
    """The test itself writes, as another run would that goes on meanwhile."""
    write(
        ONE.replace(
            "pass",
            "import os, pathlib; path = pathlib.Path('baselines/other.json')\n"
            "        path.with_suffix('.new').write_bytes(path.read_bytes()); path.with_suffix('.new').replace(path)",
        )
    )
    result = run("--mxperf-update=prune")
    result.assert_outcomes(passed=1)
    assert section(result) == ["baseline kept, because it has just been written: other"]
    assert stored() == ["digits", "other"]


@pytest.mark.slow
def test_workers_that_die_or_are_stopped_leave_it_unknown(recorded, write, run, stored):
    pytest.importorskip("xdist")
    write(TWO.replace("pass", "assert False"))
    run("-n1", "-x", "--mxperf-update=prune")
    assert stored() == ["digits", "other"]
    write(TWO.replace("pass", "import os; os._exit(1)"))
    result = run("-n1", "--max-worker-restart=0", "--mxperf-update=prune")
    assert (
        "ERROR no baseline was removed, because other tests may use them: no process has reported what it collected"
        in result.outlines
    )
    assert stored() == ["digits", "other"]


@pytest.mark.slow
def test_workers_tell_what_they_have_collected(recorded, write, run, section, stored, why_unknown):
    pytest.importorskip("xdist")
    assert why_unknown("-n2", "-k", "test_a") is None
    assert stored() == ["digits", "other"]
    write(ONE)
    result = run("-n2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert section(result) == [UNUSED]
    assert why_unknown("-n2") is None
    assert stored() == ["digits"]
