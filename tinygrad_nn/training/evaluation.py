"""What looks at a model while it trains: losses and metrics of rows, and how large the gradient of each layer is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..autograd.recording import no_grad
from ..autograd.value import Value
from ..compiler.arguments import Shape, in_lists, shape_of, shaped, size_of
from ..compiler.backends.spellings import UnspelledError
from ..compiler.function import Function, PathError, TraceError
from ..compiler.target import Target
from ..metrics import GRADIENT, total
from ..nn.layers import MLP
from ..nn.module import Module
from ..optim import Optimizer
from ..support.nested import leaves
from .on_arrays import measured as of_arrays
from .steps.engines.recorded import number_of
from .steps.recipe import Recipe
from .steps.rows import Rows, flat_targets
from .thresholds import Answers

OfAllRows = Callable[[Sequence[Any], Sequence[Any]], float]


class Looked:
    """Rows and their targets, for the losses and the predictions of a model as it stands: compiled, or recorded."""

    def __init__(self, recipe: Recipe, rows: Rows, whose: str, target: Target | None, answers: Answers | None) -> None:
        self.recipe, self.whose, (self.shapes, self.rows) = recipe, whose, rows
        self.answers = answers  # where somebody wants to know the share of right ones
        self.flat_targets = flat_targets(rows)
        self.targets = [shaped(in_lists(self.shapes[1]), iter(row)) for row in self.flat_targets]
        self.as_array: Any = None  # the flat targets, where predictions come as an array
        self.shape: Shape = None  # of a prediction
        self.compiled: Any = None
        self.given: Any = [[row] for row in self.rows]
        if target is not None:
            self.compiled = Function(self._answer, target, [recipe.model, recipe.loss])
            self.compiled.of_data = True
            if self.compiled.target.for_rows(len(self.rows)) != "python":
                self.given = self.compiled.target.array(self.given)

    def look(self, metrics: Mapping[str, OfAllRows | Answers]) -> tuple[float, dict[str, float]]:
        """The mean loss, and the metrics by their names."""
        found = self._answers()
        measured: dict[str, Any] = {}
        after = 1 + size_of(self.shape)
        as_array = hasattr(found, "dtype") and self._are_flat()
        if as_array:
            xp = self.compiled.target.namespace
            if self.as_array is None:
                self.as_array = xp.asarray(self.flat_targets, dtype="float64")
            outputs = xp.asarray(found[:, 1:after], dtype="float64")
            measured = {name: of_arrays(metric, outputs, self.as_array, xp) for name, metric in metrics.items()}
        looped = {name: metric for name, metric in metrics.items() if measured.get(name) is None}
        losses = found[:, 0].tolist() if as_array else [row[0] for row in found]
        if looped:
            rows = found.tolist() if hasattr(found, "tolist") else found
            measured |= self._looped(looped, rows, after)
        return total(losses) / len(losses), {name: measured[name] for name in metrics}

    def _looped(self, metrics: Mapping[str, OfAllRows | Answers], found: Any, after: int) -> dict[str, float]:
        """The metrics that want the predictions of one row after another, as lists."""
        measured: dict[str, float] = {}
        flat = [row[1:after] for row in found]
        for name, metric in metrics.items():
            if isinstance(metric, Answers):
                measured[name] = metric.share(flat, self.flat_targets, [row[after:] for row in found])
            else:
                measured[name] = metric([shaped(self.shape, iter(row)) for row in flat], self.targets)
        return measured

    def _are_flat(self) -> bool:
        """Whether predictions and targets are numbers, or plain lists of them."""
        return all(shape is None or set(shape) == {None} for shape in (self.shape, in_lists(self.shapes[1])))

    def _answers(self) -> Any:
        """The loss of each row, after it the numbers of the prediction, and after them the losses of other targets;
        a matrix, or lists."""
        if self.compiled is not None:
            try:
                return self.compiled.batch(self.given)
            except (TraceError, PathError, UnspelledError):
                self.compiled, self.given = None, [[row] for row in self.rows]
            except (ValueError, LookupError):  # a class that there is not: the loop below says of which row
                pass
        found = []
        with no_grad():
            for i, row in enumerate(self.rows):
                try:
                    found.append([number_of(number) for number in self._answer(row)])
                except ValueError as error:
                    raise ValueError(f"row {i} of {self.whose}X and Y: {error}") from None
        return found

    def _answer(self, row: Any) -> list[Any]:
        x, target = shaped(self.shapes, iter(row))
        prediction = self.recipe.model(x)
        self.shape, outputs = in_lists(shape_of(prediction)), list(leaves(prediction))
        found = [self.recipe.loss(prediction, target), *outputs]
        if self.answers is not None:
            wanted = row[len(row) - len(self.answers.columns) :]
            asked = self.answers.asked(len(outputs), wanted)
            found += [self._loss_of(prediction, candidate) for candidates in asked for candidate in candidates]
        return found

    def _loss_of(self, prediction: Any, target: Sequence[Any]) -> Any:
        """The loss if that were the target. Raises ValueError where the loss does."""
        try:
            return self.recipe.loss(prediction, shaped(self.shapes[1], iter(target)))
        except (TraceError, PathError):
            raise
        except Exception as error:
            raise ValueError(
                f"accuracy asks the loss how well each label fits, but of {target!r} it raised {type(error).__name__}: "
                f"{error}; give metrics a function (prediction, target) of your own that returns 1.0 where it is right"
            ) from error


class Gradients:
    """The root of the mean square of the gradient of each layer, by a training step that moves nothing."""

    def __init__(self, model: Any, trained: Sequence[Value], step: Callable[[Optimizer], Any]) -> None:
        self.groups = by_layer(model, trained)
        self.probe = Probe([parameter for group in self.groups.values() for parameter in group], lr=0.0)
        self.step = step(self.probe)

    def measured(self) -> dict[str, float]:
        """The size of each layer's gradient, of the mean loss of the rows with its regularizer."""
        self.step()
        found, gradients = {}, iter(self.probe.held_state)
        for name, group in self.groups.items():
            squares = [g * g for _, (g,) in zip(group, gradients, strict=False)]
            found[f"{GRADIENT}{name}"] = math.sqrt(total(squares) / len(squares))
        return found


