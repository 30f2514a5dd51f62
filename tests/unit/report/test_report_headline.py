"""A headline says what was found, and the table beside it bears it out."""

import math
from dataclasses import replace

import numpy as np
import pytest
from summary_jobs import LABELS, SETTINGS, TASKS, TEXTS, on_test, problem_of, recipes

from goodfit.diagnosis import Diagnosis, Turn, diagnose, find_turn, unanswered
from goodfit.report.headline import comparison_headline, diagnosis_headline, fit_headline
from goodfit.report.summary import summarize_comparison
from goodfit.report.tables import comparison_table, fit_table
from goodfit.statistics import Estimate
from goodfit.studies.comparison import Comparison, Repeats, compare
from goodfit.studies.fitting import Fit, Plan, fit
from goodfit.studies.testing import split_test
from goodfit.studies.trials import gather_evidence


@pytest.fixture(scope="module", params=TASKS)
def job(request, _few_draws):
    """A fit with its diagnosis and its scores on test rows."""
    train, test = split_test(problem_of(request.param), 0.2, seed=0)
    plan = Plan(learning_rate=0.02)
    fitted = fit(train, recipes(*TEXTS), plan=plan, settings=SETTINGS)
    return fitted, diagnose(gather_evidence(fitted)), on_test(fitted, test)


@pytest.fixture(scope="module", params=TASKS)
def compared(request) -> Comparison:
    repeats = Repeats(3, learning_rate=0.02)
    return compare(problem_of(request.param), recipes(*TEXTS), repeats=repeats, settings=SETTINGS)


@pytest.fixture(scope="module")
def _few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("goodfit.studies.testing.REPLICATES", 20)
        yield


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(problem_of("binary"), recipes(*TEXTS), plan=Plan(learning_rate=0.02), settings=SETTINGS)


def diagnosis_of(*fired: str, overfitting="", reason: str = "", evidence=None, leak: str = "") -> Diagnosis:
    """A diagnosis in which these verdicts fired, overfitting with another outcome where one is given."""
    counts = {"networks that diverged": 2.0, "networks": 15.0}
    over = overfitting or ("fired" if "overfitting" in fired else "passed")
    found = unanswered("").verdicts
    outcomes = {verdict.name: "fired" if verdict.name in fired else "passed" for verdict in found} | {
        "overfitting": over
    }
    said = {"overfitting": evidence or {}, "underfitting": evidence or {}, "diverged": counts}
    return Diagnosis(
        tuple(
            replace(
                verdict,
                outcome=outcomes[verdict.name],
                evidence=said.get(verdict.name, {}),
                advice=leak if verdict.name == "leak" else "",
                reason=reason if verdict.name == "overfitting" else "",
            )
            for verdict in found
        )
    )


DOSES = {
    "held-out loss as it is": 0.71234,
    "held-out loss after the best change": 0.41239,
    "best change": "l2=0.05",
}


def test_overfitting_that_a_dose_mends_is_said_with_both_losses(fitted):
    said = fit_headline(fitted, diagnosis_of("overfitting", evidence=DOSES))
    assert said == "Overfitting: l2=0.05 brings the held-out loss from 0.712 down to 0.412."


def test_a_dose_that_empties_the_network_is_not_praised(fitted):
    emptied = DOSES | {"predictions after the best change": "nearly the same for every row"}
    said = fit_headline(fitted, diagnosis_of("overfitting", "collapsed", evidence=emptied))
    assert said.startswith("Overfitting: l2=0.05 brings the held-out loss from 0.712 down to 0.412. But then")
    other = fit_headline(fitted, diagnosis_of("overfitting", "collapsed", evidence=DOSES))
    assert other == "Overfitting: l2=0.05 brings the held-out loss from 0.712 down to 0.412."
    assert "predicts nearly the same for every row" in said


def test_overfitting_seen_in_the_curve_alone_is_said_with_its_epoch(fitted):
    said = fit_headline(fitted, diagnosis_of("overfitting", evidence={"validation turns at epoch": 9.0}))
    assert said == "Overfitting: the validation loss turns at epoch 9."


