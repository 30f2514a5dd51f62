import math
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goodfit.rng import Draw, Purpose, Streams, derive, mix

COUNT = 200_000
LIKELY = 1e-4
"""Seeds are fixed, so a test that passes passes always; a p-value below this is a defect, not bad luck."""


def at(seed=0, purpose=Purpose.DROPOUT, *, place=0, step=0):
    return Streams.of([seed]).at(purpose, place=place, step=step)


def words(count=COUNT, **address):
    return at(**address).bits(count)[0].numpy()


def uniforms(count=COUNT, **address):
    return at(**address).uniform(count)[0].double().numpy()


def assert_uniform(counts):
    assert stats.chisquare(counts).pvalue > LIKELY


def assert_independent(one, other, cells=16):
    """By a chi-square test of pairs, and by the correlation of their order."""
    table, _, _ = np.histogram2d(one, other, bins=cells, range=[[0, 1], [0, 1]])
    assert_uniform(table.ravel())
    assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / math.sqrt(len(one))


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 3])
def test_every_bit_and_byte_is_uniform(seed):
    drawn = words(seed=seed).view(np.uint32)
    for bit in range(32):
        ones = int(((drawn >> bit) & 1).sum())
        assert stats.binomtest(ones, COUNT, 0.5).pvalue > LIKELY
    for byte in range(4):
        assert_uniform(np.bincount((drawn >> (8 * byte)) & 255, minlength=256))


@pytest.mark.parametrize("across", ["members", "steps", "places"])
def test_the_first_word_is_uniform_across_addresses(across):
    """Not only along the index: the first word of many members, of many steps, of many places."""
    if across == "members":
        drawn = Streams.of(list(range(20_000))).at(Purpose.DROPOUT).uniform(1)[:, 0].numpy()
    else:
        drawn = np.array([at(**{across[:-1]: i}).uniform(1).item() for i in range(20_000)])
    assert_uniform(np.histogram(drawn, bins=200, range=(0, 1))[0])
    assert_independent(drawn[1:].astype(float), drawn[:-1].astype(float), cells=8)


OTHERS = {
    "next step": {"step": 8},
    "step after": {"step": 9},
    "a far step": {"step": 7 + 2**20},
    "next place": {"place": 4},
    "place and step": {"place": 4, "step": 8},
    "place for step": {"place": 4, "step": 6},
    "next seed": {"seed": 6},
    "seed with one bit more": {"seed": 5 + 2**63},
    "another purpose": {"purpose": Purpose.NOISE},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_neighbouring_addresses_are_independent(change):
    here = {"seed": 5, "purpose": Purpose.DROPOUT, "place": 3, "step": 7}
    one, other = uniforms(**here), uniforms(**{**here, **change})
    for lag in (0, 1, 2, 6, 64):
        assert_independent(one[lag:], other[: COUNT - lag])
    bits = np.unpackbits((words(**here) ^ words(**{**here, **change})).view(np.uint8))
    assert stats.binomtest(int(bits.sum()), len(bits), 0.5).pvalue > LIKELY
    assert len(np.intersect1d(words(50_000, **here), words(50_000, **{**here, **change}))) < 10


@pytest.mark.parametrize("bit", [0, 15, 31])
def test_a_bit_of_a_key_makes_an_independent_stream(bit):
    one, other = Draw(torch.tensor([0x123456789ABCDEF, 0x123456789ABCDEF ^ (1 << bit)])).uniform(COUNT).double().numpy()
    assert_independent(one, other)


@pytest.mark.parametrize("bit", [32, 47, 62])
def test_a_high_bit_of_a_key_makes_another_stream(bit):
    one, other = Draw(torch.tensor([0x123456789ABCDEF, 0x123456789ABCDEF ^ (1 << bit)])).bits(COUNT)
    assert (one == other).sum() < 10


def test_no_two_addresses_of_a_member_share_their_low_words():
    """Streams are made apart by the low half of their keys above all: 100,000 steps, eight places, each purpose."""
    start = at(step=0).keys
    stride = at(step=1).keys - start
    firsts = torch.cat([at(purpose=purpose, place=place).keys for purpose in Purpose for place in range(8)])
    keys = firsts[:, None] + stride * torch.arange(100_000)
    assert torch.equal(keys[0, 77:78], at(purpose=Purpose.WEIGHTS, step=77).keys)
    assert len((keys & 0xFFFFFFFF).unique()) == keys.numel()


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 8, 16, 256, 1024])
def test_neighbouring_words_are_independent(lag):
    drawn = uniforms()
    assert_independent(drawn[lag:], drawn[:-lag])


