"""A problem is its content: merged, encoded and standardized by training rows alone."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from study_problems import TASKS, contents, frame_of, problem_of, target_of

from goodfit.data.schema import Schema
from goodfit.data.table import Table, to_table
from goodfit.errors import InputError
from goodfit.studies.preparing import prepare
from goodfit.studies.problem import Problem, read_problem

numbers = st.sampled_from([0.0, -0.0, 1.5, None])
texts = st.sampled_from(["a", "b", None])
records = st.lists(st.tuples(numbers, texts, st.booleans(), st.integers(0, 3)), min_size=2, max_size=25)


def built(rows, task="binary") -> Problem:
    cells = {"n": [r[0] for r in rows], "t": [r[1] for r in rows]}
    table = to_table(pl.DataFrame(cells, schema={"n": pl.Float64, "t": pl.String}))
    target = np.array([r[2] for r in rows], dtype=np.int64 if task == "binary" else np.float64)
    classes = np.array([False, True]) if task == "binary" else np.empty(0)
    return Problem(table, target, classes, task, np.array([r[3] for r in rows], dtype=np.float64))


def assert_same_problem(one: Problem, other: Problem) -> None:
    assert contents(one) == contents(other)
    np.testing.assert_array_equal(one.weights, other.weights)
    assert (one.task, one.name, one.table.names) == (other.task, other.name, other.table.names)


@settings(deadline=None)
@given(records.filter(lambda rows: any(r[3] for r in rows)), st.sampled_from(["binary", "regression"]), st.randoms())
def test_a_row_of_weight_k_is_the_row_k_times_in_any_order(rows, task, random):
    many = [(*row[:3], 1) for row in rows for _ in range(row[3])]
    random.shuffle(many)
    shuffled = random.sample(rows, len(rows))
    merged = built(rows, task).merged()
    for other in (built(many, task).merged(), built(shuffled, task).merged(), merged.merged()):
        assert_same_problem(merged, other)
    assert len(set(contents(merged))) == merged.rows
    assert set(contents(merged)) == {row for row, r in zip(contents(built(rows, task)), rows, strict=True) if r[3]}
    assert merged.weights.sum() == sum(r[3] for r in rows)


@pytest.mark.parametrize("weights", [[0.0, 0.0, 0.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], [1.0, 1.0]])
def test_weights_that_say_nothing_are_refused(weights):
    with pytest.raises(InputError, match="weight"):
        read_problem([[1.0], [2.0], [3.0]], ["a", "b", "a"], weights=weights).merged()


@pytest.mark.parametrize("task", TASKS)
def test_a_target_of_another_length_is_refused(task):
    frame = frame_of(20)
    with pytest.raises(InputError, match=r"20 rows.*19"):
        read_problem(frame, target_of(frame, task)[:-1])


def test_the_target_tells_the_task_unless_it_is_told():
    frame = frame_of(30)
    codes = np.arange(30) % 3
    assert read_problem(frame, codes).task == "multiclass"
    assert read_problem(frame, codes > 0).task == "binary"
    assert read_problem(frame, codes + 0.5).task == "regression"
    assert read_problem(frame, codes, task="regression").task == "regression"
    assert read_problem(frame, codes > 0, task="multiclass").task == "binary"
    assert read_problem(frame, codes).positive is None
    assert read_problem(frame, codes == 0).positive == 1
    assert read_problem(frame, codes > 0).positive == 0


def test_the_alarm_is_for_the_class_that_is_rarer_among_the_rows_as_given():
    """Merged, or in part, the problem keeps it: else a threshold of one class would be taken for the other's."""
    frame = pl.DataFrame({"n": [1.0] * 30 + [float(i) for i in range(20)]})
    problem = read_problem(frame, ["often"] * 30 + ["rare"] * 20)
    assert problem.merged().rows == 21
    for part in (problem, problem.merged(), problem.take(np.arange(25, 35)), problem.take(np.arange(40))):
        assert part.classes[part.positive] == "rare"


def with_cells(problem: Problem, rows: np.ndarray, poison: float) -> Problem:
    """Other numbers, levels and targets in some rows."""
    columns = []
    for column in problem.table.columns:
        values = column.values.copy()
        values[rows] = poison if column.kind == "number" else (values[rows] + 1) % len(column.levels)
        columns.append(replace(column, values=values))
    target = problem.target.copy()
    target[rows] = poison if problem.task == "regression" else (target[rows] + 1) % len(problem.classes)
    return replace(problem, table=Table(tuple(columns), problem.rows), target=target)


