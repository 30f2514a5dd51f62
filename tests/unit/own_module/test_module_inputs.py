"""What loaders yield and modules return, what losses are taken, and what is refused in one line."""

import copy
import json
from collections import namedtuple
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import ttest_ind
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, TensorDataset
from trained_modules import perceptron, rows, sound

from goodfit import InputError
from goodfit.torch import ModuleDiagnosis, diagnose
from goodfit.torch.diagnosing import QUESTIONS
from goodfit.torch.diagnosing.losses import Units, excess

X, Y = rows((10,), 240, 7)
HALVES = [(X[:120], Y[:120])], [(X[120:], Y[120:])]
Output = namedtuple("Output", ["loss", "logits"])


def as_batches(make):
    """Both halves, in batches of 40, in another form."""
    cuts = [slice(start, start + 40) for start in range(0, 240, 40)]
    return [make(X[cut], Y[cut]) for cut in cuts[:3]], [make(X[cut], Y[cut]) for cut in cuts[3:]]


class Two(nn.Module):
    """A module of two inputs that answers as it is told."""

    def __init__(self, answer=lambda logits: logits):
        super().__init__()
        self.inner, self.answer = copy.deepcopy(sound("perceptron").module), answer

    def forward(self, left, right):
        return self.answer(self.inner(torch.cat([left, right], 1)))


PLAIN = diagnose(sound("perceptron").module, *HALVES)
FORMS = {
    "tuple of inputs": lambda x, y: ((x[:, :5], x[:, 5:]), y),
    "dict of inputs": lambda x, y: ({"right": x[:, 5:], "left": x[:, :5]}, y),
    "list of three": lambda x, y: [x[:, :5], x[:, 5:], y],
    "dict with labels": lambda x, y: {"left": x[:, :5], "right": x[:, 5:], "labels": y},
}
ANSWERS = {
    "tensor": lambda logits: logits,
    "tuple": lambda logits: (logits, logits + 1),
    "dict": lambda logits: {"logits": logits},
    "object": lambda logits: Output(None, logits),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_every_form_of_batch_and_answer_gives_the_same_verdicts(form, answer):
    told = diagnose(Two(ANSWERS[answer]).eval(), *as_batches(FORMS[form]))
    for name in ("gap", "miscalibrated", "collapsed"):
        assert dict(told[name].evidence) == pytest.approx(dict(PLAIN[name].evidence), rel=1e-4)
    assert told.loss == "cross-entropy"


def test_overlap_is_seen_in_inputs_of_several_tensors_and_padding_of_shared_ones():
    _, validation = as_batches(FORMS["tuple of inputs"])
    assert diagnose(Two().eval(), validation, validation)["overlap"].evidence["their share"] == 1


def test_a_loss_that_the_module_computes_itself_is_taken_where_no_usual_one_fits():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, inputs, labels=None):
            logits = self.layer(inputs)
            loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten()) + 1
            return {"loss": loss, "logits": logits}

    stream = torch.Generator().manual_seed(0)
    batches = [
        {
            "inputs": torch.randn(8, 5, 4, generator=stream),
            "labels": torch.randint(0, 3, (8, 5), generator=stream),
        }
        for _ in range(6)
    ]
    told = diagnose(Tokens().eval(), batches[:3], batches[3:])
    assert told.loss == "the module's own loss"
    assert told["gap"].evidence["training loss"] > 1.9
    assert told["overlap"].outcome == "passed"


def test_tokens_are_scored_with_their_classes_last_or_second_and_ignored_ones_left_out():
    stream = torch.Generator().manual_seed(0)
    inputs = torch.randn(20, 5, 4, generator=stream)
    labels = torch.randint(0, 3, (20, 5), generator=stream)
    labels[:, 3:] = -100
    last = nn.Linear(4, 3)
    second = nn.Sequential(last, nn.Flatten(1, 1))
    second.forward = lambda x: last(x).transpose(1, 2)
    halves = [(inputs[:10], labels[:10])], [(inputs[10:], labels[10:])]
    wanted = float(functional.cross_entropy(last(inputs[:10])[:, :3].flatten(0, 1), labels[:10, :3].flatten()).detach())
    for module in (last, second):
        assert diagnose(module, *halves)["gap"].evidence["training loss"] == pytest.approx(wanted, rel=1e-5)


def test_packed_sequences_are_predicted_and_their_rows_not_compared():
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(4, 6), nn.Linear(6, 2)

        def forward(self, packed):
            return self.head(self.lstm(packed)[1][0][-1])

    stream = torch.Generator().manual_seed(0)
    batches = [
        (pack_sequence([torch.randn(n, 4, generator=stream) for n in (5, 3, 2)]), torch.tensor([0, 1, 0]))
        for _ in range(4)
    ]
    told = diagnose(Packed().eval(), batches[:2], batches[2:])
    assert told["overlap"].outcome == "not applicable"
    assert np.isfinite(told["gap"].evidence["gap"])