class Probe(Optimizer):
    """Leaves each parameter where it is, and has its gradient as state."""

    initial_state = (0.0,)
    state_names = ("gradient",)

    def update(self, parameter: Any, gradient: Any, state: Any, lr: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        return parameter, (gradient,)


def by_layer(model: Any, trained: Iterable[Value]) -> dict[str, list[Value]]:
    """Those of a model's parameters that are trained, by the layer, or else the attribute, that they stand in."""
    waiting = {id(parameter): parameter for parameter in trained}
    named: list[tuple[str, Value]] = []
    if isinstance(model, MLP):
        names = [layer.name for layer in model.layers]
        if len(set(names)) < len(names):
            names = [f"layer {k + 1}" for k in range(len(names))]
        layers = zip(names, model.layers, strict=True)
        named = [(name, parameter) for name, layer in layers for parameter in layer.parameters()]
    elif isinstance(model, Module):
        named = [(_owner(path), parameter) for path, parameter in model.named_parameters()]
    groups: dict[str, list[Value]] = {}
    for name, parameter in named:
        if waiting.pop(id(parameter), None) is not None:
            groups.setdefault(name, []).append(parameter)
    if waiting:
        groups["parameters"] = [*groups.get("parameters", []), *waiting.values()]
    return groups


def _owner(path: str) -> str:
    """What a parameter belongs to: of layers.0.neurons.2.weights.1 it is layers.0, of slopes.3 slopes."""
    parts = path.split(".")
    end = next((i for i, part in enumerate(parts) if part in ("neurons", "weights", "bias")), len(parts))
    while end > 1 and end == len(parts) and parts[-1].isdigit():
        parts.pop()
        end -= 1
    return ".".join(parts[:end]) or parts[0]
