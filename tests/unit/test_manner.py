"""The manner of the house, where a machine can check it."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "goodfit"
FILES = sorted(SOURCE.rglob("*.py"))
MOST_ARGUMENTS, MOST_LINES = 8, 310


def functions(file: Path):
    """Every function of a file, but the public ones, whose arguments are the user's: each setting is one."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and not (
            node.name == "__new__"  # a constructor passes on what the class it makes takes
            or (file.name == "regularized.py" and node.name == "forward")  # a user's module takes what it does
            or (file.parent.name == "estimators" and node.name == "__init__")
            or (file.parent.name == "api" and not node.name.startswith("_"))
            or (file.name == "cli.py" and node.decorator_list)
            or (file.name == "huggingface.py" and node.name.startswith("on_"))  # the Trainer calls them with all it has
        ):
            yield node


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_functions_take_few_arguments_by_name_and_no_dictionary_of_them(file):
    for function in functions(file):
        own = [a.arg for a in function.args.args if a.arg not in {"self", "cls"}] + function.args.kwonlyargs
        assert len(own) <= MOST_ARGUMENTS, f"{function.name} takes {len(own)} arguments"
        hands_on = function.name == "forward"  # a module's own arguments, whatever they are
        assert function.args.kwarg is None or hands_on, f"{function.name} takes **{function.args.kwarg}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_file_is_one_idea(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