def test_a_transformer_of_hugging_face_is_asked_as_it_is():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=3
    )
    torch.manual_seed(0)
    module = transformers.BertForSequenceClassification(config)
    stream = torch.Generator().manual_seed(0)
    batches = [
        {
            "input_ids": torch.randint(0, 20, (10, 6), generator=stream),
            "attention_mask": torch.ones(10, 6, dtype=torch.long),
            "labels": torch.randint(0, 3, (10,), generator=stream),
        }
        for _ in range(4)
    ]
    told = diagnose(module, batches[:2], batches[2:], optimizer=torch.optim.AdamW(module.parameters()))
    assert told.loss == "cross-entropy"
    assert {"random_predictions", "decay_place"} <= set(told.fired)
    assert told["dead_units"].outcome == "passed"
    assert told["overlap"].outcome == "passed"
    with torch.no_grad():
        wanted = np.mean([float(module.eval()(**batch).loss) for batch in batches[:2]])
    assert told["gap"].evidence["training loss"] == pytest.approx(wanted, rel=1e-5)


def test_probabilities_are_told_from_logits():
    module = sound("perceptron").module
    told = diagnose(nn.Sequential(module, nn.Softmax(1)), *HALVES)
    assert told.loss == "cross-entropy of the probabilities"
    for name in ("gap", "miscalibrated"):
        assert dict(told[name].evidence) == pytest.approx(dict(PLAIN[name].evidence), abs=1e-4)
    one = nn.Sequential(nn.Linear(10, 1), nn.Sigmoid())
    chances, logits = diagnose(one, *HALVES), diagnose(one[0], *HALVES)
    assert chances.loss == "binary cross-entropy of the probabilities"
    assert dict(chances["gap"].evidence) == pytest.approx(dict(logits["gap"].evidence), abs=1e-5)
    assert chances["miscalibrated"].evidence == pytest.approx(logits["miscalibrated"].evidence, abs=1e-4)


# -- losses -----------------------------------------------------------------------------------------------------------


GIVEN = {
    "torch's own, by row": nn.CrossEntropyLoss(),
    "a function": functional.cross_entropy,
    "a callable": partial(functional.cross_entropy, label_smoothing=0.0),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_given_loss_that_is_the_usual_one_gives_its_gap(name):
    told = diagnose(sound("perceptron").module, *HALVES, loss=GIVEN[name])
    mine, usual = told["gap"].evidence, PLAIN["gap"].evidence
    assert mine["gap"] == pytest.approx(usual["gap"], rel=1e-4)
    if "row" in name:
        assert dict(mine) == pytest.approx(dict(usual), rel=1e-4)
    else:
        assert mine["gap, low"] == pytest.approx(usual["gap, low"], abs=0.08)


def test_a_weighted_loss_is_taken_as_a_whole_where_rows_would_not_make_its_mean():
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 9.0]))
    train, validation = as_batches(lambda x, y: (x, y))
    module = sound("perceptron").module
    told = diagnose(module, train, validation, loss=loss)
    with torch.no_grad():
        wanted = np.mean([float(loss(module(x), y)) for x, y in train])
    assert told["gap"].evidence["training loss"] == pytest.approx(wanted, rel=1e-5)


