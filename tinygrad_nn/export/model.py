"""A model as one C99 file: predictions, and with a loss and an optimiser a training step, the update included.

The programs are those that the other back ends run: the prediction, the gradient of one row, and the update of one
parameter, which here is a loop over all of them. What learns is in a struct that the caller holds.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import Any

from .. import losses as losses_
from ..autograd import primitives as table
from ..autograd.ieee.floats import NoSuchIndexError
from ..autograd.recording import no_grad
from ..compiler.backends.c.file import File, check_values, operations, without_branches
from ..compiler.backends.c.over_time.sums import with_sums
from ..compiler.backends.c.printer import Printer
from ..compiler.backends.c.regions import Region
from ..compiler.function import compile
from ..compiler.loops.roll import rolled
from ..compiler.program.program import Program
from ..compiler.surroundings.walk import name_of
from ..nn.layers import MLP, Layer, Neuron
from ..nn.module import Module
from ..optim import Optimizer
from ..support.checks import MOST, checked_count
from ..support.nested import leaves
from ..training.steps.engines.recorded import number_of
from ..training.steps.recipe import Recipe, row_gradient
from . import learning, state_functions
from .estimators import Estimated
from .update import UpdateLoop

MOST_LISTED = 12  # inputs without names of their own, in a comment


class ModelFile:
    """The C file of a model: `text`, or with a header `header` and what belongs to it."""

    def __init__(
        self, model: Any, name: str, loss: Any, train: Optimizer | None, dtype: str, inputs: Any, targets: int | None,
        save: bool = False, apart: bool = False, batches: bool = False,
    ) -> None:  # fmt: skip
        self.save, self.apart = save, apart
        self.block: state_functions.StateFunctions | None = None
        self.model, self.name, self.file, self.optimizer = model, name, File(name, dtype), train
        self.inputs = _input_names(model, inputs)
        self.prediction, self.sample = _prediction(model, len(self.inputs))
        self.labelled = model if isinstance(model, Estimated) and model.labels is not None else None
        self.printed = _prediction(model.outputs, len(self.inputs))[0] if self.labelled else self.prediction
        self.n_outputs, self.n_targets = len(self.prediction.outputs), 0
        self.gradient: Program | None = None
        trained = []
        if train is not None:
            recipe = Recipe(model, losses_.named(loss), train)
            usual = 1 if recipe.loss is losses_.cross_entropy else self.n_outputs
            n_inputs, n = len(self.inputs), usual if targets is None else checked_count("targets", targets)
            shapes = ((None,) * n_inputs, None if n == 1 else (None,) * n)
            program = row_gradient(recipe, shapes, [self.sample] * n_inputs + [0.0] * n)
            self.gradient, self.n_targets, self.loss = without_branches(program, name), n, name_of(recipe.loss)
            self.update, trained = UpdateLoop(recipe, self.file, batches), train.parameters
        self._lay(trained)
        self._write()

    @property
    def first(self) -> str:
        """The name of the function that has the network in it."""
        return f"{self.name}_{'predict' if self.labelled is None else 'outputs'}"

    @property
    def taken(self) -> str:
        """The first argument of the functions that predict, where weights are not in the file."""
        return f"const real weights[{len(self.weights)}], " if self.apart else ""

    @property
    def passed(self) -> str:
        """What calls pass for it."""
        return "weights, " if self.apart else ""

    @property
    def order(self) -> str:
        """What has the parameters in the order of a state's weights, in Python."""
        own = self.model.parameters() if isinstance(self.model, Module) else []
        trained = self.optimizer.parameters if self.optimizer is not None else []
        return "model.parameters()" if [*map(id, own)] == [*map(id, trained)] else "the optimizer's parameters"

    def row(self, rng: random.Random) -> list[float]:
        """A row as the model may get it."""
        numbers = [rng.uniform(-1.0, 1.0) for _ in self.inputs]
        return self.model.row_of(numbers) if isinstance(self.model, Estimated) else numbers

    def values(self) -> list[float]:
        """The numbers of the parameters, in the order of the programs."""
        return [value.data for value in self.prediction.parameters.values()]

    def _lay(self, trained: Sequence[Any]) -> None:
        """Put all parameters in one order: those that learn, which the state holds, then others, of a table."""
        own = self.model.parameters() if isinstance(self.model, Module) else []
        read = [*self.prediction.parameters.values(), *(self.gradient.parameters.values() if self.gradient else ())]
        wanted = {id(value) for value in [*trained, *read]}
        values = [v for v in {id(v): v for v in [*trained, *own, *read]}.values() if id(v) in wanted]
        check_values(values, [value.data for value in values], self.file.single, self.model)
        for column in zip(*(self.optimizer.held_state if self.optimizer is not None else ()), strict=True):
            check_values(trained, column, self.file.single, self.model, "the state of ")
        self.count, self.weights = len(trained), values
        if self.apart and [*map(id, own)] != [*map(id, values)]:
            raise ValueError(
                f"weights_apart=True puts all of model.parameters() into a block, but of those {name_of(self.model)} "
                "reads others, or not all: let it read its own parameters, and no other Values"
            )
        fixed = [value.data for value in values[self.count :]]
        self.parameters = [Region("state->weights", 0, self.count)] if trained else []
        if self.apart:
            self.parameters = [Region("weights", 0, len(values))]
        elif fixed:
            table = self.file.numbers(fixed, "fixed" if trained else "weights")
            self.parameters.append(Region(table, self.count, len(fixed)))
        self.prediction, self.printed = self.prediction.reading(values), self.printed.reading(values)
        self.gradient = self.gradient and self.gradient.reading(values)

    def _write(self) -> None:
        m = len(self.printed.outputs)
        x, y = Region("x", 0, len(self.inputs)), Region("y", 0, m)
        scratch = "state->scratch.slots" if self.gradient is not None else "scratch->slots"
        off = f"for (int k = 0; k < {m}; ++k) {{ y[k] = NAN; }} return;"
        constants = self.file.constants
        prediction = rolled(*with_sums(self.printed))
        predicted = Printer(prediction, [x], self.parameters, [y], False, off, scratch, constants)
        given = f"{self.taken}const real x[{len(self.inputs)}], real y[{m}]"
        self.slots, unused = predicted.slots, ["x", *(["weights"] if self.apart else [])]
        if self.gradient is not None:
            reads, state = [x, Region("target", len(self.inputs), self.n_targets)], f"{self.name}_state *state"
            self.file.function(f"void {self.name}_init({state})", self.update.init())
            self.file.function(f"void {self.name}_predict({state}, {given})", predicted.text, ["state", "x"])
            roll = rolled(*with_sums(self.gradient))
            slots = learning.add_learning(self.file, self.update, roll, reads, self.parameters, scratch)
            self.slots = max(predicted.slots, slots)
            if self.save:
                self.block = state_functions.of_state(self.file, self.update, self.model)
        elif self.slots:
            inside = f"{self.name}_scratch *scratch"
            self.file.function(
                f"void {self.first}_in({inside}, {given})", predicted.text, ["weights", "x"][not self.apart :]
            )
            lines = f"    {self.name}_scratch scratch;\n    {self.first}_in(&scratch, {self.passed}x, y);\n"
            self.file.function(f"void {self.first}({given})", lines)
        else:
            self.file.function(f"void {self.first}({given})", predicted.text, unused)
        if self.labelled is not None:
            self.labelled.add_to(self.file, len(self.inputs), m, len(self.weights) if self.apart else 0)
        if self.apart:
            self.block = state_functions.of_weights(self.file, self.model, len(self.weights))

    def texts(self, test: str = "", include: str = "", source: str = "") -> tuple[str, str]:
        """The file, which is called `source`, with a self test, and a header."""
        structs = "" if self.block is None else self.block.macro
        if self.slots:
            structs += f"typedef struct {{\n    real slots[{self.slots}];\n}} {self.name}_scratch;\n\n"
        if self.optimizer is not None:
            fields = "".join(f"    real {field};\n" for field in self.update.fields)
            scratch = f"    {self.name}_scratch scratch;\n" if self.slots else ""
            structs += f"typedef struct {{\n{fields}{scratch}}} {self.name}_state;\n\n"
        return self.file.texts(self._about(source), structs, include, test)

    def _about(self, source: str) -> list[str]:
        from ..version import __version__

        name, size, outputs = self.name, self.file.size, getattr(self.model, "output_names", None) or []
        told = _listed(self.inputs), ", ".join(outputs) or ("the output" if self.n_outputs == 1 else "the outputs")
        told = told if self.labelled is None else (told[0], "logits")
        row = f"x is {len(self.inputs)} inputs ({told[0]}), y {len(self.printed.outputs)} ({told[1]})"
        flash = f"flash: {self.file.constants.size:,} bytes of constants"
        counted = f"{operations(self.prediction):,} operations a prediction"
        if self.gradient is None:
            same = (
                f"{self.first}_in(&scratch, {self.passed}x, y)    the same, in the caller's scratch and not the stack's"
            )
            calls = [f"{self.first}({self.passed}x, y)    {row}", *([same] if self.slots else [])]
            calls += [] if self.labelled is None else self.labelled.calls(name, self.passed)
            calls += [] if self.block is None else self.block.calls
            memory = f"{flash}; RAM: {size * self.slots:,} bytes of scratch{self.file.on_stack}"
        else:
            takes = any(entry.primitive is table.take for entry in self.gradient.instructions)
            of_class = "; NAN for an index that is none, and then nothing changes." if takes else "."
            calls = [
                f"{name}_init(&state)    weights and {type(self.optimizer).__name__} as they were in Python",
                f"{name}_predict(&state, x, y)    {row}",
                f"{name}_train(&state, x, target)    one step down the gradient of {self.loss}; target is "
                f"{self.n_targets} number{'s' * (self.n_targets > 1)}.",
                "    It returns the loss before the update" + of_class,
                *learning.batch_calls(name, self.update.batches),
                f"state.weights are in the order of {self.order}; state.learning_rate may be set between steps.",
                *([] if self.block is None else self.block.calls),
            ]
            state = size * (self.slots + self.update.numbers + self.update.batches * (1 + self.count))
            memory = f"{flash}; RAM: {state:,} bytes of state, {size * self.slots:,} of them scratch"
            memory += self.file.on_stack
            steps = operations(self.gradient) + self.count * operations(self.update.program)
            counted += f", {steps:,} a training step"
        return [
            f"{name}: {_in_a_word(self.model)}, as C99 of tinygrad_nn {__version__}.", "", *calls, "",
            f"{memory}; {counted}",
            *self.file.commands(source), *self.file.on_avr,
        ]  # fmt: skip


