"""The pages under docs: examples are run, and what they say of verdicts is held against the code."""

import doctest
import functools
import importlib
import operator
import re
import shlex
from pathlib import Path

import pytest
from commandline import goodfit as command
from sklearn.datasets import make_classification

import goodfit
from goodfit.diagnosis import QUESTIONS
from goodfit.studies.interventions import DOSES

ROOT = Path(__file__).parents[2]
VERDICTS = ROOT / "docs" / "verdicts"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)
CONSTANT = re.compile(r"^\| `([\w.]+)` \| ([\d.,e-]+) \|$", re.MULTILINE)
INDEXED = re.compile(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", re.MULTILINE)


def text_of(page):
    return page.read_text(encoding="utf-8")


def named(pages):
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages]


def asked(question):
    return pytest.param(question, id=question.NAME)


def examples_of(page):
    """The page's examples as one doctest; what is not fenced Python is blank, so that line numbers are the page's."""
    text, kept, end = text_of(page), "", 0
    for block in FENCED.finditer(text):
        kept += "\n" * text.count("\n", end, block.start(1)) + block.group(1)
        end = block.end(1)
    return doctest.DocTestParser().get_doctest(kept, {}, str(page.relative_to(ROOT)), str(page), 0)


# Lightning's advice to every training, and its own use of torch's trees.
LIGHTNING = pytest.mark.filterwarnings(
    "ignore:The '.*_dataloader' does not have many workers",
    "ignore:The number of training batches",
    "ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning",
)
WITH_EXAMPLES = [page for page in [*PAGES, ROOT / "README.md"] if examples_of(page).examples]


@LIGHTNING
@pytest.mark.parametrize("page", named(WITH_EXAMPLES))
def test_a_page_shows_what_its_examples_print(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(examples_of(page), out=said.append)
    assert runner.failures == 0, "".join(said)
    assert runner.tries >= 2


@pytest.mark.parametrize("page", named(PAGES))
def test_a_page_links_to_files_that_are_there(page):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_there_is_a_page_for_each_verdict_and_no_other():
    assert {page.stem for page in VERDICTS.glob("*.md")} - {"README"} == {question.NAME for question in QUESTIONS}


@functools.cache
def some_diagnosis():
    X, y = make_classification(60, random_state=0)
    return goodfit.diagnose(X, y, estimator=goodfit.Classifier("none", hidden=(), max_epochs=1))


def test_the_index_lists_all_verdicts_in_their_order_with_their_severity():
    rows = INDEXED.findall(text_of(VERDICTS / "README.md"))
    verdicts = some_diagnosis().verdicts
    assert rows == [(verdict.name, verdict.name, verdict.severity) for verdict in verdicts]


@pytest.mark.parametrize("question", [asked(question) for question in QUESTIONS])
def test_a_verdicts_page_begins_with_its_name_title_and_severity(question):
    head = f"# {question.NAME}\n\n**{question.TITLE}.** Severity: {some_diagnosis()[question.NAME].severity}.\n"
    assert text_of(VERDICTS / f"{question.NAME}.md").startswith(head)


@pytest.mark.parametrize("question", [asked(question) for question in QUESTIONS])
def test_a_verdicts_page_has_an_example_that_fires_and_one_that_does_not(question):
    shown = examples_of(VERDICTS / f"{question.NAME}.md").examples
    told = [e.want.strip("(\n").split(",")[0] for e in shown if e.source.startswith(f'"{question.NAME}" in ')]
    assert set(told) == {"True", "False"}


@pytest.mark.parametrize("question", [asked(question) for question in QUESTIONS])
def test_a_verdicts_page_has_all_its_sections(question):
    sections = re.findall(r"^## (.+)$", text_of(VERDICTS / f"{question.NAME}.md"), re.MULTILINE)
    assert sections == [
        "What it means",
        "How it is decided",
        "Undecided, not applicable",
        "What to do",
        "What it can't tell",
        "Example",
        "Source",
    ]


def constants_of(page):
    return {name: float(value.replace(",", "")) for name, value in CONSTANT.findall(text_of(page))}


@pytest.mark.parametrize("question", [asked(question) for question in QUESTIONS])
def test_a_verdicts_page_gives_all_constants_of_its_test(question):
    own = {name: value for name, value in vars(question).items() if name.isupper() and isinstance(value, int | float)}
    shown = {name: v for name, v in constants_of(VERDICTS / f"{question.NAME}.md").items() if "." not in name}
    assert shown == pytest.approx(own, rel=1e-12)


@pytest.mark.parametrize("page", named(PAGES))
def test_constants_of_other_files_are_as_the_page_says(page):
    for path, value in constants_of(page).items():
        if "." in path:
            module, name = path.rsplit(".", 1)
            found = operator.attrgetter(name)(importlib.import_module(f"goodfit.{module}"))
            assert value == pytest.approx(found, rel=1e-12), path


def test_the_page_on_diagnosis_lists_the_doses_that_are_tried():
    listed = re.findall(r"^   `([^`]+)`[;.]$", text_of(ROOT / "docs" / "diagnosis.md"), re.MULTILINE)
    assert listed == list(DOSES)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the page's commands name."""
    monkeypatch.chdir(tmp_path)
    X, y = make_classification(60, 5, random_state=0)
    table = [",".join([*(f"{value:.4f}" for value in row), str(label)]) for row, label in zip(X, y, strict=True)]
    Path("loans.csv").write_text("\n".join(["a,b,c,d,e,default", *table]), encoding="utf-8")
    return tmp_path


def commands():
    blocks = re.findall(r"```sh\n(.*?)```", text_of(ROOT / "docs" / "diagnosis.md"), re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def write_log(rise):
    rows = [f"{i},{0.97**i:.4f},{0.8**i + 0.5 + rise * i:.4f}" for i in range(60)]
    Path("metrics.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]), encoding="utf-8")


def test_the_command_for_a_table_writes_the_files_that_the_page_names(folder):
    on_table, _ = commands()
    done = command(*("3s" if word == "60s" else word for word in on_table))
    assert done.status == 0, done.err
    assert {path.name for path in (folder / "diagnosis").iterdir()} == {"report.html", "run.json", "history.parquet"}


@pytest.mark.parametrize(("rise", "status"), [(0.0, 0), (0.004, 1)])
def test_the_command_for_a_log_fails_where_it_overfits(folder, rise, status):
    _, on_log = commands()
    write_log(rise)
    assert command(*on_log).status == status


def test_the_command_for_a_log_that_is_not_there_is_bad_input(folder):
    _, on_log = commands()
    assert command(*on_log).status == 2
