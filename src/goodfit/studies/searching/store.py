"""What a search keeps on disk: Optuna's trials in a database, and the networks of each batch in a file."""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
import warnings
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.errors import DamagedFile, InputError
from goodfit.networks import Layout
from goodfit.regularizers import BatchNorm
from goodfit.rng import derive
from goodfit.saving import write_all
from goodfit.sealed import Arrays, read_sealed, sealed
from goodfit.studies.fitting import Plan, model_from
from goodfit.studies.problem import Problem
from goodfit.studies.searching.asking import STUDY
from goodfit.studies.searching.batch import Batch, Trial, out_of_fold
from goodfit.studies.searching.choices import Choices, Draft
from goodfit.studies.searching.database import url_of
from goodfit.studies.searching.rooms import Rooms
from goodfit.templates import Number, Whole, fit_template, parsed
from goodfit.training import History, RunResult, Settings

FORMAT = 2
DATABASE, OWN, BATCHES = "trials.db", "name.txt", "batch-*.safetensors"

OUTCOMES = ("finished", "stopped", "out of time")
"""Of networks that are kept."""
TRIAL = {
    "number": Whole(),
    "draft": {
        "recipe": str,
        "learning_rate": Number(positive=True),
        "hidden": [Whole(1)],
        "pieces": Whole(),
        "cut": bool,
        "batch_size": Whole(1),
    },
    "loss": (None, Number()),
    "epochs": Whole(1),
    "outcomes": [OUTCOMES],
    "best_epochs": [Whole(1)],
}
SETTINGS = {
    "hidden": [Whole(1)],
    "optimizer": ("sgd", "adam", "adamw"),
    "momentum": Number(),
    "batch_size": Whole(1),
    "max_epochs": Whole(1),
    "schedule": ("constant", "cosine"),
    "precision": ("float32", "bfloat16"),
    "channels": [Whole(1)],
    "scaling": Number(),
}
BATCH = {"settings": SETTINGS, "trials": [TRIAL], "seconds": Number(), "work": Number()}


@dataclass
class Store:
    """Where a search is kept.

    Args:
        folder: for the networks and, without a URL, the database.
        job: what the search is about, by `job_of`: files of another are none of this one's business.
        given: URL of a database to keep the trials in; None for a file in the folder.
    """

    folder: Path
    job: str
    given: str | None = None
    written: int = field(default=0, init=False)

    @property
    def url(self) -> str:
        """Of the database."""
        if self.given:
            return self.given
        self.folder.mkdir(parents=True, exist_ok=True)
        return url_of(self.folder / DATABASE)

    @property
    def study(self) -> str:
        """The name of the study: in a database that others may use too, one that no other folder's search has."""
        name = f"{STUDY}-{self.job[:16]}"
        return f"{name}-{self._own()}" if self.given else name

    def keep(self, batch: Batch) -> None:
        """Write a batch; a file is there whole or not at all."""
        content = sealed(_arrays(batch), {"job": self.job, "batch": json.dumps(_header(batch), allow_nan=False)})
        write_all(self.folder, {self._path(self.written).name: content})
        self.written += 1

    def batches(self, rooms: Rooms) -> list[Batch]:
        """The batches of the same job, in order; what is damaged among them is said and left out."""
        found: list[Batch] = []
        for path in sorted(self.folder.glob(BATCHES)):
            if batch := self._read(path, rooms):
                found.append(batch)
                self.written = int(path.stem.rpartition("-")[2]) + 1
        return found

    def clear(self) -> None:
        """Remove the networks: the search is done."""
        for path in self.folder.glob(BATCHES):
            path.unlink(missing_ok=True)

    def _own(self) -> str:
        """A name of this folder's own, drawn when it is first asked for."""
        path = self.folder / OWN
        found = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if not re.fullmatch(r"[0-9a-f]{16}", found):
            found = secrets.token_hex(8)
            write_all(self.folder, {OWN: found.encode()})
        return found

    def _path(self, number: int) -> Path:
        return self.folder / f"batch-{number:04d}.safetensors"

    def _read(self, path: Path, rooms: Rooms) -> Batch | None:
        try:
            told, arrays = read_sealed(path)
            return _batch(parsed(told.get("batch", "")), arrays, rooms) if told.get("job") == self.job else None
        except InputError:
            said = f"{path} is damaged, or of an older goodfit: the search goes on without its trials"
            warnings.warn(said, DamagedFile, stacklevel=2)
            return None


def is_search(folder: Path) -> bool:
    """Whether a search was begun there."""
    return (folder / DATABASE).is_file() or (folder / OWN).is_file() or any(folder.glob(BATCHES))


