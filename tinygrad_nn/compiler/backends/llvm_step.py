"""Training steps as LLVM text: the rows of a batch in the lanes, their gradients summed, and the update in one loop.

The module's `run` makes many steps on consecutive batches in one call; see `step_text`.
"""

from __future__ import annotations

from dataclasses import replace

from ..program import INPUTS, Program
from ..roll import access
from ..rolled import Access, Group, Place, Rolled
from .ir import Block, Kind
from .llvm import Printer, module
from .llvm_functions import SPELLINGS


class RowSums(Printer):
    """A function that adds up the outputs of rows: `totals` the first ones, `gradients` the rest.

    flags[0] is 0 if any row is not on this path.
    """

    arguments = ("inputs", "parameters", "gradients", "totals", "flags", "scratch")
    count = "rows"

    def __init__(self, roll: Rolled, totals: int, lanes: int, single: bool, exact: bool) -> None:
        self.totals = totals
        self.scatters = scatters(roll.outputs[totals:])
        self.summed = self._summed_at_once(roll)
        super().__init__(roll, lanes, single, exact, name="row_sums")

    def _summed_at_once(self, roll: Rolled) -> dict[int, Access]:
        """The arrays that are nothing but gradients: where each of them is added up, in the loops that compute it."""
        read = {operand.array for group in roll.groups for operand in group.operands}
        read |= {array for array, _ in roll.outputs[: self.totals]}
        groups = {group.array: group for group in roll.groups if group.primitive is not None and group.by_row}
        found: dict[int, Access] = {}
        for source, target, extents in self.scatters:
            group = groups.get(source.array)
            whole = group is not None and extents == group.extents and source.base == 0
            if whole and source.array not in read:
                found[source.array] = target
        return found

    def _put(self, group: Group, counters: list[str], kind: Kind, result: str) -> None:
        target = self.summed.get(group.array)
        if target is None:
            super()._put(group, counters, kind, result)
            return
        b = self.block
        place = self._pointer("%sums", kind.numbers, b.index(target.base, *zip(target.strides, counters, strict=True)))
        b.store(place, b.add(b.load(place), self._counted(result)))

    def _counted(self, vector: str) -> str:
        """The vector with 0 for what lies beyond the batch."""
        kind = self.kind
        return vector if kind.lanes == 1 else self.block.choose(self.inside, vector, self.block.number(0.0))

    def _all_rows(self) -> None:
        b, kind = self.block, self.kind
        count = len(self.roll.outputs) - self.totals
        b.entry.append(f"%sums = getelementptr i8, ptr %scratch, i64 {self.scratch}")
        self.scratch += max(1, count) * kind.lanes * kind.bits // 8
        zero = b.number(0.0)
        b.loop(count, lambda i: b.store(self._pointer("%sums", kind.numbers, i), zero))
        self.total = [b.variable(zero) for _ in range(self.totals)]
        b.entry.append("%all_on = alloca i1")
        b.lines.append("store i1 true, ptr %all_on")
        last = b.let("sub nsw i64 %rows, 1")
        upper = b.let(f"add nsw i64 %rows, {kind.lanes - 1}")
        self.last = last
        blocks = b.let(f"sdiv i64 {upper}, {kind.lanes}")
        b.loop(blocks, self._rows, most_written_out=0)
        on = b.let("load i1, ptr %all_on")
        told = b.let(f"zext i1 {on} to i8")
        b.lines.append(f"store i8 {told}, ptr %flags, align 1")
        for k, total in enumerate(self.total):
            self._reduced(b.load(total), "%totals", str(k))
        b.loop(count, lambda i: self._reduced(b.load(self._pointer("%sums", kind.numbers, i)), "%gradients", i))

    def _reduced(self, vector: str, base: str, where: str) -> None:
        """Store the sum of the lanes."""
        b, kind = self.block, self.kind
        number = vector
        if kind.lanes > 1:
            name = f"llvm.vector.reduce.fadd.{kind.suffix}"
            b.declared.add(f"declare {kind.scalar} @{name}({kind.scalar}, {kind.numbers})")
            start = f"{kind.scalar} {Kind(1, kind.single).number(-0.0)}"
            number = b.let(f"call reassoc {kind.scalar} @{name}({start}, {kind.numbers} {vector})")
        b.lines.append(f"store {kind.scalar} {number}, ptr {self._pointer(base, kind.scalar, where)}")

    def _load_rows(self, first: str) -> None:
        """The inputs of the rows; where the batch ends within a block, its last row stands in, and does not count."""
        b, n, kind = self.block, self.roll.sizes[INPUTS], self.kind
        starts, inside = [], []
        for lane in range(kind.lanes):
            row = b.index(lane, (1, first))
            here = b.let(f"icmp sle i64 {row}, {self.last}")
            row = b.let(f"select i1 {here}, i64 {row}, i64 {self.last}")
            starts.append(b.let(f"mul nsw i64 {row}, {n}"))
            inside.append(here)
        self.inside = inside[0]
        if kind.lanes > 1:
            self.inside = "poison"
            for lane, here in enumerate(inside):
                self.inside = b.let(f"insertelement {kind.flags} {self.inside}, i1 {here}, i32 {lane}")

        def one(j: str) -> None:
            vector = "poison"
            for lane, start in enumerate(starts):
                where = b.index(0, (1, start), (1, j))
                number = b.let(f"load {kind.scalar}, ptr {self._pointer('%inputs', kind.scalar, where)}")
                if kind.lanes == 1:
                    vector = number
                else:
                    vector = b.let(f"insertelement {kind.numbers} {vector}, {kind.scalar} {number}, i32 {lane}")
            b.store(self._pointer("%x", kind.numbers, j), vector)

        b.loop(n, one)

    def _store_rows(self, first: str) -> None:
        b, kind = self.block, self.kind
        for total, (array, index) in zip(self.total, self.roll.outputs, strict=False):
            value = self._load(Access(array, index, ()), [], kind)
            b.store(total, b.add(b.load(total), self._counted(value)))
        for source, target, extents in self.scatters:
            if source.array in self.summed:
                continue

            def one(counters: list[str], source: Access = source, target: Access = target) -> None:
                where = b.index(target.base, *zip(target.strides, counters, strict=True))
                place = self._pointer("%sums", kind.numbers, where)
                b.store(place, b.add(b.load(place), self._counted(self._load(source, counters, kind))))

            self._loops(extents, [], one)
        on = b.let(f"load {kind.flags}, ptr %on")
        if kind.lanes > 1:
            outside = self._not(self.inside, kind)
            name = f"llvm.vector.reduce.and.v{kind.lanes}i1"
            b.declared.add(f"declare i1 @{name}({kind.flags})")
            on = b.let(f"call i1 @{name}({kind.flags} {b.either(on, outside)})")
        before = b.let("load i1, ptr %all_on")
        both = b.let(f"and i1 {before}, {on}")
        b.lines.append(f"store i1 {both}, ptr %all_on")


