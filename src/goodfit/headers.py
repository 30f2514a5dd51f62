"""What a model's file says beside its arrays: written from a model, and checked before a model is made of it."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.blend import Blend
from goodfit.data.encoder import Encoder
from goodfit.data.target import TargetScale
from goodfit.decision import Decision
from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.model import Model
from goodfit.networks import Layout
from goodfit.regularizers import BatchNorm, Recipe
from goodfit.templates import Named, Number, Whole, fit_template

Arrays = Mapping[str, NDArray[Any]]

FIELD = {
    "name": str,
    "kind": ("number", "boolean", "category", "date", "text", "image", "sound"),
    "levels": [str],
    "missing": bool,
    "frequency": bool,
    "clock": bool,
    "shape?": [Whole(1)],
    "reader?": str,
    "pieces?": Whole(),
    "cut?": bool,
}
ENCODER = {
    "schema": {"fields": [FIELD], "notes": [str]},
    "measures": {name: [Number()] for name in ("center", "scale", "low", "high", "fill")},
    "seen": Named([str]),
    "frequent": Named(Named(Whole(1))),
    "vocabulary?": (None, {"terms": [str], "weights": [Number(positive=True)]}),
    "pieces?": Named({"edges": [Number()], "means": [Number()]}),
}
LAYOUT = {"sizes": [Whole(1)], "batch_norm": bool, "picture?": [Whole(1)], "channels?": [Whole(1)]}
DECISION = {"positive": (0, 1), "threshold": Number()}
PART = {
    "task": ("binary", "multiclass", "regression"),
    "target": str,
    "columns": [str],
    "classes": {"dtype": str, "values": [(str, bool, Number())]},
    "recipe": str,
    "layout": LAYOUT,
    "scales": [[Number()]],
    "members": [Whole()],
}
MODEL = PART | {"encoders": [ENCODER], "decision?": DECISION}
BLEND = {
    "models": [PART | {"encoders": [Whole()]}],
    "encoders": [ENCODER],
    "counts": [Whole(1)],
    "temperature": Number(positive=True),
    "decision?": DECISION,
}
KINDS_OF_CLASSES = re.compile(r"[<>|=](b1|[iu][1248]|f[248]|O|U\d+)")
MOST_BYTES = 1 << 24
"""That classes may take beyond what their text does: texts of one width take the longest one's for each."""


def header_of(model: Model | Blend) -> dict[str, Any]:
    """What a file says of a model; of a blend its models, and every encoder once."""
    decided = {} if model.decision is None else {"decision": asdict(model.decision)}
    if isinstance(model, Model):
        return _part(model) | {"encoders": [encoder.to_dict() for encoder in model.encoders]} | decided
    encoders, parts = model.distinct_encoders, model.models
    places = {id(encoder): place for place, encoder in enumerate(encoders)}
    models = [_part(part) | {"encoders": [places[id(encoder)] for encoder in part.encoders]} for part in parts]
    told = {"counts": list(model.counts), "temperature": model.temperature}
    return {"models": models, "encoders": [encoder.to_dict() for encoder in encoders]} | told | decided


def arrays_of(model: Model | Blend) -> dict[str, NDArray[np.float32]]:
    """A model's numbers by the names that they have in its file."""
    if isinstance(model, Model):
        return {"parameters": model.parameters, "statistics": model.statistics}
    return {f"{place}.{name}": own for place, part in enumerate(model.models) for name, own in arrays_of(part).items()}


