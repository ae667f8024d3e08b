"""``mxperf report``, ``merge`` and ``history``, as they are typed."""

import subprocess
from pathlib import Path

import pytest

from pytest_mxperf.cli import main
from pytest_mxperf.report import formats
from pytest_mxperf.report.json import read, render
from pytest_mxperf.report.output import Place
from tests.unit.report.runs import BROKEN, FAILED, HEALTHY, UNCLEAR, run


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def kept(name, *results):
        path = tmp_path / name
        path.write_text(render(run(*results)), encoding="utf-8")
        return str(path)

    return kept


@pytest.mark.parametrize("name", ["out.html", "out.md", "out.csv", "out.json"])
def test_a_kept_report_gives_what_the_run_itself_wrote(kept, name, capsys):
    models = (HEALTHY, FAILED, UNCLEAR, BROKEN)
    assert main(["report", kept("kept.json", *models), "-o", name]) == 0
    assert f"report written: {name}\n" in capsys.readouterr().out
    own = formats.output(name, run(*models), Place(Path(name)))
    for path, text in own.written.items():
        assert path.read_text(encoding="utf-8") == text


def test_without_an_output_it_is_shown_in_the_terminal(kept, capsys):
    assert main(["report", kept("kept.json", HEALTHY, FAILED)]) == 0
    assert capsys.readouterr().out.startswith("model ")


def test_reports_are_merged(kept, capsys):
    assert main(["merge", kept("a.json", HEALTHY), kept("b.json", FAILED), "-o", "both.json", "-o", "both.md"]) == 0
    assert read(Path("both.json")).results == (HEALTHY, FAILED)
    assert Path("both.md").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "gone.json"], "mxperf: gone.json: cannot be read: No such file or directory"),
        (
            ["report", "kept.json", "-o", "out.pdf"],
            "mxperf: --output=out.pdf: not a report; it can be terminal",
        ),
        (["report", "kept.json", "-o", "no/folder.md"], "mxperf: [Errno 2] No such file or directory: 'no/folder.md'"),
        (
            ["history", "net"],
            "mxperf: baselines: there is no such folder; give the one of the",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(kept, capsys, arguments, message):
    kept("kept.json", HEALTHY)
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cost", "net", "--inputs", "data=1"], "--inputs data=1; did you mean --input?; see mxperf cost --help"),
        (["cost", "net", "--epock=1"], "--epock=1; did you mean --epoch?; see mxperf cost --help"),
        (
            ["cost", "net", "--input", "a=1,2", "b=1,3"],
            "b=1,3; write --input before each: --input b=1,3; see mxperf cost --help",
        ),
        (["report", "a.json", "b.json"], "b.json; see mxperf report --help"),
    ],
)
def test_a_command_refuses_what_it_does_not_know_and_offers_what_is_close(capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert capsys.readouterr().err == f"mxperf {arguments[0]}: unrecognized arguments: {message}\n"


def test_a_value_that_begins_with_a_dash_is_given_with_an_equals_sign(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["latency", "a", "b", "--allow", "-30%"])
    hint = "write --allow=VALUE if the value begins with -"
    assert capsys.readouterr().err == (
        f"mxperf latency: argument --allow: expected one argument; {hint}; see mxperf latency --help\n"
    )


def test_history_reads_a_repository(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "baselines").mkdir()
    subprocess.run(["git", "init", "-q"], check=True)
    assert main(["history", "net"]) == 2
    assert "git says: " in capsys.readouterr().err or "no commit has a baseline" in capsys.readouterr().err
