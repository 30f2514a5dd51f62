"""Search: what is proposed, which trials are dropped, what is kept, and the model that comes of it."""

import json
import math
from dataclasses import replace

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_problems import SETTINGS, problem_of

from goodfit.blend import Blend
from goodfit.errors import DamagedFile, InputError
from goodfit.regularizers.ranges import Space
from goodfit.report.searching import summarize_search
from goodfit.saving import model_bytes, read_model
from goodfit.sealed import read_sealed, sealed
from goodfit.studies import fitting
from goodfit.studies.fitting import Plan, splits_of
from goodfit.studies.searching.asking import Proposer, draft_of, parameters_of
from goodfit.studies.searching.batch import train_batch
from goodfit.studies.searching.choices import Choices, Proposal, Shape
from goodfit.studies.searching.choosing import choose
from goodfit.studies.searching.defaults import SPACES, default_choices, first_drafts
from goodfit.studies.searching.extent import Extent, extent
from goodfit.studies.searching.finding import find
from goodfit.studies.searching.halving import halving, mean_best
from goodfit.studies.searching.pace import (
    FIRST,
    LONGEST,
    SAFE,
    SAVED,
    SHARE_OF_ABLATION,
    SHARE_OF_SEARCHING,
    Pace,
)
from goodfit.studies.searching.rooms import Rooms
from goodfit.studies.searching.search import judged, next_batch, search, suiting, work_to_the_end
from goodfit.studies.searching.store import Store, is_barely_begun, is_search, job_of
from goodfit.training import Execution

SPACE = Space.parse("l2=off|1e-5..0.1, dropout=0..0.4, early_stopping=3")
CHOICES = Choices(SPACE, ((8,), ()), (0, 4), (False, True), (16, 32), (1e-3, 1e-2), SETTINGS)


def rooms_of(problem, plan=None) -> Rooms:
    plan = plan or Plan()
    return Rooms(problem, splits_of(problem, plan), plan.standardize, plan.seed)


def searched(problem, seconds=2.0, **more):
    rooms = rooms_of(problem)
    made = {"choices": CHOICES, "proposer": Proposer(CHOICES, 0), "pace": Pace(seconds), "execution": Execution()}
    return rooms, search(rooms, **(made | more))


@pytest.fixture(scope="module")
def problem():
    return problem_of("binary", 120).merged()


@pytest.fixture(scope="module")
def found(problem):
    return searched(problem)


@pytest.fixture(scope="module")
def halved(problem):
    """A batch of eight trials that lost the worse half twice."""
    choices = Choices(SPACE, ((8,),), (0,), (False,), (16,), (1e-3, 1e-2), SETTINGS)
    rooms, asked = rooms_of(problem), Proposer(choices, 0).ask(8)
    settings = asked[0].draft.shape.settings(SETTINGS, 6)
    return train_batch(rooms.of(asked[0].draft.shape), rooms.splits, asked, settings, seed=0, execution=Execution())


def test_a_batch_has_one_shape_and_drafts_within_the_space():
    asked = Proposer(CHOICES, 0).ask(12)
    assert len({p.draft.shape for p in asked}) == 1
    assert len({str(p.draft.recipe) for p in asked}) == 12
    for proposal in asked:
        assert SPACE.values_of(proposal.draft.recipe) is not None
        assert draft_of(_asked(proposal.draft), CHOICES) == proposal.draft


def _asked(draft):
    """All of Optuna's parameters for a draft: those of a technique that is off are asked for too."""
    return {"l2.strength": 1e-5, "dropout.p": 0.0} | parameters_of(draft, CHOICES)


def test_proposals_are_a_function_of_the_seed_and_what_was_told():
    def drafts(seed):
        proposer = Proposer(CHOICES, seed)
        first = proposer.ask(4)
        for proposal in first:
            proposer.tell(proposal.number, float(proposal.number))
        return [p.draft for p in first + proposer.ask(4)]

    assert drafts(0) == drafts(0) != drafts(1)


