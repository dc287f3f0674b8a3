"""Where Values are kept: what a container holds, in order, which Values of a holder nobody would train, and packs.

Sequences, mappings and arrays of objects have an order and names for what they hold, so that a Module can collect from
them. Sets, plain objects, functions and classes have not: a Value in one of those is named, rather than forgotten.
"""

from __future__ import annotations

from collections import UserString
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from types import FunctionType, MethodType, ModuleType

from ..support.annotation import Any
from ..support.as_loaded import PACKAGE as PACKAGE
from ..support.numbers import as_float
from .column import SharingList
from .packs import Cell, Pack, standing
from .scope import Place
from .value import LEAVES, Packed, Value

TEXTUAL = (str, UserString, bytes, bytearray, memoryview, range)
WITHOUT_VALUES = (*TEXTUAL, int, float, complex, Place, type(None))  # none of which holds a Value
ABSENT = object()
BUILT_IN = {"builtins", "collections", "_collections_abc"}


class Holder:
    """What holds Values in attributes, a Module or an Optimizer, and says which of them a compiled function may read.

    A program holds as long as these are the same: those that its function names, those that the library's own code
    reads, and those where parameters are looked for.
    """

    _read_by_library: frozenset[str] = frozenset()
    _kept_beside: frozenset[str] = frozenset()  # which nothing is computed with
    _moved_by_steps: frozenset[str] = frozenset()

    def _may_hold_parameters(self, name: str, entry: Any) -> bool:
        """Whether parameters are looked for in an attribute."""
        return False

    def _stamp_of_attributes(self) -> SharingList | None:
        """A list that has its column, and drops it with every change of the attributes here; None for none."""
        return None


OWN_ATTRIBUTES: Any = vars(Holder)["__dict__"]  # what gives the dict of a holder


def dict_of(found: Any) -> Any:
    """The dict of an object's attributes, for who changes nothing in it; None where it has none."""
    return OWN_ATTRIBUTES.__get__(found) if isinstance(found, Holder) else getattr(found, "__dict__", None)


def listed(found: Any) -> Any:
    """A sequence or an array of objects as a list, what is a list or tuple as it is; anything else as it is."""
    if isinstance(found, (list, tuple, *TEXTUAL, Mapping)):
        return found
    if getattr(getattr(found, "dtype", None), "kind", "") == "O" and hasattr(found, "tolist"):
        return found.tolist()
    return list(found) if isinstance(found, Sequence) else found


def members(found: Any) -> list[tuple[Any, Any]] | None:
    """What a container holds, in order, by its place or key; None for what is no container with an order."""
    if isinstance(found, Mapping):
        return list(found.items())
    found = listed(found)
    return list(enumerate(found)) if isinstance(found, list | tuple) else None


def attributes(found: object) -> list[tuple[str, Any]]:
    """The attributes of an object, also those in slots, in order; private ones are left out."""
    kind: Any = type(found)
    slots = [(name, getattr(found, name)) for name in slots_of(kind) if hasattr(found, name)]
    held = dict_of(found)
    pairs = [*slots, *held.items()] if isinstance(held, dict) else slots
    return [pair for pair in pairs if pair[0][:1] != "_"]


@lru_cache(maxsize=256)
def slots_of(kind: Any) -> list[str]:
    """The names of all slots of a class and those that it is made from, as its objects have them."""
    found = []
    for base in reversed(kind.__mro__):
        given = vars(base).get("__slots__", ())
        for name in (given,) if isinstance(given, str) else given:
            is_private = name[:2] == "__" != name[-2:]
            found.append(f"_{base.__name__.lstrip('_')}{name}" if is_private else name)
    return found


