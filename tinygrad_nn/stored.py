"""What a model file says, checked piece by piece and built: nothing is believed, and nothing is executed."""

from __future__ import annotations

import math

from .choices import ACTIVATIONS
from .nn import MLP, Layer, Neuron
from .optim import SGD, Adam, Optimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


VERSION = 1
FORMAT = "tinygrad_nn model, version "
END = "sha256 "  # and the digest of all that comes before, in the last line
SETTINGS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "SGD": (SGD, ("lr", "momentum", "nesterov", "weight_decay")),
    "Adam": (Adam, ("lr", "betas", "epsilon", "weight_decay")),
}


class StorageError(ValueError):
    """A file is no model of this library's, or a model cannot be saved: the message says what is wrong, and where."""


def digest(body: str) -> str:
    """The SHA-256 of all lines but the last."""
    import hashlib

    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def content_of(text: str) -> Any:
    """The JSON in the text of a file. Raises StorageError for another kind of file, or one that was changed."""
    import json

    first = text.partition("\n")[0]
    version = first.removeprefix(FORMAT)
    if version == first or not version.isascii() or not version.isdigit():
        raise StorageError(f"is no model of tinygrad_nn: its first line is {first[:60]!r}, not {FORMAT + '1'!r}")
    if version != str(VERSION):
        raise StorageError(f"is of version {version[:20]}, and this library reads version {VERSION}: update it")
    at = text.rfind(END)
    if at < 0 or not text.endswith("\n"):
        raise StorageError("was cut off: it does not end with the line that says how it was")
    if text[at + len(END) :] != digest(text[:at]) + "\n":
        raise StorageError("was changed after it was saved: what it holds is not what its last line says")
    try:
        return json.loads(text[len(first) : at], parse_int=float, parse_constant=lambda name: [name])
    except (ValueError, RecursionError) as error:
        raise StorageError(f"holds no JSON between its first line and its last: {error}") from None


def built(content: Any, optimizer: bool) -> tuple[Any, Optimizer | None]:
    """The model, and its optimizer if that is wanted. Raises StorageError that says which entry is wrong."""
    _keys(content, "the file", ("kind", "name", "names", "layers"), ("optimizer",))
    kind, name = content["kind"], _text(content["name"], "name")
    layers = [
        [_neuron(neuron, f"neuron {j + 1} of layer {i + 1}") for j, neuron in enumerate(_list(layer, f"layer {i + 1}"))]
        for i, layer in enumerate(_list(content["layers"], "layers"))
    ]
    if not layers or not all(layers):
        raise StorageError("has a layer without neurons, or no layer")
    widths = [len(layers[0][0]["weights"]), *map(len, layers)]
    for i, layer in enumerate(layers):
        for neuron in layer:
            if len(neuron["weights"]) != widths[i]:
                raise StorageError(
                    f"has a neuron of {len(neuron['weights'])} weights in layer {i + 1} of {widths[i]} inputs"
                )
    model = _model(kind, name, content["names"], widths)
    made: list[Any] = model.layers if kind == "MLP" else [model]
    for layer, entries in zip(made, layers, strict=True):
        for neuron, entry in zip([layer] if kind == "Neuron" else layer.neurons, entries, strict=True):
            neuron.activation = entry["activation"]
            numbers, labels = [*entry["weights"], entry["bias"]], entry["labels"]
            for k, value in enumerate((*neuron.weights, neuron.bias)):
                value.data = numbers[k]
                value.label = value.label if labels is None else labels[k]
    if not optimizer:
        return model, None
    if content.get("optimizer") is None:
        raise StorageError("holds no optimizer: it was saved without one")
    return model, _optimizer(content["optimizer"], model)


def _model(kind: Any, name: str, names: Any, widths: list[int]) -> Any:
    """A network of these widths, its numbers still to be set."""

    def nothing(rng: Any) -> float:
        return 0.0

    given = [
        _names(entry, count) for entry, count in zip(_list(names, "names", 2), (widths[0], widths[-1]), strict=True)
    ]
    if kind == "MLP":
        return MLP(widths[0], widths[1:], "linear", "linear", nothing, None, given[0], given[1], name=name)
    if kind not in ("Layer", "Neuron") or len(widths) != 2 or (kind == "Neuron" and widths[1] != 1) or any(given):
        raise StorageError(f"is of the kind {kind!r:.40}, which does not fit its layers: MLP, Layer or Neuron")
    if kind == "Layer":
        return Layer(widths[0], widths[1], "linear", init=nothing, name=name)
    return Neuron(widths[0], "linear", init=nothing, name=name)


