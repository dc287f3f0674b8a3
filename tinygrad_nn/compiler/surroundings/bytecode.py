"""What the code of a function names: the globals, captured variables and attributes that it may read when it runs.

It is read from the bytecode, that of nested functions too. Code of the standard library, of this library and of
installed packages is not looked into, save for the sources that give another answer at each call.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from functools import lru_cache
from importlib import import_module
from types import CodeType
from typing import Any, NamedTuple

from ...autograd.containers import PACKAGE

# Functions whose answer no program can hold, by the module that has them.
SOURCES = {
    "time": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns thread_time "
    "thread_time_ns clock_gettime clock_gettime_ns localtime gmtime ctime asctime",
    "datetime": "datetime.now datetime.utcnow datetime.today date.today",
    "posix": "urandom getrandom times",
    "nt": "urandom times",
    "secrets": "choice randbelow randbits token_bytes token_hex token_urlsafe",
    "uuid": "uuid1 uuid4",
    "builtins": "input",
}
# What makes a generator, which the machine seeds where nothing is given.
UNSEEDED = {"random": "Random SystemRandom", "numpy": "default_rng RandomState PCG64 PCG64DXSM MT19937 Philox SFC64"}
STORES = ("STORE_FAST", "STORE_DEREF", "STORE_FAST_LOAD_FAST")  # into variables of the function
CALLED = "()"  # at the end of a chain: called with no arguments
# Names of what reads attributes by names that are made, or written in a text.
READING_ANY = frozenset((
    "getattr", "vars", "__dict__", "__getattribute__", "attrgetter", "methodcaller", "asdict", "astuple", "fields",
    "eval", "exec", "dir", "inspect", "format",
))  # fmt: skip


class Origin(Enum):
    """Where the first name of a chain is looked up."""

    GLOBAL = "global"
    CAPTURED = "captured"
    IMPORTED = "imported"  # by the function itself, where the name is that of a module


Chain = tuple[Origin, tuple[str, ...]]


class Reads(NamedTuple):
    """What a code object names: chains (origin, name, attributes of it ...), and all names of attributes.

    A chain that ends with CALLED is called without an argument.
    """

    chains: tuple[Chain, ...]
    names: frozenset[str]


@lru_cache(maxsize=4096)
def reads_of(code: CodeType) -> Reads:
    """What a code object and those nested in it may read."""
    chains: dict[Chain, None] = {}
    names: set[str] = set()
    held: dict[str, Chain] = {}  # by local variables
    waiting = [code]
    while waiting:
        code = waiting.pop()
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                waiting.append(constant)
            elif isinstance(constant, str) and constant.isidentifier():  # as getattr and attrgetter take them
                names.add(constant)
            elif isinstance(constant, tuple):
                names.update(entry for entry in constant if isinstance(entry, str))
        names.update(code.co_names)
        _follow(code, chains, held)
    return Reads(tuple(chains), frozenset(names))


def _follow(code: CodeType, chains: dict[Chain, None], held: dict[str, Chain]) -> None:
    """Add the chains of a code object, also those that go through a local variable which holds what it imported."""
    base: Chain | None = None
    module: Chain = Origin.IMPORTED, ("",)
    constants: list[Any] = [0, None]
    for instruction in dis.get_instructions(code):
        operation, name = instruction.opname, instruction.argval
        if operation in ("LOAD_CONST", "LOAD_SMALL_INT"):
            constants = [constants[-1], name]
            base = None
        elif operation == "IMPORT_NAME":
            base = module = Origin.IMPORTED, (_imported_name(name, *constants),)
        elif operation == "IMPORT_FROM":
            base = Origin.IMPORTED, (*module[1], name)
        elif operation == "CALL" and name == 0 and base is not None:
            chains[base[0], (*base[1], CALLED)] = None
            base = None
        elif operation in STORES and base is not None and base[0] is Origin.IMPORTED:
            held[name[0] if isinstance(name, tuple) else name] = base
            base = held.get(name[1]) if isinstance(name, tuple) else None
        elif operation not in ("PRECALL", "PUSH_NULL"):
            base = _named(operation, name, base, held)
        if base is not None:
            chains[base] = None


def _imported_name(name: str, level: Any, wanted: Any) -> str:
    """What an import statement names: the module of which it wants something, or the outermost package."""
    return "." * (level if isinstance(level, int) else 0) + name if wanted or level else name.partition(".")[0]


def _named(operation: str, name: Any, base: Chain | None, held: dict[str, Chain]) -> Chain | None:
    """The chain of what an instruction names, which may go on from the one before; None where it names nothing."""
    if operation == "STORE_FAST_LOAD_FAST":
        return held.get(name[1])
    if operation.startswith("LOAD_FAST") and isinstance(name, str):
        return held.get(name)
    if "GLOBAL" in operation or operation in ("LOAD_NAME", "STORE_NAME"):
        return Origin.GLOBAL, (name,)
    if "DEREF" in operation:
        return held.get(name) or (Origin.CAPTURED, (name,))
    if operation in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR") and base is not None:
        return base[0], (*base[1], name)
    return None


def foreign(module: Any, own: frozenset[str]) -> bool:
    """Whether a module is not the user's: this library, the standard library, or installed and none of `own`."""
    top = str(module or "").partition(".")[0]
    return top not in own and (top == PACKAGE or top in sys.stdlib_module_names or _installed(top))


@lru_cache(maxsize=1024)
def _installed(top: str) -> bool:
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def imported(name: str, names: Mapping[str, Any]) -> Any:
    """The module that a function imports, whose globals are `names`; None where it was not imported yet."""
    bare = name.lstrip(".")
    if level := len(name) - len(bare):
        package = str(names.get("__package__")).rsplit(".", level - 1)[0]
        name = f"{package}.{bare}" if bare else package
    if name in SOURCES or name in UNSEEDED:
        with suppress(ImportError):
            return import_module(name)
    return sys.modules.get(name)


def is_source(found: Any) -> bool:
    """Whether a function tells the time, draws from the machine, or asks the user."""
    owner = getattr(found, "__self__", None)
    module = found.__module__ or (owner.__module__ if isinstance(owner, type) else "")
    return found.__qualname__ in SOURCES.get(module, "").split()


def is_unseeded(found: Any) -> bool:
    """Whether a call without an argument makes a generator that the machine seeds."""
    top = str(getattr(found, "__module__", None)).partition(".")[0]
    return getattr(found, "__name__", "") in UNSEEDED.get(top, "").split()
