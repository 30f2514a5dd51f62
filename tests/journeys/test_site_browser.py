"""The documentation as a person's browser shows it, opened from files: Chromium, without a network."""

import fcntl
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from browsing import ask, open_browser, prefer
from docs_site.building import build_site
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.slow
"""The site takes two minutes to build."""

FIGURES = {
    "overfitting": 1,
    "bias_variance": 1,
    "l2": 1,
    "l1": 1,
    "dropout": 1,
    "batch_norm": 3,
    "early_stopping": 1,
    "augmentation": 1,
    "what_suits_what": 1,
    "fraud": 1,
}
DRAWN = """return [...document.querySelectorAll('.plot')].filter(
  (plot) => plot.querySelector('.main-svg .trace path, .hm image')).length"""
UNNAMED = """return [...document.querySelectorAll('img, [role=img]')].filter(
  (image) => !(image.getAttribute('alt') || image.getAttribute('aria-label'))).length"""
LEVELS = "[...document.querySelectorAll('article :is(h1, h2, h3, h4, h5, h6)')].map((head) => Number(head.tagName[1]))"
ELSEWHERE = """return performance.getEntriesByType('resource').map((entry) => entry.name).filter(
  (name) => !/^(file|data|blob):/.test(name))"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The site, built once: the workers of a parallel run share it."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "site-built").exists():
            build_site(shared / "site")
            (shared / "site-built").touch()
    return shared / "site"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """A browser that remembers no palette."""
    yield from open_browser(tmp_path)


def show(browser: webdriver.Chrome, path: Path) -> None:
    browser.get_log("browser")
    browser.get(path.as_uri())
    wanted = "!document.querySelector('.plot') || document.documentElement.dataset.drawn"
    WebDriverWait(browser, 60).until(lambda driver: ask(driver, wanted))


def test_the_tour_draws_its_figures_on_every_page(browser: webdriver.Chrome, site: Path) -> None:
    assert {page.stem for page in (site / "tour").glob("*.html")} == {"index", *FIGURES}
    for page, figures in FIGURES.items():
        show(browser, site / "tour" / f"{page}.html")
        assert browser.execute_script(DRAWN) == figures, page
        assert ask(browser, "document.querySelector('article').innerText.includes('{{')") is False, page


def test_every_page_opens_without_an_error_and_without_a_network(browser: webdriver.Chrome, site: Path) -> None:
    pages = [page for page in sorted(site.rglob("*.html")) if page.name != "404.html"]  # it is for servers
    assert len(pages) > 40
    for page in pages:
        show(browser, page)
        assert browser.get_log("browser") == [], page.name
        assert browser.execute_script(ELSEWHERE) == [], page.name
        assert browser.execute_script(UNNAMED) == 0, page.name
        levels = ask(browser, LEVELS)
        assert (levels[0], levels.count(1)) == (1, 1), page.name
        assert all(deeper <= level + 1 for level, deeper in pairwise(levels)), page.name


def test_no_page_names_a_script_a_style_or_a_font_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not [tag for tag in ("unpkg", "googleapis", "gstatic", "cdn.", 'src="http') if tag in text], page.name


def test_the_palette_follows_the_system_and_figures_with_it(fresh: webdriver.Chrome, site: Path) -> None:
    ink = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    ground = "getComputedStyle(document.body).backgroundColor"
    prefer(fresh, "light")
    show(fresh, site / "tour" / "l2.html")
    light = ask(fresh, f"[{ground}, {ink}]")
    prefer(fresh, "dark")
    WebDriverWait(fresh, 20).until(lambda driver: ask(driver, ground) != light[0])
    WebDriverWait(fresh, 20).until(lambda driver: ask(driver, ink) != light[1])
    assert light[0] == "rgb(255, 255, 255)"
    dark = [int(part) for part in ask(fresh, ground)[4:-1].split(",")]
    assert max(dark) < 60


def test_the_search_works_from_a_file(browser: webdriver.Chrome, site: Path) -> None:
    show(browser, site / "index.html")
    browser.find_element(By.CSS_SELECTOR, "label.md-search__icon[for=__search], .md-search__input").click()
    browser.find_element(By.CSS_SELECTOR, ".md-search__input").send_keys("soft threshold")
    found = "[...document.querySelectorAll('.md-search-result__link')].map((link) => link.href)"
    WebDriverWait(browser, 60).until(lambda driver: ask(driver, found))
    assert any("tour/l1.html" in link for link in ask(browser, found))
    assert browser.get_log("browser") == []


def test_a_phone_scrolls_code_and_tables_in_their_boxes_and_not_the_page(browser: webdriver.Chrome, site: Path) -> None:
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for page in ("fraud", "batch_norm"):
        show(browser, site / "tour" / f"{page}.html")
        assert ask(browser, "document.documentElement.scrollWidth") <= 400, page
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
