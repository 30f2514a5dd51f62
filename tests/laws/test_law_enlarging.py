"""Only training rows are augmented, after the split, inside every fold; what is held out reaches no weight.

What acts before training (synthetic rows, texts written anew) and what acts in it, on rows of every kind, through
`prepare` and `train` as every study calls them.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from enlarging_problems import (
    KINDS,
    OFFLINE,
    RARE,
    ROWS,
    Shouts,
    poisoned,
    problem_of,
    recipes_of,
    rows_by_content,
    settings_of,
    splits,
    techniques,
    usual,
)
from law_problems import assert_close, assert_same

from goodfit.data.encoder import Encoder
from goodfit.data.schema import Schema
from goodfit.data.splits import folds
from goodfit.data.table import to_table
from goodfit.regularizers import EarlyStopping, Recipe, Smote, Synonyms, stack
from goodfit.regularizers.places import Adds, Rewrites
from goodfit.regularizers.texts import back_translation
from goodfit.studies import comparison, diagnosing, fitting, samples
from goodfit.studies.comparison import Repeats, compare
from goodfit.studies.diagnosing import diagnose_problem
from goodfit.studies.fitting import Plan, as_resampled, fit, model_of
from goodfit.studies.predicting import predictions
from goodfit.studies.preparing import Prepared, prepare
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.subject import Subject
from goodfit.training import Execution, Settings, train
from goodfit.training.compiled import unknown
from goodfit.training.losses import row_losses

BOTH_ENGINES = True

NONE = np.empty(0, np.int64)
ONE_THREAD = Execution(threads=1)
EACH_OFFLINE = pytest.mark.parametrize("technique", OFFLINE, ids=lambda kind: kind.name)
ON_EACH = pytest.mark.parametrize(
    ("rows", "technique"),
    [pytest.param(kind, one, id=f"{kind}-{one.name}") for kind in KINDS for one in techniques(kind)],
)
EACH_REPEAT = pytest.mark.parametrize("repeat", [0, 1, 2])


@pytest.fixture(scope="module", autouse=True)
def translator(tmp_path_factory):
    """One that every machine has, and a book of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOODFIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(back_translation, "engines", lambda: [Shouts()])
        yield


def kind_of(technique):
    """The kind of rows that a technique is shown on."""
    return next(kind for kind in KINDS if kind in technique.suits)


def run_of(prepared: Prepared, recipe: Recipe, place=0, validation=NONE, **changes):
    return prepared.run(recipe, place, validation, **({"seed": 5, "learning_rate": 0.05} | changes))


def trained(prepared: Prepared, runs, **changes):
    settings = settings_of(prepared.data.form.kind, **changes)
    engine = "portable" if settings.channels else "auto"  # the other one doesn't know convolutions
    return train(prepared.data, runs, settings, execution=replace(ONE_THREAD, engine=engine))


def words_of(encoder: Encoder) -> int:
    """How many inputs of a network are used: all but the padding of a smaller vocabulary."""
    return len(encoder.vocabulary.terms) if encoder.vocabulary else len(encoder.schema.input_names)


# -- neutral doses ----------------------------------------------------------------------------------------------------


@EACH_OFFLINE
@pytest.mark.parametrize("beside", ["none", "l2=0.01, mixup=0.2", "dropout=0.2, early_stopping=2"])
def test_the_neutral_dose_is_the_identity_through_the_whole_way(technique, beside):
    base = Recipe.parse(beside)
    neutral = Recipe((*base.parts, technique.neutral()))
    problem = problem_of(kind_of(technique))
    (learn, watch, _), results = splits()[0], []
    for recipe in (base, neutral):
        prepared = prepare(problem, [learn], [recipe])
        results += trained(prepared, [run_of(prepared, recipe, validation=watch)])
    assert_same(*results)
    together = prepare(problem, [learn], [base, neutral, Recipe((usual(technique),))])
    one, other = (run_of(together, recipe, validation=watch) for recipe in (base, neutral))
    assert one.view == other.view
    assert_same(*(trained(together, [run])[0] for run in (one, other)))