def model_of_header(header: Any, arrays: Arrays) -> Model | Blend:
    """The model that a header and the arrays beside it are of.

    Args:
        header: plain data, from anywhere.
        arrays: by their names.

    Raises:
        InputError: something is missing, is of the wrong kind, or doesn't go with the rest.
    """
    blended = isinstance(header, dict) and "models" in header
    fit_template(header, BLEND if blended else MODEL, "its header")
    encoders = tuple(map(_encoder, header["encoders"]))
    decision = Decision(**header["decision"]) if "decision" in header else None
    if not blended:
        return replace(_model(header, encoders, arrays, ""), decision=_decided(decision, header))
    parts = header["models"]
    _require(bool(parts) and len(parts) == len(header["counts"]), "it has other models than counts")
    alike = {(part["task"], part["classes"]["dtype"], repr(part["classes"]["values"])) for part in parts}
    _require(len(alike) == 1, "its models predict different things")
    models = []
    for place, part in enumerate(parts):
        _require(all(own < len(encoders) for own in part["encoders"]), "a model's encoder isn't there")
        models.append(_model(part, tuple(encoders[own] for own in part["encoders"]), arrays, f"{place}."))
    return Blend(tuple(models), tuple(header["counts"]), header["temperature"], _decided(decision, parts[0]))


def _part(model: Model) -> dict[str, Any]:
    return {
        "task": model.task,
        "target": model.target,
        "columns": list(model.columns),
        "classes": {"dtype": _kind(model.classes), "values": model.classes.tolist()},
        "recipe": str(model.recipe),
        "layout": _layout_of(model.layout),
        "scales": [[scale.center, scale.scale] for scale in model.scales],
        "members": list(model.members),
    }


def _layout_of(layout: Layout) -> dict[str, Any]:
    """Without the factors of its inputs, which a trained network's first weights hold."""
    told = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(layout).items()}
    del told["scaling"]
    return told


def _kind(classes: NDArray[Any]) -> str:
    """What NumPy's texts of any length come back as is what a list of texts does."""
    return "|O" if classes.dtype.kind == "T" else classes.dtype.str


def _model(part: Mapping[str, Any], encoders: tuple[Encoder, ...], arrays: Arrays, prefix: str) -> Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulRecipe)  # was said when it was trained
        recipe = Recipe.parse(part["recipe"])
    layout, members, scales = _layout(part["layout"]), tuple(part["members"]), part["scales"]
    number = part["task"] == "regression"
    _require(layout.batch_norm or BatchNorm not in recipe, "a network has no batch norm, but its recipe has")
    parameters = _array(arrays, f"{prefix}parameters", (len(members), layout.total))
    statistics = _array(arrays, f"{prefix}statistics", (len(members), layout.statistics))
    _require(bool(members) and max(members) < len(encoders), "a network's encoder isn't there")
    for encoder in encoders:
        _check_inputs(encoder, layout)
        _require(set(encoder.schema.names) <= set(part["columns"]), "an encoder reads a column that isn't there")
    _require(len(scales) == (len(encoders) if number else 0), "it has other scales than encoders")
    _require(all(len(scale) == 2 and scale[1] > 0 for scale in scales), "a scale of its target is none")
    classes = _classes(part["classes"])
    outputs = {"regression": 0, "binary": 2}.get(part["task"], max(layout.sizes[-1], 2))
    _require(len(classes) == outputs, "it has other classes than its task")
    _require(layout.sizes[-1] == (len(classes) if part["task"] == "multiclass" else 1), "it has other outputs")
    return Model(
        task=part["task"],
        target=part["target"],
        columns=tuple(part["columns"]),
        classes=classes,
        recipe=recipe,
        layout=layout,
        encoders=encoders,
        scales=tuple(TargetScale(center, scale) for center, scale in scales),
        members=members,
        parameters=parameters,
        statistics=statistics,
    )


def _layout(state: Mapping[str, Any]) -> Layout:
    picture, channels = (tuple(state.get(name, ())) for name in ("picture", "channels"))
    layout = Layout(tuple(state["sizes"]), state["batch_norm"], picture, channels)
    _require(len(layout.sizes) > 1, "a network has no layers")
    fits = len(picture) == 3 and math.prod(picture) == layout.sizes[0] if channels else not picture
    _require(fits, "a network's pictures have no shape")
    return layout


