"""compile: a plain function of numbers, traced at its first call and then run as a program.

One program holds for one shape of the arguments and one path through the branches; a call that goes elsewhere traces
again. Parameters, the Values that the function captures, are read at every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NoReturn

from ..autograd.recording import watcher
from ..autograd.value import Value
from ..support.checks import checked_choice, checked_function, checked_switch
from ..support.decorators import uncollected
from ..support.nested import leaves
from ..support.numbers import as_float
from ..support.tabular import plain
from . import batch
from .arguments import RecordedError, Shape, flat, has_arrays, shaped
from .backends.backend import BACKENDS, RowRunner, chosen, named
from .backends.spellings import UnspelledError
from .flat import FlatFunction
from .loops.roll import rolled
from .loops.rolled import Rolled
from .program.names import argument_names, check_count
from .program.program import OffPath
from .programs import FunctionPath, Programs
from .surroundings.surroundings import Known, Surroundings
from .surroundings.traced_in import traced_in
from .surroundings.walk import name_of
from .target import Target
from .tracing.traced import Traced
from .tracing.tracer import Tracer

NOT_SHOWN = {"latest_paths", "of_data", "of_matrix", "programs", "run", "target", "traced"}  # for the library


class Function:
    """A compiled function. `tinygrad_nn.compile` makes one.

    `backend` is the one that calls run on; with "auto", batches of 32 rows or more run on arrays where NumPy is, and
    calls of a thousand operations or more that are made of loops on LLVM where that is.
    """

    def __init__(self, function: Callable[..., Any], target: Target, reads: Sequence[Any] = ()) -> None:
        self.function, self.target, self.backend = function, target, target.backend
        self._takes_arrays = named(target.backend).takes_arrays
        self.__name__ = name_of(function).strip("<>")
        self.__doc__ = function.__doc__
        self.of_data = False  # whether it is never called with Values, so that it may ask what only numbers answer
        self._known = Known(lambda: Surroundings(reads or [function]), Programs)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The value: a number, or nested lists of them, as the function returns it.

        Called with Values, or inside another compiled function, it is the plain function, so that no gradient is lost.
        """
        if (watching := watcher()) is not None:
            return watching.call(self, arguments, named)
        if named:
            self._refuse(named)
        try:
            shape, numbers = flat(arguments, self.__name__, self._takes_arrays)
        except RecordedError:
            return self.function(*arguments)
        path, outputs = self.run(shape, numbers, gradients=False)
        outputs = outputs.tolist() if hasattr(outputs, "tolist") else outputs
        return outputs[0] if path.shape is None else shaped(path.shape, iter(outputs))

    def __get__(self, instance: object, owner: object = None) -> Function:
        if instance is not None:
            raise TypeError(
                f"{self.__name__} was compiled as a plain function, before it was a method: compile it where it is "
                "used, as tn.compile(instance.method)"
            )
        return self

    def _refuse(self, named: dict[str, Any]) -> NoReturn:
        raise TypeError(f"{self.__name__}() is compiled for arguments by position, but got {', '.join(named)} by name")

    def value_and_grad(self, *arguments: Any, **named: Any) -> tuple[float, list[Any]]:
        """The value and its derivatives, [df/dx, df/dy, ...], each in its argument's shape; for an array, an array.

        Raises TypeError where the function does not return one number, and for arguments by name.
        """
        if named:
            self._refuse(named)
        if (watching := watcher()) is not None:
            return watching.gradient(self, arguments)  # type: ignore[no-any-return]
        shape, numbers = flat(arguments, self.__name__, self._takes_arrays)
        outputs: Any = self.run(shape, numbers, gradients=True)[1]
        if numbers is arguments:
            return outputs[0], list(outputs[1:])
        if hasattr(numbers, "dtype"):
            return float(outputs[0]), [outputs[1:].reshape(arguments[0].shape)]
        flows = shaped(shape, iter(outputs[1:]))
        made = [batch.array_of(each, self.target) if getattr(each, "ndim", 0) else list for each in arguments]
        return outputs[0], [flow if kind is list else kind(flow) for kind, flow in zip(made, flows, strict=True)]

    def grad(self, *arguments: Any, **named: Any) -> list[Any]:
        """The derivatives, [df/dx, df/dy, ...], each in the shape of its argument; for an array, an array."""
        return self.value_and_grad(*arguments, **named)[1]

    def flat(self, *arguments: Any) -> FlatFunction:
        """The function of one vector that holds arguments of these shapes, as SciPy's methods take it."""
        return FlatFunction(self, arguments)

    def batch(self, rows: Iterable[Sequence[Any]], gradients: bool = False) -> Any:
        """The value for each row, a row being the list of arguments; with `gradients` a pair of values and derivatives.

        Lists come back, or arrays for an array of rows. Rows may take different paths through the branches. Raises
        ValueError for rows of different lengths.
        """
        if (watching := watcher()) is not None:
            return watching.rows(self, rows, gradients)
        gradients = checked_switch("gradients", gradients)
        rows = plain(rows, "rows", "a list with the arguments of each row, an array or a frame")
        listed = batch.listed_rows(rows)
        as_array = batch.array_of(rows, self.target)
        if named(backend := self.target.for_rows(len(listed))).rows is not None:
            try:
                found = self._of_rows(listed, gradients, backend)
            except UnspelledError:
                if backend == self.backend:
                    raise
                found = None
            if found is not None:
                return batch.as_lists(found) if as_array is list else found
        if not gradients:
            return batch.gathered([self(*row) for row in listed], as_array)
        pairs = [self.value_and_grad(*row) for row in listed]
        return as_array([value for value, _ in pairs]), batch.gathered([flows for _, flows in pairs], as_array)

    def _of_rows(self, rows: Any, gradients: bool, backend: str) -> Any:
        """The batch by a back end of many rows; None where rows or results of different shapes stand in the way."""
        try:
            shape = flat(list(rows[0]), self.__name__)[0]
        except RecordedError:
            return None
        matrix = batch.matrix_of(rows, shape, self.__name__, self.target)
        if matrix is None:
            return None
        listed = batch.array_of(rows, self.target) is list
        return self.of_matrix(self.programs(), matrix, shape, gradients, backend, listed)

    def programs(self) -> Programs:
        """The programs that belong to the surroundings as they are."""
        return self._known.now()

    def of_matrix(self, known: Programs, matrix: Any, shape: Shape, gradients: bool, backend: str, listed: bool) -> Any:
        """The batch of a matrix, each row of which has arguments of a shape; None where results differ in theirs."""
        taken: list[Shape] = []
        paths = known.of(shape, self.__name__)

        def compiled(path: FunctionPath) -> RowRunner:
            taken.append(path.shape)
            return path.for_rows(gradients, backend)

        trace = partial(self._traced, known, shape)
        outputs = batch.outputs_of(matrix, paths, compiled, trace, self.target)
        known.last = paths.found[0]
        if len(set(taken)) > 1:
            return None
        return batch.from_matrix(outputs, taken[0], shape, gradients, listed)

    def traced(self, *arguments: Any) -> FunctionPath:
        """The latest path that was traced of such arguments, or else the one that they take, without running it."""
        shape, numbers = flat(arguments, self.__name__, self._takes_arrays)
        known = self._known.now()
        trace = partial(self._traced, known, shape, numbers)
        return known.of(shape, self.__name__).run(lambda path: path, trace)

    @property
    def program(self) -> Rolled:
        """The program of the latest call's value, rolled; its `.flat` is the flat one. Raises ValueError before."""
        return rolled(self._latest().value)

    @property
    def gradient_program(self) -> Rolled:
        """The program of the latest call's value and derivatives, rolled. Raises ValueError before any call."""
        return rolled(self._latest().gradient)

    def source(self, backend: str = "python", gradient: bool = False, dtype: str = "") -> str:
        """The latest call's program in a back end's language, or with `gradient` its derivatives; C's is of `dtype`."""
        found = named(checked_choice("back end for source", backend, BACKENDS))
        program = self._latest().gradient if checked_switch("gradient", gradient) else self._latest().value
        return found.text_of(program, self, dtype)

    def latest_paths(self) -> list[FunctionPath]:
        """The paths that calls of the latest shapes took, the latest first. Raises ValueError before any call."""
        latest = self._latest()
        known = self._known.latest
        return [latest, *(path for path in known.of(latest.taken, "").found if path is not latest)] if known else []

    def __reduce__(self) -> tuple[Any, ...]:
        return Function, (self.function, self.target)  # a copy compiles for itself

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in NOT_SHOWN]  # so that dir() shows what is a user's

    def __repr__(self) -> str:
        paths = sum(map(len, self._known.latest.paths.values())) if self._known.latest else 0
        return f"<compiled {self.__name__}: {paths} program{'s' * (paths != 1)}, back end {self.backend}>"

    def _latest(self) -> FunctionPath:
        if self._known.latest is None or self._known.latest.last is None:
            raise ValueError(f"{self.__name__} has no program yet: it is traced at its first call, so call it once")
        return self._known.latest.last

    def run(self, shape: Shape, numbers: Sequence[float], gradients: bool) -> tuple[FunctionPath, Sequence[float]]:
        """The path that fits, which is traced where there is none, and its outputs."""
        known = self._known.now()
        latest = known.last
        if latest is not None and (latest.taken is shape or latest.taken == shape):
            try:  # the short way for call after call of one kind
                return latest, latest.run(numbers, gradients)
            except OffPath:
                pass
        found: tuple[FunctionPath, Sequence[float]] = known.of(shape, self.__name__).run(
            lambda path: (path, path.run(numbers, gradients)), lambda: self._traced(known, shape, numbers)
        )
        known.last = found[0]
        return found

    @uncollected
    def _traced(self, known: Programs, shape: Shape, numbers: Sequence[float]) -> FunctionPath:
        check_count(self.function, len(shape), self.__name__)
        tracer = Tracer(self.__name__)
        tracer.floats = self.of_data and not has_arrays(shape)
        plain = numbers.tolist() if hasattr(numbers, "tolist") else numbers
        pairs = zip(plain, argument_names(self.function, shape), strict=True)
        traced = [tracer.input(number, name, self.of_data) for number, name in pairs]
        with traced_in(tracer, known.world):
            result = self.function(*shaped(shape, iter(traced)))
        for leaf in leaves(result):
            if not isinstance(leaf, Traced | Value) and as_float(leaf) is None:
                raise TypeError(f"{self.__name__} must return a number or nested lists of numbers, but got {leaf!r}")
        return FunctionPath(tracer, result, self.target, shape)


