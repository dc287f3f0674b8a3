"""An optimizer as compiled steps see it: its settings, which programs take as inputs, and the state, which they change.

A setting is a number that may change from step to step; when anything else changes, the step is traced anew, and what
could change without being seen is refused. The state is the parameters and what the optimizer remembers of each, where
the user sees them: `state_of` takes the numbers from there, `commit` puts those of steps that ended well back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import chain, islice
from operator import is_
from types import ModuleType
from typing import Any, NoReturn

from ...autograd.containers import PACKAGE
from ...autograd.packs import StatesInArrays
from ...autograd.scalar import Scalar
from ...compiler.arguments import data_of
from ...optim import Optimizer, check_state, column_of
from ...support.numbers import as_float
from .interrupt import Uninterrupted

Kept = tuple[list[float], int]  # the numbers, and the count of steps
OWN = ("parameters", "lr", "steps", "held_state")  # what an optimiser has beside its settings
OF_CLASSES = ("initial_state", "state_names")  # what a class says of all its optimisers
NUMBER = object()  # stands for a number among what may not change


def check_optimizer(optimizer: Optimizer) -> None:
    """Raise TypeError for one whose steps are not those of its `update`."""
    for name in ("step", "rate"):
        if getattr(type(optimizer), name) is not getattr(Optimizer, name) or name in vars(optimizer):
            raise TypeError(
                f"{type(optimizer).__name__} has a {name}() of its own, which compiled steps would not call: put the "
                "formula of one parameter into update(parameter, gradient, state, lr, step)"
            )


def settings_of(optimizer: Optimizer) -> tuple[list[float], list[object]]:
    """The numbers among the settings, and all that may not change: what else there is, and where each stands.

    Raises TypeError for an object whose changes would not be seen.
    """
    numbers: list[float] = []
    others: list[object] = [type(optimizer), type(optimizer).update]

    def number(found: float) -> float:
        numbers.append(found)
        others.append(NUMBER)
        return found

    def other(name: str, entry: Any) -> None:
        plain = (str, bytes, int, tuple, Scalar, Enum, ModuleType)
        if not (entry is None or isinstance(entry, plain) or callable(entry)):
            raise TypeError(
                f"the setting {name} of {type(optimizer).__name__} is {entry!r}, whose changes a compiled step cannot "
                "see: keep numbers in attributes of their own, or in lists, tuples, dicts or arrays"
            )
        others.append(entry)

    for name, entry in _entries(optimizer):
        others.append(name)
        _mapped(entry, number, lambda found, name=name: other(name, found))  # type: ignore[misc]
    return numbers, others


class Settings:
    """The settings of an optimizer, which are looked at one by one only where an attribute is another object."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self._found: tuple[list[float], list[object]] = [], []
        self._seen: tuple[Any, ...] = ()  # where it is known that nothing else can change

    def now(self) -> tuple[list[float], list[object]]:
        """What `settings_of` gives: the very same lists where nothing can have changed."""
        own, kind = vars(self.optimizer), type(self.optimizer)
        if self._seen:
            of, update, count, names, entries = self._seen
            same_class = kind is of and kind.update is update
            if same_class and len(own) == count and all(map(is_, map(own.get, names), entries)):
                return self._found
        self._found, self._seen = settings_of(self.optimizer), ()
        names = [name for name in own if name not in OWN]
        entries = [own[name] for name in names]
        if kind.__module__.partition(".")[0] == PACKAGE and all(map(_is_fixed, entries)):
            self._seen = kind, kind.update, len(own), names, entries
        return self._found


def _is_fixed(entry: Any) -> bool:
    """Whether it is a plain object that nobody can change."""
    return type(entry) in (float, int, bool, str, type(None)) or (type(entry) is tuple and all(map(_is_fixed, entry)))


def with_settings(optimizer: Optimizer, number: Callable[[str, float], Any], lr: Any, step: Any) -> Optimizer:
    """A copy of the optimiser to trace `update` on, each of its numbers replaced by number(name, it)."""
    twin = copy.copy(optimizer)
    for name, entry in _entries(optimizer):
        vars(twin)[name] = _mapped(entry, lambda found, name=name: number(name, found), lambda found: None)  # type: ignore[misc]
    vars(twin).update(lr=lr, steps=step, parameters=_Absent("parameters"), held_state=_Absent("state"))
    return twin


def same(a: list[object], b: list[object]) -> bool:
    """Whether two optimisers differ by their numbers at most. Objects must be the very same ones."""
    plain = (str, bytes, int, tuple)
    return len(a) == len(b) and all(x is y or (isinstance(x, plain) and x == y) for x, y in zip(a, b, strict=True))


