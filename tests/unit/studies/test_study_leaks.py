"""Copies and telling columns are found, and what chance explains is not."""

import numpy as np
import polars as pl
import pytest
from study_problems import TASKS, frame_of, problem_of, target_of

from goodfit.studies import leaks
from goodfit.studies.leaks import find_leaks
from goodfit.studies.problem import read_problem


def test_rows_of_numbers_have_no_copies_and_none_are_expected():
    found = find_leaks(problem_of("binary"), seed=0)
    assert (found.rows, found.copies, found.expected) == (90, 0.0, 0.0)


@pytest.mark.parametrize("copies", [1, 9, 45])
def test_copies_are_counted_with_their_originals(copies):
    found = find_leaks(problem_of("binary", copies=copies), seed=0)
    assert found.copies == pytest.approx(2 * copies / (90 + copies))
    assert found.expected < found.copies


def test_copies_with_another_target_are_copies_too():
    frame = frame_of(60)
    target = np.r_[target_of(frame, "binary"), np.repeat(["alarm"], 60)]
    assert find_leaks(read_problem(pl.concat([frame, frame]), target), seed=0).copies == 1.0


def test_chance_makes_copies_where_columns_hold_few_values():
    random = np.random.default_rng(0)
    problem = read_problem(random.integers(0, 3, (400, 3)).astype(float), random.integers(0, 2, 400))
    found = find_leaks(problem, seed=0)
    assert found.copies > 0.9
    assert found.expected == pytest.approx(found.copies, abs=0.02)


@pytest.mark.parametrize("task", TASKS)
def test_a_column_made_from_the_target_is_found_with_its_skill(task):
    frame = frame_of(300)
    target = target_of(frame, task)
    codes = target if task == "regression" else np.unique(target, return_inverse=True)[1]
    problem = read_problem(frame.with_columns(paid=-2.0 * codes + 1), target, task=task)
    found = find_leaks(problem, seed=0)
    assert found.column == "paid"
    assert found.skill > 0.98
    honest = find_leaks(read_problem(frame, target, task=task), seed=0)
    assert honest.column in {"a", "b"}
    assert 0.05 < honest.skill < 0.8


def test_a_category_that_names_the_target_is_found_and_missing_values_are_values():
    frame = frame_of(300)
    target = target_of(frame, "binary")
    text = np.where(target == "alarm", "p", "q")
    gone = np.where(target == "alarm", np.nan, 1.0)
    for column in (pl.Series("told", text), pl.Series("told", gone)):
        found = find_leaks(read_problem(frame.with_columns(column), target), seed=0)
        assert (found.column, found.skill > 0.98) == ("told", True)


def test_columns_of_noise_have_next_to_no_skill():
    random = np.random.default_rng(0)
    for target in (random.integers(0, 2, 2000), random.integers(0, 4, 2000), random.normal(size=2000)):
        found = find_leaks(read_problem(random.normal(size=(2000, 3)), target), seed=0)
        assert 0 <= found.skill < 0.1


def test_a_rare_class_does_not_make_a_column_look_telling():
    """Accuracy would be 0.97 for a column that tells nothing."""
    random = np.random.default_rng(0)
    found = find_leaks(read_problem(random.normal(size=(2000, 3)), random.random(2000) < 0.03), seed=0)
    assert found.skill < 0.1


def test_few_rows_and_classes_of_one_row_are_no_obstacle():
    random = np.random.default_rng(0)
    for target in (np.arange(6) < 1, np.arange(6) < 3, np.array([0, 0, 0, 0, 1, 2]), np.linspace(0, 1, 6)):
        found = find_leaks(read_problem(random.normal(size=(6, 2)), target, task=None), seed=0)
        assert np.isfinite(found.skill)


def test_of_many_rows_some_are_searched_for_telling_columns_and_all_for_copies(monkeypatch):
    monkeypatch.setattr(leaks, "MOST_ROWS", 50)
    problem = problem_of("binary", rows=400, copies=40)
    found = find_leaks(problem, seed=0)
    assert found.copies == pytest.approx(80 / 440)
    assert found == find_leaks(problem, seed=0)
    assert found.skill != find_leaks(problem, seed=1).skill