def test_who_learns_from_trials_proposes_near_the_best_ones():
    choices = Choices(
        Space.parse("l2=1e-6..1, early_stopping=3"), ((8,),), (0,), (False,), (16,), (1e-3, 1e-2), SETTINGS
    )
    proposer = Proposer(choices, 0)

    def distance(proposal):
        return abs(math.log10(proposal.draft.recipe.parts[0].strength) + 3)

    first = proposer.ask(40)
    for proposal in first:
        proposer.tell(proposal.number, distance(proposal))
    assert np.mean([distance(p) for p in proposer.ask(20)]) < 0.7 * np.mean([distance(p) for p in first])


def test_a_study_on_disk_goes_on_and_gives_up_what_was_under_way(tmp_path):
    url = f"sqlite:///{tmp_path / 'trials.db'}"
    first = Proposer(CHOICES, 0, url)
    told, lost = first.ask(2)
    first.tell(told.number, 0.5)
    again = Proposer(CHOICES, 0, url)
    again.catch_up([])
    states = [trial.state.name for trial in again.study.get_trials()]
    assert states == ["COMPLETE", "FAIL"]
    assert again.ask(1)[0].number == lost.number + 1
    assert len(Proposer(CHOICES, 0, url, anew=True).study.get_trials()) == 0


@pytest.mark.parametrize("kind", sorted(SPACES))
def test_every_kind_of_rows_has_a_space_and_recipes_to_begin_with(kind):
    choices = Choices(Space.parse(SPACES[kind]), ((8,),), (0,), (False,), (16,), (1e-3, 1e-2), SETTINGS)
    drafts = first_drafts(kind, choices)
    assert len(drafts) >= 2
    asked = Proposer(choices, 0).ask(len(drafts), drafts)
    for proposal, draft in zip(asked, drafts, strict=True):
        assert choices.space.values_of(proposal.draft.recipe) == pytest.approx(choices.space.values_of(draft.recipe))


def test_halving_drops_the_worse_half_at_each_rung_and_no_one_else():
    runs = np.arange(4).repeat(2)
    drop = halving(runs, max_epochs=6)
    losses = np.array([4.0, 4.0, 1.0, 1.0, 3.0, 3.0, 2.0, 2.0])[:, None]
    assert drop.at == {2, 4}
    assert drop.choose(2, losses).tolist() == [0, 1, 4, 5]
    assert set(drop.choose(4, losses).tolist()) >= {6, 7}
    assert not set(drop.choose(4, losses).tolist()) & {2, 3}


def test_trials_that_still_wait_for_their_turn_are_no_worse_than_others():
    drop = halving(np.arange(6), max_epochs=3)
    losses = np.array([4.0, 1.0, np.nan, 3.0, 2.0, np.nan])[:, None]
    assert drop.choose(1, losses).tolist() == [0, 3]
    assert drop.choose(2, np.array([4.0, 1.0, 0.5, 3.0, 2.0, 7.0])[:, None]).tolist() == [0, 3, 4, 5]


def test_a_trial_is_as_good_as_the_mean_of_its_best_epochs():
    losses = np.array([[3.0, 1.0], [2.0, 5.0], [1.0, np.nan], [np.nan, np.nan]])
    assert mean_best(losses, np.array([0, 0, 1, 1]), 2).tolist() == [1.5, math.inf]


def test_a_long_batch_gets_fewer_trials_and_then_shorter_ones():
    pace = Pace(100.0)
    assert pace.affordable(1.0, 16, 80) == (16, 80)
    pace.learn(work=10.0, seconds=1.0)
    share = LONGEST * SHARE_OF_SEARCHING * 100.0
    assert pace.affordable(share * 10 / 100, 16, 80) == (16, 80)
    trials, epochs = pace.affordable(share, 16, 80)
    assert 10 < trials <= 16
    assert epochs == 80
    trials, epochs = pace.affordable(3 * share, 16, 80)
    assert trials == 5
    assert epochs == 80
    trials, epochs = pace.affordable(10 * share, 16, 80)
    assert (trials, epochs) == (4, 56)  # half of the search for 4 x 0.6 x 10 x 0.3 of it
    trials, epochs = pace.affordable(20 * share, 16, 80)
    assert trials == 4
    assert 20 <= epochs < 56
    whole = SHARE_OF_SEARCHING * 100 * 10 / SAVED  # fills the search
    assert pace.affordable(2 * whole, 16, 80) == (1, 20)  # half of the search has room for a quarter of one
    assert pace.affordable(whole, 16, 80) == (2, 20)
    assert pace.affordable(0.99 * whole / 2, 16, 80)[0] == 4


