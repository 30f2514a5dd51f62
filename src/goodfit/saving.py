"""The run folder: weights in safetensors, everything else in JSON and parquet; no pickle.

model.safetensors   weights; its header holds the format's version, recipe, network, encoders and a checksum
run.json            settings, metrics, verdicts, versions
history.parquet     losses by epoch
report.html         made from the two above
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from goodfit.blend import Blend
from goodfit.data.encoder import Encoder
from goodfit.data.target import TargetScale
from goodfit.decision import Decision
from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.model import Model
from goodfit.networks import Layout
from goodfit.regularizers import Recipe

FORMAT, FORMAT_OF_BLENDS, FORMAT_OF_DECISIONS = 2, 3, 4
"""What is read and written: a model has the lowest that says all of it, so that older programs read what they can."""
FORMAT_OF_SUMMARIES = 1
MODEL, SUMMARY, HISTORY, REPORT = "model.safetensors", "run.json", "history.parquet", "report.html"


def write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder: all of them beside the old ones first, so that a full disk leaves those as they were.

    Args:
        folder: made if it isn't there.
        files: the content of each, by its name.

    Raises:
        OSError: a file can't be written; its `filename` is the one that was wanted.
    """
    name = ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            draft_of(folder / name).write_bytes(content)
        for name in files:
            os.replace(draft_of(folder / name), folder / name)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder / name)) from None
    finally:
        for name in files:
            with suppress(OSError):
                draft_of(folder / name).unlink()


def draft_of(path: Path) -> Path:
    """Where a file is written before it takes its place."""
    return path.with_name(f".{path.name}.new")


def run_files(
    model: Model | Blend | None, summary: Mapping[str, Any], history: pl.DataFrame | None
) -> dict[str, bytes]:
    """The files of a run, without its report."""
    files = {SUMMARY: json_text(summary).encode()}
    if model is not None:
        files[MODEL] = model_bytes(model)
    if history is not None:
        history.write_parquet(buffer := io.BytesIO())
        files[HISTORY] = buffer.getvalue()
    return files


def json_text(value: Mapping[str, Any]) -> str:
    """A dictionary as strict JSON in plain ASCII without control characters: numbers that aren't finite become null."""
    return json.dumps(_finite(value), indent=1, allow_nan=False).replace("\x7f", "\\u007f")


def model_bytes(model: Model | Blend) -> bytes:
    """A model as one safetensors file."""
    if isinstance(model, Blend):
        number, header, tensors = FORMAT_OF_BLENDS, _header(model), _tensors(model.models, named=True)
    else:
        number, header, tensors = FORMAT, _part(model), _tensors([model], named=False)
        header["encoders"] = [encoder.to_dict() for encoder in model.encoders]
    if model.decision is not None:
        number, header["decision"] = FORMAT_OF_DECISIONS, asdict(model.decision)
    metadata = {"format": str(number), "goodfit": version("goodfit"), "model": json.dumps(header)}
    return _ordered(save(tensors, metadata | {"sha256": _checksum(metadata, tensors)}))


