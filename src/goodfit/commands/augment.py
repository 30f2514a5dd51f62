"""goodfit augment: examples augmented as a recipe says, beside their originals on a contact sheet."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import polars as pl

from goodfit.commands.reading import problem_of
from goodfit.commands.spreadsheet import csv_bytes
from goodfit.commands.terminal import print_json, say
from goodfit.data.databases import Query
from goodfit.data.images import png_bytes
from goodfit.data.sources import Origin, read_table
from goodfit.data.table import counted
from goodfit.errors import InputError
from goodfit.locking import LOCK, alone_in
from goodfit.regularizers import Recipe
from goodfit.regularizers.form import Form, Kind
from goodfit.report.contact import Sheet, render_sheet, written_files
from goodfit.report.scatter import count_grid, example_grid, row_figures
from goodfit.report.showing import MOST_SHOWN, passage, picture_strip, sound_strips
from goodfit.report.wording import MISSING
from goodfit.saving import write_all
from goodfit.studies.augmenting.clips import read_clips, vary_clips, wave_bytes
from goodfit.studies.augmenting.pictures import read_pictures, vary_pictures
from goodfit.studies.augmenting.rewriting import vary_texts
from goodfit.studies.augmenting.rows import synthesize
from goodfit.studies.augmenting.sources import draw_files, draw_texts
from goodfit.studies.augmenting.techniques import read_techniques
from goodfit.studies.preparing import check_suits

SHEET, TABLE = "contact-sheet.html", "augmented.csv"
KINDS: dict[str, Kind] = {"image": "image", "text": "text", "audio": "sound", "table": "table"}
HEARD = (
    "Time runs to the right, pitch goes up from 50 Hz to 8 kHz, lighter is louder; all spectrograms are on one scale."
)


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        kind: what the examples are.
        source: a file or folder of them, or a query that returns texts or rows.
        out: the folder to write.
        techniques: their names and doses, a recipe's text.
        count: variants of each example.
        seed: of everything random.
        column: of a table of texts; None to tell.
        target: the column of a table's classes.
        raw: whether texts in CSV that a spreadsheet would take for formulas stay as they are.
    """

    kind: Literal["image", "text", "audio", "table"]
    source: Origin
    out: Path
    techniques: str
    count: int
    seed: int
    column: str | None
    target: str | None
    raw: bool = False


@dataclass(frozen=True)
class Made:
    """What was made: the sheet, and the files beside it, which it doesn't name yet."""

    sheet: Sheet
    files: dict[str, bytes]


def run(request: Request, *, json: bool) -> None:
    """Augment, write the examples and their contact sheet, and say where they are.

    Raises:
        InputError: a technique, an option, the source or the folder can't be used as given; another process is at work
            there.
    """
    recipe = read_techniques(request.techniques, KINDS[request.kind])
    _check_options(request)
    earlier = open_folder(request.out, request.source)
    with alone_in(request.out):
        made = MAKERS[request.kind](request, recipe)
        sheet = replace(made.sheet, files=tuple(made.files))
        write_all(request.out, {SHEET: render_sheet(sheet).encode("utf-8", "replace")} | made.files)
        for name in earlier - {SHEET, *made.files}:
            (request.out / name).unlink(missing_ok=True)
    _show(request, sheet, json)


def open_folder(out: Path, source: Origin) -> frozenset[str]:
    """Check that examples may be written there, before any work is done.

    Returns:
        The names of what an earlier run wrote.

    Raises:
        InputError: the path is a file, lies in the source, or is a folder with other things in it.
        OSError: nothing can be written there.
    """
    if isinstance(source, Path) and source.is_dir() and _lies_in(out, source):
        raise InputError(f"OUT {out} lies in {source}, whose examples it would join: give a folder elsewhere")
    if not out.exists():
        return frozenset()
    if not out.is_dir():
        raise InputError(f"OUT {out} is a file: give a folder, new or of an earlier augment")
    names = {path.name for path in out.iterdir()} - {LOCK}
    sheet = (out / SHEET).read_text("utf-8", "replace") if SHEET in names else ""
    own = names & {SHEET, *(written_files(sheet) or ())} if written_files(sheet) is not None else set()
    drafts = {name for name in names if name.startswith(".") and name.endswith(".new")}
    if names - own - drafts:
        raise InputError(f"OUT {out} is a folder with other things in it: give a new one")
    if not os.access(out, os.W_OK):
        raise PermissionError(errno.EACCES, "no permission", str(out))
    return frozenset(own | drafts)


def _check_options(request: Request) -> None:
    if request.column is not None and request.kind != "text":
        raise InputError("--column names a table's column of texts: leave it away")
    if request.target is not None and request.kind != "table":
        raise InputError("--target names the classes of a table: leave it away")
    if request.target is None and request.kind == "table":
        raise InputError("a table's synthetic rows are made class by class: name the column of classes with --target")


def _files(request: Request) -> Path:
    """The source, of pictures or sounds."""
    if isinstance(request.source, Query):
        raise InputError(f"--query asks for texts or rows, not for {request.kind} files: give a file or a folder")
    return request.source