def test_collapse_is_said(fitted):
    assert fit_headline(fitted, diagnosis_of("collapsed")).startswith("Collapsed: the network predicts nearly the same")


def test_no_sign_of_overfitting_is_said_with_its_range_and_the_loss(fitted):
    said = fit_headline(fitted, diagnosis_of())
    loss, recipe = fitted.best.losses.mean(), fitted.best.recipe
    assert said.startswith("No sign of overfitting that a tried dose would mend")
    assert "12 epochs" in said
    assert said.endswith(f"The held-out loss is {loss:.3g} with {recipe}.")
    none = fit_headline(replace(fitted, chosen=0), diagnosis_of())
    assert none.endswith(f"The held-out loss is {fitted.candidates[0].losses.mean():.3g} without regularization.")


def test_a_large_fall_within_chance_is_not_called_no_sign_of_overfitting(fitted):
    said = fit_headline(fitted, diagnosis_of(overfitting="undecided", reason="x", evidence=DOSES))
    fall = "l2=0.05 brings the held-out loss from 0.712 down to 0.412, which chance could do."
    assert said.startswith(f"It may overfit, but these rows can't tell: {fall}")
    worse = DOSES | {"held-out loss after the best change": 0.72}
    said = diagnosis_headline(diagnosis_of(overfitting="undecided", evidence=worse))
    assert "from 0.712 to 0.72, which" in said


def test_what_else_a_diagnosis_found_is_said_by_its_weight():
    assert diagnosis_headline(diagnosis_of()) == "No sign of overfitting that a tried dose would mend."
    assert diagnosis_headline(diagnosis_of("good_fit")) == "A good fit: nothing that was tried makes it better."
    under = diagnosis_headline(diagnosis_of("underfitting", evidence=DOSES | {"best change": "hidden=(9,)"}))
    assert under == "Underfitting: hidden=(9,) brings the held-out loss from 0.712 down to 0.412."
    assert diagnosis_headline(diagnosis_of("collapsed", "underfitting", evidence=DOSES)).startswith("Collapsed")
    both = diagnosis_headline(diagnosis_of("overfitting", "underfitting", evidence=DOSES))
    assert both.startswith("Overfitting")
    leak = diagnosis_headline(diagnosis_of("leak", "good_fit", leak="column 'paid' alone tells the target"))
    assert leak.startswith("Something may give the answers away: column 'paid' alone tells the target. A good fit")


def test_where_nothing_tells_the_headline_does_not_say_that_all_is_well(fitted):
    unasked = diagnosis_of(overfitting="not applicable", reason="no other dose was trained")
    said = fit_headline(fitted, unasked)
    assert said.startswith("Whether it overfits can't be told: no other dose was trained.")
    assert "No sign" not in said
    assert "The held-out loss is" in said


def test_networks_that_diverged_are_told_of_and_no_mean_is_made_of_the_others(fitted):
    """The table has no number there either."""
    losses = fitted.best.losses.copy()
    losses[0] = math.nan
    candidates = list(fitted.candidates)
    candidates[fitted.chosen] = replace(fitted.best, losses=losses)
    some = replace(fitted, candidates=tuple(candidates))
    said = fit_headline(some, diagnosis_of("diverged"))
    assert said.startswith("2 of 15 networks diverged. ")
    assert "The held-out loss is" not in said
    assert math.isnan(fit_table(some, LABELS, None)["rows"][some.chosen]["cells"]["held_out_loss"]["value"])


def test_a_fits_headline_and_table_name_the_same_losses(job):
    fitted, diagnosis, test = job
    said, rows = (
        fit_headline(fitted, diagnosis),
        {row["recipe"]: row for row in fit_table(fitted, LABELS, test)["rows"]},
    )
    losses = {text: f"{row['cells']['held_out_loss']['value']:.3g}" for text, row in rows.items()}
    if diagnosis["overfitting"].fired:
        evidence = diagnosis["overfitting"].evidence
        told = [evidence[f"held-out loss {when}"] for when in ("as it is", "after the best change")]
        assert said.endswith(
            f"{evidence['best change']} brings the held-out loss from {told[0]:.3g} down to {told[1]:.3g}."
        )
    else:
        assert losses[str(fitted.best.recipe)] in said


