"""A pack: numbers of Values that stand side by side in memory, where compiled steps read and change them.

Such a Value keeps a cell in place of a number: the pack, and its place there. A Value is in one pack at a time; one
that a member has left is broken, and those that are still there go on as they are. The states of an optimizer stand in
arrays likewise.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import wraps
from operator import attrgetter
from types import FunctionType
from weakref import ref

from ..support.annotation import Any
from ..support.as_loaded import PACKAGE

State = tuple[Any, ...]
COPYING = ("__copy__", "__deepcopy__", "__getstate__", "__reduce__", "__reduce_ex__")


class Pack:
    """Numbers of Values side by side: `numbers` is a memoryview of doubles, `array` what it looks at.

    `version` is another one after each change of a number; `members` is how many there are, and `broken` is set once
    one has left. What stands after the members is for steps, which mark it as theirs in `beside`.
    """

    __slots__ = ("array", "beside", "broken", "members", "numbers", "version")

    def __init__(self, given: Any) -> None:
        self.array = given
        self.numbers: Any = memoryview(given)
        self.broken, self.version, self.members = False, 0, 0
        self.beside: object = None

    def leave(self) -> None:
        """A member is leaving."""
        self.broken = True
        self.version += 1

    def put(self, place: int, numbers: Sequence[float]) -> None:
        """Set the numbers from a place on."""
        self.numbers[place : place + len(numbers)] = memoryview(array("d", numbers))
        self.version += 1


class Cell:
    """Where the number of a Value stands."""

    __slots__ = ("pack", "place")

    def __init__(self, pack: Pack, place: int) -> None:
        self.pack, self.place = pack, place


class InPack:
    """A Value in a pack: `cell` is where its number is, and `plain` what it is, to everyone and when it has left.

    What is set to anything but a float, which is for others to refuse, leaves the pack, as what is deleted and what
    becomes another class does.
    """

    __slots__ = ()
    cell: Any
    plain: Any

    @property
    def data(self) -> Any:
        """The number, as it stands in the pack."""
        cell = self.cell
        return cell.pack.numbers[cell.place] if type(cell) is Cell else cell

    @data.setter
    def data(self, number: Any) -> None:
        cell = getattr(self, "cell", None)  # which one that is being made has not
        if type(number) is float and type(cell) is Cell:
            cell.pack.numbers[cell.place] = number
            cell.pack.version += 1
            return
        self._leave(number)

    @data.deleter
    def data(self) -> None:
        self._leave(self.data)
        del self.data  # of what it is by now

    def _leave(self, number: Any) -> None:
        if type(cell := getattr(self, "cell", None)) is Cell:
            cell.pack.leave()
        self.cell = number
        CLASS.__set__(self, self.plain)

    def _become(self, kind: Any) -> None:
        self._leave(self.data)
        CLASS.__set__(self, kind)

    __class__ = property(attrgetter("plain"), _become)


CLASS: Any = vars(object)["__class__"]  # which sets a class and does no more


def standing(value: Any) -> Cell | None:
    """Where a Value stands; None of one that stands in no pack, or in one that a member has left."""
    cell = getattr(value, "cell", None)
    return cell if type(cell) is Cell and not cell.pack.broken else None


class Copies:
    """Numbers of Values that stand in packs of others, copied from there again once one of those was changed.

    `numbers` is a memoryview of doubles, where the copies are. `loose` are the places of those that stand in no pack,
    or in one that a member has left. Where the others stand holds as long as all is `sound`.
    """

    __slots__ = ("loose", "numbers", "packs", "runs", "values", "versions")

    def __init__(self, values: Sequence[Any], numbers: Any = None) -> None:
        self.values = tuple(values)
        self.numbers: Any = memoryview(array("d", bytes(8 * len(self.values)))) if numbers is None else numbers
        self.loose: list[int] = []
        runs: dict[Pack, list[list[int]]] = {}  # where they begin here and there, and how many they are
        pack: Pack | None = None
        end = -1
        for k, value in enumerate(self.values):
            cell = standing(value)
            if cell is None:
                self.loose.append(k)
                pack = None
                continue
            if cell.pack is not pack or cell.place != end:
                pack, end = cell.pack, cell.place
                runs.setdefault(pack, []).append([k, end, 0])
            runs[pack][-1][2] += 1
            end += 1
        self.packs, self.runs = list(runs), list(runs.values())
        self.versions = [-1] * len(runs)  # that were copied

    def sound(self) -> bool:
        """Whether nobody has left the packs."""
        return not any(pack.broken for pack in self.packs)

    def known(self) -> bool:
        """Whether none of the packs was changed since the last copy."""
        return [pack.version for pack in self.packs] == self.versions

    def refresh(self, anew: bool = False) -> None:
        """Copy what was changed since the last time, or all of it anew."""
        numbers = self.numbers
        for k, pack in enumerate(self.packs):
            version = pack.version
            if anew or version != self.versions[k]:
                for start, place, count in self.runs[k]:
                    numbers[start : start + count] = pack.numbers[place : place + count]
                self.versions[k] = version

    def put(self) -> None:
        """Set the numbers of those that stand in packs to the copies."""
        numbers = self.numbers
        for k, pack in enumerate(self.packs):
            for start, place, count in self.runs[k]:
                pack.numbers[place : place + count] = numbers[start : start + count]
            pack.version += 1


class StatesInArrays:
    """The states of an optimizer's parameters while compiled steps change them, with a row of `array` for each number.

    It is read as a list of tuples is, and becomes one for whoever asks for the state of the optimizer, which is its
    `owner`: steps of another that came to have it, as a copy, make one of their own.
    """

    __slots__ = ("array", "columns", "count", "owner")

    def __init__(self, array: Any, count: int, owner: StateHolder) -> None:
        self.array, self.count, self.columns = array, count, [memoryview(row[:count]) for row in array]
        self.owner = ref(owner)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> tuple[Any, ...]:
        return tuple([column[place] for column in self.columns])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        columns = [column.tolist() for column in self.columns]
        return zip(*columns, strict=True) if columns else iter([()] * self.count)

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class StateHolder:
    """An optimizer, as far as it has a `state`: `held_state` is that, or where compiled steps have it.

    A class may have a `state` of its own, a property or a slot, which is what is held then.
    """

    held_state: list[State] | StatesInArrays

    @property
    def state(self) -> list[State]:
        """The numbers that are kept of each parameter, which may be set."""
        held = vars(self)
        if "held_state" not in held:
            raise AttributeError(f"{type(self).__name__} has no state yet: call super().__init__(parameters, lr)")
        if type(held["held_state"]) is StatesInArrays:
            held["held_state"] = list(held["held_state"])  # which whoever has it may change
        return held["held_state"]  # type: ignore[no-any-return]

    @state.setter
    def state(self, state: Any) -> None:
        vars(self)["held_state"] = state  # past a __setattr__ that knows names of its own

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if (own := _found(cls, "state")[1]) is not (usual := vars(StateHolder)["state"]):
            if hasattr(type(own), "__set__"):
                cls.held_state = property(_state_of, _set_state)  # type: ignore[assignment]
            else:  # which hides what objects have
                cls.state = usual  # type: ignore[method-assign]
        for name in COPYING:
            kind, method = _found(cls, name)
            seen = issubclass(kind, StateHolder) and kind is not cls
            if type(method) is FunctionType and not seen and kind.__module__.partition(".")[0] != PACKAGE:
                setattr(cls, name, _of_a_list(method))


def _found(kind: type, name: str) -> tuple[type, Any]:
    """The first class that has an attribute, and what it is."""
    return next(((base, vars(base)[name]) for base in kind.__mro__ if name in vars(base)), (object, None))


def _state_of(optimizer: Any) -> Any:
    return optimizer.state


def _set_state(optimizer: Any, state: Any) -> None:
    optimizer.state = state


def _of_a_list(copying: Any) -> Any:
    """A method that copies, before which the state becomes a list, so that the copy and the steps share no array."""

    @wraps(copying)
    def apart(optimizer: Any, *given: Any) -> Any:
        if "held_state" in vars(optimizer):
            optimizer.state  # noqa: B018
        return copying(optimizer, *given)

    return apart
