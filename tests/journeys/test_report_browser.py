"""The report as a person's browser shows it: Chromium, without a network."""

from pathlib import Path

import pytest
import report_example as example
from browsing import ask, prefer
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from goodfit.report import write_report

FIGURES = ["curves", "weights-0", "weights-1", "weights-2", "features", "calibration"]
TRACES = """return [...document.querySelectorAll('.js-plotly-plot')].filter(
  (plot) => plot.querySelector('.main-svg .trace path')).map((plot) => plot.id)"""


def show(browser: webdriver.Chrome, path: Path, *, width: int = 1280, scheme: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    prefer(browser, scheme)
    browser.get_log("browser")
    browser.get(path.as_uri())
    WebDriverWait(browser, 60).until(
        lambda driver: driver.execute_script("return document.documentElement.dataset.drawn === 'yes'")
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(example.summary(), example.history(), path)
    return path


def test_every_figure_is_drawn_without_an_error_and_without_a_network(browser: webdriver.Chrome, plain: Path) -> None:
    show(browser, plain)
    assert browser.execute_script(TRACES) == FIGURES
    assert browser.get_log("browser") == []
    resources = ask(browser, "performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in resources if not name.startswith(("data:", "blob:"))] == []


def test_hostile_names_are_text_and_run_nothing(browser: webdriver.Chrome, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    history = example.history(example.hostile_recipes(), members=3)
    write_report(example.hostile_summary(), history, path)
    for guarded in (True, False):
        page = path.read_text("utf-8")
        if not guarded:  # what is escaped must be harmless without the content security policy too
            path.write_text(page.replace('http-equiv="Content-Security-Policy"', "", 1), "utf-8")
        show(browser, path)
        assert browser.execute_script(TRACES) == FIGURES
        browser.execute_script("Plotly.Fx.hover('features', [{curveNumber: 0, pointNumber: 2}])")
        assert ask(browser, "window.harmed") is None
        assert ask(browser, "document.querySelectorAll('img, svg [onload], svg b').length") == 0
        assert browser.get_log("browser") == []
        ticks = ask(browser, "[...document.querySelectorAll('#features .ytick text')].map((tick) => tick.textContent)")
        assert {f"{example.HOSTILE[place][:21]}…" for place in (0, 3)} <= set(ticks)


def test_the_theme_follows_the_system_while_the_page_is_open(browser: webdriver.Chrome, plain: Path) -> None:
    show(browser, plain)
    ink = "getComputedStyle(document.querySelector('#curves .xtick text')).fill"
    ground = "getComputedStyle(document.body).backgroundColor"
    assert (ask(browser, ink), ask(browser, ground)) == ("rgb(28, 33, 38)", "rgb(255, 255, 255)")
    prefer(browser, "dark")
    WebDriverWait(browser, 20).until(lambda driver: ask(driver, ink) == "rgb(230, 232, 234)")
    assert ask(browser, ground) == "rgb(20, 23, 26)"
    show(browser, plain, scheme="dark")
    assert ask(browser, ink) == "rgb(230, 232, 234)"


def test_a_phone_scrolls_tables_in_their_boxes_and_not_the_page(browser: webdriver.Chrome, plain: Path) -> None:
    show(browser, plain, width=400)
    browser.execute_script("document.querySelectorAll('details').forEach((box) => { box.open = true; })")
    assert ask(browser, "document.documentElement.scrollWidth") <= 400
    assert ask(browser, "document.querySelector('.scroll.wide').scrollWidth") > 400
    plots = ask(browser, "[...document.querySelectorAll('.main-svg')].map((svg) => svg.getBoundingClientRect().right)")
    assert max(plots) <= 400


def test_recipes_are_shown_and_hidden_by_the_keyboard(browser: webdriver.Chrome, plain: Path) -> None:
    show(browser, plain)
    lines = "document.querySelectorAll('#curves .main-svg .scatterlayer .trace').length"
    notes = "document.querySelectorAll('#curves .annotation').length"
    assert (ask(browser, lines), ask(browser, notes)) == (12, 1)
    box = browser.find_elements(By.CSS_SELECTOR, "input[data-figure=curves]")[1]
    box.send_keys(Keys.SPACE)
    WebDriverWait(browser, 20).until(lambda driver: ask(driver, lines) == 18)
    assert ask(browser, notes) == 2
    box.send_keys(Keys.SPACE)
    WebDriverWait(browser, 20).until(lambda driver: ask(driver, lines) == 12)


def test_the_first_key_reaches_the_skip_link(browser: webdriver.Chrome, plain: Path) -> None:
    show(browser, plain)
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert ask(browser, "document.activeElement.textContent") == "Skip to the report"
    assert ask(browser, "document.activeElement.getBoundingClientRect().left") >= 0
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert ask(browser, "document.activeElement.id") == "content"


OUTCOMES = {
    "overfitting": "fired",
    "underfitting": "undecided",
    "stopped_wrong": "undecided",
    "more_rows_help": "passed",
    "miscalibrated": "fired",
}
EVIDENCE = ["changes-0", "parts", "curves", "calibration", "changes-2", "changes-3"]


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("diagnosed") / "report.html"
    write_report(example.diagnosed(OUTCOMES), example.history(members=3), path)
    return path


def test_the_evidence_stands_with_its_verdict_and_is_drawn(browser: webdriver.Chrome, diagnosed: Path) -> None:
    show(browser, diagnosed)
    assert browser.execute_script(TRACES) == EVIDENCE
    assert browser.get_log("browser") == []
    held = ask(browser, "[...document.querySelectorAll('article')].map((box) => box.querySelectorAll('.plot').length)")
    assert held == [3, 1, 1, 1]
    side = "[...document.querySelectorAll('#changes-0, #parts')].map((box) => box.getBoundingClientRect().top)"
    assert len(set(ask(browser, side))) == 1


def test_a_folded_figure_is_drawn_when_its_box_is_opened_by_the_keyboard(
    browser: webdriver.Chrome, diagnosed: Path
) -> None:
    show(browser, diagnosed)
    assert ask(browser, "document.querySelector('#growth .main-svg')") is None
    browser.find_element(By.CSS_SELECTOR, "details:has(#growth) > summary").send_keys(Keys.ENTER)
    width = "document.querySelector('#growth .main-svg')?.getBoundingClientRect().width"
    WebDriverWait(browser, 20).until(lambda driver: ask(driver, width))
    assert ask(browser, width) == pytest.approx(ask(browser, "document.querySelector('#growth').clientWidth"), abs=1)
    assert browser.execute_script(TRACES) == [*EVIDENCE, "growth"]
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [400, 1280])
def test_names_and_marks_of_the_changes_lie_inside_their_figure(
    browser: webdriver.Chrome, diagnosed: Path, width: int
) -> None:
    show(browser, diagnosed, width=width)
    assert ask(browser, "document.documentElement.scrollWidth") <= width
    outside = browser.execute_script("""return ['changes-0', 'changes-2', 'parts'].flatMap((id) => {
        const plot = document.getElementById(id), { left, right } = plot.getBoundingClientRect();
        return [...plot.querySelectorAll('.annotation, .point, .textpoint')].filter((mark) => {
          const box = mark.getBoundingClientRect();
          return box.left < left - 1 || box.right > right + 1;
        }).map((mark) => mark.textContent || id); })""")
    assert outside == []
    assert ask(browser, "document.querySelectorAll('#changes-0 .annotation').length") == 9


def test_the_evidence_follows_the_theme_and_is_light_on_paper(browser: webdriver.Chrome, diagnosed: Path) -> None:
    bar, name = "#parts .bars .point path", "#changes-0 .annotation text"
    colors = f"[{bar!r}, {name!r}].map((mark) => getComputedStyle(document.querySelector(mark)).fill)"
    show(browser, diagnosed)
    light = ask(browser, colors)
    show(browser, diagnosed, scheme="dark")
    dark = ask(browser, colors)
    assert light == ["rgb(160, 74, 131)", "rgb(28, 33, 38)"]
    assert dark == ["rgb(223, 146, 195)", "rgb(230, 232, 234)"]
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    WebDriverWait(browser, 20).until(lambda driver: ask(driver, colors) == light)
    plots = ask(browser, "[...document.querySelectorAll('.main-svg')].map((svg) => svg.getBoundingClientRect().width)")
    assert max(plots) <= 680
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    WebDriverWait(browser, 20).until(lambda driver: ask(driver, colors) == dark)


def test_hostile_names_in_the_evidence_run_nothing(browser: webdriver.Chrome, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    names = (*example.HOSTILE, *example.HOSTILE[:3])
    summary = example.diagnosed(OUTCOMES, names=names)
    summary["asked"]["name"] = summary["dose_parts"]["score"] = example.HOSTILE[0]
    write_report(summary, example.history(members=3), path)
    page = path.read_text("utf-8")
    path.write_text(page.replace('http-equiv="Content-Security-Policy"', "", 1), "utf-8")
    show(browser, path)
    for figure in ("changes-0", "parts"):
        browser.execute_script(f"Plotly.Fx.hover({figure!r}, [{{curveNumber: 1, pointNumber: 1}}])")
    assert ask(browser, "window.harmed") is None
    assert ask(browser, "document.querySelectorAll('img, svg [onload], svg b').length") == 0
    assert browser.get_log("browser") == []
    told = ask(browser, "[...document.querySelectorAll('#changes-0 .annotation')].map((note) => note.textContent)")
    assert any(note.startswith('<img src=x onerror="') for note in told)


def test_a_link_leads_to_the_figure_that_another_verdict_draws(browser: webdriver.Chrome, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(example.diagnosed({"overfitting": "passed", "good_fit": "fired"}), None, path)
    show(browser, path)
    browser.find_element(By.CSS_SELECTOR, "details:has(#parts) > summary").send_keys(Keys.ENTER)
    browser.find_element(By.CSS_SELECTOR, "a[href='#figure-changes-0']").send_keys(Keys.ENTER)
    WebDriverWait(browser, 20).until(
        lambda driver: ask(driver, "document.querySelector(':target #changes-0')") is not None
    )
    assert -1 <= ask(browser, "document.querySelector('#figure-changes-0').getBoundingClientRect().top") < 200
