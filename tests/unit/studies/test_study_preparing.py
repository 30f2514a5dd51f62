"""What runs see: the numbers of rows, variants and synthetic rows, their inputs, targets and weights, view by view."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from study_problems import TASKS, frame_of, problem_of, recipes, target_of

from goodfit.data.encoder import fit_encoder
from goodfit.data.media import picture_table, sound_table, text_table
from goodfit.data.schema import Schema
from goodfit.data.table import Table
from goodfit.data.target import fit_target_scale
from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.studies import preparing
from goodfit.studies.enlarging import VARIANTS
from goodfit.studies.preparing import EVERY, Prepared, prepare
from goodfit.studies.problem import Problem, read_problem

ROWS = 90
TRAINS = [np.arange(70), np.arange(20, 90), np.arange(0, 90, 2)]
NONE = np.empty(0, np.int64)
WAYS = recipes("none", "smote=1 neighbors=3", "l2=0.1, smote=0.8 neighbors=3", "l2=0.1")
CLASSES = pytest.mark.parametrize("task", ["binary", "multiclass"])
WORDS = ["good", "bad", "long", "dull", "film", "movie", "plot", "house", "bought", "cheap", "car"]


def weighted(problem: Problem) -> Problem:
    return replace(problem, weights=1.0 + np.arange(problem.rows) % 4)


def enlarged(task, **changes) -> Prepared:
    return prepare(weighted(problem_of(task, ROWS)), TRAINS, WAYS, **changes)


def run_of(prepared: Prepared, text: str, place: int = 0, **changes):
    return prepared.run(recipes(text)[0], place, NONE, seed=0, learning_rate=0.1, **changes)


def texts_of(rows: int = ROWS, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 8)) + f" no{i}" for i in range(rows)]


def text_problem(rows: int = ROWS) -> Problem:
    return read_problem(text_table(texts_of(rows)), np.arange(rows) % 3)


# -- views ------------------------------------------------------------------------------------------------------------


@CLASSES
def test_there_is_a_view_for_each_way_to_enlarge_each_set_of_training_rows(task):
    prepared = enlarged(task)
    ways = recipes("none", "smote=1 neighbors=3", "smote=0.8 neighbors=3")
    assert [(view.way, view.place) for view in prepared.views] == [(way, place) for way in ways for place in range(3)]
    assert prepared.data.inputs.shape[0] == prepared.data.targets.shape[0] == 9
    for text, way in (("none", 0), ("l2=0.1", 0), ("smote=1 neighbors=3", 1), ("l2=0.1, smote=0.8 neighbors=3", 2)):
        for place in range(3):
            run = run_of(prepared, text, place)
            assert run.view == 3 * way + place
            np.testing.assert_array_equal(run.train, TRAINS[place])
            assert str(run.recipe) == text


def test_what_acts_in_training_or_is_neutral_needs_no_view_of_its_own():
    ways = recipes("none", "dropout=0.3", "smote=0, l2=0.1", "column_dropout=0.1", "mixup=0.2")
    assert len(prepare(problem_of("binary"), TRAINS, ways).views) == len(TRAINS)
    assert len(prepare(problem_of("binary"), TRAINS).views) == len(TRAINS)


@pytest.mark.parametrize("kind", ["image", "sound"])
def test_pictures_and_sounds_with_classes_have_one_view(kind):
    random = np.random.default_rng(0)
    pixels, levels = random.integers(0, 255, (ROWS, 6, 6), dtype=np.uint8), random.uniform(-80, 0, (ROWS, 8, 9))
    table = picture_table(pixels) if kind == "image" else sound_table(levels)
    prepared = prepare(read_problem(table, np.arange(ROWS) % 2), TRAINS, recipes("none", "erasing=0.5", "mixup=0.2"))
    assert [view.place for view in prepared.views] == [EVERY]
    assert prepared.data.form.kind == kind
    assert [run_of(prepared, "erasing=0.5", place).view for place in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("standardize", [True, False])
def test_pictures_with_numbers_learn_their_scale_from_training_rows_alone(standardize):
    random = np.random.default_rng(0)
    table, target = picture_table(random.integers(0, 255, (ROWS, 4, 4), dtype=np.uint8)), random.normal(5, 9, ROWS)
    target[:20] += 1e6  # not among the training rows of the second set
    prepared = prepare(read_problem(table, target, task="regression"), TRAINS, standardize=standardize)
    for place, train in enumerate(TRAINS):
        run = run_of(prepared, "none", place)
        expected = fit_target_scale(target[train]) if standardize else fit_target_scale(np.array([-1.0, 1.0]))
        found = prepared.scales[run.view]
        assert (found.center, found.scale) == (expected.center, expected.scale)
        np.testing.assert_allclose(prepared.data.targets[run.view, :ROWS, 0], expected.forward(target), rtol=1e-6)


# -- pieces of numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("standardize", [True, False])
def test_pieces_are_learned_from_the_training_rows_of_each_view(task, standardize):
    problem = weighted(problem_of(task, ROWS))
    schema = Schema.of(problem.table, 7)
    prepared = prepare(problem, TRAINS, schema=schema, standardize=standardize)
    assert prepared.data.inputs.shape == (3, ROWS, 3 * 8 + 1 + 4)
    assert prepared.data.form.columns == schema.input_columns == (*[0] * 8, *[1] * 8, *[2] * 9, *[3] * 4)
    plain = prepare(problem, TRAINS, standardize=standardize)
    beside = [i for i, name in enumerate(schema.input_names) if name in Schema.of(problem.table).input_names]
    assert torch.equal(prepared.data.inputs[..., beside], plain.data.inputs)
    for place, train in enumerate(TRAINS):
        encoder = fit_encoder(problem.table, schema, train, problem.weights, standardize=standardize)
        np.testing.assert_array_equal(prepared.data.inputs[place], encoder.transform(problem.table))
        own, weights = prepared.data.inputs[place, train].double().numpy(), problem.weights[train]
        for start in (1, 9, 17):
            np.testing.assert_allclose(weights @ own[:, start : start + 7] / weights.sum(), 0, atol=1e-6)
        assert not own[own[:, 24] == 1, 17:24].any()
    assert not torch.equal(prepared.data.inputs[0, :, 1:8], prepared.data.inputs[1, :, 1:8])


@CLASSES
def test_views_are_the_same_made_by_many_threads_or_by_one(task):
    one, many = (enlarged(task, threads=threads, schema=None) for threads in (1, 4))
    assert torch.equal(one.data.inputs, many.data.inputs)
    assert [e.to_dict() for e in one.encoders] == [e.to_dict() for e in many.encoders]
    assert [(view.place, view.way) for view in one.views] == [(view.place, view.way) for view in many.views]


@pytest.mark.parametrize(
    ("threads", "cells", "expected"),
    [(None, 1e8, 3), (2, 1e8, 2), (8, 1e8, 3), (8, 2 * ROWS * 4, 2), (8, ROWS * 4, 1), (8, 1, 1), (1, 1e8, 1)],
)
def test_so_many_tables_are_encoded_side_by_side_as_threads_and_memory_allow(threads, cells, expected, monkeypatch):
    asked, made = [], preparing.workers
    monkeypatch.setattr(preparing, "workers", lambda count: asked.append(count) or made(count))
    monkeypatch.setattr(preparing, "MOST_CELLS_AT_ONCE", int(cells))
    monkeypatch.setattr(preparing.torch, "get_num_threads", lambda: 3)
    prepare(problem_of("binary", ROWS), TRAINS, threads=threads)
    assert asked == ([expected] * 2 if expected > 1 else [])


@pytest.mark.parametrize("task", TASKS)
def test_a_row_planted_among_the_others_moves_no_piece(task):
    problem = problem_of(task, ROWS)
    columns = [replace(c, values=c.values.copy()) for c in problem.table.columns]
    for column in columns[:3]:
        column.values[75] = 1e200
    schema, bad = Schema.of(problem.table, 7), replace(problem, table=Table(tuple(columns), ROWS))
    clean, planted = (prepare(own, TRAINS, schema=schema) for own in (problem, bad))
    rows = np.delete(np.arange(ROWS), 75)
    assert torch.equal(clean.data.inputs[0, rows], planted.data.inputs[0, rows])
    assert clean.encoders[0].to_dict() == planted.encoders[0].to_dict()
    assert not torch.equal(clean.data.inputs[1, rows, 1:8], planted.data.inputs[1, rows, 1:8])


@CLASSES
def test_synthetic_rows_have_the_pieces_of_their_numbers(task):
    problem = problem_of(task, ROWS)
    schema = Schema.of(problem.table, 7)
    prepared, plain = (prepare(problem, TRAINS, WAYS, schema=own) for own in (schema, Schema.of(problem.table)))
    for inputs, view, other in zip(prepared.data.inputs, prepared.views, plain.views, strict=True):
        np.testing.assert_array_equal(view.numbers, other.numbers)
        if view.added is not None:
            np.testing.assert_array_equal(view.added.parents, other.added.parents)
            made = inputs[view.numbers].numpy()
            np.testing.assert_array_equal(made, view.encoder.transform(view.added.table))
            values = view.added.table.columns[0].values
            own = view.encoder.pieces["a"]
            assert ((values >= own.edges[0]) & (values <= own.edges[-1])).all()  # they lie between training rows
            np.testing.assert_allclose((made[:, 1:8] + own.means).sum(1), np.interp(values, own.edges, range(8)), 1e-5)


# -- synthetic rows ---------------------------------------------------------------------------------------------------


@CLASSES
@pytest.mark.parametrize("alike", [True, False], ids=["alike", "weighted"])
def test_synthetic_rows_take_the_first_places_of_their_class(task, alike):
    """Places that all sets of training rows share where rows weigh the same; else each set has its own."""
    problem = problem_of(task, ROWS)
    prepared = prepare(problem if alike else weighted(problem), TRAINS, WAYS)
    classes, sets = len(problem.classes), 1 if alike else len(TRAINS)
    places = np.zeros(sets * classes, np.int64)
    for view in prepared.views:
        if view.added is not None:
            own = slice(0, classes) if alike else slice(view.place * classes, (view.place + 1) * classes)
            places[own] = np.maximum(places[own], np.bincount(view.added.codes, minlength=classes))
    assert prepared.data.inputs.shape[1] == ROWS + places.sum()
    starts = ROWS + np.cumsum(places) - places
    for view in prepared.views:
        if view.added is None:
            assert not len(view.numbers)
            continue
        assert len(set(view.numbers)) == len(view.numbers)
        for code in range(classes):
            own, start = view.numbers[view.added.codes == code], starts[code if alike else view.place * classes + code]
            assert sorted(own) == list(range(start, start + len(own)))


@CLASSES
@pytest.mark.parametrize("alike", [True, False], ids=["alike", "weighted"])
def test_the_inputs_targets_and_weights_of_synthetic_rows(task, alike):
    """One weighs as much as its class's training rows do on average."""
    problem = problem_of(task, ROWS)
    problem = replace(problem, weights=np.full(ROWS, 3.0)) if alike else weighted(problem)
    prepared = prepare(problem, TRAINS, WAYS)
    data = prepared.data
    for inputs, view in zip(data.inputs, prepared.views, strict=True):
        np.testing.assert_array_equal(inputs[:ROWS], view.encoder.transform(problem.table))
        if view.added is None:
            assert not inputs[ROWS:].any()
            continue
        np.testing.assert_array_equal(inputs[view.numbers], view.encoder.transform(view.added.table))
        unused = np.setdiff1d(np.arange(ROWS, len(inputs)), view.numbers)
        assert not inputs[unused].any()
        codes, train = view.added.codes, TRAINS[view.place]
        means = [problem.weights[train][problem.target[train] == code].mean() for code in range(len(problem.classes))]
        np.testing.assert_allclose(data.weights[view.numbers], np.array(means)[codes], rtol=1e-6)
        assert alike == (np.ptp(means) < 1e-9)
        own = data.targets[0, view.numbers]
        told = own[:, 0].long() if task == "binary" else own.argmax(1)
        assert told.tolist() == codes.tolist()
        assert task == "binary" or (own.sum(1) == 1).all()


