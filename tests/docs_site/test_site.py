"""The built docs site: no dead link, no lost page, and a search that needs no server. Skipped where none is built."""

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

import pytest_mxperf

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "docs"
REPOSITORY = "https://github.com/pytest-mxperf/pytest-mxperf/blob/main/"
GENERATED = {"genindex.html", "py-modindex.html", "search.html"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
built = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no docs site: nox -s docs")


class Page(HTMLParser):
    """The anchors of a page, and what it links to or shows."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.targets = {""}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors.update(given[name] for name in ("id", "name") if given.get(name))
        self.targets += [given[name] for name in ("href", "src", "data") if given.get(name) is not None]


def dead(site, repository=ROOT):
    """Links, scripts and pictures of all pages below a folder that lead nowhere. Other sites are not asked."""
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site.resolve())}: {target}"
        for path, page in pages.items()
        for target in page.targets
        if not alive(target, path, pages, repository)
    ]


def alive(target, page, pages, repository):
    address, anchor = urldefrag(target)
    if address.startswith(REPOSITORY):
        return (repository / unquote(address[len(REPOSITORY) :])).exists()
    if address.partition(":")[0] in ("http", "https", "mailto", "data"):
        return True
    path = (page.parent / unquote(address.partition("?")[0])).resolve() if address else page
    return path.is_file() and (path not in pages or unquote(anchor) in pages[path].anchors)


def reached(site):
    """Names of the pages that a reader can come to from the first one."""
    found, waiting = set(), [(site / "index.html").resolve()]
    while waiting:
        path = waiting.pop()
        if path in found or path.suffix != ".html" or not path.is_file():
            continue
        found.add(path)
        waiting += [(path.parent / urldefrag(target)[0]).resolve() for target in Page(path).targets]
    return {path.relative_to(site.resolve()).as_posix() for path in found}


def test_the_crawler_finds_what_is_dead_and_what_is_lost(tmp_path):
    (tmp_path / "index.html").write_text(
        '<a href="a.html#here">a</a><a href="a.html#gone">b</a><a href="gone.html">c</a><img src="gone.png">'
        f'<a href="#gone">d</a><a href="{REPOSITORY}README.md">e</a><a href="{REPOSITORY}gone.md">f</a>'
        '<a href="https://example.org/gone">g</a>'
    )
    (tmp_path / "a.html").write_text('<h1 id="here"></h1>')
    (tmp_path / "lost.html").write_text("")
    assert dead(tmp_path) == [
        f"index.html: {target}" for target in ("a.html#gone", "gone.html", "gone.png", "#gone", f"{REPOSITORY}gone.md")
    ]
    assert reached(tmp_path) == {"index.html", "a.html"}


@built
def test_no_link_is_dead():
    assert dead(SITE) == []


@built
def test_every_page_is_reached_from_the_first():
    pages = {path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html")}
    assert pages - reached(SITE) - GENERATED == set()


@built
def test_the_reference_has_each_name_that_is_exported():
    anchors = Page(SITE / "reference" / "api.html").anchors
    assert {f"pytest_mxperf.{name}" for name in pytest_mxperf.__all__} - anchors == set()
    assert "pytest_mxperf.Benchmark.__call__" in anchors


@built
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git checkout")
def test_the_reference_in_git_is_that_of_the_code():
    """The build has just written it."""
    command = ["git", "status", "--porcelain", "docs/reference"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""


@built
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_the_search_works_offline(tmp_path):
    """The page of results, opened as a file in a browser that can reach no host."""
    address = f"{(SITE / 'search.html').as_uri()}?q=roofline"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", "--dump-dom"]
    shown = subprocess.run([CHROMIUM, *flags, address], capture_output=True, text=True, timeout=120)
    if shown.returncode:  # a sandbox that lets no browser run
        pytest.skip(f"Chromium does not start: {shown.stderr.strip().splitlines()[-1:]}")
    (tmp_path / "shown.html").write_text(shown.stdout.partition('id="search-results"')[2], encoding="utf-8")
    assert "profile.html" in Page(tmp_path / "shown.html").targets
