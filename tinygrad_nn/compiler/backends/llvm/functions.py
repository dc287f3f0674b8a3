"""How LLVM spells the primitives, as operations on vectors; those over columns are loops that the printer writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ....autograd.primitives import Primitive
from ..spellings import in_language
from .ir import Block, Kind
from .vector_math import FUNCTIONS, LANE_SUMS, definition, vector_name

Spelling = Callable[..., str]


def vector_function(name: str) -> Spelling:
    """A call of a function of vectors, whose definition the block remembers to want."""

    def call(b: Block, x: str) -> str:
        kind = b.kind
        b.wanted.add((name, kind))
        return b.let(f"call {kind.numbers} {vector_name(name, kind)}({kind.numbers} {x})")

    return call


def called_lane_sums(b: Block, vectors: list[str]) -> str:
    """The sums of the lanes of as many vectors as one has lanes, by a function that is called for them."""
    kind = b.kind
    b.wanted.add((LANE_SUMS, kind))
    given = ", ".join(f"{kind.numbers} {vector}" for vector in vectors)
    return b.let(f"call {kind.numbers} {vector_name(LANE_SUMS, kind)}({given})")


_exp, _log = vector_function("exp"), vector_function("log")


def _larger(b: Block, left: str, right: str) -> str:
    return b.choose(b.either(b.compare(">=", left, right), b.compare("!=", left, left)), left, right)


# Rows that are written otherwise than by their text, or by the C library's function of their name.
SPELLINGS: dict[str, Spelling] = {
    "add": Block.add,
    "subtract": Block.subtract,
    "multiply": Block.multiply,
    "divide": Block.divide,
    "negative": Block.negative,
    "absolute": lambda b, x: b.intrinsic("fabs", x),
    "power": lambda b, x, n: b.each_lane("pow", x, n),
    "sqrt": lambda b, x: b.intrinsic("sqrt", x),
    **{name: vector_function(name) for name in FUNCTIONS},
}


class Vectors:
    """LLVM's language: operations on the vectors of a block. A spelling may call C's `library`, too."""

    def __init__(self, block: Block, library: Mapping[str, int]) -> None:
        self.block, self.library, self.single = block, library, block.kind.single
        self.number, self.negative, self.compare = block.number, block.negative, block.compare
        self.both, self.either, self.inverse, self.choose = block.both, block.either, block.inverse, block.choose

    def operation(self, name: str, a: str, b: str) -> str:
        return SPELLINGS[name](self.block, a, b)

    def call(self, row: Primitive, given: Sequence[str]) -> str:
        return spelled(row)(self.block, *given)

    def foreign(self, name: str, given: Sequence[str]) -> str | None:
        return self.block.each_lane(name, *given) if self.library.get(name) == len(given) else None

    def let(self, name: str, value: str) -> str:
        return value


def spelled(primitive: Primitive) -> Spelling:
    """How a primitive that is no fold is written. Raises UnspelledError for one's own that has no words in LLVM."""
    own = primitive.spellings is not None
    if not own and primitive.name in SPELLINGS:
        return SPELLINGS[primitive.name]
    if not own and not primitive.text:
        return lambda b, *operands: b.each_lane(primitive.name, *operands)

    def written(b: Block, *operands: str) -> str:
        named = dict(zip(primitive.operands, operands, strict=True))
        return in_language(primitive, "llvm", named, lambda library: Vectors(b, library))  # type: ignore[no-any-return]

    return written


@lru_cache(maxsize=256)
def is_lanewise(primitive: Primitive) -> bool:
    """Whether a primitive that is no fold is the same in every lane, whatever the others are, and calls no library."""
    block = Block(Kind(2))
    spelled(primitive)(block, *("%x" for _ in primitive.operands))
    declared = block.declared.union(*(definition(name, kind)[1] for name, kind in block.wanted))
    return all("@llvm." in text for text in declared)


def _largest(b: Block, loop: Any, *_: str) -> str:
    top = b.variable(b.number(-math.inf))
    loop(lambda x: b.store(top, b.choose(b.compare("!=", x, x), x, _larger(b, b.load(top), x))))
    return b.load(top)


def _ties(b: Block, loop: Any) -> str:
    top, count = _largest(b, loop), b.variable(b.number(0.0))
    one, zero = b.number(1.0), b.number(0.0)
    loop(lambda x: b.store(count, b.add(b.load(count), b.choose(b.compare("==", x, top), one, zero))))
    return b.choose(b.compare("==", top, top), b.load(count), top)


def _logsumexp(b: Block, loop: Any) -> str:
    top, total = _largest(b, loop), b.variable(b.number(0.0))
    loop(lambda x: b.store(total, b.add(b.load(total), _exp(b, b.subtract(x, top)))))
    finite = b.compare("==", b.subtract(top, top), b.number(0.0))
    return b.choose(finite, b.add(top, _log(b, b.load(total))), top)


def _normalizer(b: Block, loop: Any, total: str) -> str:
    found, one = b.variable(b.number(0.0)), b.number(1.0)
    loop(lambda x: b.store(found, b.add(b.load(found), x)))
    finite = b.compare("==", b.subtract(total, total), b.number(0.0))
    known = b.either(finite, b.compare("==", b.load(found), one))
    return b.choose(known, b.load(found), b.number(math.nan))


def _take(b: Block, loop: Any, index: str) -> str:
    chosen, place = b.variable(b.number(math.nan)), b.variable(b.number(0.0))

    def visit(x: str) -> None:
        here = b.load(place)
        b.store(chosen, b.choose(b.compare("==", index, here), x, b.load(chosen)))
        b.store(place, b.add(here, b.number(1.0)))

    loop(visit)
    return b.load(chosen)


# Primitives over a column, of a loop that calls its argument with each element, and of the operands beside it.
FOLDS: dict[str, Callable[..., str]] = {
    "largest": _largest, "ties": _ties, "logsumexp": _logsumexp, "normalizer": _normalizer, "partition": _normalizer,
    "take": _take,
}  # fmt: skip
