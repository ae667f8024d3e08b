"""What can be checked of the docs without running them: links, and the workflows of docs/ci.md."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def anchors(page):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        found = page.parent / path
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_of_the_docs_is_linked_from_somewhere():
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", page.read_text())
    }
    linked.update(((ROOT / "docs" / f"{name}.md").resolve()) for name in re.findall(r"^([\w-]+)$", INDEX, re.M))
    assert [page.name for page in PAGES if page.parent.name == "docs" and page.resolve() not in linked] == []


def test_an_option_that_needs_no_value_takes_one_after_an_equals_sign():
    """After a space, pytest takes it for a path to test."""
    options = (ROOT / "docs" / "reference" / "options.md").read_text(encoding="utf-8")
    assert "| `--mxperf-report[=REPORT]` |" in options
    assert "| `--mxperf-update[=new\\|prune]` |" in options


INDEX = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "docs" / "ci.md").read_text(), re.M | re.S)


def test_the_workflows_are_yaml():
    yaml = pytest.importorskip("yaml")
    github, gitlab = map(yaml.safe_load, blocks("yaml"))
    assert [*github["jobs"]] == ["mxperf"]
    assert gitlab["mxperf"]["artifacts"]["paths"] == ["mxperf.html"]


def test_our_own_workflow_runs_the_whole_matrix():
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    matrix = re.findall(r"^(?:PYTHONS|MXNETS) = (.*)$", (ROOT / "noxfile.py").read_text(), re.M)
    pythons, mxnets = map(json.loads, matrix)
    expected = [*(f"tests-{each}" for each in pythons), *(f"mxnet(mxnet='{each}')" for each in mxnets), "lowest"]
    assert set(expected) <= set(workflow["jobs"]["nox"]["strategy"]["matrix"]["session"])


GH = """#!/bin/sh
echo "$@" >> calls
case "$*" in *--paginate*) cat found 2>/dev/null ;; esac
true
"""


@pytest.mark.parametrize(("found", "method"), [("", "--method POST"), ("17\n", "--method PATCH")])
def test_the_comment_is_written_once_and_then_updated(tmp_path, found, method):
    """The script of the workflow, with a gh that only takes note of what it is asked."""
    yaml = pytest.importorskip("yaml")
    github = yaml.safe_load(blocks("yaml")[0])
    script = github["jobs"]["mxperf"]["steps"][-1]["run"]
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "found").write_text(found)
    (tmp_path / "mxperf.md").write_text("**mxperf: 1 model passed**\n")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_REPOSITORY": "me/models", "PULL": "7"}
    subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=True)
    _, last = (tmp_path / "calls").read_text().splitlines()
    assert method in last
    assert ("comments/17" in last) == bool(found)
    assert (tmp_path / "comment.md").read_text() == "<!-- mxperf -->\n**mxperf: 1 model passed**\n"


CURL = """#!/bin/sh
echo "$@" >> calls
case "$*" in
*per_page=100\\&page=1) printf 'X-Next-Page: 2\\r\\n' > head; cp others found ;;
*per_page=100\\&page=2) printf 'x-next-page: \\r\\n' > head; cp notes found ;;
esac
"""


@pytest.mark.parametrize(("notes", "method"), [([], "POST"), ([{"id": 17, "body": "<!-- mxperf -->\nold"}], "PUT")])
def test_so_is_the_note(tmp_path, notes, method):
    """Behind a hundred others."""
    yaml = pytest.importorskip("yaml")
    (script,) = yaml.safe_load(blocks("yaml")[1])["mxperf"]["after_script"]
    (tmp_path / "curl").write_text(CURL)
    (tmp_path / "curl").chmod(0o755)
    (tmp_path / "others").write_text(json.dumps([{"id": number, "body": "LGTM"} for number in range(100)]))
    (tmp_path / "notes").write_text(json.dumps(notes))
    (tmp_path / "mxperf.md").write_text("**mxperf: 1 model passed**\n")
    environment = {
        "PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin",
        "NOTE_TOKEN": "t",
        "CI_API_V4_URL": "https://x/api",
    }
    environment.update(CI_PROJECT_ID="3", CI_MERGE_REQUEST_IID="7")
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, check=True)
    last = (tmp_path / "calls").read_text().splitlines()[-1]
    assert f"-X {method} " in last
    assert last.endswith("/notes/17" if notes else "/notes")