def test_the_interval_of_the_gap_is_welchs():
    random = np.random.default_rng(0)
    left, right = random.normal(1, 2, 30), random.normal(0, 1, 50)
    found = excess(Units(left, np.ones(30)), Units(right, np.ones(50)))
    interval = ttest_ind(left, right, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_groups_of_several_rows_count_as_many():
    units = Units(np.array([3.0, 1.0]), np.array([3.0, 2.0]))
    assert units.mean == pytest.approx(0.8)


# -- the result -------------------------------------------------------------------------------------------------------


def test_a_diagnosis_prints_aligned_lines_and_is_plain_data():
    assert isinstance(PLAIN, ModuleDiagnosis)
    assert tuple(verdict.name for verdict in PLAIN.verdicts) == tuple(question.NAME for question in QUESTIONS)
    lines = str(PLAIN).splitlines()
    titles = {verdict.name: verdict.title for verdict in PLAIN.verdicts}
    told = [(line, next(name for name in titles if f" {name} " in line)) for line in lines[:-1]]
    assert len({line.index(titles[name]) for line, name in told}) == 1
    assert len({line.index(f" {name} ") for line, name in told}) == 1
    assert len(lines) == len(QUESTIONS) + 1
    assert lines[-1] == "loss: cross-entropy"
    plain = json.loads(json.dumps(PLAIN.to_dict()))
    assert plain["loss"] == "cross-entropy"
    assert [verdict["name"] for verdict in plain["verdicts"]] == list(titles)
    for verdict in PLAIN.verdicts:
        assert (verdict.reason != "") == (verdict.outcome in {"undecided", "not applicable"})
        assert verdict.advice or verdict.outcome == "not applicable" or verdict.name == "dropout_place"


# -- refused ----------------------------------------------------------------------------------------------------------


def lazy():
    return nn.Sequential(nn.LazyLinear(3))


def forgetful():
    """Reads once, though it looks as if it could be read again."""
    batches = iter(HALVES[1])
    return type("Once", (), {"__iter__": lambda self: batches})()


REFUSED = {
    "no module": (lambda: diagnose(3, *HALVES), "module is a int"),
    "no parameters": (lambda: diagnose(nn.ReLU(), *HALVES), "no parameters"),
    "lazy": (lambda: diagnose(lazy(), *HALVES), "0.weight is lazy"),
    "meta": (lambda: diagnose(nn.Linear(10, 2, device="meta"), *HALVES), "meta"),
    "empty": (lambda: diagnose(perceptron(), [], HALVES[1]), "train_loader yields no rows"),
    "no rows": (lambda: diagnose(perceptron(), HALVES[0], [(X[:0], Y[:0])]), "val_loader yields no rows"),
    "not a loader": (lambda: diagnose(perceptron(), 5, HALVES[1]), "train_loader is a int"),
    "a tensor": (lambda: diagnose(perceptron(), X, HALVES[1]), "train_loader is a Tensor"),
    "a generator": (lambda: diagnose(perceptron(), (b for b in HALVES[0]), HALVES[1]), "read once only"),
    "read once": (lambda: diagnose(perceptron(), HALVES[0], forgetful()), "val_loader yields no rows"),
    "inputs alone": (lambda: diagnose(perceptron(), [X], HALVES[1]), "batch 1 of train_loader is a Tensor"),
    "one of a tuple": (lambda: diagnose(perceptron(), [(X,)], HALVES[1]), "is a tuple of 1"),
    "no labels": (lambda: diagnose(perceptron(), [{"x": X}], HALVES[1]), "has the keys x"),
    "targets of a dict": (lambda: diagnose(perceptron(), [(X, {"a": Y})], HALVES[1]), "targets in batch 1"),
    "another width": (lambda: diagnose(nn.Linear(4, 2), *HALVES), "can't take a batch of val_loader: mat1"),
    "no such class": (lambda: diagnose(nn.Linear(10, 2), [(X, Y + 1)], HALVES[1]), "Target 2 is out of bounds"),
    "shapes": (lambda: diagnose(nn.Linear(10, 3), [(X, X[:, :2])], [(X, X[:, :2])]), "give loss="),
    "complex": (lambda: diagnose(nn.Linear(10, 2, dtype=torch.cfloat), [(X + 0j, Y)], [(X + 0j, Y)]), "complex"),
    "scalar": (lambda: diagnose(Two(lambda z: z.sum()), *as_batches(FORMS["list of three"])), "one number"),
    "no tensor": (lambda: diagnose(Two(lambda z: "z"), *as_batches(FORMS["list of three"])), "returns a str"),
    "vector": (lambda: diagnose(perceptron(), *HALVES, loss=lambda o, t: o[:, 0]), r"shape \(120,\)"),
    "summed": (lambda: diagnose(perceptron(), *HALVES, loss=nn.CrossEntropyLoss(reduction="sum")), "reduction='sum'"),
    "loss": (lambda: diagnose(perceptron(), *HALVES, loss=3), "loss is 3"),
    "failing loss": (lambda: diagnose(perceptron(), *HALVES, loss=lambda o, t: o @ o), "loss can't take"),
    "optimizer": (lambda: diagnose(perceptron(), *HALVES, optimizer=3), "optimizer is a int"),
    "elsewhere": (lambda: diagnose(perceptron(), *HALVES, device="meta"), "device is meta"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_used_is_refused_in_one_line(name):
    act, said = REFUSED[name]
    with pytest.raises(InputError, match=said) as caught:
        act()
    assert "\n" not in str(caught.value)


def test_torchscript_is_refused():
    with pytest.warns(DeprecationWarning, match="trace"):
        scripted = torch.jit.trace(perceptron().eval(), X)
    with pytest.raises(InputError, match="TorchScript"):
        diagnose(scripted, *HALVES)


def test_a_compiled_module_is_asked_as_the_one_that_it_was_made_from():
    module = copy.deepcopy(sound("perceptron").module)
    assert str(diagnose(torch.compile(module, backend="eager"), *HALVES)) == str(PLAIN)


def test_complex_weights_and_losses_that_are_lost_are_no_errors():
    class Phase(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(10, 2, dtype=torch.cfloat)

        def forward(self, x):
            return self.inner(x + 0j).abs()

    told = diagnose(Phase(), *HALVES)
    assert told["weights"].outcome == "passed"
    told = diagnose(perceptron().eval(), *HALVES, loss=lambda o, t: o.sum() * torch.nan)
    assert "not_finite" in told.fired
    assert told["gap"].reason == "a loss is not finite"


def test_one_batch_of_a_loss_that_can_not_be_cut_has_no_interval():
    def whole(outputs, targets):
        return outputs.var() + len(targets)

    verdict = diagnose(sound("perceptron").module, *HALVES, loss=whole)["gap"]
    assert (verdict.outcome, "several batches" in verdict.reason) == ("not applicable", True)
    loader = DataLoader(TensorDataset(X, Y), batch_size=40)
    assert diagnose(sound("perceptron").module, loader, loader, loss=whole)["gap"].outcome == "passed"
