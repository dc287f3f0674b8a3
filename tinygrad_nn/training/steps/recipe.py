"""What a training step is made of, as programs: the loss of a row and its gradient, the regulariser's, the update.

A step on one row is one program. A step on many is three: the regulariser once, then each row, which adds its part to
the gradients, then the update. Each is traced from the user's own model and loss and from `update` of the optimiser, in
the order in which the engine would record and sum, so that the numbers are the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from ...autograd.graph import operand_behind
from ...autograd.value import Result, Value
from ...compiler.arguments import Shape, has_arrays, shaped
from ...compiler.program.notes import BySlot
from ...compiler.program.program import Loop, Program
from ...compiler.program.rewrite import simplified
from ...compiler.surroundings.surroundings import Surroundings
from ...compiler.surroundings.traced_in import SurroundingsError, traced_in
from ...compiler.surroundings.walk import name_of
from ...compiler.tracing.adjoint import traced_adjoints
from ...compiler.tracing.traced import Traced
from ...compiler.tracing.traced_number import TracedNumber
from ...compiler.tracing.tracer import Tracer, traced_by
from ...optim import Optimizer, check_state
from ...support.decorators import uncollected
from ...support.numbers import as_float
from .state import is_as_wide, settings_of, with_settings

Numbers = Sequence[float]


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how."""

    model: Callable[[Any], Any]
    loss: Callable[[Any, Any], Any]
    optimizer: Optimizer
    regularizer: Callable[[Any], Any] | None = None
    metric: Callable[[Any, Any], Any] | None = None
    world: Surroundings | None = None

    @property
    def name(self) -> str:
        return name_of(self.model).strip("<>")

    @property
    def functions(self) -> list[Any]:
        """What is traced."""
        found = [self.model, self.loss, self.regularizer, self.metric, type(self.optimizer).update]
        return [function for function in found if function is not None]

    def surroundings(self) -> Surroundings:
        """What the functions may read, as it is now."""
        return Surroundings(self.functions, self.optimizer)


@dataclass
class Whole:
    """A step on one row: the loop, and which of its inputs are the learning rate and the settings."""

    loop: Loop
    rate: int
    settings: list[int]


@uncollected
def whole(recipe: Recipe, shapes: tuple[Shape, Shape], row: Numbers) -> Whole:
    """The step on one row, carried from row to row: parameters, states and the count of steps.

    Its outputs are the loss before the update, the metric if there is one, and the new parameters, states and count.
    """
    tracing = StepTracing(recipe, f"step_of_{recipe.name}")
    each, losses = tracing.losses(shapes, row)
    gradients = traced_adjoints(tracing.tracer, losses[0], tracing.parameters)
    rate, step, settings, states, outputs = tracing.updated(gradients)
    given, counted = [*tracing.parameters, *states], tracing.tracer.slot_of(step + 1.0)
    program = tracing.program([*losses, *outputs])
    if step._slot in program.outputs or any(step._slot in entry.slots() for entry in program.body):
        given, program = [*given, step._slot], tracing.program([*losses, *outputs, counted])
    else:
        program.inputs.remove(step._slot)
    return Whole(_loop(program, each, given, recipe.metric is not None), rate, settings)


@uncollected
def one_row(recipe: Recipe, shapes: tuple[Shape, Shape], row: Numbers, sums: Numbers) -> Loop:
    """The loss of one row of several, whose gradient times `seed`, the last input, is added to the sums."""
    tracing = StepTracing(recipe, f"row_of_{recipe.name}")
    each, losses = tracing.losses(shapes, row, regularized=False)
    carried = [tracing.derived(number, "d_", p) for number, p in zip(sums, tracing.parameters, strict=True)]
    seed = tracing.tracer.input(1.0, "seed")
    flows = traced_adjoints(tracing.tracer, losses[0], tracing.parameters, seed, carried)
    program = tracing.program([*losses, *map(tracing.tracer.slot_of, flows)])
    return _loop(program, each, [sum._slot for sum in carried], recipe.metric is not None)


@uncollected
def row_gradient(recipe: Recipe, shapes: tuple[Shape, Shape], row: Numbers) -> Program:
    """The loss of one row, the metric if there is one, and the gradient, for a back end that adds up rows itself."""
    tracing = StepTracing(recipe, f"row_of_{recipe.name}")
    _, losses = tracing.losses(shapes, row, regularized=False)
    gradient = tracing.tracer.slots_of(traced_adjoints(tracing.tracer, losses[0], tracing.parameters))
    return tracing.program([*losses, *gradient], last=True)


