"""How LLVM spells the primitives, as operations on vectors; those over columns are loops that the printer writes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ....autograd.ieee.functions import FLOOR, SINGLE_FLOOR
from ....autograd.primitives import Primitive
from ..spellings import in_vectors
from .ir import Block
from .vector_math import FUNCTIONS, function_name

Spelling = Callable[..., str]


def vector_function(name: str) -> Spelling:
    """A call of a function of vectors, whose definition the block remembers to want."""

    def call(b: Block, x: str) -> str:
        b.wanted.add(name)
        kind = b.kind
        return b.let(f"call {kind.numbers} {function_name(name, kind)}({kind.numbers} {x})")

    return call


def library_function(name: str) -> Spelling:
    """The C library's function, lane by lane."""
    return lambda b, *operands: b.each_lane(name, *operands)


_exp, _log, _log1p, _sigmoid = (vector_function(name) for name in ("exp", "log", "log1p", "sigmoid"))


def _relu(b: Block, x: str) -> str:
    return b.choose(b.compare("<=", x, b.number(0.0)), b.number(0.0), x)


def _larger(b: Block, left: str, right: str, comparison: str = ">=") -> str:
    return b.choose(b.either(b.compare(comparison, left, right), b.compare("!=", left, left)), left, right)


def _step(b: Block, x: str) -> str:
    zero = b.number(0.0)
    below = b.choose(b.compare("<=", x, zero), zero, x)
    return b.choose(b.compare(">", x, zero), b.number(1.0), below)


def _sign(b: Block, x: str) -> str:
    zero = b.number(0.0)
    at_most = b.choose(b.compare("==", x, zero), zero, x)
    below = b.choose(b.compare("<", x, zero), b.number(-1.0), at_most)
    return b.choose(b.compare(">", x, zero), b.number(1.0), below)


def _tie(b: Block, left: str, right: str) -> str:
    even = b.choose(b.compare("==", left, right), b.number(0.5), b.number(math.nan))
    below = b.choose(b.compare("<", left, right), b.number(0.0), even)
    return b.choose(b.compare(">", left, right), b.number(1.0), below)


def _softplus(b: Block, x: str) -> str:
    return b.add(_relu(b, x), _log1p(b, _exp(b, b.negative(b.intrinsic("fabs", x)))))


def _normal_cdf(b: Block, x: str) -> str:
    scaled = b.multiply(b.negative(x), b.number(math.sqrt(0.5)))
    return b.multiply(b.number(0.5), b.each_lane("erfc", scaled))


def _normal_pdf(b: Block, x: str) -> str:
    exponent = b.multiply(b.multiply(b.number(-0.5), x), x)
    return b.multiply(_exp(b, exponent), b.number(math.sqrt(0.5 / math.pi)))


def _limited(b: Block, x: str, factor: str) -> str:
    """x times a function that goes to 0 faster at -inf."""
    return b.choose(b.compare("==", x, b.number(-math.inf)), b.number(-0.0), b.multiply(x, factor))


def _scaled(b: Block, c: str, x: str) -> str:
    counts = b.either(b.compare("!=", c, b.number(0.0)), b.compare("!=", x, x))
    return b.choose(counts, b.multiply(c, x), b.number(0.0))


def _log_power(b: Block, x: str, n: str, k: str) -> str:
    size = b.each_lane("pow", x, n)
    product = b.multiply(size, b.each_lane("pow", _log(b, x), k))
    return b.choose(b.compare("==", size, b.number(0.0)), b.number(0.0), product)


def _gap(b: Block, left: str, right: str) -> str:
    return b.choose(b.compare("==", left, right), b.number(0.0), b.subtract(left, right))


def _asin_slope(b: Block, x: str) -> str:
    one = b.number(1.0)
    return b.divide(one, b.intrinsic("sqrt", b.multiply(b.subtract(one, x), b.add(one, x))))


def _floored(b: Block, x: str) -> str:
    return _larger(b, x, b.number(SINGLE_FLOOR if b.kind.single else FLOOR))


