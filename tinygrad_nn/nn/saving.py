"""Models as text files: every bit of every number comes back, and reading one executes nothing.

A file is a line with the format and its version, the model as JSON, a neuron a line, and the SHA-256 of all that, so
that a file that was cut off or changed is told from the one that was saved.
"""

from __future__ import annotations

import json
import math
import struct
from os import PathLike
from typing import Any

from ..autograd.value import LEAVES
from ..optim import Optimizer
from ..schedules import LearningRate, Schedule, checked_setting
from ..support.checks import checked_count, checked_switch
from ..support.files import path_of, write_all
from ..support.numbers import as_float
from .activations import ACTIVATION_NAMES, SOFTMAX
from .entries import StorageError
from .layers import MLP, Layer, Neuron
from .loading import END, FORMAT, SETTINGS, VERSION, built, content_of, digest, made_optimizer
from .module import Module, learned_by


def save(model: Module, path: str | PathLike[str], optimizer: Optimizer | None = None) -> None:
    """Write an MLP, a Layer or a Neuron to a text file, with the settings and the state of its optimizer if given.

    Numbers, activations, labels, the names of the network, its inputs and outputs, and the thresholds that `fit` left
    for `predict_classes` come back from `load` as they are, to the bit. The file is written beside its place and then
    put there in one go, so that a crash or a full disk leaves what was there before.

    Of an lr that is a function, and no schedule of `optim`, the file says only that: `load` wants it again.

    Raises StorageError for what the format does not hold: activations that are functions, neurons that were wired by
    hand or share weights, Modules of your own (keep their state_dict()); OSError where the file cannot be written.

    >>> import os, tempfile
    >>> model = MLP(2, [3, 1], activation="tanh")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, os.path.join(folder, "model.txt"))
    ...     again = load(os.path.join(folder, "model.txt"))
    >>> again.state_dict() == model.state_dict(), again
    (True, MLP(2, [3, 1], activation='tanh', output_activation='linear'))
    """
    write_all([(path, text_of(model, optimizer))])


def load(path: str | PathLike[str], optimizer: bool = False, lr: LearningRate | None = None) -> Any:
    """The model in a file that `save` wrote, or a checkpoint of `fit`; with optimizer=True the pair of it and its
    optimizer, whose lr is then `lr` if one is given, as it must be where the lr was a function of your own.

    Nothing in the file is executed. Raises StorageError for a file that is no such model, was cut off or changed, or is
    of a later version, and where the optimizer is asked for and not there; OSError where it cannot be read.
    """
    optimizer = checked_switch("optimizer", optimizer)
    if lr is not None:
        lr = lr if callable(lr) else checked_setting("lr", lr)
        if not optimizer:
            raise ValueError("an lr is the optimizer's: load(path, optimizer=True, lr=...) gives it with the model")
    text = text_in(path)
    try:
        return model_of(text, optimizer, lr)
    except StorageError as error:
        raise StorageError(f"{path_of(path)} {error}") from None


def text_in(path: Any) -> str:
    """The text of a file. Raises StorageError for one that is not text, OSError where it cannot be read."""
    path = path_of(path)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError:
        raise StorageError(f"{path} is no model of tinygrad_nn: it is not text") from None


def model_of(text: str, optimizer: bool = False, lr: LearningRate | None = None) -> Any:
    """The model of a text, or the pair of it and its optimizer."""
    return built(content_of(text), optimizer, lr)


def text_of(model: Module, optimizer: Optimizer | None = None, run: str = "") -> str:
    """A model as the text of a file, with its optimizer, and with where a run stands as JSON, if they are given."""
    layers = layers_of(model)
    place: Any = model.place  # type: ignore[attr-defined]
    names = [getattr(model, name, None) for name in ("input_names", "output_names")]
    for given, count in zip(names, (len(layers[0][0].weights), len(layers[-1])), strict=True):
        listed = isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)
        if given is not None and not (listed and len(given) == count):
            raise StorageError(f"the model has {count} inputs or outputs, but these names for them: {given!r}")
    if not isinstance(place.name, str):
        raise StorageError(f"the name of a model is text, but this one's is {place.name!r}")
    lines = ",\n ".join("[" + ",\n  ".join(map(_neuron_text, neurons)) + "]" for neurons in layers)
    head = json_of({"kind": type(model).__name__, "name": place.name, "names": names})[:-1]
    state = "" if optimizer is None else f',\n"optimizer": {_optimizer_text(optimizer, model)}'
    learned = learned_by(model)
    if learned is not None and len(learned) == len(layers[-1]):
        state += f',\n"thresholds": {json_of([float(cut) for cut in learned])}'
    state += f',\n"run": {run}' if run else ""
    body = f'{FORMAT}{VERSION}\n{head}, "layers": [\n {lines}]{state}}}\n'
    return f"{body}{END}{digest(body)}\n"