class Update:
    """The update of one parameter, which is that of each: its program, and what the slots of that are."""

    def __init__(self, recipe: Recipe) -> None:
        tracing = StepTracing(recipe, f"update_of_{recipe.name}", most=1)
        given = [tracing.derived(0.0, "d_", tracing.parameters[0])]
        self.optimizer, self.parameter, self.gradient = recipe.optimizer, tracing.parameters[0], given[0]._slot
        self.rate, step, self.settings, self.states, outputs = tracing.updated(given)
        self.step, self.program = step._slot, tracing.program(outputs)

    def apart(self) -> Update:
        """The same without the optimizer and the parameter that it was traced with; `by` another it is one again."""
        twin = copy(self)
        parameters = {slot: Value(0.0) for slot in self.program.parameters}
        twin.program = replace(self.program, parameters=parameters, scopes=BySlot())
        del twin.optimizer
        return twin

    def by(self, optimizer: Optimizer) -> Update:
        """The update by another optimizer of the same class."""
        twin = copy(self)
        twin.optimizer = optimizer
        return twin

    def numbers(self) -> dict[int, float]:
        """What is the same for all parameters and, until somebody changes a setting, for all steps."""
        return dict(zip(self.settings, settings_of(self.optimizer)[0], strict=True)) | self.program.literals

    def holds(self) -> bool:
        """Whether it branches on settings alone, and they are still on the path that was traced."""
        numbers = self.numbers()
        return all(
            guard.left in numbers and guard.right in numbers and guard.holds(numbers)  # type: ignore[arg-type]
            for guard in self.program.guards
        )

    def obstacle(self) -> str:
        """Why it is not that of each parameter, or ""."""
        if is_as_wide(self.optimizer, len(self.states)) and len(self.program.parameters) == 1 and self.holds():
            return ""
        return (
            f"{type(self.optimizer).__name__}.update() branches on numbers of a parameter, reads other Values or has "
            "states of different lengths"
        )


@uncollected
def penalty(recipe: Recipe) -> Program:
    """The regulariser and its gradient, of the parameters as they are."""
    tracing = StepTracing(recipe, f"regularizer_of_{recipe.name}")
    with traced_in(tracing.tracer, tracing.world):
        output = tracing.tracer.slot_of(tracing.penalty())
    flows = traced_adjoints(tracing.tracer, output, tracing.parameters)
    return tracing.program([output, *map(tracing.tracer.slot_of, flows)])


@uncollected
def update(recipe: Recipe, gradients: Numbers) -> Program:
    """The optimiser's update, of gradients, learning rate, step, settings and states, in this order."""
    tracing = StepTracing(recipe, f"update_of_{recipe.name}")
    given = [tracing.derived(number, "d_", p) for number, p in zip(gradients, tracing.parameters, strict=True)]
    return tracing.program(tracing.updated(given)[-1])


