"""The `python` back end: a program as the source of a plain function of numbers, with nothing to install.

The reference for the others, and equal to the engine in bits, but for the sign of a derivative that is 0. Where
Python's floats raise and IEEE 754 does not, the call is run again by the program itself, which never raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ....autograd.column import SharingList
from ....autograd.primitives import Primitive
from ....autograd.value import Packed
from ....support.source import defined
from ...arguments import data_of
from ...loops.find import repeats_in
from ...loops.repeats import BodyEntry, entries_written
from ...program.names import told
from ...program.program import OffPath, Program
from ..backend import Backend
from ..identifiers import SlotNames, identifier, of_function
from ..spellings import own_functions, owned, rows_called
from . import scopes
from .expressions import SPELLINGS, statements
from .lines import lines_of, literal_text

ALWAYS = {"exp": math.exp, "pow": math.pow, "inf": math.inf, "nan": math.nan, "OffPath": OffPath}
FLOATS = {float}
LONG_PROGRAM = 2000  # instructions of a program that is written in loops where those are
MUCH_SHORTER = 8  # times
NOT_IEEE = "(ZeroDivisionError, OverflowError, ValueError)"  # where the standard has a result


def source(program: Program) -> str:
    """The source of the program as a function of its inputs and then its parameters, or of lists of them."""
    body = found_loops(program)
    return _written_out(program) if body is None else scopes.source(program, body, function_name(program))


def found_loops(program: Program) -> list[BodyEntry] | None:
    """The body of a long program with its repeats, where that is much shorter."""
    if len(program.body) < LONG_PROGRAM:
        return None
    body = program.with_repeats or repeats_in(program)
    return body if MUCH_SHORTER * entries_written(body) < len(program.body) else None


def _written_out(program: Program) -> str:
    names = identifiers(program)
    name = function_name(program)
    arguments = ", ".join(names[slot] for slot in [*program.inputs, *program.parameters])
    outputs = ", ".join(names[slot] for slot in program.outputs)
    return "\n".join(
        [
            f"def {name}({arguments}):",
            *lines_of(statements(program, names), names, "    ", lambda guard: f"raise OffPath({guard.where!r})"),
            f"    return {outputs or '()'}{',' * (len(program.outputs) == 1)}\n",
        ]
    )


def compiled(program: Program) -> Callable[[Sequence[float]], Sequence[float]]:
    """A function of the inputs that gives the outputs, with the parameters as they are at each call.

    It raises OffPath where a comparison comes out otherwise than when the program was traced.
    """
    if (body := found_loops(program)) is not None:
        return compiled_loops(program, body)
    function, parameters = loaded(_written_out(program), program), SharingList(program.parameters.values())
    several = len(program.outputs) > 1

    def run(inputs: Sequence[float]) -> Sequence[float]:
        try:
            if type(parameters[0]) is Packed:
                found: Sequence[float] = function(*inputs, *data_of(parameters))
            else:
                found = function(*inputs, *[p.data for p in parameters])
        except (ZeroDivisionError, OverflowError, ValueError):
            return program.run(inputs, data_of(parameters))
        except TypeError:
            data_of(parameters)  # which names what is no number
            raise
        if found and (type(found[0]) is not float or (several and set(map(type, found)) != FLOATS)):
            # the data of a Value was set to something else
            found = function(*inputs, *data_of(parameters))
        return found

    def run_alone(inputs: Sequence[float]) -> Sequence[float]:
        try:
            return function(*inputs)  # type: ignore[no-any-return]
        except (ZeroDivisionError, OverflowError, ValueError):
            return program.run(inputs)

    return run if parameters else run_alone


def compiled_loops(program: Program, body: Sequence[BodyEntry]) -> Callable[[Sequence[float]], Sequence[float]]:
    """As `compiled` has it, of a program whose body is given with its repeats."""
    function = loaded(scopes.source(program, body, function_name(program)), program)
    parameters = SharingList(program.parameters.values())

    def run(inputs: Sequence[float]) -> Sequence[float]:
        numbers = data_of(parameters)
        try:
            return function(inputs, numbers)  # type: ignore[no-any-return]
        except (ZeroDivisionError, OverflowError, ValueError):
            return program.run(inputs, numbers)

    return run


def loaded(text: str, program: Program) -> Any:
    """The function that the source of a program defines; tracebacks show its lines."""
    instructions = program.instructions
    names = callables(rows_called(instructions, "python"))
    own = own_functions(owned(instructions), "python", names, lambda primitive: primitive.value)
    return defined(function_name(program), text, f"compiled {identifier(program.name)}", names | own, keep=True)


def callables(rows: Iterable[Primitive]) -> dict[str, Any]:
    """What is called by its name: the functions of `math`, where what they raise is seen to by the call, and others."""
    return {r.name: getattr(r.value, "__wrapped__", r.value) for r in rows if r.name not in SPELLINGS} | ALWAYS


def identifiers(program: Program) -> dict[int, str]:
    """A Python name for each slot, each once; a literal is its number."""
    names: dict[int, str] = {}
    named = SlotNames(owned(program.instructions).values())
    for slot, name in told(program).items():
        if slot in program.literals:
            names[slot] = literal_text(program.literals[slot])
        else:
            names[slot] = named(name)
    return names


def function_name(program: Program) -> str:
    """A name for the function itself, which hides nothing that it calls."""
    return of_function(program.name, owned(program.instructions).values())


BACKEND = Backend(source=lambda program, function: source(program), call=lambda program, target: compiled(program))