def _ordered(file: bytes) -> bytes:
    """The same file with its header in order: safetensors writes metadata in an order that differs from run to run."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + file[end:]


def read_model(path: Path) -> Model | Blend:
    """Read a model from its file, or from the run folder that holds it.

    Raises:
        InputError: no such file; not a model; truncated, altered, or written by a newer goodfit.
    """
    file = path / MODEL if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"no model at {file}: give a run folder or the path of a {MODEL}")
    metadata, tensors = read_tensors(file)
    if "format" not in metadata or not metadata["format"].isdecimal():
        raise InputError(f"{file} is a safetensors file, but not one of goodfit's: give a run folder that it wrote")
    if int(metadata["format"]) > FORMAT_OF_DECISIONS:
        raise InputError(
            f"{file} was written by goodfit {metadata.get('goodfit', '?')} in format {metadata['format']}, "
            f"this is goodfit {version('goodfit')} with format {FORMAT_OF_DECISIONS}: upgrade goodfit"
        )
    if metadata.get("sha256") != _checksum(metadata, tensors):
        raise InputError(f"{file} was altered after it was written (its checksum is wrong): train or copy it again")
    try:
        found = _any_model(json.loads(metadata["model"]), tensors)
        _ = found.medium, found.layout.sizes  # fails here where there is none
        return found
    except Exception:  # under a checksum that is right anything may stand in any place
        raise InputError(f"{file} doesn't say a whole model: give one that goodfit wrote") from None


def _any_model(header: Mapping[str, Any], tensors: Mapping[str, NDArray[np.float32]]) -> Model | Blend:
    decision = Decision(**header["decision"]) if "decision" in header else None
    encoders = tuple(Encoder.from_dict(state) for state in header["encoders"])
    if "models" not in header:
        return replace(_model(header, encoders, tensors["parameters"], tensors["statistics"]), decision=decision)
    models = tuple(
        _model(
            part, tuple(encoders[i] for i in part["encoders"]), tensors[f"{n}.parameters"], tensors[f"{n}.statistics"]
        )
        for n, part in enumerate(header["models"])
    )
    return Blend(models, tuple(header["counts"]), header["temperature"], decision)


def read_summary(folder: Path) -> tuple[dict[str, Any], pl.DataFrame | None]:
    """Read what a run folder tells of its run: the summary, and the losses by epoch if they are there.

    Raises:
        InputError: no run there, its files can't be read, or a newer goodfit wrote them.
    """
    file, losses = folder / SUMMARY, folder / HISTORY
    if not file.is_file():
        raise InputError(f"no run in {folder}: it has no {SUMMARY}; give a folder that goodfit wrote")
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
        history = pl.read_parquet(losses.read_bytes()) if losses.is_file() else None
    except (ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the run in {folder} can't be read ({_line(error)}): make it again") from None
    if not isinstance(summary, dict):
        raise InputError(f"{file} doesn't tell of a run: give a folder that goodfit wrote, or make it again")
    if isinstance(summary.get("format"), int) and summary["format"] > FORMAT_OF_SUMMARIES:
        raise InputError(
            f"{file} was written by goodfit {summary.get('goodfit', '?')} in format {summary['format']}, "
            f"this is goodfit {version('goodfit')} with format {FORMAT_OF_SUMMARIES}: upgrade goodfit"
        )
    return summary, history


def read_tensors(file: Path) -> tuple[dict[str, str], dict[str, NDArray[np.float32]]]:
    """The metadata and the tensors of a safetensors file.

    Raises:
        InputError: it isn't there, or damaged.
    """
    try:
        with safe_open(file, "np") as opened:
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118  not a dict
            return opened.metadata() or {}, tensors
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file} is truncated or not a model ({_line(error)}): train or copy it again") from None


def _checksum(metadata: Mapping[str, str], tensors: Mapping[str, NDArray[np.float32]]) -> str:
    told = sorted((key, value) for key, value in metadata.items() if key != "sha256")
    digest = hashlib.sha256(json.dumps(told).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + repr(tensors[name].shape).encode() + tensors[name].tobytes())
    return digest.hexdigest()


def _tensors(parts: Sequence[Model], *, named: bool) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    for place, part in enumerate(parts):
        prefix = f"{place}." if named else ""
        found |= {f"{prefix}parameters": part.parameters, f"{prefix}statistics": part.statistics}
    return found


def _header(blend: Blend) -> dict[str, Any]:
    """What a blend's file says: its models, and every encoder once."""
    encoders, parts = blend.distinct_encoders, blend.models
    places = {id(encoder): place for place, encoder in enumerate(encoders)}
    models = [_part(part) | {"encoders": [places[id(encoder)] for encoder in part.encoders]} for part in parts]
    told = {"counts": list(blend.counts), "temperature": blend.temperature}
    return {"models": models, "encoders": [encoder.to_dict() for encoder in encoders]} | told


def _part(model: Model) -> dict[str, Any]:
    return {
        "task": model.task,
        "target": model.target,
        "columns": list(model.columns),
        "classes": {"dtype": model.classes.dtype.str, "values": model.classes.tolist()},
        "recipe": str(model.recipe),
        "layout": {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(model.layout).items()},
        "scales": [[scale.center, scale.scale] for scale in model.scales],
        "members": list(model.members),
    }


def _model(
    header: Mapping[str, Any],
    encoders: tuple[Encoder, ...],
    parameters: NDArray[np.float32],
    statistics: NDArray[np.float32],
) -> Model:
    classes = header["classes"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulRecipe)  # was said when it was trained
        recipe = Recipe.parse(header["recipe"])
    return Model(
        task=header["task"],
        target=header["target"],
        columns=tuple(header["columns"]),
        classes=np.array(classes["values"], dtype=np.dtype(classes["dtype"])),
        recipe=recipe,
        layout=_layout(header["layout"]),
        encoders=encoders,
        scales=tuple(TargetScale(center, scale) for center, scale in header["scales"]),
        members=tuple(header["members"]),
        parameters=parameters,
        statistics=statistics,
    )


def _layout(state: Mapping[str, Any]) -> Layout:
    picture, channels = (tuple(state.get(name, ())) for name in ("picture", "channels"))
    return Layout(tuple(state["sizes"]), state["batch_norm"], picture, channels)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
