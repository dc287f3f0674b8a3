"""Training steps on rows of several shapes as LLVM text: a module for each shape, which adds up its rows, and one that
calls them for the groups of a batch, adds their gradients, and makes the update.

The parameters lie alike in all of them; those that are only read stand in the order in which programs were found to
read them.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from .....autograd.value import Value
from .....compiler.arguments import Shape
from .....compiler.backends.llvm import engine as native
from .....compiler.backends.llvm.engine import register_bytes
from .....compiler.backends.llvm.ir import Block, Kind
from .....compiler.backends.llvm.printer import FunctionText, Printer, module
from .....compiler.backends.llvm.row_sums import RowSums
from .....compiler.backends.llvm.row_terms import rolled_for_sums
from .....compiler.loops.roll import rolled
from .....compiler.program.program import Program
from .....compiler.target import Target
from .....support.decorators import uncollected
from ...recipe import Recipe, Update, penalty, row_gradient
from ...rows import Row
from ..native_text import StepText, checked_trained, checked_update, step_text, update_text

GROUP = 3  # numbers that say of rows which function adds them up, where they are, and how many


class RowsFunction(NamedTuple):
    """What adds up the rows of a shape: compiled, its text, where it begins, and whether it takes a row at a time."""

    compiled: native.Native
    text: str
    start: int
    single: bool

    @classmethod
    def of(cls, text: str, lanes: int) -> RowsFunction:
        """The function of a text, by which so many rows are taken at a time."""
        compiled = native.native(text, 6, "row_sums")
        return cls(compiled, text, ctypes.cast(compiled.run, ctypes.c_void_p).value or 0, lanes == 1)


class MixedText(StepText):
    """The text of what is the same for all shapes; `of_rows` writes what is of one."""

    @uncollected
    def __init__(self, recipe: Recipe, target: Target) -> None:
        checked_trained(recipe)
        self.recipe, self.single, self.exact = recipe, target.dtype == "float32", target.exact
        self.lanes = register_bytes() // (4 if self.single else 8)
        self.count = len(recipe.optimizer.parameters)
        self.vectors = -(-self.count // self.lanes)
        self.padded = self.vectors * self.lanes
        self.gradient, self.untrained, self.totals = None, [], 1 + (recipe.metric is not None)
        self._trained = {id(value) for value in recipe.optimizer.parameters}
        self.spare = -(-self.padded * (4 if self.single else 8) // 64) * 64  # bytes of the gradients of one group
        self.scratch, regular = self.spare, None
        if recipe.regularizer is not None:
            regular = Printer(rolled(self._reading(penalty(recipe))), 1, self.single, self.exact, "penalty", self.lanes)
            self.scratch = max(self.scratch, regular.scratch)
        self.update = checked_update(Update(recipe))
        kind = Kind(self.lanes, self.single)
        text = update_text(self.update, kind, regular is not None, self.exact)
        metric, one, groups = recipe.metric is not None, Kind(1, self.single), self._groups(kind)
        self.text = step_text(groups, self.totals, 8 * GROUP, one, regular, text, metric)

    def _reading(self, program: Program) -> Program:
        """A program whose parameters lie as those of all, after it has said which others it reads."""
        known = self._trained | {*map(id, self.untrained)}
        self.untrained += [value for value in program.parameters.values() if id(value) not in known]
        trained = self.recipe.optimizer.parameters
        return program.reading([*trained, *(Value(0.0) for _ in range(self.padded - self.count)), *self.untrained])

    @uncollected
    def of_rows(self, shapes: Shape, row: Row, lanes: int) -> str:
        """The text of what adds up rows of these shapes, traced on one of them, so many at a time."""
        self.gradient = gradient = row_gradient(self.recipe, shapes, row)
        roll = rolled_for_sums(self._reading(gradient))
        sums = RowSums(roll, self.totals, lanes, self.lanes, self.single, self.exact)
        self.scratch = max(self.scratch, self.spare + sums.scratch)
        return module([sums.written])

    def _groups(self, kind: Kind) -> FunctionText:
        """The function that adds up the groups of a batch as one adds up rows, each by the function of its shape."""
        b, number, counts = Block(kind), kind.scalar, range(self.totals)
        b.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        added = [
            (f"%found{k} = load {number}, ptr %total_at{k}", f"%before{k} = load {number}, ptr %sum_at{k}",
             f"%sum{k} = fadd {number} %before{k}, %found{k}", f"store {number} %sum{k}, ptr %sum_at{k}")
            for k in counts
        ]  # fmt: skip
        lines = [
            *(f"%sum_at{k} = alloca {number}" for k in counts),
            *(f"store {number} 0.0, ptr %sum_at{k}" for k in counts),
            *(f"%total_at{k} = getelementptr {number}, ptr %totals, i64 {k}" for k in counts),
            f"%rest = getelementptr i8, ptr %scratch, i64 {self.spare}", "br label %head", "head:",
            "%i = phi i64 [0, %0], [%i1, %next]", "%more = icmp slt i64 %i, %rows",
            "br i1 %more, label %group, label %told", "group:",
            f"%place = mul i64 %i, {8 * GROUP}", "%at = getelementptr i8, ptr %groups, i64 %place",
            "%rows_at = getelementptr i8, ptr %at, i64 8", "%count_at = getelementptr i8, ptr %at, i64 16",
            "%function = load ptr, ptr %at", "%inputs = load ptr, ptr %rows_at", "%count = load i64, ptr %count_at",
            "%first = icmp eq i64 %i, 0", "%into = select i1 %first, ptr %gradients, ptr %scratch",
            # what is after the last parameter too, where a penalty may have left something
            f"call void @llvm.memset.p0.i64(ptr %into, i8 0, i64 {self.padded * kind.bits // 8}, i1 false)",
            "call void %function(ptr %inputs, ptr %parameters, ptr %into, ptr %totals, ptr %flags, ptr %rest, "
            "i64 %count)",
            "%flag = load i8, ptr %flags", "%off = icmp eq i8 %flag, 0", "br i1 %off, label %refused, label %taken",
            "taken:", *(line for lines in added for line in lines), "br i1 %first, label %next, label %add",
            "add:", "%v = phi i64 [0, %taken], [%v1, %add]",
            f"%sum_to = getelementptr {kind.numbers}, ptr %gradients, i64 %v",
            f"%sum_of = getelementptr {kind.numbers}, ptr %scratch, i64 %v",
            f"%one = load {kind.numbers}, ptr %sum_to", f"%other = load {kind.numbers}, ptr %sum_of",
            f"%both = fadd {kind.numbers} %one, %other", f"store {kind.numbers} %both, ptr %sum_to",
            "%v1 = add i64 %v, 1", f"%again = icmp slt i64 %v1, {self.vectors}",
            "br i1 %again, label %add, label %next", "next:", "%i1 = add i64 %i, %count", "br label %head", "told:",
            *(line for k in counts for line in
              (f"%all{k} = load {number}, ptr %sum_at{k}", f"store {number} %all{k}, ptr %total_at{k}")),
            "ret void", "refused:", "ret void",
        ]  # fmt: skip
        given = ", ".join(f"ptr %{name}" for name in ("groups", *RowSums.arguments[1:]))
        body = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
        return FunctionText(f"define private void @row_sums({given}, i64 %rows) {{\n{body}\n}}", b)
