"""A whole model as one graph: columns, encoders, networks, their mean, and what is decided from it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goodfit.blend import AnyModel, Blend
from goodfit.data.encoder import Encoder
from goodfit.export.columns import Columns, known_levels
from goodfit.export.encoding import Encoded, encode, idle_inputs, to_scale
from goodfit.export.folding import layers_of
from goodfit.export.graph import BOOLEAN, DOUBLE, FLOAT, LONG, TEXT, Graph
from goodfit.export.networks import convolve, mixed, perceive, predicted, tempered
from goodfit.export.pruning import Pruned, prune
from goodfit.model import Model

OUTPUTS = ("probabilities", "label", "prediction")


@dataclass(frozen=True, eq=False)
class Part:
    """A network, the model that it is of, the encoder of its inputs, and its share in the mean."""

    model: Model
    encoder: Encoder
    view: int
    network: Pruned
    share: float


@dataclass(frozen=True)
class Written:
    """A file, and the names of its inputs."""

    content: bytes
    inputs: tuple[str, ...]


def parts_of(model: AnyModel, *, pruned: bool) -> list[Part]:
    """All networks of a model.

    Args:
        model: one or a blend.
        pruned: whether units that do nothing are left out; else only inputs that are always 0.
    """
    blend = model if isinstance(model, Blend) else Blend((model,), (1,))
    found = []
    for own, count in zip(blend.models, blend.counts, strict=True):
        for member, view in enumerate(own.members):
            encoder, layers = own.encoders[view], layers_of(own, member)
            idle = idle_inputs(encoder) if encoder.schema.form.kind == "table" else None
            network = prune(layers, idle) if pruned else Pruned(layers, np.arange(len(layers[0].weights)))
            found.append(Part(own, encoder, view, network, count / (sum(blend.counts) * len(own.members))))
    return found


def assemble(model: AnyModel, parts: Sequence[Part]) -> Written:
    """Write a model's graph.

    Args:
        model: what predicts.
        parts: its networks.
    """
    encoders = list({id(part.encoder): part.encoder for part in parts}.values())
    graph = Graph([*dict.fromkeys(name for encoder in encoders for name in encoder.schema.names), *OUTPUTS])
    columns = Columns(graph, known_levels(encoders) if model.medium is None else {})
    alike = [[part for part in parts if part.encoder is encoder] for encoder in encoders]
    values = [value for own in alike for value in (_pictures(columns, own) if model.medium else _rows(columns, own))]
    mean = mixed(graph, values, [part.share for own in alike for part in own])
    if model.task == "regression":
        graph.output("prediction", _flat(graph, mean), (), DOUBLE)
    else:
        mean = tempered(graph, mean, model.temperature if isinstance(model, Blend) else 1.0)
        _decide(graph, model, mean)
    return Written(graph.to_bytes(_told(model)), graph.inputs)


def _rows(columns: Columns, parts: Sequence[Part]) -> list[str]:
    """Predictions of the networks that see one encoding of a table's rows."""
    encoder = parts[0].encoder
    wanted = np.zeros(len(encoder.schema.input_names), dtype=bool)
    for part in parts:
        wanted[part.network.inputs] = True
    idle = idle_inputs(encoder)
    idle[0] = False  # stands for none where nothing is heard
    encoded = encode(columns, encoder, wanted & ~idle)
    return [_predicted(columns.graph, part, _heard(columns.graph, part, encoded)) for part in parts]


def _pictures(columns: Columns, parts: Sequence[Part]) -> list[str]:
    """Predictions of the networks that see pictures or sounds."""
    graph, field = columns.graph, parts[0].encoder.schema.fields[0]
    scaled = to_scale(columns, graph.input(field.name, field.shape, FLOAT), sound=field.kind == "sound")
    found = []
    for part in parts:
        deep = len(part.model.layout.channels)
        if deep:
            hidden = convolve(graph, part.network.layers[:deep], scaled, (field.shape[1], field.shape[2]))
            found.append(_predicted(graph, part, perceive(graph, part.network.layers[deep:], hidden)))
        else:
            flat = graph.cast(graph.apply("Flatten", scaled), DOUBLE)
            encoded = Encoded(flat, np.arange(math.prod(field.shape)))
            found.append(_predicted(graph, part, _heard(graph, part, encoded)))
    return found


def _heard(graph: Graph, part: Part, encoded: Encoded) -> str:
    """A network's outputs for those of the encoded inputs that it hears."""
    rows = np.full(int(max(encoded.inputs.max(), part.network.inputs.max())) + 1, -1)
    rows[part.network.inputs] = np.arange(len(part.network.inputs))
    places = np.flatnonzero(rows[encoded.inputs] >= 0)
    first, *others = part.network.layers
    hidden = graph.pick(encoded.value, places, len(encoded.inputs))
    ordered = first.only(rows[encoded.inputs[places]])
    return perceive(graph, [ordered, *others], hidden)


def _predicted(graph: Graph, part: Part, outputs: str) -> str:
    scale = part.model.scales[part.view] if part.model.scales else None
    return predicted(graph, outputs, part.model.task, scale)


def _decide(graph: Graph, model: AnyModel, probabilities: str) -> None:
    """The outputs of a classifier: probabilities and the class that a row is taken for."""
    graph.output("probabilities", probabilities, (len(model.classes),), DOUBLE)
    classes, decision = _classes(model.classes), model.decision
    if decision is None:
        code = graph.apply("ArgMax", probabilities, attributes={"axis": 1, "keepdims": 0})
    else:
        own = _flat(graph, graph.pick(probabilities, np.array([decision.positive]), 2))
        alarm = graph.apply("GreaterOrEqual", own, decision.threshold)
        positive, other = (np.array(code, dtype=LONG) for code in (decision.positive, 1 - decision.positive))
        code = graph.apply("Where", alarm, positive, other)
    graph.output("label", graph.apply("Gather", classes, code), (), classes.dtype)


def _flat(graph: Graph, value: str) -> str:
    """A value `(N, 1)` as `(N,)`."""
    return graph.apply("Squeeze", value, np.array([1], dtype=LONG))


def _classes(classes: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Classes in one of the types that a graph has."""
    kinds = {"b": BOOLEAN, "i": LONG, "u": LONG, "f": DOUBLE}
    return classes.astype(kinds.get(classes.dtype.kind, TEXT))


def _told(model: AnyModel) -> dict[str, str]:
    told = {"task": model.task, "target": model.target, "recipe": str(model.recipe)}
    return told | ({"classes": json.dumps(model.classes.tolist())} if len(model.classes) else {})
