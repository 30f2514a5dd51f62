import base64
import hashlib
import json
import math
import os
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import report_example as example

from goodfit.errors import InputError
from goodfit.report import render, write_report
from goodfit.report.page import SECTIONS

WHOLE = [key for key in SECTIONS if key != "evidence"]
VOID = {"meta", "link", "input", "img"}


class Page(HTMLParser):
    """What a browser makes of the page: its elements with their attributes, and the text of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, *tags: str) -> str:
        return " ".join(" ".join(data.split()) for tag, data in self.texts if not tags or tag in tags)


@pytest.fixture(scope="module")
def whole() -> Page:
    return Page(render(example.summary(), example.history(members=3)))


@pytest.fixture(scope="module")
def hostile() -> Page:
    return Page(render(example.hostile_summary(), example.history(example.hostile_recipes(), members=3)))


@pytest.fixture(scope="module")
def diagnosed() -> Page:
    outcomes = {"underfitting": "undecided", "miscalibrated": "passed", "overfitting": "fired", "good_fit": "undecided"}
    outcomes |= {"more_rows_help": "fired", "stopped_wrong": "not applicable"}
    return Page(render(example.diagnosed(outcomes), example.history(members=3)))


def shown(page: Page) -> list[str]:
    return [(attributes["id"] or "").removeprefix("section-") for attributes in page.all("section")]


def test_the_sections_stand_in_order_and_each_is_linked(whole: Page) -> None:
    assert shown(whole) == [key for key in WHOLE if key != "curves"]
    places = [f"#figure-{key}" if key == "curves" else f"#section-{key}" for key in WHOLE]
    assert [link["href"] for link in whole.all("a")] == ["#content", *places]
    assert not whole.open


def test_a_missing_part_leaves_out_its_section_only() -> None:
    summary = example.summary()
    for part in WHOLE:
        if part != "curves":
            rest = {key: value for key, value in summary.items() if key != part}
            assert shown(Page(render(rest, None))) == [key for key in WHOLE if key not in (part, "curves")]
            assert shown(Page(render({part: summary[part]}, None))) == [part]
    assert shown(Page(render({}, example.history(members=1)))) == ["curves"]
    assert shown(Page(render({}, example.history().clear()))) == []


@pytest.mark.parametrize("which", ["whole", "diagnosed"])
def test_headings_go_down_one_step_at_a_time(which: str, request: pytest.FixtureRequest) -> None:
    levels = [int(tag[1]) for tag, _ in request.getfixturevalue(which).elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("which", ["whole", "diagnosed"])
def test_what_is_referred_to_exists_once(which: str, request: pytest.FixtureRequest) -> None:
    whole = request.getfixturevalue(which)
    ids = [attributes["id"] for _, attributes in whole.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["aria-labelledby"] for attributes in whole.all("section")} <= set(ids)
    assert {attributes["data-figure"] for attributes in whole.all("input")} <= set(ids)
    assert {(attributes["href"] or "")[1:] for attributes in whole.all("a")} <= set(ids)


def test_each_figure_is_named_and_has_its_data_beside_it(whole: Page) -> None:
    plots = [attributes for attributes in whole.all("div") if attributes.get("class") == "plot"]
    assert [plot["id"] for plot in plots] == [
        "curves",
        "weights-0",
        "weights-1",
        "weights-2",
        "features",
        "calibration",
    ]
    assert all(plot["role"] == "img" and plot["aria-label"] for plot in plots)
    assert whole.text("summary").count("The data of this figure as a table") == len(plots)


def test_nothing_is_asked_of_a_network(whole: Page) -> None:
    for _, attributes in whole.elements:
        for name in ("src", "href", "srcset", "action", "poster"):
            assert not (value := attributes.get(name)) or value.startswith(("#", "data:"))
    assert "url(" not in whole.text("style")
    assert "@import" not in whole.text("style")


def test_only_the_two_scripts_of_the_page_may_run(hostile: Page) -> None:
    policy = hostile.all("meta")[1]["content"] or ""
    scripts = [data for tag, data in hostile.texts if tag == "script"]
    assert len(hostile.all("script")) == 3
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-([^']+)'", policy) == digests[1:]
    assert policy.startswith("default-src 'none';")


def test_hostile_names_make_no_element_and_are_shown_as_they_are(hostile: Page, whole: Page) -> None:
    assert {tag for tag, _ in hostile.elements} == {tag for tag, _ in whole.elements}
    assert not hostile.all("img")
    assert not [name for _, attributes in hostile.elements for name in attributes if name.startswith("on")]
    for name in example.HOSTILE:
        assert name in hostile.text("th", "code", "label", "dd", "dt", "td")
    embedded = next(data for tag, data in hostile.texts if tag == "script")
    assert "<" not in embedded
    figures = json.loads(embedded)
    assert figures["features"]["layout"]["yaxis"]["ticktext"][0].startswith("Größe 数量 — “x” %{y} &amp;…")


def test_verdicts_come_fired_first_and_the_gravest_of_them_first(whole: Page) -> None:
    titles = [verdict["title"] for verdict in example.verdicts()]
    text = whole.text("h3", "summary")
    assert "Did not fire (2)" in text
    places = [text.index(titles[place]) for place in (2, 1, 0, 3, 4)]
    assert places == sorted(places)
    assert whole.text("p").index("Issue") < whole.text("p").index("Tip")
    assert "balanced accuracy" in whole.text("dt")
    assert "0.7098" in whole.text("dd")


@pytest.mark.parametrize(
    ("verdicts", "word"), [(example.verdicts(), "Issue"), (example.verdicts()[:1], "No issue found"), ([], "No issue")]
)
def test_the_headline_carries_the_gravest_severity(verdicts: list[dict[str, Any]], word: str) -> None:
    html = render({"headline": "Said.", "verdicts": verdicts}, None)
    assert f">{word}" in html[: html.index("<h1>")]
    assert "<h1>Said.</h1>" in html


def test_a_verdict_holds_the_figures_that_it_rests_on() -> None:
    page = render(example.diagnosed({"more_rows_help": "fired", "overfitting": "fired"}), example.history(members=3))
    issue, tip = page.split('<article class="verdict ')[1:]
    assert re.findall('class="plot" id="([^"]+)"', issue) == ["changes-0", "parts", "curves"]
    assert re.findall('class="plot" id="([^"]+)"', tip)[:1] == ["growth"]
    assert page.index('id="growth"') < page.index("</article>", page.index('id="growth"')) < page.index("<footer")


def test_an_undecided_verdict_shows_why_and_gives_no_advice(diagnosed: Page) -> None:
    assert "Why underfitting is undecided." in diagnosed.text("p")
    assert "Undecided (2)" in diagnosed.text("h3")
    assert diagnosed.text("p").count("Train with") == 2  # of the two that fired


def test_figures_that_no_verdict_asks_for_have_a_section_of_their_own() -> None:
    summary = example.diagnosed({})
    page = Page(render(summary | {"verdicts": []}, example.history(members=3)))
    assert shown(page)[:3] == ["evidence", "curves", "calibration"]
    plots = [attributes["id"] for attributes in page.all("div") if attributes.get("class") == "plot"]
    assert plots == ["changes-rest", "parts", "growth", "curves", "calibration"]
    assert not [link for link in page.all("a") if (link["href"] or "").startswith("#figure")]


def test_each_figure_of_the_page_is_drawn_by_its_script_once(diagnosed: Page) -> None:
    embedded = json.loads(next(data for tag, data in diagnosed.texts if tag == "script"))
    plots = [attributes["id"] for attributes in diagnosed.all("div") if attributes.get("class") == "plot"]
    assert sorted(plots) == sorted(embedded)
    assert len(plots) == len(set(plots)) == 7


def test_hostile_names_in_the_evidence_make_no_element(diagnosed: Page) -> None:
    names = (*example.HOSTILE, *example.HOSTILE[:3])
    summary = example.diagnosed({"overfitting": "fired", "underfitting": "undecided"}, names=names)
    summary["asked"]["name"] = summary["dose_parts"]["score"] = example.HOSTILE[1]
    summary["verdicts"][1] |= {"title": example.HOSTILE[1], "reason": example.HOSTILE[0], "name": example.HOSTILE[2]}
    page = Page(render(summary, None))
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in diagnosed.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert len(page.all("script")) == 3
    for name in example.HOSTILE:
        assert name in page.text("td")


def cells(page: str, row: str) -> list[str]:
    body = page[page.index("Comparison of the recipes") :]
    line = next(part for part in body.split("<tr")[1:] if row in part)
    return [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in re.findall("(?s)<td>(.*?)</td>", line)]


def test_the_table_gives_value_interval_and_what_differs_from_the_first_row() -> None:
    page = render({"table": example.table(), "chosen": "l2=0.001"}, None)
    assert cells(page, "no regularization")[1] == "93.1 % [92.5, 93.7]"
    assert cells(page, "dropout with batch norm") == [
        "97.9 % [97.7, 98.1]",
        "91.2 % [90.6, 91.8] worse (-1.9)",
        "84.7 % [83.5, 85.9] better (+12.1)",
        "0.301 [0.281, 0.321] better (-0.440)",
    ]
    assert cells(page, "L2 only")[1] == "93.4 % [92.8, 94.0]"
    assert cells(page, "everything &#39;good&#39;") == ["–", "94.8 %", "50.0 %", "–"]
    assert page.count('<tr class="chosen">') == 1
    assert 'class="chosen"' not in render({"table": example.table(), "chosen": None}, None)


def test_the_confusion_table_has_the_shares_of_each_true_class(whole: Page) -> None:
    assert "80.6 %" in whole.text("small")
    assert "36.0 %" in whole.text("small")
    assert "Threshold 0.07." in whole.text("p")


def test_what_is_not_a_number_is_a_dash_or_a_gap() -> None:
    summary = example.summary()
    summary["table"]["rows"][1]["cells"]["test_accuracy"] = {"value": math.nan, "low": None, "high": None}
    history = example.history(members=2).with_columns(
        train_loss=pl.when(pl.col("epoch") > 30).then(math.inf).otherwise(pl.col("train_loss"))
    )
    assert cells(render(summary, history), "L2 only")[1] == "–"


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_what_can_not_be_drawn_is_left_out(nothing: float | None) -> None:
    summary = example.summary()
    summary["weights"][1]["edges"][0] = nothing
    summary["features"]["rows"][0]["weight"] = summary["features"]["rows"][1]["selected"] = nothing
    summary["calibration"][0]["bins"][0] |= {"observed": nothing, "low": nothing, "high": nothing}
    summary["calibration"][1]["bins"] = [{"predicted": nothing, "observed": 0.1}]
    for entry in summary["calibration"][0]["bins"]:
        entry["high"] = nothing
    page = Page(render(summary, None))
    figures = json.loads(next(data for tag, data in page.texts if tag == "script"))
    assert list(figures) == ["weights-0", "weights-1", "features", "calibration"]
    assert [len(trace["x"]) for trace in figures["calibration"]["data"]] == [2, 9]
    assert "annual_income_of_the_household_before_tax" not in page.text("td")
    assert "amount" in page.text("td")


def test_a_history_without_a_column_is_refused() -> None:
    with pytest.raises(InputError, match="history: no column 'member'"):
        render({}, example.history(members=1).drop("member"))


def test_the_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("before")
    with pytest.raises(InputError, match="no column"):
        write_report({}, pl.DataFrame({"recipe": ["none"]}), path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            write_report({}, None, path)
    assert path.read_text() == "before"
    write_report({"title": "lone \ud800 surrogate"}, None, path)
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such.*doesn't exist: make it"):
        write_report({}, None, tmp_path / "no such" / "report.html")


def luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_and_lines_stand_out_in_both_themes(whole: Page) -> None:
    themes = whole.text("style").split("@media screen")
    for theme in themes[:2]:
        colors = dict(re.findall(r"--([\w-]+): (#\w{6});", theme))
        names = ["ink", "soft", "issue", "tip", "info", "passed", "undecided", *(f"c{hue}" for hue in range(1, 8))]
        for name in names:
            for ground in ("paper", "wash"):
                light, dark = sorted((luminance(colors[name]), luminance(colors[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)
