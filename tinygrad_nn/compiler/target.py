"""Where programs run: the name of a back end, and what numbers it is to compute in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .single_precision import in_range

DTYPES = ("float64", "float32")
WORTH_ARRAYS, WORTH_LLVM = 32, 4096  # rows of a batch; llvmlite takes a quarter of a second to begin
WORTH_A_CALL = 1000  # operations of a call, which take Python 10 us or more
MOST_GROUPS, WORTH_A_GROUP = 300, 40  # which LLVM takes 1 ms each to compile, and Python's source so many instructions


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

    def for_call(self, operations: int) -> str:
        """The back end for a call of so many operations."""
        worth = self.auto and not self.exact and operations >= WORTH_A_CALL
        return (
            "llvm" if worth and find_spec("llvmlite") is not None and find_spec("numpy") is not None else self.backend
        )

    def is_worth(self, groups: int, instructions: int) -> bool:
        """Whether so many groups, which are all that the instructions are rolled into, are soon compiled by LLVM."""
        asked_for = not self.auto or self.backend == "llvm"
        return asked_for or groups <= max(MOST_GROUPS, instructions // WORTH_A_GROUP)

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
