"""Regularization of a model that a Hugging Face Trainer trains, as its callback."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.places import Averages, Decays, InLoss
from goodfit.regularizers.recipe import Regularizer
from goodfit.torch.hosted import Hosted, Settings
from goodfit.torch.loaders import once_more
from goodfit.torch.packing import read_state, write_state
from goodfit.torch.regularized import Regularized
from goodfit.torch.told import Told
from goodfit.torch.weights import Penalized

try:
    from accelerate import __version__ as _  # noqa: F401
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError:
    raise InputError('goodfit.torch.huggingface needs Transformers: pip install "goodfit[transformers]"') from None

FILE = "goodfit.safetensors"
"""What a checkpoint's folder keeps of a callback."""


class Regularization(TrainerCallback):
    """A recipe for the model that a Hugging Face Trainer trains.

    It does with the model what `goodfit.torch.Regularized` does in a loop of your own: dropout and batch norm in its
    layers, penalties, decay and proximal steps around those of the Trainer's optimizer, early stopping, and averages.
    Evaluation is of the averaged weights where the recipe averages; after `train` the model has the best weights, or
    the averaged ones. The Trainer's checkpoints hold all that a resumed training needs.

    Args:
        recipe: a Recipe, a regularizer, or a text. Mixup and label smoothing are refused: the model makes its loss of
            class numbers itself.
        monitor: the metric that is the validation loss; patience counts evaluations.
        insert: whether dropout and batch norm are put in where the model has none; the callback is then to be among
            those that the Trainer is made with.
        penalized: says of a parameter's name and values whether it is treated as a weight; see Regularized.
        seed: of augmentation's random numbers.
        checkpoint: the folder to go on from, where it isn't in `output_dir`.

    Raises:
        InputError: the recipe is wrong; while training: as Regularized and its `attach`; the Trainer shrinks or
            restores weights by itself as the recipe does; the monitored loss isn't among the metrics; there is no
            evaluation to stop by; the checkpoint to go on from lacks the callback's file; the model's inputs aren't
            numbers, which augmentation needs.

    Example:
        >>> from goodfit.torch.huggingface import Regularization
        >>> callback = Regularization("l2=0.0001, weight_averaging=0.999, early_stopping=5")
        >>> callback.settings.monitor
        'eval_loss'

    Note:
        With several evaluation sets the first is shown the averaged weights, the others those that are being trained.
    """

    def __init__(
        self,
        recipe: Recipe | Regularizer | str,
        *,
        monitor: str = "eval_loss",
        insert: bool = False,
        penalized: Penalized | None = None,
        seed: int = 0,
        checkpoint: str | Path | None = None,
    ) -> None:
        self.settings = Settings(recipe, monitor, insert, None, penalized, seed)
        self.checkpoint = checkpoint
        self._hosted = Hosted(self.settings)
        self._augmenting: RemovableHandle | None = None
        self._training, self._unwatched = False, ""
        if self._hosted.changing_targets:
            raise InputError(
                f"{self._hosted.changing_targets[0].name} changes targets, and a Hugging Face model makes its loss of "
                "class numbers: set TrainingArguments(label_smoothing_factor=...), or call "
                "goodfit.torch.Regularized.augment in a compute_loss of your own"
            )

    @property
    def model(self) -> Regularized:
        """The model, regularized."""
        return self._hosted.there

    @property
    def told(self) -> Told:
        """What the training has done so far."""
        return self._hosted.told()

    # -- what the Trainer calls ----------------------------------------------------------------------------------------

    def on_init_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        """Once the Trainer has a model and before it has an optimizer."""
        if given["model"] is not None:
            self._hosted.take(given["model"])

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """Once there is an optimizer, and checkpoints are loaded."""
        optimizer = _bare(given["optimizer"])
        self._check(args, optimizer)
        self._hosted.take(given["model"])
        if state.global_step:
            self._hosted.go_on(self._saved(args, state))
        self._hosted.attach([optimizer])
        if self._hosted.augmenting and self._augmenting is None:
            hook = partial(self._augment, set(args.label_names or ["labels"]))
            self._augmenting = given["model"].register_forward_pre_hook(hook, with_kwargs=True)
        self._training, self._unwatched = True, ""

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """The weights that are being trained, whatever came of an evaluation."""
        self._hosted.back()
        if self._unwatched and self._hosted.stops and not self.told.losses:
            raise InputError(
                f"early stopping watches {self.settings.monitor}, which isn't among the metrics ({self._unwatched}): "
                "give one of them as monitor, or the evaluation set labels"
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        """Show the averaged weights to the evaluation that follows."""
        if control.should_evaluate:
            self._hosted.show(partial(once_more, given["train_dataloader"]))

    on_epoch_end = on_step_end

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        """Note the loss, before a checkpoint is written."""
        if not self._training or not state.global_step:
            return
        metrics = given["metrics"]
        if self.settings.monitor not in metrics:
            self._unwatched = ", ".join(sorted(metrics))
            self._hosted.back()
        elif self._hosted.watch(metrics, partial(once_more, given["train_dataloader"]), ""):
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        """Put a file into the checkpoint."""
        folder = _folder(args, state)
        if state.is_world_process_zero and folder.is_dir():
            write_state({"step": state.global_step, "state": self._hosted.state()}, str(folder / FILE))

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        """Hand out the best weights."""
        self._training = False
        if self._augmenting:
            self._augmenting.remove()
            self._augmenting = None
        self._hosted.finish(partial(once_more, given["train_dataloader"]))

    # -- how -----------------------------------------------------------------------------------------------------------

    def _check(self, args: TrainingArguments, optimizer: Optimizer) -> None:
        recipe, stops = self._hosted.recipe, self._hosted.stops
        shrinking = [part.name for part in recipe if isinstance(part, InLoss | Decays)]
        if shrinking and args.weight_decay and any(group.get("weight_decay") for group in optimizer.param_groups):
            raise InputError(
                f"TrainingArguments has weight_decay={args.weight_decay:g} beside the recipe's {shrinking[0]}: set it "
                "to 0, and say in the recipe alone how weights shrink"
            )
        if args.load_best_model_at_end and (stops or any(isinstance(part, Averages) for part in recipe)):
            raise InputError(
                "load_best_model_at_end would take the place of the weights that the recipe hands out: set it to False"
            )
        if stops and args.eval_strategy == "no":
            raise InputError('early stopping needs evaluations: set TrainingArguments(eval_strategy="epoch")')

    def _saved(self, args: TrainingArguments, state: TrainerState) -> dict[str, Any]:
        resumed = args.resume_from_checkpoint
        named = self.checkpoint or (resumed if isinstance(resumed, str) and Path(resumed).is_dir() else None)
        file = (Path(named) if named else _folder(args, state)) / FILE
        if not file.is_file():
            raise InputError(
                f"{file} isn't there, without which the recipe can't go on at step {state.global_step}: give "
                "Regularization(checkpoint=...) the folder that the training goes on from"
            )
        saved = read_state(str(file), str(args.device))
        if saved["step"] != state.global_step:
            raise InputError(
                f"{file} is of step {saved['step']}, and the training goes on from {state.global_step}: give "
                "Regularization(checkpoint=...) the same folder"
            )
        found: dict[str, Any] = saved["state"]
        return found

    def _augment(self, labels: set[str], model: nn.Module, args: Any, inputs: dict[str, Any]) -> Any:
        """A hook before the model's forward: its inputs, changed in training."""
        if not model.training:
            return None
        rows = {name: v for name, v in inputs.items() if name not in labels and isinstance(v, Tensor) and v.dim()}
        found = [name for name, value in rows.items() if value.is_floating_point()]
        if len(found) != 1:
            raise InputError(
                f"{self._hosted.augmenting[0].name} changes inputs that are numbers, and the model's are "
                f"{', '.join(sorted(rows)) or 'not given by name'}: leave it out of the recipe"
            )
        values = inputs[found[0]]
        changed, _ = self.model.augment(values, values.new_zeros(len(values)))
        return args, inputs | {found[0]: changed}


def _bare(optimizer: Optimizer) -> Optimizer:
    """The optimizer of torch inside those that accelerate makes around it."""
    inner = getattr(optimizer, "optimizer", None)
    return _bare(inner) if isinstance(inner, Optimizer) else optimizer


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    """Where the Trainer keeps the checkpoint of the step."""
    return Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