def test_what_took_long_to_begin_takes_long_to_end():
    """All shares end earlier by what the end will take beyond its own share."""
    short, long = (Pace(100.0, started=-30.0, made=-beginning) for beginning in (3.5, 10.0))
    for pace in (short, long):
        before, clock = [pace.until(share) for share in (SHARE_OF_SEARCHING, SHARE_OF_ABLATION)], [0.0]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("goodfit.studies.searching.pace.time.monotonic", lambda clock=clock: clock[0])
            pace.begin()
            clock[0] = 50.0
            pace.begin()
            reserved = 0.0 if pace is short else 12.0  # twice what it took, but for 8 seconds
            after = [pace.until(share) for share in (SHARE_OF_SEARCHING, SHARE_OF_ABLATION)]
            assert after == pytest.approx([each - reserved for each in before])
            assert pace.left(SHARE_OF_ABLATION) == pytest.approx(after[1] - 50.0)
            pace.learn(work=10.0, seconds=1.0)
            assert pace.within(SHARE_OF_ABLATION, 1.0) == pytest.approx(10 * SAFE * max(0.0, after[1] - 50.0))


@pytest.mark.parametrize(
    ("trials", "offered", "hidden", "pieces"),
    [
        (12.5, (0, 32), (256,), 32),
        (11.5, (0, 32), (8,), 32),
        (0.5, (0, 32), (8,), 32),  # time for 4 trials of 256 units or 14 of 8 without pieces, 8 with them
        (0.1, (0, 32), (8,), 0),  # not for two with pieces
        (11.5, (0,), (8,), 0),
    ],
)
def test_a_shape_too_large_for_the_time_gives_up_width_then_trials_then_pieces(
    problem, trials, offered, hidden, pieces
):
    choices = replace(CHOICES, hidden=((8,), (256,)), pieces=offered)
    rooms, asked = rooms_of(problem), Shape((256,), offered[-1], False, 16)
    rate = trials * work_to_the_end(asked, rooms, choices) * SAVED / SHARE_OF_SEARCHING
    assert suiting(asked, rooms, choices, Pace(1.0, rate=rate)) == replace(asked, hidden=hidden, pieces=pieces)


def test_what_fits_into_the_rest_of_the_time_is_planned_with_a_margin():
    pace = Pace(100.0, spent=80.0, rate=10.0, timed=True)
    assert pace.within(0.9, work=1.0) == pytest.approx(80.0, rel=0.01)  # 8 of the 10 seconds left, at 10 a second
    assert pace.within(0.5, work=1.0) == 0


@pytest.mark.parametrize(
    ("possible", "expected"),
    [
        (1e6, Extent(5, 60, True)),
        (16 * 5 * 40, Extent(5, 40, True)),
        (16 * 5 * 12, Extent(2, 30, True)),  # a few folds at half the winner's length before many folds at a fifth
        (16 * 2 * 4, Extent(2, 4, True)),
        (16 * 2 * 4 - 1, Extent(2, 31, False)),
        (0, Extent(2, 1, False)),
    ],
)
def test_a_short_ablation_gives_up_folds_then_epochs_then_its_questions(possible, expected):
    assert extent(possible, variants=16, folds=5, epochs=60) == expected


@given(st.floats(0, 1e6), st.integers(2, 30), st.integers(1, 10), st.integers(1, 300))
def test_an_ablation_fits_into_its_time_but_for_the_least_there_is(possible, variants, folds, epochs):
    found = extent(possible, variants=variants, folds=folds, epochs=epochs)
    assert 1 <= found.epochs <= epochs
    assert min(2, folds) <= found.folds <= folds
    least = found.epochs == 1 and not found.techniques
    assert (variants if found.techniques else 2) * found.folds * found.epochs <= possible or least


def test_an_ablation_trains_as_long_as_its_clock_allows(problem, monkeypatch):
    monkeypatch.setattr(Pace, "within", lambda *_: 1.0)
    found = find(problem, CHOICES, plan=Plan(), pace=Pace(2.0), execution=Execution())
    assert found.ablation.fit.settings.max_epochs == 1
    assert [variant.kind for variant in found.ablation.variants] == ["none", "all"]
    assert not found.ablation.asked
    assert summarize_search(found)["search"]["sentences"] == [
        "there was no time to ask what each technique does: a larger budget tells"
    ]


