"""The table's primitives over arrays, in the functions of a namespace such as numpy or jax.numpy.

Nothing is written in place, and every function is of whole arrays, so a namespace may trace, shard and move them. Each
equals the table's value within the namespace's own rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from ....autograd import primitives as table
from ....autograd.primitives import TABLE, Primitive
from ....autograd.rules import words
from ....support.source import defined
from ...program.program import Instruction
from ..spellings import in_language, own_functions, owned, rows_called
from ..texts import ATOM, UNARY, Infix, Written, names_as_they_are


def namespace(instructions: Sequence[Instruction], xp: Any, single: bool) -> dict[str, Any]:
    """What a program calls, by its name: the primitives of the table, and its own."""
    names = {**functions(rows_called(instructions, "array"), xp, single), "xp": xp}
    return names | own_functions(owned(instructions), "array", names, lambda row: in_arrays(row, dict(names), single))


def functions(rows: Iterable[Primitive], xp: Any, single: bool = False) -> dict[str, Any]:
    """A function of arrays for each of these rows of the table, those that they call, and some others.

    Columns are the last axis.
    """
    known = _written(xp, single)
    for row in rows:
        if row.name not in known and not row.folds:
            functions((TABLE[word] for word in words(row.text) if word in TABLE), xp, single)
            known[row.name] = in_arrays(row, known, single) if row.text else _named(xp, row)
    return known


@cache
def _written(xp: Any, single: bool) -> dict[str, Any]:
    """What is written by hand, and what others make of texts when they are first asked for."""
    where, exp = xp.where, xp.exp

    def power(x: Any, n: Any) -> Any:
        found = xp.power(x, n) if hasattr(xp, "power") else x**n
        if type(n) is float and n != 0.5:
            return found
        return where(n == 0.5, where(x == -math.inf, math.inf, found + 0.0), found)  # of which NumPy makes a sqrt

    def logsumexp(xs: Any) -> Any:
        top = xp.max(xs, axis=-1)
        shift = where(xp.isfinite(top), top, 0.0)
        return where(xp.isfinite(top), shift + xp.log(xp.sum(exp(xs - shift[..., None]), axis=-1)), top)

    def normalizer(xs: Any, total: Any) -> Any:
        found = xp.sum(xs, axis=-1)
        return where(xp.isfinite(total) | (found == 1.0), found, math.nan)

    def is_index(index: Any, size: int) -> Any:
        return (index >= 0.0) & (index < size) & (index == xp.floor(index))

    def take(xs: Any, index: Any) -> Any:
        size = xs.shape[-1]
        right = is_index(index, size)
        whole = where(right, index, 0.0).astype("int32")
        shape = xp.broadcast_shapes(xs.shape[:-1], whole.shape)
        xs, whole = xp.broadcast_to(xs, (*shape, size)), xp.broadcast_to(whole, shape)
        return where(right, xp.take_along_axis(xs, whole[..., None], axis=-1)[..., 0], math.nan)

    def ties(xs: Any) -> Any:
        top = xp.max(xs, axis=-1, keepdims=True)
        return where(top[..., 0] == top[..., 0], xp.sum(where(xs == top, 1.0, 0.0), axis=-1), math.nan)

    return {
        "power": power,
        "absolute": xp.abs,
        "logsumexp": logsumexp,
        "normalizer": normalizer,
        "partition": normalizer,
        "take": take,
        "is_index": is_index,
        "largest": lambda xs, count: xp.max(xs, axis=-1),
        "ties": ties,
        "where": where,
        "full_like": xp.full_like,
        "inf": math.inf,
        "nan": math.nan,
    }


class _Arrays(Infix):
    """Python's language of functions on arrays: both sides of a choice are there, and one is taken for each number."""

    def __init__(self, single: bool) -> None:
        self.single, self.lines = single, list[str]()

    def both(self, a: Written, b: Written) -> Written:
        return Written(f"({a.text}) & ({b.text})", UNARY)

    def either(self, a: Written, b: Written) -> Written:
        return Written(f"({a.text}) | ({b.text})", UNARY)

    def inverse(self, a: Written) -> Written:
        return Written(f"~({a.text})", UNARY)

    def choose(self, claim: Written, a: Written, b: Written) -> Written:
        return Written(f"where({claim.text}, {a.text}, {b.text})", ATOM)

    def call(self, row: Primitive, given: Sequence[Written]) -> Written:
        return Written(f"{row.name}({', '.join(each.text for each in given)})", ATOM)

    def let(self, name: str, value: Written) -> Written:
        self.lines.append(f"{name} = {value.text}")
        return Written(name, ATOM)


def in_arrays(primitive: Primitive, names: dict[str, Any], single: bool) -> Callable[..., Any]:
    """A function of arrays from a primitive's text; it calls those by `names`."""
    language = _Arrays(single)
    operands = names_as_they_are(primitive.operands)
    result = in_language(primitive, "array", operands, lambda library: language).text
    if not words(result) & {*primitive.operands}:  # a number
        result = f"full_like({primitive.operands[0]}, {result})"
    head = f"def in_arrays({', '.join(primitive.operands)}):"
    text = "\n    ".join([head, *language.lines, f"return {result}"]) + "\n"
    return defined("in_arrays", text, f"{primitive.name} of arrays", names)  # type: ignore[no-any-return]


def _named(xp: Any, row: Primitive) -> Callable[..., Any]:
    """The namespace's function of that name, which before NumPy 2 is arcsin for asin; else one for each number.

    Raises AttributeError where JAX has none.
    """
    found = getattr(xp, row.name, None) or getattr(xp, f"arc{row.name[1:]}", None)
    if found is not None:
        return found  # type: ignore[no-any-return]
    if xp.__name__.startswith("jax"):
        from importlib import import_module

        name = "gammaln" if row is table.lgamma else row.name
        return getattr(import_module("jax.scipy.special"), name)  # type: ignore[no-any-return]

    def each(*numbers: Any) -> Any:
        arrays = xp.broadcast_arrays(*map(xp.asarray, numbers))
        found = [row.value(*map(float, given)) for given in zip(*(array.ravel() for array in arrays), strict=True)]
        return xp.reshape(xp.asarray(found, dtype=arrays[0].dtype), arrays[0].shape)

    return each
