"""The walk to all that functions may read beside their arguments: what their code names, and what stands there.

It takes captured variables, globals, attributes that are named anywhere in the user's code, defaults, objects and
classes of the user's, containers and arrays. It ends at code of others, and at the numbers of Values.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping, MutableSequence, Sequence
from contextvars import ContextVar
from enum import Enum
from functools import cached_property, partial
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, Protocol

from ...autograd.containers import ABSENT, PACKAGE, Holder, cell_content, dict_of, slots_of
from ...autograd.primitives import Primitive
from ...autograd.scalar import Scalar
from ...autograd.value import Value
from .bytecode import CALLED, READING_ANY, Origin, foreign, imported, is_source, is_unseeded, reads_of
from .findings import ATOMS, Findings, is_generator

PRINTED = frozenset({"decimal", "fractions", "datetime", "pathlib"})  # their objects are what they print as
SILENT = frozenset({"__init__", "__new__", "__post_init__", "__repr__", "__str__", "__del__", "__init_subclass__"})
NOT_A_HOLDER = Holder()
INSIDE = ("__wrapped__", "__func__", "fget", "func")  # of what is around a function


class Moving(Protocol):
    """The optimizer of a step, whose parameters each step changes."""

    parameters: list[Value]


class Walk(Findings):
    """What stands around some functions, given with their names."""

    def __init__(self, roots: Sequence[tuple[str, Any]], names: set[str], moving: Moving | None) -> None:
        self.names, self.moving = names, moving
        self.own = frozenset(_module(root).partition(".")[0] for _, root in roots) - {PACKAGE}
        super().__init__()
        self._push_all(roots)
        while self._waiting:
            self._visit(*self._waiting.pop())

    def _visit(self, path: str, found: Any) -> None:
        kind = type(found)
        if kind is float:
            self.snapshot[path] = float, found.hex()
            return
        if kind in ATOMS:
            self.snapshot[path] = kind, found
            return
        if isinstance(found, Scalar):
            self.snapshot[path] = Scalar, id(found)
            if hasattr(kind, "_tracer"):
                self.leaked.append(path)
            elif isinstance(found, Value):
                self._kept.append(found)
                self.values.append(found)
            return
        if id(found) in self._seen:
            self.snapshot[path] = "that of", self._seen[id(found)]
            return
        self._seen[id(found)] = path
        self._kept.append(found)
        if kind is FunctionType:
            self._function(path, found)
        elif isinstance(found, MethodType):
            self.snapshot[path] = (kind,)
            self._push_all([(name_of(found.__self__), found.__self__), (f"{path}()", found.__func__)])
        elif isinstance(found, partial):
            self.snapshot[path] = (kind,)
            self._push_all((f"{path}.{name}", getattr(found, name)) for name in ("func", "args", "keywords"))
        elif isinstance(found, BuiltinFunctionType):
            self.snapshot[path] = kind, found.__qualname__, id(found.__self__)
            self.others.append(found)
            if is_source(found):
                self.sources.append(f"{found.__qualname__}()")
            elif not isinstance(found.__self__, ModuleType | type | None):  # a method of an object
                self._push(f"{path}.__self__", found.__self__)
        elif isinstance(found, type):
            self._opaque(path, found)
            self._class(found, made=True)
        elif isinstance(found, ModuleType | Primitive):
            self._opaque(path, found)
        else:
            self._object(path, found, kind)

    def _function(self, path: str, found: Any) -> None:
        if foreign(found.__module__, self.own):
            self._opaque(path, found)
            if is_source(found):
                self.sources.append(f"{found.__module__}.{found.__qualname__}()")
            return
        code = found.__code__
        self._kept.append(code)
        self.snapshot[path] = FunctionType, id(code)
        self.attributes += [
            (found, name, getattr(found, name)) for name in ("__code__", "__defaults__", "__kwdefaults__")
        ]
        self._push_all([(f"{path}.__defaults__", found.__defaults__), (f"{path}.__kwdefaults__", found.__kwdefaults__)])
        if vars(found):
            self._dictionary(f"{path}.__dict__", vars(found))
        else:
            self.empty.append(vars(found))
        captured = {}
        for name, cell in zip(code.co_freevars, found.__closure__ or (), strict=True):
            captured[name] = content = cell_content(cell)
            if self._is_new(("cell", id(cell))):
                self.attributes.append((cell, "cell_contents", content))
                self._push(name, content)
        chains, names = reads_of(code)
        self.names |= names
        for origin, (name, *rest) in chains:
            if origin is Origin.IMPORTED:
                first = imported(name, found.__globals__)
                self.others.append(first)
            else:
                first = captured.get(name) if origin is Origin.CAPTURED else self._variable(found.__globals__, name)
            self._chain(first, rest)

    def _chain(self, inner: Any, names: list[str]) -> None:
        """Attributes of attributes, as far as they are those of modules."""
        for name in names:
            if name == CALLED:
                if is_unseeded(inner):
                    self.sources.append(f"{inner.__name__}(), a generator that the machine seeds")
            elif isinstance(inner, ModuleType):
                inner = self._of_module(inner, name)
            else:
                if isinstance(inner, type) and foreign(inner.__module__, self.own):  # datetime.now
                    self._push(f"{inner.__name__}.{name}", getattr(inner, name, None))
                break

    def _of_module(self, module: ModuleType, name: str) -> Any:
        """An attribute of a module: watched in one of the user's, and looked at in any."""
        if not foreign(module.__name__, self.own):
            return self._variable(vars(module), name)
        inner = getattr(module, name, None)
        if not (isinstance(inner, ModuleType) or callable(inner)):  # math.pi, os.environ
            return self._variable(vars(module), name)
        if isinstance(inner, BuiltinFunctionType | FunctionType) and id(inner) not in self._seen:
            self._push(f"{module.__name__}.{name}", inner)
        return inner

    def _variable(self, names: dict[str, Any], name: str) -> Any:
        """A global, which is watched whether it is there or not."""
        found = names.get(name, ABSENT)
        if self._is_new((id(names), name)):
            self.variables.append((names, name, found))
            if found is not ABSENT:
                self._push(name, found)
            else:
                self.snapshot[f"{names.get('__name__')}.{name}"] = (ABSENT,)
                builtin = names.get("__builtins__", {})
                builtin = (builtin if isinstance(builtin, dict) else vars(builtin)).get(name)
                if isinstance(builtin, BuiltinFunctionType) and is_source(builtin):
                    self.sources.append(f"{name}()")
        return found

    def _is_new(self, key: tuple[Any, ...]) -> bool:
        """Whether this is met for the first time."""
        if key in self._met:
            return False
        self._met.add(key)
        return True

    def _class(self, kind: type, made: bool = False) -> None:
        """A class: its attributes that are named, its methods that are or that operators call."""
        made_by: Any = type(kind)
        for base in (*kind.__mro__, *made_by.__mro__):
            written = foreign(base.__module__, self.own)
            if (written and not issubclass(base, Holder)) or not self._is_new(("class", id(base), made)):
                continue
            own = vars(base)
            if written:  # by this library; somebody may have put another method there
                self._written(base, own)
            else:
                self._watch(own.values(), base, dict(own))
            self._push_all(
                (f"{base.__name__}.{name}", entry)
                for name, entry in own.items()
                if self._is_read(name)
                or (name[:2] == "__" == name[-2:] and callable(entry) and (made or name not in SILENT))
            )

    def _is_read(self, name: str) -> bool:
        return name in self.names or (not self.names.isdisjoint(READING_ANY) and name[:2] != "__")

    def _object(self, path: str, found: Any, kind: type) -> None:
        """An object of any other class: a container, an array, a generator, or one with attributes."""
        others = foreign(kind.__module__, self.own)
        self.snapshot[path] = (kind,)
        self._content(path, found, kind, others)
        if isinstance(dict_of(found), dict):
            read_by_others = isinstance(found, Mapping | MutableSequence) or callable(found)
            self._attributes(path, found, read_by_others if others else self._inherits(kind))
        if kind.__module__ in ("builtins", "functools"):
            self._push_all((f"{path}.{name}", getattr(found, name)) for name in INSIDE if hasattr(found, name))
        if not others:
            self._of_own_class(path, found, kind)
        elif isinstance(found, Holder):
            self._class(kind)

    def _content(self, path: str, found: Any, kind: type, others: bool) -> None:
        """What an object holds that is no attribute of it; all that it is, where others wrote its class."""
        if isinstance(found, list | tuple | deque | set | frozenset):
            self._entries(path, found)
        elif isinstance(found, dict | MappingProxyType):
            self._dictionary(path, found)
        elif hasattr(kind, "__array__") or isinstance(found, array | bytearray | memoryview):
            self._array(path, found)
        elif is_generator(found):
            self._generator(path, found)
        elif kind.__module__ == "operator":  # attrgetter, methodcaller
            self._opaque(path, found)
            self.names.add(kind.__name__)
        elif kind is ContextVar:
            self.context.append((found, found.get(ABSENT)))
            self._push(f"{path}.get()", found.get(ABSENT))
        elif kind.__module__ in PRINTED:
            self.snapshot[path] = kind, repr(found)
        elif others and hasattr(kind, "__next__") and not hasattr(kind, "read"):
            self.sources.append(f"the iterator {path}")
        elif isinstance(found, Enum) or (others and not (isinstance(found, Holder) and callable(found))):  # a Module
            self._opaque(path, found)

    def _generator(self, path: str, found: Any) -> None:
        if hasattr(found, "getrandbits") and "SystemRandom" in {base.__name__ for base in type(found).__mro__}:
            self.sources.append(f"{path}, the machine's random numbers")
        else:
            self.generators[path] = found

    def _of_own_class(self, path: str, found: Any, kind: type) -> None:
        """What else is read of an object whose class is the user's: its slots, and the class itself."""
        self.attributes.append((found, "__class__", kind))
        for name in slots_of(kind):
            if self._is_read(name) and name not in ("__dict__", "__weakref__"):
                entry = getattr(found, name, ABSENT)
                self.attributes.append((found, name, entry))
                self._push(f"{path}.{name}", entry)
        self._class(kind)
        for base in kind.__mro__:
            for name, entry in vars(base).items():
                if type(entry) is cached_property and name not in getattr(found, "__dict__", ()):
                    self.unfilled.append(f"{path}.{name}")

    def _inherits(self, kind: type) -> bool:
        """Whether a class of the user's has methods of others, who read attributes by names of their own."""
        modules = {base.__module__.partition(".")[0] for base in kind.__mro__}
        return any(foreign(module, self.own) for module in modules - {"builtins", "abc", "typing", PACKAGE})

    def _attributes(self, path: str, found: Any, whole: bool) -> None:
        """Those of an object that the code names; all of a `whole` one, which the code of this library reads."""
        own = dict_of(found)
        holder = found if isinstance(found, Holder) else NOT_A_HOLDER
        if (stamp := holder._stamp_of_attributes()) is not None:
            self._stamp(stamp)
            self.contents.append((own, dict(own)))
        else:
            if holder is found:
                self.attributes.append((found, "__class__", type(found)))
            self._watch(own.values(), own, dict(own))
            if not whole:
                self.views.append(own)  # its keys
        self.names |= holder._read_by_library
        read = [name for name in own if self._is_read(name) or (whole and name not in holder._kept_beside)]
        read += [name for name, entry in own.items() if name not in read and holder._may_hold_parameters(name, entry)]
        if moved := holder._moved_by_steps:
            read = [name for name in own if name in self.names and name not in moved]
            if found is self.moving and not moved.isdisjoint(self.names):
                self.sources.append(f"{path}.{min(moved & self.names)}")
        self.snapshot[f"{path}.__dict__"] = tuple(read)
        self._push_all((f"{path}.{name}", own[name]) for name in read)


def name_of(found: Any) -> str:
    """What a function or an object is called in messages."""
    return str(getattr(found, "__name__", None) or type(found).__name__)


def _module(root: Any) -> str:
    root = getattr(root, "__func__", root)
    return str((root if isinstance(root, FunctionType | type) else type(root)).__module__)
