"""What lets transforms stand inside one another: variables of their own, a record of their own, answers of one kind.

A transform differentiates by variables that are made for its run alone, so that no other takes them for its own. What
they are computed from stays recorded behind them, and behind all else that the function reads: where a Value is among
it, the derivatives are Values, too, and can be differentiated in their turn; else they are floats.
"""

from __future__ import annotations

from collections.abc import Callable

from ...support.annotation import Any
from ...support.nested import leaves, mapped
from ...support.numbers import as_float
from .. import primitives as table
from .. import reverse
from ..recording import current_recorder, next_number, recording, watcher
from ..scalar import Scalar
from ..value import UNRECORDED, Value, recorded
from . import forward

Differentiable = Callable[..., Any]


class Derivation(recording):
    """The run of a function that a transform, called `what`, differentiates: a `with` around all that it does.

    Inside, operations are recorded, also where `no_grad` holds outside; what is given back is without a history then.
    """

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.given: list[Any] = []  # numbers and Values, as they were given
        self.variables: list[Any] = []  # those that were made of some of them
        self.graph = False  # whether derivatives are Values
        self.outside: Callable[[Any], Any] | None = None  # while tracing: what numbers are given back as
        self.began = next_number()
        self.records = current_recorder() is not None

    def __enter__(self) -> Derivation:  # type: ignore[override]
        super().__enter__()
        return self

    def constants(self, argument: Any) -> Any:
        """Floats and Values in nested lists, as they are. Raises TypeError for anything else."""
        constants = numbers_in(argument, self.what)
        self.given += leaves(constants)
        return constants

    def made(self, argument: Any) -> tuple[Any, Any]:
        """Variables for numbers and Values, in nested lists; and so as they were given, in arrays where they were."""
        made = mapped(self.constants(argument), _variable)
        self.variables += leaves(made)
        return made, _as_given(argument, made)

    def vector(self, found: Any) -> list[Any]:
        """What `made` or `constants` gave, where it is one flat list. Raises TypeError for any other shape."""
        if not isinstance(found, list) or any(isinstance(entry, list) for entry in found):
            raise TypeError(f"{self.what} wants one flat list of numbers, but got {mapped(found, float_of)!r}")
        return found

    def settle(self, outputs: Any) -> None:
        """Decide what derivatives are given back as, now that the function has returned its outputs."""
        watching = watcher()
        read, given = ([s for s in found if isinstance(s, Scalar)] for found in (leaves(outputs), self.given))
        self.outside = watching.outside(read, given, self.variables) if watching is not None else None
        self.graph = self.outside is not None or bool(given) or _read_others(read, self.began)

    def gradients(self, output: Any, inputs: Any) -> Any:
        """d output / d inputs, in the shape of the inputs, as it is given back."""
        return self.told(slopes(output, inputs, self.graph and self.records))

    def tangents(self, outputs: Any, inputs: Any, directions: Any) -> Any:
        """What each output changes by along a direction of the inputs, in the shape of the outputs, as it is given."""
        found, pairs = list(leaves(outputs)), list(zip(leaves(inputs), leaves(directions), strict=True))
        watching = watcher()
        tangents = watching.tangents(found, pairs) if watching is not None else None
        if tangents is None:
            graph = self.graph and self.records
            seeds = {id(variable): along if graph else float_of(along) for variable, along in pairs}
            tangents = forward.tangents([constant(o) if type(o) is float else o for o in found], seeds, graph)
        each = iter(tangents)
        return self.told(mapped(outputs, lambda output: next(each)))

    def told(self, found: Any) -> Any:
        """Numbers in nested lists as they are given back: Values, floats, or what the function that is traced knows."""
        return mapped(found, self._told)

    def beside(self, found: Any) -> Any:
        """What a function returned beside its number: a Value as it is given back, anything else as it is."""
        return self._told(found) if isinstance(found, Scalar) else found

    def _told(self, found: Any) -> Any:
        if found is None:
            found = 0.0
        if self.outside is not None:
            return self.outside(found)
        if not self.graph:
            return float_of(found)
        if not self.records:
            return Value(float_of(found))
        return found if isinstance(found, Scalar) else constant(found)


def slopes(output: Any, inputs: Any, create_graph: bool) -> Any:
    """d output / d input in the shape of the inputs: floats, or with `create_graph` Values; 0.0 for a plain output."""
    if not isinstance(output, Scalar):
        return mapped(inputs, lambda entry: constant(0.0) if create_graph else 0.0)
    watching = watcher()
    if watching is not None and (found := watching.grad(output, inputs, create_graph)) is not None:
        return found
    wanted = {id(entry): entry for entry in leaves(inputs)}
    adjoints = reverse.adjoints(output, wanted, create_graph)

    def slope(entry: Value) -> Any:
        adjoint = adjoints.get(id(entry), 0.0)
        return constant(adjoint) if create_graph and not isinstance(adjoint, Value) else adjoint

    return mapped(inputs, slope)


def constant(number: float) -> Value:
    """A Value that depends on nothing, and is no leaf, which a function would have brought along."""
    return recorded(table.detached, number, number)


def float_of(scalar: Any) -> float:
    """The number of a Value; a float as it is."""
    return scalar.data if isinstance(scalar, Value) else scalar


def one_number(result: Any, what: str) -> Any:
    """The result of a function that must return one number, as a Value or a float.

    Raises TypeError for anything else, ValueError for what was computed inside no_grad.
    """
    found = result if isinstance(result, Scalar) else as_float(result)
    if found is None:
        raise TypeError(f"{what} differentiates a function that returns one number, but it returned {result!r}")
    check_recorded(found, what)
    return found


def check_recorded(output: Any, what: str) -> None:
    """Raise ValueError for the result of an operation inside no_grad, whose derivatives nobody knows."""
    if type(output) is Value and output.grad is UNRECORDED:
        raise ValueError(
            f"{what} follows what was recorded, but {output!r} was computed inside no_grad(): compute it outside, and "
            "take tn.detach(v) for what is a constant; tn.gradient(f)(...) and its like record for themselves"
        )


def numbers_in(argument: Any, what: str) -> Any:
    """A number as a float, a Value as it is, nested lists of them as lists. Raises TypeError that names `what`."""

    def checked(entry: Any) -> Any:
        found = entry if isinstance(entry, Scalar) else as_float(entry)
        if found is None:
            raise TypeError(f"{what} wants numbers or nested lists of numbers, but got {entry!r}")
        return found

    return mapped(argument, checked)


def _as_given(argument: Any, made: Any) -> Any:
    """Variables in NumPy's arrays of objects where the argument is an array of NumPy's, so that code for these runs."""
    if isinstance(argument, list | tuple):
        return [_as_given(given, entry) for given, entry in zip(argument, made, strict=True)]
    if type(argument).__module__ != "numpy" or not argument.ndim:
        return made
    array = argument.astype(object, order="C")
    array.reshape(-1)[:] = list(leaves(made))
    return array


def _variable(given: Any) -> Any:
    """A variable with the number that is given; of a Value, one that is computed from it."""
    watching = watcher()
    if watching is not None and (traced := watching.variable(given)) is not None:
        return traced
    return table.subtract(given, 0.0) if isinstance(given, Scalar) else constant(given)


def _read_others(outputs: list[Any], began: int) -> bool:
    """Whether Values were computed from any that were there before the run began, or from leaves."""
    seen: set[int] = set()
    waiting = list(outputs)
    while waiting:
        value = waiting.pop()
        if type(value) is float or id(value) in seen:
            continue
        if value.op is None or value.number < began:
            return True
        seen.add(id(value))
        waiting += value.operands
    return False
