"""Contact sheets as a person's browser shows them: Chromium, without a network."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from browsing import ask, prefer
from commandline import assert_done, goodfit
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from goodfit.data.images import write_png
from goodfit.data.sounds import write_wave
from goodfit.sounds import RATE

SHOWN = "[...document.images].every((image) => image.complete && image.naturalWidth > 0)"
SECONDS = "[...document.querySelectorAll('audio')].map((player) => player.duration)"


def show(browser: webdriver.Chrome, folder: Path, *, width: int = 1280, scheme: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    prefer(browser, scheme)
    browser.get_log("browser")
    browser.get((folder / "contact-sheet.html").as_uri())
    assert ask(browser, "document.readyState") == "complete"


def assert_quiet(browser: webdriver.Chrome) -> None:
    """No error on the console, and nothing that was asked of a network."""
    assert browser.get_log("browser") == []
    resources: list[str] = ask(browser, "performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in resources if not name.startswith(("data:", "blob:"))] == []


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sheet of each kind, by the kind."""
    folder, random = tmp_path_factory.mktemp("sheets"), np.random.default_rng(0)
    for name in ("photos", "clips"):
        (folder / name).mkdir()
    for place in range(3):
        write_png(folder / "photos" / f"{place}.png", random.integers(0, 256, (3, 20, 30)).astype(np.uint8))
        write_wave(folder / "clips" / f"{place}.wav", 0.1 * torch.sin(torch.arange(RATE // 2) * 0.1 * (place + 1)))
    pl.DataFrame({"text": ["a big house by the sea", "<b>so good</b>, really"]}).write_csv(folder / "texts.csv")
    rows = pl.DataFrame({"a": random.normal(size=40), "b": random.normal(size=40), "k": ["x"] * 30 + ["y"] * 10})
    rows.write_csv(folder / "rows.csv")
    asked: dict[str, tuple[str, ...]] = {
        "image": ("photos", "--with", "rotate=30, cut_mix"),
        "audio": ("clips", "--with", "time_stretch=0.5"),
        "text": ("texts.csv", "--with", "word_swap=0.5"),
        "table": ("rows.csv", "--with", "smote", "--target", "k"),
    }
    for kind, (source, *options) in asked.items():
        assert_done(goodfit("augment", kind, folder / source, folder / kind, *options))
    return {kind: folder / kind for kind in asked}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["image", "audio", "text"])
def test_a_sheet_is_shown_without_a_script_and_without_a_network(
    kind: str, scheme: str, browser: webdriver.Chrome, sheets: dict[str, Path]
) -> None:
    show(browser, sheets[kind], scheme=scheme)
    ground = "rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 26)"
    assert ask(browser, "getComputedStyle(document.body).backgroundColor") == ground
    assert ask(browser, SHOWN)
    assert ask(browser, "document.images.length") == (0 if kind == "text" else 27)
    assert_quiet(browser)


def test_every_sound_is_ready_to_be_played(browser: webdriver.Chrome, sheets: dict[str, Path]) -> None:
    show(browser, sheets["audio"])
    WebDriverWait(browser, 20).until(lambda driver: all(seconds is not None for seconds in ask(driver, SECONDS)))
    found = np.array(ask(browser, SECONDS)).reshape(3, 9)
    assert found[:, 0] == pytest.approx([0.5] * 3)
    assert 0.33 <= found.min() <= found.max() <= 0.75
    assert len(np.unique(found[:, 1:].round(3))) > 15
    widths = ask(browser, "[...document.images].map((image) => image.getBoundingClientRect().width)")
    assert np.corrcoef(np.array(widths), found.ravel())[0, 1] > 0.99
    browser.execute_script("for (const player of document.querySelectorAll('audio')) player.preload = 'auto';")
    enough = "[...document.querySelectorAll('audio')].every((player) => player.readyState === 4 && !player.error)"
    WebDriverWait(browser, 20).until(lambda driver: ask(driver, enough))
    assert_quiet(browser)


def test_the_figures_of_a_table_are_drawn(browser: webdriver.Chrome, sheets: dict[str, Path]) -> None:
    show(browser, sheets["table"])
    WebDriverWait(browser, 60).until(lambda driver: ask(driver, "document.documentElement.dataset.drawn === 'yes'"))
    points = "document.querySelectorAll('#columns .points path').length"
    assert ask(browser, points) == 60
    browser.execute_script("document.querySelectorAll('input[data-figure=columns]')[2].click()")
    WebDriverWait(browser, 20).until(lambda driver: ask(driver, points) == 40)
    assert ask(browser, "document.querySelectorAll('#components .points path').length") == 60
    assert_quiet(browser)


@pytest.mark.parametrize("kind", ["image", "audio", "text", "table"])
def test_a_phone_never_scrolls_a_sheet_sideways(kind: str, browser: webdriver.Chrome, sheets: dict[str, Path]) -> None:
    show(browser, sheets[kind], width=400)
    assert ask(browser, "document.documentElement.scrollWidth") <= 400


def test_hostile_texts_run_nothing_without_the_policy_too(browser: webdriver.Chrome, tmp_path: Path) -> None:
    hostile = (
        "<img src=x onerror=\"window.harmed='img'\"> so <b>good</b> </script><script>window.harmed='script'</script>"
    )
    pl.DataFrame({"text": [hostile]}).write_csv(tmp_path / "texts.csv")
    out: Any = tmp_path / "out"
    assert_done(goodfit("augment", "text", tmp_path / "texts.csv", out, "--with", "word_swap=0.5"))
    page = (out / "contact-sheet.html").read_text("utf-8")
    (out / "contact-sheet.html").write_text(page.replace('http-equiv="Content-Security-Policy"', "", 1), "utf-8")
    show(browser, out)
    assert ask(browser, "window.harmed") is None
    assert ask(browser, "document.querySelectorAll('img, b').length") == 0
    assert_quiet(browser)
