"""The contact sheet's HTML: all texts are text, pictures and players have names, and nothing is asked of a network."""

import base64
import hashlib
import io
import re
import wave
from dataclasses import replace
from itertools import pairwise
from urllib.parse import unquote

import numpy as np
import polars as pl
import pytest
import torch
from report_example import HOSTILE
from test_report_page import Page

from goodfit.data.images import png_bytes
from goodfit.regularizers import Recipe
from goodfit.report.contact import Grid, Sheet, render_sheet, written_files
from goodfit.report.scatter import SYNTHETIC, count_grid, example_grid, row_figures
from goodfit.report.showing import LARGE, MOST_SHOWN, SHARPEST, heat, passage, picture_strip, sound_strips
from goodfit.sounds import RATE, SILENCE
from goodfit.studies.augmenting.clips import Clip
from goodfit.studies.augmenting.rows import synthesize
from goodfit.studies.problem import read_problem

EMPTY = Sheet("rotate=15", "digits", ("One picture.",), ("a note",), {"seed": "0"}, ())


def grey(height, width, value=0):
    return np.full((1, height, width), value, np.uint8)


def pictures(name="one.png", count=2):
    files = [f"{name}-{number}.png" for number in range(1, count + 1)]
    strip = picture_strip(name, grey(28, 20), [grey(28, 20, number) for number in range(count)], files)
    return replace(EMPTY, strips=[strip], files=tuple(files))


