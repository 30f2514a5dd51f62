"""Each question fires on the defect that it asks for, planted in a trained module, and is silent on a sound one."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from trained_modules import KINDS, fit, grouped, loaders, perceptron, rows, sound

from goodfit.torch import Regularized, diagnose


def changed(kind, change):
    """A sound module with a defect, and its loaders."""
    found = sound(kind)
    module = copy.deepcopy(found.module)
    with torch.no_grad():
        change(module)
    return diagnose(module, *found.loaders)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_module_has_no_issue(kind):
    found = sound(kind)
    told = diagnose(found.module, *found.loaders, optimizer=found.optimizer)
    assert [verdict.name for verdict in told.verdicts if verdict.fired and verdict.severity == "issue"] == []
    assert {"dead_units", "decay_place", "decay_kind", "dropout_place", "repeated", "contradictory"} & set(
        told.fired
    ) == set()
    assert told["batch_norm"].outcome == ("passed" if kind == "convolutional" else "not applicable")


# -- outputs ----------------------------------------------------------------------------------------------------------


def test_weights_that_are_lost_are_named_and_so_are_the_rows():
    told = changed("perceptron", lambda module: module[3].weight[0, 0].fill_(torch.nan))
    assert {"not_finite", "weights"} <= set(told.fired)
    assert told["weights"].evidence["not finite"] == "3.weight"
    assert told["not_finite"].evidence["rows whose outputs are not finite"] == 1500
    assert told["gap"].outcome == told["miscalibrated"].outcome == told["collapsed"].outcome == "not applicable"


def test_inputs_that_are_not_finite_are_told_from_weights_that_are_not():
    found = sound("perceptron")
    X, y = rows((10,), 100, 5)
    X[3, 2] = torch.inf
    verdict = diagnose(found.module, found.train, [(X, y)])["not_finite"]
    assert verdict.fired
    assert verdict.evidence["of these, rows whose inputs are not finite"] == 1
    assert "inputs" in verdict.advice


def test_a_module_that_has_memorized_its_rows_has_a_gap_and_is_told_that_this_is_no_proof():
    X, y = rows((10,), 300, 1, noise=3.0)
    train, validation = loaders(X, y, held=0.5)
    module = perceptron()
    fit(module, train, epochs=60, rate=1e-2)
    verdict = diagnose(module.eval(), train, validation)["gap"]
    assert verdict.fired
    assert verdict.evidence["gap, low"] > 0.1 * verdict.evidence["validation loss"]
    assert "no overfitting" in verdict.advice


def test_a_module_asked_of_two_halves_of_new_rows_has_no_gap():
    X, y = rows((10,), 3000, 9)
    verdict = diagnose(sound("perceptron").module, [(X[:1500], y[:1500])], [(X[1500:], y[1500:])])["gap"]
    assert verdict.outcome in {"passed", "undecided"}
    assert verdict.evidence["gap, low"] < 0 < verdict.evidence["gap, high"]


def test_logits_that_are_four_times_too_large_are_too_sure_and_the_temperature_says_by_how_much():
    told = changed("perceptron", lambda module: [p.mul_(4) for p in module[3].parameters()])
    before = diagnose(sound("perceptron").module, *sound("perceptron").loaders)["miscalibrated"]
    verdict = told["miscalibrated"]
    assert verdict.fired
    assert verdict.evidence["temperature"] == pytest.approx(4 * before.evidence["temperature"], rel=1e-3)
    assert verdict.evidence["expected calibration error"] > before.evidence["expected calibration error"] + 0.05


def test_a_module_with_one_output_is_judged_as_one_with_two():
    found = sound("perceptron")
    one = nn.Sequential(copy.deepcopy(found.module), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        one[1].weight.copy_(torch.tensor([[-1.0, 1.0]]))
    two, single = diagnose(found.module, *found.loaders), diagnose(one.eval(), *found.loaders)
    assert single.loss == "binary cross-entropy of the logits"
    for name in ("gap", "miscalibrated"):
        assert dict(single[name].evidence) == pytest.approx(dict(two[name].evidence), abs=1e-4)


def test_a_module_that_says_the_same_for_every_row_is_collapsed():
    told = changed("transformer", lambda module: module.head.weight.zero_())
    assert "collapsed" in told.fired
    assert not diagnose(sound("transformer").module, *sound("transformer").loaders)["collapsed"].fired


def test_a_collapse_of_numbers_is_measured_by_the_target():
    X, y = rows((10,), 400, 2, numbers=True)
    module = perceptron(outputs=1).eval()
    with torch.no_grad():
        module[3].weight.mul_(1e-5)
    halves = [(X[:200], 1e3 * y[:200, None])], [(X[200:], 1e3 * y[200:, None])]
    told = diagnose(module, *halves)
    assert "collapsed" in told.fired
    assert told.loss == "mean squared error"
    assert told["miscalibrated"].outcome == "not applicable"


def test_of_several_numbers_a_row_each_has_its_outputs():
    X, y = rows((10,), 400, 2, numbers=True)
    Y = torch.stack([y, 100 * y], 1)
    module, flat = nn.Linear(10, 2), nn.Linear(10, 2)
    fit(module, [(X, Y)], epochs=1, loss=nn.functional.mse_loss)
    with torch.no_grad():
        flat.weight.mul_(1e-3)
    assert diagnose(module, [(X, Y)], [(X, Y)])["collapsed"].outcome == "passed"
    assert diagnose(flat, [(X, Y)], [(X, Y)])["collapsed"].fired


# -- units and weights ------------------------------------------------------------------------------------------------


def test_units_that_died_are_counted_after_an_activation_module():
    told = changed("perceptron", lambda module: module[0].bias[:12].fill_(-100))
    verdict = told["dead_units"]
    assert verdict.fired
    assert verdict.evidence["constant units in 0"] >= 12
    assert verdict.evidence["units in 0"] == 32


def test_units_that_died_are_counted_after_an_activation_that_is_a_function():
    verdict = changed("shared", lambda module: module.first.bias[:8].fill_(-100))["dead_units"]
    assert verdict.fired
    assert verdict.evidence["worst layer"] == "first"


def test_channels_of_convolutions_and_units_of_recurrent_layers_are_counted():
    def silence(module):
        module[1].bias[:4] = -100

    def freeze(module):
        for name, parameter in module.lstm.named_parameters():
            if name.endswith("l1"):
                parameter.reshape(4, 16, -1)[:, :6] = 0

    assert changed("convolutional", silence)["dead_units"].evidence["constant units in 0"] == 4
    verdict = changed("recurrent", freeze)["dead_units"]
    assert (verdict.outcome, verdict.evidence["constant units in lstm"]) == ("fired", 6)


def test_outputs_that_never_change_are_no_dead_units():
    told = changed("perceptron", lambda module: module[3].weight.zero_())
    assert "dead_units" not in told.fired


def test_exact_zeros_and_norms_are_given_by_layer():
    def prune(module):
        module[0].weight[:, :5] = 0

    verdict = changed("perceptron", prune)["weights"]
    assert verdict.outcome == "passed"
    assert verdict.evidence["zeros in 0.weight"] == pytest.approx(0.5)
    assert verdict.evidence["zeros in all weights"] == pytest.approx(160 / 384)
    kept = sound("perceptron").module[0].weight[:, 5:].detach()
    assert verdict.evidence["norm of 0.weight"] == pytest.approx(float(kept.norm()), rel=1e-5)


def test_weights_that_have_exploded_are_an_issue():
    verdict = changed("perceptron", lambda module: module[0].weight.mul_(1e3))["weights"]
    assert (verdict.outcome, verdict.evidence["layer of the largest gain"]) == ("fired", "0.weight")


# -- batch norm -------------------------------------------------------------------------------------------------------


def shift(module):
    module[4].running_mean += 5 * module[4].running_var.sqrt()


def widen(module):
    module[4].running_var *= 10


def lose(module):
    module[4].running_var[0] = torch.nan


def forget(module):
    module[4].reset_running_stats()


def switch(module):
    module[4].train()


FAULTS = {
    shift: "its running statistics differ from those of the training rows",
    widen: "its running statistics differ from those of the training rows",
    lose: "its running statistics are not finite",
    forget: "its running statistics were never updated",
    switch: "it was given in training mode",
}


@pytest.mark.parametrize("change", FAULTS, ids=lambda change: change.__name__)
def test_running_statistics_that_are_wrong_are_found_and_their_layer_is_named(change):
    verdict = changed("convolutional", change)["batch_norm"]
    assert verdict.fired
    assert (verdict.evidence["first of them"], verdict.evidence["its fault"]) == ("4", FAULTS[change])


def test_statistics_computed_anew_as_advised_are_right():
    found = sound("convolutional")
    module = copy.deepcopy(found.module)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    module.train()
    module[8].eval()
    with torch.no_grad():
        for X, _ in found.train:
            module(X)
    verdict = diagnose(module.eval(), *found.loaders)["batch_norm"]
    assert verdict.outcome == "passed"
    assert "none" in verdict.evidence["momentum"]
    assert verdict.evidence["largest shift of the means, in deviations"] < 0.1


def normed(batch, scale=1.0, **settings):
    X, y = rows((10,), 400, 3)
    X = scale * X
    module = nn.Sequential(nn.Linear(10, 8), nn.BatchNorm1d(8, **settings), nn.ReLU(), nn.Linear(8, 2))
    train, validation = loaders(X, y, batch=batch)
    fit(module, train, epochs=3)
    return diagnose(module.eval(), train, validation)["batch_norm"]


def test_batches_of_a_few_rows_and_a_lack_of_running_statistics_are_faults():
    assert normed(4).evidence["its fault"] == "its batches are tiny"
    assert "no running statistics" in normed(32, track_running_stats=False).evidence["its fault"]
    assert normed(32).outcome == "passed"


def test_a_momentum_so_small_that_statistics_lag_behind_is_found():
    assert normed(32, scale=10.0, momentum=1e-4).fired
    assert normed(32, scale=10.0).outcome == "passed"


def test_dropout_in_an_earlier_block_passes_at_a_half_and_is_blamed_at_nine_tenths():
    X, y = rows((10,), 600, 3)
    train, validation = loaders(X, y)

    def blocks(p):
        first = nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(p)
        module = nn.Sequential(*first, nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
        fit(module, train, epochs=4)
        return diagnose(module.eval(), train, validation)["batch_norm"]

    assert blocks(0.5).outcome == "passed"
    strong = blocks(0.9)
    assert strong.fired
    assert "dropout" in strong.advice


# -- dropout ----------------------------------------------------------------------------------------------------------


class Always(nn.Module):
    """Something random in front of the outputs, in evaluation too."""

    def __init__(self, act):
        super().__init__()
        self.layer, self.act = nn.Linear(10, 2), act

    def forward(self, x):
        return self.layer(self.act(x))


def attend(x):
    return functional.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], dropout_p=0.3)[:, 0]


SOURCES = {
    "function": (lambda x: functional.dropout(x, 0.2), "dropout p=0.2"),
    "attention": (attend, "scaled_dot_product_attention p=0.3"),
    "noise": (lambda x: x + 0.1 * torch.randn_like(x), ""),
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_stays_random_in_evaluation_is_found(name):
    act, said = SOURCES[name]
    found = sound("perceptron")
    verdict = diagnose(Always(act).eval(), *found.loaders)["random_predictions"]
    assert verdict.fired
    assert verdict.evidence["functions that drop in evaluation"] == said
    assert verdict.evidence["largest difference of two predictions"] > 1e-3


def test_a_function_that_is_told_the_mode_is_silent():
    found = sound("perceptron")
    module = Always(lambda x: functional.dropout(x, 0.2, training=False)).eval()
    assert diagnose(module, *found.loaders)["random_predictions"].outcome == "passed"


@pytest.mark.parametrize("kind", ["perceptron", "recurrent", "transformer"])
def test_dropout_in_training_mode_as_given_is_found(kind):
    found = sound(kind)
    verdict = diagnose(copy.deepcopy(found.module).train(), *found.loaders)["random_predictions"]
    assert verdict.fired
    assert verdict.evidence["in training mode as given"] > 0
    assert verdict.evidence["largest difference of two predictions"] < 1e-5


class Following(nn.Module):
    """A function that drops in training mode alone, as it should."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(10, 2), nn.BatchNorm1d(2)

    def forward(self, x):
        return self.norm(functional.dropout(self.layer(x), 0.2, self.training))