def with_losses(compared: Comparison, *columns: list[float]) -> Comparison:
    """The comparison, were these the test losses of its recipes."""
    key = "test_rmse" if compared.prepared.problem.task == "regression" else "test_log_loss"
    scores = [own | {key: np.array(values)} for own, values in zip(compared.scores, columns, strict=True)]
    return replace(compared, scores=tuple(scores))


FIRST = [1.0, 1.2, 1.1]


def test_a_better_recipe_is_said_to_be_better(compared):
    other = with_losses(compared, FIRST, [0.9, 1.1, 1.0], [0.502, 0.699, 0.601])
    said = comparison_headline(other, LABELS, {})
    assert said == "L2 & only lowers the test loss from 1.1 to 0.601."
    row = comparison_table(other, LABELS)["rows"][2]
    assert next(d for key, d in row["differences"].items() if key in ("test_rmse", "test_log_loss"))["high"] < 0


def test_a_recipe_that_is_better_by_chance_is_said_to_be_no_better_than_that(compared):
    other = with_losses(compared, FIRST, [2.0, 2.0, 2.0], [0.5, 1.6, 0.6])
    said = comparison_headline(other, LABELS, {})
    assert said == "L2 & only lowers the test loss from 1.1 to 0.9, but no more than chance could."


def test_where_none_is_better_none_is_named(compared):
    other = with_losses(compared, FIRST, [1.1, 1.3, 1.2], [2.0, 2.0, 2.0])
    assert comparison_headline(other, LABELS, {}) == "No recipe has a lower test loss than no regularization (1.1)."


def test_a_turn_beyond_the_noise_is_said_first(compared):
    other = with_losses(compared, FIRST, FIRST, FIRST)
    turn = Turn(9, Estimate(0.5, 0.4, 0.6), 0.3)
    said = comparison_headline(other, LABELS, {"none": turn})
    assert said.startswith("With no regularization the validation loss turns at epoch 9. No recipe has")
    for silent in (replace(turn, rise=Estimate(0.5, -0.1, 1.1)), replace(turn, train_fall=-0.1)):
        assert comparison_headline(other, LABELS, {"none": silent}).startswith("No recipe has")
    assert comparison_headline(other, LABELS, {"l2=0.05": turn}).startswith("No recipe has")


@pytest.mark.parametrize("gone", [{0}, {1}, {2}, {0, 1}, {0, 1, 2}])
def test_recipes_that_diverged_put_no_nan_into_the_headline(compared, gone):
    columns = [[math.nan, *FIRST[1:]] if i in gone else [x - 0.1 * i for x in FIRST] for i in range(3)]
    other = with_losses(compared, *columns)
    said = comparison_headline(other, LABELS, {})
    assert "nan" not in said
    if 0 in gone and gone != {0, 1, 2}:
        assert said == "With no regularization networks diverged; L2 & only has a test loss of 0.9."


def test_a_comparisons_headline_and_table_name_the_same_losses(compared):
    summary = summarize_comparison(compared, LABELS)
    key = "test_rmse" if compared.prepared.problem.task == "regression" else "test_log_loss"
    values = {row["label"]: row["cells"][key]["value"] for row in summary["table"]["rows"]}
    best = min(values, key=values.__getitem__)
    turn = find_turn(compared.results[0])
    assert ("the validation loss turns" in summary["headline"]) == turn.beyond_noise
    if best == "no regularization":
        assert f"No recipe has a lower test loss than {best} ({values[best]:.3g})" in summary["headline"]
    else:
        told = f"{best} lowers the test loss from {values['no regularization']:.3g} to {values[best]:.3g}"
        assert told in summary["headline"]
        difference = next(row for row in summary["table"]["rows"] if row["label"] == best)["differences"][key]
        assert ("no more than chance" in summary["headline"]) == (difference["high"] >= 0)
