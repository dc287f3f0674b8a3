"""What looks at a model while it trains: losses and metrics of rows, and how large the gradient of each layer is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..autograd.recording import no_grad
from ..autograd.value import Value
from ..compiler.arguments import Shape, in_lists, shape_of, shaped, size_of
from ..compiler.backends.spellings import UnspelledError
from ..compiler.function import Function
from ..compiler.paths import PathError
from ..compiler.program.program import Program
from ..compiler.target import Target
from ..compiler.tracing.traced import TraceError
from ..functional import log
from ..losses import Probabilities
from ..metrics import GRADIENT, total
from ..nn.layers import MLP
from ..nn.module import Module
from ..support.nested import leaves
from .at_weights.objective import Probe
from .on_arrays import measured as of_arrays
from .steps.engines.engine import UnsupportedError
from .steps.engines.recorded import number_of
from .steps.recipe import Recipe
from .steps.rows import Rows, flat_targets, matrix
from .thresholds import Answers

OfAllRows = Callable[[Sequence[Any], Sequence[Any]], float]


class Looked:
    """Rows and their targets, for the losses and the predictions of a model as it stands: compiled, or recorded.

    `answers` are given where somebody wants to know the share of right ones.
    """

    def __init__(
        self, recipe: Recipe, rows: Rows, whose: str, target: Target | None, answers: Answers | None,
        metrics: Mapping[str, OfAllRows | Answers],
    ) -> None:  # fmt: skip
        self.recipe, self.whose, (self.shapes, self.rows) = recipe, whose, rows
        self.answers, self.metrics = answers, metrics
        self.shape: Shape = None  # of a prediction
        self.of_softmax = False  # whether predictions are the outputs of a layer of softmax
        self.places: Sequence[int] = range(len(self.rows))  # where the rows were given
        self.compiled: Any = None
        if target is not None:
            self.compiled = Function(self._answer, target, [recipe.model, recipe.loss])
            self.compiled.of_data = True

    @cached_property
    def flat_targets(self) -> list[Sequence[float]]:
        """The numbers of the target of each row."""
        return flat_targets((self.shapes, self.rows))

    @cached_property
    def as_array(self) -> Any:
        """Those numbers as an array, for predictions that come as one: apart from the rows, which are far longer."""
        found = matrix(self.rows, Target("array"))
        return found[:, found.shape[1] - size_of(self.shapes[1]) :].copy()

    @cached_property
    def targets(self) -> list[Any]:
        """The target of each row, as it was given."""
        return [shaped(in_lists(self.shapes[1]), iter(row)) for row in self.flat_targets]

    @cached_property
    def given(self) -> Any:
        """What the compiled function is called with for each row."""
        rows = [[row] for row in self.rows]
        arrays = self.compiled is not None and self.compiled.target.for_rows(len(rows)) != "python"
        return self.compiled.target.array(rows) if arrays else rows

    def look(self) -> tuple[float, dict[str, float]]:
        """The mean loss, and the metrics by their names."""
        found = self.answers_of_rows()
        measured: dict[str, Any] = {}
        after = 1 + size_of(self.shape)
        as_array = hasattr(found, "dtype") and self._are_flat()
        if as_array:
            columns = self.columns(found[None, :, :after])
            measured = {name: column[0] for name, column in columns.items() if column is not None}
        looped = {name: metric for name, metric in self.metrics.items() if name not in measured}
        losses = found[:, 0].tolist() if as_array else [row[0] for row in found]
        if looped:
            rows = found.tolist() if hasattr(found, "tolist") else found
            measured |= self._looped(looped, rows, [self.shape] * len(rows))
        return total(losses) / len(losses), {name: measured[name] for name in self.metrics}

    def columns(self, found: Any) -> dict[str, list[float] | None]:
        """The metrics after each epoch, of an array (epochs, rows, numbers), the loss first; None for one of lists."""
        xp = self.compiled.target.namespace
        outputs = xp.asarray(found[..., 1:], dtype="float64")
        return {name: of_arrays(metric, outputs, self.as_array, xp) for name, metric in self.metrics.items()}

    def traced(self) -> tuple[Program, Shape]:
        path = self.compiled.traced(self.rows[0])
        return path.value, self.shape

    def suits(self, shape: Shape) -> bool:
        self.shape = shape
        if self.compiled is None or not self._are_flat():
            return False
        if self.answers is not None:
            self.answers.asked(
                size_of(shape), flat_targets((self.shapes, self.rows[:1]))[0]
            )  # which says what is wrong with them
        xp = self.compiled.target.namespace
        return None not in self.columns(xp.zeros((1, len(self.rows), 1 + size_of(shape)))).values()

    def _looped(
        self, metrics: Mapping[str, OfAllRows | Answers], found: Any, shapes: Sequence[Shape]
    ) -> dict[str, float]:
        """The metrics that want the predictions of one row after another, as lists of these shapes."""
        measured: dict[str, float] = {}
        ends = [1 + size_of(shape) for shape in shapes]
        flat = [row[1:end] for row, end in zip(found, ends, strict=True)]
        for name, metric in metrics.items():
            if isinstance(metric, Answers):
                asked = [row[end:] for row, end in zip(found, ends, strict=True)]
                measured[name] = metric.share(flat, self.flat_targets, asked)
            else:
                predictions = [shaped(shape, iter(row)) for row, shape in zip(flat, shapes, strict=True)]
                if self.of_softmax:
                    predictions = [Probabilities(map(log, row), row) for row in predictions]
                measured[name] = metric(predictions, self.targets)
        return measured

    def _are_flat(self) -> bool:
        """Whether predictions and targets are numbers, or plain lists of them."""
        return all(shape is None or set(shape) == {None} for shape in (self.shape, in_lists(self.shapes[1])))

    def answers_of_rows(self) -> Any:
        """The loss of each row, after it the numbers of the prediction, and after them the losses of other targets;
        a matrix, or lists."""
        if self.compiled is not None:
            try:
                return self.compiled.batch(self.given)
            except (TraceError, PathError, UnspelledError):
                self.compiled = None
            except (ValueError, LookupError):  # a class that there is not: the loop below says of which row
                pass
        found = []
        with no_grad():
            for i, row in zip(self.places, self.rows, strict=True):
                try:
                    found.append([number_of(number) for number in self._answer(row)])
                except ValueError as error:
                    raise ValueError(f"row {i} of {self.whose}X and Y: {error}") from None
        return found

    def _answer(self, row: Any) -> list[Any]:
        x, target = shaped(self.shapes, iter(row))
        prediction = self.recipe.model(x)
        self.shape, outputs = in_lists(shape_of(prediction)), list(leaves(prediction))
        self.of_softmax = isinstance(prediction, Probabilities)
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


class LookedBySeveral(Looked):
    """Rows of several shapes, which are looked at shape by shape, and measured as they were given."""

    def __init__(self, recipe: Recipe, rows: Rows, whose: str, target: Target | None, *measured: Any) -> None:
        super().__init__(recipe, rows, whose, None, *measured)
        self.parts = []
        for kind, shapes in enumerate(rows[1].shapes):  # type: ignore[attr-defined]
            places = [i for i, row in enumerate(self.rows) if row.kind == kind]  # type: ignore[attr-defined]
            part = Looked(recipe, (shapes, [self.rows[i] for i in places]), whose, target, *measured)
            part.places = places
            self.parts.append(part)

    @cached_property
    def targets(self) -> list[Any]:
        rows = zip(self.rows, self.flat_targets, strict=True)
        return [shaped(in_lists(row.shapes[1]), iter(target)) for row, target in rows]  # type: ignore[attr-defined]

    def look(self) -> tuple[float, dict[str, float]]:
        found: list[Any] = [None] * len(self.rows)
        for part in self.parts:
            answers = part.answers_of_rows()
            for place, row in zip(part.places, answers, strict=True):
                found[place] = row, part.shape
        self.of_softmax = all(part.of_softmax for part in self.parts)
        rows, shapes = zip(*found, strict=True)
        return total(row[0] for row in rows) / len(rows), self._looped(self.metrics, rows, shapes)

    def traced(self) -> tuple[Program, Shape]:
        raise UnsupportedError("rows of several shapes are not looked at between steps")


class Gradients:
    """The root of the mean square of the gradient of each layer, by a training step that moves nothing."""

    def __init__(self, model: Any, recipe: Recipe, step: Callable[[Recipe], Any]) -> None:
        self.groups = by_layer(model, recipe.optimizer.parameters)
        self.probe = Probe([parameter for group in self.groups.values() for parameter in group], lr=0.0)
        self.step = step(replace(recipe, optimizer=self.probe))

    def measured(self) -> dict[str, float]:
        """The size of each layer's gradient, of the mean loss of the rows with its regularizer."""
        self.step()
        found, gradients = {}, iter(self.probe.held_state)
        for name, group in self.groups.items():
            squares = [g * g for _, (g,) in zip(group, gradients, strict=False)]
            found[f"{GRADIENT}{name}"] = math.sqrt(total(squares) / len(squares))
        return found


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