def layers_of(model: Module) -> list[list[Neuron]]:
    """The neurons of each layer. Raises StorageError for what is not wired as it was made."""
    if type(model) not in (MLP, Layer, Neuron):
        raise StorageError(
            f"save() writes an MLP, a Layer or a Neuron, but got {model!r} of class {type(model).__name__}: of your "
            "own Modules keep the state_dict()"
        )
    layers: list[Any] = model.layers if isinstance(model, MLP) else [model]
    rows = [layer.neurons if isinstance(layer, Layer) else [layer] for layer in layers]
    before = None
    for neurons in rows:
        for neuron in neurons:
            _check_neuron(neuron, before or len(neurons[0].weights))
        if len({neuron.activation == SOFTMAX for neuron in neurons}) > 1:
            raise StorageError(f"softmax is of all neurons of {neurons[0].place.within}, but not all of them have it")
        before = len(neurons)
    values = [value for neurons in rows for neuron in neurons for value in (*neuron.weights, neuron.bias)]
    for value in values:
        if type(value) not in LEAVES or as_float(value.data) is None or not isinstance(value.label, str):
            raise StorageError(f"save() writes weights that are Values of numbers, labelled by text, but got {value!r}")
    if len({id(value) for value in values}) < len(values):
        raise StorageError("save() writes each weight once, but some of these neurons share theirs")
    own = {id(value) for value in values}
    for name, parameter in model.named_parameters():
        if id(parameter) not in own:
            raise StorageError(f"save() writes networks as they were made, but this model has the parameter {name}")
    return rows


def _check_neuron(neuron: Any, width: int) -> None:
    """Raise StorageError for a neuron of another kind or number of weights, or whose activation has no name."""
    if type(neuron) is not Neuron or len(neuron.weights) != width:
        raise StorageError(f"save() writes networks as they were made, but {neuron!r} was wired by hand")
    if not isinstance(neuron.activation, str):
        raise StorageError(f"the activation of {neuron.name} is a function, which no file can hold: give a name")
    if neuron.activation not in ACTIVATION_NAMES:
        raise StorageError(f"the activation of {neuron.name} is {neuron.activation!r}, which there is not")


def _neuron_text(neuron: Neuron) -> str:
    values = (*neuron.weights, neuron.bias)
    *weights, bias = [float(value.data) for value in values]
    labels = [value.label for value in values]
    told = {"activation": neuron.activation, "weights": weights, "bias": bias}
    new = [*(f"w{i + 1}" for i in range(len(weights))), "b"]  # the labels of a new neuron
    return json_of(told if labels == new else told | {"labels": labels})


def _optimizer_text(optimizer: Optimizer, model: Module) -> str:
    kind = type(optimizer).__name__
    if type(optimizer) is not SETTINGS.get(kind, (None,))[0]:
        raise StorageError(f"save() writes the state of SGD and Adam, but got {optimizer!r}: save the model alone")
    if [id(p) for p in optimizer.parameters] != [id(p) for p in model.parameters()]:
        raise StorageError(
            "save() writes an optimizer of all parameters of the model, in their order: save the model alone"
        )
    try:
        steps = checked_count("steps", optimizer.steps, least=0)
    except (TypeError, ValueError):
        raise StorageError(f"the optimizer has {optimizer.steps!r} steps, which is no count") from None
    settings = {name: getattr(optimizer, name) for name in SETTINGS[kind][1]}
    made = made_optimizer(kind, settings, model.parameters()[:1])
    width, states = len(made.initial_state), optimizer.held_state
    if len(states) != len(optimizer.parameters) or any(len(numbers) != width for numbers in states):
        raise StorageError(f"the optimizer has no state of {width} numbers for each of its parameters")
    told = {"kind": kind, "steps": steps, **{name: _told(setting) for name, setting in settings.items()}}
    return f'{json_of(told)[:-1]},\n "state": {json_of([[*map(float, numbers)] for numbers in states])}}}'


def _told(setting: Any) -> Any:
    """A setting as a file has it: numbers, a schedule as what it was made of, nothing for another function."""
    if isinstance(setting, Schedule):
        return {"schedule": setting.name, **{name: _told(entry) for name, entry in setting.settings.items()}}
    if isinstance(setting, tuple):
        return [*map(float, setting)]
    return setting if isinstance(setting, bool) else None if callable(setting) else float(setting)


def json_of(content: Any) -> str:
    """Numbers, texts, lists and dicts of them as JSON, from which every bit comes back.

    A number that is not finite, for which JSON has no word, is the text of its bits.
    """
    if isinstance(content, dict):
        return f"{{{', '.join(f'{json.dumps(str(name))}: {json_of(entry)}' for name, entry in content.items())}}}"
    if isinstance(content, list | tuple):
        return f"[{', '.join(map(json_of, content))}]"
    if not isinstance(content, float):
        return json.dumps(content)
    return repr(float(content)) if math.isfinite(content) else f'"{struct.pack(">d", content).hex()}"'