def compile(
    function: Callable[..., Any],
    *,
    backend: str = "auto",
    dtype: str = "float64",
    exact: bool = False,
    namespace: Any = None,
) -> Function:
    """A plain function of numbers as straight-line code, with its derivatives.

    f = compile(function) is called like the function: f(x, y) is its value, f.grad(x, y) its derivatives
    [df/dx, df/dy], f.value_and_grad(x, y) both, f.batch(rows, gradients=False) one of them for many rows, f.flat(x, y)
    the function of one vector with its matrices of derivatives, for SciPy. Arguments and results are numbers, nested
    lists of numbers, or NumPy's arrays, which are arrays (of objects) inside the function, too; the derivatives for an
    array are an array. `print(f.program)` and `print(f.source())` show what runs.

    The function is traced at its first call, and again where the shape of an argument differs, a list comes in place of
    an array, or a branch goes the other way: a comparison with a number, or by < and its like of two values. Values
    that it captures, such as a model's weights, are read at every call; gradients go to the arguments alone. Called
    with Values, f records as the plain function does.

    What else the function reads is watched: captured variables, globals, defaults, attributes of objects, classes and
    modules, lists, tuples, dicts, sets and arrays, the wiring of a model, and the `.data` of a captured Value where it
    is read as a plain number; so is what the functions read that it calls, as far as they are yours. Where any of it
    has changed, the next call traces anew, or takes what was traced when all was as it is now (the latest eight are
    kept). An error at the call, after which all is as it was, says where the function cannot be a program: where it
    draws random numbers (of `random`, a random.Random, NumPy or PyTorch), asks a clock or an iterator, changes one of
    the things above itself, such as a counter, or keeps a traced value.

    Not seen are files, the network, other processes, os.getenv(), names looked up in `globals()`, modules looked up in
    `sys.modules` or by `__import__`, and what stands in extension modules and in the objects and the code of the
    standard library and of installed packages. `type(t)` of a number of a row is not float here; isinstance is right.

    `backend` is one of

    - "python": generated Python, equal to the engine in bits (but for the sign of a derivative that is 0), with nothing
      to install;
    - "array": the loops rolled back into operations on whole arrays, all rows of a batch at once, equal within
      rounding; in NumPy, or by `namespace=jax.numpy` in JAX (extra `fast`, or JAX itself);
    - "llvm": machine code, a row of the batch in each lane of a vector; `exact` keeps every product and sum rounded by
      itself, so that arithmetic is equal in bits (extra `fast`);
    - "auto": Python for calls, and LLVM for those of a thousand operations or more that are made of loops; for batches
      arrays from 32 rows on and LLVM from 4,096, where they are installed and `exact` does not ask for the engine's
      bits.

    f.backend says which one short calls run on. `dtype` is "float64" or, but in Python, "float32", in which a larger
    number is a ValueError. Threads may share a compiled function; a copy, or one that was pickled, compiles for itself.

    Raises TypeError where something cannot be traced (.data, float(), range(), truth or text of an argument), also if
    the function catches it; ValueError for an unknown back end, and at a call RuntimeError past 16 paths through the
    branches.

    >>> f = compile(lambda x, y: x * y + x**2)
    >>> f(3.0, 2.0), f.grad(3.0, 2.0)
    (15.0, [8.0, 3.0])
    """
    return Function(checked_function("compile()", function, "of numbers"), chosen(backend, dtype, exact, namespace))