class StepTracing:
    """A tracer, with the parameters of the optimiser as its first slots."""

    def __init__(self, recipe: Recipe, name: str, most: int | None = None) -> None:
        self.recipe, self.tracer, self.world = recipe, Tracer(name), recipe.world or recipe.surroundings()
        self.trained = recipe.optimizer.parameters[:most]
        self.parameters = self.tracer.parameters(self.trained)

    def losses(
        self, shapes: tuple[Shape, Shape], row: Numbers, regularized: bool = True
    ) -> tuple[list[int], list[int]]:
        """The slots of the row's inputs and targets; those of its loss and, if there is one, of the metric."""
        names = [*_names("x", shapes[0], getattr(self.recipe.model, "input_names", None)), *_names("target", shapes[1])]
        each = [self.tracer.input(number, name, plain=True) for number, name in zip(row, names, strict=True)]
        given = iter(each)
        self.tracer.floats = not has_arrays(shapes)
        with traced_in(self.tracer, self.world):
            x, target = shaped(shapes[0], given), shaped(shapes[1], given)
            prediction = self.recipe.model(x)
            loss = self._number(self.recipe.loss(prediction, target), "the loss")
            if self.recipe.regularizer is not None and regularized:
                loss = loss + self.penalty()
            found = [self._named(loss, "loss")]
            if self.recipe.metric is not None:
                metric = self._number(self.recipe.metric(prediction, target), "the metric of until")
                found.append(self._named(metric, name_of(self.recipe.metric)))
        self.tracer.floats = False  # what follows is computed of other numbers
        return [value._slot for value in each], found

    def _named(self, result: Any, name: str) -> int:
        slot = self.tracer.slot_of(result)
        if self.tracer.made[slot] is not None:
            self.tracer.program.names.setdefault(slot, name)
        return slot

    def penalty(self) -> Any:
        result = self.recipe.regularizer(self.recipe.model) if self.recipe.regularizer is not None else 0.0
        return self._number(result, "the regularizer")

    def updated(self, gradients: Sequence[Any]) -> tuple[int, Traced, list[int], list[int], list[int]]:
        """The slots of learning rate, step, settings, states, and of the new parameters and states."""
        tracer, given = self.tracer, self.recipe.optimizer
        check_state(given)
        name = f"{type(given).__name__}.update()"
        rate = tracer.input(given.rate(), "lr", plain=True)
        step = tracer.input(float(given.steps), "step", plain=True)
        settings: list[int] = []

        def setting(name: str, number: float) -> Traced:
            settings.append((traced := tracer.input(number, name, plain=True))._slot)
            return traced

        optimizer = with_settings(given, setting, rate, step)
        as_given = dict(vars(optimizer))
        states: list[int] = []
        data: list[int] = []
        new: list[int] = []
        tracer.block = "update"
        with traced_in(tracer, self.world):
            for slot, gradient, state in zip(self.parameters, gradients, given.held_state, strict=False):
                prefixes = [f"{name}_" for name in given.state_names]
                if len(prefixes) != len(state):
                    prefixes = [f"state{i + 1}_" for i in range(len(state))]
                before = tuple([self.derived(number, p, slot) for number, p in zip(state, prefixes, strict=True)])
                if isinstance(gradient, Traced):  # a number, to an update that is not compiled
                    gradient = TracedNumber(tracer, gradient._slot)
                with traced_by(tracer):
                    updated = optimizer.update(TracedNumber(tracer, slot), gradient, before, rate, step)
                    parameter, after = optimizer.pair(updated)
                if len(after) != len(before):
                    raise ValueError(
                        f"{name} was given a state of {len(before)} numbers and returned one of {len(after)}: return "
                        "as many as it is given"
                    )
                if any(vars(optimizer).get(key) is not entry for key, entry in as_given.items()):
                    raise TypeError(
                        f"{name} changed an attribute: what it remembers belongs into the state that it returns"
                    )
                states += [traced._slot for traced in before]
                data.append(tracer.slot_of(self._number(parameter, name)))
                new += map(tracer.slot_of, after)
        tracer.block = ""
        return rate._slot, step, settings, states, [*data, *new]

    def derived(self, number: float, prefix: str, slot: int) -> Traced:
        """An input that is named after another slot."""
        traced = self.tracer.input(number, "", plain=True)
        self.tracer.program.derived.add(prefix, (traced._slot,), (slot,))
        return traced

    def program(self, outputs: list[int], last: bool = False) -> Program:
        """The program so far with these outputs, and with all trained parameters. After the last nothing is traced."""
        program = simplified(self.tracer.finished(outputs) if last else self.tracer.returning(outputs))
        results = [*self.tracer.computed_again, *(p for p in self.trained if isinstance(p, Result))]
        if (behind := operand_behind(results, self.recipe.optimizer.parameters, self.tracer.began)) is not None:
            raise SurroundingsError(
                f"{self.recipe.name} reads a result that was recorded before, of {behind.label or 'a parameter'}, "
                "which each step changes: compute it where the model is called, or, to train, give backend='eager'"
            )
        if [*program.parameters][: len(self.parameters)] == self.parameters:
            return program
        return replace(program, parameters=dict(zip(self.parameters, self.trained, strict=True)) | program.parameters)

    def _number(self, result: Any, what: str) -> Any:
        """One number of what is traced. Raises TypeError for anything else."""
        number = result if hasattr(result, "_record") else as_float(result)
        if number is None:
            raise TypeError(f"{what} must give one number, but gave {result!r}")
        return number


def _loop(program: Program, each: list[int], given: list[int], metric: bool) -> Loop:
    loss, *rest = program.outputs
    summed = rest.pop(0) if metric else None
    return Loop(program, each, dict(zip(given, rest, strict=True)), loss, summed)


def _names(base: str, shape: Shape, given: Sequence[str] | None = None) -> list[str]:
    """Names for the numbers of a row: those given, or x1, x2 ..."""
    if given and shape is not None and tuple(shape) == (None,) * len(given):
        return list(given)
    if shape is None:
        return [base]
    return [
        name for i, entry in enumerate(shape) for name in _names(f"{base}{'_' * base[-1:].isdigit()}{i + 1}", entry)
    ]
