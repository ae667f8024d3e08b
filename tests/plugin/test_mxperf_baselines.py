"""--mxperf-baselines DIR and its ini twin: where the baselines are."""

import pytest


@pytest.fixture
def project(pytester, write):
    """A project with an ini file and one gated test."""

    def project(*lines):
        pytester.makeini("\n".join(["[pytest]", *lines]))
        write(
            """
            @digits
            @pytest.mark.mxperf_baseline
            def test_digits():
                pass
            """,
            "tests/test_it.py",
        )

    return project


def stored(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


BOTH = ["digits-symbol.json", "digits.json"]


def test_the_folder_is_baselines_in_the_root_directory(pytester, project, run, monkeypatch):
    project()
    monkeypatch.chdir(pytester.path / "tests")
    run("--mxperf-update").assert_outcomes(passed=1)
    assert stored(pytester.path / "baselines") == BOTH
    run().assert_outcomes(passed=1)


def test_the_ini_file_is_relative_to_the_root_directory(pytester, project, run, monkeypatch):
    project("mxperf_baselines = a/b")
    monkeypatch.chdir(pytester.path / "tests")
    run("--mxperf-update").assert_outcomes(passed=1)
    assert stored(pytester.path / "a" / "b") == BOTH
    run().assert_outcomes(passed=1)


def test_the_command_line_is_relative_to_where_it_is_typed_and_wins(pytester, project, run, monkeypatch):
    project("mxperf_baselines = a/b")
    monkeypatch.chdir(pytester.path / "tests")
    run("--mxperf-update", "--mxperf-baselines=mine").assert_outcomes(passed=1)
    assert stored(pytester.path / "tests" / "mine") == BOTH
    assert not (pytester.path / "a").exists()
    run("--mxperf-baselines", "mine").assert_outcomes(passed=1)
    run().assert_outcomes(failed=1)


def test_a_folder_can_be_absolute(project, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere") / "baselines"
    project(f"mxperf_baselines = {folder}")
    run("--mxperf-update").assert_outcomes(passed=1)
    assert stored(folder) == BOTH


@pytest.mark.parametrize(
    ("arguments", "folder"), [((), "../baselines/"), (("--mxperf-baselines=mine",), "mine/")], ids=["default", "option"]
)
def test_a_missing_baseline_names_the_folder_as_one_would_type_it(
    pytester, project, run, monkeypatch, arguments, folder
):
    project()
    monkeypatch.chdir(pytester.path / "tests")
    result = run(*arguments)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"digits: no baseline for 'digits' in {folder}; record it with --mxperf-update=new"])


def test_a_missing_baseline_that_lies_beside_the_test_is_named(pytester, digits, write, run):
    """Without an ini file, pytest's root directory is where it was started."""
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_it():
            pass
        """,
        "project/test_it.py",
    )
    run("--rootdir=project", "--mxperf-update", "project").assert_outcomes(passed=1)
    assert (pytester.path / "project" / "baselines" / "digits.json").exists()
    result = run("project")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "digits: no baseline for 'digits' in baselines/; project/baselines/ has one: give "
            "--mxperf-baselines=project/baselines, or record it with --mxperf-update=new"
        ]
    )
    run("project", "--mxperf-baselines=project/baselines").assert_outcomes(passed=1)


def test_a_missing_baseline_that_lies_above_the_root_directory_is_named(write, run, pytester, monkeypatch):
    """Without an ini file, pytest's root directory is where it is started."""
    write("@digits\n@pytest.mark.mxperf_baseline\ndef test_it():\n    pass\n", "tests/test_it.py")
    run("--rootdir=.", "--mxperf-update", "tests").assert_outcomes(passed=1)
    monkeypatch.chdir("tests")
    result = run("--rootdir=.")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "digits: no baseline for 'digits' in baselines/; ../baselines/ has one: give "
            "--mxperf-baselines=../baselines, or record it with --mxperf-update=new"
        ]
    )


def test_a_file_in_place_of_the_folder_is_one_clear_error(pytester, project, run, no_traceback):
    project()
    (pytester.path / "baselines").write_text("")
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*baselines/digits.json: cannot read the baseline: Not a directory"])
    no_traceback(result)


def test_a_folder_that_cannot_be_written_is_one_clear_error(pytester, project, run, section, no_traceback):
    project()
    (pytester.path / "baselines").write_text("precious")
    result = run("--mxperf-update")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = (line for line in section(result) if line)
    assert line.startswith("ERROR ")
    assert "baselines/digits.json: cannot write the baseline: " in line
    no_traceback(result)
    assert (pytester.path / "baselines").read_text() == "precious"


@pytest.mark.parametrize("option", ["", "--mxperf-update", "--mxperf-update=new", "--mxperf-update=prune"])
@pytest.mark.parametrize("linked", [".", "digits.json"])
def test_a_baseline_behind_a_symbolic_link_is_one_clear_error(pytester, project, run, no_traceback, option, linked):
    project()
    run("--mxperf-update").assert_outcomes(passed=1)
    folder, real = pytester.path / "baselines", pytester.path / "real"
    (folder / linked).rename(real)
    (folder / linked).symlink_to(real)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    result = run(*([option] if option else []))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"*{linked.strip('.')}: is a symbolic link*"])
    no_traceback(result)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
