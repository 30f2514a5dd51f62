"""What in the rows would flatter a network: copies, and columns that give the target away."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import r2_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from goodfit.data.media import MEDIA
from goodfit.data.splits import distinct, holdout
from goodfit.data.table import Column, Table
from goodfit.diagnosis import Leaks
from goodfit.studies.problem import Ints, Problem

MOST_ROWS = 5_000
MOST_COLUMNS = 200


def find_leaks(problem: Problem, *, seed: int) -> Leaks:
    """Look for copies among all rows, and for telling columns in at most 5,000 rows and 200 columns.

    Args:
        problem: as it was given, equal rows unmerged. Rows that differ in their time are no copies.
        seed: of the draw of rows and of the shuffling that says how many copies chance would make.
    """
    random = np.random.default_rng(seed)
    content = problem.content
    shuffled = [Column(c.name, c.kind, random.permutation(c.values), c.levels) for c in content.columns]
    rows = random.permutation(problem.rows)[:MOST_ROWS]
    part = problem.take(np.sort(rows))
    halves = _halves(part, seed)
    telling = [column for column in part.table.columns[:MOST_COLUMNS] if column.kind not in MEDIA]
    skills = {column.name: _skill(column, part, *halves) for column in telling}
    column = max(skills, key=lambda name: skills[name], default=part.table.names[0])
    copies, by_chance = _copies(content), _copies(Table(tuple(shuffled), problem.rows))
    return Leaks(problem.rows, copies, by_chance, column, skills.get(column, 0.0))


def _halves(problem: Problem, seed: int) -> tuple[Ints, Ints]:
    """Rows for a tree to learn from and to be tested on: the earlier and the later half, of rows with several times."""
    if problem.times is not None and np.ptp(problem.times) > 0:
        return problem.hold_out(np.arange(problem.rows), 0.5, seed)
    return holdout(problem.strata, 0.5, seed)


def _copies(table: Table) -> float:
    """The share of rows that equal another."""
    found = distinct(table, np.zeros(table.rows), order="first")
    return float((found.counts[found.inverse] > 1).mean())


def _skill(column: Column, problem: Problem, learn: Ints, test: Ints) -> float:
    """How well a tree on one column does on rows held out: balanced accuracy above chance, or R²; 0 at least."""
    values = np.nan_to_num(np.asarray(column.values, dtype=np.float64).reshape(-1, 1), nan=-1e30).clip(-1e30, 1e30)
    shape = {"min_samples_leaf": 3, "max_leaf_nodes": 256, "random_state": 0}
    if problem.task == "regression":
        grown = DecisionTreeRegressor(**shape).fit(values[learn], problem.target[learn])
        return max(0.0, float(r2_score(problem.target[test], grown.predict(values[test]))))
    classes = np.intersect1d(problem.target[learn], problem.target[test])
    if len(classes) < 2:
        return 0.0
    tree = DecisionTreeClassifier(**shape).fit(values[learn], problem.target[learn])
    kept = test[np.isin(problem.target[test], classes)]
    right = tree.predict(values[kept]) == problem.target[kept]
    recall = np.mean([right[problem.target[kept] == code].mean() for code in classes])
    return max(0.0, float((recall * len(classes) - 1) / (len(classes) - 1)))