def scatters(places: list[Place]) -> list[tuple[Access, Access, tuple[int, ...]]]:
    """Where outputs lie and where they go, in as few loops as their strides allow."""
    by_array: dict[int, list[tuple[int, int]]] = {}
    for target, (array, index) in enumerate(places):
        by_array.setdefault(array, []).append((index, target))
    found = []
    for array, pairs in by_array.items():
        pairs.sort()
        rest = pairs
        while rest:
            sources, targets = [[pair[k] for pair in rest] for k in (0, 1)]
            extents, used = loops_of(sources, targets)
            at = [access(-1, [[i] for i in indices[:used]], extents, column=False) for indices in (sources, targets)]
            found.append((replace(at[0], array=array), at[1], extents))
            rest = rest[used:]
    return found


def loops_of(sources: list[int], targets: list[int]) -> tuple[tuple[int, ...], int]:
    """The extents of one loop or two that run through the pairs from the first on, and how many of them."""
    steps = [(b - a, d - c) for a, b, c, d in zip(sources, sources[1:], targets, targets[1:], strict=False)]
    inner = 1
    while inner <= len(steps) and steps[inner - 1] == steps[0]:
        inner += 1
    inner = min(inner, len(sources))
    outer = 1
    while (outer + 1) * inner <= len(sources):
        at = outer * inner
        jump = (sources[at] - sources[at - inner], targets[at] - targets[at - inner])
        first = (sources[inner] - sources[0], targets[inner] - targets[0])
        same = all(
            sources[at + k] - sources[at] == sources[k] - sources[0]
            and targets[at + k] - targets[at] == targets[k] - targets[0]
            for k in range(inner)
        )
        if jump != first or not same:
            break
        outer += 1
    return ((outer, inner), outer * inner) if outer > 1 and inner > 1 else ((max(outer, inner),), max(outer, inner))


