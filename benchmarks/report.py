"""A report of 200 models with 300 layers each: how large it is, and how long it takes to be shown and sorted.

    python benchmarks/report.py    # needs Chromium and Playwright; half a minute

Prints the bytes of the HTML and the JSON report, seconds to render HTML and the terminal's table, and in a headless
Chromium: the first paint, sorting the overview, and opening a model. Each is the median of five.
"""

import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.report import html, json, terminal
from pytest_mxperf.report.run import ModelResult, RunReport
from pytest_mxperf.spec import InputSpec

MODELS, LAYERS, TIMES = 200, 300, 5
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SORT = """() => {
  const start = performance.now();
  document.querySelectorAll("#models th button")[%d].click();
  document.body.getBoundingClientRect();
  return performance.now() - start;
}"""
OPEN = """(index) => new Promise((done) => {
  const start = performance.now();
  const model = document.getElementById(`m${index}`);
  model.addEventListener("toggle", () => { document.body.getBoundingClientRect(); done(performance.now() - start); });
  model.open = true;
})"""


def layer(model, index):
    name = f"stage{index // 60}_unit{index // 6 % 10}_" + ("conv", "batchnorm", "relu")[index % 3] + str(index)
    op = ("Convolution", "BatchNorm", "Activation")[index % 3]
    cost = OpCost(macs=(1_000_003 * (index + model)) % 90_000_001, activation=100_352)
    params = Params(73_728, 0, 0, 294_912)
    moved = 4 * 100_352
    return LayerCost(name, op, ((1, 64, 56, 56),), cost, params, "float32", 1, moved, moved, 2 * moved + index)


def result(model):
    layers = tuple(layer(model, index) for index in range(LAYERS))
    params = Params(11_689_512 + model, bytes=46_796_476)
    cost = CostReport(layers, params, {}, peak_activation_bytes=4 * 802_816)
    findings = [
        Finding("baseline", metric, Verdict.PASSED, f"{metric} 1,000 -> 1,000 (+0.00%, allowed +0%)", 1000, 1000, 0.0)
        for metric in ("macs", "flops", "params", "param_bytes")
    ]
    if model % 10 == 0:
        message = "macs 900 -> 1,000 (+11.11%, allowed +0%)\nstage1_unit1_conv9 (Convolution): num_filter 64 -> 72"
        findings[0] = Finding("baseline", "macs", Verdict.REGRESSED, message, 1000, 900, 0.0)
    name = f"model_{model:03d}"
    return ModelResult(
        f"t.py::test[{name}]", name, {"data": InputSpec((1, 3, 224, 224))}, "passed", "", cost, None, tuple(findings)
    )


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_browser(path):
    """First paint, sorting by each column, and opening a model, in milliseconds."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        paints, sorts, opens = [], [], []
        for turn in range(TIMES):
            page = browser.new_page()
            page.goto(path.as_uri())
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            paints.append(page.evaluate(FIRST_PAINT))
            sorts += [page.evaluate(SORT % column) for column in range(7)]
            opens.append(page.evaluate(OPEN, turn))
            page.close()
        browser.close()
    return median(paints), median(sorts), max(sorts), median(opens)


def main():
    run = RunReport(tuple(map(result, range(MODELS))), {"python": "3.11"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_text(html.render(run), encoding="utf-8")
        paint, sort, slowest, opening = in_browser(path)
        print(f"{MODELS} models of {LAYERS} layers")
        print(f"HTML {path.stat().st_size / 1e6:.2f} MB, JSON {len(json.render(run)) / 1e6:.2f} MB")
    table = median(seconds(lambda: terminal.render(run, width=80, color=False)) for _ in range(TIMES))
    page = median(seconds(lambda: html.render(run)) for _ in range(TIMES))
    print(f"terminal {table:.2f} s, HTML rendered in {page:.2f} s")
    print(f"first paint {paint:.0f} ms, sorting {sort:.0f} ms (slowest column {slowest:.0f}), a model {opening:.0f} ms")


if __name__ == "__main__":
    main()
