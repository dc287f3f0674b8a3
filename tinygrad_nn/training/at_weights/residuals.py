"""What is squared in a loss, the residuals of all rows, with their Jacobian, at weights in one vector.

The program of a row is traced once, with the derivative of each residual by each parameter, and run for all rows at
once: in machine code a row in each lane, in NumPy on whole arrays. What is of a known structure is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from operator import is_
from typing import Any, NamedTuple

from ...autograd.value import Value
from ...compiler.arguments import Shape, data_of
from ...compiler.backends.backend import named
from ...compiler.backends.python.function import compiled
from ...compiler.backends.spellings import UnspelledError
from ...compiler.batch import outputs_of
from ...compiler.paths import Paths
from ...compiler.program.notes import BySlot
from ...compiler.program.program import OffPath, Program
from ...compiler.surroundings.surroundings import Known
from ...compiler.surroundings.traced_in import traced_in
from ...compiler.target import Target
from ...compiler.tracing.adjoint import traced_adjoints
from ...compiler.tracing.traced import Traced
from ...support.decorators import uncollected
from ...support.latest import Latest
from ..steps.recipe import Recipe, StepTracing
from ..steps.rows import Rows, matrix
from ..steps.several import are_several
from ..steps.structure import structure_known, surroundings_of
from .objective import put_weights
from .squares import squares_in

LANES = 8  # of doubles, at most: so many rows are computed at once
NUMPYS_MOST = 50_000  # numbers of a Jacobian that is to be compiled anew, in which NumPy is not much slower
MOST_OF_A_MATRIX = 2**28  # numbers: 2 GB
MOSTLY = 0.75  # of a Jacobian: where so much of it differs from row to row, all of it is computed


class Squared(NamedTuple):
    """The residuals of a row, one of its paths: what computes them, and where in the Jacobian the results belong."""

    run: Callable[[Any, Any], tuple[Any, Any]]  # of rows and parameters
    residuals: int  # how many
    factors: Any  # of the squares; None where they are computed
    alike: float | None  # that of all, where they are one and the same
    fixed: Any  # the Jacobian of a row, in one vector; None where all of it is computed
    places: list[int]  # in that, of those that are computed
    untrained: list[Value]  # what it reads beside
    read: list[int]  # where that is in a network of a known structure

    def of(self, rows: Any, parameters: Any, share: float, xp: Any) -> tuple[Any, Any]:
        """The residuals of each row and then their Jacobian, and which rows are on this path."""
        found, on_path = self.run(rows, parameters)
        k, factors = self.residuals, self.factors
        if self.fixed is None and self.alike is not None:
            found *= sqrt(self.alike * share)  # which is nobody else's
            return found, on_path
        slopes = found[:, k:] if factors is not None else found[:, 2 * k :]
        if self.fixed is not None:
            known = xp.repeat(self.fixed[None, :], len(rows), axis=0)
            known[:, self.places] = slopes
            slopes = known
        if factors is None:
            factors = found[:, k : 2 * k]
            if (factors < 0.0).any():
                raise ValueError("a factor of a square is negative, so that the sum has no least: make it 0 or more")
        scales = xp.sqrt(factors * share)
        slopes = slopes.reshape((len(rows), k, -1)) * scales[..., None]
        return xp.concatenate([found[:, :k] * scales, slopes.reshape((len(rows), -1))], axis=1), on_path


PATHS: Latest[Paths[Squared]] = Latest(64)  # of known structures, which take one


class Residuals:
    """The residuals r of all rows, as a function of the parameters in one vector: the objective is r . r.

    It is the mean over the rows of a loss that is a sum of squares, and a regularizer that is one. `at(weights)` gives
    r and its Jacobian, of a row for each residual, row by row of the data and then the regularizer's, and a column for
    each parameter of the recipe's optimizer, whose numbers may be others afterwards. Raises NotSquaresError for what is
    no sum of squares as it is written, and what a function raises that cannot be compiled.
    """

    def __init__(self, recipe: Recipe, rows: Rows, target: Target) -> None:
        self.recipe, self.target, self.xp = recipe, target, Target("array").namespace
        count, most = len(recipe.optimizer.parameters), max(len(rows[1]), len(recipe.optimizer.parameters))
        if count * most > MOST_OF_A_MATRIX:
            raise ValueError(
                f"method='lm' is for small models: of {len(rows[1]):,} rows and {count:,} parameters its matrices "
                f"would have {count * most:,} numbers; take method='lbfgs', or tn.fit"
            )
        self.rows = [(shapes, *self._padded(part)) for shapes, part in _by_shape(rows)]
        self.share, self.size = 1.0 / len(rows[1]), len(rows[1]) * count
        self._known: Known[tuple[Recipe, dict[Any, Any]]] = Known(
            partial(surroundings_of, recipe), lambda world: (replace(recipe, world=world), {})
        )
        self.backend = "array" if target.auto and target.backend == "python" else target.backend
        self._found: dict[Any, Any] = {}
        self.look()

    def look(self) -> bool:
        """Look at what the functions read; whether it may be other than before. What cannot be compiled is said now."""
        before = [paths for paths, _, _ in self._found.values()]
        self._found = {shapes: self._paths(shapes, x[0]) for shapes, x, _ in self.rows}
        if self.recipe.regularizer is not None:
            self._found[None] = self._paths(None, ())
        known = [paths for paths, _, _ in self._found.values()]
        read = any(path.untrained or path.read for paths in known for path in paths.found)
        return read or len(before) != len(known) or not all(map(is_, before, known))

    def at(self, weights: Any) -> tuple[Any, Any]:
        """The residuals at these weights, and their Jacobian."""
        if self.backend == "python":
            put_weights(self.recipe.optimizer.parameters, weights)
        parts = [(shapes, x, count, self.share) for shapes, x, count in self.rows]
        if self.recipe.regularizer is not None:
            parts.append((None, self.xp.zeros((1, 0)), 1, 1.0))
        found = [self._of(weights, *part) for part in parts]
        if len(found) == 1:
            return found[0]
        residuals, slopes = zip(*found, strict=True)
        return self.xp.concatenate(residuals), self.xp.concatenate(slopes)

    def _of(self, weights: Any, shapes: Shape, x: Any, count: int, share: float) -> tuple[Any, Any]:
        """The residuals of rows of one shape, and their Jacobian."""
        paths, values, trace = self._found[shapes]
        counts = set[int]()

        def compiled_for(path: Squared) -> Any:
            counts.add(path.residuals)
            if len(counts) > 1:
                raise ValueError(f"rows have {' and '.join(map(str, sorted(counts)))} squares; write as many for each")
            untrained = path.untrained if values is None else [values[k] for k in path.read]
            parameters = self.xp.concatenate([weights, data_of(untrained)]) if untrained else weights
            return lambda rows: path.of(rows, parameters, share, self.xp)

        def traced_there(row: Any) -> Squared:  # in the way that the row takes at these weights
            put_weights(self.recipe.optimizer.parameters, weights)
            return trace(row)  # type: ignore[no-any-return]

        with self.xp.errstate(all="ignore"):
            found = outputs_of(x, paths, compiled_for, traced_there, self.target)
        k = counts.pop()
        found = found[:count]
        return found[:, :k].reshape(-1), found[:, k:].reshape((-1, len(weights)))

    def _paths(self, shapes: Shape, row: Any) -> tuple[Paths[Squared], Sequence[Value] | None, Any]:
        """The paths of the residuals of a row, or for no shapes of the regularizer's; the Values that they may read."""
        recipe, known = self._known.now()
        if shapes not in known:
            structure = structure_known(recipe) if self.backend != "python" else None
            backend = self.backend
            if structure is None and self.target.auto and self.size < NUMPYS_MOST:
                backend = "array"
            trace = partial(self._traced, recipe, shapes, backend, None if structure is None else structure[1])
            paths, key = None, None
            if structure is not None:
                key = structure[0], shapes, self.backend
                paths = PATHS.get(key)
            paths = paths or Paths(recipe.name)
            if not len(paths):
                paths.run(lambda path: path, partial(trace, row))
            if key is not None:
                PATHS.put(key, paths)
            known[shapes] = paths, None if structure is None else structure[1], trace
        return known[shapes]  # type: ignore[no-any-return]

    @uncollected
    def _traced(self, recipe: Recipe, shapes: Shape, backend: str, values: Sequence[Value] | None, row: Any) -> Squared:
        """The residuals of a row as a program, in the way that this row takes."""
        tracing = StepTracing(recipe, f"residuals_of_{recipe.name}")
        tracer, trained = tracing.tracer, tracing.parameters
        if shapes is None:
            with traced_in(tracer, tracing.world):
                output = tracer.slot_of(tracing.penalty())
            squares = squares_in(tracer, output, trained, "a regularizer")
        else:
            _, (output, *_) = tracing.losses(shapes, list(map(float, row)), regularized=False)
            squares = squares_in(tracer, output, trained, "a loss")
        factors = [factor for _, factor in squares]
        flows = [flow for slot, _ in squares for flow in traced_adjoints(tracer, slot, trained)]
        computed = [k for k, flow in enumerate(flows) if isinstance(flow, Traced)]
        dense = len(computed) >= MOSTLY * len(flows)
        places = list(range(len(flows))) if dense else computed
        plain = not any(isinstance(factor, Traced) for factor in factors)
        outputs = [*(slot for slot, _ in squares), *(() if plain else map(tracer.slot_of, factors))]
        program = tracing.program([*outputs, *(tracer.slot_of(flows[k]) for k in places)])
        untrained = list(program.parameters.values())[len(trained) :]
        order = {} if values is None else {id(value): k for k, value in enumerate(values)}
        read = [order[id(value)] for value in untrained] if values is not None else []
        fixed = None if dense else self.xp.array([0.0 if isinstance(flow, Traced) else flow for flow in flows])
        of_squares = self.xp.array(factors) if plain else None
        alike = factors[0] if plain and len(set(factors)) == 1 else None
        runner = self._runner(program, backend, apart=values is not None)
        return Squared(
            runner, len(squares), of_squares, alike, fixed, places, [] if values is not None else untrained, read
        )

    def _runner(self, program: Program, backend: str, apart: bool) -> Any:
        """What runs a program at given parameters; `apart`, it keeps no Value of those that it was traced with."""
        if apart:
            program = replace(program, parameters={slot: Value(0.0) for slot in program.parameters}, scopes=BySlot())
        if backend == "python":
            return partial(_in_python, compiled(program), len(program.outputs), self.xp)
        try:
            return self._rows(program, backend)
        except UnspelledError:
            if not self.target.auto:
                raise
            return self._rows(program, "array")

    def _rows(self, program: Program, backend: str) -> Any:
        runner: Any = named(backend).rows
        return runner(program, Target(backend)).at

    def _padded(self, rows: Sequence[Any]) -> tuple[Any, int]:
        """Rows as an array that fills whole vectors, the last one again and again, and how many they are."""
        found = matrix(rows, Target("array"))
        missing = -len(found) % LANES
        return self.xp.concatenate([found, self.xp.repeat(found[-1:], missing, axis=0)]), len(found)


def _by_shape(rows: Rows) -> list[tuple[Shape, Sequence[Any]]]:
    """The rows of each shape."""
    shapes, given = rows
    if not are_several(shapes):
        return [(shapes, given)]
    several: Any = given
    return [(kind, [row for row in several if row.kind == k]) for k, kind in enumerate(several.shapes)]


def _in_python(call: Any, width: int, xp: Any, rows: Any, parameters: Any) -> tuple[Any, Any]:
    """The outputs of each row by a function that reads the parameters where they are."""
    found, on_path = xp.zeros((len(rows), width)), xp.ones(len(rows), dtype=bool)
    for k, row in enumerate(rows.tolist()):
        try:
            found[k] = call(row)
        except OffPath:
            on_path[k] = False
    return found, on_path
