"""Build the site: pages are written anew into a folder, and mkdocs renders that."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import plotly
from mkdocs.commands.build import build
from mkdocs.config import load_config

from docs_site.mathematics import with_formulas
from docs_site.reference import expand
from docs_site.tour import fenced, render_file

ROOT = Path(__file__).parents[2]
DOCS, TOUR = ROOT / "docs", ROOT / "examples" / "tour"
ASSETS = Path(__file__).parent / "assets"
INCLUDED = re.compile(r"^--8<-- (\S+)(?: (\w+))?$", re.MULTILINE)


def build_site(folder: Path) -> None:
    """Write the site into a folder, which is emptied before.

    Raises:
        AssertionError: a claim of the tour doesn't hold in its run.
        mkdocs.exceptions.Abort: a page is missing, or links to what isn't there.
    """
    with TemporaryDirectory() as made:
        write_pages(Path(made))
        build(load_config(str(ROOT / "mkdocs.yml"), docs_dir=made, site_dir=str(folder), strict=True))


def write_pages(folder: Path) -> None:
    """Write all pages as plain Markdown, and what they draw with."""
    shutil.copytree(DOCS, folder, dirs_exist_ok=True)
    for page in sorted(folder.rglob("*.md")):
        page.write_text(with_formulas(written(page.relative_to(folder))), encoding="utf-8")
    shutil.copytree(ASSETS, folder / "assets", dirs_exist_ok=True)
    shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", folder / "assets")


def written(page: Path) -> str:
    """A page, by its path under docs: the tour's after their runs, the reference made, files included."""
    script = TOUR / f"{page.stem}.py"
    if page.parent.name == "tour" and script.exists():
        return render_file(DOCS / page, script, ROOT)
    text = (DOCS / page).read_text(encoding="utf-8")
    return included(expand(text) if page.parent.name == "reference" else text)


def included(text: str) -> str:
    """The text with lines `--8<-- path` replaced by that file's code, whole or one of its names."""
    return INCLUDED.sub(lambda found: _block(ROOT / found[1], found[2]), text)


def _block(path: Path, name: str | None) -> str:
    return fenced(_source(path, name), "text" if name == "__doc__" else "python")


def _source(path: Path, name: str | None) -> str:
    text = path.read_text(encoding="utf-8").strip("\n")
    if name is None:
        return text
    if name == "__doc__":
        return ast.get_docstring(ast.parse(text)) or ""
    found = re.search(rf"^(?:@.*\n)*(?:class|def) {name}\b.*?(?=\n\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{path.name} holds no {name}")
    return found[0]
