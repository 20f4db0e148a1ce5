"""The page of tensorpack-report in a real browser: Chromium without a window, where it is installed."""
import os
import shutil

import pytest
from run_folders import epochs, log_of, make_run

from tensorpack._cli.report import main

pytest.importorskip("bokeh")
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt install chromium)")

# [{title, curves: [[visible, points]]}] of all pictures
PICTURES = """() => Bokeh.documents[0].roots().map(picture => ({title: picture.title.text, curves: picture.renderers
    .filter(r => r.name == "curve").map(r => [r.visible, Array.from(r.data_source.get_array(r.glyph.x.field)).length])}))"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        with_browser = p.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield with_browser
        with_browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Makes the report of runs and opens it; returns the page, and the list of what its console says."""
    contexts = []

    def open_report(*folders, **options):
        path = tmp_path / "report.html"
        assert main([*folders, "--output", str(path)]) == 0
        contexts.append(browser.new_context(offline=True, **options))
        page, said = contexts[-1].new_page(), []
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(("file:", "data:", "blob:"))
                else said.append(request.url))
        page.goto("file://" + str(path))
        page.wait_for_function("() => window.Bokeh && Bokeh.documents.length && Object.keys(Bokeh.index).length !== 0 "
                               "|| (window.Bokeh && Bokeh.index.roots && Bokeh.index.roots.length)", timeout=30000)
        page.wait_for_selector(".bk-Figure, .bk-root canvas", timeout=30000)
        return page, said

    yield open_report
    for context in contexts:
        context.close()


def test_curves_have_a_point_for_each_epoch(opened, tmp_path):
    page, said = opened(make_run(tmp_path / "run", epochs(300)))
    pictures = page.evaluate(PICTURES)
    assert [picture["title"] for picture in pictures] == ["cost", "error", "learning_rate", "steps per second"]
    for picture in pictures:
        assert picture["curves"] == [[True, 300]] * (2 if picture["title"] == "error" else 1)
    assert not said
    assert os.path.getsize(str(tmp_path / "report.html")) < 2e6


def test_a_click_on_a_name_hides_its_curve_and_shows_it_again(opened, tmp_path):
    page, said = opened(make_run(tmp_path / "run"))
    chart = page.locator(".chart").nth(1)
    chart.scroll_into_view_if_needed()
    page.wait_for_timeout(300)

    def visible():
        return [curve[0] for curve in page.evaluate(PICTURES)[1]["curves"]]

    assert visible() == [True, True]
    spots = page.evaluate("""() => { const view = Object.values(Bokeh.index.roots || Bokeh.index)[1];
        const legend = view.model.below.find(r => r.items); const found = [];
        const walk = v => { if (v.model === legend) found.push(v); for (const c of (v.children ? v.children() : [])) walk(c); };
        walk(view); const box = found[0].bbox; const at = view.el.getBoundingClientRect();
        return [at.left + box.left, at.top + box.top, box.width, box.height]; }""")
    left, top, width, height = spots
    for expected in ([False, True], [True, True]):
        page.mouse.click(left + width / 4, top + height / 2)
        page.wait_for_function("(wanted) => JSON.stringify(Bokeh.documents[0].roots()[1].renderers"
                               ".filter(r => r.name == 'curve').map(r => r.visible)) == JSON.stringify(wanted)",
                               arg=expected, timeout=10000)
    assert not said


def test_two_runs_are_compared(opened, tmp_path):
    page, said = opened(make_run(tmp_path / "first", epochs(6)), make_run(tmp_path / "second", epochs(9, scale=3)))
    curves = page.evaluate(PICTURES)[0]["curves"]
    assert [count for _, count in curves] == [6, 9]
    labels = page.evaluate("() => Bokeh.documents[0].roots()[0].below.find(r => r.items).items.map(i => i.label.value)")
    assert labels == ["first: cost", "second: cost"]
    assert not said


@pytest.mark.parametrize("scheme, is_dark", [("light", False), ("dark", True)])
def test_it_fits_a_phone_in_both_schemes(opened, tmp_path, scheme, is_dark):
    page, said = opened(make_run(tmp_path / "run", logs=[log_of(1, 3), log_of(4, 6)]), color_scheme=scheme,
                        viewport={"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    background = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(20, 20, 20)") == is_dark
    assert page.get_by_role("heading", name="Curves").is_visible()
    assert page.get_by_role("img", name="error by epoch").count() == 1
    page.get_by_text("cost as a table").click()
    assert page.get_by_role("cell", name="0.333333").first.is_visible()
    assert not said
