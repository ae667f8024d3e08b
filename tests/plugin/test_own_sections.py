"""The hook ``pytest_mxperf_report_section``: sections of other plugins in reports; that of the sample plugin."""

import json
import sys

import pytest

SUITE = """
    @digits
    @pytest.mark.mxperf_budget(macs="608 k")
    def test_it():
        pass
    """
ENERGY = """
    from pytest_mxperf import Section
    calls = []
    def pytest_mxperf_report_section(run):
        calls.append(1)
        lines = [f"{result.name}: {result.cost.macs} MACs <take> ```3 J```" for result in run.results]
        return Section(f"Energy & more, call {len(calls)}", "\\n".join(["in all", *lines]))
    """


@pytest.fixture
def hook(pytester):
    """Writes a conftest.py."""

    def hook(source):
        pytester.makeconftest(source)

    return hook


def test_it_is_in_every_report(pytester, write, run, hook):
    """It is asked for once, and its text stays text."""
    hook(ENERGY)
    write(SUITE)
    targets = ["report.json", "report.md", "report.html"]
    result = run("--mxperf-report", *(f"--mxperf-report={target}" for target in targets))
    assert result.ret == 0
    told = "digits: 607552 MACs <take> ```3 J```"
    result.stdout.fnmatch_lines(["Energy & more, call 1", "  in all", f"  {told}"], consecutive=True)
    document, markdown, page = ((pytester.path / target).read_text() for target in targets)
    assert json.loads(document)["sections"] == [{"title": "Energy & more, call 1", "text": f"in all\n{told}"}]
    assert f"\n### Energy &amp; more, call 1\n\n````\nin all\n{told}\n````\n" in markdown
    assert "<h2>Energy &amp; more, call 1</h2>" in page
    assert "<pre>in all\ndigits: 607552 MACs &lt;take&gt; ```3 J```</pre>" in page


def test_nobody_is_asked_without_a_report(write, run, hook):
    hook("def pytest_mxperf_report_section(run):\n    raise ValueError('no meter')")
    write(SUITE)
    result = run()
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*no meter*")


def test_none_adds_nothing(pytester, write, run, hook):
    hook("def pytest_mxperf_report_section(run):\n    return None")
    write(SUITE)
    assert run("--mxperf-report=report.json").ret == 0
    assert json.loads((pytester.path / "report.json").read_text())["sections"] == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise OSError('no meter')", "pytest_mxperf_report_section failed: OSError: no meter"),
        ("return 'text'", "pytest_mxperf_report_section returned 'text', which is not a pytest_mxperf.Section"),
        (
            "from pytest_mxperf import Section; return Section('title', 3)",
            "pytest_mxperf_report_section returned Section(title='title', text=3), which is not a "
            "pytest_mxperf.Section",
        ),
    ],
)
def test_a_hook_that_fails_fails_the_run_and_spares_the_report(pytester, write, run, hook, body, message):
    hook(f"def pytest_mxperf_report_section(run):\n    {body}")
    write(SUITE)
    result = run("--mxperf-report=report.json")
    assert (result.ret, result.parseoutcomes()) == (1, {"passed": 1})
    assert f"ERROR {message}" in " ".join(result.outlines)
    result.stdout.no_fnmatch_line("*bug of pytest-mxperf*")
    assert json.loads((pytester.path / "report.json").read_text())["models"][0]["name"] == "digits"


@pytest.mark.slow
def test_under_xdist_the_controller_is_asked(pytester, write, run, hook):
    pytest.importorskip("xdist")
    hook(ENERGY)
    write(SUITE)
    run("-n2", "--mxperf-report=report.json")
    (section,) = json.loads((pytester.path / "report.json").read_text())["sections"]
    assert section["title"] == "Energy & more, call 1"


def test_the_sample_plugin(pytester, write, run, request, monkeypatch):
    """A model that is asked for its size is listed."""
    monkeypatch.syspath_prepend(str(request.config.rootpath / "examples" / "plugin"))
    monkeypatch.delitem(sys.modules, "pytest_mxperf_shipping", raising=False)
    write(SUITE.replace('macs="608 k"', 'zipped_bytes="1 MiB"'))
    assert run("-p", "pytest_mxperf_shipping", "--mxperf-report=report.json").ret == 0
    document = json.loads((pytester.path / "report.json").read_text())
    (section,) = document["sections"]
    (size,) = [metric["value"] for metric in document["models"][0]["own_metrics"]]
    assert section == {"title": "Shipped size", "text": f"{size:>12,} B  digits"}