def test_a_function_that_follows_the_mode_is_on_as_given_and_statistics_stay_as_they_were():
    found, module = sound("perceptron"), Following()
    before = module.norm.running_mean.clone()
    verdict = diagnose(module.train(), *found.loaders)["random_predictions"]
    assert (verdict.outcome, verdict.evidence["functions that drop as given"]) == ("fired", "dropout p=0.2")
    assert verdict.evidence["functions that drop in evaluation"] == ""
    assert torch.equal(module.norm.running_mean, before)
    assert diagnose(module.eval(), *found.loaders)["random_predictions"].outcome == "passed"


def test_a_regularized_module_is_asked_as_any_other():
    found = sound("perceptron")
    net = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
    module = Regularized(net, "dropout=0.3, weight_decay=0.01", insert=True)
    optimizer = module.attach(torch.optim.Adam(module.parameter_groups(), lr=3e-3))
    fit(module, found.train, epochs=2, optimizer=optimizer)
    told = diagnose(module.train(), *found.loaders, optimizer=optimizer)
    assert "random_predictions" in told.fired
    assert {"decay_place", "decay_kind", "untrained", "random_predictions"} & set(
        diagnose(module.eval(), *found.loaders, optimizer=optimizer).fired
    ) == set()


def test_dropout_that_eval_does_not_reach_is_found():
    class Stubborn(nn.Dropout):
        def train(self, mode=True):
            return super().train(True)

    found = sound("perceptron")
    module = nn.Sequential(nn.Linear(10, 4), Stubborn(0.5), nn.Linear(4, 2)).eval()
    verdict = diagnose(module, *found.loaders)["random_predictions"]
    assert (verdict.outcome, verdict.evidence["in training mode even after eval()"]) == ("fired", 1)