def _pictures(request: Request, recipe: Recipe) -> Made:
    drawn = draw_files(_files(request), "image", request.seed)
    pictures = read_pictures(drawn.paths)
    varied = vary_pictures(drawn.paths, pictures, recipe, count=request.count, seed=request.seed)
    names = [[f"{stem}-{number}.png" for number in range(1, request.count + 1)] for stem in drawn.stems]
    files = {
        name: png_bytes(variant)
        for own, variants in zip(names, varied, strict=True)
        for name, variant in zip(own, variants, strict=True)
    }
    strips = [picture_strip(*strip) for strip in zip(drawn.names, pictures, varied, names, strict=True)]
    told = [_count(request, len(pictures), drawn.total, "picture")]
    return Made(replace(_sheet(request, recipe), told=told, notes=drawn.notes, strips=strips), files)


def _sounds(request: Request, recipe: Recipe) -> Made:
    drawn = draw_files(_files(request), "sound", request.seed)
    clips, notes = read_clips(drawn.paths)
    varied = vary_clips(clips, recipe, count=request.count, seed=request.seed)
    names = [[f"{stem}-{number}.wav" for number in range(1, request.count + 1)] for stem in drawn.stems]
    files = {
        name: wave_bytes(variant.samples)
        for own, variants in zip(names, varied, strict=True)
        for name, variant in zip(own, variants, strict=True)
    }
    strips = sound_strips(drawn.names, clips, varied, names)
    told = [_count(request, len(clips), drawn.total, "sound"), HEARD]
    return Made(replace(_sheet(request, recipe), told=told, notes=(*drawn.notes, *notes), strips=strips), files)


def _texts(request: Request, recipe: Recipe) -> Made:
    drawn = draw_texts(request.source, request.column, request.seed)
    varied = vary_texts(drawn.texts, drawn.rows, recipe, count=request.count, seed=request.seed)
    frame = pl.DataFrame(
        {
            "source": [name for name in drawn.names for _ in range(request.count)],
            "variant": list(range(1, request.count + 1)) * len(drawn.texts),
            "text": [variant for variants in varied for variant in variants],
        }
    )
    said = [f"row {name}" if name.isdecimal() else name for name in drawn.names]
    passages = [passage(*own) for own in zip(said, drawn.texts, varied, strict=True)]
    told = [_count(request, len(passages), drawn.total, "text"), _unchanged(drawn.texts, varied)]
    sheet = replace(_sheet(request, recipe), told=told, notes=drawn.notes, passages=passages)
    return Made(sheet, {TABLE: csv_bytes(frame, raw=request.raw)})


def _rows(request: Request, recipe: Recipe) -> Made:
    frame, target, name = read_table(request.source), str(request.target), request.source.name
    problem = problem_of(frame, target, name=name, enough=False)
    check_suits([recipe], Form("table"), problem)
    made = synthesize(frame, target, problem, recipe, request.seed)
    if not made.frame.height:
        raise InputError(f"{name} needs no synthetic rows: its rarest class has enough for {recipe}; give a higher one")
    own, new = (
        [table[column].cast(pl.String).fill_null(MISSING).to_list() for column in frame.columns]
        for table in (frame, made.frame)
    )
    grids = [count_grid(made), example_grid(made, own, new, request.seed)]
    told = [f"{counted(made.frame.height, 'synthetic row')} made of {counted(frame.height, 'row')}."]
    sheet = replace(_sheet(request, recipe), told=told, grids=grids, figures=row_figures(made, request.seed))
    return Made(sheet, {TABLE: csv_bytes(made.frame, raw=request.raw)})


MAKERS: dict[str, Callable[[Request, Recipe], Made]] = {
    "image": _pictures,
    "audio": _sounds,
    "text": _texts,
    "table": _rows,
}


def _lies_in(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _sheet(request: Request, recipe: Recipe) -> Sheet:
    """A sheet that shows nothing yet."""
    facts = {"kind": request.kind, "with": str(recipe), "variants": str(request.count), "seed": str(request.seed)}
    if request.kind == "table":
        facts = {"kind": request.kind, "with": str(recipe), "target": str(request.target), "seed": str(request.seed)}
    source = request.source
    name = source.name if isinstance(source, Query) else Path(os.path.realpath(source)).name
    return Sheet(str(recipe), name, (), (), facts, ())


def _count(request: Request, shown: int, total: int, noun: str) -> str:
    which = f"{shown} of {counted(total, noun)}, drawn at random," if shown < total else counted(total, noun)
    said = f"{which} with {counted(request.count, 'variant')}{' each' if shown > 1 else ''}."
    more = f" The first {MOST_SHOWN} are shown; all are in the folder." if request.count > MOST_SHOWN else ""
    return said[:1].upper() + said[1:] + more


def _unchanged(texts: tuple[str, ...], varied: list[list[str]]) -> str:
    same = sum(variant == text for text, variants in zip(texts, varied, strict=True) for variant in variants)
    total = sum(map(len, varied))
    return f"{same} of {counted(total, 'variant')} {'is' if same == 1 else 'are'} as the original."


def _show(request: Request, sheet: Sheet, json: bool) -> None:
    if json:
        files = [str(request.out / name) for name in sheet.files]
        print_json({"out": str(request.out), "files": files, "sheet": str(request.out / SHEET)})
        return
    for line in (*sheet.told[:1], *(f"note: {note}" for note in sheet.notes), f"contact sheet: {request.out / SHEET}"):
        say(line)
