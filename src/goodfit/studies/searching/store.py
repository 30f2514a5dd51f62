"""What a search keeps on disk: Optuna's trials in a database, and the networks of each batch in a file."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from goodfit.errors import InputError
from goodfit.networks import Layout
from goodfit.regularizers import BatchNorm
from goodfit.rng import derive
from goodfit.saving import read_tensors, write_all
from goodfit.studies.fitting import Plan, model_from
from goodfit.studies.problem import Problem
from goodfit.studies.searching.asking import STUDY
from goodfit.studies.searching.batch import Batch, Trial, out_of_fold
from goodfit.studies.searching.choices import Choices, Draft
from goodfit.studies.searching.database import url_of
from goodfit.studies.searching.rooms import Rooms
from goodfit.training import History, RunResult, Settings

FORMAT = 1
DATABASE, OWN, BATCHES = "trials.db", "name.txt", "batch-*.safetensors"

Arrays = dict[str, NDArray[Any]]


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
        content = save(_arrays(batch), {"job": self.job, "batch": json.dumps(_header(batch))})
        write_all(self.folder, {self._path(self.written).name: content})
        self.written += 1

    def batches(self, rooms: Rooms) -> list[Batch]:
        """The batches of the same job, in order, up to the first that is missing or damaged."""
        found: list[Batch] = []
        while batch := self._read(self._path(len(found)), rooms):
            found.append(batch)
        self.written = len(found)
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
            metadata, arrays = read_tensors(path)
        except InputError:
            return None
        return _batch(json.loads(metadata["batch"]), arrays, rooms) if metadata.get("job") == self.job else None


def is_search(folder: Path) -> bool:
    """Whether a search was begun there."""
    return (folder / DATABASE).is_file() or (folder / OWN).is_file() or any(folder.glob(BATCHES))


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
            "loss": trial.loss,
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


def _batch(header: dict[str, Any], arrays: Arrays, rooms: Rooms) -> Batch:
    settings = _settings(header["settings"])
    told = header["trials"]
    drafts = [Draft.from_dict(each["draft"]) for each in told]
    norm = any(BatchNorm in draft.recipe for draft in drafts)
    trials = []
    for each, draft in zip(told, drafts, strict=True):
        results = _results(each, draft, arrays, rooms, settings=settings, norm=norm) if each["outcomes"] else ()
        if not results:
            trials.append(Trial(each["number"], draft, each["loss"], each["epochs"], ()))
            continue
        prepared = rooms.of(draft.shape, [draft.recipe])
        predicted, model = out_of_fold(prepared, results), model_from(prepared, results)
        trials.append(Trial(each["number"], draft, each["loss"], each["epochs"], results, predicted, model))
    return Batch(tuple(trials), settings, header["seconds"], header["work"])


def _settings(told: dict[str, Any]) -> Settings:
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in told.items()}
    return Settings(**values)


def _results(
    told: dict[str, Any], draft: Draft, arrays: Arrays, rooms: Rooms, *, settings: Settings, norm: bool
) -> tuple[RunResult, ...]:
    prepared = rooms.of(draft.shape, [draft.recipe])
    layout: Layout = prepared.data.layout(settings, batch_norm=norm)
    found = []
    for place, (_, held) in enumerate(rooms.splits):
        seed, name = derive(rooms.seed, place), f"{told['number']}.{place}"
        run = prepared.run(draft.recipe, place, held, seed=seed, learning_rate=draft.learning_rate)
        losses = arrays[f"{name}.losses"]
        found.append(
            RunResult(
                run=run,
                parameters=arrays[f"{name}.parameters"],
                statistics=arrays[f"{name}.statistics"],
                layout=layout,
                history=History(losses[0], losses[1]),
                best_epoch=told["best_epochs"][place],
                outcome=told["outcomes"][place],
            )
        )
    return tuple(found)
