"""A diagnosis of rows in groups: no group is learned from and asked about at once."""

import numpy as np
import pytest
from study_problems import SETTINGS

from goodfit.regularizers import Recipe
from goodfit.studies.diagnosing import diagnose_problem, split_rows
from goodfit.studies.problem import read_problem
from goodfit.studies.subject import Subject


def grouped(groups: int):
    random = np.random.default_rng(0)
    X = random.normal(size=(120, 3))
    return read_problem(X, X[:, 0] + random.normal(size=120) > 0, groups=np.arange(120) % groups)


@pytest.mark.parametrize("groups", [5, 12, 20, 40])
def test_no_network_is_scored_or_watched_on_a_group_that_it_learned_from(groups):
    problem = grouped(groups)
    split = split_rows(problem, 2, seed=0)
    for sample, scored in zip(split.samples, split.scored, strict=True):
        learned, watched, asked = (set(problem.groups[rows]) for rows in (sample.train, sample.held_out, scored))
        assert not learned & (watched | asked)
        assert groups < 20 or not watched & asked
        assert watched
        assert asked


def test_too_few_groups_are_told_and_nothing_fails():
    found = diagnose_problem(grouped(4), Subject(Recipe(), SETTINGS)).diagnosis
    assert found.fired == ()
    assert {verdict.outcome for verdict in found.verdicts} == {"not applicable"}
    assert "4 groups are too few; 5 or more" in str(found.verdicts[0])