@pytest.mark.parametrize(
    ("task", "poison"),
    [("binary", 1e200), ("binary", np.nan), ("multiclass", -7.0), ("regression", 1e200), ("regression", -7.0)],
)
def test_rows_outside_a_views_training_rows_change_nothing_that_it_learns_from(task, poison):
    problem = problem_of(task)
    trains = [np.arange(0, 60), np.arange(30, 90)]
    schema = Schema.of(problem.table)
    clean = prepare(problem, trains, schema=schema)
    bad = prepare(with_cells(problem, np.arange(60, 90), poison), trains, schema=schema)
    assert torch.equal(clean.data.inputs[0, :60], bad.data.inputs[0, :60])
    assert torch.equal(clean.data.targets[0, :60], bad.data.targets[0, :60])
    assert clean.encoders[0].to_dict() == bad.encoders[0].to_dict()
    assert clean.scales[:1] == bad.scales[:1]
    assert clean.encoders[1].to_dict() != bad.encoders[1].to_dict()
    assert not torch.equal(clean.data.inputs[1, 30:60], bad.data.inputs[1, 30:60])


def test_each_view_is_what_its_training_rows_alone_would_give():
    problem = problem_of("regression")
    trains = [np.arange(0, 60), np.arange(20, 90), np.arange(0, 90, 2)]
    schema = Schema.of(problem.table)
    together = prepare(problem, trains, schema=schema)
    assert together.data.inputs.shape == (3, 90, len(schema.input_names))
    for view, rows in enumerate(trains):
        alone = prepare(problem.take(rows), [np.arange(len(rows))], schema=schema)
        assert torch.equal(together.data.inputs[view, rows], alone.data.inputs[0])
        assert torch.equal(together.data.targets[view, rows], alone.data.targets[0])
        assert together.scales[view] == alone.scales[0]


def test_the_target_of_regression_is_standardized_by_the_weighted_training_rows_of_each_view():
    problem = problem_of("regression", copies=25).merged()
    assert set(problem.weights) == {1.0, 2.0}
    trains = [np.arange(0, 60), np.arange(40, 90)]
    prepared = prepare(problem, trains)
    for view, rows in enumerate(trains):
        seen, weights = prepared.data.targets[view, rows, 0].double().numpy(), problem.weights[rows]
        mean = np.average(seen, weights=weights)
        assert mean == pytest.approx(0, abs=1e-6)
        assert np.average((seen - mean) ** 2, weights=weights) == pytest.approx(1, abs=1e-5)
        back = prepared.scales[view].backward(prepared.data.targets[view, :, 0].numpy())
        np.testing.assert_allclose(back, problem.target, rtol=1e-5)
    assert prepared.scales[0] != prepared.scales[1]


def test_without_standardizing_the_target_and_the_numbers_stay_as_they_are():
    problem = problem_of("regression")
    prepared = prepare(problem, [np.arange(60)], standardize=False)
    np.testing.assert_array_equal(prepared.data.targets[0, :, 0].numpy(), problem.target.astype(np.float32))
    np.testing.assert_array_equal(prepared.data.inputs[0, :, 0].numpy(), problem.table.columns[0].values.astype("f4"))
    assert (prepared.scales[0].center, prepared.scales[0].scale) == (0.0, 1.0)


def test_two_classes_are_one_column_and_more_are_indicators_in_every_view():
    trains = [np.arange(50), np.arange(40, 90)]
    two, three = (prepare(problem_of(task), trains) for task in ("binary", "multiclass"))
    assert two.data.targets.shape == (2, 90, 1)
    assert three.data.targets.shape == (2, 90, 3)
    for view in range(2):
        np.testing.assert_array_equal(two.data.targets[view, :, 0].numpy(), two.problem.target)
        np.testing.assert_array_equal(three.data.targets[view].numpy(), np.eye(3)[three.problem.target])
    assert two.scales == three.scales == ()


@pytest.mark.parametrize("task", TASKS)
def test_weights_reach_the_runs_as_they_are(task):
    problem = problem_of(task, copies=20).merged()
    prepared = prepare(problem, [np.arange(60)])
    np.testing.assert_array_equal(prepared.data.weights.numpy(), problem.weights)
    assert prepared.data.task == task
