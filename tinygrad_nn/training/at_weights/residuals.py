"""What is squared in a loss, the residuals of all rows, with their Jacobian, at weights in one vector.

The program of a row is traced once, with the derivative of each residual by each parameter, and run for all rows at
once: in machine code a row in each lane, in NumPy on whole arrays. What is of a known structure is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
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
from ...compiler.surroundings.likeness import likeness_of
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
    """The residuals of a row, one of its paths: what computes them, and where the results belong among the numbers of a
    row, which are each residual and then its derivatives."""

    on: Callable[[Any], Callable[[Any], tuple[Any, Any]]]  # of rows and then of parameters: numbers, and whose they are
    residuals: int  # how many
    factors: Any  # of the squares; None where they are computed, after all else
    alike: float | None  # that of all, where they are one and the same
    fixed: Any  # the numbers of a row, in one vector; None where all of them are computed
    places: list[int]  # in that, of those that are computed
    untrained: Sequence[Value]  # what it reads beside
    read: list[int]  # where that is in what has its structure
    lasting: bool  # whether it is that of all which has the structure

    def numbers(self, found: Any, share: float, xp: Any) -> Any:
        """The numbers of each row, by what was computed of it."""
        computed = found[:, : len(self.places)] if self.factors is None else found
        if self.fixed is not None:
            known = xp.repeat(self.fixed[None, :], len(found), axis=0)
            known[:, self.places] = computed
            computed = known
        if self.alike is not None:
            computed *= sqrt(self.alike * share)  # which is nobody else's
            return computed
        if (factors := self.factors) is None:
            factors = found[:, len(self.places) :]
            if (factors < 0.0).any():
                raise ValueError("a factor of a square is negative, so that the sum has no least: make it 0 or more")
        scaled = computed.reshape((len(found), self.residuals, -1)) * xp.sqrt(factors * share)[..., None]
        return scaled.reshape((len(found), -1))


class LastingPaths:
    """What is kept of a structure: its only path, what its key is to stand for, and whether lint has nothing to say of
    it whatever the numbers are."""

    def __init__(self, paths: Paths[Squared], kept: Any = None) -> None:
        self.paths, self.kept, self.clean = paths, kept, False


PATHS: Latest[LastingPaths] = Latest(64)


class Residuals:
    """The residuals r of all rows, as a function of the parameters in one vector: the objective is r . r.

    It is the mean over the rows of a loss that is a sum of squares, and a regularizer that is one. `at(weights)` gives
    a matrix with a row for each residual, row by row of the data and then the regularizer's: the residual, and then its
    derivative by each parameter of the recipe's optimizer, whose numbers may be others afterwards. Raises
    NotSquaresError for what is no sum of squares as it is written, and what a function raises that cannot be compiled.
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
        before = [paths for paths, *_ in self._found.values()]
        self._found = {shapes: self._paths(shapes, x) for shapes, x, _ in self.rows}
        if self.recipe.regularizer is not None:
            self._found[None] = self._paths(None, self.xp.zeros((1, 0)))
        known = [paths for paths, *_ in self._found.values()]
        read = any(path.untrained or path.read for paths in known for path in paths.found)
        return read or len(before) != len(known) or not all(map(is_, before, known))

    @property
    def lasting(self) -> list[LastingPaths]:
        """What is remembered of all that computes them; nothing where some is not, or rows have several shapes."""
        found = [entry[3] for entry in self._found.values()]
        return [] if None in found or len(self.rows) > 1 else found

    def at(self, weights: Any) -> Any:
        """The residuals at these weights, each before its derivatives."""
        if self.backend == "python":
            put_weights(self.recipe.optimizer.parameters, weights)
        parts = [(shapes, x, count, self.share) for shapes, x, count in self.rows]
        if self.recipe.regularizer is not None:
            parts.append((None, self.xp.zeros((1, 0)), 1, 1.0))
        found = [self._of(weights, *part) for part in parts]
        return found[0] if len(found) == 1 else self.xp.concatenate(found)

    def _of(self, weights: Any, shapes: Shape, x: Any, count: int, share: float) -> Any:
        """Those of rows of one shape."""
        paths, values, trace, _, run = self._found[shapes]
        counts = set[int]()

        def parameters(path: Squared) -> Any:
            untrained = [values[k] for k in path.read] if path.lasting else path.untrained
            return self.xp.concatenate([weights, data_of(untrained)]) if untrained else weights

        def compiled_for(path: Squared) -> Any:
            counts.add(path.residuals)
            if len(counts) > 1:
                raise ValueError(f"rows have {' and '.join(map(str, sorted(counts)))} squares; write as many for each")

            def numbers(rows: Any) -> tuple[Any, Any]:
                found, on_path = path.on(rows)(parameters(path))
                return path.numbers(found, share, self.xp), on_path

            return numbers

        def traced_there(row: Any) -> Squared:  # in the way that the row takes at these weights
            put_weights(self.recipe.optimizer.parameters, weights)
            return trace(row)  # type: ignore[no-any-return]

        with self.xp.errstate(all="ignore"):
            if run is not None:  # of the only path
                path = paths.found[0]
                found = path.numbers(run(parameters(path))[0], share, self.xp)
            else:
                found = outputs_of(x, paths, compiled_for, traced_there, self.target)
        return (found if len(found) == count else found[:count]).reshape((-1, 1 + len(weights)))

    def _paths(self, shapes: Shape, x: Any) -> tuple[Any, ...]:
        """The paths of the residuals of rows, or for no shapes of the regularizer's; the Values that they may read;
        what traces another path; what is remembered of them; what computes the rows, where there is but one path."""
        recipe, known = self._known.now()
        if shapes not in known:
            structure, values, kept, backend = self._structure(recipe)
            trace, key = partial(self._traced, recipe, shapes, backend, values), (structure, shapes, backend)
            remembered = PATHS.get(key) if structure else None
            paths = remembered.paths if remembered else Paths[Squared](recipe.name)
            if not len(paths):
                paths.run(lambda path: path, partial(trace, x[0]))
            if remembered is None and paths.found[0].lasting:
                PATHS.put(key, remembered := LastingPaths(paths, kept))
            known[shapes] = paths, values, trace, remembered, paths.found[0].on(x) if remembered else None
        return known[shapes]  # type: ignore[no-any-return]

    def _structure(self, recipe: Recipe) -> tuple[Hashable, Sequence[Value], Any, str]:
        """The key of what the program follows from and the Values of it, none where it is nobody else's, what is to be
        kept beside the key, and the back end."""
        if self.backend == "python":  # which reads the Values themselves
            return None, (), None, self.backend
        if (found := structure_known(recipe)) is not None:
            return *found, None, self.backend
        backend = "array" if self.target.auto and self.size < NUMPYS_MOST else self.backend
        alike = None if recipe.world is None else likeness_of(recipe.world, recipe.optimizer.parameters)
        return (None, (), None, backend) if alike is None else (*alike, backend)

    @uncollected
    def _traced(self, recipe: Recipe, shapes: Shape, backend: str, values: Sequence[Value], row: Any) -> Squared:
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
        flows = [
            flow for slot, _ in squares for flow in (Traced(tracer, slot), *traced_adjoints(tracer, slot, trained))
        ]
        computed = [k for k, flow in enumerate(flows) if isinstance(flow, Traced)]
        dense = len(computed) >= MOSTLY * len(flows)
        places = list(range(len(flows))) if dense else computed
        plain = not any(isinstance(factor, Traced) for factor in factors)
        outputs = [*(flows[k] for k in places), *(() if plain else factors)]
        program = tracing.program([*map(tracer.slot_of, outputs)])
        untrained = list(program.parameters.values())[len(trained) :]
        order = {id(value): k for k, value in enumerate(values)}
        lasting = bool(values) and not (program.guards or tracing.world.reads) and {*map(id, untrained)} <= order.keys()
        read = [order[id(value)] for value in untrained] if lasting else []
        fixed = None if dense else self.xp.array([0.0 if isinstance(flow, Traced) else flow for flow in flows])
        of_squares = self.xp.array(factors) if plain else None
        alike = factors[0] if plain and len(set(factors)) == 1 else None
        runner = self._runner(program, backend, apart=lasting)
        untrained = [] if lasting else untrained
        return Squared(runner, len(squares), of_squares, alike, fixed, places, untrained, read, lasting)

    def _runner(self, program: Program, backend: str, apart: bool) -> Any:
        """What runs a program at given parameters; `apart`, it keeps no Value of those that it was traced with."""
        if apart:
            program = replace(program, parameters={slot: Value(0.0) for slot in program.parameters}, scopes=BySlot())
        if backend == "python":
            return partial(partial, _in_python, compiled(program), len(program.outputs), self.xp)
        try:
            return self._rows(program, backend)
        except UnspelledError:
            if not self.target.auto:
                raise
            return self._rows(program, "array")

    def _rows(self, program: Program, backend: str) -> Any:
        made: Any = named(backend).rows
        runner = made(program, Target(backend))
        return getattr(runner, "on", partial(partial, runner.at))

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
