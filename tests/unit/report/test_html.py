"""The HTML report: what is in it, and that text stays text. How it behaves: tests/browser/."""

import html
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest

from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.report.html import island, render
from tests.unit.report.runs import (
    BROKEN,
    COST,
    FAILED,
    HEALTHY,
    PROFILED,
    REGRESSED,
    SHARED,
    SLOWED,
    UNCLEAR,
    result,
    run,
)


class Page(HTMLParser):
    """The elements of a page, the text of each, and every attribute that could fetch something."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.fetched = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]

    def handle_data(self, data):
        self.texts.append(data.strip())


def test_a_row_and_a_section_for_each_model():
    page = render(run(HEALTHY, FAILED, UNCLEAR, BROKEN))
    assert re.findall(r'<a href="#m(\d)">(\w+)</a>', page) == [
        ("0", "healthy"),
        ("1", "failed"),
        ("2", "unclear"),
        ("3", "broken"),
    ]
    assert page.count('<details class="model"') == 4
    for text in (
        'num_<wbr>filter <span class="whole">7 -&gt; 8,</span> +100 MACs',
        "models/broken-symbol.json: it is empty",
        "latency +2.6%, unclear",
    ):
        assert text in page


def test_the_layers_come_as_columns():
    page = render(run(HEALTHY))
    (data,) = re.findall(r'<script type="application/json" id="data0">(.*?)</script>', page)
    assert json.loads(data) == {
        "name": ["conv", "relu"],
        "op": ["Convolution", "Activation"],
        "shape": {"known": ["1x8x4x4"], "at": [0, 0]},
        "macs": [1000, 0],
        "flops": [2128, 128],
        "params": [80, 0],
        "bytes": [0, 512],
        "activations": {"known": [0], "at": [0, 0]},
        "live": [1024, 512],
    }


def test_the_page_fetches_nothing():
    page = Page(render(run(HEALTHY, FAILED)))
    assert all(value.startswith("#m") for value in page.fetched)
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)


HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}"


def test_names_from_models_stay_text():
    layer = COST.layers[0]
    import msgspec

    cost = msgspec.structs.replace(COST, layers=(msgspec.structs.replace(layer, name=HOSTILE, op=HOSTILE),))
    finding = Finding("budget", HOSTILE, Verdict.OVER_BUDGET, HOSTILE + "\n" + HOSTILE, 2, 1)
    hostile = result(HOSTILE, problem=HOSTILE, cost=cost, findings=(finding,), outcome="failed")
    page, healthy = Page(render(run(hostile))), Page(render(run(HEALTHY)))
    assert page.tags.count("script") == healthy.tags.count("script")
    assert "img" not in page.tags
    assert HOSTILE in page.texts


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "\u2028&amp;", "\ud800"])
def test_an_island_cannot_be_left(text):
    made = island({"name": [text]})
    assert not set("<>&\u2028") & set(made)
    assert json.loads(made) == {"name": [text]}


def test_a_latency_is_drawn_with_all_its_samples():
    """Five samples of two sides, and their ratios; two processes have bounds."""
    page = render(run(SLOWED))
    assert page.count('<path class="dot "') == 10
    assert page.count('<path class="dot ratio"') == 5
    assert page.count('<polygon class="known"') == 2
    assert page.count('<path class="border"') == 2  # between the processes, in either drawing
    assert page.count('<path class="box"') == 2
    assert ">allowed +2.5%<" in page
    assert "the gate's figure, +5.1%, is their mean in the last process, not" in page
    assert "+1.0% to +8.3%" not in page  # bounds are growths already
    assert '<td class="n">+4.6%<td class="n">+1.0% to +8.0%' in page


def test_layers_of_one_name_have_a_time_each():
    (data,) = re.findall(r'<script type="application/json" id="data0">(.*?)</script>', render(run(SHARED)))
    assert json.loads(data)["time"] == [6e-4, 1e-4]


def test_what_was_not_timed_has_no_drawing():
    assert "How the latency was judged" not in render(run(HEALTHY))


def test_timed_layers_are_a_table():
    page = render(run(PROFILED, result("slow", unprofiled_because="its layers would take 12 s to time")))
    assert "layers: 1.00 ms per forward, as a Module, with its own weights" in page
    assert "conv loses 400 µs: it attains 33.3% of what the processor can do" in page
    assert '<td class="n" data-v="0.0006">600 µs' in page
    assert "The layers were not timed: its layers would take 12 s to time" in page
    (data,) = re.findall(r'<script type="application/json" id="data0">(.*?)</script>', page)
    assert json.loads(data)["time"] == [6e-4, 0]
    assert json.loads(data)["timed"]["bytes"] == [4_000_000, 800]


def test_the_graphs_file_is_linked_from_where_the_page_lies():
    """A link is no request; a name that looks like a scheme is a file's."""
    found = result("net", symbol_path="models/javascript:alert(1)-symbol.json")
    page = render(run(found), to_root="..")
    assert 'href="./../models/javascript%3Aalert%281%29-symbol.json"' in page
    assert '<a href="https://netron.app">Netron</a>. This link works where the report was written, not in a' in page
    assert "Netron" not in render(run(result("net")))


