"""`goodfit.strength`: laws over all pairs, and what it refuses. That its numbers are right is shown by the twins."""

import math
import subprocess
import sys
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit import InputError, strength
from goodfit.conventions import CONVENTIONS

NAMES = list(CONVENTIONS)
ALL_GIVEN = {"rows": 300, "batch_size": 32, "l1_ratio": 0.3, "optimizer": "sgd"}


def task_of(*names):
    """What a caller would say of the loss: that of the conventions that have but one."""
    return next((CONVENTIONS[name].task for name in names if CONVENTIONS[name].task), "regression")


def works(of, to, task=None):
    try:
        strength(1.0, of=of, to=to, task=task or task_of(of, to), **ALL_GIVEN)
    except InputError:
        return False
    return True


PAIRS = [pair for pair in permutations(NAMES, 2) if works(*pair)]
CHAINS = [
    (one, two, three)
    for one, two, three in permutations(NAMES, 3)
    if all(pair in PAIRS for pair in ((one, two), (two, three), (one, three)))
    and len({CONVENTIONS[name].task for name in (one, two, three)} - {None}) < 2
]
EACH_PAIR = pytest.mark.parametrize(("of", "to"), PAIRS)


@st.composite
def circumstances(draw):
    return {
        "rows": draw(st.integers(1, 10**7)),
        "batch_size": draw(st.integers(1, 10**4)),
        "l1_ratio": draw(st.floats(0.01, 0.99)),
        "optimizer": "sgd",
    }


STRENGTHS = st.floats(1e-12, 1e6)


def test_most_pairs_convert():
    assert len(PAIRS) > 80
    assert len(CHAINS) > 200
    assert all((to, of) in PAIRS for of, to in PAIRS)


@given(st.sampled_from(PAIRS), STRENGTHS, circumstances())
def test_there_and_back_is_the_same_number(pair, value, all_given):
    of, to = pair
    there = strength(value, of=of, to=to, task=task_of(of, to), **all_given)
    back = strength(there, of=to, to=of, task=task_of(of, to), **all_given)
    assert back == pytest.approx(value, rel=1e-12)


@given(st.sampled_from(CHAINS), STRENGTHS, circumstances())
def test_by_way_of_a_third_is_as_directly(chain, value, all_given):
    one, two, three = chain
    said = all_given | {"task": task_of(*chain)}
    by_way = strength(strength(value, of=one, to=two, **said), of=two, to=three, **said)
    assert by_way == pytest.approx(strength(value, of=one, to=three, **said), rel=1e-12)


@given(st.sampled_from(PAIRS), STRENGTHS, st.floats(1.001, 1e3), circumstances())
def test_more_is_more_and_in_proportion(pair, value, factor, all_given):
    """A C is the other way about: twice the C is half the penalty."""
    of, to = pair
    said = all_given | {"task": task_of(of, to)}
    less, more = (strength(x, of=of, to=to, **said) for x in (value, factor * value))
    turned = CONVENTIONS[of].inverse != CONVENTIONS[to].inverse
    assert less > more if turned else less < more
    assert more / less == pytest.approx(1.0 / factor if turned else factor, rel=1e-12)


@EACH_PAIR
def test_no_penalty_is_no_penalty(of, to):
    nothing = {name: math.inf if CONVENTIONS[name].inverse else 0.0 for name in (of, to)}
    assert strength(nothing[of], of=of, to=to, task=task_of(of, to), **ALL_GIVEN) == nothing[to]


@pytest.mark.parametrize("name", NAMES)
def test_a_convention_is_itself_and_needs_nothing_for_it(name):
    assert strength(0.3, of=name, to=name) == 0.3


@pytest.mark.parametrize("number", [2, np.float32(2.0), np.int64(2), Fraction(2)])
def test_any_kind_of_number_will_do_and_a_float_comes_out(number):
    found = strength(number, of="keras.l2", to="sklearn.ridge", rows=number)
    assert found == 4.0
    assert type(found) is float


def test_all_named_in_the_docstring_are_known_and_all_known_are_named():
    assert [name for name in NAMES if name not in strength.__doc__] == []


def test_importing_it_does_not_wait_for_torch():
    code = "import sys, goodfit; goodfit.strength(1, of='keras.l2', to='goodfit.l2'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def refusal(value=1.0, **said):
    with pytest.raises(InputError) as caught:
        strength(value, **said)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("of", [name for name in NAMES if CONVENTIONS[name].over])