@CLASSES
@pytest.mark.parametrize(("ratio", "way"), [(1.0, 1), (0.8, 2)])
def test_there_are_as_many_synthetic_rows_as_the_ratio_says(task, ratio, way):
    prepared = enlarged(task)
    for place, train in enumerate(TRAINS):
        counts = np.bincount(prepared.problem.target[train])
        added = prepared.views[3 * way + place].added
        expected = np.maximum(np.floor(ratio * counts.max()).astype(int) - counts, 0)
        assert np.bincount(added.codes, minlength=len(counts)).tolist() == expected.tolist()
        assert expected.sum() > 0


@CLASSES
def test_a_run_learns_from_the_synthetic_rows_of_its_own_view(task):
    prepared = enlarged(task)
    for place in range(3):
        run = run_of(prepared, "smote=1 neighbors=3", place)
        view = prepared.views[run.view]
        np.testing.assert_array_equal(run.added, view.numbers)
        assert np.isin(view.added.parents, TRAINS[place]).all()
        assert not len(run_of(prepared, "none", place).added)


@CLASSES
def test_on_part_of_the_rows_those_stay_that_come_from_these_alone(task):
    prepared = enlarged(task)
    part = TRAINS[0][::2]
    run = run_of(prepared, "smote=1 neighbors=3", part=part)
    view = prepared.views[run.view]
    parents = dict(zip(view.numbers.tolist(), view.added.parents.tolist(), strict=True))
    assert all(set(parents[number]) <= set(part.tolist()) for number in run.added)
    stay = [number for number, own in parents.items() if set(own) <= set(part.tolist())]
    assert sorted(run.added) == sorted(stay)
    assert 0 < len(run.added) < len(view.numbers)
    np.testing.assert_array_equal(run.train, part)