def gate_row(gate, metric, verdict, value, reference, allowed=None):
    found = Finding(gate, metric, verdict, "told", value, reference, allowed)
    row = render(run(result("net", findings=(found,)))).partition(f">{gate}<td")[2]
    return [html.unescape(cell.partition(">")[2].partition("<")[0]) for cell in row.split("<td")[2:6]]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(950, "5.00% below"), (1_000, "just as much"), (1_250, "25.00% above"), (200_000, "200 times as much")],
)
def test_a_budget_is_no_past_so_nothing_has_changed_since(value, shown):
    verdict = Verdict.PASSED if value <= 1_000 else Verdict.OVER_BUDGET
    assert gate_row("budget", "macs", verdict, value, 1_000)[2] == shown


def test_a_growth_that_was_not_timed_has_no_figure():
    assert gate_row("latency", "latency", Verdict.PASSED, 0.0, None, 0.025) == ["\N{EN DASH}"] * 3 + ["+2.5%"]


def test_the_worst_verdict_of_a_model_stands_first_and_no_change_is_no_bar():
    better = Finding("baseline", "macs", Verdict.IMPROVED, "less", 800, 900, 0.0)
    page = render(run(result("net", findings=(better, REGRESSED))))
    assert 'data-verdicts="REGRESSED,IMPROVED"' in page
    same = Finding("baseline", "macs", Verdict.PASSED, "same", 900, 900, 0.0)
    assert '<td class="n" data-v="0.0">none' in render(run(result("net", findings=(same,))))


def test_old_and_new_of_a_change_stay_on_one_line():
    """``1 ->`` at the end of a line reads as if there were no 16. Long names may part, an arrow may not."""
    line = "conv_2: num_group 1 -> 16, renamed from a_layer_with_a_long_name -> another_layer"
    page = render(run(result("net", findings=(msgspec.structs.replace(REGRESSED, message=f"macs\n{line}"),))))
    assert 'conv_<wbr>2: num_<wbr>group <span class="whole">1 -&gt; 16,</span> renamed' in page
    assert 'long_<wbr>name <span class="whole">-&gt;</span> another_<wbr>layer' in page


def test_a_layer_that_reads_a_slower_one_is_indented():
    message = "latency +5.1%\nconv1 (Convolution): slower\n  conv2 (Convolution): behind conv1"
    slower = Finding("latency", "latency", Verdict.REGRESSED, message, 0.051, None, 0.025)
    text = render(run(result(outcome="failed", findings=(slower,))))
    assert "<li>conv1 (Convolution): slower" in text
    assert '<li class="behind">conv2 (Convolution): behind conv1' in text
