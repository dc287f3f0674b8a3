"""One path of a compiled function: its value and its derivatives as programs, and what runs them.

The paths of a function are kept by the shapes of the arguments they were traced with.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from typing import Any

from ..support.decorators import locked, uncollected
from ..support.nested import leaves
from .arguments import Shape, shape_of
from .backends.backend import RowRunner, Runner, named
from .backends.spellings import UnspelledError
from .kept_text import program_in_words
from .paths import Paths
from .program.program import Program
from .program.rewrite import simplified
from .surroundings.surroundings import Surroundings
from .target import Target
from .tracing.adjoint import traced_adjoints
from .tracing.tracer import Tracer


class FunctionPath:
    """One path of a function through its branches: its programs, each compiled when it is first wanted."""

    def __init__(self, tracer: Tracer, result: Any, target: Target, taken: Shape) -> None:
        self.tracer, self.lock = tracer, RLock()
        self.results = [tracer.slot_of(leaf) for leaf in leaves(result)]
        self.shape = shape_of(result)
        self.taken = taken
        self._entries = len(tracer.program.entries)  # before any of its gradient
        self._value: Program | None = None
        self._runners: list[Runner | None] = [None, None]
        self._target = target
        self._gradient: Program | None = None
        self._for_rows: dict[tuple[bool, str], RowRunner] = {}

    @property
    @locked
    @uncollected
    def value(self) -> Program:
        """The program of the value."""
        if self._value is None:
            self._value = simplified(self.tracer.returning(self.results))
        return self._value

    @property
    @locked
    @uncollected
    def gradient(self) -> Program:
        """The program of the value and of its derivatives with respect to all inputs."""
        if self._gradient is None:
            self._check_scalar()
            flows = traced_adjoints(self.tracer, self.results[0], self.tracer.program.inputs)
            outputs = [self.results[0], *map(self.tracer.slot_of, flows)]
            self._gradient = simplified(self.tracer.returning(outputs))
        return self._gradient

    def _check_scalar(self) -> None:
        if self.shape is not None:
            raise TypeError(
                f"a gradient is of a function that returns one number, but {self.tracer.program.name} returned "
                f"{len(self.results)}: return one of them, or their sum"
            )

    @locked
    def for_rows(self, gradients: bool, backend: str) -> RowRunner:
        """The value, or the value and the derivatives, of many rows, by a back end that has `rows`."""
        key = gradients, backend
        if key not in self._for_rows:
            rows = named(backend).rows
            assert rows is not None
            self._for_rows[key] = rows(self.gradient if gradients else self.value, self._target)
        return self._for_rows[key]

    def run(self, numbers: Sequence[float], gradients: bool) -> Sequence[float]:
        """The value, or the value and the derivatives. Raises OffPath where the numbers take another path."""
        runner = self._runners[gradients] or self._compiled(gradients)
        return runner(numbers)

    @locked
    def _compiled(self, gradients: bool) -> Runner:
        if (runner := self._runners[gradients]) is None:
            if gradients:
                self._check_scalar()
            backend = self._target.for_call(self._entries)
            try:
                runner = self._on(backend, gradients)
            except UnspelledError:
                if backend == self._target.backend:
                    raise
                runner = self._on(self._target.backend, gradients)
            self._runners[gradients] = runner
        return runner

    def _on(self, name: str, gradients: bool) -> Runner:
        """What runs the value, or the value and the derivatives, on a back end."""
        backend, traced = named(name), self.tracer.program

        def program() -> Program:
            return self.gradient if gradients else self.value

        if backend.kept is None:
            return backend.runner(program(), self._target, lambda: self.for_rows(gradients, name))
        values, results = list(traced.parameters.values()), [gradients, *self.results]
        return backend.kept(lambda: program_in_words(traced, self._entries, results), values, program, self._target)


class Programs:
    """The programs of a function in its surroundings, by the shapes of arguments, and the path of the latest call."""

    def __init__(self, world: Surroundings) -> None:
        self.world = world
        self.paths: dict[Shape, Paths[FunctionPath]] = {}
        self.last: FunctionPath | None = None

    def of(self, shape: Shape, name: str) -> Paths[FunctionPath]:
        return self.paths.setdefault(shape, Paths(name))