def sounds(name="hum.wav"):
    hum = torch.sin(torch.arange(RATE // 2) * 0.3)
    clips = [Clip(hum), Clip(hum[: RATE // 4])]
    variants = [[Clip(0.5 * clip.samples, ("-6.0 dB", "1.00 times as long"))] for clip in clips]
    names = [name, "two"]
    return replace(EMPTY, strips=sound_strips(names, clips, variants, [[f"{name}-1.wav"], ["two-1.wav"]]))


def texts(text="a big house", variant="a large house", name="row 1"):
    return replace(EMPTY, passages=[passage(name, text, [variant, text, variant])])


def table(names=("a", "b", "kind"), classes=("x", "y")):
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            names[0]: random.normal(size=40),
            names[1]: random.normal(size=40) + np.repeat([0, 5], [30, 10]),
            names[2]: np.repeat(classes, [30, 10]),
        }
    )
    problem = read_problem(frame.drop(names[2]), frame[names[2]], name=names[2])
    made = synthesize(frame, names[2], problem, Recipe.parse("smote=1"), 0)
    own, new = ([table[column].cast(pl.String).to_list() for column in frame.columns] for table in (frame, made.frame))
    grids = [count_grid(made), example_grid(made, own, new, 0)]
    return replace(EMPTY, grids=grids, figures=row_figures(made, 0))


SHEETS = {"image": pictures, "audio": sounds, "text": texts, "table": table}


@pytest.fixture(params=SHEETS)
def sheet(request):
    return SHEETS[request.param]()


def hostile(kind, text):
    if kind == "text":
        return replace(texts(f"so {text}", f"so {text[::-1]} {text}", text), title=text, source=text)
    if kind == "table":
        return replace(table((text, f"{text} 2", f"{text} 3"), (text, f"{text} 2")), notes=(text,), told=(text,))
    return replace(SHEETS[kind](text), facts={text: text}, files=(text,))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", SHEETS)
def test_hostile_texts_and_names_stay_text(kind, text):
    page = Page(render_sheet(hostile(kind, text)))
    assert not page.open
    assert not {"svg", "b"} & {tag for tag, _ in page.elements}
    assert all(set(image) == {"src", "width", "height", "alt"} for image in page.all("img"))
    assert len(page.all("script")) == (4 if kind == "table" else 1)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert text in page.text() or any(text in str(image["alt"]) for image in page.all("img"))


def test_each_picture_says_what_it_is_and_is_scaled_up_by_a_whole_factor():
    page = Page(render_sheet(pictures()))
    images = page.all("img")
    assert [image["alt"] for image in images] == [
        "one.png, the original",
        "variant 1 of one.png",
        "variant 2 of one.png",
    ]
    assert {(image["width"], image["height"]) for image in images} == {("80", "112")}
    assert [link["href"] for link in page.all("a")] == ["#content", "one.png-1.png", "one.png-2.png"]


def test_a_large_picture_is_made_smaller():
    strip = picture_strip("wide", grey(300, 600), [], [])
    assert strip.original.size == (LARGE, LARGE // 2)
    assert int.from_bytes(strip.original.png[16:20]) == SHARPEST
    assert picture_strip("thin", grey(1, 600), [], []).original.size == (LARGE, 1)


def test_a_sheet_shows_the_first_variants_only():
    assert len(pictures(count=64).strips[0].variants) == MOST_SHOWN
    assert len(passage("row 1", "a", ["a"] * 64).variants) == MOST_SHOWN


def test_each_sound_has_a_named_player_and_a_spectrogram_on_one_scale_of_time():
    page = Page(render_sheet(sounds()))
    players = page.all("audio")
    assert [player["aria-label"] for player in players] == [image["alt"] for image in page.all("img")]
    assert players[1]["aria-label"] == "variant 1 of hum.wav: -6.0 dB, 1.00 times as long"
    assert all("controls" in player and "autoplay" not in player for player in players)
    for player, seconds in zip(players, (0.5, 0.5, 0.25, 0.25), strict=True):
        with wave.open(io.BytesIO(base64.b64decode(str(player["src"]).removeprefix("data:audio/wav;base64,")))) as file:
            assert (file.getframerate(), file.getnframes() / RATE) == (RATE, seconds)
    assert [image["width"] for image in page.all("img")] == ["240", "240", "120", "120"]


def test_spectrograms_are_lighter_where_it_is_louder_and_low_pitches_lie_below():
    levels = np.linspace(SILENCE, -10.0, 64, dtype=np.float32)[:, None].repeat(3, 1)
    picture = heat(levels, -10.0).astype(int)
    assert picture.shape == (3, 64, 3)
    brightness = (np.array([0.299, 0.587, 0.114]) @ picture[:, :, 0])[::-1]
    assert np.diff(brightness).min() >= 0
    assert brightness[0] < 30
    assert brightness[-1] > 220
    assert np.array_equal(heat(np.full((64, 2), SILENCE, np.float32), SILENCE)[:, 0, 0], [20, 23, 26])


def test_changed_words_are_marked_for_eyes_and_ears():
    page = Page(render_sheet(texts()))
    assert page.text("del") == "Struck out big big"
    assert page.text("ins") == "underlined large large"
    spoken = [data for tag, data in page.texts if tag == "span"]
    assert spoken.count("[deleted: ") == spoken.count("[inserted: ") == 2
    assert page.text("small") == "row 1 unchanged as variant 1"
    assert page.all("td")[0]["rowspan"] == "3"


def test_a_table_tells_its_counts_and_sets_synthetic_rows_below_their_parents():
    sheet = table()
    counts, examples = sheet.grids
    assert list(counts.rows) == [("x", "30", "0", "30"), ("y", "10", "20", "30")]
    assert counts.marked == {1}
    kinds = [row[0].split()[0] for row in examples.rows]
    assert kinds == ["row", "row", "synthetic"] * 5
    for place in range(0, 15, 3):
        ends = sorted(float(row[1]) for row in examples.rows[place : place + 2])
        assert ends[0] <= float(examples.rows[place + 2][1]) <= ends[1]


def test_synthetic_points_differ_in_shape_and_are_counted_beside_the_figure():
    figures = table().figures
    assert [figure.id for figure in figures] == ["components", "columns"]
    for figure in figures:
        symbols = [trace["marker"]["symbol"] for trace in figure.data]
        assert symbols == ["circle-open", "circle-open", "x-thin"]
        assert [toggle.label[0] == SYNTHETIC for toggle in figure.toggles] == [False, False, True]
        assert [row[:3] for row in figure.rows] == [("x", "real", "30"), ("y", "real", "10"), ("y", "synthetic", "20")]
        assert "20 synthetic rows of y" in figure.label


def test_of_one_class_synthetic_rows_have_a_colour_of_their_own_and_of_several_their_classes():
    def hues(*classes):
        random = np.random.default_rng(0)
        target = np.repeat(["most", *classes], [30, *[10] * len(classes)])
        frame = pl.DataFrame({"a": random.normal(size=len(target)), "k": target})
        problem = read_problem(frame.drop("k"), frame["k"])
        made = synthesize(frame, "k", problem, Recipe.parse("smote=1"), 0)
        return [(toggle.label[0], toggle.hue) for toggle in row_figures(made, 0)[0].toggles]

    assert hues("a") == [("○", -1), ("○", 0), (SYNTHETIC, 1)]
    assert hues("a", "b") == [("○", -1), ("○", 0), ("○", 1), (SYNTHETIC, 0), (SYNTHETIC, 1)]


def test_a_caption_says_what_is_not_drawn():
    random = np.random.default_rng(0)
    values = np.where(np.arange(900) % 300 == 1, np.nan, random.normal(size=900))
    frame = pl.DataFrame(
        {"a": pl.Series(values).fill_nan(None), "b": random.normal(size=900), "k": np.arange(900) < 50}
    )
    made = synthesize(frame, "k", read_problem(frame.drop("k"), frame["k"]), Recipe.parse("smote=0.1"), 0)
    captions = [figure.caption for figure in row_figures(made, 0)]
    assert ["Of each kind 300 at most are drawn." in caption for caption in captions] == [True, True]
    assert re.search(r"Not drawn: [3-9] rows with a missing value\.", captions[1])
    assert "Not drawn" not in captions[0]


def test_the_policy_lets_through_what_the_page_holds_and_nothing_else():
    policies = {kind: Page(render_sheet(make())).all("meta")[1]["content"] for kind, make in SHEETS.items()}
    base = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; {}base-uri 'none'; form-action 'none'"
    assert policies["image"] == policies["text"] == base.format("")
    assert policies["audio"] == base.format("media-src data:; ")
    page = Page(render_sheet(table()))
    scripts = [data for tag, data in page.texts if tag == "script"][2:]
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-([^']+)'", str(policies["table"])) == digests
    assert str(policies["table"]).startswith("default-src 'none'; script-src 'sha256-")
    assert "media-src" not in str(policies["table"])


def test_headings_ids_and_regions_are_in_order(sheet):
    page = Page(render_sheet(sheet))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for part in ("section", "div"):
        assert {own["aria-labelledby"] for own in page.all(part) if "aria-labelledby" in own} <= set(ids)
    assert all("aria-label" in own or "aria-labelledby" in own for own in page.all("section"))
    files = {shot.file for strip in sheet.strips for shot in strip.variants}
    for _, attributes in page.elements:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert not value or value.startswith(("#", "data:")) or unquote(value) in files


def test_the_same_sheet_is_the_same_page(sheet):
    assert render_sheet(sheet) == render_sheet(sheet)


def test_what_was_written_is_read_from_the_page_and_lies_in_its_folder():
    names = ("a-1.png", "<script>.png", "é&.wav")
    assert written_files(render_sheet(replace(EMPTY, files=names))) == names
    assert written_files(render_sheet(replace(EMPTY, files=("../a", "/etc/passwd", "..", "b\\c", "", "d")))) == ("d",)
    assert written_files(render_sheet(EMPTY)) == ()
    for other in ("", "<html>", '<script type="application/json" id="written">{"a": 1}</script>'):
        assert written_files(other) is None
    assert written_files('<script type="application/json" id="written">[1]</script>') is None
    assert written_files('<script type="application/json" id="written">[</script>') is None


def test_an_address_is_quoted():
    page = Page(render_sheet(pictures("50%#?.png", count=1)))
    assert page.all("a")[1]["href"] == "50%25%23%3F.png-1.png"


def test_a_grid_marks_its_lines():
    page = Page(
        render_sheet(replace(EMPTY, grids=[Grid("g", "", ("", "b"), [("1", "2"), ("3", "4")], frozenset({1}))]))
    )
    assert [row.get("class") for row in page.all("tr")] == [None, None, "chosen"]


def test_pictures_are_held_as_they_are():
    shot = pictures().strips[0].variants[1]
    assert shot.png == png_bytes(grey(28, 20, 1))
