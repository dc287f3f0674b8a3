"""What a walk through the surroundings of a function has found: what stands where, and what of it can change.

Containers, arrays and generators are taken here, each with what is in it; functions, classes and objects in walk.py.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from ...autograd.column import Column, SharingList
from ...autograd.value import LEAVES, Value

ATOMS = frozenset({type(None), bool, int, str, bytes, complex, type(...), range, type(NotImplemented)})


class Findings:
    """What was found, by paths such as `model.tau`: `snapshot` says what stands there.

    `values` are the Values among it, `sources` what no program can hold, `leaked` where a traced value was kept. The
    lists after them hold what can change, with what was there.
    """

    def __init__(self) -> None:
        self.snapshot: dict[str, Any] = {}
        self.values: list[Value] = []
        self.sources: list[str] = []
        self.leaked: list[str] = []
        self.others: list[Any] = []  # what is looked at from outside alone: functions, classes, modules, objects
        self.unfilled: list[str] = []  # cached properties that were not asked for
        self.generators: dict[str, Any] = {}
        self.variables: list[tuple[dict[str, Any], str, Any]] = []
        self.attributes: list[tuple[Any, str, Any]] = []
        self.shared: list[SharingList] = []
        self.columns: list[Column | None] = []  # of these lists
        self.empty: list[dict[str, Any]] = []  # the attributes of functions, which have none
        self.views: list[Any] = []  # what gives the entries of containers as they are
        self.written: list[Any] = []  # what gives those of this library's classes
        self.context: list[tuple[ContextVar[Any], Any]] = []
        self.sizes: list[int] = []
        self.entries: list[Any] = []
        self.methods: list[Any] = []
        self.contents: list[tuple[Any, Any]] = []  # containers, and copies of them
        self.arrays: list[tuple[Any, bytes, list[Any] | None]] = []
        self._seen: dict[int, str] = {}
        self._met: set[tuple[Any, ...]] = set()
        self._kept: list[Any] = []  # so that no id is given to another object
        self._paths: set[str] = set()
        self._waiting: list[tuple[str, Any]] = []

    def _push(self, path: str, found: Any) -> None:
        while path in self._paths:
            path += "'"
        self._paths.add(path)
        self._waiting.append((path, found))

    def _push_all(self, entries: Iterable[tuple[str, Any]]) -> None:
        for path, found in reversed(list(entries)):
            self._push(path, found)

    def _opaque(self, path: str, found: Any) -> None:
        self.snapshot[path] = type(found), id(found)
        self.others.append(found)

    def _watch(self, view: Any, holder: Any, content: Any) -> None:
        self.views.append(view)
        self.contents.append((holder, content))

    def _written(self, kind: type, own: Mapping[str, Any]) -> None:
        """Watch all that stands in a class of this library's which has methods for the user."""
        if ("written", kind) not in self._met and any(name[:1] != "_" for name in own):
            self._met.add(("written", kind))
            self.written.append(own.values())
            self.contents.append((kind, dict(own)))
            methods = [(name, id(entry)) for name, entry in own.items() if name[:2] != "__" or callable(entry)]
            self.snapshot[f"{kind.__name__}.__dict__"] = kind, tuple(methods)

    def _stamp(self, shared: SharingList) -> None:
        """Watch the column of a list, which is dropped with every change of what is looked at next."""
        if (key := ("column", id(shared))) not in self._met:
            self._met.add(key)
            self.shared.append(shared)
            self.columns.append(shared.column)

    def _entries(self, path: str, found: Any) -> None:
        if stamped := isinstance(found, SharingList) and found.shared() is found.column:
            self._stamp(found)
        content = list(found)
        if stamped:
            self.contents.append((found, content))
        elif not isinstance(found, tuple | frozenset):
            self._watch(found, found, content)
        kinds = set(map(type, content))
        if kinds == {float}:
            self.snapshot[path] = type(found), array("d", content).tobytes()
        elif kinds and kinds <= LEAVES:
            self.snapshot[path] = type(found), "Values", array("Q", map(id, content)).tobytes()
            self.values += content
        else:
            self.snapshot[path] = type(found), len(content)
            self._push_all((f"{path}[{i}]", entry) for i, entry in enumerate(content))

    def _dictionary(self, path: str, found: Any) -> None:
        content = dict(found)
        self._watch(found.values(), found, content)
        self.views.append(found)
        keys = [key if type(key) in ATOMS else id(key) for key in content]
        self.snapshot[path] = type(found), tuple((type(key), key) for key in keys)
        self._push_all((f"{path}, key {i}", key) for i, key in enumerate(content) if type(key) not in ATOMS)
        shown = [repr(key)[:40] if type(key) in ATOMS else type(key).__name__ for key in content]
        self._push_all(
            (f"{path}[{key}]", entry)
            for key, entry in zip(shown, content.values(), strict=True)
            if key != "'__builtins__'"  # of the names that exec was given, where it reads them as any code does
        )

    def _array(self, path: str, found: Any) -> None:
        try:
            content = bytes_of(found)
        except Exception:  # on another device, or waiting for a gradient
            self._opaque(path, found)
            return
        shape, dtype = str(getattr(found, "shape", None)), str(getattr(found, "dtype", ""))
        objects = list(found.flat) if dtype == "object" else None
        self.arrays.append((found, content, objects))
        self.snapshot[path] = type(found), shape, dtype, b"" if objects else content
        if objects is not None:
            self._push_all((f"{path}.flat[{i}]", entry) for i, entry in enumerate(objects))


def bytes_of(numbers: Any) -> bytes:
    """The bytes of an array, or of what can be looked at as one."""
    if isinstance(numbers, bytearray):
        return bytes(numbers)
    if hasattr(numbers, "tobytes"):
        return numbers.tobytes()  # type: ignore[no-any-return]
    found = sys.modules["numpy"].asarray(numbers.detach() if hasattr(numbers, "detach") else numbers)
    return repr(found.tolist()).encode() if found.dtype == object else found.tobytes()


def is_generator(found: Any) -> bool:
    """Whether random numbers are drawn from it."""
    random, kind = sys.modules.get("random"), type(found)
    return (random is not None and isinstance(found, random.Random)) or (
        kind.__module__.startswith("numpy.random") and not isinstance(found, type)
    )
