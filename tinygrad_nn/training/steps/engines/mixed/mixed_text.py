"""Training steps on rows of several shapes as LLVM text: a module for each shape, which adds up its rows, and one that
calls them for the groups of a batch, adds their gradients, and makes the update.

The parameters lie alike in all of them; those that are only read stand in the order in which programs were found to
read them.
"""

from __future__ import annotations

from typing import NamedTuple

from .....compiler.arguments import Shape
from .....compiler.backends.llvm import engine as native
from .....compiler.backends.llvm.ir import Block, Kind, indented
from .....compiler.backends.llvm.printer import FunctionText, module
from .....compiler.backends.llvm.row_sums import RowSums
from .....compiler.target import Target
from .....support.decorators import uncollected
from ...recipe import Recipe
from ...rows import Row
from ..native_text import StepText

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
        return cls(compiled, text, compiled.start, lanes == 1)


class MixedText(StepText):
    """The text of what is the same for all shapes; `of_rows` writes what is of one."""

    @uncollected
    def __init__(self, recipe: Recipe, target: Target) -> None:
        self._lay(recipe, target)
        self.spare = -(-self.padded * self.kind.bits // 512) * 64  # bytes of the gradients of one group
        self._write(self._groups(self.kind), self.spare, 8 * GROUP)

    @uncollected
    def of_rows(self, shapes: Shape, row: Row, lanes: int) -> str:
        """The text of what adds up rows of these shapes, traced on one of them, so many at a time."""
        sums = self._sums(shapes, row, lanes)
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
        return FunctionText(f"define private void @row_sums({given}, i64 %rows) {{\n{indented(lines)}\n}}", b)
