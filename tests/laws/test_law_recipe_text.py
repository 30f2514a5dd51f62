"""A recipe and its text say the same; a text that says nothing sensible is refused with its remedy."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law_problems import EACH_KIND, recipes, regularizers

from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.regularizers import Recipe, doubts, families


def parse_quietly(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulRecipe)
        return Recipe.parse(text)


@settings(deadline=None, max_examples=300)
@given(recipe=recipes())
def test_the_text_of_a_recipe_parses_back(recipe):
    assert parse_quietly(str(recipe)) == recipe


@settings(deadline=None)
@given(recipe=recipes(), blanks=st.sampled_from(["", " ", "   ", "\t"]))
def test_blanks_around_commas_and_equal_signs_mean_nothing(recipe, blanks):
    text = str(recipe).replace(",", f"{blanks},{blanks}").replace("=", f"{blanks}={blanks}")
    assert parse_quietly(f"{blanks}{text}{blanks}") == recipe


@EACH_KIND
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_technique_and_its_text_are_recipes_too(kind, data):
    part = data.draw(regularizers(kind))
    assert Recipe.of(part) == Recipe.of(str(part)) == Recipe.parse(str(part)) == Recipe((part,))
    assert Recipe.of(Recipe((part,))) == Recipe((part,))


@EACH_KIND
def test_a_name_alone_is_its_usual_dose(kind):
    assert Recipe.parse(kind.name) == Recipe((kind(),))


@EACH_KIND
def test_the_name_is_the_class_name_in_lower_case(kind):
    assert kind.name.replace("_", "") == kind.__name__.lower()
    assert kind.__doc__
    assert families()[kind.name] is kind


@pytest.mark.parametrize("text", ["none", " None ", "", "  "])
def test_none_is_the_empty_recipe(text):
    assert Recipe.parse(text) == Recipe() == Recipe.of(None)
    assert str(Recipe()) == "none"


@EACH_KIND
def test_the_same_technique_twice_is_refused(kind):
    part = kind()
    for make in (
        lambda: Recipe.parse(f"{part}, {part}"),
        lambda: part + kind.neutral(),
        lambda: Recipe((part, part)),
        lambda: Recipe((part,)) + Recipe((part,)),
    ):
        with pytest.raises(InputError, match=f"^recipe: {kind.name} stands in it twice; keep one$"):
            make()


@EACH_KIND
def test_an_unknown_setting_is_refused(kind):
    with pytest.raises(InputError, match=f"{kind.name} has no setting 'dose'; it has {next(iter(vars(kind())))}"):
        Recipe.parse(f"{kind.name} dose=1")


@EACH_KIND
@pytest.mark.parametrize("value", ["often", "1e", "--1", "0x1", ""])
def test_a_dose_that_is_no_number_is_refused(kind, value):
    with pytest.raises(InputError, match=f"{kind.name} .* is {value!r}; give a number"):
        Recipe.parse(f"{kind.name}={value}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lasso=1", "no technique is called 'lasso'; there are back_translation, batch_norm"),
        ("synonims=1", "no technique is called 'synonims'; did you mean 'synonyms'\\?"),
        ("L2=1", "no technique is called 'L2'"),
        ("l2=1e-3,, dropout", "nothing between two commas"),
        ("l2=1e-3,", "nothing between two commas"),
        ("l2=-1", r"l2: strength is -1, outside \[0, inf\); give a number in that range"),
        ("dropout=nan", "dropout: p is nan"),
        ("l1=1 biases=1", "l1 biases is '1'; write true or false"),
        ("dropout=0.5 0.1", "dropout has no setting '0.1'"),
        ("l2=", "l2 strength is ''; give a number"),
        ("dropout=0.3 p=0.4", "dropout p stands in it twice; keep one"),
        ("dropout input=0.1 input=0.2", "dropout input stands in it twice; keep one"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, message):
    with pytest.raises(InputError, match=message) as error:
        Recipe.parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [3, 0.5, ["l2"], families()["l2"]])
def test_what_is_no_recipe_is_refused(value):
    with pytest.raises(InputError, match="give a Recipe, a regularizer or a text such as"):
        Recipe.of(value)


DOUBTFUL = {"dropout=0.3, batch_norm": "dropout before batch_norm", "l2=0.1, weight_decay=0.1": "l2 and weight_decay"}
EACH_DOUBT = pytest.mark.parametrize(("text", "reason"), DOUBTFUL.items())


@EACH_DOUBT
def test_a_doubtful_recipe_warns_where_it_is_made(text, reason):
    first, second = (Recipe.parse(part) for part in text.split(","))
    (one,), (other,) = first, second
    for make in (lambda: Recipe.parse(text), lambda: first + second, lambda: first + other, lambda: one + other):
        with pytest.warns(DoubtfulRecipe, match=reason) as warned:
            recipe = make()
        assert len(warned) == 1
        assert warned[0].filename == __file__
        assert doubts(recipe) == [str(warned[0].message)]


@EACH_DOUBT
def test_a_doubt_is_raised_once(text, reason):
    recipe = parse_quietly(text)
    assert Recipe.parse("gaussian_noise") + recipe == Recipe.parse("gaussian_noise") + recipe
    assert doubts(recipe)[0].startswith(reason)


def test_nothing_speaks_against_the_usual_recipes():
    for text in ("batch_norm, dropout=0.3", "l2=1e-3, dropout=0.3, early_stopping=10", "l1=1e-3, l2=1e-3", "none"):
        assert doubts(Recipe.parse(text)) == []


def test_early_stopping_without_validation_rows_is_doubtful():
    recipe = Recipe.parse("early_stopping=5")
    assert doubts(recipe) == []
    assert [doubt[:14] for doubt in doubts(recipe, validation=False)] == ["early_stopping"]


@settings(deadline=None)
@given(recipe=recipes(), kind=st.sampled_from(list(families().values())))
def test_without_a_part_all_others_stay(recipe, kind):
    rest = recipe.without(kind)
    assert kind not in rest
    assert rest.get(kind) is None
    assert list(rest) == [part for part in recipe if type(part) is not kind]
    assert (kind in recipe) == (recipe.get(kind) is not None)
