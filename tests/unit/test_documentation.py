"""What the documentation shows is run: the README's Python, and every public name's docstring is whole."""

import inspect
import re
from pathlib import Path

import pytest

import goodfit

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_readme_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert len(BLOCKS) >= 2
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "cancer-run" / "model.safetensors").is_file()
    assert (tmp_path / "cancer-run" / "report.html").is_file()
    assert "overfitting" in names["found"].fired
    assert re.search(r"^(0\.9\d+|1\.0) ", capsys.readouterr().out, re.MULTILINE)


def test_an_own_model_takes_less_than_fifteen_lines():
    own = next(block for block in BLOCKS if "Regularized" in block)
    assert len(own.strip().splitlines()) < 15


def test_the_readme_lists_every_regularizer_with_a_text_that_parses():
    rows = re.findall(r"^\| `([^`]+)` \| `(\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {kind: next(iter(goodfit.Recipe.parse(text))) for text, kind in rows}
    assert {kind: type(part).__name__ for kind, part in named.items()} == {kind: kind for kind in named}
    assert set(named) == {kind.__name__ for kind in goodfit.regularizers.families().values()}


@pytest.mark.parametrize("name", goodfit.__all__)
def test_a_public_name_has_a_docstring_with_an_example(name):
    public = getattr(goodfit, name)
    text = inspect.getdoc(public)
    assert text
    told = name in {"InputError", "DoubtfulRecipe", "LostRuns", "SlowerTraining"}
    assert issubclass(public, Exception | Warning) if told else ">>>" in text


def test_the_changelog_and_the_architecture_name_no_file_that_is_not_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests|docs|regularizers|goodfit)/[\w/.]+)`", text))
    places = (ROOT, ROOT / "src", ROOT / "src" / "goodfit")
    assert named
    assert [path for path in sorted(named) if not any((place / path).exists() for place in places)] == []
