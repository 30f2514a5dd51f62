"""Pages of the tour are what their scripts' runs say; formulas and included source are drawn from what is there."""

import re
import sys
from pathlib import Path

import plotly.graph_objects as go
import pytest
from docs_site import building
from docs_site.mathematics import with_formulas
from docs_site.scripts import cells, run
from docs_site.tour import figure, render
from jinja2 import UndefinedError

ROOT = Path(__file__).parents[3]
PAGES = {page.stem for page in (ROOT / "docs" / "tour").glob("*.md")} - {"index"}
SCRIPTS = {script.stem for script in (ROOT / "examples" / "tour").glob("*.py")} - {"plots"}
SCRIPT = '''"""What it is."""
from __future__ import annotations
# %% data
loss = 0.25
print("| a |")
# %% claims
assert loss < 0.3
# %%
raise RuntimeError("for who runs it by hand")
'''


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "page.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def test_a_script_is_run_cell_by_cell_and_its_last_one_is_not(script):
    before = list(sys.path)
    ran = run(script)
    assert ran.names["loss"] == 0.25
    assert ran.printed["data"] == "| a |"
    assert ran.code["claims"] == "assert loss < 0.3"
    assert sys.path == before


def test_a_claim_that_fails_stops_the_run_and_names_its_line(script):
    script.write_text(SCRIPT.replace("0.25", "0.35"), encoding="utf-8")
    with pytest.raises(AssertionError) as caught:
        run(script)
    assert caught.traceback[-1].lineno + 1 == 7


def test_two_cells_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two cells are called 'a'"):
        cells("# %% a\n1\n# %% a\n2")


def test_a_page_holds_the_numbers_of_the_run(script):
    page = render('Loss {{ loss | of(".1f") }}.\n{{ code("data") }}\n{{ claims() }}', run(script), script.parent)
    assert page.startswith('Loss 0.2.\n```python\nloss = 0.25\nprint("| a |")\n```\n## What this page is held to')
    assert "a run of `page.py`" in page
    assert page.endswith("```python\nassert loss < 0.3\n```")


def test_a_page_that_names_what_the_run_has_not_is_refused(script):
    with pytest.raises(UndefinedError, match="accuracy"):
        render("{{ accuracy }}", run(script), script.parent)


def test_a_figure_is_data_with_a_text_for_who_cannot_see_it():
    drawn = figure(go.Figure(go.Bar(x=["</script><b>"], y=[float("nan")])), 'less "is" better')
    assert 'role="img" aria-label="less &quot;is&quot; better"' in drawn
    assert drawn.count("</script>") == 1
    assert "NaN" not in drawn


def test_every_page_of_the_tour_has_a_script_and_is_held_to_its_claims():
    assert PAGES == SCRIPTS
    for page in PAGES:
        text = (ROOT / "docs" / "tour" / f"{page}.md").read_text(encoding="utf-8")
        assert text.count("{{ claims() }}") == 1, page
        assert "claims" in cells((ROOT / "examples" / "tour" / f"{page}.py").read_text(encoding="utf-8"))
        assert "{{ figure(" in text


@pytest.mark.parametrize("page", sorted(PAGES))
def test_what_a_page_says_of_a_run_is_not_typed_by_hand(page):
    """Numbers with three digits after the point, as losses have, come from the run; a few are the task's own."""
    text = (ROOT / "docs" / "tour" / f"{page}.md").read_text(encoding="utf-8")
    typed = re.findall(r"\b\d\.\d{3,}\b", re.sub(r"\{\{.*?\}\}", "", text, flags=re.DOTALL))
    assert typed == []


@pytest.mark.parametrize(
    ("text", "same"),
    [("`$w$`", True), ("```\n$w$\n```", True), ("$5 and $6", True), ("a $w$ b", False), ("($2\\lambda w$)", False)],
)
def test_formulas_are_what_stands_between_dollars_outside_code(text, same):
    assert (with_formulas(text) == text) is same


def test_source_is_included_whole_by_name_or_by_its_docstring():
    whole = building.included("--8<-- src/goodfit/regularizers/l2.py")
    assert whole == f"```python\n{(ROOT / 'src/goodfit/regularizers/l2.py').read_text(encoding='utf-8').strip()}\n```"
    part = building.included("--8<-- src/goodfit/regularizers/l2.py squared_norm")
    assert part.startswith("```python\ndef squared_norm(")
    assert "class L2" not in part
    assert building.included("--8<-- src/goodfit/regularizers/l2.py __doc__").startswith("```text\nL2 regularization:")


@pytest.mark.parametrize("line", ["src/goodfit/regularizers/l2.py nothing", "src/goodfit/nothing.py"])
def test_source_that_is_gone_stops_the_build(line):
    with pytest.raises((ValueError, FileNotFoundError), match="nothing"):
        building.included(f"--8<-- {line}")


def test_every_page_stands_in_the_navigation():
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    docs = ROOT / "docs"
    assert listed == {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")}
