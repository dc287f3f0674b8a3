"""What the code of a function names: the globals, captured variables and attributes that it may read when it runs.

It is read from the bytecode, that of nested functions too. Code of the standard library, of this library and of
installed packages is not looked into, save for the sources that give another answer at each call.
"""

from __future__ import annotations

import dis
import sys
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

LIBRARY = __name__.partition(".")[0]
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
# Names of what reads attributes by names that are made, or written in a text.
ANY = frozenset((
    "getattr", "vars", "__dict__", "__getattribute__", "attrgetter", "methodcaller", "asdict", "astuple", "fields",
    "eval", "exec", "dir", "inspect", "format",
))  # fmt: skip


class Reads(NamedTuple):
    """What a code object names: (whether captured, the name, attributes of it ...), and all names of attributes."""

    chains: tuple[tuple[bool, tuple[str, ...]], ...]
    names: frozenset[str]
    imports: tuple[str, ...]


@lru_cache(maxsize=4096)
def reads_of(code: CodeType) -> Reads:
    """What a code object and those nested in it may read."""
    chains: dict[tuple[bool, tuple[str, ...]], None] = {}
    names: set[str] = set()
    imports: dict[str, None] = {}
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
        base: tuple[bool, tuple[str, ...]] | None = None
        for instruction in dis.get_instructions(code):
            operation = instruction.opname
            if "GLOBAL" in operation or operation in ("LOAD_NAME", "STORE_NAME"):
                base = False, (instruction.argval,)
            elif "DEREF" in operation:
                base = True, (instruction.argval,)
            elif operation in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR") and base is not None:
                base = base[0], (*base[1], instruction.argval)
            elif operation == "IMPORT_NAME":
                imports[instruction.argval] = base = None
            else:
                base = None
            if base is not None:
                chains[base] = None
    return Reads(tuple(chains), frozenset(names), tuple(imports))


def foreign(module: Any, own: frozenset[str]) -> bool:
    """Whether a module is not the user's: this library, the standard library, or installed and none of `own`."""
    top = str(module or "").partition(".")[0]
    return top not in own and (top == LIBRARY or top in sys.stdlib_module_names or _installed(top))


@lru_cache(maxsize=1024)
def _installed(top: str) -> bool:
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def is_source(found: Any) -> bool:
    """Whether a function tells the time, draws from the machine, or asks the user."""
    owner = getattr(found, "__self__", None)
    module = found.__module__ or (owner.__module__ if isinstance(owner, type) else "")
    return found.__qualname__ in SOURCES.get(module, "").split()
