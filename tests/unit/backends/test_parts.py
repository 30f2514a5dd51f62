"""Groups of runs: how many, how far, and how much of the time each gets."""

import math

import pytest

from goodfit.backends.parts import Part, cut, progress_of, seconds_until, share_of
from goodfit.training import Progress


@pytest.mark.parametrize(("runs", "count", "sizes"), [(7, 3, [2, 2, 3]), (2, 5, [1, 1]), (5, 1, [5]), (3, 0, [3])])
def test_runs_are_cut_into_groups_of_neighbours(runs, count, sizes):
    parts = cut(list(range(10, 10 + runs)), count)
    assert [len(part.places) for part in parts] == sizes
    assert [place for part in parts for place in part.places] == list(range(10, 10 + runs))


def test_those_who_wait_get_their_share_of_the_time():
    assert share_of(12.0, waiting=8, tasks=2) == 3.0
    assert share_of(12.0, waiting=2, tasks=2) == 12.0
    assert share_of(12.0, waiting=1, tasks=0) == 12.0


def test_without_a_deadline_there_is_always_time():
    assert seconds_until(math.inf) == math.inf
    assert seconds_until(-1.0) == 0.0


def test_a_group_that_fails_begins_anew_without_those_that_have_ended():
    part = Part([4, 5, 6, 7], state="somewhere")
    part.end([5])
    assert (part.going, part.dropped) == ([4, 6, 7], [5])
    part.going = [4, 7]
    part.fail("its node died")
    assert (part.places, part.dropped, part.state, part.lost) == ([4, 7], [], None, False)
    part.fail("its node died")
    part.fail("its process died")
    assert part.lost
    assert part.why == "its process died"


def test_progress_is_that_of_all_groups():
    parts = cut(range(6), 3)
    assert progress_of(parts, 10, members=8, done=2) == Progress(0, 30, 6, 8)
    parts[0].going = []
    parts[1].progress = Progress(4, 10, 1, 2)
    assert progress_of(parts, 10, members=8, done=2) == Progress(14, 30, 3, 8)
    parts[1].progress = Progress(15, 20, 1, 2)  # of two turns
    assert progress_of(parts, 10, members=8, done=2).epoch == 18
