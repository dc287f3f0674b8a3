"""Training steps as LLVM text: the update of all parameters in one loop, and many steps in one call.

The latest texts are kept by the structure of what they were written for, without the Values and the optimizer of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from itertools import islice

from ....autograd import primitives as table
from ....autograd.value import Value
from ....compiler.arguments import Shape
from ....compiler.backends.llvm.engine import register_bytes
from ....compiler.backends.llvm.functions import spelled
from ....compiler.backends.llvm.ir import Block, Kind
from ....compiler.backends.llvm.printer import FunctionText, Printer, module
from ....compiler.backends.llvm.row_sums import RowSums
from ....compiler.backends.llvm.row_terms import rolled_for_sums
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
from ..structure import structure_known
from .engine import UnsupportedError
from .kept_text import text_of_structure

MOST_TEXTS, MOST_OF_ONE = 64, 4  # that are kept, and of one structure, whose update may branch on settings


class StepText:
    """The text of the steps of a recipe, and how the numbers lie that it is given.

    The trained parameters reach to the end of whole vectors, `padded` numbers, and after them those that are only read.
    """

    branches = False  # whether a row may take several paths; those of a known structure take one

    @uncollected
    def __init__(
        self, recipe: Recipe, shapes: Shape, row: Row, target: Target, batched: bool, update: Update | None = None
    ) -> None:
        checked_trained(recipe)
        single, exact, metric = target.dtype == "float32", target.exact, recipe.metric is not None
        full = register_bytes() // (4 if single else 8)
        gradient = row_gradient(recipe, shapes, row)
        self.gradient: Program | None = gradient  # for whoever wants to see it; None where it is to be traced for that
        penalized = penalty(recipe) if recipe.regularizer is not None else None
        self.branches = any(p is not None and p.guards for p in (gradient, penalized))
        trained, self.count = recipe.optimizer.parameters, len(recipe.optimizer.parameters)
        self.vectors = -(-self.count // full)
        self.padded = self.vectors * full
        both = [p for p in (gradient, penalized) if p is not None]  # whose first parameters are the trained ones
        read = [value for p in both for value in islice(p.parameters.values(), self.count, None)]
        self.untrained = list({id(value): value for value in read}.values())
        self.read: list[int] = []  # where those are in a network, in a text that is kept apart
        order = [*trained, *(Value(0.0) for _ in range(self.padded - self.count)), *self.untrained]
        roll = rolled_for_sums(gradient.reading(order))
        sums = RowSums(roll, 1 + metric, full if batched else 1, full, single, exact)
        regular = None
        if penalized is not None:
            regular = Printer(rolled(penalized.reading(order)), 1, single, exact, "penalty", full)
        self.update = checked_update(update or Update(recipe))
        text = update_text(self.update, Kind(full, single), regular is not None, exact)
        row_bytes = roll.sizes[INPUTS] * (4 if single else 8)
        self.text = step_text(sums.written, sums.totals, row_bytes, sums.one, regular, text, metric)
        self.scratch = max(sums.scratch, regular.scratch if regular else 0)  # bytes

    def apart(self, parameters: Sequence[Value]) -> StepText:
        """The text without what it was written for; of the Values that are only read, where they are in the network."""
        places = {id(value): k for k, value in enumerate(parameters)}
        twin = copy(self)
        twin.gradient, twin.update, twin.untrained = None, self.update.apart(), []
        twin.read = [places[id(value)] for value in self.untrained]
        return twin

    def words(self) -> str:
        """What `said` makes such a text of again."""
        numbers = [self.count, self.vectors, self.padded, self.scratch, int(self.branches), *self.read]
        return f"{' '.join(map(str, numbers))}\n{self.text}"

    @classmethod
    def said(cls, words: str, update: Update) -> StepText:
        """A text that was kept apart, with the update that it was written for."""
        text = cls.__new__(cls)
        numbers, _, text.text = words.partition("\n")
        text.count, text.vectors, text.padded, text.scratch, branches, *text.read = map(int, numbers.split())
        text.gradient, text.update, text.untrained, text.branches = None, update.apart(), [], bool(branches)
        return text

    def of(self, recipe: Recipe, parameters: Sequence[Value]) -> StepText | None:
        """A text that was kept apart, for a recipe of its structure; None where the settings are on another path."""
        twin = copy(self)
        twin.update = self.update.by(recipe.optimizer)
        twin.untrained = [parameters[k] for k in self.read]
        return None if twin.update.obstacle() else twin


def checked_trained(recipe: Recipe) -> None:
    """Raise UnsupportedError for an optimizer that was made with parameters and has none."""
    if not recipe.optimizer.parameters:
        raise UnsupportedError("the llvm back end makes no steps without parameters: give the optimizer some")


def checked_update(update: Update) -> Update:
    """The update itself. Raises UnsupportedError for one that machine code cannot make."""
    obstacle, name = update.obstacle(), type(update.optimizer).__name__
    if not obstacle and any(
        entry.primitive.folds and entry.primitive is not table.dot for entry in update.program.instructions
    ):
        obstacle = f"{name}.update() calls a function of lists"
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
    update, written = Update(replace(recipe, world=alone)), list[StepText]()

    def write() -> str:
        written.append(StepText(recipe, shapes, row, target, batched, update))
        return written[0].apart(parameters).words()

    def of_update() -> str:
        kind = Kind(register_bytes() // (4 if target.dtype == "float32" else 8), target.dtype == "float32")
        return update_text(update, kind, recipe.regularizer is not None, target.exact).body

    apart = StepText.said(text_of_structure("steps", key, of_update, LOADED, write), update)
    TEXTS.put(key, [apart, *known][:MOST_OF_ONE])
    written.clear()  # with all that it was traced from, which is many times the network
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
    lines = "\n".join(line if line.endswith(":") else f"  {line}" for line in [*b.entry, *b.lines, "ret void"])
    pointers = ", ".join(
        f"ptr noalias %{name}" for name in ("parameters", "states", "gradients", "penalty", "settings")
    )
    scalars = f"{one.numbers} %rate, {one.numbers} %step, {one.numbers} %share, i64 %vectors"
    return FunctionText(f"define void @update({pointers}, {scalars}) {{\n{lines}\n}}", b)


def step_text(
    rows: FunctionText, totals: int, row_bytes: int, one: Kind, penalty: Printer | None, update: FunctionText,
    metric: bool,
) -> str:  # fmt: skip
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
    ] if metric else ["br label %next"]  # fmt: skip
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
    body = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
    functions = [rows, *([penalty.written] if penalty is not None else []), update]
    return module(functions, f"{head}\n{body}\n}}")


LOADED = AsLoaded(IMPORTED)  # last, when all that writes texts is there