def place_of(*layers):
    found = sound("perceptron")
    return diagnose(nn.Sequential(*layers).eval(), *found.loaders)["dropout_place"]


def test_dropout_before_batch_norm_is_found_across_nested_sequentials_and_not_across_weights():
    wrong = place_of(nn.Linear(10, 8), nn.Sequential(nn.Dropout(0.2), nn.ReLU()), nn.BatchNorm1d(8), nn.Linear(8, 2))
    assert (wrong.outcome, wrong.advice) == ("fired", "put 2 before 1.0")
    right = place_of(
        nn.Linear(10, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 8), nn.BatchNorm1d(8),
        nn.Linear(8, 2),
    )  # fmt: skip
    assert right.outcome == "passed"
    neutral = place_of(nn.Linear(10, 8), nn.Dropout(0.0), nn.BatchNorm1d(8), nn.Linear(8, 2))
    assert neutral.outcome == "not applicable"


def test_dropout_on_the_outputs_is_found_in_any_module():
    assert place_of(nn.Linear(10, 2), nn.Dropout(0.1)).evidence["dropout on the outputs"] == "1"
    found = sound("perceptron")
    late = Always(nn.Dropout(0.1))
    late.forward = lambda x: late.act(late.layer(x))
    assert diagnose(late.eval(), *found.loaders)["dropout_place"].evidence["dropout on the outputs"] == "act"
    assert diagnose(Always(nn.Dropout(0.1)).eval(), *found.loaders)["dropout_place"].outcome == "passed"