def of_class(found: object) -> Iterator[tuple[str, Any, str]]:
    """What stands in the classes of a module in place of the module itself: its name, what it is, and the class's."""
    if type(found).__module__.partition(".")[0] == PACKAGE:
        return
    own = {name for name, _ in attributes(found)}
    for kind in type(found).__mro__:
        if kind.__module__.partition(".")[0] in (PACKAGE, "builtins"):
            continue
        for name, entry in vars(kind).items():
            if not name.startswith("_") and name not in own and not hasattr(type(entry), "__get__"):
                yield name, entry, kind.__name__


def collected(module: Any, kind: type) -> dict[str, Any]:
    """Every attribute that is a Value or nested lists of Values, by its path, in order; shared ones once.

    `kind` is the class of modules. Raises TypeError that names an attribute of Values which would not be found.
    """
    entries: dict[str, Any] = {}
    others: list[tuple[str, Any, str]] = []  # what may hold Values, and the class that it is an attribute of
    seen: dict[int, Any] = {}
    waiting: list[tuple[str, Any]] = [("", module)]
    while waiting:
        path, held = waiting.pop()
        if id(held) in seen or isinstance(held, WITHOUT_VALUES) or (isinstance(held, Value) and held.op is not None):
            continue
        seen[id(held)] = held
        found = listed(held)
        if isinstance(found, Value) or (isinstance(found, list | tuple) and _all_values(found)):
            if path in entries:
                raise ValueError(f"two parameters of {type(module).__name__} have the path {path!r}: rename one")
            entries[path] = found
            continue
        dot = "." if path else ""
        if isinstance(found, kind):
            others += [(f"{path}{dot}{name}", entry, shared) for name, entry, shared in of_class(found)]
        children = attributes(found) if isinstance(found, kind) else members(found)
        if children is None:
            others.append((path, found, ""))
            continue
        waiting.extend(reversed([(f"{path}{dot}{name}", child) for name, child in children]))
    _check_others(others, entries, type(module).__name__)
    return entries


def _check_others(others: list[tuple[str, Any, str]], entries: dict[str, Any], module: str) -> None:
    """Raise TypeError for what holds a Value where no parameter is found."""
    if not others:
        return
    trained = {id(leaf) for path, entry in entries.items() for _, leaf in named_leaves(entry, path)}
    for path, holder, shared in others:
        if (value := _untrained(holder, trained)) is not None:
            raise TypeError(_forgotten(module, path, holder, shared, value))


def _all_values(found: Any) -> bool:
    """Whether a list holds parameters, or lists of them, alone, and no list twice."""
    waiting, seen = [found], {id(found)}
    for entries in waiting:  # a list that grows as more are met
        if entries and set(map(type, entries)) <= LEAVES:  # as of most
            continue
        for entry in entries:
            if isinstance(entry, Value):
                if entry.op is not None:
                    return False
            elif isinstance(entry, (list, tuple)) and id(entry) not in seen:
                seen.add(id(entry))
                waiting.append(entry)
            else:
                return False
    return all(waiting)


def named_leaves(found: Any, path: str) -> list[tuple[str, Value]]:
    """The Values of nested lists, with the path to each."""
    if isinstance(found, Value):
        return [(path, found)]
    return [leaf for i, entry in enumerate(found) for leaf in named_leaves(entry, f"{path}.{i}")]


def _forgotten(model: str, path: str, holder: Any, kind: str, value: Value) -> str:
    """What is said of a Value that is kept where a model does not find it."""
    name, what = path.rpartition(".")[2], type(holder).__name__
    if kind:
        why, do = f"an attribute of the class {kind}, which all its instances share", f"set self.{name} in __init__"
    elif type(holder).__module__ in BUILT_IN and isinstance(holder, Collection):
        why, do = f"a {what}" + ", which has no order" * isinstance(holder, set | frozenset), "make it a list"
    elif isinstance(holder, FunctionType | MethodType | partial):
        why, do = f"the function {getattr(holder, '__name__', what)}", "keep the Value in an attribute, too"
    else:
        why, do = f"a {what}, and no Module", f"make {what} a subclass of tn.Module, or keep the Value in a list"
    return (
        f"{path} of {model} holds {value!r}, but is {why}, so that the Value would never learn: {do}, or let the name "
        "start with an underscore where it is not to learn"
    )


