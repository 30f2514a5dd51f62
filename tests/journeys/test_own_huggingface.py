"""A model trained by Hugging Face's Trainer with a recipe: as the same training in a plain loop."""

import pytest
import torch
from by_hand import BATCH, ROWS, assert_equal, by_hand, mlp, rows
from torch import nn
from torch.nn.functional import mse_loss
from torch.utils.data import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.utils import logging

from goodfit.errors import InputError
from goodfit.torch.huggingface import FILE, Regularization

logging.disable_progress_bar()


class Config(PreTrainedConfig):
    model_type = "goodfit-test"


class Model(PreTrainedModel):
    config_class = Config

    def __init__(self, config, norm=False):
        super().__init__(config)
        self.net = mlp(norm)
        self.post_init()

    def _init_weights(self, module):
        """They are those of `by_hand`."""

    def forward(self, features, labels=None):
        said = self.net(features)
        return {"loss": mse_loss(said, labels), "logits": said}


def model(norm=False):
    return Model(Config(), norm)


class Rows(Dataset):
    def __init__(self, first, last):
        self.X, self.y = (part[first:last] for part in rows())

    def __len__(self):
        return len(self.X)

    def __getitem__(self, place):
        return {"features": self.X[place], "labels": self.y[place]}


class Seeded(TrainerCallback):
    """Random numbers by the step, as in `by_hand`."""

    def on_step_begin(self, args, state, control, **kwargs):
        torch.manual_seed(state.global_step)


def trainer(callback, folder, *, epochs=8, net=None, **more):
    settings = {
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "train_sampling_strategy": "sequential",
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "learning_rate": 0.02,
        "optim": "adamw_torch",
    } | more
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=32,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
        **settings,
    )
    return Trainer(
        model=model() if net is None else net,
        args=arguments,
        train_dataset=Rows(0, ROWS),
        eval_dataset=Rows(ROWS, None),
        callbacks=[Seeded(), callback],
    )


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.02, weight_decay=0.0)


RECIPES = {
    "penalties": ("l1=0.02, l2=0.01, max_norm=1.5, dropout=0.2, gaussian_noise=0.1, early_stopping=3", False, False),
    "averages": ("weight_averaging=0.9, dropout=0.2, early_stopping=3", False, True),
    "inserted": ("batch_norm=1, dropout=0.2, l1=0.01, weight_averaging=0.8", True, False),
    "decay": ("weight_decay=0.1, elastic_net=0.01", False, True),
}


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_as_a_plain_loop_does_bit_for_bit(name, tmp_path):
    recipe, insert, norm = RECIPES[name]
    callback = Regularization(recipe, insert=insert)
    its = trainer(callback, tmp_path, net=model(norm))
    its.train()
    hand = by_hand(mlp(norm), recipe, adamw, 8, insert=insert)
    assert_equal(its.model.net, hand.module)
    assert callback.told.losses == pytest.approx(hand.told().losses, abs=1e-7)
    assert (callback.told.kept, callback.told.best, callback.told.steps) == (
        hand.kept,
        hand.told().best,
        hand.told().steps,
    )


def test_accumulated_gradients(tmp_path):
    its = trainer(Regularization("l1=0.01, l2=0.01"), tmp_path, epochs=4, gradient_accumulation_steps=2)
    for layer in its.model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    net = mlp()
    net[2].p = 0.0
    its.train()
    assert_equal(its.model.net, by_hand(net, "l1=0.01, l2=0.01", adamw, 4, accumulate=2).module)


def test_zeros_of_l1_are_exact_with_the_trainer_s_own_optimizer_schedule_and_clipping(tmp_path):
    callback = Regularization("l1=0.03, dropout=0")
    own = {"optim": "adamw_torch_fused", "max_grad_norm": 1.0, "lr_scheduler_type": "linear", "bf16": True}
    its = trainer(callback, tmp_path, epochs=40, **own)
    its.train()
    assert (its.model.net[0].weight == 0).float().mean() > 0.4
    assert callback.told.zeros["net.0.weight"] == (its.model.net[0].weight == 0).float().mean()


def test_early_stopping_ends_the_training_and_restores(tmp_path):
    callback = Regularization("weight_averaging=0.5, early_stopping=2")
    its = trainer(callback, tmp_path, epochs=60, learning_rate=0.3)
    its.train()
    told = callback.told
    assert its.state.epoch == len(told.losses) < 60
    assert told.best == len(told.losses) - 2
    assert told.losses[told.best - 1] == min(told.losses)
    assert its.evaluate()["eval_loss"] == pytest.approx(min(told.losses), abs=1e-7)
    assert callback.told == told
    assert not its.model._forward_pre_hooks


def test_resumed_is_never_interrupted(tmp_path):
    recipe = "l1=0.005, dropout=0.2, gaussian_noise=0.1, weight_averaging=0.9, early_stopping=4"
    shuffled = {"train_sampling_strategy": "random", "save_strategy": "epoch", "lr_scheduler_type": "linear"}
    whole = Regularization(recipe)
    one = trainer(whole, tmp_path, net=model(norm=True), **shuffled)
    one.train()
    again = Regularization(recipe)
    other = trainer(again, tmp_path, net=model(norm=True), **shuffled)
    other.train(resume_from_checkpoint=str(tmp_path / "checkpoint-16"))
    assert len(whole.told.losses) == 8
    assert again.told == whole.told
    assert_equal(one.model, other.model)