@EACH_OFFLINE
def test_the_usual_dose_is_not_neutral(technique):
    problem, (learn, *_) = problem_of(kind_of(technique)), splits()[0]
    recipe = Recipe((usual(technique),))
    prepared = prepare(problem, [learn], [Recipe(), recipe])
    without, with_it = trained(prepared, [run_of(prepared, r) for r in (Recipe(), recipe)])
    apart = np.abs(without.parameters[: without.layout.weights] - with_it.parameters[: with_it.layout.weights])
    assert apart.max() > 1e-3


# -- poison -----------------------------------------------------------------------------------------------------------


@cache
def beside_poison(kind, repeat, part):
    """All techniques of a kind of rows, trained in one repeat without and with poison in its rows of a part."""
    problem, recipes, (learn, *held) = problem_of(kind), recipes_of(kind), splits()[repeat]
    schema, results = Schema.of(problem.table), []
    watch = held[0] if part == "test" else NONE
    bad = poisoned(problem, held[1] if part == "test" else np.concatenate(held))
    for one in (problem, bad):
        prepared = prepare(one, [learn], recipes, schema=None if kind == "text" else schema)
        runs = [run_of(prepared, recipe, validation=watch) for recipe in recipes]
        results.append(by_engine(prepared, runs))
    return dict(zip(techniques(kind), zip(*results, strict=True), strict=True))


def by_engine(prepared, runs):
    """Results of runs that are trained in two populations: what the compiled engine knows, and the rest."""
    known = [not unknown(stack([run.recipe])) for run in runs]
    parts = [iter(trained(prepared, [run for run, one in zip(runs, known, strict=True) if one == k])) for k in (0, 1)]
    return [next(parts[k]) for k in known]


@ON_EACH
@EACH_REPEAT
def test_poison_in_test_rows_changes_nothing(rows, technique, repeat):
    assert_same(*beside_poison(rows, repeat, "test")[technique])


@ON_EACH
@EACH_REPEAT
def test_poison_in_all_rows_held_out_changes_no_weight(rows, technique, repeat):
    assert_same(*beside_poison(rows, repeat, "held out")[technique])


@pytest.mark.parametrize("rows", KINDS)
@EACH_REPEAT
def test_poison_in_training_rows_does_reach_the_weights(rows, repeat):
    """Else the laws above would say nothing."""
    problem, recipes, (learn, *_) = problem_of(rows), recipes_of(rows), splits()[repeat]
    schema = None if rows == "text" else Schema.of(problem.table)
    bad = replace(poisoned(problem, learn[:1]), target=problem.target, weights=problem.weights)
    results = []
    for one in (problem, bad):
        prepared = prepare(one, [learn], recipes, schema=schema)
        results.append(trained(prepared, [run_of(prepared, recipe) for recipe in recipes], max_epochs=1))
    for mine, theirs in zip(*results, strict=True):
        assert not np.array_equal(mine.parameters, theirs.parameters), str(mine.run.recipe)