def _untrained(holder: Any, trained: set[int]) -> Value | None:
    """A Value that is reached from a holder, and is not among the trained ones, by their ids."""
    seen: dict[int, Any] = {}  # by their ids; and it keeps them, so that no id is given twice
    waiting = [holder]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen[id(found)] = found
        if not isinstance(found, Value):
            waiting += _parts(found)
        elif found.op is None and id(found) not in trained:
            return found
    return None


def _parts(found: Any) -> Iterable[Any]:
    """What an object refers to, as far as a Value may be there."""
    if isinstance(found, (*WITHOUT_VALUES, type, ModuleType)):
        return ()
    if isinstance(found, FunctionType):
        return [
            *map(cell_content, found.__closure__ or ()),
            *(found.__defaults__ or ()),
            *(found.__kwdefaults__ or {}).values(),
        ]
    if isinstance(found, MethodType):
        return [found.__self__]
    if isinstance(found, partial):
        return [found.func, *found.args, *found.keywords.values()]
    if (inner := members(found)) is not None:
        return [child for _, child in inner]
    home = type(found).__module__.partition(".")[0]
    if isinstance(found, Collection) and home in BUILT_IN:
        return list(found)
    if home == PACKAGE and not hasattr(found, "named_parameters"):
        return ()  # an optimizer, say, of other parameters
    return [entry for _, entry in attributes(found)]


def cell_content(cell: Any) -> Any:
    """What a captured variable holds, or ABSENT."""
    try:
        return cell.cell_contents
    except ValueError:
        return ABSENT


def flattened(given: Any) -> list[Any]:
    """The entries of nested lists, arrays, generators and dicts; of pairs of a name and a Value, the Value."""
    if isinstance(given, list | tuple) and all(issubclass(kind, Value) for kind in set(map(type, given))):
        return list(given)
    found: list[Any] = []
    waiting = [given]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, Iterator) or (isinstance(entry, Collection) and type(entry).__name__ == "dict_values"):
            entry = list(entry)
        inner = members(entry)
        if inner is None:
            found.append(entry)
            continue
        named = isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
        waiting += [child for _, child in reversed(inner[1:] if named else inner)]
    return found


def pack_of(array: Any, members: Iterable[tuple[int, Sequence[Value]]]) -> Pack:
    """The pack of an array of doubles, of which the Values are members from the places on that they are given with.

    Each brings its number. Between the look at it and the change of what the Value is nothing is called, so that no
    other thread of Python's sets it meanwhile. Raises TypeError for a number that is none, and some are packed then.
    """
    pack = Pack(array)
    pack.broken, numbers = True, pack.numbers  # until all are there
    for first, values in members:
        pack.members += len(values)
        for place, value in enumerate(values, first):
            cell = Cell(pack, place)
            if isinstance(value, Packed):
                value.cell.pack.leave()
                before = value.cell
                numbers[place] = before.pack.numbers[before.place]
            else:
                try:
                    numbers[place] = value.data
                except (TypeError, ValueError):  # an int past the largest float, say
                    numbers[place] = as_float(value.data)
                value.__class__ = Packed  # which reads a number from the slot as well
            value.cell = cell  # type: ignore[attr-defined]
    pack.broken = False
    return pack


def may_stand(value: Value) -> bool:
    """Whether a Value may be in a pack, and stands in none, or in one that a member has left."""
    return type(value) in LEAVES and standing(value) is None and type(value.data) is float


def stand_apart(values: Iterable[Value], make: Callable[[int], Any]) -> None:
    """Let those of the Values that may stand in a pack, and stand in none, stand in one of their own.

    `make` gives an array for so many. Values of other classes stay as they are, and those whose number is no float.
    """
    if alone := [value for value in values if may_stand(value)]:
        pack_of(make(len(alone)), [(0, alone)])
