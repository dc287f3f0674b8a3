"""What runs programs, each in a module of its own: a printer of programs, and how it spells each primitive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..support.checks import checked_choice, checked_switch
from ..support.tabular import short
from .single_precision import in_range

# By its name, the package that a back end needs and the extra that installs it.
BACKENDS: dict[str, tuple[str, str] | None] = {"python": None, "array": ("numpy", "fast"), "llvm": ("llvmlite", "fast")}
DTYPES = ("float64", "float32")
WORTH_ARRAYS, WORTH_LLVM = 32, 4096  # rows of a batch; llvmlite takes a quarter of a second to begin


class BackendError(ImportError):
    """A back end's package is not installed."""


@dataclass(frozen=True)
class Target:
    """Where programs run: the back end of calls, whether it was left to the library, and what numbers are there."""

    backend: str
    auto: bool = False
    dtype: str = "float64"
    exact: bool = False
    chosen_namespace: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Target, (self.backend, self.auto, self.dtype, self.exact, self.chosen_namespace)  # no module beside

    @cached_property
    def namespace(self) -> Any:
        """The namespace of arrays: the one that was given, or numpy."""
        return self.chosen_namespace or import_module("numpy")

    def for_rows(self, rows: int) -> str:
        """The back end for a batch of so many rows."""
        if not rows:
            return "python"
        if not self.auto or self.exact or rows < WORTH_ARRAYS or find_spec("numpy") is None:
            return self.backend
        return "llvm" if rows >= WORTH_LLVM and find_spec("llvmlite") is not None else "array"

    def array(self, numbers: Any) -> Any:
        """The numbers as an array of the namespace. Raises TooLargeError for one that no float32 holds."""
        found = self.namespace.asarray(in_range(numbers, self.dtype), dtype=self.dtype)
        if str(found.dtype) != self.dtype:
            raise ValueError(
                f"{self.namespace.__name__} made {found.dtype} of {self.dtype}: give dtype={str(found.dtype)!r}, or "
                "for JAX call jax.config.update('jax_enable_x64', True) first"
            )
        return found


def for_steps(backend: str, dtype: str) -> Target:
    """The target of training steps: with "auto" machine code where llvmlite and NumPy are, else Python."""
    if not isinstance(backend, str) or backend != "auto":
        return chosen(backend, dtype)
    if find_spec("llvmlite") is not None and find_spec("numpy") is not None:
        return replace(chosen("llvm", dtype), auto=True)
    return replace(chosen("python", dtype), auto=True)


def chosen(backend: str, dtype: str = "float64", exact: bool = False, namespace: Any = None) -> Target:
    """The target to compile for: the back end that is asked for, or with "auto" the fastest that is installed.

    Raises ValueError for an unknown one or for numbers that it cannot compute in, BackendError for one whose package is
    not installed.
    """
    checked_choice("back end", backend, ["auto", *BACKENDS])
    checked_choice("dtype", dtype, DTYPES)
    exact = checked_switch("exact", exact)
    auto = backend == "auto"
    if namespace is not None:
        if not hasattr(namespace, "asarray"):
            raise TypeError(f"namespace is a module of arrays such as jax.numpy, but got {short(namespace)}")
        if backend not in ("auto", "array"):
            raise ValueError(f"namespace is for the array back end, but got backend={backend!r} with it")
        return Target("array", False, dtype, exact, namespace)
    if auto:
        backend = "array" if dtype == "float32" else "python"
    if backend == "python" and dtype != "float64":
        raise ValueError(f"the python back end computes in dtype 'float64', but got {dtype!r}")
    needed = BACKENDS[backend]
    if needed is not None and find_spec(needed[0]) is None:
        raise BackendError(
            f"the back end {backend!r} needs {needed[0]}, which is not installed: "
            f"pip install 'tinygrad_nn[{needed[1]}]', or give backend='auto'"
        )
    return Target(backend, auto, dtype, exact)