def test_an_ablation_takes_the_encodings_of_the_search(problem, monkeypatch):
    def anew(*given, **named):
        raise AssertionError("the rows were encoded again")

    monkeypatch.setattr(fitting, "prepare", anew)
    found = find(problem, CHOICES, plan=Plan(), pace=Pace(2.0), execution=Execution())
    assert found.ablation.variants


def test_time_used_before_an_interruption_counts():
    assert Pace(100.0, spent=60.0).until(1.0) - Pace(100.0).until(1.0) == pytest.approx(-60.0, abs=0.1)


def test_a_search_trains_until_its_time_is_used_and_hands_out_whole_trials(found, problem):
    _, batches = found
    assert len(batches) > 1
    trials = [trial for batch in batches for trial in batch.trials]
    assert [trial.number for trial in trials] == sorted({trial.number for trial in trials})
    for trial in (trial for trial in trials if trial.usable):
        assert len(trial.results) == 5
        assert np.isfinite(trial.predicted).all()
        assert trial.predicted.shape == (problem.rows, 2)


def test_the_worse_trials_of_a_batch_are_dropped_and_can_be_no_part_of_a_model(halved, problem):
    usable = [trial for trial in halved.trials if trial.usable]
    dropped = [trial for trial in halved.trials if not trial.usable]
    assert len(usable) == 2
    assert len(dropped) == 6
    assert max(trial.epochs for trial in dropped) < max(trial.epochs for trial in usable)
    for trial in dropped:
        assert (trial.results, trial.predicted, trial.model) == ((), None, None)
        assert math.isfinite(trial.loss)


def test_the_first_batches_try_well_tried_recipes_on_numbers_as_they_are_then_cut_off(problem):
    choices = default_choices(problem)
    rooms, proposer, pace = rooms_of(problem), Proposer(choices, 0), Pace(1000.0)
    known = first_drafts("table", choices)
    batches = [next_batch(rooms, choices, proposer, pace, done=done)[0] for done in range(3)]
    for batch in batches[:2]:
        assert [p.draft.recipe for p in batch[: len(known)]] == [draft.recipe for draft in known]
        assert {p.draft.shape for p in batch} == {known[0].shape}
    assert batches[2][0].draft.recipe == known[0].recipe
    assert [p.draft.shape.cut for p in batches[2]] == [True] * len(batches[2])


@pytest.mark.parametrize(
    ("seconds", "trials", "epochs", "hidden", "pieces"),
    [
        (1e4, 4, 10, (256,), 32),
        (40 * 4, 4, 10, (256,), 32),
        (6 * 4, 4, 6, (256,), 32),
        (3 * 4, 3, 4, (256,), 32),
        (1 * 7, 1, 7, (256,), 32),
        (0.9 * 4, 4, 10, (8,), 8),  # of the smallest in pieces
        (0.01, 1, 4, (8,), 8),
    ],
)
def test_the_first_batch_tries_as_much_as_a_tenth_of_the_time_holds(problem, seconds, trials, epochs, hidden, pieces):
    """In epochs of one trial of the well-tried shape."""
    choices = replace(
        default_choices(problem), hidden=((256,), (8,)), pieces=(0, 8, 32), base=replace(SETTINGS, max_epochs=20)
    )
    known, rooms = first_drafts("table", choices), rooms_of(problem)
    rate = work_to_the_end(known[0].shape, rooms, choices) / 20 / FIRST
    asked, found = next_batch(rooms, choices, Proposer(choices, 0), Pace(seconds, rate=rate), done=0)
    assert [p.draft.recipe for p in asked] == [draft.recipe for draft in known[:trials]]
    assert {(p.draft.shape.hidden, p.draft.shape.pieces) for p in asked} == {(hidden, pieces)}
    assert found == epochs


def test_without_time_the_first_batch_is_small_where_nothing_well_tried_is_in_the_space_either(problem):
    choices = replace(CHOICES, hidden=((256,), (8,)), pieces=(0, 8, 32))
    proposer = Proposer(choices, 0)
    asked, _ = next_batch(rooms_of(problem), choices, proposer, Pace(1e-3), done=0)
    assert [(p.draft.shape.hidden, p.draft.shape.pieces) for p in asked] == [((8,), 8)]
    assert [trial.state.name for trial in proposer.study.get_trials()] == ["FAIL", "RUNNING"]


