"""What a back end is, which ones there are, and the choice of one: `backends/__init__` says how to write another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ...autograd.value import Value
from ...support.checks import checked_choice, checked_switch
from ...support.tabular import short
from ..program.program import OffPath, Program
from ..target import DTYPES, Target

Runner = Callable[[Sequence[float]], Sequence[float]]  # of the inputs, it gives the outputs, or raises OffPath
RowRunner = Callable[[Any], tuple[Any, Any]]  # of rows (n, inputs), the outputs (n, k), and which rows are on its path
# Of the words of a trace (None where it has none), the Values that it reads, and its program, when it is asked for.
KnownRunner = Callable[[Callable[[], str | None], Sequence[Value], Callable[[], Program], Target], Runner]

# By its name, the module of each that has it as BACKEND, from this folder or by its full name. It is imported when the
# back end is first asked for.
BACKENDS: dict[str, str] = {
    "python": ".python.function",
    "array": ".array.rows",
    "llvm": ".llvm.call",
    "c": ".c.function",
}


class BackendError(ImportError):
    """A back end's package is not installed."""


@dataclass(frozen=True)
class Backend:
    """What a back end can do with a program. All but its text it may lack.

    `source` is the text of a program of a compiled function, and may look at the function's other paths, too. `call`
    makes what runs the program for the inputs of one call, `rows` what runs it for many rows at once. Both read the
    program's parameters anew each time, and know no path but its own. `kept` is `call` for a back end that knows from
    the words of a trace what it made of it in an earlier process; only else does it ask for the program. Without `call`
    a call is a row; without `rows` each row is a call; with neither, nothing runs.
    """

    source: Callable[..., str]
    call: Callable[[Program, Target], Runner] | None = None
    rows: Callable[[Program, Target], RowRunner] | None = None
    kept: KnownRunner | None = None
    dtypes: Sequence[str] = ("float64",)
    needs: tuple[str, str] | None = None  # a package, and the extra that installs it
    takes_arrays: bool = False  # whether `call` is given an array as it is, where it is the only argument

    @property
    def runs(self) -> bool:
        return self.call is not None or self.rows is not None

    def text_of(self, program: Program, function: Any, dtype: str) -> str:
        """Its text; of a dtype where that is given. Raises ValueError where it has one alone."""
        if dtype == "":
            return self.source(program, function)
        if self.runs:
            raise ValueError("a dtype is given for source('c') alone: others are of that of compile(dtype=)")
        return self.source(program, function, dtype)

    def runner(self, program: Program, target: Target, rows: Callable[[], RowRunner]) -> Runner:
        """What runs a program for one call; by `rows` where the back end knows nothing else."""
        return self.call(program, target) if self.call is not None else _one_row(rows(), program, target)


def _one_row(run: RowRunner, program: Program, target: Target) -> Runner:
    """A call as a batch of one row."""

    def call(inputs: Sequence[float]) -> Sequence[float]:
        outputs, on_path = run(target.array([list(inputs)]))
        if not on_path[0]:
            raise OffPath(next((guard.where for guard in program.guards), ""))
        return outputs[0].tolist()  # type: ignore[no-any-return]

    return call


def named(name: str) -> Backend:
    """The back end of a name."""
    return _loaded(BACKENDS[name])


@lru_cache(maxsize=16)
def _loaded(module: str) -> Backend:
    return import_module(module, __package__).BACKEND  # type: ignore[no-any-return]


def chosen(backend: str, dtype: str = "float64", exact: bool = False, namespace: Any = None) -> Target:
    """The target to compile for: the back end that is asked for, or with "auto" the fastest that is installed.

    Raises ValueError for an unknown one or for numbers that it cannot compute in, BackendError for one whose package is
    not installed.
    """
    if not isinstance(backend, str) or not (backend == "auto" or (backend in BACKENDS and named(backend).runs)):
        checked_choice("back end", backend, ["auto", *(name for name in BACKENDS if named(name).runs)])
    checked_choice("dtype", dtype, DTYPES)
    exact = checked_switch("exact", exact)
    if namespace is not None:
        if not hasattr(namespace, "asarray"):
            raise TypeError(f"namespace is a module of arrays such as jax.numpy, but got {short(namespace)}")
        if backend not in ("auto", "array"):
            raise ValueError(f"namespace is for the array back end, but got backend={backend!r} with it")
        return Target("array", False, dtype, exact, namespace)
    auto = backend == "auto"
    if auto:
        backend = "array" if dtype == "float32" else "python"
    found = named(backend)
    if dtype not in found.dtypes:
        raise ValueError(f"the {backend} back end computes in dtype {found.dtypes[0]!r}, but got {dtype!r}")
    if found.needs is not None and find_spec(found.needs[0]) is None:
        package, extra = found.needs
        raise BackendError(
            f"the back end {backend!r} needs {package}, which is not installed: pip install 'tinygrad_nn[{extra}]', "
            "or give backend='auto'"
        )
    return Target(backend, auto, dtype, exact)


def for_steps(backend: str, dtype: str) -> Target:
    """The target of training steps: with "auto" machine code where llvmlite and NumPy are, else Python."""
    if not isinstance(backend, str) or backend != "auto":
        return chosen(backend, dtype)
    fast = find_spec("llvmlite") is not None and find_spec("numpy") is not None
    return replace(chosen("llvm" if fast else "python", dtype), auto=True)