def _entries(optimizer: Optimizer) -> Iterator[tuple[str, Any]]:
    """The attributes that may be settings: the object's own, and plain ones of the user's classes."""
    own = vars(optimizer)
    for kind in type(optimizer).__mro__:
        if kind.__module__ == Optimizer.__module__:
            break
        for name, entry in vars(kind).items():
            hidden = name.startswith("__") or name in OF_CLASSES or name in own
            if not (hidden or callable(entry) or hasattr(entry, "__get__")):
                yield name, entry
    for name, entry in own.items():
        if name not in OWN:
            yield name, entry


def _mapped(entry: Any, number: Callable[[float], Any], other: Callable[[Any], None]) -> Any:
    """The entry with each number in it, or in lists, tuples, dicts and arrays in it, replaced; all else is told."""
    if type(entry) is float:
        return number(entry)
    if getattr(entry, "ndim", 0) > 0 and hasattr(entry, "tolist"):
        entry = entry.tolist()
    if isinstance(entry, list | tuple):
        other((type(entry).__name__, len(entry)))
        found = [_mapped(e, number, other) for e in entry]
        if hasattr(entry, "_fields"):  # a namedtuple
            return type(entry)(*found)
        return found if isinstance(entry, list) else tuple(found)
    if isinstance(entry, dict):
        other(tuple(map(str, entry)))
        return {key: _mapped(e, number, other) for key, e in entry.items()}
    as_number = None if isinstance(entry, bool) else as_float(entry)
    if as_number is None:
        other(entry)
        return entry
    return number(as_number)


class _Absent:
    """Stands where an optimiser keeps what is of all parameters, which the formula of one must not read."""

    def __init__(self, what: str) -> None:
        self._what = what

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            f"update() is the formula of one parameter and cannot read self.{self._what} when it is compiled: it is "
            "given parameter, gradient and state"
        )

    __getattr__ = __iter__ = __len__ = __getitem__ = _refuse


def widths_of(optimizer: Optimizer) -> list[int]:
    """How many numbers the state of each parameter has. Raises TypeError for what is no state."""
    try:
        return list(map(len, optimizer.held_state))
    except TypeError:
        check_state(optimizer)
        raise


def is_as_wide(optimizer: Optimizer, width: int) -> bool:
    """Whether each state has so many numbers. Raises TypeError for what is no state."""
    held = optimizer.held_state
    return len(held.columns) == width if type(held) is StatesInArrays else set(widths_of(optimizer)) == {width}


def state_of(optimizer: Optimizer) -> list[float]:
    """All that a step changes but the count of steps: the parameters, then the states.

    Raises TypeError for what was set to no number, ValueError for states that are not one for each parameter.
    """
    return data_of(optimizer.parameters) + states_of(optimizer)


def states_of(optimizer: Optimizer) -> list[float]:
    """The numbers of the states, one state after the other; raises as `state_of` does."""
    state: Any = optimizer.held_state
    if not isinstance(state, list | StatesInArrays) or len(state) != len(optimizer.parameters):
        check_state(optimizer)
    try:
        numbers = list(chain.from_iterable(state))
    except TypeError:
        check_state(optimizer)
        raise
    if set(map(type, numbers)) <= {float}:
        return numbers
    check_state(optimizer)
    return [number if type(number) is float else as_float(number) for number in numbers]  # type: ignore[misc]


def commit(optimizer: Optimizer, numbers: Iterator[float], steps: int) -> None:
    """Put the numbers of steps that ended well where the user sees them."""
    with Uninterrupted():
        column = column_of(optimizer.parameters)
        of_parameters = list(islice(numbers, len(column.operands)))
        if not column.put(of_parameters):
            for parameter, number in zip(column.operands, of_parameters, strict=False):
                parameter.data = number
        widths = set(widths_of(optimizer))
        if len(widths) == 1 and (width := widths.pop()):  # as with all optimisers here
            states = islice(numbers, width * len(optimizer.held_state))
            optimizer.state = list(zip(*[states] * width, strict=True))
        else:
            optimizer.state = [tuple(islice(numbers, len(state))) for state in optimizer.held_state]
        optimizer.steps += steps


def kept_of(optimizer: Optimizer) -> Kept:
    """What `put_back` needs to let model and optimizer be what they are now."""
    return state_of(optimizer), optimizer.steps


def put_back(optimizer: Optimizer, kept: Kept) -> None:
    """Let model and optimizer be what they were."""
    numbers, steps = kept
    commit(optimizer, iter(numbers), steps - optimizer.steps)
