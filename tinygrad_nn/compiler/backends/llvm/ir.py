"""LLVM's intermediate representation as text: operations on vectors of numbers, one line each.

A `Block` gives every result a name and hands it back, so that a formula in Python reads like the formula; its lines are
the body of a function. A vector of one lane is a plain number.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ...single_precision import rounded


@dataclass(frozen=True)
class Kind:
    """A vector type: how many lanes of which precision."""

    lanes: int = 1
    single: bool = False

    @property
    def scalar(self) -> str:
        return "float" if self.single else "double"

    @property
    def bits(self) -> int:
        return 32 if self.single else 64

    @property
    def numbers(self) -> str:
        """The type of numbers."""
        return self.of(self.scalar)

    @property
    def integers(self) -> str:
        """The type of the integers of the same size."""
        return self.of(f"i{self.bits}")

    @property
    def flags(self) -> str:
        """The type of comparisons."""
        return self.of("i1")

    @property
    def suffix(self) -> str:
        """What an intrinsic of this type ends in: v8f64, or f64."""
        return f"{'' if self.lanes == 1 else f'v{self.lanes}'}f{self.bits}"

    def of(self, entry: str) -> str:
        """The type of an entry in every lane."""
        return entry if self.lanes == 1 else f"<{self.lanes} x {entry}>"

    def number(self, x: float) -> str:
        """A constant in every lane."""
        return self._all(self.scalar, number_constant(x, self.single))

    def integer(self, n: int) -> str:
        """An integer in every lane."""
        return self._all(f"i{self.bits}", str(n))

    def times(self, count: int) -> Kind:
        """The vector type of as many vectors of this one as one."""
        return Kind(self.lanes * count, self.single)

    def times_in(self, size: int) -> int:
        """How many vectors of this one are in so many bytes, at least one."""
        return max(1, size * 8 // (self.lanes * self.bits))

    def _all(self, entry: str, text: str) -> str:
        lanes, of = self.lanes, self.of(entry)
        if lanes <= 16:
            return text if lanes == 1 else f"<{', '.join([f'{entry} {text}'] * lanes)}>"
        first = f"{of} insertelement ({of} poison, {entry} {text}, i32 0)"
        return f"shufflevector ({first}, {of} poison, <{lanes} x i32> zeroinitializer)"


def _instruction(operation: str, of: str = "numbers") -> Callable[[Block, str, str], str]:
    """An instruction of two operands, numbers or flags, as a method."""

    def instruction(block: Block, a: str, b: str) -> str:
        return block.let(f"{operation} {getattr(block.kind, of)} {a}, {b}")

    return instruction


@dataclass
class Block:
    """The lines of a function's body, on vectors of one kind."""

    kind: Kind
    lines: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    wanted: set[tuple[str, Kind]] = field(default_factory=set)  # functions of vectors that are called
    entry: list[str] = field(default_factory=list)  # variables, which stand at the function's start
    count: int = 0

    def let(self, text: str) -> str:
        """A new name for the result of an instruction."""
        self.count += 1
        self.lines.append(f"%t{self.count} = {text}")
        return f"%t{self.count}"

    def number(self, x: float) -> str:
        return self.kind.number(x)

    add, subtract = _instruction("fadd"), _instruction("fsub")
    multiply, divide = _instruction("fmul"), _instruction("fdiv")
    both, either = _instruction("and", "flags"), _instruction("or", "flags")

    def negative(self, a: str) -> str:
        return self.let(f"fneg {self.kind.numbers} {a}")

    def fused(self, a: str, b: str, c: str) -> str:
        """a b + c, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def call(self, result: str, name: str, operands: Iterable[str], *kinds: str) -> str:
        """The result of a function that is none of this text, of operands of these types, or all of the result's."""
        operands = list(operands)
        kinds = kinds or (result,) * len(operands)
        self.declared.add(f"declare {result} @{name}({', '.join(kinds)})")
        given = ", ".join(f"{kind} {operand}" for kind, operand in zip(kinds, operands, strict=True))
        return self.let(f"call {result} @{name}({given})")

    def intrinsic(self, name: str, *operands: str) -> str:
        """One of LLVM's own functions of numbers."""
        return self.call(self.kind.numbers, f"llvm.{name}.{self.kind.suffix}", operands)

    def reduced(self, operation: str, flags: str) -> str:
        """One flag of those of all lanes: by "and" whether all are set, by "or" whether any is."""
        kind = self.kind
        if kind.lanes == 1:
            return flags
        return self.call("i1", f"llvm.vector.reduce.{operation}.v{kind.lanes}i1", [flags], kind.flags)

    def compare(self, comparison: str, a: str, b: str) -> str:
        """Flags of a comparison; a nan gives false, but in `!=`."""
        name = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}[comparison]
        return self.let(f"fcmp {name} {self.kind.numbers} {a}, {b}")

    def choose(self, flags: str, a: str, b: str) -> str:
        """a where the flags are set, else b."""
        kind = self.kind
        return self.let(f"select {kind.flags} {flags}, {kind.numbers} {a}, {kind.numbers} {b}")

    def inverse(self, a: str) -> str:
        return self.let(f"xor {self.kind.flags} {a}, {self.kind._all('i1', 'true')}")

    def integers(self, operation: str, a: str, b: str) -> str:
        """An operation on integers: add, sub, and, or, xor, shl, lshr, ashr."""
        return self.let(f"{operation} {self.kind.integers} {a}, {b}")

    def as_integers(self, a: str) -> str:
        """The bits of numbers."""
        return self.let(f"bitcast {self.kind.numbers} {a} to {self.kind.integers}")

    def as_numbers(self, a: str) -> str:
        """The numbers of bits."""
        return self.let(f"bitcast {self.kind.integers} {a} to {self.kind.numbers}")

    def extracted(self, vector: str, lane: int) -> str:
        """The number in one lane."""
        kind = self.kind
        return vector if kind.lanes == 1 else self.let(f"extractelement {kind.numbers} {vector}, i32 {lane}")

    def everywhere(self, number: str) -> str:
        """A number in every lane."""
        return self.spread(self.kind.scalar, number)

    def spread(self, entry: str, x: str) -> str:
        """An entry of this type in every lane."""
        lanes, of = self.kind.lanes, self.kind.of(entry)
        if lanes == 1:
            return x
        first = self.let(f"insertelement {of} poison, {entry} {x}, i32 0")
        return self.let(f"shufflevector {of} {first}, {of} poison, <{lanes} x i32> zeroinitializer")

    def partly_loaded(self, pointer: str, lanes: int) -> str:
        """A vector whose first lanes are loaded; nothing is read beyond them."""
        kind = self.kind
        if lanes == kind.lanes:
            return self.load(pointer)
        given = [pointer, str(kind.bits // 8), self._first(lanes), kind.number(0.0)]
        return self.call(
            kind.numbers, f"llvm.masked.load.{kind.suffix}.p0", given, "ptr", "i32", kind.flags, kind.numbers
        )

    def partly_stored(self, pointer: str, value: str, lanes: int) -> None:
        """The first lanes of a vector are stored; nothing is written beyond them."""
        kind = self.kind
        if lanes == kind.lanes:
            self.store(pointer, value)
            return
        name = f"llvm.masked.store.v{kind.lanes}f{kind.bits}.p0"
        self.declared.add(f"declare void @{name}({kind.numbers}, ptr, i32, {kind.flags})")
        flags, align = self._first(lanes), f"i32 {kind.bits // 8}"
        self.lines.append(f"call void @{name}({kind.numbers} {value}, ptr {pointer}, {align}, {kind.flags} {flags})")

    def _first(self, lanes: int) -> str:
        """Flags of the first lanes."""
        return f"<{', '.join(f'i1 {str(lane < lanes).lower()}' for lane in range(self.kind.lanes))}>"

    def lanes_below(self, count: str) -> str:
        """Flags of the lanes whose number is below a count."""
        lanes = self.kind.lanes
        numbers = "0" if lanes == 1 else f"<{', '.join(f'i64 {lane}' for lane in range(lanes))}>"
        return self.let(f"icmp sgt {self.kind.of('i64')} {self.spread('i64', count)}, {numbers}")

    def unless(self, flag: str, body: Callable[[], None]) -> None:
        """body() where a flag is not set."""
        self.count += 1
        n = self.count
        self.lines += [f"br i1 {flag}, label %after{n}, label %otherwise{n}", f"otherwise{n}:"]
        body()
        self.lines += [f"br label %after{n}", f"after{n}:"]

    def variable(self, start: str) -> str:
        """A variable of numbers with its first value; LLVM makes a register of it."""
        self.count += 1
        self.entry.append(f"%m{self.count} = alloca {self.kind.numbers}")
        name = f"%m{self.count}"
        self.store(name, start)
        return name

    def load(self, pointer: str) -> str:
        return self.let(f"load {self.kind.numbers}, ptr {pointer}, align {self.kind.bits // 8}")

    def store(self, pointer: str, value: str) -> None:
        self.lines.append(f"store {self.kind.numbers} {value}, ptr {pointer}, align {self.kind.bits // 8}")

    def loop(self, count: int | str, body: Callable[[str], None], most_written_out: int = 4) -> None:
        """body(i) for i from 0 to count - 1: written out where there are few, else a loop."""
        if isinstance(count, int) and count <= most_written_out:
            for k in range(count):
                body(str(k))
            return
        self.count += 1
        n = self.count
        self.entry.append(f"%c{n} = alloca i64")
        self.lines += [f"store i64 0, ptr %c{n}", f"br label %head{n}", f"head{n}:"]
        i = self.let(f"load i64, ptr %c{n}")
        more = self.let(f"icmp slt i64 {i}, {count}")
        self.lines += [f"br i1 {more}, label %body{n}, label %done{n}", f"body{n}:"]
        body(i)
        self.lines += [
            f"%n{n} = add nsw i64 {i}, 1", f"store i64 %n{n}, ptr %c{n}", f"br label %head{n}", f"done{n}:",
        ]  # fmt: skip

    def index(self, base: int, *terms: tuple[int, str]) -> str:
        """base + stride times counter, for each pair of them."""
        total = base
        parts: list[str] = []
        for stride, counter in terms:
            if counter.lstrip("-").isdigit():
                total += stride * int(counter)
            elif stride:
                parts.append(counter if stride == 1 else self.let(f"mul nsw i64 {counter}, {stride}"))
        if not parts:
            return str(total)
        name = parts[0]
        for part in parts[1:]:
            name = self.let(f"add nsw i64 {name}, {part}")
        return self.let(f"add nsw i64 {name}, {total}") if total else name

    def rarely(self, flags: str, otherwise: Callable[[], str], usual: str) -> str:
        """The usual result, or that of `otherwise` in all lanes where any flag is set: it is computed only then."""
        any_flag = self.reduced("or", flags)
        self.count += 1
        before, rare, after = (f"{word}{self.count}" for word in ("before", "rare", "after"))
        self.lines += [f"br label %{before}", f"{before}:"]
        self.lines += [f"br i1 {any_flag}, label %{rare}, label %{after}", f"{rare}:"]
        found = otherwise()
        self.lines += [f"br label %{after}", f"{after}:"]
        return self.let(f"phi {self.kind.numbers} [{usual}, %{before}], [{found}, %{rare}]")

    def each_lane(self, function: str, *operands: str) -> str:
        """A function of the C library, lane by lane."""
        kind, result = self.kind, "poison"
        for lane in range(kind.lanes):
            entries = [self.extracted(operand, lane) for operand in operands]
            number = self.call(kind.scalar, function + ("f" if kind.single else ""), entries)
            if kind.lanes == 1:
                return number
            result = self.let(f"insertelement {kind.numbers} {result}, {kind.scalar} {number}, i32 {lane}")
        return result


def indented(lines: Iterable[str]) -> str:
    """Lines of a body as text, the labels further out."""
    return "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)


def number_constant(x: float, single: bool) -> str:
    """A constant by its bits; a float is written as the double that equals it."""
    x = rounded(x) if single else x
    return f"0x{struct.unpack('>Q', struct.pack('>d', x))[0]:016X}"
