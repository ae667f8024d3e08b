"""The HTML report in a real browser. Skipped where Chromium or Playwright is missing."""

import itertools
import shutil

import msgspec
import pytest

from pytest_mxperf.baseline.past import Commit
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.report.history import page as history
from pytest_mxperf.report.html import render
from tests.unit.report.runs import COST, FAILED, HEALTHY, PROFILED, SAMPLES, SLOWED, UNCLEAR, result, run

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.slow,
]

HOSTILE = "</script><script>alert(1)</script>"
WEIGHED = Finding("latency", "weights", Verdict.PASSED, "weights: 1.0x", 0.0, None, 0.25, samples=SAMPLES)
NAMES = ("net_stage1_conv", "net_stage1_relu", "net_stage2_conv", HOSTILE)


def models():
    layers = tuple(msgspec.structs.replace(COST.layers[index % 2], name=name) for index, name in enumerate(NAMES))
    deep = result("deep", cost=msgspec.structs.replace(COST, layers=layers), findings=HEALTHY.findings)
    weighed = result("weighed", cost=COST, findings=(WEIGHED,))
    return run(HEALTHY, FAILED, UNCLEAR, deep, result(HOSTILE), PROFILED, SLOWED, weighed)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        except sync_api.Error as error:  # a sandbox that lets no browser run
            pytest.skip(f"Chromium does not start: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the report, and fails the test for each console message, script error, dialog and request."""
    path = tmp_path / "report.html"
    path.write_text(render(models()), encoding="utf-8")
    troubles = []

    def opened(**options):
        page = browser.new_page(**options)
        page.set_default_timeout(10_000)
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: troubles.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield opened
    assert troubles == []


def names(page):
    return page.locator("#models tbody tr:visible td:first-child").all_inner_texts()


def test_the_overview_sorts_both_ways(opened):
    page = opened()
    by_name = page.locator("#models th").first.get_by_role("button")
    by_name.click()
    assert names(page) == [HOSTILE, "deep", "failed", "healthy", "profiled", "slowed", "unclear", "weighed"]
    by_name.click()
    assert names(page) == ["weighed", "unclear", "slowed", "profiled", "healthy", "failed", "deep", HOSTILE]
    page.locator("#models").get_by_role("button", name="MACs").click()
    assert names(page)[0] == "deep"
    assert page.locator("#models th[aria-sort]").inner_text() == "MACs"
    assert page.locator("#models th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_the_overview_is_searched_and_filtered(opened):
    page = opened()
    page.get_by_label("Search", exact=True).fill("l")
    assert names(page) == ["healthy", "failed", "unclear", HOSTILE, "profiled", "slowed"]
    page.get_by_role("button", name="REGRESSED 2").click()
    assert names(page) == ["failed", "slowed"]
    assert page.locator("#shown").inner_text() == "2 of 8 models"


def test_a_models_layers_are_drawn_when_it_is_opened(opened):
    page = opened()
    page.get_by_role("link", name="deep").click()
    section = page.locator("#m3")
    assert section.locator(".layers tbody td:first-child").all_inner_texts() == list(NAMES)
    section.get_by_label("Search layers").fill("conv")
    assert section.locator(".layers tbody tr:visible").count() == 2
    section.get_by_role("button", name="layer", exact=True).click()
    assert section.locator(".layers tbody tr:visible td:first-child").first.inner_text() == "net_stage1_conv"


def test_the_map_switches_its_metric(opened):
    page = opened()
    page.get_by_role("link", name="deep").click()
    section = page.locator("#m3")
    assert section.get_by_role("button", name="net_stage1: 1.00 k MACs, 50.0%").count() == 1
    section.get_by_label("Metric").select_option("params")
    assert section.get_by_role("button", name="net_stage1: 80 params, 50.0%").count() == 1


def test_the_map_is_walked_by_keyboard_alone(opened):
    page = opened()
    page.get_by_role("link", name="deep").focus()
    page.keyboard.press("Enter")
    section = page.locator("#m3")
    section.locator(".icicle button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert section.locator(".where").inner_text().startswith("net_stage1: 1.00 k MACs")
    page.keyboard.press("ArrowRight")
    assert section.locator(".where").inner_text().startswith("net_stage2")


def test_the_memory_is_drawn_with_its_peak(opened):
    page = opened()
    page.get_by_role("link", name="deep").click()
    drawing = page.locator("#m3 .memory .plot")
    assert drawing.get_attribute("aria-label") == (
        "Activations over the execution; the peak is 1.00 KiB at net_stage1_conv"
    )


def test_timed_layers_can_be_mapped_by_time_and_lie_under_the_roof(opened):
    page = opened()
    page.get_by_role("link", name="profiled").click()
    section = page.locator("#m5")
    assert section.get_by_label("Metric").input_value() == "time"
    assert section.get_by_role("button", name="conv: 600 µs time, 100.0%").count() == 1
    assert section.locator(".roofline .dot title").all_text_contents() == [
        "1. conv: 600 µs, 0.0 GFLOP/s at 0.0 FLOPs a byte",
        "2. soft: 200 µs, 0.0 GFLOP/s at 0.6 FLOPs a byte",
    ]
    assert section.locator(".roofline .in").all_inner_texts() == ["conv", "soft"]
    assert section.locator(".roofline .unit").all_inner_texts() == ["GFLOP/s ↑", "FLOPs per byte →"]
    assert section.locator(".roofline .y").last.inner_text() == "100"


@pytest.mark.parametrize("width", [400, 1200])
def test_no_name_in_the_roofline_covers_another(opened, width):
    """Both layers lie at the bottom, where a name below its dot would be cut off."""
    page = opened(viewport={"width": width, "height": 800})
    page.get_by_role("link", name="profiled").click()
    plot = page.locator("#m5 .roofline .plot").bounding_box()
    words = page.locator("#m5 .roofline .in, #m5 .roofline .unit")
    boxes = [word.bounding_box() for word in words.all()]
    assert len(boxes) >= 3
    for box in boxes:
        assert 0 <= box["x"] - plot["x"] <= plot["width"] - box["width"]
        assert 0 <= box["y"] - plot["y"] <= plot["height"] - box["height"] + 2
    for box, other in itertools.combinations(boxes, 2):
        assert (
            box["x"] + box["width"] <= other["x"]
            or other["x"] + other["width"] <= box["x"]
            or box["y"] + box["height"] <= other["y"]
            or other["y"] + other["height"] <= box["y"]
        )


def test_the_weights_are_drawn_as_what_they_are(opened):
    """Both sides are one graph, so none of them is an older one."""
    page = opened()
    page.get_by_role("link", name="weighed").click()
    section = page.locator("#m7")
    assert section.get_by_role("heading", name="How the weights were judged").count() == 1
    assert section.locator(".drawings .key").all_inner_texts()[:2] == ["synthetic", "own"]
    assert section.locator(".boxes .x").all_inner_texts() == ["synthetic", "own"]
    section.locator(".numbers summary").click()
    assert section.locator(".numbers th").all_inner_texts()[2:4] == ["synthetic", "own"]
    assert section.locator(".numbers tbody tr").count() == 5


def test_samples_are_drawn_with_their_scale(opened):
    """Chart text keeps its size on any screen, dots stay round, and both drawings are of one height."""
    sizes = {}
    for width in (400, 1200):
        page = opened(viewport={"width": width, "height": 800})
        page.get_by_role("link", name="slowed").click()
        plots = page.locator("#m6 .drawings .plot")
        boxes = [plots.nth(index).bounding_box() for index in range(3)]
        assert len({round(box["height"]) for box in boxes}) == 1
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert plots.nth(2).locator(".y").first.inner_text().endswith("%")
        assert plots.nth(0).locator(".y").first.inner_text().endswith("ms")
        assert plots.nth(0).locator(".dot").count() == 10  # five samples of each side
        assert plots.nth(1).locator(".box").count() == 2
        assert plots.nth(2).locator("polygon.known").count() == 2  # two processes
        assert plots.nth(2).locator(".in").all_inner_texts() == ["a second process"]
        assert "allowed +2.5%" in page.locator("#m6 .drawings").inner_text()
        sizes[width] = plots.nth(0).locator(".y").first.bounding_box()["height"]
    assert sizes[400] == sizes[1200] >= 10


def test_a_table_that_is_cut_is_reached_by_keyboard_and_scrolls(opened):
    page = opened(viewport={"width": 400, "height": 800})
    page.get_by_role("link", name="deep").click()
    region = page.locator("#m3 .layers .scroll")
    assert region.evaluate("(each) => each.scrollWidth > each.clientWidth")
    region.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)  # it scrolls smoothly
    assert region.evaluate("(each) => each.scrollLeft") > 0
    assert page.locator("#m3 .layers tbody td").first.bounding_box()["x"] >= 0  # the name stays in sight


def test_a_gate_at_400_pixels_shows_its_numbers_and_its_reason(opened):
    page = opened(viewport={"width": 400, "height": 800})
    page.get_by_role("link", name="failed").click()
    gates = page.locator("#m1 .stacked").first
    assert "num_filter 7 -> 8" in gates.inner_text()
    box = gates.get_by_text("num_filter 7 -> 8").bounding_box()
    assert box["x"] + box["width"] <= 400


def test_tab_reaches_every_control(opened):
    page = opened()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 12)"))
    assert {"MACs", "verdict", "deep", "REGRESSED 2"} <= reached


def test_tab_reaches_the_map_and_the_layers_of_an_open_model(opened):
    """In the order of the page; of the map one block, from which the arrow keys lead on."""
    page = opened()
    page.get_by_role("link", name="deep").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#m3 .layers tbody tr")  # drawn once it is open; else Tab goes on to the next open model
    reached = []
    for _ in range(15):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("""() => {
              const { ariaLabel, textContent, labels, parentElement } = document.activeElement;
              if (parentElement.className === "icicle") return "map";
              return ariaLabel ?? labels?.[0]?.textContent ?? textContent;
            }""")
        )
    wanted = ["Metric", "map", "Search layers ", "Layers of deep", "layer", "operator", "output", "MACs"]
    start = reached.index("Metric")
    assert reached[start : start + len(wanted)] == wanted


