"""Many fits in one process without growth; threads that change nothing."""

import endurance_growth as growth
import pytest


@pytest.mark.slow
def test_a_few_dozen_fits_leave_nothing_open() -> None:
    found = {each.name: each for each in growth.growth(25)}
    for name in ("open files", "threads", "threads of Python"):
        assert found[name].last <= found[name].first


@pytest.mark.slow
def test_five_hundred_fits_do_not_grow() -> None:
    assert [each for each in growth.growth(500) if each.grows] == []


def test_growth_would_be_seen() -> None:
    leaking = growth._slope("memory", growth.np.arange(400) * 8 + growth.np.random.default_rng(0).normal(size=400) + 99)
    steady = growth._slope("memory", 1000 + growth.np.random.default_rng(0).normal(size=400))
    assert leaking.grows
    assert leaking.slope == pytest.approx(8, abs=0.1)
    assert not steady.grows


@pytest.mark.parametrize("engine", ["compiled", pytest.param("portable", marks=pytest.mark.slow)])
def test_one_thread_and_two_give_the_same(engine: str) -> None:
    """Bit for bit where the compiled engine trains; the portable one sums stacks of other sizes in another order."""
    one, two = growth.threaded(engine, 1, 2), growth.threaded(engine, 0, 2)
    if engine == "compiled":
        assert one == two
    assert growth.np.allclose(one["weights"], two["weights"], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["compiled", "portable"])
def test_threads_in_every_way_they_are_asked_for(engine: str) -> None:
    found = growth.compare_threads(engine)
    assert found["again"]
    assert found["equal"] or engine == "portable"
    assert found["largest"] < 1e-5