# -- the optimizer ----------------------------------------------------------------------------------------------------


def asked(optimizer, kind="convolutional"):
    found = sound(kind)
    return diagnose(found.module, *found.loaders, optimizer=optimizer(found.module))


def test_decay_of_biases_and_norms_is_found_and_the_default_is_named():
    verdict = asked(lambda module: torch.optim.AdamW(module.parameters()))["decay_place"]
    assert verdict.fired
    assert verdict.evidence["parameters of norms decayed"] == 4
    assert (verdict.evidence["biases decayed"], verdict.evidence["weights decayed"]) == (1, 3)
    assert (verdict.evidence["weight decay"], verdict.evidence["is the optimizer's own default"]) == ("0.01", "yes")


def test_decay_of_weights_alone_and_none_at_all_are_silent():
    assert asked(lambda module: torch.optim.AdamW(grouped(module)))["decay_place"].outcome == "passed"
    assert asked(lambda module: torch.optim.SGD(module.parameters(), lr=0.1))["decay_place"].outcome == "passed"
    found = sound("perceptron")
    assert diagnose(found.module, *found.loaders)["decay_place"].outcome == "not applicable"


@pytest.mark.parametrize(
    ("make", "outcome"),
    [
        (lambda p: torch.optim.Adam(p, weight_decay=1e-4), "fired"),
        (lambda p: torch.optim.RMSprop(p, weight_decay=1e-4), "fired"),
        (torch.optim.Adam, "passed"),
        (torch.optim.AdamW, "passed"),
        (lambda p: torch.optim.NAdam(p, weight_decay=1e-4, decoupled_weight_decay=True), "passed"),
        (lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=1e-4), "passed"),
    ],
)
def test_weight_decay_that_is_l2_is_found_where_it_differs(make, outcome):
    assert asked(lambda module: make(module.parameters()))["decay_kind"].outcome == outcome


