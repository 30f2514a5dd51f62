"""A diagnosis trains changes of a network on the same folds, and scores rows that a network neither saw nor watched."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_problems import SETTINGS, TASKS, predicted_by_hand, problem_of, recipes

from goodfit.regularizers import Recipe
from goodfit.studies import diagnosing
from goodfit.studies.diagnosing import (
    FEWEST_ROWS,
    SHARES,
    Diagnosed,
    Split,
    diagnose_problem,
    repeats_for,
    split_rows,
)
from goodfit.studies.fitting import Plan
from goodfit.studies.interventions import Intervention, doses_for, strengthened
from goodfit.studies.preparing import prepare
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.samples import part_of
from goodfit.studies.subject import Subject
from goodfit.studies.trials import FOLDS
from goodfit.training import Checkpoint, Execution

SHORT = replace(SETTINGS, max_epochs=3)
RATE = Plan(learning_rate=0.02)


@pytest.fixture(scope="module", params=TASKS)
def found(request) -> Diagnosed:
    subject = Subject(recipes("l2=0.01, early_stopping=1")[0], replace(SETTINGS, max_epochs=6), RATE)
    return diagnose_problem(problem_of(request.param, copies=30), subject)


def split_of(found: Diagnosed) -> Split:
    problem = found.prepared.problem
    return split_rows(problem, repeats_for(problem.rows), seed=found.subject.plan.seed)


# -- splits -----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.integers(FEWEST_ROWS, 300), st.sampled_from(TASKS), st.sampled_from([1, 2, 4]), st.integers(0, 9))
def test_every_row_is_scored_by_networks_that_never_met_it_and_as_often_as_any_other(rows, task, repeats, seed):
    """Once in two repeats: in one of them its half is watched."""
    problem = problem_of(task, rows)
    split = split_rows(problem, repeats, seed=seed)
    times, watched = np.zeros(rows, dtype=int), np.zeros(rows, dtype=int)
    assert len(split.samples) == len(split.scored) == repeats * FOLDS
    for sample, scored in zip(split.samples, split.scored, strict=True):
        times[scored] += 1
        watched[sample.held_out] += 1
        assert not np.isin(scored, np.r_[sample.train, sample.held_out]).any()
        assert not np.isin(sample.held_out, sample.train).any()
        assert len(sample.train) + len(sample.held_out) + len(scored) == rows
        assert len(sample.held_out) + len(scored) > 0
    if repeats == 1:
        assert times.max() == 1
        assert abs(times.sum() - rows / 2) <= 1
        np.testing.assert_array_equal(watched, 1 - times)
    else:
        assert (times == repeats // 2).all()
        assert (watched == repeats // 2).all()


def test_fewer_rows_are_cut_oftener():
    bounds = [most for _, most in diagnosing.REPEATS]
    found = [repeats_for(rows) for most in bounds for rows in (most, most + 1)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 1
    assert all(repeats % 2 == 0 for repeats in found[:-1])


def test_repeats_have_other_folds_and_seeds():
    split = split_rows(problem_of("binary"), 2, seed=0)
    assert len({sample.seed for sample in split.samples}) == 2 * FOLDS
    folds = [set(np.setdiff1d(np.arange(90), sample.train).tolist()) for sample in split.samples]
    assert sorted(map(sorted, folds[:FOLDS])) != sorted(map(sorted, folds[FOLDS:]))
    again, other = (split_rows(problem_of("binary"), 2, seed=seed) for seed in (0, 1))
    assert all((one == two).all() for one, two in zip(split.scored, again.scored, strict=True))
    assert any(len(one) != len(two) or (one != two).any() for one, two in zip(split.scored, other.scored, strict=True))


# -- trials -----------------------------------------------------------------------------------------------------------


def test_every_change_is_tried_beside_the_network_as_it_is(found):
    subject = found.subject
    expected = [(change.kind, change.name) for change in doses_for(subject.recipe, subject.settings)]
    expected += [(change.kind, change.name) for change in strengthened(subject.recipe, subject.settings)]
    trials = found.evidence.trials
    assert (trials[0].kind, trials[0].recipe) == ("dose", str(subject.recipe))
    assert sorted((trial.kind, trial.name) for trial in trials[1:]) == sorted(expected)
    assert found.evidence.reference == found.evidence.chosen == 0


def test_all_trials_share_rows_seeds_and_company(found):
    problem = found.prepared.problem
    split = split_of(found)
    for trial in found.evidence.trials:
        assert len(trial.losses) == problem.rows
        for result, sample in zip(trial.results, split.samples, strict=True):
            assert result.run.seed == sample.seed
            np.testing.assert_array_equal(result.run.train, sample.train)
            np.testing.assert_array_equal(result.run.validation, sample.held_out)
            assert result.run.learning_rate == RATE.learning_rate


def test_changes_are_what_their_names_say(found):
    own = found.subject.settings
    for trial in found.evidence.trials:
        result = trial.results[0]
        hidden = result.layout.sizes[1:-1]
        if trial.kind == "capacity":
            assert trial.name == f"hidden={hidden}"
            assert sum(hidden) > sum(own.hidden)
        else:
            assert hidden == own.hidden
        longest = max(result.epochs for result in trial.results)
        assert longest <= own.max_epochs * (3 if trial.kind in {"training", "patience"} else 1)
        assert str(result.run.recipe) == trial.recipe


def test_a_row_is_scored_by_the_networks_that_are_asked_about_it(found):
    """By those that did not watch it, where watching means to stop; else by all that did not learn from it."""
    prepared, problem, split = found.prepared, found.prepared.problem, split_of(found)
    for trial in (found.evidence.trials[0], found.evidence.trials[-1]):
        total, times = np.zeros(problem.rows), np.zeros(problem.rows)
        for result, rows in zip(trial.results, split.scored, strict=True):
            view = result.run.view
            scale = (prepared.scales[view].center, prepared.scales[view].scale) if prepared.scales else (0.0, 1.0)
            predicted = predicted_by_hand(result, prepared.data.inputs[view, rows].numpy(), problem.task, scale)
            target = problem.target[rows]
            total[rows] += (
                (predicted[:, 0] - target) ** 2
                if problem.task == "regression"
                else -np.log(predicted[np.arange(len(rows)), target])
            )
            times[rows] += 1
        np.testing.assert_allclose(trial.losses, total / times, rtol=1e-4, atol=1e-6)


def test_predictions_are_of_one_network_a_row_that_never_met_it(found):
    prepared, problem, split = found.prepared, found.prepared.problem, split_of(found)
    shown = found.evidence.held
    assert sorted(np.concatenate(shown).tolist()) == list(range(problem.rows))
    for result, rows, scored in zip(found.evidence.asked.results, shown, split.scored, strict=False):
        np.testing.assert_array_equal(rows, scored)
        view = result.run.view
        scale = (prepared.scales[view].center, prepared.scales[view].scale) if prepared.scales else (0.0, 1.0)
        predicted = predicted_by_hand(result, prepared.data.inputs[view, rows].numpy(), problem.task, scale)
        np.testing.assert_allclose(found.evidence.predicted[rows], predicted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("text", ["none", "l2=0.01, early_stopping=1"])
def test_a_poisoned_row_changes_no_network_that_scores_it(task, text):
    problem = problem_of(task).merged()
    split = split_rows(problem, 2, seed=0)
    change = Intervention("dose", text, recipes(text)[0], SHORT)
    asked = split.scored

    def trained(target):
        prepared = prepare(replace(problem, target=target), [sample.train for sample in split.samples])
        return diagnosing._tried(prepared, split, Subject(Recipe(), SHORT, RATE), [change])[0]

    before = trained(problem.target)
    for row in (0, problem.rows // 2):
        target = problem.target.copy()
        target[row] = 1e3 if task == "regression" else (target[row] + 1) % len(problem.classes)
        after = trained(target)
        same = [
            (one.parameters == other.parameters).all() for one, other in zip(before.results, after.results, strict=True)
        ]
        scorers = [row in rows for rows in asked]
        assert any(scorers)
        assert all(own for own, scores in zip(same, scorers, strict=True) if scores)
        learned = [row in result.run.train for result in before.results]
        assert not any(own for own, learns in zip(same, learned, strict=True) if learns)
        assert before.losses[row] != after.losses[row]


# -- what is tried ----------------------------------------------------------------------------------------------------


def test_a_network_that_memorized_its_rows_is_not_made_stronger():
    random = np.random.default_rng(0)
    problem = read_problem(random.normal(size=(60, 8)), random.integers(0, 2, 60))
    able = replace(SETTINGS, hidden=(64,), max_epochs=60)
    found = diagnose_problem(problem, Subject(Recipe(), able, RATE))
    assert {trial.kind for trial in found.evidence.trials} == {"dose"}
    assert "overfitting" in found.diagnosis.fired
    assert found.diagnosis["underfitting"].outcome == "passed"


def test_training_too_briefly_is_underfitting():
    problem = problem_of("regression", rows=300, noise=0.1)
    found = diagnose_problem(problem, Subject(Recipe(), SHORT, Plan(learning_rate=0.003)))
    assert "underfitting" in found.diagnosis.fired
    assert found.diagnosis["underfitting"].advice == f"train with max_epochs={3 * SHORT.max_epochs}"
    assert "good_fit" not in found.diagnosis.fired


def test_fewer_rows_are_parts_of_more_and_keep_the_classes():
    problem = problem_of("multiclass", rows=300)
    sample = split_rows(problem, 2, seed=0).samples[0]
    parts = [part_of(problem, sample, share).train for share in SHARES]
    for share, part, larger in zip(SHARES, parts, [*parts[1:], sample.train], strict=True):
        assert np.isin(part, larger).all()
        assert len(np.unique(part)) == len(part) == pytest.approx(share * len(sample.train), abs=2)
        counts, every = (np.bincount(problem.target[rows], minlength=3) for rows in (part, sample.train))
        np.testing.assert_allclose(counts, share * every, atol=2)


def test_the_learning_curve_is_that_of_the_best_dose_on_fewer_rows(found):
    trial = found.evidence.trials[found.grown]
    means = [found.evidence.mean_loss(own) if own.kind == "dose" else np.inf for own in found.evidence.trials]
    assert found.grown == int(np.argmin(means))
    assert found.growth.shape == (FOLDS, len(SHARES) + 1)
    kept = [result.history.validation[result.best_epoch - 1] for result in trial.results[:FOLDS]]
    np.testing.assert_array_equal(found.growth[:, -1], kept)
    whole = np.mean([len(result.run.train) for result in trial.results[:FOLDS]])
    np.testing.assert_allclose(found.sizes, [*(share * whole for share in SHARES), whole], atol=1.5)


# -- what can't be told -----------------------------------------------------------------------------------------------


def rows_of(count: int, target) -> Problem:
    return read_problem(np.random.default_rng(0).normal(size=(count, 2)), target)


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (rows_of(10, np.arange(10) % 2), f"10 different rows are too few; {FEWEST_ROWS} or more can tell something"),
        (rows_of(80, np.full(80, 0.5)), "the target is the same in every row"),
        (rows_of(80, np.arange(80) < FOLDS - 1), f"only one class has {FOLDS} or more different rows"),
        (read_problem(np.zeros((80, 1)), np.arange(80) % 2), "2 different rows are too few; 40 or more"),
        (problem_of("binary", rows=FEWEST_ROWS - 1), f"{FEWEST_ROWS - 1} different rows are too few"),
    ],
    ids=["few", "constant", "one class", "copies", "just too few"],
)
def test_rows_that_allow_no_verdict_say_why(problem, reason):
    found = diagnose_problem(problem, Subject(Recipe(), SHORT))
    assert (found.evidence, found.prepared, found.sizes.size) == (None, None, 0)
    for verdict in found.diagnosis.verdicts:
        assert verdict.outcome == "not applicable"
        assert verdict.reason.startswith(reason)


def test_as_many_rows_as_it_asks_for_are_enough():
    found = diagnose_problem(problem_of("binary", rows=FEWEST_ROWS), Subject(Recipe(), replace(SHORT, max_epochs=1)))
    assert found.evidence is not None


def test_a_deadline_that_has_passed_still_gives_an_answer():
    execution = Execution(deadline=time.monotonic() - 1)
    found = diagnose_problem(problem_of("binary"), Subject(Recipe(), SETTINGS, RATE, execution))
    assert {result.epochs for trial in found.evidence.trials for result in trial.results} == {1}
    assert {trial.kind for trial in found.evidence.trials} == {"dose"}
    assert found.diagnosis["overfitting"].outcome in {"passed", "undecided", "fired"}
    assert found.diagnosis["underfitting"].outcome == "not applicable"
    assert len(found.diagnosis.verdicts) == 14


@pytest.mark.parametrize("rows", [100, 101])
def test_many_rows_are_held_out_once(monkeypatch, rows):
    monkeypatch.setattr(diagnosing, "REPEATS", ())
    problem = problem_of("regression", rows=rows)
    found = diagnose_problem(problem, Subject(Recipe(), SHORT, RATE))
    evidence = found.evidence
    split = split_rows(found.prepared.problem, 1, seed=0)
    np.testing.assert_array_equal(evidence.rows, np.sort(np.concatenate(split.scored)))
    np.testing.assert_array_equal(evidence.target, found.prepared.problem.target[evidence.rows])
    assert {len(trial.results) for trial in evidence.trials} == {FOLDS}
    assert {len(trial.losses) for trial in evidence.trials} == {len(evidence.rows)}
    np.testing.assert_allclose(evidence.asked.losses, (evidence.predicted[:, 0] - evidence.target) ** 2)


def test_of_very_many_rows_so_many_are_drawn(monkeypatch):
    monkeypatch.setattr(diagnosing, "MOST_ROWS_OF_FOLDS", 60)
    found = diagnose_problem(problem_of("binary", rows=90), Subject(Recipe(), replace(SHORT, max_epochs=1)))
    assert found.prepared.problem.rows == 60
    assert found.evidence.leaks.rows == 90


def test_some_networks_that_diverged_are_told_of_and_other_questions_are_asked():
    wild = Subject(Recipe(), replace(SETTINGS, optimizer="sgd", hidden=(32,), max_epochs=20), Plan(learning_rate=1e6))
    found = diagnose_problem(problem_of("regression"), wild)
    assert "diverged" in found.diagnosis.fired
    assert found.diagnosis["overfitting"].reason.startswith("networks diverged")
    assert found.diagnosis["leak"].outcome == "passed"


def test_the_order_of_rows_plays_no_part_and_the_seed_does():
    problem = problem_of("binary")
    order = np.random.default_rng(0).permutation(problem.rows)
    subject = Subject(Recipe(), replace(SHORT, max_epochs=2), RATE)
    one, other = (diagnose_problem(own, subject).diagnosis for own in (problem, problem.take(order)))
    assert [v.to_dict() for v in one.verdicts if v.name != "leak"] == [
        v.to_dict() for v in other.verdicts if v.name != "leak"
    ]
    seeded = diagnose_problem(problem, replace(subject, plan=replace(RATE, seed=1))).diagnosis
    assert seeded["overfitting"].evidence != one["overfitting"].evidence


@pytest.mark.parametrize("task", TASKS)
def test_few_rows_leave_no_half_of_a_fold_empty(task):
    problem = problem_of(task, diagnosing.FEWEST_ROWS)
    for seed in range(40):
        split = split_rows(problem, 2, seed=seed)
        assert min(len(rows) for rows in split.scored) > 0
        assert min(len(sample.held_out) for sample in split.samples) > 0


def test_an_interrupted_diagnosis_goes_on_where_its_doses_stood(tmp_path):
    """The networks and their doses train as one population; what came of it is as if it had never been interrupted."""
    path, problem = tmp_path / "state.safetensors", problem_of("binary", 80)
    seen: list[int] = []

    def stop(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    asked = Subject(Recipe(), SHORT, RATE, checkpoint=Checkpoint(path, interval=0))
    with pytest.raises(KeyboardInterrupt):
        diagnose_problem(problem, replace(asked, on_epoch=stop))
    assert path.is_file()
    resumed = diagnose_problem(problem, replace(asked, on_epoch=lambda progress: seen.append(progress.epoch)))
    whole = diagnose_problem(problem, replace(asked, checkpoint=None))
    assert seen[0] == 3
    for one, other in zip(resumed.evidence.trials, whole.evidence.trials, strict=True):
        np.testing.assert_array_equal(one.losses, other.losses)
