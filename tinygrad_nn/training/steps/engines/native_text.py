"""Training steps as LLVM text: the update of all parameters in one loop, and many steps in one call.

The latest texts are kept by the structure of what they were written for, without the Values and the optimizer of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from itertools import islice
from json import dumps, loads

from ....autograd import primitives as table
from ....autograd.value import Value
from ....compiler.arguments import Shape
from ....compiler.backends.llvm.engine import full_register, register_bytes
from ....compiler.backends.llvm.functions import spelled
from ....compiler.backends.llvm.ir import Block, Kind, indented
from ....compiler.backends.llvm.printer import FunctionText, Printer, module
from ....compiler.backends.llvm.row_sums import RowSums
from ....compiler.backends.llvm.row_terms import rolled_for_sums
from ....compiler.kept_text import kept_text
from ....compiler.loops.groups import Repeated
from ....compiler.loops.roll import rolled
from ....compiler.program.program import INPUTS, Instruction, Program
from ....compiler.single_precision import checked_literals
from ....compiler.surroundings.surroundings import Surroundings
from ....compiler.target import Target
from ....optim import check_state
from ....support.as_loaded import AsLoaded
from ....support.decorators import uncollected
from ....support.latest import Latest
from ....version import IMPORTED
from ..recipe import Recipe, Update, penalty, row_gradient
from ..rows import Row
from ..structure import in_words, structure_known
from .engine import UnsupportedError

MOST_TEXTS, MOST_OF_ONE = 64, 4  # that are kept, and of one structure, whose update may branch on settings


class StepText:
    """The text of the steps of a recipe, and how the numbers lie that it is given.

    The trained parameters reach to the end of whole vectors, `padded` numbers, and after them those that are only read.
    """

    branches = False  # whether a row may take several paths; those of a known structure take one
    read: Sequence[int] = ()  # where Values that are only read are in a network, in a text that is kept apart

    @uncollected
    def __init__(
        self, recipe: Recipe, shapes: Shape, row: Row, target: Target, batched: bool, update: Update | None = None
    ) -> None:
        self._lay(recipe, target)
        sums = self._sums(shapes, row, self.kind.lanes if batched else 1)
        self._write(sums.written, sums.scratch, sums.roll.sizes[INPUTS] * self.kind.bits // 8, update)

    def _lay(self, recipe: Recipe, target: Target) -> None:
        """Say how the numbers of the trained parameters lie."""
        if not recipe.optimizer.parameters:
            raise UnsupportedError("the llvm back end makes no steps without parameters: give the optimizer some")
        self.recipe, self.exact, self.kind = recipe, target.exact, full_register(target)
        self.flat = 0  # entries of the longest program without repeats, which shorter ones have even less
        self.count, self.totals = len(recipe.optimizer.parameters), 1 + (recipe.metric is not None)
        self.vectors = -(-self.count // self.kind.lanes)
        self.padded = self.vectors * self.kind.lanes
        self.gradient: Program | None = None  # of the latest rows, for whoever wants to see it
        self.untrained: list[Value] = []

    def _reading(self, program: Program) -> Program:
        """A program whose parameters lie as those of all, after it has said which others it reads."""
        self.branches = self.branches or bool(program.guards)
        beside = islice(program.parameters.values(), self.count, None)  # the first ones are those that are trained
        self.untrained = list({id(value): value for value in (*self.untrained, *beside)}.values())
        unused = [Value(0.0) for _ in range(self.padded - self.count)]
        return program.reading([*self.recipe.optimizer.parameters, *unused, *self.untrained])

    def _sums(self, shapes: Shape, row: Row, lanes: int) -> RowSums:
        """What adds up rows of these shapes, traced on one of them, so many at a time."""
        self.gradient = gradient = row_gradient(self.recipe, shapes, row)
        program, size = self._reading(gradient), len(gradient.entries)
        roll = rolled(program, program.entries) if size <= self.flat else rolled_for_sums(program)
        self.flat = max(self.flat, size * all(type(group) is not Repeated for group in roll.groups))
        return RowSums(roll, self.totals, lanes, self.kind.lanes, self.kind.single, self.exact)

    def _write(self, rows: FunctionText, scratch: int, row_bytes: int, update: Update | None = None) -> None:
        """The text of steps by a function that adds up rows, which takes so many bytes of scratch and of each row."""
        recipe, kind, regular, self.scratch = self.recipe, self.kind, None, scratch
        if recipe.regularizer is not None:
            penalized = rolled(self._reading(penalty(recipe)))
            regular = Printer(penalized, 1, kind.single, self.exact, "penalty", kind.lanes)
            self.scratch = max(scratch, regular.scratch)
        self.update = checked_update(update or Update(recipe))
        text = update_text(self.update, kind, regular is not None, self.exact)
        self.text = step_text(rows, self.totals, row_bytes, Kind(1, kind.single), regular, text)

    def words(self) -> str:
        """What `said` makes the text of again."""
        return dumps([self.count, self.vectors, self.padded, self.scratch, self.branches, self.read, self.text])

    @classmethod
    def said(cls, words: str, update: Update) -> StepText:
        """A text without what it was written for but the update of it."""
        text = cls.__new__(cls)
        text.count, text.vectors, text.padded, text.scratch, text.branches, text.read, text.text = loads(words)
        text.gradient, text.update, text.untrained = None, update.apart(), []
        return text

    def of(self, recipe: Recipe, parameters: Sequence[Value]) -> StepText | None:
        """A text that was kept apart, for a recipe of its structure; None where the settings are on another path."""
        twin = copy(self)
        twin.update = self.update.by(recipe.optimizer)
        twin.untrained = [parameters[k] for k in self.read]
        return None if twin.update.obstacle() else twin


def checked_update(update: Update) -> Update:
    """The update itself. Raises UnsupportedError for one that machine code cannot make."""
    obstacle, rows = update.obstacle(), {entry.primitive for entry in update.program.instructions}
    if not obstacle and any(row.folds for row in rows - {table.dot}):
        obstacle = f"{type(update.optimizer).__name__}.update() calls a function of lists"
    if obstacle:
        raise UnsupportedError(f"{obstacle}, which the llvm back end cannot compile: give backend='python'")
    return update


TEXTS: Latest[list[StepText]] = Latest(MOST_TEXTS)


def text_for(recipe: Recipe, shapes: Shape, row: Row, target: Target, batched: bool) -> StepText:
    """The text of the steps of a recipe: one that was written before where the structure is known, else a new one."""
    check_state(recipe.optimizer)
    found = structure_known(recipe)
    if found is None or not recipe.optimizer.parameters:
        return StepText(recipe, shapes, row, target, batched)
    structure, parameters = found
    key = structure, shapes, target.dtype, target.exact, batched, register_bytes()
    known = TEXTS.get(key) or []
    for text in known:
        if (again := text.of(recipe, parameters)) is not None:
            return again
    alone = Surroundings([type(recipe.optimizer).update], recipe.optimizer)  # which an update of ours is traced in
    update = Update(replace(recipe, world=alone))

    def write() -> str:
        text = StepText(recipe, shapes, row, target, batched, update)
        places = {id(value): k for k, value in enumerate(parameters)}
        text.read = [places[id(value)] for value in text.untrained]
        return text.words()

    def words() -> list[str | None]:
        text = update_text(update, full_register(target), recipe.regularizer is not None, target.exact)
        return [in_words(key), text.body]

    apart = StepText.said(kept_text("steps", words, LOADED, write), update)
    TEXTS.put(key, [apart, *known][:MOST_OF_ONE])
    return apart.of(recipe, parameters) or StepText(recipe, shapes, row, target, batched, update)


def update_text(update: Update, kind: Kind, regularized: bool, exact: bool) -> FunctionText:
    """The update of all parameters, from that of one.

    The vectors reach to the end of whole vectors; `share` is what a row counts for in the mean.
    """
    one, program = Kind(1, kind.single), update.program
    b = Block(one)  # first what is computed once a step, such as the share of its moments that Adam has seen
    checked_literals(program, kind.single)
    slots: dict[int, str] = {slot: one.number(number) for slot, number in program.literals.items()}
    slots[update.rate], slots[update.step] = "%rate", "%step"
    for k, slot in enumerate(update.settings):
        slots[slot] = b.load(b.let(f"getelementptr {one.numbers}, ptr %settings, i64 {k}"))

    def vector(base: str, where: str) -> str:
        return b.let(f"getelementptr {kind.numbers}, ptr {base}, i64 {where}")

    def compute(entry: Instruction) -> None:
        if entry.primitive is not table.dot:
            slots[entry.slot] = spelled(entry.primitive)(b, *[slots[o] for o in entry.operands if isinstance(o, int)])
            return
        ws, xs, bias = entry.operands
        total = slots[bias]  # type: ignore[index]
        for w, x in zip(ws, xs, strict=True):  # type: ignore[arg-type]
            product = b.multiply(slots[w], slots[x])
            total = b.add(total, product) if exact else b.fused(slots[w], slots[x], total)
        slots[entry.slot] = total

    varying, each = {update.gradient, update.parameter, *update.states}, []
    for entry in program.instructions:
        if varying.isdisjoint(entry.slots()):
            compute(entry)
        else:
            varying.add(entry.slot)
            each.append(entry)
    b.kind = kind
    slots = {slot: b.everywhere(number) for slot, number in slots.items()}
    share = b.everywhere("%share")

    def body(i: str) -> None:
        places = [vector("%parameters", i)]
        for k in range(len(update.states)):
            start = b.let(f"mul nsw i64 %vectors, {k}")
            places.append(vector("%states", b.let(f"add nsw i64 {start}, {i}")))
        summed = b.multiply(b.load(vector("%gradients", i)), share)
        slots[update.gradient] = b.add(b.load(vector("%penalty", i)), summed) if regularized else summed
        for slot, place in zip([update.parameter, *update.states], places, strict=True):
            slots[slot] = b.load(place)
        for entry in each:
            compute(entry)
        for place, slot in zip(places, program.outputs, strict=True):
            b.store(place, slots[slot])

    b.loop("%vectors", body, most_written_out=0)
    lines = indented([*b.entry, *b.lines, "ret void"])
    pointers = ", ".join(
        f"ptr noalias %{name}" for name in ("parameters", "states", "gradients", "penalty", "settings")
    )
    scalars = f"{one.numbers} %rate, {one.numbers} %step, {one.numbers} %share, i64 %vectors"
    return FunctionText(f"define void @update({pointers}, {scalars}) {{\n{lines}\n}}", b)


def step_text(
    rows: FunctionText, totals: int, row_bytes: int, one: Kind, penalty: Printer | None, update: FunctionText
) -> str:
    """The module whose function `run` makes many steps, by one that adds up rows, of so many bytes each.

    counts: rows of an epoch, rows of a batch, the first batch, vectors of parameters, and how many rows after those of
    an epoch the next one's begin (0 where all take the same). state, as doubles: the steps made so far, the metric so
    far and its threshold; back come the metric so far, the steps made, and 1 where the next one was refused, since a
    row of it takes another path.
    """
    number = one.numbers
    told_of_rows = [f"%total{k} = load {number}, ptr %total_at{k}" for k in range(totals)]
    total_at = [f"%total_at{k} = getelementptr {number}, ptr %totals, i64 {k}" for k in range(totals)]
    widen = "bitcast double" if not one.single else "fpext float"
    narrow = "bitcast double" if not one.single else "fptrunc double"
    penalized = [
        "call void @penalty(ptr %x, ptr %parameters, ptr %penalty, ptr %flags, ptr %scratch, i64 1)",
        "%penalty_flag = load i8, ptr %flags", "%penalty_off = icmp eq i8 %penalty_flag, 0",
        "br i1 %penalty_off, label %refused, label %penalized", "penalized:",
        f"%penalty_loss = load {number}, ptr %penalty", f"%loss = fadd {number} %mean, %penalty_loss",
    ] if penalty is not None else [f"%loss = fadd {number} %mean, {one.number(-0.0)}"]  # fmt: skip
    told = [
        f"%metric_wide = {widen} %total1 to double",
        "%metric_before = load double, ptr %metric_at", "%metric_now = fadd double %metric_before, %metric_wide",
        "store double %metric_now, ptr %metric_at",
        "br i1 %epoch_over, label %epoch, label %next", "epoch:",
        "%e = load i64, ptr %epochs", "%told_at = getelementptr double, ptr %metrics, i64 %e",
        "store double %metric_now, ptr %told_at", "%e1 = add i64 %e, 1", "store i64 %e1, ptr %epochs",
        "store double 0.0, ptr %metric_at", "%below = fcmp olt double %metric_now, %threshold",
        "br i1 %below, label %stop, label %next", "stop:", "%made_stop = add i64 %s, 1",
        "store i64 %made_stop, ptr %counter", "br label %leave",
    ] if totals > 1 else ["br label %next"]  # fmt: skip
    counts = [
        line for k, name in enumerate(("all", "batch", "first", "vectors", "stride"))
        for line in (f"%{name}_at = getelementptr i64, ptr %counts, i64 {k}", f"%{name} = load i64, ptr %{name}_at")
    ]  # fmt: skip
    lines = [
        "%counter = alloca i64", "%epochs = alloca i64", "store i64 0, ptr %counter", "store i64 0, ptr %epochs",
        *counts, "%before_at = getelementptr double, ptr %state, i64 0", "%made_before = load double, ptr %before_at",
        "%metric_at = getelementptr double, ptr %state, i64 1",
        "%threshold_at = getelementptr double, ptr %state, i64 2", "%threshold = load double, ptr %threshold_at",
        "%made_at = getelementptr double, ptr %state, i64 3", "%refused_at = getelementptr double, ptr %state, i64 4",
        "store double 0.0, ptr %refused_at", *total_at,
        "%padded = add i64 %all, %batch", "%padded1 = sub i64 %padded, 1", "%batches = sdiv i64 %padded1, %batch",
        "br label %head", "head:", "%s = load i64, ptr %counter", "%more = icmp slt i64 %s, %steps",
        "br i1 %more, label %body, label %leave", "body:",
        "%k0 = add i64 %first, %s", "%k = srem i64 %k0, %batches", "%start = mul i64 %k, %batch",
        "%left = sub i64 %all, %start", "%few = icmp slt i64 %left, %batch",
        "%n = select i1 %few, i64 %left, i64 %batch", "%through = sdiv i64 %k0, %batches",
        "%skipped = mul i64 %through, %stride", "%row = add i64 %start, %skipped",
        f"%offset = mul i64 %row, {row_bytes}",
        "%rows_at = getelementptr i8, ptr %x, i64 %offset",
        "call void @row_sums(ptr %rows_at, ptr %parameters, ptr %gradients, ptr %totals, ptr %flags, ptr %scratch, "
        "i64 %n)",
        "%flag = load i8, ptr %flags", "%off = icmp eq i8 %flag, 0", "br i1 %off, label %refused, label %taken",
        "taken:",
        *told_of_rows, f"%many = sitofp i64 %n to {number}", f"%share = fdiv {number} {one.number(1.0)}, %many",
        f"%mean = fdiv {number} %total0, %many", *penalized,
        f"%loss_at = getelementptr {number}, ptr %losses, i64 %s", f"store {number} %loss, ptr %loss_at",
        f"%rate_at = getelementptr {number}, ptr %rates, i64 %s", f"%rate = load {number}, ptr %rate_at",
        "%sd = sitofp i64 %s to double", "%step_wide = fadd double %made_before, %sd",
        f"%step = {narrow} %step_wide to {number}", f"%own_penalty = getelementptr {number}, ptr %penalty, i64 1",
        "call void @update(ptr %parameters, ptr %states, ptr %gradients, ptr %own_penalty, ptr %settings, "
        f"{number} %rate, {number} %step, {number} %share, i64 %vectors)",
        "%k1 = add i64 %k, 1", "%epoch_over = icmp eq i64 %k1, %batches", *told,
        "next:", "%s1 = add i64 %s, 1", "store i64 %s1, ptr %counter", "br label %head",
        "refused:", "store double 1.0, ptr %refused_at", "br label %leave",
        "leave:", "%made = load i64, ptr %counter", "%made_wide = sitofp i64 %made to double",
        "store double %made_wide, ptr %made_at", "ret void",
    ]  # fmt: skip
    pointers = ("x", "parameters", "states", "gradients", "penalty", "losses", "metrics", "rates", "settings", "counts",
                "state", "flags", "totals", "scratch")  # fmt: skip
    head = f"define void @run({', '.join(f'ptr %{name}' for name in pointers)}, i64 %steps) {{"
    functions = [rows, *([penalty.written] if penalty is not None else []), update]
    return module(functions, f"{head}\n{indented(lines)}\n}}")


LOADED = AsLoaded(IMPORTED)  # last, when all that writes texts is there
