"""kill -9 at random moments of a fit's life, and the same command again: as if it had never happened.

The short form, at one moment that is chosen, stands in test_journey_resume.py.
"""

from pathlib import Path

import endurance_kills as kills
import pytest

pytestmark = pytest.mark.skipif(not hasattr(__import__("signal"), "SIGKILL"), reason="no kill -9 on this system")


@pytest.mark.slow
def test_killed_at_a_few_random_moments(tmp_path: Path) -> None:
    tally = kills.kill_fits(tmp_path, 2, seed=1)
    assert (tally.wrong, tally.kills) == ([], 2)


@pytest.mark.slow
def test_killed_at_a_hundred_random_moments(tmp_path: Path) -> None:
    tally = kills.kill_fits(tmp_path, 100)
    assert (tally.wrong, tally.kills) == ([], 100)
    assert len(tally.found) >= 3


@pytest.mark.slow
def test_a_search_killed_at_random_moments_keeps_its_batches(tmp_path: Path) -> None:
    tally = kills.kill_searches(tmp_path, 40)
    assert (tally.wrong, tally.kills) == ([], 40)
    assert tally.found["in a search, with batches"] > 5


def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"created": "2026-01-01T00:00:00+00:00", "loss": 1}')
    one = kills.timeless(kills.files_of(tmp_path))
    (tmp_path / "run.json").write_text('{"created": "2026-01-01T09:00:00+00:00", "loss": 1}')
    assert kills.timeless(kills.files_of(tmp_path)) == one
    (tmp_path / "run.json").write_text('{"created": "2026-01-01T09:00:00+00:00", "loss": 2}')
    assert kills.timeless(kills.files_of(tmp_path)) != one