@CLASSES
@pytest.mark.parametrize("part", [None, TRAINS[0][10:60]], ids=["whole", "part"])
def test_the_shift_is_that_of_the_classes_shares(task, part):
    """Of their weights, among the rows that the run learns from."""
    prepared = enlarged(task)
    run = run_of(prepared, "smote=1 neighbors=3", part=part)
    problem, weights = prepared.problem, prepared.data.weights.double().numpy()
    view = prepared.views[run.view]
    codes = dict(zip(view.numbers.tolist(), view.added.codes.tolist(), strict=True))
    count = len(problem.classes)
    before = np.array([weights[run.train][problem.target[run.train] == code].sum() for code in range(count)])
    added = np.array([sum(weights[number] for number in run.added if codes[number] == c) for c in range(count)])
    after = before + added
    expected = np.log(before / before.sum()) - np.log(after / after.sum())
    expected = expected[1:] - expected[:1] if task == "binary" else expected
    assert run.shift.dtype == np.float32
    np.testing.assert_allclose(run.shift, expected, rtol=1e-5, atol=1e-6)
    assert run_of(prepared, "none").shift is None


def test_the_rarer_of_two_classes_is_shifted_down():
    problem = problem_of("binary", ROWS)
    assert np.bincount(problem.target)[0] < np.bincount(problem.target)[1]
    prepared = prepare(problem, TRAINS, recipes("smote=1 neighbors=3"))
    assert run_of(prepared, "smote=1 neighbors=3").shift > 0  # toward the second, the commoner
    flipped = replace(problem, target=1 - problem.target, classes=problem.classes[::-1])
    prepared = prepare(flipped, TRAINS, recipes("smote=1 neighbors=3"))
    assert run_of(prepared, "smote=1 neighbors=3").shift < 0