def update_text(program: Program, kind: Kind, states: int, regularized: bool, exact: bool) -> tuple[str, Block]:
    """The update of all parameters, from the program of one: gradient, lr, step, settings and states, in this order.

    The vectors reach to the end of whole vectors; `share` is what a row counts for in the mean.
    """
    b = Block(kind)
    slots: dict[int, str] = {slot: kind.number(number) for slot, number in program.literals.items()}
    gradient, rate, step, *rest = program.inputs
    settings, before = rest[: len(rest) - states], rest[len(rest) - states :]
    (parameter,) = program.parameters
    one = Kind(1, kind.single)

    def splat(scalar: str) -> str:
        if kind.lanes == 1:
            return scalar
        first = b.let(f"insertelement {kind.numbers} poison, {one.numbers} {scalar}, i32 0")
        return b.let(
            f"shufflevector {kind.numbers} {first}, {kind.numbers} poison, <{kind.lanes} x i32> zeroinitializer"
        )

    slots[rate], slots[step] = splat("%rate"), splat("%step")
    for k, slot in enumerate(settings):
        pointer = b.let(f"getelementptr {one.numbers}, ptr %settings, i64 {k}")
        slots[slot] = splat(b.let(f"load {one.numbers}, ptr {pointer}"))
    share = splat("%share")

    def vector(base: str, where: str) -> str:
        return b.let(f"getelementptr {kind.numbers}, ptr {base}, i64 {where}")

    def body(i: str) -> None:
        places = [vector("%parameters", i)]
        for k in range(states):
            start = b.let(f"mul nsw i64 %vectors, {k}")
            places.append(vector("%states", b.let(f"add nsw i64 {start}, {i}")))
        summed = b.multiply(b.load(vector("%gradients", i)), share)
        slots[gradient] = b.add(b.load(vector("%penalty", i)), summed) if regularized else summed
        for slot, place in zip([parameter, *before], places, strict=True):
            slots[slot] = b.load(place)
        for entry in program.instructions:
            operands = [slots[o] for o in entry.operands if isinstance(o, int)]
            if entry.primitive.name == "dot":
                ws, xs, bias = entry.operands
                total = slots[bias]  # type: ignore[index]
                for w, x in zip(ws, xs, strict=True):  # type: ignore[arg-type]
                    product = b.multiply(slots[w], slots[x])
                    total = b.add(total, product) if exact else b.fused(slots[w], slots[x], total)
                slots[entry.slot] = total
            else:
                slots[entry.slot] = SPELLINGS[entry.primitive.name](b, *operands)
        for place, slot in zip(places, program.outputs, strict=True):
            b.store(place, slots[slot])

    b.loop("%vectors", body, most_written_out=0)
    lines = "\n".join(line if line.endswith(":") else f"  {line}" for line in [*b.entry, *b.lines, "ret void"])
    pointers = ", ".join(
        f"ptr noalias %{name}" for name in ("parameters", "states", "gradients", "penalty", "settings")
    )
    scalars = f"{one.numbers} %rate, {one.numbers} %step, {one.numbers} %share, i64 %vectors"
    return f"define void @update({pointers}, {scalars}) {{\n{lines}\n}}", b


def step_text(rows: RowSums, penalty: Printer | None, update: str, block: Block, metric: bool) -> str:
    """The module whose function `run` makes many steps.

    counts: rows in all, rows of a batch, the first batch, vectors of parameters. state, as doubles: the steps made so
    far, the metric so far and its threshold; back come the metric so far, the steps made, and 1 where the next one was
    refused, since a row of it takes another path.
    """
    one = rows.one
    number, n_inputs, size = one.numbers, rows.roll.sizes[INPUTS], one.bits // 8
    totals = [f"%total{k} = load {number}, ptr %total_at{k}" for k in range(rows.totals)]
    total_at = [f"%total_at{k} = getelementptr {number}, ptr %totals, i64 {k}" for k in range(rows.totals)]
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
        line for k, name in enumerate(("all", "batch", "first", "vectors"))
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
        "%n = select i1 %few, i64 %left, i64 %batch", f"%offset = mul i64 %start, {n_inputs * size}",
        "%rows_at = getelementptr i8, ptr %x, i64 %offset",
        "call void @row_sums(ptr %rows_at, ptr %parameters, ptr %gradients, ptr %totals, ptr %flags, ptr %scratch, "
        "i64 %n)",
        "%flag = load i8, ptr %flags", "%off = icmp eq i8 %flag, 0", "br i1 %off, label %refused, label %taken",
        "taken:",
        *totals, f"%many = sitofp i64 %n to {number}", f"%share = fdiv {number} {one.number(1.0)}, %many",
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
    carrier = Carrier(block, update)
    printers: list[Printer | Carrier] = [rows, *([penalty] if penalty is not None else []), carrier]
    return module(printers, f"{head}\n{body}\n}}")


class Carrier:
    """A function's text and what it calls, as `module` takes them."""

    def __init__(self, block: Block, body: str) -> None:
        self.block, self.body, self.kind, self.one = block, body, block.kind, Kind(1, block.kind.single)
        self.globals: list[str] = []
