"""What the slots of a program are called, for whoever reads it: labels first, then the names of a textbook.

The sum of neuron 2 in layer 1 is z1.2, its output h1.2, its weights w1.2.1, w1.2.2 ... and its bias b1.2; the
derivative of the result with respect to a slot is d_ and its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...autograd import primitives as table
from ...autograd.scope import Place
from ...support.names import Names
from ..arguments import Shape
from .program import Program


def told(program: Program) -> dict[int, str]:
    """A name for each slot, each once: its own, or v and a number; literals are their numbers."""
    names = {slot: repr(number) for slot, number in program.literals.items()}
    wanted = {**program.names, **_of_neurons(program)}
    named = Names()
    slots = [*program.inputs, *program.parameters, *(entry.slot for entry in program.instructions)]
    derived = program.derived.names
    after = {slot: derived[slot] for slot in slots if slot in derived and slot not in wanted}
    for slot in [*(slot for slot in slots if slot not in after), *after]:
        prefix, of = after.get(slot, ("", slot))
        name = prefix + names[of] if of in names else wanted.get(slot) or f"v{slot}"
        if name in named.taken:
            name = named(name)
        named.taken.add(name)  # with no call for each, as most are
        names[slot] = name
    return names


def _of_neurons(program: Program) -> dict[int, str]:
    """The names of what neurons read and compute, where nobody gave another."""
    names: dict[int, str] = {}
    parameters, numbered = program.parameters, dict[str, re.Match[str] | None]()  # labels, which many neurons have
    for entry in program.instructions:
        place: Place | None = getattr(program.scopes.get(entry.slot), "place", None)
        if place is None:
            continue
        number, is_sum = place.number(), entry.primitive is table.dot
        names[entry.slot] = program.names.get(entry.slot) or f"{'z' if is_sum else 'h'}{number}"
        for slot in entry.slots() if number and is_sum else ():
            if slot not in parameters or slot in names:
                continue
            label = program.names.get(slot, "")
            if label not in numbered:
                numbered[label] = re.fullmatch(r"([a-z]+)(\d*)", label)
            if parts := numbered[label]:
                names[slot] = f"{parts[1]}{number}{'.' * bool(parts[2])}{parts[2]}"
    return names


def check_count(function: Callable[..., Any], count: int, name: str) -> None:
    """Raise TypeError where a function does not take so many arguments."""
    from inspect import signature

    try:
        parameters = signature(function)
    except (TypeError, ValueError):  # one that does not say what it takes
        return
    try:
        parameters.bind(*range(count))
    except TypeError as error:
        raise TypeError(
            f"{name}() was given {count} argument{'s' * (count != 1)}: {error}; of many rows each is the list of "
            "arguments, so for a model, which takes one list, batch([[x] for x in X])"
        ) from None


def argument_names(function: Callable[..., Any], shape: Shape) -> list[str]:
    """A name for each input: the parameter's, with a number where it is a list."""
    code = getattr(function, "__code__", None)
    given = list(code.co_varnames[: code.co_argcount]) if code else []
    if len(given) != len(shape):
        given = [f"x{i}" for i in range(len(shape))] if len(shape) > 1 else ["x"]
    return [name for base, entry in zip(given, shape, strict=True) for name in _numbered(base, entry)]


def _numbered(base: str, shape: Shape) -> list[str]:
    if shape is None:
        return [base]
    return [name for i, entry in enumerate(shape) for name in _numbered(f"{base}{i}", entry)]
