"""An optimiser in C: its state, and the update of all parameters, traced from `update` of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import repeat

from ..autograd import primitives as table
from ..compiler.backends.c.file import File
from ..compiler.backends.c.functions import LocalNames, c_number, called, named_after, product, sum_of
from ..compiler.backends.python.function import compiled
from ..compiler.program.names import told
from ..compiler.program.program import Instruction
from ..compiler.single_precision import rounded
from ..training.steps.recipe import Recipe, Update
from ..training.steps.state import check_optimizer

StateColumns = Sequence[Sequence[float]]
FIELDS = {"weights", "learning_rate", "steps", "scratch", "gradient", "rows"}


class UpdateLoop:
    """The fields of a state, and the lines that set and update them. `numbers` is how many numbers the state holds.

    `lines` are the update of parameter i by its gradient, `before` what is the same for all, whose names are `names`;
    those `given` are among the arguments of the update. With `batches` the state has an array of gradients and a count
    of rows, too, of which `numbers` does not tell. Raises ValueError for a learning rate that is a function, and for an
    update that no loop can make.
    """

    def __init__(self, recipe: Recipe, file: File, batches: bool = False) -> None:
        optimizer, self.file, self.batches = recipe.optimizer, file, batches
        check_optimizer(optimizer)
        if callable(optimizer.lr):
            raise ValueError(
                "the learning rate is a function, which stays in Python: export with a number, and set learning_rate "
                "of the state between steps"
            )
        self.optimizer, self.count = optimizer, len(optimizer.parameters)
        update = Update(recipe)
        if obstacle := update.obstacle():
            raise ValueError(f"{obstacle}, which one loop in C cannot follow")
        self.program, known, width = update.program, update.numbers(), len(update.states)
        self.settings = [known[slot] for slot in update.settings]
        names, numbered = optimizer.state_names, [f"state{k + 1}" for k in range(width)]
        read = {*self.program.outputs}.union(*[entry.slots() for entry in self.program.instructions])
        new = self.program.outputs[1:]  # what is never read and always set to one number, such as no velocity, is none
        self.kept = [k for k in range(width) if update.states[k] in read or new[k] not in self.program.literals]
        named = list(map(LocalNames(file.name, FIELDS), names if len(names) == width else numbered))
        self.states = [named[k] for k in self.kept]
        for value in self.settings:
            if file.single and value != 1.0 and rounded(value) == 1.0:
                raise ValueError(f"the setting {value!r} of the optimizer is 1 as a float: export with dtype='double'")
        self.texts = {update.gradient: "gradient", update.rate: "state->learning_rate", update.step: "state->steps"}
        self.texts |= {slot: c_number(value, file.single) for slot, value in known.items()}
        self.targets = ["state->weights[i]", *(f"state->{name}[i]" for name in self.states)]
        before = [update.parameter, *[update.states[k] for k in self.kept]]
        self.texts |= dict(zip(before, self.targets, strict=True))
        self.of_member = {update.gradient, *before}
        self.counts_steps = any(update.step in entry.slots() for entry in self.program.instructions)
        self._write()

    @property
    def fields(self) -> list[str]:
        """The fields of the state but for its scratch."""
        arrays = [f"{name}[{self.count}]" for name in ("weights", *self.states)]
        more = [f"gradient[{self.count}]", "rows"] if self.batches else []
        return [*arrays, "learning_rate", *(["steps"] if self.counts_steps else []), *more]

    @property
    def counted(self) -> str:
        """The line that counts a step, where the update reads how many there were."""
        return "    state->steps += 1.0;\n" if self.counts_steps else ""

    @property
    def numbers(self) -> int:
        return self.count * (1 + len(self.states)) + 1 + self.counts_steps

    def run(self, step: int, numbers: Sequence[float], gradient: Sequence[float], states: StateColumns) -> StateColumns:
        """The new parameters and the new states, as the program has them, of which each is a column."""
        same = [self.optimizer.rate(), float(step), *self.settings]
        inputs = [*self.program.inputs, *self.program.parameters]
        update = compiled(replace(self.program, inputs=inputs, parameters={}))
        rows = zip(gradient, *map(repeat, same), *states, numbers, strict=False)
        return list(zip(*map(update, rows), strict=True))

    def held(self) -> list[Sequence[float]]:
        """What the state has of the parameters beside their weights, a list for each field."""
        columns = list(zip(*self.optimizer.held_state, strict=True))
        return [columns[k] for k in self.kept]

    def states_of(self, columns: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
        """The state of the optimizer with these in the fields, and what is never another number as it always is."""
        filled = [[self.program.literals.get(slot, 0.0)] * self.count for slot in self.program.outputs[1:]]
        for k, column in zip(self.kept, columns, strict=True):
            filled[k] = list(column)
        return list(zip(*filled, strict=True)) if filled else [()] * self.count

    def init(self) -> str:
        """The lines that set a state to what the optimiser and its parameters are now."""
        weights = [parameter.data for parameter in self.optimizer.parameters]
        columns: list[Sequence[float]] = [weights, *self.held()]
        lines = [f"    for (int i = 0; i < {self.count}; ++i) {{\n"]
        for name, target, column in zip(("weights", *self.states), self.targets, columns, strict=True):
            first = c_number(column[0], self.file.single)
            found = {number.hex(): number for number in column}.values()
            same = name != "weights" and all(c_number(number, self.file.single) == first for number in found)
            called = name if name == "weights" else f"initial_{name}"
            lines.append(f"        {target} = {first if same else f'{self.file.numbers(column, called)}[i]'};\n")
        lines += ["        state->gradient[i] = 0.0;\n"] if self.batches else []
        lines.append(f"    }}\n    state->learning_rate = {c_number(self.optimizer.rate(), self.file.single)};\n")
        if self.counts_steps:
            lines.append(f"    state->steps = {c_number(float(self.optimizer.steps), self.file.single)};\n")
        lines += ["    state->rows = 0.0;\n"] if self.batches else []
        return "".join(lines)

    def _write(self) -> None:
        """Write the update of one parameter, and what is the same for all, of which it is given what it reads."""
        names, named, texts = told(self.program), LocalNames(self.file.name, FIELDS | {"share"}), dict(self.texts)
        before, during, of_member, read = dict[str, str](), list[str](), set(self.of_member), set(self.program.outputs)
        for entry in self.program.instructions:
            text = self._expression(entry, texts)
            texts[entry.slot] = name = named(names[entry.slot])
            line = f"const real {name} = {text};"
            if of_member.isdisjoint(entry.slots()):
                before[name] = line
            else:
                during.append(line)
                of_member.add(entry.slot)
                read.update(entry.slots())
        stored, new = list[str](), self.program.outputs
        for target, slot in zip(self.targets, [new[0], *[new[1 + k] for k in self.kept]], strict=True):
            name = texts[slot]
            if name == target:
                continue
            if slot in self.of_member:  # an old number, which another line may overwrite
                name = named(f"old_{names[slot]}")
                during.append(f"const real {name} = {texts[slot]};")
            stored.append(f"{target} = {name};")
        self.names, given = list(before), before.keys() & {texts[slot] for slot in read if slot in texts}
        self.given = [name for name in before if name in given]
        self.before, self.lines = (
            named_after("".join(f"    {line}\n" for line in lines), self.file.name)
            for lines in (before.values(), [*during, *stored])
        )

    def _expression(self, entry: Instruction, texts: dict[int, str]) -> str:
        if entry.primitive is table.dot:
            ws, xs, bias = entry.operands
            pairs = zip(ws, xs, strict=True)  # type: ignore[arg-type]
            return sum_of([product(texts[w], texts[x]) for w, x in pairs], texts[bias])  # type: ignore[index]
        if entry.primitive.folds:
            raise ValueError(
                f"{type(self.optimizer).__name__}.update() calls a function of lists ({entry.primitive.name}), which "
                "its loop in C cannot follow: of three numbers take tn.maximum by twos"
            )
        operands = [texts[o] for o in entry.operands if isinstance(o, int)]
        return called(entry.primitive, operands, self.file.constants.wanted)