def test_without_time_a_single_batch_is_trained(problem):
    _, batches = searched(problem, seconds=1e-3)
    assert len(batches) == 1
    assert any(trial.usable for trial in batches[0].trials)


def test_an_interrupted_search_goes_on_with_the_same_networks(problem, tmp_path):
    job = job_of(problem, CHOICES, Plan())
    store = Store(tmp_path / "search", job)
    written = []

    def interrupt(batch):
        store.keep(batch)
        written.append(batch)
        if len(written) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(problem, 60.0, proposer=Proposer(CHOICES, 0, store.url), on_batch=interrupt)
    again = Store(tmp_path / "search", job)
    rooms = rooms_of(problem)
    known = again.batches(rooms)
    assert len(known) == 2
    for batch, old in zip(known, written, strict=True):
        for trial, same in zip(batch.trials, old.trials, strict=True):
            assert (trial.number, trial.draft, trial.epochs) == (same.number, same.draft, same.epochs)
            assert len(trial.results) == len(same.results)
            if same.predicted is not None:
                np.testing.assert_array_equal(trial.predicted, same.predicted)
    proposer = Proposer(CHOICES, 0, again.url)
    proposer.catch_up([(Proposal(t.number, t.draft), t.loss) for batch in known for t in batch.trials])
    complete = proposer.study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert len(complete) == sum(math.isfinite(trial.loss) for batch in known for trial in batch.trials)


def test_a_folder_that_a_search_was_killed_in_early_is_its_own(tmp_path):
    """Between the making of the folder and of the first file: the same command must go on there."""
    folder = tmp_path / "search"
    assert not is_barely_begun(folder)
    folder.mkdir()
    assert is_barely_begun(folder)
    (folder / ".name.txt.new").touch()
    assert is_barely_begun(folder)
    assert not is_search(folder)
    (folder / "notes.txt").touch()
    assert not is_barely_begun(folder)
    Store(folder, "job", "postgresql://host/name").study  # noqa: B018  which draws a name
    assert is_search(folder)