@pytest.mark.parametrize("rows", KINDS)
@EACH_REPEAT
def test_inside_every_fold_of_many_all_that_a_run_sees_comes_from_its_training_rows(rows, repeat):
    """Where a row is held out in one fold and learned from in others, as in every study."""
    problem, recipes, cuts = problem_of(rows), recipes_of(rows), splits()
    trains, held = [cut[0] for cut in cuts], cuts[repeat][1:]
    bad = poisoned(problem, np.concatenate(held))
    schema = None if rows == "text" else Schema.of(problem.table)
    clean, other = (prepare(p, trains, recipes, schema=schema) for p in (problem, bad))
    for recipe in recipes:
        runs = [run_of(prepared, recipe, repeat) for prepared in (clean, other)]
        views = [prepared.views[run.view] for prepared, run in zip((clean, other), runs, strict=True)]
        assert words_of(views[0].encoder) == words_of(views[1].encoder)
        assert views[0].encoder.vocabulary == views[1].encoder.vocabulary
        seen = []
        for prepared, run, view in zip((clean, other), runs, views, strict=True):
            numbers = np.concatenate([run.train, run.added, run.variants.ravel()])
            inputs = prepared.data.inputs[run.view, numbers]
            width = words_of(view.encoder)
            assert not inputs[:, width:].any()
            seen.append(
                (inputs[:, :width], prepared.data.targets[run.view, numbers], prepared.data.weights[numbers], run.shift)
            )
        for mine, theirs in zip(*seen, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@EACH_REPEAT
def test_in_folds_of_texts_poison_changes_weights_by_rounding_alone(repeat):
    """New words that only other folds learn make the table of inputs wider, which adds zeros to sums."""
    problem, cuts, recipe = problem_of("text"), splits(), Recipe.parse("synonyms=0.5")
    bad = poisoned(problem, np.concatenate(cuts[repeat][1:]))
    results = []
    for one in (problem, bad):
        prepared = prepare(one, [cut[0] for cut in cuts], [recipe])
        (result,) = trained(prepared, [run_of(prepared, recipe, repeat)])
        width, inputs = words_of(prepared.views[result.run.view].encoder), result.layout.sizes[0]
        assert not result.parameters[width:inputs].any()
        results.append((width, result.parameters[:width], result.parameters[inputs:], result.history.train))
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


def test_categories_that_only_held_out_rows_have_change_nothing_that_is_learned():
    """Also where the columns' structure is read off all rows: a level of one row has no input of its own."""
    problem, (learn, *held) = problem_of("table"), splits()[0]
    names = list(problem.table.names)
    town = names.index("town")
    column = problem.table.columns[town]
    texts = np.array([column.levels[code] for code in column.values], dtype=object)
    for row in np.concatenate(held)[:20]:
        texts[row] = f"Atlantis {row}"
    columns = list(problem.table.columns)
    columns[town] = to_table(texts[:, None], names=["town"]).columns[0]
    bad = replace(problem, table=replace(problem.table, columns=tuple(columns)))
    recipes, results = recipes_of("table"), []
    for one in (problem, bad):
        prepared = prepare(one, [learn], recipes)
        results.append(trained(prepared, [run_of(prepared, recipe) for recipe in recipes]))
    for mine, theirs in zip(*results, strict=True):
        assert_same(mine, theirs)


# -- what studies do with rows ----------------------------------------------------------------------------------------


def studied(study, problem, recipes, monkeypatch):
    """All trainings of a study: prepared data and runs, and for each run the rows that score it."""
    calls = []

    def spy(module):
        def spying(data, runs, settings, **rest):
            calls.append((data, list(runs)))
            return train(data, runs, settings, **rest)

        monkeypatch.setattr(module, "train", spying)

    for module in (fitting, comparison, diagnosing, samples):
        spy(module)
    settings = settings_of(problem.kind, max_epochs=2)
    if study == "fit":
        found = fit(problem, recipes, plan=Plan(members=3), settings=settings)
        return found.prepared, calls, None
    if study == "compare":
        found = compare(problem, recipes, repeats=Repeats(seeds=2), settings=settings)
        return found.prepared, calls, [split.test for split in found.splits] * len(recipes)
    subject = Subject(recipes[-1], settings, Plan())
    found = diagnose_problem(problem, subject)
    return found.prepared, calls, None


@pytest.mark.parametrize(
    ("study", "technique"),
    [
        *(pytest.param(study, one, id=f"{study}-{one.name}") for study in ("fit", "compare") for one in OFFLINE),
        *(pytest.param("diagnose", one, id=f"diagnose-{one.name}") for one in (Smote, Synonyms)),
    ],
)
def test_in_every_study_only_training_rows_are_enlarged(study, technique, monkeypatch):
    """Synthetic rows and variants are never watched and never scored, and come from the run's training rows alone."""
    problem, recipe = problem_of(kind_of(technique)), Recipe((usual(technique), EarlyStopping(1)))
    prepared, calls, scored = studied(study, problem, [Recipe(), recipe], monkeypatch)
    checked = 0
    for data, runs in calls:
        for place, run in enumerate(runs):
            rows = prepared.problem.rows
            view = prepared.views[run.view]
            held = run.validation if scored is None else np.concatenate([run.validation, scored[place]])
            assert run.train.max() < rows
            assert held.max() < rows
            assert not set(run.train) & set(held)
            np.testing.assert_array_equal(
                data.inputs[run.view, held],
                view.encoder.transform(prepared.problem.table.take(held)),
            )
            assert (run.added >= rows).all()
            assert (run.variants >= rows).all()
            if len(run.added):
                parents = dict(zip(view.numbers.tolist(), view.added.parents, strict=True))
                assert set(np.concatenate([parents[number] for number in run.added])) <= set(run.train)
            if run.variants.size:
                copies = run.variants.shape[1]
                np.testing.assert_array_equal((run.variants - rows) // copies, run.train[:, None] + 0 * run.variants)
            checked += bool(len(run.added) or run.variants.size)
    assert checked >= 2


def test_no_synthetic_row_stands_among_those_held_out_by_content():
    problem, cuts = problem_of("table"), splits()
    recipe = Recipe((Smote(neighbors=3),))
    prepared = prepare(problem, [cut[0] for cut in cuts], [recipe])
    for place, (learn, watch, test) in enumerate(cuts):
        run = run_of(prepared, recipe, place)
        added = rows_by_content(prepared.data.inputs[run.view, run.added])
        assert len(added) == len(run.added)
        assert not added & rows_by_content(prepared.data.inputs[run.view, np.concatenate([watch, test])])
        assert not added & rows_by_content(prepared.data.inputs[run.view, learn])


@EACH_OFFLINE
@pytest.mark.parametrize("more", ["none", "weight_averaging=0.5", "batch_norm, weight_averaging=0.5"])
def test_the_training_loss_is_measured_on_real_rows_alone(technique, more):
    """With outputs as they are handed out: prior repaired, no variant in a text's place."""
    problem, (learn, watch, _) = problem_of(kind_of(technique)), splits()[0]
    recipe = Recipe((usual(technique), *Recipe.parse(more).parts))
    prepared = prepare(problem, [learn], [recipe])
    run = run_of(prepared, recipe, validation=watch)
    others = [replace(run, seed=9, validation=watch[:5])]
    result = trained(prepared, [run, *others])[0]
    for rows, told in ((learn, result.history.train[-1]), (watch, result.history.validation[-1])):
        predicted = torch.from_numpy(predictions(prepared, result, rows))
        outputs = torch.logit(predicted[:, 1:])
        losses = row_losses(outputs, prepared.data.targets[0, rows].double(), "binary").numpy()
        assert np.average(losses, weights=prepared.data.weights[rows]) == pytest.approx(told, rel=1e-4)


@EACH_OFFLINE
def test_a_run_alone_is_the_run_in_company(technique):
    """Others with more rows, with variants, without either; prepared beside other ways to enlarge and other folds."""
    problem, recipe = problem_of(kind_of(technique)), Recipe((usual(technique),))
    cuts = splits()
    others = [Recipe(), *(Recipe((usual(o),)) for o in techniques(problem.kind) if issubclass(o, Adds | Rewrites))]
    alone, together = prepare(problem, [cuts[0][0]], [recipe]), prepare(problem, [c[0] for c in cuts], others)
    one, run = run_of(alone, recipe, validation=cuts[0][1]), run_of(together, recipe, validation=cuts[0][1])
    company = [
        run_of(together, other, place, cuts[place][1], seed=7, part=None if place else cuts[0][0][:50])
        for other in others
        for place in range(3)
    ]
    single = trained(alone, [one])[0]
    for place in (0, len(company)):
        among = trained(together, [*company[:place], run, *company[place:]])[place]
        width, inputs = words_of(alone.views[0].encoder), among.layout.sizes[0]
        if problem.kind == "text":  # linear, and as wide as the widest vocabulary of all
            among = replace(
                among,
                parameters=np.delete(among.parameters, np.arange(width, inputs)),
                layout=single.layout,
            )
        assert_close(among, single, 1e-5)


@EACH_OFFLINE
def test_the_same_seed_is_the_same_fit_and_another_is_another(technique):
    problem, recipe = problem_of(kind_of(technique)), Recipe((usual(technique),))
    settings = settings_of(problem.kind, max_epochs=2)
    one, again, other = (
        fit(problem, [recipe], plan=Plan(members=2, seed=seed), settings=settings, execution=ONE_THREAD)
        for seed in (0, 0, 1)
    )
    for mine, theirs in zip(one.best.results, again.best.results, strict=True):
        assert_same(mine, theirs)
    table = problem.table
    same, different = model_of(one, one.best).predict(table), model_of(other, other.best).predict(table)
    assert not np.allclose(same, different, atol=1e-6)
    np.testing.assert_array_equal(same, model_of(again, again.best).predict(table))


@pytest.mark.parametrize("ratio", [0.4, 0.5, 1.0])
def test_as_many_synthetic_rows_are_learned_from_as_promised(ratio):
    problem = problem_of("table")
    assert np.bincount(problem.target).tolist() == [RARE, ROWS - RARE]
    recipe = Recipe((Smote(ratio, neighbors=3),))
    found = fit(problem, [recipe], plan=Plan(members=5), settings=settings_of("table", max_epochs=1))
    for result in found.best.results:
        rare, common = np.bincount(found.prepared.problem.target[result.run.train])
        assert len(result.run.added) == max(0, int(ratio * common) - rare)


# -- the shares of the classes ----------------------------------------------------------------------------------------


def told_apart(classes: int, rows: int = 1500) -> tuple[Problem, np.ndarray]:
    """Classes of unequal size whose probabilities a linear network can say exactly, and these."""
    random = np.random.default_rng(11)
    x = random.normal(size=(rows, 3))
    logits = np.column_stack([np.zeros(rows), *(x[:, i] - 2.6 for i in range(classes - 1))])
    truth = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    target = (random.random((rows, 1)) > truth.cumsum(1)).sum(1)
    return read_problem(x, np.array(["a", "b", "c"])[target]), truth


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_the_true_shares(classes):
    problem, truth = told_apart(classes)
    recipe = Recipe.parse("smote=1")
    settings = Settings(hidden=(), optimizer="adam", batch_size=64, max_epochs=25)
    found = fit(problem, [recipe], plan=Plan(learning_rate=0.01), settings=settings)
    prepared = found.prepared
    order = np.argsort(prepared.problem.table.columns[0].values)
    truth = truth[np.argsort(problem.table.columns[0].values)][np.argsort(order)]
    repaired, raw = np.zeros_like(truth), np.zeros_like(truth)
    for result in found.best.results:
        held = result.run.validation
        repaired[held] = predictions(prepared, result, held)
        raw[held] = predictions(prepared, as_resampled(result), held)
    shares = np.bincount(prepared.problem.target) / problem.rows
    assert shares[1:].max() < 0.15
    np.testing.assert_allclose(repaired.mean(0), shares, atol=0.02)
    assert (raw.mean(0)[1:] > shares[1:] + 0.1).all()
    assert np.abs(repaired - truth).mean() < 0.03
    assert np.abs(raw - truth).mean() > 0.1
    np.testing.assert_allclose(repaired.sum(1), 1)


@pytest.mark.parametrize("classes", [2, 3])
def test_as_resampled_is_the_network_that_no_shift_was_asked_of(classes):
    problem, _ = told_apart(classes, rows=300)
    recipe = Recipe.parse("smote=1 neighbors=3, batch_norm, weight_averaging=0.5")
    prepared = prepare(problem, [np.arange(200)], [recipe])
    run = run_of(prepared, recipe, validation=np.arange(200, 300))
    shifted, plain = trained(prepared, [run, replace(run, shift=None)])
    raw = as_resampled(shifted)
    np.testing.assert_allclose(raw.parameters, plain.parameters, rtol=0, atol=1e-6)
    np.testing.assert_allclose(raw.statistics, plain.statistics, rtol=0, atol=1e-6)
    moved = np.abs(shifted.parameters - plain.parameters) > 1e-5
    assert moved.sum() == len(run.shift)
    np.testing.assert_allclose((shifted.parameters - plain.parameters)[moved], run.shift, rtol=0, atol=1e-6)
    assert as_resampled(plain) is plain
    assert not np.allclose(shifted.history.train, plain.history.train)


def test_the_folds_of_a_fit_hold_out_every_row_once():
    """Else a row that no fold held out would be one that poison was never planted in."""
    problem = problem_of("table")
    fold = folds(problem.strata, 5, seed=0)
    found = fit(problem, [Recipe()], plan=Plan(), settings=settings_of("table", max_epochs=1))
    out = np.concatenate([result.run.validation for result in found.best.results])
    assert sorted(out) == list(range(ROWS))
    assert len(set(fold)) == 5