def test_what_a_convention_needs_is_asked_for(of):
    needed = CONVENTIONS[of].over
    said = {"rows": 10, "batch_size": 10, "task": task_of(of)} | {needed: None}
    assert f"give {needed}" in refusal(of=of, to="goodfit.l2", **said)
    assert f"give {needed}" in refusal(of="goodfit.l2", to=of, **said)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"of": "sklearn.mlp", "to": "keras.l2", "batch_size": 9}, "give task, 'regression' or 'classification'"),
        ({"of": "sklearn.elasticnet", "to": "keras.l2"}, "sklearn.elasticnet is an elastic net; give its l1_ratio"),
        (
            {"of": "sklearn.elasticnet", "to": "keras.l2", "l1_ratio": 1},
            "no L2 penalty at l1_ratio 1; give an l1_ratio below 1",
        ),
        (
            {"of": "goodfit.elastic_net", "to": "keras.l1", "l1_ratio": 0},
            "no L1 penalty at l1_ratio 0; give an l1_ratio above 0",
        ),
        ({"of": "sklearn.logistic", "to": "keras.l1", "rows": 9}, "sklearn.logistic has no L1 penalty at l1_ratio 0"),
        ({"of": "goodfit.elastic_net", "to": "sklearn.elasticnet"}, "convert to goodfit.l1 and to goodfit.l2"),
        ({"of": "goodfit.l1", "to": "torch.weight_decay"}, "goodfit.l1 is L1 and torch.weight_decay is L2"),
        ({"of": "sklearn.ridge", "to": "sklearn.lasso", "rows": 9}, "give conventions that are both L2 or both L1"),
        ({"of": "sklearn.ridge", "to": "sklearn.logistic", "rows": 9}, "their losses differ"),
        (
            {"of": "sklearn.ridge", "to": "sklearn.mlp", "rows": 9, "batch_size": 9, "task": "classification"},
            "task is 'classification', but sklearn.ridge is for regression",
        ),
        ({"of": "torch.adamw", "to": "torch.weight_decay"}, "under Adam no number makes one do what the other does"),
        ({"of": "goodfit.l2", "to": "goodfit.weight_decay", "optimizer": "adamw"}, "give optimizer='sgd'"),
    ],
)
def test_what_is_missing_or_can_not_be_is_said_in_a_line(said, message):
    assert message in refusal(**said)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"of": "torch.adam"}, "of is 'torch.adam', which is no convention known; did you mean 'torch.adamw'?"),
        ({"to": "nonsense"}, "to is 'nonsense', which is no convention known; there are goodfit.l2, "),
        ({"to": None}, "to is None"),
        ({"value": -1.0}, "value is -1.0; give torch.weight_decay as a number of 0 or more"),
        ({"value": math.nan}, "value is nan"),
        ({"value": math.inf}, "value is inf"),
        ({"value": True}, "value is True"),
        ({"value": "1e-4"}, "value is '1e-4'"),
        ({"value": 10**400}, "value is 1000"),
        ({"value": np.ones((2, 2))}, "value is array([[1., 1... [1., 1.]]); give"),
        ({"value": 0.0, "of": "sklearn.logistic", "rows": 9}, "give sklearn.logistic as a number above 0, or inf"),
        ({"value": -1.0, "of": "sklearn.logistic", "rows": 9}, "give sklearn.logistic as a number above 0, or inf"),
        ({"value": 5e-324}, "between torch.weight_decay and λ a strength becomes 0, beyond any float"),
        (
            {"value": 1e308, "of": "sklearn.lasso", "to": "keras.l1"},
            "between sklearn.lasso and λ a strength becomes inf",
        ),
        ({"value": 1e-320, "to": "sklearn.logistic", "rows": 9}, "sklearn.logistic and λ a strength becomes inf"),
        ({"rows": 0}, "rows is 0; give a number above 0"),
        ({"rows": math.inf}, "rows is inf"),
        ({"batch_size": "32"}, "batch_size is '32'; give a number above 0"),
        ({"l1_ratio": 1.1}, "l1_ratio is 1.1; give a number from 0 to 1"),
        ({"task": "binary"}, "task is 'binary'; give 'regression' or 'classification'"),
        ({"optimizer": "SGD"}, "optimizer is 'SGD'; give 'sgd', 'adam' or 'adamw', or leave it out"),
    ],
)
def test_what_is_out_of_range_is_said_in_a_line(said, message):
    assert message in refusal(**({"value": 1.0, "of": "torch.weight_decay", "to": "goodfit.l2"} | said))