def test_a_store_knows_its_own_job_and_goes_on_without_a_damaged_file(found, problem, tmp_path):
    rooms, batches = found
    store = Store(tmp_path, "one")
    for batch in (*batches[:2], batches[0]):
        store.keep(batch)
    assert len(Store(tmp_path, "one").batches(rooms)) == 3
    assert Store(tmp_path, "other").batches(rooms) == []
    file = tmp_path / "batch-0001.safetensors"
    content = file.read_bytes()
    for place in (8, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        again = Store(tmp_path, "one")
        with pytest.warns(DamagedFile, match=r"batch-0001.safetensors is damaged.*goes on without its trials"):
            known = again.batches(rooms)
        assert [len(batch.trials) for batch in known] == 2 * [len(batches[0].trials)]
        assert again.written == 3
    told = json.loads(read_sealed(tmp_path / "batch-0000.safetensors")[0]["batch"])
    for changed in ({}, told | {"trials": 5}, told | {"settings": told["settings"] | {"hidden": [10**9]}}):
        arrays = read_sealed(tmp_path / "batch-0000.safetensors")[1]
        file.write_bytes(sealed(arrays, {"job": "one", "batch": json.dumps(changed)}))
        with pytest.warns(DamagedFile):
            assert len(Store(tmp_path, "one").batches(rooms)) == 2
    store.clear()
    assert not list(tmp_path.glob("*.safetensors"))


def test_the_job_is_another_with_other_rows_choices_or_seed(problem):
    jobs = {
        job_of(problem, CHOICES, Plan()),
        job_of(problem.take(np.arange(100)), CHOICES, Plan()),
        job_of(problem, default_choices(problem), Plan()),
        job_of(problem, CHOICES, Plan(seed=1)),
        job_of(replace(problem, times=np.arange(problem.rows) * 1.0), CHOICES, Plan()),
    }
    assert len(jobs) == 5


def test_the_model_is_no_worse_on_held_out_rows_than_the_best_trial(found, problem):
    rooms, batches = found
    chosen = choose(rooms, batches)
    best = min(trial.loss for batch in batches for trial in batch.trials if trial.usable)
    truth = chosen.predicted[np.arange(problem.rows), problem.target[chosen.rows]]
    assert -np.log(truth).mean() <= best + 1e-6
    assert chosen.corrected.estimate.value >= chosen.corrected.naive - 1e-12
    assert len(chosen.model.members) <= 32
    assert sum(pick.count for pick in chosen.picks) == sum(chosen.model.counts)


@pytest.mark.parametrize("networks", [1, 2, 5])
def test_a_model_has_no_more_networks_than_asked_for(found, networks):
    chosen = choose(*found, networks)
    assert len(chosen.model.members) == networks


def test_a_blend_is_the_weighted_mean_of_its_models_and_comes_back_bit_for_bit(found, problem, tmp_path):
    rooms, batches = found
    models = choose(rooms, batches).model.models
    other = next(
        choose(rooms, [batch], 5).model.models[0]
        for batch in batches
        if any(trial.usable for trial in batch.trials) and batch is not batches[0]
    )
    blend = Blend((models[0], other), (3, 1))
    expected = 0.75 * models[0].predict(problem.table) + 0.25 * other.predict(problem.table)
    np.testing.assert_allclose(blend.predict(problem.table), expected, rtol=1e-12)
    tempered = Blend((models[0], other), (3, 1), 1.7)
    assert not np.allclose(tempered.predict(problem.table), expected, rtol=1e-3)
    path = tmp_path / "blend.safetensors"
    path.write_bytes(model_bytes(tempered))
    np.testing.assert_array_equal(read_model(path).predict(problem.table), tempered.predict(problem.table))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_find_brings_a_model_an_ablation_and_baselines(task):
    problem = problem_of(task, 120).merged()
    found = find(problem, CHOICES, plan=Plan(), pace=Pace(3.0), execution=Execution())
    predicted = found.chosen.model.predict(problem.table)
    assert predicted.shape == (problem.rows, max(len(problem.classes), 1))
    assert np.isfinite(predicted).all()
    assert {effect.technique for effect in found.ablation.effects} <= {"l2", "dropout", "early_stopping"}
    assert found.ablation.fit.best.recipe == found.chosen.picks[0].trial.draft.recipe
    assert len(found.baselines) == 3


def test_a_metric_decides_which_trials_are_best(problem, halved):
    rooms, batches = rooms_of(problem), [halved]
    judged_by = Rooms(rooms.problem, rooms.splits, True, 0, "roc_auc")
    trials = [trial for batch in batches for trial in batch.trials if trial.usable]
    by_metric = min(trials, key=lambda trial: judged(trial, judged_by))
    assert -1 <= judged(by_metric, judged_by) < -0.5
    assert choose(judged_by, batches, 1).picks[0].trial is by_metric
    dropped = next(trial for trial in halved.trials if not trial.usable)
    assert math.isnan(judged(dropped, judged_by))
    with pytest.raises(InputError, match="metric is 'beauty'"):
        find(problem, CHOICES, plan=Plan(metric="beauty"), pace=Pace(1.0), execution=Execution())


def test_doses_of_augmentation_are_searched_as_any(problem, tmp_path):
    """Each dose of SMOTE has encodings of its own, which come back with the networks that learned from them."""
    choices = Choices(
        Space.parse("smote=off|0.5..1, early_stopping=3"), ((8,),), (0,), (False,), (16,), (1e-2, 1e-2), SETTINGS
    )
    store = Store(tmp_path, "smote")
    rooms, batches = searched(problem, choices=choices, proposer=Proposer(choices, 0), on_batch=store.keep)
    trials = [trial for batch in batches for trial in batch.trials]
    made = next(trial for trial in trials if trial.usable and "smote" in str(trial.draft.recipe))
    assert all(len(result.run.added) for result in made.results)
    again = [trial for batch in store.batches(rooms) for trial in batch.trials]
    same = next(trial for trial in again if trial.number == made.number)
    np.testing.assert_array_equal(same.predicted, made.predicted)
    assert np.isfinite(choose(rooms, batches).model.predict(problem.table)).all()


def test_shapes_are_told_apart():
    assert Shape((8,), 0, False, 16) < Shape((8,), 4, False, 16)
