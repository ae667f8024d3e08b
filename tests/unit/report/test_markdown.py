"""The Markdown report: its order, its figures, its limit, and names that stay text."""

import msgspec
import pytest
from markdown_it import MarkdownIt

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.report.markdown import COMMENT_CHARACTERS, render
from tests.unit.report.runs import BROKEN, FAILED, HEALTHY, PROFILED, REGRESSED, SAMPLES, SLOWER, UNCLEAR, result, run

WHOLE = """\
**mxperf: 2 of 4 models failed**: failed, broken

| model | metric | compared with | now | change | verdict |
|---|---|--:|--:|--:|---|
| failed | macs | 900 | 1.00 k | +11.11% | REGRESSED |
| failed | param\\_bytes | budget 256 B | 320 B | +25.00% | OVER_BUDGET |
| unclear | latency |  |  | +2.6% | INCONCLUSIVE |

### failed

tests/test\\_a.py::test\\_failed

```
macs 900 -> 1,000 (+11.11%, allowed +0%)
    conv (Convolution): num_filter 7 -> 8, +100 MACs
param_bytes 320 is over the budget of 256
```

### broken

tests/test\\_a.py::test\\_broken

```
models/broken-symbol.json: it is empty
```

### unclear

tests/test\\_a.py::test\\_unclear

```
latency +2.6%, unclear
```

<details><summary>1 model without a change</summary>

| model | MACs | params | peak memory | p50 |
|---|--:|--:|--:|--:|
| healthy | 1.00 k | 80 | 1.00 KiB | 2.00 ms |

</details>
"""


def test_the_verdict_comes_first_and_what_did_not_change_is_folded():
    assert render(run(HEALTHY, FAILED, UNCLEAR, BROKEN)) == WHOLE


@pytest.mark.parametrize(
    ("metric", "unit", "limit", "value", "shown"),
    [
        ("macs", "", 18_100_000, 18_140_000, ("18.10 M", "18.14 M")),
        ("param_bytes", "", 2**30, 2**30 + 2**20, ("1.000 GiB", "1.001 GiB")),
        ("latency_p50", "", 0.04, 0.04001, ("40.00 ms", "40.01 ms")),
        ("accuracy", "number", 0.97, 0.9699999, ("0.97", "0.9699999")),
        ("artifact", "bytes", 2**16, 2**16 + 32, ("64.00 KiB", "64.03 KiB")),
    ],
)
def test_the_figures_of_a_row_look_different_if_they_are(metric, unit, limit, value, shown):
    """In the Markdown report and on the page, which has exact counts."""
    from pytest_mxperf.report.html import _figures

    finding = Finding("budget", metric, Verdict.OVER_BUDGET, f"{metric} is over", value, limit, unit=unit)
    assert f"| budget {shown[0]} | {shown[1]} |" in render(run(result(outcome="failed", findings=(finding,))))
    assert _figures(finding) == (("18,100,000", "18,140,000") if metric == "macs" else shown)


def test_the_change_of_a_latency_is_no_ratio_of_the_medians_beside_it():
    slower = msgspec.structs.replace(SLOWER, samples=SAMPLES)
    note = "\n\nThe change of a latency is the mean of paired samples, not the ratio of the two medians.\n"
    text = render(run(result(outcome="failed", findings=(slower,))))
    assert f"| net | latency | 1.00 ms | 1.05 ms | +2.6% | INCONCLUSIVE |{note}" in text


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("checkpoint_bytes", 2048, "2.00 KiB"),
        ("rss", 3 << 20, "3.00 MiB"),
        ("macs_per_item", 75, "75"),
        ("peak_activation_bytes_per_item", 1024, "1.00 KiB"),
        ("latency_p50_per_item", 0.01, "10.0 ms"),
        ("wall_p50", 0.02, "20.0 ms"),
    ],
)
def test_every_metric_has_its_unit(metric, value, shown):
    """Counts, bytes or seconds: in the Markdown report and on the page."""
    from pytest_mxperf.report.html import _in_unit

    finding = Finding("budget", metric, Verdict.OVER_BUDGET, f"{metric} is over", value, 1)
    (row,) = [line for line in render(run(result("net", findings=(finding,)))).splitlines() if "OVER_BUDGET |" in line]
    assert row.split(" | ")[3] == shown
    assert _in_unit(value, finding) == shown


