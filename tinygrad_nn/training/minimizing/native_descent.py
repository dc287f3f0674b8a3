"""Iterations of L-BFGS in machine code, with the training steps that find losses and gradients: many in one call.

It makes those whose steps are of the first length that is tried, which are most. Where one is not, all is put back to
where that step begins, and what was found at its first try is told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial, reduce
from typing import Any

from ...compiler.backends.llvm import engine as native
from ...compiler.backends.llvm.engine import full_register
from ...compiler.backends.llvm.ir import Block, Kind, indented
from ...compiler.backends.llvm.printer import FunctionText, module
from ...compiler.target import Target
from ..at_weights.objective import Objective, native_steps
from ..steps.engines.arrays import zeros
from ..steps.engines.native import NativeSteps
from ..steps.engines.native_look import GIVEN, loading
from ..steps.rows import matrix
from ..steps.several import are_several
from .limited_memory import EPSILON, PAIRS, LimitedMemory, Limits
from .line_search import LEVELLED, LOWER

VECTORS = ("x_before", "gradient_before", "direction", "steps", "changes", "inverses", "products")
COUNTS = ("vectors", "bytes", "first", "kept", "evaluations", "limit", "refused", "made")
ASKED = COUNTS.index("evaluations")
REALS = ("value", "before", "slope", "scale", "steepest", "lowered", "tried", "tried_slope")


class NativeDescent(LimitedMemory):
    """A descent of the loss that training steps in machine code find of these rows, with the gradient as their state.

    All rows take one path there.
    """

    def __init__(self, made: NativeSteps, rows: Any) -> None:
        self.made, self.rows, arrays = made, rows, made.arrays

        def evaluate(x: Any, gradient: Any) -> float:
            return made.one(rows)  # type: ignore[return-value]

        super().__init__(made.xp, arrays.parameters[: arrays.padded], arrays.state[0], evaluate)
        self.products = self.zeros(PAIRS)
        self._vectors = self._places(*[getattr(self, name) for name in VECTORS])
        self._counts, self._numbers = self.xp.zeros(len(COUNTS), "int64"), self.xp.zeros(len(REALS))

    def zeros(self, count: int) -> Any:
        return zeros(self.made.target, count)

    def ahead(self, most: int, limits: Limits) -> list[float]:
        counts, numbers, losses, before = self._counts, self._numbers, self.xp.empty(most), self.evaluations
        vectors = len(self.x) // full_register(self.made.target).lanes
        counts[:] = vectors, self.x.nbytes, self.first, self.kept, before, limits.evaluations, 0, 0
        numbers[:] = self.value, self.before, self.slope, self.scale, limits.steepest, limits.lowered, 0.0, 0.0
        given = self.xp.array([self.made.compiled.start, *self.made.given(self.rows)], "int64")
        try:
            iterations().run(*self._places(given, self._vectors, counts, numbers, losses).tolist(), most)
        finally:
            self.made.arrays.advance(int(counts[ASKED]) - before)
        _, _, self.first, self.kept, self.evaluations, _, refused, made = counts.tolist()
        self.value, self.before, self.slope, self.scale, *_, value, slope = numbers.tolist()
        self.refused = (value, slope) if refused else None
        return losses[:made].tolist()  # type: ignore[no-any-return]

    def _places(self, *arrays: Any) -> Any:
        return self.xp.array([array.ctypes.data for array in arrays], "int64")


def descent_of(objective: Objective, alone: bool) -> LimitedMemory:
    """A descent of an objective: in machine code where that can be, and where it is `alone`, so that nobody changes
    what the loss reads, or looks at the model, between two losses."""
    (shapes, given), xp = objective.rows, objective.xp
    if alone and not are_several(shapes):
        made = native_steps(objective.step, objective.rows, len(given))
        if made is not None:
            return NativeDescent(made, matrix(given, made.target))

    def evaluate(x: Any, gradient: Any) -> float:
        value, gradient[:] = objective.value_and_gradient(x)
        return value

    count = len(objective.parameters)
    return LimitedMemory(xp, xp.zeros(count), xp.zeros(count), evaluate)


@lru_cache(maxsize=1)
def iterations() -> Any:
    """Makes so many iterations, or fewer, by training steps that update nothing."""
    kind = full_register(Target("llvm"))
    bodies: dict[str, Callable[..., str]] = {
        "double @dot(ptr %x, ptr %y": lambda b, x, y, total: b.fused(b.load(x), b.load(y), total),
        "double @largest(ptr %x, ptr %y": lambda b, x, y, most: larger_size(b, b.load(x), most),
        "void @scaled(ptr %x, ptr %y, double %by": lambda b, x, y, by: b.multiply(by, b.load(y)),
        "void @along(ptr %x, ptr %y, double %by": lambda b, x, y, by: b.fused(by, b.load(y), b.load(x)),
    }
    functions = [of_vectors(kind, head, each) for head, each in bodies.items()]
    return native.native(module(functions, ITERATIONS), pointers=5)


def of_vectors(kind: Kind, head: str, each: Callable[..., str]) -> FunctionText:
    """A function of two vectors: of each place of x it stores what `each` gives, or it folds those by it."""
    b, folds = Block(kind), head.startswith("double")
    by = b.variable(kind.number(0.0)) if folds else b.everywhere("%by")

    def body(i: str) -> None:
        x, y = (b.let(f"getelementptr {kind.numbers}, ptr {base}, i64 {i}") for base in ("%x", "%y"))
        found = each(b, x, y, b.load(by) if folds else by)
        b.store(by if folds else x, found)

    b.loop("%vectors", body, most_written_out=0)
    end = "ret void"
    if folds:
        lanes = [b.extracted(b.load(by), lane) for lane in range(kind.lanes)]
        b.kind = Kind()
        one = b.add if "@dot" in head else partial(larger_size, b)
        end = f"ret double {reduce(one, lanes)}"
    return FunctionText(f"define internal {head}, i64 %vectors) {{\n{indented([*b.entry, *b.lines, end])}\n}}", b)


def larger_size(b: Block, x: str, y: str) -> str:
    """The larger_size of |x| and y."""
    size = b.intrinsic("fabs", x)
    return b.choose(b.compare(">", size, y), size, y)


def _kernel(name: str, x: str, y: str, by: str = "") -> str:
    return f"call void @{name}(ptr %{x}, ptr %{y}, double {by}, i64 %vectors)"


def _dot(result: str, x: str, y: str) -> str:
    return f"%{result} = call double @dot(ptr %{x}, ptr %{y}, i64 %vectors)"


def _row(name: str, of: str, k: str) -> list[str]:
    """Lines that find the k-th vector of several."""
    return [f"%{name}_skipped = mul i64 {k}, %bytes", f"%{name} = getelementptr i8, ptr %{of}, i64 %{name}_skipped"]


def _pair(name: str, j: str) -> list[str]:
    """Lines that find the j-th pair from the oldest on: its place, its vectors, and where its numbers are."""
    return [
        f"%{name}_from = add i64 %oldest, {j}", f"%{name} = srem i64 %{name}_from, {PAIRS}",
        *_row(f"{name}_step", "steps", f"%{name}"), *_row(f"{name}_change", "changes", f"%{name}"),
        f"%{name}_inverse = getelementptr double, ptr %inverses, i64 %{name}",
        f"%{name}_product = getelementptr double, ptr %products, i64 %{name}",
    ]  # fmt: skip


def _put(**entries: str) -> list[str]:
    """Lines that store numbers by their names."""
    return [f"store double {number}, ptr %{name}_at" for name, number in entries.items()]


ITERATIONS = "\n  ".join([
    "define void @run(ptr %given, ptr %vectors_given, ptr %counts_given, ptr %numbers_given, ptr %told_losses, "
    "i64 %most) noinline optnone {",  # what is slow is in the others
    *loading("ptr", "%given", ("function", *GIVEN)), *loading("ptr", "%vectors_given", VECTORS),
    *loading("i64", "%counts_given", COUNTS), *loading("double", "%numbers_given", REALS),
    "br label %head\nhead:",
    "%done = load i64, ptr %made_at", "%more = icmp slt i64 %done, %most", "br i1 %more, label %turn, label %leave",
    "\nturn:",  # the direction, from the latest pair to the oldest and back
    "%oldest = load i64, ptr %first_at", "%pairs = load i64, ptr %kept_at", "%scale_now = load double, ptr %scale_at",
    _kernel("scaled", "direction", "states", "-1.0"), "br label %back\nback:",
    "%i = phi i64 [%pairs, %turn], [%i1, %backwards]", "%any = icmp sgt i64 %i, 0",
    "br i1 %any, label %backwards, label %scaling\nbackwards:", "%i1 = sub i64 %i, 1", *_pair("a", "%i1"),
    _dot("a_dot", "a_step", "direction"), "%a_by = load double, ptr %a_inverse", "%a_of = fmul double %a_by, %a_dot",
    "store double %a_of, ptr %a_product", "%a_off = fneg double %a_of",
    _kernel("along", "direction", "a_change", "%a_off"), "br label %back\nscaling:",
    _kernel("scaled", "direction", "direction", "%scale_now"), "br label %forth\nforth:",
    "%j = phi i64 [0, %scaling], [%j1, %forwards]", "%left = icmp slt i64 %j, %pairs",
    "br i1 %left, label %forwards, label %aim\nforwards:", "%j1 = add i64 %j, 1", *_pair("b", "%j"),
    _dot("b_dot", "b_change", "direction"), "%b_by = load double, ptr %b_inverse", "%b_of = fmul double %b_by, %b_dot",
    "%b_before = load double, ptr %b_product", "%b_rest = fsub double %b_before, %b_of",
    _kernel("along", "direction", "b_step", "%b_rest"), "br label %forth\naim:",
    _dot("down", "states", "direction"), *_put(slope="%down"), "%falls = fcmp olt double %down, 0.0",
    "br i1 %falls, label %try, label %leave",
    "\ntry:",  # the step as long as the direction
    _kernel("scaled", "x_before", "parameters", "1.0"), _kernel("scaled", "gradient_before", "states", "1.0"),
    _kernel("along", "parameters", "direction", "1.0"),
    f"call void %function({', '.join(f'ptr %{name}' for name in GIVEN)}, i64 1)",
    "%asked = load i64, ptr %evaluations_at", "%asked1 = add i64 %asked, 1", "store i64 %asked1, ptr %evaluations_at",
    "%here = load double, ptr %value_at", "%found = load double, ptr %losses", _dot("there", "states", "direction"),
    f"%fall = fmul double %down, {Kind().number(LOWER)}", "%enough = fadd double %here, %fall",
    "%low = fcmp ole double %found, %enough", f"%steep = fmul double %down, {Kind().number(-LEVELLED)}",
    "%tilt = call double @llvm.fabs.f64(double %there)", "%even = fcmp ole double %tilt, %steep",
    "%good = and i1 %low, %even", "br i1 %good, label %taken, label %back_again",
    "\nback_again:",
    "store i64 1, ptr %refused_at", *_put(tried="%found", tried_slope="%there"),
    _kernel("scaled", "parameters", "x_before", "1.0"), _kernel("scaled", "states", "gradient_before", "1.0"),
    "br label %leave\ntaken:",
    *_put(before="%here", value="%found"), "%curvature = fsub double %there, %down",
    f"%least = fmul double %down, {Kind().number(-EPSILON)}", "%curved = fcmp ogt double %curvature, %least",
    "br i1 %curved, label %keep, label %ended\nkeep:", *_pair("c", "%pairs"),
    _kernel("scaled", "c_step", "direction", "1.0"), _kernel("scaled", "c_change", "states", "1.0"),
    _kernel("along", "c_change", "gradient_before", "-1.0"), _dot("c_square", "c_change", "c_change"),
    "%inverse = fdiv double 1.0, %curvature", "store double %inverse, ptr %c_inverse",
    "%scale_then = fdiv double %curvature, %c_square", *_put(scale="%scale_then"),
    f"%full = icmp eq i64 %pairs, {PAIRS}", "%older = add i64 %oldest, 1", f"%older_place = srem i64 %older, {PAIRS}",
    "%oldest_then = select i1 %full, i64 %older_place, i64 %oldest", "store i64 %oldest_then, ptr %first_at",
    "%pairs1 = add i64 %pairs, 1", "%pairs_then = select i1 %full, i64 %pairs, i64 %pairs1",
    "store i64 %pairs_then, ptr %kept_at", "br label %ended",
    "\nended:",
    "%told_at_ = getelementptr double, ptr %told_losses, i64 %done", "store double %found, ptr %told_at_",
    "%done1 = add i64 %done, 1", "store i64 %done1, ptr %made_at", "%over = icmp sgt i64 %asked1, %limit",
    "%gain = fsub double %here, %found", "%size_here = call double @llvm.fabs.f64(double %here)",
    "%size_found = call double @llvm.fabs.f64(double %found)", "%larger_ = fcmp ogt double %size_here, %size_found",
    "%size = select i1 %larger_, double %size_here, double %size_found", "%above = fcmp ogt double %size, 1.0",
    "%size1 = select i1 %above, double %size, double 1.0", "%worth = fmul double %lowered, %size1",
    "%level = fcmp ole double %gain, %worth", "%most_of = call double @largest(ptr %states, ptr %states, i64 %vectors)",
    "%flat = fcmp ole double %most_of, %steepest", "%end1 = or i1 %over, %level", "%end = or i1 %end1, %flat",
    "br i1 %end, label %leave, label %head\nleave:", "ret void\n}\n",
])  # fmt: skip
