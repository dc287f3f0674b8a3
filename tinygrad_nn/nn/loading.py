"""What a model file says, checked piece by piece and built: nothing is believed, and nothing is executed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..optim import SGD, Adam, Optimizer
from ..schedules import SCHEDULES
from . import entries
from .activations import ACTIVATION_NAMES, SOFTMAX
from .entries import StorageError
from .layers import MLP, Layer, Neuron

VERSION, READ = 2, ("1", "2")  # written, and read: 2 added schedules, thresholds, and where a run of fit stands
FORMAT = "tinygrad_nn model, version "
END = "sha256 "  # and the digest of all that comes before, in the last line
SETTINGS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "SGD": (SGD, ("lr", "momentum", "nesterov", "weight_decay")),
    "Adam": (Adam, ("lr", "betas", "epsilon", "weight_decay")),
}


def digest(body: str) -> str:
    """The SHA-256 of all lines but the last."""
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def content_of(text: str) -> Any:
    """The JSON in the text of a file. Raises StorageError for another kind of file, or one that was changed."""
    first = text.partition("\n")[0]
    version = first.removeprefix(FORMAT)
    if version == first or not version.isascii() or not version.isdigit():
        raise StorageError(
            f"is no model of tinygrad_nn: its first line is {first[:60]!r}, not {FORMAT + str(VERSION)!r}"
        )
    if version not in READ:
        raise StorageError(f"is of version {version[:20]}, and this library reads up to version {VERSION}: update it")
    at = text.rfind(END)
    if at < 0 or not text.endswith("\n"):
        raise StorageError("was cut off: it does not end with the line that says how it was")
    if text[at + len(END) :] != digest(text[:at]) + "\n":
        raise StorageError("was changed after it was saved: what it holds is not what its last line says")
    try:
        return json.loads(text[len(first) : at], parse_int=float, parse_constant=lambda name: [name])
    except (ValueError, RecursionError) as error:
        raise StorageError(f"holds no JSON between its first line and its last: {error}") from None


def built(content: Any, optimizer: bool, lr: Any = None) -> Any:
    """The model, or the pair of it and its optimizer if that is wanted, with another `lr` if one is given.

    Raises StorageError that says which entry is wrong.
    """
    entries.keys(content, "the file", ("kind", "name", "names", "layers"), ("optimizer", "run", "thresholds"))
    kind, name = content["kind"], entries.text(content["name"], "name")
    layers = [
        [_neuron(neuron, f"neuron {j} of layer {i}") for j, neuron in enumerate(entries.items(layer, f"layer {i}"), 1)]
        for i, layer in enumerate(entries.items(content["layers"], "layers"), 1)
    ]
    if not layers or not all(layers):
        raise StorageError("has a layer without neurons, or no layer")
    widths = [len(layers[0][0][1]) - 1, *map(len, layers)]
    _check_layers(layers, widths)
    model = _model(kind, name, content["names"], widths)
    made: list[Any] = model.layers if kind == "MLP" else [model]
    for layer, listed in zip(made, layers, strict=True):
        for neuron, entry in zip([layer] if kind == "Neuron" else layer.neurons, listed, strict=True):
            neuron.activation, numbers, labels = entry
            for k, value in enumerate((*neuron.weights, neuron.bias)):
                value.data = numbers[k]
                value.label = value.label if labels is None else labels[k]
    if (cuts := content.get("thresholds")) is not None:
        model._learned = entries.number_list(cuts, "the thresholds", widths[-1])
    if not optimizer:
        return model
    if content.get("optimizer") is None:
        raise StorageError("holds no optimizer: it was saved without one")
    return model, _optimizer(content["optimizer"], model, lr)


def _check_layers(layers: list[list[tuple[str, list[float], Any]]], widths: list[int]) -> None:
    """Raise where neurons do not take what the layer before gives, or softmax is not of all of two or more."""
    for i, layer in enumerate(layers, 1):
        for _, (*weights, _), _ in layer:
            if len(weights) != widths[i - 1]:
                raise StorageError(f"has a neuron of {len(weights)} weights in layer {i} of {widths[i - 1]} inputs")
        found = [activation for activation, *_ in layer]
        if SOFTMAX in found and (len(found) == 1 or set(found) != {SOFTMAX}):
            raise StorageError(f"has softmax in layer {i}, but not for two neurons or more and all of them")


def _model(kind: Any, name: str, names: Any, widths: list[int]) -> Any:
    """A network of these widths, its numbers still to be set."""
    inputs, outputs = entries.items(names, "names", 2)
    given = [_texts(inputs, "names", widths[0]), _texts(outputs, "names", widths[-1])]
    options: dict[str, Any] = {"activation": "linear", "init": lambda rng: 0.0, "name": name}
    if kind == "MLP":
        return MLP(widths[0], widths[1:], input_names=given[0], output_names=given[1], **options)
    if kind not in ("Layer", "Neuron") or len(widths) != 2 or (kind == "Neuron" and widths[1] != 1) or any(given):
        raise StorageError(f"is of the kind {kind!r:.40}, which does not fit its layers: MLP, Layer or Neuron")
    return Layer(widths[0], widths[1], **options) if kind == "Layer" else Neuron(widths[0], **options)


def _neuron(entry: Any, where: str) -> tuple[str, list[float], list[str] | None]:
    """The activation of a neuron, its weights and its bias, and their labels where they are not those of a new one."""
    entries.keys(entry, where, ("activation", "weights", "bias"), ("labels",))
    weights = entries.number_list(entry["weights"], f"the weights of {where}")
    if not weights:
        raise StorageError(f"has no weights for {where}")
    activation = entry["activation"]
    if not isinstance(activation, str) or activation not in ACTIVATION_NAMES:
        raise StorageError(f"has the unknown activation {activation!r:.40} for {where}")
    labels = _texts(entry.get("labels"), f"the labels of {where}", len(weights) + 1)
    return activation, [*weights, entries.number(entry["bias"], where)], labels


def _optimizer(entry: Any, model: Any, lr: Any) -> Optimizer:
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str) or entry["kind"] not in SETTINGS:
        raise StorageError("has an optimizer that is neither SGD nor Adam")
    names = SETTINGS[entry["kind"]][1]
    entries.keys(entry, "the optimizer", ("kind", "steps", "state", *names), ())
    try:
        given = lr if lr is not None else _rate(entry["lr"])
    except RecursionError:
        raise StorageError("has a schedule within a schedule, and so on without end") from None
    if given is None:
        raise StorageError(
            "holds an optimizer whose lr was a function, which no file can hold: give it, as in load(path, "
            "optimizer=True, lr=...)"
        )
    settings = {name: given if name == "lr" else _setting(entry[name], name) for name in names}
    parameters = model.parameters()
    optimizer = made_optimizer(entry["kind"], settings, parameters)
    width = len(optimizer.initial_state)
    states = entries.items(entry["state"], "the state of the optimizer", len(parameters))
    optimizer.state = [tuple(entries.number_list(state, "a state", width)) for state in states]
    optimizer.steps = entries.count(entry["steps"], "steps of the optimizer")
    return optimizer


def _rate(entry: Any) -> Any:
    """A number, a schedule, or None for a function, which is not in the file, and for a warmup to one."""
    if not isinstance(entry, dict):
        return None if entry is None else entries.number(entry, "lr")
    name = entry.get("schedule")
    if not isinstance(name, str) or name not in SCHEDULES:
        raise StorageError(f"has the unknown schedule {name!r:.40} for the lr")
    settings = {key: _rate(setting) for key, setting in entry.items() if key != "schedule"}
    if settings.get("after", 0.0) is None:
        return None
    for key in ("steps", "every"):
        if key in settings:
            settings[key] = entries.count(settings[key], f"{key} of a schedule")
    try:
        return SCHEDULES[name](**settings)
    except (TypeError, ValueError) as error:
        raise StorageError(f"has a schedule for the lr that there cannot be: {error}") from None


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
    if isinstance(setting, list):
        return tuple(entries.number_list(setting, name))
    return setting if isinstance(setting, bool) else entries.number(setting, name)


def _texts(entry: Any, where: str, count: int) -> list[str] | None:
    return None if entry is None else [entries.text(inner, where) for inner in entries.items(entry, where, count)]