@pytest.mark.parametrize("width", [320, 400, 1200])
def test_the_page_never_scrolls_sideways(opened, width):
    page = opened(viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait_for_selector("#m3 .layers tbody tr")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_tables_are_there(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(models()), encoding="utf-8")
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert names(page) == ["healthy", "failed", "unclear", "deep", HOSTILE, "profiled", "slowed", "weighed"]
    page.locator("#m3 summary").click()
    assert page.locator("#m3 noscript tbody tr").count() == 4


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(opened, scheme, width):
    page = opened(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait_for_selector("#m3 .layers tbody tr")
    assert serious_faults(page) == []


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_a_history(browser, tmp_path, scheme, width):
    path = tmp_path / "history.html"
    commit = Commit("a" * 40, "2024-01-31T10:00:00", "first", macs=1_000, params=80, wall_p50={"linux": 0.002})
    path.write_text(history("net", [commit, msgspec.structs.replace(commit, sha="b" * 40, macs=2_000)]), "utf-8")
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto(path.as_uri())
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".plot .y").first.inner_text() == "0"


def serious_faults(page):
    """Of axe-core's rules: contrast, names of controls, structure, what can be scrolled by keyboard ..."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    return [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in serious]


def test_what_is_printed_has_its_drawings(opened):
    page = opened()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#m3 .memory svg").count() == 1
    assert page.locator("#m3 .layers tbody tr").count() == len(NAMES)