def _monomial(b: Block, c: str, x: str, n: str) -> str:
    size, zero = b.each_lane("pow", x, n), b.number(0.0)
    either = b.either(b.compare("==", c, zero), b.compare("==", size, zero))
    return b.choose(either, zero, b.multiply(c, size))


def _binary_cross_entropy(b: Block, p: str, t: str) -> str:
    rest = [b.subtract(b.number(1.0), x) for x in (p, t)]
    logs = [_larger(b, _log(b, x), b.number(-100.0)) for x in (p, rest[0])]
    return b.subtract(b.number(0.0), b.add(b.multiply(t, logs[0]), b.multiply(rest[1], logs[1])))


SPELLINGS: dict[str, Spelling] = {
    "add": Block.add,
    "subtract": Block.subtract,
    "multiply": Block.multiply,
    "divide": Block.divide,
    "negative": Block.negative,
    "absolute": lambda b, x: b.intrinsic("fabs", x),
    "zeroth_power": lambda b, x: b.number(1.0),
    "square": lambda b, x: b.multiply(x, x),
    "cube": lambda b, x: b.multiply(b.multiply(x, x), x),
    "fourth_power": lambda b, x: (lambda s: b.multiply(s, s))(b.multiply(x, x)),
    "power": library_function("pow"),
    "sqrt": lambda b, x: b.intrinsic("sqrt", x),
    "detached": lambda b, x: x,
    "softplus": _softplus,
    "relu": _relu,
    "leaky_relu": lambda b, x: b.choose(b.compare("<", x, b.number(0.0)), b.multiply(b.number(0.01), x), x),
    "elu": lambda b, x: b.choose(b.compare("<", x, b.number(0.0)), b.each_lane("expm1", x), x),
    "silu": lambda b, x: _limited(b, x, _sigmoid(b, x)),
    "gelu": lambda b, x: _limited(b, x, _normal_cdf(b, x)),
    "normal_cdf": _normal_cdf,
    "normal_pdf": _normal_pdf,
    "step": _step,
    "sign": _sign,
    "maximum": _larger,
    "minimum": lambda b, left, right: _larger(b, left, right, "<="),
    "tie": _tie,
    "equal": lambda b, left, right: b.choose(b.compare("==", left, right), b.number(1.0), b.number(0.0)),
    "where_equal": lambda b, x, left, right: b.choose(b.compare("==", left, right), x, b.number(0.0)),
    "monomial": _monomial,
    "scaled": _scaled,
    "log_power": _log_power,
    "gap": _gap,
    "exp_gap": lambda b, left, right: _exp(b, _gap(b, left, right)),
    "asin_slope": _asin_slope,
    "atan_slope": lambda b, x: b.divide(b.number(1.0), b.add(b.number(1.0), b.multiply(x, x))),
    "sigmoid_slope": lambda b, x, s: b.multiply(s, b.subtract(b.number(1.0), s)),
    "floored": _floored,
    "binary_cross_entropy": _binary_cross_entropy,
    "sigmoid_cross_entropy": lambda b, p, z, t: _binary_cross_entropy(b, p, t),
}
SPELLINGS |= {name: vector_function(name) for name in FUNCTIONS}
SPELLINGS |= {name: library_function(name) for name in ("expm1", "tan", "asin", "acos", "atan", "sinh", "cosh")}


def spelled(primitive: Primitive) -> Spelling:
    """How a primitive that is no fold is written. Raises UnspelledError for one's own without a spelling."""
    return SPELLINGS[primitive.name] if primitive.spellings is None else in_vectors(primitive, SPELLINGS)


def fold(name: str, b: Block, loop: Callable[[Callable[[str], Any]], None], operands: list[str]) -> str:
    """A primitive over a column: `loop` calls its argument with each element; `operands` are those beside it."""
    return FOLDS[name](b, loop, *operands)


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


FOLDS: dict[str, Callable[..., str]] = {
    "largest": _largest, "ties": _ties, "logsumexp": _logsumexp, "normalizer": _normalizer, "take": _take,
}  # fmt: skip