def _array(arrays: Arrays, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    found = arrays.get(name)
    _require(found is not None and found.shape == shape and found.dtype == np.float32, f"its {name} don't fit it")
    return np.asarray(found)


def _classes(told: Mapping[str, Any]) -> NDArray[Any]:
    """The classes in the kind of array that they were given in."""
    values, kind = told["values"], told["dtype"]
    _require(KINDS_OF_CLASSES.fullmatch(kind) is not None, f"its classes are of no kind {kind[:20]!r}")
    try:
        dtype = np.dtype(kind)
    except TypeError:
        raise InputError(f"its classes are of no kind {kind[:20]!r}") from None
    longest = max((len(value) for value in values if isinstance(value, str)), default=0)
    if dtype.kind == "U":
        _require(all(isinstance(value, str) for value in values), "its classes are no texts")
        dtype = dtype if len(values) * dtype.itemsize <= MOST_BYTES else np.dtype(f"<U{longest}")
        _require(len(values) * 4 * longest <= MOST_BYTES + 64 * sum(map(len, values)), "its classes are too wide")
    elif dtype.kind != "O":
        _require(not longest, "its classes are no numbers")
    try:
        with np.errstate(over="ignore"):
            classes = np.array(values, dtype=dtype)
    except (OverflowError, ValueError, TypeError):
        raise InputError(f"its classes don't fit into {kind}") from None
    _require(classes.tolist() == values, f"its classes don't fit into {kind}")
    return classes


def _encoder(state: Mapping[str, Any]) -> Encoder:
    encoder = Encoder.from_dict(state)
    fields = encoder.schema.fields
    media = [field for field in fields if field.kind in ("image", "sound", "text")]
    _require(bool(fields) and len(media) in (0, len(fields)) and len(media) < 2, "an encoder reads no columns")
    for field in fields:
        dimensions = {"image": 3, "sound": 3, "text": 1}.get(field.kind, 0)
        _require(len(field.shape) == dimensions, f"column {field.name!r} has no shape")
        _require(field.kind != "category" or field.name in encoder.seen, f"column {field.name!r} has no levels")
        counted = field.frequency and field.kind == "category"
        _require(counted == field.frequency, f"column {field.name!r} has no frequency")
        _require(not counted or field.name in encoder.frequent, f"column {field.name!r} has no frequencies")
    measured = sum(field.measured for field in fields)
    _require(all(len(values) == measured for values in encoder.measures), "an encoder has other measures than columns")
    _check_pieces(encoder)
    words = encoder.vocabulary
    if words is not None:
        whole = len(words.terms) == len(words.weights) == len(set(words.terms))
        _require(whole and len(words.terms) <= math.prod(fields[0].shape), "a vocabulary doesn't fit its weights")
    return encoder


def _check_pieces(encoder: Encoder) -> None:
    room = {field.name: field.pieces for field in encoder.schema.fields if field.kind == "number"}
    for name, own in encoder.pieces.items():
        fits = 2 <= len(own.edges) == len(own.means) + 1 <= room.get(name, 0) + 1
        _require(fits and bool((np.diff(own.edges) > 0).all()), f"the pieces of column {name!r} aren't in order")


def _check_inputs(encoder: Encoder, layout: Layout) -> None:
    """Refuse an encoder that gives a network more or fewer inputs than it has, before any is named."""
    fields, inputs = encoder.schema.fields, layout.sizes[0]
    if fields[0].shape:
        given = math.prod(fields[0].shape)
        _require(not layout.channels or fields[0].shape == layout.picture, "a network has pictures of another shape")
    else:
        _require(sum(field.pieces for field in fields) <= inputs, "an encoder gives other inputs than a network has")
        given = len(encoder.schema.input_names)
    _require(given == inputs, "an encoder gives other inputs than a network has")


def _decided(decision: Decision | None, part: Mapping[str, Any]) -> Decision | None:
    _require(decision is None or part["task"] == "binary", "it has a threshold, but not two classes")
    return decision


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InputError(otherwise)


__all__: Sequence[str] = ("arrays_of", "header_of", "model_of_header")
