"""The reference: public names with their signatures, made from their docstrings.

A page holds lines `::: goodfit.L2`, and `::: goodfit.regularizers.images` for all public names that live below it. What
functions return is named by its home: `::: goodfit.diagnosis.Verdict`.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

import goodfit

DIRECTIVE = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Example|Examples|Note|Notes|Source|Sources|See):[ \t]*(.*)$")
ITEM = re.compile(r"^(\*{0,2}\w+):\s+(.*)$", re.DOTALL)
LISTS = {"Args", "Attributes", "Raises"}


def expand(page: str) -> str:
    """The page with its directives replaced by what they name."""
    return DIRECTIVE.sub(lambda found: "\n\n".join(map(entry, named(found[1]))), page)


def named(target: str) -> list[str]:
    """The public names that a directive means.

    Example:
        >>> named("goodfit.L2")
        ['L2']
        >>> named("goodfit.regularizers.texts")
        ['BackTranslation', 'Synonyms', 'WordDeletion', 'WordSwap']
    """
    home, _, name = target.rpartition(".")
    if home != "goodfit" and (name[0].isupper() or name in getattr(import_module(home), "__all__", ())):
        return [target.removeprefix("goodfit.")]
    if home == "goodfit" and name in goodfit.__all__:
        return [name]
    names = [public for public in goodfit.__all__ if below(getattr(goodfit, public), target)]
    if not names:
        raise ValueError(f"::: {target} names nothing public; give a public name, or a module that holds some")
    return names


def below(public: Any, target: str) -> bool:
    """Whether a public name's definition lives in a module or below it."""
    return f"{public.__module__}.".startswith(f"{target}.")


def entry(name: str, *, level: int = 2) -> str:
    """A public name: heading, signature, docstring, and its public methods and properties."""
    public, short = found(name), name.rpartition(".")[2]
    parts = [_headed(short if inspect.isclass(public) and "." in name else f"goodfit.{name}", public, level)]
    for key, member in members(public):
        parts.append(_headed(f"{short}.{key}", member, level + 1))
    return "\n\n".join(parts)


def found(name: str) -> Any:
    """What a public name, or the place of a class below goodfit, stands for."""
    home, _, short = name.rpartition(".")
    return getattr(import_module(f"goodfit.{home}") if home else goodfit, short)


def members(public: Any) -> list[tuple[str, Any]]:
    """Public methods and properties that goodfit itself defines, its own bases' included.

    Example:
        >>> [name for name, _ in members(goodfit.Recipe)]
        ['get', 'of', 'parse', 'without']
    """
    if not inspect.isclass(public) or issubclass(public, Exception | goodfit.regularizers.Regularizer):
        return []
    found: dict[str, Any] = {}
    for kind in public.__mro__:
        if kind.__module__.startswith("goodfit"):
            for key, member in vars(kind).items():
                if not key.startswith("_") and (
                    isinstance(member, property | classmethod) or inspect.isfunction(member)
                ):
                    found.setdefault(key, member)
    return sorted(found.items())


def _headed(title: str, public: Any, level: int) -> str:
    where = "" if isinstance(public, property) else f"\n\n```python\n{signature(title, public)}\n```"
    text = markdown(inspect.getdoc(public) or "", level + 1)
    return f"{'#' * level} {title}{where}\n\n{text}"


def signature(title: str, public: Any) -> str:
    """How it is called, an argument a line where they are many.

    Example:
        >>> print(signature("goodfit.L2", goodfit.L2))
        goodfit.L2(strength=0.001, biases=False)
    """
    called = public.__func__ if isinstance(public, classmethod) else public
    if inspect.isclass(called) and issubclass(called, Exception):
        return title
    given = inspect.signature(called.__init__ if inspect.isclass(called) else called).parameters.values()
    shown, starred = [], False
    for one in given:
        if one.name in {"self", "cls"}:
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            shown.append("*")
            starred = True
        default = "" if one.default is one.empty else f"={one.default!r}"
        shown.append({one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "") + one.name + default)
    line = f"{title}({', '.join(shown)})"
    return line if len(line) <= 88 else f"{title}(\n" + "".join(f"    {word},\n" for word in shown) + ")"


def markdown(doc: str, level: int) -> str:
    """A docstring's sections as Markdown: arguments as lists, examples fenced, other sections under small headings."""
    head, parts = _sections(doc)
    return "\n\n".join([_prose(head), *(_section(name, body) for name, body in parts)])


def _sections(doc: str) -> tuple[str, list[tuple[str, str]]]:
    head: list[str] = []
    parts: list[tuple[str, list[str]]] = []
    for line in doc.splitlines():
        found = SECTION.match(line)
        if found:
            parts.append((found[1], [found[2]] if found[2] else []))
        else:
            (parts[-1][1] if parts else head).append(line)
    return "\n".join(head).strip(), [(name, inspect.cleandoc("\n" + "\n".join(body))) for name, body in parts]


def _section(name: str, body: str) -> str:
    if name in LISTS:
        return f"**{name}**\n\n" + "\n".join(_item(item) for item in _items(body))
    return f"**{name}**\n\n{_prose(body)}"


def _items(body: str) -> list[str]:
    found: list[str] = []
    for line in body.splitlines():
        if line.startswith(" ") and found:
            found[-1] += " " + line.strip()
        elif line.strip():
            found.append(line.strip())
    return found


def _item(item: str) -> str:
    told = ITEM.match(item)
    return f"- `{told[1]}`: {told[2]}" if told else f"- {item}"


def _prose(text: str) -> str:
    """Paragraphs as they are; examples and what is indented as code."""
    shown = []
    for block in re.split(r"\n{2,}", text):
        if block.lstrip().startswith(">>>"):
            shown.append(f"```pycon\n{inspect.cleandoc(block)}\n```")
        elif block.startswith("    "):
            shown.append(f"```text\n{inspect.cleandoc(block)}\n```")
        else:
            shown.append(block)
    return "\n\n".join(shown)
