"""English inflection by rule, for words that follow it: where a form is in doubt there is none.

A form's kind is a part of speech (n, v, a, r) and what was done to the word: "n", "n s", "v", "v s", "v ed", "v ing",
"a", "a er", "a est", "r". The "v ed" form is the past and the participle in one, so only verbs that have one form for
both make it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from wordlists import word_list

UNCHANGED, NO_PLURAL = word_list("unchanged"), word_list("no_plural")
HARD_CH = frozenset({"stomach", "monarch", "epoch", "patriarch", "matriarch", "eunuch", "loch", "tech", "oligarch"})
NOT_MEN = frozenset({"human", "german", "roman", "shaman", "talisman", "caiman", "ottoman"})
DROPS_E = re.compile(r"[^eoyi]e$")
ENDS_SHORT = re.compile(r"^[^aeiou]*[aeiou][^aeiouwxy]$|^qu[aeiou][^aeiouwxy]$")
"""Words such as stop, which double their last letter."""

Irregular = Mapping[str, Mapping[str, Sequence[str]]]
"""Irregular forms by part of speech and word."""


def plain(word: str) -> bool:
    """Whether a word is one run of lower-case letters."""
    return word.isascii() and word.isalpha() and word.islower()


def forms(word: str, part: str, irregular: Irregular) -> dict[str, str]:
    """The forms of a word that are beyond doubt, by kind."""
    exceptions = irregular[part].get(word, ())
    if part == "n":
        made = {"n": word, "n s": plural(word, exceptions)}
    elif part == "v":
        made = {"v": word if word not in UNCHANGED else "", **verb_forms(word, exceptions)}
    elif part == "a":
        made = {"a": word, "a er": compared(word, exceptions, "er"), "a est": compared(word, exceptions, "est")}
    else:
        made = {"r": word}
    return {kind: form for kind, form in made.items() if form}


def readings(word: str, part: str, irregular: Irregular) -> list[tuple[str, str]]:
    """Every form in which a word may be met, with its kind: also those that `forms` doesn't dare to write."""
    met = [(form, kind) for kind, form in forms(word, part, irregular).items()]
    exceptions = irregular[part].get(word, ())
    if part == "v":
        met.append((word, "v"))
        # learned beside learnt
        met += (
            [(with_ed(word), "v ed")] if any(form.endswith("t") and form[:3] == word[:3] for form in exceptions) else []
        )
    elif part == "n" and not exceptions and not word.endswith("s"):
        met.append((with_s(word), "n s"))
    for form in exceptions:
        if part == "n":
            met.append((form, "n s"))
        elif part == "v":
            met.append((form, "v ing" if form.endswith("ing") else "v s" if form.endswith("s") else "v ed"))
        elif part == "a" and form.endswith(("er", "est")):
            met.append((form, "a er" if form.endswith("er") else "a est"))
    return sorted(set(met))


def plural(word: str, exceptions: Sequence[str]) -> str:
    """The plural, or nothing where it is in doubt."""
    if word in NO_PLURAL or word.endswith(("ness", "ing")):
        return ""
    if exceptions:
        return exceptions[0] if len(exceptions) == 1 else ""
    if word.endswith("man") and word not in NOT_MEN:
        return word[:-2] + "en"
    if re.search(r"[^aeiou]o$|[^su]s$", word):
        return ""
    return word + "s" if word in HARD_CH else with_s(word)


def with_s(word: str) -> str:
    """A word with the ending -s."""
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh|[^aeiou]o)$", word) else "s")


def verb_forms(word: str, exceptions: Sequence[str]) -> dict[str, str]:
    """Third person, past and participle in one, and -ing form; nothing for those in doubt."""
    past = [form for form in exceptions if not form.endswith(("ing", "s"))]
    doubled = [form for form in past if form.startswith(word[:-1]) and form.endswith("ed")]
    made = {"v s": with_s(word), "v ed": "", "v ing": ""}
    ing = [form for form in exceptions if form.endswith("ing")]
    if ing:
        made["v ing"] = ing[0]
    elif not ENDS_SHORT.search(word):
        made["v ing"] = with_ing(word)
    if doubled == past and doubled and word not in UNCHANGED:
        made["v ed"] = doubled[0]
    elif not past and word not in UNCHANGED and not ENDS_SHORT.search(word):
        made["v ed"] = with_ed(word)
    return made


def with_ing(word: str) -> str:
    """A regular verb's -ing form."""
    return word[:-2] + "ying" if word.endswith("ie") else DROPS_E.sub(word[-2:-1], word) + "ing"


def with_ed(word: str) -> str:
    """A regular verb's past."""
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ied"
    return word + ("d" if word.endswith("e") else "ed")


def compared(word: str, exceptions: Sequence[str], ending: str) -> str:
    """A comparative (er) or superlative (est); nothing for words that take more and most, and where in doubt."""
    known = [form for form in exceptions if form.endswith(ending) and form.startswith(word[:-1])]
    if known:
        return known[0]
    vowels = len(re.findall(r"[aeiouy]+", word.removesuffix("e")))
    if exceptions or vowels != 1 or ENDS_SHORT.search(word) or word.endswith(("ed", "ing")) or len(word) < 4:
        return ""
    return word.removesuffix("e") + ending