@pytest.mark.parametrize(
    ("results", "first"),
    [
        ((), "**mxperf: 0 models passed**"),
        ((HEALTHY,), "**mxperf: 1 model passed**"),
        ((HEALTHY, UNCLEAR), "**mxperf: 2 models passed**, 1 with something to look at"),
        ((FAILED,) * 7, "**mxperf: 7 of 7 models failed**: failed, failed, failed, failed, failed and 2 more"),
    ],
)
def test_the_first_line_is_the_verdict(results, first):
    assert render(run(*results)).splitlines()[0] == first


def test_what_is_true_of_the_whole_run_is_said_at_the_top():
    unused = Finding("session", "old", Verdict.UNUSED, "no test uses the baseline 'old'")
    lines = render(run(HEALTHY, findings=[unused])).splitlines()
    assert lines[:3] == [
        "**mxperf: 1 model passed**, 0 with something to look at",
        "",
        "- UNUSED: no test uses the baseline 'old'",
    ]


def test_a_long_report_is_cut_and_says_so():
    many = [msgspec.structs.replace(FAILED, name=f"net{index}") for index in range(1000)]
    text = render(run(*many))
    assert len(text) <= COMMENT_CHARACTERS
    assert text.endswith("left out, to stay below the limit of 65,000 characters._\n")
    assert text.startswith("**mxperf: 1000 of 1000 models failed**: net0, net1, net2, net3, net4 and 995 more\n")
    assert "left out" not in render(run(*many[:10]))


def test_names_from_models_stay_text():
    name = "<script>alert(1)</script>|[x](http://y)`*@someone\n# heading"
    text = render(run(result(name, outcome="failed", problem="````\n<b>")))
    assert "<script>" not in text
    assert "\n# heading" not in text
    assert "@someone" not in text.split("`````")[0]
    assert text.count("`````") == 2  # a fence longer than any that the text has
    row = next(line for line in text.splitlines() if line.startswith("### "))
    assert row.count("|") == row.count("\\|") == 1


def test_the_slowest_layers_are_folded():
    text = render(run(PROFILED))
    assert (
        "<details><summary>profiled, layers: 1.00 ms per forward, as a Module, with its own weights</summary>" in text
    )
    assert "| conv | Convolution | 600 µs | 60.0% | 0.00 | 6.67 | 33.3% |" in text
    assert "- conv loses 400 µs: it attains 33.3% of what the processor can do" in text


@pytest.mark.parametrize("flavour", ["commonmark", "gfm-like"])
def test_renderers_show_it_as_it_is_meant(flavour):
    """Headings, tables where the flavour has them, one folded part per profile, and no name that became markup."""
    hostile = result("*a*|<b>`c`", outcome="failed", findings=(REGRESSED,))
    parser = MarkdownIt(flavour, {"linkify": False})
    page = parser.render(render(run(hostile, PROFILED, HEALTHY)))
    assert "*a*|&lt;b&gt;`c`" in html_of(page)
    assert page.count("<details>") == page.count("</details>") == 2
    assert "<b>" not in page
    assert page.count("<table>") == (3 if flavour == "gfm-like" else 0)
    assert "<pre><code>macs 900 -&gt; 1,000 (+11.11%, allowed +0%)" in page


def html_of(page):
    """Without the references of characters that need none."""
    return page.replace("&#64;", "@")


def test_the_verdict_fits_however_much_else_there_is():
    findings = [Finding("baseline", f"b{number}", Verdict.UNUSED, "x" * 5000) for number in range(300)]
    text = render(run(HEALTHY, findings=findings))
    assert text.startswith("**mxperf: 1 model passed**")
    assert "\n- and 280 more\n" in text
    assert len(text) <= COMMENT_CHARACTERS
