"""Losses and predictions of rows in machine code, after each of many epochs of training steps.

They read the parameters where the steps have them. Few rows are looked at in the same call of machine code that makes
the steps, many by several threads, while this one may draw the order of the next epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import inf
from threading import Thread
from time import perf_counter
from typing import Any

from ....compiler.backends.llvm import engine as native
from ....compiler.target import Target
from ....support.annotation import TYPE_CHECKING
from ..rows import matrix
from .engine import Look

if TYPE_CHECKING:
    from .look_text import LookText

MOST_NUMBERS = 500_000  # that are found in one call
WORTH_THREADS = 16_000_000  # rows times parameters, of which threads take a part each
MOST_PARTS = 4  # threads, each of which takes a tenth of a millisecond to begin
ALONE = 16  # looks without threads, where those came late


class NativeLook:
    """Rows, laid for machine code, and where it puts what it finds of each: the loss, then the prediction."""

    def __init__(self, look: Look, text: LookText, target: Target, epochs: int, parts: int) -> None:
        xp, rows = target.namespace, matrix(look.rows, target)
        self.compiled, self.lanes, self.count = native.native(text.text, pointers=5), text.lanes, len(rows)
        self.blocks = -(-self.count // self.lanes)
        padded = self.blocks * self.lanes
        self.rows = xp.concatenate([rows, xp.repeat(rows[-1:], padded - self.count, axis=0)])
        self.found = xp.empty((epochs, padded, text.width), dtype=target.dtype)
        self.flags = xp.ones(padded, dtype=xp.uint8)
        self.scratch = xp.empty((parts, text.scratch + 64), dtype=xp.uint8)

    def part(self, k: int, parts: int) -> tuple[int, ...]:
        """What the machine code wants for part k of its rows: where its function begins, where rows, results, flags and
        scratch are, the blocks of rows, and the bytes of the results of an epoch."""
        first, last = (self.blocks * i // parts for i in (k, k + 1))
        places = [of.ctypes.data + first * self.lanes * of.strides[0] for of in (self.rows, self.found[0], self.flags)]
        aligned = self.scratch[k].ctypes.data + -self.scratch[k].ctypes.data % 64
        return self.compiled.start, *places, aligned, last - first, self.found[0].nbytes


class Looks:
    """What is looked at after each epoch of some steps, with the parameters where those have them."""

    def __init__(
        self, looks: Sequence[Look], texts: Sequence[LookText], target: Target, steps: Any, parameters: int
    ) -> None:
        both, self.xp = list(zip(looks, texts, strict=True)), target.namespace
        numbers = sum((len(look.rows) + text.lanes) * text.width for look, text in both)
        self.many = parameters * sum(len(look.rows) for look in looks) >= WORTH_THREADS
        self.most = 1 if self.many else max(1, MOST_NUMBERS // max(1, numbers))  # epochs in one call
        self.parts = min(MOST_PARTS, native.processors())
        self.native = [NativeLook(look, text, target, self.most, self.parts) for look, text in both]
        self.start, self.size = steps.start, 4 if target.dtype == "float32" else 8
        self.whole = self._part(0, 1)
        self.seconds, self.alone = inf, 0  # that a look takes alone; how many are to be
        # whether one look is to be made before any counts: where a row may be refused, or its time is to be known
        self.unsure = (self.many and self.parts > 1) or any(text.refuses for text in texts)
        self.trail: Any = None  # parameters and states after each epoch, a row for each
        self.kept_bytes = 0, 0  # of the parameters, and of the states

    def between(self, *given: int) -> None:
        """Make steps of what those are given, and look after each epoch."""
        *pointers, steps = given
        trail = 0 if self.trail is None else self.trail.ctypes.data
        fixed = [self.start, *pointers, self.size, len(self.native), trail, *self.kept_bytes]
        fixed = self.xp.array(fixed, dtype=self.xp.int64)
        driver().run(fixed.ctypes.data, self.whole.ctypes.data, steps)

    def keep(self, arrays: Any) -> None:
        """Let what the numbers are after each epoch be kept, of as many epochs as have room."""
        numbers = arrays.parameters.size + arrays.state.size
        self.kept_bytes = arrays.parameters.nbytes, arrays.state.nbytes
        self.trail = self.xp.empty((max(1, MOST_NUMBERS // numbers), numbers), dtype=arrays.parameters.dtype)

    def now(self, parameters: int) -> None:
        """Look at the parameters there."""
        start = perf_counter()
        self._look(parameters, self.whole)
        self.seconds = min(self.seconds, perf_counter() - start)

    def beside(self, parameters: int, meanwhile: Callable[[], None] | None) -> None:
        """Look at the parameters there in several threads, of which this one may do something else, or a part.

        Where those come later than it takes alone, as on a busy machine, the next looks are made alone.
        """
        if self.alone or self.parts == 1:
            self.alone = max(0, self.alone - 1)
            self.now(parameters)
            return
        parts, start = self.parts - (meanwhile is not None), perf_counter()
        each = [self._part(k, parts) for k in range(parts)]
        own = [] if meanwhile is not None else [each.pop()]
        threads = [Thread(target=self._look, args=(parameters, part), name="tinygrad_nn looks") for part in each]
        for thread in threads:
            thread.start()
        waited, start = perf_counter() - start, perf_counter()
        if meanwhile is not None:
            meanwhile()
            start = perf_counter()
        for part in own:
            self._look(parameters, part)
        for thread in threads:
            thread.join()
        if waited + perf_counter() - start > self.seconds:
            self.alone = ALONE

    def _part(self, k: int, parts: int) -> Any:
        """Part k of all rows, as the machine code wants it."""
        return self.xp.array([look.part(k, parts) for look in self.native], dtype=self.xp.int64)

    def _look(self, parameters: int, part: Any) -> None:
        """In one call, so that no thread waits in the midst of it for another that is busy in Python."""
        fixed = self.xp.array([0, 0, parameters, *[0] * 13, len(self.native), 0, 0, 0], dtype=self.xp.int64)
        driver().run(fixed.ctypes.data, part.ctypes.data, 0)

    @property
    def on_path(self) -> bool:
        """Whether the latest look was at rows that the programs are of."""
        return all(bool(look.flags.all()) for look in self.native)

    def found(self, epochs: int) -> list[Any]:
        """What was found of each look: an array of shape (epochs, rows, numbers)."""
        return [look.found[:epochs, : look.count] for look in self.native]


@lru_cache(maxsize=1)
def driver() -> Any:
    """Makes many steps as the `run` of their text does, epoch by epoch, and looks after each."""
    return native.native(DRIVER, pointers=2)


def loading(kind: str, base: str, names: Sequence[str]) -> list[str]:
    """Lines that load the entries of an array, each by its name."""
    return [
        line for k, name in enumerate(names) if name for line in (
            f"%{name}_at = getelementptr {kind}, ptr {base}, i64 {k}", f"%{name} = load {kind}, ptr %{name}_at",
        )
    ]  # fmt: skip


def _moved(names: Sequence[str], by: str) -> list[str]:
    """Lines that move pointers by so many bytes."""
    return [f"%{name}_here = getelementptr i8, ptr %{name}, i64 {by}" for name in names]


GIVEN = ("x", "parameters", "states", "gradients", "penalty", "losses", "metrics", "rates", "settings", "counts",
         "told", "flags", "totals", "scratch")  # fmt: skip
STEPPING = ("losses", "metrics", "rates")
# %given: where the steps' function begins, what it is given, the bytes of a number, how many looks there are; where the
# numbers are kept after each epoch, or 0, and the bytes of parameters and states. %looks: each as `part` has it.
# Without steps, what is looked at are the parameters as they are.
DRIVER = "\n  ".join([
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    "define private void @look(ptr %looks, i64 %looked, ptr %parameters, i64 %epoch) {", "br label %head\nhead:",
    "%j = phi i64 [0, %0], [%j1, %one]", "%more = icmp slt i64 %j, %looked",
    "br i1 %more, label %one, label %over\none:",
    "%place = mul i64 %j, 7", "%look_at = getelementptr i64, ptr %looks, i64 %place",
    *loading("ptr", "%look_at", ("function", "rows", "found", "flags", "scratch")),
    *loading("i64", "%look_at", ("",) * 5 + ("blocks", "wide")),
    "%skipped = mul i64 %epoch, %wide", *_moved(("found",), "%skipped"),
    "call void %function(ptr %rows, ptr %parameters, ptr %found_here, ptr %flags, ptr %scratch, i64 %blocks)",
    "%j1 = add i64 %j, 1", "br label %head\nover:", "ret void\n}\n",
    "define void @run(ptr %given, ptr %looks, i64 %steps) {", "%made_at = alloca i64", "%epoch_at = alloca i64",
    "store i64 0, ptr %made_at", "store i64 0, ptr %epoch_at",
    *loading("ptr", "%given", ("function", *GIVEN)),
    *loading("i64", "%given", ("",) * 15 + ("size", "looked", "trail", "all_parameters", "all_states")),
    "%none = icmp eq i64 %steps, 0", "br i1 %none, label %only, label %begin\nonly:",
    "call void @look(ptr %looks, i64 %looked, ptr %parameters, i64 0)", "ret void\nbegin:",
    *loading("i64", "%counts", ("all", "batch", "first")),
    *loading("double", "%told", ("before", "", "threshold")),
    "%done_at = getelementptr double, ptr %told, i64 3",
    "%padded = add i64 %all, %batch", "%padded1 = sub i64 %padded, 1", "%batches = sdiv i64 %padded1, %batch",
    "br label %head\nhead:",
    "%made = load i64, ptr %made_at", "%epoch = load i64, ptr %epoch_at",
    "%k = add i64 %first, %made", "%through = srem i64 %k, %batches", "%left = sub i64 %batches, %through",
    "%rest = sub i64 %steps, %made", "%few = icmp slt i64 %rest, %left", "%n = select i1 %few, i64 %rest, i64 %left",
    "store i64 %k, ptr %first_at", "%made_wide = sitofp i64 %made to double",
    "%before_here = fadd double %before, %made_wide", "store double %before_here, ptr %before_at",
    "%bytes = mul i64 %made, %size", "%told_bytes = mul i64 %epoch, 8",
    *_moved(("losses", "rates"), "%bytes"), *_moved(("metrics",), "%told_bytes"),
    f"call void %function({', '.join(f'ptr %{name}' + '_here' * (name in STEPPING) for name in GIVEN)}, i64 %n)",
    "%done_wide = load double, ptr %done_at", "%done = fptosi double %done_wide to i64",
    "%made1 = add i64 %made, %done", "store i64 %made1, ptr %made_at",
    "%refused = icmp slt i64 %done, %n", "br i1 %refused, label %leave, label %went\nwent:",
    "%k1 = add i64 %k, %n", "%through1 = srem i64 %k1, %batches", "%over = icmp eq i64 %through1, 0",
    "br i1 %over, label %look, label %next\nlook:",
    "call void @look(ptr %looks, i64 %looked, ptr %parameters, i64 %epoch)",
    "%unkept = icmp eq i64 %trail, 0", "br i1 %unkept, label %told_so, label %keep\nkeep:",
    "%row = add i64 %all_parameters, %all_states", "%rows = mul i64 %row, %epoch", "%row_at = add i64 %trail, %rows",
    "%row_of_states = add i64 %row_at, %all_parameters", "%to_parameters = inttoptr i64 %row_at to ptr",
    "%to_states = inttoptr i64 %row_of_states to ptr",
    "call void @llvm.memcpy.p0.p0.i64(ptr %to_parameters, ptr %parameters, i64 %all_parameters, i1 false)",
    "call void @llvm.memcpy.p0.p0.i64(ptr %to_states, ptr %states, i64 %all_states, i1 false)",
    "br label %told_so\ntold_so:",
    "%epoch1 = add i64 %epoch, 1", "store i64 %epoch1, ptr %epoch_at", "%metric = load double, ptr %metrics_here",
    "%below = fcmp olt double %metric, %threshold", "br i1 %below, label %leave, label %next\nnext:",
    "%again = icmp slt i64 %made1, %steps", "br i1 %again, label %head, label %leave\nleave:",
    "%in_all = load i64, ptr %made_at", "%in_all_wide = sitofp i64 %in_all to double",
    "store double %in_all_wide, ptr %done_at", "ret void\n}\n",
])  # fmt: skip