def test_parameters_that_the_optimizer_does_not_know_are_found():
    missing = asked(lambda module: torch.optim.SGD(list(module.parameters())[:-1], lr=0.1))["untrained"]
    assert (missing.outcome, missing.evidence["first of them"]) == ("fired", "9.bias")
    foreign = asked(lambda module: torch.optim.SGD([*module.parameters(), nn.Parameter(torch.ones(2))], lr=0.1))
    assert foreign["untrained"].evidence["the optimizer's that are not the module's"] == 1
    assert foreign["untrained"].fired


def test_frozen_parameters_are_counted_and_fire_nothing():
    found = sound("half frozen")
    verdict = diagnose(found.module, *found.loaders, optimizer=found.optimizer)["untrained"]
    assert verdict.outcome == "passed"
    assert (verdict.evidence["frozen parameters"], verdict.evidence["numbers in them"]) == (1, 320)


# -- rows -------------------------------------------------------------------------------------------------------------


def test_validation_rows_that_are_training_rows_are_counted():
    found = sound("perceptron")
    X, y = found.validation.dataset.tensors
    seen, labels = found.train.dataset.tensors
    mixed = [(torch.cat([X[:95], seen[:5]]), torch.cat([y[:95], labels[:5]]))]
    verdict = diagnose(found.module, found.train, mixed)["overlap"]
    assert verdict.fired
    assert verdict.evidence["validation rows that are training rows"] == 5
    assert diagnose(found.module, *found.loaders)["overlap"].outcome == "passed"


def test_a_zero_equals_a_negative_zero():
    X, y = rows((10,), 100, 4)
    X[:, 0] = 0.0
    other = torch.cat([-X[:, :1], X[:, 1:]], 1)
    assert diagnose(sound("perceptron").module, [(X, y)], [(other, y)])["overlap"].evidence["their share"] == 1


def test_copies_that_few_values_make_by_chance_are_no_overlap():
    stream = torch.Generator().manual_seed(0)
    X = torch.randint(0, 3, (900, 10), generator=stream).float()
    X[:, 5:] = 0
    y = torch.randint(0, 2, (900,), generator=stream)
    told = diagnose(sound("perceptron").module, [(X[:600], y[:600])], [(X[600:], y[600:])])
    assert told["overlap"].outcome == "passed"
    assert told["overlap"].evidence["their share"] > 0.8
    assert {"repeated", "contradictory"} <= set(told.fired)


class Noisy(TensorDataset):
    """Rows that are augmented each time they are read."""

    def __getitem__(self, index):
        X, y = super().__getitem__(index)
        return X + 0.1 * torch.randn_like(X), y


def test_where_the_training_loader_augments_an_overlap_can_not_be_seen_and_that_is_said():
    found = sound("perceptron")
    train = DataLoader(Noisy(*found.train.dataset.tensors), batch_size=100, shuffle=True)
    told = diagnose(found.module, train, found.validation)
    assert told["overlap"].outcome == "undecided"
    assert "augments" in told.notes[0]
    assert diagnose(found.module, *found.loaders).notes == ()


def test_a_shuffled_loader_that_drops_its_last_batch_is_steady_enough():
    found = sound("perceptron")
    train = DataLoader(found.train.dataset, batch_size=64, shuffle=True, drop_last=True)
    assert diagnose(found.module, train, found.validation)["overlap"].outcome == "passed"


def test_repeated_rows_and_contradictory_labels_are_counted_apart():
    X, y = rows((10,), 100, 4)
    module, validation = sound("perceptron").module, sound("perceptron").validation
    told = diagnose(module, [(torch.cat([X, X[:10]]), torch.cat([y, y[:10]]))], validation)
    assert (told["repeated"].outcome, told["contradictory"].outcome) == ("fired", "passed")
    told = diagnose(module, [(torch.cat([X, X[:10]]), torch.cat([y, 1 - y[:10]]))], validation)
    assert (told["repeated"].outcome, told["contradictory"].outcome) == ("passed", "fired")
    assert told["contradictory"].evidence["rows of another class than most of their equals"] == 10


def test_numbers_contradict_nothing():
    X, y = rows((10,), 300, 4, numbers=True)
    told = diagnose(perceptron(outputs=1).eval(), [(X[:200], y[:200])], [(X[200:], y[200:])])
    assert told["contradictory"].outcome == "not applicable"
    assert np.isfinite(told["gap"].evidence["gap"])