def test_a_checkpoint_elsewhere_is_named(tmp_path):
    first = trainer(Regularization("l1=0.01, weight_averaging=0.9"), tmp_path / "a", epochs=2, save_strategy="epoch")
    first.train()
    there = tmp_path / "a" / "checkpoint-4"
    lost = trainer(Regularization("l1=0.01, weight_averaging=0.9"), tmp_path / "b", epochs=2)
    with pytest.raises(InputError, match="isn't there, without which the recipe can't go on at step 4: give Regul"):
        lost.train(resume_from_checkpoint=str(there))
    callback = Regularization("l1=0.01, weight_averaging=0.9", checkpoint=there)
    found = trainer(callback, tmp_path / "b", epochs=2)
    found.train(resume_from_checkpoint=str(there))
    assert_equal(found.model, first.model)
    (there / FILE).write_bytes((tmp_path / "a" / "checkpoint-8" / FILE).read_bytes())
    late = trainer(Regularization("l1=0.01, weight_averaging=0.9", checkpoint=there), tmp_path / "b", epochs=2)
    with pytest.raises(InputError, match="is of step 8, and the training goes on from 4"):
        late.train(resume_from_checkpoint=str(there))


def test_a_second_training_goes_on_and_a_model_made_anew_is_taken(tmp_path):
    callback = Regularization("l1=0.01")
    its = trainer(callback, tmp_path, epochs=1)
    its.train()
    its.train()
    assert callback.told.steps == 8
    its.model_init = model
    its.train()
    assert callback.model.module is its.model
    assert callback.told.steps == 4


class Words(Dataset):
    """Sentences of four words, positive where the first word is of the first half."""

    def __init__(self, count, seed):
        made = torch.Generator().manual_seed(seed)
        self.words = torch.randint(0, 40, (count, 4), generator=made)

    def __len__(self):
        return len(self.words)

    def __getitem__(self, place):
        words = self.words[place]
        return {"input_ids": words, "attention_mask": torch.ones_like(words), "labels": (words[0] < 20).long()}


def test_a_transformer(tmp_path):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=2
    )
    bert = AutoModelForSequenceClassification.from_config(config)
    callback = Regularization("dropout=0.05, l1=0.0001, weight_averaging=0.9, early_stopping=5")
    its = trainer(callback, tmp_path, epochs=8, net=bert, learning_rate=0.01)
    its.train_dataset, its.eval_dataset = Words(256, 0), Words(64, 1)
    its.train()
    assert callback.told.losses[-1] < 0.6
    assert max(callback.told.zeros.values()) > 0.05
    assert any("dropout" in change.layer for change in callback.told.changes)


@pytest.mark.parametrize(
    ("recipe", "more", "message"),
    [
        (
            "l2=0.1",
            {"weight_decay": 0.01},
            r"TrainingArguments has weight_decay=0\.01 beside the recipe's l2: set it to 0",
        ),
        ("smote=1", {}, "smote acts on the rows before training"),
        ("early_stopping=3", {"eval_strategy": "no"}, r'set TrainingArguments\(eval_strategy="epoch"\)'),
        (
            "early_stopping=3",
            {"load_best_model_at_end": True, "save_strategy": "epoch"},
            "load_best_model_at_end would take the place",
        ),
        ("l1=0.1", {"optim": "adafactor"}, "that of Adafactor isn't known"),
    ],
)
def test_what_cannot_be_is_refused(recipe, more, message, tmp_path):
    with pytest.raises(InputError, match=message):
        trainer(Regularization(recipe), tmp_path, epochs=2, **more).train()


@pytest.mark.parametrize("recipe", ["mixup=0.5", "label_smoothing=0.1"])
def test_what_changes_targets_is_refused_with_the_remedy(recipe):
    with pytest.raises(InputError, match="makes its loss of class numbers: set TrainingArguments"):
        Regularization(recipe)


def test_a_loss_that_is_not_among_the_metrics_is_refused(tmp_path):
    its = trainer(Regularization("early_stopping=3", monitor="val_loss"), tmp_path)
    with pytest.raises(InputError, match=r"watches val_loss, which isn't among the metrics .*eval_loss"):
        its.train()


def test_words_cannot_be_augmented(tmp_path):
    config = BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=2
    )
    its = trainer(
        Regularization("gaussian_noise=0.1"), tmp_path, net=AutoModelForSequenceClassification.from_config(config)
    )
    its.train_dataset = Words(32, 0)
    with pytest.raises(InputError, match=r"the model's are attention_mask, input_ids: leave it out"):
        its.train()


def test_before_a_training_there_is_nothing_to_tell():
    with pytest.raises(InputError, match="no training has begun yet"):
        _ = Regularization("l2=0.1").told
