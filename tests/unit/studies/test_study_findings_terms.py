"""Which words networks on texts use, and which class each speaks for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from goodfit.data.media import text_table
from goodfit.networks import views
from goodfit.regularizers import Recipe
from goodfit.studies.findings import first_weights, selected_terms
from goodfit.studies.fitting import Fit, Plan, fit
from goodfit.studies.problem import read_problem
from goodfit.training import Settings

LINEAR = Settings(hidden=(), batch_size=16, max_epochs=60)
PLAN = Plan(members=3, learning_rate=0.02)
TOLD = {"praise": "lovely", "scorn": "awful", "doubt": "unsure"}
OTHERS = ("film", "plot", "scene", "actor", "music")


def texts_of(classes: tuple[str, ...], rows: int = 120) -> tuple[list[str], list[str]]:
    """Texts with one word that tells their class and three that tell nothing."""
    random = np.random.default_rng(0)
    labels = [classes[i % len(classes)] for i in range(rows)]
    texts = [" ".join(random.permutation([TOLD[label], *random.choice(OTHERS, 3)])) for label in labels]
    return texts, labels


def fitted(classes: tuple[str, ...], recipe: str = "l1=0.002", settings: Settings = LINEAR) -> Fit:
    texts, labels = texts_of(classes)
    problem = read_problem(text_table(texts), labels, name="opinion")
    return fit(problem, [Recipe.parse(recipe)], plan=PLAN, settings=settings)


def terms_of(found: Fit) -> dict[str, tuple[float, float]]:
    selected = selected_terms(found.best.results, found.prepared)
    assert len({term.name for term in selected}) == len(selected)
    return {term.name: (term.selected, term.weight) for term in selected}


@pytest.mark.parametrize("classes", [("praise", "scorn"), ("scorn", "praise"), ("praise", "scorn", "doubt")])
def test_the_words_that_tell_are_used_most_and_named_with_their_class(classes):
    terms = terms_of(fitted(classes))
    first = list(terms)[: len(classes)]
    assert set(first) == {f"{TOLD[name]} ({name})" for name in classes}
    assert all(terms[name][0] == 1.0 for name in first)
    least = min(terms[name][1] for name in first)
    assert all(weight < least / 2 for name, (_, weight) in terms.items() if name.split(" (")[0] in OTHERS)


def test_terms_come_from_the_most_used_to_the_least():
    terms = list(terms_of(fitted(("praise", "scorn"))).values())
    assert terms == sorted(terms, reverse=True)
    assert terms[0][0] == 1.0
    assert terms[-1][0] == 0.0  # l1 leaves some out
    assert terms[-1][1] == 0.0


def test_a_term_that_no_network_uses_speaks_for_no_class():
    for name, (share, weight) in terms_of(fitted(("praise", "scorn"))).items():
        assert name.endswith(")") == (share > 0) == (weight > 0), name


def test_shares_and_weights_are_over_all_networks_that_did_not_diverge():
    found = fitted(("praise", "scorn", "doubt"), "none")
    results = found.best.results
    for term, (share, weight) in terms_of(found).items():
        plain = term.rsplit(" (", 1)[0]
        norms = []
        for result in results:
            words = found.prepared.encoders[result.run.view].vocabulary.terms
            row = first_weights(result)[words.index(plain)] if plain in words else np.zeros(3)
            norms.append(np.linalg.norm(row))
        assert share == pytest.approx(np.mean(np.array(norms) > 0))
        assert weight == pytest.approx(np.mean(norms), rel=1e-5)
    lost = (*results, replace(results[0], outcome="diverged", parameters=results[0].parameters * np.nan))
    assert selected_terms(lost, found.prepared) == selected_terms(results, found.prepared)


def test_without_a_network_nothing_is_told():
    found = fitted(("praise", "scorn"))
    lost = [replace(result, outcome="diverged") for result in found.best.results]
    assert selected_terms(lost, found.prepared) == []


def test_a_network_with_hidden_layers_names_words_without_a_class():
    """What a word speaks for then hangs on the other words."""
    found = fitted(("praise", "scorn"), "l1=0.002", replace(LINEAR, hidden=(8,)))
    names = list(terms_of(found))
    assert set(names[:2]) == {"lovely", "awful"}
    assert not any("(" in name for name in names)


def test_where_the_target_is_numbers_words_speak_for_no_class():
    texts, labels = texts_of(("praise", "scorn"))
    target = [float(label == "praise") + 0.001 * i for i, label in enumerate(labels)]
    problem = read_problem(text_table(texts), target, task="regression")
    found = fit(problem, [Recipe.parse("l1=0.002")], plan=PLAN, settings=LINEAR)
    terms = terms_of(found)
    assert set(list(terms)[:2]) == {"lovely", "awful"}


def test_what_a_word_speaks_for_is_read_off_the_sum_of_the_networks_weights():
    """Also where they disagree."""
    found = fitted(("praise", "scorn"), "none")
    classes = found.prepared.problem.classes.tolist()
    changed = []
    for place, result in enumerate(found.best.results):
        parameters = result.parameters.copy()
        weights = views(torch.from_numpy(parameters[None]), result.layout).weights[0][0]
        words = found.prepared.encoders[result.run.view].vocabulary.terms
        weights[words.index("film")] = (3.0, -1.0, -1.0)[place]
        weights[words.index("plot")] = (-3.0, 1.0, 1.0)[place]
        changed.append(replace(result, parameters=parameters))
    names = {term.name for term in selected_terms(changed, found.prepared)}
    assert f"film ({classes[1]})" in names
    assert f"plot ({classes[0]})" in names