def _neuron(entry: Any, where: str) -> dict[str, Any]:
    _keys(entry, where, ("activation", "weights", "bias"), ("labels",))
    weights = [_number(weight, where) for weight in _list(entry["weights"], f"the weights of {where}")]
    if not weights:
        raise StorageError(f"has no weights for {where}")
    activation = entry["activation"]
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise StorageError(f"has the unknown activation {activation!r:.40} for {where}")
    labels = entry.get("labels")
    if labels is not None:
        labels = [
            _text(label, f"a label of {where}") for label in _list(labels, f"the labels of {where}", len(weights) + 1)
        ]
    return {"activation": activation, "weights": weights, "bias": _number(entry["bias"], where), "labels": labels}


def _optimizer(entry: Any, model: Any) -> Optimizer:
    if not isinstance(entry, dict) or entry.get("kind") not in SETTINGS:
        raise StorageError("has an optimizer that is neither SGD nor Adam")
    names = SETTINGS[entry["kind"]][1]
    _keys(entry, "the optimizer", ("kind", "steps", "state", *names), ())
    settings = {name: _setting(entry[name], name) for name in names}
    parameters = model.parameters()
    optimizer = made_optimizer(entry["kind"], settings, parameters)
    width = len(optimizer.initial_state)
    states = _list(entry["state"], "the state of the optimizer", len(parameters))
    optimizer.state = [tuple([_number(x, "the state") for x in _list(s, "a state", width)]) for s in states]
    steps = _number(entry["steps"], "steps")
    if not (0 <= steps < 2**63 and steps == math.floor(steps)):
        raise StorageError(f"has {steps!r} steps of the optimizer, which is no count")
    optimizer.steps = int(steps)
    return optimizer


def made_optimizer(kind: str, settings: dict[str, Any], parameters: list[Any]) -> Optimizer:
    """An optimizer of these settings. Raises StorageError for what it cannot have."""
    first = settings | ({"momentum": settings["momentum"] or 0.5} if settings.get("nesterov") else {})
    try:
        optimizer: Optimizer = SETTINGS[kind][0](parameters, **first)
        for name, setting in settings.items():  # momentum may have been set to 0 after it was made
            setattr(optimizer, name, setting)
        optimizer.check()
    except (TypeError, ValueError) as error:
        raise StorageError(f"has settings of the optimizer that it cannot have: {error}") from None
    return optimizer


def _setting(setting: Any, name: str) -> Any:
    if isinstance(setting, bool):
        return setting
    return tuple([_number(x, name) for x in setting]) if isinstance(setting, list) else _number(setting, name)


def _number(entry: Any, where: str) -> float:
    """A number, or one that is not finite by its bits."""
    if type(entry) is float:
        return entry
    if isinstance(entry, str) and len(entry) == 16:
        import struct

        try:
            number: float = struct.unpack(">d", bytes.fromhex(entry))[0]
        except (ValueError, struct.error):
            number = 0.0
        if not math.isfinite(number):
            return number
    raise StorageError(f"has {entry!r:.40} for a number of {where}")


def _keys(entry: Any, where: str, wanted: tuple[str, ...], also: tuple[str, ...]) -> None:
    """Raise unless an entry is an object with these keys."""
    if not isinstance(entry, dict):
        raise StorageError(f"has {entry!r:.40} for {where}")
    if missing := [key for key in wanted if key not in entry]:
        raise StorageError(f"has no {missing[0]!r} in {where}")
    if extra := [key for key in entry if key not in wanted + also]:
        raise StorageError(f"has the unknown {extra[0]!r:.40} in {where}")


def _list(entry: Any, where: str, count: int | None = None) -> list[Any]:
    if not isinstance(entry, list) or (count is not None and len(entry) != count):
        raise StorageError(f"has {entry!r:.40} for {where}" + (f", which are {count}" if count is not None else ""))
    return entry


def _names(entry: Any, count: int) -> list[str] | None:
    if entry is None:
        return None
    return [_text(name, "a name") for name in _list(entry, "names", count)]


def _text(entry: Any, where: str) -> str:
    if not isinstance(entry, str):
        raise StorageError(f"has {entry!r:.40} for {where}")
    return entry