def is_barely_begun(folder: Path) -> bool:
    """Whether a search that was killed early may have left the folder: there is nothing whole in it."""
    if not folder.is_dir():
        return False
    return all(path.name.startswith(".") and path.name.endswith(".new") for path in folder.iterdir())


def job_of(problem: Problem, choices: Choices, plan: Plan) -> str:
    """A hash of all that a search hangs on but its time."""
    digest = hashlib.sha256(repr((version("goodfit"), FORMAT, str(choices.space), choices, plan)).encode())
    for column in problem.table.columns:
        digest.update(repr((column.name, column.kind, column.levels)).encode())
        digest.update(np.ascontiguousarray(column.values).tobytes())
    for values in (problem.target, problem.weights, problem.groups, problem.times):
        digest.update(b"|" if values is None else np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _header(batch: Batch) -> dict[str, Any]:
    trials = [
        {
            "number": trial.number,
            "draft": trial.draft.to_dict(),
            "loss": trial.loss if np.isfinite(trial.loss) else None,
            "epochs": trial.epochs,
            "outcomes": [result.outcome for result in trial.results],
            "best_epochs": [result.best_epoch for result in trial.results],
        }
        for trial in batch.trials
    ]
    return {
        "settings": asdict(batch.settings),
        "trials": trials,
        "seconds": batch.seconds,
        "work": batch.work,
    }


def _arrays(batch: Batch) -> Arrays:
    arrays: Arrays = {}
    for trial in batch.trials:
        for place, result in enumerate(trial.results):
            name = f"{trial.number}.{place}"
            arrays[f"{name}.parameters"] = result.parameters
            arrays[f"{name}.statistics"] = result.statistics
            arrays[f"{name}.losses"] = np.stack([result.history.train, result.history.validation])
    return arrays


def _batch(header: Any, arrays: Arrays, rooms: Rooms) -> Batch:
    fit_template(header, BATCH, "its header")
    settings = _settings(header["settings"])
    told = header["trials"]
    drafts = [Draft.from_dict(each["draft"]) for each in told]
    norm = any(BatchNorm in draft.recipe for draft in drafts)
    trials = []
    for each, draft in zip(told, drafts, strict=True):
        number, loss, epochs = each["number"], math.nan if each["loss"] is None else each["loss"], each["epochs"]
        if not each["outcomes"]:
            trials.append(Trial(number, draft, loss, epochs, ()))
            continue
        results = _results(each, draft, arrays, rooms, settings=settings, norm=norm)
        prepared = rooms.of(draft.shape, [draft.recipe])
        predicted, model = out_of_fold(prepared, results), model_from(prepared, results)
        trials.append(Trial(number, draft, loss, epochs, results, predicted, model))
    return Batch(tuple(trials), settings, header["seconds"], header["work"])


def _settings(told: dict[str, Any]) -> Settings:
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in told.items()}
    return Settings(**values)


def _results(
    told: dict[str, Any], draft: Draft, arrays: Arrays, rooms: Rooms, *, settings: Settings, norm: bool
) -> tuple[RunResult, ...]:
    prepared = rooms.of(draft.shape, [draft.recipe])
    layout: Layout = prepared.data.layout(settings, batch_norm=norm).plain
    if not len(told["outcomes"]) == len(told["best_epochs"]) == len(rooms.splits):
        raise InputError("it has other networks than folds")
    found = []
    for place, (_, held) in enumerate(rooms.splits):
        seed, name = derive(rooms.seed, place), f"{told['number']}.{place}"
        run = prepared.run(draft.recipe, place, held, seed=seed, learning_rate=draft.learning_rate)
        best = told["best_epochs"][place]
        losses = _array(arrays, f"{name}.losses", np.float64)
        if losses.ndim != 2 or len(losses) != 2 or losses.shape[1] < best:
            raise InputError(f"its {name}.losses are none")
        found.append(
            RunResult(
                run=run,
                parameters=_array(arrays, f"{name}.parameters", np.float32, layout.total),
                statistics=_array(arrays, f"{name}.statistics", np.float32, layout.statistics),
                layout=layout,
                history=History(losses[0], losses[1]),
                best_epoch=best,
                outcome=told["outcomes"][place],
            )
        )
    return tuple(found)


def _array(arrays: Arrays, name: str, kind: type[np.floating[Any]], length: int | None = None) -> NDArray[Any]:
    found = arrays.get(name)
    if found is None or found.dtype != kind or (length is not None and found.shape != (length,)):
        raise InputError(f"its {name} don't fit it")
    return found
