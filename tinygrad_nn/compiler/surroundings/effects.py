"""Whether functions may do what no comparison of their surroundings tells: print, write, wait, or call what is unknown.

A program runs in place of them without that. Whoever must not lose it asks here first, and is told of more than there
is: what is called by a name that is not known to be harmless may do anything.
"""

from __future__ import annotations

import builtins
from types import BuiltinFunctionType, ModuleType
from typing import Any

from ...autograd.containers import ABSENT, PACKAGE
from .bytecode import foreign
from .walk import Walk, name_of

HARMLESS: tuple[Any, ...] = (  # builtins, beside all classes
    abs, all, any, callable, divmod, getattr, hasattr, hash, isinstance, issubclass, iter, len, max, min, next, pow,
    repr, round, sorted, sum, vars,
)  # fmt: skip
MODULES = frozenset({
    PACKAGE, "math", "cmath", "operator", "_operator", "itertools", "functools", "_functools", "collections", "numbers",
    "fractions", "enum", "dataclasses", "typing", "abc", "types", "__future__", "numpy", "builtins",
})  # fmt: skip
# What is of them, or a method of what is harmless itself, and reads or writes files, shows, trains or draws.
ACTING = frozenset({
    "write", "writelines", "write_text", "write_bytes", "print", "open", "show", "save", "savez", "savez_compressed",
    "savetxt", "savefig", "tofile", "dump", "unlink", "mkdir", "touch", "export_c", "load", "loadtxt", "genfromtxt",
    "fromfile", "fromregex", "memmap", "print_exc",
    "diagram", "fit", "film",
})  # fmt: skip


def acting(walk: Walk) -> str:
    """What among what functions name may do something beside its result; "" where nothing is."""
    if named := walk.names & ACTING:
        return min(named)
    for _, name, found in walk.variables:
        if found is ABSENT and not _is_harmless_builtin(getattr(builtins, name, type)):
            return name
    return next((name_of(found) for found in walk.others if not _is_harmless(found, walk.own)), "")


def _is_harmless(found: Any, own: frozenset[str]) -> bool:
    """Whether it is one of the user's, where a walk goes on, or of a module that only computes."""
    if found is None:  # a module that is imported when the function runs
        return False
    if isinstance(found, ModuleType):
        module: Any = found.__name__
    elif isinstance(found, BuiltinFunctionType) and found.__module__ == "builtins":
        return _is_harmless_builtin(found)
    else:
        module = getattr(found, "__module__", None) or type(found).__module__
    return not foreign(module, own) or str(module).partition(".")[0] in MODULES


def _is_harmless_builtin(found: Any) -> bool:
    return isinstance(found, type | str | bool | None) or any(found is one for one in HARMLESS)  # __name__, __debug__
