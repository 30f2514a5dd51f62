"""The report as a person's browser shows it: Chromium, without a network."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import report_example as example
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from goodfit.report import write_report

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)
FIGURES = ["curves", "weights-0", "weights-1", "weights-2", "features", "calibration"]
TRACES = """return [...document.querySelectorAll('.js-plotly-plot')].filter(
  (plot) => plot.querySelector('.main-svg .trace path')).map((plot) => plot.id)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("no Chromium on this machine: neither the report's scripts nor its look can be tried")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    yield driver
    driver.quit()


def show(browser: webdriver.Chrome, path: Path, *, width: int = 1280, scheme: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    prefer(browser, scheme)
    browser.get_log("browser")
    browser.get(path.as_uri())
    WebDriverWait(browser, 60).until(
        lambda driver: driver.execute_script("return document.documentElement.dataset.drawn === 'yes'")
    )


def prefer(browser: webdriver.Chrome, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def ask(browser: webdriver.Chrome, expression: str) -> Any:
    return browser.execute_script(f"return {expression}")


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