def test_even_classes_need_no_synthetic_rows_and_no_shift():
    frame = frame_of(ROWS)
    problem = read_problem(frame, np.arange(ROWS) % 2, task="binary")
    prepared = prepare(problem, [np.arange(60)], recipes("smote=1"))
    run = run_of(prepared, "smote=1")
    assert (len(run.added), run.shift) == (0, None)
    assert prepared.data.inputs.shape[1] == ROWS


def test_the_seed_decides_the_synthetic_rows_and_nothing_else_does():
    one, again, other = (enlarged("binary", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.data.inputs, again.data.inputs)
    assert torch.equal(one.data.inputs[:, :ROWS], other.data.inputs[:, :ROWS])
    assert not torch.equal(one.data.inputs, other.data.inputs)
    reordered = prepare(one.problem, TRAINS[::-1], WAYS[::-1])
    for view in one.views:
        found = next(v for v in reordered.views if v.way == view.way and v.place == 2 - view.place)
        if view.added:
            place, where = one.views.index(view), reordered.views.index(found)
            np.testing.assert_array_equal(found.added.parents, view.added.parents)
            mine, theirs = one.data.inputs[place, view.numbers], reordered.data.inputs[where, found.numbers]
            assert torch.equal(mine, theirs)


# -- variants ---------------------------------------------------------------------------------------------------------


def test_the_variants_of_a_text_stand_beside_each_other_after_all_rows():
    problem = weighted(text_problem())
    prepared = prepare(problem, TRAINS, recipes("none", "word_deletion=0.5", "synonyms=1"))
    data = prepared.data
    assert data.inputs.shape[1] == ROWS * (1 + VARIANTS)
    for text, way in (("none", 0), ("word_deletion=0.5", 1), ("synonyms=1", 2)):
        for place, train in enumerate(TRAINS):
            run = run_of(prepared, text, place)
            view = prepared.views[run.view]
            assert (view.place, view.way) == (place, prepared.views[3 * way].way)
            assert run.variants.shape == (len(train), VARIANTS if way else 0)
            assert (len(run.added), run.shift) == (0, None)
            np.testing.assert_array_equal(
                data.inputs[run.view, :ROWS, : len(view.encoder.vocabulary.terms)],
                view.encoder.vocabulary.transform([texts_of()[row] for row in range(ROWS)]),
            )
            for row, numbers in zip(train, run.variants, strict=True):
                assert numbers.tolist() == [ROWS + row * VARIANTS + copy for copy in range(VARIANTS)] or not way
                written = [copy[row] for copy in view.variants]
                expected = view.encoder.vocabulary.transform(written) if written else NONE
                found = data.inputs[run.view, numbers]
                if written:
                    np.testing.assert_array_equal(found[:, : expected.shape[1]], expected)
                    assert not found[:, expected.shape[1] :].any()
                    assert all(f"no{row}" in text or way == 1 for text in written)
                    assert (data.targets[0, numbers] == data.targets[0, row]).all()
                    assert (data.weights[numbers] == data.weights[row]).all()


def test_a_text_has_variants_of_several_kinds_and_the_seed_decides_them():
    problem = text_problem()
    one, again, other = (
        prepare(problem, TRAINS, recipes("word_deletion=0.5"), seed=seed).views[0].variants for seed in (0, 0, 1)
    )
    assert one == again
    assert one != other
    assert all(len({copy[row] for copy in one}) > 1 for row in range(ROWS))


def test_a_variant_is_a_function_of_its_text_alone():
    """Whichever other texts there are, in whatever order."""
    texts, order = texts_of(), np.random.default_rng(1).permutation(ROWS)
    shuffled = read_problem(text_table([texts[row] for row in order]), (np.arange(ROWS) % 3)[order])
    way = recipes("word_swap=0.5, synonyms=0.5")
    one = prepare(text_problem(), [np.arange(ROWS)], way).views[0].variants
    other = prepare(shuffled, [np.arange(40)], way).views[0].variants
    for mine, theirs in zip(one, other, strict=True):
        assert [theirs[place] for place in range(40)] == [mine[row] for row in order[:40]]


def test_the_texts_of_rows_that_nobody_learns_from_are_not_rewritten():
    view = prepare(text_problem(), [np.arange(0, ROWS, 2)], recipes("word_deletion=1")).views[0]
    texts = texts_of()
    for copy in view.variants:
        assert copy[1::2] == texts[1::2]
        assert all(one != other for one, other in zip(copy[::2], texts[::2], strict=True))


def test_each_vocabulary_is_of_its_training_texts_and_their_variants():
    texts = ["common word"] * 4 + ["left side left"] * 3 + ["right side right"] * 3
    texts = [f"{text} x{i}" for i, text in enumerate(texts)]
    problem = read_problem(text_table(texts), np.arange(10) % 2)
    prepared = prepare(problem, [np.array([0, 1, 4, 5]), np.array([2, 3, 7, 8, 9])])
    left, right = (set(view.encoder.vocabulary.terms) for view in prepared.views)
    assert {"common", "left", "side left"} <= left
    assert {"common", "right", "side right"} <= right
    assert "right" not in left
    assert "left" not in right
    assert prepared.data.form.shape == (max(len(left), len(right)),)
    rewritten = prepare(text_problem(), [np.arange(ROWS)], recipes("none", "synonyms=1"))
    plain, more = (set(view.encoder.vocabulary.terms) for view in rewritten.views)
    assert plain < more
    assert "purchased" in more - plain


def test_so_many_terms_as_fit_into_memory(monkeypatch):
    monkeypatch.setattr(preparing, "MOST_CELLS_OF_TEXTS", 12 * ROWS * (1 + VARIANTS) * 6)
    monkeypatch.setattr(preparing, "LEAST_TERMS", 5)
    prepared = prepare(text_problem(), TRAINS, recipes("none", "word_swap=0.3"))
    assert prepared.data.inputs.shape == (6, ROWS * (1 + VARIANTS), 12)
    monkeypatch.setattr(preparing, "MOST_CELLS_OF_TEXTS", 1)
    assert prepare(text_problem(), TRAINS).data.inputs.shape == (3, ROWS, 5)


def test_texts_without_words_are_refused():
    problem = read_problem(text_table([".", ",", ";", ""]), [0, 1, 0, 1])
    with pytest.raises(InputError, match="there is no word in the training texts"):
        prepare(problem, [np.arange(4)])


# -- targets and weights ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_targets_and_weights_of_the_rows_themselves(task):
    problem = weighted(problem_of(task, ROWS))
    way = "none" if task == "regression" else "smote=1 neighbors=3"
    prepared = prepare(problem, TRAINS, recipes(way))
    targets = prepared.data.targets[:, :ROWS]
    np.testing.assert_array_equal(prepared.data.weights[:ROWS], problem.weights)
    for place, own in enumerate(targets):
        if task == "regression":
            scale = fit_target_scale(problem.target, TRAINS[place], problem.weights)
            np.testing.assert_allclose(own[:, 0], scale.forward(problem.target), rtol=1e-5, atol=1e-6)
        elif task == "binary":
            np.testing.assert_array_equal(own[:, 0], problem.target)
        else:
            np.testing.assert_array_equal(own, np.eye(3)[problem.target])


# -- what does not suit -----------------------------------------------------------------------------------------------

TABLE = problem_of("binary", 40)
UNSUITED = {
    "rotate": ("rotate acts on pictures, not on tables", TABLE),
    "synonyms": ("synonyms acts on texts, not on tables", TABLE),
    "cut_mix": ("cut_mix acts on pictures and sounds, not on tables", TABLE),
    "smote": ("smote acts on tables, not on texts", text_problem(40)),
    "pitch_shift": ("pitch_shift acts on sounds, not on pictures", None),
}


@pytest.mark.parametrize("name", UNSUITED)
def test_a_technique_that_does_not_suit_the_rows_is_refused(name):
    message, problem = UNSUITED[name]
    if problem is None:
        pixels = np.arange(40 * 16, dtype=np.uint8).reshape(40, 4, 4)
        problem = read_problem(picture_table(pixels), np.arange(40) % 2)
    with pytest.raises(InputError, match=f"^{message}: leave it out of the recipe$"):
        prepare(problem, [np.arange(30)], [Recipe(), *recipes(f"l2=0.1, {name}=1")])


def test_classes_can_not_be_evened_where_the_target_is_numbers():
    frame = frame_of(40)
    problem = read_problem(frame, target_of(frame, "regression"), task="regression")
    with pytest.raises(InputError, match=r"^smote evens classes, and the target is numbers: leave it out"):
        prepare(problem, [np.arange(30)], recipes("smote=1"))


def test_a_class_of_fewer_rows_than_neighbors_is_named():
    problem = read_problem(frame_of(40), np.where(np.arange(40) < 6, "rare", "usual"), task="binary")
    for rows, told in ((np.arange(3, 40), "class rare has 3 training rows"), (np.arange(5, 40), "has 1 training row,")):
        with pytest.raises(InputError, match=told):
            prepare(problem, [np.arange(40), rows], recipes("smote=1"))