def _input_names(model: Any, inputs: Any) -> list[str]:
    """A name for each input. Raises ValueError for a model that does not say how many it has."""
    if inputs is None and (inputs := said_inputs(model)) is None:
        raise ValueError(
            f"{type(model).__name__} does not say how many inputs it takes: give inputs=, a number or their names"
        )
    if isinstance(inputs, int) and not isinstance(inputs, bool) and 0 < inputs <= MOST:
        return _unnamed(inputs) if inputs > 1 else ["x"]
    if isinstance(inputs, list | tuple) and inputs and all(isinstance(entry, str) for entry in inputs):
        return list(inputs)
    raise ValueError(f"inputs are a number of 1 or more, or a list of names, but got {inputs!r}")


def said_inputs(model: Any) -> Any:
    """The names of a model's inputs, or their number; None for one that says neither."""
    model = model.network if isinstance(model, Estimated) else model
    neuron = model.layers[0].neurons[0] if isinstance(model, MLP) else model
    neuron = neuron.neurons[0] if isinstance(neuron, Layer) else neuron
    weights = getattr(neuron, "weights", None)
    return getattr(model, "input_names", None) or (None if weights is None else len(weights))


def _unnamed(count: int) -> list[str]:
    return [f"x{i + 1}" for i in range(count)]


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence; of many that are numbered the first and the last."""
    many = len(names) > MOST_LISTED and names == _unnamed(len(names))
    return f"{names[0]}, {names[1]} ... {names[-1]}" if many else ", ".join(names)


def _in_a_word(model: Any) -> str:
    """What a model is, in a word where its class says no more."""
    told = repr(model)
    return type(model).__name__ if " at 0x" in told else told


def _prediction(model: Any, inputs: int) -> tuple[Program, float]:
    """The program of a prediction, and what the inputs were when it was traced. Raises ValueError for no outputs."""
    compiled, name = compile(model, backend="python"), name_of(model)
    for sample in (0.5, 0.0):  # an input may be an index
        try:
            program = without_branches(compiled.traced([sample] * inputs).value, name)
            break
        except NoSuchIndexError:
            if not sample:
                raise
    _check_arrays(model, inputs, name)
    if not program.outputs:
        raise ValueError(f"{name} returns no numbers, which is nothing to predict")
    return program, sample


def _check_arrays(model: Any, inputs: int, name: str) -> None:
    """Raise ValueError where a model computes something else from an array, as fit may have had, than from a list."""
    numpy = sys.modules.get("numpy")
    if numpy is None or isinstance(model, MLP | Layer | Neuron):
        return
    row = [0.5 + 0.25 * k / inputs for k in range(inputs)]
    try:
        with no_grad():
            listed, arrayed = ([*map(number_of, leaves(model(kind(row))))] for kind in (list, numpy.array))
    except Exception:  # what one of them cannot be given it was not trained on
        return
    if len(listed) != len(arrayed) or not numpy.allclose(listed, arrayed, rtol=1e-9, equal_nan=True):
        raise ValueError(
            f"{name} computes {listed} from the list {row}, as a C file would, but {arrayed} from an array of these "
            "numbers: write it so that both mean the same, as [2 * x for x in row] and row[0] + row[1]"
        )