def test_triples_fill_the_cube():
    cells = (uniforms(3 * 60_000, seed=3).reshape(-1, 3) * 8).astype(int)
    assert_uniform(np.bincount(cells @ [64, 8, 1], minlength=512))


def test_words_are_rarely_the_same():
    """Of n words about n^2 / 2^33 pairs are equal: were it a permutation or a short cycle, none or many."""
    n = 400_000
    drawn = np.concatenate([words(n // 4, step=step) for step in range(4)])
    pairs = n - len(np.unique(drawn))
    assert stats.poisson(n**2 / 2**33).interval(1 - LIKELY)[0] <= pairs <= stats.poisson(n**2 / 2**33).isf(LIKELY)


class Extreme(Draw):
    def bits(self, count):
        return torch.tensor([[-(2**31), -1, 0, 2**31 - 1]], dtype=torch.int32)


def test_uniform_numbers_leave_both_ends_out():
    extremes = Extreme(torch.zeros(1, dtype=torch.int64)).uniform(4)
    assert extremes.dtype == torch.float32
    assert 0.0 < extremes.min() <= 2.0**-23
    assert 1.0 - 2.0**-23 <= extremes.max() < 1.0
    assert stats.kstest(uniforms(), "uniform").pvalue > LIKELY


def test_uniform_numbers_are_evenly_spaced():
    """Their middle is 1/2 to the last bit: rounding takes no side."""
    grid = (torch.arange(-(2**31), 2**31, 2**20, dtype=torch.int64)).to(torch.int32)[None]

    class Grid(Draw):
        def bits(self, count):
            return grid

    numbers = Grid(torch.zeros(1, dtype=torch.int64)).uniform(4096).double()
    assert len(numbers.unique()) == 4096
    assert numbers.mean().item() == pytest.approx(0.5 - 2.0**-13 + 2.0**-24, abs=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_normal_numbers(seed):
    drawn = at(seed, Purpose.NOISE).normal(COUNT)[0].double().numpy()
    assert stats.kstest(drawn, "norm").pvalue > LIKELY
    for moment, (value, variance) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96), (0, 945)], 1):
        assert abs((drawn**moment).mean() - value) < 4.5 * math.sqrt(variance / COUNT)
    for lag in (1, 63, 64, 65, 128):
        assert abs(np.corrcoef(drawn[lag:], drawn[:-lag])[0, 1]) < 4.5 / math.sqrt(COUNT)
        assert abs(np.corrcoef(drawn[lag:] ** 2, drawn[:-lag] ** 2)[0, 1]) < 4.5 / math.sqrt(COUNT)


@pytest.mark.parametrize("count", [0, 1, 2, 127, 128, 129])
def test_any_count_of_any_kind(count):
    draw = Streams.of([1, 2, 3]).at(Purpose.NOISE)
    for numbers in (draw.bits(count), draw.uniform(count), draw.normal(count), draw.order(count)):
        assert numbers.shape == (3, count)
    assert draw.normal(count).isfinite().all()


def test_extreme_words_make_finite_normal_numbers():
    class Ends(Draw):
        def bits(self, count):
            return torch.tensor([-(2**31), -1, 0, 2**31 - 1], dtype=torch.int32).repeat(len(self.keys), count // 4)

    assert Ends(torch.zeros(1, dtype=torch.int64)).normal(128).isfinite().all()


@given(seed=st.integers(), count=st.integers(1, 300))
@settings(deadline=None)
def test_an_order_is_a_permutation(seed, count):
    assert sorted(at(seed, Purpose.ORDER).order(count)[0].tolist()) == list(range(count))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_orders_are_uniform(n):
    """All permutations of n come as often, over members and over the epochs of one member."""
    ranks = {p: i for i, p in enumerate(permutations(range(n)))}
    many = Streams.of(list(range(24_000))).at(Purpose.ORDER).order(n).tolist()
    epochs = [at(0, Purpose.ORDER, step=step).order(n)[0].tolist() for step in range(6000)]
    for orders in (many, epochs):
        assert_uniform(np.bincount([ranks[tuple(o)] for o in orders], minlength=len(ranks)))


@given(seed=st.integers(), own=st.lists(st.integers(0, 40), min_size=1, max_size=5), more=st.integers(0, 20))
@settings(deadline=None)
def test_an_order_of_the_own_ones_is_as_if_there_were_no_others(seed, own, more):
    count = max(own) + more
    orders = Streams.of([seed] * len(own)).at(Purpose.ORDER).order(count, torch.tensor(own))
    for order, n in zip(orders, own, strict=True):
        assert torch.equal(order[:n], at(seed, Purpose.ORDER).order(n)[0])
        assert order[n:].tolist() == list(range(n, count))


def test_ties_are_broken_by_index():
    class Same(Draw):
        def bits(self, count):
            return torch.full((1, count), 2**31 - 1, dtype=torch.int32)

    assert Same(torch.zeros(1, dtype=torch.int64)).order(5, torch.tensor([3])).tolist() == [[0, 1, 2, 3, 4]]


def test_asking_twice_gives_the_same_numbers():
    draw = at()
    for ask in (draw.bits, draw.uniform, draw.normal, draw.order):
        assert torch.equal(ask(50), ask(50))


def test_seeds_are_any_integers_modulo_2_to_the_64():
    assert torch.equal(Streams.of([-1]).base, Streams.of([2**64 - 1]).base)
    assert len(Streams.of(list(range(-500, 500))).base.unique()) == 1000


def test_mix_is_a_permutation_that_spreads_every_bit():
    """Flipping one bit of the input flips each bit of the output half of the time."""
    flips = np.zeros((64, 64))
    for value in range(300):
        for bit in range(64):
            change = mix(value * 0x123456789) ^ mix((value * 0x123456789) ^ (1 << bit))
            flips[bit] += [(change >> i) & 1 for i in range(64)]
    worst = max(flips.max(), 300 - flips.min())
    assert stats.binom(300, 0.5).sf(worst) * 2 * 64**2 > LIKELY
    assert len({mix(value) for value in range(10_000)}) == 10_000


@given(seed=st.integers(), path=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4))
@settings(deadline=None)
def test_a_derived_seed_is_a_function_of_the_whole_path(seed, path):
    derived = derive(seed, *path)
    assert 0 <= derived < 2**63
    assert derived == derive(seed, *path)
    assert derived != derive(seed + 1, *path)
    assert derived != derive(seed, *path, 0)
    assert derived != derive(seed, *path[:-1], path[-1] + 1)
    assert derived != derive(seed, *path[:-1])
    assert path == path[::-1] or derived != derive(seed, *path[::-1])


def test_derived_seeds_of_a_plan_are_all_different():
    seeds = {derive(0, repeat, fold) for repeat in range(300) for fold in range(300)}
    assert len(seeds) == 90_000


def test_more_than_neighbours_come_block_by_block(monkeypatch):
    """Blocks in random order, each whole and in random order itself; fewer are one block, as if there were none."""
    whole = at(3, Purpose.ORDER).order(10)
    monkeypatch.setattr("goodfit.rng._BITS", 3)
    monkeypatch.setattr("goodfit.rng.NEIGHBOURS", 8)
    order = at(3, Purpose.ORDER).order(70)[0]
    assert sorted(order.tolist()) == list(range(70))
    blocks = [int(b) for b in dict.fromkeys((order // 8).tolist())]
    assert sorted(blocks) == list(range(9))
    assert blocks != sorted(blocks)
    assert len([1 for a, b in zip((order // 8).tolist(), (order // 8).tolist()[1:], strict=False) if a != b]) == 8
    assert torch.equal(at(3, Purpose.ORDER).order(8)[0], whole[0][whole[0] < 8]), "the same words sort a block"
    own = Streams.of([3, 3]).at(Purpose.ORDER).order(75, torch.tensor([70, 20]))
    assert torch.equal(own[0, :70], order)
    assert torch.equal(own[1, :20], at(3, Purpose.ORDER).order(20)[0])
    assert own[1, 20:].tolist() == list(range(20, 75))


def test_orders_of_blocks_are_uniform(monkeypatch):
    monkeypatch.setattr("goodfit.rng._BITS", 1)
    monkeypatch.setattr("goodfit.rng.NEIGHBOURS", 2)
    drawn = Streams.of(list(range(24_000))).at(Purpose.ORDER).order(4).tolist()
    found = {tuple(o): drawn.count(o) for o in [list(p) for p in permutations(range(4))]}
    assert_uniform([count for count in found.values() if count])
    assert sum(count > 0 for count in found.values()) == 8, "2 orders of the blocks, and 2 within each"
